"""Whose certificate or key ends, whose renewal has failed, and who is in the midst of a re-key."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from attrs import evolve

from centre.enrolment.ledger import KeptRequest, KeptToken, Ledger
from centre.fleet.judging import MS_PER_DAY, Gravity, judge
from centre.fleet.known import Known
from centre.fleet.papers import KEY_SOON_MS, Paper, judge_paper, list_key_ends, list_papers
from drivers.clock import ClockState
from evidence import keys
from evidence.chain import ChainState
from evidence.orders.certificate import Role, Withdrawal, sign_root_statement
from evidence.orders.trust import Trust
from tests.evidence.orders import made
from tests.wire.certificates import Authority
from wire.enrolment.certificates import load_many, parse_certificate

NOW_MS = 1_772_400_000_000
LIFE = Paper(NOW_MS - 60 * MS_PER_DAY, NOW_MS + 30 * MS_PER_DAY)
"""Its renewal is due now."""


@pytest.mark.parametrize(
    ("days", "paper", "codes"),
    [
        (0, LIFE, []),
        (6.9, LIFE, []),
        (7, LIFE, ["renewal late"]),
        (31, LIFE, []),
        (7, evolve(LIFE, asked_ms=NOW_MS + 7 * MS_PER_DAY), []),
        (7, evolve(LIFE, asked_ms=NOW_MS + 6 * MS_PER_DAY), ["renewal waits"]),
        (1, evolve(LIFE, asked_ms=NOW_MS, is_denied=True), ["renewal denied"]),
    ],
)
def test_a_renewal_that_does_not_come_is_told(days: float, paper: Paper, codes: list[str]) -> None:
    found = list(judge_paper(paper, NOW_MS + round(days * MS_PER_DAY)))
    assert [one.code for one in found] == codes
    assert all(one.gravity is Gravity.LOOK for one in found)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "enrolments.jsonl").locked() as ledger:
        yield ledger


def test_the_office_s_ledger_says_what_became_of_the_last_renewal(office: Ledger, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki")
    first, second = (load_many(authority.client("g1").certificate.read_bytes())[0] for _ in range(2))

    def request(number: int, renews: bytes, token: str = "") -> bytes:
        csr = bytes([number])
        code = sha256(csr).digest()
        office.add_request(KeptRequest(code, csr, "g1", token, renews, NOW_MS + number))
        return code

    office.add_token(KeptToken("t", "g1", bytes(32), NOW_MS + 99), NOW_MS)
    assert list_papers(office) == {}
    office.add_issued(request(1, b"", "t"), first, NOW_MS)
    begins_ms, ends_ms = parse_certificate(first).begins_utc_ms, parse_certificate(first).ends_utc_ms
    assert list_papers(office) == {"g1": Paper(begins_ms, ends_ms)}
    asked = request(2, sha256(first).digest())
    assert list_papers(office)["g1"].asked_ms == NOW_MS + 2
    office.add_decision(asked, "denied", "officer", NOW_MS)
    assert list_papers(office)["g1"].is_denied
    office.add_issued(request(3, sha256(first).digest()), second, NOW_MS)
    assert list_papers(office)["g1"].asked_ms is None
    office.add_revoked(sha256(second).digest(), "lost", NOW_MS)
    assert list_papers(office)["g1"].is_denied, "the first one is the last that holds"


def test_keys_of_the_centre_end_when_the_last_of_a_name_does_and_withdrawn_ones_are_over() -> None:
    end_ms = made.NOW_MS + 700 * made.DAY_MS
    early = made.certificate("verifier 1", made.OFFICER, Role.RECEIPT, until_utc_ms=made.NOW_MS + 5)
    stranger = made.certificate("verifier 2", made.STRANGER, Role.RECEIPT, until_utc_ms=made.NOW_MS + 9)
    gone = sign_root_statement(Withdrawal(keys.public(made.DISTRICT), 0, made.NOW_MS, "stolen"), made.ROOT)
    trust = Trust(
        keys.public(made.ROOT), [*made.STATEMENTS, made.VERIFIER_CERTIFICATE, early, stranger, gone]
    )
    found = list_key_ends(trust)
    assert [(one.role, one.name, one.ends_ms) for one in found] == [
        ("receipt", "verifier 2", made.NOW_MS + 9),
        ("bureau", made.CITY_NAME, end_ms),
        ("receipt", "verifier 1", end_ms),
    ]
    assert [one.is_soon(made.NOW_MS) for one in found] == [True, False, False]
    assert found[1].is_soon(end_ms - KEY_SOON_MS + 1)


def test_a_gateway_is_in_a_re_key_until_a_seal_has_come_under_the_new_key() -> None:
    one = Known("g1", heard_utc_ms=NOW_MS)
    state = evolve(ChainState.enrolled("g1", bytes(31) + b"1"), number=5, clock_state=ClockState.SYNCHRONISED)
    one.note_standing(evolve(state, rekeyed_utc_ms=NOW_MS - 1), "")
    (reason,) = judge(one, NOW_MS).reasons
    assert (reason.code, reason.since_ms) == ("rekeying", NOW_MS - 1)
    one.note_standing(state, "")
    assert judge(one, NOW_MS).reasons == ()
