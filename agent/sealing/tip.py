"""The seal that a chain can continue from when keys or seals are lost, and the database that ends there.

In this order of trust:

1. the receipt with the highest number: the centre has signed that this seal is the last that it holds
   (a proof of a rollback is among those that the database keeps);
2. the seals of the database, and those that the key file still has, that follow it without a hole, each
   signed with the key that the one before it certified or that a statement gave;
3. without any receipt, the unbroken run that begins at the first row.

Seals after a hole, and those that contradict the receipt, can never be accepted. If there are any, the
database is set aside, never deleted, and a new one begins with the run that ends at the tip.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from attrs import evolve, frozen

from agent.sealing.key_slots import Slot
from agent.sealing.statements import Kept, RekeyRefusedError
from agent.store.gateway import GatewayStore
from agent.store.salvage import set_aside
from disk.database import add_suffix
from disk.files import move
from evidence.receipt import Receipt
from evidence.seal import DOMAIN, FIRST_RECORD, StoredSeal, parse_seal, peek_header, seal_hash
from evidence.statement import count_records_before

COPY_ROWS_MAX: Final = 100
"""Rows that are copied in one commit: 6 MB at the very most."""

Believed = tuple[Receipt, bytes]
"""A receipt that the centre has signed for this gateway, and its bytes."""


@frozen
class Tip:
    """The seal that a chain continues from.

    Attributes:
        next_record: Number of the first record after it, or an upper bound.
        run: First number of the unbroken rows that end at it; beyond it where there are none.
        extra: Those of them that only the key file has.
    """

    number: int
    hash: bytes
    next_record: int
    run: int
    extra: tuple[StoredSeal, ...] = ()


def find_tip(
    gateway: str, store: GatewayStore, ring: Iterable[Slot], best: Believed | None, kept: Iterable[Kept] = ()
) -> Tip:
    """The seal to continue from; see the module.

    Raises:
        RekeyRefusedError: Nothing shows where the chain stands, or it is another gateway's.
    """
    known = _Known(store, ring, tuple(kept))
    foreign = known.owners() - {gateway}
    if foreign:
        raise RekeyRefusedError(f"the chain on this disk is that of gateway {min(foreign)}, not {gateway}")
    if best is None:
        return _follow(known, _before_first(known))
    receipt, _ = best
    here = known.seal(receipt.number)
    if here is None or here.hash != receipt.seal_hash:
        bound = count_records_before(receipt.number + 1) + FIRST_RECORD
        tip = Tip(receipt.number, receipt.seal_hash, bound, receipt.number + 1)
    else:
        next_record = here.first_record + here.count
        tip = Tip(here.number, here.hash, next_record, *known.run_down(here.number))
    return _follow(known, tip)


def _before_first(known: "_Known") -> Tip:
    first = known.first()
    if first is None:
        raise RekeyRefusedError(
            "nothing here shows where the chain stands: bring the centre's receipt (--receipt FILE; "
            "`dianjian centre receipt` writes it)"
        )
    previous = peek_header(first.cose).previous
    return Tip(first.number - 1, previous, first.first_record, first.number)


def _follow(known: "_Known", tip: Tip) -> Tip:
    """`tip` moved on as long as the next seal is here and follows it."""
    extra = [*tip.extra]
    while (seal := known.seal(tip.number + 1)) and known.follows(seal, tip):
        if seal.number in known.extra:
            extra.append(seal)
        tip = Tip(seal.number, seal.hash, seal.first_record + seal.count, tip.run)
    return Tip(tip.number, tip.hash, tip.next_record, tip.run, tuple(extra))


class _Known:
    """The seals of the database, and those that only the key file has."""

    def __init__(self, store: GatewayStore, ring: Iterable[Slot], kept: tuple[Kept, ...]) -> None:
        self._store = store
        self._kept = kept
        self._in_ring = {seal.number: seal for slot in ring for seal in _previous_seal(slot)}
        self.extra = {number: seal for number, seal in self._in_ring.items() if store.hash_of(number) is None}

    def owners(self) -> set[str]:
        """The gateways whose seals are here."""
        last = self._store.last()
        seals = [*([last] if last else []), *self._in_ring.values()]
        return {peek_header(seal.cose).gateway for seal in seals}

    def seal(self, number: int) -> StoredSeal | None:
        """Seal `number` without its body."""
        rows = self._store.headers(number, 1)
        if not rows or rows[0].number != number:
            return self.extra.get(number)
        header = peek_header(rows[0].cose)  # the columns beside it are not signed
        return evolve(rows[0], first_record=header.first_record, count=header.count)

    def follows(self, seal: StoredSeal, tip: Tip) -> bool:
        """Whether a verifier that has accepted the tip can accept `seal`.

        Where neither the seal before it nor a statement names its key, the hash alone decides.
        """
        header, signed = parse_seal(seal.cose)
        if header.previous != tip.hash:
            return False
        before = self.seal(tip.number)
        place = seal.number, tip.hash
        stated = [one for one in self._kept if (one.statement.number, one.statement.previous) == place]
        certified = before is not None and before.hash == tip.hash
        if before is not None and certified and signed.holds(peek_header(before.cose).next_key, DOMAIN):
            return True
        return any(one.has_signed(seal.cose) for one in stated) if stated or certified else True

    def first(self) -> StoredSeal | None:
        """The first row; without rows, the first seal of the run that ends at the key file's newest."""
        number = self._store.first_number()
        if number is None and self.extra:
            number = self.run_down(max(self.extra))[0]
        return None if number is None else self.seal(number)

    def run_down(self, number: int) -> tuple[int, tuple[StoredSeal, ...]]:
        """The first number of the unbroken run that ends at seal `number`, and what is extra in it."""
        extra = []
        while self._store.hash_of(number) is not None or number in self.extra:
            extra += [self.extra[number]] if number in self.extra else []
            number -= 1
        return number + 1, tuple(reversed(extra))


def _previous_seal(slot: Slot) -> Iterator[StoredSeal]:
    if slot.cose:
        header = peek_header(slot.cose)
        digest = seal_hash(slot.cose)
        yield StoredSeal(header.number, digest, slot.cose, None, header.first_record, header.count)


def fit(store: GatewayStore, path: Path, quota_bytes: int, tip: Tip, best: Believed | None) -> Path | None:
    """Let the database hold the run that ends at `tip` and nothing else.

    Returns the path of the old one if it had to be set aside; `store` is closed then.
    """
    first, last = store.first_number(), store.last()
    if first is None or last is None or (first >= tip.run and last.number <= tip.number):
        _complete(store, tip, best)
        return None
    draft = add_suffix(path, ".rekeyed")
    for leftover in draft.parent.glob(draft.name + "*"):
        leftover.unlink()
    new = GatewayStore(draft, quota_bytes)
    try:
        at = tip.run
        while rows := [row for row in store.rows(at, COPY_ROWS_MAX) if row.number <= tip.number]:
            new.append(*rows)
            at = rows[-1].number + 1
        _complete(new, tip, best)
    finally:
        new.close()
    store.close()
    aside = set_aside(path)
    move(draft, path)
    add_suffix(draft, ".lock").unlink(missing_ok=True)
    return aside


def _complete(store: GatewayStore, tip: Tip, best: Believed | None) -> None:
    if tip.extra:
        store.append(*tip.extra)
    if best is not None:
        store.put_receipt(best[0].number, best[1])
    store.flush()
