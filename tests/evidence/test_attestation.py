"""A TPM's attestations are checked without a TPM, and along a chain."""

import struct

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from evidence import cbor
from evidence.attestation import ATTEST_BYTES, Attestation, check_attestation
from evidence.attested_chain import Attestations
from evidence.record import Kind, Record, decode_record, encode_record
from evidence.seal import NO_HASH
from tests.evidence.attestations import AK, GOLDEN
from tests.evidence.chains import stamp

HASHES = {one.seal: one.seal_hash for one in GOLDEN}
FIRST = GOLDEN[0]


def refused(attestation: Attestation) -> str:
    with pytest.raises(cbor.FormatError) as caught:
        check_attestation(attestation)
    return str(caught.value)


def test_what_a_tpm_has_made_holds() -> None:
    said = [check_attestation(one) for one in GOLDEN]
    assert [one.counter for one in said] == [1, 2, 3, 6]
    assert {one.reset_count for one in said} == {said[0].reset_count}
    assert [one.clock_ms for one in said] == sorted(one.clock_ms for one in said)
    assert all(one.safe for one in said)


def test_a_record_carries_it_there_and_back() -> None:
    record = decode_record(encode_record(Kind.ATTESTATION, stamp(), FIRST.to_body()))
    assert isinstance(record, Record)
    assert Attestation.from_body(record.body) == FIRST


@pytest.mark.parametrize("part", ["seal_hash", "attest", "signature", "ak"])
def test_no_bit_of_it_can_be_changed(part: str) -> None:
    raw = getattr(FIRST, part)
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        refused(evolve(FIRST, **{part: bytes(changed)}))


def test_another_extra_data_is_refused() -> None:
    assert "another seal hash" in refused(evolve(FIRST, seal_hash=HASHES[2]))


@pytest.mark.parametrize(
    ("ak", "why"),
    [
        (AK[:4] + struct.pack(">I", 0x00040472) + AK[8:], "restricted"),  # signs anything
        (AK[:4] + struct.pack(">I", 0x00050072) + AK[8:], "restricted"),  # noDA is missing
        (AK[:-1], "restricted"),
        (AK + b"\0", "restricted"),
        (AK[:-32] + bytes(32), "not signed"),  # no point of the curve
    ],
)
def test_another_kind_of_key_is_refused(ak: bytes, why: str) -> None:
    assert why in refused(evolve(FIRST, ak=ak))


@pytest.mark.parametrize(
    "change",
    [
        {"seal": -1},
        {"seal": 0},
        {"seal_hash": NO_HASH},
        {"seal_hash": b""},
        {"attest": bytes(ATTEST_BYTES - 1)},
        {"signature": bytes(65)},
        {"alg": "EdDSA"},
        {"alg": b"ES256"},
        {"ak": None},
        {"more": 1},
    ],
)
def test_a_body_of_another_form_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(cbor.FormatError):
        Attestation.from_body({**FIRST.to_body(), **change})


@given(st.binary(min_size=ATTEST_BYTES, max_size=ATTEST_BYTES), st.binary(min_size=64, max_size=64))
def test_made_up_bytes_are_refused_and_nothing_else_happens(attest: bytes, signature: bytes) -> None:
    refused(evolve(FIRST, attest=attest, signature=signature))


def judged(chain: Attestations, at: int, attestation: Attestation) -> list[str]:
    return chain.judge(at, attestation.to_body(), HASHES.get)


def test_a_chain_of_them_is_without_a_finding() -> None:
    chain = Attestations()
    for one in GOLDEN[:3]:
        assert judged(chain, one.seal + 1, one) == []
    assert chain.find_gaps(100) == []


def test_a_counter_that_does_not_grow_is_told() -> None:
    chain = Attestations()
    assert judged(chain, 5, GOLDEN[1]) == []
    assert "does not grow" in judged(chain, 6, GOLDEN[0])[0]
    assert judged(Attestations(), 6, GOLDEN[0]) == []


def test_the_same_record_twice_is_no_finding() -> None:
    chain = Attestations()
    assert judged(chain, 5, GOLDEN[1]) == judged(chain, 5, GOLDEN[1]) == []


def test_a_counter_that_went_on_without_the_chain_is_told_once_when_no_body_is_awaited() -> None:
    chain = Attestations()
    for one in (GOLDEN[3], GOLDEN[0], GOLDEN[2], GOLDEN[1]):  # as bodies come after an outage
        assert judged(chain, one.seal + 1, one) == []
    assert chain.find_gaps(9) == []
    ((seal, text),) = chain.find_gaps(10)
    assert seal == 10
    assert text.startswith("the TPM made 2 attestations before 6")
    assert chain.find_gaps(11) == []


@pytest.mark.parametrize(
    ("at", "hashes", "why"),
    [
        (1, HASHES, "comes later"),
        (2, {**HASHES, 1: b"\1" * 32}, "not in this chain"),
    ],
)
def test_it_must_name_an_earlier_seal_of_this_chain(at: int, hashes: dict[int, bytes], why: str) -> None:
    (text,) = Attestations().judge(at, FIRST.to_body(), hashes.get)
    assert why in text


def test_what_is_no_attestation_is_told() -> None:
    (text,) = Attestations().judge(2, {**FIRST.to_body(), "signature": bytes(64)}, HASHES.get)
    assert "proves nothing" in text


def test_what_is_known_outlives_the_process() -> None:
    chain = Attestations()
    for one in GOLDEN[:2]:
        judged(chain, one.seal + 1, one)
    again = Attestations.from_plain(cbor.decode(cbor.encode(chain.to_plain()), 10_000))
    assert again == chain
    judged(again, 10, GOLDEN[3])
    assert len(again.find_gaps(10)) == 1


@pytest.mark.parametrize(
    "items", [None, [], [0, 0], [0, [[1, 1]]], [0, [[1, 1, b""]]], [-1, []], [0, [0] * 501]]
)
def test_what_was_not_written_by_it_is_refused(items: object) -> None:
    with pytest.raises(cbor.FormatError):
        Attestations.from_plain(items)
