"""Short interruptions of treatment: each within the delay of a violation, together too much.

An interruption is a deficit in a run of production that had seen healthy treatment, ended by health
before it was a violation. What lasted less than `least_s` is switching; what lasted as long as a
grace belongs to the other rules.
"""

from collections import deque
from typing import Final

KEPT_MAX: Final = 128
"""More than one every four minutes of a shift say nothing more."""


class Interruptions:
    """First slot and seconds of each, within the window, and their sum."""

    __slots__ = ("_dt", "_least_s", "_most_s", "_window", "kept", "total_s")

    def __init__(self, dt_s: int, window_s: int, least_s: int, most_s: int) -> None:
        self._dt = dt_s
        self._window = window_s // dt_s
        self._least_s, self._most_s = least_s, most_s
        self.kept: deque[tuple[int, int]] = deque()
        self.total_s = 0

    def add(self, slot: int, lasted_s: int) -> None:
        """A deficit that began in `slot` is over."""
        if self._least_s <= lasted_s < self._most_s:
            self.kept.append((slot, lasted_s))
            self.total_s += lasted_s
            if len(self.kept) > KEPT_MAX:
                self._drop()

    def find_first(self, slot: int) -> int:
        """The oldest one within the window before `slot`, or `slot`; older ones are forgotten."""
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
