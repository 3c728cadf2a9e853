"""Runs of treatment without any production, over the last day."""

from collections import deque
from typing import Final

WINDOW_S: Final = 86_400
KEPT_MAX: Final = 256
"""One every five minutes of a day; more would not change the verdict."""


class Orphans:
    """The slots in which such runs ended."""

    __slots__ = ("_ends", "_window")

    def __init__(self, dt_s: int) -> None:
        self._window = WINDOW_S // dt_s
        self._ends: deque[int] = deque(maxlen=KEPT_MAX)

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, slot: int) -> None:
        """Count a run that ended in `slot`."""
        self._ends.append(slot)

    def find_first(self, slot: int) -> int:
        """Drop those older than a day; the slot of the oldest that is left, or `slot` if none is."""
        while self._ends and slot - self._ends[0] >= self._window:
            self._ends.popleft()
        return self._ends[0] if self._ends else slot

    def state(self) -> list[int]:
        """Everything that `restore` needs."""
        return list(self._ends)

    def restore(self, state: list[int]) -> None:
        """Go on where `state` was taken."""
        self._ends = deque(state, maxlen=KEPT_MAX)
