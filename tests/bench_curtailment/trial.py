"""Alerts over a line's months: each is judged by the product from what was known by then.

The ledger is filled as a gateway's would be. At each alert a copy of it is filled with what the plant did
then; the months go on as they were.
"""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from attrs import field, frozen

from agent.detect.learning.thresholds import learn_threshold
from evidence.curtailment.case import Case
from evidence.curtailment.energy import Segment
from evidence.curtailment.judge import FINAL_S, LineJudge
from evidence.curtailment.ledger import Ledger
from evidence.curtailment.measures import Alert, Measure, Row
from tests.bench_curtailment.deeds import LIMITS, Deed, do_nothing, stop
from tests.bench_curtailment.lines import BEGIN_S, DAY, HOUR, OFFSET_S, STEP_S, Line

WINDOW_DAYS: Final = 3
FIRST_DAY: Final = 70
"""Sixty days of history, and the days of the first past windows."""

WEEKS: Final = range(1, 9)
WORKING_SHARE: Final = 0.1
OFF_BY_ITSELF: Final = "was off by itself"


@frozen
class Tally:
    """What was said about the alerts of one line."""

    verdicts: dict[str, Counter[str]] = field(factory=dict)
    reasons: Counter[str] = field(factory=Counter)
    windows: list[int] = field(factory=list)
    working: Counter[str] = field(factory=Counter)
    resting: Counter[str] = field(factory=Counter)
    stopped: Counter[str] = field(factory=Counter)


def _segments(watts: list[float], first: int) -> Iterator[Segment]:
    for at, one in enumerate(watts, first):
        begin_s = BEGIN_S + at * STEP_S
        yield Segment(begin_s, begin_s + STEP_S, one * STEP_S / 3600, STEP_S)


def _copy(ledger: Ledger) -> Ledger:
    copied = Ledger(ledger.offset_s, ledger.meters)
    copied.days, copied.hours = dict(ledger.days), dict(ledger.hours)
    return copied


def _learn_off_w(line: Line) -> float | None:
    """What commissioning would have learned before the first alert."""
    learned = learn_threshold(np.array(line.watts[: FIRST_DAY * DAY]), line.rated_w, treatment=False)
    return None if learned.threshold.provisional else float(learned.threshold.lo_w)


def judge(line: Line, ledger: Ledger, day: int, row: Row, watts: list[float]) -> list[dict[str, Any]]:
    """Every body about one alert of WINDOW_DAYS from `day` on."""
    begin_s = BEGIN_S + day * DAY * STEP_S
    end_s = begin_s + len(watts) * STEP_S
    alert = Alert(list="l1", rev=1, level="orange", start_s=begin_s, end_s=end_s)
    case = Case(
        order="a1",
        rev=1,
        test=False,
        alert=alert,
        row=row,
        line="p1",
        rated_w=line.rated_w,
        off_w=_learn_off_w(line) if line.name == "kiln" else None,  # it hardly ever stands
        hold_s=STEP_S,
    )
    fork = _copy(ledger)
    found = LineJudge.of(case, fork, begin_s)
    for at, segment in enumerate(_segments(watts, day * DAY)):
        fork.add(segment)
        found.add(segment.begin_s, watts[at])
    return found.advance(end_s + FINAL_S)


def run_line(line: Line, seed: int, stride: int, tell: Any = None) -> Tally:
    """Alerts every `stride` days."""
    tally, dice, ledger = Tally(), random.Random(f"{line.name}/{seed}"), Ledger(OFFSET_S)
    for day in range(line.days - WINDOW_DAYS):
        if day >= FIRST_DAY and (day - FIRST_DAY) % stride == 0:
            _try_limits(line, ledger, day, dice, tally)
            _try_stops(line, ledger, day, dice, tally)
            if tell:
                tell(day, line.days)
        for segment in _segments(line.watts[day * DAY : (day + 1) * DAY], day * DAY):
            ledger.add(segment)
    return tally


def works_as_usual(line: Line, first: int) -> bool:
    """Whether the line works on each day of the window on whose weekday it worked in most of eight weeks.

    Where it does not, it stood by itself and used less: nobody can tell that from obeying.
    """
    return all(
        _works(line, day) or 2 * sum(_works(line, day - 7 * weeks) for weeks in WEEKS) <= len(WEEKS)
        for day in range(first, first + WINDOW_DAYS)
    )


def _works(line: Line, day: int) -> bool:
    return sum(line.works[day * DAY : (day + 1) * DAY]) > WORKING_SHARE * DAY


def _try_limits(line: Line, ledger: Ledger, day: int, dice: random.Random, tally: Tally) -> None:
    first, last = day * DAY, (day + WINDOW_DAYS) * DAY
    if sum(line.works[first:last]) < HOUR:
        return  # it would not have worked: there is nothing to reduce, and nobody asks
    for name, (deed, reduction) in LIMITS.items():
        watts = deed(line, first, last, dice)
        row = Row(lines=("p1",), level="orange", measure=Measure.LIMIT_PERCENT, value=reduction)
        final = judge(line, ledger, day, row, watts)[-1]
        if deed is do_nothing:
            tally.verdicts.setdefault(f"{name}, all windows", Counter())[final["verdict"]] += 1
            name = name if works_as_usual(line, day) else OFF_BY_ITSELF  # noqa: PLW2901 -- its other name
        tally.verdicts.setdefault(name, Counter())[final["verdict"]] += 1
        if final["why"]:
            tally.reasons[final["why"]] += 1
        if "windows" in final:
            tally.windows.append(final["windows"])


def _try_stops(line: Line, ledger: Ledger, day: int, dice: random.Random, tally: Tally) -> None:
    row = Row(lines=("p1",), level="orange", measure=Measure.STOP)
    for deed in (do_nothing, stop):
        _try_stop(line, ledger, day, row, deed, dice, tally)


def _try_stop(
    line: Line, ledger: Ledger, day: int, row: Row, deed: Deed, dice: random.Random, tally: Tally
) -> None:
    first, last = day * DAY, (day + WINDOW_DAYS) * DAY
    bodies = judge(line, ledger, day, row, deed(line, first, last, dice))
    days_on = {at for at in range(WINDOW_DAYS) if any(line.works[first + at * DAY : first + (at + 1) * DAY])}
    for at, body in enumerate(one for one in bodies if one["what"] == "hour"):
        if deed is stop:
            tally.stopped[body["state"]] += 1
        elif all(line.works[first + at * HOUR : first + (at + 1) * HOUR]):
            tally.working[body["state"]] += 1
        elif at // 24 not in days_on:
            tally.resting[body["state"]] += 1
    if bodies[-1]["why"]:
        tally.reasons[bodies[-1]["why"]] += 1
