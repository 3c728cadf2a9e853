"""When the answers of one bus are sent, and in which order its meters are asked.

Delays and pacing are times of the plant's clock; `Pace` turns them into real ones by the clock's speed
without its floor for waits, because nothing here waits for a peer. Answers of one bus with a serial wire
never overlap, and behind a gateway (firmware_sim.quirks) a meter is asked only when the one before is done.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from attrs import define, field

from drivers.clock import NS_PER_S, Clock
from firmware_sim.bus_faults import Outgoing
from firmware_sim.layout import BusKind
from firmware_sim.pacing import Part, duration_s, split_frame
from firmware_sim.quirks import Absent, QuirkKind
from firmware_sim.serial_line import SerialLine, Turn
from firmware_sim.server_bus import BusCore, Stream

_LONG_S: Final = 1e6
"""Long enough that a clock's floor for short waits does not count."""
PACE_STEP_REAL_S: Final = 0.002
"""Groups of characters are handed over this far apart at least: the loop cannot wait for less."""
_NO_PATH: Final = 10
_NO_ANSWER: Final = 11
_BUSY: Final = 6
"""Exceptions that a gateway says in its own name (Modbus Application Protocol V1.1b3, section 7)."""

Write = Callable[[bytes], None]


class Peer(Protocol):
    """Who sent a request and gets the answer."""

    def write(self, data: bytes) -> None:
        """Send some bytes of an answer."""

    def end_answer(self) -> None:
        """An answer is through."""

    def hang_up(self) -> None:
        """End the connection, if there is one."""


@define
class Pace:
    """When the answers of one bus may be written."""

    core: BusCore
    clock: Clock
    _real_per_s: float = field(init=False)
    _free_at_s: float = field(default=0.0, init=False)
    _line: SerialLine[tuple[Any, Peer]] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._real_per_s = self.clock.real_s(_LONG_S) / _LONG_S
        if (quirk := self.core.quirk(QuirkKind.GATEWAY)) is not None:
            self._line = SerialLine(quirk)

    def answer(self, data: bytes, stream: Stream, peer: Peer) -> None:
        """Take in bytes from one peer and arrange for the answers."""
        for request in stream.feed(data):
            if self._line is None:
                outgoing = self.core.handle(request, self._now_s())
                if outgoing is not None:
                    send = partial(self._begin, outgoing, peer.write, peer.end_answer)
                    self._later(outgoing.delay_s, send)
                continue
            match self._line.offer((request, peer)):
                case Turn.NOW:
                    self._ask(request, peer, self._line)
                case Turn.REFUSED:
                    peer.write(self.core.refuse(request, _BUSY))

    def real_s(self, seconds: float) -> float:
        """How long the loop waits for a time of the plant."""
        return seconds * self._real_per_s

    def _now_s(self) -> float:
        return self.clock.stamp().utc_ns / NS_PER_S

    def _ask(self, request: Any, peer: Peer, line: SerialLine[tuple[Any, Peer]]) -> None:
        """A gateway asks a meter and waits for it."""
        outgoing = self.core.handle(request, self._now_s())
        if outgoing is None or outgoing.delay_s > line.quirk.waits_s:
            self._later(line.quirk.waits_s, partial(self._give_up, request, peer, line))
            return

        def end() -> None:
            peer.end_answer()
            self._ask_next(line)

        self._later(outgoing.delay_s, partial(self._begin, outgoing, peer.write, end))

    def _give_up(self, request: Any, peer: Peer, line: SerialLine[tuple[Any, Peer]]) -> None:
        match line.quirk.absent:
            case Absent.EXCEPTION_11:
                peer.write(self.core.refuse(request, _NO_ANSWER))
            case Absent.EXCEPTION_10:
                peer.write(self.core.refuse(request, _NO_PATH))
            case Absent.HANG_UP:
                peer.hang_up()
        self._ask_next(line)

    def _ask_next(self, line: SerialLine[tuple[Any, Peer]]) -> None:
        if (following := line.finish()) is not None:
            self._ask(*following, line)

    def send_foreign(self, number: int, write: Write) -> None:
        """Send another master's exchange, if there is one now."""
        outgoing = self.core.chatter(self.clock.stamp().utc_ns / NS_PER_S, number)
        if outgoing is not None:
            self._begin(outgoing, write)

    def _begin(self, outgoing: Outgoing, write: Write, end: Callable[[], None] | None = None) -> None:
        """Start sending as soon as the wire is free; `end` is called when all is through."""
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
            wait_s = at_s - now_s + outgoing.then.delay_s
            self._later(wait_s, partial(self._begin, outgoing.then, write, end))
        elif end is not None:
            self._later(at_s - now_s, end)

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        if seconds > 0:
            asyncio.get_running_loop().call_later(self.real_s(seconds), act)
        else:
            act()
