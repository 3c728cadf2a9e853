"""Frames on a serial bus: unit_id, PDU, CRC-16 with its low byte first.

Only silences show where a frame begins on a serial bus, and those do not survive USB adapters and TCP
gateways. So a frame is found by its shape and its CRC: noise before an answer does not lose it, a
damaged answer is no answer, and the requests of other masters are recognised.

Pure: bytes in, verdict out; whatever the bytes are, no exception is raised.
"""

import functools
import struct
from array import array
from collections.abc import Iterator
from typing import Final

from drivers.link.verdict import (
    EXCEPTION_BIT,
    FUNCTIONS,
    NEED_MORE,
    Foreign,
    ForeignKind,
    Request,
    Signature,
    Verdict,
    judge,
    reply_signature,
)

FRAME_BYTES_MAX: Final = 256
"""Longest serial frame (Modbus over Serial Line V1.02, section 2.5.1)."""

_REQUEST_BYTES: Final = 8
_EXCEPTION_BYTES: Final = 5
_OVERHEAD_BYTES: Final = 5
_CRC_BYTES: Final = 2
_COUNTED_FUNCTIONS: Final = frozenset({1, 2, 3, 4})
"""Functions whose answers have their length in the third byte."""
_FIXED_FUNCTIONS: Final = frozenset({5, 6, 15, 16})
"""Writes: their answers have 8 bytes."""


def _make_crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC_TABLE: Final = _make_crc_table()


@functools.cache
def _make_crc_pairs() -> "array[int]":
    """The table for two bytes at once, 128 KiB: half the steps. Made when a serial bus is first used."""
    low = [(_CRC_TABLE[byte] >> 8) ^ _CRC_TABLE[_CRC_TABLE[byte] & 0xFF] for byte in range(256)]
    return array("H", [one ^ other for other in _CRC_TABLE for one in low])


def crc16(data: bytes) -> bytes:
    """The CRC of a serial frame, low byte first (Modbus over Serial Line V1.02, section 6.2.2)."""
    crc = 0xFFFF
    pairs = _make_crc_pairs()
    even = len(data) & ~1
    for pair in struct.unpack_from(f"<{even >> 1}H", data):
        crc = pairs[crc ^ pair]
    if even < len(data):
        crc = (crc >> 8) ^ _CRC_TABLE[(crc ^ data[even]) & 0xFF]
    return crc.to_bytes(2, "little")


def wrap(adu: bytes) -> bytes:
    """A serial frame: unit and PDU with their CRC."""
    return adu + crc16(adu)


def parse_rtu(buffer: bytes, request: Request) -> Verdict:
    """Judge the received bytes, at least one, as an answer to `request`."""
    frame = _whole_frame(buffer)
    if frame is None:
        return _skip_damage(buffer, request)
    if _is_request(frame):
        return _judge_request(frame, request)
    return judge(frame[:-_CRC_BYTES], request, len(frame))


def _whole_frame(buffer: bytes) -> bytes | None:
    """The frame of any known shape that `buffer` begins with and whose CRC fits."""
    for length in _lengths(buffer):
        if len(buffer) >= length and crc16(buffer[: length - 2]) == buffer[length - 2 : length]:
            return buffer[:length]
    return None


def _lengths(buffer: bytes) -> tuple[int, ...]:
    if len(buffer) < _OVERHEAD_BYTES:
        return ()
    function = buffer[1]
    if function & EXCEPTION_BIT:
        return (_EXCEPTION_BYTES,)
    if function in _COUNTED_FUNCTIONS:
        return (_OVERHEAD_BYTES + buffer[2], _REQUEST_BYTES)
    return (_REQUEST_BYTES,) if function in _FIXED_FUNCTIONS else ()


def _is_request(frame: bytes) -> bool:
    """Eight bytes with function 3 or 4: as an answer they would hold one and a half registers."""
    return len(frame) == _REQUEST_BYTES and frame[1] in FUNCTIONS


def _judge_request(frame: bytes, request: Request) -> Verdict:
    if frame == wrap(request.adu):
        return Foreign("echo of the request", len(frame), ForeignKind.ECHO)
    signature = Signature(frame[0], frame[1], int.from_bytes(frame[4:6]))
    reason = "odd byte count 3 or another master" if frame[2] == 3 else "request of another master"
    return Foreign(reason, len(frame), ForeignKind.REQUEST, signature)


def _skip_damage(buffer: bytes, request: Request) -> Verdict:
    """`buffer` does not begin with a whole frame: wait, or cut off what cannot become the answer.

    Noise must not lose an answer, so look for a whole answer further on before waiting for more.
    """
    heads = (
        bytes((request.unit_id, request.function, 2 * request.count)),
        bytes((request.unit_id, request.function | EXCEPTION_BIT)),
    )
    lengths = (_OVERHEAD_BYTES + 2 * request.count, _EXCEPTION_BYTES)
    for head, length in zip(heads, lengths, strict=True):
        at = buffer.find(head, 1)
        while at > 0:
            if len(buffer) >= at + length and _whole_frame(buffer[at:]) is not None:
                return _judge_noise(buffer[:at], request)
            at = buffer.find(head, at + 1)
    if len(buffer) < _REQUEST_BYTES:
        return NEED_MORE  # it could still be another master's request
    damaged = [
        n for n, head in zip(lengths, heads, strict=True) if buffer.startswith(head) and len(buffer) >= n
    ]
    if damaged:
        return Foreign("CRC does not fit", _next_head(buffer, heads), ForeignKind.CRC)
    if len(buffer) > FRAME_BYTES_MAX:
        return Foreign("noise", _next_head(buffer, heads))
    return NEED_MORE


def _judge_noise(noise: bytes, request: Request) -> Foreign:
    """Noise before an answer; if it has another master's request, the answer is to that."""
    if request.signature in requests_in(noise.replace(wrap(request.adu), b"")):
        return Foreign("request of another master", len(noise), ForeignKind.REQUEST, request.signature)
    return Foreign("noise before a frame", len(noise))


def _next_head(buffer: bytes, heads: tuple[bytes, ...]) -> int:
    """Where the next possible answer begins, even if only its first byte is there; else the end."""
    found = [at for head in heads if (at := buffer.find(head, 1)) > 0]
    for size in range(1, max(len(head) for head in heads)):
        tail = buffer[-size:]
        if size < len(buffer) and any(head.startswith(tail) for head in heads):
            found.append(len(buffer) - size)
    return min(found, default=len(buffer))


def requests_in(buffer: bytes) -> tuple[Signature, ...]:
    """Requests of another master anywhere within bytes."""
    found = []
    for at in range(len(buffer) - _REQUEST_BYTES + 1):
        frame = buffer[at : at + _REQUEST_BYTES]
        if frame[1] in FUNCTIONS and crc16(frame[:-_CRC_BYTES]) == frame[-_CRC_BYTES:]:
            found.append(Signature(frame[0], frame[1], int.from_bytes(frame[4:6])))
    return tuple(found)


def replies_in(buffer: bytes) -> tuple[Signature, ...]:
    """Whole answers within unexpected bytes."""
    found = []
    at = 0
    while at <= len(buffer) - _OVERHEAD_BYTES:
        frame = _whole_frame(buffer[at:])
        signature = reply_signature(frame[:-_CRC_BYTES]) if frame and not _is_request(frame) else None
        if signature is not None:
            found.append(signature)
        at += len(frame) if frame else 1
    return tuple(found)


def signatures_in(buffer: bytes) -> Iterator[tuple[Signature, bool]]:
    """The complete requests (False) and answers (True) within unexpected bytes, by signature."""
    yield from ((signature, False) for signature in requests_in(buffer))
    yield from ((signature, True) for signature in replies_in(buffer))
