"""Whether what an analyser says fits the power of the plant that it measures. Pure; minutes since 1970, UTC.

Only minutes count in which production works, that is, draws its usual power; those in which it is on with
less neither count nor end anything. In these:

    clean        every treatment line stood, for CLEAN_MIN after WASH_MIN, and a pollutant read no more
                 than CLEAN_TIMES what it reads under treatment
    frozen       a value stayed the same to its last digit for FROZEN_MIN and LONGER times as long as ever
                 else
    out          values were marked F, out of service, for OUT_MIN
    calibrating  values were marked C or M, calibration or maintenance, for CALIBRATING_MIN

Each is a question. It is a contradiction only where nothing else explains it: the pollutant rose by
RISEN_TIMES in another time without treatment; two values froze together; the values that are marked out of
service move. Where it is not certain whose gas is measured (several linkages), or thresholds are not learned,
it stays a question. A plant that treats, an analyser that reads nothing but zero, a calibration of an hour
are none of these.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from statistics import median
from typing import Any, Final

from attrs import evolve, field, frozen

POLLUTANTS: Final = frozenset({"so2", "nox", "pm", "cod", "nh3_n"})
"""What treatment takes out; oxygen, flow and temperature are measured beside them."""
GAP_MIN: Final = 2
"""Minutes that may lack within a run, as a reading or two do."""
WASH_MIN: Final = 15
"""After treatment has stopped: what is in absorber and duct is still treated."""
CLEAN_MIN: Final = 30
CLEAN_TIMES: Final = 1.2
RISEN_TIMES: Final = 1.5
USUAL_MIN: Final = 60
"""Fewer minutes under treatment do not say what is usual."""
NORMAL_SHARE: Final = 0.75
"""Of a run with values marked N, as HJ 212 asks it of an hour; CLEAN_MIN of them are always enough, or a
calibration in the midst of a long one would hide it (`python -m tests.bench_emissions`)."""
FROZEN_MIN: Final = 120
LONGER: Final = 3
"""As `agent.tamper.frozen` has it of meters."""
OUT_MIN: Final = 30
CALIBRATING_MIN: Final = 240
"""Four hours: a calibration of zero and span takes less than one; a long repair is asked about."""
DISTINCT_MIN: Final = 3
"""Values that move are at least so many different ones."""
AROUND_MIN: Final = 30
CURVE_POINTS_MAX: Final = 240
NORMAL, OUT, CALIBRATION, MAINTENANCE = "N", "F", "C", "M"

Powers = Mapping[int, float]
"""W by minute; what is not there is not known."""


class What(StrEnum):
    """Which question."""

    CLEAN = "clean"
    FROZEN = "frozen"
    OUT = "out"
    CALIBRATING = "calibrating"


@frozen
class Said:
    """What an analyser said of one point in one minute."""

    value: float | None
    mark: str = NORMAL


@frozen(kw_only=True)
class Plant:
    """Power of a linkage.

    Attributes:
        works: Minutes in which production drew its usual power.
        untreated: Those of them in which every treatment line stood.
        is_on: Minutes in which production is on, also with less than its usual power; they break no run.
        stood: Minutes in which every treatment line stood.
        is_certain: It is the only linkage, and its thresholds are learned.
    """

    production_w: Powers
    treatment_w: Powers
    works: frozenset[int]
    untreated: frozenset[int]
    is_on: frozenset[int] = frozenset()
    stood: frozenset[int] = frozenset()
    is_certain: bool = True


@frozen
class Doubt:
    """One question, with both curves.

    Attributes:
        first, last: Minutes.
        is_contradiction: See the module.
        numbers: What it rests on.
        step_min: Minutes between two points of the curves, which begin at `curve_from`.
    """

    what: What
    point: str
    first: int
    last: int
    is_contradiction: bool
    numbers: Mapping[str, float]
    curve_from: int = 0
    step_min: int = 1
    curves: Mapping[str, Sequence[float | None]] = field(factory=dict)

    def to_body(self) -> dict[str, Any]:
        """For scripts; times in UTC seconds."""
        return {
            "what": self.what.value,
            "point": self.point,
            "from_s": self.first * 60,
            "to_s": (self.last + 1) * 60,
            "contradiction": self.is_contradiction,
            "numbers": dict(self.numbers),
            "curves": {"from_s": self.curve_from * 60, "step_s": self.step_min * 60, **self.curves},
        }


Series = Mapping[int, Said]
_Run = tuple[int, int]


def find_doubts(points: Mapping[str, Series], plant: Plant) -> list[Doubt]:
    """The questions about one analyser, in the order of their beginning; `points` by name."""
    found: list[Doubt] = []
    for point, series in points.items():
        if point in POLLUTANTS:
            found += _find_clean(point, series, plant)
        found += _find_marked(point, series, plant)
    found += _find_frozen(points, plant)
    made = [_with_curves(one, points[one.point], plant) for one in found]
    return sorted(made, key=lambda one: (one.first, one.point, one.what))


def list_runs(
    minutes: frozenset[int] | set[int], least_min: int, between: frozenset[int] | set[int] = frozenset()
) -> Iterator[_Run]:
    """First and last minute of each run of at least so many minutes, with gaps of GAP_MIN at most.

    Minutes of `between` alone are no gap, but do not count either.
    """
    begin = last = seen = None
    passed = waiting = 0
    for minute in (*sorted(minutes | between), None):
        is_apart = seen is not None and (minute is None or minute - seen > GAP_MIN + 1)
        if begin is not None and last is not None and is_apart:
            if last - begin + 1 - passed >= least_min:
                yield begin, last
            begin = None
        seen = minute
        if minute in minutes:
            begin, passed = (minute, 0) if begin is None else (begin, passed + waiting)
            last, waiting = minute, 0
        else:
            waiting += 1


def _find_clean(point: str, series: Series, plant: Plant) -> Iterator[Doubt]:
    usual = _values(series, plant.works - plant.untreated, NORMAL)
    if len(usual) < USUAL_MIN:
        return
    usual_value = median(usual)
    spans: list[tuple[_Run, float]] = []
    passed = (plant.is_on & plant.stood) - plant.untreated
    for first, last in list_runs(plant.untreated, WASH_MIN + CLEAN_MIN, passed):
        counted = [at for at in range(first + WASH_MIN, last + 1) if at not in passed]
        values = _values(series, counted, NORMAL)
        if len(values) >= min(NORMAL_SHARE * len(counted), CLEAN_MIN):
            spans.append(((first + WASH_MIN, last), median(values)))
    has_risen = any(value >= RISEN_TIMES * usual_value for _, value in spans)
    for (first, last), value in spans:
        if value <= CLEAN_TIMES * usual_value:
            sure = has_risen and plant.is_certain
            yield Doubt(What.CLEAN, point, first, last, sure, {"value": value, "usual": usual_value})


def _find_marked(point: str, series: Series, plant: Plant) -> Iterator[Doubt]:
    for what, marks, least_min in (
        (What.OUT, {OUT}, OUT_MIN),
        (What.CALIBRATING, {CALIBRATION, MAINTENANCE}, CALIBRATING_MIN),
    ):
        said_so = {at for at, said in series.items() if said.mark in marks}
        marked = said_so & plant.works
        for first, last in list_runs(marked, least_min, said_so & plant.is_on):
            distinct = len({series[at].value for at in marked if first <= at <= last} - {None})
            sure = what is What.OUT and distinct >= DISTINCT_MIN and plant.is_certain
            yield Doubt(what, point, first, last, sure, {"minutes": last - first + 1, "values": distinct})


def _find_frozen(points: Mapping[str, Series], plant: Plant) -> Iterator[Doubt]:
    found = [(point, run) for point, series in points.items() for run in _list_frozen(series, plant)]
    for point, (first, last) in found:
        others = {
            other for other, (a, b) in found if other != point and min(b, last) - max(a, first) >= FROZEN_MIN
        }
        numbers = {"minutes": last - first + 1, "beside": len(others)}
        yield Doubt(What.FROZEN, point, first, last, bool(others) and plant.is_certain, numbers)


def _list_frozen(series: Series, plant: Plant) -> list[_Run]:
    """Runs of one value other than zero that are LONGER times as long as the longest of the others."""
    runs: list[tuple[_Run, int]] = []  # with the minutes that count
    held: float | None = None
    begin = last = passed = 0
    for at, said in sorted(series.items()):
        is_counted = at in plant.works
        if not is_counted and at not in plant.is_on:
            continue
        value = said.value if said.mark == NORMAL else None
        if value is not None and value == held and at - last <= GAP_MIN + 1:
            last, passed = at, passed + (not is_counted)
            continue
        if held:
            runs.append(((begin, last), last - begin + 1 - passed))
        held, begin, last, passed = value, at, at, int(not is_counted)
    if held:
        runs.append(((begin, last), last - begin + 1 - passed))
    usual = max((length for _, length in runs if length < FROZEN_MIN), default=0)
    if len(runs) < DISTINCT_MIN:
        return []  # it was never seen to move
    return [run for run, length in runs if length >= max(FROZEN_MIN, LONGER * usual)]


def _values(series: Series, minutes: Iterable[int], mark: str) -> list[float]:
    said = (series.get(at) for at in minutes)
    return [one.value for one in said if one is not None and one.mark == mark and one.value is not None]


def _with_curves(doubt: Doubt, series: Series, plant: Plant) -> Doubt:
    begin, end = doubt.first - AROUND_MIN, doubt.last + AROUND_MIN + 1
    step = -(-(end - begin) // CURVE_POINTS_MAX)
    minutes = range(begin, end, step)
    values = [said.value if (said := series.get(at)) is not None else None for at in minutes]
    curves = {
        "value": values,
        "production_w": [plant.production_w.get(at) for at in minutes],
        "treatment_w": [plant.treatment_w.get(at) for at in minutes],
    }
    return evolve(doubt, curve_from=begin, step_min=step, curves=curves)
