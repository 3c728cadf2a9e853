"""Modbus frames as bytes, and the strict judgement whether bytes are the answer to a request.

Two framings (Modbus over Serial Line V1.02, section 2.5; Modbus Messaging on TCP/IP V1.0b, section
3.1.3):

    RTU   unit_id · PDU · CRC-16, low byte first
    TCP   transaction id (2) · protocol id 0 (2) · length of what follows (2) · unit_id · PDU

An answer to "read `count` registers" is accepted only if the unit, the function, the byte count
(exactly 2 × `count`) and the CRC or the header all fit. Everything else is `Foreign`: it is cut off
and named, and never becomes a value. An RTU answer carries no address, so two requests of one
`Signature` cannot be told apart by their answers; keeping them apart in time is the work of
`drivers.ledger`.

Pure: bytes in, verdict out; whatever the bytes are, no exception is raised.
"""

from enum import StrEnum
from typing import Final

from attrs import frozen

FUNCTIONS: Final = frozenset({3, 4})
"""Read holding registers, read input registers: the driver never writes."""
ADDRESS_MAX: Final = 0xFFFF
COUNT_MAX: Final = 125
"""Most registers of one answer (Modbus Application Protocol V1.1b3, section 6.3)."""
UNIT_ID_MAX: Final = 255
"""What the field can hold. Meters have 1 to 247; 0 and 255 name a TCP device itself."""
RTU_FRAME_BYTES_MAX: Final = 256
MBAP_BYTES: Final = 7
MBAP_LENGTH_MIN: Final = 3
MBAP_LENGTH_MAX: Final = 254
"""Unit and at least two bytes of PDU; unit and at most 253."""

_EXCEPTION_BIT: Final = 0x80
_RTU_REQUEST_BYTES: Final = 8
_RTU_EXCEPTION_BYTES: Final = 5
_RTU_OVERHEAD_BYTES: Final = 5
_CRC_BYTES: Final = 2
_COUNTED_FUNCTIONS: Final = frozenset({1, 2, 3, 4})
"""Answers that say their length in the third byte."""
_FIXED_FUNCTIONS: Final = frozenset({5, 6, 15, 16})
"""Writes: their answers have 8 bytes."""


class Framing(StrEnum):
    """How a PDU is wrapped."""

    RTU = "rtu"
    TCP = "tcp"


class ForeignKind(StrEnum):
    """What bytes are that are not the answer."""

    NOISE = "noise"
    CRC = "crc"
    ECHO = "echo"
    REPLY = "reply"
    REQUEST = "request"
    LOST_SYNC = "lost sync"


@frozen
class Signature:
    """All that an RTU answer says of its request: two requests with one signature can be confused."""

    unit_id: int
    function: int
    count: int


@frozen
class Request:
    """A read of `count` registers from the zero-based PDU address `address`."""

    unit_id: int
    function: int
    address: int
    count: int

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.unit_id <= UNIT_ID_MAX:
            raise ValueError(f"unit_id {self.unit_id} is not within 0..{UNIT_ID_MAX}")
        if self.function not in FUNCTIONS:
            raise ValueError(f"function {self.function} is neither 3 nor 4")
        if not 1 <= self.count <= COUNT_MAX:
            raise ValueError(f"count {self.count} is not within 1..{COUNT_MAX}")
        if not 0 <= self.address <= ADDRESS_MAX + 1 - self.count:
            raise ValueError(f"registers {self.address}+{self.count} are not within 0..{ADDRESS_MAX}")

    @property
    def signature(self) -> Signature:
        """What an answer to this request can be recognised by."""
        return Signature(self.unit_id, self.function, self.count)


@frozen
class NeedMore:
    """The bytes so far may become the answer."""


@frozen
class Words:
    """The answer: the registers as on the wire."""

    words: bytes


@frozen
class Refused:
    """The meter answered with a Modbus exception."""

    code: int


@frozen
class Foreign:
    """The first `consumed` bytes are not the answer.

    Attributes:
        reason: Why, in short English words.
        consumed: How many bytes to cut off, at least 1.
        kind: What they are.
        signature: Whose reply or request they are, where they are one whole frame.
    """

    reason: str
    consumed: int
    kind: ForeignKind = ForeignKind.NOISE
    signature: Signature | None = None


Verdict = NeedMore | Words | Refused | Foreign

_NEED_MORE: Final = NeedMore()


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC_TABLE: Final = _crc_table()


def crc16(data: bytes) -> bytes:
    """The CRC of a serial frame, low byte first (Modbus over Serial Line V1.02, section 6.2.2)."""
    crc = 0xFFFF
    table = _CRC_TABLE
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


def encode_request(framing: Framing, request: Request, transaction_id: int = 0) -> bytes:
    """The frame to send."""
    pdu = bytes((request.function,)) + request.address.to_bytes(2) + request.count.to_bytes(2)
    return _wrap(framing, request.unit_id, pdu, transaction_id)


def encode_reply(framing: Framing, request: Request, words: bytes, transaction_id: int = 0) -> bytes:
    """The frame of an answer that carries `words`, right or wrong: golden frames and tests need both."""
    pdu = bytes((request.function, len(words))) + words
    return _wrap(framing, request.unit_id, pdu, transaction_id)


def encode_exception(framing: Framing, request: Request, code: int, transaction_id: int = 0) -> bytes:
    """The frame of a refusal."""
    pdu = bytes((request.function | _EXCEPTION_BIT, code))
    return _wrap(framing, request.unit_id, pdu, transaction_id)


def _wrap(framing: Framing, unit_id: int, pdu: bytes, transaction_id: int) -> bytes:
    adu = bytes((unit_id,)) + pdu
    if framing is Framing.TCP:
        return transaction_id.to_bytes(2) + b"\0\0" + len(adu).to_bytes(2) + adu
    return adu + crc16(adu)


def parse(framing: Framing, buffer: bytes, request: Request, transaction_id: int = 0) -> Verdict:
    """What the received bytes are with regard to `request`.

    After `Foreign`, cut `consumed` bytes off and ask again. Bytes behind an accepted answer are left
    alone.
    """
    if not buffer:
        return _NEED_MORE
    if framing is Framing.TCP:
        return _parse_tcp(buffer, request, transaction_id)
    return _parse_rtu(buffer, request)


def _parse_tcp(buffer: bytes, request: Request, transaction_id: int) -> Verdict:
    if any(buffer[2:4]):
        return Foreign("protocol id is not 0", len(buffer), ForeignKind.LOST_SYNC)
    if len(buffer) < MBAP_BYTES:
        return _NEED_MORE
    length = int.from_bytes(buffer[4:6])
    if not MBAP_LENGTH_MIN <= length <= MBAP_LENGTH_MAX:
        return Foreign(f"header announces {length} bytes", len(buffer), ForeignKind.LOST_SYNC)
    end = MBAP_BYTES - 1 + length
    if len(buffer) < end:
        return _NEED_MORE
    adu = buffer[MBAP_BYTES - 1 : end]
    got = int.from_bytes(buffer[:2])
    if got != transaction_id:
        reason = f"transaction id {got} instead of {transaction_id}"
        return Foreign(reason, end, ForeignKind.REPLY, _reply_signature(adu))
    return _judge(adu, request, end)


def _judge(adu: bytes, request: Request, consumed: int) -> Verdict:
    """Whether a whole, undamaged frame (unit_id and PDU) is the answer."""
    unit_id, function = adu[0], adu[1]
    if unit_id != request.unit_id:
        reason = f"unit {unit_id} instead of {request.unit_id}"
    elif function == request.function | _EXCEPTION_BIT and len(adu) == 3:
        return Refused(adu[2])
    elif function != request.function:
        reason = f"function {function} instead of {request.function}"
    elif adu[2] != len(adu) - 3:
        reason = f"byte count {adu[2]} before {len(adu) - 3} bytes"
    elif adu[2] != 2 * request.count:
        reason = f"{adu[2]} bytes instead of {2 * request.count}"
    else:
        return Words(adu[3:])
    return Foreign(reason, consumed, ForeignKind.REPLY, _reply_signature(adu))


def _reply_signature(adu: bytes) -> Signature | None:
    """Whose answer a whole frame is; a refusal has count 0, because it does not say."""
    function = adu[1] & ~_EXCEPTION_BIT
    if function not in FUNCTIONS:
        return None
    if adu[1] & _EXCEPTION_BIT:
        return Signature(adu[0], function, 0)
    return Signature(adu[0], function, adu[2] // 2)


def _parse_rtu(buffer: bytes, request: Request) -> Verdict:
    frame = _whole_rtu_frame(buffer)
    if frame is None:
        return _skip_damage(buffer, request)
    if _is_request(frame):
        return _judge_request(frame, request)
    return _judge(frame[:-_CRC_BYTES], request, len(frame))


def _whole_rtu_frame(buffer: bytes) -> bytes | None:
    """The frame of any known shape that `buffer` begins with and whose CRC fits."""
    for length in _rtu_lengths(buffer):
        if len(buffer) >= length and crc16(buffer[: length - 2]) == buffer[length - 2 : length]:
            return buffer[:length]
    return None


def _rtu_lengths(buffer: bytes) -> tuple[int, ...]:
    if len(buffer) < _RTU_OVERHEAD_BYTES:
        return ()
    function = buffer[1]
    if function & _EXCEPTION_BIT:
        return (_RTU_EXCEPTION_BYTES,)
    if function in _COUNTED_FUNCTIONS:
        return (_RTU_OVERHEAD_BYTES + buffer[2], _RTU_REQUEST_BYTES)
    return (_RTU_REQUEST_BYTES,) if function in _FIXED_FUNCTIONS else ()


def _is_request(frame: bytes) -> bool:
    """Eight bytes with function 3 or 4: as an answer they would hold one and a half registers."""
    return len(frame) == _RTU_REQUEST_BYTES and frame[1] in FUNCTIONS


def _judge_request(frame: bytes, request: Request) -> Verdict:
    if frame == encode_request(Framing.RTU, request):
        return Foreign("echo of the request", len(frame), ForeignKind.ECHO)
    signature = Signature(frame[0], frame[1], int.from_bytes(frame[4:6]))
    reason = "odd byte count 3 or another master" if frame[2] == 3 else "request of another master"
    return Foreign(reason, len(frame), ForeignKind.REQUEST, signature)


def _skip_damage(buffer: bytes, request: Request) -> Verdict:
    """`buffer` does not begin with a whole frame: wait, or cut off what cannot become the answer.

    Noise must cost no answer, so a whole answer further on is looked for before anything is waited for.
    """
    heads = (
        bytes((request.unit_id, request.function, 2 * request.count)),
        bytes((request.unit_id, request.function | _EXCEPTION_BIT)),
    )
    lengths = (_RTU_OVERHEAD_BYTES + 2 * request.count, _RTU_EXCEPTION_BYTES)
    for head, length in zip(heads, lengths, strict=True):
        at = buffer.find(head, 1)
        while at > 0:
            if len(buffer) >= at + length and _whole_rtu_frame(buffer[at:]) is not None:
                return Foreign("noise before a frame", at)
            at = buffer.find(head, at + 1)
    if len(buffer) < _RTU_REQUEST_BYTES:
        return _NEED_MORE  # it could still be another master's request
    damaged = [
        n for n, head in zip(lengths, heads, strict=True) if buffer.startswith(head) and len(buffer) >= n
    ]
    if damaged:
        return Foreign("CRC does not fit", _next_head(buffer, heads), ForeignKind.CRC)
    if len(buffer) > RTU_FRAME_BYTES_MAX:
        return Foreign("noise", _next_head(buffer, heads))
    return _NEED_MORE


def _next_head(buffer: bytes, heads: tuple[bytes, ...]) -> int:
    """Where the next possible answer begins, or the end."""
    found = [at for head in heads if (at := buffer.find(head, 1)) > 0]
    return min(found, default=len(buffer))


def requests_in(buffer: bytes) -> tuple[Signature, ...]:
    """Requests of another master within bytes that nobody had asked for (RTU)."""
    found = []
    for at in range(len(buffer) - _RTU_REQUEST_BYTES + 1):
        frame = buffer[at : at + _RTU_REQUEST_BYTES]
        if frame[1] in FUNCTIONS and crc16(frame[:-_CRC_BYTES]) == frame[-_CRC_BYTES:]:
            found.append(Signature(frame[0], frame[1], int.from_bytes(frame[4:6])))
    return tuple(found)
