"""The other channels of a line: power factor, current and voltage, as evidence beside the power.

They are compared as whole numbers, like the power: thousandths, milliamperes, decivolts. A value that is
not a number, or that no meter can show, counts as absent. A sample keeps the values as they came; they are
converted only when they are read.
"""

import math
from enum import StrEnum
from typing import Final

from agent.detect.line_params import LineParams

Sample = tuple[float, int, float | None, float | None, float | None]
"""One sample of a line as it came: UTC seconds, watts, power factor, current in A, voltage in V; None where
the meter gave none. `channels_of` checks the channels when they are read, which most never are."""
Channels = tuple[int, ...]
"""Empty, or power factor in 0.001, current in mA and voltage in 0.1 V; ABSENT for each that is not known."""

NO_CHANNELS: Final[Channels] = ()
ABSENT: Final = -1
PF_MAX: Final = 1.02
"""Meters of class 1 may show a little more than 1."""
CURRENT_MAX_A: Final = 100_000.0
VOLTAGE_MAX_V: Final = 100_000.0
VOLTAGE_PRESENT: Final = 0.5
"""Less than half of the normal voltage starts no motor."""
VOLTAGE_UNLEARNED: Final = 2_200
"""Decivolts: low-voltage plants have 220 to 240 V to neutral, 380 to 415 V between phases."""
CURRENT_NONE: Final = 0.01
"""Less than 1 % of the normal current is no current: not even the standby of a control."""
CURRENT_FLOWS: Final = 0.1
"""A tenth of the normal current is more than any standby."""
PF_LEAST: Final = 0.05
"""No machine has so little active power for its current: motors without load have 0.06 to 0.2, transformers
0.1. A meter that shows it has voltages and currents of different phases in one element. Its own power factor
must say so, too: a current that stands still beside a power that fell is a register that is not renewed."""
WATTS_PER_MILLIAMPERE: Final = 0.6
"""Three phases of 230 V at a power factor of about 0.87."""
COUNT_MAX: Final = 1000
"""More slots add no certainty; a real motor clears the count in half as many."""
_SCALES: Final = (1000, 1000, 10)
_ALL_ABSENT: Final[Channels] = (ABSENT, ABSENT, ABSENT)
_NO_SAMPLE: Final[Sample] = (0.0, 0, None, None, None)


def pack_channels(pf: float | None, current_a: float | None, voltage_v: float | None) -> Channels:
    """As whole numbers; NO_CHANNELS if none of them can be used."""
    found = (
        min(_whole(pf, PF_MAX, 1000), 1000),
        _whole(current_a, CURRENT_MAX_A, 1000),
        _whole(voltage_v, VOLTAGE_MAX_V, 10),
    )
    return NO_CHANNELS if found == _ALL_ABSENT else found


def channels_of(sample: Sample) -> Channels:
    """The channels of a sample, as whole numbers."""
    _, _, pf, current_a, voltage_v = sample
    if pf is None and current_a is None and voltage_v is None:
        return NO_CHANNELS
    return pack_channels(pf, current_a, voltage_v)


def unpack_channels(whole: Channels) -> tuple[float | None, float | None, float | None]:
    """Power factor, current in A and voltage in V that `pack_channels` turns into these numbers again."""
    pf, current_a, voltage_v = (
        None if value == ABSENT else value / scale
        for value, scale in zip(whole or _ALL_ABSENT, _SCALES, strict=True)
    )
    return pf, current_a, voltage_v


def least_voltage_of(params: LineParams) -> float:
    """Decivolts below which this line counts as without supply."""
    return VOLTAGE_PRESENT * (10 * params.voltage_v or VOLTAGE_UNLEARNED)


def _whole(value: float | None, most: float, scale: int) -> int:
    if value is None or not abs(value) <= most:
        return ABSENT
    return round(abs(value) * scale)


class Cause(StrEnum):
    """Why a line has no power or no data, judged by its other channels."""

    SUPPLY = "supply"
    BREAKER_OR_CT = "breaker_or_ct"
    BREAKER = "breaker"
    CT = "ct"
    STOPPED = "stopped"
    WIRING = "wiring"
    REJECTED = "rejected"
    METER = "meter"
    SITE = "site"
    UNKNOWN = "unknown"


class LineChannels:
    """The latest channels of a line, and for how long it has looked like a heater.

    A resistive load has a power factor of 1, a motor never. Slots in which the line is on and its power
    factor is above every learned one count up by one, other slots of running down by two; off resets.

    Attributes:
        slot: Slot of the last sample with channels, -1 for never.
        latest: That sample.
        count: Slots in which the line looked like a heater.
        begin: The first of them.
    """

    __slots__ = ("begin", "count", "latest", "slot")

    def __init__(self) -> None:
        self.latest: Sample = _NO_SAMPLE
        self.slot = -1
        self.begin = self.count = 0

    def step(self, slot: int, sample: Sample, heater: int, on: bool) -> None:
        """Take the sample of `slot`; `heater` is a heater's least power factor in 0.001, 0 if unknown."""
        self.latest = sample
        self.slot = slot
        if not heater:
            return
        pf = self.pf
        if pf == ABSENT:
            return
        if on and pf >= heater:
            if self.count == 0:
                self.begin = slot
            self.count = min(self.count + 1, COUNT_MAX)
        else:
            self.count = max(self.count - 2, 0) if on else 0

    @property
    def pf(self) -> int:
        """Power factor in 0.001, or ABSENT."""
        return self._whole[0]

    @property
    def current(self) -> int:
        """Current in mA, or ABSENT."""
        return self._whole[1]

    @property
    def voltage(self) -> int:
        """Voltage in 0.1 V, or ABSENT."""
        return self._whole[2]

    @property
    def _whole(self) -> Channels:
        return channels_of(self.latest) or _ALL_ABSENT

    def find_cause(self, params: LineParams, watts: int) -> Cause:
        """Why the line shows only `watts`: its supply, breaker or CT, its wiring, or its own control."""
        normal = 1000 * params.current_on_a or params.rated_w / WATTS_PER_MILLIAMPERE
        if self.voltage == ABSENT:
            return Cause.UNKNOWN
        if self.voltage < least_voltage_of(params):
            return Cause.SUPPLY
        if self.current == ABSENT:
            return Cause.UNKNOWN
        if self.current < CURRENT_NONE * normal:
            return Cause.BREAKER_OR_CT
        flows = self.current >= CURRENT_FLOWS * normal and 0 <= self.pf < 1000 * PF_LEAST
        return Cause.WIRING if flows and watts < PF_LEAST * self.apparent_va else Cause.STOPPED

    @property
    def apparent_va(self) -> float:
        """Least apparent power of these currents, VA: the voltage may be the one between phases."""
        return math.sqrt(3) * self.voltage / 10 * self.current / 1000

    def to_body(self) -> dict[str, float]:
        """The latest values by name, in the units of the names."""
        rows = zip(("pf", "current_a", "voltage_v"), self._whole, _SCALES, strict=True)
        return {name: value / scale for name, value, scale in rows if value != ABSENT}

    def state(self) -> list[int]:
        """Everything that `restore` needs."""
        pf, current, voltage = self._whole
        return [self.begin, self.count, current, pf, self.slot, voltage]

    def restore(self, state: list[int]) -> None:
        """Continue from `state`."""
        self.begin, self.count, current, pf, self.slot, voltage = state
        self.latest = (0.0, 0, *unpack_channels((pf, current, voltage)))
