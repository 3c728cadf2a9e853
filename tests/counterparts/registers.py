"""Register maps whose values say where they come from, so that a wrong value can be proved.

`Coded`: any address is there; a word holds 8 bits of unit and address and 8 bits of the second.

`FloatMap`: IEEE floats at a model's addresses. A value is base * (1 + unit / 2^15 + (second mod 64) / 2^21),
so it is plausible for its quantity, and no two addresses or units share one; a counter in kWh is
4096 + 16 * unit + what `base` watts have added since the start. `is_right` checks both, `second_of` tells
when a value was measured. All registers of one answer are of one second.
"""

import struct
from collections.abc import Mapping
from typing import Final, Protocol

from attrs import frozen

UNIT_STEP: Final = 2.0**-15
SECOND_STEP: Final = 2.0**-21
SECONDS: Final = 64
"""A measured value shows the second modulo this."""
_COUNTER_FIRST_KWH: Final = 4096.0
_COUNTER_STEP_KWH: Final = 16.0
_WS_PER_KWH: Final = 3.6e6
_SERIAL_FIRST: Final = 20_000_000


class RegisterMap(Protocol):
    """What a device has at an address in a second since the start; None where nothing is."""

    def word(self, unit: int, function: int, address: int, second: int) -> int | None:
        """One register."""

    def counts(self, address: int) -> bool:
        """Whether the register belongs to a counter of energy."""


@frozen
class Coded:
    """A device with a register everywhere."""

    def word(self, unit: int, _function: int, address: int, second: int) -> int | None:
        return ((unit * 31 + address * 7) % 256) << 8 | second % 256

    def counts(self, address: int) -> bool:
        return address % 10 == 0


@frozen
class FloatMap:
    """Floats at zero-based addresses, high word first.

    Attributes:
        function: Of its registers.
        bases: What is measured, by address.
        counters: Energy in kWh times the factor, growing by so many W, by address.
        words: Fixed registers: identity, ratios, by function and address.
        serial: Function and address of a serial number of two registers: 20,000,000 and the unit.
        holes_are_zero: Whether registers between the points read as 0, or are not there.
        last: The highest register that is there.
    """

    function: int
    bases: Mapping[int, float]
    counters: Mapping[int, tuple[float, float]]
    words: Mapping[tuple[int, int], int] = {}
    serial: tuple[int, int] | None = None
    holes_are_zero: bool = True
    last: int = 0x180

    def word(self, unit: int, function: int, address: int, second: int) -> int | None:
        if (fixed := self.words.get((function, address))) is not None:
            return fixed
        if self.serial is not None and function == self.serial[0] and 0 <= address - self.serial[1] < 2:
            return ((_SERIAL_FIRST + unit) >> (16 * (1 - address + self.serial[1]))) & 0xFFFF
        if function != self.function:
            return None
        for start in (address, address - 1):
            if start in self.bases or start in self.counters:
                packed = struct.pack(">f", self.value(unit, start, second))
                return int(struct.unpack(">HH", packed)[address - start])
        return 0 if self.holes_are_zero and address <= self.last else None

    def counts(self, address: int) -> bool:
        return address in self.counters or address - 1 in self.counters

    def value(self, unit: int, address: int, second: int) -> float:
        """What unit `unit` shows at an address in a second, before rounding to float32."""
        if address in self.counters:
            factor, watts = self.counters[address]
            watts *= 1 + unit * UNIT_STEP
            start_kwh = _COUNTER_FIRST_KWH + _COUNTER_STEP_KWH * unit
            return factor * (start_kwh + watts * second / _WS_PER_KWH)
        return self.bases[address] * (1 + unit * UNIT_STEP + (second % SECONDS) * SECOND_STEP)


def second_of(table: FloatMap, address: int, unit: int, value: float) -> int | None:
    """The second (modulo 64) in which this unit showed this value at this address; None if it never did."""
    steps = (value / table.bases[address] - 1 - unit * UNIT_STEP) / SECOND_STEP
    second = round(steps)
    return second if 0 <= second < SECONDS and abs(steps - second) < 0.2 else None


def is_right(table: FloatMap, address: int, unit: int, value: float) -> bool:
    """Whether a value read as this unit's register can be its own."""
    if address not in table.counters:
        return second_of(table, address, unit, value) is not None
    factor, watts = table.counters[address]
    grown_kwh = value / factor - _COUNTER_FIRST_KWH - _COUNTER_STEP_KWH * unit
    return -0.001 <= grown_kwh < _COUNTER_STEP_KWH and watts > 0


WATTS: Final = 12_000.0
_SDM_BASES: Final = {
    0x00: 228.0, 0x02: 229.0, 0x04: 227.0, 0x06: 20.0, 0x08: 20.5, 0x0A: 19.5,
    0x0C: 3900.0, 0x0E: 4100.0, 0x10: 4000.0, 0x34: WATTS, 0x38: 13_800.0, 0x3C: 4_300.0,
    0x3E: 0.87, 0x46: 50.0,
}  # fmt: skip
SDM630: Final = FloatMap(4, _SDM_BASES, {0x48: (1.0, WATTS), 0x156: (1.0, WATTS)}, serial=(3, 0xFC00))
"""Eastron SDM630: input registers, power in W at 0x34, energy in kWh at 0x48."""
SDM120: Final = FloatMap(
    4,
    {0x00: 228.0, 0x06: 20.0, 0x0C: 4_500.0, 0x12: 4_600.0, 0x18: 900.0, 0x1E: 0.97, 0x46: 50.0},
    {0x48: (1.0, 4_500.0), 0x156: (1.0, 4_500.0)},
    serial=(3, 0xFC00),
)
DTSU666: Final = FloatMap(
    3,
    {0x2006: 2280.0, 0x2008: 2290.0, 0x200A: 2270.0, 0x200C: 20_000.0, 0x200E: 20_500.0, 0x2010: 19_500.0,
     0x2012: 10 * WATTS, 0x2014: 39_000.0, 0x2016: 41_000.0, 0x2018: 40_000.0,
     0x202A: 870.0, 0x2044: 5_000.0},
    {0x101E: (1.0, WATTS)},
    words={(3, 6): 1, (3, 7): 10},
    last=0x2100,
)  # fmt: skip
"""Chint DTSU666: V ×0.1, A ×0.001, W ×0.1; both ratios are 1."""
UMG96RM: Final = FloatMap(
    3,
    {19000: 228.0, 19002: 229.0, 19004: 227.0, 19012: 20.0, 19014: 20.5, 19016: 19.5, 19020: 3900.0,
     19022: 4100.0, 19024: 4000.0, 19026: WATTS, 19044: 0.87, 19046: 0.88, 19048: 0.86, 19050: 50.0},
    {19068: (1000.0, WATTS)},
    last=19_200,
)  # fmt: skip
"""Janitza UMG 96RM: energy in Wh."""
PM5XXX: Final = FloatMap(
    3,
    {3027: 228.0, 3029: 229.0, 3031: 227.0, 2999: 20.0, 3001: 20.5, 3003: 19.5, 3053: 3.9, 3055: 4.1,
     3057: 4.0, 3059: WATTS / 1000, 3109: 50.0},
    {2699: (1.0, WATTS)},
    last=3_300,
)  # fmt: skip
