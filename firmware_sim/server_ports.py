"""The two kinds of simulated bus that a program can open: a listening socket and a pseudo-terminal.

Both run in one asyncio loop and feed a `BusCore`. Delays and pacing are times of the plant's clock;
`Pace` turns them into real ones by the clock's speed without its floor for waits, because nothing
here waits for a peer. Answers of one bus with a serial wire never overlap.
"""

import asyncio
import os
import tty
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from attrs import define, field

from drivers.clock import NS_PER_S, Clock
from firmware_sim.bus_faults import Outgoing
from firmware_sim.layout import BusKind, BusProtocol
from firmware_sim.pacing import Part, duration_s, split_frame
from firmware_sim.server_bus import BusCore, Stream
from firmware_sim.server_frames import GarbageError

CONNECTIONS_MAX: Final = 32
"""Most open connections to one TCP bus: real gateways have 4 to 32."""
PACE_STEP_REAL_S: Final = 0.002
"""Groups of characters are handed over this far apart at least: the loop cannot wait for less."""
QUIET_REAL_S: Final = 0.05
"""After this long the rest of a broken request is forgotten; senders write a request at once."""
_LONG_S: Final = 1e6
"""Long enough that a clock's floor for short waits does not count."""
_READ_BYTES: Final = 4096

Write = Callable[[bytes], None]


@define
class Pace:
    """When the answers of one bus may be written."""

    core: BusCore
    clock: Clock
    _real_per_s: float = field(init=False)
    _free_at_s: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        self._real_per_s = self.clock.real_s(_LONG_S) / _LONG_S

    def answer(self, data: bytes, stream: Stream, write: Write) -> None:
        """Take in bytes from one peer and arrange for the answers."""
        t_s = self.clock.stamp().utc_ns / NS_PER_S
        for request in stream.feed(data):
            outgoing = self.core.handle(request, t_s)
            if outgoing is not None:
                self._later(outgoing.delay_s, partial(self._begin, outgoing, write))

    def send_foreign(self, number: int, write: Write) -> None:
        """Send another master's exchange, if there is one now."""
        outgoing = self.core.chatter(self.clock.stamp().utc_ns / NS_PER_S, number)
        if outgoing is not None:
            self._begin(outgoing, write)

    def _begin(self, outgoing: Outgoing, write: Write) -> None:
        """Start sending as soon as the wire is free."""
        now_s = self.clock.monotonic_s()
        wire = self.core.plan.wire
        at_s = now_s if wire is None else max(now_s, self._free_at_s)
        for pause_s, data in outgoing.pieces:
            begin_s = at_s + pause_s
            at_s = begin_s + duration_s(len(data), wire)
            if self.core.plan.kind is BusKind.TCP:  # a gateway forwards whole frames
                pieces: tuple[Part, ...] = (Part(at_s, data),)
            else:
                pieces = split_frame(data, wire, begin_s, PACE_STEP_REAL_S / self._real_per_s)
            for piece in pieces:
                self._later(piece.at_s - now_s, partial(write, piece.data))
        self._free_at_s = at_s
        if outgoing.then is not None:
            self._later(at_s - now_s + outgoing.then.delay_s, partial(self._begin, outgoing.then, write))

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        if seconds > 0:
            asyncio.get_running_loop().call_later(seconds * self._real_per_s, act)
        else:
            act()


class TcpPeer(asyncio.Protocol):
    """One connection to a TCP or RTU-over-TCP bus."""

    def __init__(self, pace: Pace, peers: "set[TcpPeer]") -> None:
        self._pace = pace
        self._peers = peers
        self._stream = pace.core.stream()
        self._quiet: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it if there are too many."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if len(self._peers) >= CONNECTIONS_MAX:
            transport.abort()
        self._peers.add(self)

    def data_received(self, data: bytes) -> None:
        """Bytes of the peer."""
        try:
            self._pace.answer(data, self._stream, self.write)
        except GarbageError:
            self.close()
        if self._pace.core.rtu:
            self._quiet = forget_when_quiet(self._stream, self._quiet)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        """The peer is gone; what is still to be sent to it is lost."""
        self._transport = None
        self._peers.discard(self)

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()

    def write(self, data: bytes) -> None:
        """Send to the peer, if it is still there."""
        if self._transport is not None:
            self._transport.write(data)


class TcpPort:
    """A listening socket with the bus behind it."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._peers: set[TcpPeer] = set()
        self._listener: asyncio.Server | None = None
        self._port = pace.core.plan.port

    async def open(self) -> None:
        """Start listening; after a `close`, at the same address."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: TcpPeer(self._pace, self._peers), self._pace.core.plan.host, self._port
        )
        self._port = self._listener.sockets[0].getsockname()[1]

    def send_foreign(self, number: int) -> None:
        """Send another master's exchange to every connection."""
        self._pace.send_foreign(number, self._to_all)

    def _to_all(self, data: bytes) -> None:
        for peer in tuple(self._peers):
            peer.write(data)

    @property
    def url(self) -> str:
        """What the driver opens."""
        assert self._listener is not None
        plan = self._pace.core.plan
        scheme = "dlt645+tcp" if plan.protocol is BusProtocol.DLT645 else plan.kind.value
        return f"{scheme}://{plan.host}:{self._listener.sockets[0].getsockname()[1]}"

    def close(self) -> None:
        """Stop listening and end all connections."""
        if self._listener is not None:
            self._listener.close()
        for peer in tuple(self._peers):
            peer.close()


class PtyPort:
    """A pseudo-terminal with the bus at its far end. The near end stays open, so it outlives clients."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._stream = pace.core.stream()
        self._quiet: asyncio.TimerHandle | None = None
        self._far = self._near = -1
        link = pace.core.plan.link
        self._link = Path(link) if link else None

    async def open(self) -> None:
        """Start answering; after a `close`, on another terminal."""
        self._far, self._near = os.openpty()
        tty.setraw(self._near)
        os.set_blocking(self._far, False)
        if self._link is not None:
            if self._link.is_symlink():  # left by a killed server
                self._link.unlink()
            self._link.symlink_to(os.ttyname(self._near))
        asyncio.get_running_loop().add_reader(self._far, self._readable)

    def send_foreign(self, number: int) -> None:
        """Send another master's exchange to the terminal."""
        self._pace.send_foreign(number, self._write)

    @property
    def url(self) -> str:
        """What the driver opens; parity N, see `firmware_sim.server`."""
        plan = self._pace.core.plan
        wire = plan.wire
        assert wire is not None
        scheme = "dlt645" if plan.protocol is BusProtocol.DLT645 else "rtu"
        path = self._link or os.ttyname(self._near)
        return f"{scheme}:{path}?baudrate={wire.baudrate}&parity=N&stopbits={wire.stopbits}"

    def close(self) -> None:
        """Release the terminal and remove the link."""
        if self._far < 0:
            return
        asyncio.get_running_loop().remove_reader(self._far)
        os.close(self._far)
        os.close(self._near)
        self._far = -1
        if self._link is not None and self._link.is_symlink():
            self._link.unlink()

    def _readable(self) -> None:
        self._pace.answer(os.read(self._far, _READ_BYTES), self._stream, self._write)
        self._quiet = forget_when_quiet(self._stream, self._quiet)

    def _write(self, data: bytes) -> None:
        if self._far < 0:
            return
        try:
            os.write(self._far, data)
        except BlockingIOError:
            return  # no reader: on a wire the characters would be lost as well


def forget_when_quiet(stream: Stream, waiting: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Schedule that the beginning of a frame is dropped if its end does not come."""
    if waiting is not None:
        waiting.cancel()
    return asyncio.get_running_loop().call_later(QUIET_REAL_S, stream.clear) if stream.pending else None
