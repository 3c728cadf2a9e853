"""The anchors from which a walk along a chain begins: see `evidence.walk`. Pure.

`Anchors.find` gives the states that a walk may go on from, `Anchors.accept` the verdict on the next seal.
Not handled here: who keeps the keys, receipts and statements.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

from attrs import evolve, field, frozen

from evidence.archive import Row
from evidence.cbor import FormatError
from evidence.chain import ChainState, Outcome, Verdict
from evidence.continuation import continue_chain
from evidence.receipt import Receipt, open_receipt
from evidence.seal import FIRST_NUMBER, NO_HASH, SealHeader, StoredSeal, peek_header, seal_hash
from evidence.statement import NO_KEY, Rekey, Replace, parse_statement
from evidence.verify import accept

SealRow = Row | StoredSeal
"""A seal as a store gives it; `body` None where it is not held or was not wanted."""


class Source(Protocol):
    """Where seals are stored."""

    def rows(self, first: int, last: int, *, bodies: bool = True) -> Iterable[SealRow]:
        """The stored seals `first` to `last`, in order, read lazily."""


@frozen
class Anchors:
    """What a reader trusts about a gateway before reading.

    Attributes:
        receipts: By any signer; those that `centre_key` has not signed are ignored.
        statements: Likewise, in the order in which they were made.
        tip: Number and hash of the last seal, where the reader knows them better than the store.
    """

    gateway: str
    first_key: bytes | None = None
    recovery_key: bytes = NO_HASH
    centre_key: bytes | None = None
    receipts: tuple[bytes, ...] = ()
    statements: tuple[bytes, ...] = ()
    tip: tuple[int, bytes] | None = None
    _parsed: tuple[tuple[bytes, Rekey | Replace], ...] = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        parsed = tuple((raw, one) for raw in self.statements for one in _continuation(raw))
        object.__setattr__(self, "_parsed", parsed)

    def check_receipts(self) -> Iterator[Receipt]:
        """The receipts of this gateway that the centre has signed."""
        for raw in self.receipts if self.centre_key is not None else ():
            try:
                receipt = open_receipt(raw, self.centre_key or b"")
            except FormatError:
                continue
            if receipt.gateway == self.gateway and receipt.number >= FIRST_NUMBER:
                yield receipt

    def find(self, source: Source, last: int) -> tuple[list[ChainState], int | None]:
        """The states that a walk up to seal `last` may go on from, in order.

        Returns:
            Also the first seal that a receipt contradicts and no later receipt confirms.
        """
        found: dict[int, ChainState] = {}
        wrong: list[int] = []
        named = {(receipt.number, receipt.seal_hash) for receipt in self.check_receipts()}
        if self.first_key not in {None, NO_KEY}:
            found[0] = ChainState.enrolled(self.gateway, self.first_key or b"", self.recovery_key)
        for raw, one in self._parsed:
            if isinstance(one, Rekey) and named:
                continue  # the owner may edit the recovery key: where the centre has signed, it alone vouches
            for state in self._find_stated(source, raw, one):
                found.setdefault(state.number, state)
        for number, digest in sorted(named | ({self.tip} if self.tip else set())):
            for row in source.rows(number, number, bodies=False) if number <= last else ():
                header = self.peek(row)
                if header is not None and seal_hash(row.cose) == digest:
                    found[number] = self._unproved_state(number).after(header, digest)
                    wrong.clear()
                else:
                    wrong.append(number)
        return [found[number] for number in sorted(found)], min(wrong, default=None)

    def keys_of_first(self) -> list[bytes]:
        """The keys that seal 1 may be signed with, as far as they are known here; empty if none is."""
        if self.first_key in {None, NO_KEY}:
            return []
        stated = (one.next_key for _, one in self._parsed if one.number == FIRST_NUMBER)
        return [self.first_key or b"", *stated]

    def peek(self, row: SealRow) -> SealHeader | None:
        """The header of a row, its signature NOT checked; None if it does not belong there."""
        try:
            header = peek_header(row.cose)
        except FormatError:
            return None
        return header if (header.number, header.gateway) == (row.number, self.gateway) else None

    def accept(self, state: ChainState, row: SealRow) -> Verdict:
        """What the next seal is, under the key that the one before it certified or that a statement gave."""
        verdict = accept(state, row.cose, None, received_utc_ms=None)
        for raw, one in self._parsed if verdict.outcome is not Outcome.ACCEPTED else ():
            changed = continue_chain(state, raw, self.centre_key)
            if one.number == row.number and changed.outcome is Outcome.ACCEPTED:
                state = changed.state
                again = accept(state, row.cose, None, received_utc_ms=None)
                if again.outcome is Outcome.ACCEPTED:
                    return again
        return verdict

    def _find_stated(self, source: Source, raw: bytes, one: Rekey | Replace) -> Iterator[ChainState]:
        """The state before the seal that a statement gives a key to, if it is in force there."""
        before = evolve(self._unproved_state(one.number - 1), number=one.number - 1, hash=one.previous)
        verdict = continue_chain(before, raw, self.centre_key)
        if verdict.outcome is Outcome.ACCEPTED:
            for row in source.rows(one.number, one.number, bodies=False):
                if self.accept(verdict.state, row).outcome is Outcome.ACCEPTED:
                    yield verdict.state

    def _unproved_state(self, number: int) -> ChainState:
        """A state without a key except the recovery key in force after seal `number`."""
        key = self.recovery_key
        for raw, one in self._parsed:
            is_signed = self.centre_key is not None and parse_statement(raw).holds(self.centre_key)
            if isinstance(one, Replace) and one.number <= number and is_signed:
                key = one.recovery_key
        return ChainState.enrolled(self.gateway, NO_KEY, key)


def _continuation(raw: bytes) -> Iterator[Rekey | Replace]:
    try:
        one = parse_statement(raw).statement
    except FormatError:
        return
    if isinstance(one, Rekey | Replace):
        yield one
