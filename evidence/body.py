"""The body of a seal: its records, plain or compressed, whichever is shorter.

A CBOR array whose first item distinguishes the forms:
    [record, ...]         plain: byte strings, in order
    [1, check, stream]    COLUMNS: `check` is the first 4 bytes of the SHA-256 of `stream`, which is
        raw deflate (RFC 1951), without any header, of
        - the length of each record, big endian u16: all high bytes, then all low bytes
        - for each length, in the order of first appearance, the records that have it, in order,
          column by column: the first byte of each of them, then the second byte of each, ...

The number of records is in the signed header. The root is over the records, so it proves a body in either
form, so the stream of any other deflate is equally valid; `check` is there because a changed
bit of the stream that changes no record would otherwise go unnoticed. Whatever the form, the plain one of
the same records has at most BODY_BYTES_MAX bytes; what inflates to more is refused before it is in memory.
Nothing may follow the stream or be left over in it.

Measured on 200 readings of 20 float32 with 0.1 % noise, plain 24.4 kB: deflate alone 14 kB, by columns
11.2 kB in 0.25 ms. Level 6 gains 1 % more and differences to the reading before 5 % (but needs a stride
and 1.7 ms), zstd nothing. One reading alone stays plain; ten of them take 62 %, sixty 49 %.
"""

import struct
import zlib
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from evidence import cbor
from evidence.record import RECORD_BYTES_MAX

BODY_BYTES_MAX: Final = 64_000
"""With the seal, topic and MQTT framing it stays under a Maximum Packet Size of 65,536."""
COLUMNS: Final = 1
"""The one method of compression so far. Numbers are never reused."""
CHECK_BYTES: Final = 4
LEVEL: Final = 1
"""Of zlib; see the module."""
_COLUMNS_ITEMS: Final = 3
_RAW: Final = -zlib.MAX_WBITS
_LENGTH_BYTES: Final = 2


def encode_body(records: Sequence[bytes]) -> bytes:
    """The shorter form of `records`; raises ValueError if there are none, or more than a body holds."""
    plain = plain_body(records)
    if not records or len(plain) > BODY_BYTES_MAX:
        raise ValueError(f"a seal holds 1 record to {BODY_BYTES_MAX} bytes, not {len(plain)} bytes")
    packed = columns_body(records)
    return packed if len(packed) < len(plain) else plain


def plain_body(records: Sequence[bytes]) -> bytes:
    """The plain form."""
    return cbor.encode(list(records))


def columns_body(records: Sequence[bytes]) -> bytes:
    """The compressed form."""
    deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, _RAW)
    stream = deflate.compress(_to_columns(records)) + deflate.flush()
    return cbor.encode([COLUMNS, _make_check(stream), stream])


def decode_body(body: bytes, count: int) -> tuple[bytes, ...]:
    """The `count` records in `body`, whose root is not checked here; raises FormatError."""
    items = cbor.decode(body, BODY_BYTES_MAX)
    if type(items) is not list or not items:
        raise cbor.FormatError("the body is no array with something in it")
    if type(items[0]) is int:
        return _from_columns(_inflate(items, count), count)
    if set(map(type, items)) != {bytes}:
        raise cbor.FormatError("the body holds something that is no record")
    _check_lengths(list(map(len, items)), count)
    return tuple(items)


def _check_lengths(lengths: Sequence[int], count: int) -> None:
    if len(lengths) != count:
        raise cbor.FormatError(f"the body has not the {count} records of its seal")
    if not 0 < min(lengths) <= max(lengths) <= RECORD_BYTES_MAX:
        raise cbor.FormatError(f"the body holds a record that has not 1 to {RECORD_BYTES_MAX} bytes")


def _inflate(items: list[object], count: int) -> bytes:
    method, check, stream = cbor.array(items, "compressed body", _COLUMNS_ITEMS)
    cbor.natural(method, "method", COLUMNS, COLUMNS)
    if type(stream) is not bytes or check != _make_check(stream):
        raise cbor.FormatError("the stream is not what its check says")
    inflate = zlib.decompressobj(_RAW)
    bytes_max = count * _LENGTH_BYTES + BODY_BYTES_MAX
    try:
        plain = inflate.decompress(stream, bytes_max + 1)  # one more, or the end might not be seen
    except zlib.error as error:
        raise cbor.FormatError(f"the stream does not inflate: {error}") from None
    if not inflate.eof or inflate.unused_data or len(plain) > bytes_max:
        raise cbor.FormatError("the stream is cut or too long, or something follows it")
    return plain


def _to_columns(records: Sequence[bytes]) -> bytes:
    lengths = b"".join(len(record).to_bytes(_LENGTH_BYTES, "big") for record in records)
    columns = [lengths[::_LENGTH_BYTES], lengths[1::_LENGTH_BYTES]]
    alike: dict[int, list[bytes]] = {}
    for record in records:
        alike.setdefault(len(record), []).append(record)
    for length, group in alike.items():
        joined = b"".join(group)
        columns += [joined[at::length] for at in range(length)]
    return b"".join(columns)


def _from_columns(plain: bytes, count: int) -> tuple[bytes, ...]:
    """The inverse of `_to_columns`."""
    heads = bytearray(count * _LENGTH_BYTES)
    if len(plain) < len(heads):
        raise cbor.FormatError("the stream ends within its lengths")
    heads[::_LENGTH_BYTES], heads[1::_LENGTH_BYTES] = plain[:count], plain[count : len(heads)]
    lengths = struct.unpack(f">{count}H", heads)
    if len(heads) + sum(lengths) != len(plain):
        raise cbor.FormatError("the stream has not the length that it names")
    if _plain_bytes(lengths) > BODY_BYTES_MAX:
        raise cbor.FormatError(f"the records have more than {BODY_BYTES_MAX} bytes in the plain form")
    _check_lengths(lengths, count)
    at, alike = len(heads), {}
    if lengths.count(lengths[0]) == count:  # readings of one model, as nearly always
        return tuple([plain[first::count] for first in range(at, at + count)])
    for length, number in Counter(lengths).items():
        block = plain[at : at + number * length]
        at += len(block)
        alike[length] = iter([block[first::number] for first in range(number)])
    return tuple(map(next, map(alike.__getitem__, lengths)))


def _plain_bytes(lengths: Sequence[int]) -> int:
    """How long the plain form of records of these lengths is: an array's head, and each a head and itself."""
    heads = sum(_head_bytes(length) * number for length, number in Counter(lengths).items())
    return _head_bytes(len(lengths)) + heads + sum(lengths)


def _head_bytes(number: int) -> int:
    """Of the head of a CBOR array or byte string of this many; none here needs more than three."""
    return 1 if number < 24 else 2 if number < 256 else 3


def _make_check(stream: bytes) -> bytes:
    return sha256(stream).digest()[:CHECK_BYTES]
