"""The orders of a gateway: what is held, and what a new one is worth beside them. Pure.

The book is a function of the ORDER and ANSWER records in the chain: `apply` takes each of them, live when it
is made, and again at a restart. `judge` changes nothing.

- An order is known by the hash of its bytes: what was sealed once is never sealed again.
- A revision replaces the order of its id, if it is of the same issuer, and higher in rev and seq.
- A number (seq) is used once. Other bytes under a used one are refused: as such while the first are known, as
  stale when they are forgotten.
- A cancel ends the order that it names, whichever of the two comes first, if it is of the same issuer or of
  one around it. What one around it has cancelled, the issuer cannot revise.
- Of two orders that contradict each other the one with the higher seq holds: `alert`s about one list, and
  `config`s, whose times overlap. Tests contradict tests only.
- Expiry needs a clock: `utc_ms` is None where it is not set, and the numbers decide alone.

Orders that ended are forgotten when their room is wanted; without room for one more it is refused.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, Final

from attrs import define, field

from evidence import cbor
from evidence.held import Held
from evidence.orders.certificate import Certificate
from evidence.orders.entries import HELD, Answered, What
from evidence.orders.newest import Newest, parse_newest
from evidence.orders.order import ALERT, CANCEL, CHECK, CONFIG, Order, hash_order, parse_order
from evidence.orders.trust import Reason, Trust
from evidence.record import Kind
from evidence.seal import HASH_BYTES

HELD_MAX: Final = 64
"""Orders held at a time; a plant has a list, an alert, and a few open supervisions."""
HELD_BYTES_MAX: Final = 512 * 1024
"""Of their bytes: with the rest they stay below what a checkpoint may have."""
KNOWN_MAX: Final = 1_024
"""Hashes of what came, refused or held: so long a broker may repeat it and is not told of again."""
STATEMENTS_MAX: Final = 256
"""Of the root, that are kept; a city has tens of keys."""
BOOK_BYTES_MAX: Final = 1024 * 1024
_VERSION: Final = 1


@define(eq=False, repr=False)
class HeldOrder:
    """An order that was taken.

    Attributes:
        answers: The states that were answered, in order.
        cancelled: Id of the cancel that ended it, "" while none did.
    """

    order: Order
    raw: bytes
    answers: list[str] = field(factory=list)
    cancelled: str = ""

    @property
    def is_carried_out(self) -> bool:
        """Whether the gateway itself has done all that a `config` asks, or will not."""
        ends = {Answered.DONE, Answered.OBJECTED}
        return self.order.kind == CONFIG and not ends.isdisjoint(self.answers)

    def has_ended(self, utc_ms: int | None) -> bool:
        """Whether it means nothing any more."""
        return bool(self.cancelled) or (utc_ms is not None and utc_ms > self.order.expires_utc_ms)


@define(eq=False, repr=False)
class Book:
    """See the module.

    Attributes:
        held: By id, in the order in which they came.
        seen: The numbers that came, refused or held.
        newest: What the centre has said last of its newest order.
        missing: The numbers that were told as missing, and whether withdrawals were.
        contradictions: Those that were told, (id that holds, other).
    """

    gateway: str
    trust: Trust
    held: dict[str, HeldOrder] = field(factory=dict)
    seen: Held = field(factory=Held)
    newest: Newest | None = None
    missing: tuple[tuple[int, ...], bool] = ((), False)
    contradictions: set[tuple[str, str]] = field(factory=set)
    _known: dict[bytes, int] = field(factory=dict)
    _newest_raw: bytes = b""

    def knows(self, digest: bytes) -> bool:
        """Whether this was sealed before."""
        return digest in self._known or any(hash_order(one.raw) == digest for one in self.held.values())

    def judge(self, order: Order, certificate: Certificate, utc_ms: int | None) -> Reason | None:
        """Why an order that counts is refused beside those that came before; None if it is taken."""
        if order.seq in self.seen:
            return Reason.NUMBER if order.seq in self._known.values() else Reason.STALE
        if utc_ms is not None and utc_ms > order.expires_utc_ms:
            return Reason.EXPIRED
        before = self.held.get(order.id)
        if before is not None:
            if before.order.issuer != order.issuer:
                return Reason.AUTHORITY
            if order.rev <= before.order.rev or order.seq <= before.order.seq:
                return Reason.STALE
            if before.cancelled and self._issuer_of(before.cancelled) != order.issuer:
                return Reason.AUTHORITY
        target = self.held.get(order.cancels)
        if target is not None and not self.trust.may_cancel(certificate, target.order.issuer):
            return Reason.AUTHORITY
        return None if self._has_room(order, utc_ms) else Reason.FULL

    def in_force(self, utc_ms: int | None) -> list[Order]:
        """The orders that hold now: those that stand and are already effective."""
        standing = self.list_standing(utc_ms)
        return [one for one in standing if utc_ms is None or one.effective_utc_ms <= utc_ms]

    def list_standing(self, utc_ms: int | None) -> list[Order]:
        """The orders that neither ended nor are overruled, cancels aside."""
        overruled = {other for _, other in self.find_contradictions(utc_ms)}
        return [
            one.order
            for one in self.held.values()
            if not one.has_ended(utc_ms) and one.order.kind != CANCEL and one.order.id not in overruled
        ]

    def find_contradictions(self, utc_ms: int | None) -> list[tuple[str, str]]:
        """Pairs of orders that contradict each other: the id that holds, and the other."""
        going_on = (one for one in self.held.values() if not one.is_carried_out)
        live = [one.order for one in going_on if not one.has_ended(utc_ms)]
        return [
            (one.id, two.id) if one.seq > two.seq else (two.id, one.id)
            for one, two in combinations(live, 2)
            if _contradict(one, two)
        ]

    def find_result(self, order: Order) -> Order | None:
        """The last check of its issuer on an order, which closes or returns it."""
        checks = [one.order for one in self.held.values() if one.order.kind == CHECK and not one.cancelled]
        mine = [one for one in checks if one.body.get("order") == order.id and one.issuer == order.issuer]
        return max((one for one in mine if one.seq > order.seq), key=lambda one: one.seq, default=None)

    def list_unanswered(self) -> Iterator[Order]:
        """Orders whose reception was not answered yet."""
        return (one.order for one in self.held.values() if Answered.RECEIVED not in one.answers)

    def list_missing(self) -> tuple[int, ...]:
        """Numbers that the centre has named and that have not come, or with other bytes."""
        if self.newest is None:
            return ()
        newest = self.newest
        missing = [seq for seq in newest.live if seq not in self.seen]
        same = [one for one, seq in self._known.items() if seq == newest.seq]
        if same and newest.order_hash not in same:  # another order came under its number
            missing.append(newest.seq)
        return tuple(missing)

    def apply(self, kind: Kind, body: Mapping[str, Any], utc_ms: int | None) -> None:
        """Take a record that is in the chain, or will be with the next seal."""
        self.trust.add(body.get("statements", ())[: max(STATEMENTS_MAX - len(self.trust.raws), 0)])
        if kind is Kind.ANSWER:
            one = self.held.get(body["order"])
            if one is not None and one.order.rev == body["rev"] and body["state"] not in one.answers:
                one.answers.append(body["state"])
            return
        match body["what"]:
            case What.ORDER.value:
                self._apply_order(body, utc_ms)
            case What.NEWEST.value:
                self._newest_raw = bytes(body["newest"])
                self.newest = parse_newest(self._newest_raw).newest
            case What.MISSING.value:
                self.missing = tuple(body["missing"]), bool(body["keys"])
            case What.CONTRADICTION.value:
                self.contradictions.add((body["id"], body["other"]))

    def _apply_order(self, body: Mapping[str, Any], utc_ms: int | None) -> None:
        seq = int(body.get("seq", 0))
        self._known[bytes(body["hash"])] = seq
        while len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]
        if seq:
            self.seen.add(seq)
        if body["state"] != HELD:
            return
        order = parse_order(body["order"]).order
        self._make_room(order, utc_ms)
        self.held.pop(order.id, None)
        self.held[order.id] = one = HeldOrder(order, body["order"])
        target = self.held.get(order.cancels)
        if target is not None and order.seq > target.order.seq:
            target.cancelled = order.id
        for other in self.held.values():
            is_for_me = other.order.cancels == order.id and other.order.seq > order.seq
            if is_for_me and self.trust.may_end(other.order, order):
                one.cancelled = other.order.id

    def _issuer_of(self, id_: str) -> str:
        one = self.held.get(id_)
        return "" if one is None else one.order.issuer

    def _has_room(self, order: Order, utc_ms: int | None) -> bool:
        living = [one for one in self.held.values() if one.order.id != order.id and not one.has_ended(utc_ms)]
        return len(living) < HELD_MAX and sum(len(one.raw) for one in living) < HELD_BYTES_MAX

    def _make_room(self, order: Order, utc_ms: int | None) -> None:
        ended = [id_ for id_, one in self.held.items() if one.has_ended(utc_ms) and id_ != order.id]
        while ended and (len(self.held) >= HELD_MAX or self._bytes() >= HELD_BYTES_MAX):
            del self.held[ended.pop(0)]

    def _bytes(self) -> int:
        return sum(len(one.raw) for one in self.held.values())

    # -- over a restart

    def to_cbor(self) -> bytes:
        """The book as bytes."""
        numbers, keys = self.missing
        return cbor.encode([
            _VERSION,
            self.trust.raws,
            [[one.raw, one.answers, one.cancelled] for one in self.held.values()],
            self.seen.to_cbor(),
            [[digest, seq] for digest, seq in self._known.items()],
            self._newest_raw,
            [list(numbers), keys],
            sorted(map(list, self.contradictions)),
        ])  # fmt: skip

    @classmethod
    def from_cbor(cls, raw: bytes, gateway: str, root: bytes) -> "Book":
        """The book in `raw`; raises FormatError."""
        items = cbor.array(cbor.decode(raw, BOOK_BYTES_MAX), "book", 8)
        version, statements, held, seen, known, newest, missing, told = items
        cbor.natural(version, "version", _VERSION, _VERSION)
        try:
            book = cls(gateway, Trust(root, list(statements)), seen=Held.from_cbor(seen))
            for order, answers, cancelled in held:
                one = parse_order(order).order
                book.held[one.id] = HeldOrder(one, order, [str(each) for each in answers], str(cancelled))
            book._known = {cbor.octets(digest, "hash", HASH_BYTES): int(seq) for digest, seq in known}
            book._newest_raw = newest
            book.newest = parse_newest(newest).newest if newest else None
            book.missing = tuple(int(one) for one in missing[0]), bool(missing[1])
            book.contradictions = {(str(one), str(two)) for one, two in told}
        except (TypeError, ValueError, LookupError) as error:
            raise cbor.FormatError(f"no book of orders: {error}") from error
        return book


def _contradict(one: Order, two: Order) -> bool:
    if one.kind != two.kind or one.test != two.test or one.kind not in {ALERT, CONFIG}:
        return False
    if one.kind == ALERT and one.body.get("list") != two.body.get("list"):
        return False
    return one.effective_utc_ms <= two.expires_utc_ms and two.effective_utc_ms <= one.expires_utc_ms
