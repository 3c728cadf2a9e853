"""The server over real sockets: one answer to each, whatever comes, and nobody is held up by another one."""

import logging
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path

import pytest
from attrs import define, evolve, field

from tests.wire.certificates import Authority
from wire.http.exchange import Limits, Request, Response
from wire.http.server import GIVE_WAY_S, HttpServer, listen

WAIT_S = 20.0
LIMITS = Limits(4, 5.0, 5.0, 5.0, ("GET", "HEAD", "POST"), 1000)
GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


def echo(request: Request) -> Response:
    return Response(HTTPStatus.OK, request.body or request.path.encode())


@define
class Served:
    """A server in a thread, and what it reports."""

    server: HttpServer
    reported: list[str]
    context: ssl.SSLContext | None = field(default=None)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.server.address, WAIT_S)

    def tls(self) -> socket.socket:
        assert self.context
        return self.context.wrap_socket(self.connect(), server_hostname="127.0.0.1")

    def ask(self, raw: bytes) -> bytes:
        with self.connect() as wire:
            wire.sendall(raw)
            return rest(wire)

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def until_free(self) -> None:
        """Until no connection is left."""
        self.until(lambda: all(one.name != "http" for one in threading.enumerate()))


def rest(wire: socket.socket) -> bytes:
    answer = bytearray()
    while part := wire.recv(65_536):
        answer += part
    return bytes(answer)


@contextmanager
def serving(
    answer: Callable[[Request], Response] = echo,
    limits: Limits = LIMITS,
    context: ssl.SSLContext | None = None,
    trust: ssl.SSLContext | None = None,
) -> Iterator[Served]:
    reported: list[str] = []
    server = listen("127.0.0.1", 0, answer, limits, report=reported.append, context=context)
    thread = threading.Thread(target=server.serve)
    thread.start()
    served = Served(server, reported, trust)
    try:
        yield served
    finally:
        server.close()
        thread.join(WAIT_S)
        assert not thread.is_alive()
        served.until_free()


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as one:
        yield one


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Served]:
    authority = Authority(tmp_path)
    own, client = authority.server(), authority.client("gw-7")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate, own.key)
    context.load_verify_locations(own.ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    trust = ssl.create_default_context(cafile=str(own.ca))
    trust.load_cert_chain(client.certificate, client.key)

    def answer(request: Request) -> Response:
        return Response(HTTPStatus.OK, request.certificate or b"nobody")

    with serving(answer, evolve(LIMITS, request_s=1.0, idle_s=1.0), context, trust) as one:
        yield one


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (GET, 200),
        (b"POST /x HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\nhi", 200),
        (GET + GET + b"POST / HTTP/1.1\r\n\r\n", 200),
        (
            b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            411,
        ),
        (b"GET / HTTP/1.1\r\nHost: here\r\nA: b\r\n c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: here\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: here\r\nA: \0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: here\r\nA: " + b"x" * 500_000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 900000\r\n\r\n" + b"x" * 900_000, 413),
        (b"GET http://here/ HTTP/1.1\r\nHost: here\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), 400),
        (b"BREW /pot HTTP/1.1\r\nHost: here\r\n\r\n", 405),
    ],
)
def test_whatever_comes_has_one_answer_which_arrives_whole(served: Served, raw: bytes, status: int) -> None:
    answer = served.ask(raw)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert answer.count(b"Connection: close") == 1
    head, _, body = answer.partition(b"\r\n\r\n")
    assert f"\r\nContent-Length: {len(body)}\r\n".encode() in head + b"\r\n"


def test_who_closes_one_side_is_still_answered(served: Served) -> None:
    for raw, status in ((GET, b"200"), (GET[:20], b"400"), (b"GET /\r\n", b"400")):
        with served.connect() as wire:
            wire.sendall(raw)
            wire.shutdown(socket.SHUT_WR)
            assert rest(wire).split()[1] == status


def test_who_sends_nothing_gets_nothing_and_who_dribbles_gets_a_408() -> None:
    with serving(limits=evolve(LIMITS, request_s=0.4, idle_s=0.2)) as served:
        with served.connect() as idle, served.connect() as stopped, served.connect() as slow:
            stopped.sendall(GET[:-2])
            for letter in GET[:-1]:
                try:
                    slow.sendall(bytes([letter]))
                except OSError:
                    break
                time.sleep(0.05)
            assert rest(idle) == b""
            assert rest(stopped).startswith(b"HTTP/1.1 408 ")
            assert rest(slow).startswith(b"HTTP/1.1 408 ")
        served.until(lambda: served.reported == ["127.0.0.1: timed out"])
        served.until_free()
        assert served.ask(GET).startswith(b"HTTP/1.1 200 ")


def test_who_does_not_take_the_answer_loses_it_and_the_place() -> None:
    large = Response(HTTPStatus.OK, bytes(50 << 20))
    with serving(lambda _: large, evolve(LIMITS, answer_s=0.3)) as served, ExitStack() as stack:
        for _ in range(LIMITS.connections_max):
            wire = stack.enter_context(served.connect())
            wire.sendall(GET)
        served.until(lambda: len(served.reported) == LIMITS.connections_max)
        served.until_free()


def test_one_more_than_there_is_room_for_is_closed_and_a_later_one_served(served: Served) -> None:
    with ExitStack() as stack:
        crowd = [stack.enter_context(served.connect()) for _ in range(LIMITS.connections_max)]
        for wire in crowd:
            wire.sendall(b"GET ")
        assert served.ask(b"") == b""
    served.until_free()
    assert served.ask(GET).startswith(b"HTTP/1.1 200 ")


def test_what_an_answer_raises_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    def fail(request: Request) -> Response:
        raise ValueError(request.path)

    with caplog.at_level(logging.CRITICAL), serving(fail) as served:
        answer = served.ask(GET)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"ValueError" not in answer
    assert b"Traceback" not in answer


def test_stalled_handshakes_keep_nobody_waiting(secure: Served) -> None:
    with ExitStack() as stack:
        for _ in range(LIMITS.connections_max - 1):
            stack.enter_context(secure.connect()).sendall(b"\x16\x03\x01")
        begin_s = time.monotonic()
        with secure.tls() as wire:
            wire.sendall(GET)
            assert rest(wire).startswith(b"HTTP/1.1 200 ")
        assert time.monotonic() - begin_s < 1.0, "sooner than a handshake is given up"
    secure.until(lambda: len(secure.reported) == LIMITS.connections_max - 1)


def test_an_answer_is_handed_the_certificate_that_was_shown_and_only_a_good_one(
    secure: Served, tmp_path: Path
) -> None:
    with secure.tls() as wire:
        wire.sendall(GET)
        assert b"gw-7" in rest(wire)
    stranger = Authority(tmp_path / "other").client("gw-7")
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    with context.wrap_socket(secure.connect(), server_hostname="127.0.0.1") as wire:
        wire.sendall(GET)
        assert rest(wire).endswith(b"nobody")
    context.load_cert_chain(stranger.certificate, stranger.key)
    with context.wrap_socket(secure.connect(), server_hostname="127.0.0.1") as wire:
        with suppress(OSError):
            wire.sendall(GET)
        with pytest.raises(OSError, match=r"alert|reset"):
            rest(wire)
    secure.until(lambda: any("certificate" in line for line in secure.reported))


def test_plain_text_at_a_door_of_tls_is_let_go_in_order(secure: Served) -> None:
    assert b"HTTP/1.1" not in secure.ask(GET)
    secure.until(lambda: len(secure.reported) == 1)


def test_curl_and_openssl_are_answered(served: Served, secure: Served, tmp_path: Path) -> None:
    curl = ["curl", "-sS", "-i", "--max-time", "10"]
    url = f"http://127.0.0.1:{served.server.address[1]}/x?y"
    done = subprocess.run([*curl, url], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("HTTP/1.1 200 OK\n")
    assert done.stdout.endswith("\n/x")
    asks = [*curl, "--data-binary", "hi", "-H", "Expect: 100-continue", url]  # which it waits a second for
    done = subprocess.run(asks, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("HTTP/1.1 200")
    assert done.stdout.endswith("\nhi")
    done = subprocess.run(
        [*curl, "-X", "DELETE", "--path-as-is", url], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("HTTP/1.1 405 ")
    port = secure.server.address[1]
    client = [
        "openssl",
        "s_client",
        "-quiet",
        "-connect",
        f"127.0.0.1:{port}",
        "-CAfile",
        str(tmp_path / "ca.pem"),
    ]
    shown = subprocess.run(client, input=GET, capture_output=True, check=False, timeout=WAIT_S)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.endswith(b"nobody")


def test_an_address_of_ipv6_is_listened_on() -> None:
    server = listen("::1", 0, echo, LIMITS)
    assert server.address[0] == "::1"
    server.close()
    server.serve()


def test_who_only_holds_a_place_gives_way_to_who_wants_something() -> None:
    with serving(limits=evolve(LIMITS, request_s=60.0, idle_s=60.0)) as served, ExitStack() as stack:
        for _ in range(LIMITS.connections_max):
            stack.enter_context(served.connect())
        served.until(lambda: len(served.server._asking) == LIMITS.connections_max)
        for wire in served.server._asking:
            served.server._asking[wire] -= GIVE_WAY_S
        assert served.ask(GET).endswith(b"/")
