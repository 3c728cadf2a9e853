"""What is a request that this server answers, and how every other one is refused."""

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.live.page.request import (
    HEAD_BYTES_MAX,
    HEADERS_MAX,
    RefusedError,
    Response,
    is_own_host,
    parse_head,
    refusal,
    wants_chinese,
)

HOST = "Host: 127.0.0.1:8460"


def head(first: str = "GET / HTTP/1.1", *headers: str, host: str = HOST) -> bytes:
    return "\r\n".join([first, *([host] if host else []), *headers, "", ""]).encode("latin-1")


def test_a_get_of_a_browser_is_a_request() -> None:
    request = parse_head(
        head("GET /?lang=zh&x=1 HTTP/1.1", "Accept-Language: en-GB,en;q=0.9", "X-Odd:  a b\t")
    )
    assert (request.method, request.path, dict(request.query)) == ("GET", "/", {"lang": "zh", "x": "1"})
    assert request.headers["accept-language"] == "en-GB,en;q=0.9"
    assert request.headers["x-odd"] == "a b"
    assert parse_head(head("HEAD / HTTP/1.0")).method == "HEAD"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"\r\n\r\n", 400),
        (head("GET /"), 400),
        (head("GET / HTTP/2.0"), 400),
        (head("GET  / HTTP/1.1"), 400),
        (head("GET / HTTP/1.1 "), 400),
        (head("G(T / HTTP/1.1"), 400),
        (head("GET http://127.0.0.1/ HTTP/1.1"), 400),
        (head("GET x HTTP/1.1"), 400),
        (head("GET /\xe9 HTTP/1.1"), 400),
        (head("GET /\tx HTTP/1.1"), 400),
        (head(f"GET /{'x' * 2000} HTTP/1.1"), 414),
        (head("POST / HTTP/1.1"), 405),
        (head("OPTIONS * HTTP/1.1"), 405),
        (head("PUT / HTTP/1.1", "Content-Length: 4"), 405),
        (head("CONNECT 127.0.0.1:22 HTTP/1.1"), 405),
        (head("GET / HTTP/1.1", "Content-Length: 4"), 413),
        (head("GET / HTTP/1.1", "Content-Length: 0, 4"), 413),
        (head("GET / HTTP/1.1", "Transfer-Encoding: chunked"), 413),
        (head("GET / HTTP/1.1", "Broken"), 400),
        (head("GET / HTTP/1.1", " folded: x"), 400),
        (head("GET / HTTP/1.1", "A: b\x00c"), 400),
        (head("GET / HTTP/1.1", "A: b\nC: d"), 400),
        (head("GET / HTTP/1.1", HOST), 400),
        (head("GET / HTTP/1.1", *(f"H{n}: x" for n in range(HEADERS_MAX))), 431),
        (head("GET / HTTP/1.1", "A: " + "x" * HEAD_BYTES_MAX), 431),
        (head(host=""), 421),
        (head(host="Host: "), 421),
        (head(host="Host: evil.example"), 421),
        (head(host="Host: 127.0.0.1.evil.example:8460"), 421),
        (head(host="Host: localhost.evil.example"), 421),
        (head(host="Host: 127.0.0.1@evil.example"), 421),
        (head(host="Host: 2130706433"), 421),
        (head(host="Host: 127.1"), 421),
        (head(host="Host: [::1"), 421),
    ],
)
def test_every_other_request_is_refused_with_the_status_that_fits(raw: bytes, status: int) -> None:
    with pytest.raises(RefusedError) as told:
        parse_head(raw)
    assert told.value.status == status
    assert str(told.value)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8460",
        "192.168.8.1:9999",
        "[::1]:8460",
        "[fe80::1]",
        "localhost",
        "LocalHost:1",
        "gw-7.lan",
    ],
)
def test_a_host_is_an_address_or_a_name_that_was_allowed(host: str) -> None:
    assert is_own_host(host, ["GW-7.lan"])
    assert is_own_host(host) is (host != "gw-7.lan")


@given(st.binary(max_size=300))
def test_whatever_comes_is_a_request_or_a_refusal(raw: bytes) -> None:
    try:
        request = parse_head(raw + b"\r\n\r\n")
    except RefusedError as error:
        status = error.status
    else:
        assert request.method in {"GET", "HEAD"}
        assert request.path.startswith("/")
        return
    assert 400 <= status < 500


@given(st.sampled_from([b"GET", b"HEAD", b"POST"]), st.binary(max_size=40), st.binary(max_size=60))
def test_whatever_comes_between_good_parts_is_a_request_or_a_refusal(
    method: bytes, target: bytes, more: bytes
) -> None:
    raw = method + b" /" + target + b" HTTP/1.1\r\n" + HOST.encode() + b"\r\n" + more + b"\r\n\r\n"
    try:
        request = parse_head(raw)
    except RefusedError:
        return
    assert not any(ord(letter) < 32 for letter in request.path)
    assert all(name == name.lower() for name in request.headers)


@pytest.mark.parametrize(
    ("target", "accepted", "default", "chinese"),
    [
        ("/", "", True, True),
        ("/", "", False, False),
        ("/", "zh-CN,zh;q=0.9,en;q=0.8", False, True),
        ("/", "en-US,en;q=0.9,zh;q=0.8", True, False),
        ("/", "de-DE,de", True, True),
        ("/?lang=en", "zh-CN", True, False),
        ("/?lang=zh", "en", False, True),
        ("/?lang=<script>", "en", False, False),
    ],
)
def test_the_language_is_what_was_asked_for_else_what_the_browser_prefers(
    target: str, accepted: str, default: bool, chinese: bool
) -> None:
    request = parse_head(head(f"GET {target} HTTP/1.1", f"Accept-Language: {accepted}"))
    assert wants_chinese(request, default) is chinese


def test_an_answer_ends_the_connection_and_may_be_kept_by_nobody() -> None:
    raw = Response(HTTPStatus.OK, b"body", "text/html", {"X": "y"}).to_bytes()
    first, _, rest = raw.partition(b"\r\n")
    assert first == b"HTTP/1.1 200 OK"
    for line in (
        b"Connection: close",
        b"Cache-Control: no-store",
        b"Content-Length: 4",
        b"X: y",
        b"X-Frame-Options: DENY",
    ):
        assert line in rest
    assert rest.endswith(b"\r\n\r\nbody")
    assert Response(HTTPStatus.OK, b"body").to_bytes(with_body=False).endswith(b"\r\n\r\n")


def test_a_refused_method_is_told_which_ones_there_are() -> None:
    assert b"\r\nAllow: GET, HEAD\r\n" in refusal(RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "x")).to_bytes()
