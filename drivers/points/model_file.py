"""Reads the text of a meter model: a technician's TOML file, or the point table in a manifest.

    name = "acme-100"            # also the file's name
    maker = "Acme"
    title = "Acme 100, three-phase, CT"
    title_zh = "Acme 100，三相，经互感器"   # optional, shown in Chinese
    verified = "document"        # hardware | document | reported
    provenance = "Register list V1.2 of the maker"   # and provenance_zh

    [limits]                     # all optional
    request_registers_max = 80   # most registers in one read
    gap_registers_max = 0        # most unused registers to read over; without it the bus decides
    barriers = [{ function = 3, address = 0x1000 }]   # no read runs across this address
    pause_s = 0.1                # silence before a request, where the maker asks for it

    [defaults]                   # where a point has no value of its own
    function = 4
    type = "f32"
    word_order = "high_first"
    values = "secondary"         # the meter knows nothing of its CT and PT; default "primary"

    [absent]                     # words that mean "not available", by type
    s16 = "8000"

    [points]                     # name = quantity, or quantity and phase
    voltage_l1 = { address = 0x00 }
    active_power = { address = 0x34, scale = 1000 }      # kW in the meter, W here
    current_l1 = { address = 0x06, scale_point = "current_exponent" }
    current_exponent = { address = 0x05, quantity = "scale", type = "s16" }
    serial_number = { function = 3, address = 0x100, type = "text", text_words = 10 }

    [[fingerprint]]              # an answer that only this model gives; of several, all must be right
    address = 0x0B
    type = "u16"
    one_of = [330, 331]
    optional = true              # some have no such register, and are known by their values

    [[golden]]                   # the proof: a whole RTU exchange and what it must decode to
    source = "captured at a customer's site"
    request = "01 04 00 34 00 02 30 05"
    response = "01 04 04 ..."
    expect = { active_power = 1234.5 }

A DL/T 645-2007 meter has data ids in place of registers; every point of one answer has its
offset in it, after the data id and without the 33H of the wire:

    [defaults]
    function = 17                # read data, 11H
    type = "bcd"                 # bcd_signed: the highest bit is the sign; bcd_text, text_reversed
    values = "secondary"

    [points]                     # the last byte of the points of a data id is the last of its answer
    voltage_l1 = { address = 0x0201FF00, offset = 0, bytes = 2, scale = 0.1 }
    voltage_l2 = { address = 0x0201FF00, offset = 2, bytes = 2, scale = 0.1 }
    asset_id = { address = 0x04000403, bytes = 32, type = "text_reversed", quantity = "identity",
                 optional = true }   # not every meter has it: a refusal costs only this

The point table that is hashed and sent in manifests (`points_json`) is JSON with the same keys for
its points, each key left out where it has its default, so both are read by the same code here.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from attrs import frozen

from disk.kinds import is_number
from disk.tables import Table
from drivers.points import registers
from drivers.points.point import Point
from drivers.points.point_table import ADDRESS_MAX, FACTOR_MAX, Defaults
from drivers.points.registers import DLT645_TYPES, TEXT_WORDS_MAX, RegisterType, WordOrder
from drivers.reading import REGISTERS_MAX

PAUSE_S_MAX: Final = 5.0
"""Longest pause that a maker may ask for; it is a tenth of that at most."""

Barrier = tuple[int, int]
"""Function and address of a register that no read may reach from below."""


class Verified(StrEnum):
    """How sure a model is: tried on the meter, taken from the maker's paper, or reported by others."""

    HARDWARE = "hardware"
    DOCUMENT = "document"
    REPORTED = "reported"


@frozen
class Limits:
    """What the meter takes in one read; the fields are those of drivers.points.model.Model."""

    request_registers_max: int
    gap_registers_max: int | None
    barriers: tuple[Barrier, ...]
    pause_s: float | None


@frozen
class Golden:
    """One exchange with a real or documented meter: RTU frames and the values that they carry."""

    source: str
    request: bytes
    response: bytes
    expect: Mapping[str, registers.Value]
    ct_ratio: float = 1.0
    pt_ratio: float = 1.0


@frozen
class Fingerprint:
    """Registers that identify this model: a number is one of these, a text begins with one.

    Not all meters of the model have an `optional` one: those without it are known by their values.
    """

    function: int
    address: int
    type: RegisterType
    word_order: WordOrder
    text_words: int
    one_of: tuple[registers.Value, ...]
    optional: bool = False

    @property
    def count(self) -> int:
        """Registers to read."""
        return registers.word_count(self.type, self.text_words)

    def matches(self, words: bytes) -> bool:
        """Whether the answer is one that the model gives."""
        if len(words) != self.count * registers.WORD_BYTES:
            return False
        value = registers.decode(words, self.type, self.word_order)
        if isinstance(value, str):
            return any(isinstance(start, str) and value.startswith(start) for start in self.one_of)
        return value in self.one_of


def read_limits(file: Table, points: tuple[Point, ...], defaults: Defaults) -> Limits:
    """The table `limits`, checked against the points."""
    table = file.table("limits")
    most = table.whole("request_registers_max", REGISTERS_MAX, low=1, high=REGISTERS_MAX)
    has_gap = table.has("gap_registers_max")
    limits = Limits(
        request_registers_max=most,
        gap_registers_max=table.whole("gap_registers_max", low=0, high=REGISTERS_MAX) if has_gap else None,
        barriers=tuple(_read_barrier(item, points, defaults) for item in table.tables("barriers")),
        pause_s=table.number("pause_s", low=0.0, high=PAUSE_S_MAX) if table.has("pause_s") else None,
    )
    table.finish()
    for point in points:
        if point.count > most and not point.size_bytes:
            table.note("request_registers_max", f"points.{point.name} takes {point.count} registers")
    return limits


def _read_barrier(table: Table, points: tuple[Point, ...], defaults: Defaults) -> Barrier:
    function = table.whole("function", defaults.function, low=3, high=4)
    address = table.whole("address", low=0, high=ADDRESS_MAX)
    table.finish()
    for point in points:
        if point.function == function and point.address < address < point.address + point.count:
            table.note("address", f"lies inside points.{point.name}")
    return function, address


def read_fingerprints(file: Table, defaults: Defaults) -> tuple[Fingerprint, ...]:
    """The array of tables `fingerprint`."""
    found = []
    for table in file.tables("fingerprint"):
        kind = table.choice("type", RegisterType, defaults.type)
        if kind in DLT645_TYPES:
            table.note("type", "a DL/T 645 meter is known by its protocol, not by a fingerprint")
        text = kind is RegisterType.TEXT
        found.append(
            Fingerprint(
                function=table.whole("function", defaults.function, low=3, high=4),
                address=table.whole("address", low=0, high=ADDRESS_MAX),
                type=kind,
                word_order=table.choice("word_order", WordOrder, defaults.word_order),
                text_words=table.whole("text_words", low=1, high=TEXT_WORDS_MAX) if text else 0,
                one_of=table.values("one_of"),
                optional=table.flag("optional", default=False),
            )
        )
        table.finish()
    return tuple(found)


def read_goldens(file: Table, points: tuple[Point, ...]) -> tuple[Golden, ...]:
    """The array of tables `golden`."""
    known = {point.name for point in points}
    found = []
    for table in file.tables("golden"):
        expect = table.table("expect", required=True)
        for name, value in expect.raw().items():
            if name not in known or not (isinstance(value, str) or is_number(value)):
                expect.note(name, "must be a point of this model with its value")
        found.append(
            Golden(
                source=table.text("source"),
                request=table.hexadecimal("request"),
                response=table.hexadecimal("response"),
                expect=dict(expect.raw()),
                ct_ratio=table.number("ct_ratio", 1.0, low=1 / FACTOR_MAX, high=FACTOR_MAX),
                pt_ratio=table.number("pt_ratio", 1.0, low=1 / FACTOR_MAX, high=FACTOR_MAX),
            )
        )
        table.finish()
    return tuple(found)
