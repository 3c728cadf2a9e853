"""SunSpec discovery: the marker, the chain of models after it, and our points at its offsets.

A SunSpec device has "SunS" at register 40000, 50000 or 0. After it comes a chain of models, each with
its id and its length in registers, and the id FFFF at its end. Common model 1 names a maker, a type and a
serial number: those of the models behind it, up to the next common model. So an inverter that hands on its
meters has a common model before its own models and one before each meter. 201 to 204 are meters in whole
numbers with scale registers, 211 to 214 the same in float32; a meter in both forms under one common model is
one meter. Where a model begins is known only at the device, because the common model has 65 or 66 registers
and others may precede the meter model. So a point table is made for each meter: `discover` returns ordinary
`drivers.points.model.Model`s with hashes of their own; `drivers.points.model_text` writes them as files for
the site. The meters of a device are numbered from 1 in the order of its chain; people write `sunspec:2`.

Offsets are those of the SunSpec information models (github.com/sunspec/models, json/model_1.json,
model_201.json to model_204.json, model_211.json to model_214.json), counted from the model's id.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from attrs import evolve, frozen

from disk.tables import Table
from drivers.errors import BusDownError, DriverError, ExceptionReplyError, ReplyTimeoutError, refuse
from drivers.points import registers
from drivers.points.model import Model, Verified
from drivers.points.model_file import Fingerprint
from drivers.points.point_table import Defaults, read_points
from drivers.points.registers import RegisterType, WordOrder
from drivers.poll.bus import MeterBus
from drivers.search.patient import UnclearError

NAME: Final = "sunspec"
"""In place of a model's name: discover the registers at the meter."""
BASES: Final = (40000, 50000, 0)
"""Where the marker may be, in the order of the specification."""
MARKER: Final = b"SunS"
END_ID: Final = 0xFFFF
COMMON_ID: Final = 1
CHAIN_MAX: Final = 128
"""Longest chain that is read: an inverter with a dozen meters and settings has fifty models; a faulty one
never ends."""
METERS_MAX: Final = 32
"""Most meters of one device that are told apart."""
READ_TIMEOUT_S: Final = 1.0
METERS: Final = {
    **dict.fromkeys((201, 211), ("l1",)),
    **dict.fromkeys((202, 212), ("l1", "l2")),
    **dict.fromkeys((203, 213), ("l1", "l2", "l3")),
    **dict.fromkeys((204, 214), ("l12", "l23", "l31")),
}
"""Meter models and what their voltages are between: single and split phase, wye, delta."""
FLOAT_ID: Final = 211
"""From here on a meter model is in float32."""
FORMS_APART: Final = 10
"""How far apart the ids of the two forms of one meter are."""

_PHASES: Final = ("l1", "l2", "l3")
_PAIRS: Final = ("l12", "l23", "l31")
_COMMON_TEXTS: Final = {
    "maker_name": (2, 16),
    "model_name": (18, 16),
    "firmware": (42, 8),
    "serial_number": (50, 16),
}
_QUANTITIES: Final = (
    "current",
    "phase",  # to neutral
    "pair",  # between phases
    "frequency",
    "active_power",
    "apparent_power",
    "reactive_power",
    "power_factor",
)
_INTEGER: Final = dict(zip(_QUANTITIES, (2, 8, 12, 16, 18, 23, 28, 33), strict=True))
_FLOAT: Final = dict(zip(_QUANTITIES, (2, 12, 20, 26, 28, 36, 44, 52), strict=True))
_EXPONENTS: Final = {
    "current": 6,
    "voltage": 15,
    "frequency": 17,
    "active_power": 22,
    "apparent_power": 27,
    "reactive_power": 32,
    "power_factor": 37,
    "energy": 54,
}
_INTEGER_ENERGY: Final = {"active_energy_export": 38, "active_energy_import": 46}
_FLOAT_ENERGY: Final = {"active_energy_export": 60, "active_energy_import": 68}
_ABSENT: Final = {RegisterType.S16: "8000", RegisterType.U32: "00000000"}
""""Not implemented", and a counter that is not kept; a float is NaN then."""

Points = dict[str, dict[str, Any]]


class NotSunSpecError(DriverError):
    """The meter has no SunSpec marker, or no meter model behind it."""


@frozen
class ChainModel:
    """One model of a chain: its id, the address of that id, and the registers behind its length."""

    id: int
    address: int
    length: int


@frozen
class SunSpecMeter:
    """One meter of a device: its number from 1, its point table, its serial number ("" for none)."""

    number: int
    model: Model
    serial: str = ""


def parse_choice(name: str) -> int | None:
    """Which meter of a SunSpec device a name asks for: `sunspec` 1, `sunspec:2` 2; None for others."""
    word, colon, number = name.partition(":")
    if word != NAME:
        return None
    if not colon:
        return 1
    good = number.isascii() and number.isdecimal() and 1 <= int(number) <= METERS_MAX
    return int(number) if good else None


def discover(bus: MeterBus, unit_id: int) -> tuple[SunSpecMeter, ...]:
    """All meters of a device, with the point table of each at the addresses found.

    Raises:
        NotSunSpecError: There is no marker, or no meter after it.
        BusDownError: The bus cannot be used.
        DriverError: As `bus.read` raises it; a lost answer ends the chain, so `bus` is best a `PatientBus`.
    """
    chain = read_chain(bus, unit_id)
    pairs = find_meters(chain)
    if not pairs:
        ids = ", ".join(str(one.id) for one in chain) or "none"
        raise NotSunSpecError(f"unit {unit_id} has SunSpec models, but no meter (201-204, 211-214): {ids}")
    base = chain[0].address - len(MARKER) // registers.WORD_BYTES
    meters = []
    for number, (common, meter) in enumerate(pairs, 1):
        maker, name, serial = _read_names(bus, unit_id, common)
        model = make_model(base, common, meter)
        title = " ".join(filter(None, (maker, name))) or model.title
        meters.append(SunSpecMeter(number, evolve(model, maker=maker or model.maker, title=title), serial))
    return tuple(meters)


def find_meters(chain: Iterable[ChainModel]) -> tuple[tuple[ChainModel | None, ChainModel], ...]:
    """Each meter of a chain with the common model nearest before it, None without one."""
    common: ChainModel | None = None
    found: list[tuple[ChainModel | None, ChainModel]] = []
    here: list[ChainModel] = []
    for one in chain:
        if one.id == COMMON_ID:
            common, here = one, []
        elif one.id in METERS and not any(abs(one.id - other.id) == FORMS_APART for other in here):
            here.append(one)
            found.append((common, one))
    return tuple(found[:METERS_MAX])


def read_chain(bus: MeterBus, unit_id: int) -> tuple[ChainModel, ...]:
    """The models after the marker, in their order.

    Raises:
        NotSunSpecError: There is no marker.
        BusDownError: The bus cannot be used.
        UnclearError: It is too poor to tell.
    """
    errors: list[DriverError] = []
    for base in BASES:
        try:
            if _read(bus, unit_id, base, 2) == MARKER:
                return tuple(_read_models(bus, unit_id, base + 2))
        except (BusDownError, UnclearError):
            raise
        except DriverError as error:
            errors.append(error)
    raise NotSunSpecError(
        f"unit {unit_id} has no SunSpec marker at {', '.join(map(str, BASES))}"
        + (f": {errors[-1]}" if len(errors) == len(BASES) else "")
    )


def _read_models(bus: MeterBus, unit_id: int, address: int) -> Iterator[ChainModel]:
    for _ in range(CHAIN_MAX):
        try:
            head = _read(bus, unit_id, address, 2)
        except (ExceptionReplyError, ReplyTimeoutError):
            return  # some meters end without the end id
        model = ChainModel(int.from_bytes(head[:2]), address, int.from_bytes(head[2:]))
        if model.id in {0, END_ID}:
            return
        yield model
        address += 2 + model.length
        if address >= END_ID:
            return


def make_model(base: int, common: ChainModel | None, meter: ChainModel) -> Model:
    """The point table of a meter model at an address, named after both."""
    points = _float_points(meter) if meter.id >= FLOAT_ID else _integer_points(meter)
    if common is not None:
        points |= _common_points(common)
    problems: list[str] = []
    absent = {kind: bytes.fromhex(words) for kind, words in _ABSENT.items()}
    read = read_points(Table(points, "points", problems), Defaults(function=3, absent=absent))
    refuse(problems, NAME)
    marks = [_make_mark(base, RegisterType.TEXT, MARKER.decode(), text_words=2)]
    for one in filter(None, (common, meter)):
        marks.append(_make_mark(one.address, RegisterType.U16, one.id))
        marks.append(_make_mark(one.address + 1, RegisterType.U16, one.length))
    return Model(
        name=f"{NAME}-{meter.id}-{meter.address}",
        points=read,
        maker="SunSpec Alliance",
        title=f"SunSpec meter model {meter.id} at {meter.address}",
        verified=Verified.DOCUMENT,
        provenance=f"SunSpec information models 1 and {meter.id}, at the addresses that the meter gave",
        fingerprints=tuple(marks),
    )


def _integer_points(meter: ChainModel) -> Points:
    def point(offset: int, exponent: str, **more: Any) -> dict[str, Any]:
        known = {"address": meter.address + offset, "type": "s16"}
        return known | {"scale_point": f"{exponent}_exponent"} | more

    points: Points = {"current": point(_INTEGER["current"], "current")}
    for name, offset, index in _list_phase_points(meter, _INTEGER, step=1):
        points[name] = point(offset + index, name.rpartition("_")[0])
    for name in ("frequency", "active_power"):
        points[name] = point(_INTEGER[name], name)
    for name in ("apparent_power", "reactive_power"):
        points[name] = point(_INTEGER[name], name, group="fast")  # on the way to the power factor
    points["power_factor"] = point(_INTEGER["power_factor"], "power_factor", scale=0.01)  # percent
    for name, offset in _INTEGER_ENERGY.items():
        points[name] = point(offset, "energy", type="u32")
    for quantity, offset in _EXPONENTS.items():
        exponent = {"address": meter.address + offset, "type": "s16", "quantity": "scale"}
        points[f"{quantity}_exponent"] = exponent
    return points


def _float_points(meter: ChainModel) -> Points:
    def point(offset: int, **more: Any) -> dict[str, Any]:
        return {"address": meter.address + offset, "type": "f32"} | more

    points: Points = {"current": point(_FLOAT["current"])}
    for name, offset, index in _list_phase_points(meter, _FLOAT, step=2):
        points[name] = point(offset + index)
    for name in ("frequency", "active_power", "power_factor"):
        points[name] = point(_FLOAT[name])
    for name in ("apparent_power", "reactive_power"):
        points[name] = point(_FLOAT[name], group="fast")
    return points | {name: point(offset) for name, offset in _FLOAT_ENERGY.items()}


def _list_phase_points(
    meter: ChainModel, offsets: dict[str, int], step: int
) -> Iterator[tuple[str, int, int]]:
    """Names of the values per phase, the offset before the first, and how far after it."""
    voltages = METERS[meter.id]
    for i, phase in enumerate(voltages):
        yield f"voltage_{phase}", offsets["pair" if phase in _PAIRS else "phase"], i * step
    for quantity in ("current", "active_power"):
        for i, phase in enumerate(_PHASES[: len(voltages)]):
            yield f"{quantity}_{phase}", offsets[quantity], (i + 1) * step


def _common_points(common: ChainModel) -> Points:
    points: Points = {}
    for name, (offset, text_words) in _COMMON_TEXTS.items():
        points[name] = {"address": common.address + offset, "type": "text", "text_words": text_words}
        if name.endswith("_name"):
            points[name]["quantity"] = "identity"
    return points


def _make_mark(address: int, kind: RegisterType, value: registers.Value, text_words: int = 0) -> Fingerprint:
    return Fingerprint(3, address, kind, WordOrder.HIGH_FIRST, text_words, (value,))


def _read_names(bus: MeterBus, unit_id: int, common: ChainModel | None) -> tuple[str, str, str]:
    """Maker, model and serial number as the device has them, each "" where it has none."""
    if common is None:
        return "", "", ""
    places = (_COMMON_TEXTS[key] for key in ("maker_name", "model_name", "serial_number"))
    read = [_read(bus, unit_id, common.address + offset, words) for offset, words in places]
    maker, model, serial = (str(registers.decode(words, RegisterType.TEXT) or "") for words in read)
    return maker, model, serial


def _read(bus: MeterBus, unit_id: int, address: int, count: int) -> bytes:
    return bus.read(unit_id, 3, address, count, timeout_s=READ_TIMEOUT_S).words
