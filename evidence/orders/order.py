"""The order: one envelope for everything that a bureau asks of a gateway.

Payload of a COSE_Sign1 by a bureau's key under `dj1.order`, a CBOR array:
    [1, id, rev, seq, kind, gateway, issuer, number, issued_utc_ms, effective_utc_ms, expires_utc_ms,
     due_utc_ms, priority, test, body]
- `id` names the order, `rev` counts its revisions from 1: a higher one replaces the order.
- `seq` counts everything that was ever signed for this gateway, from 1 without a hole, so that a withheld
  order leaves a hole, and a gateway without a set clock knows which of two came later.
- `kind` says what the body means: list, alert, supervise, check, cancel, config, diagnose. A kind that a
  gateway does not know is sealed and refused.
- `issuer` is the name in the certificate of the key; there is no key id.
- `number` is that of the document on paper, "" if there is none. Times are UTC in milliseconds;
  effective <= expires, and the order means nothing afterwards. `due_utc_ms` is null where no answer is
  awaited. `priority` 0 is the highest.
- `test` orders are obeyed in nothing but the answer.
- `body` is a map, as records have them. That of a cancel is {"order": id}.

Nothing in an order operates equipment of the plant, and nothing in it is run.
The decoder takes arbitrary bytes and gives an order of the right form; who may order what is in
`evidence.orders.trust`.
"""

from hashlib import sha256
from typing import Any, Final

from attrs import frozen

from evidence import cbor, cose
from evidence.orders.certificate import parse_kind, parse_name
from evidence.seal import GATEWAY_PATTERN, check_gateway

VERSION: Final = 1
ORDER_DOMAIN: Final = b"dj1.order"
ORDER_BYTES_MAX: Final = 16_384
"""A reduction list of some sixty lines; three of them still fit a seal."""
SEQ_MAX: Final = (1 << 32) - 1
REV_MAX: Final = 65_535
PRIORITY_MAX: Final = 255
NUMBER_BYTES_MAX: Final = 128
"""Of a document: 青环应急〔2026〕12号 takes 27."""

LIST: Final = "list"
ALERT: Final = "alert"
SUPERVISE: Final = "supervise"
CHECK: Final = "check"
CANCEL: Final = "cancel"
CONFIG: Final = "config"
DIAGNOSE: Final = "diagnose"
KINDS: Final = (ALERT, CANCEL, CHECK, CONFIG, DIAGNOSE, LIST, SUPERVISE)
"""Those of this version, ascending."""


@frozen
class Order:
    """What an order says; see the module's specification for each field."""

    id: str
    rev: int
    seq: int
    kind: str
    gateway: str
    issuer: str
    issued_utc_ms: int
    effective_utc_ms: int
    expires_utc_ms: int
    body: dict[str, Any]
    number: str = ""
    due_utc_ms: int | None = None
    priority: int = 0
    test: bool = False

    @property
    def cancels(self) -> str:
        """The id of the order that this one cancels, "" if it cancels none."""
        return str(self.body.get("order", "")) if self.kind == CANCEL else ""


@frozen
class SignedOrder:
    """An order of the right form; its signature is checked by `holds` only."""

    order: Order
    signed: cose.Signed

    def holds(self, key: bytes) -> bool:
        """Whether this key has signed it."""
        return self.signed.holds(key, ORDER_DOMAIN)


def sign_order(order: Order, secret: bytes) -> bytes:
    """The COSE_Sign1 of `order`; raises FormatError if a value is out of its range, or it is too long."""
    payload = cbor.encode([
        VERSION, order.id, order.rev, order.seq, order.kind, order.gateway, order.issuer, order.number,
        order.issued_utc_ms, order.effective_utc_ms, order.expires_utc_ms, order.due_utc_ms, order.priority,
        order.test, order.body,
    ])  # fmt: skip
    raw = cose.sign1(payload, secret, ORDER_DOMAIN)
    parse_order(raw)
    return raw


def parse_order(raw: bytes) -> SignedOrder:
    """The order in `raw`; raises FormatError."""
    if len(raw) > ORDER_BYTES_MAX:
        raise cbor.FormatError(f"{len(raw)} bytes, an order has at most {ORDER_BYTES_MAX}")
    signed = cose.parse(raw, ORDER_BYTES_MAX)
    items = cbor.array(cbor.decode(signed.payload, ORDER_BYTES_MAX), "order", 15)
    _, id_, rev, seq, kind, gateway, issuer, number, issued, effective, expires, due, priority, test, body = (
        items
    )
    cbor.natural(items[0], "version", VERSION, VERSION)
    if type(test) is not bool:
        raise cbor.FormatError("test is neither true nor false")
    if type(body) is not dict:
        raise cbor.FormatError("the body is no map")
    begin_ms = cbor.natural(effective, "effective_utc_ms")
    order = Order(
        id=parse_id(id_),
        rev=cbor.natural(rev, "rev", REV_MAX, 1),
        seq=cbor.natural(seq, "seq", SEQ_MAX, 1),
        kind=parse_kind(kind),
        gateway=check_gateway(cbor.text(gateway, "gateway")),
        issuer=parse_name(issuer, "issuer"),
        number=cbor.text(number, "number", NUMBER_BYTES_MAX),
        issued_utc_ms=cbor.natural(issued, "issued_utc_ms"),
        effective_utc_ms=begin_ms,
        expires_utc_ms=cbor.natural(expires, "expires_utc_ms", minimum=begin_ms),
        due_utc_ms=None if due is None else cbor.natural(due, "due_utc_ms"),
        priority=cbor.natural(priority, "priority", PRIORITY_MAX),
        test=test,
        body=cbor.plain(body, "body"),
    )
    if order.kind == CANCEL:
        parse_id(body.get("order"))
    return SignedOrder(order, signed)


def parse_id(value: Any) -> str:
    """`value` as the id of an order, which is a level of a topic; raises FormatError."""
    if type(value) is not str or not GATEWAY_PATTERN.fullmatch(value):
        raise cbor.FormatError("an order's id has 1 to 32 of A-Z a-z 0-9 . _ - and begins with no sign")
    return value


def hash_order(raw: bytes) -> bytes:
    """What names these bytes, an order or a whole message about orders: their SHA-256."""
    return sha256(raw).digest()
