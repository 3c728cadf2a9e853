"""The few points of a model that behaviour checks need, and the resolution of their registers.

Only these are decoded, so that the checks cost a small part of what reading does.
"""

import math
from typing import Final

from attrs import evolve

from drivers.points.point import PHASES
from drivers.points.registers import RegisterType
from drivers.poll.meter import MeterSetup
from drivers.reading import Block, PollGroup, Quantity

SANE_MAX: Final = 1e15
"""No V, W, Hz or Wh of a plant is greater; greater values are left out, so that sums stay finite."""
_LINES: Final = PHASES[:3]
_PAIRS: Final = PHASES[3:6]
_FLOAT_BITS: Final = {RegisterType.F32: 24, RegisterType.F64: 53}
"""Of the mantissa."""

Values = dict[str, float]


class Points:
    """The points that a meter can be checked by; an empty name is a point that it does not have.

    Attributes:
        power: Names whose sum is its active power.
        voltages: Names of its voltages to the neutral, or between its lines.
        between: The voltages are those between lines.
        frequency, imported, exported: Its frequency and its energy counters.
        can_freeze: Its fast group has voltage, current and power.
    """

    def __init__(self, setup: MeterSetup) -> None:
        self.setup, model = setup, setup.model
        power, volts = Quantity.ACTIVE_POWER, Quantity.VOLTAGE
        self.power = self._all_of(power, ("",)) or self._all_of(power, _LINES)
        sets = (_LINES, _PAIRS, ("",), _LINES[:1])  # the last: single-phase meters that name it l1
        self.voltages = next(filter(None, (self._all_of(volts, phases) for phases in sets)), ())
        self.between = any(model.point(name).phase in _PAIRS for name in self.voltages)
        self.frequency = self._find(Quantity.FREQUENCY)
        self.imported = self._find(Quantity.ACTIVE_ENERGY_IMPORT)
        self.exported = self._find(Quantity.ACTIVE_ENERGY_EXPORT)
        fast = {point.quantity for point in model.group(PollGroup.FAST)}
        self.can_freeze = {volts, Quantity.CURRENT, power} <= fast
        names = {*self.power, *self.voltages, self.frequency, self.imported, self.exported} - {""}
        wanted = [model.point(name) for name in names]
        scales = {point.scale_point for point in wanted} - {""}
        self._small = evolve(model, points=tuple(p for p in model.points if p.name in names | scales))

    def values(self, blocks: tuple[Block, ...]) -> Values:
        """The values of these points in a reading, in primary units."""
        decoded = self._small.decode(blocks, self.setup.ct_ratio, self.setup.pt_ratio).items()
        return {
            name: float(value)
            for name, value in decoded
            if not isinstance(value, str) and abs(value) < SANE_MAX
        }

    def watts(self, values: Values) -> float | None:
        """Its active power."""
        try:
            return sum(values[name] for name in self.power) if self.power else None
        except KeyError:
            return None

    def volts(self, values: Values) -> tuple[float, ...]:
        """Its voltages as those to the neutral, the lowest first; none if one of them is missing."""
        try:
            volts = sorted(values[name] for name in self.voltages)
        except KeyError:
            return ()
        return tuple(volt / math.sqrt(3) for volt in volts) if self.between else tuple(volts)

    def ratio(self, name: str) -> float:
        """The factor of the installation's transformers for a point's value; 1 without one."""
        if not name:
            return 1.0
        return self.setup.model.point(name).ratio.factor(self.setup.ct_ratio, self.setup.pt_ratio)

    def step(self, name: str, value: float, blocks: tuple[Block, ...]) -> float:
        """The smallest difference that the registers of a point can show at `value`, in its unit."""
        model = self.setup.model
        point = model.point(name)
        unit = point.scale * self.ratio(name)
        if point.type in _FLOAT_BITS:
            raw = abs(value / unit)
            return math.ldexp(unit, math.frexp(raw)[1] - _FLOAT_BITS[point.type]) if raw else 0.0
        return float(unit * 10.0 ** (model.find_exponent(point, blocks) or 0))

    def _find(self, quantity: Quantity, phase: str = "") -> str:
        model = self.setup.model
        names = (p.name for p in model.points if p.quantity is quantity and p.phase == phase)
        return next(names, "")

    def _all_of(self, quantity: Quantity, phases: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(self._find(quantity, phase) for phase in phases)
        return names if all(names) else ()
