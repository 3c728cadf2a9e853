from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU

from drivers.link.verdict import Foreign, ForeignKind, Framing, NeedMore, Refusal, Request, Signature, Words
from drivers.modbus.frame import PreparedRequest, encode_request, parse
from drivers.modbus.rtu import crc16, replies_in, requests_in
from tests.drivers.frames import encode_exception, encode_reply

REQUEST = Request(1, 4, 0x34, 2)
WORDS = bytes.fromhex("449A5000")
OTHER = Request(7, 3, 100, 5)

requests = st.builds(
    Request, st.integers(0, 255), st.sampled_from([3, 4]), st.integers(0, 65000), st.integers(1, 125)
)


def rtu(text: str) -> bytes:
    body = bytes.fromhex(text)
    return body + crc16(body)


def tcp(text: str, transaction_id: int = 1) -> bytes:
    body = bytes.fromhex(text)
    return transaction_id.to_bytes(2) + b"\0\0" + len(body).to_bytes(2) + body


def test_the_request_of_the_specification_has_its_bytes() -> None:
    # Modbus Application Protocol V1.1b3, section 6.3: read holding registers 108 to 110
    assert encode_request(Framing.RTU, Request(17, 3, 0x6B, 3)) == bytes.fromhex("1103006B00037687")
    assert encode_request(Framing.TCP, Request(17, 3, 0x6B, 3), 0x1234) == bytes.fromhex(
        "123400000006" + "1103006B0003"
    )


@given(st.binary(max_size=256))
@settings(deadline=None)
def test_the_crc_agrees_with_pymodbus(data: bytes) -> None:
    assert crc16(data) == FramerRTU.compute_CRC(data).to_bytes(2)


@pytest.mark.parametrize("framing", Framing)
@given(requests, st.data())
@settings(deadline=None)
def test_an_answer_is_accepted_whole_and_at_no_byte_less(
    framing: Framing, request_: Request, data: st.DataObject
) -> None:
    words = data.draw(st.binary(min_size=2 * request_.count, max_size=2 * request_.count))
    reply = encode_reply(framing, request_, words, 9)
    assert parse(framing, reply, request_, 9) == Words(words)
    assert parse(framing, reply + b"\x01\x02", request_, 9) == Words(words)
    shorter = data.draw(st.integers(0, len(reply) - 1))
    assert not isinstance(parse(framing, reply[:shorter], request_, 9), Words)


@pytest.mark.parametrize("framing", Framing)
@pytest.mark.parametrize("code", [*range(1, 12), 255])
def test_a_refusal_gives_its_code(framing: Framing, code: int) -> None:
    assert parse(framing, encode_exception(framing, REQUEST, code, 3), REQUEST, 3) == Refusal(code)


@pytest.mark.parametrize(
    ("pdu", "reason"),
    [
        ("02 04 04 449A5000", "unit 2 instead of 1"),
        ("01 03 04 449A5000", "function 3 instead of 4"),
        ("01 04 02 449A", "2 bytes instead of 4"),
        ("01 04 06 449A50000001", "6 bytes instead of 4"),
        ("01 04 05 449A500000", "5 bytes instead of 4"),
        ("01 83 02", "function 131 instead of 4"),
        ("02 84 02", "unit 2 instead of 1"),
    ],
    ids=lambda text: text,
)
@pytest.mark.parametrize("wrap", [rtu, tcp], ids=["rtu", "tcp"])
def test_a_whole_frame_that_is_not_the_answer_is_named_and_cut_off_exactly(
    pdu: str, reason: str, wrap: Callable[..., bytes]
) -> None:
    framing = Framing.RTU if wrap is rtu else Framing.TCP
    frame = wrap(pdu)
    verdict = parse(framing, frame + b"\x01", REQUEST, 1)
    assert isinstance(verdict, Foreign)
    assert (verdict.reason, verdict.consumed, verdict.kind) == (reason, len(frame), ForeignKind.REPLY)


@pytest.mark.parametrize(
    ("frame", "reason", "kind"),
    [
        (tcp("01 04 04 449A5000", 2), "transaction id 2 instead of 1", ForeignKind.REPLY),
        (bytes.fromhex("0001 0001 0007 010404449A5000"), "protocol id is not 0", ForeignKind.LOST_SYNC),
        (bytes.fromhex("0001 0000 0002 0104"), "header announces 2 bytes", ForeignKind.LOST_SYNC),
        (bytes.fromhex("0001 0000 00FF 01040404"), "header announces 255 bytes", ForeignKind.LOST_SYNC),
        (tcp("01 04 04 449A500000"), "byte count 4 before 5 bytes", ForeignKind.REPLY),
        (tcp("01 04 04 449A50"), "byte count 4 before 3 bytes", ForeignKind.REPLY),
        (tcp("01 84 02 00"), "function 132 instead of 4", ForeignKind.REPLY),
    ],
)
def test_a_wrong_tcp_header_is_named(frame: bytes, reason: str, kind: ForeignKind) -> None:
    verdict = parse(Framing.TCP, frame, REQUEST, 1)
    assert isinstance(verdict, Foreign)
    assert (verdict.reason, verdict.kind) == (reason, kind)


def test_a_damaged_answer_is_a_crc_error_and_not_a_value() -> None:
    reply = bytearray(encode_reply(Framing.RTU, REQUEST, WORDS))
    reply[4] ^= 0x40
    verdict = parse(Framing.RTU, bytes(reply), REQUEST)
    assert isinstance(verdict, Foreign)
    assert verdict.kind is ForeignKind.CRC


@pytest.mark.parametrize("arrived", [1, 2, 3, 4])
def test_the_beginning_of_an_answer_behind_a_damaged_one_is_kept(arrived: int) -> None:
    reply = encode_reply(Framing.RTU, REQUEST, WORDS)
    damaged = reply[:-1] + b"\0"
    verdict = parse(Framing.RTU, damaged + reply[:arrived], REQUEST)
    assert isinstance(verdict, Foreign)
    assert verdict.consumed == len(damaged)


@pytest.mark.parametrize("noise", [b"\0", b"\xff\xff", b"\x01", b"\x01\x04", b"\x01\x04\x04", b"\0" * 40])
def test_noise_before_an_answer_costs_no_answer(noise: bytes) -> None:
    buffer = noise + encode_reply(Framing.RTU, REQUEST, WORDS)
    verdict = parse(Framing.RTU, buffer, REQUEST)
    assert isinstance(verdict, Foreign)
    assert parse(Framing.RTU, buffer[verdict.consumed :], REQUEST) == Words(WORDS)


def test_the_echo_of_an_adapter_is_told_from_another_master() -> None:
    echo = encode_request(Framing.RTU, REQUEST)
    assert parse(Framing.RTU, echo, REQUEST).kind is ForeignKind.ECHO
    other = encode_request(Framing.RTU, Request(1, 4, 0x99, 2))
    verdict = parse(Framing.RTU, other, REQUEST)
    assert (verdict.kind, verdict.signature) == (ForeignKind.REQUEST, REQUEST.signature)


def test_a_request_of_another_master_behind_noise_is_still_seen() -> None:
    other = encode_request(Framing.RTU, Request(1, 4, 0x99, 2))
    buffer = b"\xff" + other + encode_reply(Framing.RTU, REQUEST, WORDS)
    verdict = parse(Framing.RTU, buffer, REQUEST)
    assert (verdict.kind, verdict.signature) == (ForeignKind.REQUEST, REQUEST.signature)


def test_stale_bytes_tell_who_asked_and_who_answered() -> None:
    stale = b"\x77" + encode_request(Framing.RTU, OTHER) + b"\0" + encode_reply(Framing.RTU, REQUEST, WORDS)
    assert OTHER.signature in requests_in(stale)
    assert REQUEST.signature in replies_in(stale)
    assert replies_in(encode_exception(Framing.RTU, OTHER, 2)) == (Signature(7, 3, 0),)


@pytest.mark.parametrize("framing", Framing)
@given(st.binary(max_size=600), requests)
@settings(deadline=None)
def test_whatever_comes_is_judged_without_an_exception_and_always_shrinks(
    framing: Framing, buffer: bytes, request_: Request
) -> None:
    while not isinstance(verdict := parse(framing, buffer, request_, 1), NeedMore | Words | Refusal):
        assert 1 <= verdict.consumed <= len(buffer)
        buffer = buffer[verdict.consumed :]


@given(st.binary(max_size=100))
@settings(deadline=None)
def test_the_readers_of_stale_bytes_never_fail(buffer: bytes) -> None:
    requests_in(buffer)
    replies_in(buffer)


@given(requests, requests, st.data())
@settings(deadline=None)
def test_an_answer_to_one_request_passes_for_another_only_if_their_signatures_are_equal(
    one: Request, other: Request, data: st.DataObject
) -> None:
    reply = encode_reply(
        Framing.RTU, one, data.draw(st.binary(min_size=2 * one.count, max_size=2 * one.count))
    )
    assert isinstance(parse(Framing.RTU, reply, other), Words) == (one.signature == other.signature)


@pytest.mark.parametrize(
    "bad",
    [
        (256, 3, 0, 1),
        (-1, 3, 0, 1),
        (1, 6, 0, 1),
        (1, 3, -1, 1),
        (1, 3, 65535, 2),
        (1, 3, 0, 126),
        (1, 3, 0, 0),
    ],
)
def test_an_impossible_request_cannot_be_made(bad: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"within|neither"):
        Request(*bad)


@pytest.mark.parametrize("framing", Framing)
@given(st.data())
@settings(deadline=None)
def test_what_is_taken_for_the_answer_at_a_glance_is_the_answer_in_full(
    framing: Framing, data: st.DataObject
) -> None:
    asked = Request(data.draw(st.integers(1, 3)), data.draw(st.sampled_from((3, 4))), 7, 2)
    prepared = PreparedRequest(framing, asked)
    assert prepared.frame(513) == encode_request(framing, asked, 513)
    came = Request(data.draw(st.integers(1, 3)), data.draw(st.sampled_from((3, 4))), 7, 2)
    words = data.draw(st.binary(min_size=2, max_size=6))
    chunk = bytearray(encode_reply(framing, came, words, data.draw(st.sampled_from((513, 514, 1)))))
    for place in data.draw(st.lists(st.integers(0, len(chunk) - 1), max_size=2)):
        chunk[place] ^= 1 << data.draw(st.integers(0, 7))
    chunk += data.draw(st.binary(max_size=1))
    glance, judged = prepared.words(bytes(chunk), 513), parse(framing, bytes(chunk), asked, 513)
    whole = isinstance(judged, Words) and len(chunk) == prepared.answer_bytes
    assert glance == (judged.words if isinstance(judged, Words) and whole else None)


def test_an_answer_is_known_at_a_glance() -> None:
    asked = Request(1, 3, 7, 2)
    for framing in Framing:
        answer = encode_reply(framing, asked, b"abcd", 513)
        assert PreparedRequest(framing, asked).words(answer, 513) == b"abcd"
        assert PreparedRequest(framing, asked).words(answer[:-1], 513) is None
        assert PreparedRequest(framing, asked).words(b"", 513) is None
