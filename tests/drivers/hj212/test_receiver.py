"""What a logger is believed and answered, as tables; no socket, no clock."""

from collections.abc import Iterable
from typing import Final

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.hj212 import receiver
from drivers.hj212.crc import CrcKind, compute_crc
from drivers.hj212.decoding import decode
from drivers.hj212.encoding import encode
from drivers.hj212.packet import Flag, Packet
from drivers.hj212.parts import split
from drivers.hj212.receiver import Answer, Arrival, Memory, Receiver, Refusal, Told
from drivers.hj212.sm4 import CipherForm
from tests.drivers.hj212.packets import KEY, MN

UTC_MS: Final = 1_772_411_400_000
"""08:30 of 2 March 2026 in China."""
NOW_S: Final = 100.0
DATA: Final = Packet(
    "2011",
    "31",
    MN,
    "246810",
    "20260302083000001",
    Flag(2, wants_answer=True),
    region="DataTime=20260302083000;a21026-Rtd=35.2,a21026-Flag=N",
)


def of_region(region: str, qn: str = "20260302083000002", **changes: object) -> Packet:
    return evolve(DATA, region=region, qn=qn, **changes)


def said(*raws: bytes, utc_ms: int | None = UTC_MS) -> list[Told]:
    """What one connection makes of these bytes."""
    made = Receiver(Memory(frozenset({MN})))
    return [one for raw in raws for one in made.receive(raw, NOW_S, utc_ms)]


def arrivals(told: Iterable[Told]) -> list[Arrival]:
    return [one for one in told if isinstance(one, Arrival)]


def answers(told: Iterable[Told]) -> list[tuple[str, str, str]]:
    """CN, QN and region of what was answered."""
    packets = [decode(one.raw).packet for one in told if isinstance(one, Answer)]
    return [(one.cn, one.qn, one.region) for one in packets]


def refusals(told: Iterable[Told]) -> list[str]:
    return [one.why for one in told if isinstance(one, Refusal)]


def test_data_arrive_as_they_came_and_are_answered_under_their_number() -> None:
    raw = encode(DATA)
    arrival, answer = said(raw)
    assert arrival == Arrival(MN, 2011, (raw,))
    assert answers([answer]) == [("9014", DATA.qn, "")]


@pytest.mark.parametrize(
    ("packet", "why", "wanted"),
    [
        (of_region("", cn="1012"), ["command"], [("9011", "QnRtn=2"), ("9012", "ExeRtn=2")]),
        (of_region("SystemTime=20200101000000", cn="1012"), ["command"], ["9011", "9012"]),
        (of_region("", cn="9015", st="91"), [], [("9013", "")]),
        (of_region("QnRtn=1", cn="9011", st="91"), [], []),
        (evolve(DATA, mn="0" * 24), ["stranger"], [("9011", "QnRtn=4")]),
        (evolve(DATA, flag=Flag(2)), [], []),
    ],
)
def test_what_is_no_data_of_a_known_logger_is_answered_and_not_believed(
    packet: Packet, why: list[str], wanted: list[tuple[str, str] | str]
) -> None:
    told = said(encode(packet))
    given_back = [(cn, region) for cn, _, region in answers(told)]
    assert [
        one if isinstance(two, tuple) else one[0] for one, two in zip(given_back, wanted, strict=True)
    ] == wanted
    assert refusals(told) == why
    assert len(arrivals(told)) == (packet.cn == "2011" and packet.mn == MN)


@pytest.mark.parametrize(
    ("packet", "utc_ms", "stale"),
    [
        (of_region("DataTime=20260302083000;a21026-Rtd=1"), UTC_MS, ""),
        (of_region("DataTime=20260302083000;a21026-Rtd=1", is_backfill=True), UTC_MS, receiver.STALE_LATER),
        (of_region("a21026-Rtd=1"), UTC_MS, receiver.STALE_NO_TIME),
        (of_region("DataTime=20260302073000;a21026-Rtd=1"), UTC_MS, ""),
        (of_region("DataTime=20260302072959;a21026-Rtd=1"), UTC_MS, receiver.STALE_CLOCK),
        (of_region("DataTime=20260302093001;a21026-Rtd=1"), UTC_MS, receiver.STALE_CLOCK),
        (of_region("DataTime=20990302093001;a21026-Rtd=1"), None, ""),
        (of_region("DataTime=20260302000000;a21026-Avg=1", cn="2031"), UTC_MS, ""),
    ],
)
def test_data_are_values_of_their_moment_unless_something_speaks_against_it(
    packet: Packet, utc_ms: int | None, stale: str
) -> None:
    assert [one.stale for one in arrivals(said(encode(packet), utc_ms=utc_ms))] == [stale]


def test_an_older_time_is_out_of_order_and_the_same_in_another_packet_is_not() -> None:
    later, same, older = (
        of_region(f"DataTime=202603020830{seconds};a21026-Rtd=1", f"2026030208300000{number}")
        for number, seconds in ((1, "30"), (2, "30"), (3, "29"))
    )
    told = said(encode(later), encode(same), encode(older))
    assert [one.stale for one in arrivals(told)] == ["", "", receiver.STALE_ORDER]


def test_a_packet_that_is_repeated_is_answered_again_and_arrives_once() -> None:
    told = said(*[encode(DATA)] * 3)
    assert len(arrivals(told)) == 1
    assert [cn for cn, _, _ in answers(told)] == ["9014"] * 3


def test_parts_arrive_together_in_their_order_and_each_is_answered() -> None:
    groups = ";".join(f"a{number}-Rtd=1.00,a{number}-Flag=N" for number in range(90_000, 90_090))
    parts = [encode(one) for one in split(evolve(DATA, region=f"DataTime=20260302083000;{groups}"))]
    told = said(*reversed(parts))
    assert [one.raws for one in arrivals(told)] == [tuple(parts)]
    assert len(answers(told)) == len(parts) > 1


def test_parts_of_more_packets_than_are_waited_for_or_that_contradict_cost_only_themselves() -> None:
    def part(qn: int, pnum: int, pno: int) -> bytes:
        flag = Flag(2, is_part=True)
        return encode(evolve(DATA, qn=f"2026030208300000{qn}", flag=flag, pnum=pnum, pno=pno))

    told = said(part(1, 2, 1), part(2, 2, 1), part(3, 2, 1), part(1, 2, 2), part(3, 2, 2), part(4, 2, 1))
    assert [one.raws for one in arrivals(told)] == [(part(3, 2, 1), part(3, 2, 2))]
    assert refusals(said(part(1, 2, 1), part(1, 3, 2))) == ["parts"]


def test_what_an_answer_must_repeat_is_repeated_where_the_standard_is_left() -> None:
    raw = encode(DATA).replace(DATA.qn.encode(), b"1772411400001")
    segment = raw[6:-6]
    unix = b"##%04d%s%04X\r\n" % (len(segment), segment, compute_crc(segment, CrcKind.MODBUS))
    (answer,) = [one for one in said(unix) if isinstance(one, Answer)]
    taken = decode(answer.raw, expected=CrcKind.MODBUS)
    assert (taken.packet.qn, taken.packet.pw, taken.crc) == ("1772411400001", DATA.pw, CrcKind.MODBUS)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (encode(DATA).replace(b"35.2", b"35.3"), "crc"),
        (encode(DATA)[:60] + b"\r\n", "half"),
        (encode(DATA).replace(b"##0", b"##1"), "length"),
        (b"GET / HTTP/1.1\r\n\r\n", "noise"),
    ],
)
def test_what_is_no_packet_is_refused_and_the_next_one_taken(raw: bytes, why: str) -> None:
    made = Receiver(Memory(frozenset({MN})))
    told = [*made.receive(raw, NOW_S, UTC_MS), *made.flush(), *made.receive(encode(DATA), NOW_S, UTC_MS)]
    assert refusals(told) == [why]
    assert len(arrivals(told)) == 1


@given(st.lists(st.binary(max_size=300) | st.sampled_from([encode(DATA), encode(DATA)[:50]]), max_size=8))
@settings(deadline=None, max_examples=30)
def test_whatever_comes_only_whole_packets_arrive(chunks: list[bytes]) -> None:
    made = Receiver(Memory(frozenset({MN})))
    told = [one for chunk in chunks for one in made.receive(chunk, NOW_S, UTC_MS)]
    told += made.flush()
    for one in arrivals(told):
        assert decode(one.raws[0]).packet.mn == MN
        assert one.raws[0] in b"".join(chunks)


@pytest.mark.parametrize("form", CipherForm)
@pytest.mark.parametrize("keys", [(KEY,), (bytes(16), KEY)], ids=["its key", "the key before a renewal"])
def test_an_encrypted_packet_arrives_as_it_came(form: CipherForm, keys: tuple[bytes, ...]) -> None:
    raw = encode(DATA, key=KEY, form=form)
    assert b"a21026" not in raw
    made = Receiver(Memory(frozenset({MN}), {MN: keys}))
    arrival, answer = made.receive(raw, NOW_S, UTC_MS)
    assert arrival == Arrival(MN, 2011, (raw,))
    assert answers([answer]) == [("9014", DATA.qn, "")]


@pytest.mark.parametrize("form", CipherForm)
def test_what_no_key_opens_is_refused_and_not_answered(form: CipherForm) -> None:
    raw, other = encode(DATA, key=KEY, form=form), "0" * 24
    for keys in ({}, {MN: (bytes(16),)}, {other: (KEY,)}):
        made = Receiver(Memory(frozenset({MN, other}), keys))
        assert [(one.why, answers([one])) for one in made.receive(raw, NOW_S, UTC_MS)] == [("encrypted", [])]  # type: ignore[union-attr]


def test_parts_are_opened_one_by_one_and_what_is_stale_is_seen_through_the_cipher() -> None:
    made = Receiver(Memory(frozenset({MN}), {MN: (KEY,)}))
    old = encode(of_region("DataTime=20260302063000;a21026-Rtd=1"), key=KEY)
    assert [one.stale for one in arrivals(made.receive(old, NOW_S, UTC_MS))] == [receiver.STALE_CLOCK]
    groups = ";".join(f"a{code}-Rtd=1.00,a{code}-Flag=N" for code in range(21_000, 21_060))
    parts = split(of_region(f"DataTime=20260302083000;{groups}", "20260302083000009"))
    raws = [encode(part, key=KEY) for part in parts]
    told = [one for raw in raws for one in made.receive(raw, NOW_S, UTC_MS)]
    assert [one.raws for one in arrivals(told)] == [tuple(raws)]
