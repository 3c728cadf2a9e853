"""Asks one meter for one read, and again where the answer is no fact yet.

- **Busy** (exceptions 5 and 6): asked again after BUSY_FIRST_S, twice that, and so on, within BUSY_S_MAX of a
  poll. What is busy for longer gets one more request a poll and no wait.
- **Refused** by exceptions 1, 2, 3 or "no such data": a fact when it comes twice. Any other refusal that
  comes twice is as good as silence.
- **Silent**: asked once more within the poll, where that costs no more than RETRY_TIMEOUT_S_MAX and the meter
  answers something smaller in between (its *witness*): else it is not there, and waiting on costs the others.
  The exceptions 10 and 11 of a gateway are silence that it has waited for.

Before each request the pauses are kept that the meter and its bus need. A request that is asked again, in
this poll or a later one, waits until deafness cannot be the reason; silence before that is no fact.
"""

import math
from collections.abc import Callable
from typing import Final

from attrs import define, field

from drivers.clock import Clock
from drivers.dlt645.codec import FUNCTION as DLT645_FUNCTION
from drivers.dlt645.codec import NO_SUCH_DATA
from drivers.errors import BusDownError, DriverError, ExceptionReplyError
from drivers.link.ledger import DUPLICATE_MAX_S
from drivers.link.transaction import Answer
from drivers.link.verdict import GATEWAY_EXCEPTIONS
from drivers.points.plan import Span
from drivers.poll.bus import MeterBus
from drivers.poll.pause import CALM_S, Pause
from drivers.poll.splitting import Failed, Failure
from drivers.poll.timeout import AnswerTimeout

ILLEGAL: Final = frozenset({1, 2, 3})
"""Exceptions for a function, an address or a count that the meter does not have."""
BUSY: Final = frozenset({5, 6})
"""Exceptions of a meter that will answer later (Modbus Application Protocol V1.1b3, section 7)."""
BUSY_FIRST_S: Final = 0.05
BUSY_S_MAX: Final = 1.6
"""All waits of a poll for a busy meter: five requests, and a poll of two seconds is not missed."""
AFTER_DUPLICATE_S: Final = 0.02
"""A little later than the ledger of the bus still doubts."""
CALM_MORE_S: Final = 0.005
"""A request that has waited for so much longer has waited for long enough by every reading of the clock."""
WITNESS_TRIES: Final = 3
RETRY_TIMEOUT_S_MAX: Final = 2.0
"""A read with a longer time-out is not asked again in its poll: the next poll does that."""
SHARED_S: Final = 60.0
"""So long after its last answer a meter counts as one that has to wait for the others."""


TOO_LATE: Final = "answers come, but after"
"""In the reason of a reading: the meter is there, and slower than its time-out."""


class GiveUpError(Exception):
    """The poll ends without a reading, for the reason that is the error's text.

    `silent` says whether the meter did not answer at all.
    """

    def __init__(self, reason: str, *, silent: bool = False) -> None:
        super().__init__(reason)
        self.silent = silent


class UnsureError(GiveUpError):
    """There is no reading, but what was seen says nothing of the meter: its other reads are asked."""


@define
class BusState:
    """What all meters of a bus share.

    Attributes:
        pause: What the bus needs after an answer of any meter.
        answered_s: When the last answer of each station came.
    """

    pause: Pause = field(factory=Pause)
    answered_s: dict[int, float] = field(factory=dict)

    def is_shared(self, station: int, now_s: float) -> bool:
        """Whether other meters are alive."""
        return any(now_s - at_s < SHARED_S for one, at_s in self.answered_s.items() if one != station)


@define
class Asking:
    """Asks one meter; see the module.

    Attributes:
        station: Its number on the bus.
        timeout: How long it is waited for.
        pause: What it needs after an answer of its own.
        shared: What it shares with its bus.
        count_spare: How many registers after a read may be read too.
        answers: How many requests it has answered or refused in this poll.
    """

    station: int
    timeout: AnswerTimeout
    pause: Pause
    shared: BusState
    count_spare: Callable[[Span], int]
    answers: int = field(default=0, init=False)
    requests: int = field(default=0, init=False)
    _refused_s: float = field(default=-math.inf, init=False)
    _busy_left_s: float = field(default=BUSY_S_MAX, init=False)
    _busy_first_s: float = field(default=BUSY_FIRST_S, init=False)

    def begin_poll(self) -> None:
        """Count anew."""
        self._busy_left_s = BUSY_S_MAX if self.answers or not self.requests else 0.0
        self._busy_first_s, self.answers, self.requests = BUSY_FIRST_S, 0, 0

    def ask(
        self,
        bus: MeterBus,
        clock: Clock,
        span: Span,
        *,
        witness: Span | None = None,
        calm: bool = False,
    ) -> Answer | Failed:
        """The answer to one read, or why there is none for certain.

        Args:
            bus: Where the meter is.
            clock: Of the waits.
            span: What is read.
            witness: A read that this meter is known to answer.
            calm: Whether to wait first until the meter cannot be deaf.

        Raises:
            BusDownError: The bus cannot be used.
            GiveUpError: The meter is busy, or not there.
            UnsureError: It may have been deaf, or cannot be asked yet.
        """
        seen: Failed | None = None
        while True:
            try:
                is_again = seen is not None and seen.how is Failure.REFUSED
                spare = 0 if is_again else self.count_spare(span)
                return self.ask_once(bus, clock, span, spare=spare, calm=calm or seen is not None)
            except BusDownError:
                raise
            except ExceptionReplyError as error:
                if error.code in BUSY and span.function != DLT645_FUNCTION:
                    self._wait_busy(clock, error)
                    continue
                failed = _judge(span, error)
            except DriverError as error:
                failed = Failed(Failure.SILENT, self.explain(error))
            may_be_deaf = failed.how is Failure.SILENT and self._may_be_deaf(span)
            if seen is not None or (
                failed.how is Failure.SILENT and not self._may_repeat(failed, may_be_deaf)
            ):
                failed = self._confirm(bus, clock, span, failed, witness)
                if may_be_deaf:
                    raise UnsureError(failed.why)
                return failed
            if failed.how is Failure.SILENT:
                self._confirm(bus, clock, span, failed, witness)
            seen = failed

    def ask_once(
        self,
        bus: MeterBus,
        clock: Clock,
        span: Span,
        *,
        timeout_s: float = 0.0,
        spare: int = 0,
        calm: bool = False,
    ) -> Answer:
        """One request. Errors as in `drivers.modbus.bus.Bus.read`, or UnsureError if it cannot go out yet."""
        self._wait_out_refusal(bus, clock)
        calm = calm or self._may_be_deaf(span)
        own_s, bus_s = self._keep_pause(clock, calm=calm)
        before = bus.stats.requests
        self.requests += 1
        try:
            answer = bus.read(
                self.station,
                span.function,
                span.address,
                span.count,
                timeout_s=timeout_s or self.timeout.poll_s,
                spare_registers=spare,
            )
        except ExceptionReplyError as error:
            if error.code in GATEWAY_EXCEPTIONS and span.function != DLT645_FUNCTION:
                self._note_miss(span, own_s, bus_s)
            else:
                self._note_heard(clock, span, own_s, bus_s)
                self._refused_s = clock.monotonic_s()
            raise
        except BusDownError:
            raise
        except DriverError as error:
            if bus.stats.requests == before:  # an earlier answer may still come: this says nothing
                raise UnsureError(str(error)) from error
            self._note_miss(span, own_s, bus_s)
            if (late_s := bus.stats.late_s.pop(self.station, None)) is not None:
                self.timeout.note_late(late_s)
            raise
        self._note_heard(clock, span, own_s, bus_s)
        self._busy_first_s = BUSY_FIRST_S
        self.timeout.note_answer(answer.latency_s)
        return answer

    def _wait_out_refusal(self, bus: MeterBus, clock: Clock) -> None:
        """A refusal names no read: on a serial bus the next one is believed when no duplicate can come."""
        left_s = self._refused_s + DUPLICATE_MAX_S + AFTER_DUPLICATE_S - clock.monotonic_s()
        if left_s > 0 and not bus.url.startswith("tcp:"):
            clock.sleep(left_s)

    def explain(self, error: DriverError) -> str:
        """Why there is no answer; that answers come too late is known from those before."""
        late_s = self.timeout.late_s
        return f"no answer in time; {TOO_LATE} {late_s:.1f} s" if late_s else str(error)

    def _may_be_deaf(self, span: Span) -> bool:
        return self.pause.may_be_deaf(span) or self.shared.pause.may_be_deaf((self.station, span))

    def _may_repeat(self, failed: Failed, may_be_deaf: bool) -> bool:
        is_gateway = (
            not may_be_deaf
            and failed.why.startswith(EXCEPTION)
            and int(failed.why.split()[1]) in GATEWAY_EXCEPTIONS
        )
        return self.timeout.poll_s <= RETRY_TIMEOUT_S_MAX and not is_gateway

    def _confirm(
        self, bus: MeterBus, clock: Clock, span: Span, failed: Failed, witness: Span | None
    ) -> Failed:
        """The failure, if the meter answers something else right now."""
        if failed.how is Failure.REFUSED:
            return failed
        if witness is None or witness == span:
            if self.answers:
                return failed
            raise GiveUpError(failed.why, silent=True)
        self.see_alive(bus, clock, witness, failed)
        return failed

    def see_alive(self, bus: MeterBus, clock: Clock, witness: Span, failed: Failed) -> None:
        """Return if the meter answers `witness` right now, else raise GiveUpError because it has `failed`."""
        tries = WITNESS_TRIES if self.answers else 1  # it has answered in this poll: the witness may be lost
        for left in reversed(range(tries)):
            try:
                self.ask_once(bus, clock, witness, spare=self.count_spare(witness), calm=True)
            except BusDownError:
                raise
            except DriverError as error:
                is_refusal = isinstance(error, ExceptionReplyError) and error.code not in GATEWAY_EXCEPTIONS
                if not left:
                    raise GiveUpError(failed.why, silent=not is_refusal) from error
            else:
                return

    def _wait_busy(self, clock: Clock, error: ExceptionReplyError) -> None:
        wait_s, self._busy_first_s = self._busy_first_s, 2 * self._busy_first_s
        if wait_s > self._busy_left_s:
            raise GiveUpError(str(error)) from error
        self._busy_left_s -= wait_s
        clock.sleep(wait_s)

    def _keep_pause(self, clock: Clock, *, calm: bool) -> tuple[float, float]:
        """Wait for as long as meter and bus need; returns the silence after both."""
        own_s, bus_s = self._gaps_s(clock)
        own_needs_s, bus_needs_s = self.pause.pause_s, self.shared.pause.pause_s
        if calm:
            own_needs_s = self.pause.calm_s + CALM_MORE_S
            bus_needs_s = self.shared.pause.calm_s + CALM_MORE_S
        wait_s = max(own_needs_s - own_s, bus_needs_s - bus_s)
        if wait_s <= 0:
            return own_s, bus_s
        clock.sleep(wait_s)
        return self._gaps_s(clock)

    def _gaps_s(self, clock: Clock) -> tuple[float, float]:
        now_s = clock.monotonic_s()
        own_s = now_s - self.shared.answered_s.get(self.station, -math.inf)
        others = (at_s for one, at_s in self.shared.answered_s.items() if one != self.station)
        return own_s, now_s - max(others, default=-math.inf)

    def _note_miss(self, span: Span, own_s: float, bus_s: float) -> None:
        self.pause.note_miss(own_s, span)
        if own_s >= CALM_S:
            self.shared.pause.note_miss(bus_s, (self.station, span))

    def _note_heard(self, clock: Clock, span: Span, own_s: float, bus_s: float) -> None:
        self.answers += 1
        now_s = clock.monotonic_s()
        self.shared.answered_s[self.station] = now_s
        self.pause.note_heard(own_s, span, now_s)
        if own_s >= CALM_S:
            self.shared.pause.note_heard(bus_s, (self.station, span), now_s)


EXCEPTION: Final = "exception "


def _judge(span: Span, error: ExceptionReplyError) -> Failed:
    """Whether a refusal is about the registers."""
    is_dlt645 = span.function == DLT645_FUNCTION
    is_fact = bool(error.code & NO_SUCH_DATA) if is_dlt645 else error.code in ILLEGAL
    return Failed(Failure.REFUSED if is_fact else Failure.SILENT, f"{EXCEPTION}{error.code}")
