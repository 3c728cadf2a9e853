"""The agent's main loop: one queue that every thread fills and one thread empties.

Bus threads put readings, the MQTT thread puts its events. The loop hands them to `Gateway` and calls its
`tick` at least every TICK_S, after an item at most every TEND_S: a bus delivers its readings one by one, and
waking up and ticking for each costs more than the reading. Nothing else touches core or store.

The supervisor's watchdog is served only while the loop turns, every bus thread turns and the MQTT thread is
alive. A stuck bus is restarted; a dead MQTT thread ends the process.
"""

import contextlib
import queue
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from agent.acquire import BusTask
from agent.gateway import Gateway
from agent.host.notify import notify
from agent.readings import Delivered
from agent.status.socket import StatusSocket
from drivers.clock import Clock, Stamp
from drivers.reading import Reading
from wire.mqtt_events import MqttEvent
from wire.publisher import Publisher

TICK_S: Final = 0.25
"""Of the plant's time: detection works in slots of 10 s and seals in intervals of seconds."""
TICK_REAL_S_MIN: Final = 0.02
TEND_S: Final = 0.02
"""Of the plant's time: an urgent record waits no longer than this."""
HOUR_S: Final = 3600.0
"""Long enough that a clock's minimum for short waits does not matter."""
WATCHDOG_S: Final = 5.0
"""Real seconds between checks of the threads; the supervisor waits 30."""
INBOX_MAX: Final = 20_000
"""Readings of a hundred meters at one a second for three minutes of a stuck disk."""
BATCH_MAX: Final = 500
"""Items taken from the queue before the next tick."""
STOP_BUSES_S: Final = 3.0
"""A bus thread ends within one time-out; one that does not is left behind, its port is closed by exit."""

Item = Delivered | Reading | MqttEvent


class PublisherDiedError(Exception):
    """The MQTT thread has ended: end the process, the next start repairs."""


class Loop:
    """Owns the queue and turns until `stop`."""

    def __init__(self, clock: Clock) -> None:
        self.inbox: queue.Queue[Item | None] = queue.Queue(INBOX_MAX)
        self._clock = clock
        self._stopping = False
        self._watched_s = 0.0
        self._tended_s = float("-inf")
        self._untended = False
        self._rests = False
        self._real_per_s = clock.real_s(HOUR_S) / HOUR_S

    def put(self, item: Item) -> None:
        """Hand something to the loop, from any thread; waits while the queue is full."""
        self.inbox.put(item)

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
    ) -> None:
        """Turn until `stop`, giving each reader of `status` an overview; raises what the gateway raises.

        `admit` is called each time: guests of the buses may be waiting.
        """
        notify("READY=1")
        while not self._stopping:
            if self.turn(gateway):
                for reader in status.waiting():
                    status.answer(reader, overview(self._clock.stamp()))
                admit()
            if gateway.courier.outbox.wants_reconnect(time.monotonic()):
                publisher.reconnect()
            self._watch(publisher, buses)
        notify("STOPPING=1")

    def turn(self, gateway: Gateway) -> bool:
        """Take what is queued, then tick if it is time; returns whether it ticked."""
        self._take(gateway, self._wait_s())
        left_s = self._left_s()
        if self._untended and left_s > 0:
            return False
        self._untended, self._tended_s = False, self._clock.monotonic_s()
        gateway.tick(self._clock.stamp(), time.monotonic())
        return True

    def _wait_s(self) -> float:
        """How long to wait for the next item, real seconds; after a reading, sleep until the next tick first.

        After an event of the connection it never sleeps: the window moves with each answer.
        """
        if not self._untended:
            return max(self._clock.real_s(TICK_S), TICK_REAL_S_MIN)
        left_s = self._left_s() * self._real_per_s
        if not self._rests:
            return left_s
        time.sleep(left_s)
        return 0.0

    def _left_s(self) -> float:
        """Seconds until the next tick after an item."""
        passed_s = self._clock.monotonic_s() - self._tended_s
        return max(TEND_S - passed_s, 0.0) if passed_s >= 0 else 0.0

    def _take(self, gateway: Gateway, wait_s: float) -> None:
        with contextlib.suppress(queue.Empty):
            for count in range(BATCH_MAX):
                item = self.inbox.get(timeout=wait_s) if wait_s and not count else self.inbox.get_nowait()
                self._hand(gateway, item)
                self._untended, self._rests = True, isinstance(item, Delivered | Reading)

    def _hand(self, gateway: Gateway, item: Item | None) -> None:
        if isinstance(item, Delivered):
            gateway.reading(item.reading, item.record)
        elif isinstance(item, Reading):
            gateway.reading(item)
        elif item is not None:
            gateway.mqtt(item, self._clock.stamp(), time.monotonic())

    def _watch(self, publisher: Publisher, buses: Sequence[BusTask]) -> None:
        now_s = time.monotonic()
        if now_s - self._watched_s < WATCHDOG_S:
            return
        self._watched_s = now_s
        for bus in buses:
            if bus.is_stalled(self._clock.monotonic_s()):
                bus.restart()
        if not publisher.is_alive():
            raise PublisherDiedError("the MQTT thread has ended")
        notify("WATCHDOG=1")


def stop_buses(buses: Sequence[BusTask], timeout_s: float = STOP_BUSES_S) -> None:
    """End all of them within `timeout_s` real seconds together, not each."""
    for bus in buses:
        bus.ask_to_stop()
    deadline_s = time.monotonic() + timeout_s
    for bus in buses:
        bus.stop(max(deadline_s - time.monotonic(), 0.0))
