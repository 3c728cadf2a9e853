"""Made plants with an analyser behind their treatment: minutes of power, values and marks. Knows no judge.

The raw gas follows production with a slow noise of its own; treatment takes a share of it out; what has
stopped fades with the air in absorber and duct. An analyser rounds to its resolution, holds its last value
while it blows back, calibrates or is repaired, and says the last two by its marks. A day is 1,440 minutes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

DAY_MIN = 1_440
RATED_P_W, RATED_T_W = 60_000.0, 15_000.0
KINDS = ("steady", "shifts", "batches", "clean gas", "coarse", "holds", "bypass", "weak treatment")
DEEDS = ("clean", "frozen", "out", "calibrating")
Series = dict[str, dict[int, tuple[float | None, str]]]


@dataclass
class Day:
    """Of whole days: power by minute, a value with its mark by point and minute; what was done, and when."""

    production_w: dict[int, float] = field(default_factory=dict)
    treatment_w: dict[int, float] = field(default_factory=dict)
    points: Series = field(default_factory=dict)
    deed: str = ""
    span: range = range(0)


@dataclass(frozen=True)
class Habits:
    """Of one plant and its analyser."""

    raw: float
    """mg/m3 at full production."""
    removes: float
    washes_min: float
    noise: float
    steps: Mapping[str, float]
    """Resolution of each value."""
    blows_every_min: int
    blows_min: int
    calibrates_min: int
    is_idle_by_chance: bool
    """Treatment is stopped now and then by day, for an honest reason."""


def make_habits(kind: str, random: Random) -> Habits:
    """A plant of a kind."""
    steps = {"so2": 0.1, "nox": 0.1, "pm": 0.01, "o2": 0.01}
    if kind == "coarse":
        steps = {"so2": 1.0, "nox": 1.0, "pm": 0.1, "o2": 0.1}
    return Habits(
        raw=random.uniform(5, 20) if kind == "clean gas" else random.uniform(150, 900),
        removes=random.uniform(0.2, 0.45) if kind == "weak treatment" else random.uniform(0.85, 0.98),
        washes_min=random.uniform(2, 12),
        noise=random.uniform(0.02, 0.15),
        steps=steps,
        blows_every_min=random.choice((60, 120, 240)),
        blows_min=random.randint(8, 15) if kind == "holds" else random.randint(2, 6),
        calibrates_min=random.randint(15, 70),
        is_idle_by_chance=kind in {"bypass", "clean gas", "weak treatment"},
    )


def make_load(kind: str, days: int, random: Random) -> dict[int, float]:
    """W of production by minute."""
    begins, ends = random.randint(5, 9) * 60, random.randint(17, 23) * 60
    slow, load = 0.0, {}
    for at in range(days * DAY_MIN):
        minute = at % DAY_MIN
        works = kind not in {"shifts", "batches", "bypass"} or begins <= minute < ends
        if kind == "batches":
            works = works and (minute // 75) % 3 != 2
        slow = 0.98 * slow + random.gauss(0, 0.02)
        share = min(max(0.78 + slow + random.gauss(0, 0.01), 0.3), 1.05)
        load[at] = RATED_P_W * share if works else random.uniform(200, 900)
    return load


def make_treatment(load: Mapping[int, float], stops: list[range]) -> dict[int, float]:
    """W of treatment: with production, but in `stops`."""
    stopped = {at for span in stops for at in span}
    return {
        at: (0.72 if watts > 0.2 * RATED_P_W and at not in stopped else 0.004) * RATED_T_W
        for at, watts in load.items()
    }


def make_gas(
    load: Mapping[int, float], treatment: Mapping[int, float], habits: Habits, random: Random
) -> dict[str, list[float]]:
    """What is in the stack, by point and minute."""
    of = {"so2": 1.0, "nox": 0.6, "pm": 0.15}
    held = dict.fromkeys(of, 0.0)
    slow = dict.fromkeys(of, 0.0)
    gas: dict[str, list[float]] = {name: [] for name in (*of, "o2")}
    for at, watts in load.items():
        share = watts / RATED_P_W if watts > 0.2 * RATED_P_W else 0.0
        passes = 1 - habits.removes if treatment[at] > 0.1 * RATED_T_W else 1.0
        for name, part in of.items():
            slow[name] = 0.97 * slow[name] + random.gauss(0, habits.noise * 0.25)
            aim = habits.raw * part * share * passes * math.exp(slow[name])
            held[name] += (aim - held[name]) * (1 - math.exp(-1 / habits.washes_min))
            gas[name].append(held[name] * (1 + random.gauss(0, 0.01)))
        gas["o2"].append(20.9 - 9.5 * share + random.gauss(0, 0.05))
    return gas


def measure(gas: Mapping[str, list[float]], habits: Habits, days: int, random: Random) -> Series:
    """What the analyser says of it, with its marks; a minute in a hundred is lost."""
    points: Series = {name: {} for name in gas}
    repair_day, repair_at = random.randrange(days), random.randrange(600, 1_000)
    repair_min, calibrates_at = random.randint(30, 200), random.randrange(DAY_MIN - habits.calibrates_min)
    for name, truth in gas.items():
        step, said = habits.steps[name], 0.0
        for at, value in enumerate(truth):
            day, minute = divmod(at, DAY_MIN)
            calibrates = calibrates_at <= minute < calibrates_at + habits.calibrates_min
            repairs = day == repair_day and repair_at <= minute < repair_at + repair_min
            if not (at % habits.blows_every_min < habits.blows_min or calibrates or repairs):
                said = max(round(value / step) * step, 0.0)
            if random.random() > 0.01:
                points[name][at] = round(said, 3), "C" if calibrates else "M" if repairs else "N"
    return points


def make_honest(kind: str, days: int, random: Random) -> Day:
    """A plant that does nothing wrong; some stop their treatment for an hour or two, and tell the truth."""
    habits, load = make_habits(kind, random), make_load(kind, days, random)
    stops = []
    if habits.is_idle_by_chance:
        for day in range(days):
            begin = day * DAY_MIN + random.randrange(600, 900)
            stops.append(range(begin, begin + random.randint(50, 150)))
    treatment = make_treatment(load, stops)
    gas = make_gas(load, treatment, habits, random)
    return Day(load, treatment, measure(gas, habits, days, random))


def make_dishonest(kind: str, deed: str, days: int, random: Random) -> Day:
    """The same with one deed on its last day; treatment stopped once before, and what came out was told."""
    habits, load = make_habits(kind, random), make_load(kind, days, random)
    begin = (days - 1) * DAY_MIN + random.randrange(600, 720)
    span = range(begin, begin + {"clean": 150, "frozen": 260, "out": 150, "calibrating": 330}[deed])
    honest_stop = range(DAY_MIN // 2, DAY_MIN // 2 + 90)
    treatment = make_treatment(load, [span, honest_stop])
    gas = make_gas(load, treatment, habits, random)
    told = make_gas(load, make_treatment(load, [honest_stop]), habits, random) if deed == "clean" else gas
    points = measure(told, habits, days, random)
    for values in points.values():
        held = next((values[at][0] for at in range(begin, 0, -1) if at in values), None)
        for at in span:
            if at not in values:
                continue
            if deed == "frozen":
                values[at] = held, "N"
            elif deed == "out":
                values[at] = values[at][0], "F"
            elif deed == "calibrating":
                values[at] = held, "C"
    return Day(load, treatment, points, deed, span)
