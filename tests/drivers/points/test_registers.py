"""Words and values: every type both ways, and nothing that is not a number gets out."""

import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.client.mixin import ModbusClientMixin

from drivers.points.registers import TEXT_WORDS_MAX, RegisterType, WordOrder, decode, encode, word_count

INTEGERS = {
    RegisterType.U16: (0, 2**16 - 1),
    RegisterType.S16: (-(2**15), 2**15 - 1),
    RegisterType.U32: (0, 2**32 - 1),
    RegisterType.S32: (-(2**31), 2**31 - 1),
    RegisterType.U64: (0, 2**64 - 1),
    RegisterType.S64: (-(2**63), 2**63 - 1),
}
FLOATS = {RegisterType.F32: 32, RegisterType.F64: 64}
NUMBERS = [*INTEGERS, *FLOATS]
ORDERS = st.sampled_from(list(WordOrder))


@pytest.mark.parametrize(
    ("words", "kind", "order", "value"),
    [
        ("00e6", RegisterType.U16, WordOrder.HIGH_FIRST, 230),
        ("ff9c", RegisterType.S16, WordOrder.HIGH_FIRST, -100),
        ("00012345", RegisterType.U32, WordOrder.HIGH_FIRST, 0x12345),
        ("23450001", RegisterType.U32, WordOrder.LOW_FIRST, 0x12345),
        ("fff6ffff", RegisterType.S32, WordOrder.LOW_FIRST, -10),
        ("43663334", RegisterType.F32, WordOrder.HIGH_FIRST, 230.20001220703125),
        ("33344366", RegisterType.F32, WordOrder.LOW_FIRST, 230.20001220703125),
        ("0001000200030004", RegisterType.U64, WordOrder.HIGH_FIRST, 0x1000200030004),
        ("0004000300020001", RegisterType.U64, WordOrder.LOW_FIRST, 0x1000200030004),
        ("fffffffffffffffe", RegisterType.S64, WordOrder.HIGH_FIRST, -2),
        ("40fe240c9fcb0c02", RegisterType.F64, WordOrder.HIGH_FIRST, 123456.789012),
        ("4232332000000000", RegisterType.TEXT, WordOrder.HIGH_FIRST, "B23"),
        ("4b58313200ff", RegisterType.TEXT, WordOrder.HIGH_FIRST, "KX12"),
        ("7fc00000", RegisterType.F32, WordOrder.HIGH_FIRST, None),
        ("ffc00000", RegisterType.F32, WordOrder.HIGH_FIRST, None),
        ("7f800000", RegisterType.F32, WordOrder.HIGH_FIRST, None),
        ("00007f80", RegisterType.F32, WordOrder.LOW_FIRST, None),
        ("fff0000000000000", RegisterType.F64, WordOrder.HIGH_FIRST, None),
        ("00000000", RegisterType.TEXT, WordOrder.HIGH_FIRST, None),
        ("20202020", RegisterType.TEXT, WordOrder.HIGH_FIRST, None),
        ("ffffffff", RegisterType.TEXT, WordOrder.HIGH_FIRST, None),
        ("417f0000", RegisterType.TEXT, WordOrder.HIGH_FIRST, None),
        ("41e90000", RegisterType.TEXT, WordOrder.HIGH_FIRST, None),
    ],
)
def test_words_stand_for_one_value(words: str, kind: RegisterType, order: WordOrder, value: object) -> None:
    assert decode(bytes.fromhex(words), kind, order) == value


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("count", [0, 1, 3, 5, 7, 9, 16])
def test_a_wrong_number_of_bytes_is_refused(kind: RegisterType, count: int) -> None:
    with pytest.raises(ValueError, match="bytes"):
        decode(bytes(count), kind)


@pytest.mark.parametrize("kind", INTEGERS)
@settings(deadline=None)
@given(st.data(), ORDERS)
def test_every_integer_of_a_type_comes_back(
    kind: RegisterType, data: st.DataObject, order: WordOrder
) -> None:
    value = data.draw(st.integers(*INTEGERS[kind]))
    words = encode(value, kind, order)
    assert len(words) == 2 * word_count(kind)
    assert decode(words, kind, order) == value


@pytest.mark.parametrize("kind", FLOATS)
@settings(deadline=None)
@given(st.data(), ORDERS)
def test_every_finite_float_of_a_type_comes_back(
    kind: RegisterType, data: st.DataObject, order: WordOrder
) -> None:
    value = data.draw(st.floats(width=FLOATS[kind], allow_nan=False, allow_infinity=False))
    assert decode(encode(value, kind, order), kind, order) == value


@pytest.mark.parametrize("kind", NUMBERS)
@settings(deadline=None)
@given(st.data(), ORDERS)
def test_any_words_decode_to_a_finite_number_or_to_nothing(
    kind: RegisterType, data: st.DataObject, order: WordOrder
) -> None:
    size = 2 * word_count(kind)
    words = data.draw(st.binary(min_size=size, max_size=size))
    value = decode(words, kind, order)
    assert value is None or (not isinstance(value, str) and math.isfinite(value))
    if value is not None:
        assert encode(value, kind, order) == words


PYMODBUS = {
    RegisterType.U16: ModbusClientMixin.DATATYPE.UINT16,
    RegisterType.S16: ModbusClientMixin.DATATYPE.INT16,
    RegisterType.U32: ModbusClientMixin.DATATYPE.UINT32,
    RegisterType.S32: ModbusClientMixin.DATATYPE.INT32,
    RegisterType.U64: ModbusClientMixin.DATATYPE.UINT64,
    RegisterType.S64: ModbusClientMixin.DATATYPE.INT64,
    RegisterType.F32: ModbusClientMixin.DATATYPE.FLOAT32,
    RegisterType.F64: ModbusClientMixin.DATATYPE.FLOAT64,
}


@pytest.mark.parametrize("kind", NUMBERS)
@settings(deadline=None)
@given(st.data(), ORDERS)
def test_pymodbus_reads_the_same_value_out_of_the_same_registers(
    kind: RegisterType, data: st.DataObject, order: WordOrder
) -> None:
    count = word_count(kind)
    registers = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=count, max_size=count))
    theirs = ModbusClientMixin.convert_from_registers(
        registers, PYMODBUS[kind], word_order="big" if order is WordOrder.HIGH_FIRST else "little"
    )
    ours = decode(struct.pack(f">{count}H", *registers), kind, order)
    assert isinstance(theirs, int | float)
    assert ours == (theirs if math.isfinite(theirs) else None)


@pytest.mark.parametrize("kind", INTEGERS)
@given(st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False)))
@settings(deadline=None)
def test_an_integer_beyond_the_range_stops_at_its_end(kind: RegisterType, value: float) -> None:
    low, high = INTEGERS[kind]
    assert decode(encode(value, kind), kind) == min(max(round(value), low), high)


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(deadline=None)
def test_a_float_beyond_the_range_stops_at_its_end(value: float) -> None:
    largest = struct.unpack(">f", bytes.fromhex("7f7fffff"))[0]
    held = decode(encode(value, RegisterType.F32), RegisterType.F32)
    assert held == pytest.approx(min(max(value, -largest), largest), rel=1e-6, abs=1e-44)


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("value", ["230", math.nan, math.inf, -math.inf])
def test_what_is_no_number_cannot_be_encoded(kind: RegisterType, value: float) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        encode(value, kind)


@settings(deadline=None)
@given(
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=2 * TEXT_WORDS_MAX)
)
def test_every_printable_text_that_fits_comes_back(text: str) -> None:
    words = encode(text, RegisterType.TEXT, text_words=TEXT_WORDS_MAX)
    assert len(words) == 2 * TEXT_WORDS_MAX
    assert decode(words, RegisterType.TEXT) == text


@settings(deadline=None)
@given(st.binary(max_size=2 * TEXT_WORDS_MAX))
def test_any_bytes_decode_to_printable_text_or_to_nothing(words: bytes) -> None:
    text = decode(words, RegisterType.TEXT)
    assert text is None or (
        isinstance(text, str) and text.isascii() and text.isprintable() and text.strip() == text
    )


@pytest.mark.parametrize("text", ["longer than two words", "äh"])
def test_a_text_that_does_not_fit_or_is_not_ascii_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"fit|codec"):
        encode(text, RegisterType.TEXT, text_words=2)
