"""Asks one meter for one read, and again where the answer is no fact yet.

- **Busy** (exceptions 5 and 6): asked again after BUSY_FIRST_S, twice that, and so on, within BUSY_S_MAX of a
  poll. What is busy for longer gets one more request a poll and no wait.
- **Refused** by exceptions 1, 2, 3 or "no such data": a fact when it comes twice. Any other refusal that
  comes twice is as good as silence.
- **Silent**: asked once more within the poll, where that costs no more than RETRY_TIMEOUT_S_MAX and the meter
  answers something smaller in between (its *witness*): else it is not there, and waiting on costs the others.
  One of several values that was never answered is not asked again: its parts tell more.
  Where the bus cannot ask again so soon, it counts as silent once. The witness has another length if there
  is one, so that it can be asked, and its answer shows that what was asked before is lost
  (`drivers.link.ledger`).
- **Not asked yet**, because an answer to another read may come that could be taken for it: waited for, where
  no other meter of the bus has to wait.
  The exceptions 10 and 11 of a gateway are silence that it has waited for.

Before each request the pauses are kept that the meter and its bus need. A request that is asked again, in
this poll or a later one, waits until deafness cannot be the reason; silence before that is no fact.
"""

import math
from collections.abc import Callable
from typing import Final, Protocol

from attrs import define, field

from drivers.clock import Clock
from drivers.dlt645.codec import FUNCTION as DLT645_FUNCTION
from drivers.dlt645.codec import NO_SUCH_DATA
from drivers.errors import BusDownError, DriverError, ExceptionReplyError, TooEarlyError
from drivers.link.ledger import DUPLICATE_MAX_S
from drivers.link.transaction import Answer
from drivers.link.verdict import GATEWAY_EXCEPTIONS
from drivers.points.plan import Span
from drivers.poll.bus import MeterBus
from drivers.poll.pause import Gaps, Quiet
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
WITNESS_TRIES: Final = 3
RETRY_TIMEOUT_S_MAX: Final = 2.0
"""A read with a longer time-out, or that cannot go out for longer, is not asked again in its poll: the next
one does that."""
VALUE_REGISTERS_MAX: Final = 4
"""A longer read that was never answered is not asked again but split: its parts tell more."""
WAIT_S_MAX: Final = 3.0
"""As long as a lost answer is feared once a later one has come, on a quick bus."""
EXCEPTION: Final = "exception "
"""So a reason begins that is a refusal."""
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


class NotAskedError(UnsureError):
    """The read cannot go out for `wait_s` more: an earlier answer may come that could be taken for it."""

    def __init__(self, reason: str, wait_s: float) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class CountSpare(Protocol):
    """How many registers after a read may be read too; `known`: only those that were answered with it."""

    def __call__(self, span: Span, *, known: bool = False) -> int:
        """So many."""
        ...


@define(eq=False, repr=False)
class Asking:
    """Asks one meter; see the module.

    Attributes:
        station: Its number on the bus.
        timeout: How long it is waited for.
        quiet: The silence before its requests.
        count_spare: See `CountSpare`.
        find_witness: A read beside this one that the meter is known to answer.
        was_answered: Whether these registers were ever answered in one read.
        answers: How many requests it has answered or refused in this poll.
    """

    station: int
    timeout: AnswerTimeout
    quiet: Quiet
    count_spare: CountSpare
    find_witness: Callable[[Span], Span | None]
    was_answered: Callable[[Span], bool]
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
        calm: bool = False,
    ) -> Answer | Failed:
        """The answer to one read, or why there is none for certain.

        Args:
            bus: Where the meter is.
            clock: Of the waits.
            span: What is read.
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
            except NotAskedError as error:
                if (ends := self._wait_to_ask(clock, span, error, seen)) is not None:
                    return ends
            except DriverError as error:
                if _is_busy(span, error):
                    self._wait_busy(clock, error)
                    continue
                failed = self._judge(span, error)
                if (ends := self._end(bus, clock, span, failed, seen)) is not None:
                    return ends
                seen = failed

    def _wait_to_ask(
        self, clock: Clock, span: Span, error: NotAskedError, seen: Failed | None
    ) -> Failed | None:
        """Wait until a read can go out that has failed as `seen`; or what it comes to without."""
        wait_s_max = RETRY_TIMEOUT_S_MAX
        if seen is None:  # it is waited for where nobody else waits, and the meter answers
            is_shared = self.quiet.shared.is_shared(self.station, clock.monotonic_s())
            wait_s_max = 0.0 if is_shared or not self.answers else WAIT_S_MAX
        elif seen.how is not Failure.SILENT:
            raise error
        elif not self.quiet.may_be_deaf(span):
            return seen  # silent once while the meter answers: more than that is seen in later polls
        if error.wait_s > wait_s_max:
            raise error
        clock.sleep(error.wait_s)
        return None

    def _end(
        self,
        bus: MeterBus,
        clock: Clock,
        span: Span,
        failed: Failed,
        seen: Failed | None,
    ) -> Failed | None:
        """What a read that `failed` comes to, having been `seen` before; None if it is asked again."""
        if failed.how is Failure.REFUSED:
            return None if seen is None else failed
        may_be_deaf = self.quiet.may_be_deaf(span)
        self._confirm(bus, clock, span, failed)
        is_worth_it = self.was_answered(span) or may_be_deaf or span.count <= VALUE_REGISTERS_MAX
        if seen is None and is_worth_it and self._may_repeat(failed, may_be_deaf):
            return None
        if may_be_deaf:
            raise UnsureError(failed.why)
        return failed

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
        """One request. Errors as in `drivers.modbus.bus.Bus.read`, or NotAskedError."""
        self._wait_out_refusal(bus, clock)
        calm = calm or self.quiet.may_be_deaf(span)
        gaps_s = self.quiet.keep(clock, calm=calm)
        self.requests += 1
        before = bus.stats.requests
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
                self.quiet.note_miss(span, gaps_s)
            else:
                self._note_heard(clock, span, gaps_s)
                if span.function != DLT645_FUNCTION:  # there the bus has waited by itself
                    self._refused_s = clock.monotonic_s()
            raise
        except BusDownError:
            raise
        except DriverError as error:
            if bus.stats.requests == before:  # this says nothing of the meter
                wait_s = error.wait_s if isinstance(error, TooEarlyError) else math.inf
                raise NotAskedError(str(error), wait_s) from error
            self.quiet.note_miss(span, gaps_s)
            if (late_s := bus.stats.late_s.pop(self.station, None)) is not None:
                self.timeout.note_late(late_s)
            raise
        self._note_heard(clock, span, gaps_s)
        self._busy_first_s = BUSY_FIRST_S
        self.timeout.note_answer(answer.latency_s)
        return answer

    def _note_heard(self, clock: Clock, span: Span, gaps_s: Gaps) -> None:
        self.answers += 1
        self.quiet.note_heard(span, gaps_s, clock.monotonic_s())

    def _wait_out_refusal(self, bus: MeterBus, clock: Clock) -> None:
        """A refusal names no read: on a serial bus the next one is believed when no duplicate can come."""
        left_s = self._refused_s + DUPLICATE_MAX_S + AFTER_DUPLICATE_S - clock.monotonic_s()
        if left_s > 0 and not bus.url.startswith("tcp:"):
            clock.sleep(left_s)

    def explain(self, error: DriverError) -> str:
        """Why there is no answer; that answers come too late is known from those before."""
        late_s = self.timeout.late_s
        return f"no answer in time; answers come, but after {late_s:.1f} s" if late_s else str(error)

    def _judge(self, span: Span, error: DriverError) -> Failed:
        """Whether the registers are refused, or silent."""
        if not isinstance(error, ExceptionReplyError):
            return Failed(Failure.SILENT, self.explain(error))
        is_dlt645 = span.function == DLT645_FUNCTION
        is_fact = bool(error.code & NO_SUCH_DATA) if is_dlt645 else error.code in ILLEGAL
        return Failed(Failure.REFUSED if is_fact else Failure.SILENT, f"{EXCEPTION}{error.code}")

    def _may_repeat(self, failed: Failed, may_be_deaf: bool) -> bool:
        is_gateway = (
            not may_be_deaf
            and failed.why.startswith(EXCEPTION)
            and int(failed.why.split()[1]) in GATEWAY_EXCEPTIONS
        )
        return self.timeout.poll_s <= RETRY_TIMEOUT_S_MAX and not is_gateway

    def _confirm(self, bus: MeterBus, clock: Clock, span: Span, failed: Failed) -> None:
        """Return if the meter is there right now, else raise GiveUpError."""
        witness = self.find_witness(span)
        if witness is not None and witness != span:
            self.see_alive(bus, clock, witness, failed)
        elif not self.answers:
            raise GiveUpError(failed.why, silent=True)

    def see_alive(self, bus: MeterBus, clock: Clock, witness: Span, failed: Failed) -> None:
        """Return if the meter answers `witness` right now, else raise GiveUpError because it has `failed`."""
        tries = WITNESS_TRIES if self.answers else 1  # it has answered in this poll: the witness may be lost
        for left in reversed(range(tries)):
            try:
                self.ask_once(bus, clock, witness, spare=self.count_spare(witness, known=True), calm=True)
            except BusDownError:
                raise
            except DriverError as error:
                is_refusal = isinstance(error, ExceptionReplyError) and error.code not in GATEWAY_EXCEPTIONS
                if not left:
                    raise GiveUpError(failed.why, silent=not is_refusal) from error
            else:
                return

    def _wait_busy(self, clock: Clock, error: DriverError) -> None:
        wait_s, self._busy_first_s = self._busy_first_s, 2 * self._busy_first_s
        if wait_s > self._busy_left_s:
            raise GiveUpError(str(error)) from error
        self._busy_left_s -= wait_s
        clock.sleep(wait_s)


def _is_busy(span: Span, error: DriverError) -> bool:
    is_modbus = span.function != DLT645_FUNCTION
    return is_modbus and isinstance(error, ExceptionReplyError) and error.code in BUSY
