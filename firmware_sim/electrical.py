"""What a meter sees at one moment: consistent voltage, current and power of three phases.

U and frequency come from the supply, which all meters share; a meter adds its own error of class 0.5
or better. S = U · I and S² = P² + Q² hold in each phase, PF = P / S, and totals are sums; Q is
positive if the current lags. The total S follows from total P and Q. A meter without any voltage
sees no frequency.

The total counters count total P, import where it is positive and export where it is negative, and
those of a phase that of the phase.
"""

import functools
import math
from typing import Final

from attrs import frozen

from drivers.reading import Quantity

PHASES: Final = ("l1", "l2", "l3")
_PAIRS: Final = {"l12": (0, 1), "l23": (1, 2), "l31": (2, 0)}
_NOTHING: Final = 1e-9
"""Share of the phases' apparent power below which the total's is rounding of sums that cancel."""
_FIELDS: Final = {
    Quantity.VOLTAGE: "voltage",
    Quantity.CURRENT: "current",
    Quantity.ACTIVE_POWER: "active",
    Quantity.REACTIVE_POWER: "reactive",
    Quantity.APPARENT_POWER: "apparent",
    Quantity.ACTIVE_ENERGY_IMPORT: "import_wh",
    Quantity.ACTIVE_ENERGY_EXPORT: "export_wh",
}


@frozen
class Phase:
    """One phase, or the means and sums of all: V, A, W, VA, var; the counters in Wh."""

    voltage: float
    current: float
    active: float
    apparent: float
    reactive: float
    import_wh: float
    export_wh: float

    def value(self, quantity: Quantity) -> float | None:
        """A measured quantity; None if it is not measured."""
        if quantity is Quantity.POWER_FACTOR:
            return self.active / self.apparent if self.apparent else 1.0
        if quantity not in _FIELDS:
            return None
        value: float = getattr(self, _FIELDS[quantity])
        return value


@frozen
class Electrical:
    """The state of one meter's connection: L1, L2 and L3, Hz, and the counters of the whole in Wh."""

    phases: tuple[Phase, Phase, Phase]
    frequency: float
    energy_import_wh: float
    energy_export_wh: float = 0.0

    def value(self, quantity: Quantity, phase: str) -> float | None:
        """A measured quantity of a phase, a pair of phases or the whole; None if it is not measured."""
        if quantity is Quantity.FREQUENCY:
            return self.frequency if any(one.voltage for one in self.phases) else 0.0
        if phase in _PAIRS:
            return self._between(*_PAIRS[phase]) if quantity is Quantity.VOLTAGE else None
        if phase == "":
            return self._whole.value(quantity)
        if phase in PHASES:
            return self.phases[PHASES.index(phase)].value(quantity)
        return 0.0 if quantity in {Quantity.CURRENT, Quantity.VOLTAGE} else None

    @functools.cached_property
    def _whole(self) -> Phase:
        active = sum(phase.active for phase in self.phases)
        reactive = sum(phase.reactive for phase in self.phases)
        apparent = math.hypot(active, reactive)
        if apparent <= _NOTHING * sum(phase.apparent for phase in self.phases):
            active = reactive = apparent = 0.0
        return Phase(
            voltage=sum(phase.voltage for phase in self.phases) / len(self.phases),
            current=sum(phase.current for phase in self.phases) / len(self.phases),
            active=active,
            apparent=apparent,
            reactive=reactive,
            import_wh=self.energy_import_wh,
            export_wh=self.energy_export_wh,
        )

    def _between(self, first: int, second: int) -> float:
        a, b = self.phases[first].voltage, self.phases[second].voltage
        return math.sqrt(a * a + b * b + a * b)  # 120° apart
