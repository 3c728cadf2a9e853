"""The two kinds of simulated bus that a program can open: a listening socket and a pseudo-terminal.

Both run in one asyncio loop and hand what comes to the `Pace` of their bus.
"""

import asyncio
import os
import socket
import struct
import termios
import tty
from pathlib import Path
from typing import Final

from firmware_sim.layout import BusProtocol
from firmware_sim.pace import Pace
from firmware_sim.pacing import SPEEDS
from firmware_sim.quirks import Extra, HangUpBy, QuirkKind, garble
from firmware_sim.server_bus import Stream
from firmware_sim.server_frames import GarbageError

CONNECTIONS_MAX: Final = 32
"""Most open connections to one TCP bus: real gateways have 4 to 32."""
QUIET_REAL_S: Final = 0.05
"""After this long the rest of a broken request is forgotten; senders write a request at once."""
_READ_BYTES: Final = 4096
_CONTROL_FLAGS: Final = 2
_SPEED: Final = 5
"""Places in what tcgetattr gives."""


class TcpPeer(asyncio.Protocol):
    """One connection to a TCP or RTU-over-TCP bus."""

    def __init__(self, pace: Pace, peers: "list[TcpPeer]") -> None:
        self._pace = pace
        self._peers = peers
        self._habit = pace.core.quirk(QuirkKind.HANG_UP)
        self._answers = 0
        self._idle: asyncio.TimerHandle | None = None
        self.is_mute = False
        self._stream = pace.core.stream()
        self._quiet: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it if there are too many."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if len(self._peers) >= CONNECTIONS_MAX:
            transport.abort()
        self._find_room()
        self._peers.append(self)
        self._wait_idle()

    def data_received(self, data: bytes) -> None:
        """Bytes of the peer."""
        if self.is_mute:
            return
        self._wait_idle()
        try:
            self._pace.answer(data, self._stream, self)
        except GarbageError:
            self.close()
        if self._pace.core.rtu:
            self._quiet = forget_when_quiet(self._stream, self._quiet)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        """The peer is gone; what is still to be sent to it is lost."""
        self._transport = None
        if self in self._peers:
            self._peers.remove(self)
        if self._idle is not None:
            self._idle.cancel()

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()

    def write(self, data: bytes) -> None:
        """Send to the peer, if it is still there."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._habit is not None and self._habit.cut and self._answers + 1 >= self._habit.after:
            self._transport.write(data[: len(data) // 2])
            self.hang_up()
            return
        self._transport.write(data)

    def end_answer(self) -> None:
        """An answer is through; it may have been the last."""
        self._answers += 1
        self._wait_idle()
        if self._habit is not None and self._habit.after and self._answers >= self._habit.after:
            self.hang_up()

    def hang_up(self) -> None:
        """End the connection as the bus does that."""
        if self._transport is None:
            return
        if self._habit is None or self._habit.by is HangUpBy.FIN:
            self._transport.close()
            return
        plug = self._transport.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _find_room(self) -> None:
        """Where there is room for few, be turned away or throw another out."""
        quirk = self._pace.core.quirk(QuirkKind.FEW_CLIENTS)
        served = [one for one in self._peers if not one.is_mute]
        if quirk is None or len(served) < quirk.clients:
            return
        if quirk.extra is Extra.THROWS_OUT:
            served[0].close()
            return
        self.is_mute = True
        if quirk.extra is Extra.CLOSED:
            self.close()

    def _wait_idle(self) -> None:
        """Hang up later, if nothing happens until then."""
        if self._idle is not None:
            self._idle.cancel()
        if self._habit is not None and self._habit.idle_s:
            wait_s = self._pace.real_s(self._habit.idle_s)
            self._idle = asyncio.get_running_loop().call_later(wait_s, self.hang_up)


class TcpPort:
    """A listening socket with the bus behind it."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._peers: list[TcpPeer] = []
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
        self._is_strict = pace.core.quirk(QuirkKind.STRICT_SERIAL) is not None

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

    def write(self, data: bytes) -> None:
        """Send to whoever has the terminal open."""
        self._write(data)

    def end_answer(self) -> None:
        """An answer is through; the wire stays."""

    def hang_up(self) -> None:
        """A wire cannot."""

    def _readable(self) -> None:
        data = os.read(self._far, _READ_BYTES)
        if not self._is_understood():
            return
        self._pace.answer(data, self._stream, self)
        self._quiet = forget_when_quiet(self._stream, self._quiet)

    def _write(self, data: bytes) -> None:
        if self._far < 0:
            return
        try:
            os.write(self._far, data if self._is_understood() else garble(data))
        except BlockingIOError:
            return  # no reader: on a wire the characters would be lost as well

    def _is_understood(self) -> bool:
        """Whether the terminal is set to the baud rate and stop bits of the bus, where that matters."""
        wire = self._pace.core.plan.wire
        if not self._is_strict or wire is None:
            return True
        state = termios.tcgetattr(self._near)
        stop_bits = 2 if state[_CONTROL_FLAGS] & termios.CSTOPB else 1
        return bool(state[_SPEED] == SPEEDS.get(wire.baudrate) and stop_bits == wire.stopbits)


def forget_when_quiet(stream: Stream, waiting: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Schedule that the beginning of a frame is dropped if its end does not come."""
    if waiting is not None:
        waiting.cancel()
    return asyncio.get_running_loop().call_later(QUIET_REAL_S, stream.clear) if stream.pending else None
