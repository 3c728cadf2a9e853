"""Who may order what: the attacks on the certificates, each with the reason that every verifier gives."""

from typing import Any

import pytest

from evidence import keys
from evidence.orders.certificate import Certificate, Role, Withdrawal, sign_root_statement
from evidence.orders.newest import Newest, parse_newest, sign_newest
from evidence.orders.order import parse_order
from evidence.orders.trust import Reason
from tests.evidence.orders import made
from tests.evidence.orders.made import CITY, DISTRICT, DISTRICT_NAME, GATEWAY, NOW_MS, STRANGER
from tests.evidence.orders.table import FORGED, TABLE


@pytest.mark.parametrize(
    ("wanted", "secret", "statements", "changes"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_an_order_counts_under_a_certificate_or_for_a_reason_not(
    wanted: Reason | str, secret: bytes, statements: tuple[bytes, ...], changes: dict[str, Any]
) -> None:
    found = made.trust(*statements).judge(parse_order(made.signed(secret, **changes)), GATEWAY)
    assert (found.name if isinstance(found, Certificate) else found) == wanted


def test_whoever_is_around_cancels_and_nobody_else() -> None:
    known = made.trust()
    city, district = (next(known.certificates(Role.BUREAU, one)) for one in (made.CITY_NAME, DISTRICT_NAME))
    assert known.may_cancel(city, DISTRICT_NAME)
    assert known.may_cancel(district, DISTRICT_NAME)
    assert not known.may_cancel(district, made.CITY_NAME)
    assert not known.may_cancel(city, "nobody")


def test_the_number_of_the_newest_is_the_roots_or_a_certified_verifiers() -> None:
    newest = Newest(GATEWAY, 1, b"h" * 32, (1,), bytes(32), NOW_MS)
    signers = {"root": made.ROOT, "verifier": made.VERIFIER, "city": CITY, "stranger": STRANGER}
    by = {name: parse_newest(sign_newest(newest, key)) for name, key in signers.items()}
    known = made.trust(*made.STATEMENTS, made.VERIFIER_CERTIFICATE)
    assert {name for name, one in by.items() if known.is_receipt_key(one)} == {"root", "verifier"}
    gone = Withdrawal(keys.public(made.VERIFIER), 0, NOW_MS, "")
    known.add([sign_root_statement(gone, made.ROOT)])
    assert {name for name, one in by.items() if known.is_receipt_key(one)} == {"root"}


def test_what_is_extended_leaves_the_first_as_it_was() -> None:
    first = made.trust(made.CITY_CERTIFICATE)
    second, new = first.extended([made.CITY_CERTIFICATE, made.PLACEMENT, b"junk", FORGED, made.WITHDRAWAL])
    assert new == [made.PLACEMENT, made.WITHDRAWAL]
    assert (first.area_of(GATEWAY), second.area_of(GATEWAY)) == ("", "370202")
    assert first.withdrawal_of(keys.public(DISTRICT)) is None
