"""One request and its answer: bytes in, bytes out. The only user of h11.

h11 checks the grammar; this module also refuses what h11 accepts but two readers could interpret differently.
Each refusal is one 4xx with a fixed sentence that repeats nothing from the request:

    400   a line end that is not CR LF, a folded header, a control character, a header that is there twice,
          a version that is neither 1.0 nor 1.1, a target that is not a path of this server
    405   a method that is not in `Limits.methods`
    411   a body without a length in advance, in chunks (Transfer-Encoding, with or without Content-Length)
    413   a body of more than `Limits.body_bytes_max`
    414   a target of more than TARGET_BYTES_MAX
    431   a head of more than HEAD_BYTES_MAX, or of more than HEADERS_MAX headers

One request a connection: both clients, a browser on a page that is fetched every ten seconds and a gateway
that enrols once, lose nothing by it, and anything sent after the first request is never read.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import h11
from attrs import define, field, frozen

HEAD_BYTES_MAX: Final = 8 * 1024
"""The largest head of a request; browsers send 1 kB."""
HEADERS_MAX: Final = 64
TARGET_BYTES_MAX: Final = 1024
QUERY_FIELDS_MAX: Final = 64
_END: Final = b"\r\n\r\n"
_ODD: Final = re.compile(rb"[^\t\r\n -~\x80-\xff]|\r(?!\n|\Z)|(?<!\r)\n|\n[ \t]")
"""Refused in a head: bytes that are not text, half a line end, a folded line."""
_SAFE: Final = (
    ("Connection", "close"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
"""Sent with every answer: forbids caching, guessing the type, framing, and reading from another page."""


class RefusedError(Exception):
    """The request is refused with `status`; the sender's fault."""

    def __init__(self, sentence: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(sentence)
        self.status = status


@frozen
class Limits:
    """A server's limits; the reason for each number is given where it is chosen.

    Attributes:
        connections_max: Simultaneous connections; a further one is closed.
        request_s: From the connection, handshake included, to the end of the request.
        idle_s: The longest silence within that time.
        answer_s: Time for the client to take the answer.
        methods: Others are refused.
        body_bytes_max: 0 where no request has a body.
    """

    connections_max: int
    request_s: float
    idle_s: float
    answer_s: float
    methods: tuple[str, ...] = ("GET", "HEAD")
    body_bytes_max: int = 0


@frozen
class Request:
    """A whole request.

    Attributes:
        path: Without the query, not decoded.
        headers: Names in lower case, each once.
        peer: The client's address.
        ends: Address and port of the client, and of this end; empty where they are not known.
        certificate: The client's, verified, as DER; None without one.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    peer: str = ""
    ends: tuple[tuple[str, int], ...] = ()
    certificate: bytes | None = None


@frozen
class Response:
    """An answer; `headers` are in addition to those of every answer."""

    status: HTTPStatus
    body: bytes
    kind: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(factory=dict)


@define
class Exchange:
    """One connection's request and answer; `receive` until there is a request, then `respond`, then close."""

    limits: Limits
    _head: bytearray = field(factory=bytearray, init=False)
    _body: bytearray = field(factory=bytearray, init=False)
    _request: h11.Request | None = field(default=None, init=False)
    _h11: h11.Connection = field(
        factory=lambda: h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES_MAX), init=False
    )

    def receive(self, data: bytes) -> Request | None:
        """Take received bytes, b"" at the end of the stream; the request once it is complete.

        Raises:
            RefusedError: The request is refused.
        """
        try:
            if self._request is None:
                self._receive_head(data)
            else:
                self._h11.receive_data(data)
            return self._read_events()
        except h11.RemoteProtocolError as error:
            hint = error.error_status_hint
            status = HTTPStatus(hint) if 400 <= hint < 500 else HTTPStatus.BAD_REQUEST
            raise RefusedError("this is no HTTP/1.1 request", status) from error

    def respond(self, response: Response) -> bytes:
        """The answer as bytes; nothing is sent after it."""
        length = ("Content-Length", str(len(response.body)))
        headers = [*_SAFE, ("Content-Type", response.kind), length, *response.headers.items()]
        status = response.status
        head = h11.Response(status_code=status.value, reason=status.phrase, headers=headers)
        with_body = self._request is None or self._request.method != b"HEAD"
        body = h11.Data(data=response.body if with_body else b"")
        return b"".join(self._h11.send(part) or b"" for part in (head, body, h11.EndOfMessage()))

    def refuse(self, error: RefusedError) -> bytes:
        """The answer to a request that is refused."""
        is_method = error.status is HTTPStatus.METHOD_NOT_ALLOWED
        allowed = {"Allow": ", ".join(self.limits.methods)} if is_method else {}
        return self.respond(Response(error.status, f"{error}\n".encode(), headers=allowed))

    def _receive_head(self, data: bytes) -> None:
        """Nothing reaches h11 before the head is whole, clean and short enough."""
        # A head that comes byte by byte is not read again each time.
        seen = max(len(self._head) - len(_END), 0)
        self._head += data
        end = self._head.find(_END, seen)
        length = len(self._head) if end < 0 else end + len(_END)
        if _ODD.search(self._head, seen, length):
            raise RefusedError("a line of the request is wrong")
        if length > HEAD_BYTES_MAX:
            raise RefusedError("the request is too long", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if end >= 0 or not data:
            self._h11.receive_data(bytes(self._head))
        if not data:
            self._h11.receive_data(b"")

    def _read_events(self) -> Request | None:
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.Request):
                self._request = event
                self._check(event)
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return self._to_request()
            elif isinstance(event, h11.ConnectionClosed):
                raise RefusedError("this is no whole request")
            else:  # h11.NEED_DATA
                return None

    def _check(self, head: h11.Request) -> None:
        headers = dict(head.headers)
        if head.http_version not in {b"1.0", b"1.1"}:
            raise RefusedError("this is no HTTP/1.1 request")
        if len(head.target) > TARGET_BYTES_MAX:
            raise RefusedError("the address is too long", HTTPStatus.REQUEST_URI_TOO_LONG)
        if head.method.decode("ascii") not in self.limits.methods:
            raise RefusedError("this is not done here", HTTPStatus.METHOD_NOT_ALLOWED)
        if len(head.headers) > HEADERS_MAX:
            raise RefusedError("there are too many headers", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if len(headers) < len(head.headers):
            raise RefusedError("a header is there twice")
        self._check_body(headers)
        if not head.target.startswith(b"/"):
            raise RefusedError("the address is not one of this server")

    def _check_body(self, headers: Mapping[bytes, bytes]) -> None:
        bytes_max, chunked = self.limits.body_bytes_max, b"transfer-encoding" in headers
        if int(headers.get(b"content-length", b"0")) > bytes_max or (chunked and not bytes_max):
            sentence = f"a body has at most {bytes_max} bytes" if bytes_max else "a request here has no body"
            raise RefusedError(sentence, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if chunked:
            raise RefusedError("a body tells its Content-Length", HTTPStatus.LENGTH_REQUIRED)

    def _to_request(self) -> Request:
        assert self._request is not None
        try:
            split = urlsplit(f"http://here{self._request.target.decode('latin-1')}")
            query = dict(parse_qsl(split.query, max_num_fields=QUERY_FIELDS_MAX))
        except ValueError as error:
            raise RefusedError("the address is not one of this server") from error
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in self._request.headers}
        return Request(self._request.method.decode("ascii"), split.path, query, headers, bytes(self._body))
