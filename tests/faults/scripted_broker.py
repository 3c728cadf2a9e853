"""A broker that does what a test tells it, over a real socket: enough of MQTT v5 for one gateway.

It runs in a thread of its own. What gateways publish waits in `published`; retained messages are kept and
sent on SUBSCRIBE, as a broker must. Everything that may go wrong is an attribute of `Manners`, which
may be changed at any time.
"""

import contextlib
import queue
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from attrs import define, field, frozen

PUBLISH: Final = 3
PUBACK: Final = 4
ACCEPTED: Final = 0x00
QUOTA_EXCEEDED: Final = 0x93
PACKET_TOO_LARGE: Final = 0x95
HANG_UP: Final = -0x100
SWALLOW: Final = -0x101
DROP: Final = -0x102
"""What is done with a packet that is too large, where no reason code says so."""
LOOK_S: Final = 0.02
Say = tuple[str, bytes]


@frozen
class Published:
    """A PUBLISH as it came."""

    topic: str
    payload: bytes
    at_s: float


@define
class Manners:
    """How the broker behaves.

    Attributes:
        let_in: Reason code of the CONNACK.
        receive_maximum, packet_bytes_max: What the CONNACK names, None for nothing.
        puback: Reason code for a publish, None for silence, below 0 to hang up with that reason.
        takes_max, too_large: The largest PUBLISH that is taken, and what is done with others: a reason code
            for a PUBACK, below 0 for a DISCONNECT; or hang up, never answer, acknowledge and drop.
        ack_after_s: How long a PUBACK takes.
        greeting: Raw bytes behind the CONNACK of the n-th client.
        hang_up: Close right after the greeting.
        deaf: Nothing is read or written, and nothing is closed.
    """

    let_in: int = ACCEPTED
    receive_maximum: int | None = None
    packet_bytes_max: int | None = None
    puback: Callable[[str], int | None] = lambda _: ACCEPTED
    takes_max: int | None = None
    too_large: int = PACKET_TOO_LARGE
    ack_after_s: float = 0.0
    greeting: Callable[[int], bytes] = lambda _: b""
    hang_up: bool = False
    deaf: bool = False


@define
class _Link:
    """One connection."""

    wire: socket.socket
    buffer: bytes = b""
    let_in: bool = False
    unacked: set[int] = field(factory=set)
    acks: list[tuple[float, int, int]] = field(factory=list)


class ScriptedBroker:
    """See the module.

    Attributes:
        connects: How often a client was let in.
        exceeded: How often a client had more unacknowledged messages out than it may.
        largest: The largest PUBLISH packet that came.
    """

    def __init__(self, manners: Manners | None = None) -> None:
        self.manners = manners or Manners()
        self.published: queue.SimpleQueue[Published] = queue.SimpleQueue()
        self.connects = self.exceeded = self.largest = 0
        self.retained: dict[str, bytes] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._links: dict[int, _Link] = {}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._packet_id = 0
        self._up = True
        self._thread = threading.Thread(target=self._run, name="scripted broker")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(10)
        assert not self._thread.is_alive()
        self.cut()
        self._listener.close()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Say something to everybody who is connected."""
        with self._lock:
            if retain:
                self.retained[topic] = payload
            for link in list(self._links.values()):
                if link.let_in:
                    self._send(link, self._publish_packet(topic, payload, retain=False))

    def say(self, raw: bytes) -> None:
        """Send these bytes to everybody who is connected."""
        with self._lock:
            for link in list(self._links.values()):
                self._send(link, raw)

    def disconnect(self, reason: int) -> None:
        """Send a DISCONNECT with `reason` and hang up."""
        self.say(bytes((0xE0, 1, reason)))
        self.cut()

    def cut(self) -> None:
        """Close every connection without a word."""
        with self._lock:
            for link in list(self._links.values()):
                self._close(link)

    def down(self) -> None:
        """Be away: connections are closed as soon as they come."""
        with self._lock:
            self._up = False
            self.cut()

    def up(self) -> None:
        """Be there again."""
        self._up = True

    def _run(self) -> None:
        while not self._stopping.is_set():
            poll = select.poll()
            poll.register(self._listener, select.POLLIN)
            with self._lock:
                if not self.manners.deaf:
                    for fd in self._links:
                        poll.register(fd, select.POLLIN)
            wait_s = min((self._due_in_s(), LOOK_S))
            ready = poll.poll(wait_s * 1000)
            with self._lock:
                for fd, _ in ready:
                    if fd == self._listener.fileno():
                        self._take()
                    elif fd in self._links:
                        self._read(self._links[fd])
                self._acknowledge()

    def _take(self) -> None:
        wire, _ = self._listener.accept()
        if not self._up:
            wire.close()
            return
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.settimeout(5)
        self._links[wire.fileno()] = _Link(wire)

    def _read(self, link: _Link) -> None:
        try:
            chunk = link.wire.recv(1 << 18)
        except OSError:
            chunk = b""
        if not chunk:
            self._close(link)
            return
        link.buffer += chunk
        while link.wire.fileno() >= 0 and (packet := self._packet(link)) is not None:
            self._handle(link, *packet)

    def _packet(self, link: _Link) -> tuple[int, bytes] | None:
        length, shift, at = 0, 0, 1
        while True:
            if at >= len(link.buffer):
                return None
            byte = link.buffer[at]
            length |= (byte & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if not byte & 0x80:
                break
        if len(link.buffer) < at + length:
            return None
        head, body = link.buffer[0], link.buffer[at : at + length]
        link.buffer = link.buffer[at + length :]
        if head >> 4 == PUBLISH:
            self.largest = max(self.largest, at + length)
        return head, body

    def _handle(self, link: _Link, head: int, body: bytes) -> None:
        match head >> 4:
            case 1:
                self._let_in(link)
            case 8:
                self._subscribed(link, body)
            case 3:
                self._published(link, head, body)
            case 12:
                self._send(link, b"\xd0\0")
            case 14:
                self._close(link)

    def _let_in(self, link: _Link) -> None:
        manners = self.manners
        properties = b""
        if manners.receive_maximum is not None:
            properties += b"\x21" + struct.pack(">H", manners.receive_maximum)
        if manners.packet_bytes_max is not None:
            properties += b"\x27" + struct.pack(">I", manners.packet_bytes_max)
        body = bytes((0, manners.let_in, len(properties))) + properties
        self._send(link, bytes((0x20, len(body))) + body + manners.greeting(self.connects))
        if manners.let_in != ACCEPTED:
            self._close(link)
            return
        link.let_in = True
        self.connects += 1
        if manners.hang_up:
            self._close(link)

    def _subscribed(self, link: _Link, body: bytes) -> None:
        at = 3 + body[2]
        topics = []
        while at < len(body):
            size = struct.unpack(">H", body[at : at + 2])[0]
            topics.append(body[at + 2 : at + 2 + size].decode())
            at += 3 + size
        granted = bytes(1 for _ in topics)
        self._send(link, bytes((0x90, 3 + len(granted))) + body[:2] + b"\0" + granted)
        for topic in topics:
            if topic in self.retained:
                self._send(link, self._publish_packet(topic, self.retained[topic], retain=True))

    def _published(self, link: _Link, head: int, body: bytes) -> None:
        size = struct.unpack(">H", body[:2])[0]
        topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
        packet_id = struct.unpack(">H", rest[:2])[0]
        payload = rest[3 + rest[2] :]
        del head
        link.unacked.add(packet_id)
        if len(link.unacked) > (self.manners.receive_maximum or 65_535):
            self.exceeded += 1
            self._send(link, bytes((0xE0, 1, QUOTA_EXCEEDED)))
            self._close(link)
            return
        code = self.manners.puback(topic)
        if len(body) + 4 > (self.manners.takes_max or len(body) + 4):
            if self.manners.too_large == HANG_UP:
                self._close(link)
                return
            code = {SWALLOW: None, DROP: 0}.get(self.manners.too_large, self.manners.too_large)
            if self.manners.too_large == DROP:
                link.acks.append((time.monotonic() + self.manners.ack_after_s, packet_id, 0))
                return
        if code is not None and code < 0:
            self._send(link, bytes((0xE0, 1, -code)))
            self._close(link)
            return
        if code is not None:
            link.acks.append((time.monotonic() + self.manners.ack_after_s, packet_id, code))
        if code is not None and code < 0x80:
            self.published.put(Published(topic, payload, time.monotonic()))

    def _due_in_s(self) -> float:
        with self._lock:
            dues = [ack[0] for link in self._links.values() for ack in link.acks[:1]]
        return max(min(dues, default=float("inf")) - time.monotonic(), 0.0)

    def _acknowledge(self) -> None:
        for link in list(self._links.values()):
            while link.acks and link.acks[0][0] <= time.monotonic():
                _, packet_id, code = link.acks.pop(0)
                link.unacked.discard(packet_id)
                self._send(link, struct.pack(">BBHB", 0x40, 3, packet_id, code))

    def _publish_packet(self, topic: str, payload: bytes, *, retain: bool) -> bytes:
        self._packet_id = self._packet_id % 65_535 + 1
        name = topic.encode()
        body = struct.pack(">H", len(name)) + name + struct.pack(">H", self._packet_id) + b"\0" + payload
        return bytes((0x32 | retain,)) + variable(len(body)) + body

    def _send(self, link: _Link, raw: bytes) -> None:
        try:
            link.wire.sendall(raw)
        except OSError:
            self._close(link)

    def _close(self, link: _Link) -> None:
        for fd, known in list(self._links.items()):
            if known is link:
                del self._links[fd]
        with contextlib.suppress(OSError):
            link.wire.close()


def variable(number: int) -> bytes:
    """A variable byte integer (MQTT 5.0, section 1.5.5)."""
    out = b""
    while True:
        number, byte = divmod(number, 128)
        out += bytes((byte | (0x80 if number else 0),))
        if not number:
            return out
