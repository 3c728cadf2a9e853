"""The seal: a signed, chained header over a run of records.

Payload of the COSE_Sign1, a CBOR array:
    [1, gateway, number, first_record, count, root, previous, next_key,
     utc_ms, boottime_ms, boot_id, clock, reference]
- `number` counts from FIRST_NUMBER without a hole. `first_record` is the number of the first record in
  the gateway's life, so that no record can vanish between two seals.
- `root` is the Merkle tree hash of the records (RFC 9162, section 2.1.1), which proves a body.
- `previous` is the seal_hash of seal number-1 (zeros before the first); seal_hash = SHA-256 of the
  whole COSE_Sign1 as stored and sent. Nothing is ever re-encoded.
- `next_key` is the public key of seal number+1. Seal `number` is signed by the key that seal
  number-1 certified, the first one by the enrolled first key.
- `reference` is the SHA-256 of the last receipt or beacon, or empty: the seal is younger than it.

The body holds the records, in one of the forms of `evidence.body`. It travels with the seal or later.
"""

from collections.abc import Sequence
from hashlib import sha256
from re import compile as pattern
from typing import Final

from attrs import frozen

from drivers.clock import ClockState
from evidence import cbor, cose, keys
from evidence.body import decode_body
from evidence.record import CLOCK_NUMBER, clock_state

VERSION: Final = 1
FIRST_NUMBER: Final = 1
"""Number of the first seal; a receipt for 0 means that nothing is held yet."""
FIRST_RECORD: Final = 1
NUMBER_MAX: Final = (1 << 40) - 1
"""One seal a second for 34,000 years; leaves room to index several gateways in one integer."""
HASH_BYTES: Final = 32
BOOT_ID_BYTES: Final = 16
NO_HASH: Final = bytes(HASH_BYTES)
COSE_BYTES_MAX: Final = 400
"""Longest seal that is read."""
SEAL_BYTES_LONGEST: Final = 322
"""The longest that a gateway makes."""
RECORDS_MAX: Final = 16_000
"""Records in one seal; more cannot fit BODY_BYTES_MAX. Limits the work of a verifier."""
DOMAIN: Final = b"dj1.seal"

GATEWAY_PATTERN: Final = pattern(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
"""Serves as a level of an MQTT topic, as the CN of a certificate and as a file name."""


@frozen
class SealHeader:
    """What a seal signs; see the module's specification for each field."""

    gateway: str
    number: int
    first_record: int
    count: int
    root: bytes
    previous: bytes
    next_key: bytes
    utc_ms: int
    boottime_ms: int
    boot_id: bytes
    clock_state: ClockState
    reference: bytes = b""


@frozen
class StoredSeal:
    """A seal as it is stored and sent; `body` is None if it was given up or has not come yet."""

    number: int
    hash: bytes
    cose: bytes
    body: bytes | None
    first_record: int
    count: int


def check_gateway(name: str) -> str:
    """`name` if it can be a gateway's id; raises FormatError."""
    if not GATEWAY_PATTERN.fullmatch(name):
        raise cbor.FormatError("a gateway id has 1 to 32 of A-Z a-z 0-9 . _ - and begins with no sign")
    return name


def parse_key(value: object, name: str) -> bytes:
    """`value` as a public key that can name an owner; raises FormatError."""
    key = cbor.octets(value, name, HASH_BYTES)
    if not keys.is_sound(key):
        raise cbor.FormatError(f"{name} is no key, or one under which anybody can sign")
    return key


def sign_header(header: SealHeader, secret: bytes) -> bytes:
    """The COSE_Sign1 of `header`."""
    payload = [
        VERSION, header.gateway, header.number, header.first_record, header.count, header.root,
        header.previous, header.next_key, header.utc_ms, header.boottime_ms, header.boot_id,
        CLOCK_NUMBER[header.clock_state], header.reference,
    ]  # fmt: skip
    return cose.sign1(cbor.encode(payload), secret, DOMAIN)


def parse_seal(raw: bytes) -> tuple[SealHeader, cose.Signed]:
    """The header in `raw`, and its signature, which is not checked here; raises FormatError."""
    signed = cose.parse(raw, COSE_BYTES_MAX)
    return _parse_header(signed.payload), signed


def peek_header(raw: bytes) -> SealHeader:
    """The header of `raw`, with its signature NOT checked; raises FormatError."""
    return parse_seal(raw)[0]


def seal_hash(raw: bytes) -> bytes:
    """The hash that the next seal carries as `previous`."""
    return sha256(raw).digest()


def open_body(header: SealHeader, body: bytes) -> tuple[bytes, ...]:
    """The records in `body`; raises FormatError if it is not the one that `header` was made for."""
    records = decode_body(body, header.count)
    if merkle_root(records) != header.root:
        raise cbor.FormatError("the body is not the one that was sealed")
    return records


def merkle_root(records: Sequence[bytes]) -> bytes:
    """Merkle tree hash of RFC 9162: leaves 0x00, nodes 0x01, split at the largest power of two.

    Joining neighbours level by level, with an odd last one moving up, gives the same tree.
    """
    if not records:
        return sha256(b"").digest()
    level: list[bytes] = []
    for record in records:
        digest = _LEAF.copy()
        digest.update(record)
        level.append(digest.digest())
    while len(level) > 1:
        above: list[bytes] = []
        for at in range(0, len(level) - 1, 2):
            digest = _NODE.copy()
            digest.update(level[at] + level[at + 1])
            above.append(digest.digest())
        level = above + level[-1:] if len(level) % 2 else above
    return level[0]


_LEAF: Final = sha256(b"\0")
_NODE: Final = sha256(b"\1")
"""Copied in the loops instead of constructed for each record, which saves a tenth of a check's time."""
_HEADER_ITEMS: Final = 13


def _parse_header(payload: bytes) -> SealHeader:
    items = cbor.array(cbor.decode(payload, COSE_BYTES_MAX), "seal", _HEADER_ITEMS)
    version, gateway, number, first_record, count, root, previous, next_key = items[:8]
    utc_ms, boottime_ms, boot_id, clock, reference = items[8:]
    cbor.natural(version, "version", VERSION, VERSION)
    return SealHeader(
        gateway=check_gateway(cbor.text(gateway, "gateway")),
        number=cbor.natural(number, "number", NUMBER_MAX, FIRST_NUMBER),
        first_record=cbor.natural(first_record, "first_record", minimum=FIRST_RECORD),
        count=cbor.natural(count, "count", RECORDS_MAX, 1),
        root=cbor.octets(root, "root", HASH_BYTES),
        previous=cbor.octets(previous, "previous", HASH_BYTES),
        next_key=parse_key(next_key, "next_key"),
        utc_ms=cbor.natural(utc_ms, "utc_ms"),
        boottime_ms=cbor.natural(boottime_ms, "boottime_ms"),
        boot_id=cbor.octets(boot_id, "boot_id", BOOT_ID_BYTES),
        clock_state=clock_state(clock),
        reference=cbor.octets(reference, "reference", 0, HASH_BYTES),
    )
