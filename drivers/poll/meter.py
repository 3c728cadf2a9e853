"""One meter: the poll of one group of its points, and what is learned on the way.

`poll` never raises for a fault of the meter: a read without a proper answer becomes a bad reading
with its reason. Only `BusDownError` is raised, because it concerns every meter of the bus. A group is read
as far as the meter has it (`drivers.poll.group_poll`); a read that fails for now spoils the whole reading.

What is learned, each by its own machine:

- `drivers.poll.timeout`: how long it is waited for;
- `drivers.poll.pause`: how long it is deaf after an answer, and the whole bus;
- `drivers.poll.splitting`: which registers it has, and how many it answers in one read;
- `drivers.poll.asking`: decides when a refusal or a silence is a fact, and asks a busy meter again.
"""

from collections.abc import Generator
from typing import Final

from attrs import define, field

from drivers.clock import NS_PER_S, Clock
from drivers.dlt645.codec import FUNCTION as DLT645_FUNCTION
from drivers.link.verdict import GATEWAY_EXCEPTIONS
from drivers.link.verdict import SERIAL_UNIT_ID_MAX as METER_UNIT_ID_MAX
from drivers.points.plan import Span
from drivers.poll.asking import EXCEPTION, Asking, GiveUpError
from drivers.poll.bus import FindWait, MeterBus
from drivers.poll.group_poll import SEARCH_REQUESTS_MAX, GroupPoll, Pending
from drivers.poll.learned import PAUSE_S_MAX, SLOWEST_S_MAX, LearnedMeter, Missing, meter_key, name_points
from drivers.poll.pause import BusState, Pause, Quiet
from drivers.poll.setup import MeterSetup
from drivers.poll.splitting import Splitting
from drivers.poll.timeout import AnswerTimeout
from drivers.reading import Block, PollGroup, Quality, Reading

__all__ = ["METER_UNIT_ID_MAX", "BusState", "Meter", "MeterSetup", "bad_reading", "is_refusal"]

SPARE_REGISTERS_MAX: Final = 6
"""Registers that may be read after a span to make requests differ: as many unanswered requests as a
silent meter gathers within `drivers.link.ledger.LATE_MAX_S`."""

UNSURE: Final = "no answer so far"
"""Why a point is left out that is still tried."""

PollSteps = Generator[float, None, Reading]
"""A poll: yields the seconds that its next read has to wait, in which others may be polled, and returns the
reading. Who goes on at once gets the same reading, later or without the read."""

_LEFT_OUT: Final = "left out: "


@define(eq=False, repr=False)
class Meter:
    """A meter on a bus whose reads may run over `gap_registers_max` unused registers.

    `search_requests_max` is for who would rather do without points than wait for them.
    """

    setup: MeterSetup
    gap_registers_max: int
    shared: BusState = field(factory=BusState, kw_only=True)
    search_requests_max: int = field(default=SEARCH_REQUESTS_MAX, kw_only=True)
    _asking: Asking = field(init=False)
    _splitting: Splitting = field(init=False)
    _pending: Pending = field(factory=dict, init=False)
    _was_silent: bool = field(default=False, init=False)
    _tries: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        setup, model = self.setup, self.setup.model
        own, bus = model.gap_registers_max, self.gap_registers_max
        self._splitting = Splitting(model, setup.request_registers_max, bus if own is None else min(own, bus))
        self._asking = Asking(
            setup.station,
            AnswerTimeout(setup.timeout_s),
            Quiet(setup.station, Pause(setup.pause_s, least_s=model.pause_s or 0.0), self.shared),
            self.count_spare,
            self._splitting.find_witness,
            self._splitting.was_answered,
        )

    @property
    def timeout_s(self) -> float:
        """How long a request of a poll is waited for at present."""
        return self._asking.timeout.poll_s

    def spans(self, group: PollGroup) -> tuple[Span, ...]:
        """The reads that a poll of `group` makes."""
        return self._splitting.plan(group)

    def has_more_to_search(self) -> bool:
        """Whether a search for what the meter has goes on with the next poll."""
        return bool(self._pending)

    @property
    def was_heard(self) -> bool:
        """Whether it answered or refused anything in its last poll, whatever became of the reading."""
        return self._asking.answers > 0

    @property
    def left_out(self) -> dict[str, str]:
        """The points of the model that are not read, and why."""
        found = [*self._splitting.missing, *(Missing(span, UNSURE) for span in self._splitting.suspects)]
        return name_points(self.setup.model, found)

    def learned(self, url: str) -> LearnedMeter:
        """What is known of it on the bus at `url`."""
        known = LearnedMeter(
            meter_key(url, self.setup.station, self.setup.model.hash),
            min(self._asking.timeout.slowest_s, SLOWEST_S_MAX),
            min(self._asking.quiet.pause.learned_s, PAUSE_S_MAX),
        )
        return self._splitting.save(known)

    def begin_with(self, learned: LearnedMeter, url: str, now_s: float) -> None:
        """Begin with what was learned before, if it was of this meter."""
        if learned.key == meter_key(url, self.setup.station, self.setup.model.hash):
            self._asking.timeout.slowest_s = learned.slowest_s
            self._asking.quiet.pause.learned_s = learned.pause_s
            self._splitting.load(learned, now_s)

    def poll(self, bus: MeterBus, group: PollGroup, clock: Clock, *, probe: bool = False) -> Reading:
        """One reading of `group`; a `probe` only checks whether a silent meter is back.

        Raises:
            BusDownError: The bus cannot be used.
        """
        steps = self.begin_poll(bus, group, clock, probe=probe)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                reading: Reading = end.value
                return reading

    def begin_poll(
        self,
        bus: MeterBus,
        group: PollGroup,
        clock: Clock,
        *,
        probe: bool = False,
        find_wait_s: FindWait | None = None,
    ) -> PollSteps:
        """A poll as a generator; see `PollSteps`. One at a time of each meter.

        Args:
            bus: Where the meter is.
            group: What is read.
            clock: Of the waits.
            probe: Whether this only checks if a silent meter is back.
            find_wait_s: That of the bus, if others can be polled in the waits.

        Raises:
            BusDownError: The bus cannot be used.
        """
        asking = self._asking
        asking.begin_poll()
        poll = GroupPoll(
            bus, clock, group, asking, self._splitting, self._pending, self.search_requests_max, find_wait_s
        )
        timeout_s = asking.timeout.poll_s
        try:
            if probe or self._was_silent:
                shared = self.shared.is_shared(asking.station, clock.monotonic_s())
                if probe or (shared and not asking.timeout.is_known):
                    timeout_s = asking.timeout.next_probe_s(shared=shared)
                poll.find_life(timeout_s, self._tries)
            yield from poll.read_all()
        except GiveUpError as error:
            if error.silent:
                self._note_silence(timeout_s, clock)
            elif asking.answers:
                self._was_silent, self._tries = False, 0
            return bad_reading(self.setup, group, clock, str(error))
        self._was_silent, self._tries = False, 0
        return self._make_reading(poll, group, clock)

    def _make_reading(self, poll: GroupPoll, group: PollGroup, clock: Clock) -> Reading:
        """The reading of a poll that was not given up."""
        if not poll.answers:
            why = poll.why or self._splitting.find_reason(group) or "nothing to read"
            reason = why if why.startswith(EXCEPTION) else _LEFT_OUT + why
            return bad_reading(self.setup, group, clock, reason)
        latency_s = max(answer.latency_s for answer in poll.answers.values())
        blocks = tuple(
            Block(span.function, span.address, answer.words) for span, answer in sorted(poll.answers.items())
        )
        return Reading(
            self.setup.id,
            group,
            clock.stamp(),
            self.setup.model.hash,
            blocks,
            latency_ns=round(latency_s * NS_PER_S),
        )

    def count_spare(self, span: Span, *, known: bool = False) -> int:
        """How many registers after `span` may be read too; `known`: only those it has answered so."""
        model, most = self.setup.model, self._splitting.longest
        if span.function == DLT645_FUNCTION or self._splitting.gap_registers_max == 0:
            return 0
        stops = {*model.barriers, *((hole.function, hole.address) for hole in self._splitting.holes)}
        ends = [at for function, at in stops if function == span.function and at >= span.end]
        room = min(ends, default=span.end + SPARE_REGISTERS_MAX) - span.end
        room = max(min(room, SPARE_REGISTERS_MAX, most - span.count), 0)
        return self._splitting.limit_spare(span, room, known=known)

    def _note_silence(self, waited_s: float, clock: Clock) -> None:
        self._was_silent = True
        self._tries += 1
        shared = self.shared.is_shared(self._asking.station, clock.monotonic_s())
        self._asking.timeout.note_silence(waited_s, shared=shared)


def is_refusal(reading: Reading) -> bool:
    """Whether the meter is there, but refused. An exception of a gateway means that the meter is silent."""
    if reading.quality is not Quality.BAD:
        return False
    if reading.reason.startswith(_LEFT_OUT):
        return True
    code = reading.reason.removeprefix(EXCEPTION)
    return code != reading.reason and int(code) not in GATEWAY_EXCEPTIONS


def bad_reading(setup: MeterSetup, group: PollGroup, clock: Clock, reason: str) -> Reading:
    """A reading without values, and the reason."""
    return Reading(setup.id, group, clock.stamp(), setup.model.hash, quality=Quality.BAD, reason=reason)
