"""One MQTT connection at a time, through paho. The only file that imports it.

For use by one thread. paho's own thread, queue and reconnecting are not used, because most of its traps are
there. The traps of paho 2.2, each handled where its number stands:

    [1] clean_start wipes the session on the first connect
    [2] TCP_NODELAY is never set: 44 ms from a seal to its receipt instead of 9
    [3] after a reconnect its whole queue goes out at once, ignoring every window
    [4] loop_stop hangs on an unacknowledged publish
    [5] an exception in a callback kills its thread while is_connected stays True
    [6] on_publish runs under a lock that publish takes, too
    [7] a PUBLISH of 100 MB is accepted although 64 kB was advertised
    [8] a socket whose TLS handshake failed is never closed (see `wire.mqtt_settings`)
    [9] a CONNACK of MQTT 3.1.1 is an error in the middle of decoding
    [10] a reason code that the standard does not list for a packet ends the connection and is lost: mosquitto
        answers a PUBLISH above its message_size_limit with PUBACK 0x95
    [11] a packet takes five reads and a send of the socket, each of which gives the interpreter away: 10 ms
        beside a thread that computes. What the socket has is read at once and dealt out from there, and
        all that came is acknowledged in one send
    [12] half of the time for a message goes into its properties, which it does not have: it is decoded here
    [13] it asks urllib for a proxy, which takes a tenth of the agent's start and 1.9 MiB with all of HTTP and
        mail behind it; none is ever used, whatever PySocks or the environment say

A broker may offer less than MQTT 5 has, and delivery needs less: without retained messages they are sent
as ordinary ones, and with QoS 0 alone a message counts as acknowledged when the socket has taken it,
because receipts are what counts. A will that asks for more than that is refused with the whole connection,
so it is made smaller for the next one.
"""

import contextlib
import select
import socket
import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any, Final

from attrs import frozen
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from wire.mqtt_events import (
    FAILURE,
    NO_RETAIN,
    OLD_PROTOCOL,
    PACKET_BYTES_MAX,
    QOS_NOT_SUPPORTED,
    UNSPECIFIED,
    Acked,
    Connected,
    Message,
    MqttEvent,
    SubscribeRefused,
)
from wire.mqtt_settings import MqttSettings, MqttSettingsError, ServerOnlyTls, TlsFiles, make_tls_context
from wire.old_protocol import MQTT5_NEEDED, is_old_connack


@contextlib.contextmanager
def _left_out(name: str) -> Iterator[None]:
    """An import of the module `name` gives an empty one meanwhile, unless it is there already [13]."""
    empty = ModuleType(name)
    sys.modules.setdefault(name, empty)
    try:
        yield
    finally:
        if sys.modules[name] is empty:
            del sys.modules[name]


with _left_out("urllib.request"):
    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage

WINDOW_MAX: Final = 20
"""Messages inside paho; larger windows were slower when measured."""
RECEIVE_MAXIMUM: Final = 100
"""Unacknowledged messages that the broker may send."""
INCOMING_BYTES_MAX: Final = 131_072
"""Largest packet that is read: twice a seal; a larger one ends the connection."""
CONNECT_TIMEOUT_S: Final = 10.0
"""For TCP and TLS each: longer than any satellite link takes, short enough for a stop."""
READ_BYTES: Final = 262_144
"""Read from the socket at once: as much as it usually holds."""
PUBACK: Final = 0x40
READ_PACKETS: Final = 20
"""Read before what is to be sent has its turn: a broker that sends without a pause must not hold it up."""
FILTERS_MAX: Final = 100
"""Topic filters in one SUBSCRIBE: 5 kB, which every broker's packets hold."""
WAKE_BYTES: Final = 4096
"""Wake-ups read at once."""


@frozen
class _Publish:
    """A PUBLISH of MQTT 5 without properties; `mid` is empty with QoS 0."""

    message: Message
    mid: bytes


def parse_publish(command: int, packet: bytearray) -> _Publish | None:
    """The message in a packet (MQTT 5.0, section 3.3); None for one that paho is to decode [12].

    Args:
        command: Its first byte.
        packet: All behind the remaining length.
    """
    qos = (command >> 1) & 3
    end = 2 + int.from_bytes(packet[:2], "big")
    body = end + (2 if qos else 0) + 1
    if qos > 1 or body > len(packet) or packet[body - 1]:
        return None
    try:
        topic = packet[2:end].decode()
    except UnicodeDecodeError:
        return None
    mid = bytes(packet[end : body - 1])
    if not topic or mid == bytes(2):
        return None
    return _Publish(Message(topic, bytes(memoryview(packet)[body:]), bool(command & 1)), mid)


class _Client(Client):
    """paho's client with a limit on the size of a packet [7], which notes how far a connect came.

    Attributes:
        sink: Takes each message.
        unread, unread_at: What was read of the socket [11], and how far it was dealt out.
        unsent: Acknowledgements.
    """

    sink: Callable[[MqttEvent], None]
    giant_bytes = 0
    alert = ""
    reached = False
    answered = False
    speaks_old = False
    said = 0
    puback = 0
    unread = b""
    unread_at = 0
    unsent = b""

    @property
    def has_unread(self) -> bool:
        """Whether bytes of the socket wait here [11]."""
        return self.unread_at < len(self.unread)

    def acknowledge(self) -> None:
        """Send the acknowledgements that wait [11]."""
        if self.unsent and self.socket() is not None:
            self._packet_queue(PUBACK, self.unsent, 0, 0)
        self.unsent = b""

    def _handle_publish(self) -> MQTTErrorCode:
        """Called with the whole PUBLISH."""
        quick = parse_publish(self._in_packet["command"], self._in_packet["packet"])
        if quick is None:
            return super()._handle_publish()
        self.sink(quick.message)
        if quick.mid:
            self.unsent += bytes((PUBACK, len(quick.mid))) + quick.mid
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_connack(self) -> MQTTErrorCode:
        """Called with the whole CONNACK; one of MQTT 3.1.1 is not decoded [9]."""
        packet = bytes(self._in_packet["packet"])
        self.answered = True
        self.speaks_old = is_old_connack(packet)
        if self.speaks_old:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        self.said = packet[1] if len(packet) > 1 else 0
        return super()._handle_connack()

    def _handle_disconnect(self) -> None:
        """Called with the whole DISCONNECT; its reason code is kept [10]."""
        packet = bytes(self._in_packet["packet"])
        self.said = packet[0] if packet else 0
        super()._handle_disconnect()

    def _handle_pubackcomp(self, cmd: Any) -> MQTTErrorCode:
        """Called with the whole PUBACK; its reason code is kept, and a common one put in its place [10]."""
        packet = bytearray(self._in_packet["packet"])
        self.puback = packet[2] if len(packet) > 2 else 0
        if len(packet) > 2:
            packet[2] = UNSPECIFIED if self.puback >= FAILURE else 0
            self._in_packet["packet"] = packet
        return super()._handle_pubackcomp(cmd)

    def _get_proxy(self) -> None:
        """No proxy [13]."""

    def _create_socket_connection(self) -> socket.socket:
        """TCP alone; TLS follows."""
        wire = super()._create_socket_connection()
        self.reached = True
        return wire

    def _sock_recv(self, bufsize: int) -> bytes:
        """Called for the rest of a packet: refuse before any of it is read."""
        if bufsize > INCOMING_BYTES_MAX:
            self.giant_bytes = bufsize
            raise ConnectionAbortedError("packet too large")
        if not self.has_unread:
            try:
                self.unread, self.unread_at = super()._sock_recv(READ_BYTES), 0
            except ssl.SSLError as error:  # TLS 1.3: the broker's alert about our certificate comes this late
                self.alert = (error.reason or str(error)).lower().replace("_", " ")
                raise
        at = self.unread_at
        self.unread_at = min(at + bufsize, len(self.unread))
        return self.unread[at : self.unread_at]

    def _sock_send(self, buf: bytes | bytearray) -> int:
        """A broker that has closed already may have sent an alert before."""
        try:
            return super()._sock_send(buf)
        except ssl.SSLError:
            with contextlib.suppress(OSError):
                self._sock_recv(1)
            raise


class MqttClient:
    """See the module.

    Attributes:
        tokens: paho's message id → token, for every publish without a PUBACK.
        window: How many of them there may be; 0 before CONNACK.
        end: Why the connection ended, as far as known, and the broker's reason code or 0.
        keeps_retained, qos_max: What this broker offers, as far as known.
    """

    def __init__(self, settings: MqttSettings, sink: Callable[[MqttEvent], None]) -> None:
        self._settings = settings
        self._sink = sink
        self._tls: ssl.SSLContext | None = None
        self._tls_stamps: tuple[object, ...] = ()
        self.keeps_retained, self.qos_max = True, 1
        self._is_asked = False  # TLS stands, and the CONNECT is on its way
        self._client = self._make_client()
        self.tokens: dict[int, int] = {}
        self.window = 0
        self.end = ("", 0)
        self._asked: dict[int, tuple[str, ...]] = {}  # paho's message id → topic filters
        self._more: dict[str, None] = {}  # filters beside those of the settings

    def connect(self) -> None:
        """TCP, TLS and the CONNECT packet; raises OSError."""
        self.end = ("", 0)
        self._client.giant_bytes = 0
        self._client.alert = ""
        self._client.reached = self._client.answered = self._client.speaks_old = False
        self._client.said = 0
        self._client.unread = self._client.unsent = b""
        self._is_asked = False
        self._take_new_certificate()
        self._client.reconnect()
        self._is_asked = True

    @property
    def reached(self) -> bool:
        """Whether the last `connect` got a TCP connection."""
        return self._client.reached

    @property
    def is_unanswered(self) -> bool:
        """Whether the last connection was closed without a CONNACK and without a word of TLS."""
        return self._is_asked and not (self._client.answered or self._client.alert)

    @property
    def has_room(self) -> bool:
        """Whether another message may be handed over."""
        busy = self.qos_max == 0 and self._client.want_write()  # no PUBACK will say when
        return len(self.tokens) < self.window and not busy

    def is_open(self) -> bool:
        """Whether there is a socket."""
        return self._client.socket() is not None

    def publish(self, token: int, topic: str, payload: bytes, *, retain: bool) -> None:
        """Send with QoS 1, or what the broker offers."""
        info = self._client.publish(topic, payload, qos=self.qos_max, retain=retain and self.keeps_retained)
        if self.qos_max:
            self.tokens[info.mid] = token
        else:
            self._sink(Acked(token, 0))

    def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe to further topics (QoS 1), now if there is a connection, and on every connect."""
        self._more |= dict.fromkeys(filters)
        if self.window:
            self._ask_for(filters)

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Take back what `subscribe` was called for."""
        for one in filters:
            self._more.pop(one, None)
        for at in range(0, len(filters) if self.window else 0, FILTERS_MAX):
            self._client.unsubscribe(list(filters[at : at + FILTERS_MAX]))

    def _ask_for(self, filters: Sequence[str]) -> None:
        for at in range(0, len(filters), FILTERS_MAX):
            asked = tuple(filters[at : at + FILTERS_MAX])
            mid = self._client.subscribe([(one, SubscribeOptions(qos=1)) for one in asked])[1]
            self._asked[mid or 0] = asked

    def step(self, wake: socket.socket, idle_ms: int) -> bool:
        """Wait at most `idle_ms` for the network or `wake`, and serve it; whether the connection stands."""
        client = self._client
        wire: Any = client.socket()
        if wire is None:  # paho has closed it, in a publish that the broker no longer took
            return False
        poll = select.poll()  # not select(), which takes no descriptor above 1023
        poll.register(wake, select.POLLIN)
        poll.register(wire, select.POLLIN | (select.POLLOUT if client.want_write() else 0))
        # TLS and the client may hold bytes that the socket no longer shows.
        pending = client.has_unread or getattr(wire, "pending", int)()
        ready = dict(poll.poll(0 if pending else idle_ms))
        if wake.fileno() in ready:
            wake.recv(WAKE_BYTES)
        state = ready.get(wire.fileno(), 0)
        if state & ~select.POLLOUT or pending:
            result = self._read()
            if client.giant_bytes:
                self.end = (f"the broker sends a packet of {client.giant_bytes} bytes", 0)
            if client.speaks_old:
                self.end = (MQTT5_NEEDED, OLD_PROTOCOL)
            elif client.said >= FAILURE and not self.end[1] and not self.is_open():
                self.end = (f"the broker's reason code is {client.said:#04x}", client.said)
            if result is not MQTTErrorCode.MQTT_ERR_SUCCESS or not self.is_open():
                return False
        if state & select.POLLOUT:
            client.loop_write()
        return client.loop_misc() is MQTTErrorCode.MQTT_ERR_SUCCESS

    def _read(self) -> MQTTErrorCode:
        result = self._client.loop_read()
        for _ in range(READ_PACKETS - 1):
            if result is not MQTTErrorCode.MQTT_ERR_SUCCESS or not self._client.has_unread:
                break
            result = self._client.loop_read()
        self._client.acknowledge()
        _acknowledge_at_once(self._client.socket())
        return result

    def leave(self) -> None:
        """Disconnect in order: the broker does not publish the will."""
        self._client.disconnect()
        self._client.loop_write()

    def forget(self) -> None:
        """Close, and drop what has no PUBACK: none of it may go out at the next connect [3] [4]."""
        self.window = 0
        self.tokens.clear()
        self._asked.clear()
        self._client.drop_out_messages()
        wire = self._client.socket()
        if wire is not None:
            wire.close()

    def _take_new_certificate(self) -> None:
        """Use a renewed certificate from this connection on; while the files do not fit, the old one."""
        files = self._settings.tls
        if self._tls is None or not isinstance(files, TlsFiles):
            return
        stamps = _read_stamps(files)
        if stamps != self._tls_stamps:
            with contextlib.suppress(MqttSettingsError):
                make_tls_context(files)  # a trial: a failure in the middle would leave ours half changed
                self._tls.load_cert_chain(files.certificate, files.key)
                self._tls.load_verify_locations(files.ca)
                self._tls_stamps = stamps

    def _make_client(self) -> _Client:
        settings = self._settings
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.sink = self._sink
        if settings.tls is not None:
            self._tls_stamps = _read_stamps(settings.tls)
            self._tls = make_tls_context(settings.tls)
            client.tls_set_context(self._tls)
        client.on_socket_open = _set_no_delay
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = settings.session_expiry_s
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.MaximumPacketSize = INCOMING_BYTES_MAX
        # [1] the default would wipe the session, and the messages in it, on the first connect.
        client.connect_async(
            settings.host, settings.port, settings.keepalive_s, clean_start=False, properties=properties
        )
        self._set_will(client)
        return client

    def _set_will(self, client: _Client) -> None:
        will = self._settings.will
        if will is not None:
            client.will_set(will.topic, will.payload, qos=self.qos_max, retain=self.keeps_retained)

    # Callbacks of paho, within `step`. [6] They only put events into the sink.

    def _on_connect(
        self,
        client: Client,
        _data: Any,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.value >= FAILURE:
            self.end = (str(reason), reason.value)
            self._note_offer(reason.value)
            return
        self.keeps_retained = bool(getattr(properties, "RetainAvailable", self.keeps_retained))
        self.qos_max = min(getattr(properties, "MaximumQoS", self.qos_max), 1)
        self._set_will(self._client)
        receive_maximum = getattr(properties, "ReceiveMaximum", 65_535)
        self.window = max(1, min(WINDOW_MAX, receive_maximum))
        for topic in self._settings.subscriptions:
            # Also in a session that was kept: only a new subscription makes retained receipts come again.
            self._asked[client.subscribe(topic, qos=1)[1] or 0] = (topic,)
        self._ask_for(list(self._more))
        size = getattr(properties, "MaximumPacketSize", PACKET_BYTES_MAX)
        self._sink(Connected(flags.session_present, receive_maximum, size))

    def _on_disconnect(
        self, _client: Client, _data: Any, flags: DisconnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        if not self.end[0]:
            code = reason.value if flags.is_disconnect_packet_from_server else 0
            self.end = (self._client.alert or str(reason), code)
            self._note_offer(code)

    def _note_offer(self, code: int) -> None:
        """Ask for less on the next connection if this is why the last one was refused or ended."""
        self.keeps_retained &= code != NO_RETAIN
        self.qos_max = 0 if code == QOS_NOT_SUPPORTED else self.qos_max
        self._set_will(self._client)

    def _on_publish(
        self, _client: Client, _data: Any, mid: int, _reason: ReasonCode, _properties: Any
    ) -> None:
        token = self.tokens.pop(mid, None)
        if token is not None:
            self._sink(Acked(token, self._client.puback))

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._sink(Message(message.topic, bytes(message.payload), message.retain))

    def _on_subscribe(
        self, _client: Client, _data: Any, mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        for topic, reason in zip(self._asked.pop(mid, ("",) * len(reasons)), reasons, strict=False):
            if reason.value >= FAILURE:
                self._sink(SubscribeRefused(topic, reason.value))


def _read_stamps(files: TlsFiles | ServerOnlyTls) -> tuple[object, ...]:
    """Identity, time and size of the files: changes when one is replaced."""
    if isinstance(files, ServerOnlyTls):
        return ()
    found: list[object] = []
    for file in (files.ca, files.certificate, files.key):
        with contextlib.suppress(OSError):
            stat = file.stat()
            found.append((stat.st_ino, stat.st_mtime_ns, stat.st_size))
    return tuple(found)


def _acknowledge_at_once(wire: Any) -> None:
    """Send this one TCP acknowledgement without delay (tcp(7)).

    A broker without TCP_NODELAY of its own sends a PUBACK and holds back the receipt behind it until
    the PUBACK is acknowledged, which Linux delays by 40 ms: 44 ms from seal to receipt instead of 4.
    """
    if wire is not None:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _set_no_delay(_client: Client, _data: Any, wire: Any) -> None:
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # [2]
