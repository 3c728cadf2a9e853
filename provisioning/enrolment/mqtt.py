"""Enrolment over MQTT: at the broker's claim listener, or for a renewal over the gateway's own certificate.

A new gateway knows only the fingerprint of the authority. So it connects twice: first trusting any broker, to
receive the authority's certificate, which must have that fingerprint; nothing is sent on this connection.
Then trusting that authority alone, to send its request. A gateway with a certificate skips the first step.
"""

import queue
import secrets
import time
from typing import ClassVar, Final, Self, TypeVar
from urllib.parse import urlsplit

from attrs import define, field

from drivers.clock import SystemClock
from evidence.cbor import FormatError
from provisioning.enrolment.trouble import short_fingerprint, trouble
from wire.enrolment.answer import Answer, decode_answer
from wire.enrolment.topics import (
    AUTHORITY,
    claim_answer,
    claim_id,
    claim_request,
    renew_answer,
    renew_request,
)
from wire.mqtt_events import FAILURE, Acked, Connected, Disconnected, Message, MqttEvent, SubscribeRefused
from wire.mqtt_settings import MQTTS_PORT, MqttSettings, ServerOnlyTls, TlsFiles
from wire.publisher import Publisher

CONNECT_S: Final = 20.0
"""For TCP, TLS and CONNACK over a bad modem."""
ANSWER_S: Final = 30.0
"""A centre that runs answers within a second; the broker keeps no request for one that does not."""
RENEW_SUFFIX: Final = ".renew"
"""Added to the gateway's name in the client id, so that the agent's own connection stays."""

Event = TypeVar("Event")


class _Connection:
    """One connection whose events are waited for."""

    def __init__(self, settings: MqttSettings, where: str) -> None:
        self._where = where
        self._events: queue.SimpleQueue[MqttEvent] = queue.SimpleQueue()
        self._publisher = Publisher(settings, SystemClock(), self._events.put)

    def __enter__(self) -> Self:
        self._publisher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._publisher.stop()

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish it."""
        self._publisher.publish(1, topic, payload)

    def wait(self, kind: type[Event], within_s: float, why: str) -> Event:
        """The next event of `kind`; if the connection or `within_s` ends first, the centre is unreachable."""
        deadline_s = time.monotonic() + within_s
        while True:
            try:
                event = self._events.get(timeout=max(deadline_s - time.monotonic(), 0.01))
            except queue.Empty:
                raise trouble("unreachable", where=self._where, why=why) from None
            if isinstance(event, kind):
                return event
            if isinstance(event, Disconnected):
                raise trouble("unreachable", where=self._where, why=event.reason[:200])
            if isinstance(event, Acked | SubscribeRefused) and event.reason_code >= FAILURE:
                why = f"the broker does not allow it ({event.reason_code:#04x})"
                raise trouble("unreachable", where=self._where, why=why)


@define
class ClaimTransport:
    """For a new gateway: see the module."""

    place: str
    name: ClassVar[str] = "mqtt"
    waits: ClassVar[bool] = True
    _authority: str = field(default="", init=False)

    def exchange(self, csr: bytes, authority: bytes) -> Answer:
        """Send the request, and wait for the answer."""
        if not self._authority:
            self._authority = self._fetch_authority(authority)
        client = claim_id(csr)
        settings = self._settings(client, ServerOnlyTls(self._authority), claim_answer(client))
        with _Connection(settings, self.place) as link:
            return _ask(link, claim_request(client), csr)

    def _fetch_authority(self, wanted: bytes) -> str:
        from wire.enrolment import certificates  # noqa: PLC0415 -- 43 ms that only an enrolment needs

        settings = self._settings(secrets.token_hex(16), ServerOnlyTls(None), AUTHORITY)
        with _Connection(settings, self.place) as link:
            link.wait(Connected, CONNECT_S, "no answer")
            message = link.wait(Message, ANSWER_S, "no authority is there; does `centre listen` run?")
        try:
            found = certificates.parse_certificate(message.payload)
        except certificates.CertificateError as error:
            raise trouble("answer-garbage", why=str(error)) from error
        if found.sha256 != wanted:
            shown = {"found": short_fingerprint(found.sha256), "wanted": short_fingerprint(wanted)}
            raise trouble("wrong-authority", where=self.place, **shown)
        return certificates.pem(found.der).decode()

    def _settings(self, client: str, tls: ServerOnlyTls, topic: str) -> MqttSettings:
        host, port = address_of(self.place)
        return MqttSettings(host, port, client, tls, subscriptions=(topic,), session_expiry_s=0, drain_s=0.0)


@define
class RenewTransport:
    """For a gateway with a certificate: over it, beside the agent's connection."""

    place: str
    gateway: str
    files: TlsFiles
    name: ClassVar[str] = "mqtt"
    waits: ClassVar[bool] = True

    def exchange(self, csr: bytes, authority: bytes) -> Answer:
        """Send the request, and wait for the answer."""
        del authority  # the broker is checked by the gateway's own ca file
        host, port = address_of(self.place)
        settings = MqttSettings(
            host,
            port,
            self.gateway + RENEW_SUFFIX,
            self.files,
            subscriptions=(renew_answer(self.gateway),),
            session_expiry_s=0,
            drain_s=0.0,
        )
        with _Connection(settings, self.place) as link:
            return _ask(link, renew_request(self.gateway), csr)


def address_of(url: str) -> tuple[str, int]:
    """Host and port of an mqtts:// address; raises EnrolTroubleError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or MQTTS_PORT
    except ValueError as error:
        raise trouble("unreachable", where=url, why=str(error)) from error
    if parts.scheme != "mqtts" or not host:
        raise trouble("unreachable", where=url, why="not mqtts://host:port")
    return host, port


def _ask(link: _Connection, topic: str, csr: bytes) -> Answer:
    link.wait(Connected, CONNECT_S, "no answer")
    link.publish(topic, csr)
    message = link.wait(Message, ANSWER_S, "the centre does not answer; does `dianjian centre listen` run?")
    try:
        return decode_answer(message.payload)
    except FormatError as error:
        raise trouble("answer-garbage", why=str(error)) from error
