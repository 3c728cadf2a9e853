"""What the change of a value means: which values say nothing, and where a counter ends. Pure."""

import math
from typing import Final

from drivers.points.point import Point
from drivers.points.registers import WORD_BYTES, RegisterType, Value
from drivers.reading import Quantity

COUNTERS: Final = frozenset({Quantity.ACTIVE_ENERGY_IMPORT, Quantity.ACTIVE_ENERGY_EXPORT})
NEAR_END: Final = 0.99
"""A counter wraps from the last hundredth of its range into the first: two polls are minutes apart."""
DECIMAL_END_MIN_WH: Final = 1e7
"""The shortest display has four digits of kWh; a smaller power of ten is the end of no counter."""
NO_TEXT: Final = "\0 \xff?�"
NO_DIGITS: Final = "0Ff-_.*#\t\r\n"
"""What stands in a serial number that was never written: zeros, all ones in hexadecimal, dashes."""
_UNSIGNED: Final = frozenset({RegisterType.U16, RegisterType.U32, RegisterType.U64})
_SIGNED: Final = frozenset({RegisterType.S16, RegisterType.S32, RegisterType.S64})


def is_counter(point: Point) -> bool:
    """Whether a point counts energy."""
    return point.quantity in COUNTERS


def is_blank(point: Point, value: Value | None) -> bool:
    """Whether an identity says nothing: 0, all ones, no text; of a serial number also zeros as text."""
    if value is None or isinstance(value, str):
        is_serial = point.quantity is Quantity.SERIAL_NUMBER
        return value is None or not value.strip(NO_TEXT + NO_DIGITS * is_serial)
    if not value or (point.type in _SIGNED and value == -point.scale):
        return True
    bits = 8 * WORD_BYTES * point.count
    return point.type in _UNSIGNED and value in {
        ((1 << bits) - 1) * point.scale,
        (1 << bits - 1) * point.scale,
    }


def is_blank_serial(point: Point, value: Value | None) -> bool:
    """Whether a value is a serial number that says nothing."""
    return value is not None and point.quantity is Quantity.SERIAL_NUMBER and is_blank(point, value)


def name_return(point: Point) -> str:
    """What the return of a value is called."""
    return "counter returned" if is_counter(point) else "value returned"


def name_change(point: Point, was: Value | None, now: Value) -> str:
    """What is wrong with a change that has settled; "" if nothing is."""
    if not is_counter(point):
        return "meter swapped" if point.quantity is Quantity.SERIAL_NUMBER else "meter changed"
    if was is None or isinstance(was, str) or isinstance(now, str) or now >= was:
        return ""
    wrapped = any(_is_wrapped(was, now, end) for end in _ends(point, was))
    return "counter wrapped" if wrapped else "counter backwards"


def _ends(point: Point, was: float) -> list[float]:
    """Where the counter's range may end: with its registers, or with its decimal digits."""
    ends = [10.0 ** math.ceil(math.log10(was))] if was > DECIMAL_END_MIN_WH / 10 else []
    if not point.scale_point and point.type in _UNSIGNED | _SIGNED:
        bits = 8 * WORD_BYTES * point.count - (point.type in _SIGNED)
        ends.append(float(1 << bits) * point.scale)
    return ends


def _is_wrapped(was: float, now: float, end: float) -> bool:
    return NEAR_END * end <= was < end and 0 <= now <= (1 - NEAR_END) * end
