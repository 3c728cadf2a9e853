"""Where a chain stands: what a verifier keeps between two seals, and the verdicts that it gives.

The state before the first seal holds only the gateway's id and its enrolled keys. The verifier stores it as
one CBOR array, which is only as trustworthy as its storage. Version 1 of the array, from before statements
existed, is still read.
"""

from enum import StrEnum
from typing import Any, Final

from attrs import evolve, frozen

from drivers.clock import ClockState
from evidence import cbor
from evidence.record import CLOCK_NUMBER, clock_state
from evidence.seal import (
    BOOT_ID_BYTES,
    FIRST_NUMBER,
    FIRST_RECORD,
    HASH_BYTES,
    NO_HASH,
    NUMBER_MAX,
    SealHeader,
    check_gateway,
    seal_hash,
)
from evidence.statement import Rekey, Replace, Revoke

STATE_BYTES_MAX: Final = 512
"""The longest possible state has 320 bytes."""
_STATE_VERSION: Final = 2
_STATE_ITEMS: Final = 16
_STATE_ITEMS_1: Final = 12


class Code(StrEnum):
    """The subject of a finding."""

    FORM = "form"
    FOREIGN = "foreign"
    SIGNATURE = "signature"
    CHAIN = "chain"
    FORK = "fork"
    GAP = "gap"
    BODY = "body"
    WITHHELD = "withheld"
    RECORD = "record"
    """Records that are sealed and are not what records are (`evidence.record`); one finding a seal."""
    CLOCK_STEP = "clock_step"
    CLOCK_AHEAD = "clock_ahead"
    CLOCK_BEHIND = "clock_behind"
    CLOCK_STATE = "clock_state"
    BOOT = "boot"
    LOST_TAIL = "lost_tail"
    DROP = "drop"
    ATTESTATION = "attestation"
    STATEMENT = "statement"
    REKEYED = "rekeyed"
    REPLACED = "replaced"
    REVOKED = "revoked"
    FILE_ABSENT = "file_absent"
    FILE_EDITED = "file_edited"
    FILES_FULL = "files_full"
    """The last three: of a file beside the chain, at the centre alone; `number` is the seal that names it."""


@frozen
class Finding:
    """A fact that readers of the chain should know; `number` is the seal where it was found."""

    code: Code
    text: str
    number: int


@frozen
class ChainState:
    """Where a chain stands: what its last accepted seal certified, and the clocks in it.

    Attributes:
        key: The key of the last accepted seal; a second seal under it is a fork.
        next_key: The key that must sign the next seal.
        recovery_key: The key that must sign a re-key; zeros if there is none.
        statement: Hash of the last applied statement, b"" before the first.
        rekeyed_utc_ms: Time of a re-key whose first seal has not come (of two, the younger counts); else 0.
        revoked: The last seal that counts; None unless the gateway was revoked.
    """

    gateway: str
    first_key: bytes
    number: int
    hash: bytes
    key: bytes
    next_key: bytes
    next_record: int
    utc_ms: int
    boottime_ms: int
    boot_id: bytes
    clock_state: ClockState
    recovery_key: bytes = NO_HASH
    statement: bytes = b""
    rekeyed_utc_ms: int = 0
    revoked: int | None = None

    @classmethod
    def enrolled(cls, gateway: str, first_key: bytes, recovery_key: bytes = NO_HASH) -> "ChainState":
        """The state before the first seal; raises FormatError if the id or a key is malformed."""
        return cls(
            gateway=check_gateway(gateway),
            first_key=cbor.octets(first_key, "first key", HASH_BYTES),
            number=FIRST_NUMBER - 1,
            hash=NO_HASH,
            key=NO_HASH,
            next_key=first_key,
            next_record=FIRST_RECORD,
            utc_ms=0,
            boottime_ms=0,
            boot_id=b"",
            clock_state=ClockState.UNSYNCHRONISED,
            recovery_key=cbor.octets(recovery_key, "recovery key", HASH_BYTES),
        )

    def after(self, header: SealHeader, digest: bytes) -> "ChainState":
        """The state after the next seal, which was accepted and has this hash."""
        return evolve(
            self,
            number=header.number,
            hash=digest,
            key=self.next_key,
            next_key=header.next_key,
            next_record=header.first_record + header.count,
            utc_ms=header.utc_ms,
            boottime_ms=header.boottime_ms,
            boot_id=header.boot_id,
            clock_state=header.clock_state,
            rekeyed_utc_ms=0,
        )

    def to_cbor(self) -> bytes:
        """The state as bytes."""
        items = [
            _STATE_VERSION, self.gateway, self.first_key, self.number, self.hash, self.key, self.next_key,
            self.next_record, self.utc_ms, self.boottime_ms, self.boot_id, CLOCK_NUMBER[self.clock_state],
            self.recovery_key, self.statement, self.rekeyed_utc_ms, self.revoked,
        ]  # fmt: skip
        return cbor.encode(items)

    @classmethod
    def from_cbor(cls, raw: bytes) -> "ChainState":
        """The state in `raw`; raises FormatError."""
        items = _parse_items(raw)
        _, gateway, first_key, number, hash_, key, next_key, next_record = items[:8]
        recovery_key, statement, rekeyed_utc_ms, revoked = items[_STATE_ITEMS_1:]
        return cls(
            gateway=check_gateway(cbor.text(gateway, "gateway")),
            first_key=cbor.octets(first_key, "first_key", HASH_BYTES),
            number=cbor.natural(number, "number", NUMBER_MAX),
            hash=cbor.octets(hash_, "hash", HASH_BYTES),
            key=cbor.octets(key, "key", HASH_BYTES),
            next_key=cbor.octets(next_key, "next_key", HASH_BYTES),
            next_record=cbor.natural(next_record, "next_record"),
            utc_ms=cbor.natural(items[8], "utc_ms"),
            boottime_ms=cbor.natural(items[9], "boottime_ms"),
            boot_id=cbor.octets(items[10], "boot_id", 0, BOOT_ID_BYTES),
            clock_state=clock_state(items[11]),
            recovery_key=cbor.octets(recovery_key, "recovery_key", HASH_BYTES),
            statement=cbor.octets(statement, "statement", 0, HASH_BYTES),
            rekeyed_utc_ms=cbor.natural(rekeyed_utc_ms, "rekeyed_utc_ms"),
            revoked=None if revoked is None else cbor.natural(revoked, "revoked", NUMBER_MAX),
        )


class Outcome(StrEnum):
    """What a seal or statement turned out to be."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    FORK = "fork"
    GAP = "gap"
    INVALID = "invalid"


@frozen
class Verdict:
    """The verdict on a seal or statement, given a chain state.

    Attributes:
        state: The state afterwards; unchanged unless the outcome is ACCEPTED.
        header: The seal's header; its signature holds if accepted, duplicate or fork.
        records: The records of a body that matches the seal, else None.
        absent: Seals whose bodies the gateway itself declares lost, as (first, last).
        statement: What `continue_chain` read; its signature holds if accepted, duplicate, gap or fork.
    """

    outcome: Outcome
    state: ChainState
    findings: tuple[Finding, ...] = ()
    header: SealHeader | None = None
    records: tuple[bytes, ...] | None = None
    absent: tuple[tuple[int, int], ...] = ()
    statement: Rekey | Replace | Revoke | None = None


def refuse(state: ChainState, code: Code, text: str, number: int) -> Verdict:
    """The verdict INVALID, with its reason."""
    return Verdict(Outcome.INVALID, state, (Finding(code, text, number),))


def hash_stored(cose: bytes | None) -> bytes | None:
    """The hash of a stored seal, None if it is not stored."""
    return None if cose is None else seal_hash(cose)


def _parse_items(raw: bytes) -> list[Any]:
    """The items of a state; those that version 1 lacks are filled in."""
    items = cbor.decode(raw, STATE_BYTES_MAX)
    if type(items) is list and items[:1] == [1] and len(items) == _STATE_ITEMS_1:
        return [*items, NO_HASH, b"", 0, None]
    cbor.natural(cbor.array(items, "state", _STATE_ITEMS)[0], "version", _STATE_VERSION, _STATE_VERSION)
    return list(items)
