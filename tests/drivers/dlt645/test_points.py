"""What the bytes of a DL/T 645 meter mean: decimal digits, signs, names, and several points in an answer."""

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import BusUrlError, ModelError
from drivers.link.bus_url import parse_url
from drivers.link.transport import SerialPipe
from drivers.points import model
from drivers.points.model import Model, load_file
from drivers.points.plan import Span, plan
from drivers.points.registers import DLT645_TYPES, RegisterType, decode, encode
from drivers.poll.meter import MeterSetup
from drivers.reading import Block, PollGroup, Quantity

BCD, SIGNED = RegisterType.BCD, RegisterType.BCD_SIGNED
NAME, TEXT = RegisterType.BCD_TEXT, RegisterType.TEXT_REVERSED
SHIPPED = [name for name in model.names() if model.load(name).is_dlt645]


@pytest.mark.parametrize(
    ("raw", "kind", "value"),
    [
        ("02 23", BCD, 2302),
        ("78 56 34 12", BCD, 12345678),
        ("00", BCD, 0),
        ("99", BCD, 99),
        ("01 82", BCD, 8201),
        ("01 82", SIGNED, -201),
        ("01 02", SIGNED, 201),
        ("00 80", SIGNED, 0),
        ("99 79", SIGNED, 7999),
        ("99 F9", SIGNED, -7999),
        ("0A", BCD, None),
        ("A0", BCD, None),
        ("A0", SIGNED, -20),  # the highest bit is the sign, what is left is 20
        ("F0", SIGNED, -70),
        ("0F 00", SIGNED, None),
        ("FF FF", BCD, None),
        ("FF FF", SIGNED, None),
        ("12 90 78 56 34 12", NAME, "123456789012"),
        ("07 00 00", NAME, "000007"),
        ("FF FF", NAME, None),
        ("37 30 2E 31 56", TEXT, "V1.07"),
        ("00 00 37 56", TEXT, "V7"),
        ("37 56 00 00", TEXT, "V7"),
        ("FF FF", TEXT, None),
        ("00 00", TEXT, None),
        ("E9 56", TEXT, None),
    ],
)
def test_bytes_stand_for_one_value(raw: str, kind: RegisterType, value: object) -> None:
    assert decode(bytes.fromhex(raw), kind) == value


@pytest.mark.parametrize(
    ("value", "kind", "size", "raw"),
    [
        (2302, BCD, 2, "02 23"),
        (-5, BCD, 2, "00 00"),
        (123456, BCD, 2, "99 99"),
        (-201, SIGNED, 2, "01 82"),
        (9000, SIGNED, 2, "99 79"),
        (-9000, SIGNED, 2, "99 F9"),
        (2.5, BCD, 1, "02"),
        ("7", NAME, 3, "07 00 00"),
        ("V7", TEXT, 4, "00 00 37 56"),
    ],
)
def test_a_value_has_its_bytes_and_stops_at_the_end_of_the_range(
    value: float | str, kind: RegisterType, size: int, raw: str
) -> None:
    assert encode(value, kind, size_bytes=size) == bytes.fromhex(raw)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("x", BCD),
        (float("nan"), BCD),
        ("12345", NAME),
        ("1a", NAME),
        ("١٢", NAME),
        ("ABC", TEXT),
        ("é", TEXT),
    ],
)
def test_what_no_bytes_can_hold_is_refused(value: float | str, kind: RegisterType) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- each in its own words
        encode(value, kind, size_bytes=2)


@settings(deadline=None)
@given(st.integers(1, 6), st.data())
def test_numbers_come_back_from_their_bytes(size: int, data: st.DataObject) -> None:
    most = 8 * 10 ** (2 * size - 1) - 1
    number = data.draw(st.integers(-most, most))
    assert decode(encode(number, SIGNED, size_bytes=size), SIGNED) == number
    assert decode(encode(abs(number), BCD, size_bytes=size), BCD) == abs(number)


@settings(deadline=None)
@given(st.binary(max_size=12), st.sampled_from(sorted(DLT645_TYPES)))
def test_whatever_the_bytes_are_they_are_a_value_or_none(raw: bytes, kind: RegisterType) -> None:
    value = decode(raw, kind)
    assert value is None or isinstance(value, int | str)


@pytest.mark.parametrize("name", SHIPPED)
@settings(deadline=None, max_examples=25)
@given(st.data())
def test_what_the_simulator_encodes_the_driver_decodes(name: str, data: st.DataObject) -> None:
    meter = model.load(name)
    ranges = {Quantity.POWER_FACTOR: (-1.0, 1.0), Quantity.ACTIVE_POWER: (-79_000.0, 79_000.0)}
    numbers = [point for point in meter.points if point.type in {BCD, SIGNED}]
    values = {
        point.name: data.draw(
            st.floats(*ranges.get(point.quantity, (-79.0 if point.type is SIGNED else 0.0, 79.0)))
        )
        for point in numbers
    }
    image = meter.encode(values, 40.0, 2.0)
    blocks = [Block(function, address, words) for (function, address), words in image.items()]
    decoded = meter.decode(blocks, 40.0, 2.0)
    assert decoded.keys() == values.keys()
    for point in numbers:
        step = point.scale * point.ratio.factor(40.0, 2.0)
        wanted = values[point.name]
        assert decoded[point.name] == pytest.approx(wanted, abs=step * 0.500001 + abs(wanted) * 1e-9)


# Models and their reads


@pytest.mark.parametrize("name", SHIPPED)
def test_each_data_id_is_one_read_of_all_the_points_in_it(name: str) -> None:
    meter = model.load(name)
    for group in PollGroup:
        points = meter.group(group)
        spans = plan(points, registers_max=125, gap_registers_max=0)
        assert [span.address for span in spans] == sorted({point.address for point in points})
        assert all(span.count == meter.answer_bytes(span.address) for span in spans)


def test_a_poll_of_a_three_phase_meter_takes_four_reads() -> None:
    points = model.load("dlt645-2007-3p").group(PollGroup.FAST)
    assert plan(points, registers_max=125, gap_registers_max=0) == (
        Span(17, 0x0201FF00, 6),
        Span(17, 0x0202FF00, 9),
        Span(17, 0x0203FF00, 12),
        Span(17, 0x0206FF00, 8),
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_ratios_are_applied_once_to_every_value_behind_the_transformers(name: str) -> None:
    meter = model.load(name)
    image = meter.encode({"active_power": 1000.0, "active_energy_import": 1000})
    blocks = [Block(function, address, words) for (function, address), words in image.items()]
    decoded = meter.decode(blocks, ct_ratio=40.0, pt_ratio=100.0)
    assert decoded == {"active_power": 4_000_000.0, "active_energy_import": 4_000_000.0}


FILE = """
name = "acme-645"
maker = "Acme"
title = "Acme 645"
verified = "document"
provenance = "its manual"
[defaults]
function = 17
type = "bcd"
[points]
active_power = { address = 0x02030000, bytes = 3, scale = 0.1, type = "bcd_signed" }
"""
LINE = FILE.splitlines()[-1]


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ("active_power = { address = 0x02030000 }", "points.active_power.bytes: missing, a whole number"),
        (
            "active_power = { address = 0x02030000, bytes = 197 }",
            "points.active_power.bytes: must be a whole",
        ),
        (
            "active_power = { address = 0x02030000, bytes = 100, offset = 100 }",
            "points.active_power.offset: the point runs beyond the 196 bytes of an answer",
        ),
        (
            'active_power = { address = 0x02030000, bytes = 3, type = "u16" }',
            "points.active_power.type: u16 is no type of function 17",
        ),
        (
            "active_power = { function = 3, address = 0, bytes = 3 }",
            "points.active_power.type: bcd is no type of function 3",
        ),
        (
            "active_power = { address = 0x102030000, bytes = 3 }",
            "points.active_power.address: must be a whole",
        ),
        (
            "active_power = { function = 16, address = 0, bytes = 3 }",
            "points.active_power.function: must be a whole number from 3 to 4, not 16",
        ),
        (
            'active_power = { address = 0x02030000, bytes = 3, absent = "FF" }',
            "points.active_power.absent: bcd takes 3 bytes",
        ),
        (
            "active_power = { address = 0x02030000, bytes = 3, optional = 1 }",
            "points.active_power.optional: must be true or false, not 1",
        ),
        (
            f'{LINE}\nvoltage = {{ function = 3, address = 0, type = "u16" }}',
            "points: a meter speaks Modbus, DL/T 645 or HJ 212, only one of them",
        ),
        (
            f"{LINE}\n[[fingerprint]]\nfunction = 3\naddress = 0\none_of = [1]",
            "fingerprint[0].type: a DL/T 645 meter is known by its protocol, not by a fingerprint",
        ),
    ],
)
def test_every_mistake_in_a_model_file_has_its_line(tmp_path: Path, wrong: str, problem: str) -> None:
    path = tmp_path / "acme-645.toml"
    path.write_text(FILE.replace(LINE, wrong), "utf-8")
    with pytest.raises(ModelError) as raised:
        load_file(path)
    assert any(line.startswith(f"{path}: {problem}") for line in raised.value.problems), raised.value.problems


def test_a_site_s_own_model_needs_no_code(tmp_path: Path) -> None:
    path = tmp_path / "acme-645.toml"
    path.write_text(FILE, "utf-8")
    meter = load_file(path)
    assert tomllib.loads(FILE)["name"] == meter.name
    assert meter.decode([Block(17, 0x02030000, bytes.fromhex("00 50 82"))]) == {"active_power": -2500.0}
    assert meter.decode([Block(17, 0x02030001, b"\0\0\0"), Block(4, 0x02030000, b"\0\0\0\0")]) == {}
    assert Model.from_table(meter.table()) == Model(name=meter.name, points=meter.points)


def test_whether_a_point_is_optional_is_no_part_of_the_decoder(tmp_path: Path) -> None:
    path = tmp_path / "acme-645.toml"
    path.write_text(FILE.replace("bytes = 3,", "bytes = 3, optional = true,"), "utf-8")
    optional = load_file(path)
    path.write_text(FILE, "utf-8")
    assert optional.hash == load_file(path).hash
    assert optional.points[0].optional
    assert "optional" not in json.loads(optional.table())["points"]["active_power"]


# Buses and setups


@pytest.mark.parametrize(
    ("url", "character_s"),
    [
        ("dlt645:/dev/ttyS1", 11 / 2400),
        ("dlt645:/dev/ttyS1?baudrate=9600&parity=E", 11 / 9600),
        ("dlt645+tcp://10.0.0.7:4001", 0.0),
    ],
)
def test_the_url_of_a_line_of_dlt645_meters(url: str, character_s: float) -> None:
    target = parse_url(url)
    assert target.is_dlt645
    assert target.pipe.wire_s(1) == pytest.approx(character_s)


def test_a_line_is_2400_8e1_unless_it_says_otherwise() -> None:
    pipe = parse_url("dlt645:/dev/ttyS1").pipe
    assert isinstance(pipe, SerialPipe)
    assert (pipe._settings.baudrate, pipe._settings.parity, pipe._settings.stopbits) == (2400, "E", 1)


@pytest.mark.parametrize(
    ("url", "mistake"),
    [
        ("dlt645://host:1", "the port is a path, as in dlt645:/dev/ttyS1"),
        ("dlt645:/dev/ttyS1?speed=9600", "unknown speed"),
        ("dlt645+tcp://host", "the port is missing"),
        ("dlt698:/dev/ttyS1", "expected one of"),
    ],
)
def test_a_url_that_means_nothing_is_told_in_one_line(url: str, mistake: str) -> None:
    with pytest.raises(BusUrlError, match=mistake):
        parse_url(url)


@pytest.mark.parametrize(
    ("unit_id", "address"),
    [(None, ""), (1, "123456789012"), (0, "123456789012"), (None, "12345678901"), (None, "AAAAAAAAAAAA")],
)
def test_a_meter_has_exactly_one_name_on_its_bus(unit_id: int | None, address: str) -> None:
    with pytest.raises(ValueError, match=r"unit_id|address"):
        MeterSetup("m", model.load("dlt645-2007-3p"), unit_id, address=address)
