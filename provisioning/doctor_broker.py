"""The doctor on certificates and the broker: name, TCP, TLS with its reason, CONNACK, rights, the centre.

A connection of its own, under the client name GATEWAY-doctor and with a session that ends with it, so that
neither the session nor the retained messages of a running agent are touched. What it publishes is one
not-retained line on the gateway's state topic, which a centre only shows.
"""

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from attrs import evolve

from agent.build import mqtt_settings, version
from agent.certificates import Certificate, CertificateError, is_issued_by, load_many, parse_certificate
from agent.config import ConfigError, Site
from agent.evidence.cbor import FormatError
from agent.evidence.receipt import open_beacon
from agent.uplink import wire
from agent.uplink.delivery import FAILURE
from agent.uplink.mqtt_client import MqttClient
from agent.uplink.mqtt_events import Acked, Connected, Message, MqttEvent, SubscribeRefused
from agent.uplink.mqtt_settings import MqttSettings, MqttSettingsError, tls_context
from agent.uplink.wire import Topics
from provisioning.doctor_finding import Finding, Patient, Said, failed, ok, warning

CONNECT_S: Final = 5.0
ALERT_S: Final = 1.0
"""TLS 1.3 refuses a client's certificate after the handshake: the alert comes one way later."""
ANSWER_S: Final = 6.0
BEACON_S: Final = 1.5
"""A retained beacon comes right behind the answer to the subscription."""
STEP_MS: Final = 200
SOON: Final = timedelta(days=30)
PEM_BYTES_MAX: Final = 65_536
CLIENT_SUFFIX: Final = "-doctor"
BEHIND_MS_MAX: Final = 5_000
_TOKEN: Final = 1
_Tell = Callable[[str], None]

_CHECK_CA: Final[Said] = (
    "核对 broker.ca：应是签发消息服务器证书的 CA",
    "see that broker.ca is the authority that issued the broker's certificate",
)
_VERIFY: Final[dict[int, tuple[Said, Said]]] = {
    9: (
        ("消息服务器的证书尚未生效", "the broker's certificate is not valid yet"),
        ("先校准本机时间（见 clock）", "put this machine's clock right first (see `clock`)"),
    ),
    10: (
        ("消息服务器的证书已过期", "the broker's certificate has expired"),
        (
            "在消息服务器上更新证书；并核对本机时间",
            "renew it at the broker; and look at this machine's clock",
        ),
    ),
    62: (
        ("消息服务器证书上的名称不是 {host}", "the broker's certificate is not for the name {host}"),
        ("broker.url 用证书上的名称", "use the name in the certificate in broker.url"),
    ),
    64: (
        ("消息服务器证书上的地址不是 {host}", "the broker's certificate is not for the address {host}"),
        ("broker.url 用证书上的名称", "use the name in the certificate in broker.url"),
    ),
}
_OTHER_CA: Final = frozenset({2, 7, 18, 19, 20, 21})
"""X509_V_ERR_*: no issuer, an authority of the same name with another key, self-signed, no local issuer, one
certificate that nobody vouches for."""
_RENEW: Final[Said] = (
    "更新本网关的证书：dianjian renew",
    "renew the certificate of this gateway: dianjian renew",
)
_STRANGER: Final[Said] = (
    "消息服务器不认识签发本网关证书的 CA",
    "the broker does not know the authority of our certificate",
)
_SAME_CENTRE: Final[Said] = (
    "本网关的证书和消息服务器的 CA 须来自同一中心",
    "certificate and broker must be of the same centre",
)
_NEW_CA: Final[Said] = (
    "由中心建立新的 CA，并为网关和消息服务器签发新证书",
    "the centre makes a new authority, and new certificates for gateways and broker",
)
_ALERTS: Final[tuple[tuple[str, Said, Said], ...]] = (
    (
        "EXPIRED",
        ("消息服务器说本网关的证书已过期", "the broker says that our certificate has expired"),
        _RENEW,
    ),
    (
        "REVOKED",
        ("消息服务器说本网关的证书已吊销", "the broker says that our certificate is revoked"),
        _RENEW,
    ),
    ("UNKNOWN_CA", _STRANGER, _SAME_CENTRE),
    ("DECRYPT_ERROR", _STRANGER, _SAME_CENTRE),  # an authority of the same name with another key
    (
        "CERTIFICATE_REQUIRED",
        ("消息服务器要求证书", "the broker wants a certificate"),
        ("填写 broker.certificate 和 broker.key", "set broker.certificate and broker.key"),
    ),
)


def certificates(patient: Patient, _: _Tell) -> Iterator[Finding]:
    """The gateway's own certificate and its authority's, by themselves."""
    assert patient.site is not None
    broker = patient.site.broker
    if broker is None or not (broker.ca and broker.certificate):
        return
    own = _read(patient.site.path(broker.certificate), "broker.certificate")
    authority = _read(patient.site.path(broker.ca), "broker.ca")
    for one in (own, authority):
        if isinstance(one, Finding):
            yield one
    if isinstance(own, list):
        yield from _own(patient, own[0])
    if isinstance(authority, list):
        yield from _ends(patient, authority[0], "broker.ca", _NEW_CA)
        if isinstance(own, list) and not _is_chain(own, authority):
            yield failed(
                "certificates",
                (
                    "本网关的证书不是 broker.ca 签发的",
                    "this gateway's certificate is not issued by broker.ca",
                ),
                (*_CHECK_CA,),
                "broker.certificate",
            )


def _read(path: Path, about: str) -> list[bytes] | Finding:
    """The certificates (DER) in a PEM file, or what is wrong with it."""
    try:
        with path.open("rb") as stream:
            return load_many(stream.read(PEM_BYTES_MAX))
    except OSError as error:
        return failed(
            "certificates",
            (f"{path}：{error.strerror}", f"{path}: {error.strerror}"),
            ("登记后由中心签发：dianjian enrol", "the centre issues it when the gateway enrols"),
            about,
        )
    except CertificateError as error:
        return failed(
            "certificates",
            (f"{path}：{error}", f"{path}: {error}"),
            ("换成 PEM 格式的证书文件", "put a certificate in PEM there"),
            about,
        )


def _own(patient: Patient, der: bytes) -> Iterator[Finding]:
    assert patient.site is not None
    gateway = patient.site.site.gateway
    try:
        own = parse_certificate(der)
    except CertificateError as error:
        yield failed("certificates", (str(error), str(error)), _RENEW, "broker.certificate")
        return
    if own.name != gateway:
        yield failed(
            "certificates",
            (f"证书属于 {own.name}，不是 {gateway}", f"the certificate is {own.name}'s, not {gateway}'s"),
            ("每个网关须有自己的证书：重新登记", "each gateway has its own: enrol this one"),
            "broker.certificate",
        )
    yield from _ends(patient, der, "broker.certificate")


def _ends(patient: Patient, der: bytes, about: str, remedy: Said = _RENEW) -> Iterator[Finding]:
    try:
        one = parse_certificate(der)
    except CertificateError as error:
        yield failed("certificates", (str(error), str(error)), _CHECK_CA, about)
        return
    begins, ends = _moment(one.begins_utc_ms), _moment(one.ends_utc_ms)
    day = f"{ends:%Y-%m-%d %H:%M} UTC"
    if patient.now > ends:
        yield failed("certificates", (f"已于 {day} 过期", f"expired on {day}"), remedy, about)
    elif patient.now < begins:
        yield failed(
            "certificates",
            (f"{begins:%Y-%m-%d %H:%M} UTC 起才有效", f"valid only from {begins:%Y-%m-%d %H:%M} UTC"),
            ("先校准本机时间（见 clock）", "put this machine's clock right first (see `clock`)"),
            about,
        )
    elif _is_due(one, patient.now):
        yield warning("certificates", (f"{day} 到期", f"ends on {day}"), remedy, about)
    else:
        yield ok("certificates", f"{one.name}，有效期至 {day}", f"{one.name}, valid until {day}", about)


def _is_due(one: Certificate, now: datetime) -> bool:
    """Past two thirds of its life and within a month of its end: renewal should have happened."""
    begins, ends = _moment(one.begins_utc_ms), _moment(one.ends_utc_ms)
    return now > begins + (ends - begins) * 2 / 3 and ends - now < SOON


def _is_chain(own: list[bytes], authorities: list[bytes]) -> bool:
    """Whether some authority has issued the certificate, or what stands behind it in its own file."""
    return any(is_issued_by(own[0], one) for one in (*own[1:], *authorities)) and any(
        is_issued_by(own[-1], one) for one in authorities
    )


def broker(patient: Patient, tell: _Tell) -> Iterator[Finding]:
    """The way to the broker, step by step, until one fails."""
    assert patient.site is not None
    if patient.site.broker is None:
        return
    try:
        settings = mqtt_settings(patient.site, patient.site.broker, Topics(patient.site.site.gateway))
    except ConfigError:
        return  # `config` has said it
    connection = (patient.status or {}).get("broker", {})
    if connection.get("alarms"):
        named = ", ".join(map(str, connection["alarms"]))
        yield warning(
            "broker",
            (f"代理告警：{named}", f"the agent raises: {named}"),
            ("见 dianjian status", "see dianjian status"),
            "agent",
        )
    bad = _reach(settings, tell)
    if bad is not None:
        yield bad
        return
    yield from _mqtt(patient, settings, tell)


def _reach(settings: MqttSettings, tell: _Tell) -> Finding | None:
    """Name, TCP and TLS; what is wrong."""
    place = f"{settings.host}:{settings.port}"
    tell(place)
    try:
        socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except OSError as error:
        return failed(
            "broker",
            (
                f"无法解析名称 {settings.host}：{error.strerror}",
                f"the name {settings.host} is not found: {error.strerror}",
            ),
            (
                "检查 DNS（/etc/resolv.conf），或在 broker.url 用地址",
                "look at DNS (/etc/resolv.conf), or use an address",
            ),
            "name",
        )
    try:
        link = socket.create_connection((settings.host, settings.port), timeout=CONNECT_S)
    except OSError as error:
        why = error.strerror or str(error)
        return failed(
            "broker",
            (f"{place} 连接不上：{why}", f"{place} cannot be reached: {why}"),
            (
                "检查网络、防火墙和消息服务器是否运行",
                "look at network and firewall, and whether the broker runs",
            ),
            "tcp",
        )
    with closing(link):
        return None if settings.tls is None else _tls(settings, link)


def _tls(settings: MqttSettings, link: socket.socket) -> Finding | None:
    assert settings.tls is not None
    try:
        context = tls_context(settings.tls)
    except MqttSettingsError as error:
        why = "证书与私钥不匹配" if "MISMATCH" in str(error) else str(error)
        return failed(
            "broker",
            (f"TLS 文件不能使用：{why}", f"TLS files cannot be used: {error}"),
            (
                "检查 broker.ca、certificate、key 及其权限",
                "look at broker.ca, certificate and key, and their rights",
            ),
            "tls",
        )
    try:
        with context.wrap_socket(link, server_hostname=settings.host) as secured:
            secured.settimeout(ALERT_S)
            if secured.recv(1) == b"":
                return _hung_up()
    except TimeoutError:
        return None  # it waits for our first word
    except ssl.SSLCertVerificationError as error:
        return _unverified(error, settings.host)
    except ssl.SSLError as error:
        return _alert(error)
    except OSError:
        return _hung_up()
    return None


def _unverified(error: ssl.SSLCertVerificationError, host: str) -> Finding:
    if error.verify_code in _OTHER_CA:
        said = "消息服务器的证书由其他 CA 签发", "the broker's certificate is issued by another authority"
        return failed("broker", said, _CHECK_CA, "tls")
    (zh, en), remedy = _VERIFY.get(error.verify_code, (("{why}", "{why}"), _CHECK_CA))
    why = error.verify_message
    return failed("broker", (zh.format(host=host, why=why), en.format(host=host, why=why)), remedy, "tls")


def _alert(error: ssl.SSLError) -> Finding:
    reason = (error.reason or str(error)).upper()
    for mark, said, remedy in _ALERTS:
        if mark in reason:
            return failed("broker", said, remedy, "tls")
    if "VERSION" in reason:
        said = "消息服务器不支持 TLS 1.3", "the broker does not speak TLS 1.3"
        return failed("broker", said, ("升级消息服务器", "bring the broker up to date"), "tls")
    what = re.sub(r"\s*\(_ssl\.c:\d+\)", "", str(error))
    return failed(
        "broker",
        (f"TLS 握手失败：{what}", f"the TLS handshake fails: {what}"),
        ("核对端口：mqtts 通常是 8883", "see that the port speaks TLS: mqtts has 8883"),
        "tls",
    )


def _hung_up() -> Finding:
    return failed(
        "broker",
        ("消息服务器握手后即断开", "the broker hangs up after the handshake"),
        (
            "查看消息服务器的日志：证书、名称或黑名单",
            "look into the broker's log: certificate, name or a ban",
        ),
        "tls",
    )


class _Heard:
    """What the connection reports."""

    def __init__(self) -> None:
        self.connected = False
        self.acked: int | None = None
        self.refused: list[str] = []
        self.messages: list[Message] = []

    def __call__(self, event: MqttEvent) -> None:
        match event:
            case Connected():
                self.connected = True
            case Acked():
                self.acked = event.reason_code
            case SubscribeRefused():
                self.refused.append(event.topic)
            case Message():
                self.messages.append(event)
            case _:
                pass


def _mqtt(patient: Patient, settings: MqttSettings, tell: _Tell) -> Iterator[Finding]:
    assert patient.site is not None
    topics = Topics(patient.site.site.gateway)
    own = evolve(
        settings,
        client_id=topics.gateway + CLIENT_SUFFIX,
        will=None,
        session_expiry_s=0,
        subscriptions=(topics.receipt, wire.BEACON),
    )
    heard = _Heard()
    client = MqttClient(own, heard)
    tell("MQTT")
    try:
        _converse(client, heard, _hello(patient, topics))
    except OSError as error:
        client.end = (error.strerror or str(error), 0)
    end = client.end
    client.forget()
    if not heard.connected:
        yield failed(
            "broker",
            (
                f"消息服务器拒绝连接：{end[0] or '没有答复'}",
                f"the broker refuses the connection: {end[0] or 'no answer'}",
            ),
            ("查看消息服务器的日志和 ACL", "look into the broker's log and ACL"),
            "connack",
        )
        return
    yield from _rights(heard, topics)
    yield from _centre(patient, patient.site, heard)


def _hello(patient: Patient, topics: Topics) -> tuple[str, bytes]:
    """What is published: as true as the retained word that stands there."""
    online = bool((patient.status or {}).get("broker", {}).get("connected"))
    return topics.state, wire.encode_state(online=online, details={"doctor": version()})


def _converse(client: MqttClient, heard: _Heard, hello: tuple[str, bytes]) -> None:
    ear, mouth = socket.socketpair()
    with closing(ear), closing(mouth):
        client.connect()
        said = False
        end_s = time.monotonic() + ANSWER_S
        while time.monotonic() < end_s and client.step(ear, STEP_MS):
            if heard.connected and not said:
                said = True
                client.publish(_TOKEN, *hello, retain=False)
            if heard.acked is not None:
                end_s = min(end_s, time.monotonic() + BEACON_S)
                if _beacon(heard) is not None:
                    break
        if client.is_open():
            client.leave()


def _rights(heard: _Heard, topics: Topics) -> Iterator[Finding]:
    if heard.acked is None or heard.acked >= FAILURE:
        code = "–" if heard.acked is None else f"{heard.acked:#04x}"
        yield failed(
            "broker",
            (
                f"不允许发布到 dj/1/{topics.gateway}/#（{code}）",
                f"may not publish below dj/1/{topics.gateway}/ ({code})",
            ),
            (
                "ACL 须允许；dianjian centre broker-config 会写出",
                "the ACL must allow it: dianjian centre broker-config writes one",
            ),
            "acl",
        )
    elif heard.refused:
        named = ", ".join(heard.refused)
        yield failed(
            "broker",
            (f"不允许订阅 {named}", f"may not subscribe to {named}"),
            (
                "ACL 须允许；dianjian centre broker-config 会写出",
                "the ACL must allow it: dianjian centre broker-config writes one",
            ),
            "acl",
        )
    else:
        yield ok("broker", "连接、登录和权限正常", "reached, let in, and allowed to write")


def _beacon(heard: _Heard) -> Message | None:
    return next((one for one in heard.messages if one.topic == wire.BEACON), None)


def _centre(patient: Patient, site: Site, heard: _Heard) -> Iterator[Finding]:
    message, key = _beacon(heard), None if site.broker is None else site.broker.centre_key
    if message is None or key is None:
        yield warning(
            "broker",
            ("没有听到中心的信标", "no beacon of the centre is heard"),
            (
                "中心须运行 dianjian subscribe；ACL 须允许读 dj/1/beacon",
                "the centre must run dianjian subscribe; the ACL must allow to read dj/1/beacon",
            ),
            "centre",
        )
        return
    try:
        beacon = open_beacon(message.payload, key)
    except FormatError:
        yield failed(
            "broker",
            (
                "中心的信标不是用 broker.centre_key 签名的",
                "the centre's beacon is not signed by broker.centre_key",
            ),
            (
                "核对 broker.centre_key 与中心的公钥（dianjian centre init）",
                "compare broker.centre_key with the centre's public key",
            ),
            "centre",
        )
        return
    behind_ms = beacon.centre_utc_ms - patient.now.timestamp() * 1000
    if behind_ms > BEHIND_MS_MAX:
        yield warning(
            "broker",
            (
                f"本机时间比中心至少慢 {behind_ms / 1000:.0f} 秒",
                f"this clock is at least {behind_ms / 1000:.0f} s behind the centre's",
            ),
            ("见 clock", "see `clock`"),
            "centre",
        )
        return
    yield ok("broker", "中心的签名正确", "the centre signs with the key of the site file", "centre")


def _moment(utc_ms: int) -> datetime:
    return datetime.fromtimestamp(utc_ms / 1000, UTC)
