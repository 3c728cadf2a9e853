"""Learns the usual power factor, current and voltage of a line.

A dummy heater may have replaced treatment during the period. So the greatest normal power factor is estimated
from the lower half of the values, mirrored at the median; what lies beyond is an exception. Where the machine
itself comes near 1 (electric heat, good drives), a heater cannot be distinguished and is not judged.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from attrs import evolve

from agent.detect.channels import CURRENT_MAX_A, PF_MAX, VOLTAGE_MAX_V
from agent.detect.learning.linkages import Bools
from agent.detect.learning.series import Floats, Series, find_runs
from agent.detect.line_params import LineParams

SCALES: Final = {"pf": 1000.0, "current_a": 1000.0, "voltage_v": 10.0}
"""A grid holds whole numbers: thousandths, milliamperes, decivolts."""
MOST: Final = {"pf": PF_MAX, "current_a": CURRENT_MAX_A, "voltage_v": VOLTAGE_MAX_V}
SAMPLES_MIN: Final = 60
"""Ten minutes."""
PF_MOTOR_MAX: Final = 0.96
"""A machine with a higher power factor looks like a heater itself."""
PF_HEATER_MIN: Final = 0.97
"""Heaters have 0.99 and more; meters of class 1 may show 0.98."""
HEATER_MIN_S: Final = 600


def to_channel_series(channels: Mapping[str, Mapping[str, Series]]) -> dict[str, Series]:
    """The series of all channels by grid name, as whole numbers."""
    found: dict[str, Series] = {}
    for line, parts in channels.items():
        for name, (times, values) in parts.items():
            plain = np.abs(np.asarray(values, np.float64))
            usable = np.where(plain <= MOST[name], plain, np.nan)
            found[name_channel(line, name)] = (times, usable * SCALES[name])
    return found


def name_channel(line: str, channel: str) -> str:
    """The name of a channel in a grid; no line's id has such a character."""
    return f"{line}\0{channel}"


def learn_channels(
    line: LineParams, x: Floats, watts: Mapping[str, Floats], *, treatment: bool
) -> tuple[LineParams, Bools]:
    """The line with the values of its channels, and the slots in which it looked like a heater."""
    on = np.nan_to_num(x, nan=0.0) >= line.threshold.hi_w
    pf = _read_channel(watts, line.id, "pf", x)
    usual = _find_median(pf[on])
    heater = _find_heater_limit(pf[on]) if treatment else 0.0
    learned = evolve(
        line,
        pf_on=round(usual, 3),
        pf_heater=round(heater, 3),
        current_on_a=round(_find_median(_read_channel(watts, line.id, "current_a", x)[on]), 2),
        voltage_v=round(_find_median(_read_channel(watts, line.id, "voltage_v", x)), 1),
    )
    odd = on & (np.nan_to_num(pf, nan=0.0) >= heater) if heater else np.zeros(len(x), np.bool_)
    return learned, np.asarray(odd, np.bool_)


def find_heater_spans(odd: Bools, dt_s: int) -> list[tuple[int, int]]:
    """First and end slots of the stretches of at least HEATER_MIN_S."""
    return [(begin, end) for begin, end in find_runs(odd) if (end - begin) * dt_s >= HEATER_MIN_S]


def _read_channel(watts: Mapping[str, Floats], line: str, name: str, x: Floats) -> Floats:
    found = watts.get(name_channel(line, name))
    return np.full(len(x), np.nan) if found is None else found / SCALES[name]


def _find_median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) >= SAMPLES_MIN else 0.0


def _find_heater_limit(pf: Floats) -> float:
    known = pf[np.isfinite(pf)]
    if len(known) < SAMPLES_MIN:
        return 0.0
    least, usual = np.quantile(known, (0.05, 0.5))
    greatest = float(2 * usual - least)
    return max(PF_HEATER_MIN, (1 + greatest) / 2) if greatest <= PF_MOTOR_MAX else 0.0
