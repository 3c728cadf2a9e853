"""Checks below MQTT on the way to a broker: name, TCP and TLS, each refusal with its reason and remedy."""

import re
import socket
import ssl
from contextlib import closing
from typing import Final

from disk.translation import to_chinese
from evidence.words import Words
from provisioning.doctor.finding import CHECK_CA, RENEW, Finding, Progress, failed
from wire.mqtt_settings import MqttSettings, MqttSettingsError, make_tls_context

CONNECT_S: Final = 5.0
ALERT_S: Final = 1.0
"""TLS 1.3 refuses a client's certificate after the handshake: the alert arrives one trip later."""

_VERIFY: Final[dict[int, tuple[Words, Words]]] = {
    9: (
        Words("消息服务器的证书尚未生效", "the broker's certificate is not valid yet"),
        Words("先校准本机时间（见 clock）", "put this machine's clock right first (see `clock`)"),
    ),
    10: (
        Words("消息服务器的证书已过期", "the broker's certificate has expired"),
        Words(
            "在消息服务器上更新证书；并核对本机时间",
            "renew it at the broker; and look at this machine's clock",
        ),
    ),
    62: (
        Words("消息服务器证书上的名称不是 {host}", "the broker's certificate is not for the name {host}"),
        Words("broker.url 用证书上的名称", "use the name in the certificate in broker.url"),
    ),
    64: (
        Words("消息服务器证书上的地址不是 {host}", "the broker's certificate is not for the address {host}"),
        Words("broker.url 用证书上的名称", "use the name in the certificate in broker.url"),
    ),
}
_OTHER_CA: Final = frozenset({2, 7, 18, 19, 20, 21})
"""X509_V_ERR_*: no issuer, an authority of the same name with another key, self-signed, no local issuer, one
certificate that nobody vouches for."""
_STRANGER: Final = Words(
    "消息服务器不认识签发本网关证书的 CA", "the broker does not know the authority of our certificate"
)
_SAME_CENTRE: Final = Words(
    "本网关的证书和消息服务器的 CA 须来自同一中心", "certificate and broker must be of the same centre"
)
_ALERTS: Final[tuple[tuple[str, Words, Words], ...]] = (
    (
        "EXPIRED",
        Words("消息服务器认为本网关的证书已过期", "the broker says that our certificate has expired"),
        RENEW,
    ),
    (
        "REVOKED",
        Words("消息服务器认为本网关的证书已吊销", "the broker says that our certificate is revoked"),
        RENEW,
    ),
    ("UNKNOWN_CA", _STRANGER, _SAME_CENTRE),
    ("DECRYPT_ERROR", _STRANGER, _SAME_CENTRE),  # an authority of the same name with another key
    (
        "CERTIFICATE_REQUIRED",
        Words("消息服务器要求证书", "the broker wants a certificate"),
        Words("填写 broker.certificate 和 broker.key", "set broker.certificate and broker.key"),
    ),
)


def reach(settings: MqttSettings, report: Progress) -> Finding | None:
    """Try name, TCP and TLS; the problem, None if there is none."""
    place = f"{settings.host}:{settings.port}"
    report(place)
    try:
        socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except OSError as error:
        text = Words(
            f"无法解析名称 {settings.host}：{to_chinese(str(error.strerror))}",
            f"the name {settings.host} is not found: {error.strerror}",
        )
        remedy = Words(
            "检查 DNS（/etc/resolv.conf），或在 broker.url 用地址",
            "look at DNS (/etc/resolv.conf), or use an address",
        )
        return failed("broker", text, remedy, "name")
    try:
        link = socket.create_connection((settings.host, settings.port), timeout=CONNECT_S)
    except OSError as error:
        why = error.strerror or str(error)
        text = Words(f"{place} 连接不上：{why}", f"{place} cannot be reached: {why}")
        remedy = Words(
            "检查网络、防火墙和消息服务器是否运行",
            "look at network and firewall, and whether the broker runs",
        )
        return failed("broker", text, remedy, "tcp")
    with closing(link):
        return None if settings.tls is None else _check_tls(settings, link)


def _check_tls(settings: MqttSettings, link: socket.socket) -> Finding | None:
    assert settings.tls is not None
    try:
        context = make_tls_context(settings.tls)
    except MqttSettingsError as error:
        why = "证书与私钥不匹配" if "MISMATCH" in str(error) else str(error)
        text = Words(f"TLS 文件不能使用：{to_chinese(why)}", f"TLS files cannot be used: {error}")
        remedy = Words(
            "检查 broker.ca、certificate、key 及其权限",
            "look at broker.ca, certificate and key, and their rights",
        )
        return failed("broker", text, remedy, "tls")
    try:
        with context.wrap_socket(link, server_hostname=settings.host) as secured:
            secured.settimeout(ALERT_S)
            if secured.recv(1) == b"":
                return _report_hung_up()
    except TimeoutError:
        return None  # it waits for our CONNECT
    except ssl.SSLCertVerificationError as error:
        return _explain_unverified(error, settings.host)
    except ssl.SSLError as error:
        return _read_alert(error)
    except OSError:
        return _report_hung_up()
    return None


def _explain_unverified(error: ssl.SSLCertVerificationError, host: str) -> Finding:
    if error.verify_code in _OTHER_CA:
        text = Words(
            "消息服务器的证书由其他 CA 签发", "the broker's certificate is issued by another authority"
        )
        return failed("broker", text, CHECK_CA, "tls")
    text, remedy = _VERIFY.get(error.verify_code, (Words.same("{why}"), CHECK_CA))
    return failed("broker", text.fill(host=host, why=error.verify_message), remedy, "tls")


def _read_alert(error: ssl.SSLError) -> Finding:
    reason = (error.reason or str(error)).upper()
    for mark, text, remedy in _ALERTS:
        if mark in reason:
            return failed("broker", text, remedy, "tls")
    if "VERSION" in reason:
        text = Words("消息服务器不支持 TLS 1.3", "the broker does not speak TLS 1.3")
        return failed("broker", text, Words("升级消息服务器", "bring the broker up to date"), "tls")
    what = re.sub(r"\s*\(_ssl\.c:\d+\)", "", str(error))
    text = Words(f"TLS 握手失败：{what}", f"the TLS handshake fails: {what}")
    remedy = Words("核对端口：mqtts 通常是 8883", "see that the port speaks TLS: mqtts has 8883")
    return failed("broker", text, remedy, "tls")


def _report_hung_up() -> Finding:
    text = Words("消息服务器握手后即断开", "the broker hangs up after the handshake")
    remedy = Words(
        "查看消息服务器的日志：证书、名称或黑名单",
        "look into the broker's log: certificate, name or a ban",
    )
    return failed("broker", text, remedy, "tls")
