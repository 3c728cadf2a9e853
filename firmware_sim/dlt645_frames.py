"""DL/T 645-2007 frames on the simulator's side: finds requests in a byte stream, frames answers.

Written from the standard's frame format and sharing nothing with drivers.dlt645.codec: two programs that
agree prove more than one that agrees with itself.

A request is searched for at every offset, so noise and FE before it are skipped.
"""

import re
from typing import Final

from attrs import define, field, frozen

STREAM_BYTES_MAX: Final = 1024
"""Most unread bytes of one stream: four of the longest frames; more is a flood."""
READ: Final = 0x11
READ_ADDRESS: Final = 0x13
PREAMBLE: Final = b"\xfe\xfe\xfe\xfe"
_HEAD: Final = re.compile(rb"\x68(.{6})\x68(.)(.)", re.DOTALL)
_BIAS: Final = 0x33
_ANSWERED: Final = 0x80
_REFUSED: Final = 0xC0


@frozen
class Dlt645Request:
    """A request as received.

    Attributes:
        address: As written, highest digits first; AA is a wildcard.
        data: Without 33H.
        length: Bytes of the whole frame.
    """

    address: str
    control: int
    data: bytes
    length: int

    @property
    def data_id(self) -> int:
        """The data id (read data)."""
        return int.from_bytes(self.data[:4], "little")

    def addresses(self, address: str) -> bool:
        """Whether it is for the meter of this address."""
        wanted, own = bytes.fromhex(self.address), bytes.fromhex(address)
        return all(digits in {b"\xaa"[0], mine} for digits, mine in zip(wanted, own, strict=True))


@define
class Dlt645Stream:
    """Finds requests in bytes that come in pieces."""

    _buffer: bytes = field(default=b"", init=False)

    @property
    def pending(self) -> bool:
        """Whether the beginning of a frame is waiting for its end."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[Dlt645Request]:
        """All requests that are complete with `data`."""
        self._buffer = (self._buffer + data)[-STREAM_BYTES_MAX:]
        requests = []
        while (request := self._next()) is not None:
            requests.append(request)
        return requests

    def clear(self) -> None:
        """Drop the beginning of a frame: the bus was quiet, so its end will not come."""
        self._buffer = b""

    def _next(self) -> Dlt645Request | None:
        for head in _HEAD.finditer(self._buffer):
            size = len(head[0]) + head[3][0]
            body, tail = self._buffer[head.start() :][:size], self._buffer[head.start() + size :][:2]
            if len(tail) == 2 and tail[1] == 0x16 and sum(body) % 256 == tail[0]:
                self._buffer = self._buffer[head.start() + size + 2 :]
                data = bytes((byte - _BIAS) % 256 for byte in body[len(head[0]) :])
                return Dlt645Request(head[1][::-1].hex().upper(), head[2][0], data, size + 2)
        return None


def answer_frame(address: str, control: int, data: bytes = b"", flags: int = 0) -> bytes:
    """The answer of a meter to a request of this control code, or its refusal with these error flags."""
    control, data = (control | _REFUSED, bytes((flags,))) if flags else (control | _ANSWERED, data)
    body = b"\x68" + bytes.fromhex(address)[::-1] + b"\x68" + bytes((control, len(data)))
    body += bytes((byte + _BIAS) % 256 for byte in data)
    return PREAMBLE + body + bytes((sum(body) % 256, 0x16))
