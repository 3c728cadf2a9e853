"""The gateway's clocks on virtual time: boottime, a wall clock that somebody sets, and the true time."""

from attrs import define, field

from drivers.clock import NS_PER_S, ClockState, Stamp

BEGIN_S = 1_772_400_000.0
BOOTED_S = 40.0
"""Boottime at which the agent of a machine that comes up is started."""
SYNCED_S = 1.0
"""A wall clock this near to the truth counts as synchronised."""


@define
class VirtualClock:
    """Time passes only in `advance`.

    Attributes:
        true_s: UTC as it is.
        boottime_s: What CLOCK_BOOTTIME and CLOCK_MONOTONIC say.
        ahead_s: Wall clock minus boottime.
        rate: Seconds of this machine in one true second.
    """

    true_s: float = BEGIN_S
    boottime_s: float = BOOTED_S
    ahead_s: float = field(init=False)
    rate: float = 1.0
    boots: int = 1

    def __attrs_post_init__(self) -> None:
        self.ahead_s = self.true_s - self.boottime_s

    @property
    def story_s(self) -> float:
        """Seconds since the begin of the story."""
        return self.true_s - BEGIN_S

    def advance(self, seconds: float) -> None:
        self.true_s += seconds
        self.boottime_s += seconds * self.rate

    def reboot(self, *, in_1970: bool = False) -> None:
        """A new boot, with the wall clock of a battery, or of none."""
        self.boots += 1
        self.boottime_s = BOOTED_S
        self.ahead_s = 0.0 if in_1970 else self.true_s - BOOTED_S

    def set_wall(self, off_s: float) -> None:
        """Somebody sets the wall clock, `off_s` beside the truth."""
        self.ahead_s = self.true_s + off_s - self.boottime_s

    def stamp(self) -> Stamp:
        utc_s = self.ahead_s + self.boottime_s
        synced = abs(utc_s - self.true_s) < SYNCED_S
        return Stamp(
            int(utc_s * NS_PER_S),
            int(self.boottime_s * NS_PER_S),
            self.boots.to_bytes(16, "big"),
            ClockState.SYNCHRONISED if synced else ClockState.UNSYNCHRONISED,
        )
