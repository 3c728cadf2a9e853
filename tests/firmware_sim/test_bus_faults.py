"""Faults of more than one frame: another master, pauses, repeats, floods, and an adapter pulled out."""

import select
import socket
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.clock import NS_PER_S, ScaledClock
from drivers.errors import DriverError
from drivers.link.verdict import Framing, Request, Words
from drivers.modbus.frame import encode_request, parse
from drivers.poll.bus import open_bus
from firmware_sim.bus_faults import FOREIGN_PAUSE_S, Outgoing, arrange_frames
from firmware_sim.faults import Strike
from firmware_sim.layout import FaultKind, FaultPlan
from firmware_sim.plant import Plant
from firmware_sim.plant_file import PlantError, to_layout
from firmware_sim.server import Server
from firmware_sim.server_bus import ModbusCore

READ = Request(2, 4, 0, 20)


def struck(what: FaultKind, *draws: float, **keys: float) -> Strike:
    return Strike(FaultPlan(what, "b2", "", 1.0, **keys), (*draws, *[0.5] * (7 - len(draws))))


def frames(out: Outgoing | None) -> list[tuple[bytes, float]]:
    """All frames with their pauses, in order."""
    return [] if out is None else [(out.frame, out.delay_s), *frames(out.then)]


@pytest.mark.parametrize(
    ("what", "draw", "keys", "expected", "pieces"),
    [
        (FaultKind.SILENCE, 0.5, {}, ["answer"], [6]),
        (FaultKind.DUPLICATE, 0.5, {"gap_s": 0.2}, ["answer", "answer"], [6]),
        (FaultKind.BYTE_GAP, 0.0, {"gap_s": 0.2}, ["answer"], [1, 5]),
        (FaultKind.BYTE_GAP, 0.99, {"gap_s": 0.2}, ["answer"], [5, 1]),
        (FaultKind.SLOW_LORIS, 0.5, {"gap_s": 0.2}, ["answer"], [1] * 6),
        (FaultKind.SECOND_MASTER, 0.1, {}, ["asked", "said", "answer"], [5]),
        (FaultKind.SECOND_MASTER, 0.5, {}, ["answer", "asked", "said"], [6]),
        (FaultKind.SECOND_MASTER, 0.9, {}, ["asked", "said"], [5]),
    ],
)
def test_what_comes_on_the_line(
    what: FaultKind, draw: float, keys: dict[str, float], expected: list[str], pieces: list[int]
) -> None:
    out = arrange_frames(Outgoing(b"answer", 0.1), struck(what, draw, **keys), lambda *_: (b"asked", b"said"))
    assert [frame.decode() for frame, _ in frames(out)] == expected
    assert [len(piece) for _, piece in out.pieces] == pieces
    assert [pause_s for pause_s, _ in out.pieces][1:] == [0.2] * (len(pieces) - 1)
    assert out.delay_s == 0.1
    assert b"".join(piece for _, piece in out.pieces) == out.frame


def test_a_flood_has_its_length_and_is_another_each_time() -> None:
    floods = [
        arrange_frames(Outgoing(b"answer", 0.1), struck(FaultKind.FLOOD, draw, bytes=5000)).frame
        for draw in (0.1, 0.2)
    ]
    assert [len(flood) for flood in floods] == [5000, 5000]
    assert floods[0] != floods[1]


def script(what: str, place: str = 'bus = "b2"', **keys: float) -> str:
    rows = [f'what = "{what}"', place, *(f"{key} = {value}" for key, value in keys.items())]
    return "\n[[fault]]\n" + "\n".join(rows) + "\n"


def test_another_master_reads_truly_what_the_meters_of_the_bus_have(
    plant: Callable[..., Plant], start_s: float
) -> None:
    works = plant(script("second_master"))
    core = ModbusCore(next(plan for plan in works.layout.buses if plan.id == "b2"), works)
    kinds = set()
    for _ in range(60):
        (asked,) = core.stream().feed(encode_request(Framing.RTU, READ))
        expected = frames(core.handle(asked, start_s))
        ours = [frame for frame, _ in expected if isinstance(parse(Framing.RTU, frame, READ), Words)]
        kinds.add((len(expected), len(ours)))
        others = [frame for frame, _ in expected if frame not in ours]
        assert len(others) == 2
        (foreign,) = core.stream().feed(others[0])
        answer = Request(foreign.unit_id, foreign.function, foreign.address, foreign.count)
        assert isinstance(parse(Framing.RTU, others[1], answer), Words)
        assert all(pause_s == FOREIGN_PAUSE_S for _, pause_s in expected[1:])
    assert kinds == {(3, 1), (2, 0)}


@pytest.fixture
def serve(
    plant: Callable[..., Plant], still: Callable[[float], object], start_s: float
) -> Iterator[Callable]:
    servers: list[Server] = []

    def start(more: str) -> Server:
        servers.append(Server(plant(more), still(start_s)))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def parts_of(url: str, request: bytes, count: int) -> list[tuple[float, bytes]]:
    """What comes from a TCP bus, piece by piece, each with its time."""
    host, port = url.split("://")[1].split(":")
    pieces = []
    with socket.create_connection((host, int(port)), timeout=10) as peer:
        peer.sendall(request)
        while sum(len(piece) for _, piece in pieces) < count and select.select([peer], [], [], 5)[0]:
            pieces.append((time.monotonic(), peer.recv(65_536)))
    return pieces


ON_TCP = Request(1, 4, 0, 2)
WHOLE = 13
"""Bytes of its answer on TCP."""


@pytest.mark.parametrize(
    ("more", "count", "pieces"),
    [
        (script("byte_gap", 'bus = "b1"', gap_s=0.05), WHOLE, 2),
        (script("slow_loris", 'bus = "b1"', gap_s=0.02), WHOLE, WHOLE),
        (script("duplicate", 'bus = "b1"', gap_s=0.05), 2 * WHOLE, 2),
    ],
)
def test_the_pauses_are_on_the_wire(serve: Callable, more: str, count: int, pieces: int) -> None:
    got = parts_of(serve(more).urls["b1"], encode_request(Framing.TCP, ON_TCP, 9), count)
    data = b"".join(piece for _, piece in got)
    assert len(data) == count
    assert isinstance(parse(Framing.TCP, data[:WHOLE], ON_TCP, 9), Words)
    assert data == data[:WHOLE] * (count // WHOLE)
    assert 2 <= len(got) <= pieces  # a busy machine may read two at once


def test_a_flood_over_tcp_comes_in_full(serve: Callable) -> None:
    more = script("flood", 'bus = "b1"', bytes=300_000)
    got = parts_of(serve(more).urls["b1"], encode_request(Framing.TCP, ON_TCP, 9), 300_000)
    assert sum(len(piece) for _, piece in got) == 300_000


@pytest.mark.parametrize("what", ["second_master", "duplicate", "byte_gap", "slow_loris", "flood"])
def test_our_driver_takes_no_wrong_value_and_goes_on(serve: Callable, what: str, start_s: float) -> None:
    bus_id, request = ("b2", READ) if what != "flood" else ("b1", ON_TCP)
    keys = {"gap_s": 0.003} if what in {"slow_loris", "byte_gap", "duplicate"} else {}
    more = script(what, f'bus = "{bus_id}"', share=0.3, **keys)
    url = serve(more).urls[bus_id]
    healthy = serve("").urls[bus_id]
    clock = ScaledClock(1.0, int(start_s * NS_PER_S))
    with_faults, without = open_bus(url, clock), open_bus(healthy, clock)
    place = (request.unit_id, request.function, request.address, request.count)
    wanted = without.read(*place, timeout_s=2).words
    good = 0
    for _ in range(15):
        try:
            assert with_faults.read(*place, timeout_s=0.3).words == wanted
        except DriverError:
            continue
        good += 1
    with_faults.close()
    without.close()
    assert good >= 2


def test_an_adapter_that_is_pulled_out_is_gone_and_comes_back(
    text: str, start_s: float, tmp_path: Path
) -> None:
    link = tmp_path / "adapter"
    events = "".join(
        f'\n[[event]]\nwhat = "unplugged"\nbus = "{bus}"\nat = 0.6\nduration_s = 1\n' for bus in ("b1", "b2")
    )
    works = Plant(to_layout(tomllib.loads(text.replace('parity = "E"', f'link = "{link}"') + events)))
    with Server(works, ScaledClock(1.0, int(start_s * NS_PER_S))) as server:
        host, port = server.urls["b1"].split("://")[1].split(":")
        place = (host, int(port))
        with socket.create_connection(place, timeout=10) as peer:
            assert peer.recv(1) == b"", "the connection is cut"
        until(lambda: not link.is_symlink())
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(place, timeout=10)
        until(link.is_symlink)
        until(lambda: answers(place))
        assert link.exists()
    assert not link.is_symlink()


def answers(place: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(place, timeout=10) as peer:
            peer.sendall(encode_request(Framing.TCP, ON_TCP, 3))
            return isinstance(parse(Framing.TCP, peer.recv(99), ON_TCP, 3), Words)
    except ConnectionError:
        return False


def until(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (
            script("second_master", 'bus = "b1"'),
            "fault[0].what: second_master is for Modbus",
        ),
        (script("flood"), "fault[0].what: flood is for TCP; on the terminal of bus 'b2' take babble"),
        (script("silence", gap_s=1), "fault[0].gap_s: unknown key"),
        (script("flood", 'bus = "b1"', bytes=0), "fault[0].bytes: must be a whole number from 1"),
    ],
)
def test_a_fault_on_a_bus_that_cannot_have_it_is_told(text: str, more: str, problem: str) -> None:
    with pytest.raises(PlantError) as caught:
        to_layout(tomllib.loads(text + more))
    assert any(line.startswith(problem) for line in caught.value.problems), caught.value.problems
