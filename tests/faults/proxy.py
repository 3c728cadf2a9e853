"""A TCP proxy between gateway and broker: delay, loss, a black hole, a link that flaps.

Loss is what TCP makes of it: those that follow a lost segment are acknowledged without it, and it comes
again one round trip later (fast retransmit, RFC 6675; RFC 8985 probes for the last of a burst, which nothing
follows). Everything behind it waits, so order is kept. `tc netem` would do the same in the kernel where
it exists.
"""

import contextlib
import random
import select
import socket
import threading
import time
from collections import deque
from types import TracebackType
from typing import Final, Self

from attrs import define, field

SEGMENT_BYTES: Final = 1400
LOOK_S: Final = 0.05


@define
class _Way:
    """One direction of one connection."""

    source: socket.socket
    target: socket.socket
    waiting: deque[tuple[float, bytes]] = field(factory=deque)
    free_s: float = 0.0


class Proxy:
    """See the module; all attributes may be changed at any time.

    Attributes:
        rtt_s: Round trip: each way takes half of it.
        loss: Part of the segments that is lost once.
        hole: Takes connections and bytes, and passes on nothing.
        shut: Refuses whoever comes.
        connections: How many came.
    """

    def __init__(self, target: int, *, rtt_s: float = 0.0, loss: float = 0.0, seed: int = 1) -> None:
        self.rtt_s, self.loss = rtt_s, loss
        self.hole = self.shut = False
        self.connections = 0
        self._target = target
        self._dice = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._ways: list[_Way] = []
        self._cutting = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._close(list(self._ways))
        self._listener.close()

    def cut(self) -> None:
        """Close every connection."""
        self._cutting.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._cutting.is_set():
                self._cutting.clear()
                self._close(list(self._ways))
            ways = {way.source.fileno(): way for way in self._ways}
            poll = select.poll()
            for fd in (self._listener.fileno(), *ways):
                poll.register(fd, select.POLLIN)
            for fd, _ in poll.poll(self._wait_s() * 1000):
                if fd == self._listener.fileno():
                    self._take()
                elif ways[fd] in self._ways:
                    self._read(ways[fd])
            self._pass_on()

    def _take(self) -> None:
        wire, _ = self._listener.accept()
        self.connections += 1
        if self.shut:
            wire.close()
            return
        far = socket.create_connection(("127.0.0.1", self._target))
        for one in (wire, far):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ways += [_Way(wire, far), _Way(far, wire)]

    def _read(self, way: _Way) -> None:
        try:
            chunk = way.source.recv(SEGMENT_BYTES)
        except OSError:
            chunk = b""
        if not chunk:
            self._close([way])
            return
        if self.hole:
            return
        at_s = time.monotonic() + self.rtt_s / 2
        if self._dice.random() < self.loss:
            at_s += self.rtt_s
        way.free_s = max(way.free_s, at_s)
        way.waiting.append((way.free_s, chunk))

    def _wait_s(self) -> float:
        due_s = min((way.waiting[0][0] for way in self._ways if way.waiting), default=float("inf"))
        return min(max(due_s - time.monotonic(), 0.0), LOOK_S)

    def _pass_on(self) -> None:
        now_s = time.monotonic()
        for way in list(self._ways):
            while way in self._ways and way.waiting and way.waiting[0][0] <= now_s:
                try:
                    way.target.sendall(way.waiting.popleft()[1])
                except OSError:
                    self._close([way])

    def _close(self, ways: list[_Way]) -> None:
        wires = {wire for way in ways for wire in (way.source, way.target)}
        self._ways = [way for way in self._ways if way.source not in wires]
        for wire in wires:
            with contextlib.suppress(OSError):
                wire.close()
