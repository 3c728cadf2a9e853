"""Makes seals, in an order that survives a crash at every step.

    (1) draw key n+1                (2) sign seal n with key n
    (3) write slot n+1: its secret, seal n and its hash       (O_DSYNC)
    (4) commit seal n to the database                         (WAL, FULL)
    (5) destroy the secret of slot n                          (O_DSYNC)
    (6) only now `seal` returns, and the seal may be published

So a secret that is still alive has signed nothing that anybody saw, and a number whose secret is
gone is never signed again. Start and crash recovery are one function. `recover` compares the last
row n of the database with the slots:

    key n+1 is alive                      it is current (slot n+2 beside it: step 4 never happened)
    the highest living key is beyond n+1  the disk lost commits: the seals come back from the ring
                                          without bodies, and the next seal begins with LOST_TAIL
    no living key, or only older ones     the key file is lost or rolled back: never seal again
                                          with it, ask for a new enrolment

A commit that failed has an unknown result. The identical bytes are kept; `settle` reopens the
database, looks, and puts the same bytes in if they are not there. Nothing else is signed meanwhile.

What it cannot see: database and key file restored together from an old image. The centre sees that
as a fork, and a receipt above the own number tells the gateway.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Protocol

from attrs import frozen

from agent.evidence import keys
from agent.evidence.record import NS_PER_MS, Kind, encode_record
from agent.evidence.seal import (
    BODY_BYTES_MAX,
    FIRST_NUMBER,
    SealHeader,
    StoredSeal,
    checked_gateway,
    encode_body,
    merkle_root,
    peek_header,
    seal_hash,
    sign_header,
)
from agent.evidence.slots import Slot, first_slot
from drivers.clock import Stamp

COMMIT_TRIES_MAX: Final = 2
"""Once more after reopening; a disk that fails twice needs a new process or a new disk."""


class CommitError(Exception):
    """A commit failed and its result is unknown."""


class StoreFullError(CommitError):
    """A commit failed because no room is left; it is known not to be there."""


class SealingStoppedError(Exception):
    """The keys do not continue this database: a new enrolment is needed."""


class UnsettledError(Exception):
    """A seal waits for `settle`; no other may be made before it."""


class SealStore(Protocol):
    """What the sealer needs of a database."""

    def last(self) -> StoredSeal | None:
        """The seal with the highest number."""
        ...

    def append(self, *seals: StoredSeal) -> None:
        """Commit `seals` in one transaction.

        Raises:
            CommitError: The result is unknown.
            StoreFullError: There is no room; nothing was stored.
        """
        ...

    def reopen(self) -> None:
        """Forget what the connection believes and look at the file again."""
        ...


class Slots(Protocol):
    """What the sealer needs of a key file; see `agent.evidence.slots.KeySlots`."""

    def exists(self) -> bool:
        """Whether the gateway has, or had, keys."""
        ...

    def create(self, secret: bytes) -> None:
        """Make the file with the first key in it."""
        ...

    def load(self) -> tuple[Slot, ...]:
        """Every readable slot, in the order of their numbers."""
        ...

    def write(self, slot: Slot) -> None:
        """Put `slot` on the disk."""
        ...

    def erase(self, number: int) -> None:
        """Destroy the secret of slot `number`."""
        ...


class Start(StrEnum):
    """How the gateway came up."""

    NEW = "new"
    CLEAN = "clean"
    LOST_TAIL = "lost tail"
    REKEY = "needs a new enrolment"


@frozen
class Recovery:
    """What `recover` found.

    Attributes:
        number: The next seal.
        next_key: The public key it will be signed with; on NEW the one to enrol. Empty on REKEY.
        lost: First and last seal that the database had lost.
        recovered: The first of them whose header came back, or None.
        reason: On REKEY, why.
    """

    start: Start
    number: int
    next_key: bytes
    lost: tuple[int, int] | None = None
    recovered: int | None = None
    reason: str = ""


class Sealer:
    """Seals the records of one gateway. One thread at a time."""

    def __init__(self, gateway: str, slots: Slots, store: SealStore) -> None:
        self._gateway = checked_gateway(gateway)
        self._slots = slots
        self._store = store
        self._current: Slot | None = None
        self._returned: tuple[StoredSeal, ...] = ()
        self._lost: dict[str, int] | None = None
        self._unsettled: tuple[tuple[StoredSeal, ...], Slot] | None = None

    @property
    def unsettled(self) -> bool:
        """Whether a signed seal waits for `settle`."""
        return self._unsettled is not None

    def recover(self) -> Recovery:
        """Find the current key; called once, at every start."""
        last = self._store.last()
        if not self._slots.exists():
            if last is not None:
                return _rekey(last, "the key file is gone")
            self._slots.create(keys.generate())
            return self._resume(last, Start.NEW)
        return self._resume(last, Start.CLEAN)

    def seal(self, records: Sequence[bytes], stamp: Stamp, reference: bytes = b"") -> StoredSeal:
        """Seal `records` (and, after a loss, one LOST_TAIL record before them) and commit.

        Raises:
            CommitError: The seal is signed and kept; call `settle` until it returns it.
            UnsettledError: That has not been done.
            SealingStoppedError: There is no key to seal with.
        """
        if self._unsettled is not None:
            raise UnsettledError("a seal waits to be settled")
        if self._current is None:
            raise SealingStoppedError("no key to seal with")
        if self._lost is not None:
            records = [encode_record(Kind.LOST_TAIL, stamp, self._lost), *records]
        stored, next_slot = self._signed(self._current, records, stamp, reference)
        self._slots.write(next_slot)
        self._unsettled = (*self._returned, stored), next_slot
        return self.settle()

    def settle(self) -> StoredSeal:
        """Bring the seal that waits into the database; the same bytes, however often.

        Raises:
            CommitError: It still waits.
        """
        if self._unsettled is None:
            raise UnsettledError("nothing waits")
        seals, next_slot = self._unsettled
        self._commit(seals)
        self._slots.erase(seals[-1].number)
        self._current, self._unsettled, self._returned, self._lost = next_slot, None, (), None
        return seals[-1]

    def _signed(
        self, current: Slot, records: Sequence[bytes], stamp: Stamp, reference: bytes
    ) -> tuple[StoredSeal, Slot]:
        body = encode_body(records)
        if not records or len(body) > BODY_BYTES_MAX:
            raise ValueError(f"a seal holds 1 record to {BODY_BYTES_MAX} bytes, not {len(body)} bytes")
        assert current.secret is not None
        next_secret = keys.generate()
        header = SealHeader(
            gateway=self._gateway,
            number=current.number,
            first_record=current.next_record,
            count=len(records),
            root=merkle_root(records),
            previous=current.previous,
            next_key=keys.public(next_secret),
            utc_ms=stamp.utc_ns // NS_PER_MS,
            boottime_ms=stamp.boottime_ns // NS_PER_MS,
            boot_id=stamp.boot_id,
            clock_state=stamp.clock_state,
            reference=reference,
        )
        cose = sign_header(header, current.secret)
        digest = seal_hash(cose)
        next_record = header.first_record + header.count
        return (
            StoredSeal(header.number, digest, cose, body, header.first_record, header.count),
            Slot(header.number + 1, next_secret, next_record, digest, cose),
        )

    def _commit(self, seals: tuple[StoredSeal, ...]) -> None:
        for attempt in range(1, COMMIT_TRIES_MAX + 1):
            try:
                self._store.append(*seals)
            except StoreFullError:
                raise
            except CommitError:
                self._store.reopen()
                last = self._store.last()
                if last is not None and last.hash == seals[-1].hash:
                    return
                if attempt == COMMIT_TRIES_MAX:
                    raise
            else:
                return

    def _resume(self, last: StoredSeal | None, start: Start) -> Recovery:
        slots = {slot.number: slot for slot in self._slots.load()}
        tip = FIRST_NUMBER - 1 if last is None else last.number
        living = [number for number, slot in slots.items() if slot.secret is not None]
        if not living or max(living) <= tip:
            return _rekey(last, "the key file is older than the database" if living else "no key is readable")
        top = max(living)
        number = tip + 1 if tip + 1 in living and top <= tip + 2 else top
        current = slots[number]
        returned = _returned(slots, number, tip)
        if not _continues(last, current, returned):
            return _rekey(last, "key file and database are of different chains")
        for other in living:
            if other != number:
                self._slots.erase(other)
        assert current.secret is not None
        next_key = keys.public(current.secret)
        self._current, self._returned = current, returned
        if number == tip + 1:
            return Recovery(start, number, next_key)
        lost = (tip + 1, number - 1)
        recovered = returned[0].number if returned else None
        self._lost = {"first": lost[0], "last": lost[1], "recovered": recovered or number}
        return Recovery(Start.LOST_TAIL, number, next_key, lost, recovered)


def _rekey(last: StoredSeal | None, reason: str) -> Recovery:
    number = FIRST_NUMBER if last is None else last.number + 1
    return Recovery(Start.REKEY, number, b"", reason=reason)


def _returned(slots: dict[int, Slot], number: int, tip: int) -> tuple[StoredSeal, ...]:
    """The seals from `tip` + 1 to `number` - 1 that the ring still has, an unbroken run up to the last."""
    found: list[StoredSeal] = []
    expected = slots[number].previous
    while number - 1 > tip and number in slots and seal_hash(slots[number].cose) == expected:
        number -= 1
        cose = slots[number + 1].cose
        header = peek_header(cose)
        found.append(StoredSeal(number, expected, cose, None, header.first_record, header.count))
        expected = header.previous
    return tuple(reversed(found))


def _continues(last: StoredSeal | None, current: Slot, returned: tuple[StoredSeal, ...]) -> bool:
    """Whether the current key follows from the last row, as far as the seals between are there."""
    assert current.secret is not None
    if current.number == FIRST_NUMBER:
        return current == first_slot(current.secret)
    before = returned[-1] if returned else last
    if before is None or before.number != current.number - 1:
        return True  # the seals between are lost: nothing to compare
    if peek_header(before.cose).next_key != keys.public(current.secret) or before.hash != current.previous:
        return False
    oldest = returned[0] if returned else None
    if last is None or oldest is None or oldest.number != last.number + 1:
        return True
    return peek_header(oldest.cose).previous == last.hash
