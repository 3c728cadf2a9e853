"""Energy counters that are a pure function of time, so that they survive a restart unharmed.

A counter reads `initial_wh` at the local midnight of the anchor's day and grows by the power, taken
in the middle of each step of STEP_S. Whole days are summed once and remembered, so reading forward
costs one day of power per simulated day. It never runs back unless the power is negative. The counters
of one meter (import and export, whole and phases) are the rows of one table, summed together.

A machine that is switched by hand changes the load to come: then `go_on` sums again from there on and
keeps what the counters have shown.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from attrs import define, field

from firmware_sim.noise import Floats
from firmware_sim.signals import DAY_S, day_of, midnight_of

STEP_S: Final = 10
"""Finer than any change of load visible in a counter."""
SECONDS_PER_HOUR: Final = 3600.0
DAYS_MAX: Final = 400
"""Most days that a plant may be read from its start: one day costs some milliseconds to sum."""


@define
class EnergyCounter:
    """The counters of one meter.

    Attributes:
        power: Power in W at ascending moments, one row a counter; a pure function.
        anchor_s: A moment in the day at whose midnight the counters read `initial_wh`.
        initial_wh: What they read then.
    """

    power: Callable[[Floats], Floats]
    anchor_s: float
    initial_wh: Floats
    _totals: dict[int, Floats] = field(factory=dict, init=False)
    _day: int | None = field(default=None, init=False)
    _steps: Floats = field(factory=lambda: np.zeros(1), init=False)
    _kept: list[tuple[float, Floats]] = field(factory=list, init=False)

    def at(self, t_s: float) -> Floats:
        """The counters in Wh at a moment.

        Raises:
            ValueError: The moment is more than DAYS_MAX days from the anchor.
        """
        day = day_of(t_s)
        into_s = t_s - midnight_of(day)
        step = min(int(into_s // STEP_S), DAY_S // STEP_S - 1)
        steps = self._load_day(day)
        low, high = steps[..., step], steps[..., step + 1]
        kept = sum((shown for at_s, shown in self._kept if t_s >= at_s), start=np.zeros_like(self.initial_wh))
        return self._before(day) + low + (high - low) * (into_s - step * STEP_S) / STEP_S + kept

    def go_on(self, t_s: float, shown: Floats) -> None:
        """Count another power from `t_s` on; what the counters have `shown` at that moment stays."""
        for day in [day for day in self._totals if day >= day_of(t_s)]:
            del self._totals[day]
        self._day = None
        self._kept.append((t_s, shown - self.at(t_s)))

    def _before(self, day: int) -> Floats:
        """The counters at the midnight of `day`."""
        first = day_of(self.anchor_s)
        if abs(day - first) > DAYS_MAX:
            raise ValueError(f"{abs(day - first)} days from the plant's start; at most {DAYS_MAX}")
        sign = 1 if day >= first else -1
        return self.initial_wh + sum(
            (sign * self._total(d) for d in range(min(first, day), max(first, day))),
            start=np.zeros_like(self.initial_wh),
        )

    def _total(self, day: int) -> Floats:
        if day not in self._totals:
            self._totals[day] = self._sum_day(day)[..., -1].copy()
        return self._totals[day]

    def _load_day(self, day: int) -> Floats:
        if self._day != day:
            self._steps, self._day = self._sum_day(day), day
            self._totals[day] = self._steps[..., -1].copy()
        return self._steps

    def _sum_day(self, day: int) -> Floats:
        middles = midnight_of(day) + np.arange(STEP_S / 2, DAY_S, STEP_S)
        energy = self.power(middles) * (STEP_S / SECONDS_PER_HOUR)
        return np.concatenate((np.zeros((*energy.shape[:-1], 1)), np.cumsum(energy, axis=-1)), axis=-1)
