"""One meter: its setup, and the poll of one group of its points.

`poll` never raises for a fault of the meter: a read without a proper answer becomes a bad reading
with its reason. Only `BusDownError` is raised, because it concerns every meter of the bus. A
group is read whole or not at all, and the first read that fails ends the poll, so that a silent meter
costs one time-out per poll.

What is learned about a meter, for as long as the process runs:

- **Holes.** An exception 2 or 3 to a read that runs over registers without a point means that these
  registers are not there: the read is split at them for good and tried again at once. Not if the
  previous poll was unanswered, because the exception may belong to it.
- **Data ids that it does not have** (DL/T 645). Those of optional points are not read again.
- **Its time-out**: four times the slowest recent answer, doubled by every silence until it answers;
  before the first answer TIMEOUT_FIRST_S once, and PROBE_FIRST_S after that.
  A probe of a meter known to be silent waits twice as long as that answer, or PROBE_FIRST_S, and only
  one in PROBE_FULL_EVERY as long as a poll, because the other meters of the bus have to wait.
"""

from typing import Final

from attrs import Factory, define, field

from drivers.clock import NS_PER_S, Clock
from drivers.dlt645.codec import FUNCTION as DLT645_FUNCTION
from drivers.dlt645.codec import NO_SUCH_DATA
from drivers.errors import BusDownError, DriverError, ExceptionReplyError
from drivers.link.verdict import GATEWAY_EXCEPTIONS
from drivers.link.verdict import SERIAL_UNIT_ID_MAX as METER_UNIT_ID_MAX
from drivers.modbus.bus import ILLEGAL_REGISTERS
from drivers.points.plan import Span, plan
from drivers.poll.bus import MeterBus
from drivers.poll.setup import MeterSetup
from drivers.reading import Block, PollGroup, Quality, Reading

__all__ = ["METER_UNIT_ID_MAX", "Meter", "MeterSetup", "bad_reading", "is_refusal"]

TIMEOUT_FIRST_S: Final = 1.0
"""Before anything is known of a meter; the slowest meters in use answer within half of it."""
TIMEOUT_MIN_S: Final = 0.2
"""Meters pause occasionally to write their counters."""
TIMEOUT_MAX_S: Final = 2.0
"""A bus of many meters must not wait longer for one of them."""
TIMEOUT_LATENCIES: Final = 4.0
"""Time-out as a multiple of the measured latency: below it a busy meter is taken for a silent one."""
PROBE_FIRST_S: Final = 0.3
PROBE_LATENCIES: Final = 2.0
PROBE_FULL_EVERY: Final = 8
"""Nearly every meter answers within PROBE_FIRST_S. One that has become slower than twice its slowest
answer, or is slower from the start, is found by the eighth probe."""
LATENCY_FADES: Final = 0.9
"""How much of the slowest answer is remembered from one poll to the next."""
SPARE_REGISTERS_MAX: Final = 6
"""Registers that may be read after a span to make requests differ: as many unanswered requests as a
silent meter gathers within `drivers.link.ledger.LATE_MAX_S`."""

_REFUSED: Final = "exception "


@define
class Meter:
    """A meter on a bus whose reads may run over `gap_registers_max` unused registers."""

    setup: MeterSetup
    gap_registers_max: int
    timeout_s: float = TIMEOUT_FIRST_S
    _station: int = field(init=False)
    _slowest_s: float = 0.0
    _was_silent: bool = False
    _holes: set[Span] = Factory(set)
    _plans: dict[PollGroup, tuple[Span, ...]] = Factory(dict)
    _reads: dict[PollGroup, tuple[tuple[Span, int], ...]] = Factory(dict)
    _probes: int = 0

    def __attrs_post_init__(self) -> None:
        self._station = self.setup.station

    def poll(self, bus: MeterBus, group: PollGroup, clock: Clock, *, probe: bool = False) -> Reading:
        """One reading of `group`; a `probe` only checks whether a silent meter is back.

        Raises:
            BusDownError: The bus cannot be used.
        """
        timeout_s = self._probe_timeout_s() if probe else 0.0
        while True:
            try:
                blocks, latency_s = self._read(bus, group, timeout_s)
            except BusDownError:
                raise
            except _RefusedSpanError as refusal:
                if refusal.code in GATEWAY_EXCEPTIONS:
                    self._was_silent = True
                elif self._learn(refusal, group):
                    continue
                return bad_reading(self.setup, group, clock, f"{_REFUSED}{refusal.code}")
            except DriverError as error:
                self._note_silence(probe=probe)
                return bad_reading(self.setup, group, clock, str(error))
            self._was_silent = False
            return Reading(
                self.setup.id,
                group,
                clock.stamp(),
                self.setup.model.hash,
                blocks,
                latency_ns=round(latency_s * NS_PER_S),
            )

    def spans(self, group: PollGroup) -> tuple[Span, ...]:
        """The reads that a poll of `group` makes."""
        if group not in self._plans:
            model = self.setup.model
            self._plans[group] = plan(
                model.group(group),
                registers_max=model.request_registers_max,
                gap_registers_max=self._gap_registers_max(),
                barriers=model.barriers,
                holes=frozenset(self._holes),
            )
        return self._plans[group]

    def _gap_registers_max(self) -> int:
        own = self.setup.model.gap_registers_max
        return self.gap_registers_max if own is None else min(own, self.gap_registers_max)

    def _probe_timeout_s(self) -> float:
        self._probes += 1
        if self._probes % PROBE_FULL_EVERY == 0:
            return self._usual_timeout_s() if self._slowest_s else TIMEOUT_FIRST_S
        known_s = max(PROBE_LATENCIES * self._slowest_s, TIMEOUT_MIN_S)
        return min(known_s, TIMEOUT_MAX_S) if self._slowest_s else PROBE_FIRST_S

    def _usual_timeout_s(self) -> float:
        return min(max(TIMEOUT_LATENCIES * self._slowest_s, TIMEOUT_MIN_S), TIMEOUT_MAX_S)

    def _plan_reads(self, group: PollGroup) -> tuple[tuple[Span, int], ...]:
        """The reads of a group, each with the number of registers after it that may be read too."""
        reads = self._reads.get(group)
        if reads is None:
            reads = self._reads[group] = tuple((span, self._count_spare(span)) for span in self.spans(group))
        return reads

    def _read(self, bus: MeterBus, group: PollGroup, timeout_s: float) -> tuple[tuple[Block, ...], float]:
        """The answers; `timeout_s` is 0 for as long as this meter may take."""
        blocks = []
        latency_s = 0.0
        for span, spare_registers in self._plan_reads(group):
            try:
                answer = bus.read(
                    self._station,
                    span.function,
                    span.address,
                    span.count,
                    timeout_s=timeout_s or self.timeout_s,
                    spare_registers=spare_registers,
                )
            except ExceptionReplyError as error:
                raise _RefusedSpanError(error.code, span) from error
            blocks.append(Block(span.function, span.address, answer.words))
            latency_s = max(latency_s, answer.latency_s)
            self._adapt(answer.latency_s)
            timeout_s = 0.0
        return tuple(blocks), latency_s

    def _count_spare(self, span: Span) -> int:
        """How many registers after `span` may be read too."""
        model = self.setup.model
        if self._gap_registers_max() == 0:
            return 0
        stops = {*model.barriers, *((hole.function, hole.address) for hole in self._holes)}
        ends = [at for function, at in stops if function == span.function and at >= span.end]
        room = min(ends, default=span.end + SPARE_REGISTERS_MAX) - span.end
        return max(min(room, SPARE_REGISTERS_MAX, model.request_registers_max - span.count), 0)

    def _adapt(self, latency_s: float) -> None:
        self._slowest_s = max(latency_s, self._slowest_s * LATENCY_FADES)
        self.timeout_s = self._usual_timeout_s()

    def _note_silence(self, *, probe: bool) -> None:
        self._was_silent = True
        if not self._slowest_s:
            self.timeout_s = PROBE_FIRST_S
        elif not probe:
            self.timeout_s = min(2 * self.timeout_s, TIMEOUT_MAX_S)

    def _learn(self, refusal: "_RefusedSpanError", group: PollGroup) -> bool:
        """Whether the refusal showed holes not known before."""
        was_silent, self._was_silent = self._was_silent, False
        if refusal.span.function == DLT645_FUNCTION:
            holes = self._find_missing_data(refusal, group)
        elif was_silent or refusal.code not in ILLEGAL_REGISTERS:
            return False
        else:
            holes = set(self._find_gaps(refusal.span, group)) - self._holes
        self._holes |= holes
        self._plans.clear()
        self._reads.clear()
        return bool(holes)

    def _find_missing_data(self, refusal: "_RefusedSpanError", group: PollGroup) -> set[Span]:
        """The refused data id, if this poll can do without it."""
        points = [point for point in self.setup.model.group(group) if point.address == refusal.span.address]
        is_optional = all(point.optional for point in points) and len(self.spans(group)) > 1
        return {refusal.span} if is_optional and refusal.code & NO_SUCH_DATA else set()

    def _find_gaps(self, span: Span, group: PollGroup) -> list[Span]:
        """The runs of registers within `span` that no point of the group lies in."""
        points = sorted(
            (point.address, point.count)
            for point in self.setup.model.group(group)
            if point.function == span.function and span.address <= point.address < span.end
        )
        gaps = []
        end = span.address
        for address, count in points:
            if address > end:
                gaps.append(Span(span.function, end, address - end))
            end = max(end, address + count)
        return gaps


class _RefusedSpanError(Exception):
    """The meter refused one of the reads of a poll."""

    def __init__(self, code: int, span: Span) -> None:
        super().__init__(code, span)
        self.code = code
        self.span = span


def is_refusal(reading: Reading) -> bool:
    """Whether the meter is there, but refused. An exception of a gateway means that the meter is silent."""
    if reading.quality is not Quality.BAD or not reading.reason.startswith(_REFUSED):
        return False
    return int(reading.reason.removeprefix(_REFUSED)) not in GATEWAY_EXCEPTIONS


def bad_reading(setup: MeterSetup, group: PollGroup, clock: Clock, reason: str) -> Reading:
    """A reading without values, and the reason."""
    return Reading(setup.id, group, clock.stamp(), setup.model.hash, quality=Quality.BAD, reason=reason)
