"""Converts register words to values and back.

Words travel as `bytes`, two a register, high byte first, exactly as on the wire (Modbus
Application Protocol V1.1b3, section 4.2). A value is decoded with its type and word order, and
encoded by the same table, so that the simulator cannot disagree with the driver.

The data of a DL/T 645 meter have types of their own (DLT645_TYPES), of as many bytes as their point
has, low byte first: decimal digits, two per byte, and text.

What a packet of HJ 212 says (HJ212_TYPES) is the text of one item: a decimal number, a mark or a time.
Whatever else stands there is no value.

NaN and infinity never leave this module: a float that is not a number decodes to None.
"""

import math
import re
import struct
from enum import StrEnum
from typing import Final

from drivers.hj212.packet import Mark
from drivers.hj212.times import read_time

WORD_BYTES: Final = 2
TEXT_WORDS_MAX: Final = 32
"""Longest text that is read, in registers; identity fields of known meters end at 20."""

Value = int | float | str


class RegisterType(StrEnum):
    """How the words of one point are to be read."""

    U16 = "u16"
    S16 = "s16"
    U32 = "u32"
    S32 = "s32"
    U64 = "u64"
    S64 = "s64"
    F32 = "f32"
    F64 = "f64"
    TEXT = "text"
    BCD = "bcd"
    BCD_SIGNED = "bcd_signed"
    """The highest bit is the sign (DL/T 645-2007, table A.2: currents, powers, power factors)."""
    BCD_TEXT = "bcd_text"
    """Digits that are a name, not a number: leading zeros count."""
    TEXT_REVERSED = "text_reversed"
    DECIMAL = "decimal"
    MARK = "mark"
    TIME = "time"


DLT645_TYPES: Final = frozenset(
    {RegisterType.BCD, RegisterType.BCD_SIGNED, RegisterType.BCD_TEXT, RegisterType.TEXT_REVERSED}
)
"""Types that only DL/T 645 meters have."""
HJ212_TYPES: Final = frozenset({RegisterType.DECIMAL, RegisterType.MARK, RegisterType.TIME})
"""Types of the items of HJ 212."""
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,18}\.[0-9]{1,12}")


class WordOrder(StrEnum):
    """Which word of a value of several registers comes first."""

    HIGH_FIRST = "high_first"
    LOW_FIRST = "low_first"


FORMATS: Final = {  # of the numbers
    RegisterType.U16: struct.Struct(">H"),
    RegisterType.S16: struct.Struct(">h"),
    RegisterType.U32: struct.Struct(">I"),
    RegisterType.S32: struct.Struct(">i"),
    RegisterType.U64: struct.Struct(">Q"),
    RegisterType.S64: struct.Struct(">q"),
    RegisterType.F32: struct.Struct(">f"),
    RegisterType.F64: struct.Struct(">d"),
}
_F32_MAX: Final = FORMATS[RegisterType.F32].unpack(b"\x7f\x7f\xff\xff")[0]
"""Largest finite float32; struct refuses greater values."""
_SIGN_BIT: Final = 0x80
_PADDING: Final = b"\0\xff "


def word_count(register_type: RegisterType, text_words: int = 0) -> int:
    """Registers that one value takes; `text_words` for a text; none for those of DL/T 645 and HJ 212."""
    if register_type is RegisterType.TEXT:
        return text_words
    if register_type in DLT645_TYPES | HJ212_TYPES:
        return 0
    return FORMATS[register_type].size // WORD_BYTES


def decode(
    words: bytes, register_type: RegisterType, order: WordOrder = WordOrder.HIGH_FIRST
) -> Value | None:
    """The value of `words`, or None where they hold NaN, infinity or no readable text.

    Raises:
        ValueError: `words` does not have the length of the type.
    """
    if register_type is RegisterType.TEXT:
        return _decode_text(words)
    if register_type in DLT645_TYPES:
        return _decode_reversed(words, register_type)
    if register_type in HJ212_TYPES:
        return _decode_item(words.decode("ascii", "replace"), register_type)
    layout = FORMATS[register_type]
    if len(words) != layout.size:
        raise ValueError(f"{register_type} takes {layout.size} bytes, not {len(words)}")
    value: int | float = layout.unpack(_reorder(words, order))[0]
    return value if math.isfinite(value) else None


def encode(
    value: Value,
    register_type: RegisterType,
    order: WordOrder = WordOrder.HIGH_FIRST,
    text_words: int = 0,
    size_bytes: int = 0,
) -> bytes:
    """The words of `value`; numbers beyond the type's range stop at its end, as meters do.

    `text_words` is for a text, `size_bytes` for the types of DL/T 645.

    Raises:
        ValueError: The value is not a number where one is needed, not finite, or too long a text.
    """
    if register_type is RegisterType.TEXT:
        raw = str(value).encode("ascii")
        if len(raw) > text_words * WORD_BYTES:
            raise ValueError(f"text of {len(raw)} bytes does not fit {text_words} registers")
        return raw.ljust(text_words * WORD_BYTES, b"\0")
    if register_type in DLT645_TYPES:
        return _encode_reversed(value, register_type, size_bytes)
    if register_type in HJ212_TYPES:
        return str(value).encode("ascii")
    if isinstance(value, str) or not math.isfinite(value):
        raise ValueError(f"{register_type} cannot hold {value!r}")
    return _reorder(_pack(value, register_type), order)


def _pack(value: float, register_type: RegisterType) -> bytes:
    layout = FORMATS[register_type]
    if register_type is RegisterType.F64:
        return layout.pack(value)
    if register_type is RegisterType.F32:
        return layout.pack(min(max(value, -_F32_MAX), _F32_MAX))
    span = 1 << layout.size * 8
    low = -span // 2 if register_type.startswith("s") else 0
    return layout.pack(min(max(round(value), low), low + span - 1))


def _reorder(words: bytes, order: WordOrder) -> bytes:
    if order is WordOrder.HIGH_FIRST or len(words) <= WORD_BYTES:
        return words
    pairs = [words[i : i + WORD_BYTES] for i in range(0, len(words), WORD_BYTES)]
    return b"".join(reversed(pairs))


def _decode_text(words: bytes) -> str | None:
    raw = words.split(b"\0", 1)[0].strip(b" ")
    if not raw or not all(0x20 <= byte < 0x7F for byte in raw):
        return None
    return raw.decode("ascii")


def _decode_item(text: str, register_type: RegisterType) -> Value | None:
    if register_type is RegisterType.MARK:
        return text if text in set(Mark) else None
    if register_type is RegisterType.TIME:
        return None if read_time(text) is None else text
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else None


def _decode_reversed(data: bytes, register_type: RegisterType) -> Value | None:
    high_first = data[::-1]
    if register_type is RegisterType.TEXT_REVERSED:
        return _decode_text(high_first.strip(_PADDING))
    sign = 1
    if register_type is RegisterType.BCD_SIGNED and high_first and high_first[0] & _SIGN_BIT:
        sign = -1
        high_first = bytes((high_first[0] & ~_SIGN_BIT,)) + high_first[1:]
    digits = high_first.hex()
    if not digits.isdecimal():
        return None
    return digits if register_type is RegisterType.BCD_TEXT else sign * int(digits)


def _encode_reversed(value: Value, register_type: RegisterType, size_bytes: int) -> bytes:
    digits = 2 * size_bytes
    if register_type is RegisterType.TEXT_REVERSED:
        raw = str(value).encode("ascii")
        if len(raw) > size_bytes:
            raise ValueError(f"text of {len(raw)} bytes does not fit {size_bytes}")
        return raw.ljust(size_bytes, b"\0")[::-1]
    if register_type is RegisterType.BCD_TEXT:
        text = str(value).rjust(digits, "0")
        if not (text.isascii() and text.isdecimal() and len(text) == digits):
            raise ValueError(f"{value!r} is not {digits} digits")
        return bytes.fromhex(text)[::-1]
    if isinstance(value, str) or not math.isfinite(value):
        raise ValueError(f"{register_type} cannot hold {value!r}")
    signed = register_type is RegisterType.BCD_SIGNED
    most = 8 * 10 ** (digits - 1) - 1 if signed else 10**digits - 1
    whole = min(max(round(value), -most if signed else 0), most)
    high_first = bytearray.fromhex(f"{abs(whole):0{digits}d}")
    high_first[0] |= _SIGN_BIT if whole < 0 else 0
    return bytes(high_first)[::-1]
