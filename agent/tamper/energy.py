"""Compares a meter's power, summed over time, with its own energy counter.

A window begins and ends with a reading of the counter, at least MIN_S apart, and lasts until
ENOUGH_STEPS steps were counted. It departs when both differ by more than SHARE of the greater and by
more than what the readings themselves leave open:

    one step of the counter: of its registers, or the smallest rise that was seen, if that is coarser;
      as long as none was seen, the coarsest that counters have
    + half of every change of power × the time between its two readings: the change may have come
    right after the first or just before the second
    + REFRESH_S of the highest power, for registers that are not all refreshed in the same moment

Two departing windows in a row are reported, and then the first that agrees. A window is dropped at a gap in
the power, when power flows back through a meter without an export counter, and when the counter shows what
none can have counted, as in a meter that starts again: when it falls without power that flows back, rises
beyond all plants, or is back where it was before it fell.
"""

from typing import Any, Final

from attrs import define, evolve, field, frozen

MIN_S: Final = 3600.0
MAX_S: Final = 7 * 86_400.0
"""A window that has too little energy by then is dropped."""
ENOUGH_STEPS: Final = 20
"""One step is then 5 % of the energy, no more than SHARE."""
SHARE: Final = 0.05
"""Meters and their counters agree within their class, 2 % at worst."""
COARSE_WH: Final = 1000.0
"""Before any transformer ratio: some counters are floats but still step by whole kWh."""
ROW: Final = 2
REFRESH_S: Final = 10.0
"""How often slow meters refresh their counter."""
GAP_POLLS: Final = 3.0
GAP_MIN_S: Final = 30.0
"""Power that is unknown for longer than this and GAP_POLLS intervals is a gap."""
BACK: Final = 10.0
"""So many times more than what flowed back is no fall by that, whatever is done to the power."""
POWER_MAX_W: Final = 1e9
"""In primary units, of one meter: more than any plant has behind one."""
_S_PER_HOUR: Final = 3600.0


@frozen
class _Count:
    """A reading of the counter, its step, and the integral of the power up to it with its uncertainty."""

    at_s: float
    wh: float
    step_wh: float
    power_wh: float = 0.0
    open_wh: float = 0.0


@define(eq=False, repr=False)
class Energy:
    """The check of one meter.

    Attributes:
        gap_s: Longest time between two readings of the power.
        has_export: The meter counts what flows back.
        coarse_wh: Assumed step of a counter that has not risen yet.
        reported: The departure was reported, its end was not.
    """

    gap_s: float
    has_export: bool
    coarse_wh: float = COARSE_WH
    reported: bool = False
    _last: tuple[float, float] | None = field(default=None, init=False)
    _power_wh: float = field(default=0.0, init=False)
    _open_wh: float = field(default=0.0, init=False)
    _peak_w: float = field(default=0.0, init=False)
    _begin: _Count | None = field(default=None, init=False)
    _before: _Count | None = field(default=None, init=False)
    _left_wh: float | None = field(default=None, init=False)
    _rise_wh: float = field(default=0.0, init=False)
    _pending: _Count | None = field(default=None, init=False)
    _row: int = field(default=0, init=False)

    def power(self, at_s: float, watts: float) -> dict[str, Any] | None:
        """Add a reading of the power; a finding about the window that it closed."""
        last, self._last = self._last, (at_s, watts)
        if last is None or not 0 <= at_s - last[0] <= self.gap_s or (watts < 0 and not self.has_export):
            self._void()
            return None
        begun_s, begun_w = last
        passed_s, change_w = at_s - begun_s, watts - begun_w
        self._peak_w = max(self._peak_w, abs(watts))
        found = None
        if self._pending is not None and self._pending.at_s <= at_s:
            into_s = max(self._pending.at_s - begun_s, 0.0)
            there_w = begun_w + (change_w * into_s / passed_s if passed_s else 0.0)
            power_wh = self._power_wh + (begun_w + there_w) / 2 * into_s / _S_PER_HOUR
            open_wh = self._open_wh + abs(change_w) / 2 * into_s / _S_PER_HOUR
            found = self._add_count(evolve(self._pending, power_wh=power_wh, open_wh=open_wh))
            self._pending = None
        self._power_wh += (begun_w + watts) / 2 * passed_s / _S_PER_HOUR
        self._open_wh += abs(change_w) / 2 * passed_s / _S_PER_HOUR
        return found

    def counter(self, at_s: float, wh: float, step_wh: float) -> None:
        """Add a reading of the counter, import less export; it waits for the next power."""
        if self._last is not None and at_s >= self._last[0]:
            self._pending = _Count(at_s, wh, step_wh)

    def _void(self) -> None:
        self._begin = self._pending = None
        self._before = evolve(self._before, power_wh=0.0) if self._before else None
        self._power_wh = self._open_wh = self._peak_w = 0.0

    def _add_count(self, count: _Count) -> dict[str, Any] | None:
        begin, before, self._before = self._begin, self._before, count
        if begin is None or before is None or self._is_nonsense(before, count):
            self._start(count)
            return None
        rise_wh = count.wh - before.wh
        if rise_wh:
            self._rise_wh = min(self._rise_wh or abs(rise_wh), abs(rise_wh))
        passed_s = count.at_s - begin.at_s
        step_wh = max(count.step_wh, self._rise_wh or self.coarse_wh)
        counted_wh, power_wh = count.wh - begin.wh, count.power_wh - begin.power_wh
        most_wh = max(abs(counted_wh), abs(power_wh))
        if passed_s < MIN_S:
            return None
        if most_wh < ENOUGH_STEPS * step_wh or not most_wh:
            if passed_s > MAX_S:
                self._start(count)
            return None
        open_wh = count.open_wh - begin.open_wh
        tolerance_wh = step_wh + open_wh + self._peak_w * REFRESH_S / _S_PER_HOUR
        departs = abs(counted_wh - power_wh) > max(tolerance_wh, SHARE * most_wh)
        self._start(count)
        wh = {"power_wh": power_wh, "counted_wh": counted_wh, "tolerance_wh": tolerance_wh}
        numbers = {name: round(value, 1) for name, value in wh.items()}
        return self._judge(departs, {**numbers, "window_s": round(passed_s)})

    def _is_nonsense(self, before: _Count, count: _Count) -> bool:
        """Whether the counter fell or jumped, or is back from a fall."""
        fall_wh, back_wh = before.wh - count.wh, max(before.power_wh - count.power_wh, 0.0)
        if fall_wh > (BACK * back_wh + self.coarse_wh if self.has_export else 0.0):
            self._left_wh = before.wh if self._left_wh is None else self._left_wh
            return True
        if self._left_wh is not None and count.wh >= self._left_wh:
            self._left_wh = None
            return True
        return -fall_wh > POWER_MAX_W * (count.at_s - before.at_s) / _S_PER_HOUR + self.coarse_wh

    def _start(self, count: _Count) -> None:
        self._begin, self._peak_w = count, 0.0

    def _judge(self, departs: bool, numbers: dict[str, Any]) -> dict[str, Any] | None:
        self._row = self._row + 1 if departs else 0
        if departs and self._row >= ROW and not self.reported:
            self.reported = True
            return {"what": "energy departs from power", **numbers}
        if not departs and self.reported:
            self.reported = False
            return {"what": "energy agrees with power", **numbers}
        return None
