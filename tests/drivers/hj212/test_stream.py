"""Packets out of a stream: the same in any pieces, and what is broken is named with its place."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.hj212.decoding import decode
from drivers.hj212.encoding import encode
from drivers.hj212.oddity import Wrong
from drivers.hj212.sm4 import CipherForm
from drivers.hj212.stream import FRAME_BYTES_MAX, RAW_FRAME_BYTES_MAX, Broken, Frame, Piece, Stream
from tests.drivers.hj212.packets import GOLDEN, KEY, PHASES, TREATMENT


def read(*chunks: bytes) -> list[Piece]:
    stream = Stream()
    return [piece for chunk in chunks for piece in stream.feed(chunk)] + stream.flush()


def frames(pieces: list[Piece]) -> list[bytes]:
    return [piece.raw for piece in pieces if isinstance(piece, Frame)]


def test_the_longest_packet_has_10011_bytes() -> None:
    assert RAW_FRAME_BYTES_MAX == 10_011


def test_every_golden_packet_comes_out_byte_by_byte_at_its_end() -> None:
    stream = Stream()
    for frame in GOLDEN:
        for byte in frame[:-1]:
            assert stream.feed(bytes([byte])) == []
        assert [piece.raw for piece in stream.feed(frame[-1:])] == [frame]


PRINTED = encode(decode(TREATMENT).packet, key=KEY, form=CipherForm.PRINTED)
RAW = encode(decode(TREATMENT).packet, key=KEY)
ANYTHING = st.one_of(
    st.sampled_from(
        [*GOLDEN, PRINTED, RAW, PHASES[:-2], PHASES[:-2] + b"\n", b"##", b"#", b"##0101", b"\r\n"]
    ),
    st.sampled_from(GOLDEN).flatmap(lambda frame: st.integers(1, len(frame)).map(lambda n: frame[:n])),
    st.binary(max_size=20),
)


@given(st.lists(ANYTHING, max_size=6).map(b"".join), st.lists(st.integers(0, 2_000), max_size=12))
def test_the_pieces_do_not_depend_on_how_the_stream_was_cut(data: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(data), *(cut for cut in cuts if cut <= len(data))})
    cut = read(*(data[first:last] for first, last in pairwise(places)))
    whole = read(data)
    assert frames(cut) == frames(whole)
    for pieces in (cut, whole):
        assert all(data[piece.place : piece.place + len(piece.raw)] == piece.raw for piece in pieces)
    assert [one.raw for one in cut if isinstance(one, Broken) and one.why is not Wrong.NOISE] == [
        one.raw for one in whole if isinstance(one, Broken) and one.why is not Wrong.NOISE
    ]


@given(st.lists(st.sampled_from([*GOLDEN, PRINTED, RAW]), max_size=8))
def test_whole_packets_all_come_out(sent: list[bytes]) -> None:
    assert read(b"".join(sent)) == [Frame(raw, sum(map(len, sent[:at]))) for at, raw in enumerate(sent)]


@given(st.binary(min_size=16, max_size=80))
def test_a_cipher_with_anything_in_it_is_one_packet(region: bytes) -> None:
    body = region[: len(region) // 16 * 16] + b"\r\n&&ABCD\r\n&&##0101"
    segment = b"QN=20260302083000002;ST=44;CN=2011;CP=&&" + body + b"&&"
    raw = b"##%04d%s0000\r\n" % (len(segment), segment)
    assert frames(read(raw, PHASES)) == [raw, PHASES]


BROKEN = [
    ("half a packet, then a whole one", [PHASES[:100], TREATMENT], [Wrong.HALF]),
    ("half a packet at the end", [TREATMENT, PHASES[:100]], [Wrong.HALF]),
    ("a length too small", [b"##0236" + PHASES[6:], TREATMENT], [Wrong.LENGTH]),
    ("a length too large", [b"##0238" + PHASES[6:], TREATMENT], [Wrong.LENGTH]),
    ("a length of nothing", [b"##0000" + PHASES[6:], TREATMENT], [Wrong.LENGTH]),
    ("a length far too large", [b"##9999" + PHASES[6:], TREATMENT], [Wrong.LENGTH]),
    ("noise before", [b"hello ##12x4 ", TREATMENT], [Wrong.NOISE]),
    ("noise between", [TREATMENT, b"\xff\xfe###", TREATMENT], [Wrong.NOISE]),
]


@pytest.mark.parametrize(("chunks", "why"), [one[1:] for one in BROKEN], ids=[one[0] for one in BROKEN])
def test_what_is_broken_is_named_and_the_next_packet_is_whole(chunks: list[bytes], why: list[Wrong]) -> None:
    pieces = read(b"".join(chunks))
    assert [one.why for one in pieces if isinstance(one, Broken)] == why
    assert frames(pieces) == [one for one in chunks if one == TREATMENT]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\n\n"])
def test_another_line_end_is_taken(end: bytes) -> None:
    found = read(PHASES[:-2] + end + TREATMENT)
    assert [decode(raw).packet.st for raw in frames(found)] == ["44", "44"]


def test_a_packet_within_a_value_is_no_packet() -> None:
    inner = PHASES[:-2].replace(b"&&", b"..")
    segment = b"QN=20260302083000002;ST=44;CN=2011;CP=&&a=" + inner + b"&&"
    raw = b"##%04d%s0000\r\n" % (len(segment), segment)
    assert frames(read(raw)) == [raw]


def test_a_flood_is_not_kept() -> None:
    stream = Stream()
    for _ in range(50):
        stream.feed(b"##9999QN=" + b"1" * 1_000)
        assert len(stream._buffer) <= FRAME_BYTES_MAX + 2_000
    stream.feed(b"#" * 100_000)
    assert len(stream._buffer) <= FRAME_BYTES_MAX + 2_000
    stream.flush()
    assert not stream.is_waiting
