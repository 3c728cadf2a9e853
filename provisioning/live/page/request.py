"""The little of HTTP that a read-only page needs: a request's head in, a request or a refusal out.

Pure. GET and HEAD of HTTP/1.0 and 1.1, one request a connection, no body, at most HEAD_BYTES_MAX and
HEADERS_MAX; everything else is refused with the status that fits. A request names its host as an address,
as localhost, or by a name that was allowed: a page of a stranger that has its own name point here (DNS
rebinding) is refused.
"""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from attrs import field, frozen

HEAD_BYTES_MAX: Final = 8 * 1024
"""Of a request: what browsers send has 1 kB."""
TARGET_MAX: Final = 1024
HEADERS_MAX: Final = 64
METHODS: Final = ("GET", "HEAD")
END: Final = b"\r\n\r\n"

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_TARGET: Final = re.compile(r"/[!-~]*")
_VERSION: Final = re.compile(r"HTTP/1\.[01]")
_VALUE: Final = re.compile(r"[\t -~\x80-\xff]*")
_HOST: Final = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,255})(:[0-9]{1,5})?")


class RefusedError(Exception):
    """The request is not answered with a page; `status` says how it is refused."""

    def __init__(self, status: HTTPStatus, words: str) -> None:
        super().__init__(words)
        self.status = status


@frozen
class Request:
    """A request that may be answered; names of headers are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


@frozen
class Response:
    """An answer; `headers` beside those that every answer has."""

    status: HTTPStatus
    body: bytes
    kind: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(factory=dict)

    def to_bytes(self, *, with_body: bool = True) -> bytes:
        """As it is sent; the connection ends behind it."""
        lines = [f"HTTP/1.1 {self.status.value} {self.status.phrase}", *_SAFE]
        lines += [f"Content-Type: {self.kind}", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (self.body if with_body else b"")


_SAFE: Final = (
    "Connection: close",
    "Cache-Control: no-store",
    "X-Content-Type-Options: nosniff",
    "X-Frame-Options: DENY",
    "Referrer-Policy: no-referrer",
    "Cross-Origin-Opener-Policy: same-origin",
    "Cross-Origin-Resource-Policy: same-origin",
)


def refusal(error: RefusedError) -> Response:
    """What whoever sent it is told."""
    headers = {"Allow": ", ".join(METHODS)} if error.status is HTTPStatus.METHOD_NOT_ALLOWED else {}
    return Response(error.status, f"{error}\n".encode(), headers=headers)


def parse_head(raw: bytes, names: Iterable[str] = ()) -> Request:
    """The request whose head is `raw`, with the empty line at its end.

    Args:
        raw: What came, up to END.
        names: Hosts that may be asked for beside addresses and localhost.

    Raises:
        RefusedError: It is none, or none that is answered.
    """
    if len(raw) > HEAD_BYTES_MAX:
        raise RefusedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request is too long")
    first, *rest = raw.removesuffix(END).decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not _TOKEN.fullmatch(parts[0]) or not _VERSION.fullmatch(parts[2]):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "this is no HTTP/1.1 request")
    method, target, _ = parts
    if len(target) > TARGET_MAX:
        raise RefusedError(HTTPStatus.REQUEST_URI_TOO_LONG, "the address is too long")
    if method not in METHODS:
        raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "this page can only be read")
    headers = _headers(rest)
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a request here has no body")
    if not _TARGET.fullmatch(target):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the address is not one of this server")
    if not is_own_host(headers.get("host", ""), names):
        raise RefusedError(HTTPStatus.MISDIRECTED_REQUEST, "this gateway has another name: use its address")
    return _request(method, target, headers)


def _request(method: str, target: str, headers: dict[str, str]) -> Request:
    split = urlsplit(f"http://gateway{target}")
    query = dict(parse_qsl(split.query, max_num_fields=len(METHODS) * HEADERS_MAX))
    return Request(method, split.path, query, headers)


def _headers(lines: list[str]) -> dict[str, str]:
    if len(lines) > HEADERS_MAX:
        raise RefusedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request has too many headers")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value) or name.lower() in headers:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "a header is wrong, or there twice")
        headers[name.lower()] = value.strip(" \t")
    return headers


def is_own_host(host: str, names: Iterable[str] = ()) -> bool:
    """Whether a Host header can only mean this gateway: an address can belong to nobody else's page."""
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match["name"].lower()
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return name == "localhost" or name in {one.lower() for one in names}
    return True


def takes_gzip(request: Request) -> bool:
    """Whether the answer may be packed; who weighs its ways of packing gets it plain."""
    return "gzip" in {one.strip() for one in request.headers.get("accept-encoding", "").split(",")}


def wants_chinese(request: Request, default: bool) -> bool:
    """By `?lang=`, else by what the browser prefers, else `default`."""
    asked = request.query.get("lang", "")
    if asked in {"zh", "en"}:
        return asked == "zh"
    accepted = request.headers.get("accept-language", "").lower().split(",")
    first = accepted[0].strip()
    return first.startswith("zh") if first[:2] in {"zh", "en"} else default
