import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import cbor

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
    | st.binary(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
@settings(deadline=None)
def test_what_is_encoded_decodes_to_the_same_value(value: object) -> None:
    raw = cbor.encode(value)
    assert cbor.decode(raw, 10_000) == value
    assert cbor.plain(value, "value") == value


@given(st.binary(max_size=60))
@settings(deadline=None, max_examples=500)
def test_random_bytes_decode_to_what_encodes_to_them_or_fail_with_a_format_error(raw: bytes) -> None:
    try:
        value = cbor.decode(raw, 1_000)
    except cbor.FormatError:
        return
    assert cbor.encode(value) == raw


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("", "nothing"),
        ("0102", "bytes after the item"),
        ("1801", "a long form of 1"),
        ("190018", "a long form of 24"),
        ("9f01ff", "an array of indefinite length"),
        ("5f41014102ff", "a byte string in pieces"),
        ("a2616101616102", "a key twice"),
        ("a2616201616101", "keys out of order"),
        ("fb3ff0000000000000", "1.0 longer than needed"),
        ("c11a00000000", "a date"),
        ("d8236128", "a regular expression"),
        ("c249ffffffffffffffffff", "a big number"),
        ("d81c80", "a shared value"),
        ("d9d9f700", "self-described CBOR"),
        ("9b7fffffffffffffff", "an array of 2^63"),
        ("5b7fffffffffffffff", "a byte string of 2^63"),
        ("61ff", "text that is not UTF-8"),
        ("a10102", "a key that is a number"),
        ("a1810102", "a key that is an array"),
        ("81" * 40 + "00", "a deep nest"),
    ],
)
def test_the_decoder_refuses(raw: str, why: str) -> None:
    with pytest.raises(cbor.FormatError):
        cbor.decode(bytes.fromhex(raw), 1_000)
    assert why


@pytest.mark.parametrize("deepest", [[], {}, [1], {"a": 1}], ids=str)
def test_arrays_and_maps_count_as_nested_whether_or_not_they_are_empty(deepest: object) -> None:
    value = deepest
    for _ in range(cbor.DEPTH_MAX - 1):
        value = [value]
    assert cbor.decode(cbor.encode(value), 100) == value
    for deeper in ([value], {"a": value}):
        with pytest.raises(cbor.FormatError, match=r"deep|depth"):
            cbor.decode(cbor.encode(deeper), 100)


def test_more_bytes_than_allowed_are_refused_before_they_are_read() -> None:
    with pytest.raises(cbor.FormatError, match="at most 3"):
        cbor.decode(cbor.encode([1, 2, 3]), 3)


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        2**64,
        -(2**64) - 1,
        {1: 2},
        {"a": [cbor2.undefined]},
        {"a": {1, 2}},
        object(),
    ],
)
def test_what_the_format_cannot_say_is_refused_before_it_is_signed(value: object) -> None:
    with pytest.raises(cbor.FormatError):
        cbor.plain(value, "value")
