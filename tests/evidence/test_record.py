import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.clock import ClockState, Stamp
from drivers.reading import Block, PollGroup, Quality, Reading
from evidence import cbor
from evidence.record import (
    RECORD_BYTES_MAX,
    Kind,
    ReadingRecord,
    Record,
    decode_record,
    encode_reading,
    encode_record,
    kind_of,
)
from tests.evidence.chains import stamp
from tests.evidence.records import BAREST
from tests.evidence.test_cbor import PLAIN

STAMPS = st.builds(
    Stamp,
    utc_ns=st.integers(0, 2**63),
    boottime_ns=st.integers(0, 2**62),
    boot_id=st.just(b"b" * 16),
    clock_state=st.sampled_from(ClockState),
)
REGISTERS = st.builds(
    Block,
    function=st.sampled_from((3, 4)),
    address=st.integers(0, 0xFFFF),
    words=st.integers(1, 125).flatmap(lambda n: st.binary(min_size=2 * n, max_size=2 * n)),
)
DATA = st.builds(
    Block,
    function=st.just(17),
    address=st.integers(0, 0xFFFFFFFF),
    words=st.binary(min_size=1, max_size=200),
)
PACKETS = st.builds(
    Block,
    function=st.just(212),
    address=st.integers(0, 9_999),
    words=st.binary(min_size=1, max_size=300) | st.just(b"#" * 10_011),
)
BLOCKS = REGISTERS | DATA | PACKETS
READINGS = st.builds(
    Reading,
    meter=st.text(max_size=16),
    group=st.sampled_from(PollGroup),
    stamp=STAMPS,
    model_hash=st.binary(min_size=32, max_size=32),
    blocks=st.lists(BLOCKS, max_size=4).map(tuple),
    quality=st.sampled_from(Quality),
    reason=st.text(max_size=100),
    latency_ns=st.integers(0, 10**15),
)


@given(READINGS)
@settings(deadline=None, max_examples=200)
def test_a_reading_comes_back_word_for_word(reading: Reading) -> None:
    raw = encode_reading(reading)
    found = decode_record(raw)
    assert isinstance(found, ReadingRecord)
    assert found.kind == kind_of(raw) == Kind.READING
    assert found.blocks == reading.blocks
    assert (found.meter, found.group, found.quality) == (reading.meter, reading.group, reading.quality)
    assert found.model == reading.model_hash[:8]
    assert found.utc_ms == reading.stamp.utc_ns // 10**6
    assert found.boottime_ms == reading.stamp.boottime_ns // 10**6
    assert found.clock_state is reading.stamp.clock_state
    assert reading.reason.startswith(found.reason)


@given(
    st.sampled_from([kind for kind in Kind if kind is not Kind.READING]),
    STAMPS,
    # No name that the schema has: there not every value may stand.
    st.dictionaries(st.text(max_size=6).map("free {}".format), PLAIN, max_size=4),
)
@settings(deadline=None, max_examples=200)
def test_any_other_record_comes_back_whole(kind: Kind, at: Stamp, body: dict[str, object]) -> None:
    body = {**body, **BAREST[kind]} if kind is not Kind.ATTESTATION else BAREST[kind]
    raw = encode_record(kind, at, body)
    assert kind_of(raw) == kind
    expected = Record(kind, at.utc_ns // 10**6, at.boottime_ns // 10**6, at.clock_state, body)
    assert decode_record(raw) == expected


@given(st.binary(max_size=80) | PLAIN.map(cbor.encode) | st.lists(PLAIN, max_size=12).map(cbor.encode))
@settings(deadline=None, max_examples=500)
def test_foreign_bytes_are_a_record_or_a_format_error_and_nothing_else(raw: bytes) -> None:
    kind_of(raw)
    try:
        decode_record(raw)
    except cbor.FormatError:
        return


READING = [1, 5, 6, 0, "m1", 0, b"8" * 8, [[4, 0, b"ab"]], 0, "", 7]


@pytest.mark.parametrize(
    ("position", "value"),
    [
        (0, 0),
        (0, 17),
        (0, True),
        (1, -1),
        (2, "6"),
        (3, 3),
        (4, "m" * 65),
        (4, b"m1"),
        (5, 3),
        (6, b"7" * 7),
        (7, [[4, 0]]),
        (7, [[5, 0, b"ab"]]),
        (7, [[True, 0, b"ab"]]),
        (7, [[4, 65_536, b"ab"]]),
        (7, [[4, 0, b""]]),
        (7, [[4, 0, b"abc"]]),
        (7, [[4, 0, b"ab" * 126]]),
        (7, [[4, 0, b"ab"]] * 33),
        (7, [[17, 0x1_0000_0000, b"ab"]]),
        (7, [[17, 0, b""]]),
        (7, [[17, 0, b"a" * 201]]),
        (7, [[17, 0, "ab"]]),
        (7, [[17.0, 0, b"ab"]]),
        (7, [[16, 0, b"ab"]]),
        (7, [[212, 10_000, b"ab"]]),
        (7, [[212, 2011, b""]]),
        (7, [[212, 2011, b"a" * 10_012]]),
        (7, [[212, 2011, "ab"]]),
        (7, [[211, 2011, b"ab"]]),
        (8, 3),
        (9, "r" * 65),
        (10, 10**9 + 1),
    ],
)
def test_a_reading_with_one_wrong_field_is_refused(position: int, value: object) -> None:
    items = list(READING)
    decode_record(cbor.encode(items))
    items[position] = value
    with pytest.raises(cbor.FormatError):
        decode_record(cbor.encode(items))


def test_a_record_that_no_seal_could_hold_is_refused_when_it_is_made() -> None:
    with pytest.raises(cbor.FormatError, match="fit a seal"):
        encode_record(Kind.MANIFEST, stamp(), {"site": "x" * RECORD_BYTES_MAX})


def test_a_reason_too_long_is_cut_between_two_characters() -> None:
    reading = Reading("m1", PollGroup.FAST, stamp(), b"h" * 32, quality=Quality.BAD, reason="断" * 40)
    found = decode_record(encode_reading(reading))
    assert isinstance(found, ReadingRecord)
    assert found.reason == "断" * 21
