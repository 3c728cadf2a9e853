"""Carries what the outbox decides: from the store to the publisher, and the centre's answers back.

As a record source it gives an EVENT for each alarm of the outbox and for what broker or centre refuse, and a
DROP for a body that is damaged or gone (`gone`).

A receipt or beacon counts only if the centre signed it with the key in the site file; anything else
arriving on those topics is recorded and dropped. A beacon that is not newer in the centre's own time than
the last one, or that is older than the last receipt, is a replay: it says nothing about the clock and is
recorded; one that the broker had kept is merely old. Only a receipt that the outbox has compared with an own
hash is kept, and only then may rows be pruned.

A stored body is checked against its seal before it is sent: a damaged one would be refused and sent again for
ever. Its seal is sent alone, and a record declares the body lost. One that goes in parts is checked before
the first of them and kept until another body is due.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from hashlib import sha256
from typing import Any, Final, Protocol

from attrs import Factory, define, field

from agent.sealing.source import NewRecord, RecordSource, lost_body
from agent.store.gateway import GatewayStore
from agent.uplink.delivery import Alarm, Meaning, OutboxStatus, Publish
from agent.uplink.files import TOKEN as FILE_TOKEN
from agent.uplink.files import FilesOut
from agent.uplink.gone import GONE, GoneBodies
from agent.uplink.outbox import Outbox
from agent.uplink.renewing import TOKEN as RENEW_TOKEN
from drivers.clock import Stamp
from evidence.cbor import FormatError
from evidence.receipt import Conflict, Receipt, open_beacon, open_receipt
from evidence.record import NS_PER_MS
from evidence.record import Kind as RecordKind
from evidence.seal import StoredSeal, open_body, peek_header
from evidence.statement import Pending
from wire import messages
from wire.enrolment.topics import renew_answer
from wire.files import file_topic, wanted_topic
from wire.messages import Kind, Topics
from wire.mqtt_events import Acked, Connected, Disconnected, Message, MqttEvent, SubscribeRefused
from wire.orders import concerns_orders

LOG: Final = logging.getLogger("dianjian.courier")

BIRTH_TOKEN: Final = 0
"""The outbox counts its own from 1."""
STATE_AGAIN_S: Final = 30.0
"""A centre that refuses a statement requests its seal at once: send the statement no more often than this."""
STATEMENT_TOKEN: Final = -1
"""A statement without an answer is sent again on the next connect, or on the centre's request."""
SPANS_MAX: Final = 1_000
"""Runs of seals whose records are counted for one status; a broken backfill leaves tens."""
REJECTIONS_RECORDED_MAX: Final = 100
"""Records about forged or foreign messages in one run of the process: enough to be evidence, too few for a
flood to fill the disk."""
BEACON_SLACK_MS: Final = 5_000
"""A beacon may be so much older than a receipt: they are made beside each other."""
_ALARMS: Final = frozenset(Alarm)


def _ignore(_: object) -> None:
    """Nobody waits for it."""


def _no_records(_: Message, __: Stamp) -> list[NewRecord]:
    """Nobody takes orders."""
    return []


class Send(Protocol):
    """Hands a message to the connection."""

    def __call__(self, token: int, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """An Acked with `token` or a Disconnected will follow."""
        ...


@define(eq=False, repr=False)
class Courier(RecordSource):
    """Joins outbox, store and connection.

    Attributes:
        birth: Published, retained, on each connect; the will replaces it.
        statements: Each is published on each connect until a receipt covers its seal, in their order.
        files: Sends the files beside the chain that the centre asks for; None where there are none.
        clock_ahead_ms: How far the wall clock was ahead of the centre's at its last beacon; None before one.
        reference: Hash of the last receipt or beacon: whatever is sealed now is younger than that.
        beacon_utc_ms: The centre's time in the newest beacon that came at its moment; None before one.
        kept_utc_ms: That in the one that the broker had kept.
        ended: Why the last connection ended, "" while one stands.
        refused: Subscriptions that the broker does not grant.
        rejections: Messages that were recorded and dropped.
        on_certificate, on_renewal_ack: Take what concerns a renewal, see `agent.uplink.renewing`.
        withdrawn: The receipt keys that the root has withdrawn, as far as they are sealed.
        on_order: Takes what `wire.orders` brings, and gives the records that follow.
        receipt: Number of the highest seal that a receipt covers, and the centre's time in it, UTC ms.
    """

    outbox: Outbox
    store: GatewayStore
    topics: Topics
    centre_key: bytes
    send: Send
    birth: bytes
    statements: tuple[Pending, ...] = ()
    files: FilesOut | None = None
    on_certificate: Callable[[bytes], None] = _ignore
    on_renewal_ack: Callable[[int], None] = _ignore
    on_order: Callable[[Message, Stamp], list[NewRecord]] = _no_records
    withdrawn: Callable[[], Collection[bytes]] = tuple
    beacon_utc_ms: int | None = field(default=None, init=False)
    kept_utc_ms: int | None = field(default=None, init=False)
    ended: str = field(default="", init=False)
    refused: list[str] = field(factory=list, init=False)
    reference: bytes = field(default=b"", init=False)
    receipt: tuple[int, int] | None = field(default=None, init=False)
    clock_ahead_ms: int | None = field(default=None, init=False)
    _centre_utc_ms: int = field(default=0, init=False)
    _logged: str = field(default="", init=False)
    _state_at_s: float = field(default=float("-inf"), init=False)
    _lost_reported: set[int] = field(factory=set, init=False)  # once each: the centre moves on, or never does
    rejections: int = field(default=0, init=False)
    _unsound: set[int] = field(factory=set, init=False)
    _damaged: list[int] = field(factory=list, init=False)
    _parted: StoredSeal | None = field(default=None, init=False)
    _gone: GoneBodies = field(
        init=False, default=Factory(lambda self: GoneBodies(self.first_body), takes_self=True)
    )

    def __attrs_post_init__(self) -> None:
        for one in self.statements:
            payload = messages.encode_statement(one.raw)
            self.outbox.require_packet(messages.packet_bytes(self.topics.rekey, len(payload)))

    def resume(self, now_s: float) -> None:
        """Take the stored receipt into account, at every start before anything is sealed or sent."""
        raw = self.store.last_receipt()
        if raw is not None:  # its key was in force when it came, whatever was withdrawn since
            self._receipt(open_receipt(raw, self.centre_key), raw, now_s)

    def handle(self, event: MqttEvent, stamp: Stamp, now_s: float) -> list[NewRecord]:
        """Take what the connection reports."""
        if isinstance(event, Message) and concerns_orders(self.topics.gateway, event.topic):
            return self.on_order(event, stamp)
        bodies = self._take(event, stamp, now_s)
        for body in bodies:
            LOG.warning("%s on %s: %s", body["what"], body["topic"], body.get("text", body.get("code")))
        return [NewRecord(RecordKind.EVENT, body) for body in bodies]

    def due(self, stamp: Stamp, /) -> Iterator[NewRecord]:
        """Alarms since the last call, and bodies that turned out to be damaged or gone when they were due."""
        for event in self.outbox.take_events():
            level = logging.ERROR if event.alarm in _ALARMS else logging.WARNING
            LOG.log(level, "delivery %s: %s", event.alarm, event.text)
            body = {"what": f"delivery {event.alarm}", "text": event.text, "seal": event.number}
            yield NewRecord(RecordKind.EVENT, body)
        damaged, self._damaged = self._damaged, []
        yield from map(lost_body, damaged)
        if self.receipt is not None and not self.outbox.is_stopped and self._gone.is_due(stamp.boottime_ns):
            status = self.outbox.status()
            for first, last in self._gone.look(status.missing, status.tip):
                yield NewRecord(RecordKind.DROP, {"first": first, "last": last, "why": GONE})

    def figures(self) -> Mapping[str, Any]:
        """The delivery's part of a heartbeat."""
        status = self.status()
        return {
            "receipted": status.received,
            "delivered": status.bodies_up_to,
            "backlog": status.backlog,
            "connected": status.connected,
        }

    @property
    def packet_bytes_max(self) -> int:
        """The largest packet that the broker takes, 0 without a connection."""
        return self.outbox.packet_bytes_max if self.outbox.status().connected else 0

    def _take(self, event: MqttEvent, stamp: Stamp, now_s: float) -> list[dict[str, Any]]:
        """The bodies of the event records that follow from it."""
        match event:
            case Connected():
                self._log_once("connected")
                self.ended, self.refused = "", []
                self.outbox.on_connected(now_s, event.receive_maximum, event.packet_bytes_max)
                if self.outbox.fits(messages.packet_bytes(self.topics.state, len(self.birth))):
                    self.send(BIRTH_TOKEN, self.topics.of(Kind.STATE), self.birth, retain=True)
                self._state_keys()
            case Disconnected():
                self._log_once(event.reason)
                self.ended = event.reason
                self.outbox.on_disconnected(now_s, event.reason_code, unanswered=event.unanswered)
                if self.files is not None:
                    self.files.on_disconnected(now_s)
            case Acked() if event.token == RENEW_TOKEN:
                self.on_renewal_ack(event.reason_code)
            case Acked() if event.token == FILE_TOKEN and self.files is not None:
                self.files.on_ack(event.reason_code, now_s)
            case Acked():
                self.outbox.on_puback(event.token, event.reason_code, now_s)
            case SubscribeRefused():
                self.refused.append(event.topic)
                return [{"what": "subscription refused", "topic": event.topic, "code": event.reason_code}]
            case Message():
                return self._message(event, stamp, now_s)
        return []

    def _log_once(self, text: str) -> None:
        if text != self._logged:  # a repeated failure is logged once
            LOG.info("broker: %s", text)
        self._logged = text

    def tick(self, now_s: float) -> None:
        """Send what is due."""
        for publish in self.outbox.next(now_s, self.body_bytes):
            kind, payload = self._payload(publish)
            self.send(publish.token, self.topics.of(kind), payload)
        self._send_file(now_s)

    def _send_file(self, now_s: float) -> None:
        """A piece of a file, while no readings wait."""
        if self.files is None or self.outbox.is_stopped or not self.files.is_due(now_s, self._centre_utc_ms):
            return
        status = self.outbox.status()
        if status.connected and status.backlog <= self.outbox.limits.whole_seals_max:
            payload = self.files.next(now_s, self.outbox.packet_bytes_max)
            if payload is not None:
                self.send(FILE_TOKEN, file_topic(self.topics.gateway), payload)

    def prunable_below(self) -> int:
        """Rows below this number may go."""
        return self.outbox.prunable_below(self.body_bytes)

    def status(self) -> OutboxStatus:
        """The outbox at a glance."""
        return self.outbox.status()

    def count_waiting(self) -> int:
        """Records, most of them readings, of own seals whose bodies the centre has not receipted."""
        spans = self.outbox.status().missing
        return sum(self.store.count_records(*span) for span in spans[:SPANS_MAX])

    def body_bytes(self, number: int) -> int:
        """The length of a stored body, 0 where it was given up or is damaged."""
        return 0 if number in self._unsound else self.store.body_length(number)

    def first_body(self, number: int) -> int | None:
        """The first own seal from `number` on whose body is here, None if none is."""
        return next(iter(self.store.with_bodies(number, 1)), None)

    def _payload(self, publish: Publish) -> tuple[Kind, bytes]:
        """What to send; the seal alone if the body is not what was sealed."""
        numbers = publish.numbers
        if publish.kind is Kind.CHAIN:
            rows = self.store.headers(numbers.start, len(numbers))
            return Kind.CHAIN, messages.encode_chain([row.cose for row in rows])
        row = self._parted
        if row is None or publish.piece is None or row.number != numbers.start:
            row, self._parted = self.store.row(numbers.start), None
            assert row is not None
            assert row.body is not None
            try:
                open_body(peek_header(row.cose), row.body)
            except FormatError:
                self._unsound.add(row.number)
                self._damaged.append(row.number)
                return Kind.CHAIN, messages.encode_chain([row.cose])
        assert row.body is not None
        if publish.piece is not None:
            self._parted = row
            return Kind.BODY, messages.encode_part(row.number, row.body, *publish.piece)
        if publish.kind is Kind.BODY:
            return Kind.BODY, messages.encode_body(row.number, row.body)
        return Kind.SEAL, messages.encode_seal(row.cose, row.body)

    def _message(self, message: Message, stamp: Stamp, now_s: float) -> list[dict[str, Any]]:
        try:
            if message.topic == messages.BEACON:
                return self._beacon(message, stamp)
            if message.topic == renew_answer(self.topics.gateway):
                self.on_certificate(message.payload)
                return []
            if message.topic == self.topics.receipt:
                receipt = open_receipt(
                    message.payload, self.centre_key, self.withdrawn(), self._centre_utc_ms
                )
                return self._receipt(receipt, message.payload, now_s)
            if message.topic == wanted_topic(self.topics.gateway) and self.files is not None:
                self.files.take(message.payload, self.withdrawn(), self._centre_utc_ms)
                return []
        except FormatError as error:
            return self._reject(message.topic, str(error))
        return self._reject(message.topic, "nothing of this kind is taken here")

    def _beacon(self, message: Message, stamp: Stamp) -> list[dict[str, Any]]:
        opened = open_beacon(message.payload, self.centre_key, self.withdrawn(), self._centre_utc_ms)
        utc_ms = opened.centre_utc_ms
        is_old = utc_ms < self._centre_utc_ms - BEACON_SLACK_MS
        if message.retained:  # how long the broker has kept it is not known
            self.kept_utc_ms = utc_ms
            if not is_old:
                self.reference = sha256(message.payload).digest()
            return []
        if is_old or utc_ms <= (self.beacon_utc_ms or 0):
            return self._reject(message.topic, "a beacon that is not newer than the last: a replay")
        self.clock_ahead_ms = stamp.utc_ns // NS_PER_MS - utc_ms
        self.beacon_utc_ms = utc_ms
        self._centre_utc_ms = max(self._centre_utc_ms, utc_ms)
        self.reference = sha256(message.payload).digest()
        return []

    def _receipt(self, receipt: Receipt, raw: bytes, now_s: float) -> list[dict[str, Any]]:
        meaning = self.outbox.on_receipt(receipt, self.store.hash_of, now_s)
        if meaning in {Meaning.PROGRESS, Meaning.NOTHING_NEW, Meaning.ASKED}:
            self.reference = sha256(raw).digest()
            self.receipt = max(self.receipt or (0, 0), (receipt.number, receipt.centre_utc_ms))
        if meaning is Meaning.PROGRESS:
            # Nobody can replay it, so a centre whose clock was set back is believed.
            self._centre_utc_ms = receipt.centre_utc_ms
            if (self.beacon_utc_ms or 0) > receipt.centre_utc_ms + BEACON_SLACK_MS:
                self.beacon_utc_ms = None
        # A request may bring progress too: what it covers may be pruned, so it is kept. One that proves a
        # rollback or a fork, or requests what is lost, shows where a re-key has to continue.
        lost = receipt.conflict is not None and self.store.hash_of(receipt.conflict.number) is None
        asked_for_lost = lost and meaning is Meaning.NOTHING_NEW
        if meaning in {Meaning.PROGRESS, Meaning.ASKED, Meaning.ROLLED_BACK, Meaning.FORK} or asked_for_lost:
            self.store.put_receipt(receipt.number, raw)
        if meaning is Meaning.ASKED:
            return self._answer_request(receipt.conflict, now_s, lost=lost)
        if meaning is Meaning.NOT_OURS:
            return self._reject(self.topics.receipt, f"a receipt for gateway {receipt.gateway}")
        return []

    def _answer_request(self, wanted: Conflict | None, now_s: float, *, lost: bool) -> list[dict[str, Any]]:
        """Answer a request for a seal; the centre may lack the statement whose key signed it first."""
        assert wanted is not None
        if wanted.number in {one.number for one in self.statements} and now_s >= self._state_at_s:
            self._state_at_s = now_s + STATE_AGAIN_S
            self._state_keys()
        if not lost or wanted.number > self.outbox.status().tip or wanted.number in self._lost_reported:
            return []
        self._lost_reported.add(wanted.number)
        text = f"the centre asks for seal {wanted.number}, which is lost here: dianjian-agent rekey"
        return [{"what": "seal lost", "topic": self.topics.receipt, "seal": wanted.number, "text": text}]

    def _state_keys(self) -> None:
        received = self.outbox.received
        for one in self.statements:
            payload = messages.encode_statement(one.raw)
            size = messages.packet_bytes(self.topics.rekey, len(payload))
            if one.number > received and self.outbox.fits(size):
                self.send(STATEMENT_TOKEN, self.topics.rekey, payload)

    def _reject(self, topic: str, reason: str) -> list[dict[str, Any]]:
        self.rejections += 1
        if self.rejections > REJECTIONS_RECORDED_MAX:
            return []
        return [{"what": "message rejected", "topic": topic, "text": reason, "count": self.rejections}]
