"""The number of the newest order of a gateway, signed: what makes a withheld order visible.

Payload of a COSE_Sign1 under `dj1.orders`, by the root or a certified receipt key:
    [1, gateway, seq, order_hash, live, keys_hash, centre_utc_ms]
`seq` is that of the newest order and `order_hash` the SHA-256 of its bytes; 0 and zeros: none was ever sent.
`live` are the numbers, ascending, of the orders that lie at the broker: neither ended nor replaced by a later
revision. `keys_hash` is the SHA-256 of the message with the withdrawals, zeros where there are none: a broker
that withholds them shows too. `centre_utc_ms` grows with every change.
"""

from typing import Any, Final

from attrs import frozen

from evidence import cbor, cose
from evidence.orders.order import SEQ_MAX
from evidence.seal import HASH_BYTES, NO_HASH, check_gateway

VERSION: Final = 1
NEWEST_DOMAIN: Final = b"dj1.orders"
LIVE_MAX: Final = 64
"""As many as a gateway holds at a time."""
NEWEST_BYTES_MAX: Final = 768
"""The longest has 516."""


@frozen
class Newest:
    """See the module."""

    gateway: str
    seq: int
    order_hash: bytes
    live: tuple[int, ...]
    keys_hash: bytes
    centre_utc_ms: int


@frozen
class SignedNewest:
    """Of the right form; its signature is checked by `holds` only."""

    newest: Newest
    signed: cose.Signed

    def holds(self, key: bytes) -> bool:
        """Whether this key has signed it."""
        return self.signed.holds(key, NEWEST_DOMAIN)


def sign_newest(newest: Newest, secret: bytes) -> bytes:
    """The COSE_Sign1 of `newest`; raises FormatError if a value is out of its range."""
    head = [VERSION, newest.gateway, newest.seq, newest.order_hash, list(newest.live)]
    payload = cbor.encode([*head, newest.keys_hash, newest.centre_utc_ms])
    raw = cose.sign1(payload, secret, NEWEST_DOMAIN)
    parse_newest(raw)
    return raw


def parse_newest(raw: bytes) -> SignedNewest:
    """What is in `raw`; raises FormatError."""
    signed = cose.parse(raw, NEWEST_BYTES_MAX)
    items = cbor.array(cbor.decode(signed.payload, NEWEST_BYTES_MAX), "newest", 7)
    version, gateway, seq, order_hash, live, keys_hash, utc_ms = items
    cbor.natural(version, "version", VERSION, VERSION)
    last = cbor.natural(seq, "seq", SEQ_MAX)
    newest = Newest(
        check_gateway(cbor.text(gateway, "gateway")),
        last,
        cbor.octets(order_hash, "order_hash", HASH_BYTES),
        _parse_live(live, last),
        cbor.octets(keys_hash, "keys_hash", HASH_BYTES),
        cbor.natural(utc_ms, "centre_utc_ms"),
    )
    if (newest.seq == 0) != (newest.order_hash == NO_HASH):
        raise cbor.FormatError("the hash of no order, or an order without")
    return SignedNewest(newest, signed)


def _parse_live(value: Any, last: int) -> tuple[int, ...]:
    if type(value) is not list or len(value) > LIVE_MAX:
        raise cbor.FormatError(f"live is not an array of at most {LIVE_MAX}")
    before = 0
    for one in value:
        before = cbor.natural(one, "live", last, before + 1)
    return tuple(value)
