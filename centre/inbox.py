"""Between the connection's thread and the core: a queue for each gateway, and one for events.

The connection's thread never waits here. `batch` gives the core its next batch, and counts for each gateway
the time of the processor that its messages take; who takes far too long for one message is named.
"""

import queue
import threading
from collections.abc import Callable, Iterator

from attrs import define, field

from centre.core import Incoming
from centre.gateway.budget import MESSAGE_CPU_S_MAX
from centre.gateway.intake import SLICE_S, Intake
from wire import messages as wire
from wire.mqtt_events import Message, MqttEvent


@define
class Inbox:
    """See the module.

    Attributes:
        is_known: Whether a gateway is enrolled.
        now_s, cpu_s: Monotonic seconds, and seconds of the processor that this thread took.
        takes_strangers: Whether messages about other gateways are taken, too, to be told of.
        slow: Gateways with a message that took longer than MESSAGE_CPU_S_MAX, with its seconds.
    """

    is_known: Callable[[str], bool]
    now_s: Callable[[], float]
    cpu_s: Callable[[], float]
    takes_strangers: bool = True
    slow: dict[str, float] = field(init=False, factory=dict)
    _events: queue.SimpleQueue[MqttEvent] = field(init=False, factory=queue.SimpleQueue)
    _intake: Intake = field(init=False, factory=Intake)
    _changed: threading.Condition = field(init=False, factory=threading.Condition)

    def put(self, event: MqttEvent) -> None:
        """Take an event; called in the connection's thread."""
        with self._changed:
            if isinstance(event, Message) and event.topic != wire.BEACON:
                is_due = self._is_taken(event) and self._intake.put(event, self.is_known)
            else:
                is_due = True
                self._events.put(event)
            if is_due:
                self._changed.notify()

    def wait(self, timeout_s: float) -> None:
        """Until there is something to do, or until `timeout_s` real seconds have passed."""
        with self._changed:
            pause_s = self._intake.pause_s(self.now_s())
            if self._events.empty() and pause_s != 0:
                self._changed.wait(timeout_s if pause_s is None else min(timeout_s, pause_s))

    def events(self) -> list[MqttEvent]:
        """Everything that is no message of a gateway."""
        return [self._events.get_nowait() for _ in range(self._events.qsize())]

    def take_dropped(self) -> dict[str, int]:
        """Messages that had no room since the last call, by gateway."""
        with self._changed:
            return self._intake.take_dropped()

    def forget(self, gateway: str) -> None:
        """Drop what waits of a gateway; what still comes is dropped where strangers are not taken."""
        with self._changed:
            self._intake.forget(gateway)

    def is_held_up(self, gateway: str) -> bool:
        """Whether messages of a gateway wait here."""
        with self._changed:
            return self._intake.holds(gateway)

    def is_empty(self) -> bool:
        """Whether no message waits."""
        return self._intake.is_empty()

    def batch(self, messages_max: int) -> Iterator[Incoming]:
        """At most `messages_max` messages for one batch; each is charged when the next one is asked for."""
        begin_s = self.cpu_s()
        for _ in range(messages_max):
            with self._changed:
                found = self._intake.take(self.now_s())
            if found is None:
                return
            name, message = found
            before_s = self.cpu_s()
            yield Incoming(message.topic, message.payload)
            self.charge(name, self.cpu_s() - before_s)
            if self.cpu_s() - begin_s >= SLICE_S:
                return

    def charge(self, name: str, cpu_s: float) -> None:
        """Count what was done for a gateway."""
        with self._changed:
            self._intake.charge(name, cpu_s)
        if cpu_s > MESSAGE_CPU_S_MAX:
            self.slow[name] = cpu_s

    def _is_taken(self, message: Message) -> bool:
        if self.takes_strangers:
            return True
        try:
            return self.is_known(wire.parse_topic(message.topic)[0])
        except wire.WireError:
            return False
