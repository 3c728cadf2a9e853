"""What a broker limits: packets too small for a seal, small ones, no retained messages, no QoS 1."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from evidence.seal import SEAL_BYTES_LONGEST
from evidence.words import Words
from provisioning.doctor.finding import Finding, failed, ok, warning
from provisioning.words.status import WHOLE_BODY_BYTES
from wire import messages
from wire.messages import Topics
from wire.mqtt_client import MqttClient
from wire.mqtt_events import PACKET_BYTES_MAX, PACKET_TOO_LARGE, Connected

Status = Mapping[str, Any] | None

_PACKETS_TOO_SMALL: Final = Words(
    "消息服务器的数据包上限太小：一个签封需要 {smallest} 字节，上限是 {most}",
    "the broker's packets are too small: one seal needs {smallest} bytes, it takes {most}",
)
_FEWER: Final = Words("更少", "fewer")
_LARGER_PACKETS: Final = Words(
    "在消息服务器上把上限设为 65536 字节（至少 4096）：mosquitto max_packet_size 和 message_size_limit、EMQX "
    "mqtt.max_packet_size、HiveMQ packets/max-packet-size、RabbitMQ mqtt.max_packet_size_authenticated、"
    "VerneMQ max_message_size、NanoMQ mqtt.max_packet_size",
    "let the broker take 65536 bytes (4096 at least): mosquitto max_packet_size and message_size_limit, EMQX "
    "mqtt.max_packet_size, HiveMQ packets/max-packet-size, RabbitMQ mqtt.max_packet_size_authenticated, "
    "VerneMQ max_message_size, NanoMQ mqtt.max_packet_size",
)
_IN_PARTS: Final = Words(
    "数据包上限 {most} 字节：较大的数据分段发送",
    "packets of {most} bytes at most: larger bodies go in parts",
)
_LESS: Final = (
    Words(
        "消息服务器不保留消息：重连后回执会晚到",
        "it keeps no retained messages: receipts come later after a reconnect",
    ),
    Words(
        "消息服务器只提供 QoS 0：丢失的数据要等超时后补发",
        "it has QoS 0 only: what gets lost is sent again after a time-out",
    ),
)
_LESS_REMEDY: Final = Words(
    "可以工作；建议在消息服务器上启用保留消息和 QoS 1",
    "it works; better enable retained messages and QoS 1 at the broker",
)


def smallest_packet(topics: Topics) -> int:
    """Bytes of the packet of one seal."""
    return messages.packet_bytes(topics.chain, messages.message_bytes([SEAL_BYTES_LONGEST]))


def judge_packets(
    status: Status, connected: Connected, topics: Topics, answers: Collection[int | None]
) -> Finding | None:
    """Whether a seal fits into the broker's packets, as it says itself or has shown to doctor or agent.

    Args:
        status: What the agent tells, None without one.
        connected: What the broker's CONNACK says.
        topics: The gateway's.
        answers: Reason codes that the doctor got for a packet of that size.
    """
    smallest, named = smallest_packet(topics), connected.packet_bytes_max
    known = _read_packets(status).get("bytes_max", named)
    most: object = min(named, known)
    if named >= smallest and PACKET_TOO_LARGE in answers:
        most = _FEWER
    elif min(named, known) >= smallest:
        return None
    text = _PACKETS_TOO_SMALL.fill(smallest=smallest, most=most)
    return failed("broker", text, _LARGER_PACKETS, "packets")


def judge_parts(status: Status, connected: Connected) -> Iterator[Finding]:
    """Whether larger bodies go in parts."""
    most = min(connected.packet_bytes_max, _read_packets(status).get("bytes_max", PACKET_BYTES_MAX))
    if most < WHOLE_BODY_BYTES:
        yield ok("broker", _IN_PARTS.fill(most=most), "packets")


def judge_offer(status: Status, connected: Connected, client: MqttClient) -> Iterator[Finding]:
    """What this broker does not offer and delivery can do without."""
    yield from judge_parts(status, connected)
    for missing, text in zip((not client.keeps_retained, client.qos_max == 0), _LESS, strict=True):
        if missing:
            yield warning("broker", text, _LESS_REMEDY, "mqtt")


def _read_packets(status: Status) -> Mapping[str, int]:
    return (status or {}).get("broker", {}).get("packets") or {}
