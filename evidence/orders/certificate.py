"""Who may sign what: statements of the root about other keys.

Each is a COSE_Sign1 by the root under an external_aad of its own; the length of the payload tells the kind:

    certificate  dj1.certify   [1, role, name, key, kinds, area, from_utc_ms, until_utc_ms, utc_ms]
    withdrawal   dj1.withdraw  [1, key, since_utc_ms, utc_ms, reason]
    placement    dj1.place     [1, gateway, area, utc_ms]

- `role` is 0 receipt, 1 bureau, 2 officer. A bureau signs orders of `kinds` (ascending, none twice) for
  gateways in its `area`; the other roles have no kinds.
- An area is a code whose beginnings are the areas around it (GB/T 2260: 37 the province, 3702 the city,
  370202 the district); "" is everywhere. A placement says where a gateway is; of several the latest counts,
  and a gateway without one is within "" alone. So neither a bureau nor an owner moves a gateway.
- A key is in force from `from_utc_ms` to `until_utc_ms`, both included, in any one of its certificates.
- A withdrawal ends a key for good: what a gateway has not sealed before it knows of the withdrawal is
  refused, whatever time it claims. `since_utc_ms` says from when on what the key signed is not believed.

The root is what site files call `centre_key`: the first centre's key is root and receipt key in one.
Form and signature only; `evidence.orders.trust` draws the conclusions.
"""

from collections.abc import Callable
from enum import IntEnum
from re import compile as pattern
from typing import Any, Final

from attrs import frozen

from evidence import cbor, cose
from evidence.seal import check_gateway, parse_key

VERSION: Final = 1
CERTIFY_DOMAIN: Final = b"dj1.certify"
WITHDRAW_DOMAIN: Final = b"dj1.withdraw"
PLACE_DOMAIN: Final = b"dj1.place"
CERTIFICATE_BYTES_MAX: Final = 1_024
"""The longest certificate has 513 bytes, the longest withdrawal 332."""
KINDS_MAX: Final = 16
REASON_BYTES_MAX: Final = 200
"""A sentence, as in other statements."""
METROLOGY: Final = "metrology"
"""Among the kinds of a bureau: its `config` orders may change what a technician has sealed."""
KIND_PATTERN: Final = pattern(r"[a-z][a-z0-9_]{0,15}")
"""Of orders, also those of later versions."""
AREA_PATTERN: Final = pattern(r"[0-9A-Za-z]{0,32}")


class Role(IntEnum):
    """What a key is for."""

    RECEIPT = 0
    BUREAU = 1
    OFFICER = 2


@frozen
class Certificate:
    """See the module."""

    role: Role
    name: str
    key: bytes
    kinds: tuple[str, ...]
    area: str
    from_utc_ms: int
    until_utc_ms: int
    utc_ms: int

    def covers(self, utc_ms: int) -> bool:
        """Whether the key is in force at that time."""
        return self.from_utc_ms <= utc_ms <= self.until_utc_ms


@frozen
class Withdrawal:
    """See the module."""

    key: bytes
    since_utc_ms: int
    utc_ms: int
    reason: str


@frozen
class Placement:
    """See the module."""

    gateway: str
    area: str
    utc_ms: int


RootStatement = Certificate | Withdrawal | Placement

_DOMAINS: Final[dict[type, bytes]] = {
    Certificate: CERTIFY_DOMAIN,
    Withdrawal: WITHDRAW_DOMAIN,
    Placement: PLACE_DOMAIN,
}


def sign_root_statement(statement: RootStatement, secret: bytes) -> bytes:
    """The COSE_Sign1 of `statement`; raises FormatError if a value is out of its range."""
    payload = cbor.encode(_to_payload(statement))
    _parse(payload)
    return cose.sign1(payload, secret, _DOMAINS[type(statement)])


def open_root_statement(raw: bytes, root: bytes) -> RootStatement:
    """The statement in `raw`; raises FormatError, also if the root has not signed it."""
    signed = cose.parse(raw, CERTIFICATE_BYTES_MAX)
    statement = _parse(signed.payload)
    if not signed.holds(root, _DOMAINS[type(statement)]):
        raise cbor.FormatError("not signed by the root")
    return statement


def parse_kind(value: Any) -> str:
    """`value` as a kind of orders; raises FormatError."""
    if type(value) is not str or not KIND_PATTERN.fullmatch(value):
        raise cbor.FormatError("a kind is 1 to 16 of a-z 0-9 _ and begins with a letter")
    return value


def parse_name(value: Any, name: str) -> str:
    """`value` as the name of an issuer; raises FormatError."""
    if not cbor.text(value, name):
        raise cbor.FormatError(f"{name} is empty")
    return str(value)


def _to_payload(one: RootStatement) -> list[Any]:
    match one:
        case Certificate():
            head = [VERSION, int(one.role), one.name, one.key, list(one.kinds), one.area]
            return [*head, one.from_utc_ms, one.until_utc_ms, one.utc_ms]
        case Withdrawal():
            return [VERSION, one.key, one.since_utc_ms, one.utc_ms, one.reason]
        case Placement():
            return [VERSION, one.gateway, one.area, one.utc_ms]


def _parse(payload: bytes) -> RootStatement:
    items = cbor.decode(payload, CERTIFICATE_BYTES_MAX)
    if type(items) is not list or len(items) not in _READERS:
        raise cbor.FormatError("no statement of a root")
    cbor.natural(items[0], "version", VERSION, VERSION)
    return _READERS[len(items)](items)


def _parse_certificate(items: list[Any]) -> Certificate:
    _, role, name, key, kinds, area, from_ms, until_ms, utc_ms = items
    if type(kinds) is not list or len(kinds) > KINDS_MAX:
        raise cbor.FormatError(f"kinds is not an array of at most {KINDS_MAX}")
    named = tuple(map(parse_kind, kinds))
    if list(named) != sorted(set(named)):
        raise cbor.FormatError("kinds do not ascend")
    wanted = Role(cbor.natural(role, "role", max(Role)))
    if bool(named) != (wanted is Role.BUREAU):
        raise cbor.FormatError("a bureau has kinds of orders, and nobody else")
    begin_ms = cbor.natural(from_ms, "from_utc_ms")
    return Certificate(
        role=wanted,
        name=parse_name(name, "name"),
        key=parse_key(key, "key"),
        kinds=named,
        area=_parse_area(area),
        from_utc_ms=begin_ms,
        until_utc_ms=cbor.natural(until_ms, "until_utc_ms", minimum=begin_ms),
        utc_ms=cbor.natural(utc_ms, "utc_ms"),
    )


def _parse_withdrawal(items: list[Any]) -> Withdrawal:
    _, key, since_ms, utc_ms, reason = items
    return Withdrawal(
        parse_key(key, "key"),
        cbor.natural(since_ms, "since_utc_ms"),
        cbor.natural(utc_ms, "utc_ms"),
        cbor.text(reason, "reason", REASON_BYTES_MAX),
    )


def _parse_placement(items: list[Any]) -> Placement:
    _, gateway, area, utc_ms = items
    name = check_gateway(cbor.text(gateway, "gateway"))
    return Placement(name, _parse_area(area), cbor.natural(utc_ms, "utc_ms"))


def _parse_area(value: Any) -> str:
    if type(value) is not str or not AREA_PATTERN.fullmatch(value):
        raise cbor.FormatError("an area is a code of at most 32 letters and digits")
    return value


_READERS: Final[dict[int, Callable[[list[Any]], RootStatement]]] = {
    4: _parse_placement,
    5: _parse_withdrawal,
    9: _parse_certificate,
}
