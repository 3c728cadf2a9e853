"""What is peculiar about buses and meters: the core on paper, the ports over real sockets and terminals."""

import contextlib
import os
import re
import socket
import struct
import termios
import time
import tomllib
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import Clock
from firmware_sim.bus_faults import Outgoing
from firmware_sim.device import Device
from firmware_sim.dlt645_bus import Dlt645Core
from firmware_sim.dlt645_frames import Dlt645Stream
from firmware_sim.layout import Layout
from firmware_sim.plant import Plant
from firmware_sim.plant_file import PlantError, to_layout
from firmware_sim.quirks import Overflow, QuirkKind, QuirkPlan, garble
from firmware_sim.serial_line import SerialLine, Turn
from firmware_sim.server import Server
from firmware_sim.server_bus import ModbusCore
from firmware_sim.server_frames import ServerRequest
from tests.firmware_sim.conftest import PLANT, START_S, StillClock

DLT645 = """
[plant]
start = 2026-03-02T07:30:00+08:00
seed = 7
[[bus]]
id = "d1"
kind = "rtu+tcp"
protocol = "dlt645"
[[line]]
id = "p1"
kind = "production"
rated_w = 60000
profile = { shape = "continuous", level = 0.7 }
[[meter]]
id = "e1"
model = "dlt645-2007-3p"
bus = "d1"
address = "000000000001"
line = "p1"
"""
READ = bytes.fromhex("04 0034 0002")
PATIENCE_S = 10.0
GATEWAY = '[[quirk]]\nwhat = "gateway"\nbus = "b1"\nwaits_s = 0.1\n'


@pytest.mark.parametrize(
    ("quirk", "problem"),
    [
        ('what = "gateways"\nbus = "b1"', "quirk[0].what: must be one of "),
        ('what = "gateway"', "quirk[0].bus: missing"),
        (
            'what = "gateway"\nbus = "b2"',
            "quirk[0].what: gateway is for a bus over TCP, not for the terminal",
        ),
        ('what = "gateway"\nbus = "b1"\nwait_s = 3', "quirk[0].wait_s: unknown key, did you mean waits_s?"),
        ('what = "gateway"\nbus = "b1"\nwaits_s = 0', "quirk[0].waits_s: must be "),
        ('what = "gateway"\nmeter = "m1"\nbus = "b1"', "quirk[0].meter: unknown key"),
        ('what = "hang_up"\nbus = "b1"', "quirk[0].after: missing: hang_up needs it or idle_s"),
        ('what = "hang_up"\nbus = "b1"\nidle_s = 4\ncut = true', "quirk[0].cut: needs after"),
        (
            'what = "transaction_id"\nbus = "b3"',
            "quirk[0].what: RTU frames on bus 'b3' have no transaction id",
        ),
        ('what = "strict_serial"\nbus = "b1"', "quirk[0].what: strict_serial is for a terminal (pty)"),
        ('what = "missing"\nbus = "b1"', "quirk[0].meter: missing"),
        ('what = "missing"\nmeter = "m1"\npoints = ["x"]', "quirk[0].points: must be an array of "),
        (
            'what = "missing"\nmeter = "m1"\ncode = 5',
            "quirk[0].code: must be a whole number from 0 to 4, not 5",
        ),
        (
            'what = "no_blocks"\nmeter = "m1"',
            "quirk[0].what: no_blocks is for DL/T 645; eastron-sdm630 speaks",
        ),
        ('what = "pause"\nmeter = "m9"', "quirk[0].meter: unknown meter 'm9'; known: m1, m2, m3"),
    ],
)
def test_a_mistake_in_a_quirk_is_told_with_its_place(quirk: str, problem: str) -> None:
    with pytest.raises(PlantError) as caught:
        to_layout(tomllib.loads(f"{PLANT}\n[[quirk]]\n{quirk}\n"))
    assert any(one.startswith(problem) for one in caught.value.problems), caught.value.problems


def test_a_quirk_is_given_once(layout: Callable[..., Layout]) -> None:
    with pytest.raises(PlantError, match=r"quirk\[1\].what: gateway of 'b1' is given twice"):
        layout(GATEWAY + GATEWAY)


@pytest.mark.parametrize(("bus", "unit", "fits"), [("b1", 0, True), ("b1", 255, True), ("b3", 255, False)])
def test_units_0_and_255_are_for_tcp(bus: str, unit: int, fits: bool) -> None:
    text = PLANT.replace('bus = "b3"\nunit_id = 3', f'bus = "{bus}"\nunit_id = {unit}')
    with contextlib.nullcontext() if fits else pytest.raises(PlantError, match="unit_id"):
        assert to_layout(tomllib.loads(text)).meters[2].unit_id == unit


@given(
    st.integers(0, 3),
    st.sampled_from(Overflow),
    st.lists(st.booleans(), max_size=40),
)
def test_a_gateway_has_one_request_under_way_and_never_more_in_its_queue(
    queue: int, overflow: Overflow, steps: list[bool]
) -> None:
    """Steps are a request that comes in, or an end of the one under way; a list says what should be there."""
    line: SerialLine[int] = SerialLine(QuirkPlan(QuirkKind.GATEWAY, "b1", queue=queue, overflow=overflow))
    under_way: int | None = None
    waiting: list[int] = []
    for number, comes in enumerate(steps):
        if not comes:
            if under_way is not None:
                under_way = line.finish()
                assert under_way == (waiting.pop(0) if waiting else None)
            continue
        turn = line.offer(number)
        if under_way is None:
            assert turn is Turn.NOW
            under_way = number
        elif len(waiting) < queue:
            assert turn is Turn.WAITS
            waiting.append(number)
        elif overflow is Overflow.EXCEPTION_6:
            assert turn is Turn.REFUSED
        elif overflow is Overflow.DROP_OLDEST and queue:
            assert turn is Turn.WAITS
            waiting = [*waiting[1:], number]
        else:
            assert turn is Turn.DROPPED


@pytest.fixture
def device(plant: Callable[..., Plant]) -> Callable[[str], Device]:
    def make(more: str) -> Device:
        works = plant(more)
        return Device(works.meter("m1"), works)

    return make


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4])
@pytest.mark.parametrize(
    ("address", "count", "refused"),
    [
        (0x3E, 2, True),
        (0x34, 12, True),
        (0x3F, 1, True),
        (0x34, 10, False),
        (0x46, 2, False),
    ],
)
def test_reads_that_touch_a_missing_point_are_refused(
    device: Callable[[str], Device], code: int, address: int, count: int, refused: bool
) -> None:
    quirk = f'[[quirk]]\nwhat = "missing"\nmeter = "m1"\npoints = ["power_factor"]\ncode = {code}\n'
    said = device(quirk).answer(4, address, count, START_S)
    assert (said == code) is refused


@pytest.mark.parametrize("code", [0, 2])
def test_reads_over_a_hole_are_refused_or_silent(device: Callable[[str], Device], code: int) -> None:
    holes = device(f'[[quirk]]\nwhat = "missing"\nmeter = "m1"\ncode = {code}\n')
    assert holes.answer(4, 0x34, 12, START_S) == code
    assert isinstance(holes.answer(4, 0x34, 2, START_S), bytes)
    assert isinstance(device("").answer(4, 0x34, 12, START_S), bytes)


def test_long_reads_are_refused(device: Callable[[str], Device]) -> None:
    short = device('[[quirk]]\nwhat = "block_max"\nmeter = "m1"\nregisters = 4\ncode = 3\n')
    assert short.answer(4, 0, 5, START_S) == 3
    assert isinstance(short.answer(4, 0, 4, START_S), bytes)


def counter(device: Device, t_s: float) -> float:
    words = device.answer(4, 0x48, 2, t_s)
    assert isinstance(words, bytes)
    return float(struct.unpack(">f", words)[0])


@pytest.mark.parametrize("shows", ["zero", "garbage"])
def test_the_counters_of_a_restarted_meter_settle_to_what_they_were(
    device: Callable[[str], Device], plant: Callable[..., Plant], shows: str
) -> None:
    event = '[[event]]\nwhat = "meter_restarted"\nmeter = "m1"\nat = 100\nduration_s = 10\nsettles_s = 20\n'
    event += f'shows = "{shows}"\n'
    works = plant(event)
    assert [works.is_silent("m1", START_S + at) for at in (99, 100, 109, 110)] == [False, True, True, False]
    meter, usual = device(event), device("")
    assert counter(meter, START_S + 99) == counter(usual, START_S + 99) > 0
    unsettled = [counter(meter, START_S + at) for at in (110, 120, 129)]
    assert unsettled == [0, 0, 0] or shows == "garbage"
    assert all(one < 0.999 * counter(usual, START_S + 110) for one in unsettled)
    assert counter(meter, START_S + 130) == counter(usual, START_S + 130)
    power = [one.answer(4, 0x34, 2, START_S + 120) for one in (meter, usual)]
    assert power[0] == power[1]


def core_of(works: Plant, bus: str) -> ModbusCore:
    return ModbusCore(next(one for one in works.layout.buses if one.id == bus), works)


def answers(core: ModbusCore, unit: int, *at_s: float) -> list[bool]:
    return [core.handle(ServerRequest(unit, 1, 4, 0, 2, length=8), START_S + at) is not None for at in at_s]


def test_a_meter_is_deaf_after_its_own_answer(plant: Callable[..., Plant]) -> None:
    core = core_of(plant('[[quirk]]\nwhat = "pause"\nmeter = "m1"\npause_s = 0.5\n'), "b1")
    assert answers(core, 1, 0.0, 0.3, 0.6, 0.7) == [True, False, True, False]


def test_a_bus_is_deaf_after_any_answer(text: str) -> None:
    more = '[[quirk]]\nwhat = "pause"\nbus = "b1"\npause_s = 0.5\n'
    works = Plant(to_layout(tomllib.loads(text.replace('bus = "b3"', 'bus = "b1"') + more)))
    core = core_of(works, "b1")
    said = [*answers(core, 1, 0.0), *answers(core, 3, 0.3, 0.6), *answers(core, 1, 0.7)]
    assert said == [True, False, True, False]


@pytest.mark.parametrize(
    ("sends", "ids"),
    [
        ("zero", [0, 0]),
        ("plus_one", [0x1235, 0x1236]),
        ("swapped", [0x3412, 0x3512]),
        ("constant", [0x4D42, 0x4D42]),
        ("previous", [0, 0x1234]),
    ],
)
def test_a_converter_does_not_repeat_the_transaction_id(
    plant: Callable[..., Plant], sends: str, ids: list[int]
) -> None:
    core = core_of(plant(f'[[quirk]]\nwhat = "transaction_id"\nbus = "b1"\nsends = "{sends}"\n'), "b1")
    said = [core.handle(ServerRequest(1, number, 4, 0, 2, length=12), START_S) for number in (0x1234, 0x1235)]
    assert [int.from_bytes(out.frame[:2], "big") for out in said if out is not None] == ids


def dlt645(more: str, *data_ids: int) -> list[str]:
    """ "data", "error" or "silence" for each data id."""
    works = Plant(to_layout(tomllib.loads(DLT645 + more)))
    core, said = Dlt645Core(works.layout.buses[0], works), []
    for data_id in data_ids:
        body = bytes.fromhex("68 010000000000 68 11 04")
        body += bytes((byte + 0x33) % 256 for byte in data_id.to_bytes(4, "little"))
        (request,) = Dlt645Stream().feed(body + bytes((sum(body) % 256, 0x16)))
        out: Outgoing | None = core.handle(request, START_S)
        frame = b"" if out is None else out.frame.lstrip(b"\xfe")
        said.append({0x91: "data", 0xD1: "error"}[frame[8]] if frame else "silence")
    return said


def test_a_dlt645_meter_without_blocks_still_has_their_items() -> None:
    ids = (0x0201FF00, 0x02010100, 0x0203FF00, 0x02030000)
    assert dlt645("", *ids) == ["data"] * 4
    assert dlt645('[[quirk]]\nwhat = "no_blocks"\nmeter = "e1"\n', *ids) == ["error", "data", "error", "data"]


def test_a_dlt645_meter_lacks_an_item_and_the_block_around_it() -> None:
    quirk = '[[quirk]]\nwhat = "missing"\nmeter = "e1"\ncode = 0\npoints = ["frequency"]\n'
    assert dlt645(quirk, 0x02800002, 0x0201FF00) == ["silence", "data"]
    assert dlt645('[[quirk]]\nwhat = "missing"\nmeter = "e1"\ncode = 0\n', 0x02990000) == ["silence"]


@pytest.fixture
def serve(plant: Callable[..., Plant]) -> Iterator[Callable[[str], Server]]:
    servers: list[Server] = []

    def run(more: str, clock: Clock | None = None) -> Server:
        servers.append(Server(plant(more), clock or StillClock(START_S)))
        servers[-1].start()
        return servers[-1]

    yield run
    for server in servers:
        server.stop()


def request(number: int, unit: int = 1) -> bytes:
    return struct.pack(">HHHB", number, 0, len(READ) + 1, unit) + READ


def connect(server: Server) -> socket.socket:
    parts = urlsplit(server.urls["b1"])
    assert parts.hostname is not None
    return socket.create_connection((parts.hostname, parts.port or 0), PATIENCE_S)


def receive(plug: socket.socket) -> bytes:
    """One frame; less at the end of the stream."""
    head = plug.recv(6, socket.MSG_WAITALL)
    return head if len(head) < 6 else head + plug.recv(int.from_bytes(head[4:], "big"), socket.MSG_WAITALL)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("absent", "said"), [("exception_11", "840b"), ("exception_10", "840a"), ("silence", ""), ("hang_up", "")]
)
def test_a_gateway_answers_in_turn_and_speaks_for_who_is_absent(
    serve: Callable[[str], Server], absent: str, said: str
) -> None:
    server = serve(f'{GATEWAY}absent = "{absent}"\n')
    with connect(server) as plug:
        plug.sendall(request(1, unit=9) + request(2) + request(3))
        frames = [receive(plug) for _ in range(3 if said else 1 if absent == "hang_up" else 2)]
    if absent == "hang_up":
        assert frames == [b""]
        return
    assert [frame[1] for frame in frames] == ([1, 2, 3] if said else [2, 3])
    assert frames[0][7:].hex() == said or not said


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("overflow", "seen"),
    [
        ("drop_newest", [(1, 4), (2, 4)]),
        ("drop_oldest", [(1, 4), (4, 4)]),
        ("exception_6", [(3, 0x84), (4, 0x84), (1, 4), (2, 4)]),
    ],
)
def test_a_gateway_has_no_room_for_more_than_its_queue(
    serve: Callable[[str], Server], overflow: str, seen: list[tuple[int, int]]
) -> None:
    server = serve(f'{GATEWAY}queue = 1\noverflow = "{overflow}"\n')
    with connect(server) as plug:
        plug.sendall(b"".join(request(number) for number in (1, 2, 3, 4)))
        frames = [receive(plug) for _ in seen]
        plug.settimeout(0.2)
        with pytest.raises(TimeoutError):
            plug.recv(1)
    assert [(frame[1], frame[7]) for frame in frames] == seen


@pytest.mark.e2e
@pytest.mark.parametrize("by", ["fin", "rst"])
@pytest.mark.parametrize("habit", ["after = 1", "idle_s = 0.2"])
def test_a_bus_hangs_up(serve: Callable[[str], Server], by: str, habit: str) -> None:
    server = serve(f'[[quirk]]\nwhat = "hang_up"\nbus = "b1"\n{habit}\nby = "{by}"\n')
    with connect(server) as plug:
        if "after" in habit:
            plug.sendall(request(1))
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while data := plug.recv(99):
                got += data
            assert by == "fin"
        assert len(got) == (13 if "after" in habit and by == "fin" else len(got))
    with connect(server) as plug:
        plug.sendall(request(2))
        assert len(receive(plug)) == 13 or by == "rst"


@pytest.mark.e2e
def test_a_bus_hangs_up_in_the_middle_of_an_answer(serve: Callable[[str], Server]) -> None:
    server = serve('[[quirk]]\nwhat = "hang_up"\nbus = "b1"\nafter = 2\ncut = true\n')
    with connect(server) as plug:
        plug.sendall(request(1))
        assert len(receive(plug)) == 13
        plug.sendall(request(2))
        assert len(plug.recv(99, socket.MSG_WAITALL)) == 6


@pytest.mark.e2e
@pytest.mark.parametrize("extra", ["closed", "mute", "throws_out"])
def test_a_bus_has_room_for_few_clients(serve: Callable[[str], Server], extra: str) -> None:
    server = serve(f'[[quirk]]\nwhat = "few_clients"\nbus = "b1"\nextra = "{extra}"\n')
    with connect(server) as first:
        first.sendall(request(1))
        assert len(receive(first)) == 13
        with connect(server) as second:
            second.sendall(request(2))
            if extra == "throws_out":
                assert len(receive(second)) == 13
                assert is_over(first)
                return
            if extra == "closed":
                assert is_over(second)
            else:
                second.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    second.recv(1)
        first.sendall(request(3))
        assert len(receive(first)) == 13


def is_over(plug: socket.socket) -> bool:
    try:
        return plug.recv(99) == b""
    except ConnectionResetError:
        return True


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("speed", "stop_bits", "understood"),
    [(termios.B9600, 1, True), (termios.B19200, 1, False), (termios.B9600, 2, False)],
)
def test_a_strict_terminal_understands_only_its_own_baud_rate_and_stop_bits(
    serve: Callable[[str], Server], speed: int, stop_bits: int, understood: bool
) -> None:
    server = serve('[[quirk]]\nwhat = "strict_serial"\nbus = "b2"\n')
    end = os.open(urlsplit(server.urls["b2"]).path, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(end)
        state = termios.tcgetattr(end)
        state[2] = state[2] | termios.CSTOPB if stop_bits == 2 else state[2] & ~termios.CSTOPB
        state[4] = state[5] = speed
        termios.tcsetattr(end, termios.TCSANOW, state)
        os.set_blocking(end, False)
        os.write(end, bytes.fromhex("02 04 0034 0002 3036"))
        got, until_s = b"", time.monotonic() + (PATIENCE_S if understood else 0.3)
        while len(got) < 9 and time.monotonic() < until_s:
            with contextlib.suppress(BlockingIOError):
                got += os.read(end, 99)
            time.sleep(0.01)
    finally:
        os.close(end)
    assert (len(got) == 9) is understood
    assert got[:3] == b"\x02\x04\x04" or not understood


@given(st.binary(min_size=4, max_size=40))
def test_what_is_garbled_is_other_bytes_and_fewer(data: bytes) -> None:
    assert len(garble(data)) == (len(data) + 1) // 2
    assert garble(data) == garble(data)


PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"
WORLDS = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: re.findall(r'what = "(\w+)"', world)[0])
def test_every_world_of_the_page_is_a_plant(layout: Callable[..., Layout], world: str) -> None:
    assert layout(world).meters


def test_the_page_names_every_quirk() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [what for what in QuirkKind if what not in text] == []
