"""Made plants with marks, true and false, and what the plants did. Knows no judging code."""

import random
from collections.abc import Iterator
from typing import Final

from attrs import frozen

MINUTE_S: Final = 60
HOUR: Final = 60
DAY: Final = 24 * HOUR
BEGIN_S: Final = 1_767_196_800
DAYS: Final = 60
SLOP_MIN: Final = 10
"""A person notes a time by some minutes."""


@frozen
class Plant:
    """A furnace with its meter, minute by minute.

    Attributes:
        watts: What its meter showed.
        implied: What the meters around say about it.
        phases: Begin, end and name of each phase: rest, start, work, stop, wrong (its meter was).
    """

    watts: list[float]
    implied: list[float]
    phases: list[tuple[int, int, str]]
    rated_w: float
    rests_w: float


@frozen
class Marked:
    """A mark that somebody made."""

    says: str
    begin_s: int
    end_s: int
    is_true: bool


def make_plant(dice: random.Random) -> Plant:
    """Works for days, cools, rests for hours, starts slowly; now and then its meter is wrong for hours."""
    rated_w = dice.uniform(150_000, 900_000)
    rests_w = rated_w * dice.uniform(0.015, 0.06)
    start = dice.uniform(1.2, 3.5) * HOUR
    level = rated_w * dice.uniform(0.55, 0.9)
    phases: list[tuple[int, int, str]] = []
    real: list[float] = []
    while len(real) < DAYS * DAY:
        lengths = {
            "rest": dice.uniform(5, 20) * HOUR,
            "start": start * dice.uniform(0.8, 1.1),
            "work": dice.uniform(20, 60) * HOUR,
            "stop": dice.uniform(0.5, 1.5) * HOUR,
        }
        for name, length in lengths.items():
            begin, count = len(real), round(length)
            phases.append((begin, begin + count, name))
            for minute in range(count):
                share = {"rest": 0.0, "start": minute / count, "work": 1.0, "stop": 1 - minute / count}[name]
                real.append((rests_w + share * (level - rests_w)) * (1 + dice.gauss(0, 0.03)))
    shown = list(real)
    for begin, end, name in list(phases):
        if name == "work" and dice.random() < 0.3:
            at = dice.randrange(begin, max(begin + 1, end - 8 * HOUR))
            until = min(at + dice.randrange(2 * HOUR, 8 * HOUR), end)
            factor = dice.choice((0.0, 0.33, 0.67, 1.5))
            shown[at:until] = [watts * factor for watts in real[at:until]]
            phases.append((at, until, "wrong"))
    implied = [watts * (1 + dice.gauss(0, 0.02)) for watts in real]
    return Plant(shown, implied, phases, rated_w, rests_w)


NAMES: Final = {"rest": "stopped", "start": "starting", "stop": "stopping", "wrong": "meter_fault"}


def make_marks(plant: Plant, dice: random.Random, first: int) -> Iterator[Marked]:
    """A true mark for each phase behind minute `first`, and a false one in work for each of them."""
    wrong = [(begin, end) for begin, end, name in plant.phases if name == "wrong"]
    works = [(begin, end) for begin, end, name in plant.phases if name == "work" and begin >= first]
    for begin, end, name in plant.phases:
        if name not in NAMES or begin < first or end > len(plant.watts) - HOUR:
            continue
        slops = (dice.randint(-SLOP_MIN, SLOP_MIN), dice.randint(-SLOP_MIN, SLOP_MIN))
        low, high = begin + slops[0], end + slops[1]
        if name == "start" and any(low < until and high > at for at, until in wrong):
            continue
        yield _mark(NAMES[name], low, high, is_true=True)
        for _ in range(20):
            a, b = dice.choice(works)
            length = max(high - low, 6 * HOUR)
            if b - a > length and not any(a < until and b > at for at, until in wrong):
                at = dice.randrange(a, b - length)
                yield _mark(NAMES[name], at, at + length, is_true=False)
                break


def _mark(says: str, low: int, high: int, *, is_true: bool) -> Marked:
    return Marked(says, BEGIN_S + low * MINUTE_S, BEGIN_S + high * MINUTE_S, is_true)
