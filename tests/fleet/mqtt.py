"""As much of MQTT 5 as a thousand clients in one thread need: no paho, no thread, no clock.

A `Connection` takes what the socket has and gives what it means; what is to be sent waits in `outgoing`.
QoS 1 both ways, a clean session, no properties, no TLS (OASIS MQTT 5.0, sections 2 and 3).
"""

import struct
from typing import Final

from attrs import define, field, frozen

CONNACK: Final = 2
PUBLISH: Final = 3
PUBACK: Final = 4
PINGREQ: Final = bytes((0xC0, 0))
KEEPALIVE_S: Final = 60
RECEIVE_MAXIMUM: Final = 0x21
MAXIMUM_PACKET_SIZE: Final = 0x27
_PROPERTY_BYTES: Final = {
    0x24: 1,
    0x25: 1,
    0x28: 1,
    0x29: 1,
    0x2A: 1,
    0x13: 2,
    0x21: 2,
    0x22: 2,
    0x11: 4,
    0x27: 4,
}


class ProtocolError(Exception):
    """The broker has sent what this client does not read."""


@frozen
class Opened:
    """The broker's CONNACK."""

    receive_maximum: int
    packet_bytes_max: int


@frozen
class Acknowledged:
    """Its PUBACK for the packet with this id."""

    id: int
    reason_code: int


@frozen
class Arrived:
    """A message."""

    topic: str
    payload: bytes
    retained: bool


Event = Opened | Acknowledged | Arrived


def encode_length(length: int) -> bytes:
    """A variable byte integer."""
    out = bytearray()
    while True:
        length, low = length >> 7, length & 0x7F
        out.append(low | (0x80 if length else 0))
        if not length:
            return bytes(out)


def read_length(data: bytes, at: int) -> tuple[int, int] | None:
    """A variable byte integer and where it ends; None if more bytes are needed."""
    value = shift = 0
    while at < len(data):
        byte = data[at]
        value, at, shift = value | (byte & 0x7F) << shift, at + 1, shift + 7
        if not byte & 0x80:
            return value, at
        if shift > 21:
            raise ProtocolError("a length of more than four bytes")
    return None


def packet(head: int, body: bytes) -> bytes:
    return bytes((head,)) + encode_length(len(body)) + body


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack(">H", len(raw)) + raw


@define
class Connection:
    """One client; `outgoing` is what the socket has to take."""

    outgoing: bytearray = field(factory=bytearray)
    _incoming: bytearray = field(factory=bytearray)
    _id: int = 0

    def open(self, client_id: str, filters: list[str]) -> None:
        """CONNECT and SUBSCRIBE: a client need not wait for the CONNACK (3.1.4)."""
        head = text("MQTT") + bytes((5, 2)) + struct.pack(">H", KEEPALIVE_S) + b"\0"
        self.outgoing += packet(0x10, head + text(client_id))
        body = struct.pack(">H", self._next_id()) + b"\0" + b"".join(text(one) + b"\1" for one in filters)
        self.outgoing += packet(0x82, body)

    def publish(self, topic: str, payload: bytes) -> int:
        """A message; its packet id."""
        number = self._next_id()
        self.outgoing += packet(0x32, text(topic) + struct.pack(">H", number) + b"\0" + payload)
        return number

    def ping(self) -> None:
        self.outgoing += PINGREQ

    def feed(self, data: bytes) -> list[Event]:
        """What these bytes of the broker mean; a message is acknowledged at once."""
        self._incoming += data
        events: list[Event] = []
        at = 0
        while True:
            found = read_length(self._incoming, at + 1)
            if found is None or found[0] + found[1] > len(self._incoming):
                break
            length, begin = found
            event = self._read(self._incoming[at], bytes(self._incoming[begin : begin + length]))
            events += [] if event is None else [event]
            at = begin + length
        del self._incoming[:at]
        return events

    def _read(self, head: int, body: bytes) -> Event | None:
        kind = head >> 4
        if kind == CONNACK:
            if body[1]:
                raise ProtocolError(f"the broker refuses the connection: {body[1]:#04x}")
            numbers = _read_numbers(body[2:])
            return Opened(numbers.get(RECEIVE_MAXIMUM, 65_535), numbers.get(MAXIMUM_PACKET_SIZE, 268_435_460))
        if kind == PUBACK:
            return Acknowledged(int.from_bytes(body[:2], "big"), body[2] if len(body) > 2 else 0)
        if kind == PUBLISH:
            end = 2 + int.from_bytes(body[:2], "big")
            topic, at = body[2:end].decode(), end
            if head & 6:
                self.outgoing += bytes((0x40, 2)) + body[at : at + 2]
                at += 2
            length, at = read_length(body, at) or (0, at)
            return Arrived(topic, body[at + length :], bool(head & 1))
        return None  # SUBACK, PINGRESP; a DISCONNECT is followed by the end of the connection

    def _next_id(self) -> int:
        self._id = self._id % 65_535 + 1
        return self._id


def _read_numbers(data: bytes) -> dict[int, int]:
    """The properties of a CONNACK that are numbers."""
    length, at = read_length(data, 0) or (0, 0)
    end, found = at + length, {}
    while at < end:
        name, at = data[at], at + 1
        size = _PROPERTY_BYTES.get(name)
        if size is None:  # a string, or two of them
            for _ in range(2 if name == 0x26 else 1):
                at += 2 + int.from_bytes(data[at : at + 2], "big")
            continue
        found[name], at = int.from_bytes(data[at : at + size], "big"), at + size
    return found
