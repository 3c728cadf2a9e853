"""Ours and the second codec of `tests/js/hj212`, which knows nothing of ours: what one writes the other
reads, and what ours takes without a word is what the other takes without a word."""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

import pytest
from attrs import evolve
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from drivers.hj212.crc import CrcKind
from drivers.hj212.decoding import Taken, decode
from drivers.hj212.encoding import encode
from drivers.hj212.oddity import Odd, PacketError
from drivers.hj212.packet import Flag, Packet
from drivers.hj212.parts import Joiner, split
from drivers.hj212.sm4 import CipherForm
from drivers.hj212.stream import Frame, Stream
from tests.drivers.hj212.packets import GOLDEN, KEY
from tests.drivers.hj212.second import Lines, from_js, node, region_of, to_js
from tests.drivers.hj212.test_codec import PACKET, PACKETS, frame_of

SEED: Final = 212
FEW, MANY = 30, 2_000
CHANGED_FEW, CHANGED_MANY = 400, 60_000
SELF_CHECKS: Final = 1_647
FORMS: Final = (None, *CipherForm)
KINDS: Final = [kind.value for kind in CrcKind]


@pytest.fixture(scope="module")
def second() -> Iterator[Lines]:
    with node("lines.mjs") as lines:
        yield lines


def test_the_second_codec_reads_and_writes_the_packets_that_are_known(second: Lines) -> None:
    assert second.ask("self") == {"checks": SELF_CHECKS, "failures": []}


EXAMPLES = pytest.mark.parametrize(
    "count", [FEW, pytest.param(MANY, marks=pytest.mark.minutes)], ids=["few", "many"]
)
HOW = (st.sampled_from(CrcKind), st.sampled_from(FORMS))


@EXAMPLES
def test_what_ours_writes_the_second_reads_in_any_pieces_and_writes_again(count: int, second: Lines) -> None:
    @seed(SEED)
    @settings(max_examples=count, deadline=None, database=None)
    @given(PACKETS, *HOW, st.lists(st.integers(0, 1200), max_size=6))
    def holds(packet: Packet, crc: CrcKind, form: CipherForm | None, cuts: list[int]) -> None:
        key = None if form is None else KEY
        frame = encode(packet, crc=crc, key=key, form=form or CipherForm.RAW)
        cuts = sorted(cut for cut in cuts if cut < len(frame))
        keys = [KEY.hex()] if key else []
        (told,) = second.ask("read", hex=frame.hex(), cuts=cuts, crc=[crc], keys=keys)
        assert told["at"] == 0
        assert from_js(told["packet"]) == packet
        is_encrypted = key is not None and len(packet.region) >= len(KEY)
        assert told["packet"]["cipher"] == (form if is_encrypted else "none")
        assert all("twice" in odd for odd in told["packet"]["odd"])
        how = {"crc": crc, "key": key and KEY.hex(), "form": form or "raw"}
        assert second.ask("write", packet=to_js(packet), **how) == {"hex": [frame.hex()]}

    holds()


GROUP = st.from_regex(r"a[0-9]{5}-Rtd=[0-9]{1,60}", fullmatch=True)
LONG = st.lists(GROUP, min_size=1, max_size=70).map(
    lambda groups: ";".join(["DataTime=20260302083000", *groups])
)


@EXAMPLES
def test_both_split_a_long_packet_in_the_same_places_and_join_it(count: int, second: Lines) -> None:
    @seed(SEED)
    @settings(max_examples=count // 4, deadline=None, database=None)
    @given(LONG, *HOW)
    def holds(region: str, crc: CrcKind, form: CipherForm | None) -> None:
        whole = Packet(
            "2051", "31", PACKET.mn, PACKET.pw, PACKET.qn, Flag(2, wants_answer=True), region=region
        )
        key = None if form is None else KEY
        frames = [encode(part, crc=crc, key=key, form=form or CipherForm.RAW) for part in split(whole)]
        how = {"crc": crc, "key": key and KEY.hex(), "form": form or "raw"}
        assert second.ask("write", packet=to_js(whole), split=True, **how)["hex"] == [
            frame.hex() for frame in frames
        ]
        told = second.ask("read", hex=b"".join(frames).hex(), crc=[crc], keys=[KEY.hex()] if key else [])
        (joined,) = second.ask("join", packets=[one["packet"] for one in told])
        assert region_of(joined["groups"]) == region
        joiner = Joiner()
        got = [joiner.add(decode(frame, [KEY] if key else []).packet, 0.0) for frame in frames]
        assert got == [None] * (len(frames) - 1) + [whole]

    holds()


# ---- changed bytes

LETTERS: Final = b"0123456789ABCabcxz;,=&#- \r\n~\x00\x80"
CLEAN, ODD, REFUSED = "without a word", "odd", "refused"


def change(raw: bytes, random: Random) -> bytes:
    """Some bytes replaced, left out, put in or doubled."""
    changed = bytearray(raw)
    for _ in range(random.choice((1, 1, 1, 2))):
        at, what = random.randrange(len(changed)), random.randrange(4)
        if what == 0:
            changed[at] = random.choice(LETTERS)
        elif what == 1:
            del changed[at]
        elif what == 2:
            changed.insert(at, random.choice(LETTERS))
        else:
            end = at + random.randrange(1, 9)
            changed[at:end] = changed[at:end] * 2
    return bytes(changed)


def read_ours(raw: bytes) -> list[Taken]:
    """The packets that ours takes."""
    stream, taken = Stream(), []
    for piece in stream.feed(raw) + stream.flush():
        if isinstance(piece, Frame):
            try:
                taken.append(decode(piece.raw, [KEY]))
            except PacketError:
                continue
    return taken


def judge_ours(taken: list[Taken]) -> str:
    usual = {Odd.NOT_ENCRYPTED}
    if any({one.what for one in each.oddities} - usual for each in taken):
        return ODD
    return CLEAN if taken else REFUSED


def judge_second(packets: list[dict[str, Any]]) -> str:
    if any(odd != "plain, though a key is agreed" for one in packets for odd in one["odd"]):
        return ODD
    return CLEAN if packets else REFUSED


@pytest.mark.parametrize(
    "count", [CHANGED_FEW, pytest.param(CHANGED_MANY, marks=pytest.mark.minutes)], ids=["few", "many"]
)
@pytest.mark.parametrize("is_sealed", [False, True], ids=["any change", "length and sum made new"])
def test_changed_bytes_are_taken_without_a_word_by_both_or_by_none(
    count: int, is_sealed: bool, second: Lines
) -> None:
    random, found = Random(SEED), set()
    frames = [*GOLDEN]
    if not is_sealed:
        frames += [encode(decode(raw).packet, key=KEY, form=form) for raw in GOLDEN for form in CipherForm]
    for _ in range(count):
        raw = random.choice(frames)
        raw = frame_of(change(raw[6:-6], random)) if is_sealed else change(raw, random)
        taken = read_ours(raw)
        told = second.ask("read", hex=raw.hex(), crc=KINDS, keys=[KEY.hex()])
        packets = [one["packet"] for one in told if "packet" in one]
        verdicts = judge_ours(taken), judge_second(packets)
        found.add(verdicts)
        # Ours takes more than the second, never without naming what is odd.
        assert verdicts in {(CLEAN, CLEAN), (ODD, ODD), (ODD, REFUSED), (REFUSED, REFUSED)}, (
            raw,
            taken,
            told,
        )
        if verdicts[1] != REFUSED:
            pairs = [(from_js(one), ours.packet) for one, ours in zip(packets, taken, strict=True)]
            assert all(one.groups == ours.groups for one, ours in pairs), raw
            assert all(evolve(one, region="") == evolve(ours, region="") for one, ours in pairs), raw
    assert {(CLEAN, CLEAN), (REFUSED, REFUSED), (ODD, REFUSED)} <= found
