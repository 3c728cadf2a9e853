"""What DL/T 645 meters answer, what else is on the line, and what its bytes mean."""

from typing import Final

from drivers.dlt645.codec import Data, ReadId, Refusal, encode_read, parse, signatures_in
from drivers.link.verdict import Foreign, NeedMore
from drivers.points import model as models
from drivers.points import registers
from drivers.points.registers import DLT645_TYPES, RegisterType
from tests.drivers.frames import encode_answer, encode_refusal
from tests.fuzz.target import Target

METER: Final = "123456789012"
COUNTS: Final = (1, 2, 6, 12, 32, 196)
PREAMBLE: Final = b"\xfe"


def _read(raw: bytes) -> ReadId:
    return ReadId("A" * 12 if raw[0] % 2 else METER, 0x02010000 + raw[0], COUNTS[raw[1] % len(COUNTS)])


def _replies(raw: bytes) -> None:
    """Cut off what is foreign, as the bus does, until an answer is found or more is waited for."""
    if len(raw) < 2:
        return
    read, buffer = _read(raw), raw[2:]
    while isinstance(verdict := parse(buffer, read), Foreign):
        assert 1 <= verdict.consumed <= len(buffer), "an unread byte was cut off, or none"
        buffer = buffer[verdict.consumed :]
    if isinstance(verdict, Data):
        assert len(verdict.data) == read.count
        frame = encode_answer(verdict.meter, read.data_id, verdict.data)
        got = buffer[: verdict.size].lstrip(PREAMBLE)
        assert got in {frame, _with_more(frame)}
    elif isinstance(verdict, Refusal):
        end = encode_refusal(METER, verdict.code)[8:-2]
        assert buffer[: verdict.size].endswith(end, 0, verdict.size - 2)
    else:
        assert isinstance(verdict, NeedMore)


def _with_more(frame: bytes) -> bytes:
    """The same answer saying that more could be asked for: control code B1 for 91."""
    body = frame[:8] + b"\xb1" + frame[9:-2]
    return body + bytes((sum(body) % 256, 0x16))


def _reply_seeds() -> list[bytes]:
    seeds = []
    for at, count in enumerate(COUNTS):
        head = bytes((at, at))
        read = _read(head)
        answer = encode_answer(METER, read.data_id, bytes(range(count)))
        parts = (
            PREAMBLE * 4 + answer,
            _with_more(answer),
            encode_refusal(METER, 2),
            encode_read(METER, read.data_id) + answer,
            b"\x68\xff" + answer,
            answer[:-1],
        )
        seeds += [head + part for part in parts]
    return seeds


def _golden_replies() -> list[bytes]:
    known = (models.load(name) for name in models.names())
    return [golden.response for model in known if model.is_dlt645 for golden in model.goldens]


def _listening(raw: bytes) -> None:
    """Bytes that nobody asked for."""
    assert len(list(signatures_in(raw))) <= len(raw)


def _values(raw: bytes) -> None:
    """Bytes to a value and back, in every type."""
    for kind in DLT645_TYPES:
        value = registers.decode(raw, kind)
        if value is None:
            continue
        back = registers.encode(value, kind, size_bytes=len(raw))
        assert registers.decode(back, kind) == value
        exact = kind in {RegisterType.BCD, RegisterType.BCD_TEXT}
        assert back == raw or not exact


TARGETS: Final = (
    Target("dlt645", _replies, _reply_seeds, 600),
    Target("dlt645 listening", _listening, _golden_replies, 1_024),
    Target("dlt645 values", _values, _golden_replies, 64),
)
