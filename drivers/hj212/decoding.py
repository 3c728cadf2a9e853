"""A packet from the bytes of a frame: taken with what was odd about it, or refused with one reason.

Lenient where the standard leaves no doubt about what was meant: another sum that makers use, lower-case
digits, missing or reordered fields, a time with milliseconds, a text in GBK. Refused is what could be read in
two ways or proves nothing: a wrong length, no sum that fits, a field that stands twice, no command.

An encrypted region needs a key. Nothing in a packet says that it is encrypted, so the plain reading is tried
first and taken only if its sum fits and its region is a text of items; the sum alone would let one cipher in
256 through. Keys are tried in their order, so that the one before a renewal still reads.
"""

import re
from collections.abc import Iterator, Sequence

from attrs import frozen

from disk.encodings import Encoding, find_encoding
from drivers.hj212.crc import CrcKind, find_kind
from drivers.hj212.judging import REQUIRED, judge_field, judge_parts, judge_region, show
from drivers.hj212.oddity import Odd, Oddity, PacketError, Wrong
from drivers.hj212.packet import (
    FIELDS,
    SEGMENT_CHARACTERS_MAX,
    Flag,
    Packet,
    read_group,
)
from drivers.hj212.sm4 import BLOCK_BYTES, PRINTED, CipherForm, decrypt
from drivers.hj212.stream import CLOSE, CRC_DIGITS, END, HEAD_BYTES, OPEN, SEGMENT_BYTES_MAX, START


@frozen
class Taken:
    """A packet and what was odd about it.

    Attributes:
        crc: Which sum stood behind it.
        form: How it was encrypted; None if it was plain.
    """

    packet: Packet
    oddities: tuple[Oddity, ...] = ()
    crc: CrcKind = CrcKind.STANDARD
    form: CipherForm | None = None


def decode(frame: bytes, keys: Sequence[bytes] = (), *, expected: CrcKind = CrcKind.STANDARD) -> Taken:
    """The packet in a frame of `drivers.hj212.stream`, with or without its line end.

    Args:
        frame: From ## on.
        keys: SM4 keys that it may be encrypted with.
        expected: The sum that is usual here; another one that fits is odd.

    Raises:
        PacketError: It is refused.
    """
    body = frame.removesuffix(END).rstrip(b"\r\n")
    _check_frame(frame, body)
    segment, digits = body[HEAD_BYTES:-CRC_DIGITS], body[-CRC_DIGITS:]
    opened = segment.find(OPEN)
    if opened < 0:
        raise PacketError(Wrong.FIELD, HEAD_BYTES + max(segment.find(b"CP="), 0), "CP")
    begin = opened + len(OPEN)
    head, region = segment[:begin], segment[begin : -len(CLOSE)]
    if begin > len(segment) - len(CLOSE):
        raise PacketError(Wrong.FIELD, HEAD_BYTES + opened, "CP")
    kind, form, text, odd = _open(head, region, int(digits, 16), keys)
    found = list(odd)
    if kind is not expected:
        found.append(Oddity(Odd.CRC_KIND, HEAD_BYTES + len(segment), kind.value))
    if digits != digits.upper():
        found.append(Oddity(Odd.CRC_LOWER, HEAD_BYTES + len(segment)))
    if frame[len(body) :] != END:
        found.append(Oddity(Odd.LINE_END, len(body)))
    if len(head) + len(text) + len(CLOSE) > SEGMENT_CHARACTERS_MAX:
        found.append(Oddity(Odd.SEGMENT_LONG, HEAD_BYTES))
    packet = _read(head[:opened], text, found)
    found += judge_region(text, HEAD_BYTES + begin)
    return Taken(packet, tuple(found), kind, form)


def _check_frame(frame: bytes, body: bytes) -> None:
    """See that a frame has the outer form; raises PacketError."""
    if not frame.startswith(START):
        raise PacketError(Wrong.NOISE, 0, show(frame))
    digits = frame[len(START) : HEAD_BYTES]
    if len(body) < HEAD_BYTES + len(CLOSE) + CRC_DIGITS:
        raise PacketError(Wrong.HALF, len(body))
    if not re.fullmatch(rb"[0-9]{4}", digits):
        raise PacketError(Wrong.LENGTH, len(START), show(digits))
    size = len(body) - HEAD_BYTES - CRC_DIGITS
    said = int(digits)
    if not re.fullmatch(rb"[0-9A-Fa-f]{4}", body[-CRC_DIGITS:]):
        raise PacketError(Wrong.HALF, len(body))
    if not body[:-CRC_DIGITS].endswith(CLOSE):
        raise PacketError(Wrong.FIELD, len(body) - CRC_DIGITS, "&&")
    if said != size and not (said < size <= said + SEGMENT_BYTES_MAX and _is_printed(body, said)):
        raise PacketError(Wrong.LENGTH, len(START), f"{said}, {size}")


def _is_printed(body: bytes, said: int) -> bool:
    """Whether the length counts the bytes of a cipher that is printed with two characters each."""
    segment = body[HEAD_BYTES:-CRC_DIGITS]
    opened = segment.find(OPEN)
    region = segment[opened + len(OPEN) : -len(CLOSE)]
    extra = len(segment) - said
    if opened < 0 or extra % BLOCK_BYTES:
        return False
    return re.match(rb"[0-9A-Fa-f]{%d}" % (PRINTED * extra), region) is not None


def _open(
    head: bytes, region: bytes, crc: int, keys: Sequence[bytes]
) -> tuple[CrcKind, CipherForm | None, str, list[Oddity]]:
    """The sum, the cipher's form, the region's text and what is odd about that; raises PacketError."""
    at = HEAD_BYTES + len(head)
    plain = find_kind(head + region + CLOSE, crc)
    text = _read_text(region)
    if plain is not None and text is not None and _is_region(text) and not _starts_printed(region):
        odd = [] if text.isascii() else [Oddity(Odd.CHARSET, at)]
        odd += [Oddity(Odd.NOT_ENCRYPTED, at)] if keys and region else []
        return plain, None, text, odd
    for key in keys:
        for form in CipherForm:
            opened = _decrypt(key, region, form)
            kind = None if opened is None else find_kind(head + opened + CLOSE, crc)
            text = _read_text(opened) if opened is not None and kind is not None else None
            if kind is not None and text is not None and _is_region(text):
                return kind, form, text, [] if text.isascii() else [Oddity(Odd.CHARSET, at)]
    if _looks_encrypted(region):
        raise PacketError(Wrong.ENCRYPTED, at)
    if plain is None:
        raise PacketError(Wrong.CRC, at + len(region) + len(CLOSE), f"{crc:04X}")
    raise PacketError(Wrong.CHARSET if _read_text(region) is None else Wrong.FIELD, at, "CP")


def _decrypt(key: bytes, region: bytes, form: CipherForm) -> bytes | None:
    try:
        return decrypt(key, region, form)
    except ValueError:
        return None


def _looks_encrypted(region: bytes) -> bool:
    """Whether the first block is no text of items."""
    block = region[:BLOCK_BYTES]
    if len(block) < BLOCK_BYTES:
        return False
    return _starts_printed(region) or any(byte < 0x20 or byte > 0x7E for byte in block)


def _starts_printed(region: bytes) -> bool:
    """Whether a printed block comes first: no item begins so, yet with its plain tail it may read as one."""
    return re.match(rb"[0-9A-Fa-f]{32}", region) is not None


def _read_text(region: bytes) -> str | None:
    """The text of a region: ASCII, or what Chinese loggers write into names; None if it is none."""
    encoding = Encoding.UTF_8 if region.isascii() else find_encoding([region])
    if encoding not in {Encoding.UTF_8, Encoding.GB18030}:
        return None
    text = region.decode(encoding)
    return text if all(char.isprintable() or char in "\r\n\t" for char in text) else None


def _is_region(text: str) -> bool:
    """Whether it is empty or has an item with a name and a value."""
    return not text.strip(";, \r\n\t") or any(read_group(group) for group in text.split(";"))


def _read(head: bytes, text: str, found: list[Oddity]) -> Packet:
    """The packet of a head; notes what is odd; raises PacketError."""
    fields: dict[str, str] = {}
    for at, name, value in _list_fields(head):
        if name in fields:
            raise PacketError(Wrong.FIELD_TWICE, at, name)
        if name not in FIELDS:
            found.append(Oddity(Odd.UNKNOWN_FIELD, at, show(name.encode())))
            continue
        fields[name] = value
        found += judge_field(at, name, value)
    if head[:1] == b";" or not head.endswith(b";") or b";;" in head:
        found.append(Oddity(Odd.SEPARATOR, HEAD_BYTES))
    if list(fields) != [name for name in FIELDS if name in fields]:
        found.append(Oddity(Odd.ORDER, HEAD_BYTES, ";".join(fields)))
    if not fields.get("CN"):
        raise PacketError(Wrong.NO_COMMAND, HEAD_BYTES)
    found += [Oddity(Odd.MISSING, HEAD_BYTES, name) for name in REQUIRED if not fields.get(name)]
    found += judge_parts(fields, HEAD_BYTES)
    return _make(fields, text)


def _make(fields: dict[str, str], text: str) -> Packet:
    flag, pnum, pno = (fields.get(name) or None for name in ("Flag", "PNUM", "PNO"))
    if pnum is not None and pno is not None and not int(pnum) and not int(pno):
        pnum = pno = None  # what some loggers write into every packet that is whole
    if (pnum is None) != (pno is None):
        raise PacketError(Wrong.PARTS, HEAD_BYTES, "PNUM" if pnum is None else "PNO")
    if pnum is not None and pno is not None and not 1 <= int(pno) <= int(pnum):
        raise PacketError(Wrong.PARTS, HEAD_BYTES, f"{pno} / {pnum}")
    return Packet(
        cn=fields["CN"],
        st=fields.get("ST", ""),
        mn=fields.get("MN", ""),
        pw=fields.get("PW", ""),
        qn=fields.get("QN", ""),
        flag=None if flag is None else Flag.from_number(int(flag)),
        pnum=None if pnum is None else int(pnum),
        pno=None if pno is None else int(pno),
        is_backfill=fields.get("RF") == "1",
        region=text,
    )


def _list_fields(head: bytes) -> Iterator[tuple[int, str, str]]:
    """The fields before CP with their places; raises PacketError at what is none."""
    at = HEAD_BYTES
    for raw in head.split(b";"):
        if raw:
            name, between, value = raw.partition(b"=")
            if not between or not all(0x20 < byte < 0x7F for byte in raw):
                raise PacketError(Wrong.FIELD, at, show(raw))
            yield at, name.decode("ascii"), value.decode("ascii")
        at += len(raw) + 1
