"""The events that the MQTT connection reports to its owner."""

from typing import Final

from attrs import frozen


@frozen
class Connected:
    """The broker accepted this client."""

    session_present: bool
    receive_maximum: int
    packet_bytes_max: int


@frozen
class Disconnected:
    """The connection ended or failed; `reason_code` is the broker's, 0 if it gave none.

    `unanswered`: it was closed without a CONNACK.
    """

    reason: str
    reason_code: int
    unanswered: bool = False


@frozen
class Acked:
    """The broker answered the publish with this token."""

    token: int
    reason_code: int


@frozen
class Message:
    """A message arrived."""

    topic: str
    payload: bytes
    retained: bool


@frozen
class SubscribeRefused:
    """The broker does not grant a subscription."""

    topic: str
    reason_code: int


MqttEvent = Connected | Disconnected | Acked | Message | SubscribeRefused

FAILURE: Final = 0x80
"""This reason code and those above mean a refusal (MQTT 5.0, section 2.4)."""
UNSPECIFIED: Final = 0x80
OLD_PROTOCOL: Final = 0x84
"""The broker speaks an older MQTT only: its word for it, or what its answers show (`wire.old_protocol`)."""
NOT_AUTHORIZED: Final = 0x87
SESSION_TAKEN_OVER: Final = 0x8E
PACKET_TOO_LARGE: Final = 0x95
NO_RETAIN: Final = 0x9A
QOS_NOT_SUPPORTED: Final = 0x9B
PACKET_BYTES_MAX: Final = 268_435_460
"""Largest packet that MQTT can name (section 2.1.4): applies while a broker names no maximum."""
