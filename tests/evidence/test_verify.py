from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.clock import ClockState, Stamp
from evidence import cbor
from evidence.chain import ChainState, Code, Outcome, Verdict
from evidence.record import Kind, encode_record
from evidence.seal import StoredSeal, open_body, peek_header
from evidence.verify import accept
from tests.evidence.chains import Chain, heartbeat, secret, stamp

RECEIVED_MS = stamp(3_600).utc_ns // 10**6


def take(state: ChainState, seal: StoredSeal, body: bytes | None = None) -> Verdict:
    return accept(state, seal.cose, seal.body if body is None else body, RECEIVED_MS)


def codes(verdict: Verdict) -> list[Code]:
    return [finding.code for finding in verdict.findings]


def test_a_chain_is_accepted_from_its_first_key_alone() -> None:
    chain = Chain()
    state = chain.enrolled()
    for number in range(1, 20):
        verdict = take(state, chain.seal([heartbeat(number)] * number))
        assert verdict.outcome is Outcome.ACCEPTED
        assert verdict.records == (heartbeat(number),) * number
        assert codes(verdict) == ([Code.CLOCK_STATE, Code.BOOT] if number == 1 else [])
        state = verdict.state
        assert ChainState.from_cbor(state.to_cbor()) == state
    assert (state.number, state.hash, state.next_record) == (19, chain.previous, chain.next_record)


WRONG: list[tuple[str, dict[str, object], Outcome, Code]] = [
    ("signed with another key", {"signer": secret(99)}, Outcome.INVALID, Code.SIGNATURE),
    ("signed with the key before", {"signer": secret(2)}, Outcome.INVALID, Code.SIGNATURE),
    ("another previous hash", {"previous": bytes(32)}, Outcome.INVALID, Code.CHAIN),
    ("a record too far", {"first_record": 4}, Outcome.INVALID, Code.CHAIN),
    ("a record again", {"first_record": 2}, Outcome.INVALID, Code.CHAIN),
    ("another gateway", {"gateway": "gw-8"}, Outcome.INVALID, Code.FOREIGN),
    ("a number too far", {"number": 4}, Outcome.GAP, Code.GAP),
    ("a number again", {"number": 2, "signer": secret(2)}, Outcome.FORK, Code.FORK),
    ("the first number again", {"number": 1, "signer": secret(1)}, Outcome.FORK, Code.FORK),
    ("a number again, unsigned", {"number": 2, "signer": secret(9)}, Outcome.INVALID, Code.SIGNATURE),
    ("another root", {"root": bytes(32)}, Outcome.ACCEPTED, Code.BODY),
    ("another count", {"count": 2}, Outcome.ACCEPTED, Code.BODY),
]


@pytest.mark.parametrize(
    ("wrong", "outcome", "code"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_the_third_seal_with(wrong: dict[str, object], outcome: Outcome, code: Code) -> None:
    chain = Chain()
    seals = [chain.seal(), chain.seal()]
    state = take(take(chain.enrolled(), seals[0]).state, seals[1]).state
    third = chain.seal(**wrong)
    verdict = accept(state, third.cose, third.body, RECEIVED_MS, stored=lambda n: seals[n - 1].cose)
    assert (verdict.outcome, codes(verdict)) == (outcome, [code])
    assert verdict.records is None
    assert (verdict.state == state) == (outcome is not Outcome.ACCEPTED)


def test_the_same_seal_again_is_a_duplicate_at_the_tip_and_below() -> None:
    chain = Chain()
    seals = [chain.seal() for _ in range(3)]
    state = chain.enrolled()
    for seal in seals:
        state = take(state, seal).state
    for seal in seals:
        verdict = accept(state, seal.cose, seal.body, RECEIVED_MS, stored=lambda n: seals[n - 1].cose)
        assert verdict.outcome is Outcome.DUPLICATE
        assert verdict.state is state


def test_an_old_seal_that_cannot_be_compared_is_refused() -> None:
    chain = Chain()
    seals = [chain.seal() for _ in range(3)]
    state = chain.enrolled()
    for seal in seals:
        state = take(state, seal).state
    assert take(state, seals[1]).outcome is Outcome.INVALID


def test_every_changed_bit_of_a_seal_is_refused_and_leaves_the_state() -> None:
    chain = Chain()
    state = take(chain.enrolled(), chain.seal()).state
    cose = chain.seal().cose
    for bit in range(len(cose) * 8):
        mutated = bytearray(cose)
        mutated[bit // 8] ^= 1 << bit % 8
        verdict = accept(state, bytes(mutated), None, RECEIVED_MS)
        assert verdict.outcome in {Outcome.INVALID, Outcome.GAP}, f"bit {bit}"
        assert verdict.state is state


def test_a_withheld_body_is_accepted_later_and_only_the_right_one() -> None:
    chain = Chain()
    first, second = chain.seal(), chain.seal()
    verdict = accept(chain.enrolled(), first.cose, None, RECEIVED_MS)
    assert verdict.outcome is Outcome.ACCEPTED
    assert verdict.records is None
    header = peek_header(first.cose)
    assert first.body is not None
    assert second.body is not None
    assert open_body(header, first.body) == (heartbeat(1),)
    with pytest.raises(cbor.FormatError, match="not the one that was sealed"):
        open_body(header, second.body)


CLOCKS: list[tuple[str, Stamp, list[Code]]] = [
    ("as it should be", stamp(20), []),
    ("slewed by 1.9 s", stamp(20, offset_s=1.9), []),
    ("set forward by 3 s", stamp(20, offset_s=3), [Code.CLOCK_STEP]),
    ("set back by an hour", stamp(20, offset_s=-3600), [Code.CLOCK_STEP]),
    ("back in 1970", stamp(20, offset_s=-1_767_268_800), [Code.CLOCK_STEP]),
    ("boottime runs back", stamp(5), [Code.CLOCK_STEP]),
    ("after a new boot", stamp(20, boot=2), [Code.BOOT]),
    ("after a new boot with another time", stamp(20, boot=2, offset_s=-600), [Code.BOOT]),
    ("later than its reception", stamp(4_000), [Code.CLOCK_AHEAD]),
    (
        "no longer synchronised",
        Stamp(stamp(20).utc_ns, stamp(20).boottime_ns, stamp().boot_id, ClockState.UNSYNCHRONISED),
        [Code.CLOCK_STATE],
    ),
]


@pytest.mark.parametrize(("at", "expected"), [row[1:] for row in CLOCKS], ids=[row[0] for row in CLOCKS])
def test_a_clock(at: Stamp, expected: list[Code]) -> None:
    chain = Chain()
    state = take(chain.enrolled(), chain.seal(at=stamp(10))).state
    verdict = take(state, chain.seal(at=at))
    assert verdict.outcome is Outcome.ACCEPTED
    assert codes(verdict) == expected


def test_a_seal_older_than_the_beacon_it_refers_to_is_noted() -> None:
    chain = Chain()
    seal = chain.seal(at=stamp(10), reference=b"r" * 32)
    times: dict[bytes, int] = {b"r" * 32: stamp(15).utc_ns // 10**6}
    verdict = accept(chain.enrolled(), seal.cose, seal.body, RECEIVED_MS, reference_utc_ms=times.get)
    assert Code.CLOCK_BEHIND in codes(verdict)


@pytest.mark.parametrize(
    ("kind", "body", "absent"),
    [
        (Kind.LOST_TAIL, {"first": 1, "last": 2, "recovered": 1}, ((1, 2),)),
        (Kind.DROP, {"first": 2, "last": 2, "why": "quota"}, ((2, 2),)),
        (Kind.DROP, {"first": 1, "last": 3}, ()),  # seal 3 cannot have been given up by itself
        (Kind.DROP, {"first": 2, "last": 1}, ()),
        (Kind.DROP, {"first": "1", "last": 1}, ()),
        (Kind.EVENT, {"first": 1, "last": 1}, ()),
    ],
)
def test_what_a_gateway_declares_lost(
    kind: Kind, body: dict[str, object], absent: tuple[object, ...]
) -> None:
    chain = Chain()
    state = chain.enrolled()
    for _ in range(2):
        state = accept(state, chain.seal().cose, None, RECEIVED_MS).state
    verdict = take(state, chain.seal([heartbeat(1), encode_record(kind, stamp(30), body)]))
    assert verdict.absent == absent
    assert len(verdict.findings) == len(absent)


def test_a_record_that_begins_like_a_declaration_and_is_none_declares_nothing() -> None:
    chain = Chain()
    verdict = take(chain.enrolled(), chain.seal([b"\x85\x08", b"\x85\x07\xff", b"", b"\x8b"]))
    assert verdict.outcome is Outcome.ACCEPTED
    assert verdict.absent == ()


@given(st.lists(st.integers(0, 11), max_size=60), st.lists(st.booleans(), min_size=60, max_size=60))
@settings(deadline=None, max_examples=60)
def test_in_whatever_order_seals_come_the_state_is_a_prefix_of_the_chain(
    order: list[int], clones: list[bool]
) -> None:
    honest, clone = Chain(), Chain()
    seals = [honest.seal() for _ in range(12)]
    copies = [clone.seal([heartbeat(1000 + number)]) for number in range(12)]
    state = honest.enrolled()
    taken: list[StoredSeal] = []
    stored: Callable[[int], bytes | None] = lambda number: taken[number - 1].cose  # noqa: E731 - the test's store
    for index, cloned in zip(order, clones, strict=False):
        seal = (copies if cloned else seals)[index]
        verdict = accept(state, seal.cose, seal.body, RECEIVED_MS, stored=stored)
        known = taken[index] if index < len(taken) else None
        if verdict.outcome is Outcome.ACCEPTED:
            taken.append(seal)
        expected = {
            Outcome.ACCEPTED: index == state.number and (index == 0 or verdict.state.number == index + 1),
            Outcome.DUPLICATE: known == seal,
            Outcome.FORK: known is not None and known != seal,
            Outcome.GAP: index > state.number,
            Outcome.INVALID: index == state.number,  # of the other branch: it does not follow
        }
        assert expected[verdict.outcome], verdict.outcome
        state = verdict.state
    assert state.number == len(taken)
    assert all(a.hash == peek_header(b.cose).previous for a, b in pairwise(taken))


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=200)
def test_foreign_bytes_are_no_chain_state(raw: bytes) -> None:
    with pytest.raises(cbor.FormatError):
        ChainState.from_cbor(raw)
