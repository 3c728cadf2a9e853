"""Modbus frames in both framings: requests out, the strict judgement of what comes back in.

    RTU   unit_id · PDU · CRC-16, low byte first (Modbus over Serial Line V1.02, section 2.5)
    TCP   transaction id (2) · protocol id 0 (2) · length of what follows (2) · unit_id · PDU
          (Modbus Messaging on TCP/IP V1.0b, section 3.1.3)

`drivers.verdict` says what counts as an answer, `drivers.rtu` finds frames on a serial line.

Pure: bytes in, verdict out; whatever the bytes are, no exception is raised.
"""

from enum import StrEnum
from typing import Final

from attrs import evolve

from drivers.rtu import crc16, parse_rtu, wrap
from drivers.verdict import (
    COUNT_MAX,
    EXCEPTION_BIT,
    NEED_MORE,
    Foreign,
    ForeignKind,
    NeedMore,
    Refused,
    Request,
    Signature,
    Verdict,
    Words,
    judge,
    reply_signature,
)

__all__ = [
    "COUNT_MAX",
    "Foreign",
    "ForeignKind",
    "Framing",
    "NeedMore",
    "Refused",
    "Request",
    "Signature",
    "Verdict",
    "Words",
    "crc16",
    "encode_exception",
    "encode_reply",
    "encode_request",
    "parse",
]

MBAP_BYTES: Final = 7
MBAP_LENGTH_MIN: Final = 3
MBAP_LENGTH_MAX: Final = 254
"""Unit and at least two bytes of PDU; unit and at most 253."""


class Framing(StrEnum):
    """How a PDU is wrapped."""

    RTU = "rtu"
    TCP = "tcp"


def encode_request(framing: Framing, request: Request, transaction_id: int = 0) -> bytes:
    """The frame to send."""
    return _framed(framing, request.adu, transaction_id)


def encode_reply(framing: Framing, request: Request, words: bytes, transaction_id: int = 0) -> bytes:
    """The frame of an answer that carries `words`, right or wrong: golden frames and tests need both."""
    adu = bytes((request.unit_id, request.function, len(words))) + words
    return _framed(framing, adu, transaction_id)


def encode_exception(framing: Framing, request: Request, code: int, transaction_id: int = 0) -> bytes:
    """The frame of a refusal."""
    adu = bytes((request.unit_id, request.function | EXCEPTION_BIT, code))
    return _framed(framing, adu, transaction_id)


def _framed(framing: Framing, adu: bytes, transaction_id: int) -> bytes:
    if framing is Framing.TCP:
        return transaction_id.to_bytes(2) + b"\0\0" + len(adu).to_bytes(2) + adu
    return wrap(adu)


def parse(framing: Framing, buffer: bytes, request: Request, transaction_id: int = 0) -> Verdict:
    """What the received bytes are with regard to `request`.

    After `Foreign`, cut `consumed` bytes off and ask again. Bytes behind an accepted answer are left
    alone.
    """
    if not buffer:
        return NEED_MORE
    if framing is Framing.TCP:
        return _parse_tcp(buffer, request, transaction_id)
    return parse_rtu(buffer, request)


def _parse_tcp(buffer: bytes, request: Request, transaction_id: int) -> Verdict:
    if any(buffer[2:4]):
        return Foreign("protocol id is not 0", len(buffer), ForeignKind.LOST_SYNC)
    if len(buffer) < MBAP_BYTES:
        return NEED_MORE
    length = int.from_bytes(buffer[4:6])
    if not MBAP_LENGTH_MIN <= length <= MBAP_LENGTH_MAX:
        return Foreign(f"header announces {length} bytes", len(buffer), ForeignKind.LOST_SYNC)
    end = MBAP_BYTES - 1 + length
    if len(buffer) < end:
        return NEED_MORE
    adu = buffer[MBAP_BYTES - 1 : end]
    got = int.from_bytes(buffer[:2])
    if got != transaction_id:
        reason = f"transaction id {got} instead of {transaction_id}"
        return Foreign(reason, end, ForeignKind.REPLY, reply_signature(adu))
    verdict = judge(adu, request, end)
    # with the right transaction id it is no answer to an earlier request, only a wrong one to this
    return evolve(verdict, signature=None) if isinstance(verdict, Foreign) else verdict
