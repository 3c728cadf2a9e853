"""One value, one encoding: deterministic CBOR (RFC 8949, section 4.2.1) and nothing else.

`decode` accepts exactly the bytes that `encode` writes and refuses every other form: indefinite lengths,
long forms, unsorted or double keys, bytes after the item. So a hash over bytes is a hash over the value,
and a changed bit never decodes to the same value.

No tag is ever acted upon: cbor2 would build dates, regular expressions and decimal numbers from foreign
bytes, and let the sender spend our time and memory.

Wrong bytes from outside raise FormatError: the sender's fault.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

import cbor2

DEPTH_MAX: Final = 12
"""Deepest nesting of arrays and maps; a site file inside a manifest needs 6."""
UINT64_MAX: Final = (1 << 64) - 1
TEXT_BYTES_MAX: Final = 64
"""Longest name or reason in a fixed field; free text travels in the body of a record."""


class FormatError(ValueError):
    """Bytes from outside are not what the format says."""


def _refuse_tag(*_: object) -> NoReturn:
    raise ValueError("tags are not used")


class _EveryTagRefused(Mapping[int, Any]):
    """Has a decoder for every tag number, so that none of cbor2's own is used."""

    def __getitem__(self, tag: int) -> Any:
        return _refuse_tag

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def __len__(self) -> int:
        return 1


_NO_TAGS: Final = _EveryTagRefused()


def encode(value: object) -> bytes:
    """The one encoding of `value`."""
    return cbor2.dumps(value, canonical=True)


def decode(raw: bytes, bytes_max: int) -> Any:
    """The value that `raw` is the one encoding of.

    Raises:
        FormatError: Too long, not CBOR, or not in the one form that `encode` writes.
    """
    if len(raw) > bytes_max:
        raise FormatError(f"{len(raw)} bytes, at most {bytes_max} are allowed")
    try:
        # cbor2 does not count an empty array or map: one level less, and none can be too deep
        value = _load(raw, DEPTH_MAX - 1)
    except cbor2.CBORDecodeError:
        value = _load_deep(raw)
    if encode(value) != raw:
        raise FormatError("not the deterministic encoding")
    return value


def _load(raw: bytes, depth_max: int) -> Any:
    return cbor2.loads(
        raw,
        semantic_decoders=_NO_TAGS,
        max_depth=depth_max,
        allow_indefinite=False,
        allow_duplicate_keys=False,
        strict_hashable_types=True,
    )


def _load_deep(raw: bytes) -> Any:
    """The value in `raw` if it is nested at most DEPTH_MAX deep, empty arrays and maps counted."""
    try:
        value = _load(raw, DEPTH_MAX)
    except cbor2.CBORDecodeError as error:
        raise FormatError(f"not CBOR: {error}") from None
    if _measure_depth(value) > DEPTH_MAX:
        raise FormatError(f"nested more than {DEPTH_MAX} deep")
    return value


def _measure_depth(value: Any) -> int:
    """How deep arrays and maps are nested in `value`; 0 if it is neither."""
    if isinstance(value, Mapping):
        return 1 + max(map(_measure_depth, [*value, *value.values()]), default=0)
    if isinstance(value, list | tuple):
        return 1 + max(map(_measure_depth, value), default=0)
    return 0


def array(value: Any, name: str, length: int) -> list[Any]:
    """`value` as an array of exactly `length` items."""
    if type(value) is not list or len(value) != length:
        raise FormatError(f"{name} is not an array of {length}")
    return value


def natural(value: Any, name: str, maximum: int = UINT64_MAX, minimum: int = 0) -> int:
    """`value` as a whole number from `minimum` to `maximum`."""
    if type(value) is not int or not minimum <= value <= maximum:
        raise FormatError(f"{name} is not a number from {minimum} to {maximum}")
    return value


def octets(value: Any, name: str, *lengths: int) -> bytes:
    """`value` as a byte string of one of `lengths`."""
    if type(value) is not bytes or len(value) not in lengths:
        raise FormatError(f"{name} is not a byte string of {' or '.join(map(str, lengths))}")
    return value


def text(value: Any, name: str, bytes_max: int = TEXT_BYTES_MAX) -> str:
    """`value` as a text of at most `bytes_max` bytes of UTF-8."""
    if type(value) is not str or len(value.encode()) > bytes_max:
        raise FormatError(f"{name} is not a text of at most {bytes_max} bytes")
    return value


def plain(value: Any, name: str) -> Any:
    """`value` if it is made of maps with text keys, arrays, texts, byte strings and numbers.

    Booleans and null may stand anywhere; NaN, infinity, `undefined` and numbers beyond 64 bits may not.
    """
    if type(value) is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise FormatError(f"{name} has a key that is no text")
            plain(item, name)
    elif type(value) in {list, tuple}:
        for item in value:
            plain(item, name)
    elif type(value) is int:
        natural(abs(value), name)
    elif type(value) is float:
        if not math.isfinite(value):
            raise FormatError(f"{name} holds a number that is not finite")
    elif value is not None and type(value) not in {str, bytes, bool}:
        raise FormatError(f"{name} holds a {type(value).__name__}")
    return value
