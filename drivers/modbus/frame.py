"""Modbus frames in both framings: builds requests and strictly judges what comes back.

    RTU   unit_id · PDU · CRC-16, low byte first (Modbus over Serial Line V1.02, section 2.5)
    TCP   transaction id (2) · protocol id 0 (2) · length of what follows (2) · unit_id · PDU
          (Modbus Messaging on TCP/IP V1.0b, section 3.1.3)

`drivers.link.verdict` defines what counts as an answer, `drivers.modbus.rtu` finds frames on a serial bus.

Pure: bytes in, verdict out; whatever the bytes are, no exception is raised.
"""

from collections.abc import Iterator
from typing import Final

from attrs import evolve

from drivers.link.verdict import (
    NEED_MORE,
    Foreign,
    ForeignKind,
    Framing,
    Request,
    Signature,
    Verdict,
    judge,
    reply_signature,
)
from drivers.modbus.rtu import crc16, parse_rtu, wrap

MBAP_BYTES: Final = 7
_ID_BYTES: Final = 2
_CRC_BYTES: Final = 2
MBAP_LENGTH_MIN: Final = 3
MBAP_LENGTH_MAX: Final = 254
"""Unit and at least two bytes of PDU; unit and at most 253."""


def encode_request(framing: Framing, request: Request, transaction_id: int = 0) -> bytes:
    """The frame to send."""
    return to_frame(framing, request.adu, transaction_id)


def to_frame(framing: Framing, adu: bytes, transaction_id: int = 0) -> bytes:
    """The frame of a unit and its PDU."""
    if framing is Framing.TCP:
        return transaction_id.to_bytes(2) + b"\0\0" + len(adu).to_bytes(2) + adu
    return wrap(adu)


class PreparedRequest:
    """A request that is sent again and again: its frame, and a fast check for its answer.

    Attributes:
        request: The request.
        answer_bytes: The size of the whole answer.
    """

    __slots__ = ("_begin", "_body", "_head", "_is_tcp", "answer_bytes", "request")

    def __init__(self, framing: Framing, request: Request) -> None:
        self.request = request
        self._is_tcp = framing is Framing.TCP
        size = 2 * request.count
        self._head = bytes((request.unit_id, request.function, size))
        self._body = encode_request(framing, request)
        if self._is_tcp:
            self._body = self._body[_ID_BYTES:]
            self._head = b"\0\0" + (len(self._head) + size).to_bytes(2) + self._head
        self._begin = len(self._head) + (_ID_BYTES if self._is_tcp else 0)
        self.answer_bytes = self._begin + size + (0 if self._is_tcp else _CRC_BYTES)

    def frame(self, transaction_id: int) -> bytes:
        """The frame to send."""
        return transaction_id.to_bytes(_ID_BYTES) + self._body if self._is_tcp else self._body

    def words(self, chunk: bytes, transaction_id: int) -> bytes | None:
        """The registers, if `chunk` is the whole answer and nothing else; `parse` judges all other bytes."""
        if len(chunk) != self.answer_bytes:
            return None
        if self._is_tcp:
            if chunk.startswith(self._head, _ID_BYTES) and chunk[:_ID_BYTES] == transaction_id.to_bytes(2):
                return chunk[self._begin :]
        elif chunk.startswith(self._head) and crc16(chunk[:-_CRC_BYTES]) == chunk[-_CRC_BYTES:]:
            return chunk[self._begin : -_CRC_BYTES]
        return None


def parse(framing: Framing, buffer: bytes, request: Request, transaction_id: int = 0) -> Verdict:
    """Judge the received bytes as an answer to `request`.

    After `Foreign`, cut off `consumed` bytes and parse again. Bytes after an accepted answer are left
    alone.
    """
    if not buffer:
        return NEED_MORE
    if framing is Framing.TCP:
        return _parse_tcp(buffer, request, transaction_id)
    return parse_rtu(buffer, request)


def signatures_in(buffer: bytes) -> Iterator[tuple[Signature, bool]]:
    """The answers among unexpected bytes of Modbus TCP, by signature; each is an answer (True)."""
    while len(buffer) >= MBAP_BYTES and not any(buffer[2:4]):
        end = MBAP_BYTES - 1 + int.from_bytes(buffer[4:6])
        adu, buffer = buffer[MBAP_BYTES - 1 : end], buffer[end:]
        if len(adu) < MBAP_LENGTH_MIN:
            return
        if (signature := reply_signature(adu)) is not None:
            yield signature, True


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
    if adu == request.adu:  # no answer: its byte count would be half a register's
        return Foreign("echo of the request", end, ForeignKind.ECHO)
    verdict = judge(adu, request, end)
    # with the right transaction id it is a wrong answer to this request, not one to an earlier
    return evolve(verdict, signature=None) if isinstance(verdict, Foreign) else verdict
