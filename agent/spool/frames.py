"""The bytes of a spool: which records waited for seal `number`, in their order. Pure.

    0   magic "djw1", boot id (16), number of the seal u64
    28  frames: length of the record u32, check (16), the record

The check is BLAKE2b over place in the file and record, keyed by what only the living secret of that seal
and the boot id give (`spool_key`). The secret is destroyed as soon as the seal is committed, so a file of
another boot, chain or key, an old copy, and a file that anybody else has written are all the same: not one
frame of it holds. Who can make one can read the key file, and so could sign a seal over the same records.

The last frame may be torn by a kill: everything before it holds. A frame whose length has FULL set counts the
records behind it for which there was no room.
"""

import struct
from hashlib import blake2b
from typing import Final

from attrs import frozen

from evidence.record import RECORD_BYTES_MAX

SPOOL_BYTES_MAX: Final = 8 * 1024 * 1024
"""What waits in memory (`agent.sealing.pending`, 4 MiB), and as much that the main loop has not taken yet."""
BOOT_ID_BYTES: Final = 16
CHECK_BYTES: Final = 16
_HEAD: Final = struct.Struct(f">4s{BOOT_ID_BYTES}sQ")
_LENGTH: Final = struct.Struct(">I")
_COUNT: Final = struct.Struct(">Q")
_MAGIC: Final = b"djw1"
_FULL: Final = 1 << 31
FRAME_BYTES: Final = _LENGTH.size + CHECK_BYTES
FULL_BYTES: Final = FRAME_BYTES + _COUNT.size
_PERSON: Final = b"dj1.spool"


class SpoolError(ValueError):
    """The file is not to be believed, with the reason."""


@frozen
class Spooled:
    """What a file holds.

    Attributes:
        records: Those whose frames hold, in their order.
        torn: A frame behind them is not whole.
        unkept: Records behind them for which there was no room.
    """

    records: tuple[bytes, ...] = ()
    torn: bool = False
    unkept: int = 0


def spool_key(secret: bytes, number: int, boot_id: bytes) -> bytes:
    """The key of the file of seal `number`, which `secret` will sign."""
    return blake2b(boot_id + _COUNT.pack(number), key=secret, person=_PERSON).digest()


def encode_head(boot_id: bytes, number: int) -> bytes:
    """The begin of a file."""
    return _HEAD.pack(_MAGIC, boot_id, number)


def encode_frame(key: bytes, place: int, record: bytes) -> bytes:
    """The frame of a record; `place` counts the frames of the file from 0."""
    return _LENGTH.pack(len(record)) + _check(key, place, record) + record


def encode_full(key: bytes, place: int, unkept: int) -> bytes:
    """The frame that ends a full file, in whose place a later one is written."""
    count = _COUNT.pack(unkept)
    return _LENGTH.pack(_FULL | _COUNT.size) + _check(key, _FULL | place, count) + count


def number_of(raw: bytes, boot_id: bytes) -> int:
    """The seal for which the records in a file waited; raises SpoolError."""
    if len(raw) < _HEAD.size:
        raise SpoolError("it ends before it begins")
    magic, boot, number = _HEAD.unpack_from(raw)
    if magic != _MAGIC:
        raise SpoolError("it is no spool, or that of another version")
    if boot != boot_id:
        raise SpoolError("it is of another boot")
    return int(number)


def decode_frames(raw: bytes, key: bytes) -> Spooled:
    """What is in a file whose head was read; any bytes are taken, and nothing behind the first wrong one."""
    records: list[bytes] = []
    at = _HEAD.size
    while len(raw) - at >= FRAME_BYTES:
        (length,) = _LENGTH.unpack_from(raw, at)
        check, begin, place = raw[at + _LENGTH.size : at + FRAME_BYTES], at + FRAME_BYTES, len(records)
        if length == _FULL | _COUNT.size:
            count = raw[begin : begin + _COUNT.size]
            if len(raw) == begin + _COUNT.size and check == _check(key, _FULL | place, count):
                return Spooled(tuple(records), unkept=_COUNT.unpack(count)[0])
            break
        at = begin + length
        record = raw[begin:at]
        if not 0 < length <= RECORD_BYTES_MAX or at > len(raw) or check != _check(key, place, record):
            at = begin - FRAME_BYTES
            break
        records.append(record)
    return Spooled(tuple(records), torn=at != len(raw))


def _check(key: bytes, place: int, record: bytes) -> bytes:
    return blake2b(_COUNT.pack(place) + record, digest_size=CHECK_BYTES, key=key).digest()
