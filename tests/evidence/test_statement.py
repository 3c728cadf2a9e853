"""Statements: what each may say, who must have signed it, and what it does to a chain."""

import io
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import cbor, cose, keys
from evidence.chain import ChainState, Code, Outcome, Verdict
from evidence.continuation import continue_chain, open_enrolment
from evidence.pack.export import ExportedSeal, Item, Report, verify_file, write_chain
from evidence.seal import NO_HASH, NUMBER_MAX, StoredSeal
from evidence.statement import (
    CONTINUE_BYTES_MAX,
    METERS_MAX,
    REASON_BYTES_MAX,
    REKEY_DOMAIN,
    REPLACE_DOMAIN,
    STATEMENT_BYTES_MAX,
    EnrolledMeter,
    Enrolment,
    Rekey,
    Replace,
    Revoke,
    Statement,
    count_records_before,
    open_statement,
    parse_statement,
    sign_statement,
)
from evidence.verify import accept
from tests.evidence.chains import GATEWAY, Chain, secret

CENTRE, RECOVERY, FRESH, OTHER = (secret(0, name) for name in ("centre", "recovery", "fresh", "other"))
CENTRE_KEY, RECOVERY_KEY, FRESH_KEY, OTHER_KEY = map(keys.public, (CENTRE, RECOVERY, FRESH, OTHER))
HASH = b"h" * 32
METERS = (EnrolledMeter("m1", "eastron-sdm630", 1, "20231234"), EnrolledMeter("m2", "acrel-adl400", 247))
ENROLMENT = Enrolment(GATEWAY, "一号厂", keys.public(secret(1)), RECOVERY_KEY, METERS, 5)
REKEY = Rekey(GATEWAY, 3, HASH, 7, FRESH_KEY, 9, "key file lost")
REPLACE = Replace(GATEWAY, 3, HASH, 7, FRESH_KEY, OTHER_KEY, 9, "new hardware")
REVOKE = Revoke(GATEWAY, 3, HASH, 9, "stolen")
ALL: tuple[Statement, ...] = (ENROLMENT, REKEY, REPLACE, REVOKE)
SIGNERS = {Enrolment: CENTRE, Rekey: RECOVERY, Replace: CENTRE, Revoke: CENTRE}

some_key = st.binary(min_size=32, max_size=32).filter(lambda key: key != NO_HASH)
some_hash = some_key
utc = st.integers(0, (1 << 64) - 1)
reason = st.text(max_size=40)
number = st.integers(2, NUMBER_MAX)


@st.composite
def continuations(draw: st.DrawFn) -> Rekey | Replace:
    at = draw(number)
    first = draw(st.integers(1, count_records_before(at) + 1))
    head = (GATEWAY, at, draw(some_hash), first, draw(some_key))
    if draw(st.booleans()):
        return Rekey(*head, draw(utc), draw(reason))
    return Replace(*head, draw(some_key | st.just(NO_HASH)), draw(utc), draw(reason))


@st.composite
def enrolments(draw: st.DrawFn) -> Enrolment:
    name = st.text(max_size=16)
    meter = st.builds(EnrolledMeter, name, name, st.integers(0, 255), name)
    meters = tuple(draw(st.lists(meter, max_size=5)))
    return Enrolment(GATEWAY, draw(name), draw(some_key), draw(some_key), meters, draw(utc))


statements = (
    continuations() | enrolments() | st.builds(Revoke, st.just(GATEWAY), number, some_hash, utc, reason)
)


@given(statements)
@settings(deadline=None, max_examples=100)
def test_a_statement_comes_back_whole_under_the_key_that_signed_it_and_no_other(statement: Statement) -> None:
    raw = sign_statement(statement, CENTRE)
    assert open_statement(raw, CENTRE_KEY) == statement
    with pytest.raises(cbor.FormatError, match="not signed by"):
        open_statement(raw, OTHER_KEY)


def test_the_longest_statements_stay_within_their_limits() -> None:
    meters = tuple(EnrolledMeter("i" * 64, "m" * 64, 247, "s" * 64) for _ in range(METERS_MAX))
    longest = Enrolment("g" * 32, "s" * 64, FRESH_KEY, RECOVERY_KEY, meters, (1 << 64) - 1)
    assert len(sign_statement(longest, CENTRE)) <= STATEMENT_BYTES_MAX
    for one in (REKEY, REPLACE):
        widest = evolve(
            one,
            gateway="g" * 32,
            number=NUMBER_MAX,
            first_record=count_records_before(NUMBER_MAX) + 1,
            utc_ms=(1 << 64) - 1,
            reason="r" * REASON_BYTES_MAX,
        )
        assert len(sign_statement(widest, CENTRE)) <= CONTINUE_BYTES_MAX


@pytest.mark.parametrize("statement", ALL)
def test_every_changed_bit_of_a_statement_is_refused(statement: Statement) -> None:
    raw = sign_statement(statement, CENTRE)
    for bit in range(len(raw) * 8):
        mutated = bytearray(raw)
        mutated[bit // 8] ^= 1 << bit % 8
        with pytest.raises(cbor.FormatError):
            open_statement(bytes(mutated), CENTRE_KEY)


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=200)
def test_foreign_bytes_are_refused_and_nothing_else_happens(noise: bytes) -> None:
    for raw in (noise, cose.sign1(noise, CENTRE, REKEY_DOMAIN)):
        with pytest.raises(cbor.FormatError):
            parse_statement(raw)


@given(st.sampled_from(ALL), st.integers(0, 8), st.none() | st.integers() | st.binary() | st.text())
@settings(deadline=None, max_examples=200)
def test_a_signed_statement_with_a_field_of_another_kind_is_refused_or_says_something_else(
    statement: Statement, at: int, field: Any
) -> None:
    items = cbor.decode(cose.parse(sign_statement(statement, CENTRE), STATEMENT_BYTES_MAX).payload, 60_000)
    items[at % len(items)] = field
    try:
        read = parse_statement(cose.sign1(cbor.encode(items), CENTRE, REKEY_DOMAIN)).statement
    except (cbor.FormatError, OverflowError):
        return
    assert sign_statement(read, CENTRE)


def test_a_meter_without_a_unit_id_is_known_by_its_serial() -> None:
    meter = EnrolledMeter("m", "dlt645-2007-3p", 0, "123456789012")
    read = parse_statement(sign_statement(evolve(ENROLMENT, meters=(meter,)), CENTRE)).statement
    assert isinstance(read, Enrolment)
    assert read.meters == (meter,)


@pytest.mark.parametrize("unit_id", [0, 248, 255])
def test_a_device_at_modbus_tcp_may_have_any_unit_id(unit_id: int) -> None:
    meter = EnrolledMeter("m", "eastron-sdm630", unit_id)
    read = parse_statement(sign_statement(evolve(ENROLMENT, meters=(meter,)), CENTRE)).statement
    assert isinstance(read, Enrolment)
    assert read.meters == (meter,)


WRONG: list[tuple[Statement, str]] = [
    (evolve(ENROLMENT, gateway="a/b"), "gateway id"),
    (evolve(ENROLMENT, first_key=NO_HASH), "first_key is no key"),
    (evolve(ENROLMENT, first_key=b"short"), "first_key"),
    (evolve(ENROLMENT, recovery_key=b""), "recovery_key"),
    (evolve(ENROLMENT, site="s" * 65), "site"),
    (evolve(ENROLMENT, meters=METERS * (METERS_MAX // 2 + 1)), "meters"),
    (evolve(ENROLMENT, meters=(EnrolledMeter("m", "x", 256),)), "unit_id"),
    (evolve(REKEY, next_key=NO_HASH), "next_key is no key"),
    (evolve(REKEY, number=0), "number"),
    (evolve(REKEY, number=1), "a seal before the first"),
    (evolve(REKEY, previous=NO_HASH), "none before another"),
    (evolve(REKEY, first_record=0), "first_record"),
    (evolve(REKEY, first_record=count_records_before(3) + 2), "first_record"),
    (evolve(REKEY, reason="r" * 201), "reason"),
    (evolve(REKEY, utc_ms=-1), "utc_ms"),
    (evolve(REPLACE, recovery_key=b"x"), "recovery_key"),
    (evolve(REPLACE, number=NUMBER_MAX + 1), "number"),
    (evolve(REVOKE, number=0), "a seal hash without a seal"),
    (evolve(REVOKE, seal_hash=NO_HASH), "a seal hash without a seal"),
]


@pytest.mark.parametrize(("statement", "says"), WRONG)
def test_what_cannot_be_is_never_signed(statement: Statement, says: str) -> None:
    with pytest.raises(cbor.FormatError, match=says):
        sign_statement(statement, CENTRE)


def test_a_statement_of_one_kind_is_worth_nothing_as_another() -> None:
    payload = cose.parse(sign_statement(REKEY, RECOVERY), STATEMENT_BYTES_MAX).payload
    forged = cose.sign1(payload, RECOVERY, REPLACE_DOMAIN)
    assert not parse_statement(forged).holds(RECOVERY_KEY)


def test_zeros_are_no_key_although_signatures_under_them_can_be_made_up() -> None:
    parsed = parse_statement(sign_statement(REKEY, RECOVERY))
    assert not evolve(parsed, signed=evolve(parsed.signed, signature=bytes(64))).holds(NO_HASH)


# ---- what a statement does to a chain


def begun(count: int = 2) -> tuple[Chain, list[StoredSeal], ChainState]:
    """A chain of `count` accepted seals, enrolled with a recovery key."""
    chain = Chain()
    state, _ = open_enrolment(sign_statement(ENROLMENT, CENTRE), CENTRE_KEY)
    seals = []
    for _ in range(count):
        seals.append(chain.seal())
        state = accept(state, seals[-1].cose, seals[-1].body, None).state
    return chain, seals, state


def rekey_at(state: ChainState, **wrong: Any) -> Rekey:
    one = Rekey(GATEWAY, state.number + 1, state.hash, state.next_record, FRESH_KEY, 1_000, "lost")
    return evolve(one, **wrong)


def replace_at(state: ChainState, **wrong: Any) -> Replace:
    head = GATEWAY, state.number + 1, state.hash, state.next_record, FRESH_KEY
    return evolve(Replace(*head, OTHER_KEY, 1_000, "new"), **wrong)


def applied(state: ChainState, statement: Statement, signer: bytes | None = None) -> Verdict:
    raw = sign_statement(statement, signer or SIGNERS[type(statement)])
    return continue_chain(state, raw, CENTRE_KEY)


def codes(verdict: Verdict) -> list[Code]:
    return [finding.code for finding in verdict.findings]


def test_after_a_rekey_the_chain_goes_on_under_the_new_key_and_not_the_old_one() -> None:
    chain, _, state = begun()
    verdict = applied(state, rekey_at(state))
    assert (verdict.outcome, codes(verdict)) == (Outcome.ACCEPTED, [Code.REKEYED])
    old = Chain(GATEWAY, chain.number, chain.next_record, chain.previous).seal()
    assert accept(verdict.state, old.cose, old.body, None).outcome is Outcome.INVALID
    new = chain.seal(signer=FRESH)
    after = accept(verdict.state, new.cose, new.body, None)
    assert after.outcome is Outcome.ACCEPTED
    assert ChainState.from_cbor(after.state.to_cbor()) == after.state


def test_a_seal_of_the_lost_key_beside_the_one_of_the_new_key_is_a_fork() -> None:
    chain, seals, state = begun()
    old = Chain(GATEWAY, chain.number, chain.next_record, chain.previous).seal()
    rekeyed = applied(state, rekey_at(state)).state
    new = chain.seal(signer=FRESH)
    state = accept(rekeyed, new.cose, new.body, None).state
    coses = {seal.number: seal.cose for seal in [*seals, new]}
    verdict = accept(state, old.cose, None, None, stored=coses.get)
    assert verdict.outcome is Outcome.FORK
    another = Chain(GATEWAY, 3, new.first_record, new_previous := seals[-1].hash).seal(
        signer=FRESH, root=HASH
    )
    assert new_previous
    later = chain.seal()
    state = accept(state, later.cose, None, None).state
    coses[later.number] = later.cose
    again = accept(
        state, another.cose, None, None, stored=coses.get, stated_keys={3: [FRESH_KEY]}.__getitem__
    )
    assert again.outcome is Outcome.FORK
    unknown = accept(state, another.cose, None, None, stored=coses.get)
    assert unknown.outcome is Outcome.INVALID


REFUSED: list[tuple[str, dict[str, Any], bytes | None, Outcome, Code]] = [
    ("signed by another key", {}, OTHER, Outcome.INVALID, Code.STATEMENT),
    ("signed by the centre", {}, CENTRE, Outcome.INVALID, Code.STATEMENT),
    ("signed by the key of the next seal", {}, secret(3), Outcome.INVALID, Code.STATEMENT),
    ("for another gateway", {"gateway": "gw-8"}, None, Outcome.INVALID, Code.FOREIGN),
    ("that skips ahead", {"number": 4}, None, Outcome.GAP, Code.GAP),
    ("at an accepted seal", {"number": 2, "first_record": 2}, None, Outcome.FORK, Code.FORK),
    (
        "at the first seal",
        {"number": 1, "previous": NO_HASH, "first_record": 1},
        None,
        Outcome.FORK,
        Code.FORK,
    ),
    ("after another seal", {"previous": HASH}, None, Outcome.FORK, Code.FORK),
    ("that counts records again", {"first_record": 2}, None, Outcome.INVALID, Code.STATEMENT),
]


@pytest.mark.parametrize(
    ("wrong", "signer", "outcome", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_a_rekey(wrong: dict[str, Any], signer: bytes | None, outcome: Outcome, code: Code) -> None:
    _, _, state = begun()
    verdict = applied(state, rekey_at(state, **wrong), signer)
    assert (verdict.outcome, codes(verdict)) == (outcome, [code])
    assert verdict.state is state


def test_a_rekey_without_an_enrolled_recovery_key_is_refused_whoever_signed() -> None:
    chain = Chain()
    state = accept(chain.enrolled(), chain.seal().cose, None, None).state
    for signer in (RECOVERY, CENTRE, secret(2)):
        assert applied(state, rekey_at(state), signer).outcome is Outcome.INVALID


def test_a_rekey_again_is_a_duplicate_and_an_older_one_is_refused() -> None:
    _, _, state = begun()
    first, second = rekey_at(state), rekey_at(state, next_key=OTHER_KEY, utc_ms=1_001)
    state = applied(state, first).state
    assert applied(state, first).outcome is Outcome.DUPLICATE
    state = applied(state, second).state
    assert state.next_key == OTHER_KEY
    assert applied(state, first).outcome is Outcome.INVALID
    raw = sign_statement(first, RECOVERY)
    known = continue_chain(state, raw, CENTRE_KEY, applied=lambda _: True)
    assert (known.outcome, known.state) == (Outcome.DUPLICATE, state)


def test_a_rekey_far_in_the_future_does_not_keep_the_next_one_out_once_a_seal_was_made() -> None:
    chain, _, state = begun()
    state = applied(state, rekey_at(state, utc_ms=(1 << 64) - 1)).state
    state = accept(state, chain.seal(signer=FRESH).cose, None, None).state
    assert applied(state, rekey_at(state, next_key=OTHER_KEY)).outcome is Outcome.ACCEPTED


def test_a_replacement_brings_a_recovery_key_of_its_own() -> None:
    chain, _, state = begun()
    verdict = applied(state, replace_at(state))
    assert (verdict.outcome, codes(verdict)) == (Outcome.ACCEPTED, [Code.REPLACED])
    state = accept(verdict.state, chain.seal(signer=FRESH).cose, None, None).state
    assert applied(state, rekey_at(state), RECOVERY).outcome is Outcome.INVALID
    assert applied(state, rekey_at(state), OTHER).outcome is Outcome.ACCEPTED
    assert applied(state, replace_at(state), RECOVERY).outcome is Outcome.INVALID


def test_without_the_centres_key_what_it_says_is_refused() -> None:
    _, _, state = begun()
    raw = sign_statement(replace_at(state), CENTRE)
    assert continue_chain(state, raw, None).outcome is Outcome.INVALID


def test_after_a_revocation_no_seal_counts_until_a_replacement_lifts_it() -> None:
    chain, seals, state = begun()
    verdict = applied(state, Revoke(GATEWAY, 2, state.hash, 5, "stolen"))
    assert (verdict.outcome, codes(verdict)) == (Outcome.ACCEPTED, [Code.REVOKED])
    refused = accept(verdict.state, Chain(GATEWAY, 3, 3, seals[1].hash).seal().cose, None, None)
    assert (refused.outcome, codes(refused)) == (Outcome.INVALID, [Code.REVOKED])
    rekeyed = applied(verdict.state, rekey_at(state))
    assert rekeyed.state.revoked == 2, "the recovery key does not lift it"
    lifted = applied(verdict.state, replace_at(state)).state
    assert accept(lifted, chain.seal(signer=FRESH).cose, None, None).outcome is Outcome.ACCEPTED
    assert ChainState.from_cbor(verdict.state.to_cbor()) == verdict.state


@pytest.mark.parametrize(
    ("revoke", "outcome"),
    [
        (Revoke(GATEWAY, 3, HASH, 5, ""), Outcome.GAP),
        (Revoke(GATEWAY, 2, HASH, 5, ""), Outcome.INVALID),
        (Revoke(GATEWAY, 1, HASH, 5, ""), Outcome.INVALID),
        (Revoke(GATEWAY, 0, NO_HASH, 5, ""), Outcome.INVALID),
    ],
)
def test_a_revocation_names_an_accepted_seal(revoke: Revoke, outcome: Outcome) -> None:
    _, _, state = begun()
    assert applied(state, revoke).outcome is outcome


def test_a_state_of_version_1_is_read_without_statements() -> None:
    _, _, state = begun()
    old = cbor.encode([1, *cbor.decode(state.to_cbor(), 512)[1:12]])
    assert ChainState.from_cbor(old) == evolve(state, recovery_key=NO_HASH)
    with pytest.raises(cbor.FormatError):
        ChainState.from_cbor(cbor.encode([2, *cbor.decode(state.to_cbor(), 512)[1:12]]))


def test_an_enrolment_begins_a_chain_only_under_the_centres_key() -> None:
    raw = sign_statement(ENROLMENT, CENTRE)
    state, one = open_enrolment(raw, CENTRE_KEY)
    assert (state, one) == (ChainState.enrolled(GATEWAY, keys.public(secret(1)), RECOVERY_KEY), ENROLMENT)
    with pytest.raises(cbor.FormatError, match="this centre"):
        open_enrolment(raw, OTHER_KEY)
    with pytest.raises(cbor.FormatError, match="not an enrolment"):
        open_enrolment(sign_statement(REVOKE, CENTRE), CENTRE_KEY)
    assert continue_chain(state, raw, CENTRE_KEY).outcome is Outcome.INVALID


# ---- in an exported file


def whole() -> tuple[list[Item], list[StoredSeal]]:
    """Enrolment, two seals, a re-key, a seal, a replacement, a seal, a revocation."""
    chain, seals, state = begun()
    first = rekey_at(state)
    seals.append(chain.seal(signer=FRESH))
    state = accept(applied(state, first).state, seals[-1].cose, None, None).state
    second = replace_at(state, next_key=OTHER_KEY)
    seals.append(chain.seal(signer=OTHER))
    state = accept(applied(state, second).state, seals[-1].cose, None, None).state
    last = Revoke(GATEWAY, 4, state.hash, 5, "scrapped")
    raws = [sign_statement(one, SIGNERS[type(one)]) for one in (ENROLMENT, first, second, last)]
    files = [ExportedSeal(seal.cose, seal.body) for seal in seals]
    return [raws[0], *files[:2], raws[1], files[2], raws[2], files[3], raws[3]], seals


def checked(items: list[Item], **known: Any) -> Report:
    stream = io.BytesIO()
    write_chain(stream, GATEWAY, items)
    stream.seek(0)
    return verify_file(stream, **({"centre_key": CENTRE_KEY} | known))


def test_a_file_with_statements_needs_the_centres_key_and_nothing_else() -> None:
    items, seals = whole()
    report = checked(items)
    assert (report.error, report.ok) == ("", True)
    assert (report.seals, report.statements, report.tip_hash) == (4, 3, seals[-1].hash)
    assert report.enrolment == ENROLMENT
    assert checked(items, first_key=keys.public(secret(1))).ok
    assert checked(items[:5], centre_key=None, first_key=keys.public(secret(1)), recovery_key=RECOVERY_KEY).ok


AGREED = {"centre_key": None, "first_key": keys.public(secret(1)), "recovery_key": RECOVERY_KEY}


@pytest.mark.parametrize("signer", [CENTRE, OTHER])
@pytest.mark.parametrize("recovery_key", [NO_HASH, RECOVERY_KEY])
def test_without_the_centres_key_an_enrolment_is_compared_and_its_signature_is_not(
    signer: bytes, recovery_key: bytes
) -> None:
    enrolment = sign_statement(evolve(ENROLMENT, recovery_key=recovery_key), signer)
    report = checked([enrolment, *whole()[0][1:5]], **AGREED)
    assert (report.error, report.enrolment, report.is_enrolment_unchecked) == ("", None, True)
    assert not checked(whole()[0]).is_enrolment_unchecked


@pytest.mark.parametrize(
    "changes", [{"gateway": "gw-8"}, {"first_key": OTHER_KEY}, {"recovery_key": OTHER_KEY}], ids=str
)
@pytest.mark.parametrize("known", [AGREED, AGREED | {"centre_key": CENTRE_KEY}])
def test_an_enrolment_that_disagrees_with_what_was_given_is_not_good(
    changes: dict[str, Any], known: dict[str, Any]
) -> None:
    enrolment = sign_statement(evolve(ENROLMENT, **changes), CENTRE)
    report = checked([enrolment, *whole()[0][1:3]], **known)
    assert "the enrolment " in report.error
    assert report.seals == 0


def test_without_the_centres_key_no_recovery_key_is_taken_from_an_enrolment() -> None:
    report = checked(whole()[0][:5], **AGREED | {"recovery_key": NO_HASH})
    assert "no recovery key was enrolled" in report.error


@pytest.mark.parametrize(
    ("change", "known", "error"),
    [
        (lambda items: items, {"centre_key": OTHER_KEY}, "not signed by this centre"),
        (lambda items: items, {"centre_key": None}, "without the centre's key"),
        (lambda items: items[1:], {}, "no enrolment is in the file"),
        (lambda items: items, {"first_key": OTHER_KEY}, "another one than"),
        (lambda items: items[:3] + items[4:], {}, "seal 3: not signed with the certified key"),
        (lambda items: items[:4] + items[3:], {}, "statement after 2: duplicate"),
        (lambda items: [*items[:2], items[3], *items[2:]], {}, "statement after 1: a re-key at seal 3"),
        (lambda items: [items[0], *items], {}, "an enrolment within a chain"),
        (lambda items: [items[0], items[3], *items[1:]], {}, "have not come"),
        (lambda items: [*items, b"noise"], {}, "statement after 4"),
        (
            lambda items: [*items[1:4], items[4]],
            {"centre_key": None, "first_key": keys.public(secret(1))},
            "no recovery key was enrolled",
        ),
    ],
)
def test_a_file_whose_statements_are_wrong_says_where(change: Any, known: dict[str, Any], error: str) -> None:
    report = checked(change(whole()[0]), **known)
    assert not report.ok
    assert error in report.error


def test_a_statement_that_comes_again_much_later_in_a_file_is_a_duplicate() -> None:
    chain = Chain(GATEWAY)
    one = chain.seal()
    revoked = sign_statement(Revoke(GATEWAY, 1, one.hash, 9, "stolen"), CENTRE)
    lifted = sign_statement(Replace(GATEWAY, 2, one.hash, 7, FRESH_KEY, NO_HASH, 9, "found"), CENTRE)
    begin = [sign_statement(ENROLMENT, CENTRE), ExportedSeal(one.cose, one.body), revoked, lifted]
    assert checked(begin).ok
    assert checked([*begin, revoked]).error == "statement after 1: duplicate"


def test_a_seal_of_a_file_under_a_key_that_was_replaced_before_its_seal_came_is_a_fork() -> None:
    items, seals = whole()
    key = secret(0, "replaced at once")
    head = {"number": 3, "previous": seals[1].hash, "first_record": seals[2].first_record}
    first = Rekey(GATEWAY, **head, next_key=keys.public(key), utc_ms=1, reason="")
    chain = Chain(GATEWAY, 3, seals[2].first_record, seals[1].hash)
    other = chain.seal([b"other"], signer=key)
    begin = [*items[:3], sign_statement(first, RECOVERY), *items[3:5]]
    assert checked(begin).ok
    assert "two different seals 3" in checked([*begin, ExportedSeal(other.cose, None)]).error


@pytest.mark.parametrize(("utc_ms", "outcome"), [(0, Outcome.INVALID), (1, Outcome.ACCEPTED)])
@pytest.mark.parametrize("is_replaced", [True, False])
def test_the_time_of_a_rekey_is_not_0_and_need_not_be_above_one_of_before_a_replacement(
    utc_ms: int, outcome: Outcome, *, is_replaced: bool
) -> None:
    state = evolve(Chain(GATEWAY).enrolled(), recovery_key=RECOVERY_KEY)
    begin = {"number": 1, "previous": NO_HASH, "first_record": 1}
    if is_replaced:
        state = applied(state, evolve(REKEY, **begin, utc_ms=1000)).state
        state = applied(state, evolve(REPLACE, **begin, recovery_key=RECOVERY_KEY)).state
        assert state.statement
    assert applied(state, evolve(REKEY, **begin, utc_ms=utc_ms)).outcome is outcome


def test_a_seal_behind_a_revocation_is_named() -> None:
    items, seals = whole()
    last = Chain(GATEWAY, 5, seals[-1].first_record + 1, seals[-1].hash).seal()
    behind = ExportedSeal(last.cose, last.body)
    assert checked([*items[:-1], behind]).seals == 5
    report = checked([*items, behind])
    assert (report.seals, report.error) == (4, "seal 5: the centre has revoked this gateway after seal 4")


def test_a_file_of_version_1_is_read_and_has_no_statements() -> None:
    items, _ = whole()
    stream = io.BytesIO()
    write_chain(stream, GATEWAY, items[1:3])
    raw = stream.getvalue().replace(
        cbor.encode("dianjian chain") + b"\x02", cbor.encode("dianjian chain") + b"\x01"
    )
    assert verify_file(io.BytesIO(raw), keys.public(secret(1))).ok
    assert "not a seal" in verify_file(io.BytesIO(raw + cbor.encode(items[3])), keys.public(secret(1))).error


def test_every_changed_bit_of_the_statements_in_a_file_is_noticed() -> None:
    items, _ = whole()
    for at in (0, 3, 5, 7):
        raw = items[at]
        assert isinstance(raw, bytes)
        for bit in range(0, len(raw) * 8, 5):
            mutated = bytearray(raw)
            mutated[bit // 8] ^= 1 << bit % 8
            assert not checked([*items[:at], bytes(mutated), *items[at + 1 :]]).ok, (
                f"statement {at} bit {bit}"
            )
