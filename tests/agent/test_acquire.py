import contextlib
import functools
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from attrs import Factory, define, evolve

from agent.acquire import HUNG, STALL_S, BusTask, _Outlet, _Worker
from agent.bus_loop import DOWN_REPEAT_S, BusLoop
from agent.status.bus_desk import Desk
from drivers.clock import NS_PER_S, Stamp, SystemClock
from drivers.clock import ClockState as State
from drivers.errors import BusDownError, DriverError, ReplyTimeoutError
from drivers.link.ledger import DUPLICATE_MAX_S
from drivers.link.transaction import Answer, BusStats
from drivers.points.model import Model, load
from drivers.poll.bus import open_bus
from drivers.poll.learned import LearnedBus
from drivers.poll.meter import MeterSetup
from drivers.reading import PollGroup, Quality, Reading
from tests.drivers.scripted_meter import Asked, ScriptedMeter, answer, on_pty, on_tcp, words

MODEL = load("eastron-sdm630")
WAIT_S = 120.0


@define
class FakeClock:
    now_s: float = 0.0

    def monotonic_s(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def real_s(self, seconds: float) -> float:
        return seconds

    def stamp(self) -> Stamp:
        now_ns = round(self.now_s * NS_PER_S)
        return Stamp(now_ns, now_ns, bytes(16), State.SIMULATED)


@define
class FakeBus:
    clock: FakeClock
    down: bool = False
    silent: set[int] = Factory(set)
    gap_registers_max: int = 7
    url: str = "tcp://fake"
    stats: BusStats = Factory(BusStats)

    def read(self, unit_id: int, _function: int, _address: int, count: int, **times: float) -> Answer:
        self.stats.requests += 1
        trouble: DriverError | None = None
        if self.down:
            trouble = BusDownError("fake: gone")
        elif unit_id in self.silent:
            trouble = ReplyTimeoutError("no answer")
        self.clock.sleep(times["timeout_s"] if trouble else 0.05)
        if trouble:
            raise trouble
        return Answer(bytes(2 * count), 0.05)


def loop_of(bus: FakeBus, sink: Callable[[Reading], None]) -> BusLoop:
    return BusLoop(bus, [MeterSetup("m1", MODEL, 1), MeterSetup("m2", MODEL, 2)], bus.clock, sink)


def run(loop: BusLoop, clock: FakeClock, seconds: float) -> None:
    end_s = clock.now_s + seconds
    while clock.now_s < end_s:
        clock.sleep(loop.turn())


def test_every_group_of_every_meter_comes_in_its_interval() -> None:
    clock = FakeClock()
    readings: list[Reading] = []
    run(loop_of(FakeBus(clock), readings.append), clock, 299)
    assert all(reading.quality is Quality.GOOD for reading in readings)
    for meter in ("m1", "m2"):
        mine = [reading.group for reading in readings if reading.meter == meter]
        assert [mine.count(group) for group in PollGroup] == [60, 5, 1]


def test_the_stamp_of_a_reading_is_the_moment_of_its_answer() -> None:
    clock = FakeClock(now_s=100.0)
    readings: list[Reading] = []
    loop_of(FakeBus(clock), readings.append).turn()
    assert readings[0].stamp.utc_ns == round(100.05 * NS_PER_S)


def test_a_silent_meter_gives_bad_readings_and_the_other_goes_on() -> None:
    clock = FakeClock()
    readings: list[Reading] = []
    loop = loop_of(FakeBus(clock, silent={2}), readings.append)
    run(loop, clock, 300)
    assert loop._schedule.silent_meters == ("m2",)
    assert {(reading.quality, reading.reason) for reading in readings if reading.meter == "m2"} == {
        (Quality.BAD, "no answer")
    }
    healthy = [reading for reading in readings if (reading.meter, reading.group) == ("m1", PollGroup.FAST)]
    assert len(healthy) >= 59


@define
class PacedBus(FakeBus):
    """A bus whose answers take `took_s`, and whose silence takes the time on the wire on top."""

    took_s: float = 0.05
    wire_s: float = 0.0

    def read(self, unit_id: int, _function: int, _address: int, count: int, **times: float) -> Answer:
        self.stats.requests += 1
        silent = unit_id in self.silent
        self.clock.sleep(times["timeout_s"] + self.wire_s if silent else self.took_s)
        if silent:
            raise ReplyTimeoutError("no answer")
        return Answer(bytes(2 * count), self.took_s)


FIRST_WAITS_S = 60
"""A meter that never answered is waited for longer once: it may be slow."""


@functools.cache
def good_of_the_others(
    meters: int, dead: int, every_s: float, took_s: float, wire_s: float, *, dies: bool = False
) -> float:
    """Good readings of each that is not dead in five minutes; the dead never answered, or have died."""
    clock = FakeClock()
    good: list[str] = []
    units = set(range(meters - dead + 1, meters + 1))
    gone = {f"m{unit}" for unit in units}

    def sink(reading: Reading) -> None:
        if reading.quality is Quality.GOOD and reading.meter not in gone:
            good.append(reading.meter)

    bus = PacedBus(clock, silent=set() if dies else units, took_s=took_s, wire_s=wire_s)
    one = Model("one", MODEL.group(PollGroup.FAST))
    setups = [MeterSetup(f"m{n}", one, n, fast_s=every_s) for n in range(1, meters + 1)]
    loop = BusLoop(bus, setups, clock, sink)
    run(loop, clock, FIRST_WAITS_S)
    if dies:
        bus.silent = units
        run(loop, clock, FIRST_WAITS_S)
    good.clear()
    run(loop, clock, 300)
    return len(good) / (meters - dead)


@pytest.mark.parametrize(
    ("dead", "dies"),
    [
        (1, False),
        (3, True),
        pytest.param(2, False, marks=pytest.mark.minutes),
        pytest.param(1, True, marks=pytest.mark.minutes),
        pytest.param(2, True, marks=pytest.mark.minutes),
        pytest.param(3, False, marks=pytest.mark.minutes),
    ],
)
@pytest.mark.parametrize(
    ("meters", "every_s", "took_s", "wire_s", "least"),
    [
        (8, 1.0, 0.106, 0.107, 0.97),  # 20 float32 of each of eight meters at 9600 baud: 85 % of the line
        (8, 0.05, 0.106, 0.107, 1.0),  # as often as the line can: the others have the dead one's turns
        (20, 1.0, 0.002, 0.0, 1.0),
        (20, 0.5, 0.05, 0.0, 1.0),
    ],
    ids=["rtu once a second", "rtu at most", "tcp once a second", "tcp at most"],
)
def test_dead_meters_leave_the_others_their_rate(
    meters: int, every_s: float, took_s: float, wire_s: float, least: float, *, dead: int, dies: bool
) -> None:
    """A meter that had answered may come back slower, so that one probe in eight waits for it longer."""
    healthy = good_of_the_others(meters, 0, every_s, took_s, wire_s)
    beside = good_of_the_others(meters, dead, every_s, took_s, wire_s, dies=dies)
    assert beside / healthy >= least - 0.01 * dies


def test_a_bus_that_is_down_is_reported_at_once_then_once_a_minute_for_every_meter() -> None:
    clock = FakeClock()
    readings: list[Reading] = []
    bus = FakeBus(clock)
    loop = loop_of(bus, readings.append)
    run(loop, clock, 20)
    good = len(readings)
    bus.down = True
    run(loop, clock, 3 * DOWN_REPEAT_S)
    down = readings[good:]
    assert {reading.meter for reading in down} == {"m1", "m2"}
    assert all(reading.quality is Quality.BAD and reading.reason.startswith("bus down") for reading in down)
    assert 6 <= len(down) <= 8
    bus.down = False
    run(loop, clock, 20)
    assert readings[-1].quality is Quality.GOOD
    bus.down = True
    before = len(readings)
    run(loop, clock, 12)
    assert sum(reading.reason.startswith("bus down") for reading in readings[before:]) == 2


def small(asked: Asked, device: ScriptedMeter) -> None:
    """A meter that refuses reads of more than sixteen registers."""
    device.send(device.refusal(asked, 3) if asked.count > 16 else device.reply(asked))


def test_how_long_a_gateway_is_held_is_kept_from_one_run_to_the_next() -> None:
    bus, desk = FakeBus(FakeClock()), Desk()
    setups = [MeterSetup("m1", MODEL, 1)]
    loop = BusLoop(bus, setups, bus.clock, lambda _: None, desk=desk, learned=LearnedBus(gateway_s=3.0))
    assert desk.ledger.queue.wait_s(0.3, 0.0) == pytest.approx(3.1)
    loop.publish_learned()
    assert loop.learned.gateway_s == 3.0


@pytest.mark.parametrize(
    "door",
    [pytest.param(on_tcp, id="tcp"), pytest.param(on_pty, id="pty", marks=pytest.mark.minutes)],
)
def test_what_was_learned_is_there_after_the_end_and_the_next_task_begins_with_it(
    door: Callable[..., contextlib.AbstractContextManager[ScriptedMeter]],
) -> None:
    setup = MeterSetup("m1", Model("one", MODEL.group(PollGroup.FAST)), 1, fast_s=0.2)
    learned, counts = None, []
    with door(small) as device:
        for _ in range(2):
            readings: queue.Queue[Reading] = queue.Queue()
            asked = len(device.asked)
            task = BusTask(device.url, [setup], SystemClock(), readings.put, learned=learned)
            task.start()
            for _ in range(3):
                collected(readings, lambda reading: reading.quality is Quality.GOOD)
            task.ask_to_stop()
            assert task.stop(WAIT_S)
            learned = task.learned
            counts.append([one.count for one in device.asked[asked:]])
    assert 0 < learned.meters["m1"].registers_max <= 16
    assert learned.meters["m1"].slowest_s > 0
    assert max(counts[0]) > 16
    assert max(counts[1]) <= 16


def collected(readings: "queue.Queue[Reading]", wanted: Callable[[Reading], bool]) -> Reading:
    deadline_s = time.monotonic() + WAIT_S
    while True:
        reading = readings.get(timeout=max(deadline_s - time.monotonic(), 0.01))
        if wanted(reading):
            return reading


def setups(*unit_ids: int) -> list[MeterSetup]:
    return [MeterSetup(f"m{unit_id}", MODEL, unit_id, fast_s=0.05, timeout_s=1.0) for unit_id in unit_ids]


def test_two_buses_are_read_by_two_threads_and_a_slow_one_holds_up_nobody() -> None:
    readings: queue.Queue[Reading] = queue.Queue()
    with on_pty(answer) as quick, on_tcp(lambda _asked, _meter: None) as dead:
        tasks = [BusTask(quick.url, setups(1), SystemClock(), readings.put)]
        tasks.append(BusTask(dead.url, setups(2), SystemClock(), readings.put))
        for task in tasks:
            task.start()
        for _ in range(10):
            collected(readings, lambda reading: reading.meter == "m1" and reading.quality is Quality.GOOD)
        collected(readings, lambda reading: reading.meter == "m2" and reading.reason == "no answer")
        assert all(task.stop(WAIT_S) for task in tasks)
        assert all(not thread.name.startswith("bus ") for thread in threading.enumerate())


def test_a_port_that_appears_later_is_used_as_soon_as_it_is_there(tmp_path: os.PathLike[str]) -> None:
    readings: queue.Queue[Reading] = queue.Queue()
    link = f"{os.fspath(tmp_path)}/adapter"
    task = BusTask(f"rtu:{link}", setups(1), SystemClock(), readings.put)
    task.start()
    collected(readings, lambda reading: reading.reason.startswith("bus down"))
    with on_pty(answer) as device:
        os.symlink(device.url.removeprefix("rtu:"), link)  # noqa: PTH211 as udev does
        collected(readings, lambda reading: reading.quality is Quality.GOOD)
        assert task.stop(WAIT_S)


def test_a_lost_connection_is_made_again_and_costs_no_reading() -> None:
    readings: queue.Queue[Reading] = queue.Queue()

    def script(asked: Asked, device: ScriptedMeter) -> None:
        if len(device.asked) == 5:
            device.hang_up()
        else:
            answer(asked, device)

    with on_tcp(script) as device:
        task = BusTask(device.url, setups(1), SystemClock(), readings.put)
        task.start()
        for _ in range(10):
            assert readings.get(timeout=WAIT_S).quality is Quality.GOOD
        assert task._worker.bus.stats.reopened == 1
        assert task.stop(WAIT_S)


@define
class NameServer:
    """Answers nothing until `release` is set, from the next question on; `asked` is set by it."""

    asked: threading.Event = Factory(threading.Event)
    release: threading.Event = Factory(threading.Event)
    questions: int = 0

    def getaddrinfo(self, *question: object, **_kinds: object) -> list[object]:
        self.questions += 1
        self.asked.set()
        self.release.wait(WAIT_S)
        raise socket.gaierror(socket.EAI_AGAIN, f"no answer about {question[0]}")


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo)
    yield server
    server.release.set()
    for thread in threading.enumerate():
        if thread.name.startswith("bus "):
            thread.join(WAIT_S)


def test_a_bus_whose_name_server_never_answers_is_reported_down_and_leaves_one_thread_behind(
    name_server: NameServer, caplog: pytest.LogCaptureFixture
) -> None:
    readings: queue.Queue[Reading] = queue.Queue()
    clock = SystemClock()
    task = BusTask("tcp://meter.example:502", setups(1), clock, readings.put)
    task.start()
    assert name_server.asked.wait(WAIT_S)
    assert not task.is_stalled(clock.monotonic_s())
    assert readings.empty()
    late_s = clock.monotonic_s() + STALL_S + 1
    for _ in range(4):  # as the watchdog finds it stuck again and again
        assert task.is_stalled(late_s)
        task.restart()
    assert collected(readings, lambda _: True).reason == f"bus down: {HUNG}"
    assert task.restarts == 1
    assert sum(thread.name.startswith("bus ") for thread in threading.enumerate()) == 2
    assert caplog.text.count("starting it anew") == 1
    name_server.release.set()
    assert task.stop(WAIT_S)
    assert readings.empty()


def test_a_port_that_hangs_is_replaced_and_what_its_thread_reads_later_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    readings: queue.Queue[Reading] = queue.Queue()
    stuck, release = threading.Event(), threading.Event()
    connect = socket.create_connection

    def hang_once(*place: object, **how: object) -> object:
        if not stuck.is_set():
            stuck.set()
            release.wait(WAIT_S)
        return connect(*place, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "create_connection", hang_once)
    clock = SystemClock()
    with on_tcp(answer) as device:
        task = BusTask(device.url, setups(1), clock, readings.put)
        task.start()
        assert stuck.wait(WAIT_S)
        left = task._worker
        assert left is not None
        assert task.is_stalled(clock.monotonic_s() + STALL_S + 1)
        task.restart()
        assert collected(readings, lambda _: True).reason == f"bus down: {HUNG}"
        collected(readings, lambda reading: reading.quality is Quality.GOOD)
        assert not task.is_stalled(clock.monotonic_s())
        assert task.stop(WAIT_S)
        while not readings.empty():
            readings.get()
        asked = len(device.asked)
        release.set()
        left.thread.join(WAIT_S)
        assert not left.thread.is_alive()
        assert len(device.asked) > asked
        assert readings.empty()


def test_a_slow_meter_of_many_reads_is_not_stuck_as_long_as_its_requests_go_out() -> None:
    seen: list[bool] = []
    clock = FakeClock()
    bus = FakeBus(clock)
    worker = _Worker(loop_of(bus, lambda _: None), bus, _Outlet(lambda _: None), clock, 0.0)
    for _ in range(12):  # one turn: a dozen reads, each near the longest time-out
        clock.sleep(STALL_S - 1)
        bus.stats.requests += 1
        seen.append(worker.idle_s(clock.now_s) > 0)
    clock.sleep(STALL_S + 1)
    assert not any(seen)
    assert worker.idle_s(clock.now_s) > STALL_S


def test_a_disk_that_holds_up_the_main_loop_makes_no_bus_look_stuck() -> None:
    readings: queue.Queue[Reading] = queue.Queue(1)
    clock = SystemClock()
    with on_pty(answer) as device:
        task = BusTask(device.url, setups(1), clock, readings.put)
        task.start()
        assert task._worker is not None
        deadline_s = time.monotonic() + WAIT_S
        while not (readings.full() and task._worker.outlet.is_full):
            assert time.monotonic() < deadline_s
            time.sleep(0.001)
        assert not task.is_stalled(clock.monotonic_s() + 10 * STALL_S)
        readings.get()
        task.ask_to_stop()
        while task._worker.thread.is_alive():
            with contextlib.suppress(queue.Empty):
                readings.get(timeout=0.01)
        assert task.restarts == 0


def test_a_bus_for_which_there_is_no_thread_is_told_once_and_read_as_soon_as_there_is_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    readings: queue.Queue[Reading] = queue.Queue()
    clock = SystemClock()
    with on_tcp(answer) as device, monkeypatch.context() as limit:

        def refuse(_thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        limit.setattr(threading.Thread, "start", refuse)
        task = BusTask(device.url, setups(1), clock, readings.put)
        task.start()
        for _ in range(3):
            assert task.is_stalled(clock.monotonic_s())
            task.restart()
        assert caplog.text.count("TasksMax") == 1
        assert task.restarts == 0
        limit.undo()
        task.restart()
        assert collected(readings, lambda _: True).quality is Quality.GOOD
        assert task.stop(WAIT_S)


def test_a_reading_that_is_under_way_when_the_end_is_asked_for_is_handed_over() -> None:
    readings: queue.Queue[Reading] = queue.Queue()
    asked_for, ended = threading.Event(), threading.Event()

    def script(asked: Asked, device: ScriptedMeter) -> None:
        asked_for.set()
        ended.wait(WAIT_S)
        answer(asked, device)

    with on_tcp(script) as device:
        task = BusTask(device.url, setups(1), SystemClock(), readings.put)
        task.start()
        assert asked_for.wait(WAIT_S)
        task.ask_to_stop()
        ended.set()
        assert task.stop(WAIT_S)
        assert readings.get_nowait().quality is Quality.GOOD
        assert readings.empty()


def test_a_thread_that_dies_counts_as_stalled(caplog: pytest.LogCaptureFixture) -> None:
    died = threading.Event()

    def sink(_reading: Reading) -> None:
        died.set()
        raise RuntimeError("a fault of ours")

    clock = SystemClock()
    with on_pty(answer) as device:
        task = BusTask(device.url, setups(1), clock, sink)
        task.start()
        assert died.wait(WAIT_S)
        assert task._worker is not None
        task._worker.thread.join(WAIT_S)
        assert task.is_stalled(clock.monotonic_s())
        assert "a fault of ours" in caplog.text
        assert task.stop(WAIT_S)


def test_a_task_that_was_never_started_stops_and_is_not_stalled() -> None:
    task = BusTask("tcp://127.0.0.1:1", setups(1), SystemClock(), lambda _reading: None)
    assert not task.is_stalled(1e9)
    assert task.stop(0.0)


LOOK_S = 0.0002


class LookedAtClock(FakeClock):
    """Time passes only when somebody looks or waits: however slow the machine is, a wait is a wait."""

    def monotonic_s(self) -> float:
        self.now_s += LOOK_S
        return self.now_s


def test_while_a_read_waits_until_no_other_answer_can_be_taken_for_its_own_the_other_meter_is_read() -> None:
    clock, readings = LookedAtClock(), list[Reading]()
    model = evolve(MODEL, gap_registers_max=0)  # no register is spare, and two reads have one length
    with on_pty(answer) as device:
        bus = open_bus(device.url, clock)
        loop = BusLoop(bus, [MeterSetup(f"m{unit}", model, unit) for unit in (1, 2)], clock, readings.append)
        while len([one for one in readings if one.group is PollGroup.FAST]) < 2:
            clock.sleep(loop.turn())
        bus.close()
    assert all(one.quality is Quality.GOOD for one in readings)
    for reading in readings:
        for block in reading.blocks:
            asked = Asked(int(reading.meter[1:]), block.function, block.address, len(block.words) // 2)
            assert block.words == words(asked)
    first, second = [n for n, asked in enumerate(device.asked) if (asked.unit_id, asked.count) == (1, 2)][:2]
    assert {asked.unit_id for asked in device.asked[first + 1 : second]} == {1, 2}
    assert clock.now_s < 2 * DUPLICATE_MAX_S, "both meters waited in the same time"
