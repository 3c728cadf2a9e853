"""What meters answer, and what else is on the line."""

import math
from itertools import pairwise
from typing import Final

from drivers.link.verdict import Foreign, Framing, NeedMore, Refusal, Request, Words
from drivers.modbus.frame import encode_request, parse
from drivers.modbus.rtu import replies_in, requests_in
from drivers.points import model as models
from drivers.points import registers
from drivers.points.registers import RegisterType, WordOrder
from drivers.reading import Block
from tests.drivers.frames import encode_exception, encode_reply
from tests.fuzz.target import Target

COUNTS: Final = (1, 2, 3, 40, 80, 125)
HEAD_BYTES: Final = 4
"""Of each input: unit, function, address and count of the request, its transaction id."""


def _request(raw: bytes) -> tuple[Request, int]:
    unit, function, address, count = raw[:HEAD_BYTES]
    return Request(unit, 3 + function % 2, address, COUNTS[count % len(COUNTS)]), address


def _replies(framing: Framing, raw: bytes) -> None:
    """Cut off what is foreign, as the bus does, until an answer is found or more is waited for."""
    if len(raw) < HEAD_BYTES:
        return
    (request, transaction), buffer = _request(raw), raw[HEAD_BYTES:]
    while True:
        verdict = parse(framing, buffer, request, transaction)
        if isinstance(verdict, Foreign):
            assert 1 <= verdict.consumed <= len(buffer), "an unread byte was cut off, or none"
            buffer = buffer[verdict.consumed :]
            continue
        break
    if isinstance(verdict, Words):
        assert len(verdict.words) == 2 * request.count
        assert buffer.startswith(encode_reply(framing, request, verdict.words, transaction))
    elif isinstance(verdict, Refusal):
        assert buffer.startswith(encode_exception(framing, request, verdict.code, transaction))
    else:
        assert isinstance(verdict, NeedMore)


def _reply_seeds(framing: Framing) -> list[bytes]:
    seeds = []
    for at, count in enumerate(COUNTS):
        head = bytes((7, 1, 9, at))
        request, transaction = _request(head)
        answer = encode_reply(framing, request, bytes(range(2 * count))[: 2 * count], transaction)
        asked = encode_request(framing, request, transaction)
        refusal = encode_exception(framing, request, 2, transaction)
        seeds += [head + part for part in (answer, refusal, asked + answer, b"\0\xff" + answer, answer[:-1])]
    return seeds


def golden_replies() -> list[bytes]:
    """The answers of real meters that the shipped models carry."""
    return [golden.response for name in models.names() for golden in models.load(name).goldens]


def _listening(raw: bytes) -> None:
    """Bytes that nobody asked for."""
    assert len(requests_in(raw)) <= len(raw)
    assert len(replies_in(raw)) <= len(raw)


def _registers(raw: bytes) -> None:
    """Words to a value and back, in every type."""
    for kind in RegisterType:
        words = raw[: 2 * (registers.word_count(kind) or len(raw) // 2)]
        for order in WordOrder:
            try:
                value = registers.decode(words, kind, order)
            except ValueError:
                assert len(words) != 2 * registers.word_count(kind)
                continue
            if value is None:
                continue
            assert isinstance(value, str) or math.isfinite(value)
            if kind is not RegisterType.TEXT and not registers.word_count(kind):
                continue  # it has no registers: its length is another protocol's
            back = registers.encode(value, kind, order, len(words) // 2)
            assert registers.decode(back, kind, order) == value
            if kind is not RegisterType.TEXT:
                assert back == words


def _decoded(raw: bytes) -> None:
    """Words that passed every check, as the values of each shipped model."""
    for name in models.names():
        model = models.load(name)
        blocks = [Block(point.function, point.address, raw[: point.count * 2]) for point in model.points[:3]]
        blocks += [Block(function, 0, raw[: len(raw) // 2 * 2]) for function in (3, 4)]
        values = model.decode(blocks, 40.0, 1.0)
        assert all(isinstance(value, str) or math.isfinite(value) for value in values.values())


def _word_seeds() -> list[bytes]:
    edges = (b"\x7f\xc0\0\0", b"\x7f\x80\0\0", b"\x80\0\0\0", b"\xff\xff\xff\xff", b"SDM630\0\0", b"\0" * 8)
    return [*edges, *(a + b for a, b in pairwise(edges))]


TARGETS: Final = (
    Target("rtu", lambda raw: _replies(Framing.RTU, raw), lambda: _reply_seeds(Framing.RTU), 600),
    Target("tcp", lambda raw: _replies(Framing.TCP, raw), lambda: _reply_seeds(Framing.TCP), 600),
    Target("listening", _listening, golden_replies, 1_024),
    Target("registers", _registers, _word_seeds, 64),
    Target("values", _decoded, golden_replies, 256),
)
