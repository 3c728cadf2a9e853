"""Makes seals, in an order that survives a crash at every step.

    (1) draw key n+1                (2) sign seal n with key n
    (3) write slot n+1: its secret, seal n and its hash       (O_DSYNC)
    (4) commit seal n to the database                         (WAL, FULL)
    (5) records that are not in it wait for seal n+1          (`agent.spool`, in memory)
    (6) destroy the secret of slot n                          (O_DSYNC)
    (7) only now `seal` returns, and the seal may be published

So a secret that is still alive has signed nothing that was published, and a number whose secret is gone is
never signed again. Start and crash recovery are one function, whose rules are in `agent.sealing.recovery`.

A commit that failed has an unknown result. The identical bytes are kept; `settle` reopens the
database, looks, and inserts the same bytes if they are missing. Nothing else is signed meanwhile.
"""

from collections.abc import Sequence
from typing import Final

from agent.sealing.key_slots import KeySlots, Slot
from agent.sealing.recovery import Recovery, begins_anew, find
from agent.spool.spool import Spool
from agent.store.gateway import GatewayStore
from disk.database import CommitError, StoreFullError
from drivers.clock import Stamp
from evidence import keys
from evidence.body import BODY_BYTES_MAX, encode_body
from evidence.cbor import FormatError
from evidence.record import NS_PER_MS, Kind, encode_record
from evidence.seal import (
    SealHeader,
    StoredSeal,
    check_gateway,
    merkle_root,
    open_body,
    peek_header,
    seal_hash,
    sign_header,
)

COMMIT_TRIES_MAX: Final = 2
"""One more after reopening; a disk that fails twice needs a new process or is broken."""


class SealingStoppedError(Exception):
    """The keys do not continue this database: a new enrolment is needed."""


class UnsettledError(Exception):
    """A seal waits for `settle`; no other may be made before it."""


class Sealer:
    """Seals the records of one gateway. One thread at a time.

    Attributes:
        spool: Has the records that wait, over the end of the process.
    """

    def __init__(
        self, gateway: str, slots: KeySlots, store: GatewayStore, spool: Spool | None = None
    ) -> None:
        self.spool = Spool(None, b"") if spool is None else spool
        self._gateway = check_gateway(gateway)
        self._slots = slots
        self._store = store
        self._current: Slot | None = None
        self._returned: tuple[StoredSeal, ...] = ()
        self._lost: dict[str, int] | None = None
        self._unsettled: tuple[tuple[StoredSeal, ...], Slot] | None = None
        self._records: Sequence[bytes] = ()

    @property
    def is_unsettled(self) -> bool:
        """Whether a signed seal waits for `settle`."""
        return self._unsettled is not None

    def recover(self, held_up_to: int = 0) -> Recovery:
        """Find the current key; called once, at every start. `held_up_to` as for `recovery.find`."""
        last = self._store.last()
        new = not self._slots.exists()
        if new and last is None:
            self._slots.create(keys.generate())
        slots = () if new and last is not None else self._slots.load()
        found = find(self._gateway, last, slots, held_up_to)
        if found.current is not None and found.current.secret is not None:
            living = {slot.number: slot.secret for slot in slots if slot.secret is not None}
            self.spool.take_up(living, found.current.number, found.current.secret, self._records_of)
        for number in found.obsolete:
            self._slots.erase(number)
        self._current, self._returned, self._lost = found.current, found.returned, found.lost_tail
        if self._lost is not None and last is not None and last.body is None:
            # Lost before, and the seal that declared it is among those lost now: declare it again.
            self._lost["first"] = self._store.bodiless_since(last.number)
        bodiless = self._store.last_bodiless() if begins_anew(found) and self._lost is None else None
        if bodiless is not None:
            # The seal that would have declared it was to be signed with the lost key.
            first = self._store.bodiless_since(bodiless)
            self._lost = {"first": first, "last": bodiless, "recovered": first}
        return found.recovery

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
        self._records = records
        stored, next_slot = self._sign(self._current, records, stamp, reference)
        self._slots.write(next_slot)
        self._unsettled = (*self._returned, stored), next_slot
        return self.settle()

    def settle(self) -> StoredSeal:
        """Commit the seal that waits; the same bytes, however often.

        Raises:
            CommitError: It still waits.
        """
        if self._unsettled is None:
            raise UnsettledError("nothing waits")
        seals, next_slot = self._unsettled
        self._commit(seals)
        assert next_slot.secret is not None
        self.spool.move_on(next_slot.number, next_slot.secret, self._records)
        self._slots.erase(seals[-1].number)
        self._current, self._unsettled, self._returned, self._lost = next_slot, None, (), None
        self._records = ()
        return seals[-1]

    def _sign(
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

    def _records_of(self, number: int) -> Sequence[bytes] | None:
        """The records of a seal in the database; None where they are not there."""
        row = self._store.row(number)
        try:
            return None if row is None or row.body is None else open_body(peek_header(row.cose), row.body)
        except FormatError:
            return None

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
