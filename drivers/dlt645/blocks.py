"""Which data id has one value of a block of DL/T 645-2007 alone.

0201FF00 holds the voltages of all phases one behind the other, 02010100 that of phase A alone: in the place
of FF stands the number of the value (tables A.1 and A.2). Voltages, currents and angles are counted from 1,
that is phase A; powers, power factors and energies from 0, that is their total. Not every meter has blocks.
"""

from typing import Final

_ALL: Final = 0xFF
_ENERGY: Final = 0x00
_MEASURED: Final = 0x02
_FIRST: Final = {0x01: 1, 0x02: 1, 0x03: 0, 0x04: 0, 0x05: 0, 0x06: 0, 0x07: 1, 0x08: 1, 0x09: 1}
"""DI2 of measured values: the number of the first."""


def find_single_id(data_id: int, offset: int, size: int) -> int | None:
    """The data id of the `size` bytes at `offset` of a block; None if `data_id` is no block."""
    kind, quantity, value, last = data_id.to_bytes(4)
    first = 0 if kind == _ENERGY else _FIRST.get(quantity) if kind == _MEASURED else None
    if first is None or value != _ALL or last or size < 1 or offset % size:
        return None
    number = first + offset // size
    return None if number >= _ALL else int.from_bytes((kind, quantity, number, last))
