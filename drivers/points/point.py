"""One point of a meter model: its registers and how they become a value.

    value = raw × scale × 10^exponent × ratio

`raw` is what drivers.points.registers makes of the words; `exponent` comes from another point of quantity
`scale` if the meter sends its own decimals; `ratio` is the transformer ratio of the installation
for meters that answer secondary values, applied only here. The result is in the unit of
the quantity (drivers.reading.UNITS). A raw value that the maker reserves for "not available" is
`absent`; it decodes to None, as does everything that cannot be true (`_is_possible`).

Whole raw values times whole factors stay whole numbers, so 64-bit counters lose nothing; factors
like 0.1 divide by ten, so 2301 becomes 230.1 and not 230.10000000000002.
"""

import math
from enum import StrEnum
from typing import Final

from attrs import frozen

from drivers.dlt645.blocks import find_single_id
from drivers.points import registers
from drivers.points.registers import RegisterType, Value, WordOrder
from drivers.reading import EMISSIONS, Block, PollGroup, Quantity

EXPONENT_MAX: Final = 10
"""Largest power of ten, positive or negative, in a scale register (SunSpec's own range)."""
_EXPONENT_FINEST: Final = -3
"""Finest decimals that the simulator chooses for a scale register: no meter resolves more."""
POWER_FACTOR_MAX: Final = 1.01
"""A power factor above 1 is not a measurement; 0.01 allows for the meter's rounding."""

PHASES: Final = ("l1", "l2", "l3", "l12", "l23", "l31", "n")
"""Phase conductors, line-to-line pairs and the neutral; the whole meter has the empty phase."""

GROUPS: Final = {
    Quantity.VOLTAGE: PollGroup.FAST,  # every finding needs it, together with U and P
    Quantity.CURRENT: PollGroup.FAST,
    Quantity.ACTIVE_POWER: PollGroup.FAST,
    Quantity.POWER_FACTOR: PollGroup.FAST,  # distinguishes idling and a dummy heater from the real load
    # they belong to one moment, as U, I and P do
    **dict.fromkeys((*EMISSIONS, Quantity.MARK, Quantity.DATA_TIME), PollGroup.FAST),
    **dict.fromkeys((Quantity.SERIAL_NUMBER, Quantity.FIRMWARE, Quantity.IDENTITY), PollGroup.IDENTITY),
    **dict.fromkeys((Quantity.CT_RATIO, Quantity.PT_RATIO), PollGroup.IDENTITY),
}
"""The poll group of a quantity; what is not listed moves slowly."""


class Ratio(StrEnum):
    """Which transformer ratios turn a secondary value into the primary one."""

    NONE = "none"
    CT = "ct"
    PT = "pt"
    CT_PT = "ct_pt"

    def factor(self, ct_ratio: float, pt_ratio: float) -> float:
        """What a secondary value is multiplied with."""
        ct = ct_ratio if self in {Ratio.CT, Ratio.CT_PT} else 1.0
        pt = pt_ratio if self in {Ratio.PT, Ratio.CT_PT} else 1.0
        return ct * pt


SECONDARY_RATIOS: Final = {
    Quantity.VOLTAGE: Ratio.PT,
    Quantity.CURRENT: Ratio.CT,
    Quantity.ACTIVE_POWER: Ratio.CT_PT,
    Quantity.REACTIVE_POWER: Ratio.CT_PT,
    Quantity.APPARENT_POWER: Ratio.CT_PT,
    Quantity.ACTIVE_ENERGY_IMPORT: Ratio.CT_PT,
    Quantity.ACTIVE_ENERGY_EXPORT: Ratio.CT_PT,
}
"""The ratio of each quantity of a meter that answers secondary values."""


@frozen
class Point:
    """A named quantity of a model.

    Attributes:
        name: Unique in its model: the quantity, or the quantity and its phase (`voltage_l1`).
        phase: One of PHASES, or "" for the whole meter.
        function: 3 (holding registers), 4 (input registers), 17 for a datum of DL/T 645, 212 for an item
            of HJ 212.
        address: Zero-based PDU address of its first register, data id of DL/T 645, or CN of HJ 212.
        word_order: Which word of several comes first.
        scale: Raw × scale is in the unit of the quantity.
        scale_point: Name of the point that holds the power of ten, or "".
        ratio: The transformer ratios still to be applied.
        group: How often it is read.
        text_words: Registers of a text, else 0.
        absent: Words, as on the wire, that mean "not available".
        offset: DL/T 645: first byte behind the data id; one answer has several points.
        size_bytes: DL/T 645: how many bytes; else 0.
        optional: DL/T 645: many meters lack this data id, and a poll succeeds without it.
        item: HJ 212: its name in the packet (`a21026-Rtd`), else "".
    """

    name: str
    quantity: Quantity
    phase: str
    function: int
    address: int
    type: RegisterType
    word_order: WordOrder = WordOrder.HIGH_FIRST
    scale: float = 1.0
    scale_point: str = ""
    ratio: Ratio = Ratio.NONE
    group: PollGroup = PollGroup.FAST
    text_words: int = 0
    absent: bytes = b""
    offset: int = 0
    size_bytes: int = 0
    optional: bool = False
    item: str = ""

    @property
    def count(self) -> int:
        """Registers it takes; bytes, for a datum of DL/T 645."""
        if self.size_bytes:
            return self.size_bytes
        return registers.word_count(self.type, self.text_words)

    @property
    def size(self) -> int:
        """Bytes it takes."""
        return self.size_bytes or self.count * registers.WORD_BYTES

    @property
    def single_id(self) -> int | None:
        """DL/T 645: the data id that has this point alone, where its own is a block of several."""
        return find_single_id(self.address, self.offset, self.size_bytes) if self.size_bytes else None

    def start_in(self, block: Block) -> int | None:
        """Its first byte within an answer, or None if the answer lacks part of it."""
        if block.function != self.function:
            return None
        if self.size_bytes:
            if block.address == self.address:
                start = self.offset
            else:
                is_alone = block.address == self.single_id and len(block.words) == self.size
                start = 0 if is_alone else -1
        else:
            start = (self.address - block.address) * registers.WORD_BYTES
        return start if 0 <= start <= len(block.words) - self.size else None

    def cut(self, block: Block) -> bytes | None:
        """Its words from an answer, or None if the answer lacks some of them."""
        start = self.start_in(block)
        return None if start is None else block.words[start : start + self.size]

    def decode(self, words: bytes, *, exponent: int = 0, ratio: float = 1.0) -> Value | None:
        """The value of exactly its words, or None where they hold none."""
        if words == self.absent:
            return None
        raw = registers.decode(words, self.type, self.word_order)
        if raw is None or isinstance(raw, str):
            return raw
        value = times(times(times(raw, self.scale), 10.0**exponent), ratio)
        return value if self._is_possible(value) else None

    def encode(self, value: Value, *, exponent: int = 0, ratio: float = 1.0) -> bytes:
        """The words of `value`: the inverse of `decode`, rounded to what the registers can hold."""
        if not isinstance(value, str):
            value = over(over(over(value, ratio), 10.0**exponent), self.scale)
        return registers.encode(value, self.type, self.word_order, self.text_words, self.size_bytes)

    def exponent_for(self, value: float, ratio: float) -> int:
        """The finest power of ten with which `value` fits into the registers.

        Zero fits any, even if its words mean "not available" (a SunSpec counter).
        """
        if not value:
            return _EXPONENT_FINEST
        for exponent in range(_EXPONENT_FINEST, EXPONENT_MAX):
            words = self.encode(value, exponent=exponent, ratio=ratio)
            wanted = over(over(over(value, ratio), 10.0**exponent), self.scale)
            held = registers.decode(words, self.type, self.word_order)
            if words != self.absent and isinstance(held, int) and abs(held - wanted) < 1:
                return exponent
        return EXPONENT_MAX

    def _is_possible(self, value: float) -> bool:
        if self.quantity is Quantity.POWER_FACTOR:
            return abs(value) <= POWER_FACTOR_MAX
        return math.isfinite(value)


def times(value: float, factor: float) -> float:
    """`value` × `factor`, whole or in exact decimals where the factor allows it."""
    if factor.is_integer():
        return value * int(factor)
    inverse = round(1 / factor)
    return value / inverse if inverse and 1 / inverse == factor else value * factor


def over(value: float, factor: float) -> float:
    """`value` ÷ `factor`, the inverse of `times`."""
    if factor.is_integer():
        whole = int(factor)
        return value // whole if isinstance(value, int) and value % whole == 0 else value / whole
    inverse = round(1 / factor)
    return value * inverse if inverse and 1 / inverse == factor else value / factor
