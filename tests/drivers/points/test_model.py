"""Meter models: reading the file, decoding, encoding, and what the hash stands for."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import ModelError
from drivers.points import model
from drivers.points.model import Model, Ratio, Verified
from drivers.points.point import Point, over, times
from drivers.points.registers import RegisterType, Value
from drivers.reading import Block, PollGroup, Quantity

HEAD = """
name = "acme-100"
maker = "Acme"
title = "Acme 100"
verified = "document"
provenance = "a test"
"""
DEFAULTS = """
[defaults]
function = 3
type = "s32"
"""


Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / "acme-100.toml"
        path.write_text(text, "utf-8")
        return path

    return written


def a_point(**fields: object) -> Point:
    body: dict[str, object] = {
        "name": "active_power",
        "quantity": Quantity.ACTIVE_POWER,
        "phase": "",
        "function": 3,
        "address": 0,
        "type": RegisterType.S32,
    }
    return Point(**(body | fields))  # type: ignore[arg-type]


def a_model(*points: Point) -> Model:
    return Model(name="acme-100", points=points)


def block(words: str, address: int = 0, function: int = 3) -> Block:
    return Block(function, address, bytes.fromhex(words))


# The file


def test_a_short_file_makes_a_whole_model(write: Write) -> None:
    meter = model.load_file(
        write(
            HEAD
            + """
            [limits]
            request_registers_max = 50
            gap_registers_max = 0
            barriers = [{ address = 0x10 }, { function = 4, address = 0x20 }]
            [defaults]
            function = 3
            type = "u16"
            values = "secondary"
            [absent]
            u16 = "ffff"
            [points]
            voltage_l1 = { address = 0, scale = 0.1 }
            active_power = { address = 2, type = "s32", word_order = "low_first", absent = "" }
            frequency = { address = 4, group = "fast" }
            energy_digits = { address = 5, quantity = "scale", type = "s16" }
            active_energy_import = { address = 6, scale_point = "energy_digits" }
            [[fingerprint]]
            address = 11
            one_of = [7, 8]
            """
        )
    )
    assert meter.verified is Verified.DOCUMENT
    assert (meter.request_registers_max, meter.gap_registers_max) == (50, 0)
    assert meter.barriers == ((3, 0x10), (4, 0x20))
    assert meter.point("voltage_l1").ratio is Ratio.PT
    assert meter.point("voltage_l1").phase == "l1"
    assert meter.point("voltage_l1").absent == b"\xff\xff"
    assert meter.point("active_power").ratio is Ratio.CT_PT
    assert meter.point("active_power").absent == b""
    assert meter.point("frequency").group is PollGroup.FAST
    assert [point.name for point in meter.group(PollGroup.SLOW)] == ["active_energy_import", "energy_digits"]
    assert meter.fingerprints[0].matches(b"\x00\x07")
    assert not meter.fingerprints[0].matches(b"\x00\x09")
    assert not meter.fingerprints[0].matches(b"\x00\x07\x00\x00")


def test_every_mistake_of_a_file_is_named_at_once_with_its_place(write: Write) -> None:
    with pytest.raises(ModelError) as caught:
        model.load_file(
            write("""
            name = "acme-100"
            makre = "Acme"
            title = ""
            verified = "guessed"
            provenance = 7
            [limits]
            request_registers_max = 126
            gap = 3
            barriers = [{ address = 1 }, 5]
            [defaults]
            function = 6
            type = "float"
            [points]
            voltage_l1 = { adress = 1, type = "f32" }
            active_power = { address = 70000, type = "s32", scale = 0 }
            reading = { address = 1, type = "u16" }
            current_l1 = { address = 2, type = "u16", scale_point = "nowhere", scale = "0.1" }
            Phase = { address = 4, type = "u16", quantity = "voltage", phase = "l4" }
            frequency = { address = 65535, type = "f32", absent = "ff" }
            serial_number = { address = 3, type = "text" }
            firmware = 3
            reactive_power = { address = true, type = "u16" }
            [[fingerprint]]
            address = 1
            type = "u16"
            one_of = []
            [[golden]]
            request = "0G"
            response = 5
            expect = { voltage_l9 = 1, current_l1 = true }
            """)
        )
    for problem in (
        "makre: unknown key, did you mean maker?",
        "maker: missing, a text",
        "title: must be a text",
        "verified: must be one of hardware, document, reported, not 'guessed'",
        "provenance: must be a text, not 7",
        "limits.request_registers_max: must be a whole number from 1 to 125, not 126",
        "limits.gap: unknown key",
        "limits.barriers[0].address: lies inside points.voltage_l1",
        "limits.barriers[1]: must be a table, not 5",
        "defaults.function: must be a whole number from 3 to 4, not 6",
        "defaults.type: must be one of u16, s16",
        "points.voltage_l1.adress: unknown key, did you mean address?",
        "points.voltage_l1.address: missing, a whole number",
        "points.active_power.address: must be a whole number from 0 to 65535, not 70000",
        "points.active_power.scale: must not be 0",
        "points.reading.quantity: missing, one of voltage",
        'points.current_l1.scale_point: no point of quantity "scale" is called nowhere',
        "points.current_l1.scale: must be a number from",
        "points.Phase: a name is",
        "points.Phase.phase: must be one of l1, l2",
        "points.frequency.address: the point runs beyond register 65535",
        "points.frequency.absent: f32 takes 4 bytes",
        "points.serial_number.text_words: missing",
        "points.firmware: must be a table, not 3",
        "points.reactive_power.address: must be a whole number from 0 to 65535, not True",
        "fingerprint[0].one_of: must be an array of numbers or texts",
        "golden[0].source: missing, a text",
        "golden[0].request: must be bytes in hexadecimal, not '0G'",
        "golden[0].response: must be bytes in hexadecimal, not 5",
        "golden[0].expect.voltage_l9: must be a point of this model",
        "golden[0].expect.current_l1: must be a point of this model",
    ):
        assert any(problem in line for line in caught.value.problems), problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name = ", "Invalid value"),
        (HEAD, "points: needs 1 to 200 points, not 0"),
        (HEAD + "[points]", "points: needs 1 to 200 points, not 0"),
        (HEAD + "points = 0", "points: must be a table, not 0"),
        (HEAD + DEFAULTS + "[points]\n" + "\n".join(f"p{i} = {{}}" for i in range(201)), "not 201"),
        (HEAD + "#" * (256 * 1024), "more than 262144 bytes"),
        (
            HEAD + DEFAULTS + "[limits]\nrequest_registers_max = 1\n[points]\nactive_power = { address = 0 }",
            "limits.request_registers_max: points.active_power takes 2 registers",
        ),
    ],
)
def test_a_file_that_is_no_model_is_refused_with_the_reason(write: Write, text: str, problem: str) -> None:
    with pytest.raises(ModelError, match=r"acme-100\.toml: ") as caught:
        model.load_file(write(text))
    assert any(problem in line for line in caught.value.problems), caught.value.problems


def test_a_file_that_is_not_there_or_not_text_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.toml: cannot be read: No such file"):
        model.load_file(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ModelError, match=r"bytes\.toml: is UTF-16, not UTF-8"):
        model.load_file(tmp_path / "bytes.toml")


def test_an_unknown_model_name_lists_those_that_are_known() -> None:
    with pytest.raises(ModelError, match=r"no meter model is called acme; known: .*eastron-sdm630"):
        model.load("acme")


@pytest.mark.parametrize("typed", ["eastron-smd630", "Eastron-SDM630", "eastron_sdm630", "estron-sdm630"])
def test_a_mistyped_model_name_is_answered_with_the_nearest(typed: str) -> None:
    with pytest.raises(ModelError, match=rf"{typed}, did you mean eastron-sdm630\?"):
        model.load(typed)


@pytest.mark.parametrize(
    ("name", "answers", "fits"),
    [
        ("abb-b23", [b"B23 112-100\0"], True),
        ("abb-b23", [b"A43 112-100\0"], False),
        ("abb-b23", [b"B23 112-10"], False),
        ("sunspec-203", [b"SunS", b"\x00\xcb"], True),
        ("sunspec-203", [b"SunS", b"\x00\x65"], False),
        ("gavazzi-em340", [b"\x01\x55"], True),
        ("gavazzi-em24-e1", [b"\x01\x55"], False),
    ],
)
def test_a_fingerprint_tells_models_apart(name: str, answers: list[bytes], fits: bool) -> None:
    prints = model.load(name).fingerprints
    assert all(one.matches(words) for one, words in zip(prints, answers, strict=True)) is fits


def test_a_barrier_may_stand_at_the_edge_of_a_point_but_not_inside(write: Write) -> None:
    limits = "[limits]\nbarriers = [{ address = 10 }, { address = 12 }]\n"
    points = "[points]\nactive_power = { address = 10 }\n"
    assert model.load_file(write(HEAD + DEFAULTS + limits + points)).barriers == ((3, 10), (3, 12))
    with pytest.raises(ModelError, match=r"limits\.barriers\[0\]\.address: lies inside points\.active_power"):
        model.load_file(write(HEAD + DEFAULTS + limits.replace("10", "11") + points))


# Decoding


@pytest.mark.parametrize(
    ("point", "words", "value"),
    [
        pytest.param(a_point(), "ffffff9c", -100, id="whole numbers stay whole"),
        pytest.param(
            a_point(type=RegisterType.U16, scale=0.1), "08fd", 230.1, id="tenths are exact decimals"
        ),
        pytest.param(
            a_point(type=RegisterType.U64, scale=10.0),
            "7fffffffffffffff",
            (2**63 - 1) * 10,
            id="counters keep all digits",
        ),
        pytest.param(a_point(type=RegisterType.U16, scale=-1.0), "0005", -5, id="a sign can be turned"),
        pytest.param(
            a_point(type=RegisterType.F64, scale=1000.0), "7fefffffffffffff", None, id="no infinity"
        ),
        pytest.param(a_point(type=RegisterType.F32), "7fc00000", None, id="no NaN"),
        pytest.param(a_point(absent=b"\x80\0\0\0"), "80000000", None, id="not available"),
        pytest.param(
            a_point(quantity=Quantity.POWER_FACTOR, type=RegisterType.F32),
            "3fc00000",
            None,
            id="no power factor is 1.5",
        ),
        pytest.param(
            a_point(quantity=Quantity.POWER_FACTOR, type=RegisterType.S16, scale=0.001),
            "fc18",
            -1.0,
            id="but -1 is",
        ),
    ],
)
def test_one_point_decodes(point: Point, words: str, value: object) -> None:
    decoded = a_model(point).decode([block(words)])
    assert decoded == ({} if value is None else {"active_power": value})
    assert not decoded or type(decoded["active_power"]) is type(value)


def test_a_point_is_taken_whole_from_one_answer_or_not_at_all() -> None:
    meter = a_model(a_point(address=10))
    assert meter.decode([block("0000", 10), block("0007", 11)]) == {}
    assert meter.decode([block("00000007", 10, function=4)]) == {}
    assert meter.decode([block("00000007", 11)]) == {}
    assert meter.decode([block("ffff00000007", 9)]) == {"active_power": 7}
    assert meter.decode([]) == {}


SCALED = (
    a_point(type=RegisterType.S16, scale_point="digits", absent=b"\x80\0"),
    a_point(name="digits", quantity=Quantity.SCALE, address=1, type=RegisterType.S16, absent=b"\x80\0"),
)


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("04d2 0000", {"active_power": 1234}),
        ("04d2 0003", {"active_power": 1234000}),
        ("04d2 fffe", {"active_power": 12.34}),
        ("04d2 fff6", {"active_power": 1.234e-7}),
        ("04d2 fff5", {}),
        ("04d2 000b", {}),
        ("04d2 8000", {}),
        ("04d2", {}),
    ],
    ids=[
        "as is",
        "thousands",
        "hundredths",
        "1e-10",
        "absurdly small",
        "absurdly large",
        "no scale",
        "not read",
    ],
)
def test_a_scale_register_moves_the_decimal_point_and_is_not_listed(
    words: str, values: dict[str, float]
) -> None:
    assert a_model(*SCALED).decode([block(words)]) == pytest.approx(values)


@pytest.mark.parametrize(
    ("ratio", "value"), [(Ratio.NONE, 5), (Ratio.CT, 200), (Ratio.PT, 500), (Ratio.CT_PT, 20000)]
)
def test_transformer_ratios_are_applied_once_where_the_model_says_so(ratio: Ratio, value: int) -> None:
    meter = a_model(a_point(ratio=ratio))
    assert meter.decode([block("00000005")], ct_ratio=40.0, pt_ratio=100.0) == {"active_power": value}
    image = meter.encode({"active_power": value}, ct_ratio=40.0, pt_ratio=100.0)
    assert image == {(3, 0): b"\0\0", (3, 1): b"\0\5"}


# Encoding


@pytest.mark.parametrize(
    ("watts", "raw", "digits"),
    [(12.345, 12345, -3), (230.0, 23000, -2), (-32768.0, -3277, 1), (1e6, 10000, 2)],
)
def test_the_simulator_takes_the_finest_scale_that_fits(watts: float, raw: int, digits: int) -> None:
    image = a_model(*SCALED).encode({"active_power": watts})
    assert int.from_bytes(image[3, 0], signed=True) == raw
    assert int.from_bytes(image[3, 1], signed=True) == digits


def test_the_simulator_keeps_a_scale_that_it_is_given_and_passes_over_what_the_meter_has_not() -> None:
    image = a_model(*SCALED).encode({"active_power": 500.0, "digits": 1, "frequency": 50.0})
    assert image == {(3, 0): b"\0\x32", (3, 1): b"\0\1"}
    assert a_model(*SCALED).encode({}) == {}


@pytest.mark.parametrize("name", [name for name in model.names() if not model.load(name).is_dlt645])
@settings(deadline=None, max_examples=25)
@given(st.data())
def test_what_the_simulator_encodes_the_driver_decodes(name: str, data: st.DataObject) -> None:
    meter = model.load(name)
    numbers = st.floats(0, 600)  # what the smallest registers of all can hold
    power_factors = st.floats(0, 1)
    values: dict[str, Value] = {
        point.name: data.draw(power_factors if point.quantity is Quantity.POWER_FACTOR else numbers)
        for point in meter.points
        if point.type is not RegisterType.TEXT and point.quantity is not Quantity.SCALE
    }
    ct, pt = data.draw(st.sampled_from([1.0, 40.0, 0.5])), data.draw(st.sampled_from([1.0, 100.0]))
    image = meter.encode(values, ct, pt)
    exponents = {
        point.name: int.from_bytes(image[point.function, point.address], signed=True)
        for point in meter.points
        if point.quantity is Quantity.SCALE
    }
    blocks = [
        Block(p.function, p.address, b"".join(image[p.function, p.address + i] for i in range(p.count)))
        for p in meter.points
        if (p.function, p.address) in image
    ]
    decoded = meter.decode(blocks, ct, pt)
    for point_name, value in decoded.items():
        point = meter.point(point_name)
        step = abs(point.scale) * 10.0 ** exponents.get(point.scale_point, 0) * point.ratio.factor(ct, pt)
        half = step * 0.5 if point.type[0] in "us" else abs(float(values[point_name])) * 1e-6 + 1e-30
        assert value == pytest.approx(values[point_name], abs=half * 1.000001)
    dropped = {
        name for name in values.keys() - decoded.keys() if values[name] and not meter.point(name).absent
    }
    assert not dropped


FACTORS = st.sampled_from([1.0, -1.0, 10.0, 1000.0, 0.1, 0.01, 0.001, 0.5, 0.3, 1.7, 1e-9, 1e9])


@settings(deadline=None)
@given(st.integers(-(2**63), 2**64), FACTORS)
def test_dividing_undoes_multiplying(raw: int, factor: float) -> None:
    back = over(times(raw, factor), factor)
    assert back == raw if factor.is_integer() else math.isclose(back, raw, rel_tol=1e-15)


# The hash and the table


METER = Model(
    name="acme-100", points=(a_point(), a_point(name="frequency", quantity=Quantity.FREQUENCY, address=2))
)


@pytest.mark.parametrize(
    "cosmetic",
    [
        {"maker": "Acme Ltd"},
        {"title": "another"},
        {"title_zh": "别的"},
        {"verified": Verified.HARDWARE},
        {"provenance": "seen"},
        {"provenance_zh": "见过"},
        {"request_registers_max": 10},
        {"gap_registers_max": 0},
        {"barriers": ((3, 5),)},
        {"goldens": model.load("eastron-sdm630").goldens},
        {"points": tuple(evolve(point, group=PollGroup.SLOW) for point in METER.points)},
        {"points": METER.points[::-1]},
    ],
    ids=[
        "maker",
        "title",
        "title_zh",
        "verified",
        "provenance",
        "provenance_zh",
        "registers",
        "gap",
        "barriers",
        "goldens",
        "group",
        "order",
    ],
)
def test_what_does_not_touch_decoding_keeps_the_hash(cosmetic: dict[str, object]) -> None:
    assert evolve(METER, **cosmetic).hash == METER.hash


@pytest.mark.parametrize(
    "change",
    [
        {"address": 7},
        {"function": 4},
        {"type": RegisterType.U32},
        {"scale": 0.1},
        {"scale_point": "digits"},
        {"ratio": Ratio.CT},
        {"phase": "l1"},
        {"quantity": Quantity.REACTIVE_POWER},
        {"absent": b"\xff\xff\xff\xff"},
        {"name": "reactive_power"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_whatever_touches_decoding_changes_the_hash(change: dict[str, object]) -> None:
    first, *rest = METER.points
    assert evolve(METER, points=(evolve(first, **change), *rest)).hash != METER.hash
    assert evolve(METER, name="acme-200").hash != METER.hash


def test_the_table_is_canonical_and_leaves_defaults_out() -> None:
    assert METER.table() == (
        b'{"format":1,"name":"acme-100","points":{'
        b'"active_power":{"address":0,"function":3,"quantity":"active_power","type":"s32"},'
        b'"frequency":{"address":2,"function":3,"quantity":"frequency","type":"s32"}}}'
    )
    assert len(METER.hash) == 32


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (b"", "point table: "),
        (b"[]", "must be a table"),
        (b'{"format":2}', "format: must be"),
        (METER.table() + b" ", "not in canonical form"),
        (METER.table().replace(b'"type"', b'"kind"'), "kind: unknown key"),
        (METER.table().replace(b"s32", b"s33"), "type: must be one of"),
        (METER.table().replace(b'"address":2', b'"address":2,"scale":1.0'), "not in canonical form"),
        (METER.table().replace(b'"address":2', b'"address":2,"scale":NaN'), "scale: must be a number"),
        (b"[" * 100_000, "point table: "),
        (b"\xff", "point table: is not UTF-8 at byte 0"),
        (b" " * (256 * 1024 + 1), "more than"),
    ],
)
def test_a_table_from_outside_is_distrusted(table: bytes, problem: str) -> None:
    with pytest.raises(ModelError) as caught:
        Model.from_table(table)
    assert any(problem in line for line in caught.value.problems), caught.value.problems


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = [
    "address",
    "function",
    "type",
    "quantity",
    "scale",
    "scale_point",
    "absent",
    "text_words",
    "phase",
    "ratio",
]


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from(KEYS), JSON), st.sampled_from(["active_power", "x", ""]))
def test_no_table_makes_anything_but_a_model_or_a_list_of_mistakes(
    body: dict[str, object], name: str
) -> None:
    table = {"format": 1, "name": "acme-100", "points": {name: body}}
    with suppress(ModelError):
        meter = Model.from_table(json.dumps(table).encode())
        assert Model.from_table(meter.table()) == meter


def test_importing_models_brings_in_nothing_heavy() -> None:
    heavy = "{'numpy', 'pymodbus', 'serial', 'cattrs', 'asyncio', 'ssl', 'sqlite3', 'difflib'}"
    code = f"import sys, drivers.points.model, drivers.points.plan; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
