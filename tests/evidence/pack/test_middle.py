"""A file that begins with a later seal is worth what the receipt at its begin is worth, and no more."""

from io import BytesIO

import pytest
from attrs import evolve

from evidence import keys
from evidence.pack.export import ExportedSeal, Item, Report, verify_file, write_chain
from evidence.receipt import Receipt, sign_receipt
from evidence.seal import StoredSeal
from evidence.statement import Rekey, Replace, Statement, sign_statement
from tests.centre.store.contract import CENTRE, ENROLLED, ENROLMENT, RECOVERY
from tests.evidence.chains import GATEWAY, Chain, secret

PUBLIC = keys.public(CENTRE)
NEW_RECOVERY = secret(0, "another recovery")


def chain_of(count: int) -> list[StoredSeal]:
    chain = Chain()
    return [chain.seal() for _ in range(count)]


SEALS = chain_of(6)
ITEMS = [ExportedSeal(one.cose, one.body) for one in SEALS]
RECEIPT = Receipt(GATEWAY, 3, SEALS[2].hash, 3, (), 9_000)


def judged(
    receipt: bytes, *items: Item, centre_key: bytes | None = PUBLIC, first: bytes | None = None
) -> Report:
    stream = BytesIO()
    write_chain(stream, GATEWAY, items, receipt)
    stream.seek(0)
    return verify_file(stream, first, centre_key=centre_key)


def signed(receipt: Receipt, by: bytes = CENTRE) -> bytes:
    return sign_receipt(receipt, by)


def test_seals_from_the_receipt_on_are_proved() -> None:
    report = judged(signed(RECEIPT), ENROLLED, *ITEMS[2:])
    assert (report.ok, report.begin, report.seals, report.bodies) == (True, 3, 4, 4)
    assert report.enrolment == ENROLMENT
    assert report.tip_hash == SEALS[-1].hash
    assert judged(signed(RECEIPT), *ITEMS[2:]).ok
    assert judged(signed(RECEIPT), ExportedSeal(SEALS[2].cose, None), *ITEMS[3:]).withheld == [(3, 3)]


OTHER = Chain(signer_owner="thief").seal()


@pytest.mark.parametrize(
    ("receipt", "items", "says"),
    [
        (signed(RECEIPT, secret(0, "thief")), ITEMS[2:], "signed"),
        (signed(evolve(RECEIPT, gateway="other")), ITEMS[2:], "another gateway's"),
        (signed(RECEIPT), ITEMS[1:], "not the one that the receipt"),
        (signed(RECEIPT), ITEMS[3:], "not the one that the receipt"),
        (signed(RECEIPT), [ExportedSeal(OTHER.cose, None)], "not the one that the receipt"),
        (signed(evolve(RECEIPT, seal_hash=SEALS[1].hash)), ITEMS[2:], "not the one that the receipt"),
        (signed(RECEIPT), [ITEMS[2], ITEMS[4]], "seal 4"),
        (signed(RECEIPT), [ITEMS[2], *ITEMS[2:]], "seal 4"),
        (signed(RECEIPT), [], "no seal"),
        (signed(RECEIPT), [ENROLLED], "no seal"),
        (signed(RECEIPT), [ENROLLED, ENROLLED, *ITEMS[2:]], "out of place"),
        (signed(RECEIPT), [sign_statement(ENROLMENT, secret(0, "thief")), *ITEMS[2:]], "not signed"),
        (signed(RECEIPT), [ExportedSeal(SEALS[2].cose, SEALS[3].body), *ITEMS[3:]], ""),
        (signed(RECEIPT), [ITEMS[2], ENROLLED, *ITEMS[3:]], "an enrolment within a chain"),
    ],
)
def test_whatever_else_is_in_it_is_not_good(receipt: bytes, items: list[Item], says: str) -> None:
    report = judged(receipt, *items)
    assert not report.ok
    assert says in report.error


def test_it_needs_the_key_of_the_centre_and_agrees_with_what_is_known() -> None:
    first = keys.public(secret(1))
    assert "the centre's key must be given" in judged(signed(RECEIPT), *ITEMS[2:], centre_key=None).error
    assert "must be given" in judged(signed(RECEIPT), *ITEMS[2:], centre_key=None, first=first).error
    assert judged(signed(RECEIPT), ENROLLED, *ITEMS[2:], first=first).ok
    wrong = judged(signed(RECEIPT), ENROLLED, *ITEMS[2:], first=keys.public(secret(2)))
    assert "another one" in wrong.error


def statement(kind: type, number: int, by: bytes, **more: object) -> bytes:
    before = SEALS[number - 2]
    head = GATEWAY, number, before.hash, before.first_record + before.count, keys.public(secret(9))
    made: Statement = kind(*head, **more)
    return sign_statement(made, by)


@pytest.mark.parametrize(
    ("statements", "by", "is_good"),
    [
        ([ENROLLED], RECOVERY, True),
        ([], RECOVERY, False),
        ([ENROLLED, (2, NEW_RECOVERY)], NEW_RECOVERY, True),
        ([ENROLLED, (2, NEW_RECOVERY)], RECOVERY, False),
        ([ENROLLED, (4, NEW_RECOVERY)], NEW_RECOVERY, False),
    ],
)
def test_a_re_key_in_it_is_checked_by_the_recovery_key_that_the_centre_has_signed(
    statements: list[bytes | tuple[int, bytes]], by: bytes, is_good: bool
) -> None:
    begin = [
        one
        if isinstance(one, bytes)
        else statement(Replace, one[0], CENTRE, recovery_key=keys.public(one[1]), utc_ms=5, reason="replaced")
        for one in statements
    ]
    rekey = statement(Rekey, 4, by, utc_ms=5, reason="lost")
    chain = Chain(number=4, next_record=SEALS[2].first_record + SEALS[2].count, previous=SEALS[2].hash)
    next_ = chain.seal(signer=secret(9))
    items = [*begin, ITEMS[2], rekey, ExportedSeal(next_.cose, next_.body)]
    report = judged(signed(RECEIPT), *items)
    assert report.ok is is_good
    assert report.statements == int(is_good)
