"""The table `points` of a model: read from a file and written for the manifest.

`read_points` checks points one by one and against each other. `points_json` writes what it needs to
make the same decoder, each key left out where it has its default; the poll group is always left out,
because decoding does not need it.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from attrs import field, frozen

from disk.tables import Table
from drivers.dlt645.codec import DATA_BYTES_MAX, DATA_ID_MAX
from drivers.dlt645.codec import FUNCTION as DLT645_FUNCTION
from drivers.hj212.numbers import Command
from drivers.hj212.packet import FUNCTION as HJ212_FUNCTION
from drivers.points import registers
from drivers.points.point import GROUPS, PHASES, SECONDARY_RATIOS, Point, Ratio
from drivers.points.registers import DLT645_TYPES, HJ212_TYPES, TEXT_WORDS_MAX, RegisterType, WordOrder
from drivers.reading import PollGroup, Quantity

POINTS_MAX: Final = 200
"""Most points of one model: a manifest carries every point table whole and must fit a seal."""
ADDRESS_MAX: Final = 0xFFFF
FACTOR_MAX: Final = 1e9
"""Largest and, inverted, smallest factor between raw and internal unit; G and n are the ends."""
COMMAND_MAX: Final = 9_999
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ITEM = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Values(StrEnum):
    """The side of the transformers that a meter's values are for."""

    PRIMARY = "primary"
    SECONDARY = "secondary"


@frozen
class Defaults:
    """The defaults of a point."""

    function: int | None = None
    type: RegisterType | None = None
    word_order: WordOrder = WordOrder.HIGH_FIRST
    values: Values = Values.PRIMARY
    absent: Mapping[RegisterType, bytes] = field(factory=dict)


def read_defaults(file: Table) -> Defaults:
    """The tables `defaults` and `absent`."""
    table = file.table("defaults")
    absent = file.table("absent")
    defaults = Defaults(
        function=_read_function(table, None) if table.has("function") else None,
        type=table.choice("type", RegisterType) if table.has("type") else None,
        word_order=table.choice("word_order", WordOrder, WordOrder.HIGH_FIRST),
        values=table.choice("values", Values, Values.PRIMARY),
        absent={kind: absent.hexadecimal(kind) for kind in RegisterType if absent.has(kind)},
    )
    table.finish()
    absent.finish()
    return defaults


def read_points(table: Table, defaults: Defaults) -> tuple[Point, ...]:
    """All points, in the order of the file, checked one by one and against each other."""
    items = table.items()
    if not 0 < len(items) <= POINTS_MAX:
        table.problems.append(f"{table.place}: needs 1 to {POINTS_MAX} points, not {len(items)}")
        return ()
    points = tuple(_read_point(name, item, defaults) for name, item in items)
    exponents = {point.name for point in points if point.quantity is Quantity.SCALE}
    if len({(point.size_bytes > 0, bool(point.item)) for point in points}) > 1:
        table.problems.append(f"{table.place}: a meter speaks Modbus, DL/T 645 or HJ 212, only one of them")
    for point, (_, item) in zip(points, items, strict=True):
        if point.scale_point and point.scale_point not in exponents:
            item.note("scale_point", f'no point of quantity "scale" is called {point.scale_point}')
    return points


def _read_point(name: str, table: Table, defaults: Defaults) -> Point:
    quantity, phase = _read_meaning(name, table)
    kind = table.choice("type", RegisterType, defaults.type)
    ratio = SECONDARY_RATIOS.get(quantity, Ratio.NONE) if defaults.values is Values.SECONDARY else Ratio.NONE
    text_words = table.whole("text_words", low=1, high=TEXT_WORDS_MAX) if kind is RegisterType.TEXT else 0
    function = _read_function(table, defaults.function)
    dlt645, hj212 = function == DLT645_FUNCTION, function == HJ212_FUNCTION
    if (kind in DLT645_TYPES) is not dlt645 or (kind in HJ212_TYPES) is not hj212:
        table.note("type", f"{kind} is no type of function {function}")
    point = Point(
        name=name,
        quantity=quantity,
        phase=phase,
        function=function,
        address=_read_address(table, function),
        type=kind,
        word_order=table.choice("word_order", WordOrder, defaults.word_order),
        scale=_read_scale(table),
        scale_point=table.text("scale_point", ""),
        ratio=table.choice("ratio", Ratio, ratio),
        group=table.choice("group", PollGroup, GROUPS.get(quantity, PollGroup.SLOW)),
        text_words=text_words,
        absent=table.hexadecimal("absent") if table.has("absent") else defaults.absent.get(kind, b""),
        offset=table.whole("offset", 0, low=0, high=DATA_BYTES_MAX - 1) if dlt645 else 0,
        size_bytes=table.whole("bytes", low=1, high=DATA_BYTES_MAX) if dlt645 else 0,
        optional=table.flag("optional", default=False) if dlt645 else False,
        item=_read_item(table) if hj212 else "",
    )
    table.finish()
    _check_size(point, table)
    return point


def _read_function(table: Table, default: int | None) -> int:
    """3 or 4 of Modbus, 17 of DL/T 645, 212 of HJ 212."""
    for other in (DLT645_FUNCTION, HJ212_FUNCTION):
        if default == other and not table.has("function"):
            return default
        if table.matches("function", other):
            return other
    return table.whole("function", default, low=3, high=4)


def _read_address(table: Table, function: int) -> int:
    """A register, a data id, or the CN of packets; of those real time data where nothing is said."""
    if function == HJ212_FUNCTION:
        return table.whole("address", int(Command.REAL), low=0, high=COMMAND_MAX)
    return table.whole("address", low=0, high=DATA_ID_MAX if function == DLT645_FUNCTION else ADDRESS_MAX)


def _read_item(table: Table) -> str:
    item = table.text("item")
    if not _ITEM.fullmatch(item):
        table.note("item", "must be the name of an item of HJ 212, like a21026-Rtd")
    return item


def _check_size(point: Point, table: Table) -> None:
    if point.item:
        size_bytes = 0
        if point.absent:
            table.note("absent", "an item of HJ 212 that is not available is left out of the packet")
            return
    elif point.size_bytes:
        size_bytes = point.size_bytes
        if point.offset + size_bytes > DATA_BYTES_MAX:
            table.note("offset", f"the point runs beyond the {DATA_BYTES_MAX} bytes of an answer")
    else:
        size_bytes = point.count * registers.WORD_BYTES
        if point.address + point.count > ADDRESS_MAX + 1:
            table.note("address", "the point runs beyond register 65535")
    if point.absent and len(point.absent) != size_bytes:
        table.note("absent", f"{point.type} takes {size_bytes} bytes")


def points_json(points: Iterable[Point]) -> dict[str, dict[str, Any]]:
    """What `read_points` needs to make the same decoder, each key left out where it has its default."""
    return {point.name: _point_json(point) for point in points}


def _point_json(point: Point) -> dict[str, Any]:
    body: dict[str, Any] = {"address": point.address, "function": point.function}
    body |= {"quantity": point.quantity.value, "type": point.type.value}
    optional = {
        "absent": (point.absent.hex(), ""),
        "bytes": (point.size_bytes, 0),
        "item": (point.item, ""),
        "offset": (point.offset, 0),
        "phase": (point.phase, ""),
        "ratio": (point.ratio.value, Ratio.NONE.value),
        "scale": (point.scale, 1.0),
        "scale_point": (point.scale_point, ""),
        "text_words": (point.text_words, 0),
        "word_order": (point.word_order.value, WordOrder.HIGH_FIRST.value),
    }
    return body | {key: value for key, (value, default) in optional.items() if value != default}


def _read_meaning(name: str, table: Table) -> tuple[Quantity, str]:
    """Quantity and phase: from the table, else from the name."""
    if not _NAME.fullmatch(name):
        table.problems.append(
            f"{table.place}: a name is up to 40 of a-z, 0-9 and _, and begins with a letter"
        )
    stem, _, tail = name.rpartition("_")
    whole = name in set(Quantity)  # the last letter of nh3_n is no neutral
    named = (name, "") if whole or tail not in PHASES else (stem, tail)
    phase = table.text("phase", named[1])
    if phase and phase not in PHASES:
        table.note("phase", "must be one of " + ", ".join(PHASES))
    known = Quantity(named[0]) if named[0] in set(Quantity) else None
    return table.choice("quantity", Quantity, known), phase


def _read_scale(table: Table) -> float:
    scale = table.number("scale", 1.0, low=-FACTOR_MAX, high=FACTOR_MAX)
    if abs(scale) >= 1 / FACTOR_MAX:
        return scale
    table.note("scale", "must not be 0")
    return 1.0
