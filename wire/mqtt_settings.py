"""How to reach the broker: address, client id, certificates. Checked before the first connect.

TLS 1.3 with a client certificate is the rule. A plain connection goes only to this machine, unless
`plain_allowed` is set on purpose.
"""

import ipaddress
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from attrs import field, frozen

MQTT_PORT: Final = 1883
MQTTS_PORT: Final = 8883
KEEPALIVE_S: Final = 20
"""A dead link is noticed within two intervals; a 4G modem keeps its NAT entry for longer than one."""
SESSION_EXPIRY_S: Final = 7 * 86_400
"""The broker keeps receipts and orders for a gateway that is offline for up to a week."""
DRAIN_S: Final = 2.0
"""At a stop, how long the last messages, such as the retained "offline", may wait for their PUBACK."""


class MqttSettingsError(ValueError):
    """The site file's broker section is wrong, or a certificate file cannot be used."""


@frozen
class TlsFiles:
    """PEM files: the authority that is trusted, our certificate, and its key."""

    ca: Path
    certificate: Path
    key: Path


@frozen
class ServerOnlyTls:
    """TLS in which only the server shows a certificate: for a gateway that has none yet.

    Attributes:
        authority: PEM of the trusted authority. None accepts any server, in order to fetch that certificate
            and compare it with a fingerprint from elsewhere; nothing else may go over such a connection.
    """

    authority: str | None


@frozen
class Will:
    """What the broker publishes, retained, when this client is gone."""

    topic: str
    payload: bytes


@frozen
class MqttSettings:
    """Everything the connection needs.

    Attributes:
        host, port: The broker.
        client_id: Fixed for this gateway: the broker keeps the session under it.
        tls: The certificate files, None for a plain connection.
        plain_allowed: Whether a plain connection may go to another machine.
        subscriptions: Topic filters, subscribed again (QoS 1) on every connect.
        keepalive_s, session_expiry_s, drain_s: See the constants; real seconds.
        reconnect_first_s, reconnect_longest_s: Pause between tries, doubled each time, with jitter: a broker
            that returns is in use again within a minute.
    """

    host: str
    port: int
    client_id: str
    tls: TlsFiles | ServerOnlyTls | None = None
    plain_allowed: bool = False
    subscriptions: tuple[str, ...] = ()
    will: Will | None = None
    keepalive_s: int = field(default=KEEPALIVE_S, kw_only=True)
    session_expiry_s: int = field(default=SESSION_EXPIRY_S, kw_only=True)
    reconnect_first_s: float = field(default=1.0, kw_only=True)
    reconnect_longest_s: float = field(default=50.0, kw_only=True)
    drain_s: float = field(default=DRAIN_S, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.tls is None and not self.plain_allowed and not is_loopback(self.host):
            raise MqttSettingsError(f"{self.host} is another machine: it needs mqtts://, or plain = true")


@frozen
class Address:
    """A broker's host and port, and the certificates for it."""

    host: str
    port: int
    tls: TlsFiles | None


def parse_broker(url: str, ca: Path | None, certificate: Path | None, key: Path | None) -> Address:
    """The broker at `mqtts://host:port`, or `mqtt://host:port` without TLS.

    Raises:
        MqttSettingsError: The URL has another form, or does not go with the files.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise MqttSettingsError(f"{url!r}: {error}") from error
    if parts.scheme not in {"mqtt", "mqtts"} or not host or parts.path not in {"", "/"} or parts.username:
        raise MqttSettingsError(f"{url!r} is not mqtts://host:port or mqtt://127.0.0.1:port")
    if parts.scheme == "mqtt":
        if ca or certificate or key:
            raise MqttSettingsError("ca, certificate and key are for mqtts:// only")
        return Address(host, port or MQTT_PORT, None)
    if not (ca and certificate and key):
        raise MqttSettingsError("mqtts:// needs ca, certificate and key")
    return Address(host, port or MQTTS_PORT, TlsFiles(ca, certificate, key))


class _ClosingSocket(ssl.SSLSocket):
    """Closes itself when its handshake fails, which paho does not do."""

    def do_handshake(self, block: bool = False) -> None:
        """As in the parent class; raises OSError."""
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def make_tls_context(files: TlsFiles | ServerOnlyTls) -> ssl.SSLContext:
    """TLS 1.3 only; the broker's name is checked and our certificate shown, as far as `files` has them.

    Raises:
        MqttSettingsError: A file is missing or does not fit the others.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _ClosingSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if isinstance(files, ServerOnlyTls):
        if files.authority is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            context.load_verify_locations(cadata=files.authority)
        return context
    try:
        context.load_verify_locations(files.ca)
    except OSError as error:  # ssl.SSLError is one, too
        raise MqttSettingsError(f"{files.ca}: {error.strerror or error}") from error
    try:
        context.load_cert_chain(files.certificate, files.key)
    except OSError as error:
        raise MqttSettingsError(f"{files.certificate}, {files.key}: {error.strerror or error}") from error
    return context
