"""Enrolment over MQTT: at the broker's claim listener, or for a renewal over the gateway's own certificate.

A new gateway knows only the fingerprint of the authority. So it connects twice: first trusting any broker, to
receive the authority's certificate, which must have that fingerprint; nothing is sent on this connection.
Then trusting that authority alone, to send its request. A gateway with a certificate skips the first step.
"""

import queue
import secrets
import time
from pathlib import Path
from typing import ClassVar, Final, Self, TypeVar

from attrs import define, field

from agent.status.lines import RefusedError
from agent.uplink.renewing import ask_agent
from drivers.clock import SystemClock
from evidence.cbor import FormatError
from provisioning.enrolment.trouble import short_fingerprint, split_address, trouble
from wire.enrolment import topics
from wire.enrolment.answer import Answer, decode_answer
from wire.messages import packet_bytes
from wire.mqtt_events import (
    FAILURE,
    PACKET_TOO_LARGE,
    Acked,
    Connected,
    Disconnected,
    Message,
    MqttEvent,
    SubscribeRefused,
)
from wire.mqtt_settings import MQTTS_PORT, MqttSettings, ServerOnlyTls, TlsFiles
from wire.publisher import Publisher

CONNECT_S: Final = 20.0
"""For TCP, TLS and CONNACK over a bad modem."""
ANSWER_S: Final = 30.0
"""A running centre answers within a second; the broker keeps no requests for one that is down."""
RENEW_SUFFIX: Final = ".renew"
"""Added to the gateway's name in the client id, for brokers that do not bind it to the certificate."""

ANOTHER_WAY: Final = ": enrol by EST or a folder, or let it take 131072 (mosquitto: max_packet_size)"

Event = TypeVar("Event")


class _Connection:
    """A connection with blocking waits for its events."""

    def __init__(self, place: str, client: str, tls: ServerOnlyTls | TlsFiles, topic: str) -> None:
        parts = split_address(place, "mqtts://host:port")
        assert parts.hostname is not None
        settings = MqttSettings(
            parts.hostname,
            parts.port or MQTTS_PORT,
            client,
            tls,
            subscriptions=(topic,),
            session_expiry_s=0,
            drain_s=0.0,
        )
        self.where = place
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
                raise trouble("unreachable", where=self.where, why=why) from None
            if isinstance(event, kind):
                return event
            if isinstance(event, Disconnected):
                raise trouble("unreachable", where=self.where, why=event.reason[:200])
            if isinstance(event, Acked | SubscribeRefused) and event.reason_code >= FAILURE:
                is_large = event.reason_code == PACKET_TOO_LARGE
                why = "too large" if is_large else "the broker does not allow it"
                why = f"{why} ({event.reason_code:#04x}){ANOTHER_WAY if is_large else ''}"
                raise trouble("unreachable", where=self.where, why=why)


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
        client = topics.claim_id(csr)
        tls, answer = ServerOnlyTls(self._authority), topics.claim_answer(client)
        with _Connection(self.place, client, tls, answer) as link:
            return _ask(link, topics.claim_request(client), csr)

    def _fetch_authority(self, wanted: bytes) -> str:
        from wire.enrolment import certificates  # noqa: PLC0415 -- 43 ms that only an enrolment needs

        client = secrets.token_hex(16)
        with _Connection(self.place, client, ServerOnlyTls(None), topics.AUTHORITY) as link:
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


@define
class RenewTransport:
    """For a gateway with a certificate: through the agent in `folder`, or by itself where none runs.

    The broker lets in one connection a certificate: a second one would throw the agent out.
    """

    place: str
    gateway: str
    files: TlsFiles
    folder: Path | None = None
    name: ClassVar[str] = "mqtt"
    waits: ClassVar[bool] = True

    def exchange(self, csr: bytes, authority: bytes) -> Answer:
        """Send the request, and wait for the answer."""
        del authority  # the broker is checked by the gateway's own ca file
        if self.folder is not None:
            try:
                return decode_answer(ask_agent(self.folder, csr))
            except (FileNotFoundError, ConnectionRefusedError):
                pass  # no agent runs
            except (OSError, RefusedError) as error:
                raise trouble("unreachable", where=self.place, why=str(error)) from error
            except FormatError as error:
                raise trouble("answer-garbage", why=str(error)) from error
        client, answer = self.gateway + RENEW_SUFFIX, topics.renew_answer(self.gateway)
        with _Connection(self.place, client, self.files, answer) as link:
            return _ask(link, topics.renew_request(self.gateway), csr)


def _ask(link: _Connection, topic: str, csr: bytes) -> Answer:
    most = link.wait(Connected, CONNECT_S, "no answer").packet_bytes_max
    size = packet_bytes(topic, len(csr))
    if size > most:
        why = f"the request has {size} bytes, the broker takes {most}{ANOTHER_WAY}"
        raise trouble("unreachable", where=link.where, why=why)
    link.publish(topic, csr)
    message = link.wait(Message, ANSWER_S, "the centre does not answer; does `dianjian centre listen` run?")
    try:
        return decode_answer(message.payload)
    except FormatError as error:
        raise trouble("answer-garbage", why=str(error)) from error
