"""Interprets the bytes after one probe of a search, a read of one register of one unit.

| what came | sign |
|---|---|
| nothing | SILENT |
| the answer, a refusal | ANSWERS, REFUSES |
| exception 5 or 6 | BUSY: a meter, or a gateway for it, asks for time |
| exception 10 or 11 of a TCP gateway | GATEWAY: it is there, the meter is not |
| end of file or RST | HUNG_UP: as some gateways do for an absent meter, or where they have no room |
| the right answer with a foreign transaction id | FOREIGN_ID: a converter that does not copy it |
| two answers, or the answer's head with a wrong CRC | GARBLED: two meters with one address |
| a whole frame of others | OTHERS: the setting is right, another master is at work |
| only our own request | ECHO: the adapter receives what it sends |
| zeros | BREAK: the wire rests at the wrong level, as with A and B swapped |
| a whole frame, every bit inverted | INVERTED: A and B swapped behind an isolator |
| bytes of one parity, and zeros for the others | PARITY: a UART gives 0 for what has the wrong parity |
| any other bytes | UNFRAMED: wrong baud rate or parity, or noise |

Pure: bytes in, sign out.
"""

from enum import StrEnum
from typing import Final

from attrs import frozen

from drivers.link.verdict import GATEWAY_EXCEPTIONS, Foreign, ForeignKind, Framing, NeedMore, Request, Words
from drivers.modbus.frame import MBAP_BYTES, MBAP_LENGTH_MAX, MBAP_LENGTH_MIN, parse
from drivers.modbus.rtu import replies_in, requests_in
from drivers.modbus.transaction import OVERHEAD_BYTES

HINT_BYTES: Final = 6
"""Fewer bytes than this match any pattern by chance."""
BREAK_SHARE: Final = 0.9


class Sign(StrEnum):
    """What came back from one probe: see the table above."""

    SILENT = "silent"
    ANSWERS = "answers"
    REFUSES = "refuses"
    GATEWAY = "gateway"
    BUSY = "busy"
    HUNG_UP = "hung_up"
    FOREIGN_ID = "foreign_id"
    GARBLED = "garbled"
    OTHERS = "others"
    ECHO = "echo"
    BREAK = "break"
    INVERTED = "inverted"
    PARITY = "parity"
    UNFRAMED = "unframed"


BUSY_EXCEPTIONS: Final = frozenset({5, 6})
"""Acknowledge and Server Device Busy (Modbus Application Protocol V1.1b3, section 7): ask again."""
LIFE: Final = frozenset({Sign.ANSWERS, Sign.REFUSES, Sign.GARBLED, Sign.FOREIGN_ID})
"""A meter is there."""
FRAMED: Final = LIFE | {Sign.OTHERS}
"""The setting of the bus is right."""


@frozen
class ProbeResult:
    """What one probe showed.

    Attributes:
        sign: What it means for the unit that was probed.
        others: Units whose replies came although this probe was not for them.
        size: How many bytes came.
        code: Of the exception.
    """

    sign: Sign
    others: tuple[int, ...] = ()
    size: int = 0
    code: int = 0


def judge_bytes(framing: Framing, request: Request, data: bytes, transaction_id: int = 0) -> ProbeResult:
    """What all bytes that came after `request` mean."""
    answers: list[Sign] = []
    code = 0
    kinds: set[ForeignKind] = set()
    units: list[int] = []
    rest = data
    while rest:
        verdict = parse(framing, rest, request, transaction_id)
        if isinstance(verdict, NeedMore):
            break
        if isinstance(verdict, Foreign):
            kinds.add(verdict.kind)
            if verdict.kind is ForeignKind.REPLY and verdict.signature is not None:
                units.append(verdict.signature.unit_id)
            rest = rest[verdict.consumed :]
        elif isinstance(verdict, Words):
            answers.append(Sign.ANSWERS)
            rest = rest[OVERHEAD_BYTES[framing] + len(verdict.words) :]
        else:
            code = verdict.code
            answers.append(judge_code(code))
            rest = rest[OVERHEAD_BYTES[framing] :]
    if answers:
        sign = answers[0] if len(answers) == 1 else Sign.GARBLED
    else:
        sign = _judge_without_answer(framing, request, data, rest, kinds)
    return ProbeResult(sign, tuple(unit for unit in units if unit != request.unit_id), len(data), code)


def judge_code(code: int) -> Sign:
    """What an exception means."""
    if code in BUSY_EXCEPTIONS:
        return Sign.BUSY
    return Sign.GATEWAY if code in GATEWAY_EXCEPTIONS else Sign.REFUSES


def _judge_without_answer(
    framing: Framing, request: Request, data: bytes, rest: bytes, kinds: set[ForeignKind]
) -> Sign:
    if not data:
        return Sign.SILENT
    if framing is Framing.TCP:
        if ForeignKind.LOST_SYNC in kinds:
            return Sign.UNFRAMED
        return Sign.ECHO if ForeignKind.ECHO in kinds else Sign.SILENT
    head = bytes((request.unit_id, request.function))
    if ForeignKind.CRC in kinds or (rest.startswith(head) and len(rest) >= HINT_BYTES):
        return Sign.GARBLED
    if kinds & {ForeignKind.REPLY, ForeignKind.REQUEST}:
        return Sign.OTHERS
    if ForeignKind.ECHO in kinds and not rest:
        return Sign.ECHO
    return _judge_shape(rest or data)


def _judge_shape(data: bytes) -> Sign:
    """What bytes without a frame look like."""
    if data.count(0) >= BREAK_SHARE * len(data):
        return Sign.BREAK
    inverted = bytes(byte ^ 0xFF for byte in data)
    if requests_in(inverted) or replies_in(inverted):
        return Sign.INVERTED
    parities = [byte.bit_count() % 2 for byte in data if byte]
    if HINT_BYTES <= len(parities) < len(data) and len(set(parities)) == 1:
        return Sign.PARITY
    return Sign.UNFRAMED


def split_frames(data: bytes) -> tuple[list[bytes], bytes]:
    """The whole Modbus TCP frames that `data` begins with, and the rest; bytes of no frame are dropped."""
    frames: list[bytes] = []
    while len(data) >= MBAP_BYTES:
        size = int.from_bytes(data[4:6])
        if any(data[2:4]) or not MBAP_LENGTH_MIN <= size <= MBAP_LENGTH_MAX:
            return frames, b""
        end = MBAP_BYTES - 1 + size
        if len(data) < end:
            break
        frames.append(data[:end])
        data = data[end:]
    return frames, data
