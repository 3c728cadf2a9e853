"""What the MQTT connection reports to whoever owns it."""

from attrs import frozen


@frozen
class Connected:
    """The broker let this client in."""

    session_present: bool
    receive_maximum: int
    packet_bytes_max: int


@frozen
class Disconnected:
    """The connection ended or did not come about; `reason_code` is the broker's, 0 if it gave none."""

    reason: str
    reason_code: int


@frozen
class Acked:
    """The broker answered the publish with this token."""

    token: int
    reason_code: int


@frozen
class Message:
    """A message came."""

    topic: str
    payload: bytes
    retained: bool


@frozen
class SubscribeRefused:
    """The broker does not grant a subscription."""

    topic: str
    reason_code: int


MqttEvent = Connected | Disconnected | Acked | Message | SubscribeRefused
