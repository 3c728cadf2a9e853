"""A checkpoint as it is stored: deflated behind a marker where that is shorter, else as it came.

The detector's of 10 kB for a linkage is 2 kB so, and every byte is written twice (WAL and database). What the
version before wrote has no marker.
"""

import zlib
from typing import Final

CHECKPOINT_BYTES_MAX: Final = 1 << 20
_MARKER: Final = b"djz1"


def pack(raw: bytes) -> bytes:
    """The bytes to store."""
    packed = _MARKER + zlib.compress(raw)
    return packed if len(packed) < len(raw) or raw.startswith(_MARKER) else raw


def unpack(stored: bytes) -> bytes:
    """What was packed; anything else as it stands, for its owner to judge."""
    if not stored.startswith(_MARKER):
        return stored
    inflate = zlib.decompressobj()
    try:
        raw = inflate.decompress(stored[len(_MARKER) :], CHECKPOINT_BYTES_MAX + 1)
    except zlib.error:
        return stored
    return raw if inflate.eof and len(raw) <= CHECKPOINT_BYTES_MAX else stored
