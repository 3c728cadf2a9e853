"""What to delete when the database fills, and what never.

    used        what happens
    ≥ 70 %      receipted rows are pruned, a hundred at a time
    ≥ 85 %      an alarm
    ≥ 95 %      the oldest bodies without a receipt are deleted, and DROP records name them; header,
                signature and root stay
    ≥ 98 %      readings are no longer kept, only records of the gateway itself and of episodes

The chain never stops, and nothing is deleted before there is need: a receipted original still answers
questions on site. A store that is always full stays at the first of these levels; measured there, pruning
adds some 2 kB of flash to a seal of 20 to 38 kB. The caller commits a DROP record together with the deletion.
"""

from enum import IntEnum
from typing import Final

from attrs import define, field

from agent.store.gateway import GatewayStore

DROP_BODIES_MAX: Final = 20
"""Bodies given up per new seal: the database shrinks faster than it grows."""


class Level(IntEnum):
    """How full the database is."""

    FREE = 0
    PRUNE = 1
    ALARM = 2
    DROP = 3
    ESSENTIAL = 4


LEVELS: Final = ((0.98, Level.ESSENTIAL), (0.95, Level.DROP), (0.85, Level.ALARM), (0.70, Level.PRUNE))


def level_of(used_fraction: float) -> Level:
    """The level that stands for `used_fraction`."""
    return next((level for limit, level in LEVELS if used_fraction >= limit), Level.FREE)


@define(eq=False, repr=False)
class Quota:
    """Decides before each seal what has to go.

    A database full of headers has no body for hundreds of thousands of rows, so it keeps where the last
    search ended.
    """

    store: GatewayStore
    _bodiless_below: int = field(default=0, init=False)

    def make_room(
        self, *, prunable_below: int, tip: int, was_full: bool = False
    ) -> tuple[Level, tuple[int, int] | None]:
        """Prune if that helps, else choose the bodies to give up.

        Args:
            prunable_below: Rows below are receipted and not needed on the gateway.
            tip: The last own seal, which keeps its body.
            was_full: A commit found no room, whatever the fraction: 5 % of a small file are less than a seal.

        Returns:
            The level before, and the first and last seal whose bodies are to be given up; whatever
            lies between them and is still here is one of DROP_BODIES_MAX.
        """
        level = max(level_of(self.store.used_fraction()), Level.DROP if was_full else Level.FREE)
        if level >= Level.PRUNE and self.store.prune_below(prunable_below):
            return level, None
        if level < Level.DROP:
            return level, None
        found = self.store.with_bodies(self._bodiless_below, DROP_BODIES_MAX)
        self._bodiless_below = found[0] if found else tip
        bodies = [number for number in found if number < tip]
        return level, (bodies[0], bodies[-1]) if bodies else None
