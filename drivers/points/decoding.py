"""Decodes answers as `drivers.points.point` does, at a fraction of its cost.

A gateway decodes the same points of answers of the same shape for years. So what depends only on the
shape (the block that a point lies in, its place, its factor) is found once, and all numbers of a block are
unpacked by one `struct`. Special points (text, digits, low words first, a scale register, registers shared
with another point) are decoded one by one, the slow way.

The values equal those of the slow way to the last bit: the same operations in the same order.

Pure: a `Decoder` never changes once it is made, so threads may share it.
"""

import math
import struct
from collections.abc import Callable, Iterable
from typing import Final

from drivers.points.point import POWER_FACTOR_MAX, Point
from drivers.points.registers import DLT645_TYPES, FORMATS, RegisterType, Value, WordOrder
from drivers.reading import Block, Quantity

Shape = tuple[tuple[int, int, int], ...]
"""For each block: function, address, bytes."""
Exponent = Callable[[Point, tuple[Block, ...]], int | None]
"""The power of ten that the meter itself gives for a point; None if it is not known."""

_OTHER_TYPES: Final = DLT645_TYPES | {RegisterType.TEXT}
_FINITE_MAX: Final = math.nextafter(math.inf, 0.0)
_Place = tuple[int, int]
"""Which block, and its byte."""
_Factors = tuple[tuple[bool, float], ...]
"""For each: whether to divide, and the divisor; else the factor."""
_Long = Callable[[tuple[Block, ...]], Value | None]
_Step = tuple[str, int, float | None, float, _Factors, _Long | None]
"""Name; place among the numbers; absent value; limit; factors; the slow way instead."""


def shape_of(blocks: tuple[Block, ...]) -> Shape:
    """What answers must have in common to be decoded by one `Decoder`."""
    return tuple([(block.function, block.address, len(block.words)) for block in blocks])


class Decoder:
    """Decodes answers of one shape, with one pair of ratios."""

    def __init__(
        self, points: Iterable[Point], shape: Shape, exponent: Exponent, ratios: tuple[float, float]
    ) -> None:
        blocks = [Block(function, address, bytes(size)) for function, address, size in shape]
        found = [
            (point, place)
            for point in points
            if point.quantity is not Quantity.SCALE and (place := _locate(point, blocks)) is not None
        ]
        self._layouts, slots = _make_layouts([one for one in found if _is_plain(one[0])], len(blocks))
        self._steps: list[_Step] = [
            _make_long_step(point, place, exponent, ratios)
            if (slot := slots.get(point.name)) is None
            else _make_step(point, slot, ratios)
            for point, place in found
        ]

    def values(self, blocks: tuple[Block, ...]) -> dict[str, Value]:
        """By point name, in the order of the points; without those that hold no value."""
        raw: list[float] = []
        for at, layout in self._layouts:
            raw += layout.unpack_from(blocks[at].words)
        values: dict[str, Value] = {}
        for name, slot, absent, limit, factors, long in self._steps:
            if long is not None:
                if (decoded := long(blocks)) is not None:
                    values[name] = decoded
                continue
            value = raw[slot]
            if value == absent:
                continue
            for divides, factor in factors:
                value = value / factor if divides else value * factor
            if -limit <= value <= limit:
                values[name] = value
        return values


def _locate(point: Point, blocks: list[Block]) -> _Place | None:
    """Where the point lies: in the first block that has all of it."""
    for at, block in enumerate(blocks):
        if (start := point.start_in(block)) is not None:
            return at, start
    return None


def _is_plain(point: Point) -> bool:
    """Whether a point is one number, by itself and high word first."""
    if point.scale_point or point.type in _OTHER_TYPES:
        return False
    if point.absent and point.type in {RegisterType.F32, RegisterType.F64}:
        return False  # absence is known by the bits, and NaN is equal to nothing
    return point.count == 1 or point.word_order is WordOrder.HIGH_FIRST


def _make_layouts(
    found: list[tuple[Point, _Place]], blocks: int
) -> tuple[list[tuple[int, struct.Struct]], dict[str, int]]:
    """How to unpack each block, and which number belongs to which point."""
    layouts: list[tuple[int, struct.Struct]] = []
    slots: dict[str, int] = {}
    for at in range(blocks):
        text, end = ">", 0
        for point, (_, start) in sorted((one for one in found if one[1][0] == at), key=lambda one: one[1]):
            if start < end:
                continue  # it shares registers with the one before
            slots[point.name] = len(slots)
            layout = FORMATS[point.type]
            text += f"{start - end}x{layout.format[1:]}"
            end = start + layout.size
        layouts.append((at, struct.Struct(text)))
    return [one for one in layouts if one[1].size], slots


def _make_step(point: Point, slot: int, ratios: tuple[float, float]) -> _Step:
    ratio = point.ratio.factor(*ratios)
    factors = tuple(_to_factor(factor) for factor in (point.scale, ratio) if factor != 1)
    absent = FORMATS[point.type].unpack(point.absent)[0] if point.absent else None
    limit = POWER_FACTOR_MAX if point.quantity is Quantity.POWER_FACTOR else _FINITE_MAX
    return point.name, slot, absent, limit, factors, None


def _to_factor(factor: float) -> tuple[bool, float]:
    """As `drivers.points.point.times` applies it."""
    if factor.is_integer():
        return False, int(factor)
    inverse = round(1 / factor)
    return (True, inverse) if inverse and 1 / inverse == factor else (False, factor)


def _make_long_step(point: Point, place: _Place, exponent: Exponent, ratios: tuple[float, float]) -> _Step:
    ratio = point.ratio.factor(*ratios)
    at, start = place
    end = start + point.size

    def long(blocks: tuple[Block, ...]) -> Value | None:
        power = exponent(point, blocks)
        if power is None:
            return None
        return point.decode(blocks[at].words[start:end], exponent=power, ratio=ratio)

    return point.name, 0, None, 0.0, (), long
