import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import ExceptionReplyError, ReplyError, ReplyTimeoutError
from drivers.link.ledger import Ledger
from drivers.link.transaction import FLOOD_BYTES_MAX, Answer, BusStats
from drivers.link.verdict import Framing, Request
from drivers.modbus.frame import MBAP_BYTES, encode_request
from drivers.modbus.transaction import ModbusTransaction
from drivers.modbus.transaction_ids import TransactionIds
from tests.drivers.frames import encode_exception, encode_reply

ASKED = Request(1, 3, 100, 4)
WORDS = b"\x11\x22\x33\x44\x55\x66\x77\x88"
TRANSACTION_ID = 7

DAMAGED = bytearray(encode_reply(Framing.RTU, ASKED, WORDS))
DAMAGED[6] ^= 0x10
FOREIGN = [
    encode_reply(Framing.RTU, Request(1, 3, 0, 5), bytes(10)),
    encode_reply(Framing.RTU, Request(1, 4, 0, 4), bytes(8)),
    encode_reply(Framing.RTU, Request(2, 3, 0, 4), bytes(8)),
    encode_exception(Framing.RTU, Request(2, 3, 0, 4), 2),
    encode_request(Framing.RTU, ASKED),
    encode_request(Framing.RTU, Request(9, 3, 7, 9)),
    bytes(DAMAGED),
]


def transaction(framing: Framing = Framing.RTU) -> ModbusTransaction:
    ledger = Ledger()
    ledger.note_request(ASKED, 0.0)
    return ModbusTransaction(ledger, BusStats(), framing, ASKED, TRANSACTION_ID, 0.0)


def fed(running: ModbusTransaction, stream: bytes, cuts: list[int]) -> Answer | None:
    """The answer that comes out when `stream` arrives in pieces."""
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    for begin, end in itertools.pairwise(places):
        if begin < end and (answered := running.feed(stream[begin:end], 0.5)) is not None:
            return answered
    return None


cuts = st.lists(st.integers(0, 10_000), max_size=12)


@given(st.lists(st.sampled_from(FOREIGN), max_size=6), cuts)
@settings(deadline=None)
def test_the_answer_is_found_behind_whatever_frames_and_however_it_is_cut(
    before: list[bytes], cuts: list[int]
) -> None:
    running = transaction()
    stream = b"".join(before) + encode_reply(Framing.RTU, ASKED, WORDS)
    assert fed(running, stream, cuts) == Answer(WORDS, 0.5)


@given(st.lists(st.sampled_from(FOREIGN), max_size=6), cuts)
@settings(deadline=None)
def test_frames_that_are_no_answer_never_become_one(frames: list[bytes], cuts: list[int]) -> None:
    assert fed(transaction(), b"".join(frames), cuts) is None


@pytest.mark.parametrize("framing", Framing)
@given(st.lists(st.binary(max_size=40), max_size=8))
@settings(deadline=None)
def test_noise_never_becomes_an_answer_and_never_fails_otherwise_than_it_may(
    framing: Framing, chunks: list[bytes]
) -> None:
    running = transaction(framing)
    try:
        for chunk in chunks:
            assert running.feed(chunk, 0.5) is None
    except (ReplyError, ExceptionReplyError):
        return
    assert isinstance(running.give_up(), ReplyError | ReplyTimeoutError)


def test_what_follows_the_answer_is_left_for_the_next_transaction() -> None:
    running = transaction()
    reply = encode_reply(Framing.RTU, ASKED, WORDS)
    assert running.feed(reply + reply, 0.5) == Answer(WORDS, 0.5)
    assert running.buffer == reply


def test_a_flood_ends_it() -> None:
    running = transaction()
    assert running.feed(bytes(FLOOD_BYTES_MAX), 0.5) is None
    with pytest.raises(ReplyError, match="flood"):
        running.feed(b"\0", 0.5)
    assert running.lost_sync


def test_a_tcp_stream_that_cannot_be_followed_is_given_up() -> None:
    running = transaction(Framing.TCP)
    with pytest.raises(ReplyError, match="protocol id"):
        running.feed(b"\0\7\xff\xff\0\x05", 0.5)
    assert running.lost_sync


@pytest.mark.parametrize(
    ("received", "error", "reason"),
    [
        (b"", ReplyTimeoutError, "no answer"),
        (b"\x01\x03", ReplyTimeoutError, "no whole answer"),
        (FOREIGN[1], ReplyError, "function 4"),
        (FOREIGN[2], ReplyError, "unit 2"),
        (bytes(DAMAGED), ReplyError, "CRC"),
        (encode_request(Framing.RTU, Request(1, 3, 0x99, 4)), ReplyError, "another master"),
        (encode_request(Framing.RTU, ASKED), ReplyTimeoutError, "no whole answer"),
    ],
)
def test_the_error_says_what_was_heard_instead(received: bytes, error: type[Exception], reason: str) -> None:
    running = transaction()
    running.feed(received, 0.5)
    error_seen = running.give_up()
    assert type(error_seen) is error
    assert reason in str(error_seen)


@given(st.binary(max_size=40), cuts, st.booleans())
@settings(deadline=None)
def test_an_answer_over_tcp_is_found_behind_any_bytes_and_never_another(
    noise: bytes, cuts: list[int], refused: bool
) -> None:
    running = transaction(Framing.TCP)
    running.ids = TransactionIds()
    good = encode_reply(Framing.TCP, ASKED, WORDS, TRANSACTION_ID)
    refusal = encode_exception(Framing.TCP, ASKED, 2, TRANSACTION_ID)
    try:
        found = fed(running, noise + (refusal if refused else good), cuts)
    except ExceptionReplyError:
        assert refused
    except ReplyError:
        assert len(noise) > MBAP_BYTES or cuts, "a frame under the id of the request came first"
    else:
        assert (found == Answer(WORDS, 0.5) and not refused) or (cuts and found is None)
