"""Long packets are cut between groups and joined again, in any order, within bounds."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from drivers.hj212.encoding import encode
from drivers.hj212.oddity import EncodeError, PacketError
from drivers.hj212.packet import REGION_CHARACTERS_MAX, Flag, Packet
from drivers.hj212.parts import WAIT_S, WAITING_MAX, Joiner, split
from tests.drivers.hj212.packets import MN

HEAD = Packet("2011", "31", MN, "246810", "20260302083000001", Flag(2, wants_answer=True))


def long_packet(groups: int, qn: str = HEAD.qn) -> Packet:
    region = ";".join(
        ["DataTime=20260302083000", *(f"a{n:05d}-Rtd={n}.5,a{n:05d}-Flag=N" for n in range(groups))]
    )
    return evolve(HEAD, region=region, qn=qn)


@given(st.integers(0, 250), st.randoms(use_true_random=False))
def test_parts_in_any_order_are_the_packet_again(groups: int, random: object) -> None:
    packet = long_packet(groups)
    parts = split(packet)
    assert all(len(part.region) <= REGION_CHARACTERS_MAX and encode(part) for part in parts)
    random.shuffle(parts)  # type: ignore[attr-defined]
    joiner = Joiner()
    assert [whole for part in parts if (whole := joiner.add(part, 0.0))] == [packet]


def test_each_part_says_its_time_and_number() -> None:
    parts = split(long_packet(60))
    assert [(part.pno, part.pnum) for part in parts] == [(at + 1, len(parts)) for at in range(len(parts))]
    assert {part.region.partition(";")[0] for part in parts} == {"DataTime=20260302083000"}
    assert {part.flag.number for part in parts if part.flag} == {11}


def test_what_no_packet_can_hold_is_refused() -> None:
    with pytest.raises(EncodeError):
        split(long_packet(400))
    with pytest.raises(EncodeError):
        split(evolve(HEAD, region="DataTime=20260302083000;a=" + "x" * 940))


def test_a_repeated_part_changes_nothing_and_another_one_under_its_number_spoils_all() -> None:
    first, second, *rest = split(long_packet(80))
    joiner = Joiner()
    joiner.add(first, 0.0)
    assert joiner.add(first, 1.0) is None
    with pytest.raises(PacketError):
        joiner.add(evolve(first, region=first.region + ";x=1"), 2.0)
    assert [joiner.add(part, 3.0) for part in (second, *rest)] == [None] * (1 + len(rest))


def test_what_is_never_completed_is_forgotten() -> None:
    joiner = Joiner()
    for at in range(100):
        joiner.add(split(long_packet(80, f"202603020830{at:05d}"))[0], 0.0)
        assert len(joiner._waiting) <= WAITING_MAX
    joiner.add(split(long_packet(80))[0], WAIT_S)
    assert len(joiner._waiting) == 1
