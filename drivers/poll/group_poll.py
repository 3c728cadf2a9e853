"""One poll of one group of a meter: every read of the plan, and looking into those that fail.

A meter that was silent is first asked for one small read, another each time, because what it was asked for
may be what it does not answer. Looking into a read takes so many requests and SEARCH_S_MAX of a poll at most,
and goes on in the next. A read that cannot go out yet, or that got no answer though it was answered before,
is made in parts: they have other lengths. A meter that has never answered anything has to answer one of its
points first.

`read_all` yields the seconds that its next read has to wait, where answers name no registers and reads of one
length follow each other. Who polls several meters of a bus polls another one meanwhile; who does not wait,
but goes on at once, leaves it to the bus, which waits or refuses.
"""

from collections.abc import Generator, Iterator
from typing import Final

from attrs import define, field

from drivers.clock import Clock
from drivers.dlt645.codec import FUNCTION as DLT645_FUNCTION
from drivers.errors import BusDownError, DriverError, ExceptionReplyError
from drivers.link.ledger import DUPLICATE_MAX_S
from drivers.link.transaction import Answer
from drivers.link.verdict import GATEWAY_EXCEPTIONS
from drivers.points.plan import Span
from drivers.poll.asking import WAIT_S_MAX, Asking, GiveUpError, NotAskedError, UnsureError
from drivers.poll.bus import FindWait, MeterBus
from drivers.poll.splitting import Ask, Failed, Failure, Search, Splitting
from drivers.reading import PollGroup

SEARCH_REQUESTS_MAX: Final = 40
"""Requests of a poll that look into failed reads: enough for a meter with one missing point."""
SEARCH_S_MAX: Final = 10.0
"""And their time, because the other meters of the bus wait."""
FAILURES_MAX: Final = 5
"""Failures in a row after which the rest waits for the next poll: each may have cost a time-out."""
FIRST_CANDIDATES: Final = 3
"""Points of which one must be answered before a meter that has never answered is looked into."""
PENDING_MAX: Final = 16
"""Searches that wait for the next poll; more than a model has reads."""

Pending = dict[Span, tuple[Search, Ask]]
"""Searches that go on in the next poll, by the read that failed."""


@define(eq=False, repr=False)
class GroupPoll:
    """One poll of one group.

    Attributes:
        find_wait_s: How long a read has to wait; None where nothing is to be done meanwhile.
        answers: By read, what belongs into the reading.
        why: Why the first read that failed did.
    """

    bus: MeterBus
    clock: Clock
    group: PollGroup
    asking: Asking
    splitting: Splitting
    pending: Pending
    search_requests_max: int
    find_wait_s: FindWait | None = None
    answers: dict[Span, Answer] = field(factory=dict, init=False)
    why: str = field(default="", init=False)
    _refused: list[tuple[Span, Failed]] = field(factory=list, init=False)
    _failures: int = field(default=0, init=False)
    _ends_s: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._ends_s = self.clock.monotonic_s() + SEARCH_S_MAX

    def find_life(self, timeout_s: float, tries: int) -> None:
        """Ask a silent meter for one read: the first that can go out now.

        Raises:
            BusDownError: The bus cannot be used.
            GiveUpError: It is silent.
        """
        candidates = self.splitting.candidates(self.group)
        if not candidates:
            return
        first = tries % len(candidates)
        order = (*candidates[first:], *candidates[:first])
        for number, span in enumerate(order, start=1):
            try:
                self._ask_for_life(span, timeout_s)
            except UnsureError:
                if number == len(order):
                    raise
            else:
                return

    def _ask_for_life(self, span: Span, timeout_s: float) -> None:
        """Ask a silent meter for `span`. Errors as in `find_life`."""
        try:
            spare = self.asking.count_spare(span)
            answer = self.asking.ask_once(self.bus, self.clock, span, timeout_s=timeout_s, spare=spare)
        except BusDownError:
            raise
        except DriverError as error:
            if isinstance(error, ExceptionReplyError) and error.code not in GATEWAY_EXCEPTIONS:
                return
            raise GiveUpError(self.asking.explain(error), silent=True) from error
        self.splitting.note_answer(span)
        if span in self.splitting.plan(self.group):
            self.answers[span] = answer

    def read_all(self) -> Iterator[float]:
        """Every read of the plan, and what has to be tried beside it; yields the waits before them, s.

        After a read that says nothing of the meter the others are asked all the same, to learn from them.

        Raises:
            BusDownError: The bus cannot be used.
            GiveUpError: There is no reading.
        """
        unsure: UnsureError | None = None
        for span in self.splitting.plan(self.group):
            if span in self.answers:
                continue
            try:
                yield from self._read(span)
            except UnsureError as error:
                unsure = unsure or error
                self._failures += 1
                if not self.asking.answers or self._failures >= FAILURES_MAX:
                    break
            if self._failures >= FAILURES_MAX and not self.answers:
                return
        if unsure is not None:
            raise unsure
        if self.answers:  # so the meter is there, and what it refused is not
            for span, failed in self._refused:
                self.splitting.note_trial(span, failed, self.clock.monotonic_s())
        self._try_alone()

    def _read(self, span: Span) -> Iterator[float]:
        """One read of the plan; yields the waits before it."""
        if span in self.pending:
            self._drive(span, *self.pending.pop(span))
            return
        yield from self._wait(span)
        try:
            failed = self._ask(Ask(span))
        except NotAskedError:
            is_known = span.function == DLT645_FUNCTION or self.splitting.was_answered(span)
            if is_known and (yield from self._read_in_parts(span)):
                return
            if not 0.0 < (wait_s := self._find_wait_s(span)) <= WAIT_S_MAX or not self.asking.answers:
                raise
            yield wait_s
            failed = self._ask(Ask(span))
        if failed is not None:
            self.why = self.why or failed.why
            yield from self._look_into(span, failed)

    def _wait(self, span: Span) -> Iterator[float]:
        """Yield the time that a read has to wait; where nobody does, the bus itself waits, or refuses."""
        if 0.0 < (wait_s := self._find_wait_s(span)) <= max(self.asking.timeout.poll_s, DUPLICATE_MAX_S):
            yield wait_s

    def _find_wait_s(self, span: Span) -> float:
        """How long a read has to wait, as far as somebody can make use of it."""
        if self.find_wait_s is None or span.function == DLT645_FUNCTION:
            return 0.0
        spare = self.asking.count_spare(span)
        return self.find_wait_s(self.asking.station, span.function, span.address, span.count, spare)

    def _read_in_parts(self, span: Span) -> Generator[float, None, bool]:
        """Read what cannot be asked for whole in requests of other lengths, whose answers cannot be confused.

        Yields the waits before them. Returns whether all of it was read.
        """
        for part in self.splitting.split(self.group, span):
            yield from self._wait(part)
            try:
                failed = self._ask(Ask(part))
            except NotAskedError:
                if not (yield from self._read_in_parts(part)):
                    return False
            else:
                if failed is not None:
                    return False
        return not self.splitting.is_point(self.group, span)

    def _look_into(self, span: Span, failed: Failed) -> Iterator[float]:
        """Find out what is wrong with a read; yields the waits of its parts."""
        if not self.splitting.may_search(span):
            if failed.how is Failure.SILENT and (yield from self._read_in_parts(span)):
                return
            raise GiveUpError(failed.why)
        is_point = self.splitting.is_point(self.group, span)
        if self.splitting.witness is None and is_point and failed.how is Failure.REFUSED:
            self._refused.append((span, failed))
            return
        self._find_witness(span, failed)
        search = self.splitting.search(self.group, span, failed, self.clock.monotonic_s())
        ask = next(search, None)
        if ask is not None:
            self._drive(span, search, ask)

    def _find_witness(self, span: Span, failed: Failed) -> None:
        """See that the meter answers something else right now, or raise GiveUpError."""
        witness = self.splitting.find_witness(span)
        if witness is not None and witness != span:
            self.asking.see_alive(self.bus, self.clock, witness, failed)
            return
        others = self.splitting.next_others(self.group, span, min(FIRST_CANDIDATES, self.search_requests_max))
        if not any(self._ask(Ask(one, keep=False)) is None for one in others):
            raise GiveUpError(failed.why)

    def _drive(self, span: Span, search: Search, ask: Ask) -> None:
        """Ask what a search wants, as far as this poll may."""
        while True:
            if self._is_over():
                self._put_off(span, search, ask)
                return
            try:
                failed = self._ask(ask)
            except GiveUpError:
                self._put_off(span, search, ask)
                raise
            try:
                ask = search.send(failed)
            except StopIteration:
                return

    def _put_off(self, span: Span, search: Search, ask: Ask) -> None:
        if len(self.pending) >= PENDING_MAX:
            self.pending.clear()
        self.pending[span] = (search, ask)

    def _is_over(self) -> bool:
        """Whether this poll may look into no more reads."""
        is_spent = self.asking.requests >= self.search_requests_max or self._failures >= FAILURES_MAX
        return is_spent or self.clock.monotonic_s() >= self._ends_s

    def _try_alone(self) -> None:
        """Ask for the points that may be missing."""
        for span in self.splitting.trials(self.group, self.clock.monotonic_s()):
            if self._is_over():
                return
            try:
                failed = self._ask(Ask(span), calm=True)
            except GiveUpError:
                return  # it says nothing of this point, and spoils no reading
            if failed is not None:
                self.splitting.note_trial(span, failed, self.clock.monotonic_s())

    def _ask(self, ask: Ask, *, calm: bool = False) -> Failed | None:
        """Ask for one read and note what came."""
        answer = self.asking.ask(self.bus, self.clock, ask.span, calm=calm)
        if isinstance(answer, Failed):
            self._failures += 1
            return answer
        self._failures = 0
        self.splitting.note_answer(ask.span)
        if ask.keep:
            self.answers[ask.span] = answer
        return None
