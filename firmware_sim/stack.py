"""What an analyser at a stack or an outfall sees: concentrations that follow from the plant.

    value = at rest + (at full load - at rest) * level * noise
    level = load of the production line / (1 + (removal - 1) * work of the treatment line)

both as shares and averaged with a first-order lag, because gas and water stay in ducts and basins. Work is
the effect of the treatment's power: none up to standby, all of it from a third of its rated power on, and
none while it idles or a heater stands in for it (`idle`, `dummy`), which takes power but cleans
nothing. Without a treatment line the emission is seen untreated. So treatment that is switched off
shows in SO2 within minutes, and so does treatment that only seems to run.

O2, temperature and flow follow only the load. All is a pure function of the plant file and the moment.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from attrs import frozen

from drivers.reading import Quantity
from firmware_sim.layout import MeterPlan
from firmware_sim.noise import Floats, key_of, smooth
from firmware_sim.plant import Plant
from firmware_sim.timetable import EventKind

LAG_S: Final = 90.0
"""Time constant: an analyser with its sample line shows two thirds of a change after it (HJ 75: 200 s for
90 %)."""
_STEP_S: Final = 15.0
"""Finer than what the lag lets through."""
_SPAN_S: Final = 5 * LAG_S
"""Older values weigh less than a hundredth."""
_IDLE_SHARE: Final = 0.05
_FULL_SHARE: Final = 0.3
"""Shares of its rated power at which treatment begins to work, and works in full."""
_NOISE_S: Final = 20.0
_USELESS: Final = frozenset({EventKind.IDLE, EventKind.DUMMY})
"""Events in which a treatment line takes power and treats nothing."""


@frozen
class _Habit:
    """One quantity: at rest, at full load untreated, what treatment divides it by, relative noise."""

    rest: float
    full: float
    removal: float = 1.0
    noise: float = 0.02


_HABITS: Final = {
    Quantity.SO2: _Habit(0.5, 900.0, 40.0),
    Quantity.NOX: _Habit(0.5, 300.0, 8.0),
    Quantity.PM: _Habit(0.2, 500.0, 100.0),
    Quantity.O2: _Habit(20.7, 9.0, noise=0.002),
    Quantity.FLUE_GAS_FLOW: _Habit(1500.0, 60_000.0),
    Quantity.TEMPERATURE: _Habit(28.0, 115.0, noise=0.005),
    Quantity.COD: _Habit(8.0, 900.0, 30.0),
    Quantity.NH3_N: _Habit(0.2, 60.0, 30.0),
    Quantity.PH: _Habit(7.2, 4.4, 30.0, noise=0.003),
    Quantity.FLOW: _Habit(1.0, 120.0),
}
"""Mill and boiler by the national standards: clean if treated, far beyond the limits if not."""


@frozen
class Stack:
    """The values at one moment, in the units of drivers.reading."""

    values: Mapping[Quantity, float]

    def value(self, quantity: Quantity, phase: str) -> float | None:
        """A measured quantity; None if it is not measured."""
        return None if phase else self.values.get(quantity)


def stack_at(plant: Plant, meter: MeterPlan, t_s: float) -> Stack:
    """What an analyser sees at a moment."""
    moments = np.arange(t_s - _SPAN_S + _STEP_S / 2, t_s, _STEP_S)
    load = _share(plant, meter.line, moments)
    work = _work(plant, meter.treatment, moments)
    weights = np.exp((moments - t_s) / LAG_S)
    weights /= weights.sum()
    values = {}
    for quantity, habit in _HABITS.items():
        level = float((weights * load / (1 + (habit.removal - 1) * work)).sum())
        key = key_of(plant.layout.seed, meter.id, quantity)
        noise = 1 + habit.noise * float(smooth(key, np.array([t_s]), _NOISE_S)[0])
        values[quantity] = max((habit.rest + (habit.full - habit.rest) * level) * noise, 0.0)
    return Stack(values)


def _share(plant: Plant, line_id: str, moments: Floats) -> Floats:
    """The true load of a line at evenly spaced moments, as a share of its rated power."""
    watts = plant.history(line_id, float(moments[0]), float(moments[-1]) + _STEP_S / 2, _STEP_S)
    return np.asarray(watts / plant.line(line_id).rated_w, dtype=np.float64)


def _work(plant: Plant, line_id: str, moments: Floats) -> Floats:
    """How far a treatment line treats at each moment, 0 to 1."""
    if not line_id:
        return np.zeros_like(moments)
    share = _share(plant, line_id, moments)
    work = np.clip((share - _IDLE_SHARE) / (_FULL_SHARE - _IDLE_SHARE), 0.0, 1.0)
    for event in plant.events:
        if event.what in _USELESS and event.line == line_id:
            work[(moments >= event.begin_s) & (moments < event.end_s)] = 0.0
    return work
