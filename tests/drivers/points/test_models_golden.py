"""The proof inside every shipped model file: frames, their checks, and what they must decode to."""

import struct

import pytest

from drivers.dlt645 import codec
from drivers.dlt645.codec import ReadId
from drivers.link.bus_url import GAP_REGISTERS_RTU, GAP_REGISTERS_TCP
from drivers.link.verdict import Framing, Request, Words
from drivers.modbus.frame import parse
from drivers.modbus.rtu import crc16
from drivers.points import model
from drivers.points.model import Golden, Model
from drivers.points.plan import plan
from drivers.points.registers import RegisterType
from drivers.reading import EMISSIONS, Block, PollGroup, Quantity

FLOAT32_DIGITS = 1e-6
WANTED_BY_ISSUE_2 = {
    "eastron-sdm630": RegisterType.F32,
    "chint-dtsu666": RegisterType.F32,
    "acrel-adw300": RegisterType.U16,
    "schneider-pm5xxx": RegisterType.F32,
    "schneider-iem3xxx": RegisterType.S64,
    "gavazzi-em340": RegisterType.S32,
    "abb-b23": RegisterType.U64,
    "siemens-pac3200": RegisterType.F64,
    "sunspec-203": RegisterType.S16,
}
ANALYSERS = [name for name in model.names() if model.load(name).is_analyser]
METERS = [name for name in model.names() if name not in ANALYSERS]
GOLDENS = [
    pytest.param(name, golden, id=f"{name}-{i}")
    for name in model.names()
    for i, golden in enumerate(model.load(name).goldens)
]


@pytest.fixture(params=model.names())
def shipped(request: pytest.FixtureRequest) -> Model:
    return model.load(request.param)


def the_read(golden: Golden, meter: Model) -> ReadId:
    """The request of a DL/T 645 golden: its address, its data id, and what the model expects behind it."""
    body = golden.request.lstrip(b"\xfe")
    data_id = int.from_bytes(bytes(byte - 0x33 & 0xFF for byte in body[10:14]), "little")
    return ReadId(body[6:0:-1].hex(), data_id, meter.answer_bytes(data_id))


def the_request(golden: Golden) -> Request:
    unit_id, function, address, count = struct.unpack(">BBHH", golden.request[:-2])
    return Request(unit_id, function, address, count)


def the_block(golden: Golden, meter: Model) -> Block:
    if meter.is_dlt645:
        read = the_read(golden, meter)
        answer = codec.parse(golden.response, read)
        assert isinstance(answer, codec.Data), answer
        return Block(read.function, read.data_id, answer.data)
    request = the_request(golden)
    verdict = parse(Framing.RTU, golden.response, request)
    assert isinstance(verdict, Words), verdict
    return Block(request.function, request.address, verdict.words)


@pytest.mark.parametrize(("name", "golden"), GOLDENS)
def test_a_golden_frame_passes_every_check_of_the_driver(name: str, golden: Golden) -> None:
    meter = model.load(name)
    if meter.is_dlt645:
        read = the_read(golden, meter)
        assert golden.request == codec.encode_read(read.meter, read.data_id)
        assert len(the_block(golden, meter).words) == read.count
        return
    assert golden.request[-2:] == crc16(golden.request[:-2]), name
    assert len(the_block(golden, meter).words) == 2 * the_request(golden).count


@pytest.mark.parametrize(("name", "golden"), GOLDENS)
def test_a_golden_frame_decodes_to_exactly_the_readings_it_names(name: str, golden: Golden) -> None:
    meter = model.load(name)
    values = meter.decode([the_block(golden, meter)], golden.ct_ratio, golden.pt_ratio)
    assert values.keys() == golden.expect.keys()
    for point, expected in golden.expect.items():
        if meter.point(point).type is RegisterType.F32:
            assert values[point] == pytest.approx(expected, rel=FLOAT32_DIGITS), point
        else:
            assert values[point] == expected, point


@pytest.mark.parametrize(("name", "golden"), GOLDENS)
def test_the_simulator_answers_the_same_registers_as_the_golden_frame(name: str, golden: Golden) -> None:
    meter = model.load(name)
    block = the_block(golden, meter)
    values = meter.decode([block], golden.ct_ratio, golden.pt_ratio)
    exponents = {
        point.name: point.decode(words)
        for point in meter.points
        if point.quantity is Quantity.SCALE and (words := point.cut(block))
    }
    known = {name: exponent for name, exponent in exponents.items() if exponent is not None}
    image = meter.encode(values | known, golden.ct_ratio, golden.pt_ratio)
    for (function, address), register in image.items():
        held = block.words if meter.is_dlt645 else cut(block, function, address, 1)
        assert held == register, f"{function}:{address:#06x}"


def cut(block: Block, function: int, address: int, count: int) -> bytes:
    start = 2 * (address - block.address)
    return block.words[start : start + 2 * count] if function == block.function and start >= 0 else b""


def test_every_shipped_model_has_its_proof_and_says_where_it_comes_from(shipped: Model) -> None:
    assert shipped.goldens
    assert all(golden.source for golden in shipped.goldens)
    assert shipped.provenance
    assert shipped.maker
    for text in (shipped.title_zh, shipped.provenance_zh):
        assert any("\u4e00" <= character <= "\u9fff" for character in text), "it is told in Chinese, too"


@pytest.mark.parametrize("shipped", METERS, indirect=True)
def test_the_active_power_and_the_import_counter_of_every_meter_are_proven(shipped: Model) -> None:
    proven = set().union(*(golden.expect for golden in shipped.goldens))
    assert {"active_power", "active_energy_import"} <= proven


def test_every_point_of_a_model_lies_in_a_golden_frame(shipped: Model) -> None:
    blocks = [the_block(golden, shipped) for golden in shipped.goldens]
    shown = {point.name for point in shipped.points if any(point.cut(block) is not None for block in blocks)}
    assert {point.name for point in shipped.points} == shown


def test_the_file_is_called_like_the_model(shipped: Model) -> None:
    assert shipped is model.load(shipped.name)


@pytest.mark.parametrize(("name", "kind"), WANTED_BY_ISSUE_2.items())
def test_the_models_of_the_main_job_are_there_with_their_peculiar_types(
    name: str, kind: RegisterType
) -> None:
    assert kind in {point.type for point in model.load(name).points}


def test_a_table_makes_the_same_decoder_for_whoever_receives_it(shipped: Model) -> None:
    received = Model.from_table(shipped.table())
    assert received.hash == shipped.hash
    for golden in shipped.goldens:
        block = the_block(golden, shipped)
        mine = shipped.decode([block], golden.ct_ratio, golden.pt_ratio)
        assert received.decode([block], golden.ct_ratio, golden.pt_ratio) == mine


def test_no_two_models_have_the_same_hash() -> None:
    assert len({model.load(name).hash for name in model.names()}) == len(model.names())


@pytest.mark.parametrize("gap", [GAP_REGISTERS_RTU, GAP_REGISTERS_TCP])
@pytest.mark.parametrize("group", list(PollGroup))
def test_every_group_of_every_model_can_be_planned(shipped: Model, group: PollGroup, gap: int) -> None:
    points = shipped.group(group)
    spans = plan(points, registers_max=shipped.request_registers_max, gap_registers_max=gap)
    for point in points:
        assert any(
            point.cut(Block(span.function, span.address, bytes(span.count * (1 if point.size_bytes else 2))))
            for span in spans
        ), point.name


@pytest.mark.parametrize(
    "shipped", [name for name in METERS if not model.load(name).is_dlt645], indirect=True
)
def test_voltage_current_and_power_of_every_modbus_model_come_from_one_read(shipped: Model) -> None:
    points = shipped.group(PollGroup.FAST)
    spans = plan(points, registers_max=shipped.request_registers_max, gap_registers_max=GAP_REGISTERS_RTU)
    rests = {Quantity.VOLTAGE, Quantity.CURRENT, Quantity.ACTIVE_POWER}
    used = {
        span
        for span in spans
        for point in points
        if point.quantity in rests
        and span.address <= point.address < span.end
        and span.function == point.function
    }
    assert len(used) == 1


@pytest.mark.parametrize("shipped", ANALYSERS, indirect=True)
def test_all_that_an_analyser_measures_comes_from_one_read(shipped: Model) -> None:
    limit, barriers = shipped.request_registers_max, shipped.barriers
    points = [point for point in shipped.points if point.quantity in EMISSIONS]
    assert {point.group for point in points} == {PollGroup.FAST}
    assert len(plan(points, registers_max=limit, gap_registers_max=GAP_REGISTERS_RTU, barriers=barriers)) == 1


def test_the_templates_of_analysers_have_all_that_is_to_be_measured() -> None:
    assert {"generic-cems", "generic-water"} <= set(ANALYSERS)
    assert {point.quantity for name in ANALYSERS for point in model.load(name).points} == EMISSIONS
