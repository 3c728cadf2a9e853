"""What the centre publishes: receipts, and beacons with its time.

Receipt, payload of a COSE_Sign1 under `dj1.receipt`, by the root or a certified key (`evidence.delegated`):
    [1, gateway, number, seal_hash, bodies_up_to, ranges, centre_utc_ms, conflict]
It is cumulative: the centre has verified and committed every seal up to `number`, which has this seal_hash
(number 0 and zeros: none yet). `bodies_up_to` = m: no body up to seal m is awaited any more, each is held
or was declared lost by a sealed record; `ranges` = [[a, b], ...] are those held beyond m. `conflict` is null,
or [number, hash]: another seal arrived, and the centre accepts only a seal `number` whose previous is
`hash`. A gateway prunes only on a receipt that names a seal hash of its own.

Beacon, under `dj1.beacon`: [1, centre_utc_ms, sequence]. A seal that carries its hash is younger than it.
"""

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any, Final

from attrs import frozen

from evidence import cbor
from evidence.delegated import MORE_BYTES_MAX, Signer, open_delegated, to_signer
from evidence.seal import FIRST_NUMBER, HASH_BYTES, NO_HASH, NUMBER_MAX, check_gateway

VERSION: Final = 1
RANGES_MAX: Final = 64
"""Ranges of bodies in one receipt; later receipts name the rest."""
RECEIPT_BYTES_MAX: Final = 2_048
"""64 ranges of two 7-byte numbers, and the other items."""
KEPT_BYTES_MAX: Final = RECEIPT_BYTES_MAX + MORE_BYTES_MAX
"""A receipt with the certificate of its key: what gateways and packs keep."""
BEACON_BYTES_MAX: Final = 128
RECEIPT_DOMAIN: Final = b"dj1.receipt"
BEACON_DOMAIN: Final = b"dj1.beacon"


@frozen
class Conflict:
    """What the centre expects instead: a seal `number` whose previous is `hash`."""

    number: int
    hash: bytes


@frozen
class Receipt:
    """What the centre holds of one gateway; see the module's specification."""

    gateway: str
    number: int
    seal_hash: bytes
    bodies_up_to: int
    ranges: tuple[tuple[int, int], ...]
    centre_utc_ms: int
    conflict: Conflict | None = None


@frozen
class Beacon:
    """The centre's time; `sequence` grows by one with each."""

    centre_utc_ms: int
    sequence: int


def sign_receipt(receipt: Receipt, signer: Signer | bytes) -> bytes:
    """`receipt` as the centre publishes it; bytes are the root's secret."""
    conflict = None if receipt.conflict is None else [receipt.conflict.number, receipt.conflict.hash]
    payload = [
        VERSION, receipt.gateway, receipt.number, receipt.seal_hash, receipt.bodies_up_to,
        [list(span) for span in receipt.ranges], receipt.centre_utc_ms, conflict,
    ]  # fmt: skip
    return to_signer(signer).sign(cbor.encode(payload), RECEIPT_DOMAIN)


def open_receipt(
    raw: bytes, centre_key: bytes, withdrawn: Collection[bytes] = (), heard_utc_ms: int = 0
) -> Receipt:
    """The receipt in `raw`; raises FormatError, also if the centre has not signed it.

    `centre_key` is the root; `withdrawn` are receipt keys that are not believed any more, and `heard_utc_ms`
    is the centre's time as far as it was heard.
    """
    opened = open_delegated(raw, centre_key, RECEIPT_DOMAIN, RECEIPT_BYTES_MAX, withdrawn)
    items = cbor.array(opened.value, "receipt", 8)
    version, gateway, number, seal_hash, bodies_up_to, ranges, centre_utc_ms, conflict = items
    cbor.natural(version, "version", VERSION, VERSION)
    receipt = Receipt(
        gateway=check_gateway(cbor.text(gateway, "gateway")),
        number=cbor.natural(number, "number", NUMBER_MAX),
        seal_hash=cbor.octets(seal_hash, "seal_hash", HASH_BYTES),
        bodies_up_to=cbor.natural(bodies_up_to, "bodies_up_to", NUMBER_MAX),
        ranges=_parse_ranges(ranges),
        centre_utc_ms=cbor.natural(centre_utc_ms, "centre_utc_ms"),
        conflict=None if conflict is None else _parse_conflict(conflict),
    )
    opened.check_time(receipt.centre_utc_ms, heard_utc_ms)
    _check_consistent(receipt)
    return receipt


def last_receipt(receipts: Sequence[bytes], centre_key: bytes | None) -> Receipt | None:
    """The last of `receipts` that the centre has signed; None without its key."""
    for raw in reversed(receipts if centre_key is not None else ()):
        try:
            return open_receipt(raw, centre_key or b"")
        except cbor.FormatError:
            continue
    return None


def sign_beacon(beacon: Beacon, signer: Signer | bytes) -> bytes:
    """`beacon` as the centre publishes it; bytes are the root's secret."""
    payload = cbor.encode([VERSION, beacon.centre_utc_ms, beacon.sequence])
    return to_signer(signer).sign(payload, BEACON_DOMAIN)


def open_beacon(
    raw: bytes, centre_key: bytes, withdrawn: Collection[bytes] = (), heard_utc_ms: int = 0
) -> Beacon:
    """The beacon in `raw`; as `open_receipt`."""
    opened = open_delegated(raw, centre_key, BEACON_DOMAIN, BEACON_BYTES_MAX, withdrawn)
    items = cbor.array(opened.value, "beacon", 3)
    cbor.natural(items[0], "version", VERSION, VERSION)
    beacon = Beacon(cbor.natural(items[1], "centre_utc_ms"), cbor.natural(items[2], "sequence"))
    opened.check_time(beacon.centre_utc_ms, heard_utc_ms)
    return beacon


def _parse_ranges(items: Any) -> tuple[tuple[int, int], ...]:
    if type(items) is not list or len(items) > RANGES_MAX:
        raise cbor.FormatError(f"ranges is not an array of at most {RANGES_MAX}")
    return tuple(_parse_range(item) for item in items)


def _parse_range(item: Any) -> tuple[int, int]:
    first = cbor.natural(cbor.array(item, "range", 2)[0], "range", NUMBER_MAX, FIRST_NUMBER)
    return first, cbor.natural(item[1], "range", NUMBER_MAX, first)


def _parse_conflict(item: Any) -> Conflict:
    number, expected = cbor.array(item, "conflict", 2)
    return Conflict(
        cbor.natural(number, "conflict", NUMBER_MAX, FIRST_NUMBER),
        cbor.octets(expected, "conflict hash", HASH_BYTES),
    )


def _check_consistent(receipt: Receipt) -> None:
    """Ranges must ascend, must not touch, and must not exceed `number`."""
    bounds = [(0, receipt.bodies_up_to), *receipt.ranges]
    if any(later[0] <= earlier[1] + 1 for earlier, later in pairwise(bounds)):
        raise cbor.FormatError("ranges touch or run back")
    if bounds[-1][1] > receipt.number:
        raise cbor.FormatError("bodies beyond the last seal")
    if (receipt.number == 0) != (receipt.seal_hash == NO_HASH):
        raise cbor.FormatError("a seal hash without a seal, or a seal without")
