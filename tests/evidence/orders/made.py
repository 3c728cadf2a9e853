"""Keys, certificates and orders as a city has them: a city's bureau around a district's."""

from typing import Any, Final

from attrs import evolve

from evidence import keys
from evidence.orders.certificate import Certificate, Placement, Role, Withdrawal, sign_root_statement
from evidence.orders.order import KINDS, Order, sign_order
from evidence.orders.trust import Trust
from tests.evidence.chains import secret
from wire.orders import Attested, encode_attested

ROOT: Final = bytes(range(32))
"""The secret of the centre in tests/agent/rig.py."""
NOW_MS: Final = 1_772_400_000_000
DAY_MS: Final = 86_400_000
CITY: Final = secret(1, "city")
DISTRICT: Final = secret(2, "district")
VERIFIER: Final = secret(3, "verifier")
OFFICER: Final = secret(4, "officer")
STRANGER: Final = secret(5, "stranger")
GATEWAY: Final = "g1"
CITY_NAME: Final = "青岛市生态环境局"
DISTRICT_NAME: Final = "市南分局"


def certificate(name: str, secret_: bytes, role: Role = Role.BUREAU, **changes: Any) -> bytes:
    kinds = tuple(KINDS) if role is Role.BUREAU else ()
    begin, end = NOW_MS - 30 * DAY_MS, NOW_MS + 700 * DAY_MS
    one = Certificate(role, name, keys.public(secret_), kinds, "", begin, end, begin)
    return sign_root_statement(evolve(one, **changes), ROOT)


CITY_CERTIFICATE: Final = certificate(CITY_NAME, CITY, area="3702")
DISTRICT_CERTIFICATE: Final = certificate(
    DISTRICT_NAME, DISTRICT, area="370202", kinds=("cancel", "check", "supervise")
)
VERIFIER_CERTIFICATE: Final = certificate("verifier 1", VERIFIER, Role.RECEIPT)
PLACEMENT: Final = sign_root_statement(Placement(GATEWAY, "370202", NOW_MS - DAY_MS), ROOT)
WITHDRAWAL: Final = sign_root_statement(Withdrawal(keys.public(DISTRICT), NOW_MS - 1, NOW_MS, "stolen"), ROOT)
STATEMENTS: Final = (CITY_CERTIFICATE, DISTRICT_CERTIFICATE, PLACEMENT)


def trust(*statements: bytes) -> Trust:
    return Trust(keys.public(ROOT), list(statements or STATEMENTS))


def order(**changes: Any) -> Order:
    one = Order(
        id="o1",
        rev=1,
        seq=1,
        kind="supervise",
        gateway=GATEWAY,
        issuer=CITY_NAME,
        issued_utc_ms=NOW_MS,
        effective_utc_ms=NOW_MS,
        expires_utc_ms=NOW_MS + 10 * DAY_MS,
        body={"text": "请说明"},
        number="青环督〔2026〕3号",
        due_utc_ms=NOW_MS + DAY_MS,
    )
    return evolve(one, **changes)


def signed(secret_: bytes = CITY, **changes: Any) -> bytes:
    return sign_order(order(**changes), secret_)


def message(secret_: bytes = CITY, statements: tuple[bytes, ...] = STATEMENTS, **changes: Any) -> bytes:
    """As it lies at the broker."""
    return encode_attested(Attested(signed(secret_, **changes), statements))
