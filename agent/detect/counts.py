"""What a linkage counts: its deficit, its short interruptions, and treatment that ran alone.

A second of deficit weighs 1 while treatment is off and 0.75 while it is low. The weighted deficit S recovers
by 0.25 a second of enough treatment and by 0.02 while production is off, so that many short batches add up.

An interruption is treatment off in a run of production in which it had been healthy before, and which
became healthy again before a violation was raised. Each is too short for a violation, together they may be
too long. Below `least_s` it is ordinary switching; from `most_s` (the grace) on, other rules judge it.
"""

from collections import deque
from typing import Any, Final

OFF_WEIGHT: Final = 1.0
LOW_WEIGHT: Final = 0.75
RECOVERY_WEIGHT: Final = 0.25
IDLE_WEIGHT: Final = 0.02
WEIGHTED_MAX_S: Final = 7200.0
"""Two hours; a longer deficit takes no longer to recover from."""
INTERRUPTIONS_MAX: Final = 128
"""One every four minutes of a shift; more would not change the verdict."""
NO_RUN: Final = -1
ORPHANS_WINDOW_S: Final = 86_400
ORPHANS_MAX: Final = 256
"""One every five minutes of a day; more would not change the verdict."""


class Deficit:
    """Counts slots of too little treatment.

    Attributes:
        weighted_s: S, which is compared with the limit.
        lasted_s: C, unweighted seconds of deficit.
        count: Slots of deficit.
        off: How many of them had treatment off.
        off_run: How many of the last ones in a row had treatment off.
        slot: The first of them.
        low_w: Sum of the treatment power over those with treatment on.
        runs: In how many runs of production they lie.
    """

    __slots__ = ("_dt", "_run", "count", "lasted_s", "low_w", "off", "off_run", "runs", "slot", "weighted_s")

    def __init__(self, dt_s: int, slot: int) -> None:
        self._dt = dt_s
        self.slot = slot
        self.weighted_s = 0.0
        self.lasted_s = self.count = self.off = self.low_w = self.off_run = self.runs = 0
        self._run = NO_RUN

    def add(self, slot: int, slots: int, t: int, off: bool, run: int) -> None:
        """Count the `slots` slots that end with `slot`, in the run of production that began in slot `run`."""
        if self.count == 0:
            self.slot = slot - slots + 1
        if run != self._run:
            self._run = run
            self.runs += 1
        self.count += slots
        if off:
            self.off += slots
            self.off_run += slots
        else:
            self.low_w += slots * t
            self.off_run = 0
        passed_s = slots * self._dt
        self.lasted_s += passed_s
        weighted_s = self.weighted_s + passed_s * (OFF_WEIGHT if off else LOW_WEIGHT)
        self.weighted_s = min(weighted_s, WEIGHTED_MAX_S)

    def recover(self, idle: bool) -> None:
        """One slot with enough treatment, or without production (`idle`)."""
        self.off_run = 0
        less_s = self._dt * (IDLE_WEIGHT if idle else RECOVERY_WEIGHT)
        self.weighted_s = max(self.weighted_s - less_s, 0.0)

    def forget(self) -> None:
        """End the deficit."""
        self.weighted_s = 0.0
        self.lasted_s = self.count = self.off = self.low_w = self.off_run = self.runs = 0
        self._run = NO_RUN

    @property
    def mean_low_w(self) -> int:
        """Mean treatment power of the slots in which treatment was on, but too low."""
        return self.low_w // (self.count - self.off) if self.count > self.off else 0

    def state(self) -> list[Any]:
        """Everything that `restore` needs."""
        numbers = [self.lasted_s, self.count, self.off, self.low_w, self.slot, self.off_run, self.runs]
        return [self.weighted_s, *numbers, self._run]

    def restore(self, state: list[Any]) -> None:
        """Continue from `state`."""
        self.weighted_s, self.lasted_s, self.count, self.off, self.low_w, self.slot, *more = state
        self.off_run, self.runs, self._run = more


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
            if len(self.kept) > INTERRUPTIONS_MAX:
                self._drop()

    def find_first(self, slot: int) -> int:
        """Drop those that began before the window; returns the slot of the oldest left, else `slot`."""
        while self.kept and slot - self.kept[0][0] >= self._window:
            self._drop()
        return self.kept[0][0] if self.kept else slot

    def _drop(self) -> None:
        self.total_s -= self.kept.popleft()[1]

    def state(self) -> list[int]:
        """Slots and seconds, alternating."""
        return [number for one in self.kept for number in one]

    def restore(self, state: list[int]) -> None:
        """Continue from `state`."""
        self.kept = deque(zip(state[::2], state[1::2], strict=True))
        self.total_s = sum(lasted_s for _, lasted_s in self.kept)


class Orphans:
    """The slots in which runs of treatment without any production ended, over the last day: `ends`."""

    __slots__ = ("_window", "ends")

    def __init__(self, dt_s: int) -> None:
        self._window = ORPHANS_WINDOW_S // dt_s
        self.ends: deque[int] = deque(maxlen=ORPHANS_MAX)

    def __len__(self) -> int:
        return len(self.ends)

    def add(self, slot: int) -> None:
        """Count a run that ended in `slot`."""
        self.ends.append(slot)

    def find_first(self, slot: int) -> int:
        """Drop those older than a day; returns the slot of the oldest left, else `slot`."""
        while self.ends and slot - self.ends[0] >= self._window:
            self.ends.popleft()
        return self.ends[0] if self.ends else slot

    def state(self) -> list[int]:
        """Everything that `restore` needs."""
        return list(self.ends)

    def restore(self, state: list[int]) -> None:
        """Continue from `state`."""
        self.ends = deque(state, maxlen=ORPHANS_MAX)
