"""What a meter can see at one moment: voltage, current and power of three phases that fit together.

U and frequency come from the feed, which all meters share; a meter adds its own error of class 0.5
or better. P and S come from the load; I = S / U, Q = √(S² − P²), PF = P / S hold in each phase, and
the sums are sums. With a current transformer off, a phase has no current and no power, and its
voltage stays.
"""

import math
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from drivers.reading import Quantity

PHASES: Final = ("l1", "l2", "l3")
_PAIRS: Final = {"l12": (0, 1), "l23": (1, 2), "l31": (2, 0)}


@frozen
class Phase:
    """One phase: V, A, W, VA."""

    voltage: float
    current: float
    active: float
    apparent: float

    @property
    def reactive(self) -> float:
        """Reactive power, var."""
        return math.sqrt(max(self.apparent**2 - self.active**2, 0.0))


@frozen
class Electrical:
    """The state of one meter's connection.

    Attributes:
        phases: L1, L2, L3.
        frequency: Hz.
        energy_import_wh: The counter.
    """

    phases: tuple[Phase, Phase, Phase]
    frequency: float
    energy_import_wh: float

    def value(self, quantity: Quantity, phase: str) -> float | None:
        """A measured quantity of a phase, a pair of phases or the whole; None if it is not measured."""
        if quantity is Quantity.FREQUENCY:
            return self.frequency
        if quantity is Quantity.ACTIVE_ENERGY_IMPORT:
            return self.energy_import_wh * self._energy_share(phase)
        if quantity is Quantity.ACTIVE_ENERGY_EXPORT:
            return 0.0
        if phase in _PAIRS:
            return self._between(*_PAIRS[phase]) if quantity is Quantity.VOLTAGE else None
        if phase == "":
            return self._whole().get(quantity)
        if phase in PHASES:
            return _measured(self.phases[PHASES.index(phase)]).get(quantity)
        return 0.0 if quantity in {Quantity.CURRENT, Quantity.VOLTAGE} else None

    def _whole(self) -> Mapping[Quantity, float]:
        active = sum(phase.active for phase in self.phases)
        reactive = sum(phase.reactive for phase in self.phases)
        apparent = math.hypot(active, reactive)
        return {
            Quantity.VOLTAGE: sum(phase.voltage for phase in self.phases) / len(self.phases),
            Quantity.CURRENT: sum(phase.current for phase in self.phases) / len(self.phases),
            Quantity.ACTIVE_POWER: active,
            Quantity.REACTIVE_POWER: reactive,
            Quantity.APPARENT_POWER: apparent,
            Quantity.POWER_FACTOR: active / apparent if apparent else 1.0,
        }

    def _between(self, first: int, second: int) -> float:
        a, b = self.phases[first].voltage, self.phases[second].voltage
        return math.sqrt(a * a + b * b + a * b)  # 120° apart

    @staticmethod
    def _energy_share(phase: str) -> float:
        return 1.0 if phase == "" else 1 / len(PHASES)


def _measured(phase: Phase) -> Mapping[Quantity, float]:
    return {
        Quantity.VOLTAGE: phase.voltage,
        Quantity.CURRENT: phase.current,
        Quantity.ACTIVE_POWER: phase.active,
        Quantity.REACTIVE_POWER: phase.reactive,
        Quantity.APPARENT_POWER: phase.apparent,
        Quantity.POWER_FACTOR: phase.active / phase.apparent if phase.apparent else 1.0,
    }
