"""Frames of DL/T 645-2007: the standard's own examples, and what must never become a value."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.dlt645.codec import (
    DATA_BYTES_MAX,
    PREAMBLE,
    Data,
    ReadId,
    Refusal,
    encode_read,
    is_address,
    parse,
    signatures_in,
)
from drivers.dlt645.codec import to_frame as frame
from drivers.link.verdict import Foreign, ForeignKind, NeedMore, Signature
from tests.drivers.frames import encode_answer, encode_refusal

METER = "123456789012"
OTHER = "000000000007"
WILDCARD = "A" * 12
VOLTAGES = 0x0201FF00
ASK = ReadId(METER, VOLTAGES, 6)
SAID = bytes.fromhex("02 23 98 22 11 23")
ANSWER = encode_answer(METER, VOLTAGES, SAID)
ADDRESSES = st.integers(0, 10**12 - 1).map(lambda n: f"{n:012d}")
READS = st.builds(ReadId, ADDRESSES, st.integers(0, 2**32 - 1), st.integers(1, DATA_BYTES_MAX))
NOISE = st.binary(max_size=30)


def outcome(stream: bytes, ask: ReadId) -> Data | Refusal | None:
    """What a reader who cuts off the foreign comes to; None if it goes on waiting."""
    while True:
        verdict = parse(stream, ask)
        if not isinstance(verdict, Foreign):
            return None if isinstance(verdict, NeedMore) else verdict
        assert 1 <= verdict.consumed <= len(stream)
        assert verdict.reason
        stream = stream[verdict.consumed :]


def data_of(stream: bytes, ask: ReadId = ASK) -> bytes | None:
    found = outcome(stream, ask)
    return found.data if isinstance(found, Data) else None


@pytest.mark.parametrize(
    ("data_id", "golden"),
    [
        (0x00010000, "FE FE FE FE 68 12 90 78 56 34 12 68 11 04 33 33 34 33 68 16"),
        (0x0201FF00, "FE FE FE FE 68 12 90 78 56 34 12 68 11 04 33 32 34 35 69 16"),
    ],
)
def test_the_requests_are_those_of_the_worked_examples(data_id: int, golden: str) -> None:
    assert encode_read(METER, data_id) == bytes.fromhex(golden)


@pytest.mark.parametrize(
    ("text", "plain", "wild"),
    [
        (METER, True, True),
        ("000000000000", True, True),
        ("AAAAAAAAAAAA", False, True),
        ("AAAAAAAAAA07", False, True),
        ("07AAAAAAAAAA", False, False),
        ("AAA000000007", False, False),
        ("12345678901", False, False),
        ("1234567890123", False, False),
        ("12345678901a", False, False),
        ("１２３４５６７８９０１２", False, False),
        ("", False, False),
    ],
)
def test_an_address_has_twelve_digits_and_wild_are_high_pairs_only(
    text: str, plain: bool, wild: bool
) -> None:
    assert (is_address(text), is_address(text, wildcard=True)) == (plain, wild)


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (ANSWER, SAID),
        (PREAMBLE + ANSWER, SAID),
        (b"\xfe" * 9 + ANSWER, SAID),
        (ANSWER.replace(b"\x91", b"\xb1", 1), None),
        (frame(METER, 0xB1, VOLTAGES.to_bytes(4, "little") + SAID), SAID),
        (b"\x68\x00\xff" + ANSWER, SAID),
        (encode_read(METER, VOLTAGES) + ANSWER, SAID),
        (encode_answer(OTHER, VOLTAGES, b"\x11" * 6) + ANSWER, SAID),
        (encode_answer(METER, 0x0202FF00, b"\x11" * 6) + ANSWER, SAID),
        (encode_answer(METER, VOLTAGES, SAID + b"\x01") + ANSWER, SAID),
        (encode_answer(METER, VOLTAGES, SAID[:-1]), None),
        (frame(METER, 0x92, VOLTAGES.to_bytes(4, "little") + SAID), None),
        (frame(METER, 0x91, b"\0\xff"), None),
        (ANSWER[:-1], None),
        (ANSWER[:-1] + ANSWER, SAID),
        (b"", None),
        (PREAMBLE, None),
    ],
)
def test_only_the_whole_answer_of_this_meter_for_this_data_id_is_an_answer(
    stream: bytes, found: bytes | None
) -> None:
    assert data_of(stream) == found


def test_a_refusal_says_why_and_another_meter_s_says_nothing() -> None:
    assert outcome(PREAMBLE + encode_refusal(METER, 2), ASK) == Refusal(2, 17)
    assert outcome(encode_refusal(OTHER, 2), ASK) is None


@pytest.mark.parametrize(
    ("stream", "kind", "signature"),
    [
        (encode_read(METER, VOLTAGES), ForeignKind.ECHO, None),
        (
            encode_read(OTHER, VOLTAGES),
            ForeignKind.REQUEST,
            Signature(int(OTHER, 16), 17, VOLTAGES),
        ),
        (
            encode_answer(METER, 0x02800002, b"\0\x50"),
            ForeignKind.REPLY,
            Signature(int(METER, 16), 17, 0x02800002),
        ),
        (ANSWER[:-2] + b"\0\x16", ForeignKind.CRC, None),
        (b"\0\1\2", ForeignKind.NOISE, None),
    ],
)
def test_what_is_no_answer_is_named(stream: bytes, kind: ForeignKind, signature: Signature | None) -> None:
    verdict = parse(stream, ASK)
    assert isinstance(verdict, Foreign)
    assert (verdict.kind, verdict.signature, verdict.consumed) == (kind, signature, len(stream))


def test_a_wildcard_is_answered_in_the_meter_s_own_name() -> None:
    for asked in (WILDCARD, "AAAAAAAAAA12", METER):
        found = parse(ANSWER, ReadId(asked, VOLTAGES, 6))
        assert isinstance(found, Data)
        assert found.meter == METER
    assert outcome(ANSWER, ReadId("AAAAAAAAAA13", VOLTAGES, 6)) is None
    wild = encode_answer(WILDCARD, VOLTAGES, SAID)  # no meter is called so
    assert outcome(wild, ReadId(WILDCARD, VOLTAGES, 6)) is None


def test_answers_and_requests_are_found_among_what_nobody_waited_for() -> None:
    stale = b"\x68\0" + ANSWER[3:] + ANSWER + encode_refusal(METER, 1) + encode_read(OTHER, 7) + ANSWER[:-2]
    mine, others = Signature(int(METER, 16), 17, VOLTAGES), Signature(int(OTHER, 16), 17, 7)
    assert list(signatures_in(stale)) == [(mine, True), (others, False)]


@settings(deadline=None)
@given(READS, st.data())
def test_noise_in_front_costs_no_answer(ask: ReadId, data: st.DataObject) -> None:
    content = data.draw(st.binary(min_size=ask.count, max_size=ask.count))
    noise = data.draw(NOISE)
    assert data_of(noise + PREAMBLE + encode_answer(ask.meter, ask.data_id, content), ask) == content


@settings(deadline=None)
@given(READS, st.data())
def test_an_answer_comes_out_of_any_pieces_and_never_early(ask: ReadId, data: st.DataObject) -> None:
    content = data.draw(st.binary(min_size=ask.count, max_size=ask.count))
    whole = PREAMBLE + encode_answer(ask.meter, ask.data_id, content)
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert isinstance(parse(whole[:cut], ask), NeedMore)
    assert data_of(whole, ask) == content


@settings(deadline=None)
@given(READS, READS, st.data())
def test_an_answer_to_another_read_is_passed_over(ask: ReadId, other: ReadId, data: st.DataObject) -> None:
    content = data.draw(st.binary(min_size=ask.count, max_size=ask.count))
    before = encode_answer(other.meter, other.data_id, bytes(other.count))
    if ask != other:
        assert data_of(before + encode_answer(ask.meter, ask.data_id, content), ask) == content


@settings(deadline=None, max_examples=300)
@given(st.integers(0, len(ANSWER) - 1), st.integers(1, 255))
def test_no_changed_byte_ever_becomes_a_value(at: int, change: int) -> None:
    mutated = bytearray(ANSWER)
    mutated[at] ^= change
    assert data_of(bytes(mutated)) is None


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=80) | st.lists(st.sampled_from(list(ANSWER)), max_size=60).map(bytes), READS)
def test_whatever_the_bytes_are_the_verdict_is_no_exception_and_always_moves_on(
    stream: bytes, ask: ReadId
) -> None:
    outcome(stream, ask)
    outcome(stream, ASK)
    list(signatures_in(stream))


@pytest.mark.parametrize(
    ("meter", "data_id", "count"),
    [("12", 0, 1), (METER, -1, 1), (METER, 2**32, 1), (METER, 0, 0), (METER, 0, DATA_BYTES_MAX + 1)],
)
def test_a_read_that_no_meter_could_answer_cannot_be_made(meter: str, data_id: int, count: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- whichever it is, it cannot be made
        ReadId(meter, data_id, count)
