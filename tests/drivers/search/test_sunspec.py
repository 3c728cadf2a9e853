"""SunSpec by discovery: the marker, the chain and the points at the offsets that the meter says."""

from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import SystemClock
from drivers.errors import ReplyTimeoutError
from drivers.points.model import Model, load, load_file, names
from drivers.points.model_text import model_text
from drivers.poll.meter import Meter, MeterSetup
from drivers.reading import PollGroup, Quality
from drivers.search import sunspec
from drivers.search.identify import identify
from drivers.search.sunspec import (
    METERS,
    ChainModel,
    NotSunSpecError,
    discover,
    find_meters,
    make_model,
    parse_choice,
    read_chain,
)
from tests.counterparts.sunspec import Common, Inverter, SunspecMap, Unknown, sunspec_map
from tests.counterparts.sunspec import Meter as CounterMeter
from tests.drivers.search.simulated import SaysBus, bus_of

LENGTHS = {**dict.fromkeys((201, 202, 203, 204), 105), **dict.fromkeys((211, 212, 213, 214), 124)}
FOREIGN = 160  # an inverter's settings, say


def served(
    tmp_path: Path, meter_id: int, *, base: int = 40000, common: int = 66, before: int = 0, end: bool = True
) -> tuple[Model, int]:
    """A model file of such a device, as the simulator loads it, and where its meter model begins."""
    at = base + 2
    first = ChainModel(1, at, common)
    at += 2 + common
    marks = []
    if before:
        marks = [(at, FOREIGN), (at + 1, before)]
        at += 2 + before
    meter = ChainModel(meter_id, at, LENGTHS[meter_id])
    if end:
        marks.append((at + 2 + meter.length, sunspec.END_ID))
    text = model_text(make_model(base, first, meter))
    for address, value in marks:
        text += f'[[fingerprint]]\nfunction = 3\naddress = {address}\ntype = "u16"\none_of = [{value}]\n'
    path = tmp_path / "served.toml"
    path.write_text(text, "utf-8")
    return load_file(path), at


@pytest.mark.parametrize("meter_id", list(METERS))
@pytest.mark.parametrize(
    ("base", "common", "before"), [(40000, 66, 0), (40000, 65, 0), (50000, 66, 30), (0, 65, 10)]
)
def test_a_meter_is_found_wherever_its_model_begins(
    tmp_path: Path, meter_id: int, base: int, common: int, before: int
) -> None:
    model, at = served(tmp_path, meter_id, base=base, common=common, before=before)
    bus = bus_of([model])
    found = discover(bus, 1)[0].model
    assert found.name == f"sunspec-{meter_id}-{at}"
    assert found.hash == model.hash
    meter = Meter(MeterSetup("m", found, 1), bus.gap_registers_max)
    readings = [meter.poll(bus, group, SystemClock()) for group in PollGroup]
    assert all(reading.quality is Quality.GOOD for reading in readings), readings
    values = {name: value for reading in readings for name, value in found.decode(reading.blocks).items()}
    assert values["active_power"] == pytest.approx(30_000, rel=0.05)
    assert values["frequency"] == pytest.approx(50, abs=0.5)
    voltages = [value for name, value in values.items() if name.startswith("voltage")]
    assert len(voltages) == len(METERS[meter_id])
    assert voltages == [pytest.approx(398 if meter_id % 10 == 4 else 230, rel=0.05)] * len(voltages)
    assert values["active_energy_import"] > 0
    assert values["serial_number"].isdecimal()


def test_what_the_meter_says_of_itself_is_the_title(tmp_path: Path) -> None:
    model, _ = served(tmp_path, 203)
    found = discover(bus_of([evolve(model, name="acme")]), 1)[0].model
    assert found.maker == "ACME"
    assert found.title == "ACME ACME"


@pytest.mark.parametrize("meter_id", list(METERS))
def test_the_written_file_is_the_model_that_was_found(tmp_path: Path, meter_id: int) -> None:
    model, _ = served(tmp_path, meter_id, common=65)
    found = discover(bus_of([model]), 1)[0].model
    path = tmp_path / "found.toml"
    path.write_text(model_text(found), "utf-8")
    assert load_file(path) == found
    assert load_file(path).hash == found.hash


def test_the_shipped_file_has_the_registers_that_discovery_finds() -> None:
    shipped = load("sunspec-203")
    made = make_model(40000, ChainModel(1, 40002, 66), ChainModel(203, 40070, 105))
    assert {evolve(point, group=PollGroup.FAST) for point in shipped.points} == {
        evolve(point, group=PollGroup.FAST) for point in made.points
    }


def test_a_chain_without_its_end_is_walked_as_far_as_it_goes(tmp_path: Path) -> None:
    model, at = served(tmp_path, 213, end=False)
    assert [link.id for link in read_chain(bus_of([model], strict=True), 1)] == [1, 213]
    assert discover(bus_of([model]), 1)[0].model.name == f"sunspec-213-{at}"


def chain_of(heads: dict[int, bytes], other: bytes = b"") -> SaysBus:
    """A device that has these two registers at these addresses, and others everywhere else."""
    return SaysBus(lambda _unit, _function, address, _count: heads.get(address, other) or 2)


def test_a_device_without_a_meter_is_named_with_what_it_has() -> None:
    heads = {40000: b"SunS", 40002: b"\0\1\0\x42", 40070: b"\0\xa0\0\x10", 40088: b"\xff\xff\0\0"}
    with pytest.raises(NotSunSpecError, match=r"no meter .*: 1, 160"):
        discover(chain_of(heads), 1)


@pytest.mark.parametrize(("length", "links"), [(b"\0\0", sunspec.CHAIN_MAX), (b"\xff\xfe", 1)])
def test_a_chain_that_never_ends_or_leads_out_of_the_registers_is_given_up(length: bytes, links: int) -> None:
    assert len(read_chain(chain_of({40000: b"SunS"}, b"\0\7" + length), 1)) == links


def test_another_meter_has_no_marker_and_nobody_is_told_apart() -> None:
    with pytest.raises(NotSunSpecError, match="no SunSpec marker at 40000, 50000, 0"):
        discover(bus_of([load("eastron-sdm630")]), 1)
    with pytest.raises((NotSunSpecError, ReplyTimeoutError)):
        discover(bus_of([]), 1)


class Words:
    """A unit with these registers under function 3 and no others, given to a bus that is a function."""

    def __init__(self, table: SunspecMap) -> None:
        self.table = table

    def __call__(self, _unit: int, function: int, address: int, count: int) -> bytes | int:
        words = [self.table.word(1, 3, at, 0) for at in range(address, address + count)]
        if function != 3 or None in words:
            return 2
        return b"".join(word.to_bytes(2) for word in words if word is not None)


def meters_of(
    *models: Common | Inverter | CounterMeter | Unknown, first: int = 40000
) -> list[tuple[str, str]]:
    """Maker and serial number of each meter found."""
    found = discover(SaysBus(Words(sunspec_map(*models, first=first))), 1)
    assert [meter.number for meter in found] == list(range(1, len(found) + 1))
    return [(meter.model.maker, meter.serial) for meter in found]


INVERTER = Common("A", "Inverter", "INV-1")
FIRST = Common("B", "MeterX", "MTR-1")
SECOND = Common("B", "MeterX", "MTR-2", long=False)


@pytest.mark.parametrize(
    ("chain", "meters"),
    [
        ((INVERTER, Inverter(), FIRST, CounterMeter()), ["MTR-1"]),
        ((INVERTER, Inverter(), FIRST, CounterMeter(), SECOND, CounterMeter()), ["MTR-1", "MTR-2"]),
        ((FIRST, CounterMeter(), INVERTER, Inverter(), SECOND, CounterMeter(id=201)), ["MTR-1", "MTR-2"]),
        ((FIRST, Unknown(), CounterMeter(), Unknown(), Unknown(64_002), SECOND, CounterMeter()), ["MTR-1",
        "MTR-2"]), ((INVERTER, Inverter(), CounterMeter(), CounterMeter()), ["INV-1", "INV-1"]),
        ((Inverter(), CounterMeter()), [""]),
        ((FIRST, CounterMeter(), SECOND), ["MTR-1"]),
        ((INVERTER, INVERTER, FIRST, CounterMeter()), ["MTR-1"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("first", [40000, 50000, 0])
def test_the_common_model_nearest_before_a_meter_is_its_own(
    chain: tuple[Common | Inverter | CounterMeter | Unknown, ...], meters: list[str], first: int
) -> None:
    assert [serial for _, serial in meters_of(*chain, first=first)] == meters


PARTS = st.sampled_from(("common", "inverter", "meter", "unknown"))


@given(st.lists(PARTS, min_size=1, max_size=20), st.booleans())
def test_whatever_a_chain_holds_every_meter_has_the_serial_number_before_it(
    parts: list[str], long: bool
) -> None:
    chain: list[Common | Inverter | CounterMeter | Unknown] = []
    serial, wanted = "", []
    for number, part in enumerate(parts):
        if part == "common":
            serial = f"S-{number}"
            chain.append(Common("M", "T", serial, long=long))
        elif part == "meter":
            chain.append(CounterMeter(watts=1000 + number))
            wanted.append(serial)
        else:
            chain.append(Inverter() if part == "inverter" else Unknown(size=number))
    if not wanted:
        with pytest.raises(NotSunSpecError):
            meters_of(*chain)
        return
    assert [serial for _, serial in meters_of(*chain)] == wanted


def test_the_two_forms_of_one_meter_are_one_meter() -> None:
    chain = [ChainModel(1, 40002, 66), ChainModel(203, 40070, 105), ChainModel(213, 40177, 124)]
    assert [meter.id for _, meter in find_meters(chain)] == [203]
    apart = [*chain[:2], ChainModel(1, 40177, 66), ChainModel(213, 40245, 124)]
    assert [meter.id for _, meter in find_meters(apart)] == [203, 213]


def test_each_meter_of_a_device_is_a_match_with_its_own_powers() -> None:
    chain = sunspec_map(INVERTER, Inverter(), FIRST, CounterMeter(5_000), SECOND, CounterMeter(7_000))
    found = identify(SaysBus(Words(chain)), 1, [load(name) for name in names()], SystemClock())
    assert [(one.meter, one.serial, one.certain) for one in found.meters] == [
        (1, "MTR-1", True),
        (2, "MTR-2", True),
    ]
    assert all(one.confidence > 0.98 and not one.alike for one in found.meters)
    bus = SaysBus(Words(chain))
    for match, watts in zip(found.meters, (5_000, 7_000), strict=True):
        meter = Meter(MeterSetup("m", match.model, 1), bus.gap_registers_max)
        values = {}
        for group in PollGroup:
            values |= match.model.decode(meter.poll(bus, group, SystemClock()).blocks)
        assert values["active_power"] == watts
        assert values["serial_number"] == match.serial


@pytest.mark.parametrize(
    ("name", "number"),
    [("sunspec", 1), ("sunspec:2", 2), ("sunspec:32", 32), ("sunspec:0", None), ("sunspec:33", None),
     ("sunspec:", None), ("sunspec:x", None), ("sunspec-203", None), ("sunspec:²", None)],
)  # fmt: skip
def test_a_meter_of_a_device_is_chosen_by_its_number(name: str, number: int | None) -> None:
    assert parse_choice(name) == number
