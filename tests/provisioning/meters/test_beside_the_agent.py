"""A technician reads, searches and names beside a running agent, at a gateway with room for one client."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.status import bus_desk
from agent.status.bus_desk import SOCKET_NAME, Guest, GuestRead
from agent.status.socket import read_status
from drivers.clock import SystemClock
from drivers.errors import ReplyTimeoutError
from drivers.poll.bus import open_bus
from drivers.poll.recording import RecordedRead
from provisioning.cli import cli
from provisioning.meters import access, holder
from tests.counterparts.bus import SerialBus
from tests.counterparts.device import Device
from tests.counterparts.ports import Manners, PtyPort, Second, TcpPort, serve
from tests.counterparts.registers import DTSU666, SDM120

WAIT_S = 120.0
SLOW = pytest.mark.minutes
SITE = """
[site]
gateway = "g1"
[store]
path = "state"
[broker]
url = "mqtt://127.0.0.1:1"
centre_key = "{key}"
[[bus]]
id = "b1"
url = "{url}"
[[meter]]
id = "m1"
bus = "b1"
unit_id = 1
model = "chint-dtsu666"
line = "p1"
fast_s = 0.5
slow_s = 1.0
[[line]]
id = "p1"
kind = "production"
rated_w = 50000
"""


def until(done: Callable[[], object]) -> None:
    end_s = time.monotonic() + WAIT_S
    while not done():
        assert time.monotonic() < end_s, "it does not come"
        time.sleep(0.05)


def reads(state: Path) -> bool:
    """Whether the agent has read its meter; its status socket comes after that of its buses."""
    try:
        return bool(read_status(state)["meters"][0]["quality"] == "good")
    except OSError:
        return False


@contextmanager
def agent_on(url: str, folder: Path) -> Iterator[Path]:
    """An agent that polls one meter there; its state folder."""
    (folder / "site.toml").write_text(SITE.format(key="ab" * 32, url=url))
    state = folder / "state"
    argv = [sys.executable, "-P", "-m", "agent.main", "run", "--config", "site.toml"]
    process = subprocess.Popen(
        argv, cwd=folder, env=os.environ | {"PYTHONPATH": str(Path.cwd())}, stderr=subprocess.DEVNULL
    )
    try:
        until((state / SOCKET_NAME).exists)
        until(lambda: reads(state))
        yield state
    finally:
        process.terminate()
        process.wait(WAIT_S)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ("--lang", "en", *arguments), prog_name="dianjian")


def rows_of(ended: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_a_meter_is_found_and_read_through_the_agent_that_holds_the_only_place(tmp_path: Path) -> None:
    bus = SerialBus([Device(1, map=DTSU666), Device(3, map=SDM120)], 0.1)
    with (
        serve(TcpPort(bus, manners=Manners(clients=1))) as (port,),
        agent_on(port.url, tmp_path),
    ):
        read = call("read", port.url, "--unit", "3", "--model", "eastron-sdm120", "--json")
        found = call("scan", port.url, "--first", "2", "--last", "2")
        assert (port.connections, port.refused) == (1, 0), "nobody else has knocked"
    assert json.loads(read.stdout)["values"]["active_power"] > 4_000
    assert found.exit_code == 1
    assert "no meter answers at 2..2" in found.stderr


@SLOW
@pytest.mark.parametrize("second", [Second.CLOSED, Second.THROWS_OUT], ids=lambda one: one.value)
def test_the_verbs_ask_the_agent_that_holds_the_only_place(tmp_path: Path, second: Second) -> None:
    bus = SerialBus([Device(1, map=DTSU666), Device(3, map=DTSU666)], 0.1)
    with (
        serve(TcpPort(bus, manners=Manners(clients=1, second=second))) as (port,),
        agent_on(port.url, tmp_path) as state,
    ):
        read = call("read", port.url, "--unit", "3", "--model", "chint-dtsu666", "--json")
        found = call("scan", port.url, "--last", "4", "--json")
        named = call("identify", port.url, "--json")
        meter = read_status(state)["meters"][0]
        assert (port.connections, port.refused) == (1, 0), "nobody else has knocked"
    assert json.loads(read.stdout)["unit_id"] == 3
    assert json.loads(read.stdout)["quality"] == "good"
    assert [(row["unit_id"], row["model"]) for row in rows_of(found)] == [
        (1, "chint-dtsu666"),
        (3, "chint-dtsu666"),
    ]
    assert json.loads(named.stdout)["matches"][0]["model"] == "chint-dtsu666"
    assert "asked through it" in named.stderr
    assert meter["quality"] == "good", "and its own polls went on"


@SLOW
def test_a_serial_port_that_the_agent_has_is_read_through_it(tmp_path: Path) -> None:
    with (
        serve(PtyPort(SerialBus([Device(1, map=DTSU666)]), baudrate=115200)) as (port,),
        agent_on(port.url, tmp_path),
    ):
        read = call("read", port.url, "--model", "chint-dtsu666", "--json")
        found = call("scan", port.url, "--last", "2", "--json")
    assert json.loads(read.stdout)["quality"] == "good"
    assert [row.get("model") for row in rows_of(found)] == ["chint-dtsu666"]


@SLOW
@pytest.mark.parametrize("unit", [1, 3], ids=["polled", "not polled"])
def test_a_meter_on_a_serial_port_is_named_through_the_agent_as_it_is_without(
    unit: int, tmp_path: Path
) -> None:
    """It has to wait for no duplicate between its hundred questions, or it would take minutes."""
    bus = SerialBus([Device(1, map=DTSU666), Device(3, map=SDM120)])
    with serve(PtyPort(bus, baudrate=19200)) as (port,):
        alone = call("identify", port.url, "--unit", str(unit), "--json")
        before = sum(one.unit == unit for one in bus.asked)
        with agent_on(port.url, tmp_path):
            beside = call("identify", port.url, "--unit", str(unit), "--json")
    names = [[match["model"] for match in json.loads(one.stdout)["matches"]] for one in (alone, beside)]
    assert names[0] == names[1]
    lost = [json.loads(one.stdout)["requests"]["lost"] for one in (alone, beside)]
    assert max(lost) <= before // 20, f"{lost} of {before}: a busy machine may lose one now and then"


@SLOW
def test_a_reader_that_is_killed_and_one_without_an_agent_leave_one_line_and_no_trace(tmp_path: Path) -> None:
    bus = SerialBus([Device(1, map=DTSU666)], 0.5)
    with (
        serve(TcpPort(bus, manners=Manners(clients=1))) as (port,),
        agent_on(port.url, tmp_path) as state,
    ):
        argv = [sys.executable, "-m", "provisioning.cli", "scan", port.url]
        reader = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: any(one.unit == 5 for one in bus.asked))
        reader.send_signal(signal.SIGKILL)
        reader.wait()
        guest = Guest(state, "b1")
        outcome, sent = guest.read(GuestRead(RecordedRead(1, 3, 0x2006, 2), 1.0))
        guest.close()
        assert (outcome.error, sent) == ("", True)
        polls = len(bus.times(1))
        until(lambda: len(bus.times(1)) > polls + 3)

        (state / SOCKET_NAME).unlink()  # as with an agent of the version before
        old = call("read", port.url, "--model", "chint-dtsu666")
        assert old.exit_code == 3
        assert "an agent of an older version" in old.stderr
        assert len(old.stderr.strip().splitlines()) == 1


def test_a_gateway_whose_place_another_machine_has_is_told_for_what_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(access, "find_sites", lambda: iter(()))
    port = TcpPort(SerialBus([Device(1)], 0.1), manners=Manners(clients=1))
    with serve(port), socket.create_connection((port.host, port.port)):
        until(lambda: port.open == 1)
        for verb in ("scan", "identify", "read"):
            more = ["--model", "chint-dtsu666"] if verb == "read" else []
            ended = call(verb, port.url, *more, *(["--last", "1"] if verb == "scan" else []))
            assert "room for one client" in ended.stderr, ended.output
            assert ended.exit_code in {1, 3}


@pytest.mark.parametrize("verb", ["read", "scan", "identify"])
@pytest.mark.parametrize("place", ["terminal", pytest.param("gateway", marks=SLOW)])
def test_an_agent_that_hangs_is_named_and_not_waited_for(
    place: str, verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_desk, "HELLO_S", 0.05)
    monkeypatch.setattr(access, "is_port_free", lambda _: False)
    monkeypatch.setattr(access, "find_sites", lambda: iter((tmp_path / "site.toml",)))
    bus = SerialBus([Device(1)])
    port = PtyPort(bus) if place == "terminal" else TcpPort(bus, manners=Manners(clients=1))
    (tmp_path / "state").mkdir()
    with serve(port), contextlib.ExitStack() as held, socket.socket(socket.AF_UNIX) as hung:
        if isinstance(port, TcpPort):
            held.enter_context(socket.create_connection((port.host, port.port)))
            until(lambda: port.open == 1)
        hung.bind(str(tmp_path / "state" / SOCKET_NAME))
        hung.listen()
        (tmp_path / "site.toml").write_text(SITE.format(key="ab" * 32, url=port.url))
        more = {"read": ["--model", "chint-dtsu666"], "scan": ["--last", "1"]}.get(verb, [])
        ended = call(verb, port.url, *more)
    assert ended.exit_code == 3, ended.output
    last = ended.stderr.strip().splitlines()[-1]
    assert "does not respond" in last
    assert str(tmp_path / "site.toml") in last


def test_a_port_is_held_as_long_as_somebody_has_it_open() -> None:
    with serve(PtyPort(SerialBus([]), baudrate=9600)) as (port,):
        assert holder.is_port_free(port.url)
        bus = open_bus(port.url, SystemClock())
        with pytest.raises(ReplyTimeoutError):
            bus.read(1, 3, 0, 1, timeout_s=0.05)
        assert not holder.is_port_free(port.url)
        bus.close()
        assert holder.is_port_free(port.url)
    assert not holder.is_port_free("rtu:/dev/nosuch")
