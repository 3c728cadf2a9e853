"""The command as people and the demo run it."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

import firmware_sim
from drivers.clock import ScaledClock
from drivers.link.verdict import Framing, Request, Words
from drivers.modbus.frame import encode_request, parse
from firmware_sim.main import main

pytestmark = pytest.mark.e2e

Sim = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def sim() -> Iterator[Sim]:
    running = []

    def start(*options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "firmware_sim.main", "serve", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def read_urls(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return json.loads(line)["buses"]


def test_a_plant_is_served_until_sigterm(sim: Sim, text: str, tmp_path: Path) -> None:
    path = tmp_path / "plant.toml"
    path.write_text(text)
    process = sim(str(path))
    buses = read_urls(process)
    assert set(buses) == {"b1", "b2", "b3"}
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert process.communicate() == ("", "")


def test_one_meter_is_served_on_every_bus_that_is_wanted(sim: Sim, tmp_path: Path) -> None:
    link = tmp_path / "tty"
    options = ("--model", "eastron-sdm630", "--unit", "9", "--watts", "3000")
    process = sim(*options, "--tcp", "127.0.0.1:0", "--rtu-tcp", "127.0.0.1:0", "--pty", str(link))
    buses = read_urls(process)
    assert set(buses) == {"tcp", "rtu+tcp", "pty"}
    assert buses["pty"] == f"rtu:{link}?baudrate=9600&parity=N&stopbits=1"
    place = urlsplit(buses["tcp"])
    read = Request(9, 4, 0, 2)
    with socket.create_connection((place.hostname, place.port), timeout=10) as peer:
        peer.sendall(encode_request(Framing.TCP, read, 1))
        assert isinstance(parse(Framing.TCP, peer.recv(99), read, 1), Words)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert not link.is_symlink()


def test_two_processes_with_one_clock_show_the_same_registers(sim: Sim, text: str, tmp_path: Path) -> None:
    path = tmp_path / "plant.toml"
    stuck = '[[event]]\nwhat = "stuck_meter"\nmeter = "m3"\nat = 5400\n'  # time stands for this meter
    path.write_text(text + stuck)
    spec = ScaledClock(1.0, 1_772_413_300_000_000_000).spec()
    answers = []
    for process in (sim(str(path), "--clock", spec), sim(str(path), "--clock", spec)):
        place = urlsplit(read_urls(process)["b3"])
        with socket.create_connection((place.hostname, place.port), timeout=10) as peer:
            peer.sendall(encode_request(Framing.RTU, Request(3, 3, 0x2006, 30)))
            answers.append(peer.recv(99))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give either PLANT or --model"),
        (("x.toml", "--model", "eastron-sdm630"), "give either PLANT or --model"),
        (("x.toml",), "x.toml: cannot be read: No such file"),
        (("--model", "eastron-sdm630"), "--model needs --tcp, --rtu-tcp or --pty"),
        (("--model", "acme", "--tcp", "127.0.0.1:0"), "no meter model is called acme"),
        (("--model", "eastron-sdm630", "--tcp", "1502"), "'1502' is not HOST:PORT"),
        (("x.toml", "--clock", "now"), "'now' is not SPEED@UTC_NS@BOOTTIME_NS"),
    ],
)
def test_wrong_input_is_told_and_ends_with_2(options: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(main, ["serve", *options])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr


def test_every_mistake_of_a_plant_file_is_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "plant.toml"
    path.write_text(text.replace("unit_id = 3", "unit_id = 0").replace('"E"', '"X"'))
    result = CliRunner().invoke(main, ["serve", str(path)])
    assert result.exit_code == 2
    assert sorted(line.split(":")[0] for line in result.stderr.splitlines()) == [
        "bus[1].parity",
        "meter[2].unit_id",
    ]


def test_a_clock_far_from_the_plants_start_is_refused() -> None:
    demo = Path(firmware_sim.__file__).parent / "plants" / "demo.toml"
    result = CliRunner().invoke(main, ["serve", str(demo), "--clock", ScaledClock(1.0, 0).spec()])
    assert result.exit_code == 2
    assert "400 days" in result.stderr


def test_a_port_that_is_taken_ends_with_1(sim: Sim) -> None:
    place = urlsplit(read_urls(sim("--model", "eastron-sdm630", "--tcp", "127.0.0.1:0"))["tcp"]).netloc
    process = sim("--model", "eastron-sdm630", "--tcp", place)
    out, err = process.communicate(timeout=180)
    assert process.returncode == 1
    assert out == ""
    assert err == "bus tcp cannot be opened: Address already in use\n"


@pytest.mark.parametrize("verb", ["events", "--help", "--version"])
def test_a_full_disk_behind_the_output_is_one_line(verb: str) -> None:
    command = [sys.executable, "-P", "-m", "firmware_sim.main", verb]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "dianjian-sim: the output: No space left on device\n")


def test_the_loads_of_a_plant_are_what_its_meters_would_show() -> None:
    shown = CliRunner().invoke(main, ["loads", "demo", "--before", "0.5", "--after", "1", "--step", "60"])
    heading, *rows = shown.output.splitlines()
    assert heading == "time,p1,p2,p3,t1,t2"
    assert [row.split(",")[0] for row in (rows[0], rows[-1])] == [
        "2026-03-01T23:00:00Z",
        "2026-03-02T00:29:00Z",
    ]
    treatment = {row.split(",")[0][11:16]: float(row.split(",")[4]) for row in rows}
    assert treatment["23:50"] > 20_000
    assert treatment["23:58"] < 1_000  # it is switched off at 23:55 UTC


@pytest.mark.parametrize("span", [("0", "0", "10"), ("1", "0", "0"), ("1e9", "0", "1"), ("nan", "1", "10")])
def test_a_span_of_loads_without_rows_or_without_end_is_refused(span: tuple[str, str, str]) -> None:
    before, after, step = span
    shown = CliRunner().invoke(main, ["loads", "demo", "--before", before, "--after", after, "--step", step])
    assert (shown.exit_code, "rows" in shown.output) == (2, True)
