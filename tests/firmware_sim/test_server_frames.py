"""Requests out of byte streams, checked against the frames of the driver, which shares no code with them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.link.verdict import Framing, Request
from drivers.modbus.frame import encode_request
from firmware_sim.server_frames import (
    STREAM_BYTES_MAX,
    GarbageError,
    RequestStream,
    ServerRequest,
    answer_pdu,
    to_frame,
)
from tests.drivers.frames import encode_exception, encode_reply

REQUESTS = st.builds(
    Request,
    unit_id=st.integers(1, 247),
    function=st.sampled_from([3, 4]),
    address=st.integers(0, 0xFF00),
    count=st.integers(1, 125),
)
FRAMINGS = st.sampled_from(Framing)


def asked(request: ServerRequest) -> tuple[int, ...]:
    return (request.unit_id, request.function, request.address, request.count, request.refusal)


@settings(deadline=None)
@given(requests=st.lists(REQUESTS, max_size=4), framing=FRAMINGS, cut=st.integers(1, 9))
def test_requests_are_found_however_they_are_cut(requests: list[Request], framing: Framing, cut: int) -> None:
    data = b"".join(encode_request(framing, request, i) for i, request in enumerate(requests))
    stream = RequestStream(rtu=framing is Framing.RTU)
    found = [request for i in range(0, len(data), cut) for request in stream.feed(data[i : i + cut])]
    assert [asked(request) for request in found] == [
        (request.unit_id, request.function, request.address, request.count, 0) for request in requests
    ]
    assert not stream.pending
    if framing is Framing.TCP:
        assert [request.transaction_id for request in found] == list(range(len(requests)))


@settings(deadline=None)
@given(noise=st.binary(max_size=40), request=REQUESTS)
def test_noise_before_a_request_on_a_serial_line_hides_nothing_after_a_quiet_line(
    noise: bytes, request: Request
) -> None:
    stream = RequestStream(rtu=True)
    stream.feed(noise)
    stream.clear()
    (found,) = stream.feed(encode_request(Framing.RTU, request))
    assert asked(found)[:4] == (request.unit_id, request.function, request.address, request.count)


@pytest.mark.parametrize("noise", [b"\0", b"\xff\xff", b"\x02\x04", b"\x02\x83\x02", b"\x01\x01\x00"])
def test_a_request_right_behind_noise_is_found(noise: bytes) -> None:
    (found,) = RequestStream(rtu=True).feed(noise + encode_request(Framing.RTU, Request(2, 4, 0, 20)))
    assert asked(found) == (2, 4, 0, 20, 0)


@settings(deadline=None)
@given(data=st.binary(max_size=600), rtu=st.booleans())
def test_no_bytes_upset_a_stream(data: bytes, rtu: bool) -> None:
    stream = RequestStream(rtu=rtu)
    try:
        found = stream.feed(data)
    except GarbageError:
        assert not rtu
    else:
        assert all(0 <= request.unit_id <= 255 for request in found)


def test_a_flood_without_a_request_is_forgotten() -> None:
    stream = RequestStream(rtu=True)
    stream.feed(bytes(STREAM_BYTES_MAX + 1))
    assert not stream.pending


@pytest.mark.parametrize("header", [b"\0\1\0\1\0\6", b"\0\1\0\0\0\1", b"\0\1\0\0\1\0"])
def test_a_stream_that_is_no_modbus_tcp_is_refused(header: bytes) -> None:
    with pytest.raises(GarbageError):
        RequestStream(rtu=False).feed(header + bytes(6))


@pytest.mark.parametrize(
    ("pdu", "refusal"),
    [
        (bytes((3, 0, 0, 0, 0)), 3),  # no register
        (bytes((4, 0, 0, 0, 126)), 3),  # too many
        (bytes((6, 0, 0, 0, 1)), 1),  # a write
        (bytes((1, 0, 0, 0, 1)), 1),  # coils
        (bytes((0x65, 0, 0, 0, 1)), 1),  # nobody knows
    ],
)
def test_requests_that_no_meter_can_serve_are_marked(pdu: bytes, refusal: int) -> None:
    (found,) = RequestStream(rtu=False).feed(to_frame(9, 77, pdu, rtu=False))
    assert (found.unit_id, found.transaction_id, found.function, found.refusal) == (9, 77, pdu[0], refusal)


@settings(deadline=None)
@given(request=REQUESTS, framing=FRAMINGS, data=st.data())
def test_answers_are_the_frames_that_the_driver_would_make(
    request: Request, framing: Framing, data: bytes
) -> None:
    words = data.draw(st.binary(min_size=2 * request.count, max_size=2 * request.count))
    code = data.draw(st.integers(1, 255))
    rtu = framing is Framing.RTU
    answer = to_frame(request.unit_id, 5, answer_pdu(request.function, words), rtu=rtu)
    assert answer == encode_reply(framing, request, words, 5)
    refusal = to_frame(request.unit_id, 5, answer_pdu(request.function, code), rtu=rtu)
    assert refusal == encode_exception(framing, request, code, 5)
