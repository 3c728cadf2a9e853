"""What comes down to a gateway beside receipts: topics and messages. All are retained.

    dj/1/<gateway>/order/<id>   centre   CBOR [order, [statement, …]]    and what the root says of its key
    dj/1/<gateway>/orders       centre   CBOR [newest, [statement, …]]   the number of the newest order
    dj/1/keys                   centre   CBOR [statement, …]             withdrawals, for every gateway

Order, newest and statements are COSE_Sign1 (`evidence.orders`), byte strings here. An empty payload takes a
retained message away and says nothing. Nothing is believed because of its topic.
"""

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from evidence import cbor
from evidence.orders.certificate import CERTIFICATE_BYTES_MAX
from evidence.orders.newest import NEWEST_BYTES_MAX
from evidence.orders.order import ORDER_BYTES_MAX
from wire.messages import ROOT, WireError

KEYS: Final = f"{ROOT}/keys"
STATEMENTS_MAX: Final = 8
"""With one order: the certificate of its key, the placement of its gateway, and some that are renewed."""
WITHDRAWALS_MAX: Final = 48
"""In force at a time, 16 kB; what a key may sign ends by itself with its certificates."""
_HEADS_BYTES: Final = 64
MESSAGE_BYTES_MAX: Final = ORDER_BYTES_MAX + STATEMENTS_MAX * CERTIFICATE_BYTES_MAX + _HEADS_BYTES
KEYS_BYTES_MAX: Final = WITHDRAWALS_MAX * CERTIFICATE_BYTES_MAX + 4 * _HEADS_BYTES


@frozen
class Attested:
    """Something signed, and what the root says of the key that signed it."""

    raw: bytes
    statements: tuple[bytes, ...]


def order_topic(gateway: str, order: str) -> str:
    """Where an order lies."""
    return f"{ROOT}/{gateway}/order/{order}"


def newest_topic(gateway: str) -> str:
    """Where the number of the newest lies."""
    return f"{ROOT}/{gateway}/orders"


def subscriptions(gateway: str) -> tuple[str, ...]:
    """What a gateway listens to for its orders."""
    return order_topic(gateway, "#"), newest_topic(gateway), KEYS


def concerns_orders(gateway: str, topic: str) -> bool:
    """Whether a message on `topic` is one of these."""
    return topic in {newest_topic(gateway), KEYS} or topic.startswith(order_topic(gateway, ""))


def encode_attested(one: Attested) -> bytes:
    """An order or a newest number with its statements."""
    return cbor.encode([one.raw, list(one.statements)])


def decode_order(payload: bytes) -> Attested:
    """The inverse of `encode_attested` for an order; raises WireError."""
    return _decode(payload, ORDER_BYTES_MAX)


def decode_newest(payload: bytes) -> Attested:
    """The same for a newest number."""
    return _decode(payload, NEWEST_BYTES_MAX)


def encode_keys(withdrawals: Sequence[bytes]) -> bytes:
    """The withdrawals in force."""
    return cbor.encode(list(withdrawals))


def decode_keys(payload: bytes) -> tuple[bytes, ...]:
    """The inverse of `encode_keys`; raises WireError."""
    return _check_statements(_load(payload, KEYS_BYTES_MAX), WITHDRAWALS_MAX)


def _decode(payload: bytes, raw_max: int) -> Attested:
    items = _load(payload, MESSAGE_BYTES_MAX)
    if type(items) is not list or len(items) != 2 or type(items[0]) is not bytes:
        raise WireError("message is not what its topic asks for")
    if not 1 <= len(items[0]) <= raw_max:
        raise WireError(f"{len(items[0])} bytes, 1 to {raw_max} are taken")
    return Attested(items[0], _check_statements(items[1], STATEMENTS_MAX))


def _load(payload: bytes, bytes_max: int) -> object:
    try:
        value: object = cbor.decode(payload, bytes_max)
    except cbor.FormatError as error:
        raise WireError(str(error)) from None
    return value


def _check_statements(value: object, most: int) -> tuple[bytes, ...]:
    if not isinstance(value, list) or len(value) > most:
        raise WireError(f"statements are not an array of at most {most}")
    for one in value:
        if not isinstance(one, bytes) or not 1 <= len(one) <= CERTIFICATE_BYTES_MAX:
            raise WireError("a statement is no byte string of the right length")
    return tuple(value)
