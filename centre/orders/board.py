"""The board: how far each order has come, by gateway. Pure: ledger and records in, rows out.

    sent       it stands in the ledger
    sealed     the gateway has sealed it: `seal`, `state` held or refused, `reason`
    answers    received, shown, accepted, …: in the order of the chain
    missing    the gateway itself says that its number has not come
    cancelled  a later cancel of the ledger names it

An answer by a name that the chain never was given (`dianjian person`) says so (`named`): who owns the machine
can write letters by himself, without a password, and that shows.

The records are those of verified seals. A record names an order by the hash of its bytes, so a gateway that
answers something else than what was sent answers nothing here: that is a row of its own (`unknown`).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import define, field, frozen

from centre.orders.ledger import Ledger, SentOrder
from centre.store.journal import Arrival, Journal, Mark
from evidence.cbor import FormatError
from evidence.moments import iso_utc
from evidence.orders.entries import HELD, What
from evidence.orders.order import hash_order
from evidence.record import Kind, Record, decode_record
from evidence.seal import NUMBER_MAX, open_body, peek_header

REFUSALS_SHOWN_MAX: Final = 100
"""Of one gateway, about messages that no bureau has signed."""


@define
class Come:
    """How far one order has come; `person_utc_ms` is when the first answer of a person was received."""

    seal: int | None = None
    sealed_utc_ms: int = 0
    received_utc_ms: int = 0
    state: str = ""
    reason: str = ""
    answers: list[dict[str, Any]] = field(factory=list)
    person_utc_ms: int | None = None


@frozen
class Heard:
    """A record about orders, and where it stands."""

    seal: int
    received_utc_ms: int
    record: Record


@define
class GatewayBoard:
    """What one gateway has sealed about orders.

    Attributes:
        come: By the hash of the order.
        missing: The numbers that it misses.
        refusals: What it refused that no bureau has signed.
        contradictions: Pairs: the order that holds, the other.
        persons: The names of those who may answer, as the chain has them.
    """

    come: dict[bytes, Come] = field(factory=dict)
    missing: frozenset[int] = frozenset()
    keys_missing: bool = False
    refusals: list[dict[str, Any]] = field(factory=list)
    contradictions: list[tuple[str, str]] = field(factory=list)
    persons: set[str] = field(factory=set)
    _names: dict[tuple[str, int], bytes] = field(factory=dict)

    def note(self, heard: Heard) -> None:
        """Take the next record, in the order of the chain."""
        body = heard.record.body
        if heard.record.kind is Kind.ANSWER:
            digest = self._names.get((body["order"], body["rev"]))
            if digest is not None:
                said = {name: body.get(name) for name in ("state", "by", "at", "text", "files")}
                received, by = iso_utc(heard.received_utc_ms), body.get("by")
                one = self.come[digest]
                named = by in self.persons if by else None
                one.answers.append({**said, "named": named, "seal": heard.seal, "received": received})
                if body.get("by") and one.person_utc_ms is None:
                    one.person_utc_ms = heard.received_utc_ms
            return
        match body.get("what"):
            case "person":
                change = self.persons.discard if body.get("state") == "removed" else self.persons.add
                change(str(body.get("name")))
            case What.ORDER.value:
                self._note_order(heard, body)
            case What.MISSING.value:
                self.missing, self.keys_missing = frozenset(body["missing"]), bool(body["keys"])
            case What.CONTRADICTION.value:
                self.contradictions.append((body["id"], body["other"]))

    def list_answers(self) -> Iterator[dict[str, Any]]:
        """The answers with the `order` and `rev` that they are about, in the order of the orders."""
        for (order, rev), digest in self._names.items():
            for one in self.come[digest].answers:
                yield {"order": order, "rev": rev, **one}

    def _note_order(self, heard: Heard, body: Mapping[str, Any]) -> None:
        if "order" not in body:
            if len(self.refusals) < REFUSALS_SHOWN_MAX:
                at = iso_utc(heard.record.utc_ms)
                self.refusals.append({"reason": body.get("reason", ""), "seal": heard.seal, "at": at})
            return
        digest = hash_order(body["order"])
        one = self.come.setdefault(digest, Come())
        if one.seal is None:
            one.seal, one.sealed_utc_ms = heard.seal, heard.record.utc_ms
            one.received_utc_ms = heard.received_utc_ms
            one.state, one.reason = body["state"], body.get("reason", "")
        if one.state == HELD:
            self._names[body["id"], body["rev"]] = digest


def read_boards(journal: Journal, gateways: Iterable[str]) -> dict[str, GatewayBoard]:
    """The boards of gateways, from what is committed."""
    return {name: _fold(heard_of(journal.marked(name, Mark.ANSWERS, NUMBER_MAX))) for name in gateways}


def heard_of(arrivals: Iterable[Arrival]) -> list[Heard]:
    """The records about orders in these bodies, in the order of the chain; what is none is passed over."""
    heard: list[Heard] = []
    for arrival in sorted(arrivals, key=lambda one: one.number):
        try:
            records = open_body(peek_header(arrival.cose), arrival.body or b"")
        except FormatError:  # the disk has changed it since it was verified
            continue
        heard += [Heard(arrival.number, arrival.received_utc_ms, one) for one in _decode(records)]
    return heard


def _decode(records: Iterable[bytes]) -> Iterable[Record]:
    for raw in records:
        try:
            one = decode_record(raw)
        except FormatError:
            continue
        if isinstance(one, Record) and one.kind in {Kind.ORDER, Kind.ANSWER, Kind.COMMISSIONING}:
            yield one


def _fold(heard: Iterable[Heard]) -> GatewayBoard:
    board = GatewayBoard()
    for one in heard:
        board.note(one)
    return board


def make_rows(ledger: Ledger, boards: Mapping[str, GatewayBoard], utc_ms: int) -> list[dict[str, Any]]:
    """A row for each order of the gateways in `boards`, the newest first."""
    rows = [
        _row(one, ledger, boards[gateway], utc_ms)
        for gateway, sent in ledger.orders.items()
        if gateway in boards
        for one in sent
    ]
    return sorted(rows, key=lambda row: (row["gateway"], -row["seq"]))


def _row(sent: SentOrder, ledger: Ledger, board: GatewayBoard, utc_ms: int) -> dict[str, Any]:
    order = sent.order
    come = board.come.get(hash_order(sent.raw), Come())
    return {
        "gateway": order.gateway,
        "order": order.id,
        "rev": order.rev,
        "seq": order.seq,
        "kind": order.kind,
        "issuer": order.issuer,
        "number": order.number,
        "test": order.test,
        "issued": iso_utc(order.issued_utc_ms),
        "expires": iso_utc(order.expires_utc_ms),
        "due": None if order.due_utc_ms is None else iso_utc(order.due_utc_ms),
        "state": come.state or ("missing" if order.seq in board.missing else "sent"),
        "reason": come.reason,
        "seal": come.seal,
        "sealed": iso_utc(come.sealed_utc_ms) if come.seal is not None else None,
        "received": iso_utc(come.received_utc_ms) if come.seal is not None else None,
        "answers": come.answers,
        "cancelled": bool(ledger.cancels(order)),
        "ended": order.expires_utc_ms < utc_ms,
        "overdue": _is_overdue(order.due_utc_ms, come, utc_ms),
    }


def _is_overdue(due_utc_ms: int | None, come: Come, utc_ms: int) -> bool:
    """Whether no person has answered in time, by the time at which the centre had the answer."""
    return due_utc_ms is not None and due_utc_ms < min(come.person_utc_ms or utc_ms, utc_ms)
