"""The source of ORDER and ANSWER records: takes what the broker brings, seals it once, answers.

`take` gets the messages of `wire.orders`. What came is judged in the order of docs/format.md, section 15:
length and form, then who signed it (`evidence.orders.trust`), then what is there already
(`agent.orders.book`). Each order is sealed whole, once, at once, with what the root says of its key; a
refusal with its reason. What no certified key has signed for this gateway is sealed by its hash alone,
REFUSED_MAX of it in one run of the process. A held order is answered `received` in the same breath; if a
power cut came between, at the next start.

The signed number of the newest is sealed when it changes. Numbers below it that have not come WAIT_S after it
was heard are told once, and once that they came; so are withdrawals.

Memory is the chain: a checkpoint rides on the commit that follows a change, and the records behind it, in
the chain and in the spool, are applied again. Without the checkpoint (a salvaged database) the last
REPLAY_SEALS_MAX seals are read; an order before them is sealed once more when the broker repeats it.

Nothing here operates or runs anything: an order is data.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import Factory, define, field

from agent.orders.book import Book
from agent.orders.notices import Notices, list_rows
from agent.sealing.source import NewRecord, RecordSource, Urgency
from agent.store.gateway import GatewayStore
from agent.store.tail import read_tail
from drivers.clock import NS_PER_S, ClockState, Stamp
from evidence.cbor import FormatError
from evidence.orders.certificate import Certificate
from evidence.orders.entries import BY_ITSELF, BY_PEOPLE, Answered, What, answer_body, held_body, refused_body
from evidence.orders.newest import parse_newest
from evidence.orders.order import Order, hash_order, parse_order
from evidence.orders.trust import Reason, Trust
from evidence.record import NS_PER_MS, Kind, Record
from evidence.record_body import check_body
from evidence.seal import FIRST_NUMBER, NO_HASH
from wire import orders as wire
from wire.messages import WireError
from wire.mqtt_events import Message

LOG: Final = logging.getLogger("dianjian.orders")

CHECKPOINT: Final = "orders"
PLACE: Final = "orders.at"
"""The seal up to which the book is right; written more often, and 8 bytes long."""
CHECKPOINT_S: Final = 300.0
"""Between two places: bounds the seals that a start reads again, as that of the detector."""
REPLAY_SEALS_MAX: Final = 2_000
"""Seals read again at a start; see `agent.judging.checkpoints`."""
LOOK_S: Final = 1.0
"""Between two looks for what lacks: 0.6 ms with 64 alerts that all contradict each other."""
WAIT_S: Final = 20.0
"""From the number of the newest to the orders themselves, which the broker sends in any order: a slow modem
takes ten for a full book."""
REFUSED_MAX: Final = 100
"""Records about what no certified key has signed, in one run: evidence enough, and too few to fill a disk."""
_NUMBER_BYTES: Final = 8


@define(eq=False, repr=False)
class Orders(RecordSource):
    """See the module.

    Attributes:
        unsealed: Records that the run before left, which follow the tip.
        notices: Tell people.
        saved_up_to: The last seal that the kept book includes; None before the first is kept.
    """

    gateway: str
    root: bytes
    store: GatewayStore
    unsealed: Sequence[object] = ()
    notices: Notices = field(factory=Notices)
    saved_up_to: int | None = field(default=None, init=False)
    book: Book = field(
        init=False, default=Factory(lambda self: Book(self.gateway, Trust(self.root)), takes_self=True)
    )
    refused: int = field(default=0, init=False)
    _heard_ns: int | None = field(default=None, init=False)
    _keys_hash: bytes = field(default=NO_HASH, init=False)
    _saved_ns: int = field(default=0, init=False)
    _changed: bool = field(default=True, init=False)
    _looked_ns: int | None = field(default=None, init=False)

    # -- what comes

    def take(self, message: Message, stamp: Stamp) -> list[NewRecord]:
        """The records that follow from a message of `wire.orders`."""
        if not message.payload:
            return []  # the centre has taken away what was kept
        if message.topic == wire.KEYS:
            made = self._take_keys(message.payload)
        elif message.topic == wire.newest_topic(self.gateway):
            made = self._take_newest(message.payload, stamp)
        else:
            made = self._take_order(message.payload, stamp)
        return self._put(made, stamp)

    def _take_order(self, payload: bytes, stamp: Stamp) -> list[dict[str, Any]]:
        whole = hash_order(payload)
        if self.book.knows(whole):
            return []
        try:
            if len(payload) > wire.MESSAGE_BYTES_MAX:
                return self._refuse_stranger(Reason.TOO_LARGE, whole)
            attested = wire.decode_order(payload)
            signed = parse_order(attested.raw)
        except (WireError, FormatError) as error:
            LOG.warning("an order has another form: %s", error)
            return self._refuse_stranger(Reason.FORM, whole)
        digest = hash_order(attested.raw)
        if self.book.knows(digest):
            return []
        trust, new = self.book.trust.extended(attested.statements)
        found = trust.judge(signed, self.gateway)
        if found is Reason.KEY or found is Reason.GATEWAY:
            return self._refuse_stranger(found, whole)
        if isinstance(found, Certificate):
            found = self.book.judge(signed.order, found, _utc_ms(stamp)) or found
        if isinstance(found, Certificate):
            LOG.info(
                "order %s, number %d, is taken: %s", signed.order.id, signed.order.seq, signed.order.kind
            )
            return [held_body(signed.order, attested.raw, digest, new)]
        LOG.warning("order %s, number %d, is refused: %s", signed.order.id, signed.order.seq, found.value)
        return [refused_body(found, digest, (signed.order, attested.raw), new)]

    def _refuse_stranger(self, reason: Reason, digest: bytes) -> list[dict[str, Any]]:
        self.refused += 1
        LOG.warning("a message among the orders is refused: %s", reason.value)
        return [refused_body(reason, digest)] if self.refused <= REFUSED_MAX else []

    def _take_keys(self, payload: bytes) -> list[dict[str, Any]]:
        try:
            statements = wire.decode_keys(payload)
        except WireError as error:
            LOG.warning("the withdrawals have another form: %s", error)
            return self._refuse_stranger(Reason.FORM, hash_order(payload))
        self._keys_hash = hash_order(payload)
        _, new = self.book.trust.extended(statements)
        return [{"what": What.KEYS.value, "statements": new}] if new else []

    def _take_newest(self, payload: bytes, stamp: Stamp) -> list[dict[str, Any]]:
        try:
            attested = wire.decode_newest(payload)
            signed = parse_newest(attested.raw)
        except (WireError, FormatError) as error:
            LOG.warning("the number of the newest order has another form: %s", error)
            return self._refuse_stranger(Reason.FORM, hash_order(payload))
        trust, new = self.book.trust.extended(attested.statements)
        if not trust.is_receipt_key(signed):
            return self._refuse_stranger(Reason.KEY, hash_order(payload))
        newest, before = signed.newest, self.book.newest
        if newest.gateway != self.gateway:
            return self._refuse_stranger(Reason.GATEWAY, hash_order(payload))
        if before is not None and (newest.seq, newest.centre_utc_ms) < (before.seq, before.centre_utc_ms):
            return self._refuse_stranger(Reason.STALE, hash_order(payload))
        self._heard_ns = stamp.boottime_ns
        if newest == before:
            return []
        body = {"what": What.NEWEST.value, "newest": attested.raw, "seq": newest.seq, "statements": new}
        return [body]

    def take_letter(self, letter: Mapping[str, Any], stamp: Stamp) -> NewRecord | None:
        """The record of a letter in the agent's inbox, None if it says nothing new; raises FormatError."""
        return (
            self._note_shown(letter, stamp)
            if letter["what"] == Answered.SHOWN
            else self.answer(letter, stamp)
        )

    def answer(self, letter: Mapping[str, Any], stamp: Stamp) -> NewRecord:
        """The record of what a person of the plant answers; raises FormatError."""
        order, state = letter.get("order"), letter.get("state")
        held = self.book.held.get(order) if isinstance(order, str) else None
        if held is None:
            raise FormatError(f"no order {str(order)[:40]!r} is held")
        if state not in BY_PEOPLE or not letter.get("by"):
            raise FormatError("an answer of a person has a state and a name")
        if held.order.kind in BY_ITSELF:
            raise FormatError(f"the gateway itself answers a {held.order.kind} order")
        body = {**letter, "rev": held.order.rev}
        check_body(Kind.ANSWER, body)
        return self._apply(Kind.ANSWER, body, stamp)._replace(found_again=True)

    def answer_itself(
        self,
        order: Order,
        state: Answered,
        stamp: Stamp,
        text: str = "",
        files: Sequence[Mapping[str, Any]] = (),
    ) -> NewRecord:
        """The record of what the gateway says of an order that asks something of it alone."""
        at_ms = stamp.utc_ns // NS_PER_MS
        body = answer_body(order.id, order.rev, state, at_ms, text=text, files=files)
        return self._apply(Kind.ANSWER, body, stamp)

    def _note_shown(self, letter: Mapping[str, Any], stamp: Stamp) -> NewRecord | None:
        """The record that an order was shown to the plant; None if it says nothing new."""
        order = letter.get("order")
        held = self.book.held.get(order) if isinstance(order, str) else None
        if held is None:
            raise FormatError(f"no order {str(order)[:40]!r} is held")
        if letter.get("rev") != held.order.rev or Answered.SHOWN in held.answers:
            return None
        body = answer_body(held.order.id, held.order.rev, Answered.SHOWN, stamp.utc_ns // NS_PER_MS)
        return self._apply(Kind.ANSWER, {**body, "id": letter["id"]}, stamp)._replace(found_again=True)

    def may_end(self, cancel: Order, alert: Order) -> bool:
        """Whether the issuer of a cancel may end an alert of another one."""
        return self.book.trust.may_end(cancel, alert)

    def list_open(self, stamp: Stamp) -> list[dict[str, Any]]:
        """The orders for people: see `agent.orders.notices`."""
        return list_rows(self.book, _utc_ms(stamp))

    # -- what follows

    def start(self, stamp: Stamp, /) -> list[NewRecord]:
        """Restore the book, and answer what a power cut left without an answer."""
        self._restore()
        self._saved_ns = stamp.boottime_ns
        return self._put((), stamp)

    def due(self, stamp: Stamp, /) -> list[NewRecord]:
        """What lacks, and what contradicts."""
        if self._looked_ns is not None and stamp.boottime_ns - self._looked_ns < LOOK_S * NS_PER_S:
            return []
        self._looked_ns = stamp.boottime_ns
        self.notices.look(self.list_open(stamp))
        return self._put([*self._contradictions(stamp), *self._missing(stamp)], stamp)

    def on_sealed(self, stamp: Stamp, tip: int, /) -> None:
        """Keep the book if it has changed, and its place from time to time."""
        passed_s = (stamp.boottime_ns - self._saved_ns) / NS_PER_S
        if self._changed:
            self.store.put_checkpoint(CHECKPOINT, self.book.to_cbor())
        if self._changed or passed_s >= CHECKPOINT_S:
            self._keep_place(tip)
            self._saved_ns, self._changed = stamp.boottime_ns, False

    def on_stop(self, tip: int, /) -> None:
        """Keep it for the next start."""
        if self._changed:
            self.store.put_checkpoint(CHECKPOINT, self.book.to_cbor())
        self._keep_place(tip)

    def keep_from(self) -> int | None:
        """Rows from this seal on are needed for the next start; None if none are."""
        return self.saved_up_to

    def _keep_place(self, tip: int) -> None:
        self.saved_up_to = tip
        self.store.put_checkpoint(PLACE, tip.to_bytes(_NUMBER_BYTES, "big"))

    def _put(self, bodies: Iterable[dict[str, Any]], stamp: Stamp) -> list[NewRecord]:
        """The records of these bodies, and the answers that they bring."""
        made = [self._apply(Kind.ORDER, body, stamp) for body in bodies]
        return [*made, *(self._apply(Kind.ANSWER, body, stamp) for body in self._answers(stamp))]

    def _apply(self, kind: Kind, body: dict[str, Any], stamp: Stamp) -> NewRecord:
        self.book.apply(kind, body, _utc_ms(stamp))
        self._changed = True
        return NewRecord(kind, body, Urgency.AT_ONCE)

    def _answers(self, stamp: Stamp) -> list[dict[str, Any]]:
        at_ms = stamp.utc_ns // NS_PER_MS
        return [answer_body(one.id, one.rev, Answered.RECEIVED, at_ms) for one in self.book.list_unanswered()]

    def _contradictions(self, stamp: Stamp) -> Iterator[dict[str, Any]]:
        for id_, other in self.book.find_contradictions(_utc_ms(stamp)):
            if (id_, other) not in self.book.contradictions:
                LOG.warning("orders %s and %s contradict each other: %s holds", id_, other, id_)
                yield {"what": What.CONTRADICTION.value, "id": id_, "other": other}

    def _missing(self, stamp: Stamp) -> Iterator[dict[str, Any]]:
        newest = self.book.newest
        if newest is None or self._heard_ns is None:
            return
        keys = newest.keys_hash not in {NO_HASH, self._keys_hash}
        found = self.book.list_missing(), keys
        has_waited = stamp.boottime_ns - self._heard_ns >= WAIT_S * NS_PER_S
        if found != self.book.missing and (has_waited or found == ((), False)):
            numbers = list(found[0])
            LOG.warning("orders that the centre has numbered and that have not come: %s", numbers or "none")
            yield {"what": What.MISSING.value, "seq": newest.seq, "missing": numbers, "keys": keys}

    # -- over a restart

    def _restore(self) -> None:
        tip = self.store.last()
        raw, place = self.store.checkpoint(CHECKPOINT), self.store.checkpoint(PLACE)
        kept = int.from_bytes(place or b"", "big")
        if raw is not None and place is not None:
            try:
                self.book = Book.from_cbor(raw, self.gateway, self.root)
                self.saved_up_to, self._changed = kept, False
            except FormatError as error:
                LOG.warning("the book of orders is made again from the chain: %s", error)
                kept = 0
        if tip is not None:
            begin = max(tip.number - REPLAY_SEALS_MAX + 1, self.store.first_number() or FIRST_NUMBER)
            first = max(kept + 1, begin)
            for seal in read_tail(self.store, first) if first <= tip.number else ():
                for record in seal.events(Kind.ORDER, Kind.ANSWER):
                    self._replay(record)
        for one in self.unsealed:
            if isinstance(one, Record) and one.kind in {Kind.ORDER, Kind.ANSWER}:
                self._replay(one)

    def _replay(self, record: Record) -> None:
        known = record.clock_state is not ClockState.UNSYNCHRONISED
        try:
            self.book.apply(record.kind, record.body, record.utc_ms if known else None)
        except (FormatError, LookupError, TypeError, ValueError) as error:  # of another version
            LOG.warning("a record about orders is not understood: %s", error)
        self._changed = True


def _utc_ms(stamp: Stamp) -> int | None:
    """The time, None while the clock is not set."""
    return None if stamp.clock_state is ClockState.UNSYNCHRONISED else stamp.utc_ns // NS_PER_MS
