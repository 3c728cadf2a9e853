"""Modbus frames on the simulator's side: finds requests in a byte stream, frames answers.

This is the only file of the project's own code that imports pymodbus, and it shares nothing with
drivers.modbus.frame: two programs that agree prove more than one that agrees with itself.

On a serial bus a request is searched for at every offset, so noise before it is skipped. A TCP stream
that is not Modbus cannot be resynchronised: after `GarbageError` the connection must be closed.
"""

import logging
import struct
from typing import Final

from attrs import define, field, frozen
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersResponse,
)

ILLEGAL_FUNCTION: Final = 1
ILLEGAL_VALUE: Final = 3
STREAM_BYTES_MAX: Final = 1024
"""Most unread bytes of one stream: four of the longest frames; more is a flood."""
_MBAP_BYTES: Final = 6
_MBAP_LENGTH: Final = (2, 254)
_READS: Final = {3: ReadHoldingRegistersResponse, 4: ReadInputRegistersResponse}
_EXCEPTION_BIT: Final = 0x80

# A client's mistake is answered with an exception and not logged by the simulator.
logging.getLogger("pymodbus.logging").setLevel(logging.ERROR)


class GarbageError(Exception):
    """The stream is not Modbus TCP; the connection should be closed."""


@frozen
class ServerRequest:
    """A request as received: what it reads, or the exception that refuses it.

    Attributes:
        transaction_id: To be repeated in the answer (TCP).
        address: Zero-based, of the first of `count` registers.
        refusal: 0, or the exception that any meter would answer with.
        length: Bytes of the whole frame.
    """

    unit_id: int
    transaction_id: int
    function: int
    address: int = 0
    count: int = 0
    refusal: int = 0
    length: int = 0


@define
class RequestStream:
    """Finds requests in bytes that come in pieces, in RTU or TCP frames."""

    rtu: bool
    _buffer: bytearray = field(factory=bytearray, init=False)
    _decoder: DecodePDU = field(factory=lambda: DecodePDU(is_server=True), init=False)

    @property
    def pending(self) -> bool:
        """Whether the beginning of a frame is waiting for its end."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[ServerRequest]:
        """All requests that are complete with `data`.

        Raises:
            GarbageError: A TCP stream carries something else.
        """
        self._buffer += data
        requests = []
        while (request := self._next_rtu() if self.rtu else self._next_tcp()) is not None:
            requests.append(request)
        if len(self._buffer) > STREAM_BYTES_MAX:
            self.clear()
        return requests

    def clear(self) -> None:
        """Drop the beginning of a frame: the bus was quiet, so its end will not come."""
        self._buffer.clear()

    def _next_rtu(self) -> ServerRequest | None:
        framer = FramerRTU(self._decoder)
        for start in range(len(self._buffer) - framer.MIN_SIZE + 1):
            data = bytes(self._buffer[start:])
            size = self._rtu_size(data)
            if not size or size > len(data):
                continue
            _, unit_id, _, pdu = framer.decode(data[:size])
            if pdu:
                del self._buffer[: start + size]
                return self._request(unit_id, 0, pdu, size)
        return None

    def _rtu_size(self, data: bytes) -> int:
        """Length of the request that `data` may begin with; 0 if it cannot be one."""
        if data[1] & _EXCEPTION_BIT:
            return 0
        try:
            kind = self._decoder.lookupPduClass(data)
            return kind.calculateRtuFrameSize(data) if kind else 0
        except (IndexError, struct.error):  # functions with a sub-function that is still on its way
            return 0

    def _next_tcp(self) -> ServerRequest | None:
        if len(self._buffer) < _MBAP_BYTES:
            return None
        protocol, length = struct.unpack_from(">HH", self._buffer, 2)
        low, high = _MBAP_LENGTH
        if protocol or not low <= length <= high:
            raise GarbageError(f"protocol {protocol}, length {length}")
        if len(self._buffer) < _MBAP_BYTES + length:
            return None
        frame = bytes(self._buffer[: _MBAP_BYTES + length])
        del self._buffer[: len(frame)]
        _, unit_id, transaction_id, pdu = FramerSocket(self._decoder).decode(frame)
        return self._request(unit_id, transaction_id, pdu, len(frame))

    def _request(self, unit_id: int, transaction_id: int, pdu: bytes, length: int) -> ServerRequest:
        refused = ILLEGAL_VALUE if pdu[0] in _READS else ILLEGAL_FUNCTION
        decoded = self._decoder.decode(pdu)
        if not isinstance(decoded, ReadHoldingRegistersRequest):
            return ServerRequest(unit_id, transaction_id, pdu[0], refusal=refused, length=length)
        return ServerRequest(unit_id, transaction_id, pdu[0], decoded.address, decoded.count, length=length)


def read_request_pdu(function: int, address: int, count: int) -> bytes:
    """A read, as another master sends it."""
    return bytes((function,)) + ReadHoldingRegistersRequest(address=address, count=count).encode()


def answer_pdu(function: int, answer: bytes | int) -> bytes:
    """The answer to a read: the words of its registers, or the exception code of its refusal."""
    if isinstance(answer, int):
        refusal = ExceptionResponse(function, answer)
        return bytes((refusal.function_code,)) + refusal.encode()
    registers = [value for (value,) in struct.iter_unpack(">H", answer)]
    return bytes((function,)) + _READS[function](registers=registers).encode()


def to_frame(unit_id: int, transaction_id: int, pdu: bytes, *, rtu: bool) -> bytes:
    """A PDU in its frame."""
    framer = (FramerRTU if rtu else FramerSocket)(DecodePDU(is_server=True))
    return framer.encode(pdu, unit_id, transaction_id)
