"""How a bus is reached, and the manners of what stands there.

    TcpPort(bus)                     Modbus TCP
    TcpPort(bus, rtu=True)           RTU frames over TCP
    TcpPort(bus, stream=Dlt645Stream)   other frames over TCP
    PtyPort(bus, baudrate=9600)      a pseudo-terminal; the baud rate paces and must fit: `cares`

`serve` opens ports in a loop of its own thread and closes them at the end.
"""

import asyncio
import contextlib
import os
import socket
import struct
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, Final

from attrs import define, field, frozen

from tests.counterparts.bus import SerialBus
from tests.counterparts.device import Mishap
from tests.counterparts.frames import Request, RtuStream, Stream, TcpStream

STOP_S: Final = 5.0
_SPEEDS: Final = {
    rate: getattr(termios, f"B{rate}") for rate in (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
}


class Transaction(StrEnum):
    """What a converter puts where the transaction id should be."""

    COPIED = "copied"
    ZERO = "zero"
    PLUS_ONE = "plus one"
    SWAPPED = "swapped"
    CONSTANT = "constant"
    PREVIOUS = "the one before"


class Second(StrEnum):
    """What happens to a client that comes when there is no room."""

    REFUSED = "refused"
    RST = "rst"
    CLOSED = "closed"
    MUTE = "mute"
    THROWS_OUT = "throws out the first"


@frozen
class Manners:
    """How a TCP counterpart treats its connections.

    Attributes:
        hangs_up_after: So many answers, then it hangs up; 0 is never.
        cuts_every: Each so many-th answer is cut in its middle, then it hangs up; 0 is never.
        piece_bytes, piece_s: An answer goes out in pieces of so many bytes, one every `piece_s`; 0 is whole.
        idle_s: It hangs up on who asked nothing for so long; 0 is never.
        echoes: What it receives comes back first, as from a half-duplex line.
        by_rst: It hangs up with RST, else with end of file.
        transaction, refusals: What stands for the transaction id, in all answers or in refusals alone.
        clients: Room for so many; 0 is no limit.
        second: What happens beyond.
    """

    hangs_up_after: int = 0
    cuts_every: int = 0
    piece_bytes: int = 0
    piece_s: float = 0.01
    idle_s: float = 0.0
    echoes: bool = False
    by_rst: bool = False
    transaction: Transaction = Transaction.COPIED
    refusals: Transaction = Transaction.COPIED
    clients: int = 0
    second: Second = Second.CLOSED


@define(eq=False)
class _Connection(asyncio.Protocol):
    """One client."""

    port: "TcpPort"
    number: int
    _stream: Stream = field(init=False)
    _transport: Any = field(default=None, init=False)
    _answers: int = field(default=0, init=False)
    _previous: int = field(default=0, init=False)
    _idle: asyncio.TimerHandle | None = field(default=None, init=False)
    _mute: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._stream = self.port.make_stream()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._mute = not self.port.admit(self)
        self._wait_idle()

    def data_received(self, data: bytes) -> None:
        if self._mute:
            return
        self._wait_idle()
        if self.port.manners.echoes:
            self._transport.write(data)
        for request in self._stream.feed(data):
            self.port.bus.take(
                request, lambda pdu, mishap, to=request: self._send(to, pdu, mishap), self.number
            )

    def connection_lost(self, _error: Exception | None) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self.port.leave(self)

    def hang_up(self, *, by_rst: bool | None = None) -> None:
        """Close with end of file or RST."""
        if self._transport is None or self._transport.is_closing():
            return
        if self.port.manners.by_rst if by_rst is None else by_rst:
            plug = self._transport.get_extra_info("socket")
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        else:
            self._transport.close()

    def _wait_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if self.port.manners.idle_s:
            self._idle = asyncio.get_running_loop().call_later(self.port.manners.idle_s, self.hang_up)

    def _send(self, request: Request, pdu: bytes | None, mishap: Mishap | None) -> None:
        if pdu is None:
            self.hang_up()
            return
        if self._transport.is_closing():
            return
        self._wait_idle()
        manners, self._answers = self.port.manners, self._answers + 1
        frame = damage(self._stream.frame(self._disguise(request, pdu), pdu), mishap)
        if manners.cuts_every and self._answers % manners.cuts_every == 0:
            self._transport.write(frame[: len(frame) // 2])
            self.hang_up()
            return
        if manners.piece_bytes:
            self._write_pieces(frame, manners.piece_bytes, manners.piece_s)
        else:
            self._transport.write(frame)
        if manners.hangs_up_after and self._answers >= manners.hangs_up_after:
            self.hang_up()

    def _write_pieces(self, frame: bytes, size: int, every_s: float) -> None:
        loop = asyncio.get_running_loop()
        for number, at in enumerate(range(0, len(frame), size)):
            loop.call_later(number * every_s, self._transport.write, frame[at : at + size])

    def _disguise(self, request: Request, pdu: bytes) -> Request:
        manners = self.port.manners
        how = manners.refusals if pdu[0] & 0x80 else Transaction.COPIED
        how = manners.transaction if how is Transaction.COPIED else how
        mine, self._previous, before = request.transaction, request.transaction, self._previous
        other = {
            Transaction.ZERO: 0,
            Transaction.PLUS_ONE: (mine + 1) & 0xFFFF,
            Transaction.SWAPPED: int.from_bytes(mine.to_bytes(2, "big"), "little"),
            Transaction.CONSTANT: 0x4D42,
            Transaction.PREVIOUS: before,
        }.get(how, mine)
        return Request(request.unit, request.pdu, other)


@define(eq=False)
class TcpPort:
    """A TCP counterpart on loopback.

    Attributes:
        connections, refused: Clients that came, and those that found no room.
        open: How many are connected.
    """

    bus: SerialBus
    rtu: bool = False
    manners: Manners = Manners()
    stream: Callable[[], Stream] | None = None
    host: str = "127.0.0.1"
    port: int = 0
    connections: int = field(default=0, init=False)
    refused: int = field(default=0, init=False)
    _clients: list[_Connection] = field(factory=list, init=False)
    _server: asyncio.Server | None = field(default=None, init=False)
    _over: bool = field(default=False, init=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False)
    _door: "asyncio.Task[None] | None" = field(default=None, init=False)

    @property
    def url(self) -> str:
        """As the commands take it."""
        scheme = "rtu+tcp" if self.rtu else "dlt645+tcp" if self.stream else "tcp"
        return f"{scheme}://{self.host}:{self.port}"

    @property
    def open(self) -> int:
        return len(self._clients)

    def make_stream(self) -> Stream:
        """For a new connection."""
        return self.stream() if self.stream else RtuStream() if self.rtu else TcpStream()

    async def start(self) -> None:
        """Listen."""
        loop = self._loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._welcome, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def hang_up(self) -> None:
        """Hang up on everybody, and return when they are gone; called from any other thread."""

        async def end() -> None:
            for client in list(self._clients):
                client.hang_up()
            for _ in range(2):  # their sockets are closed in the next round of the loop
                await asyncio.sleep(0)

        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(end(), self._loop).result(STOP_S)

    async def stop(self) -> None:
        """Hang up on everybody and listen no more."""
        self._over = True
        if self._door is not None:
            await asyncio.gather(self._door, return_exceptions=True)
        if self._server is not None:
            self._server.close()
        for client in list(self._clients):
            client.hang_up(by_rst=True)
        await asyncio.sleep(0)

    def _welcome(self) -> _Connection:
        self.connections += 1
        return _Connection(self, self.connections)

    def admit(self, client: _Connection) -> bool:
        """Whether a new client is served."""
        manners = self.manners
        full = manners.clients and len(self._clients) >= manners.clients
        if full and manners.second is not Second.THROWS_OUT:
            self.refused += 1
            if manners.second is not Second.MUTE:
                client.hang_up(by_rst=manners.second is not Second.CLOSED)
            return False
        if full:
            self._clients[0].hang_up(by_rst=True)
        self._clients.append(client)
        if manners.clients and len(self._clients) >= manners.clients and manners.second is Second.REFUSED:
            self._close_door()
        return True

    def leave(self, client: _Connection) -> None:
        """A client is gone."""
        if client in self._clients:
            self._clients.remove(client)
            if self._server is None and not self._over:
                self._open_door()

    def _close_door(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _open_door(self) -> None:
        self._door = asyncio.get_running_loop().create_task(self.start())


@define(eq=False)
class PtyPort:
    """A pseudo-terminal.

    Attributes:
        baudrate, parity: What its devices speak; a client that opened it otherwise is garbage to them, and
            they to it, where `cares`. (Linux keeps the speed of a pty, and PARODD; PARENB it forgets.)
        garbled: Requests in another baud rate.
    """

    bus: SerialBus
    baudrate: int = 9600
    parity: str = "N"
    cares: bool = False
    stream: Callable[[], Stream] = RtuStream
    scheme: str = "rtu"
    garbled: int = field(default=0, init=False)
    path: str = field(default="", init=False)
    _ends: tuple[int, int] = field(default=(-1, -1), init=False)
    _feed: Stream = field(init=False)
    _quiet: asyncio.TimerHandle | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """As the commands take it; parity N, because a pty knows no other."""
        return f"{self.scheme}:{self.path}?baudrate={self.baudrate}&parity=N"

    async def start(self) -> None:
        """Make the terminal."""
        far, near = os.openpty()
        tty.setraw(near)
        os.set_blocking(far, False)
        self._ends, self.path, self._feed = (far, near), os.ttyname(near), self.stream()
        self.bus.baudrate = self.baudrate
        asyncio.get_running_loop().add_reader(far, self._read)

    async def stop(self) -> None:
        """Unplug it."""
        asyncio.get_running_loop().remove_reader(self._ends[0])
        for end in self._ends:
            os.close(end)
        self._ends = (-1, -1)

    def _read(self) -> None:
        data = os.read(self._ends[0], 4096)
        if self._quiet is not None:
            self._quiet.cancel()
        self._quiet = asyncio.get_running_loop().call_later(0.2, self._forget)
        if self.cares and not self._fits():
            self.garbled += 1
            return
        for request in self._feed.feed(data):
            self.bus.take(request, lambda pdu, mishap, to=request: self._send(to, pdu, mishap))

    def _forget(self) -> None:
        self._feed = self.stream()

    def _fits(self) -> bool:
        speed = termios.tcgetattr(self._ends[1])[5]
        return bool(speed == _SPEEDS[self.baudrate])

    def _send(self, request: Request, pdu: bytes | None, mishap: Mishap | None) -> None:
        if pdu is None or self._ends[0] < 0:
            return
        frame = damage(self._feed.frame(request, pdu), mishap)
        if self.cares and not self._fits():
            frame = bytes(byte ^ 0xA5 for byte in frame[::2])
        with contextlib.suppress(BlockingIOError):
            os.write(self._ends[0], frame)


def damage(frame: bytes, mishap: Mishap | None) -> bytes:
    """A frame as the wire leaves it."""
    if mishap is Mishap.DAMAGED:
        middle = len(frame) // 2
        return frame[:middle] + bytes((frame[middle] ^ 0x10,)) + frame[middle + 1 :]
    return frame * 2 if mishap is Mishap.DOUBLED else frame


@contextlib.contextmanager
def serve(*ports: TcpPort | PtyPort) -> Iterator[tuple[Any, ...]]:
    """Open all ports, in a thread of their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="counterparts", daemon=True)
    thread.start()

    def run(work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(STOP_S)

    try:
        for port in ports:
            run(port.start())
        yield ports
    finally:
        for port in ports:
            run(port.stop())
        run(_cancel_all())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_S)
        loop.close()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
