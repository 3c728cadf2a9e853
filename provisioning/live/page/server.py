"""The answers of the status page's server: the page, a request for the password, a declaration, or a refusal.

Sockets, time-outs and the grammar of requests are `wire.http`'s, with the limits below. Pages are built, and
passwords checked, one at a time, so that any number of clients costs one core at most and no more memory; a
page younger than FRESH_S is sent again. The agent's socket is read once per page; the agent is otherwise
not involved.

A request must name its host by an address, as localhost, or by an allowed name: a foreign page whose
own name points here (DNS rebinding) is refused.
"""

import gzip
import logging
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final, Protocol

from attrs import define, field

from provisioning.declaring.form import PATH
from provisioning.live.page.gate import QUERY, Gate, Token
from provisioning.live.page.neighbour import find_user
from wire.http.exchange import Limits, Request, Response
from wire.http.server import HttpServer, listen

LIMITS: Final = Limits(
    connections_max=32,  # a browser opens six; a few technicians at once
    request_s=20.0,  # a photograph over the radio of a workshop
    idle_s=5.0,
    answer_s=20.0,  # a page of 200 kB over a slow radio link
    methods=("GET", "HEAD", "POST"),
    body_bytes_max=2_100_000,  # a declaration with a photograph of 2 MB; 32 of them fit the unit's memory
)
FRESH_S: Final = 1.0
GZIP_LEVEL: Final = 3
"""The drawings of a day become a fifth in some milliseconds; a technician may come over a modem."""
TRIES_WAITING_MAX: Final = 4
"""Passwords that wait for their turn; a further client is told to retry."""
NO_TOKEN: Final = (
    b"this user may not read the status of the agent: open the address with its token, as dianjian web\n"
    b"logs it at its start\n"
    b"(of the service: sudo journalctl -u dianjian-page -n 5), or give the page a password\n"
)
NO_TLS: Final = (
    b"declarations carry passwords: give the page a certificate (dianjian web --make-certificate)\n"
)
REALM: Final = 'Basic realm="dianjian", charset="UTF-8"'
_HOST: Final = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,255})(:[0-9]{1,5})?")

LOG: Final = logging.getLogger("dianjian.page")


class Build(Protocol):
    """Makes the page, in Chinese or in English; may be slow."""

    def __call__(self, *, chinese: bool) -> bytes:
        """The page."""


class Declare(Protocol):
    """Answers a request of the form for declarations."""

    def __call__(self, request: Request, *, chinese: bool) -> Response:
        """The answer."""


@define
class Server:
    """Answers requests; `listen` makes the network server around it.

    Attributes:
        policy: The Content-Security-Policy of the page.
        gate: Checks the password; None if none is required.
        token: What the address must carry, where there is no password; None if nothing is required.
        may_see: Whether this user of the machine sees the page without the token.
        on_shown: Called when somebody who may see it is sent the page.
        declare: Answers requests of the form for declarations; None where none may be made.
        vouches: Whether somebody else has seen who asks: then neither password nor token is wanted.
        strangers: What who has no token is told.
        others: What is answered at other paths, to the same people.
        names: Hosts beside addresses and localhost.
        chinese: Whether browsers that prefer neither language get Chinese.
    """

    build: Build
    policy: str
    gate: Gate | None = None
    names: Sequence[str] = ()
    chinese: bool = False
    token: Token | None = None
    may_see: Callable[[int], bool] = lambda _user: False
    on_shown: Callable[[], object] = lambda: None
    declare: Declare | None = None
    vouches: Callable[[Request], bool] = lambda _request: False
    strangers: bytes = NO_TOKEN
    others: Mapping[str, Callable[[], Response]] = field(factory=dict)
    _pages: dict[bool, tuple[float, bytes, bytes]] = field(factory=dict, init=False)
    _turn: threading.Lock = field(factory=threading.Lock, init=False)
    _tries: threading.BoundedSemaphore = field(
        factory=lambda: threading.BoundedSemaphore(TRIES_WAITING_MAX), init=False
    )

    def listen(self, host: str, port: int, context: ssl.SSLContext | None = None) -> HttpServer:
        """The server at that address.

        Raises:
            OSError: The address is not available.
        """
        return listen(host, port, self.answer, LIMITS, context=context)

    def answer(self, request: Request) -> Response:
        """The page, or why there is none."""
        if not is_own_host(request.headers.get("host", ""), self.names):
            return Response(HTTPStatus.MISDIRECTED_REQUEST, b"this page has another name: use its address\n")
        if not self.vouches(request) and (refused := self._refuse_stranger(request)):
            return refused
        chinese = wants_chinese(request, self.chinese)
        if request.path == PATH:
            return self._take_declaration(request, chinese=chinese)
        if request.method == "POST":
            allowed = {"Allow": "GET, HEAD"}
            return Response(HTTPStatus.METHOD_NOT_ALLOWED, b"this is not done here\n", headers=allowed)
        if request.path in self.others:
            return self.others[request.path]()
        if request.path != "/":
            return Response(HTTPStatus.NOT_FOUND, b"there is one page here: /\n")
        body, packed = self._build_page(chinese=chinese)
        headers = {"Content-Security-Policy": self.policy, "Vary": "Accept-Language, Accept-Encoding"}
        if self.token is not None and QUERY in request.query:
            headers["Set-Cookie"] = self.token.cookie
        if request.method == "GET":
            self.on_shown()
        if takes_gzip(request):
            body, headers["Content-Encoding"] = packed, "gzip"
        return Response(HTTPStatus.OK, body, "text/html; charset=utf-8", headers)

    def _refuse_stranger(self, request: Request) -> Response | None:
        if self.gate is not None and (refused := self._refuse(self.gate, request)):
            return refused
        if self.token is not None and not self._is_let_in(self.token, request):
            return Response(HTTPStatus.FORBIDDEN, self.strangers)
        return None

    def _take_declaration(self, request: Request, *, chinese: bool) -> Response:
        if self.declare is None:
            return Response(HTTPStatus.FORBIDDEN, NO_TLS)
        with self._turn:
            return self.declare(request, chinese=chinese)

    def _is_let_in(self, token: Token, request: Request) -> bool:
        """Whether a client of this machine has the token, or may read the status socket."""
        if token.admits(request.query.get(QUERY, ""), request.headers.get("cookie", "")):
            return True
        user = find_user(*request.ends) if len(request.ends) == 2 else None
        return user is not None and self.may_see(user)

    def _refuse(self, gate: Gate, request: Request) -> Response | None:
        """The refusal for a client without the right password, None for one with it."""
        shown, peer = request.headers.get("authorization", ""), request.peer
        asks = {"WWW-Authenticate": REALM}
        if not shown:
            return Response(HTTPStatus.UNAUTHORIZED, b"a password is needed\n", headers=asks)
        if gate.knows(shown):
            return None
        wait_s = gate.wait_s(peer, time.monotonic())
        if wait_s > 0 or not self._tries.acquire(blocking=False):
            later = {"Retry-After": str(int(wait_s) + 1)}
            return Response(HTTPStatus.TOO_MANY_REQUESTS, b"wait before the next password\n", headers=later)
        try:
            with self._turn:
                right = gate.admits(shown, peer, time.monotonic())
        finally:
            self._tries.release()
        if right:
            return None
        LOG.warning("wrong password from %s", peer)
        return Response(HTTPStatus.UNAUTHORIZED, b"wrong password\n", headers=asks)

    def _build_page(self, *, chinese: bool) -> tuple[bytes, bytes]:
        """The page, plain and compressed."""
        with self._turn:
            at_s, page, packed = self._pages.get(chinese, (0.0, b"", b""))
            if not page or time.monotonic() - at_s > FRESH_S:
                page = self.build(chinese=chinese)
                packed = gzip.compress(page, GZIP_LEVEL, mtime=0)
                self._pages[chinese] = (time.monotonic(), page, packed)
            return page, packed


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
    """Whether the answer may be compressed; a client that gives weights (q=) gets it plain."""
    return "gzip" in {one.strip() for one in request.headers.get("accept-encoding", "").split(",")}


def wants_chinese(request: Request, default: bool) -> bool:
    """By `?lang=`, else by what the browser prefers, else `default`."""
    asked = request.query.get("lang", "")
    if asked in {"zh", "en"}:
        return asked == "zh"
    accepted = request.headers.get("accept-language", "").lower().split(",")
    first = accepted[0].strip()
    return first.startswith("zh") if first[:2] in {"zh", "en"} else default
