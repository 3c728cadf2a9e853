"""A meter on a virtual clock that misbehaves as told: a bus for `drivers.poll.meter.Meter` without a socket.

Nothing here waits: a request moves the clock. Every register of every unit has another value, so a wrong one
cannot pass for right.
"""

import random

from attrs import Factory, define, field

from drivers.clock import NS_PER_S, ClockState, Stamp
from drivers.dlt645.codec import FUNCTION as DLT645_FUNCTION
from drivers.dlt645.codec import ReadId
from drivers.errors import ExceptionReplyError, ReplyTimeoutError, TooEarlyError
from drivers.link.ledger import Ledger, PendingRequest
from drivers.link.transaction import Answer, BusStats
from drivers.link.verdict import Request
from drivers.modbus.bus import OVERTAKEN_LEAST_S
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
        gateway_s: A gateway says exception 11 so long after a request that is not answered; 0 is none.
        lost: Share of the requests that are lost for no reason.
        busy: Share that gets exception 6.
        ledger: Where answers name no request, what an earlier one may still answer is not asked.
        has_ids: Whether reads never wait for each other.
        late: Answers that come after the time-out are told of, as the ledger of a bus does.
    """

    clock: VirtualClock
    latency_s: float = 0.02
    holes: dict[tuple[int, int], int] = Factory(dict)
    registers_max: int = 125
    too_long: int = 3
    deaf_s: float = 0.0
    gateway_s: float = 0.0
    lost: float = 0.0
    busy: float = 0.0
    ledger: Ledger | None = None
    late: bool = True
    has_ids: bool = False
    is_there: bool = True
    chance: random.Random = Factory(lambda: random.Random(1))
    asked: list[Span] = Factory(list)
    at_s: list[float] = Factory(list)
    url: str = "tcp://modelled:502"
    gap_registers_max: int = 31
    stats: BusStats = Factory(BusStats)
    _pending: PendingRequest = field(factory=lambda: Request(0, 3, 0, 1), init=False)
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
        count = self._choose_count(unit_id, function, address, count, spare_registers, timeout_s)
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
        if self.ledger is not None:
            self.ledger.note_answer(self._pending, self.clock.now_s)
        return Answer(words(Asked(unit_id, function, address, count)), self.latency_s)

    def _choose_count(
        self, unit_id: int, function: int, address: int, count: int, spare: int, timeout_s: float
    ) -> int:
        """What the buses do with requests that a late answer could be confused with."""
        ledger = self.ledger
        if ledger is None:
            return count
        if function == DLT645_FUNCTION:
            self._pending = ReadId(f"{unit_id:012X}", address, count)
            wait_s = ledger.rest_s(self._pending.signature, self.clock.now_s)
        else:
            request = Request(unit_id, function, address, count)
            choice = ledger.choose(request, spare, self.clock.now_s)
            self._pending, wait_s = Request(unit_id, function, address, choice.count), choice.wait_s
        if wait_s > max(timeout_s, ledger.duplicate_max_s):
            raise TooEarlyError(wait_s)
        self.clock.sleep(wait_s)
        ledger.note_request(self._pending, self.clock.now_s, overtaken_max_s=OVERTAKEN_LEAST_S)
        return count if function == DLT645_FUNCTION else self._pending.signature.count

    def find_wait_s(
        self, unit_id: int, function: int, address: int, count: int, spare_registers: int
    ) -> float:
        """As `Bus.find_wait_s`."""
        if self.ledger is None:
            return 0.0
        request = Request(unit_id, function, address, count)
        return self.ledger.choose(request, spare_registers, self.clock.now_s).wait_s

    def _be_silent(self, timeout_s: float) -> None:
        if self.gateway_s:
            self.clock.sleep(self.gateway_s - WIRE_S)
            raise ExceptionReplyError(11)
        self.clock.sleep(timeout_s)
        self.stats.timeouts += 1
        raise ReplyTimeoutError("no answer")

    def _refuse(self, code: int) -> None:
        self.clock.sleep(self.latency_s)
        self._answered_s = self.clock.now_s
        raise ExceptionReplyError(code)
