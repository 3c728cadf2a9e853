"""Figures of a bus: what is charged to whom, the sliding window, what a heartbeat says of them."""

import itertools
import math
import statistics

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.acquire import BusTask
from agent.bus_loop import BusLoop
from agent.overview import overview
from agent.status.bus_figures import (
    EDGES_MS,
    PUBLISH_S,
    WINDOW_S,
    BusFigures,
    Histogram,
    Tally,
    heartbeat,
    latency_of,
)
from drivers.clock import SystemClock
from drivers.link.transaction import BusStats
from drivers.points.model import load
from drivers.poll.bus import open_bus
from drivers.poll.meter import MeterSetup
from drivers.reading import Reading
from evidence.record import Kind
from tests.agent.rig import Rig
from tests.agent.test_acquire import FakeBus, FakeClock
from tests.drivers.scripted_meter import Asked, ScriptedMeter, on_tcp
from tests.drivers.scripted_meter import words as numbered

MODEL = load("eastron-sdm630")
HEARTBEAT_BYTES_MAX = 1000


def polled(
    tally: Tally, stats: BusStats, meter: str = "m1", latency_s: float | None = 0.01, **grown: float
) -> None:
    before = stats.counts
    for name, number in grown.items():
        setattr(stats, name, getattr(stats, name) + number)
    tally.count_poll(meter, before, stats, latency_s, probe=False)


@given(st.lists(st.floats(0, 10, allow_nan=False), min_size=1, max_size=300))
def test_a_percentile_is_never_below_the_true_one_and_at_most_one_bucket_above(
    latencies: list[float],
) -> None:
    histogram = Histogram()
    for latency in latencies:
        histogram.add(latency)
    told = latency_of([histogram])
    edges = (0.0, *EDGES_MS, math.inf)
    for percent, shown in ((50, told.p50_ms), (95, told.p95_ms)):
        true_ms = 1000 * sorted(latencies)[math.ceil(percent / 100 * len(latencies)) - 1]
        bucket = next(i for i, edge in enumerate(edges) if true_ms <= edge)
        assert shown is not None
        assert true_ms - 0.001 <= shown <= max(edges[bucket], true_ms) + 0.001
    assert told.max_ms == pytest.approx(1000 * max(latencies), abs=0.001)


def test_what_is_older_than_the_window_is_forgotten_and_the_counters_are_not() -> None:
    tally, stats = Tally("b1", "tcp://x", ["m1"], 0.0), BusStats()
    polled(tally, stats, latency_s=1.5, requests=1, busy_s=1.5)
    tally.publish(PUBLISH_S)
    assert tally.figures.latency.max_ms == 1500
    for number in (1, 2):
        tally.publish(number * WINDOW_S)
    polled(tally, stats, requests=1)
    tally.publish(2 * WINDOW_S + PUBLISH_S)
    assert tally.figures.latency.max_ms == 10
    assert tally.figures.load == 0
    assert tally.figures.counts.requests == 2
    for number in (3, 4):
        tally.publish(number * WINDOW_S)
    assert tally.figures.latency.p50_ms is None


def test_a_picture_is_taken_now_and_then_and_never_changes() -> None:
    tally, stats = Tally("b1", "tcp://x", ["m1"], 0.0), BusStats()
    first = tally.figures
    polled(tally, stats, requests=1)
    tally.publish(PUBLISH_S / 2)
    assert tally.figures is first
    tally.publish(PUBLISH_S)
    assert (first.counts.requests, tally.figures.counts.requests) == (0, 1)


def test_a_poll_is_charged_to_its_meter_and_to_the_bus() -> None:
    tally, stats = Tally("b1", "tcp://x", ["m1", "m2"], 0.0), BusStats()
    polled(tally, stats, "m1", requests=2, busy_s=0.2)
    polled(tally, stats, "m2", None, requests=1, timeouts=1, crc_errors=1, busy_s=0.8)
    tally.publish(10.0)
    figures = tally.figures
    assert [one.counts.requests for one in figures.meters.values()] == [2, 1]
    assert [one.counts.errors for one in figures.meters.values()] == [0, 2]
    assert figures.counts.requests == 3
    assert figures.load == pytest.approx(0.1)
    assert figures.meters["m2"].latency.p50_ms is None


def test_a_silent_meter_is_charged_with_its_time_outs_and_probes() -> None:
    clock = FakeClock()
    bus = FakeBus(clock, silent={2})
    loop = BusLoop(bus, [MeterSetup("m1", MODEL, 1), MeterSetup("m2", MODEL, 2)], clock, lambda _: None)  # type: ignore[arg-type]
    while clock.now_s < 120:
        clock.sleep(loop.turn())
    dead, alive = (loop.tally.figures.meters[name].counts for name in ("m2", "m1"))
    assert alive.probes == 0
    assert alive.polls > 20
    assert dead.probes == dead.polls - 2


def test_a_real_bus_counts_damage_and_its_time_on_the_line() -> None:
    def script(asked: Asked, device: ScriptedMeter) -> None:
        data = numbered(asked)
        device.send(device.reply(asked, data[:-2] if asked.unit_id == 2 else data))

    with on_tcp(script) as device:
        clock = SystemClock()
        bus = open_bus(device.url, clock)
        readings: list[Reading] = []
        setups = [MeterSetup(f"m{n}", MODEL, n, fast_s=0.01) for n in (1, 2)]
        loop = BusLoop(bus, setups, clock, readings.append)
        while len(readings) < 8 or not loop.tally.figures.counts.requests:
            clock.sleep(min(loop.turn(), 0.01))
        bus.close()
    figures = loop.tally.figures
    assert figures.meters["m2"].counts.timeouts > 0
    assert figures.meters["m2"].counts.foreign > 0
    assert figures.meters["m1"].counts.errors == 0
    assert figures.meters["m1"].latency.p50_ms is not None
    assert 0 < figures.load <= 1
    assert figures.counts.busy_s == pytest.approx(sum(one.counts.busy_s for one in figures.meters.values()))


def test_a_restarted_bus_goes_on_counting_and_the_stuck_thread_no_longer_counts() -> None:
    task = BusTask("tcp://127.0.0.1:1", [MeterSetup("m1", MODEL, 1)], SystemClock(), lambda _: None, "b1")
    stats = BusStats()
    task.start()
    polled(task._tally, stats, requests=3)
    stuck = task._tally
    task.restart()
    task.stop(5.0)
    polled(stuck, stats, requests=5)
    task._tally.publish(math.inf)
    assert task.figures.counts.requests == 3
    assert task.figures.id == "b1"


def figures_of(meters: int, at_s: float = 60.0, seed: int = 10) -> BusFigures:
    tally, stats = Tally("b1", "tcp://x", [f"meter-{n}" for n in range(meters)], 0.0), BusStats()
    for n in range(meters):
        polled(tally, stats, f"meter-{n}", 0.123, requests=n * seed, timeouts=seed, busy_s=1.0)
    tally.publish(at_s)
    return tally.figures


def test_a_heartbeat_tells_what_was_new_since_the_one_before() -> None:
    first, second = figures_of(3, 60.0, 1), figures_of(3, 120.0, 5)
    assert heartbeat([first], {}) == [
        {"bus": "b1", "load_percent": 5, "p95_ms": 123, "requests": 3, "errors": 3}
    ]
    (told,) = heartbeat([second], {"b1": first})
    assert (told["requests"], told["errors"], told["load_percent"]) == (12, 12, 0)


def test_a_heartbeat_of_twenty_meters_on_four_buses_stays_small_and_the_status_has_all(
    tmp_path: object,
) -> None:
    rig = Rig(tmp_path / "g1")  # type: ignore[operator]
    rig.figures = [figures_of(5) for _ in range(4)]
    rig.run(61, 0, 0)
    (first, *_) = overview(rig.parts, rig.stamp())["buses"]
    (body,) = [record.body for record in rig.records() if record.kind is Kind.HEARTBEAT]
    rig.close()
    assert len(cbor2.dumps(body)) < HEARTBEAT_BYTES_MAX
    assert first["meters"][4]["requests"] == 40
    assert first["latency_ms"] == {"p50": 123.0, "p95": 123.0, "max": 123.0}


def test_the_edges_ascend_so_that_a_bucket_can_be_found() -> None:
    assert list(EDGES_MS) == sorted(set(EDGES_MS))
    assert statistics.fmean(b / a for a, b in itertools.pairwise(EDGES_MS)) < 1.5
