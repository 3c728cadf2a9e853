"""Checks of the broker: the way there, MQTT 5, CONNACK, rights, packets, and the centre behind it.

A broker may let in one connection a certificate, whatever client id it names, so beside a running agent
nothing is connected: its status tells what the broker said to it (`doctor.connected`), and only the way
there, up to TLS, is tried.

Without one the doctor uses a connection of its own, with the client id GATEWAY-doctor and a session that ends
with it. It publishes one message, not retained, on the gateway's state topic, which a centre only displays.
It is as long as a seal, so that a broker whose packets are too small for one refuses it.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Final

from attrs import evolve

from agent.site.file import ConfigError, Site
from agent.uplink.settings import mqtt_settings
from disk.version import read_version
from evidence.cbor import FormatError
from evidence.receipt import open_beacon
from evidence.words import Words
from provisioning.doctor.connected import (
    MQTT5_BROKERS,
    OLD_BROKER,
    UNANSWERED,
    UNANSWERED_REMEDY,
    judge_connected,
)
from provisioning.doctor.finding import Finding, Progress, Target, failed, ok, warning
from provisioning.doctor.packets import judge_offer, judge_packets, smallest_packet
from provisioning.doctor.tls import reach
from provisioning.words.labels import LABELS
from wire import messages
from wire.messages import Topics
from wire.mqtt_client import MqttClient
from wire.mqtt_events import (
    FAILURE,
    OLD_PROTOCOL,
    Acked,
    Connected,
    Message,
    MqttEvent,
    SubscribeRefused,
)
from wire.mqtt_settings import MqttSettings
from wire.old_protocol import speaks_old_only

ANSWER_S: Final = 6.0
BEACON_S: Final = 1.5
"""A retained beacon arrives right after the answer to the subscription."""
STEP_MS: Final = 200
CLIENT_SUFFIX: Final = "-doctor"
BEHIND_MS_MAX: Final = 5_000
_TOKEN: Final = 1
_SEAL_PACKET: Final = "packet of one seal"
_UNSEEN: Final = Words(
    "代理在运行，但读不到它的状态；同一证书不能再连一次",
    "an agent runs whose status cannot be read; its certificate cannot be used for a second connection",
)
_UNSEEN_REMEDY: Final = Words("以 root 运行：sudo dianjian doctor", "run it as root: sudo dianjian doctor")


def broker(target: Target, report: Progress) -> Iterator[Finding]:
    """The way to the broker, step by step, until one fails."""
    assert target.site is not None
    if target.site.broker is None:
        return
    topics = Topics(target.site.site.gateway)
    try:
        settings = mqtt_settings(target.site, target.site.broker, topics)
    except ConfigError:
        return  # `config` reports it
    connection = (target.status or {}).get("broker", {})
    if connection.get("alarms"):
        named = [LABELS.get(alarm, Words.same(str(alarm))) for alarm in connection["alarms"]]
        zh, en = "；".join(one.zh for one in named), "; ".join(one.en for one in named)
        text = Words(f"代理告警：{zh}", f"the agent raises: {en}")
        remedy = Words("见 dianjian status", "see dianjian status")
        yield warning("broker", text, remedy, "agent")
    bad = reach(settings, report)
    if bad is not None:
        yield bad
        return
    if target.status is not None:
        yield from judge_connected(target.status, target.now, topics, settings.subscriptions)
    elif target.is_running:
        yield warning("broker", _UNSEEN, _UNSEEN_REMEDY, "agent")
    else:
        yield from _check_mqtt(target, settings, report)


class _Received:
    """Events of the connection."""

    def __init__(self) -> None:
        self.connected: Connected | None = None
        self.acked: int | None = None
        self.refused: list[str] = []
        self.messages: list[Message] = []

    def __call__(self, event: MqttEvent) -> None:
        match event:
            case Connected():
                self.connected = event
            case Acked():
                self.acked = event.reason_code
            case SubscribeRefused():
                self.refused.append(event.topic)
            case Message():
                self.messages.append(event)
            case _:
                pass


def _check_mqtt(target: Target, settings: MqttSettings, report: Progress) -> Iterator[Finding]:
    assert target.site is not None
    topics = Topics(target.site.site.gateway)
    own = evolve(
        settings,
        client_id=topics.gateway + CLIENT_SUFFIX,
        will=None,
        session_expiry_s=0,
        subscriptions=(topics.receipt, messages.BEACON),
    )
    received = _Received()
    client = MqttClient(own, received)
    report("MQTT")
    try:
        _converse(client, received, _make_state(target, topics))
    except OSError as error:
        client.end = (error.strerror or str(error), 0)
    end, is_unanswered = client.end, client.is_unanswered
    is_old = end[1] == OLD_PROTOCOL or (is_unanswered and speaks_old_only(own))
    client.forget()
    if is_old:
        yield failed("broker", OLD_BROKER, MQTT5_BROKERS, "mqtt")
        return
    if received.connected is None and is_unanswered:
        yield failed("broker", UNANSWERED, UNANSWERED_REMEDY, "connack")
        return
    if received.connected is None:
        text = Words(
            f"消息服务器拒绝连接：{end[0] or '没有答复'}",
            f"the broker refuses the connection: {end[0] or 'no answer'}",
        )
        remedy = Words("查看消息服务器的日志和 ACL", "look into the broker's log and ACL")
        yield failed("broker", text, remedy, "connack")
        return
    too_small = judge_packets(target.status, received.connected, topics, {received.acked, end[1]})
    if too_small is not None:
        yield too_small
        return
    yield from _judge_rights(received, topics)
    yield from judge_offer(target.status, received.connected, client)
    yield from _judge_centre(target, target.site, received)


def _make_state(target: Target, topics: Topics) -> tuple[str, bytes]:
    """The message to publish: the state that is already retained there, as long as a seal."""
    online = bool((target.status or {}).get("broker", {}).get("connected"))
    details = {"doctor": read_version(), _SEAL_PACKET: ""}
    short = messages.encode_state(online=online, details=details)
    missing = smallest_packet(topics) - messages.packet_bytes(topics.state, len(short))
    return topics.state, messages.encode_state(
        online=online, details={**details, _SEAL_PACKET: "." * missing}
    )


def _converse(client: MqttClient, received: _Received, message: tuple[str, bytes]) -> None:
    reader, writer = socket.socketpair()
    with closing(reader), closing(writer):
        client.connect()
        is_sent = False
        end_s = time.monotonic() + ANSWER_S
        while time.monotonic() < end_s and client.step(reader, STEP_MS):
            if received.connected is not None and not is_sent:
                is_sent = True
                size = messages.packet_bytes(message[0], len(message[1]))
                if size > received.connected.packet_bytes_max:
                    break
                client.publish(_TOKEN, *message, retain=False)
            if received.acked is not None:
                end_s = min(end_s, time.monotonic() + BEACON_S)
                if _find_beacon(received) is not None:
                    break
        if client.is_open():
            client.leave()


def _judge_rights(received: _Received, topics: Topics) -> Iterator[Finding]:
    remedy = Words(
        "ACL 须允许；dianjian centre broker-config 会写出",
        "the ACL must allow it: dianjian centre broker-config writes one",
    )
    if received.acked is None or received.acked >= FAILURE:
        code = "–" if received.acked is None else f"{received.acked:#04x}"
        text = Words(
            f"不允许发布到 dj/1/{topics.gateway}/#（{code}）",
            f"may not publish below dj/1/{topics.gateway}/ ({code})",
        )
        yield failed("broker", text, remedy, "acl")
    elif received.refused:
        named = ", ".join(received.refused)
        text = Words(f"不允许订阅 {named}", f"may not subscribe to {named}")
        yield failed("broker", text, remedy, "acl")
    else:
        yield ok("broker", Words("连接、登录和权限正常", "reached, let in, and allowed to write"))


def _find_beacon(received: _Received) -> Message | None:
    return next((one for one in received.messages if one.topic == messages.BEACON), None)


def _judge_centre(target: Target, site: Site, received: _Received) -> Iterator[Finding]:
    message, key = _find_beacon(received), None if site.broker is None else site.broker.centre_key
    if message is None or key is None:
        text = Words("没有收到中心的信标", "no beacon of the centre arrives")
        remedy = Words(
            "中心须运行 dianjian subscribe；ACL 须允许读 dj/1/beacon",
            "the centre must run dianjian subscribe; the ACL must allow to read dj/1/beacon",
        )
        yield warning("broker", text, remedy, "centre")
        return
    try:
        beacon = open_beacon(message.payload, key)
    except FormatError:
        text = Words(
            "中心的信标不是用 broker.centre_key 签名的",
            "the centre's beacon is not signed by broker.centre_key",
        )
        remedy = Words(
            "核对 broker.centre_key 与中心的公钥（dianjian centre init）",
            "compare broker.centre_key with the centre's public key",
        )
        yield failed("broker", text, remedy, "centre")
        return
    behind_ms = beacon.centre_utc_ms - target.now.timestamp() * 1000
    if behind_ms > BEHIND_MS_MAX:
        text = Words(
            f"本机时间比中心至少慢 {behind_ms / 1000:.0f} 秒",
            f"this clock is at least {behind_ms / 1000:.0f} s behind the centre's",
        )
        remedy = Words("见 clock", "see `clock`")
        yield warning("broker", text, remedy, "centre")
        return
    yield ok("broker", Words("中心的签名正确", "the centre signs with the key of the site file"), "centre")
