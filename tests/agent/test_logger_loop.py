"""Data loggers that call over real sockets; the clock is the test's, so nothing depends on speed."""

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import define, evolve, field
from click.testing import CliRunner

from agent import logger_loop
from agent.acquire import BusTask
from agent.logger_keys import give_keys
from agent.logger_loop import SILENT_S, LoggerLoop
from agent.once import poll_once
from agent.readings import Readings
from agent.site.file import parse_site
from agent.site.setups import setups_of
from disk.tables import TableError
from drivers.clock import NS_PER_S, ClockState, Stamp, SystemClock
from drivers.errors import BusDownError, BusUrlError
from drivers.hj212.decoding import decode
from drivers.hj212.encoding import encode
from drivers.hj212.stream import Frame, Stream
from drivers.hj212.times import write_time
from drivers.link.bus_url import parse_url
from drivers.link.listener import PEERS_MAX
from drivers.points.model import load
from drivers.poll.bus import open_bus
from drivers.poll.logger_bus import SILENT, LoggerBus
from drivers.poll.meter import MeterSetup
from drivers.reading import PollGroup, Quality, Reading
from evidence.record import Kind, ReadingRecord, decode_record, encode_reading
from provisioning.cli import cli
from provisioning.terminal.exits import EXIT_USAGE
from tests.agent.rig import SITE
from tests.drivers.hj212.packets import KEY, MN
from tests.drivers.hj212.test_receiver import DATA, UTC_MS, of_region
from wire.platforms.credentials import Credentials, write_credentials

TURNS_MAX = 3000
"""Each waits up to 10 ms for bytes: far more than a loopback needs."""
SETUP = MeterSetup("cems", load("hj212-air"), address=MN)


@define
class HeldClock:
    """Stands still until the test moves it."""

    now_s: float = 1000.0

    def monotonic_s(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def real_s(self, seconds: float) -> float:
        return seconds

    def stamp(self) -> Stamp:
        passed_ns = round(self.now_s * NS_PER_S)
        return Stamp(UTC_MS * 1_000_000, passed_ns, bytes(16), ClockState.SYNCHRONISED)


@define
class Port:
    """A loop on a free port, and what it has handed on."""

    loop: LoggerLoop
    clock: HeldClock
    number: int
    readings: list[Reading] = field(factory=list)

    def until(self, is_done: Callable[[], bool]) -> None:
        for _ in range(TURNS_MAX):
            if is_done():
                return
            self.loop.turn()
        raise AssertionError("it does not come")

    @contextlib.contextmanager
    def call(self, host: str = "127.0.0.1") -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.number), 30, (host, 0)) as wire:
            wire.settimeout(30)
            yield wire

    def answer(self, wire: socket.socket, count: int = 1) -> list[str]:
        """The CN of the next answers."""
        wire.setblocking(False)
        stream, found = Stream(), list[str]()

        def has_come() -> bool:
            with contextlib.suppress(BlockingIOError):
                pieces = stream.feed(wire.recv(4096))
                found.extend(decode(one.raw).packet.cn for one in pieces if isinstance(one, Frame))
            return len(found) >= count

        self.until(has_come)
        return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture(autouse=True)
def _short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logger_loop, "WAIT_S", 0.01)


@pytest.fixture
def port() -> Iterator[Port]:
    number, clock = free_port(), HeldClock()
    bus = open_bus(f"hj212+listen://127.0.0.1:{number}", clock)
    assert isinstance(bus, LoggerBus)
    readings: list[Reading] = []
    made = Port(LoggerLoop(bus, [SETUP], clock, readings.append), clock, number, readings)
    made.loop.turn()
    yield made
    bus.close()


def test_a_packet_is_a_reading_before_it_is_answered_and_decodes_at_the_centre(port: Port) -> None:
    raw = encode(DATA)
    with port.call() as wire:
        wire.sendall(raw)
        assert port.answer(wire) == ["9014"]
    (reading,) = port.readings
    assert (reading.meter, reading.group, reading.quality) == ("cems", PollGroup.FAST, Quality.GOOD)
    record = decode_record(encode_reading(reading))
    assert isinstance(record, ReadingRecord)
    assert [block.words for block in record.blocks] == [raw]
    values = SETUP.model.decode(record.blocks)
    assert values == {"data_time": "20260302083000", "so2": 35.2, "so2_mark": "N"}


def test_minutes_are_the_slow_group_and_what_is_stale_is_sealed_and_never_the_latest(port: Port) -> None:
    minute = of_region("DataTime=20260302082000;a21026-Avg=1", "20260302083000003", cn="2051")
    later = of_region("DataTime=20260301082000;a21026-Rtd=1", "20260302083000004", is_backfill=True)
    with port.call() as wire:
        wire.sendall(encode(minute) + encode(later))
        port.answer(wire, 2)
    assert [(one.group, one.quality) for one in port.readings] == [
        (PollGroup.SLOW, Quality.GOOD),
        (PollGroup.FAST, Quality.STALE),
    ]
    source = Readings()
    kinds = [new.kind for one in port.readings for new in source.on_reading(one, b"")]
    assert kinds == [Kind.READING, Kind.READING]
    assert source.latest["cems"].keys() == {PollGroup.SLOW}


def test_a_flood_is_held_up_and_costs_a_logger_at_another_address_nothing(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger_loop, "BURST", 8.0)
    with port.call() as flood, port.call("127.0.0.2") as wire:
        flood.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                flood.send(b"##0100QN=" * 1000)
        port.until(lambda: port.loop.budget_left("127.0.0.1") < 1)
        left = port.loop.budget_left("127.0.0.1")
        wire.sendall(encode(DATA))
        assert port.answer(wire) == ["9014"]
        assert port.loop.budget_left("127.0.0.1") == left > -8
        assert len(port.loop.listener.peers) == 2
    assert len(port.readings) == 1


def test_a_logger_that_is_silent_is_told_once_and_once_a_minute(port: Port) -> None:
    for passed_s in (SILENT_S - 1, 1, 59, 1):
        port.clock.now_s += passed_s
        port.loop.turn()
    assert [(one.quality, one.reason) for one in port.readings] == [(Quality.BAD, SILENT)] * 2


def test_half_a_packet_is_given_up_when_the_line_is_quiet(port: Port) -> None:
    with port.call() as wire:
        wire.sendall(encode(DATA)[:70])
        port.until(lambda: bool(port.loop.listener.peers))
        for _ in range(3):
            port.loop.turn()
        port.clock.now_s += 11
        port.loop.turn()
        wire.sendall(encode(DATA))
        assert port.answer(wire) == ["9014"]
    assert len(port.readings) == 1


def test_more_callers_than_there_is_room_for_take_no_place_of_one_that_speaks(port: Port) -> None:
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(port.call()) for _ in range(PEERS_MAX)]
        port.until(lambda: len(port.loop.listener.peers) == PEERS_MAX)
        stack.enter_context(port.call())
        port.until(lambda: port.loop.listener.refused == 1)
        port.clock.now_s += 11
        wires[0].sendall(encode(DATA))
        assert port.answer(wires[0]) == ["9014"]
        stack.enter_context(port.call())
        for _ in range(5):
            port.loop.turn()
        assert len(port.loop.listener.peers) == PEERS_MAX
        again = evolve(DATA, qn="20260302083000009")
        wires[0].sendall(encode(again))
        assert port.answer(wires[0]) == ["9014"]


def test_a_port_that_is_taken_is_a_bus_that_is_down_and_then_back() -> None:
    clock, readings = HeldClock(), list[Reading]()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bus = LoggerBus(f"hj212+listen://127.0.0.1:{taken.getsockname()[1]}")
        loop = LoggerLoop(bus, [SETUP], clock, readings.append)
        assert loop.turn() > 0
        assert loop.turn() > 0
    assert [one.reason.partition(": ")[0] for one in readings] == ["bus down"]
    assert loop.turn() == 0
    bus.close()


@pytest.mark.parametrize("verb", ["read", "scan", "identify"])
def test_a_verb_that_would_ask_says_why_it_does_not(verb: str) -> None:
    more = {"scan": [], "identify": ["--unit", "1"], "read": ["--unit", "1", "--model", "hj212-air"]}[verb]
    ended = CliRunner().invoke(cli, [verb, "hj212+listen://127.0.0.1:9001", *more, "--lang", "en"])
    assert ended.exit_code == EXIT_USAGE
    assert "a data logger sends by itself and is not asked" in ended.output
    assert len(ended.output.splitlines()) == 1


def test_the_simulated_logger_with_its_flaws_is_taken_for_what_is_whole(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text('pw = "246810"\n')
    number, clock, readings = free_port(), SystemClock(), list[Reading]()
    bus = LoggerBus(f"hj212+listen://127.0.0.1:{number}")
    loop = LoggerLoop(bus, [SETUP], clock, readings.append)
    loop.turn()
    command = [sys.executable, "-m", "firmware_sim.main", "logger", f"127.0.0.1:{number}"]
    options = ["--credentials", str(secret), "--mn", MN, "--every", "0.05", "--count", "10", "--pieces", "50"]
    sent = subprocess.Popen([*command, *options, "--mark", "calibration", "--flaw", "crc"])
    while sent.poll() is None or loop.listener.peers:
        loop.turn()
    bus.close()
    values = [SETUP.model.decode(one.blocks) for one in readings]
    assert [one.quality for one in readings] == [Quality.GOOD] * 8
    assert {one["so2_mark"] for one in values} == {"C"}
    assert all(30 < float(one["so2"]) < 40 for one in values)
    assert bus.stats.crc_errors == 2


def test_a_simulated_logger_that_encrypts_is_read_with_the_key_of_its_credential_file(tmp_path: Path) -> None:
    secret = tmp_path / "cems.secret"
    write_credentials(secret, Credentials("246810", (KEY,)))
    number, readings = free_port(), list[Reading]()
    bus_url = f"hj212+listen://127.0.0.1:{number}"
    text = f'[[bus]]\nid = "b1"\nurl = "{bus_url}"\n[[meter]]\nid = "cems"\nbus = "b1"\nmodel = "hj212-air"\n'
    site = parse_site(f'{text}address = "{MN}"\ncredentials = "cems.secret"\n', tmp_path / "site.toml")
    setups = give_keys(site, setups_of(site))
    assert setups["cems"].model.hash == setups_of(site)["cems"].model.hash
    assert KEY.hex() not in repr(setups) + repr(site)
    bus = LoggerBus(bus_url)
    loop = LoggerLoop(bus, setups.values(), SystemClock(), readings.append)
    loop.turn()
    command = [sys.executable, "-m", "firmware_sim.main", "logger", f"127.0.0.1:{number}"]
    options = ["--credentials", str(secret), "--mn", MN, "--every", "0.05", "--count", "2"]
    sent = subprocess.Popen([*command, *options, "--cipher-form", "printed"])
    while sent.poll() is None or loop.listener.peers:
        loop.turn()
    bus.close()
    assert [one.quality for one in readings] == [Quality.GOOD] * 2
    assert all(30 < float(setups["cems"].model.decode(one.blocks)["so2"]) < 40 for one in readings)
    assert all(load("hj212-air").decode(one.blocks) == {} for one in readings)
    assert all(b"a21026" not in one.blocks[0].words for one in readings)


def test_a_credential_file_that_cannot_be_used_is_one_line_and_the_packets_stay_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = '[[bus]]\nid = "b1"\nurl = "hj212+listen://127.0.0.1:9001"\n'
    text += (
        f'[[meter]]\nid = "cems"\nbus = "b1"\nmodel = "hj212-air"\naddress = "{MN}"\ncredentials = "none"\n'
    )
    site = parse_site(text, tmp_path / "site.toml")
    assert give_keys(site, setups_of(site))["cems"].model.keys == ()
    assert [one.getMessage().count("cannot be read") for one in caplog.records] == [1]


def test_a_key_where_no_logger_calls_is_a_mistake_of_the_site_file(tmp_path: Path) -> None:
    text = SITE.replace('line = "p1"', 'line = "p1"\ncredentials = "x"', 1)
    with pytest.raises(TableError, match=r"meter\[0\]\.credentials: only a data logger"):
        parse_site(text, tmp_path / "site.toml")


def test_nobody_asks_a_logger() -> None:
    bus = open_bus("hj212+listen://127.0.0.1:9001", HeldClock())
    with pytest.raises(BusDownError, match="sends by itself"):
        bus.read(1, 3, 0, 1, timeout_s=1.0)


def test_only_addresses_are_listened_at_and_callers_may_be_named() -> None:
    listener = parse_url("hj212+listen://0.0.0.0:9001?from=10.0.0.7").listener
    assert listener is not None
    assert (listener.host, listener.port, listener.only) == ("0.0.0.0", 9001, "10.0.0.7")
    for url in (
        "hj212+listen://127.0.0.1",
        "hj212+listen://gateway:9001",
        "hj212+listen://127.0.0.1:9001?to=1",
    ):
        with pytest.raises(BusUrlError):
            parse_url(url)


def test_a_caller_that_is_not_the_named_one_is_hung_up_on() -> None:
    number, clock = free_port(), HeldClock()
    bus = LoggerBus(f"hj212+listen://127.0.0.1:{number}?from=127.0.0.9")
    made = Port(LoggerLoop(bus, [SETUP], clock, print), clock, number)
    made.loop.turn()
    with made.call():
        made.until(lambda: made.loop.listener.refused == 1)
    assert made.loop.listener.peers == []
    bus.close()


def test_the_thread_of_such_a_bus_takes_packets_and_ends() -> None:
    number, readings = free_port(), list[Reading]()
    task = BusTask(f"hj212+listen://127.0.0.1:{number}", [SETUP], SystemClock(), readings.append, "b1")
    task.start()
    with connect(number) as wire:
        wire.settimeout(30)
        wire.sendall(encode(DATA))
        assert decode(wire.recv(4096)).packet.cn == "9014"
    assert [one.meter for one in readings] == ["cems"]
    assert task.stop(30)


def connect(number: int) -> socket.socket:
    """To a port that is listened at soon."""
    for _ in range(TURNS_MAX):
        with contextlib.suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", number), 30)
        SystemClock().sleep(0.02)
    raise AssertionError("nobody listens")


def test_a_single_run_waits_until_each_logger_has_sent(tmp_path: Path) -> None:
    number, clock = free_port(), SystemClock()
    bus = f'[[bus]]\nid = "b1"\nurl = "hj212+listen://127.0.0.1:{number}"\n'
    meter = f'[[meter]]\nid = "cems"\nbus = "b1"\nmodel = "hj212-air"\naddress = "{MN}"\n'
    site = parse_site(bus + meter, tmp_path / "site.toml")
    sent = of_region(f"DataTime={write_time(clock.stamp().utc_ns // 1_000_000)};a21026-Rtd=1.5")
    found: list[Reading] = []
    run = threading.Thread(target=lambda: found.extend(poll_once(site, setups_of(site), clock)), daemon=True)
    run.start()
    with connect(number) as wire:
        wire.settimeout(30)
        wire.sendall(encode(sent))
        assert wire.recv(4096)
    run.join(60)
    assert [(one.meter, one.quality) for one in found] == [("cems", Quality.GOOD)]
