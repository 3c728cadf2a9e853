"""Who sees a page without a password: who may read the status socket, or has the token."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import pytest

from provisioning.live.page.gate import COOKIE, Token
from provisioning.live.page.neighbour import find_user, may_read_status
from provisioning.live.page.server import Server
from wire.http.exchange import Exchange, Limits, RefusedError, Request

NOBODY = 65534


def build(*, chinese: bool) -> bytes:
    return b"zh" if chinese else b"en"


@pytest.fixture(params=["127.0.0.1", "::1"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    try:
        listener = socket.create_server((request.param, 0), family=family)
    except OSError:
        pytest.skip("this machine has no such loopback address")
    client = socket.create_connection(listener.getsockname()[:2])
    server, _ = listener.accept()
    yield client, server
    for one in (client, server, listener):
        one.close()


def test_the_user_of_a_connection_is_found(pair: tuple[socket.socket, socket.socket]) -> None:
    client, server = pair
    here, peer = server.getsockname()[:2], server.getpeername()[:2]
    assert peer == client.getsockname()[:2]
    assert find_user(peer, here) == os.geteuid()
    assert find_user((peer[0], peer[1]), (here[0], 1)) is None


def test_a_user_may_see_what_the_socket_lets_him_ask(tmp_path: Path) -> None:
    path = tmp_path / "status.sock"
    assert may_read_status(os.geteuid(), path)
    assert not may_read_status(NOBODY, path)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))
        path.chmod(0o600)
        assert not may_read_status(NOBODY, path)
        assert may_read_status(0, path)
        if os.geteuid() == 0:
            os.chown(path, NOBODY, -1)
            assert may_read_status(NOBODY, path)


def answered(server: Server, **changes: object) -> tuple[HTTPStatus, str]:
    got = server.answer(Request(**{
        "method": "GET", "path": "/", "query": {}, "headers": {"host": "127.0.0.1:8460"}, **changes,
    }))  # type: ignore[arg-type]  # fmt: skip
    return got.status, got.headers.get("Set-Cookie", "")


def test_a_client_with_neither_right_nor_token_is_refused_and_one_with_the_token_keeps_it() -> None:
    token = Token()
    server = Server(build, "policy", token=token)
    assert answered(server)[0] is HTTPStatus.FORBIDDEN
    assert answered(server, query={"token": token.text[:-1]})[0] is HTTPStatus.FORBIDDEN
    assert answered(server, query={"token": "\u0663\udc80".encode("utf-8", "replace").decode()})[0] == 403
    status, cookie = answered(server, query={"token": token.text})
    assert status is HTTPStatus.OK
    assert cookie.startswith(f"{COOKIE}={token.text};")
    assert "HttpOnly" in cookie
    host = {"host": "127.0.0.1:8460"}
    for cookies in (f"{COOKIE}={token.text}", f"a=b; {COOKIE}={token.text}; c=d"):
        assert answered(server, headers={**host, "cookie": cookies})[0] is HTTPStatus.OK
    for cookies in (f"x{COOKIE}={token.text}", f"{COOKIE}={token.text}x", f"{COOKIE}=", "\xff"):
        assert answered(server, headers={**host, "cookie": cookies})[0] is HTTPStatus.FORBIDDEN


def test_who_may_read_the_socket_needs_no_token(pair: tuple[socket.socket, socket.socket]) -> None:
    ends = (pair[1].getpeername()[:2], pair[1].getsockname()[:2])
    for may, status in ((True, HTTPStatus.OK), (False, HTTPStatus.FORBIDDEN)):
        page = Server(build, "policy", token=Token(), may_see=lambda _, may=may: may)
        assert answered(page, ends=ends)[0] is status


@pytest.mark.parametrize(
    "target",
    [b"/?" + b"&" * 900, b"/?" + b"a=1&" * 200, b"/?%ff%00", b"//[x", b"/?lang=zh&lang=en", b"/?=&=&;"],
)
def test_no_query_is_more_than_a_refusal_or_a_page(target: bytes) -> None:
    exchange = Exchange(Limits(1, 1.0, 1.0, 1.0))
    with suppress(RefusedError):
        assert exchange.receive(b"GET " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") is not None
