"""Several files in one: a ZIP with exactly one form.

Stored entries (nothing is compressed), no date (1980-01-01), no comment, no extra field, and no flag, not
even that for UTF-8 names, since all names are ASCII. First each entry behind its local header, then the
central directory, then its end (APPNOTE.TXT 6.3.3, sections 4.3.7, 4.3.12 and 4.3.16). Any unzip program
opens it.

`read` takes the names in their order, extracts the entries, writes the container again and compares: any
byte that differs from what `write` makes is reported with its place. So no byte can carry hidden data.
"""

from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Final
from zlib import crc32

from attrs import frozen

CONTAINER_BYTES_MAX: Final = 192 * 1024 * 1024
"""Fits the memory of any laptop; 12 days of one meter, or two hours of a site of 400."""
MAGIC: Final = b"PK\x03\x04"
_LOCAL: Final = Struct("<4s5H3I2H")
_CENTRAL: Final = Struct("<4s6H3I5H2I")
_END: Final = Struct("<4s4H2IH")
_VERSION: Final = 10
"""Needed to extract: 1.0, a stored file."""
_MADE_BY: Final = (3 << 8) | _VERSION
"""Unix, so that the file mode below is understood."""
_DATE: Final = (1 << 5) | 1
"""1980-01-01, the first day that a ZIP knows."""
_MODE: Final = 0o100644 << 16


@frozen
class Opened:
    """The entries found, and the fault in the file around them, "" if there is none."""

    entries: dict[str, bytes]
    problem: str = ""


def write(entries: Mapping[str, bytes]) -> bytes:
    """The container of `entries`, in their order."""
    parts: list[bytes] = []
    central: list[bytes] = []
    offset = 0
    for name, data in entries.items():
        raw_name = name.encode("ascii")
        checked = (crc32(data), len(data), len(data), len(raw_name), 0)
        local = _LOCAL.pack(MAGIC, _VERSION, 0, 0, 0, _DATE, *checked)
        parts += [local, raw_name, data]
        common = (_MADE_BY, _VERSION, 0, 0, 0, _DATE, *checked)
        central += [_CENTRAL.pack(b"PK\x01\x02", *common, 0, 0, 0, _MODE, offset), raw_name]
        offset += len(local) + len(raw_name) + len(data)
    size = sum(map(len, central))
    end = _END.pack(b"PK\x05\x06", 0, 0, len(entries), len(entries), size, offset, 0)
    return b"".join([*parts, *central, end])


def read(raw: bytes, names: Sequence[str]) -> Opened:
    """The entries called `names` in `raw`."""
    if len(raw) > CONTAINER_BYTES_MAX:
        return Opened({}, f"{len(raw)} bytes; at most {CONTAINER_BYTES_MAX} are read")
    entries: dict[str, bytes] = {}
    at = 0
    for name in names:
        begin = at + _LOCAL.size + len(name)
        head = raw[at:begin]
        if len(head) < _LOCAL.size + len(name) or head[:4] != MAGIC or head[_LOCAL.size :] != name.encode():
            return Opened(entries, f"byte {at}: {name} does not begin here")
        size = _LOCAL.unpack_from(head)[8]
        if size > len(raw) - begin:
            return Opened(entries, f"byte {at}: {name} is cut off")
        entries[name] = raw[begin : begin + size]
        at = begin + size
    return Opened(entries, _difference(raw, write(entries), entries))


def _difference(raw: bytes, expected: bytes, entries: Mapping[str, bytes]) -> str:
    if raw == expected:
        return ""
    if len(raw) != len(expected) and raw.startswith(expected[: min(len(raw), len(expected))]):
        return f"has {len(raw)} bytes and should have {len(expected)}"
    at = next(index for index, (one, other) in enumerate(zip(raw, expected, strict=False)) if one != other)
    offset = 0
    for name, data in entries.items():
        offset += _LOCAL.size + len(name) + len(data)
        if at < offset:
            return f"byte {at}: the header of {name} is not as it was written (or {name} itself is not)"
    return f"byte {at}: the directory of the ZIP file is not as it was written"
