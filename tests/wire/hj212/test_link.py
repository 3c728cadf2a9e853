"""What a platform's commands and bad packets are answered with; answers, repetitions and keys."""

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.hj212.decoding import decode
from drivers.hj212.encoding import encode
from drivers.hj212.packet import Edition, Flag, Packet
from drivers.hj212.stream import Frame, Stream
from drivers.hj212.times import RequestNumbers, read_time
from tests.drivers.hj212.packets import GOLDEN, KEY, MN
from wire.hj212.acts import (
    Act,
    AskHistory,
    AssignMn,
    Declined,
    Delivered,
    Event,
    HangUp,
    RenewKey,
    Send,
    Tell,
)
from wire.hj212.link import Datum, Link
from wire.hj212.terms import Ack, Terms

PW = "246810"
UTC_MS = 1_772_411_400_000
"""2026-03-02 08:30 in Beijing."""
QN = "20260302083000001"
DATUM = Datum(7, QN, "44", "2011", "DataTime=20260302083000;d20401-Rtd=84.30,d20401-Flag=N")
COMMAND = Packet("1011", "31", MN, PW, "20260302090000005", Flag(2, wants_answer=True))


def link_of(terms: Terms | None = None, keys: tuple[bytes, ...] = ()) -> Link:
    return Link(terms or Terms(), MN, PW, keys, RequestNumbers(), 0.0)


def sent(acts: list[Act], keys: tuple[bytes, ...] = ()) -> list[Packet]:
    return [decode(act.raw, keys).packet for act in acts if isinstance(act, Send)]


def told(acts: list[Act]) -> list[Event]:
    return [act.event for act in acts if isinstance(act, Tell) and act.event not in {Event.SENT, Event.GOT}]


def ask(link: Link, packet: Packet, keys: tuple[bytes, ...] = ()) -> list[Act]:
    return link.receive(encode(packet, key=keys[0] if keys else None), 1.0, UTC_MS)


def said(acts: list[Act]) -> list[tuple[str, str]]:
    return [(packet.cn, packet.region) for packet in sent(acts)]


def answer(cn: str, region: str = "", qn: str = QN, mn: str = MN) -> Packet:
    return Packet(cn, "91", mn, PW, qn, Flag(2), region=region)


ANSWERS = [
    (answer("9014"), Ack.DATA, [Delivered(7)]),
    (answer("9014"), Ack.EITHER, [Delivered(7)]),
    (answer("9014"), Ack.REQUEST, []),
    (answer("9011", "QnRtn=1"), Ack.REQUEST, [Delivered(7)]),
    (answer("9011", "QnRtn=1"), Ack.EITHER, [Delivered(7)]),
    (answer("9011", "QnRtn=1"), Ack.DATA, []),
    (answer("9011", "QnRtn=8"), Ack.EITHER, [Declined(7, "8")]),
    (answer("9011", f"QN={QN};QnRtn=1", "20260302083059999"), Ack.EITHER, [Delivered(7)]),
    (answer("9014", qn="20260302083000002"), Ack.EITHER, []),
    (answer("9014", mn=MN[::-1]), Ack.EITHER, []),
    (answer("9012", "ExeRtn=1"), Ack.EITHER, []),
    (answer("9013"), Ack.EITHER, []),
]


@pytest.mark.parametrize(("packet", "ack", "expected"), ANSWERS)
def test_only_the_answer_to_its_number_ends_a_packet(packet: Packet, ack: Ack, expected: list[Act]) -> None:
    link = link_of(Terms(ack=ack))
    link.offer(DATUM, 0.0)
    acts = ask(link, packet)
    assert [act for act in acts if isinstance(act, Delivered | Declined)] == expected
    assert link.wants(late=False) == bool(expected)


@pytest.mark.parametrize("result", ["3", "4", "6", "9"])
def test_a_refusal_that_a_person_can_put_right_keeps_the_packet(result: str) -> None:
    link = link_of()
    link.offer(DATUM, 0.0)
    acts = ask(link, answer("9011", f"QnRtn={result}"))
    assert [type(act) for act in acts if not isinstance(act, Tell)] == [HangUp]
    assert told(acts) == [Event.REFUSED]


REPLIES = [
    ("2012", "", [("9011", "QnRtn=2")]),
    ("1011", "", [("9011", "QnRtn=1"), ("1011", "SystemTime=20260302083000"), ("9012", "ExeRtn=1")]),
    ("1011", "PolId=w01018",
     [("9011", "QnRtn=1"), ("1011", "PolId=w01018;SystemTime=20260302083000"), ("9012", "ExeRtn=1")]),
    ("1012", "SystemTime=20200101000000", [("9011", "QnRtn=2"), ("9012", "ExeRtn=2")]),
    ("1001", "", [("9011", "QnRtn=1"), ("1001", f"i23005-Info={MN}"), ("9012", "ExeRtn=1")]),
    ("1002", "i23005-Info=short", [("9011", "QnRtn=1"), ("9012", "ExeRtn=3")]),
    ("1014", "i99999-Info=short", [("9011", "QnRtn=1"), ("9012", "ExeRtn=3")]),
    ("1061", "", [("9011", "QnRtn=1"), ("1061", "RtdInterval=60"), ("9012", "ExeRtn=1")]),
    ("1062", "RtdInterval=30", [("9011", "QnRtn=2")]),
    ("1072", "NewPW=123456", [("9011", "QnRtn=2")]),
    ("3011", "", [("9011", "QnRtn=2")]),
    ("7777", "", [("9011", "QnRtn=8")]),
    ("2011", "", [("9011", "QnRtn=1"), ("9012", "ExeRtn=1")]),
    ("2051", "", [("9011", "QnRtn=1"), ("9012", "ExeRtn=3")]),
    ("2051", "BeginTime=20260302090000;EndTime=20260302080000", [("9011", "QnRtn=1"), ("9012", "ExeRtn=3")]),
    ("2051", "BeginTime=2026;EndTime=20260302080000", [("9011", "QnRtn=1"), ("9012", "ExeRtn=3")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("cn", "region", "expected"), REPLIES, ids=[f"{cn} {region}" for cn, region, _ in REPLIES]
)
def test_a_command_is_answered(cn: str, region: str, expected: list[tuple[str, str]]) -> None:
    acts = ask(link_of(), evolve(COMMAND, cn=cn, region=region))
    assert said(acts) == expected
    assert {packet.qn for packet in sent(acts)} == {COMMAND.qn}


STRANGERS = [({"mn": MN[::-1]}, "QnRtn=4"), ({"pw": "000000"}, "QnRtn=3")]


@pytest.mark.parametrize(("changed", "result"), STRANGERS, ids=str)
@pytest.mark.parametrize("cn", ["1002", "1012", "1014", "2011"])
def test_who_does_not_know_mn_and_password_gets_nothing(
    changed: dict[str, str], result: str, cn: str
) -> None:
    packet = evolve(COMMAND, cn=cn, region="i23005-Info=" + "1" * 24, **changed)
    acts = ask(link_of(), packet)
    assert said(acts) == [("9011", result)]
    assert Event.STRANGER in told(acts)


def test_the_clock_is_told_of_and_never_set() -> None:
    acts = ask(link_of(), evolve(COMMAND, cn="1012", region="SystemTime=20200101000000"))
    assert told(acts) == [Event.CLOCK, Event.COMMAND_REFUSED]


def test_an_assigned_mn_is_kept_before_it_is_confirmed_under_the_old_one() -> None:
    link = link_of()
    frame = next(frame for frame in GOLDEN if b"CN=1002" in frame)
    acts = link.receive(frame, 1.0, UTC_MS)
    kinds = [type(act) for act in acts if not isinstance(act, Tell)]
    assert kinds == [Send, AssignMn, Send]
    assert {packet.mn for packet in sent(acts)} == {MN}
    assert {packet.mn for packet in sent(link.offer(DATUM, 2.0))} == {"000000000000000000000001"}


def test_a_renewed_key_is_kept_before_it_is_confirmed_under_the_old_one() -> None:
    link = link_of(keys=(KEY,))
    new = bytes(range(16))
    acts = ask(link, evolve(COMMAND, cn="1014", region=f"i99998-Info={new.hex().upper()}"), (KEY,))
    assert [type(act) for act in acts if not isinstance(act, Tell)] == [Send, RenewKey, Send]
    assert [packet.cn for packet in sent(acts, (KEY,))] == ["9011", "9012"]
    assert sent(link.offer(DATUM, 2.0), (new,))[0].region == DATUM.region
    assert Delivered(7) in ask(link, answer("9014"), (KEY,))
    assert link.keys == (new, KEY)


def test_the_same_command_again_is_answered_again_and_not_done_again() -> None:
    link = link_of()
    packet = evolve(COMMAND, cn="1002", region="i23005-Info=" + "1" * 24)
    first, second = ask(link, packet), ask(link, packet)
    assert [act for act in first if isinstance(act, Send)] == [act for act in second if isinstance(act, Send)]
    assert not any(isinstance(act, AssignMn) for act in second)


def test_history_is_asked_for_once_at_a_time_and_ends_with_its_result() -> None:
    link = link_of()
    frame = next(frame for frame in GOLDEN if b"BeginTime" in frame)
    acts = link.receive(frame, 1.0, UTC_MS)
    (asked,) = [act for act in acts if isinstance(act, AskHistory)]
    assert (asked.st, asked.cn, asked.begin_ms) == ("44", "2011", read_time("20260302080000"))
    assert said(
        ask(link, evolve(COMMAND, cn="2051", region="BeginTime=20260302080000;EndTime=20260302090000"))
    ) == [("9011", "QnRtn=2")]
    rows = [("44", "2011", "DataTime=20260302080000;d20401-Rtd=1.00")]
    assert said(link.add_history(rows, is_last=False, found=True)) == [("2011", rows[0][2])]
    assert said(link.add_history([], is_last=True, found=True)) == [("9012", "ExeRtn=1")]
    link.receive(frame, 1.0, UTC_MS)
    assert said(link.add_history([], is_last=True, found=False)) == [("9012", "ExeRtn=100")]


def test_data_are_repeated_after_5_s_twice_and_then_the_connection_is_given_up() -> None:
    link = link_of(Terms(heartbeat_s=0))
    first = [act for act in link.offer(DATUM, 0.0) if isinstance(act, Send)]
    times = []
    for second in range(1, 30):
        acts = link.tick(float(second), UTC_MS)
        if any(isinstance(act, Send) for act in acts):
            assert [act for act in acts if isinstance(act, Send)] == first
            times.append(second)
        if any(isinstance(act, HangUp) for act in acts):
            times.append(-second)
            break
    assert times == [5, 10, -15]


def test_a_heartbeat_is_sent_in_silence_and_its_absent_answer_ends_the_connection() -> None:
    link = link_of(Terms(heartbeat_s=60))
    assert sent(link.tick(59.0, UTC_MS)) == []
    (beat,) = sent(link.tick(60.0, UTC_MS))
    assert (beat.cn, beat.st, beat.qn) == ("9015", "91", "20260302083000000")
    assert ask(link, answer("9013", qn=beat.qn))
    assert sent(link.tick(119.0, UTC_MS)) == []
    assert len(sent(link.tick(120.0, UTC_MS))) == 1
    acts = [act for second in range(121, 160) for act in link.tick(float(second), UTC_MS)]
    assert sum(isinstance(act, HangUp) for act in acts) == 1


def test_2017_has_no_mark_for_backfill() -> None:
    late = evolve(DATUM, is_late=True)
    assert sent(link_of().offer(late, 0.0))[0].is_backfill
    (packet,) = sent(link_of(Terms(edition=Edition.Y2017)).offer(late, 0.0))
    assert not packet.is_backfill
    assert packet.flag == Flag(1, wants_answer=True)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(GOLDEN), st.binary(max_size=40)), max_size=12))
def test_whatever_a_platform_sends_only_good_packets_leave_and_nothing_is_believed(
    parts: list[bytes],
) -> None:
    link = link_of()
    link.offer(DATUM, 0.0)
    stream = Stream()
    for part in parts:
        for act in link.receive(part, 1.0, UTC_MS):
            if isinstance(act, Send):
                assert all(isinstance(piece, Frame) for piece in stream.feed(act.raw))
            assert not isinstance(act, RenewKey)
    assert not link.wants(late=False) or any(b"CN=9014" in part or b"CN=9011" in part for part in parts)
