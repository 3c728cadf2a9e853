"""Statements about the keys of a gateway, signed by the centre or the recovery key.

Each is a COSE_Sign1 like every other message, under an external_aad of its own. Its payload is a CBOR
array whose length distinguishes the kinds:

    enrolment  dj1.enrolment  by the centre
        [1, gateway, site, first_key, recovery_key, [[meter, model, unit_id, serial], ...], centre_utc_ms]
    re-key     dj1.rekey      by the recovery key that the last enrolment or replacement names
        [1, gateway, number, previous, first_record, next_key, utc_ms, reason]
    replace    dj1.replace    by the centre: new hardware goes on with the chain
        [1, gateway, number, previous, first_record, next_key, recovery_key, centre_utc_ms, reason]
    revoke     dj1.revoke     by the centre: no seal after `number` counts
        [1, gateway, number, seal_hash, centre_utc_ms, reason]

- `number` is the seal that `next_key` signs, `previous` the seal_hash of the one before it (zeros before
  the first), `first_record` its first record: never below where the chain stands, and above it only
  if the gateway lost its count and takes the upper bound `count_records_before(number) + 1`.
- A recovery key of zeros means that there is none. It is never used as a key: zeros are a point of small
  order, under which anybody can make valid signatures.
- `serial` is "" if it is not known.

Form and signature only; `evidence.continuation` applies statements.
"""

from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from evidence import cbor, cose
from evidence.seal import (
    FIRST_NUMBER,
    FIRST_RECORD,
    HASH_BYTES,
    NO_HASH,
    NUMBER_MAX,
    RECORDS_MAX,
    check_gateway,
    parse_key,
)

VERSION: Final = 1
ENROLMENT_DOMAIN: Final = b"dj1.enrolment"
REKEY_DOMAIN: Final = b"dj1.rekey"
REPLACE_DOMAIN: Final = b"dj1.replace"
REVOKE_DOMAIN: Final = b"dj1.revoke"
NO_KEY: Final = NO_HASH
"""In place of a recovery key: none."""
METERS_MAX: Final = 256
"""Meters in one enrolment: several full buses of a large plant."""
UNIT_ID_MAX: Final = 255
"""Of Modbus TCP, where 0 and 255 are the device itself."""
REASON_BYTES_MAX: Final = 200
"""A sentence, not a report."""
SITE_BYTES_MAX: Final = 64
STATEMENT_BYTES_MAX: Final = 64_000
"""256 meters with the longest texts take 52 kB; in an exported file the length has two bytes."""
CONTINUE_BYTES_MAX: Final = 512
"""The longest re-key or replacement, which travel over MQTT, has 481 bytes."""


@frozen
class EnrolledMeter:
    """A meter of the site at its enrolment.

    A DL/T 645 meter has unit id 0 and its address as serial; without a serial, 0 is the unit id of a device
    at Modbus TCP.
    """

    id: str
    model: str
    unit_id: int
    serial: str = ""


@frozen
class Enrolment:
    """The centre enrols this gateway with these keys."""

    gateway: str
    site: str
    first_key: bytes
    recovery_key: bytes
    meters: tuple[EnrolledMeter, ...]
    centre_utc_ms: int


@frozen
class Rekey:
    """The recovery key names the key that the chain goes on with."""

    gateway: str
    number: int
    previous: bytes
    first_record: int
    next_key: bytes
    utc_ms: int
    reason: str


@frozen
class Replace:
    """The centre names the key of new hardware that goes on with the chain, and its recovery key."""

    gateway: str
    number: int
    previous: bytes
    first_record: int
    next_key: bytes
    recovery_key: bytes
    utc_ms: int
    reason: str


@frozen
class Revoke:
    """No seal after `number`, which has this hash, counts any more."""

    gateway: str
    number: int
    seal_hash: bytes
    utc_ms: int
    reason: str


Statement = Enrolment | Rekey | Replace | Revoke
Continuation = Rekey | Replace

_DOMAINS: Final[dict[type, bytes]] = {
    Enrolment: ENROLMENT_DOMAIN,
    Rekey: REKEY_DOMAIN,
    Replace: REPLACE_DOMAIN,
    Revoke: REVOKE_DOMAIN,
}


@frozen
class SignedStatement:
    """A statement of the right form; its signature is checked by `holds` only."""

    statement: Statement
    signed: cose.Signed

    def holds(self, public_key: bytes) -> bool:
        """Whether this key has signed it; NO_KEY has signed nothing."""
        return public_key != NO_KEY and self.signed.holds(public_key, _DOMAINS[type(self.statement)])


def count_records_before(number: int) -> int:
    """The most records that a chain can have before seal `number`."""
    return (number - FIRST_NUMBER) * RECORDS_MAX


def sign_statement(statement: Statement, secret: bytes) -> bytes:
    """The COSE_Sign1 of `statement`; raises FormatError if a value is out of its range."""
    payload = cbor.encode(_to_payload(statement))
    _parse_payload(payload)
    return cose.sign1(payload, secret, _DOMAINS[type(statement)])


def parse_statement(raw: bytes) -> SignedStatement:
    """The statement in `raw`; raises FormatError."""
    signed = cose.parse(raw, STATEMENT_BYTES_MAX)
    return SignedStatement(_parse_payload(signed.payload), signed)


def open_statement(raw: bytes, public_key: bytes) -> Statement:
    """The statement in `raw`; raises FormatError, also if another key than `public_key` has signed it."""
    parsed = parse_statement(raw)
    if not parsed.holds(public_key):
        raise cbor.FormatError("the statement is not signed by the key that it must be signed by")
    return parsed.statement


def _to_payload(statement: Statement) -> list[Any]:
    match statement:
        case Enrolment():
            meters = [[meter.id, meter.model, meter.unit_id, meter.serial] for meter in statement.meters]
            keys = [statement.first_key, statement.recovery_key]
            return [VERSION, statement.gateway, statement.site, *keys, meters, statement.centre_utc_ms]
        case Rekey():
            return [*_to_continuation(statement), statement.utc_ms, statement.reason]
        case Replace():
            return [*_to_continuation(statement), statement.recovery_key, statement.utc_ms, statement.reason]
        case Revoke():
            head = [VERSION, statement.gateway, statement.number, statement.seal_hash]
            return [*head, statement.utc_ms, statement.reason]


def _to_continuation(one: Continuation) -> list[Any]:
    return [VERSION, one.gateway, one.number, one.previous, one.first_record, one.next_key]


def _parse_payload(payload: bytes) -> Statement:
    items = cbor.decode(payload, STATEMENT_BYTES_MAX)
    if type(items) is not list or len(items) not in _READERS:
        raise cbor.FormatError("not a statement")
    cbor.natural(items[0], "version", VERSION, VERSION)
    return _READERS[len(items)](check_gateway(cbor.text(items[1], "gateway")), items)


def _parse_enrolment(gateway: str, items: list[Any]) -> Enrolment:
    _, _, site, first_key, recovery_key, meters, utc_ms = items
    if type(meters) is not list or len(meters) > METERS_MAX:
        raise cbor.FormatError(f"meters is not an array of at most {METERS_MAX}")
    return Enrolment(
        gateway=gateway,
        site=cbor.text(site, "site", SITE_BYTES_MAX),
        first_key=parse_key(first_key, "first_key"),
        recovery_key=_parse_recovery_key(recovery_key),
        meters=tuple(_parse_meter(meter) for meter in meters),
        centre_utc_ms=cbor.natural(utc_ms, "centre_utc_ms"),
    )


def _parse_meter(item: Any) -> EnrolledMeter:
    id_, model, unit_id, serial = cbor.array(item, "meter", 4)
    return EnrolledMeter(
        cbor.text(id_, "meter"),
        cbor.text(model, "model"),
        cbor.natural(unit_id, "unit_id", UNIT_ID_MAX),
        cbor.text(serial, "serial"),
    )


def _parse_rekey(gateway: str, items: list[Any]) -> Rekey:
    return Rekey(
        gateway,
        *_parse_continuation(items),
        utc_ms=cbor.natural(items[6], "utc_ms"),
        reason=cbor.text(items[7], "reason", REASON_BYTES_MAX),
    )


def _parse_replace(gateway: str, items: list[Any]) -> Replace:
    return Replace(
        gateway,
        *_parse_continuation(items),
        recovery_key=_parse_recovery_key(items[6]),
        utc_ms=cbor.natural(items[7], "centre_utc_ms"),
        reason=cbor.text(items[8], "reason", REASON_BYTES_MAX),
    )


def _parse_continuation(items: list[Any]) -> tuple[int, bytes, int, bytes]:
    """Number, previous, first_record and next_key."""
    number = cbor.natural(items[2], "number", NUMBER_MAX, FIRST_NUMBER)
    previous = cbor.octets(items[3], "previous", HASH_BYTES)
    if (number == FIRST_NUMBER) != (previous == NO_HASH):
        raise cbor.FormatError("a seal before the first, or none before another")
    first_record = cbor.natural(items[4], "first_record", count_records_before(number) + 1, FIRST_RECORD)
    return number, previous, first_record, parse_key(items[5], "next_key")


def _parse_revoke(gateway: str, items: list[Any]) -> Revoke:
    number = cbor.natural(items[2], "number", NUMBER_MAX)
    seal_hash = cbor.octets(items[3], "seal_hash", HASH_BYTES)
    if (number < FIRST_NUMBER) != (seal_hash == NO_HASH):
        raise cbor.FormatError("a seal hash without a seal, or a seal without")
    utc_ms = cbor.natural(items[4], "centre_utc_ms")
    return Revoke(gateway, number, seal_hash, utc_ms, cbor.text(items[5], "reason", REASON_BYTES_MAX))


def _parse_recovery_key(value: Any) -> bytes:
    return NO_KEY if value == NO_KEY else parse_key(value, "recovery_key")


_READERS: Final[dict[int, Callable[[str, list[Any]], Statement]]] = {
    6: _parse_revoke,
    7: _parse_enrolment,
    8: _parse_rekey,
    9: _parse_replace,
}


@frozen
class Pending:
    """A statement that the chain goes on with; `number` is the first seal under its key."""

    number: int
    raw: bytes
