"""Made production lines: power every five minutes over months, and whether the line worked.

Nothing in this file knows how anything is judged: it imports nothing of the product.
"""

import random
from collections.abc import Callable, Iterator
from typing import Final

from attrs import frozen

STEP_S: Final = 300
HOUR: Final = 3600 // STEP_S
DAY: Final = 24 * HOUR
BEGIN_S: Final = 1_767_196_800
"""2026-01-01 00:00 at +08:00."""
OFFSET_S: Final = 28_800
HOLIDAYS: Final = (46, 47, 48, 49, 50, 51, 94, 95, 120, 121, 122, 170, 171)
"""Days of the year without work: spring festival and the others."""


@frozen
class Line:
    """A line as it would have worked if nobody had asked anything.

    Attributes:
        watts: Mean power of each step.
        works: Whether it produced in that step.
        rated_w: Its nameplate.
        rests_w: What it takes while it stands.
    """

    name: str
    watts: list[float]
    works: list[bool]
    rated_w: float
    rests_w: float

    @property
    def days(self) -> int:
        """How many whole days there are."""
        return len(self.watts) // DAY


def make_kiln(days: int, dice: random.Random) -> Line:
    """Round the clock, load drifts by the week; a repair of some days every two or three months."""
    rated_w, rests_w = 900_000.0, 25_000.0
    repair = set()
    at = dice.randrange(30, 60)
    while at < days:
        repair.update(range(at, at + dice.randrange(3, 7)))
        at += dice.randrange(50, 90)
    level, goal = 0.72, 0.72
    watts, works = [], []
    for step in range(days * DAY):
        if step % (3 * DAY) == 0:
            goal = dice.uniform(0.6, 0.85)
        level += (goal - level) / (12 * HOUR)
        runs = step // DAY not in repair
        watts.append(_shake(rated_w * level if runs else rests_w, 0.03, dice))
        works.append(runs)
    return Line("kiln", watts, works, rated_w, rests_w)


def make_foundry(days: int, dice: random.Random) -> Line:
    """Melts by night and day, three to seven a day by the orders of the week; no Sundays, no holidays."""
    rated_w, rests_w = 1_500_000.0, 60_000.0
    power = [rests_w] * (days * DAY)
    works = [False] * (days * DAY)
    for day in range(days):
        if day % 7 == 0:
            usual = dice.uniform(3.6, 6.4)
        if day % 7 == 6 or day in HOLIDAYS:
            continue
        at = day * DAY + dice.randrange(2 * HOUR)
        for _ in range(max(2, round(dice.gauss(usual, 0.8)))):
            length = round(dice.uniform(1.6, 2.6) * HOUR)
            for step in range(at, min(at + length, len(power))):
                power[step] = rated_w * 0.85
                works[step] = True
            at += length + round(dice.uniform(0.4, 1.1) * HOUR)
    return Line("foundry", [_shake(one, 0.04, dice) for one in power], works, rated_w, rests_w)


def make_coating(days: int, dice: random.Random, season: tuple[float, float] = (5, 9)) -> Line:
    """One or two shifts by the `season` (weeks), ovens and booths; most Saturdays off, all Sundays."""
    rated_w, rests_w = 320_000.0, 14_000.0
    power = [rests_w] * (days * DAY)
    works = [False] * (days * DAY)
    two, change = dice.random() < 0.6, 0
    for day in range(days):
        if day >= change:
            two, change = not two, day + round(dice.uniform(*season) * 7)
        if day % 7 == 6 or day in HOLIDAYS or (day % 7 == 5 and dice.random() < 0.7):
            continue
        load = 0.5 + 0.15 * min(day / 180, 1) + dice.gauss(0, 0.04)
        begin = day * DAY + round(dice.gauss(7.6, 0.2) * HOUR)
        end = begin + round((15.5 if two else 10.0) * HOUR + dice.gauss(0, 0.6) * HOUR)
        for step in range(begin, min(end, len(power))):
            is_break = 4.4 * HOUR <= step - begin < 5.2 * HOUR
            power[step] = rated_w * load * (0.45 if is_break else 1.0)
            works[step] = True
    return Line("coating", [_shake(one, 0.06, dice) for one in power], works, rated_w, rests_w)


def make_jobbing(days: int, dice: random.Random) -> Line:
    """A coating shop that works one or two shifts by the week, as orders come: as uneven as a line can be."""
    found = make_coating(days, dice, (1, 2))
    return Line("jobbing", found.watts, found.works, found.rated_w, found.rests_w)


def _shake(watts: float, by: float, dice: random.Random) -> float:
    return max(watts * (1 + dice.gauss(0, by)), 0.0)


KINDS: Final[dict[str, Callable[[int, random.Random], Line]]] = {
    "kiln": make_kiln,
    "foundry": make_foundry,
    "coating": make_coating,
    "jobbing": make_jobbing,
}


def make_lines(days: int, seeds: tuple[int, ...]) -> Iterator[Line]:
    """A line of each kind and seed."""
    for kind, make in KINDS.items():
        for seed in seeds:
            yield make(days, random.Random(f"{kind}/{seed}"))
