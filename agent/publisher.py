"""The MQTT connection: carries what it is given, reports what happened, decides nothing.

One thread owns the paho client and the socket; nobody else touches either. `publish` hands over to
that thread and returns at once; whatever happens comes back as an event through `sink`, called in
that thread, which must only put it into a queue. Both the gateway and the subscriber use it.

Invariants
- paho never holds more than min(20, Receive Maximum) messages, whatever is handed over.
- What was not acknowledged when a connection ends is dropped here: the database is the queue, and
  the outbox decides again from receipts.
- The thread outlives whatever the network or paho does; `is_alive` says so, `stop` ends in seconds.
- TLS 1.3 with a client certificate; without TLS only to this machine, unless that was asked for.

Traps of paho 2.2, each met where it is marked: [1] clean_start wipes the session · [2] no
TCP_NODELAY (44 ms to a receipt instead of 9) · [3] its queue goes out at once after a reconnect ·
[4] loop_stop hangs on an unacknowledged publish · [5] an exception kills its thread while
is_connected stays True · [6] on_publish runs under its lock · [7] a PUBLISH of 100 MB is taken
although 64 kB was advertised.
"""

import contextlib
import random
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.delivery import FAILURE, SESSION_TAKEN_OVER
from agent.mqtt_events import Acked, Connected, Disconnected, Message, MqttEvent, SubscribeRefused
from agent.mqtt_settings import MqttSettings, tls_context
from agent.pacing import Backoff
from agent.window import PACKET_BYTES_MAX
from drivers.clock import Clock

WINDOW_MAX: Final = 20
"""Messages inside paho; larger windows were measured to be slower."""
RECEIVE_MAXIMUM: Final = 100
"""Messages that the broker may have on the way to here."""
INCOMING_BYTES_MAX: Final = 131_072
"""Largest packet that is read: twice a seal; a larger one ends the connection."""
CONNECT_TIMEOUT_S: Final = 10.0
"""For TCP and TLS each: longer than any satellite link, shorter than anybody's patience at a stop."""
POLL_MS: Final = 1000
"""paho wants to look after its keepalive at least this often."""

DRAIN_POLL_MS: Final = 50
"""At a stop, how often the end of patience is looked at."""


class _Client(Client):
    """paho's client with a bound on what one packet may bring [7]."""

    giant_bytes = 0

    def _sock_recv(self, bufsize: int) -> bytes:
        """The rest of a packet is asked for: refuse before any of it is taken in."""
        if bufsize > INCOMING_BYTES_MAX:
            self.giant_bytes = bufsize
            raise ConnectionAbortedError("packet too large")
        return super()._sock_recv(bufsize)


class Publisher:
    """See the module."""

    def __init__(self, settings: MqttSettings, clock: Clock, sink: Callable[[MqttEvent], None]) -> None:
        self._settings = settings
        self._clock = clock
        self._sink = sink
        self._client = self._make_client()
        self._outgoing: deque[tuple[int, str, bytes, bool]] = deque()
        self._tokens: dict[int, int] = {}  # paho's message id → token
        self._asked: dict[int, str] = {}  # paho's message id → topic filter
        self._window = 0
        self._end = ("", 0)  # why the connection ended, as far as known
        self._stopping = threading.Event()
        self._reconnecting = threading.Event()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._backoff = Backoff(settings.reconnect_first_s, settings.reconnect_longest_s)
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{settings.client_id}", daemon=True)

    def start(self) -> None:
        """Begin to connect; from now on events come."""
        self._thread.start()

    def publish(self, token: int, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand over a message, QoS 1. An Acked with `token` follows, or a Disconnected."""
        self._outgoing.append((token, topic, payload, retain))
        self._wake()

    def reconnect(self) -> None:
        """Leave this connection and make another."""
        self._reconnecting.set()
        self._wake()

    def stop(self, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        """Send what was handed over, disconnect and end; give up waiting after `timeout_s` real seconds."""
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
        with contextlib.suppress(OSError):  # full of wake-ups is awake enough; closed is stopped
            self._wake_out.send(b"\0")

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._end = ("", 0)
            try:
                self._serve()
            except Exception as error:  # noqa: BLE001 - [5] whatever paho raises, the link must outlive it
                self._end = (f"{type(error).__name__}: {error}", self._end[1])
            self._clear()
            self._sink(Disconnected(self._end[0] or "connection lost", self._end[1]))
            if not self._stopping.is_set():
                self._stopping.wait(self._clock.real_s(self._pause_s()))

    def _serve(self) -> None:
        """One connection, from TCP to its end."""
        self._reconnecting.clear()
        self._client.giant_bytes = 0
        self._client.reconnect()
        drained_by: float | None = None
        while self._client.socket() is not None:
            if self._reconnecting.is_set():
                break
            if self._stopping.is_set():
                drained_by = drained_by or time.monotonic() + self._settings.drain_s
                if not (self._outgoing or self._tokens) or time.monotonic() > drained_by or not self._window:
                    break
            self._hand_over()
            if self._step() is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                return
        if self._client.socket() is not None:
            self._client.disconnect()  # an orderly end: the broker keeps the will to itself
            self._client.loop_write()

    def _hand_over(self) -> None:
        # [3] what exceeds the window waits here, where a disconnect drops it, never inside paho.
        while self._outgoing and len(self._tokens) < self._window:
            token, topic, payload, retain = self._outgoing.popleft()
            info = self._client.publish(topic, payload, qos=1, retain=retain)
            self._tokens[info.mid] = token

    def _step(self) -> MQTTErrorCode:
        client = self._client
        wire: Any = client.socket()
        poll = select.poll()  # not select(): descriptors above 1023 are possible in a long life
        poll.register(self._wake_in, select.POLLIN)
        poll.register(wire, select.POLLIN | (select.POLLOUT if client.want_write() else 0))
        # TLS may hold bytes that the socket no longer shows.
        pending = getattr(wire, "pending", int)()
        idle_ms = DRAIN_POLL_MS if self._stopping.is_set() else POLL_MS
        ready = dict(poll.poll(0 if pending else idle_ms))
        if self._wake_in.fileno() in ready:
            self._wake_in.recv(4096)
        state = ready.get(wire.fileno(), 0)
        if state & ~select.POLLOUT or pending:
            result = client.loop_read()
            if client.giant_bytes:
                self._end = (f"the broker sends a packet of {client.giant_bytes} bytes", 0)
            if result is not MQTTErrorCode.MQTT_ERR_SUCCESS or client.socket() is None:
                return MQTTErrorCode.MQTT_ERR_CONN_LOST
        if state & select.POLLOUT:
            client.loop_write()
        return client.loop_misc()

    def _clear(self) -> None:
        self._window = 0
        self._outgoing.clear()
        self._tokens.clear()
        self._asked.clear()
        self._client.drop_out_messages()  # [3] [4] nothing of it may go out at the next connect
        wire = self._client.socket()
        if wire is not None:
            wire.close()

    def _pause_s(self) -> float:
        pause_s = self._backoff.fail()
        if self._end[1] == SESSION_TAKEN_OVER:  # two of the same name must not throw each other out for ever
            pause_s = self._settings.reconnect_longest_s
        return pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads reconnects, protects nothing

    def _make_client(self) -> _Client:
        settings = self._settings
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        if settings.tls is not None:
            client.tls_set_context(tls_context(settings.tls))
        if settings.will is not None:
            client.will_set(settings.will.topic, settings.will.payload, qos=1, retain=True)
        client.on_socket_open = _no_delay
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = settings.session_expiry_s
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.MaximumPacketSize = INCOMING_BYTES_MAX
        # [1] the default would wipe the session, and what waits in it, on the first connect.
        client.connect_async(
            settings.host, settings.port, settings.keepalive_s, clean_start=False, properties=properties
        )
        return client

    # Callbacks of paho, in its own turn inside _serve. [6] They only put events into the sink.

    def _on_connect(
        self,
        client: Client,
        _data: Any,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.value >= FAILURE:
            self._end = (str(reason), reason.value)
            return
        receive_maximum = getattr(properties, "ReceiveMaximum", 65_535)
        self._window = max(1, min(WINDOW_MAX, receive_maximum))
        self._backoff.succeed()
        for topic in self._settings.subscriptions:
            # Also in a session that was kept: it is what makes retained receipts come again.
            self._asked[client.subscribe(topic, qos=1)[1] or 0] = topic
        size = getattr(properties, "MaximumPacketSize", PACKET_BYTES_MAX)
        self._sink(Connected(flags.session_present, receive_maximum, size))

    def _on_disconnect(
        self,
        _client: Client,
        _data: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if not self._end[0]:
            self._end = (str(reason), reason.value if flags.is_disconnect_packet_from_server else 0)

    def _on_publish(
        self, _client: Client, _data: Any, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        token = self._tokens.pop(mid, None)
        if token is not None:
            self._sink(Acked(token, reason.value))

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._sink(Message(message.topic, bytes(message.payload), message.retain))

    def _on_subscribe(
        self,
        _client: Client,
        _data: Any,
        mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        for reason in reasons:
            if reason.value >= FAILURE:
                self._sink(SubscribeRefused(self._asked.get(mid, ""), reason.value))


def _no_delay(_client: Client, _data: Any, wire: Any) -> None:
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # [2]
