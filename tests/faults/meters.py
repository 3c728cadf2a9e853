"""Real buses before the line: simulator or scripted meter, driver, gateway, broker, centre.

    with Meters(line, urls) as meters:
        meters.poll(lambda: len(meters.good) > 100)

The simulator's clock stands still (`StillClock`), so every register has one value and `truth` can tell a
wrong word from a right one. Intervals are short, and the plant's time is real time.
"""

import contextlib
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Self

from attrs import evolve

from agent.bus_loop import BusLoop
from drivers.clock import Stamp
from drivers.link.ledger import Ledger
from drivers.modbus.bus import Bus
from drivers.points.registers import WORD_BYTES
from drivers.poll.bus import open_bus
from drivers.reading import Block, Quality, Reading
from firmware_sim.device import Device
from firmware_sim.plant import Plant
from firmware_sim.plant_file import to_layout
from firmware_sim.server import Server
from tests.faults.line import PATIENCE_S, Line
from tests.firmware_sim.conftest import START_S, StillClock

FAST_S, SLOW_S, IDENTITY_S = 0.03, 0.1, 0.2
PLANT: Final = """
[plant]
start = 2026-03-02T07:30:00+08:00
seed = {seed}
[[bus]]
id = "b1"
kind = "{kind}"
turnaround_s = 0.002
{bus}
[[line]]
id = "p1"
kind = "production"
rated_w = 60000
profile = {{ shape = "continuous", level = 0.7 }}
[[line]]
id = "t1"
kind = "treatment"
rated_w = 22000
profile = {{ shape = "continuous", level = 0.8 }}
{meters}
{fault}
"""
METER: Final = """
[[meter]]
id = "m{n}"
model = "eastron-sdm630"
bus = "b1"
unit_id = {n}
line = "{line}"
"""
LINES: Final = {1: "p1", 2: "t1"}


def plant(kind: str, fault: str = "", bus: str = "", seed: int = 7) -> Plant:
    """Two meters on one bus, with a fault script."""
    bus += "\nbaudrate = 115200" if kind == "pty" else ""
    meters = "".join(METER.format(n=n, line=line) for n, line in LINES.items())
    return Plant(
        to_layout(tomllib.loads(PLANT.format(kind=kind, fault=fault, bus=bus, seed=seed, meters=meters)))
    )


@contextlib.contextmanager
def served(what: Plant) -> Iterator[str]:
    """The URL of its bus."""
    with Server(what, StillClock(START_S)) as server:
        yield server.urls["b1"]


class PlantClock:
    """The gateway's clock for the driver: its stamps, real waits."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def stamp(self) -> Stamp:
        return self._line.gateway.stamp()

    def monotonic_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(max(seconds, 0.0))

    def real_s(self, seconds: float) -> float:
        return seconds


class Meters:
    """The polls of one bus of a line's gateway.

    Attributes:
        readings: All that came.
        bus: The bus with its figures.
    """

    def __init__(self, line: Line, url: str, late_max_s: float = 2.0) -> None:
        self.line = line
        self.readings: list[Reading] = []
        clock = PlantClock(line)
        # A late answer comes within `late_max_s` here: the ten seconds of life would be ten of the test.
        self.bus: Bus = open_bus(url, clock, Ledger(late_max_s=late_max_s, duplicate_max_s=0.1))
        setups = line.gateway.parts.judging.feed.setups.values()
        quick = [evolve(one, fast_s=FAST_S, slow_s=SLOW_S, identity_s=IDENTITY_S) for one in setups]
        self.loop = BusLoop(self.bus, quick, clock, self._take)
        line.gateway.gateway.sealing.interval_s = line.gateway.interval_s = 1.0
        self._began_s = time.monotonic() - line.gateway.passed_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.bus.close()

    @property
    def good(self) -> list[Reading]:
        """The good ones."""
        return [reading for reading in self.readings if reading.quality is Quality.GOOD]

    @property
    def bad(self) -> list[Reading]:
        """The bad ones."""
        return [reading for reading in self.readings if reading.quality is not Quality.GOOD]

    def of(self, meter: str, since: int = 0) -> list[Reading]:
        """The good ones of `meter`."""
        return [one for one in self.readings[since:] if one.meter == meter and one.quality is Quality.GOOD]

    def poll(self, done: Callable[[], bool], within_s: float = PATIENCE_S) -> float:
        """Read until `done`; the real seconds that it took."""
        begin_s = time.monotonic()
        while not done():
            reasons = [reading.reason for reading in self.bad[-3:]]
            assert time.monotonic() < begin_s + within_s, f"{len(self.readings)} readings, {reasons}"
            wait_s = self.loop.turn()
            self.line.gateway.passed_s = time.monotonic() - self._began_s
            self.line.turn()
            time.sleep(min(wait_s, 0.01))
        return time.monotonic() - begin_s

    def _take(self, reading: Reading) -> None:
        self.readings.append(reading)
        self.line.gateway.gateway.reading(reading)


def wrong_words(readings: list[Reading], what: Plant) -> list[tuple[str, Block]]:
    """Blocks of good readings whose words are not those of their registers."""
    devices: Mapping[str, Device] = {one.id: Device(one, what) for one in what.layout.meters}
    wrong = []
    for reading in readings:
        for block in reading.blocks:
            count = len(block.words) // WORD_BYTES
            truth = devices[reading.meter].answer(block.function, block.address, count, START_S)
            if truth != block.words:
                wrong.append((reading.meter, block))
    return wrong
