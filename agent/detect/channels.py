"""The other channels of a line: power factor, current and voltage, as evidence beside the power.

They are kept as whole numbers, like the power: thousandths, milliamperes, decivolts. What is no
number, or none that a meter can show, is as if it had not been said.
"""

from typing import Final

Channels = tuple[int, ...]
"""Empty, or power factor in 0.001, current in mA and voltage in 0.1 V; UNSAID for what was not said."""

NO_CHANNELS: Final[Channels] = ()
UNSAID: Final = -1
PF_MAX: Final = 1.02
"""Meters of class 1 may show a little more than 1."""
CURRENT_MAX_A: Final = 100_000.0
VOLTAGE_MAX_V: Final = 100_000.0


def channels(pf: float | None, current_a: float | None, voltage_v: float | None) -> Channels:
    """What was said, as whole numbers; NO_CHANNELS if nothing of it can be used."""
    found = (
        min(_whole(pf, PF_MAX, 1000), 1000),
        _whole(current_a, CURRENT_MAX_A, 1000),
        _whole(voltage_v, VOLTAGE_MAX_V, 10),
    )
    return NO_CHANNELS if found == (UNSAID, UNSAID, UNSAID) else found


def _whole(value: float | None, most: float, scale: int) -> int:
    if value is None or not abs(value) <= most:
        return UNSAID
    return round(abs(value) * scale)
