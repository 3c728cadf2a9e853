"""The evidence pack: its container, its format, and what each run of seals may rest on."""

import io
import zipfile
from hashlib import sha256

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import cbor, keys
from evidence.chain import Code
from evidence.pack import container
from evidence.pack.content import (
    KEY_CHANGES,
    WINDOW_MS_MAX,
    Content,
    PackedSeal,
    Question,
    check_issue,
    decode_content,
    encode_content,
    encode_evidence,
    open_evidence,
    sign_issue,
)
from evidence.pack.export import ExportedSeal, verify_file, write_chain
from evidence.pack.proof import _Proof
from evidence.pack.proved import PackError, Rest
from evidence.record import Kind, encode_record
from evidence.statement import Rekey, Replace, Revoke, parse_statement, sign_statement
from tests.evidence.attestations import GOLDEN
from tests.evidence.chains import GATEWAY, Chain, secret, stamp
from tests.evidence.pack.packs import (
    CENTRE,
    CENTRE_KEY,
    FIRST_KEY,
    FORKS,
    NOON_MS,
    RECOVERY,
    SEALS,
    STRANGER,
    at_ms,
    broken,
    chain,
    content,
    enrolment,
    proved,
    receipt,
    rekeyed,
    run,
)

ENTRIES = {"a.bin": b"\x00\x01" * 20, "b.txt": b"", "c.txt": b"text"}


def problems(one: Content, first_key: bytes | None = None) -> str:
    with pytest.raises(PackError) as told:
        proved(one, first_key)
    return "\n".join(told.value.problems)


# -- the container


def test_any_unzip_program_opens_the_container() -> None:
    with zipfile.ZipFile(io.BytesIO(container.write(ENTRIES))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == ENTRIES
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_what_was_written_is_read() -> None:
    opened = container.read(container.write(ENTRIES), list(ENTRIES))
    assert (opened.entries, opened.problem) == (ENTRIES, "")


def test_every_changed_bit_of_the_container_is_told_with_its_place() -> None:
    raw = container.write(ENTRIES)
    for bit in range(len(raw) * 8):
        changed = raw[: bit // 8] + bytes([raw[bit // 8] ^ (1 << bit % 8)]) + raw[bit // 8 + 1 :]
        assert container.read(changed, list(ENTRIES)).problem.startswith(("byte ", "has ")), bit


def test_every_container_that_ends_too_early_is_told() -> None:
    raw = container.write(ENTRIES)
    assert all(container.read(raw[:size], list(ENTRIES)).problem for size in range(len(raw)))


@given(st.binary(max_size=300))
def test_foreign_bytes_are_no_container(raw: bytes) -> None:
    assert container.read(raw, list(ENTRIES)).problem


def test_a_container_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "CONTAINER_BYTES_MAX", 100)
    assert "at most 100" in container.read(container.write(ENTRIES), list(ENTRIES)).problem


# -- the format


def test_a_content_is_read_as_it_was_written() -> None:
    one = content(
        run(SEALS[2:5], bare=[4]), first=3, last=5, receipts=(receipt(SEALS[2]),), statements=(enrolment(),)
    )
    assert decode_content(encode_content(one)) == one


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"runs": ()}, "1 to"),
        ({"runs": ((),)}, "without a seal"),
        ({"gateway": "a b"}, "gateway id"),
        ({"centre_key": b"x"}, "centre_key"),
        ({"first_key": b"x"}, "first_key"),
        ({"page": -1}, "page"),
        ({"by_centre": 1}, "by_centre"),
        ({"question": Question(1, 0, 1, 1)}, "to is not"),
        ({"question": Question(0, WINDOW_MS_MAX + 1, 1, 1)}, "to is not"),
        ({"question": Question(0, 1, 2, 1)}, "last"),
        ({"question": Question(0, 1, 1, 1, "x" * 300)}, "linkage"),
        ({"receipts": (b"x" * 3_081,)}, "receipt"),
        ({"statements": (b"x" * 70_000,)}, "statement"),
        ({"runs": ((PackedSeal(b"x" * 401, None),),)}, "seal"),
        ({"runs": ((PackedSeal(b"x", b"x" * 70_000),),)}, "body"),
    ],
)
def test_what_a_pack_may_not_hold_is_neither_written_nor_read(change: dict[str, object], says: str) -> None:
    with pytest.raises(cbor.FormatError, match=says):
        encode_content(evolve(content(run(SEALS)), **change))


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_foreign_bytes_are_a_format_error(raw: bytes) -> None:
    for read in (decode_content, open_evidence):
        with pytest.raises(cbor.FormatError):
            read(raw)


@pytest.mark.parametrize("items", [["dianjian chain", 1, b"", None], ["dianjian evidence", 2, b"", None]])
def test_another_file_is_told(items: list[object]) -> None:
    with pytest.raises(cbor.FormatError):
        open_evidence(cbor.encode(items))


def test_the_centres_signature_covers_the_content_and_the_page() -> None:
    issue = sign_issue(b"content", b"page", CENTRE)
    assert open_evidence(encode_evidence(b"content", issue)) == (b"content", issue)
    assert check_issue(issue, b"content", b"page", CENTRE_KEY) == ""
    assert "another evidence" in check_issue(issue, b"other", b"page", CENTRE_KEY)
    assert "another report.html" in check_issue(issue, b"content", b"other", CENTRE_KEY)
    assert "not signed" in check_issue(issue, b"content", b"page", FIRST_KEY)
    assert "signature for the pack" in check_issue(b"\xd2", b"content", b"page", CENTRE_KEY)


# -- what a run rests on


def test_a_run_from_the_first_seal_rests_on_the_enrolment() -> None:
    one = proved(content(run(SEALS), last=9, statements=(enrolment(),)))
    assert [(part.first, part.last, part.rests) for part in one.parts] == [(1, 9, Rest.ENROLMENT)]
    assert one.enrolment is not None
    assert sum(len(seal.records or ()) for seal in one.window) == 27


def test_a_run_without_enrolment_rests_on_the_first_key_that_the_verifier_knows() -> None:
    one = content(run(SEALS), last=9, first_key=FIRST_KEY)
    assert proved(one, FIRST_KEY).parts[0].rests is Rest.FIRST_KEY
    assert "give the gateway's first key" in problems(one)
    assert "another one" in problems(one, CENTRE_KEY)


@pytest.mark.parametrize("at", range(6), ids=lambda at: f"receipt for seal {at + 3}")
def test_a_receipt_for_any_seal_of_a_run_vouches_for_all_of_it(at: int) -> None:
    one = proved(content(run(SEALS[2:8]), first=3, last=8, receipts=(receipt(SEALS[2 + at]),)))
    assert [(part.rests, part.receipted) for part in one.parts] == [(Rest.RECEIPT, (3 + at,))]


def test_the_window_may_lie_within_a_run_and_other_runs_beside_it() -> None:
    runs = (run(SEALS[:2]), run(SEALS[3:9], bare=[4]))
    one = proved(content(*runs, first=5, last=8, receipts=(receipt(SEALS[1]), receipt(SEALS[3]))))
    assert [seal.header.number for seal in one.window] == [5, 6, 7, 8]
    assert one.absent == {}


def test_a_body_that_is_absent_is_told_with_who_declares_it_lost() -> None:
    made = Chain()
    lost = encode_record(Kind.DROP, stamp(5), {"first": 2, "last": 2, "why": "no room"})
    seals = [*chain(3, made), made.seal([lost]), *chain(2, made)]
    one = proved(content(run(seals, bare=[2, 5]), last=6, statements=(enrolment(),)))
    assert one.absent == {2: 4, 5: None}
    assert [finding.code for finding in one.findings if finding.number == 4] == [Code.DROP]


def test_the_clock_is_compared_with_the_receipts_of_the_centre() -> None:
    early = receipt(SEALS[4], centre_utc_ms=at_ms(5) - 60_000)
    one = proved(content(run(SEALS), last=9, statements=(enrolment(),), receipts=(early,)))
    assert [finding.number for finding in one.findings if finding.code is Code.CLOCK_AHEAD] == [5]


OTHER = Chain(owner="gw-8")
OTHERS = chain(9, OTHER)


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (content(run(SEALS[:4] + SEALS[5:]), last=9), "seal 5:"),
        (content(run(SEALS[:4] + SEALS[5:4:-1] + SEALS[6:]), last=9), "seal 5:"),
        (content(broken(4, body=SEALS[5].body), last=9), "seal 5: the body is not"),
        (content(broken(4, cose=SEALS[4].cose[:-1] + b"\x00"), last=9), "seal 5: not signed"),
        (content(broken(4, cose=FORKS[4].cose), last=9), "seal 5: "),
        (content(broken(4, cose=OTHERS[4].cose), last=9), "gateway gw-8"),
        (content(run(SEALS), first=3, last=11), "not all there"),
        (content(run(SEALS[:4]), run(SEALS[5:]), last=9), "nothing vouches for them"),
        (content(run(SEALS[:4]), run(SEALS[4:]), last=4), "touch"),
        (content(run(SEALS[5:]), run(SEALS[:4]), last=4), "ascend"),
        (content(run(SEALS), last=9, question=Question(0, 1, 1, 9)), "not made in its time"),
        (content(run(SEALS), last=9, receipts=(receipt(SEALS[1], STRANGER),)), "not signed by the centre"),
        (content(run(SEALS), last=9, receipts=(receipt(FORKS[1]),)), "seal 2: the centre's receipt is for"),
        (content(run(SEALS), last=9, receipts=(receipt(SEALS[1], gateway="gw-8"),)), "of gateway gw-8"),
        (content(run(SEALS), last=9, receipts=(receipt(SEALS[3]), receipt(SEALS[3]))), "not ascend"),
        (content(run(SEALS[:4]), last=4, receipts=(receipt(SEALS[6]),)), "about no seal of the pack"),
        (content(run(SEALS), last=9, gateway="gw-8"), "gateway"),
        (content(run(SEALS), last=9, centre_key=FIRST_KEY), "made for the centre's key"),
        (content(run(SEALS), last=9, first_key=FIRST_KEY), "a first key beside the enrolment"),
    ],
)
def test_what_does_not_hold_is_named(one: Content, says: str) -> None:
    assert says in problems(evolve(one, statements=(enrolment(),)))


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        ((enrolment(STRANGER),), "a statement"),
        ((enrolment(gateway="gw-8"),), "about gateway gw-8"),
        ((enrolment(first_key=CENTRE_KEY),), "seal 1: not signed"),
        ((enrolment(), enrolment()), "out of place"),
        ((b"\x80",), "a statement"),
        ((), "give the gateway's first key"),
    ],
)
def test_what_is_no_enrolment_of_the_gateway_vouches_for_nothing(
    statements: tuple[bytes, ...], says: str
) -> None:
    assert says in problems(content(run(SEALS), last=9, statements=statements))


def test_what_is_wrong_with_attestations_is_found_in_a_pack_as_in_a_chain() -> None:
    """All are of another chain, one comes twice, and the last is over a later seal."""
    made, attested = Chain(), {3: 0, 5: 1, 7: 0, 8: 3}
    seals = [
        made.seal([encode_record(Kind.ATTESTATION, stamp(), GOLDEN[attested[number]].to_body())])
        if number in attested
        else made.seal()
        for number in range(1, 10)
    ]
    stream = io.BytesIO()
    write_chain(stream, GATEWAY, [ExportedSeal(one.cose, one.body) for one in seals])
    stream.seek(0)
    expected = [one for one in verify_file(stream, FIRST_KEY).findings if one.code is Code.ATTESTATION]
    assert [one.number for one in expected] == [3, 5, 7, 8]
    assert "comes later" in expected[-1].text
    pack = proved(content(run(seals), last=9, statements=(enrolment(),)))
    assert list(pack.attestations) == expected
    assert not any(one.code is Code.ATTESTATION for one in pack.findings)


def test_attestations_that_a_hole_between_runs_may_hold_are_not_missed() -> None:
    made = Chain()
    chain(9, made)
    attested = [encode_record(Kind.ATTESTATION, stamp(), one.to_body()) for one in GOLDEN[2:]]
    seals = [made.seal(attested[:1]), *chain(3, made), made.seal(attested[1:]), made.seal()]
    whole = content(run(seals), first=10, last=10, receipts=(receipt(seals[0]),))
    assert ["made 2 attestations" in one.text for one in proved(whole).attestations] == [True]
    receipts = (receipt(seals[0]), receipt(seals[4]))
    assert proved(evolve(whole, runs=(run(seals[:2]), run(seals[4:])), receipts=receipts)).attestations == ()


# -- new keys


@pytest.mark.parametrize("kind", [Rekey, Replace])
@pytest.mark.parametrize("first", [1, 3])
def test_a_chain_that_goes_on_under_a_new_key_is_proved_with_the_statement(
    kind: type[Rekey | Replace], first: int
) -> None:
    packed, raw = rekeyed(kind)
    packed[4] = evolve(packed[4], statements=(raw,))
    receipts = () if first == 1 else (receipt(SEALS[2]),)
    one = content(
        tuple(packed[first - 1 :]), first=first, last=9, statements=(enrolment(),), receipts=receipts
    )
    assert [type(told) for told in proved(one).statements] == [kind]
    packed[4] = evolve(packed[4], statements=())
    assert "seal 5: not signed" in problems(evolve(one, runs=(tuple(packed[first - 1 :]),)))
    packed[4] = evolve(packed[4], statements=(raw[:-1] + b"\x00",))
    assert "before seal 5" in problems(evolve(one, runs=(tuple(packed[first - 1 :]),)))


def test_a_rekey_that_a_replacement_has_ended_cannot_come_again_in_a_run() -> None:
    packed, raw = rekeyed(Rekey)
    one = parse_statement(raw).statement
    assert isinstance(one, Rekey)
    head = one.gateway, one.number, one.previous, one.first_record, keys.public(secret(6))
    between = sign_statement(Replace(*head, keys.public(RECOVERY), NOON_MS, "new hardware"), CENTRE)
    packed[4] = evolve(packed[4], statements=(between, raw))
    whole = content(tuple(packed), last=9, statements=(enrolment(),))
    assert len(proved(whole).statements) == 2
    packed[4] = evolve(packed[4], statements=(raw, between, raw))
    assert "statement before seal 5: duplicate" in problems(evolve(whole, runs=(tuple(packed),)))


def test_a_statement_before_the_first_seal_of_a_run_proves_nothing_and_is_refused() -> None:
    packed, raw = rekeyed(Rekey)
    packed[4] = evolve(packed[4], statements=(raw,))
    fifth = decode_content(encode_content(content(tuple(packed[4:]), first=5, last=9))).runs[0]
    vouched = sha256(fifth[0].cose).digest()
    one = content(fifth, first=5, last=9, receipts=(receipt(SEALS[4], seal_hash=vouched),))
    assert "proves nothing" in problems(evolve(one, statements=(enrolment(),)))


def test_without_enrolment_a_receipt_vouches_for_a_key_that_changes() -> None:
    packed, _ = rekeyed(Rekey)
    packed[4] = evolve(packed[4], statements=(KEY_CHANGES,))
    hashes = [sha256(seal.cose).digest() for seal in packed]
    later = receipt(SEALS[6], seal_hash=hashes[6])
    one = content(tuple(packed[2:]), first=3, last=9, receipts=(later,))
    assert len(proved(one).window) == 7
    earlier = receipt(SEALS[3], seal_hash=hashes[3])
    nobodys = "seal 5: under a new key that nothing vouches for"
    assert nobodys in problems(evolve(one, receipts=(earlier,)))
    assert nobodys in problems(evolve(one, statements=(enrolment(),)))
    packed[4] = evolve(packed[4], cose=SEALS[5].cose)
    assert nobodys in problems(evolve(one, runs=(tuple(packed[2:]),)))
    packed[4] = evolve(packed[4], cose=b"\x80")
    assert "seal 5: not a COSE_Sign1" in problems(evolve(one, runs=(tuple(packed[2:]),)))


def test_before_the_first_seal_of_a_chain_no_key_changes_unchecked() -> None:
    seals = list(run(SEALS))
    seals[0] = evolve(seals[0], statements=(KEY_CHANGES,))
    one = content(tuple(seals), last=9, receipts=(receipt(SEALS[6]),), first_key=FIRST_KEY)
    assert "seal 1: under a new key that nothing vouches for" in problems(one)
    assert "seal 1: under a new key that nothing vouches for" in problems(one, FIRST_KEY)


@pytest.mark.parametrize("order", [(1, 2), (2, 1)], ids=["as they were", "the later one first"])
def test_the_recovery_key_is_that_of_the_replacement_with_the_highest_number(order: tuple[int, int]) -> None:
    proof = _Proof(content(run(SEALS), last=9), CENTRE_KEY)
    replaced = {
        number: Replace(GATEWAY, number, bytes(32), 1, bytes(32), bytes([number]) * 32, NOON_MS, "new")
        for number in order
    }
    proof.statements += [replaced[number] for number in order]
    assert proof._find_recovery_key(9) == bytes([2]) * 32
    assert proof._find_recovery_key(1) == bytes([1]) * 32


def test_no_seal_after_a_revocation_counts_until_new_hardware_lifts_it() -> None:
    revoke = sign_statement(Revoke(GATEWAY, 4, SEALS[3].hash, NOON_MS, "stolen"), CENTRE)
    one = content(run(SEALS), last=9, statements=(enrolment(), revoke))
    assert "revoked this gateway after seal 4" in problems(one)
    assert proved(evolve(one, runs=(run(SEALS[:4]),), question=Question(at_ms(1), at_ms(4), 1, 4))).statements
    packed, raw = rekeyed(Replace)
    packed[4] = evolve(packed[4], statements=(raw,))
    earlier = sign_statement(Revoke(GATEWAY, 4, SEALS[3].hash, NOON_MS - 1, "stolen"), CENTRE)
    lifted = content(tuple(packed), last=9, statements=(enrolment(), earlier))
    assert len(proved(lifted).statements) == 2


RECEIPTS = (receipt(SEALS[2]), receipt(SEALS[7]))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_changed_byte_of_a_content_is_proved(data: st.DataObject) -> None:
    good = encode_content(
        content(run(SEALS[2:8], bare=[3]), first=4, last=8, statements=(enrolment(),), receipts=RECEIPTS)
    )
    at = data.draw(st.integers(0, len(good) - 1))
    raw = good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :]
    try:
        one = decode_content(raw)
        before = decode_content(good)
        same = ("question", "made_utc_ms", "page", "by_centre")
        free = evolve(one, **{name: getattr(before, name) for name in same}) == before
        proved(one)
    except (cbor.FormatError, PackError):
        return
    assert free, "only what was asked, and the number of the page, may differ: the page shows both"
