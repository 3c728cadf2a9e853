"""What to give up when the database fills, and what never.

    used        what happens
    ≥ 70 %      receipted rows are pruned, a hundred at a time
    ≥ 85 %      an alarm
    ≥ 95 %      the oldest bodies without a receipt are given up, each told in a DROP record; header,
                signature and root stay
    ≥ 98 %      readings are no longer kept: only what tells of the gateway itself and of episodes

The chain never stops, and nothing is deleted before there is need: an original that the centre has
receipted still answers questions on site.
"""

from enum import IntEnum
from typing import Final, Protocol

DROP_BODIES_MAX: Final = 20
"""Bodies given up for one seal that is made: the database shrinks faster than it grows."""


class Level(IntEnum):
    """How full the database is."""

    FREE = 0
    PRUNE = 1
    ALARM = 2
    DROP = 3
    ESSENTIAL = 4


LEVELS: Final = ((0.98, Level.ESSENTIAL), (0.95, Level.DROP), (0.85, Level.ALARM), (0.70, Level.PRUNE))


class Rows(Protocol):
    """What is needed of the store."""

    def used_fraction(self) -> float:
        """How much of the quota is taken."""
        ...

    def first_number(self) -> int | None:
        """The lowest number that is still here."""
        ...

    def prune_below(self, number: int) -> int:
        """Delete some rows below `number`; how many went."""
        ...

    def drop_body(self, number: int) -> bool:
        """Give up a body; whether there was one."""
        ...


def level_of(used_fraction: float) -> Level:
    """The level that stands for `used_fraction`."""
    return next((level for limit, level in LEVELS if used_fraction >= limit), Level.FREE)


def make_room(store: Rows, *, prunable_below: int, tip: int) -> tuple[Level, tuple[int, int] | None]:
    """Free what may be freed before the next seal.

    Args:
        store: The database.
        prunable_below: Rows below are receipted and not needed on the gateway.
        tip: The last own seal.

    Returns:
        The level before, and the first and last seal whose body was given up.
    """
    level = level_of(store.used_fraction())
    if level >= Level.PRUNE and store.prune_below(prunable_below):
        return level, None
    if level < Level.DROP:
        return level, None
    dropped: list[int] = []
    number = store.first_number() or tip
    while number < tip and len(dropped) < DROP_BODIES_MAX:
        if store.drop_body(number):
            dropped.append(number)
        number += 1
    return level, (dropped[0], dropped[-1]) if dropped else None
