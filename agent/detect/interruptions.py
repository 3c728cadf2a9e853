"""Short interruptions of treatment: each too short for a violation, together too long.

An interruption is a deficit in a run of production in which treatment had been healthy before, and which
became healthy again before a violation was raised. Below `least_s` it is ordinary switching, from `most_s`
(the grace) on the other rules judge it.
"""

from collections import deque
from typing import Final

KEPT_MAX: Final = 128
"""One every four minutes of a shift; more would not change the verdict."""


class Interruptions:
    """First slot and seconds of each within the window, and the sum of seconds."""

    __slots__ = ("_dt", "_least_s", "_most_s", "_window", "kept", "total_s")

    def __init__(self, dt_s: int, window_s: int, least_s: int, most_s: int) -> None:
        self._dt = dt_s
        self._window = window_s // dt_s
        self._least_s, self._most_s = least_s, most_s
        self.kept: deque[tuple[int, int]] = deque()
        self.total_s = 0

    def add(self, slot: int, lasted_s: int) -> None:
        """Count a deficit that began in `slot` and is over, if its length is that of an interruption."""
        if self._least_s <= lasted_s < self._most_s:
            self.kept.append((slot, lasted_s))
            self.total_s += lasted_s
            if len(self.kept) > KEPT_MAX:
                self._drop()

    def find_first(self, slot: int) -> int:
        """Drop those that began before the window; the slot of the oldest left, or `slot` if none is."""
        while self.kept and slot - self.kept[0][0] >= self._window:
            self._drop()
        return self.kept[0][0] if self.kept else slot

    def _drop(self) -> None:
        self.total_s -= self.kept.popleft()[1]

    def state(self) -> list[int]:
        """Slots and seconds, alternating."""
        return [number for one in self.kept for number in one]

    def restore(self, state: list[int]) -> None:
        """Go on where `state` was taken."""
        self.kept = deque(zip(state[::2], state[1::2], strict=True))
        self.total_s = sum(lasted_s for _, lasted_s in self.kept)
