"""The rim of the server: sockets, TLS, time-outs, and a thread for each connection.

Clients are unknown and get little. A connection beyond `Limits.connections_max` takes the place of the one
that has been without a whole request for the longest, if that is GIVE_WAY_S or more: who only holds a place
loses it to who wants something. Else it is closed at once. Each has `request_s` for its handshake and whole
request, even if bytes trickle in, with at most `idle_s` between bytes; then `answer_s` to take the answer. No
client waits for another's handshake, request or reading. After the answer, further input is read and
discarded for LINGER_S, since closing a socket with unread bytes resets the connection, and the answer could
be lost.
"""

import contextlib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from attrs import define, evolve, field

from wire.http.exchange import Exchange, Limits, RefusedError, Request, Response

PIECE_BYTES: Final = 64 * 1024
LINGER_S: Final = 1.0
"""A round trip over a bad modem."""
GIVE_WAY_S: Final = 2.0
"""Longer than a handshake and a request take over a bad modem."""
PLACE_S: Final = 0.5
"""For the thread of a connection that gave way to end."""
ACCEPT_AGAIN_S: Final = 0.1
"""Pause after accept() failed for lack of descriptors or memory; connections that end free some."""

LOG: Final = logging.getLogger("dianjian.http")


Answer = Callable[[Request], Response]
"""Answers one request; called from several threads at once."""
Report = Callable[[str], None]
"""Takes one line about a connection without a complete request."""


@define
class HttpServer:
    """Listens as soon as it is constructed; answers while `serve` runs.

    Attributes:
        answer: Makes the answers; what it raises is logged and answered with 500.
        report: Takes a line about each connection without a complete request.
    """

    _listener: socket.socket
    answer: Answer
    limits: Limits
    report: Report
    context: ssl.SSLContext | None = None
    _free: threading.BoundedSemaphore = field(init=False)
    _closing: bool = field(default=False, init=False)
    _asking: dict[socket.socket, float] = field(factory=dict, init=False)  # no whole request yet: since when

    def __attrs_post_init__(self) -> None:
        self._free = threading.BoundedSemaphore(self.limits.connections_max)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._listener.getsockname()[:2]
        return host, port

    def serve(self) -> None:
        """Answer until `close`."""
        with self._listener:
            while not self._closing:
                try:
                    wire, peer = self._listener.accept()
                except OSError:  # closed, aborted by the other end, or no descriptor is left
                    time.sleep(ACCEPT_AGAIN_S)
                    continue
                self._start(wire, str(peer[0]))

    def close(self) -> None:
        """Let `serve` end; from any thread, or a signal."""
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept(); close() would not

    def _start(self, wire: socket.socket, peer: str) -> None:
        if not self._free.acquire(blocking=False) and not self._take_place():
            wire.close()
            return
        try:
            threading.Thread(target=self._run, args=(wire, peer), name="http", daemon=True).start()
        except RuntimeError:  # no thread could be started
            self._free.release()
            wire.close()

    def _take_place(self) -> bool:
        """End the connection that has only held its place for the longest; whether there is one now."""
        held = min(self._asking.copy().items(), key=lambda one: one[1], default=None)
        if held is None or time.monotonic() - held[1] < GIVE_WAY_S:
            return False
        with contextlib.suppress(OSError):
            socket.socket.shutdown(held[0], socket.SHUT_RDWR)  # not TLS's, whose state its thread uses
        return self._free.acquire(timeout=PLACE_S)

    def _run(self, wire: socket.socket, peer: str) -> None:
        until_s = time.monotonic() + self.limits.request_s
        channel = wire
        try:
            channel = self._wrap(wire)
            self._asking[channel] = time.monotonic()
            self._exchange(channel, peer, until_s)
            _linger(channel)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            self.report(f"{peer}: {getattr(error, 'verify_message', '') or error}")
            if not isinstance(error, TimeoutError):
                _linger(channel)
        finally:
            self._asking.pop(channel, None)
            self._free.release()  # before the close, since the next client may connect right after it
            channel.close()

    def _wrap(self, wire: socket.socket) -> socket.socket:
        if self.context is None:
            return wire
        return self.context.wrap_socket(wire, server_side=True, do_handshake_on_connect=False)

    def _exchange(self, channel: socket.socket, peer: str, until_s: float) -> None:
        if isinstance(channel, ssl.SSLSocket):
            _wait_at_most(channel, min(self.limits.idle_s, self.limits.request_s))  # for the whole handshake
            channel.do_handshake()
        exchange = Exchange(self.limits)
        try:
            request = self._receive(channel, exchange, until_s)
            self._asking.pop(channel, None)
            certificate = (
                channel.getpeercert(binary_form=True) if isinstance(channel, ssl.SSLSocket) else None
            )
            whole = evolve(request, peer=peer, certificate=certificate, ends=_ends_of(channel))
            answer = exchange.respond(self._answer(whole))
        except RefusedError as error:
            answer = exchange.refuse(error)
        _send(channel, answer, self.limits.answer_s)

    def _receive(self, channel: socket.socket, exchange: Exchange, until_s: float) -> Request:
        data = self._read(channel, until_s)
        if not data:
            raise ConnectionError("closed without a request")
        while (request := exchange.receive(data)) is None:
            try:
                data = self._read(channel, until_s)
            except TimeoutError:
                raise RefusedError("the request took too long", HTTPStatus.REQUEST_TIMEOUT) from None
        return request

    def _read(self, channel: socket.socket, until_s: float) -> bytes:
        _wait_at_most(channel, min(until_s - time.monotonic(), self.limits.idle_s))
        return channel.recv(PIECE_BYTES)

    def _answer(self, request: Request) -> Response:
        try:
            return self.answer(request)
        except Exception:
            LOG.exception("a request could not be answered")
            return Response(HTTPStatus.INTERNAL_SERVER_ERROR, b"this could not be answered; see the log\n")


def listen(
    host: str,
    port: int,
    answer: Answer,
    limits: Limits,
    *,
    report: Report = LOG.debug,
    context: ssl.SSLContext | None = None,
) -> HttpServer:
    """A server at an IPv4 or IPv6 address, or at a name with an IPv4 address; TLS if `context` is given.

    Raises:
        OSError: The address is not available.
        OverflowError: There is no such port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=2 * limits.connections_max)
    return HttpServer(listener, answer, limits, report, context)


def _send(channel: socket.socket, data: bytes, within_s: float) -> None:
    """Send all or raise `TimeoutError`; over TLS `sendall` would allow the whole time for each piece."""
    left, until_s = memoryview(data), time.monotonic() + within_s
    while left:
        _wait_at_most(channel, until_s - time.monotonic())
        left = left[channel.send(left) :]


def _linger(channel: socket.socket) -> None:
    until_s = time.monotonic() + LINGER_S
    with contextlib.suppress(OSError, ValueError):
        if isinstance(channel, ssl.SSLSocket):
            channel.settimeout(0)
            with contextlib.suppress(OSError, ValueError):
                channel.unwrap()  # announces the end without waiting for the client's
        channel.shutdown(socket.SHUT_WR)  # from here on a TLS socket is read as a plain one
        data = b"-"
        while data:
            _wait_at_most(channel, until_s - time.monotonic())
            data = channel.recv(PIECE_BYTES)


def _wait_at_most(channel: socket.socket, seconds: float) -> None:
    if seconds <= 0:
        raise TimeoutError("timed out")
    channel.settimeout(seconds)


def _ends_of(channel: socket.socket) -> tuple[tuple[str, int], ...]:
    """Address and port of the client and of this end; nothing where the connection is gone."""
    try:
        return tuple((str(one[0]), int(one[1])) for one in (channel.getpeername(), channel.getsockname()))
    except OSError:
        return ()
