"""The centre's side of enrolment over MQTT: takes requests from a broker, answers, publishes the authority.

One serves the broker of gateways, which renew, one the broker of claims; the subscription tells them apart.
A claim client has no certificate, so what comes from there is bounded: the broker limits its connections,
the queue here drops what exceeds it, and a request is cleared after its answer in case it was retained. So is
whatever came under an id of another form.
"""

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Final

from attrs import evolve

from drivers.clock import SystemClock
from wire.enrolment import certificates
from wire.enrolment.answer import Answer, encode_answer
from wire.enrolment.topics import AUTHORITY, REQUESTS, find_answer_topic, is_litter
from wire.mqtt_events import Connected, Message, MqttEvent
from wire.mqtt_settings import MqttSettings
from wire.publisher import Publisher

QUEUE_MAX: Final = 200
"""Requests waiting in the queue, 20 MB at the very most; a gateway repeats its request."""
POLL_S: Final = 0.5

Receive = Callable[[bytes, str, str], Answer]
"""Takes a request, the gateway it must be for or "", and its transport."""


class Claims:
    """A thread that answers until it is stopped."""

    def __init__(self, settings: MqttSettings, authority: bytes, receive: Receive) -> None:
        self._authority = certificates.parse_certificate(authority).der
        self._receive = receive
        self._inbox: queue.Queue[MqttEvent] = queue.Queue(QUEUE_MAX)
        self._stopping = threading.Event()
        self._publishes_authority = REQUESTS in settings.subscriptions
        wanted = evolve(settings, session_expiry_s=0)
        self._publisher = Publisher(wanted, SystemClock(), self._put)
        self._thread = threading.Thread(target=self._run, name="claims", daemon=True)
        self._token = 0

    def start(self) -> None:
        """Connect and begin to answer."""
        self._publisher.start()
        self._thread.start()

    def stop(self) -> None:
        """End, and disconnect."""
        self._stopping.set()
        self._thread.join()
        self._publisher.stop()

    def is_alive(self) -> bool:
        """Whether it still answers; a fault of the office's files ends it."""
        return self._thread.is_alive()

    def _put(self, event: MqttEvent) -> None:
        with contextlib.suppress(queue.Full):
            self._inbox.put_nowait(event)

    def _run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(queue.Empty):
                event = self._inbox.get(timeout=POLL_S)
                if isinstance(event, Connected) and self._publishes_authority:
                    self._publish(AUTHORITY, self._authority, retain=True)
                elif isinstance(event, Message) and event.payload:
                    self._answer(event)

    def _answer(self, message: Message) -> None:
        found = find_answer_topic(message.topic)
        if found is None:
            if is_litter(message.topic):
                self._publish(message.topic, b"", retain=True)
            return
        to, gateway = found
        answer = self._receive(message.payload, gateway, "mqtt")
        self._publish(to, encode_answer(answer))
        if not gateway:
            self._publish(message.topic, b"", retain=True)  # clears a retained message

    def _publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._token += 1
        self._publisher.publish(self._token, topic, payload, retain=retain)
