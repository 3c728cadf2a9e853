"""Register words and the values they stand for, both ways.

Words travel as `bytes`, two a register, high byte first, exactly as on the wire (Modbus
Application Protocol V1.1b3, section 4.2). A value is decoded with its type and word order, and
encoded by the same table, so that the simulator cannot disagree with the driver.

NaN and infinity never leave this module: a float that is not a number decodes to None.
"""

import math
import struct
from enum import StrEnum
from typing import Final

WORD_BYTES: Final = 2
TEXT_WORDS_MAX: Final = 32
"""Longest text a meter is asked for, in registers; identity fields of known meters end at 20."""

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


class WordOrder(StrEnum):
    """Which word of a value of several registers comes first."""

    HIGH_FIRST = "high_first"
    LOW_FIRST = "low_first"


_FORMATS: Final = {
    RegisterType.U16: struct.Struct(">H"),
    RegisterType.S16: struct.Struct(">h"),
    RegisterType.U32: struct.Struct(">I"),
    RegisterType.S32: struct.Struct(">i"),
    RegisterType.U64: struct.Struct(">Q"),
    RegisterType.S64: struct.Struct(">q"),
    RegisterType.F32: struct.Struct(">f"),
    RegisterType.F64: struct.Struct(">d"),
}
_F32_MAX: Final = _FORMATS[RegisterType.F32].unpack(b"\x7f\x7f\xff\xff")[0]
"""Largest finite float32; struct refuses what lies beyond."""


def word_count(register_type: RegisterType, text_words: int = 0) -> int:
    """Registers that one value takes; `text_words` for a text."""
    if register_type is RegisterType.TEXT:
        return text_words
    return _FORMATS[register_type].size // WORD_BYTES


def decode(
    words: bytes, register_type: RegisterType, order: WordOrder = WordOrder.HIGH_FIRST
) -> Value | None:
    """The value of `words`, or None where they hold NaN, infinity or no readable text.

    Raises:
        ValueError: `words` has not the length that the type asks for.
    """
    if register_type is RegisterType.TEXT:
        return _text(words)
    layout = _FORMATS[register_type]
    if len(words) != layout.size:
        raise ValueError(f"{register_type} takes {layout.size} bytes, not {len(words)}")
    value: int | float = layout.unpack(_ordered(words, order))[0]
    return value if math.isfinite(value) else None


def encode(
    value: Value,
    register_type: RegisterType,
    order: WordOrder = WordOrder.HIGH_FIRST,
    text_words: int = 0,
) -> bytes:
    """The words of `value`; numbers beyond the type's range stop at its end, as meters do.

    Raises:
        ValueError: The value is no number where one is needed, not finite, or a text too long.
    """
    if register_type is RegisterType.TEXT:
        raw = str(value).encode("ascii")
        if len(raw) > text_words * WORD_BYTES:
            raise ValueError(f"text of {len(raw)} bytes does not fit {text_words} registers")
        return raw.ljust(text_words * WORD_BYTES, b"\0")
    if isinstance(value, str) or not math.isfinite(value):
        raise ValueError(f"{register_type} cannot hold {value!r}")
    return _ordered(_packed(value, register_type), order)


def _packed(value: float, register_type: RegisterType) -> bytes:
    layout = _FORMATS[register_type]
    if register_type is RegisterType.F64:
        return layout.pack(value)
    if register_type is RegisterType.F32:
        return layout.pack(min(max(value, -_F32_MAX), _F32_MAX))
    bits = layout.size * 8
    low, high = (
        (-(1 << bits - 1), (1 << bits - 1) - 1) if register_type.startswith("s") else (0, (1 << bits) - 1)
    )
    return layout.pack(min(max(round(value), low), high))


def _ordered(words: bytes, order: WordOrder) -> bytes:
    if order is WordOrder.HIGH_FIRST or len(words) <= WORD_BYTES:
        return words
    pairs = [words[i : i + WORD_BYTES] for i in range(0, len(words), WORD_BYTES)]
    return b"".join(reversed(pairs))


def _text(words: bytes) -> str | None:
    raw = words.split(b"\0", 1)[0].strip(b" ")
    if not raw or not all(0x20 <= byte < 0x7F for byte in raw):
        return None
    return raw.decode("ascii")
