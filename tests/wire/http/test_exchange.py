"""What is a request that the server answers, and how every other one is refused."""

from http import HTTPStatus
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.http.exchange import (
    HEAD_BYTES_MAX,
    HEADERS_MAX,
    Exchange,
    Limits,
    RefusedError,
    Request,
    Response,
)

HOST = "Host: 127.0.0.1:8460"
READ_ONLY = Limits(8, 1.0, 1.0, 1.0)
TAKES = Limits(8, 1.0, 1.0, 1.0, ("GET", "POST"), 100)


def head(first: str = "GET / HTTP/1.1", *headers: str, host: str = HOST) -> bytes:
    return "\r\n".join([first, *([host] if host else []), *headers, "", ""]).encode("latin-1")


def post(*headers: str, body: str = "") -> bytes:
    return head("POST / HTTP/1.1", *headers) + body.encode()


def read(raw: bytes, limits: Limits = READ_ONLY) -> Request:
    """The request of somebody who sends `raw` and then nothing more."""
    return _receive(Exchange(limits), raw)


def _receive_slowly(exchange: Exchange, raw: bytes) -> None:
    for at in range(len(raw) + 1):
        exchange.receive(raw[at : at + 1])


def _receive(exchange: Exchange, raw: bytes) -> Request:
    while (request := exchange.receive(raw)) is None:
        raw = b""
    return request


def refused(raw: bytes, limits: Limits = READ_ONLY) -> tuple[int, bytes]:
    """Status and the whole answer, the same for bytes that come one by one."""
    slow, exchange = Exchange(limits), Exchange(limits)
    with pytest.raises(RefusedError) as slowly:
        _receive_slowly(slow, raw)
    with pytest.raises(RefusedError) as told:
        _receive(exchange, raw)
    assert slowly.value.status == told.value.status
    return told.value.status, exchange.refuse(told.value)


def test_a_get_of_a_browser_is_a_request() -> None:
    request = read(head("GET /?lang=zh&x=1 HTTP/1.1", "Accept-Language: en-GB,en;q=0.9", "X-Odd:  a b\t"))
    assert (request.method, request.path, dict(request.query)) == ("GET", "/", {"lang": "zh", "x": "1"})
    assert request.headers["accept-language"] == "en-GB,en;q=0.9"
    assert request.headers["x-odd"] == "a b"
    assert read(head("HEAD / HTTP/1.0")).method == "HEAD"
    assert read(head("GET / HTTP/1.0", host="")).path == "/"


def test_a_post_is_a_request_with_its_body() -> None:
    assert read(post("Content-Length: 2", body="hi"), TAKES).body == b"hi"
    assert read(post("Content-Length: 2", body="hi and what is behind it"), TAKES).body == b"hi"
    assert read(post(), TAKES).body == b""


@pytest.mark.parametrize("limits", [READ_ONLY, TAKES], ids=["read only", "takes"])
@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"\r\n\r\n", 400),
        (b"\0\0\0\0", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),  # TLS
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET /\r\n", 400),  # HTTP/0.9
        (head("GET /"), 400),
        (head("GET / HTTP/2.0"), 400),
        (head("GET / HTTP/0.9"), 400),
        (head("GET / HTTP/1.2"), 400),
        (head("GET / http/1.1"), 400),
        (head("GET  / HTTP/1.1"), 400),
        (head("GET / HTTP/1.1 "), 400),
        (head(" GET / HTTP/1.1"), 400),
        (head("G(T / HTTP/1.1"), 400),
        (head("GET http://127.0.0.1/ HTTP/1.1"), 400),
        (head("GET x HTTP/1.1"), 400),
        (head("GET * HTTP/1.1"), 400),
        (head("GET /\xe9 HTTP/1.1"), 400),
        (head("GET /\tx HTTP/1.1"), 400),
        (head("GET /\0 HTTP/1.1"), 400),
        (head(f"GET /{'x' * 2000} HTTP/1.1"), 414),
        (head(f"GET /?{'a&' * 200} HTTP/1.1"), 400),
        (head("OPTIONS * HTTP/1.1"), 405),
        (head("PUT / HTTP/1.1", "Content-Length: 4"), 405),
        (head("CONNECT 127.0.0.1:22 HTTP/1.1"), 405),
        (head("TRACE / HTTP/1.1"), 405),
        (head("get / HTTP/1.1"), 405),
        (head("GET / HTTP/1.1", host=""), 400),
        (head("GET / HTTP/1.1", HOST), 400),
        (head("GET / HTTP/1.1", "A: b", "a: b"), 400),
        (head("GET / HTTP/1.1", "Content-Length: 400"), 413),
        (head("GET / HTTP/1.1", "Content-Length: 0, 4"), 400),
        (head("GET / HTTP/1.1", "Content-Length: 4", "Content-Length: 5"), 400),
        (head("GET / HTTP/1.1", "Content-Length: +4"), 400),
        (head("GET / HTTP/1.1", "Content-Length: -1"), 400),
        (head("GET / HTTP/1.1", "Content-Length: 0x4"), 400),
        (head("GET / HTTP/1.1", "Content-Length: \xb2"), 400),
        (head("GET / HTTP/1.1", f"Content-Length: {'9' * 5000}"), 400),
        (head("GET / HTTP/1.1", "Content-Length:"), 400),
        (head("GET / HTTP/1.1", "Transfer-Encoding: gzip, chunked"), 400),
        (head("GET / HTTP/1.1", "Transfer-Encoding: identity"), 400),
        (head("GET / HTTP/1.1", "Transfer-Encoding: \x0bchunked"), 400),
        (head("GET / HTTP/1.1", "Transfer-Encoding : chunked"), 400),
        (head("GET / HTTP/1.1", "Broken"), 400),
        (head("GET / HTTP/1.1", "Bad name: x"), 400),
        (head("GET / HTTP/1.1", ": x"), 400),
        (head("GET / HTTP/1.1", " folded: x"), 400),
        (head("GET / HTTP/1.1", "A: b", "\tfolded"), 400),
        (head("GET / HTTP/1.1", "A: b\x00c"), 400),
        (head("GET / HTTP/1.1", "A: b\x7fc"), 400),
        (head("GET / HTTP/1.1", "A: b\nC: d"), 400),
        (head("GET / HTTP/1.1", "A: b\rC: d"), 400),
        (head().replace(b"\r\n", b"\n"), 400),
        (head().replace(b"\r\n", b"\r"), 400),
        (head().replace(b"\r\n\r\n", b"\r\n\n"), 400),
        (head("GET / HTTP/1.1", *(f"H{n}: x" for n in range(HEADERS_MAX))), 431),
        (head("GET / HTTP/1.1", "A: " + "x" * HEAD_BYTES_MAX), 431),
        (b"x" * (HEAD_BYTES_MAX + 1), 431),
        (head()[:-2], 400),
        (head()[:5], 400),
    ],
)
def test_every_other_request_is_refused_with_the_status_that_fits(
    raw: bytes, status: int, limits: Limits
) -> None:
    found, answer = refused(raw, limits)
    assert found == status
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"\r\nConnection: close\r\n" in answer


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (post(), 405),
        (head("GET / HTTP/1.1", "Content-Length: 4"), 413),
        (head("GET / HTTP/1.1", "Transfer-Encoding: chunked"), 413),
        (head("GET / HTTP/1.1", "Content-Length: 4", "Transfer-Encoding: chunked"), 413),
    ],
)
def test_who_only_reads_sends_no_body(raw: bytes, status: int) -> None:
    assert refused(raw)[0] == status


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (head("HEAD / HTTP/1.1"), 405),
        (post("Content-Length: 101", body="x" * 101), 413),
        (post("Content-Length: 3", body="hi"), 400),
        (post("Transfer-Encoding: chunked", body="2\r\nhi\r\n0\r\n\r\n"), 411),
        (post("Content-Length: 2", "Transfer-Encoding: chunked", body="2\r\nhi\r\n0\r\n\r\n"), 411),
        (post("Transfer-Encoding: chunked", "Content-Length: 2", body="2\r\nhi\r\n0\r\n\r\n"), 411),
        (post("Transfer-Encoding: chunked", "Content-Length: 101", body="x"), 413),
    ],
)
def test_a_body_has_one_length_that_is_told_before_it_comes(raw: bytes, status: int) -> None:
    assert refused(raw, TAKES)[0] == status


def test_a_head_that_comes_byte_by_byte_is_the_same_request() -> None:
    exchange, raw = Exchange(TAKES), post("Content-Length: 2", body="hi")
    *before, last = [exchange.receive(raw[at : at + 1]) for at in range(len(raw))]
    assert before == [None] * (len(raw) - 1)
    assert last == read(raw, TAKES)


def test_nothing_that_came_is_sent_back() -> None:
    for raw in (
        head("GET /<script> HTTP/1.1", "A: <script>\0"),
        head("<script> / HTTP/1.1"),
        head("SCRIPT /SCRIPT HTTP/1.1", "SCRIPT: SCRIPT"),
        head("GET SCRIPT HTTP/1.1"),
        head("GET / HTTP/9.9", "SCRIPT"),
    ):
        assert b"script" not in refused(raw)[1].lower()


@given(st.binary(max_size=300))
def test_whatever_comes_is_a_request_or_a_refusal(raw: bytes) -> None:
    try:
        request = read(raw + b"\r\n\r\n")
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
        request = read(raw)
    except RefusedError:
        return
    assert not any(ord(letter) < 32 for letter in request.path)
    assert all(name == name.lower() for name in request.headers)


@given(
    st.lists(st.integers(0, 90), max_size=6), st.sampled_from([head(), post("Content-Length: 2", body="hi")])
)
def test_it_does_not_matter_in_which_pieces_it_comes(cuts: list[int], raw: bytes) -> None:
    exchange = Exchange(TAKES)
    places = sorted({0, len(raw), *(min(cut, len(raw)) for cut in cuts)})
    found = [exchange.receive(raw[at:end]) for at, end in pairwise(places)]
    assert [one for one in found if one is not None] == [read(raw, TAKES)]


def answered(response: Response, raw: bytes = head()) -> bytes:
    exchange = Exchange(READ_ONLY)
    assert exchange.receive(raw)
    return exchange.respond(response)


def test_an_answer_ends_the_connection_and_may_be_kept_by_nobody() -> None:
    raw = answered(Response(HTTPStatus.OK, b"body", "text/html", {"X": "y"}))
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
    head_only = answered(Response(HTTPStatus.OK, b"body"), head("HEAD / HTTP/1.1"))
    assert b"Content-Length: 4\r\n" in head_only
    assert head_only.endswith(b"\r\n\r\n")


def test_a_refused_method_is_told_which_ones_there_are() -> None:
    assert b"\r\nAllow: GET, HEAD\r\n" in refused(head("POST / HTTP/1.1"))[1]
