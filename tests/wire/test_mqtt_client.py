"""The client around paho: it decodes messages itself, and whatever comes, paho would say the same.

What is read at once is dealt out in turns, and a connection that breaks says why.
"""

import socket
import struct
import threading

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from paho.mqtt.client import MQTTv5
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import MalformedPacket, Properties

# The oracle; paho has no public name for it.
from paho.mqtt._packet import decode_publish  # isort: skip

from tests.wire.ends import PATIENCE_S, Link, settings
from tests.wire.test_publisher import CONNACK, scripted, until_closed
from wire.mqtt_client import READ_BYTES, READ_PACKETS, RECEIVE_MAXIMUM, MqttClient, parse_publish
from wire.mqtt_events import Connected, Message, MqttEvent

TOPIC = "dj/1/gw-7/receipt"


def packet_of(topic: bytes, mid: int, payload: bytes, *, qos: int = 1, properties: bytes = b"\0") -> bytes:
    """All behind the remaining length."""
    numbered = mid.to_bytes(2, "big") if qos else b""
    return len(topic).to_bytes(2, "big") + topic + numbered + properties + payload


def publish_of(mid: int, payload: bytes) -> bytes:
    rest = packet_of(TOPIC.encode(), mid, payload)
    size = len(rest)
    return bytes((0x32, size & 127 | 128, size >> 7)) + rest


@given(
    st.sampled_from([0x30, 0x31, 0x32, 0x33, 0x3A, 0x3B]),
    st.text(min_size=1, max_size=300),
    st.integers(1, 65_535),
    st.binary(max_size=400),
)
@example(0x32, "é" * 200, 1, b"")
def test_a_message_without_properties_is_what_paho_reads(
    command: int, topic: str, mid: int, payload: bytes
) -> None:
    raw = bytearray(packet_of(topic.encode(), mid, payload, qos=command >> 1 & 3))
    theirs, ours = decode_publish(command, raw, MQTTv5), parse_publish(command, raw)
    assert ours is not None
    assert ours.message == Message(theirs.topic.decode(), bytes(theirs.payload), theirs.retain)
    assert int.from_bytes(ours.mid, "big") == theirs.mid


@given(st.integers(0x30, 0x3F), st.binary(max_size=60))
@example(0x32, b"")
@example(0x32, b"\0\1a\0\1")
@example(0x32, b"\0\1a\0\0\0")
@example(0x32, b"\xff\xff")
def test_any_other_packet_is_read_as_paho_does_or_left_to_it(command: int, raw: bytes) -> None:
    ours = parse_publish(command, bytearray(raw))
    if ours is None:
        return
    try:
        theirs = decode_publish(command, bytearray(raw), MQTTv5)
    except MalformedPacket as error:
        raise AssertionError(f"paho refuses it: {error}") from error
    assert (theirs.topic.decode(), bytes(theirs.payload)) == (ours.message.topic, ours.message.payload)


@pytest.mark.parametrize(
    ("what", "command", "raw"),
    [
        ("properties", 0x32, None),
        ("a topic that is no text", 0x32, packet_of(b"\xff", 1, b"x")),
        ("an empty topic", 0x32, packet_of(b"", 1, b"x")),
        ("packet id 0", 0x32, packet_of(b"a", 0, b"x")),
        ("QoS 2", 0x34, packet_of(b"a", 1, b"x", qos=2)),
    ],
)
def test_what_is_rare_is_left_to_paho(what: str, command: int, raw: bytes | None) -> None:
    if raw is None:
        some = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        some.MessageExpiryInterval = 5
        raw = packet_of(b"a", 1, b"x", properties=some.pack())  # type: ignore[no-untyped-call]
    assert parse_publish(command, bytearray(raw)) is None, what


@pytest.mark.parametrize("piece", [1, 7, 1_000_000])
def test_every_message_of_a_stream_is_handed_on_and_acknowledged_in_order(piece: int) -> None:
    acks: list[bytes] = []
    count = RECEIVE_MAXIMUM
    stream = CONNACK + b"".join(publish_of(mid, bytes(mid)) for mid in range(1, count + 1))

    def send(connection: socket.socket, _: int) -> None:
        for at in range(0, len(stream), piece):
            connection.sendall(stream[at : at + piece])
        received = b""
        while len(received) < 4 * count and (more := connection.recv(65_536)):
            received += more
        acks.append(received)

    with scripted(send) as port, Link(settings("gw-7", port)) as link:
        link.expect(Connected)
        for mid in range(1, count + 1):
            assert link.expect(Message) == Message(TOPIC, bytes(mid), retained=False)
        link.expect(Connected)  # the broker has all of them and has closed
    assert acks[0] == b"".join(b"\x40\x02" + mid.to_bytes(2, "big") for mid in range(1, count + 1))


def test_what_is_read_at_once_is_dealt_out_in_turns_with_what_is_to_be_sent_and_without_a_wait() -> None:
    count, events = 1_000, list[MqttEvent]()
    stream = CONNACK + b"".join(publish_of(mid, b"x") for mid in range(1, count + 1))
    assert len(stream) < READ_BYTES

    def send(connection: socket.socket, _: int) -> None:
        connection.sendall(stream)
        until_closed(connection)

    wake, waker = socket.socketpair()
    with scripted(send) as port, wake, waker:
        client = MqttClient(settings("gw-7", port), events.append)
        client.connect()
        try:
            for _ in range(count):
                before = len(events)
                assert client.step(wake, 1_000)
                assert len(events) - before <= READ_PACKETS
                if len(events) == 1 + count:
                    break
        finally:
            client.forget()
    assert len(events) == 1 + count


def test_a_connection_that_breaks_in_a_publish_ends_with_a_reason_and_not_with_a_type_error() -> None:
    """paho closes the socket inside its publish, so the next step has none."""
    broken = threading.Event()

    def reset(connection: socket.socket, _: int) -> None:
        connection.sendall(CONNACK)
        connection.recv(65_536)  # the first publish
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        broken.set()

    wake, waker = socket.socketpair()
    events: list[MqttEvent] = []
    with scripted(reset) as port, wake, waker:
        client = MqttClient(settings("gw-7", port), events.append)
        client.connect()
        try:
            while not events:
                assert client.step(wake, 1_000)
            client.publish(1, TOPIC, b"x", retain=False)
            assert broken.wait(PATIENCE_S)
            for token in range(2, 5):
                client.publish(token, TOPIC, b"x", retain=False)
            assert not client.is_open()
            assert not client.step(wake, 1_000)
            assert client.end[0]
        finally:
            client.forget()
