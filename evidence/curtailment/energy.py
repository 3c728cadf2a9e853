"""Energy of one meter out of its register, and out of its power where the register says nothing.

Between two readings of the register stands what flowed, however long the meter was silent meanwhile: a gap
is bridged. Where the register runs back, leaps or is not there at all, the samples of power that are
present give a lower bound: it can prove that a limit was passed, never that it was kept.

Not bridged: a register that wraps around looks like one that was set back, and is one gap of a minute.
"""

from collections.abc import Iterator
from typing import Any, Final

from attrs import define, field, frozen

HOUR_S: Final = 3600
LEAP_FACTOR: Final = 1.5
"""More than this times the full scale of the CTs is no energy of that meter; meters clip at 1.2."""
BOUND_S: Final = HOUR_S
"""Without a register a segment ends at least so often, so that hours have their energies."""
ROUNDING_WH: Final = 1.0
"""A register of whole Wh may run ahead of the power by one."""


@frozen
class Segment:
    """What flowed from `begin_s` to `end_s`, UTC; `wh` of them at least, if `is_bound`.

    Attributes:
        covered_s: For how long of it something was measured: all of it by a register.
    """

    begin_s: float
    end_s: float
    wh: float
    covered_s: float
    is_bound: bool = False


@define(eq=False, repr=False)
class MeterTrack:
    """Turns the readings of one meter into segments that follow each other without a hole.

    Attributes:
        hold_s: How long a sample of power counts at most.
        full_w: Full scale of its CTs, W; 0 where it is not known and no leap can be told.
    """

    hold_s: float
    full_w: float = 0.0
    _wh: float | None = field(default=None, init=False)
    _since_s: float | None = field(default=None, init=False)
    _power: tuple[float, float] | None = field(default=None, init=False)
    _sum_wh: float = field(default=0.0, init=False)
    _held_s: float = field(default=0.0, init=False)

    def add(self, at_s: float, wh: float | None = None, watts: float | None = None) -> Iterator[Segment]:
        """Take a reading with its import register (Wh), its power (W, consumption above 0), or both."""
        if self._since_s is None:
            self._since_s = at_s
        self._hold_until(at_s)
        if watts is not None:
            self._power = (at_s, watts)
        if wh is not None:
            yield from self._count(at_s, wh)
        elif at_s - self._since_s >= BOUND_S and self._wh is None:
            yield from self._end_bound(at_s)

    def _hold_until(self, at_s: float) -> None:
        if self._power is None:
            return
        begin_s, watts = self._power
        held_s = min(at_s - begin_s, self.hold_s)
        if held_s > 0:
            self._sum_wh += max(watts, 0.0) * held_s / HOUR_S
            self._held_s += held_s
            self._power = None if at_s - begin_s >= self.hold_s else (at_s, watts)

    def _count(self, at_s: float, wh: float) -> Iterator[Segment]:
        before, self._wh = self._wh, wh
        assert self._since_s is not None
        length_s = at_s - self._since_s
        if length_s <= 0:
            return
        if before is not None and self._is_plausible(wh - before, length_s):
            yield Segment(self._since_s, at_s, wh - before, length_s)
            self._restart(at_s)
        else:
            yield from self._end_bound(at_s)

    def _is_plausible(self, wh: float, length_s: float) -> bool:
        most_wh = LEAP_FACTOR * self.full_w * length_s / HOUR_S + ROUNDING_WH
        return wh >= 0 and (not self.full_w or wh <= most_wh)

    def _end_bound(self, at_s: float) -> Iterator[Segment]:
        assert self._since_s is not None
        if at_s > self._since_s:
            yield Segment(self._since_s, at_s, self._sum_wh, min(self._held_s, at_s - self._since_s), True)
        self._restart(at_s)

    def _restart(self, at_s: float) -> None:
        self._since_s, self._sum_wh, self._held_s = at_s, 0.0, 0.0

    def state(self) -> list[Any]:
        """Everything that `restore` needs."""
        return [
            self._wh,
            self._since_s,
            None if self._power is None else list(self._power),
            self._sum_wh,
            self._held_s,
        ]

    def restore(self, state: list[Any]) -> None:
        """Continue from `state()`."""
        wh, since_s, power, sum_wh, held_s = state
        self._wh, self._since_s = wh, since_s
        self._power = None if power is None else (float(power[0]), float(power[1]))
        self._sum_wh, self._held_s = float(sum_wh), float(held_s)
