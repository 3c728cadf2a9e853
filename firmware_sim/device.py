"""A meter: its model and the plant make the register image, which answers reads.

Registers change once a second of plant time, as in real meters, so the reads of one poll agree. An
image is `drivers.points.model.Model.encode` of what the meter can see, overlaid with the fingerprints of the
model, so that the simulated meter is recognised like the real one.

Refusals, in this order (Modbus Application Protocol V1.1b3, section 7): what a quirk (firmware_sim.quirks)
says; 3 for more registers than the
meter gives in one answer; 1 for a function without registers; 2 if it has none of the registers, or with
`strict_holes` lacks any, or a barrier is crossed. Holes that are read over hold zero.
"""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Final

from attrs import define, field

from drivers.points import registers
from drivers.points.point import Point
from drivers.points.registers import RegisterType, Value
from drivers.reading import REGISTERS_MAX, UNITS, Quantity
from firmware_sim.electrical import Electrical
from firmware_sim.layout import MeterPlan
from firmware_sim.noise import key_of, uniform_at
from firmware_sim.plant import Plant
from firmware_sim.quirks import QuirkKind
from firmware_sim.stack import Stack, stack_at
from firmware_sim.timetable import Shows

REFRESH_S: Final = 1.0
"""A meter measures over about a second; registers do not change faster."""
ILLEGAL_FUNCTION: Final = 1
ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3
FIRMWARE: Final = 3
"""The firmware version of every simulated meter."""
_SERIALS: Final = (10_000_000, 89_999_999)
"""First serial number and their count: eight digits fit into 32 bits and into 4 registers."""
_GROWTH: Final = 4.0
"""Headroom that a meter with decimals of its own leaves above its line's maximum."""
_POWERS: Final = (Quantity.ACTIVE_POWER, Quantity.REACTIVE_POWER, Quantity.APPARENT_POWER)
_COUNTERS: Final = (Quantity.ACTIVE_ENERGY_IMPORT, Quantity.ACTIVE_ENERGY_EXPORT)
_HOLE: Final = bytes(2)
_TEXTS: Final = frozenset({RegisterType.TEXT, RegisterType.TEXT_REVERSED, RegisterType.BCD_TEXT})
_SIGNED: Final = frozenset({RegisterType.S16, RegisterType.S32, RegisterType.S64})
_MEASURED: Final = frozenset(UNITS) | {Quantity.POWER_FACTOR, Quantity.PH}
_NO_DIGIT: Final = 0xFF
"""In a datum of decimal digits."""
_BEIJING: Final = timezone(timedelta(hours=8))
_BLOCK: Final = 0xFF00
"""In a data id of DL/T 645: all items of their kind in one answer."""
_ITEM_MASK: Final = 0xFFFF
READ_DATA: Final = 17
"""The function of a datum of DL/T 645 in a point table."""

Image = dict[tuple[int, int], bytes]


@define
class Device:
    """One simulated meter of a plant."""

    plan: MeterPlan
    plant: Plant
    _fixed: dict[str, Value] = field(init=False)
    _names: frozenset[str] = field(init=False)
    _holes: int | None = field(default=None, init=False)
    _has_no_blocks: bool = field(default=False, init=False)
    _image: Image = field(factory=dict, init=False)
    _image_at_s: float = field(default=math.nan, init=False)

    def __attrs_post_init__(self) -> None:
        self._names = frozenset(point.name for point in self.plan.model.points)
        quirks = self.plant.layout.quirks
        missing = quirks.of_meter(QuirkKind.MISSING, self.plan.id)
        self._holes = None if missing is None or missing.points else missing.code
        self._has_no_blocks = quirks.of_meter(QuirkKind.NO_BLOCKS, self.plan.id) is not None
        self._fixed = self._identity(self._draw("serial")) | self._exponents()

    def answer(self, function: int, address: int, count: int, t_s: float) -> bytes | int:
        """The words of `count` registers at a moment, or the exception code of the refusal; 0 is silence."""
        if (refusal := self._refuse_block(function, address, count)) is not None:
            return refusal
        if not 1 <= count <= min(self.plan.model.request_registers_max, REGISTERS_MAX):
            return ILLEGAL_VALUE
        image = self.image(t_s)
        if all(kind != function for kind, _ in image):
            return ILLEGAL_FUNCTION
        words = [image.get((function, register)) for register in range(address, address + count)]
        missing = words.count(None)
        if missing and self._holes is not None:
            return self._holes
        is_refused = missing == count or (missing and self.plan.strict_holes)
        if is_refused or self._crosses_barrier(function, address, count):
            return ILLEGAL_ADDRESS
        return b"".join(word or _HOLE for word in words)

    def datum(self, data_id: int, t_s: float) -> bytes | None:
        """What a DL/T 645 meter has under a data id at a moment; None if it does not have it."""
        image = self.image(t_s)
        return image.get((READ_DATA, data_id)) or self._find_item(data_id, image)

    def refuse_datum(self, data_id: int, t_s: float) -> int | None:
        """What a quirk says to a read of a data id: a code, 0 for silence, None for nothing."""
        if self._has_no_blocks and data_id & _ITEM_MASK == _BLOCK:
            return ILLEGAL_ADDRESS
        quirk = self.plant.layout.quirks.of_meter(QuirkKind.MISSING, self.plan.id)
        if quirk is None:
            return None
        if not quirk.points:
            return quirk.code if self.datum(data_id, t_s) is None else None
        held = [point.name for point in self.plan.model.points if point.address == data_id]
        item = self._find_point(data_id)
        return quirk.code if {*held, item.name if item else ""} & set(quirk.points) else None

    def image(self, t_s: float) -> Image:
        """Every register that the meter has, at a moment."""
        at_s = self.plant.seen_at_s(self.plan.id, math.floor(t_s / REFRESH_S) * REFRESH_S)
        if at_s != self._image_at_s:
            self._image, self._image_at_s = self._build(at_s), at_s
        return self._image

    def _build(self, at_s: float) -> Image:
        plan = self.plan
        values = self._measure(self._state(at_s)) | self._fixed | self._clock(at_s)
        if (restart := self.plant.find_restart(plan.id, at_s)) is not None:
            garbage = uniform_at(key_of(self.plant.layout.seed, plan.id, "restart"), int(at_s))
            share = garbage if restart.shows is Shows.GARBAGE else 0.0
            values |= {
                point.name: share * float(values[point.name])
                for point in plan.model.points
                if point.quantity in _COUNTERS and point.name in values
            }
        if (new := self.plant.find_replacement(plan.id, at_s)) is not None:
            values |= self._identity(new.serial or self._draw(f"serial at {new.begin_s}"))
        if changed := self.plant.settings(plan.id, at_s):
            values |= self._apply_settings(changed)
        image = plan.model.encode(values, plan.ct_ratio, plan.pt_ratio)
        for event in self.plant.no_numbers(plan.id, at_s):
            for point in plan.model.points:
                if point.name in event.points or (not event.points and point.quantity in _MEASURED):
                    self._blank(point, image)
        for mark in plan.model.fingerprints:
            words = registers.encode(mark.one_of[0], mark.type, text_words=mark.text_words)
            for i in range(mark.count):
                image[mark.function, mark.address + i] = words[2 * i : 2 * i + 2]
        return image

    def _state(self, at_s: float) -> Electrical | Stack:
        """The values that can be measured at a moment."""
        if self.plan.model.is_analyser:
            return stack_at(self.plant, self.plan, at_s)
        return self.plant.electrical(self.plan.id, at_s)

    def _measure(self, state: Electrical | Stack) -> dict[str, Value]:
        values = {point.name: state.value(point.quantity, point.phase) for point in self.plan.model.points}
        return {name: value for name, value in values.items() if value is not None}

    def _find_point(self, data_id: int) -> Point | None:
        """The point of one item of a block (…FF00): 02010200 is the second of 0201FF00."""
        block = data_id | _BLOCK
        items = sorted(
            (point for point in self.plan.model.points if point.size_bytes and point.address == block),
            key=lambda point: point.offset,
        )
        if not items:
            return None
        number = (data_id & _BLOCK) >> 8
        index = number - (items[0].phase != "")  # where there is no whole, the first phase has number 1
        return items[index] if 0 <= index < len(items) else None

    def _find_item(self, data_id: int, image: Image) -> bytes | None:
        """One item of a block alone."""
        point, held = self._find_point(data_id), image.get((READ_DATA, data_id | _BLOCK))
        return None if point is None or held is None else held[point.offset : point.offset + point.size_bytes]

    def _refuse_block(self, function: int, address: int, count: int) -> int | None:
        """What a quirk says to a read of registers: a code, 0 for silence, None for nothing."""
        quirks = self.plant.layout.quirks
        longest = quirks.of_meter(QuirkKind.BLOCK_MAX, self.plan.id)
        if longest is not None and count > longest.registers:
            return longest.code
        missing = quirks.of_meter(QuirkKind.MISSING, self.plan.id)
        if missing is None:
            return None
        touched = (
            point
            for point in self.plan.model.points
            if point.function == function and point.address - count < address < point.address + point.count
        )
        return missing.code if any(point.name in missing.points for point in touched) else None

    def _clock(self, at_s: float) -> dict[str, Value]:
        """The clock of a meter that has one, in Beijing time."""
        now = datetime.fromtimestamp(at_s, _BEIJING)
        shown = {"clock_date": now.strftime("%y%m%d0%w"), "clock_time": now.strftime("%H%M%S")}
        return {name: value for name, value in shown.items() if name in self._names}

    def _draw(self, name: str) -> int:
        first, number = _SERIALS
        return first + key_of(self.plant.layout.seed, self.plan.id, name) % number

    def _identity(self, serial: int) -> dict[str, Value]:
        known: dict[Quantity, Value] = {
            Quantity.SERIAL_NUMBER: serial,
            Quantity.FIRMWARE: FIRMWARE,
            Quantity.CT_RATIO: self.plan.ct_ratio,
            Quantity.PT_RATIO: self.plan.pt_ratio,
        }
        values: dict[str, Value] = {}
        for point in self.plan.model.points:
            text = point.type in _TEXTS
            if point.quantity in known:
                values[point.name] = str(known[point.quantity]) if text else known[point.quantity]
            elif point.quantity is Quantity.IDENTITY:
                values[point.name] = self._name(point) if text else 0
        return values

    def _apply_settings(self, changed: Mapping[Quantity, float]) -> dict[str, Value]:
        """Registers of settings that were changed."""
        values: dict[str, Value] = {}
        for point in self.plan.model.points:
            if point.quantity in changed:
                new = changed[point.quantity]
                values[point.name] = f"{new:g}" if point.type in _TEXTS else new
        return values

    def _blank(self, point: Point, image: Image) -> None:
        """No number in the registers of a point: what the model reserves for that, else NaN or an extreme."""
        if point.size_bytes:
            held = image.get((point.function, point.address))
            if held is not None:
                end = point.offset + point.size_bytes
                blank = bytes((_NO_DIGIT,)) * point.size_bytes
                image[point.function, point.address] = held[: point.offset] + blank + held[end:]
            return
        size = point.count * registers.WORD_BYTES
        words = point.absent or (b"\x80" if point.type in _SIGNED else b"\xff").ljust(
            size, b"\x00" if point.type in _SIGNED else b"\xff"
        )
        for i in range(point.count):
            if (point.function, point.address + i) in image:
                image[point.function, point.address + i] = words[2 * i : 2 * i + 2]

    def _name(self, point: Point) -> str:
        """The type of the meter, or its address where only digits fit."""
        if point.type is RegisterType.BCD_TEXT:
            return self.plan.address.rjust(2 * point.size_bytes, "0")[-2 * point.size_bytes :]
        return self.plan.model.name.upper()[: point.size_bytes or point.text_words * registers.WORD_BYTES]

    def _exponents(self) -> dict[str, Value]:
        """The fixed decimals of a meter of this size, where it sends its own."""
        model, plan = self.plan.model, self.plan
        state = self._state(self.plant.start_s)
        rated_w = self.plant.line(plan.line).rated_w * plan.share
        powers = dict.fromkeys(_POWERS, rated_w) | {Quantity.CURRENT: rated_w / plan.voltage}
        most: dict[str, Value] = {}
        for point in model.points:
            value = state.value(point.quantity, point.phase)
            if point.scale_point and value is not None:
                value = value * _GROWTH if point.quantity in _COUNTERS else value
                most[point.name] = max(value, powers.get(point.quantity, 0.0) * _GROWTH)
        image = model.encode(most, plan.ct_ratio, plan.pt_ratio)
        return {
            point.name: _read_back(image, point)
            for point in model.points
            if point.quantity is Quantity.SCALE and (point.function, point.address) in image
        }

    def _crosses_barrier(self, function: int, address: int, count: int) -> bool:
        end, barriers = address + count, self.plan.model.barriers
        return any(kind == function and address < barrier < end for kind, barrier in barriers)


def _read_back(image: Image, point: Point) -> Value:
    words = b"".join(image[point.function, point.address + i] for i in range(point.count))
    return point.decode(words) or 0
