"""A meter on a virtual clock that misbehaves as told: a bus for `drivers.poll.meter.Meter` without a socket.

Nothing here waits: a request moves the clock. Every register of every unit has another value, so a wrong one
cannot pass for right.
"""

import random

from attrs import Factory, define, field

from drivers.clock import NS_PER_S, ClockState, Stamp
from drivers.errors import ExceptionReplyError, ReplyTimeoutError
from drivers.link.transaction import Answer, BusStats
from drivers.points.plan import Span
from tests.drivers.scripted_meter import Asked, words

WIRE_S = 0.001


@define
class VirtualClock:
    """A clock that moves only when somebody waits."""

    now_s: float = 1000.0

    def stamp(self) -> Stamp:
        nanoseconds = round(self.now_s * NS_PER_S)
        return Stamp(nanoseconds, nanoseconds, bytes(16), ClockState.SIMULATED)

    def monotonic_s(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += max(seconds, 0.0)

    def real_s(self, seconds: float) -> float:
        return seconds


@define
class ModelledMeter:
    """The bus of one meter.

    Attributes:
        holes: (function, register) → the exception to a read that touches it, or 0 for silence.
        registers_max: Longer reads get `too_long`: an exception, or 0 for silence.
        deaf_s: How long after an answer it hears nothing.
        lost: Share of the requests that are lost for no reason.
        busy: Share that gets exception 6.
        late: Answers that come after the time-out are told of, as the ledger of a bus does.
    """

    clock: VirtualClock
    latency_s: float = 0.02
    holes: dict[tuple[int, int], int] = Factory(dict)
    registers_max: int = 125
    too_long: int = 3
    deaf_s: float = 0.0
    lost: float = 0.0
    busy: float = 0.0
    late: bool = True
    is_there: bool = True
    chance: random.Random = Factory(lambda: random.Random(1))
    asked: list[Span] = Factory(list)
    at_s: list[float] = Factory(list)
    url: str = "tcp://modelled:502"
    gap_registers_max: int = 31
    stats: BusStats = Factory(BusStats)
    _answered_s: float = field(default=float("-inf"), init=False)

    def close(self) -> None:
        """Nothing is open."""

    def read(
        self,
        unit_id: int,
        function: int,
        address: int,
        count: int,
        *,
        timeout_s: float,
        spare_registers: int = 0,
    ) -> Answer:
        del spare_registers
        sent_s = self.clock.now_s
        self.asked.append(Span(function, address, count))
        self.at_s.append(sent_s)
        self.stats.requests += 1
        self.clock.sleep(WIRE_S)
        is_deaf = sent_s - self._answered_s < self.deaf_s
        if not self.is_there or is_deaf or self.chance.random() < self.lost:
            self._be_silent(timeout_s)
        if self.chance.random() < self.busy:
            self._refuse(6)
        touched = [self.holes.get((function, at)) for at in range(address, address + count)]
        codes = [code for code in touched if code is not None]
        if count > self.registers_max:
            codes.insert(0, self.too_long)
        if codes and not codes[0]:
            self._be_silent(timeout_s)
        if codes:
            self._refuse(codes[0])
        if self.latency_s > timeout_s:
            if self.late:
                self.stats.late_s[unit_id] = self.latency_s
            self._be_silent(timeout_s)
        self.clock.sleep(self.latency_s)
        self._answered_s = self.clock.now_s
        return Answer(words(Asked(unit_id, function, address, count)), self.latency_s)

    def _be_silent(self, timeout_s: float) -> None:
        self.clock.sleep(timeout_s)
        self.stats.timeouts += 1
        raise ReplyTimeoutError("no answer")

    def _refuse(self, code: int) -> None:
        self.clock.sleep(self.latency_s)
        self._answered_s = self.clock.now_s
        raise ExceptionReplyError(code)
