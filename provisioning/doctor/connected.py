"""What the running agent tells of its connection to the broker, as findings of the doctor.

An agent of an older version tells less; what it does not tell is not judged.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from evidence.words import Words
from provisioning.doctor.finding import Finding, failed, ok, warning
from provisioning.doctor.packets import judge_packets, judge_parts
from wire.messages import Topics
from wire.mqtt_events import PACKET_BYTES_MAX, Connected

Status = Mapping[str, Any]

BEACON_AGE_S_MAX: Final = 300.0
"""A centre sends one a minute, by its own clock."""
_DOWN: Final = Words(
    "代理没有连上消息服务器：{why}",
    "the agent is not connected to the broker: {why}",
)
_DOWN_REMEDY: Final = Words("查看消息服务器的日志和 ACL", "look into the broker's log and ACL")
OLD_BROKER: Final = Words(
    "消息服务器只支持 MQTT 3.1.1，本网关需要 MQTT 5",
    "the broker speaks MQTT 3.1.1 only, and this gateway needs MQTT 5",
)
MQTT5_BROKERS: Final = Words(
    "升级消息服务器：mosquitto 1.6、EMQX 3.0、HiveMQ 4、RabbitMQ 3.13、VerneMQ 1.6"
    "（allowed_protocol_versions 中须有 5）、NanoMQ 或更新的版本支持 MQTT 5",
    "bring the broker up to date: mosquitto 1.6, EMQX 3.0, HiveMQ 4, RabbitMQ 3.13, VerneMQ 1.6 (with 5 in "
    "allowed_protocol_versions), NanoMQ and later ones speak MQTT 5",
)
UNANSWERED: Final = Words(
    "消息服务器收到 MQTT 5 的连接请求后不应答即断开",
    "the broker closes the connection without an answer to the CONNECT of MQTT 5",
)
UNANSWERED_REMEDY: Final = Words(
    "它可能不支持 MQTT 5：{brokers}；否则查看消息服务器的日志和 ACL",
    "it may speak no MQTT 5: {brokers}; if it does, look into its log and ACL",
).fill(brokers=MQTT5_BROKERS)
_TOLD: Final[Mapping[str, tuple[Words, Words]]] = {
    "old_protocol": (OLD_BROKER, MQTT5_BROKERS),
    "unanswered": (UNANSWERED, UNANSWERED_REMEDY),
}
"""What an agent raises that says why it is not connected."""
_NOTHING: Final = Words("尚未连接过", "not connected yet")
_REFUSED: Final = Words("不允许订阅 {topics}", "may not subscribe to {topics}")
_DENIED: Final = Words("不允许发布", "may not publish")
_ACL_REMEDY: Final = Words(
    "ACL 须允许；dianjian centre broker-config 会写出",
    "the ACL must allow it: dianjian centre broker-config writes one",
)
_GOOD: Final = Words(
    "代理已连接，权限正常",
    "the agent is connected, let in, and allowed to write",
)
_NO_BEACON: Final = Words("没有收到中心的信标", "no beacon of the centre arrives")
_OLD_BEACON: Final = Words(
    "中心的上一个信标是 {at}",
    "the centre's last beacon is of {at}",
)
_BEACON_REMEDY: Final = Words(
    "中心须运行 dianjian subscribe；ACL 须允许读 dj/1/beacon",
    "the centre must run dianjian subscribe; the ACL must allow to read dj/1/beacon",
)
_REJECTED: Final = Words(
    "{count} 条消息不是中心所签，或是重放",
    "{count} messages were not signed by this centre, or were replayed",
)
_REJECTED_REMEDY: Final = Words(
    "核对 broker.centre_key 与中心的公钥（dianjian centre init）",
    "compare broker.centre_key with the centre's public key",
)
_CENTRE: Final = Words("中心的签名正确", "the centre signs with the key of the site file")


def judge_connected(
    status: Status, now: datetime, topics: Topics, subscriptions: Collection[str]
) -> Iterator[Finding]:
    """The connection, what it may do, and the centre behind it."""
    broker = status.get("broker", {})
    if not broker.get("connected"):
        for text, remedy in (_TOLD[code] for code in broker.get("alarms", ()) if code in _TOLD):
            yield failed("broker", text, remedy, "mqtt")
            return
        why = Words.same(str(broker["ended"])) if broker.get("ended") else _NOTHING
        yield failed("broker", _DOWN.fill(why=why), _DOWN_REMEDY, "connack")
        return
    unlimited = Connected(session_present=True, receive_maximum=0, packet_bytes_max=PACKET_BYTES_MAX)
    too_small = judge_packets(status, unlimited, topics, ())
    if too_small is not None:
        yield too_small
        return
    refused = [topic for topic in broker.get("refused", ()) if topic in subscriptions]
    if "not_authorized" in broker.get("alarms", ()):
        yield failed("broker", _DENIED, _ACL_REMEDY, "acl")
    elif refused:
        yield failed("broker", _REFUSED.fill(topics=", ".join(refused)), _ACL_REMEDY, "acl")
    else:
        yield ok("broker", _GOOD)
    yield from judge_parts(status, unlimited)
    since = now - timedelta(milliseconds=status.get("clock_ahead_ms") or 0)
    yield from _judge_centre(broker, since)


def _judge_centre(broker: Status, now: datetime) -> Iterator[Finding]:
    if "beacon_at" not in broker:
        return
    at, rejected = broker["beacon_at"], broker.get("rejected", 0)
    if at is None and rejected:
        yield failed("broker", _REJECTED.fill(count=rejected), _REJECTED_REMEDY, "centre")
    elif at is None:
        yield warning("broker", _NO_BEACON, _BEACON_REMEDY, "centre")
    elif (now - datetime.fromisoformat(at)).total_seconds() > BEACON_AGE_S_MAX:
        yield warning("broker", _OLD_BEACON.fill(at=at), _BEACON_REMEDY, "centre")
    else:
        yield ok("broker", _CENTRE, "centre")
