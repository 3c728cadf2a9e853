"""The MQTT connection of gateway and subscriber: sends what it is given, reports events, decides nothing.

One thread owns the connection. `publish` hands over to that thread and returns at once; what happens is
reported by calling `sink` in that thread, which must only put the event into a queue.

Invariants
- paho never holds more than min(20, Receive Maximum) messages, whatever is handed over.
- What was not acknowledged when a connection ends is dropped here: the database is the queue, and
  the outbox decides again from receipts.
- The thread survives whatever the network or paho does (`is_alive`), and `stop` ends within seconds.
- A broker that speaks MQTT 3.1.1 only is told from one that refuses (`wire.old_protocol`).
- While nothing listens at the broker's port it tries every second: that costs little, and the first message
  follows the broker's return at once. If the broker listens and fails (TLS, CONNACK), or a connection is
  lost, pauses grow from 1 to 50 s, with jitter; after a session take-over the pause is the longest.
"""

import contextlib
import random
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from drivers.clock import Clock
from wire.mqtt_client import CONNECT_TIMEOUT_S, MqttClient
from wire.mqtt_events import OLD_PROTOCOL, SESSION_TAKEN_OVER, Connected, Disconnected, MqttEvent
from wire.mqtt_settings import MqttSettings
from wire.old_protocol import MQTT5_NEEDED, UNANSWERED, speaks_old_only
from wire.pacing import Backoff

POLL_MS: Final = 1000
"""paho's keepalive must run at least this often."""
DRAIN_POLL_MS: Final = 50
"""At a stop, how often the time limit is checked."""


class Publisher:
    """See the module."""

    def __init__(self, settings: MqttSettings, clock: Clock, sink: Callable[[MqttEvent], None]) -> None:
        self._settings = settings
        self._clock = clock
        self._sink = sink
        self._client = MqttClient(settings, self._report)
        self._outgoing: deque[tuple[int, str, bytes, bool]] = deque()
        self._filters: deque[tuple[Callable[[Sequence[str]], None], Sequence[str]]] = deque()
        self._stopping = threading.Event()
        self._reconnecting = threading.Event()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._backoff = Backoff(settings.reconnect_first_s, settings.reconnect_longest_s)
        self._unanswered = 0
        self._speaks_old = False
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{settings.client_id}", daemon=True)

    def start(self) -> None:
        """Begin to connect and to report events."""
        self._thread.start()

    def publish(self, token: int, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand over a message, QoS 1. An Acked with `token` follows, or a Disconnected."""
        self._outgoing.append((token, topic, payload, retain))
        self._wake()

    def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe to further topics (QoS 1), before what is published after this call."""
        self._filters.append((self._client.subscribe, filters))
        self._wake()

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Take back what `subscribe` was called for."""
        self._filters.append((self._client.unsubscribe, filters))
        self._wake()

    def reconnect(self) -> None:
        """End this connection and make another."""
        self._reconnecting.set()
        self._wake()

    def stop(self, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        """Send what was handed over, disconnect and end; waits at most `timeout_s` real seconds."""
        self._stopping.set()
        self._wake()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._wake_in.close()
            self._wake_out.close()

    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # a full socket wakes it too; a closed one means it has stopped
            self._wake_out.send(b"\0")

    def _report(self, event: MqttEvent) -> None:
        if isinstance(event, Connected):
            self._backoff.succeed()
        self._sink(event)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._serve()
            except Exception as error:  # noqa: BLE001 - the thread must survive whatever paho raises [5]
                self._client.end = (f"{type(error).__name__}: {error}", self._client.end[1])
            self._outgoing.clear()
            self._client.forget()
            is_unanswered = self._client.is_unanswered and not self._stopping.is_set()
            reason, code = self._ask_protocol() if is_unanswered else self._client.end
            self._unanswered = self._unanswered if is_unanswered else 0
            self._sink(Disconnected(reason or "connection lost", code, is_unanswered))
            if not self._stopping.is_set():
                self._stopping.wait(self._clock.real_s(self._pause_s(code)))

    def _ask_protocol(self) -> tuple[str, int]:
        """Why there was no CONNACK: whether the broker takes one of MQTT 3.1.1 is asked ever more rarely."""
        self._unanswered += 1
        if self._unanswered.bit_count() == 1:  # the first, second, fourth, eighth time, …
            self._speaks_old = speaks_old_only(self._settings)
        return (MQTT5_NEEDED, OLD_PROTOCOL) if self._speaks_old else (UNANSWERED, 0)

    def _serve(self) -> None:
        """One connection, from TCP to its end."""
        client = self._client
        self._reconnecting.clear()
        client.connect()
        drained_by_s: float | None = None
        while client.is_open():
            if self._stopping.is_set():
                now_s = time.monotonic()
                drained_by_s = drained_by_s or now_s + self._settings.drain_s
                waiting = client.window and (self._outgoing or client.tokens)
                if not waiting or now_s > drained_by_s:
                    break
            if self._reconnecting.is_set():
                break
            self._hand_over()
            if not client.step(self._wake_in, DRAIN_POLL_MS if self._stopping.is_set() else POLL_MS):
                return
        if client.is_open():
            client.leave()

    def _hand_over(self) -> None:
        while self._filters:
            change, filters = self._filters.popleft()
            change(filters)
        # What exceeds the window waits here, where the end of the connection drops it [3].
        while self._outgoing and self._client.has_room:
            token, topic, payload, retain = self._outgoing.popleft()
            self._client.publish(token, topic, payload, retain=retain)

    def _pause_s(self, code: int) -> float:
        pause_s = self._backoff.fail() if self._client.reached else self._settings.reconnect_first_s
        if code == SESSION_TAKEN_OVER:  # or two clients of one id throw each other out for ever
            pause_s = self._settings.reconnect_longest_s
        return pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads reconnects, protects nothing
