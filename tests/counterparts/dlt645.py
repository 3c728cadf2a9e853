"""A DL/T 645-2007 meter by hand: 68 address 68 control length data+33H sum 16, low digits first.

What it shows says who it is: with n the last two digits of its address, voltages are 220.n V (a tenth more
each phase), total power is 12.0n0s kW where s is the second's last digit, energy is 1n00.00 kWh and grows.
"""

from collections.abc import Mapping
from typing import Final

from attrs import define, field, frozen

from tests.counterparts.device import SILENT, Answer, Delay, Mishap, fixed
from tests.counterparts.frames import Request

READ: Final = 0x11
READ_ADDRESS: Final = 0x13
NO_SUCH_DATA: Final = 2
WILD: Final = "A"
BLOCK: Final = 0xFF00
_ANSWER: Final = 0x80
_ERROR: Final = 0xC0
_OFFSET: Final = 0x33
_BLOCKS: Final = {
    0x0201FF00: (0x02010100, 0x02010200, 0x02010300),
    0x0202FF00: (0x02020100, 0x02020200, 0x02020300),
    0x0203FF00: (0x02030000, 0x02030100, 0x02030200, 0x02030300),
    0x0204FF00: (0x02040000, 0x02040100, 0x02040200, 0x02040300),
    0x0205FF00: (0x02050000, 0x02050100, 0x02050200, 0x02050300),
    0x0206FF00: (0x02060000, 0x02060100, 0x02060200, 0x02060300),
}
_BYTES: Final = {0x0201: 2, 0x0202: 3, 0x0203: 3, 0x0204: 3, 0x0205: 3, 0x0206: 2, 0x0280: 2, 0x0000: 4}


@frozen
class Dlt645Request(Request):
    """`pdu` is control and data; `target` may have wildcards."""

    target: str = ""

    @property
    def address(self) -> int:
        return int.from_bytes(self.pdu[1:5], "little")

    @property
    def count(self) -> int:
        return len(self.pdu) - 1

    @property
    def size(self) -> int:
        return len(self.pdu) + 11


@define
class Dlt645Stream:
    """Requests in a stream of bytes; FE and noise before them are skipped.

    Attributes:
        prefix: So many FE go before each answer.
    """

    prefix: int = 4
    _buffer: bytes = field(default=b"", init=False)

    def feed(self, data: bytes) -> list[Request]:
        self._buffer = (self._buffer + data)[-512:]
        requests: list[Request] = []
        while (start := self._buffer.find(0x68)) >= 0:
            frame = self._buffer[start:]
            if len(frame) < 10 or len(frame) < 12 + frame[9]:
                break
            end = 12 + frame[9]
            whole = (
                frame[7] == 0x68 and frame[end - 1] == 0x16 and sum(frame[: end - 2]) % 256 == frame[end - 2]
            )
            self._buffer = frame[end:] if whole else frame[1:]
            if whole:
                target = frame[6:0:-1].hex().upper()
                body = bytes((frame[8],)) + bytes((byte - _OFFSET) % 256 for byte in frame[10 : end - 2])
                requests.append(Dlt645Request(number_of(target), body, target=target))
        return requests

    def frame(self, _request: Request, pdu: bytes) -> bytes:
        return b"\xfe" * self.prefix + pdu


def number_of(address: str) -> int:
    """The last two digits, which are a meter's unit here; 0 with wildcards."""
    return int(address[-2:]) if address[-2:].isdecimal() else 0


def digits(value: float, decimals: int, size: int) -> bytes:
    """Packed decimal, low digits first."""
    return bytes.fromhex(f"{round(value * 10**decimals):0{2 * size}d}"[-2 * size :])[::-1]


@define
class Dlt645Device:
    """One meter.

    Attributes:
        address: Twelve digits.
        answers: How long it takes.
        has_blocks: Whether it knows data ids that end in FF00.
        missing: What it says to these data ids: error flags, or SILENT.
        deaf_s: After an answer it hears nothing for so long.
        mishaps: As of a Modbus device.
    """

    address: str
    answers: Delay = field(factory=lambda: fixed(0.05))
    has_blocks: bool = True
    block_says: int = NO_SUCH_DATA
    missing: Mapping[int, int] = field(factory=dict)
    deaf_s: float = 0.0
    mishap_every: int = 0
    mishap: Mishap = Mishap.LOST
    present: bool = True
    requests: int = field(default=0, init=False)
    _deaf_until_s: float = field(default=0.0, init=False)

    def hears(self, request: Request, now_s: float) -> bool:
        if not isinstance(request, Dlt645Request) or not self.present or now_s < self._deaf_until_s:
            return False
        pairs = zip(request.target, self.address, strict=True)
        return all(wanted in {WILD, mine} for wanted, mine in pairs)

    def handle(self, request: Request, now_s: float) -> Answer:
        number, self.requests = self.requests, self.requests + 1
        after_s = self.answers(number)
        if self.deaf_s:
            self._deaf_until_s = now_s + after_s + self.deaf_s
        said = self._say(request, int(now_s))
        if said is None:
            return Answer(None, after_s)
        mishap = None
        if self.mishap_every and number % self.mishap_every == self.mishap_every - 1:
            mishap = self.mishap
        pdu = None if mishap is Mishap.LOST else self._frame(request.function, *said)
        return Answer(pdu, after_s, mishap)

    def _say(self, request: Request, second: int) -> tuple[bytes, int] | None:
        """Data and error flags, or None for silence."""
        if request.function == READ_ADDRESS:
            return bytes.fromhex(self.address)[::-1], 0
        if request.function != READ or len(request.pdu) != 5:
            return b"", NO_SUCH_DATA
        data_id = request.address
        flags = self.missing.get(data_id)
        if flags is None and data_id & BLOCK == BLOCK and not self.has_blocks:
            flags = self.block_says
        datum = self.datum(data_id, second)
        if flags == SILENT:
            return None
        if flags or datum is None:
            return b"", flags or NO_SUCH_DATA
        return request.pdu[1:5] + datum, 0

    def datum(self, data_id: int, second: int) -> bytes | None:
        """What it has under a data id, block or item."""
        if data_id in _BLOCKS:
            return b"".join(self.datum(one, second) or b"" for one in _BLOCKS[data_id])
        n = number_of(self.address)
        if data_id in {0x04000401, 0x04000402}:
            return bytes.fromhex(self.address)[::-1]
        return {
            0x00010000: digits(1000 + 100 * (n % 90) + second * 0.01, 2, 4),
            0x00000000: digits(1000 + 100 * (n % 90) + second * 0.01, 2, 4),
            0x00020000: digits(0, 2, 4),
            0x02800002: digits(50.0, 2, 2),
            0x04000101: bytes.fromhex("02300322"),
            0x04000102: digits(second % 60, 0, 3),
        }.get(data_id, self._electrical(data_id, n, second))

    def _electrical(self, data_id: int, n: int, second: int) -> bytes | None:
        kind, phase = data_id >> 16, (data_id >> 8) & 0xFF
        if data_id & 0xFF or phase > 3 or kind not in _BYTES:
            return None
        total = 12.0 + n * 0.01 + (second % 10) * 0.0001
        part = total if phase == 0 else total / 3
        value, decimals = {
            0x0201: (220 + n * 0.1 + phase * 0.1, 1),
            0x0202: (20 + n * 0.01 + phase * 0.001, 3),
            0x0203: (part, 4),
            0x0204: (part / 4, 4),
            0x0205: (part * 1.03, 4),
            0x0206: (0.97, 3),
        }.get(kind, (0.0, 0))
        if not decimals or (phase == 0 and kind in {0x0201, 0x0202}):
            return None
        return digits(value, decimals, _BYTES[kind])

    def _frame(self, control: int, data: bytes, flags: int) -> bytes:
        if flags:
            control, data = control | _ERROR, bytes((flags,))
        else:
            control |= _ANSWER
        body = bytes((0x68, *bytes.fromhex(self.address)[::-1], 0x68, control, len(data)))
        body += bytes((byte + _OFFSET) % 256 for byte in data)
        return body + bytes((sum(body) % 256, 0x16))
