"""How soon a bus is used again after noise, on virtual time.

A transaction at 9600 baud is played against `ModbusTransaction` and `ReplyWait` as the bus does it: bytes
come one by one at the pace of the wire, and the wait ends where `ReplyWait` says. What is measured is the
time from the last byte to the end of the wait, for from then on the next request may go out.
"""

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from drivers.link.ledger import Ledger
from drivers.link.port import FIFO_BYTES, QUIET_S
from drivers.link.reply_wait import SPOILED_S, TURNAROUND_TIMES, ReplyWait, Turnarounds
from drivers.link.transaction import Answer, BusStats
from drivers.link.verdict import Framing, Request
from drivers.modbus.frame import encode_request
from drivers.modbus.transaction import ModbusTransaction
from tests.drivers.frames import encode_reply

RESYNC_S = 0.05
CHARACTER_S = 11 / 9600
TURNAROUND_S = 0.02
TIMEOUT_S = 1.0
ASKED = Request(5, 3, 100, 10)
WORDS = bytes(range(20))
REPLY = encode_reply(Framing.RTU, ASKED, WORDS)
REQUEST = encode_request(Framing.RTU, ASKED)
OTHERS = encode_request(Framing.RTU, Request(9, 3, 0, 2)) + encode_reply(
    Framing.RTU, Request(9, 3, 0, 2), b"abcd"
)
WIRE_S = (len(REQUEST) + len(REPLY)) * CHARACTER_S


@frozen
class Ended:
    """How a transaction ended: what came of it, when, and when the last byte had come."""

    answer: Answer | None
    at_s: float
    last_byte_s: float


def played(came: list[tuple[float, bytes]], turnaround_s: float | None = TURNAROUND_S) -> Ended:
    """The end of a transaction in which bytes come from the given moments on, each at the line's pace."""
    turnarounds = Turnarounds()
    if turnaround_s is not None:
        turnarounds.record(ASKED.unit_id, turnaround_s)
    due_s = (len(REQUEST) + FIFO_BYTES) * CHARACTER_S + QUIET_S + turnarounds.due_s(ASKED.unit_id, TIMEOUT_S)
    wait = ReplyWait(TIMEOUT_S + WIRE_S, len(REPLY), due_s)
    ledger = Ledger()
    ledger.note_request(ASKED, 0.0)
    running = ModbusTransaction(ledger, BusStats(), Framing.RTU, ASKED, 0, 0.0)
    pieces = sorted(
        (begin_s + (n + 1) * CHARACTER_S, data[n : n + 1]) for begin_s, data in came for n in range(len(data))
    )
    last_s = 0.0
    for at_s, byte in pieces:
        if at_s > wait.end_s:
            break
        last_s = at_s
        if (answer := running.feed(byte, at_s)) is not None:
            return Ended(answer, at_s, last_s)
        wait.note_bytes(running.unexplained, at_s, has_begun=running.has_begun)
    return Ended(None, wait.end_s, last_s)


ANSWER_S = len(REQUEST) * CHARACTER_S + TURNAROUND_S
"""When the answer begins, if it comes."""
DAMAGED = REPLY[:9] + b"\xff" + REPLY[10:]


@pytest.mark.parametrize(
    ("came", "what"),
    [
        ([(ANSWER_S, DAMAGED)], "one bit is wrong"),
        ([(ANSWER_S, b"\x00\xff\x13")], "a few bytes instead of the answer"),
        ([(ANSWER_S, REPLY[:12])], "the answer breaks off"),
        ([(ANSWER_S, REPLY[:2])], "it breaks off behind its head"),
        ([(ANSWER_S, b"\xa5" * len(REPLY))], "a burst over the answer"),
        ([(ANSWER_S, b"\xa5\x5a" * 40)], "a burst longer than the answer"),
        ([(0.0, b"\x00" * 60)], "a burst from the request on"),
        ([(0.0, b"\xa5" * 200)], "a babbling meter"),
        ([(ANSWER_S, b"\xff" + REPLY[1:])], "its first byte is lost"),
        ([(ANSWER_S, REPLY[3:] + b"\x00\x00\x00")], "its head is lost, and the line rings"),
    ],
)
def test_the_line_is_used_again_within_50_ms_of_the_end_of_noise(
    came: list[tuple[float, bytes]], what: str
) -> None:
    ended = played(came)
    assert ended.answer is None, what
    assert 0 < ended.at_s - ended.last_byte_s <= RESYNC_S, what


@given(st.binary(max_size=24), st.integers(0, len(REPLY)), st.floats(0.0, TURNAROUND_S))
def test_noise_before_an_answer_that_is_as_quick_as_ever_costs_no_answer(
    noise: bytes, cut: int, begin_s: float
) -> None:
    """Unless it looks like the answer itself: then what follows it is late."""
    small = noise[: min(cut, int((ANSWER_S - begin_s) / CHARACTER_S))]
    ended = played([(begin_s, small), (ANSWER_S, REPLY)])
    if not small.startswith(bytes((5,))) and b"\x05" not in small:
        assert ended.answer is not None
        assert ended.answer.words == WORDS


@given(st.binary(min_size=1, max_size=100), st.floats(0.0, 2.0))
def test_whatever_noise_comes_the_wait_ends_50_ms_behind_it_or_when_the_answer_had_to_begin(
    noise: bytes, begin_s: float
) -> None:
    begun_s = (len(REQUEST) + FIFO_BYTES) * CHARACTER_S + QUIET_S + TURNAROUND_TIMES * TURNAROUND_S
    ended = played([(begin_s, noise)])
    assert (
        ended.answer is not None
        or ended.at_s <= max(ended.last_byte_s + RESYNC_S, begun_s)
        or (ended.at_s == TIMEOUT_S + WIRE_S and begin_s > TIMEOUT_S)
    )


def test_silence_and_frames_of_others_are_waited_past_to_the_time_out() -> None:
    whole_s = TIMEOUT_S + WIRE_S
    for came in ([], [(0.0, REQUEST)], [(0.0, OTHERS)], [(0.0, REQUEST + OTHERS)]):
        assert played(came).at_s == whole_s


def test_a_meter_that_nothing_is_known_of_has_its_time_out_behind_noise() -> None:
    assert played([(0.0, b"\xa5")], turnaround_s=None).at_s == TIMEOUT_S + WIRE_S


def test_no_noise_makes_a_wait_longer_than_its_time_out() -> None:
    assert played([(n * 0.01, b"\xa5\x5a") for n in range(200)]).at_s <= TIMEOUT_S + WIRE_S


def test_the_slowest_turnaround_counts_and_fades() -> None:
    turnarounds = Turnarounds()
    assert turnarounds.due_s(1, 0.7) == 0.7
    turnarounds.record(1, 0.2)
    turnarounds.record(1, 0.01)
    assert turnarounds.due_s(1, 0.7) == pytest.approx(0.2 * 0.9 * TURNAROUND_TIMES)
    assert turnarounds.due_s(1, 0.1) == 0.1
    for _ in range(100):
        turnarounds.record(1, 0.01)
    assert turnarounds.due_s(1, 0.7) == pytest.approx(0.01 * TURNAROUND_TIMES, rel=0.2)
    assert SPOILED_S < RESYNC_S
