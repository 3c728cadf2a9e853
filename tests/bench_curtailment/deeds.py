"""What a plant does when an alert comes: its power from then on. Nothing here knows how it is judged."""

import random
from collections.abc import Callable, Sequence
from typing import Final

from tests.bench_curtailment.lines import Line

Deed = Callable[[Line, int, int, random.Random], list[float]]
"""The power from the first step to before the last."""


def do_nothing(line: Line, first: int, last: int, dice: random.Random) -> list[float]:
    """Goes on as if nothing had been asked."""
    del dice
    return line.watts[first:last]


def reduce(share: float) -> Deed:
    """Exactly so much less energy than it would have used."""

    def act(line: Line, first: int, last: int, dice: random.Random) -> list[float]:
        del dice
        return [watts * (1 - share) for watts in line.watts[first:last]]

    return act


def stand_for(share: float) -> Deed:
    """Works as ever, and stands for the first part of the time."""

    def act(line: Line, first: int, last: int, dice: random.Random) -> list[float]:
        stands = first + round((last - first) * share)
        return [*stop(line, first, stands, dice), *line.watts[stands:last]]

    return act


def stop(line: Line, first: int, last: int, dice: random.Random) -> list[float]:
    """Stands: what it takes is what it took in its own hours of rest."""
    rest = _rests(line, first)
    begin = dice.randrange(max(len(rest) - (last - first), 1))
    return [rest[(begin + step) % len(rest)] for step in range(last - first)]


def _rests(line: Line, before: int) -> Sequence[float]:
    resting = [
        watts for watts, works in zip(line.watts[:before], line.works[:before], strict=True) if not works
    ]
    return resting or [line.rests_w]


LIMITS: Final[dict[str, tuple[Deed, int]]] = {
    "does nothing": (do_nothing, 500),
    "obeys exactly": (reduce(0.3), 300),
    "has 10 points in hand": (reduce(0.4), 300),
    "stands one day of three": (stand_for(1 / 3), 300),
}
"""By name: what it does, and by how many per mille it had to reduce."""
