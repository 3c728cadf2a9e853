"""What gateways seal about orders: the bodies of the ORDER (12) and ANSWER (13) records.

ORDER, by `what`:

    order          {"state": "held" | "refused", "reason": of a refusal, "hash": SHA-256 of what came,
                    "statements": [those of the root that came with it and are new here],
                    "order": the whole bytes, "id", "rev", "seq", "kind"}
                   the last five only where a certified key has signed it: strangers cannot fill a chain
    keys           {"statements": [withdrawals that are new here]}
    newest         {"newest": the whole bytes, "seq", "statements"}
    missing        {"seq": of the newest, "missing": [seq, …], "keys": whether withdrawals are missing}
                   told when they have not come for a while; an empty array: nothing is missing any more
    contradiction  {"id": the order that holds, "other": the one that does not}

ANSWER: {"order", "rev", "state": "received" | "shown" | "accepted" | "objected" | "declared" | "done", "by",
"at", "text", "files": [{"name", "size", "sha256"}]}: `by` is "" for the gateway itself (received, shown) or a
person, `at` the time of the deed in UTC milliseconds. The bytes of files lie beside the chain.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from evidence.orders.order import CONFIG, DIAGNOSE, Order
from evidence.orders.trust import Reason


class What(StrEnum):
    """The kinds of ORDER records."""

    ORDER = "order"
    KEYS = "keys"
    NEWEST = "newest"
    MISSING = "missing"
    CONTRADICTION = "contradiction"


class Answered(StrEnum):
    """How far an order has come."""

    RECEIVED = "received"
    SHOWN = "shown"
    ACCEPTED = "accepted"
    OBJECTED = "objected"
    DECLARED = "declared"
    DONE = "done"


BY_PEOPLE: Final = (Answered.ACCEPTED, Answered.OBJECTED, Answered.DECLARED, Answered.DONE)
BY_ITSELF: Final = (CONFIG, DIAGNOSE)
"""Orders to the gateway alone: no person of the plant can accept one, object to it or say that it is done."""
HELD: Final = "held"
REFUSED: Final = "refused"
GATEWAY_ITSELF: Final = ""
"""Who answers `received` and `shown`, and the orders of BY_ITSELF."""


def held_body(order: Order, raw: bytes, digest: bytes, statements: Sequence[bytes]) -> dict[str, Any]:
    """An order that the gateway takes."""
    return {"what": What.ORDER.value, "state": HELD, **_whole(order, raw, digest, statements)}


def refused_body(
    reason: Reason, digest: bytes, signed: tuple[Order, bytes] | None = None, statements: Sequence[bytes] = ()
) -> dict[str, Any]:
    """Something that it does not take; whole if a certified key has signed it."""
    head = {"what": What.ORDER.value, "state": REFUSED, "reason": reason.value}
    return {**head, **(_whole(*signed, digest, statements) if signed else {"hash": digest})}


def _whole(order: Order, raw: bytes, digest: bytes, statements: Sequence[bytes]) -> dict[str, Any]:
    named = {"id": order.id, "rev": order.rev, "seq": order.seq, "kind": order.kind}
    return {**named, "hash": digest, "order": raw, "statements": list(statements)}


def answer_body(
    order: str,
    rev: int,
    state: Answered,
    at_utc_ms: int,
    by: str = GATEWAY_ITSELF,
    text: str = "",
    files: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """An answer."""
    said = {"by": by, "at": at_utc_ms, "text": text, "files": [dict(one) for one in files]}
    return {"order": order, "rev": rev, "state": state.value, **said}
