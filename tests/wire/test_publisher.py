"""The connection against brokers that misbehave: scripted, byte by byte."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from drivers.clock import SystemClock
from tests.wire.ends import Link, settings
from wire.mqtt_client import INCOMING_BYTES_MAX
from wire.mqtt_events import Acked, Connected, Disconnected
from wire.mqtt_settings import MqttSettings

CONNACK = bytes.fromhex("2003000000")
CONNACK_WINDOW_2 = bytes.fromhex("2006000003") + bytes.fromhex("210002")
TAKEN_OVER = bytes.fromhex("e0018e")
NOT_AUTHORIZED = bytes.fromhex("2003008700")
MALFORMED = [
    bytes.fromhex(text)
    for text in (
        "30", "3000", "3002ffff", "3203000161", "40", "4000", "400100", "4003000187ff", "5001", "62020001",
        "90020001", "9003000101", "b000", "d001ff", "e0", "f000", "0000", "ffffffffff", "20030000ff",
        "3004000161ff", "33ffffffff7f", "310a000161ffffffffffffff",
    )
]  # fmt: skip

GIANT = bytes.fromhex("3080c2d72f")
"""A PUBLISH that announces 100,000,000 bytes."""

Script = Callable[[socket.socket, int], None]


@contextmanager
def scripted(script: Script) -> Iterator[int]:
    """A broker that answers each connection with `script(connection, how many came before)`."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        count = 0
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.recv(4_096)
                script(connection, count)
            count += 1

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def until_closed(connection: socket.socket) -> bytes:
    received = b""
    while chunk := connection.recv(65_536):
        received += chunk
    return received


def test_the_thread_outlives_400_malformed_packets() -> None:
    def malformed(connection: socket.socket, count: int) -> None:
        if count < 400:
            connection.sendall(CONNACK + MALFORMED[count % len(MALFORMED)])
        else:
            connection.sendall(CONNACK)
            until_closed(connection)

    hasty = {"reconnect_first_s": 0.0, "reconnect_longest_s": 0.0}
    with scripted(malformed) as port, Link(settings("gw-7", port, **hasty)) as link:
        for _ in range(401):
            link.expect(Connected)
        assert link.publisher.is_alive()


def test_a_packet_above_what_was_advertised_ends_the_connection_before_it_is_read() -> None:
    def giant(connection: socket.socket, count: int) -> None:
        if count == 0:
            connection.sendall(CONNACK + GIANT)
            with suppress(OSError):
                for _ in range(50):
                    connection.sendall(bytes(1_000_000))
        else:
            connection.sendall(CONNACK)
            until_closed(connection)

    with scripted(giant) as port, Link(settings("gw-7", port)) as link:
        link.expect(Connected)
        assert "100000000 bytes" in link.expect(Disconnected).reason
        link.expect(Connected)
    assert INCOMING_BYTES_MAX < 1_000_000


def test_it_stops_although_no_puback_ever_comes() -> None:
    def silent(connection: socket.socket, _: int) -> None:
        connection.sendall(CONNACK)
        until_closed(connection)

    with scripted(silent) as port, Link(settings("gw-7", port)) as link:
        link.expect(Connected)
        link.publisher.publish(1, "dj/1/gw-7/seal", b"x")
        link.publisher.stop()
        assert not link.publisher.is_alive()


def test_no_more_than_the_brokers_receive_maximum_is_on_the_wire() -> None:
    received: list[bytes] = []

    def narrow(connection: socket.socket, _: int) -> None:
        connection.sendall(CONNACK_WINDOW_2)
        received.append(until_closed(connection))

    with scripted(narrow) as port, Link(settings("gw-7", port)) as link:
        assert link.expect(Connected).receive_maximum == 2
        for token in range(10):
            link.publisher.publish(token, "dj/1/gw-7/seal", b"payload")
        link.publisher.stop()
    assert received[0].count(b"payload") == 2


def test_what_was_not_acknowledged_does_not_go_out_again_by_itself() -> None:
    received: list[bytes] = []

    def cut(connection: socket.socket, count: int) -> None:
        connection.sendall(CONNACK)
        if count == 0:
            received.append(connection.recv(4_096))
        else:
            received.append(until_closed(connection))

    with scripted(cut) as port, Link(settings("gw-7", port)) as link:
        link.expect(Connected)
        link.publisher.publish(1, "dj/1/gw-7/seal", b"payload")
        link.expect(Disconnected)
        link.expect(Connected)
        link.publisher.publish(2, "dj/1/gw-7/seal", b"another")
        link.publisher.stop()
    assert b"payload" in received[0]
    assert b"payload" not in received[1], "the outbox decides, not paho's queue"
    assert b"another" in received[1]


@pytest.mark.parametrize(
    ("packet", "code"),
    [(CONNACK + TAKEN_OVER, 0x8E), (NOT_AUTHORIZED, 0x87), (CONNACK + bytes.fromhex("e00195"), 0x95)],
    ids=["taken over", "not let in", "packet too large"],
)
def test_the_brokers_reason_is_told(packet: bytes, code: int) -> None:
    def say(connection: socket.socket, _: int) -> None:
        connection.sendall(packet)
        until_closed(connection)

    quiet = {"reconnect_first_s": 100.0, "reconnect_longest_s": 100.0}
    with scripted(say) as port, Link(settings("gw-7", port, **quiet)) as link:
        assert link.expect(Disconnected).reason_code == code


class Unhurried(SystemClock):
    """Every pause is over at once, and is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses_s: list[float] = []

    def real_s(self, seconds: float) -> float:
        self.pauses_s.append(seconds)
        return 0.0


def test_a_broker_that_is_not_there_is_asked_for_every_second_however_long_it_is_away() -> None:
    probe = socket.create_server(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    clock = Unhurried()
    with Link(MqttSettings("127.0.0.1", port, "gw-7"), clock) as link:
        for _ in range(50):
            assert "refused" in link.expect(Disconnected).reason
    assert all(0.5 <= pause_s <= 1.0 for pause_s in clock.pauses_s)
    assert len(set(clock.pauses_s)) > 1, "gateways of one broker come back one by one"


def test_a_broker_that_hangs_up_is_asked_more_and_more_rarely() -> None:
    clock = Unhurried()
    with (
        scripted(lambda _connection, _count: None) as port,
        Link(MqttSettings("127.0.0.1", port, "gw-7"), clock) as link,
    ):
        for _ in range(9):
            link.expect(Disconnected)
    for pause_s, most_s in zip(clock.pauses_s, (1, 2, 4, 8, 16, 32, 50, 50), strict=False):
        assert most_s / 2 <= pause_s <= most_s


def test_a_reconnect_that_was_asked_for_is_made() -> None:
    def normal(connection: socket.socket, _: int) -> None:
        connection.sendall(CONNACK)
        until_closed(connection)

    with scripted(normal) as port, Link(settings("gw-7", port)) as link:
        link.expect(Connected)
        link.publisher.reconnect()
        link.expect(Disconnected)
        link.expect(Connected)


def test_a_sink_that_raises_does_not_end_the_thread() -> None:
    def normal(connection: socket.socket, _: int) -> None:
        connection.sendall(CONNACK)
        _, found, rest = connection.recv(4_096).partition(b"seal")
        connection.sendall(b"\x40\x02" + rest[:2] if found else b"")
        until_closed(connection)

    with scripted(normal) as port:
        link = Link(settings("gw-7", port))
        passed = link.events.put
        raised: list[object] = []

        def sink(event: object) -> None:
            if isinstance(event, Connected) and not raised:
                raised.append(event)
                raise RuntimeError("a mistake in a callback")
            passed(event)  # type: ignore[arg-type]

        link.publisher._sink = sink
        with link:
            assert "a mistake in a callback" in link.expect(Disconnected).reason
            link.expect(Connected)
            link.publisher.publish(5, "dj/1/gw-7/seal", b"x")
            assert link.expect(Acked).token == 5
