"""Frames of DL/T 645-2007, the protocol of Chinese electricity meters: requests out, verdicts back in.

    FE FE FE FE  68  address (6)  68  C  L  data (L)  CS  16

The address is 12 decimal digits, two a byte, low byte first. Each data byte travels with 33H added.
CS is the sum of all bytes from the first 68 on, modulo 256. Up to four FE go in front to wake the bus;
they belong to no frame.

    request    C = 11   data: data id (4, low byte first)
    answer     C = 91   data: data id, then the datum; C = B1: there is more of it to be read
    refusal    C = D1   data: one byte of error flags (bit 1: no such data)

An answer names meter and data id, so it can be taken for the answer to another request only where
both are the same. It counts if both, and the number of bytes, are exactly those of the request.
Everything else is `Foreign`: it is named and discarded, and never becomes a value. Noise, preambles and
other meters' frames before an answer do not lose it; a damaged answer is no answer.

AA in place of high bytes of the address is a wildcard: every meter whose other digits fit answers, in
its own name.

Pure: bytes in, verdict out; whatever the bytes are, no exception is raised.
"""

from collections.abc import Iterator
from typing import Final

from attrs import field, frozen

from drivers.link.verdict import NEED_MORE, Foreign, ForeignKind, NeedMore, Signature

FUNCTION: Final = 0x11
"""Read data: the control code of the request, and the function of a block (drivers.reading.Block)."""
ADDRESS_DIGITS: Final = 12
DATA_ID_MAX: Final = 0xFFFFFFFF
DATA_BYTES_MAX: Final = 196
"""Most bytes after the data id: an answer carries at most 200 (DL/T 645-2007, section 5.2.5)."""
NO_SUCH_DATA: Final = 0x02
"""Bit of the error flags: the meter does not have this data id."""
ADDRESS_ID: Final = 0x04000401
"""Data id of the meter's own address: every meter has it."""
ADDRESS_BYTES: Final = 6
PREAMBLE: Final = b"\xfe" * 4
FRAME_OVERHEAD_BYTES: Final = 12
"""A frame without its data: two 68, address, C, L, CS, 16."""

_ANSWERS: Final = frozenset({0x91, 0xB1})
_REFUSAL: Final = 0xD1
START: Final = 0x68
_END: Final = 0x16
_SECOND_START: Final = 7
_LENGTH: Final = 9
_DATA: Final = 10
_FIELD_BYTES_MAX: Final = 200
_ID_BYTES: Final = 4
_OFFSET: Final = 0x33
_FE: Final = b"\xfe"
_WILD_BYTE: Final = 0xAA


def is_address(text: str, *, wildcard: bool = False) -> bool:
    """Whether `text` is 12 decimal digits; with `wildcard` high pairs of them may be AA."""
    if len(text) != ADDRESS_DIGITS or not text.isascii():
        return False
    digits = text
    while wildcard and digits.startswith("AA"):
        digits = digits[2:]
    return digits.isdigit() or (wildcard and not digits)


def _check_address(_: object, __: object, value: str) -> None:
    if not is_address(value, wildcard=True):
        raise ValueError(f"{value!r} is not a meter address of {ADDRESS_DIGITS} digits")


@frozen
class ReadId:
    """A read of the `count` bytes that a meter has under a data id.

    Attributes:
        meter: The address: 12 digits, high pairs may be AA.
        data_id: As printed in the standard: DI3 first, 0x02010100.
        count: Exact number of bytes after the data id.
    """

    meter: str = field(validator=_check_address)
    data_id: int
    count: int

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.data_id <= DATA_ID_MAX:
            raise ValueError(f"data id {self.data_id:#x} has more than 32 bits")
        if not 1 <= self.count <= DATA_BYTES_MAX:
            raise ValueError(f"count {self.count} is not within 1..{DATA_BYTES_MAX}")

    @property
    def unit_id(self) -> int:
        """The address as the number that its digits are in hexadecimal."""
        return int(self.meter, 16)

    @property
    def function(self) -> int:
        """Read data."""
        return FUNCTION

    @property
    def address(self) -> int:
        """The data id."""
        return self.data_id

    @property
    def signature(self) -> Signature:
        """The parts of a request that its answer repeats."""
        return Signature(self.unit_id, FUNCTION, self.data_id)


@frozen
class Data:
    """The answer: the bytes after the data id, without 33H, and the meter that gave it.

    `size` is that of the whole frame with its preamble.
    """

    data: bytes
    meter: str
    size: int


@frozen
class Refusal:
    """The meter refused: its error flags, and the size of the whole frame with its preamble."""

    code: int
    size: int


Verdict = NeedMore | Data | Refusal | Foreign


def encode_read(address: str, data_id: int) -> bytes:
    """The request for a data id, with its preamble."""
    return PREAMBLE + to_frame(address, FUNCTION, data_id.to_bytes(_ID_BYTES, "little"))


def to_frame(address: str, control: int, data: bytes) -> bytes:
    """A frame without preamble."""
    shifted = bytes((byte + _OFFSET) & 0xFF for byte in data)
    start = bytes((START,))
    body = start + bytes.fromhex(address)[::-1] + start + bytes((control, len(data))) + shifted
    return body + bytes((_sum(body), _END))


def parse(buffer: bytes, ask: ReadId) -> Verdict:
    """Judge the received bytes as an answer to `ask`.

    After `Foreign`, cut off `consumed` bytes and parse again. Bytes after an accepted answer are left
    alone.
    """
    preamble = len(buffer) - len(buffer.lstrip(_FE))
    for at in _starts(buffer):
        size = _whole(buffer, at)
        if size:
            if at > preamble:
                return Foreign("noise before a frame", at)
            return _judge(buffer[at : at + size], ask, at + size)
    if preamble == len(buffer):
        return NEED_MORE
    return _judge_unfinished(buffer, preamble)


def signatures_in(buffer: bytes) -> Iterator[tuple[Signature, bool]]:
    """The complete answers (True) and requests (False) within unexpected bytes, by signature."""
    at = 0
    while (at := buffer.find(START, at)) >= 0:
        size = _whole(buffer, at)
        if size:
            signature, control = _signature(buffer[at : at + size]), buffer[at + _SECOND_START + 1]
            if signature is not None and (control in _ANSWERS or control == FUNCTION):
                yield signature, control != FUNCTION
        at += size or 1


def _starts(buffer: bytes) -> Iterator[int]:
    at = -1
    while (at := buffer.find(START, at + 1)) >= 0:
        yield at


def _whole(buffer: bytes, at: int) -> int:
    """The size of the whole, undamaged frame that begins at `at`; 0 if there is none."""
    size = _size(buffer, at)
    if not size or len(buffer) < at + size:
        return 0
    end = at + size - 1
    return size if buffer[end] == _END and _sum(buffer[at : end - 1]) == buffer[end - 1] else 0


def _size(buffer: bytes, at: int) -> int:
    """The size of a frame whose head is at `at`, as far as it is known: 0 if it is none or unknown."""
    if len(buffer) < at + _DATA or buffer[at + _SECOND_START] != START:
        return 0
    length = buffer[at + _LENGTH]
    return FRAME_OVERHEAD_BYTES + length if length <= _FIELD_BYTES_MAX else 0


def _may_grow(buffer: bytes, at: int) -> bool:
    """Whether the bytes from `at` on could be the beginning of a frame."""
    if len(buffer) <= at + _SECOND_START:
        return True
    if buffer[at + _SECOND_START] != START:
        return False
    if len(buffer) < at + _DATA:
        return True
    return len(buffer) < at + _size(buffer, at)


def _judge_unfinished(buffer: bytes, preamble: int) -> Verdict:
    """There is no whole frame: wait for the end of one, or cut off what cannot become one."""
    growing = next((at for at in _starts(buffer) if _may_grow(buffer, at)), None)
    if growing is not None and growing == preamble:
        return NEED_MORE
    tail = len(buffer) - len(buffer.rstrip(_FE))  # may be the preamble of what is to come
    consumed = len(buffer) - tail if growing is None else growing
    damaged = _size(buffer, preamble) > 0
    if damaged:
        return Foreign("checksum does not fit", consumed, ForeignKind.CRC)
    return Foreign("noise", consumed)


def _judge(found: bytes, ask: ReadId, size: int) -> Verdict:
    """Whether a whole, undamaged frame is the answer; `size` bytes are cut off with it."""
    control = found[_SECOND_START + 1]
    data = _data(found)
    if control == FUNCTION:
        return _judge_request(found, ask, size)
    meter = _meter(found)
    if not _fits(meter, ask.meter):
        reason = f"meter {meter} instead of {ask.meter}"
    elif control == _REFUSAL and len(data) == 1:
        return Refusal(data[0], size)
    elif control not in _ANSWERS or len(data) <= _ID_BYTES:
        reason = f"control {control:02X} with {len(data)} bytes"
    elif data[:_ID_BYTES] != ask.data_id.to_bytes(_ID_BYTES, "little"):
        reason = f"data id {data[_ID_BYTES - 1 :: -1].hex().upper()} instead of {ask.data_id:08X}"
    elif len(data) - _ID_BYTES != ask.count:
        return Foreign(f"{len(data) - _ID_BYTES} bytes instead of {ask.count}", size)
    else:
        return Data(data[_ID_BYTES:], meter, size)
    return Foreign(reason, size, ForeignKind.REPLY, _signature(found) if control in _ANSWERS else None)


def _judge_request(found: bytes, ask: ReadId, size: int) -> Foreign:
    if found == encode_read(ask.meter, ask.data_id)[len(PREAMBLE) :]:
        return Foreign("echo of the request", size, ForeignKind.ECHO)
    return Foreign("request of another master", size, ForeignKind.REQUEST, _signature(found))


def _signature(found: bytes) -> Signature | None:
    data = _data(found)
    if len(data) < _ID_BYTES:
        return None
    return Signature(int(_meter(found), 16), FUNCTION, int.from_bytes(data[:_ID_BYTES], "little"))


def _meter(found: bytes) -> str:
    return found[_SECOND_START - 1 : 0 : -1].hex().upper()


def _data(found: bytes) -> bytes:
    return bytes((byte - _OFFSET) & 0xFF for byte in found[_DATA:-2])


def _fits(meter: str, wanted: str) -> bool:
    pairs = zip(bytes.fromhex(meter), bytes.fromhex(wanted), strict=True)
    return is_address(meter) and all(want in {_WILD_BYTE, have} for have, want in pairs)


def _sum(data: bytes) -> int:
    return sum(data) & 0xFF
