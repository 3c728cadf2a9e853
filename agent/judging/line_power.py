"""Turns readings of meters into the power of lines, which is what the detector judges.

A line may be fed by several meters; its power is their sum, and it is known only while every one of them has
answered within HOLD_S: a silent meter makes its line unknown, never zero. The line's other channels are the
power factor by the powers of the meters, the sum of their currents and the mean of their voltages, each only
where every meter of the line has it.

The state goes into the detector's checkpoint, so that an agent that reads its own records again after a
restart feeds the detector exactly the same values.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import astuple, define, field, frozen

from agent.detect.slots import HOLD_S
from drivers.reading import POWER_POINT

PF_POINT: Final = "power_factor"
CURRENT_POINTS: Final = ("current_l1", "current_l2", "current_l3")
VOLTAGE_POINTS: Final = (
    ("voltage_l1", "voltage_l2", "voltage_l3"),
    ("voltage_l12", "voltage_l23", "voltage_l31"),
)
"""To neutral where the meter has one, else between phases; the detector learns which is normal."""
PHASE_A_MIN: Final = 1.0
"""A standby may be fed from one phase."""
PHASE_LOST: Final = 0.05
"""No machine with three phases draws so little in one; its fuse, its contact or its CT is gone."""
VALUE_MAX: Final = 1e12
"""W, A or V beyond which a value is none: no plant has a terawatt, and sums of such numbers overflow. Who
signs for a meter chooses its values; 1.7e308 W must end neither a detector nor the page of a pack."""


@frozen
class MeterPower:
    """One meter in one reading: W, power factor, A, V; None for what it does not have.

    `lost_phase` is the phase without current while the others have it (1 to 3), 0 if all have; None while too
    little flows to say.
    """

    watts: int
    pf: float | None = None
    current_a: float | None = None
    voltage_v: float | None = None
    lost_phase: int | None = None


@frozen
class LinePower:
    """A line at a moment of the detector's time: seconds, W and the other channels."""

    line: str
    at_s: float
    watts: int
    pf: float | None = None
    current_a: float | None = None
    voltage_v: float | None = None
    lost_phase: int | None = None


def meter_power(values: Mapping[str, Any]) -> MeterPower | None:
    """The channels for the detector of a decoded reading; None without an active power."""
    watts = _number(values.get(POWER_POINT))
    if watts is None:
        return None
    voltages = (_mean(values, points) for points in VOLTAGE_POINTS)
    pf = _number(values.get(PF_POINT))
    return MeterPower(
        watts=round(watts),
        pf=None if pf is None else abs(float(pf)),
        current_a=_mean(values, CURRENT_POINTS),
        voltage_v=next((one for one in voltages if one is not None), None),
        lost_phase=_find_lost_phase(values),
    )


def _number(value: object) -> int | float | None:
    """A decoded value, if it can be one of a plant."""
    return value if isinstance(value, int | float) and abs(value) <= VALUE_MAX else None


def _find_lost_phase(values: Mapping[str, Any]) -> int | None:
    amps = [abs(value) for name in CURRENT_POINTS if (value := _number(values.get(name))) is not None]
    if len(amps) < len(CURRENT_POINTS) or max(amps) < PHASE_A_MIN:
        return None
    return next((phase for phase, one in enumerate(amps, 1) if one < PHASE_LOST * max(amps)), 0)


def _mean(values: Mapping[str, Any], points: Sequence[str]) -> float | None:
    known = [abs(value) for name in points if (value := _number(values.get(name))) is not None]
    return sum(known) / len(known) if known else None


@define(eq=False, repr=False)
class LinePowers:
    """Sums the meters of each line.

    Attributes:
        lines: The line of each meter.
        hold_s: How long a value counts as current.
    """

    lines: Mapping[str, str]
    hold_s: float = HOLD_S
    _latest: dict[str, tuple[float, MeterPower]] = field(factory=dict, init=False)
    _meters: dict[str, list[str]] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        for meter, line in self.lines.items():
            self._meters.setdefault(line, []).append(meter)

    def power(self, meter: str, at_s: float, now: MeterPower | None) -> LinePower | None:
        """Add a reading of a meter; its line's power, None if a part is missing."""
        line = self.lines.get(meter)
        if line is None or now is None:
            return None
        self._latest[meter] = (at_s, now)
        parts: list[MeterPower] = []
        for name in self._meters[line]:
            one = self._latest.get(name)
            if one is None or at_s - one[0] > self.hold_s:
                return None
            parts.append(one[1])
        currents = [part.current_a for part in parts if part.current_a is not None]
        voltages = [part.voltage_v for part in parts if part.voltage_v is not None]
        return LinePower(
            line=line,
            at_s=at_s,
            watts=sum(part.watts for part in parts),
            pf=_power_factor(parts),
            current_a=sum(currents) if len(currents) == len(parts) else None,
            voltage_v=sum(voltages) / len(parts) if len(voltages) == len(parts) else None,
            lost_phase=now.lost_phase,
        )

    def state(self) -> dict[str, list[Any]]:
        """Everything that `restore` needs."""
        return {meter: [at_s, *astuple(one)] for meter, (at_s, one) in self._latest.items()}

    def restore(self, state: Mapping[str, Sequence[Any]]) -> None:
        """Continue from `state()`."""
        self._latest = {meter: (float(at_s), MeterPower(*values)) for meter, (at_s, *values) in state.items()}


def _power_factor(parts: Sequence[MeterPower]) -> float | None:
    """Active by apparent power of all parts, assuming equal phase angles."""
    if len(parts) == 1:
        return parts[0].pf
    apparent, active = 0.0, 0
    for part in parts:
        if not part.pf:
            return None
        apparent += abs(part.watts) / part.pf
        active += abs(part.watts)
    return active / apparent if apparent else None
