"""Modbus frames by hand: Application Protocol V1.1b3, Messaging on TCP/IP V1.0b, Serial Line V1.02.

Only what a master of meters sends is understood: functions 1 to 6 (eight bytes on a serial line), 17 (four)
and 43 (seven). Everything else is noise there.
"""

import struct
from typing import Final, Protocol

from attrs import define, field, frozen

READ_HOLDING: Final = 3
READ_INPUT: Final = 4
ILLEGAL_FUNCTION: Final = 1
ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3
_RTU_SIZES: Final = {1: 8, 2: 8, 3: 8, 4: 8, 5: 8, 6: 8, 17: 4, 43: 7}
_MBAP_BYTES: Final = 7


@frozen
class Request:
    """A request as it came: `pdu` begins with the function, `size` is its length on a serial line."""

    unit: int
    pdu: bytes
    transaction: int = 0

    @property
    def function(self) -> int:
        return self.pdu[0]

    @property
    def address(self) -> int:
        return self._word(1)

    @property
    def count(self) -> int:
        return self._word(3)

    @property
    def size(self) -> int:
        return len(self.pdu) + 3

    def _word(self, at: int) -> int:
        return int.from_bytes(self.pdu[at : at + 2], "big")


class Stream(Protocol):
    """Finds requests in pieces of bytes, and frames answers."""

    def feed(self, data: bytes) -> list[Request]:
        """The requests that are complete now."""

    def frame(self, request: Request, pdu: bytes) -> bytes:
        """An answer as it goes out."""


def crc(data: bytes) -> bytes:
    """CRC-16 of Modbus, low byte first."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")


def refuse(function: int, code: int) -> bytes:
    """The PDU of an exception."""
    return bytes((function | 0x80, code))


def answer(function: int, words: list[int]) -> bytes:
    """The PDU of an answer to a read of registers."""
    return bytes((function, 2 * len(words))) + struct.pack(f">{len(words)}H", *words)


def rtu_frame(unit: int, pdu: bytes) -> bytes:
    """A frame of a serial line."""
    body = bytes((unit,)) + pdu
    return body + crc(body)


def tcp_frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    """A frame of Modbus TCP."""
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


@define
class TcpStream:
    """Requests of one connection in MBAP frames."""

    _buffer: bytes = field(default=b"", init=False)

    def feed(self, data: bytes) -> list[Request]:
        self._buffer += data
        requests = []
        while len(self._buffer) >= _MBAP_BYTES:
            transaction, _, length, unit = struct.unpack(">HHHB", self._buffer[:_MBAP_BYTES])
            if len(self._buffer) < _MBAP_BYTES - 1 + length:
                break
            pdu = self._buffer[_MBAP_BYTES : _MBAP_BYTES - 1 + length]
            self._buffer = self._buffer[_MBAP_BYTES - 1 + length :]
            requests.append(Request(unit, pdu, transaction))
        return requests

    def frame(self, request: Request, pdu: bytes) -> bytes:
        return tcp_frame(request.transaction, request.unit, pdu)


@define
class RtuStream:
    """Requests of a serial line, searched at every offset."""

    _buffer: bytes = field(default=b"", init=False)

    def feed(self, data: bytes) -> list[Request]:
        self._buffer = (self._buffer + data)[-1024:]
        requests, at = [], 0
        while at + 4 <= len(self._buffer):
            size = _RTU_SIZES.get(self._buffer[at + 1], 0)
            frame = self._buffer[at : at + size]
            if size and len(frame) == size and crc(frame[:-2]) == frame[-2:]:
                requests.append(Request(frame[0], frame[1:-2]))
                self._buffer, at = self._buffer[at + size :], 0
            else:
                at += 1
        return requests

    def frame(self, request: Request, pdu: bytes) -> bytes:
        return rtu_frame(request.unit, pdu)
