"""Orders that count and orders that do not: the attacks on the certificates, each with its reason."""

from typing import Any, Final

from evidence import keys
from evidence.orders.certificate import Certificate, Placement, Role, sign_root_statement
from evidence.orders.order import REV_MAX, SEQ_MAX
from evidence.orders.trust import Reason
from tests.evidence.orders import made
from tests.evidence.orders.made import CITY, DISTRICT, DISTRICT_NAME, GATEWAY, NOW_MS, STRANGER

LATER = made.certificate(made.CITY_NAME, CITY, from_utc_ms=NOW_MS + 1, area="3702")
ENDED = made.certificate(made.CITY_NAME, CITY, until_utc_ms=NOW_MS - 1, area="3702")
MOVED = sign_root_statement(Placement(GATEWAY, "370203", NOW_MS), made.ROOT)
FORGED = sign_root_statement(Placement(GATEWAY, "370202", NOW_MS + 9), STRANGER)
SELF_MADE = sign_root_statement(
    Certificate(Role.BUREAU, "我", keys.public(STRANGER), ("cancel",), "", 0, NOW_MS * 2, 0), STRANGER
)

TABLE: Final[list[tuple[str, Reason | str, bytes, tuple[bytes, ...], dict[str, Any]]]] = [
    ("a city's order", made.CITY_NAME, CITY, made.STATEMENTS, {}),
    ("a district's, of its kind and area", DISTRICT_NAME, DISTRICT, made.STATEMENTS,
     {"issuer": DISTRICT_NAME}),
    ("no certificate", Reason.KEY, CITY, (made.PLACEMENT,), {}),
    ("another key under the name", Reason.KEY, STRANGER, made.STATEMENTS, {}),
    ("a district in the name of the city", Reason.KEY, DISTRICT, made.STATEMENTS, {}),
    ("an owner's own certificate", Reason.KEY, STRANGER, (*made.STATEMENTS, SELF_MADE), {"issuer": "我"}),
    ("the root itself orders nothing", Reason.KEY, made.ROOT, made.STATEMENTS, {}),
    ("an officer's key orders nothing", Reason.KEY, made.OFFICER,
     (*made.STATEMENTS, made.certificate("王", made.OFFICER, Role.OFFICER)), {"issuer": "王"}),
    ("another gateway's", Reason.GATEWAY, CITY, made.STATEMENTS, {"gateway": "g2"}),
    ("a withdrawn key", Reason.WITHDRAWN, DISTRICT, (*made.STATEMENTS, made.WITHDRAWAL),
     {"issuer": DISTRICT_NAME}),
    ("a withdrawn key that dates back", Reason.WITHDRAWN, DISTRICT, (*made.STATEMENTS, made.WITHDRAWAL),
     {"issuer": DISTRICT_NAME, "issued_utc_ms": NOW_MS - 9_000}),
    ("before its time", Reason.VALIDITY, CITY, (LATER, made.PLACEMENT), {}),
    ("after its time", Reason.VALIDITY, CITY, (ENDED, made.PLACEMENT), {}),
    ("one of two certificates holds", made.CITY_NAME, CITY,
     (ENDED, made.CITY_CERTIFICATE, made.PLACEMENT), {}),
    ("a kind that it may not", Reason.KIND, DISTRICT, made.STATEMENTS,
     {"issuer": DISTRICT_NAME, "kind": "alert"}),
    ("a kind of a later version", Reason.KIND, CITY,
     (made.certificate(made.CITY_NAME, CITY, kinds=("later",)), made.PLACEMENT), {"kind": "later"}),
    ("a gateway that nobody has placed", Reason.AREA, CITY, (made.CITY_CERTIFICATE,), {}),
    ("a gateway that has moved", Reason.AREA, DISTRICT, (*made.STATEMENTS, MOVED), {"issuer": DISTRICT_NAME}),
    ("a placement that comes again is not the latest", Reason.AREA, DISTRICT,
     (MOVED, *made.STATEMENTS), {"issuer": DISTRICT_NAME}),
    ("a placement that the root has not signed", Reason.AREA, CITY, (made.CITY_CERTIFICATE, FORGED), {}),
]  # fmt: skip
"""What, the reason or the issuer, the key that signs, the statements, what differs from the usual order."""

WRONG_FIELDS: Final[list[tuple[int, Any]]] = [
    (0, 2), (1, ""), (1, "-x"), (1, "a/b"), (1, "x" * 33), (2, 0), (2, REV_MAX + 1), (3, 0), (3, SEQ_MAX + 1),
    (4, "Alert"), (4, ""), (4, "x" * 17), (5, "a b"), (6, ""), (6, "x" * 65), (7, "x" * 129), (8, -1),
    (8, 1.5), (9, made.NOW_MS + 99 * made.DAY_MS), (10, made.NOW_MS - 1), (11, -1), (12, 256), (13, 0),
    (14, []), (14, {1: 2}), (14, None),
]  # fmt: skip
"""Fields of an order by number, and what they may not be."""
