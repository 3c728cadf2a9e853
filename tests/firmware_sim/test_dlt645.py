"""The simulator's DL/T 645 meters, asked with bytes as any reader would; nothing of the driver helps here."""

import tomllib
from collections.abc import Callable

import pytest

from drivers.clock import NS_PER_S, ScaledClock
from drivers.dlt645 import codec
from drivers.errors import DriverError
from drivers.link.ledger import Ledger
from drivers.points.model import Golden, load
from drivers.poll.bus import open_bus
from firmware_sim.device import Device
from firmware_sim.dlt645_bus import Dlt645Core
from firmware_sim.dlt645_frames import STREAM_BYTES_MAX, Dlt645Stream, answer_frame
from firmware_sim.plant import Plant
from firmware_sim.plant_file import PlantError, to_layout
from firmware_sim.server import Server
from tests.drivers.frames import encode_answer, encode_refusal

ADDRESS = "123456789012"
PLANT = """
[plant]
start = 2026-03-02T08:30:00+08:00
seed = 3
[[bus]]
id = "b1"
kind = "pty"
protocol = "dlt645"
[[bus]]
id = "b2"
kind = "tcp"
protocol = "dlt645"
[[bus]]
id = "b3"
kind = "tcp"
[[line]]
id = "p1"
kind = "production"
rated_w = 60000
profile = { shape = "continuous", level = 0.7 }
[[meter]]
id = "m1"
model = "dlt645-2007-3p"
bus = "b1"
address = "123456789012"
line = "p1"
ct_ratio = 20
[[meter]]
id = "m2"
model = "dlt645-2007-1p"
bus = "b2"
address = "000000000001"
line = "p1"
[[meter]]
id = "m3"
model = "dlt645-2007-1p"
bus = "b2"
address = "000000000002"
line = "p1"
"""
IMPORT = bytes.fromhex("FE FE FE FE 68 12 90 78 56 34 12 68 11 04 33 33 34 33 68 16")
"""The worked example of the standard: the import energy of meter 123456789012."""


def plant(more: str = "") -> Plant:
    return Plant(to_layout(tomllib.loads(PLANT + more)))


def core(bus: str = "b1", more: str = "") -> Dlt645Core:
    works = plant(more)
    return Dlt645Core(next(plan for plan in works.layout.buses if plan.id == bus), works)


def request(address: str, control: int, data: bytes = b"") -> bytes:
    body = b"\x68" + bytes.fromhex(address)[::-1] + b"\x68" + bytes((control, len(data)))
    body += bytes((byte + 0x33) % 256 for byte in data)
    return body + bytes((sum(body) % 256, 0x16))


def asked(line: Dlt645Core, frame: bytes) -> bytes:
    (one,) = line.stream().feed(frame)
    outgoing = line.handle(one, line.plant.start_s)
    return b"" if outgoing is None else outgoing.frame


def test_the_worked_example_of_the_standard_is_understood_and_answered() -> None:
    answer = asked(core(), IMPORT)
    assert answer.startswith(bytes.fromhex("FE FE FE FE 68 12 90 78 56 34 12 68 91 08 33 33 34 33"))
    body = answer[4:-2]
    assert answer[-2:] == bytes((sum(body) % 256, 0x16))
    digits = bytes((byte - 0x33) % 256 for byte in body[14:])[::-1].hex()
    assert digits.isdecimal()
    assert len(digits) == 8


def test_the_address_is_told_to_whoever_asks_with_the_wildcard() -> None:
    sent = asked(core(), request("AA" * 6, 0x13))
    assert sent == bytes.fromhex("FE FE FE FE 68 12 90 78 56 34 12 68 93 06 45 C3 AB 89 67 45 07 16")


@pytest.mark.parametrize(
    ("frame", "end"),
    [
        (request(ADDRESS, 0x11, bytes.fromhex("00 00 99 04")), "D1 01 35"),  # no such data
        (request(ADDRESS, 0x14, bytes(12)), "D4 01 34"),  # nothing is ever written
        (request(ADDRESS, 0x11, b"\0"), "D1 01 34"),
    ],
)
def test_what_a_meter_does_not_have_or_do_is_refused(frame: bytes, end: str) -> None:
    assert asked(core(), frame)[12:-2] == bytes.fromhex(end)


@pytest.mark.parametrize("address", ["123456789013", "AAAAAAAAAA13", "00AAAAAAAAAA"])
def test_who_is_not_meant_does_not_answer(address: str) -> None:
    assert asked(core(), request(address, 0x11, bytes(4))) == b""


def test_where_several_meters_fit_a_wildcard_nothing_whole_arrives() -> None:
    garbled = asked(core("b2"), request("AA" * 6, 0x11, bytes.fromhex("01 04 00 04")))
    read = codec.ReadId("A" * 12, 0x04000401, 6)
    assert garbled
    assert not isinstance(codec.parse(garbled, read), codec.Data)
    alone = asked(core("b2"), request("AAAAAAAAAA02", 0x11, bytes.fromhex("01 04 00 04")))
    assert isinstance(codec.parse(alone, read), codec.Data)


def test_a_stream_finds_requests_behind_noise_and_in_pieces_and_forgets_floods() -> None:
    stream = Dlt645Stream()
    assert [one.data_id for one in stream.feed(b"\x00\x68\x16" + IMPORT * 2)] == [0x00010000] * 2
    assert stream.feed(IMPORT[:9]) == []
    assert stream.pending
    assert len(stream.feed(IMPORT[9:])) == 1
    assert not stream.pending
    damaged = IMPORT[:-2] + b"\0\x16"
    assert [len(stream.feed(damaged)), len(stream.feed(IMPORT))] == [0, 1]
    stream.feed(b"\x68" * 5 * STREAM_BYTES_MAX)
    assert len(stream._buffer) == STREAM_BYTES_MAX
    stream.clear()
    assert not stream.pending


@pytest.mark.parametrize("golden", load("dlt645-2007-3p").goldens)
def test_both_sides_make_the_frames_of_the_model_s_goldens(golden: Golden) -> None:
    (one,) = Dlt645Stream().feed(golden.request)
    body = golden.response[4:]
    data = bytes((byte - 0x33) % 256 for byte in body[10:-2])
    assert answer_frame(one.address, one.control, data) == golden.response
    assert encode_answer(ADDRESS, one.data_id, data[4:]) == body
    assert encode_refusal(ADDRESS, 2) == answer_frame(ADDRESS, 0x11, flags=2)[4:]


FAULT = """
[[fault]]
what = "{what}"
bus = "{bus}"
share = {share}
{more}
"""


@pytest.mark.parametrize(
    ("what", "more"),
    [
        ("late", "delay_s = 0.1\ndelay_max_s = 0.3"),
        ("silence", ""),
        ("exception", "code = 2"),
        ("wrong_unit", ""),
        ("wrong_function", ""),
        ("wrong_count", ""),
        ("odd_bytes", ""),
        ("crc_noise", ""),
        ("babble", ""),
    ],
)
def test_no_fault_of_the_script_makes_a_value_that_the_meter_did_not_measure(what: str, more: str) -> None:
    works = plant(FAULT.format(what=what, bus="b2", share=0.5, more=more))
    clock = ScaledClock(1.0, int(works.start_s * NS_PER_S))
    meters = [meter for meter in works.layout.meters if meter.bus == "b2"]
    devices = {int(meter.address, 16): Device(meter, works) for meter in meters}
    model = load("dlt645-2007-1p")
    ids = sorted({point.address for point in model.points})
    answers = wrong = failed = 0
    with Server(works, clock) as server:
        bus = open_bus(server.urls["b2"], clock, Ledger(late_max_s=0.4, duplicate_max_s=0.01))
        for n in range(24):
            station, data_id = list(devices)[n % 2], ids[n // 2 % len(ids)]
            begin_s = clock.stamp().utc_ns / NS_PER_S
            try:
                words = bus.read(station, 17, data_id, model.answer_bytes(data_id), timeout_s=0.08).words
            except DriverError:
                failed += 1
                continue
            answers += 1
            moments = (begin_s, clock.stamp().utc_ns / NS_PER_S)
            wrong += words not in {devices[station].datum(data_id, at_s) for at_s in moments}
        bus.close()
    assert wrong == 0
    assert answers
    assert failed or what == "crc_noise"  # a third of that is noise in front, which costs nothing


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('address = "123456789012"', "", "meter[0].address: missing, a text"),
        ('address = "123456789012"', "unit_id = 7", "meter[0].unit_id: unknown key"),
        ('address = "123456789012"', 'address = "12"', "meter[0].address: must be 12 digits in quotes"),
        (
            'model = "dlt645-2007-3p"',
            'model = "eastron-sdm630"',
            "meter[0].model: eastron-sdm630 does not speak the protocol of bus 'b1'",
        ),
        ("000000000002", "000000000001", "meter[2].address: 000000000001 on bus 'b2' is taken by meter[1]"),
        ('protocol = "dlt645"', 'protocol = "dlt698"', "bus[0].protocol: must be one of modbus, dlt645"),
    ],
)
def test_a_mistake_in_a_plant_file_has_its_place(old: str, new: str, problem: str) -> None:
    with pytest.raises(PlantError) as raised:
        to_layout(tomllib.loads(PLANT.replace(old, new, 1)))
    assert any(line.startswith(problem) for line in raised.value.problems), raised.value.problems


def test_a_line_is_2400_8e1_and_its_url_is_what_the_driver_opens() -> None:
    works = plant()
    wire = works.layout.buses[0].wire
    assert wire is not None
    assert (wire.baudrate, wire.parity.value) == (2400, "E")
    with Server(works, ScaledClock(1.0, int(works.start_s * NS_PER_S))) as server:
        assert server.urls["b1"].startswith("dlt645:/dev/pts/")
        assert server.urls["b1"].endswith("?baudrate=2400&parity=N&stopbits=1")
        assert server.urls["b2"].startswith("dlt645+tcp://127.0.0.1:")
        assert server.urls["b3"].startswith("tcp://127.0.0.1:")


def test_a_meter_s_clock_is_that_of_the_plant() -> None:
    works = plant()
    device = Device(works.layout.meters[0], works)
    assert device.datum(0x04000101, works.start_s) == bytes.fromhex("01 02 03 26")  # Monday
    assert device.datum(0x04000102, works.start_s + 61) == bytes.fromhex("01 31 08")
    assert device.datum(0x02010000, works.start_s) is None


@pytest.mark.parametrize(
    ("data_id", "block", "start", "size"),
    [
        (0x02010100, 0x0201FF00, 0, 2),
        (0x02010300, 0x0201FF00, 4, 2),
        (0x02030000, 0x0203FF00, 0, 3),
        (0x02030200, 0x0203FF00, 6, 3),
        (0x02010400, 0x0201FF00, 0, 0),
        (0x02010000, 0x0201FF00, 0, 0),
        (0x02110100, 0x0201FF00, 0, 0),
    ],
)
def test_an_item_of_a_block_can_be_asked_for_alone(data_id: int, block: int, start: int, size: int) -> None:
    works = plant()
    device = Device(works.layout.meters[0], works)
    whole = device.datum(block, works.start_s)
    assert whole is not None
    assert (device.datum(data_id, works.start_s) or b"") == whole[start : start + size]


Ask = Callable[..., bytes]


def test_bytes_on_the_terminal_get_bytes_back(ask: Ask) -> None:
    works = plant()
    with Server(works, ScaledClock(20.0, int(works.start_s * NS_PER_S))) as server:
        path = server.urls["b1"].partition("?")[0].removeprefix("dlt645:")
        answer = ask(path, b"\xff\x00" + IMPORT, 24)
    assert answer[:4] == b"\xfe" * 4
    assert answer[4:14] == bytes.fromhex("68 12 90 78 56 34 12 68 91 08")
