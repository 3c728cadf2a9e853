"""Many buses at once: the dead cost the living nothing, and the service's limits fit what the agent uses."""

import contextlib
import heapq
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from configparser import ConfigParser, SectionProxy
from itertools import cycle, pairwise
from pathlib import Path

import pytest
from attrs import Factory, define

from agent import build, loop, main
from agent.acquire import APART_S, STACK_BYTES, THREADS_MAX, BusTask
from agent.bus_loop import BusLoop
from agent.loop import stop_buses
from agent.site.file import BUSES_MAX
from drivers.clock import SystemClock
from drivers.errors import BusDownError, DriverError, ExceptionReplyError, ReplyError, ReplyTimeoutError
from drivers.link.transaction import Answer, BusStats
from drivers.points.model import load
from drivers.poll.meter import MeterSetup
from drivers.reading import Quality, Reading
from tests.agent.test_acquire import FakeClock
from tests.drivers.many_meters import Death, many_meters

UNIT = Path(__file__).parents[2] / "systemd/dianjian-agent.service"
MODEL = load("eastron-sdm630")
WAIT_S = 20.0
CPU_S = 0.002
"""Of the one processor, for a turn: a small gateway at a fifth of its power with a hundred meters."""
METERS = 100
RUN_S = 200.0

Outcome = Callable[[float], tuple[float, DriverError | None]]
"""How long a read with that time-out takes, and its error."""

DEAD: dict[str, Outcome] = {
    "silent": lambda timeout_s: (timeout_s, ReplyTimeoutError("no answer")),
    "no answer to a SYN": lambda _: (3.0, BusDownError("timed out")),
    "refused": lambda _: (0.0, BusDownError("Connection refused")),
    "unreachable": lambda _: (1.0, BusDownError("No route to host")),
    "hangs up": lambda _: (0.001, BusDownError("closed by the other side")),
    "exception of a gateway": lambda _: (0.5, ExceptionReplyError(11)),
    "noise": lambda timeout_s: (timeout_s, ReplyError("protocol id is not 0")),
    "refuses": lambda _: (0.01, ExceptionReplyError(2)),
}


@define
class DyingBus:
    """A bus of one meter that answers until it has died."""

    clock: FakeClock
    dead: Outcome | None = None
    gap_registers_max: int = 31
    url: str = "tcp://fake"
    stats: BusStats = Factory(BusStats)

    def read(
        self, _unit_id: int, _function: int, _address: int, count: int, *, timeout_s: float, **_: int
    ) -> Answer:
        took_s, error = (0.02, None) if self.dead is None else self.dead(timeout_s)
        self.clock.sleep(took_s)
        if error is not None:
            raise error
        return Answer(bytes(2 * count), took_s)

    def close(self) -> None:
        """There is no port."""


@define
class Gateway:
    """A hundred bus threads on one processor that each turn needs alone; waiting for a meter needs none."""

    good: Counter[str]
    bad: dict[str, list[float]]
    turns: Counter[str]
    busy_until_s: float = 0.0

    def run(self, loops: dict[str, tuple[BusLoop, DyingBus]], begin_s: float, end_s: float) -> None:
        due = [(begin_s + APART_S * number, name) for number, name in enumerate(loops)]
        heapq.heapify(due)
        while due[0][0] < end_s:
            at_s, name = heapq.heappop(due)
            one, bus = loops[name]
            self.busy_until_s = max(at_s, self.busy_until_s) + CPU_S
            bus.clock.now_s = self.busy_until_s
            self.turns[name] += 1
            heapq.heappush(due, (bus.clock.now_s + one.turn() + (bus.clock.now_s - self.busy_until_s), name))

    def sink(self, bus: DyingBus) -> Callable[[Reading], None]:
        def take(reading: Reading) -> None:
            if reading.quality is Quality.GOOD:
                self.good[reading.meter] += 1
            else:
                self.bad.setdefault(reading.meter, []).append(bus.clock.now_s)

        return take


def plant(gateway: Gateway) -> dict[str, tuple[BusLoop, DyingBus]]:
    loops = {}
    for number in range(METERS):
        bus = DyingBus(FakeClock())
        setup = MeterSetup(f"m{number}", MODEL, 1, fast_s=1.0, slow_s=3600.0, identity_s=3600.0)
        loops[setup.id] = BusLoop(bus, [setup], bus.clock, gateway.sink(bus)), bus
    return loops


def test_when_half_of_a_hundred_meters_die_in_every_way_each_other_one_keeps_its_rate() -> None:
    gateway = Gateway(Counter(), {}, Counter())
    loops = plant(gateway)
    gateway.run(loops, 0.0, RUN_S)
    healthy, gateway.good = gateway.good, Counter()
    assert min(healthy.values()) >= RUN_S
    live, dead = list(loops)[::2], list(loops)[1::2]
    ways = dict(zip(dead, cycle(DEAD), strict=False))
    for name, way in ways.items():
        loops[name][1].dead = DEAD[way]
    gateway.turns.clear()
    gateway.run(loops, RUN_S, 2 * RUN_S)
    assert min(gateway.good[name] / healthy[name] for name in live) >= 0.95
    most_turns = max(gateway.turns[name] for name in live)
    assert {ways[name] for name in dead if gateway.turns[name] > 1.1 * most_turns} == set()
    for name in dead:  # and its silence is on record at once, and every three minutes at least
        moments = [RUN_S, *gateway.bad[name], 2 * RUN_S]
        assert moments[1] - RUN_S < 10, ways[name]
        assert max(after - at for at, after in pairwise(moments)) <= 180, ways[name]


def test_half_of_the_meters_die_in_every_way_and_come_back_while_the_others_are_read() -> None:
    readings: queue.Queue[Reading] = queue.Queue()
    count = 4 * len(Death)
    dying = dict(zip(range(1, count, 2), cycle(Death), strict=False))
    with many_meters(count) as meters, contextlib.ExitStack() as stack:
        meters.die(0, Death.GONE)
        tasks = [
            BusTask(url, [setup_of(number)], SystemClock(), readings.put)
            for number, url in enumerate(meters.urls)
        ]
        stack.callback(stop_buses, tasks, WAIT_S)
        for task in tasks:
            task.start()
        live = [number for number in range(1, count) if number not in dying]
        until(readings, dict.fromkeys([*live, *dying], Quality.GOOD))
        for number, death in dying.items():
            meters.die(number, death)
        said = until(readings, {0: Quality.BAD, **dict.fromkeys(dying, Quality.BAD)})
        assert "timed out" in said["m0"]
        forget(readings)
        for _ in range(10):
            assert not {f"m{number}" for number in live} & set(
                until(readings, dict.fromkeys(live, Quality.GOOD))
            )
        assert not any(f"m{number}" in said for number in live)
        for number in (0, *dying):
            meters.revive(number)
        until(readings, dict.fromkeys(range(count), Quality.GOOD))


def setup_of(number: int) -> MeterSetup:
    return MeterSetup(f"m{number}", MODEL, 1, fast_s=0.05, timeout_s=0.5)


def until(readings: "queue.Queue[Reading]", wanted: dict[int, Quality]) -> dict[str, str]:
    """Wait for a reading of that quality of each meter; the reasons of the bad ones that came meanwhile."""
    missing = {(f"m{number}", quality) for number, quality in wanted.items()}
    reasons: dict[str, str] = {}
    deadline_s = time.monotonic() + WAIT_S
    while missing:
        try:
            reading = readings.get(timeout=max(deadline_s - time.monotonic(), 0.01))
        except queue.Empty:
            raise AssertionError(f"not within {WAIT_S:g} s: {sorted(missing)}") from None
        missing.discard((reading.meter, reading.quality))
        if reading.quality is Quality.BAD:
            reasons[reading.meter] = reading.reason
    return reasons


def forget(readings: "queue.Queue[Reading]") -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            readings.get_nowait()


def test_as_many_buses_as_a_site_may_have_start_and_end_in_order() -> None:
    before = threading.active_count()
    readings: queue.Queue[Reading] = queue.Queue()
    with many_meters(1) as meters:
        urls = [meters.url(0)] * BUSES_MAX
        tasks = [
            BusTask(url, [MeterSetup(f"m{number}", MODEL, 1)], SystemClock(), readings.put)
            for number, url in enumerate(urls)
        ]
        usual = threading.stack_size(STACK_BYTES)
        try:
            for task in tasks:
                task.start()
        finally:
            threading.stack_size(usual)
        until(readings, dict.fromkeys(range(BUSES_MAX), Quality.GOOD))
        assert threading.active_count() - before == BUSES_MAX + 1
        stop_buses(tasks, WAIT_S)
        assert threading.active_count() - before == 1


class Unit(ConfigParser):
    def optionxform(self, optionstr: str) -> str:
        return optionstr


@pytest.fixture
def service() -> SectionProxy:
    known = Unit(strict=False, interpolation=None, delimiters=("=",))
    known.read(UNIT, "utf-8")
    return known["Service"]


def test_the_service_may_have_every_thread_and_descriptor_that_a_full_site_needs(
    service: SectionProxy,
) -> None:
    assert THREADS_MAX > 2 * BUSES_MAX
    assert int(service["TasksMax"]) >= THREADS_MAX
    open_at_once = 2 * BUSES_MAX + 64  # a connection of each thread; database, keys, log, sockets, broker
    assert int(service["LimitNOFILE"]) >= open_at_once


def test_the_service_waits_for_every_step_of_an_orderly_end(service: SectionProxy) -> None:
    steps_s = loop.STOP_BUSES_S + main.TPM_WAIT_S + main.DRAIN_S + build.WEBHOOK_STOP_S
    assert float(service["TimeoutStopSec"]) > steps_s
