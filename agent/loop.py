"""The agent's main loop: two queues that the other threads fill and one thread empties.

Bus threads put readings, the MQTT thread puts its events. An event is handed to `Gateway` at once, because
the window moves with each answer. Readings wait for the next tick, at most TICK_S: a bus delivers them one by
one, and to wake up for each costs more than the reading. A kill loses none of them, because each is in the
spool before it is put. Nothing else touches core or store.

The supervisor's watchdog is served only while the loop turns, every bus thread turns and the MQTT thread is
alive. A stuck bus is restarted; a dead MQTT thread ends the process.
"""

import contextlib
import queue
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from agent.acquire import BusTask
from agent.gateway import Gateway
from agent.host.notify import notify
from agent.readings import Delivered
from agent.status.socket import StatusSocket
from drivers.clock import Clock, Stamp
from wire.mqtt_events import MqttEvent
from wire.publisher import Publisher

TICK_S: Final = 0.25
"""Of the plant's time: detection works in slots of 10 s and seals in intervals of seconds."""
TICK_REAL_S_MIN: Final = 0.01
"""So that a simulated plant, however fast its clock, leaves the other threads their turn."""
WATCHDOG_S: Final = 5.0
"""Real seconds between checks of the threads; the supervisor waits 30."""
WATCHES_OF_START: Final = 2
"""The first is at once."""
INBOX_MAX: Final = 20_000
"""Readings of a hundred meters at one a second for three minutes of a stuck disk."""
BATCH_MAX: Final = 500
"""Items taken from a queue before the time is looked at again."""
STOP_BUSES_S: Final = 3.0
"""A bus thread ends within one time-out; one that does not is left behind, its port is closed by exit."""

T = TypeVar("T")


class PublisherDiedError(Exception):
    """The MQTT thread has ended: end the process, the next start repairs."""


class Loop:
    """Owns the queues and turns until `stop`."""

    def __init__(self, clock: Clock) -> None:
        self._readings: queue.Queue[Delivered] = queue.Queue(INBOX_MAX)
        self._events: queue.Queue[MqttEvent] = queue.Queue(INBOX_MAX)
        self._clock = clock
        self._stopping = False
        self._watched_s = 0.0
        self._ticked_s = float("-inf")
        self._is_behind = False

    def put_reading(self, delivered: Delivered) -> None:
        """Hand a reading to the next tick, from any thread; waits while the queue is full."""
        self._readings.put(delivered)

    def put_event(self, event: MqttEvent) -> None:
        """Hand an event of the connection to the loop, and wake it; waits while the queue is full."""
        self._events.put(event)

    def stop(self) -> None:
        """End after the current turn; safe in a signal handler."""
        self._stopping = True

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def run(
        self,
        gateway: Gateway,
        publisher: Publisher,
        buses: Sequence[BusTask],
        status: StatusSocket,
        overview: Callable[[Stamp], dict[str, Any]],
        admit: Callable[[], object] = lambda: None,
        settle: Callable[[], object] = lambda: None,
    ) -> None:
        """Turn until `stop`, giving each reader of `status` an overview; raises what the gateway raises.

        `admit` is called each time: guests of the buses may be waiting. `settle` is called once, WATCHDOG_S
        after the start, when what was waited for is sent.
        """
        notify("READY=1")
        watches = 0
        while not self._stopping:
            if self.turn(gateway):
                for reader in status.waiting():
                    status.answer(reader, overview(self._clock.stamp()))
                admit()
            if gateway.courier.outbox.wants_reconnect(time.monotonic()):
                publisher.reconnect()
            if self._watch(publisher, buses):
                watches += 1
                if watches == WATCHES_OF_START:
                    settle()
        notify("STOPPING=1")

    def turn(self, gateway: Gateway) -> bool:
        """Wait for an event or the next tick, and do what is due; returns whether it ticked."""
        if self._take_events(gateway, self._left_s()) and self._left_s():
            return False
        self._ticked_s = self._clock.monotonic_s()
        self._is_behind = self._take_readings(gateway) == BATCH_MAX
        gateway.tick(self._clock.stamp(), time.monotonic())
        return True

    def drain(self, gateway: Gateway) -> None:
        """Take all that is queued, without waiting."""
        while self._take_readings(gateway) or self._take_events(gateway, 0.0):
            pass

    def _left_s(self) -> float:
        """Real seconds until the next tick."""
        passed_s = self._clock.monotonic_s() - self._ticked_s
        if self._is_behind or not 0 <= passed_s < TICK_S:
            return 0.0
        return max(self._clock.real_s(TICK_S - passed_s), TICK_REAL_S_MIN)

    def _take_readings(self, gateway: Gateway) -> int:
        return _take(self._readings, lambda one: gateway.reading(one.reading, one.record), 0.0)

    def _take_events(self, gateway: Gateway, wait_s: float) -> int:
        return _take(
            self._events, lambda event: gateway.mqtt(event, self._clock.stamp(), time.monotonic()), wait_s
        )

    def _watch(self, publisher: Publisher, buses: Sequence[BusTask]) -> bool:
        """Look after the threads, if it is time; returns whether it was."""
        now_s = time.monotonic()
        if now_s - self._watched_s < WATCHDOG_S:
            return False
        self._watched_s = now_s
        for bus in buses:
            if bus.is_stalled(self._clock.monotonic_s()):
                bus.restart()
        if not publisher.is_alive():
            raise PublisherDiedError("the MQTT thread has ended")
        notify("WATCHDOG=1")
        return True


def _take(inbox: "queue.Queue[T]", hand: Callable[[T], None], wait_s: float) -> int:
    """Hand over what is queued, after waiting for the first; returns how many, at most BATCH_MAX."""
    count = 0
    with contextlib.suppress(queue.Empty):
        while count < BATCH_MAX:
            hand(inbox.get(timeout=wait_s) if wait_s and not count else inbox.get_nowait())
            count += 1
    return count


def stop_buses(buses: Sequence[BusTask], timeout_s: float = STOP_BUSES_S) -> None:
    """End all of them within `timeout_s` real seconds together, not each."""
    for bus in buses:
        bus.ask_to_stop()
    deadline_s = time.monotonic() + timeout_s
    for bus in buses:
        bus.stop(max(deadline_s - time.monotonic(), 0.0))
