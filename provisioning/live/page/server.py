"""The rim of the status page: sockets, time-outs, and one thread that builds pages.

One connection, one request, one answer. At most CONNECTIONS_MAX at once; the head of a request has
REQUEST_S to arrive whole, an answer WRITE_S to be taken. Pages are built, and passwords checked, one after
the other in one thread, so however many ask, this process takes one core at most and no more memory; a page
that is younger than FRESH_S is given again. The agent is asked over its socket once a page and knows
nothing of all this.
"""

import asyncio
import gzip
import logging
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Final, Protocol

from attrs import define, field

from provisioning.live.page.gate import Gate
from provisioning.live.page.request import (
    END,
    HEAD_BYTES_MAX,
    RefusedError,
    Request,
    Response,
    parse_head,
    refusal,
    takes_gzip,
    wants_chinese,
)

CONNECTIONS_MAX: Final = 32
"""A browser opens six; a few technicians at once."""
REQUEST_S: Final = 5.0
WRITE_S: Final = 20.0
"""A page of 200 kB over a slow radio link."""
FRESH_S: Final = 1.0
GZIP_LEVEL: Final = 3
"""The drawings of a day become a fifth in some milliseconds; a technician may come over a modem."""
TRIES_WAITING_MAX: Final = 4
"""Passwords that wait for their turn; the next one is told to come again."""
REALM: Final = 'Basic realm="dianjian", charset="UTF-8"'

LOG: Final = logging.getLogger("dianjian.page")


class Build(Protocol):
    """Makes the page, in Chinese or in English; takes its time."""

    def __call__(self, *, chinese: bool) -> bytes:
        """The page."""


@define
class Server:
    """Answers requests.

    Attributes:
        build: Makes the page.
        policy: Its Content-Security-Policy.
        gate: Asks for the password; None where none is asked for.
        names: Hosts beside addresses and localhost.
        chinese: For browsers that prefer neither language.
    """

    build: Build
    policy: str
    gate: Gate | None = None
    names: Sequence[str] = ()
    chinese: bool = False
    _open: int = field(default=0, init=False)
    _trying: int = field(default=0, init=False)
    _pages: dict[bool, tuple[float, bytes, bytes]] = field(factory=dict, init=False)
    _thread: ThreadPoolExecutor = field(
        factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="page"), init=False
    )

    async def listen(self, host: str, port: int, context: ssl.SSLContext | None = None) -> asyncio.Server:
        """Begin to answer.

        Raises:
            OSError: The address cannot be had.
        """
        more = (
            {} if context is None else {"ssl_handshake_timeout": REQUEST_S, "ssl_shutdown_timeout": REQUEST_S}
        )
        return await asyncio.start_server(
            self._serve, host, port, ssl=context, limit=HEAD_BYTES_MAX, backlog=CONNECTIONS_MAX, **more
        )

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(cancel_futures=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= CONNECTIONS_MAX:
                await self._one(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):  # whoever asked has gone, or never did
            writer.transport.abort()
        finally:
            self._open -= 1
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with_body = True
        try:
            async with asyncio.timeout(REQUEST_S):
                raw = await reader.readuntil(END)
            with_body = not raw.startswith(b"HEAD ")
            request = parse_head(raw, self.names)
            peer = writer.get_extra_info("peername")
            response = await self._answer(request, str(peer[0]) if peer else "")
        except asyncio.LimitOverrunError:
            response = Response(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, b"the request is too long\n")
        except RefusedError as error:
            response = refusal(error)
        writer.write(response.to_bytes(with_body=with_body))
        async with asyncio.timeout(WRITE_S):
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    async def _answer(self, request: Request, peer: str) -> Response:
        if self.gate is not None and (refused := await self._refused(self.gate, request, peer)):
            return refused
        if request.path != "/":
            return Response(HTTPStatus.NOT_FOUND, b"there is one page here: /\n")
        try:
            body, packed = await self._page(chinese=wants_chinese(request, self.chinese))
        except Exception:
            LOG.exception("the page could not be built")
            return Response(
                HTTPStatus.INTERNAL_SERVER_ERROR, b"the page could not be built; see the journal\n"
            )
        headers = {"Content-Security-Policy": self.policy, "Vary": "Accept-Language, Accept-Encoding"}
        if takes_gzip(request):
            body, headers["Content-Encoding"] = packed, "gzip"
        return Response(HTTPStatus.OK, body, "text/html; charset=utf-8", headers)

    async def _refused(self, gate: Gate, request: Request, peer: str) -> Response | None:
        """The answer to whoever has not shown the password, None to whoever has."""
        shown = request.headers.get("authorization", "")
        if shown and gate.knows(shown):
            return None
        loop = asyncio.get_running_loop()
        asks = {"WWW-Authenticate": REALM}
        if not shown:
            return Response(HTTPStatus.UNAUTHORIZED, b"a password is needed\n", headers=asks)
        wait_s = gate.wait_s(peer, loop.time())
        if wait_s > 0 or self._trying >= TRIES_WAITING_MAX:
            later = {"Retry-After": str(int(wait_s) + 1)}
            return Response(HTTPStatus.TOO_MANY_REQUESTS, b"wait before the next password\n", headers=later)
        self._trying += 1
        try:
            right = await loop.run_in_executor(self._thread, lambda: gate.admits(shown, peer, loop.time()))
        finally:
            self._trying -= 1
        if right:
            return None
        LOG.warning("wrong password from %s", peer)
        return Response(HTTPStatus.UNAUTHORIZED, b"wrong password\n", headers=asks)

    async def _page(self, *, chinese: bool) -> tuple[bytes, bytes]:
        """The page as it is, and packed."""
        loop = asyncio.get_running_loop()

        def built() -> tuple[bytes, bytes]:
            at_s, page, packed = self._pages.get(chinese, (0.0, b"", b""))
            if not page or loop.time() - at_s > FRESH_S:
                page = self.build(chinese=chinese)
                packed = gzip.compress(page, GZIP_LEVEL, mtime=0)
                self._pages[chinese] = (loop.time(), page, packed)
            return page, packed

        return await loop.run_in_executor(self._thread, built)
