"""A small plant on paper, a clock that stands still, and ways to ask the simulator as others do."""

import functools
import os
import re
import select
import shutil
import socket
import subprocess
import threading
import time
import tomllib
from collections.abc import Callable, Iterator

import pytest

from drivers.clock import NS_PER_S, ClockState, Stamp
from firmware_sim.layout import Layout
from firmware_sim.plant import Plant
from firmware_sim.plant_file import to_layout

START_S = 1_772_407_800.0
"""2026-03-02 07:30 in Beijing, a Monday."""

PLANT = """
[plant]
start = 2026-03-02T07:30:00+08:00
seed = 7

[[bus]]
id = "b1"
kind = "tcp"

[[bus]]
id = "b2"
kind = "pty"
parity = "E"

[[bus]]
id = "b3"
kind = "rtu+tcp"

[[line]]
id = "p1"
kind = "production"
rated_w = 60000
profile = { shape = "batch", shifts = ["08:00-12:00", "13:00-20:00"], on_s = 1800, off_s = 600 }

[[line]]
id = "t1"
kind = "treatment"
rated_w = 30000
profile = { shape = "follows", lines = ["p1"] }

[[meter]]
id = "m1"
model = "eastron-sdm630"
bus = "b1"
unit_id = 1
line = "p1"

[[meter]]
id = "m2"
model = "eastron-sdm630"
bus = "b2"
unit_id = 2
line = "t1"

[[meter]]
id = "m3"
model = "chint-dtsu666"
bus = "b3"
unit_id = 3
line = "t1"
ct_ratio = 20
"""

_MBPOLL_VALUE = re.compile(r"^\[(\d+)\]:\s+(\S+)", re.MULTILINE)


class StillClock:
    """A clock whose plant time stands, so that every read meets the same registers; waits are real."""

    def __init__(self, utc_s: float) -> None:
        self._utc_ns = int(utc_s * NS_PER_S)

    def stamp(self) -> Stamp:
        return Stamp(self._utc_ns, 0, bytes(16), ClockState.SIMULATED)

    def monotonic_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        threading.Event().wait(seconds)

    def real_s(self, seconds: float) -> float:
        return seconds


@pytest.fixture(scope="session")
def start_s() -> float:
    return START_S


@pytest.fixture(scope="session")
def plants() -> Callable[[str], Plant]:
    """Plants that are made once for each text: for property tests."""
    return functools.lru_cache(lambda more: Plant(to_layout(tomllib.loads(PLANT + more))))


@pytest.fixture
def text() -> str:
    return PLANT


@pytest.fixture
def layout() -> Callable[[str], Layout]:
    return lambda more="": to_layout(tomllib.loads(PLANT + more))


@pytest.fixture
def plant(layout: Callable[..., Layout]) -> Callable[[str], Plant]:
    return lambda more="": Plant(layout(more))


@pytest.fixture
def still() -> Callable[[float], StillClock]:
    return StillClock


@pytest.fixture
def mbpoll() -> Callable[..., dict[int, float]]:
    """Reads with mbpoll; values by zero-based address."""
    if shutil.which("mbpoll") is None:
        pytest.fail("mbpoll is missing: apt install mbpoll")

    def read(*options: str) -> dict[int, float]:
        command = ["mbpoll", "-1", "-0", "-B", "-q", "-o", "10", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return {int(address): float(value) for address, value in _MBPOLL_VALUE.findall(done.stdout)}

    return read


@pytest.fixture
def ask() -> Iterator[Callable[..., bytes]]:
    """Sends bytes to `host:port` or a terminal and returns the first `count` bytes of the answer.

    Connections stay open between calls. With `quiet_s` it waits that long for bytes instead.
    """
    ends: dict[str, int] = {}
    sockets: list[socket.socket] = []

    def end_of(place: str) -> int:
        if place not in ends:
            if place.startswith("/"):
                ends[place] = os.open(place, os.O_RDWR | os.O_NOCTTY)
            else:
                host, port = place.split(":")
                sockets.append(socket.create_connection((host, int(port)), timeout=10))
                ends[place] = sockets[-1].detach()
            os.set_blocking(ends[place], False)
        return ends[place]

    def send(place: str, request: bytes, count: int, wait_s: float = 10.0) -> bytes:
        end = end_of(place)
        if request:
            os.write(end, request)
        return _received(end, count, wait_s)

    yield send
    for end in ends.values():
        os.close(end)


def _received(end: int, count: int, wait_s: float) -> bytes:
    until = time.monotonic() + wait_s
    data = b""
    while len(data) < count and (left := until - time.monotonic()) > 0:
        if select.select([end], [], [], left)[0]:
            piece = os.read(end, count - len(data))
            if not piece:
                break
            data += piece
    return data
