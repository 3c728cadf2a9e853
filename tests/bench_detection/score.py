"""Runs the detector over a case and scores it by events.

A deed is found when a rule that it accepts is raised between its begin (less TOLERANCE_S, because two
definitions of the first sample of a run may differ) and five minutes after its end. The delay counts
from the begin, which for a late start is the end of the grace. A notice finds nothing. Of an episode
that changes its rule (`off` becomes `early_stop`) the last rule counts, and the time of the first raise.

A false alarm is every episode of severity violation or integrity in a run without deeds. A gap taken for
a violation is every violation raised between the begin of a gap and five minutes after its end.
"""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from attrs import frozen

from agent.detect.detector import Detector
from agent.detect.episode import Severity
from agent.detect.learning.commission import commission
from agent.detect.params import LinkageParams
from tests.bench_detection.cases import HOUR_S, MISSING, Case, Event, Line, Pair, lines

AFTER_S: Final = 300
TOLERANCE_S: Final = 30
ADVANCE_SLOTS: Final = 6
"""A live gateway advances at every sample; the result is the same and the run is faster."""
BLOCK_SLOTS: Final = 8640
"""A day of 10 s: a year at once, as lists, would take a gigabyte."""
GRAVE: Final = frozenset({Severity.VIOLATION.value, Severity.INTEGRITY.value})
Sample = tuple[str, float, int, dict[str, float | None]]


@frozen
class Alarm:
    """An alarm of a detector, as far as the score needs it."""

    rule: str
    severity: str
    raised_at_s: float
    begin_at_s: float
    retrospective: bool = False


@frozen
class Found:
    """What became of one deed; `delay_s` and `rule` are None if it was missed."""

    klass: str
    variant: str
    begin_s: float
    end_s: float
    delay_s: float | None
    rule: str | None
    standby: bool

    @property
    def hit(self) -> bool:
        """Whether it was found."""
        return self.delay_s is not None


def judge(case: Case, alarms: Sequence[Alarm]) -> tuple[Found, ...]:
    """What became of each deed of the case."""
    standby = production_standby(case.pair)
    return tuple(_judge(event, alarms, standby=standby) for event in case.events)


def _judge(event: Event, alarms: Sequence[Alarm], *, standby: bool) -> Found:
    fitting = [
        one
        for one in alarms
        if one.rule in event.accepts
        and one.severity != Severity.NOTICE.value
        and event.begin_s - TOLERANCE_S <= one.raised_at_s <= event.end_s + AFTER_S
    ]
    first = min(fitting, key=lambda one: one.raised_at_s, default=None)
    return Found(
        event.klass,
        event.variant,
        event.begin_s,
        event.end_s,
        None if first is None else first.raised_at_s - event.begin_s,
        None if first is None else first.rule,
        standby,
    )


def gaps_taken_for_violations(case: Case, alarms: Sequence[Alarm]) -> int:
    """How many gaps were called a violation of treatment."""
    gaps = [event for event in case.events if event.klass == "gap"]
    return sum(
        any(
            one.severity == Severity.VIOLATION.value and gap.begin_s <= one.raised_at_s <= gap.end_s + AFTER_S
            for one in alarms
        )
        for gap in gaps
    )


def unexplained(case: Case, alarms: Sequence[Alarm], after_s: float = 2 * HOUR_S) -> list[Alarm]:
    """Grave alarms that no deed, nor its aftermath, accounts for."""
    return [
        one
        for one in alarms
        if one.severity in GRAVE
        and not any(
            event.begin_s - HOUR_S / 2 <= one.raised_at_s <= event.end_s + after_s for event in case.events
        )
    ]


def production_standby(pair: Pair) -> bool:
    """Whether production was seen stopped while commissioning, and its meter showed a standby at every stop.

    Else nothing distinguishes a CT that is off from a stop.
    """
    before = pair.production_w[: pair.commission_hours * HOUR_S // pair.dt_s]
    known = before[before != MISSING]
    stopped = known[known < 0.25 * np.quantile(known, 0.95)]
    least = max(20.0, 0.002 * pair.rated_production_w)
    return len(stopped) * pair.dt_s >= HOUR_S and float(np.quantile(stopped, 0.001)) > least


def learn(pair: Pair) -> tuple[LinkageParams, bool]:
    """The parameters from the first hours of the pair, and whether those hours were enough."""
    until = pair.commission_hours * HOUR_S // pair.dt_s
    parts: dict[bool, dict[str, Any]] = {False: {}, True: {}}
    rated = {}
    more: dict[str, Any] = {}
    for line in lines(pair):
        parts[line.treatment][line.id] = (
            pair.times_s[:until],
            np.where(line.watts[:until] == MISSING, np.nan, line.watts[:until].astype(np.float64)),
        )
        rated[line.id] = line.rated_w
    if "channels" in _COMMISSION:
        more["channels"] = {
            line.id: {name: (pair.times_s[:until], values[:until]) for name, values in line.channels.items()}
            for line in lines(pair)
        }
    found = commission("k1", parts[False], parts[True], rated, dt_s=pair.dt_s, **more)
    return found.params, found.ready


_COMMISSION: Final[Mapping[str, Any]] = inspect.signature(commission).parameters
_SAMPLE: Final[Mapping[str, Any]] = inspect.signature(Detector.sample).parameters
CHANNELS: Final = tuple(name for name in ("pf", "current_a", "voltage_v") if name in _SAMPLE)


def watch(case: Case, params: LinkageParams) -> tuple[list[Alarm], int]:
    """All alarms of the detector after commissioning, and the bytes of its state at the end."""
    pair = case.pair
    first = pair.commission_hours * HOUR_S // pair.dt_s
    detector = Detector([params])
    found = []
    waiting: dict[int, list[Sample]] = {}
    advance = 1 if case.late_slots is not None else ADVANCE_SLOTS
    for index, (at, row) in enumerate(_rows(case, first)):
        for sample, late in row:
            if late:
                waiting.setdefault(index + late, []).append(sample)
            else:
                detector.sample(*sample[:3], **sample[3])
        for sample in waiting.pop(index, ()):
            detector.sample(*sample[:3], **sample[3])
        if index % advance == 0:
            found += detector.advance(at)
    found += detector.advance(float(pair.times_s[-1]) + 10 * pair.dt_s)
    last = {one.id: one for one in found}
    alarms = [
        Alarm(one.rule.value, one.severity.value, one.raised_at_s, one.begin_at_s, one.retrospective)
        for one in last.values()
    ]
    return alarms, len(detector.checkpoint())


def _rows(case: Case, first: int) -> Iterator[tuple[float, list[tuple[Sample, int]]]]:
    """The samples of each slot from `first` on, each with the slots by which it is late."""
    pair, own = case.pair, lines(case.pair)
    for begin in range(first, len(pair.times_s), BLOCK_SLOTS):
        block = slice(begin, begin + BLOCK_SLOTS)
        times = pair.times_s[block].tolist()
        late = [0] * len(times) if case.late_slots is None else case.late_slots[block].tolist()
        feeds = [_feed(line, pair, block) for line in own]
        for index, at in enumerate(times):
            samples = [
                (name, at, watts[index], {key: row[index] for key, row in channels})
                for name, watts, channels in feeds
                if watts[index] != MISSING
            ]
            yield at, [(sample, late[index]) for sample in samples]


def _feed(
    line: Line, pair: Pair, block: slice
) -> tuple[str, list[int], list[tuple[str, list[float | None]]]]:
    assert len(line.watts) == len(pair.times_s)
    channels = [
        (name, [None if value != value else value for value in line.channels[name][block].tolist()])  # noqa: PLR0124  NaN
        for name in CHANNELS
        if name in line.channels
    ]
    return line.id, line.watts[block].tolist(), channels
