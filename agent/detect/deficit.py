"""How much treatment has been lacking: the weighted deficit S and the plain duration C of a linkage.

A second of deficit weighs 1 while treatment is off and 0.75 while it is low. The weighted deficit recovers
by 0.25 a second of enough treatment and by 0.02 while production is off, so that many short batches add up.
"""

from typing import Any, Final

OFF_WEIGHT: Final = 1.0
LOW_WEIGHT: Final = 0.75
RECOVERY_WEIGHT: Final = 0.25
IDLE_WEIGHT: Final = 0.02
WEIGHTED_MAX_S: Final = 7200.0
"""Two hours; a longer deficit takes no longer to recover from."""


class Deficit:
    """Counts slots of too little treatment.

    Attributes:
        weighted_s: S, which is compared with the limit.
        lasted_s: C, unweighted seconds of deficit.
        count: Slots of deficit.
        off: How many of them had treatment off.
        slot: The first of them.
        low_w: Sum of the treatment power over those with treatment on.
    """

    __slots__ = ("_dt", "count", "lasted_s", "low_w", "off", "slot", "weighted_s")

    def __init__(self, dt_s: int, slot: int) -> None:
        self._dt = dt_s
        self.slot = slot
        self.weighted_s = 0.0
        self.lasted_s = self.count = self.off = self.low_w = 0

    def add(self, slot: int, slots: int, t: int, off: bool) -> None:
        """Count the `slots` slots that end with `slot`."""
        if self.count == 0:
            self.slot = slot - slots + 1
        self.count += slots
        if off:
            self.off += slots
        else:
            self.low_w += slots * t
        passed_s = slots * self._dt
        self.lasted_s += passed_s
        weighted_s = self.weighted_s + passed_s * (OFF_WEIGHT if off else LOW_WEIGHT)
        self.weighted_s = min(weighted_s, WEIGHTED_MAX_S)

    def recover(self, idle: bool) -> None:
        """One slot with enough treatment, or without production (`idle`)."""
        less_s = self._dt * (IDLE_WEIGHT if idle else RECOVERY_WEIGHT)
        self.weighted_s = max(self.weighted_s - less_s, 0.0)

    def forget(self) -> None:
        """End the deficit."""
        self.weighted_s = 0.0
        self.lasted_s = self.count = self.off = self.low_w = 0

    @property
    def mean_low_w(self) -> int:
        """Mean treatment power of the slots in which treatment was on, but too low."""
        return self.low_w // (self.count - self.off) if self.count > self.off else 0

    def state(self) -> list[Any]:
        """Everything that `restore` needs."""
        return [self.weighted_s, self.lasted_s, self.count, self.off, self.low_w, self.slot]

    def restore(self, state: list[Any]) -> None:
        """Go on where `state` was taken."""
        self.weighted_s, self.lasted_s, self.count, self.off, self.low_w, self.slot = state
