"""How far an energy that a meter shows may be from what flowed, with coverage factor k = 2.

Limits of error of the classes are taken as rectangular, so each has the standard uncertainty limit / √3
(JCGM 100:2008, 4.3.7); meter and current transformer are independent. The transformer's phase displacement
counts by the tangent of the load's phase angle. Each end of a register difference adds at most one step of
the counter.

The limits grow as the load falls: IEC 61869-2 (GB/T 20840.2) for current transformers, IEC 62053-21 and -22
(GB/T 17215.321 and .322) for meters. Below the smallest load of a table nothing is promised, and the limit of
the smallest is taken times the ratio of loads.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

COVERAGE: Final = 2.0
POWER_FACTOR: Final = 0.8
"""Of a load whose power factor is not known: motors at part load, where displacement weighs more."""
METER_CLASS: Final = "1"
CT_CLASS: Final = "0.5"
"""What regulations ask for at least; the site file may say better."""

Steps = Sequence[tuple[float, float, float]]
"""From a share of the rated current on: the limit of the ratio error, %, and of the displacement, minutes."""

CT_LIMITS: Final[Mapping[str, Steps]] = {
    "0.2": ((0.05, 0.75, 30), (0.2, 0.35, 15), (1.0, 0.2, 10)),
    "0.2S": ((0.01, 0.75, 30), (0.05, 0.35, 15), (0.2, 0.2, 10)),
    "0.5": ((0.05, 1.5, 90), (0.2, 0.75, 45), (1.0, 0.5, 30)),
    "0.5S": ((0.01, 1.5, 90), (0.05, 0.75, 45), (0.2, 0.5, 30)),
    "1": ((0.05, 3.0, 180), (0.2, 1.5, 90), (1.0, 1.0, 60)),
    "none": ((0.0, 0.0, 0),),
}
METER_LIMITS: Final[Mapping[str, Steps]] = {
    "0.2S": ((0.01, 0.4, 0), (0.05, 0.2, 0)),
    "0.5S": ((0.01, 1.0, 0), (0.05, 0.5, 0)),
    "1": ((0.05, 1.5, 0), (0.1, 1.0, 0)),
    "2": ((0.05, 2.5, 0), (0.1, 2.0, 0)),
}


@frozen(kw_only=True)
class Metering:
    """How a line is metered.

    Attributes:
        meter: Accuracy class of the meter.
        ct: Class of the current transformers, "none" where the meter is connected directly.
        full_w: Power at the rated current of the transformers, W; 0 where it is not known, and then the
            smallest load of the tables is assumed.
        step_wh: One step of the register, times the ratios.
        pf: Power factor of the load.
    """

    meter: str = METER_CLASS
    ct: str = CT_CLASS
    full_w: float = 0.0
    step_wh: float = 0.0
    pf: float = POWER_FACTOR


def _find_limits(steps: Steps, load: float) -> tuple[float, float]:
    """The limits at a share of the rated current; below the first one they grow as the load falls."""
    first = steps[0]
    if load < first[0]:
        growth = first[0] / max(load, first[0] / 100)
        return first[1] * growth, first[2] * growth
    return next((error, minutes) for begin, error, minutes in reversed(steps) if load >= begin)


def find_uncertainty_wh(wh: float, length_s: float, metering: Metering) -> float:
    """The expanded uncertainty (k = 2) of an energy that flowed within `length_s`, Wh."""
    watts = wh * 3600 / length_s
    smallest = max(CT_LIMITS[metering.ct][0][0], METER_LIMITS[metering.meter][0][0])
    load = watts / metering.full_w if metering.full_w else smallest
    ratio, minutes = _find_limits(CT_LIMITS[metering.ct], load)
    phase = math.radians(minutes / 60) * math.tan(math.acos(metering.pf)) * 100
    meter, _ = _find_limits(METER_LIMITS[metering.meter], load)
    standard = math.sqrt((ratio**2 + phase**2 + meter**2) / 3)
    return COVERAGE * standard / 100 * wh + 2 * metering.step_wh
