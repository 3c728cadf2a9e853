"""A scripted meter with full control of every byte: on a pty, on TCP, or RTU frames over TCP.

A script is a function (request, device) -> None that calls `device.send(bytes, after_s)` as often as it
likes. Bytes are sent by a second thread in the order of their times, so answers can be late by several
requests. Frames are made with pymodbus' own CRC, so that the driver is not tested with its own.
"""

import contextlib
import heapq
import os
import pty
import socket
import struct
import threading
import time
import tty
from collections.abc import Callable, Iterator

from attrs import frozen
from pymodbus.framer import FramerRTU

Script = Callable[["Asked", "ScriptedMeter"], None]


@frozen
class Asked:
    unit_id: int
    function: int
    address: int
    count: int
    transaction_id: int = 0


def crc(data: bytes) -> bytes:
    return struct.pack(">H", FramerRTU.compute_CRC(data))


def register(unit_id: int, function: int, address: int) -> int:
    """Another value for every register of every unit, so that no wrong one can pass."""
    return (unit_id * 7919 + function * 104729 + address * 31) % 65521


def words(asked: Asked, count: int | None = None) -> bytes:
    numbers = range(asked.address, asked.address + (asked.count if count is None else count))
    return b"".join(register(asked.unit_id, asked.function, n).to_bytes(2) for n in numbers)


class ScriptedMeter:
    """Serves one script until it is closed; `asked` lists what came."""

    def __init__(self, script: Script, *, tcp: bool = False) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.url = ""
        self.listener: socket.socket | None = None
        self._tcp = tcp
        self._queue: list[tuple[float, int, bytes]] = []
        self._number = 0
        self._changed = threading.Condition()
        self._stopped = False
        self._fd = -1
        self._sender = threading.Thread(target=self._send_all, daemon=True)

    def frame(self, asked: Asked, pdu: bytes) -> bytes:
        adu = bytes((asked.unit_id,)) + pdu
        if self._tcp:
            return struct.pack(">HHH", asked.transaction_id, 0, len(adu)) + adu
        return adu + crc(adu)

    def reply(self, asked: Asked, data: bytes | None = None) -> bytes:
        data = words(asked) if data is None else data
        return self.frame(asked, bytes((asked.function, len(data))) + data)

    def refusal(self, asked: Asked, code: int) -> bytes:
        return self.frame(asked, bytes((asked.function | 0x80, code)))

    def send(self, data: bytes, after_s: float = 0.0) -> None:
        with self._changed:
            self._number += 1
            heapq.heappush(self._queue, (time.monotonic() + after_s, self._number, data))
            self._changed.notify()

    def hang_up(self) -> None:
        """Close the TCP connection from this side."""
        with socket.socket(fileno=os.dup(self._fd)) as link:
            link.shutdown(socket.SHUT_RDWR)

    def leave(self) -> None:
        """Close the TCP connection, and listen no more."""
        if self.listener is not None:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
        self.hang_up()

    def serve(self, fd: int) -> None:
        """Answer what comes on `fd` until it is closed."""
        self._fd = fd
        try:
            self._serve(fd)
        finally:
            self._fd = -1

    def _serve(self, fd: int) -> None:
        size, at = (12, 6) if self._tcp else (8, 0)
        pending = b""
        while not self._stopped:
            try:
                chunk = os.read(fd, 4096)
            except OSError:
                return
            if not chunk:
                return
            pending += chunk
            while len(pending) >= size:
                transaction_id = int.from_bytes(pending[:2]) if self._tcp else 0
                asked = Asked(*struct.unpack(">BBHH", pending[at : at + 6]), transaction_id)
                pending = pending[size:]
                self.asked.append(asked)
                self.script(asked, self)

    def start(self) -> None:
        self._sender.start()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._sender.join(5)

    def _send_all(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and (not self._queue or self._queue[0][0] > time.monotonic()):
                    left_s = self._queue[0][0] - time.monotonic() if self._queue else None
                    self._changed.wait(left_s)
                if self._stopped:
                    return
                data = heapq.heappop(self._queue)[2]
            with contextlib.suppress(OSError):
                os.write(self._fd, data)


def answer(asked: Asked, device: ScriptedMeter) -> None:
    """The script of a healthy meter."""
    device.send(device.reply(asked))


@contextlib.contextmanager
def on_pty(script: Script, options: str = "") -> Iterator[ScriptedMeter]:
    """A device behind a pty; `device.url` is for our driver, `device.port` for others."""
    device = ScriptedMeter(script)
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    device.url = f"rtu:{os.ttyname(theirs)}{options}"
    server = threading.Thread(target=device.serve, args=(ours,), daemon=True)
    device.start()
    server.start()
    try:
        yield device
    finally:
        device.stop()
        os.close(theirs)  # the last end of that side: read on ours ends with EIO
        server.join(5)
        os.close(ours)


@contextlib.contextmanager
def on_tcp(script: Script, *, rtu: bool = False, host: str = "127.0.0.1") -> Iterator[ScriptedMeter]:
    """A device behind a loopback port that serves one connection after the other."""
    device = ScriptedMeter(script, tcp=not rtu)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = device.listener = socket.create_server((host, 0), family=family)
    scheme, name = "rtu+tcp" if rtu else "tcp", f"[{host}]" if ":" in host else host
    device.url = f"{scheme}://{name}:{listener.getsockname()[1]}"
    links: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            links.append(link)
            device.serve(link.fileno())
            link.close()

    server = threading.Thread(target=accept, daemon=True)
    device.start()
    server.start()
    try:
        yield device
    finally:
        device.stop()
        with contextlib.suppress(OSError):  # the script may have closed it
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for link in links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        server.join(5)
        for link in links:
            link.close()
