"""Packets out of a stream of bytes that comes in any pieces. Pure.

    ## length(4 digits) segment CRC(4 hexadecimal digits) CR LF

A packet ends where its length says, and there must stand `&&` and a sum: an encrypted region holds `&&`
in 2.1 % of packets and CR LF in 0.6 %, so neither ends anything. The printed form of a cipher is longer than
the length says, by a byte for each byte of its whole blocks. Where nothing fits, the bytes up to the end of
the line or to the next `##` with four digits are one broken piece, and reading goes on behind it.

The pieces are the same however the stream was cut. `flush` is called when the line is quiet: then what is
incomplete is broken. At most FRAME_BYTES_MAX are kept.
"""

import re
from typing import Final

from attrs import define, field, frozen

from drivers.hj212.oddity import Wrong
from drivers.hj212.packet import RAW_FRAME_BYTES_MAX
from drivers.hj212.sm4 import count_whole

START: Final = b"##"
LENGTH_DIGITS: Final = 4
HEAD_BYTES: Final = len(START) + LENGTH_DIGITS
CRC_DIGITS: Final = 4
END: Final = b"\r\n"
SEGMENT_BYTES_MAX: Final = 9_999
"""What four digits can say."""
FRAME_BYTES_MAX: Final = RAW_FRAME_BYTES_MAX + SEGMENT_BYTES_MAX
"""A printed cipher has two characters a byte."""
OPEN: Final = b"CP=&&"
CLOSE: Final = b"&&"
_NEXT: Final = re.compile(rb"##[0-9]{4}")
_START: Final = re.compile(rb"##(?:[0-9]{4}|[0-9]{0,3}\Z)|#\Z")
"""A start, or what may become one when more comes."""
_TAIL: Final = re.compile(rb"&&[0-9A-Fa-f]{4}")


@frozen
class Frame:
    """The bytes of one packet, from ## to its line end; `place` is its first byte in the stream."""

    raw: bytes
    place: int


@frozen
class Broken:
    """Bytes that are no packet, and why."""

    raw: bytes
    place: int
    why: Wrong
    detail: str = ""


Piece = Frame | Broken


@define
class Stream:
    """See the module."""

    _buffer: bytearray = field(init=False, factory=bytearray)
    _place: int = field(init=False, default=0)

    @property
    def is_waiting(self) -> bool:
        """Whether a part of a packet has come."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[Piece]:
        """The pieces that are complete with these bytes."""
        self._buffer += data
        return self._take(is_over=False)

    def flush(self) -> list[Piece]:
        """The pieces that are left, as nothing more will come."""
        return self._take(is_over=True)

    def _take(self, *, is_over: bool) -> list[Piece]:
        pieces: list[Piece] = []
        while self._buffer:
            found = _measure(bytes(self._buffer), is_over=is_over)
            if found is None:
                break
            size, why, detail = found
            raw = bytes(self._buffer[:size])
            del self._buffer[:size]
            if why is None:
                pieces.append(Frame(raw, self._place))
            elif why is not Wrong.NOISE or raw.strip(b"\r\n \t\0"):
                _add_broken(pieces, Broken(raw, self._place, why, detail))
            self._place += size
        return pieces


def _add_broken(pieces: list[Piece], one: Broken) -> None:
    """Noise that follows noise is one piece."""
    last = pieces[-1] if pieces else None
    if one.why is Wrong.NOISE and isinstance(last, Broken) and last.why is Wrong.NOISE:
        pieces[-1] = Broken(last.raw + one.raw, last.place, Wrong.NOISE)
    else:
        pieces.append(one)


_Found = tuple[int, Wrong | None, str]
"""Bytes at the begin of the buffer, what is wrong with them, the detail."""


def _measure(buffer: bytes, *, is_over: bool) -> _Found | None:
    """The first piece; None if more must come."""
    found = _START.search(buffer)
    if found is None or found.start():
        return (found.start() if found else len(buffer)), Wrong.NOISE, ""
    if len(buffer) < HEAD_BYTES:
        return (len(buffer), Wrong.HALF, "") if is_over else None
    end = HEAD_BYTES + int(buffer[len(START) : HEAD_BYTES])
    for segment_end in (end, _end_printed(buffer, end)):
        size = _find_end(buffer, segment_end, is_over=is_over)
        if size is None:
            return None
        if size:
            return size, None, ""
    return _break_off(buffer, end, is_over=is_over)


def _end_printed(buffer: bytes, end: int) -> int:
    """Where the segment ends if the length counts a cipher that is printed with two characters a byte."""
    opened = buffer.find(OPEN, HEAD_BYTES, end)
    region = 0 if opened < 0 else end - len(CLOSE) - opened - len(OPEN)
    return end + count_whole(max(region, 0))


def _find_end(buffer: bytes, end: int, *, is_over: bool) -> int | None:
    """Size of the packet whose segment ends at `end`; 0 if it does not, None if more must come."""
    tail = end + CRC_DIGITS
    if end < HEAD_BYTES + len(CLOSE):
        return 0
    if len(buffer) < tail:
        expected = buffer[end - len(CLOSE) : end]
        is_open = CLOSE.startswith(expected) if len(expected) <= len(CLOSE) else False
        return 0 if is_over or not is_open else None
    if not _TAIL.fullmatch(buffer, end - len(CLOSE), tail):
        return 0
    follows = buffer[tail : tail + len(END)]
    if follows == END:
        return tail + len(END)
    if END.startswith(follows) and not is_over:
        return None
    return tail + (follows[:1] in {b"\r", b"\n"})


def _break_off(buffer: bytes, end: int, *, is_over: bool) -> _Found | None:
    """The broken packet at the begin: to its line end, or to the next start."""
    line = buffer.find(END, HEAD_BYTES)
    following = _NEXT.search(buffer, HEAD_BYTES)
    nearest = min((at for at in (line, following.start() if following else -1) if at >= 0), default=None)
    if nearest is None:
        if not is_over and len(buffer) < FRAME_BYTES_MAX:
            return None
        return len(buffer), Wrong.HALF if len(buffer) < end + CRC_DIGITS else Wrong.LENGTH, ""
    size = nearest + (len(END) if nearest == line else 0)
    body = buffer[HEAD_BYTES:nearest]
    has_tail = _TAIL.fullmatch(body, len(body) - len(CLOSE) - CRC_DIGITS) if len(body) > CRC_DIGITS else None
    if has_tail and nearest == line:
        return size, Wrong.LENGTH, f"{len(body) - CRC_DIGITS}"
    return size, Wrong.HALF, ""
