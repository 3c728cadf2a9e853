"""The rim's one queue: nothing that entered it is lost, and nobody who fills it holds up the end."""

import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import Factory, define

from agent.loop import BATCH_MAX, INBOX_MAX, TICK_S, Loop, PublisherDiedError, stop_buses
from agent.overview import overview
from agent.readings import Delivered
from agent.status.socket import StatusSocket, read_status
from drivers.clock import NS_PER_S, ClockState, Stamp, SystemClock
from drivers.reading import PollGroup, Quality, Reading
from tests.agent.rig import Rig
from wire.mqtt_events import Connected, MqttEvent

WAIT_S = 10.0


def reading(number: int) -> Delivered:
    stamp = Stamp(number * NS_PER_S, number * NS_PER_S, bytes(16), ClockState.SIMULATED)
    one = Reading("m1", PollGroup.FAST, stamp, bytes(32), (), Quality.BAD, str(number))
    return Delivered(one, b"record %d" % number)


@define
class FakeOutbox:
    reconnect: bool = False

    def wants_reconnect(self, _now_s: float) -> bool:
        return self.reconnect


@define
class FakeCourier:
    outbox: FakeOutbox = Factory(FakeOutbox)


@define
class FakeGateway:
    """Notes what it is handed; `at_tick` is called at each tick."""

    readings: list[str] = Factory(list)
    events: list[MqttEvent] = Factory(list)
    ticks: int = 0
    at_tick: Any = None
    courier: FakeCourier = Factory(FakeCourier)

    def reading(self, one: Reading, record: bytes) -> None:
        assert record == b"record " + one.reason.encode()
        self.readings.append(one.reason)

    def mqtt(self, event: MqttEvent, _stamp: Stamp, _now_s: float) -> None:
        self.events.append(event)

    def tick(self, _stamp: Stamp, _now_s: float) -> None:
        self.ticks += 1
        if self.at_tick is not None:
            self.at_tick(self)


@define
class FakePublisher:
    alive: bool = True
    reconnects: int = 0

    def is_alive(self) -> bool:
        return self.alive

    def reconnect(self) -> None:
        self.reconnects += 1


@define
class FakeBus:
    """A bus task; `end` is what its thread waits for."""

    stuck: bool = False
    restarts: int = 0
    asked: bool = False
    end: threading.Event = Factory(threading.Event)

    def is_stalled(self, _now_s: float) -> bool:
        return self.stuck

    def restart(self) -> None:
        self.restarts += 1
        self.stuck = False

    def ask_to_stop(self) -> None:
        self.asked = True

    def stop(self, timeout_s: float) -> bool:
        return self.end.wait(timeout_s)


@pytest.fixture
def status(tmp_path: Path) -> Iterator[StatusSocket]:
    socket = StatusSocket(tmp_path)
    yield socket
    socket.close()


EVENT = Connected(session_present=False, receive_maximum=20, packet_bytes_max=1000)


class HeldClock(SystemClock):
    """A clock that somebody holds in the hand."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 100.0

    def monotonic_s(self) -> float:
        return self.now_s


@pytest.mark.parametrize("count", [1, BATCH_MAX - 1, BATCH_MAX, BATCH_MAX + 1, 3 * BATCH_MAX + 7])
def test_whatever_enters_the_queues_is_handed_on_once_and_in_order(count: int) -> None:
    loop, gateway = Loop(SystemClock()), FakeGateway()
    for number in range(count):
        loop.put_reading(reading(number))
        loop.put_event(EVENT)
    loop.drain(gateway)  # type: ignore[arg-type]
    assert gateway.readings == [str(number) for number in range(count)]
    assert gateway.events == [EVENT] * count


def test_time_is_looked_at_between_batches() -> None:
    loop, gateway = Loop(SystemClock()), FakeGateway()
    for number in range(2 * BATCH_MAX):
        loop.put_reading(reading(number))
    loop.turn(gateway)  # type: ignore[arg-type]
    assert (gateway.ticks, len(gateway.readings)) == (1, BATCH_MAX)


def test_readings_left_over_by_one_turn_are_taken_by_the_next_without_a_wait() -> None:
    clock, gateway = HeldClock(), FakeGateway()
    loop = Loop(clock)
    for number in range(2 * BATCH_MAX):
        loop.put_reading(reading(number))
    loop.turn(gateway)  # type: ignore[arg-type]
    assert loop._left_s() == 0.0
    loop.turn(gateway)  # type: ignore[arg-type]
    assert (gateway.ticks, len(gateway.readings)) == (2, 2 * BATCH_MAX)


def test_readings_that_come_one_by_one_wait_for_the_tick_and_are_taken_before_it() -> None:
    clock, gateway, seen = HeldClock(), FakeGateway(), list[int]()
    gateway.at_tick = lambda gateway: seen.append(len(gateway.readings))
    loop = Loop(clock)
    loop.turn(gateway)  # type: ignore[arg-type]
    for number in range(5):
        loop.put_reading(reading(number))
        loop.put_event(EVENT)
        assert not loop.turn(gateway)  # type: ignore[arg-type]
    assert (seen, len(gateway.events), gateway.readings) == ([0], 5, [])
    clock.now_s += TICK_S
    assert loop.turn(gateway)  # type: ignore[arg-type]
    assert seen == [0, 5]


def test_an_event_of_the_connection_is_handed_on_at_once_and_brings_no_tick() -> None:
    clock, gateway = HeldClock(), FakeGateway()
    loop = Loop(clock)
    loop.turn(gateway)  # type: ignore[arg-type]
    loop.put_event(EVENT)
    assert not loop.turn(gateway)  # type: ignore[arg-type]
    assert (gateway.events, gateway.ticks) == ([EVENT], 1)


def test_an_event_wakes_a_loop_that_waits_and_a_reading_does_not() -> None:
    class SlowClock(HeldClock):
        def real_s(self, seconds: float) -> float:
            return seconds * WAIT_S / TICK_S

    loop, gateway = Loop(SlowClock()), FakeGateway()
    loop.turn(gateway)  # type: ignore[arg-type]
    waiting = threading.Thread(target=loop.turn, args=(gateway,), daemon=True)
    waiting.start()
    loop.put_reading(reading(0))
    waiting.join(0.2)
    assert waiting.is_alive()
    loop.put_event(EVENT)
    waiting.join(WAIT_S / 2)
    assert (waiting.is_alive(), gateway.events, gateway.readings) == (False, [EVENT], [])


def test_a_queue_that_stays_empty_is_a_turn_to_look_at_the_time() -> None:
    clock, gateway = HeldClock(), FakeGateway()
    loop = Loop(clock)
    assert [loop.turn(gateway) for _ in range(2)] == [True, True]  # type: ignore[arg-type]
    assert gateway.ticks == 2


def run(loop: Loop, gateway: FakeGateway, status: StatusSocket, **parts: Any) -> None:
    publisher, buses = parts.get("publisher", FakePublisher()), parts.get("buses", ())
    loop.run(gateway, publisher, buses, status, lambda _: {})  # type: ignore[arg-type]


def stop_after(loop: Loop, ticks: int) -> Any:
    return lambda gateway: loop.stop() if gateway.ticks >= ticks else None


def test_a_stalled_bus_is_started_anew(status: StatusSocket) -> None:
    loop, stuck, moving = Loop(SystemClock()), FakeBus(stuck=True), FakeBus()
    run(loop, FakeGateway(at_tick=stop_after(loop, 2)), status, buses=(stuck, moving))
    assert (stuck.restarts, moving.restarts) == (1, 0)


def test_a_dead_mqtt_thread_ends_the_process(status: StatusSocket) -> None:
    with pytest.raises(PublisherDiedError):
        run(Loop(SystemClock()), FakeGateway(), status, publisher=FakePublisher(alive=False))


def test_what_is_for_after_the_start_is_called_once_and_not_at_the_start(status: StatusSocket) -> None:
    loop, settled = Loop(SystemClock()), list[int]()

    def watch_again(gateway: FakeGateway) -> None:
        loop._watched_s = float("-inf")
        if gateway.ticks == 4:
            loop.stop()

    gateway = FakeGateway(at_tick=watch_again)
    loop.run(
        gateway,  # type: ignore[arg-type]
        FakePublisher(),  # type: ignore[arg-type]
        (),
        status,
        lambda _: {},
        settle=lambda: settled.append(gateway.ticks),
    )
    assert settled == [2]


def test_a_broker_that_owes_its_answers_is_left(status: StatusSocket) -> None:
    loop, publisher = Loop(SystemClock()), FakePublisher()
    gateway = FakeGateway(at_tick=stop_after(loop, 1), courier=FakeCourier(FakeOutbox(reconnect=True)))
    run(loop, gateway, status, publisher=publisher)
    assert publisher.reconnects == 1


def test_what_the_gateway_raises_ends_the_loop(status: StatusSocket) -> None:
    def fail(_gateway: FakeGateway) -> None:
        raise RuntimeError("the disk")

    with pytest.raises(RuntimeError, match="the disk"):
        run(Loop(SystemClock()), FakeGateway(at_tick=fail), status)


def test_many_buses_that_hang_cost_the_patience_of_one() -> None:
    buses = [FakeBus() for _ in range(20)]
    began_s = time.monotonic()
    stop_buses(buses, timeout_s=0.2)  # type: ignore[arg-type]
    assert time.monotonic() - began_s < 2.0  # twenty times 0.2 would be 4
    assert all(bus.asked for bus in buses)


def test_a_thread_that_waits_for_room_in_the_queue_ends_when_the_loop_is_stopped() -> None:
    loop = Loop(SystemClock())
    for number in range(INBOX_MAX):
        loop.put_reading(reading(number))
    blocked = threading.Thread(target=loop.put_reading, args=(reading(INBOX_MAX),), daemon=True)
    blocked.start()
    loop.stop()
    gateway = FakeGateway()
    while len(gateway.readings) < INBOX_MAX:
        loop.turn(gateway)  # type: ignore[arg-type]
    blocked.join(WAIT_S)
    assert not blocked.is_alive()


def test_someone_asks_for_the_status_while_it_runs(tmp_path: Path) -> None:
    rig, socket, loop = Rig(tmp_path / "g1"), StatusSocket(tmp_path), Loop(SystemClock())
    answers: list[dict[str, Any]] = []

    def ask() -> None:
        answers.append(read_status(tmp_path))
        loop.stop()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    try:
        loop.run(rig.gateway, FakePublisher(), (), socket, partial(overview, rig.parts))  # type: ignore[arg-type]
    finally:
        asking.join(WAIT_S)
        socket.close()
        rig.close()
    assert answers[0]["gateway"] == "g1"
