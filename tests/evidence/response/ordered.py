"""Lists, alerts and cancels as a bureau signs them, beside the plant of tests/agent/rig.py."""

from typing import Any, Final

from evidence.curtailment.measures import Alert, Measure, ReductionList, Row
from evidence.orders.entries import held_body
from evidence.orders.order import Order, hash_order, sign_order
from tests.evidence.orders.made import CITY, CITY_NAME, NOW_MS

HOUR_S: Final = 3600
FIRST_S: Final = NOW_MS // 1000 // HOUR_S * HOUR_S
"""A whole hour, just before the plant begins."""
ISSUED_MS: Final = (FIRST_S + 13 * HOUR_S) * 1000
"""After an hour of work and a night of rest, which give the base load."""
ROWS: Final = (
    Row(lines=("p1",), level="red", measure=Measure.STOP),
    Row(lines=("p1",), level="orange", measure=Measure.CAP_KW, value=45_000),
    Row(lines=("p1", "nowhere"), level="yellow", measure=Measure.LIMIT_PERCENT, value=300),
)
LIST: Final = ReductionList(edition="e", rows=ROWS)


def order(id_: str, kind: str, seq: int, body: dict[str, Any], **changes: Any) -> Order:
    at_ms = changes.pop("issued_ms", ISSUED_MS)
    times = {"issued_utc_ms": at_ms, "effective_utc_ms": at_ms, "expires_utc_ms": NOW_MS + 10**9}
    fields = {"rev": 1, "gateway": "g1", "issuer": CITY_NAME, **times, **changes}
    return Order(id=id_, kind=kind, seq=seq, body=body, **fields)


def listed(seq: int = 1, **changes: Any) -> Order:
    return order("l1", "list", seq, LIST.to_body(), **changes)


def alert(seq: int, level: str, first: int, last: int, **changes: Any) -> Order:
    """From hour `first` to hour `last` after FIRST_S."""
    start_s, end_s = FIRST_S + first * HOUR_S, FIRST_S + last * HOUR_S
    id_, name = changes.pop("id", f"a{seq}"), changes.pop("list", "l1")
    body = Alert(list=name, rev=1, level=level, start_s=start_s, end_s=end_s).to_body()
    return order(id_, "alert", seq, body, **changes)


def cancel(seq: int, of: str, hour: float, **changes: Any) -> Order:
    issued_ms = int((FIRST_S + hour * HOUR_S) * 1000)
    return order(f"c{seq}", "cancel", seq, {"order": of}, issued_ms=issued_ms, **changes)


def held(one: Order) -> dict[str, Any]:
    """The body of its ORDER record."""
    raw = sign_order(one, CITY)
    return held_body(one, raw, hash_order(raw), ())
