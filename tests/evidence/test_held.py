from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import cbor
from evidence.held import Held

SPANS = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 6)), max_size=40)


@given(SPANS)
@settings(deadline=None, max_examples=300)
def test_it_is_the_set_of_all_that_was_put_in(spans: list[tuple[int, int]]) -> None:
    held, model = Held(), set[int]()
    for first, more in spans:
        added = set(range(first, first + more + 1))
        assert held.add(first, first + more) is bool(added - model)
        model |= added
        assert [held.find_missing_from(n) for n in range(1, 70)] == [
            next(m for m in range(n, 200) if m not in model) for n in range(1, 70)
        ]
        assert [n for n in range(1, 70) if n in held] == sorted(model)
        assert held.list_missing(40) == held.list_missing_within(1, 40)
        for begin in range(1, 45):
            runs = held.list_missing_within(begin, 40)
            missing = [n for first, last in runs for n in range(first, last + 1)]
            assert missing == sorted(set(range(begin, 41)) - model)
            assert all(later[0] > earlier[1] + 1 for earlier, later in pairwise(runs))
        bounds = [(0, held.up_to), *held.ranges]
        assert all(later[0] > earlier[1] + 1 for earlier, later in pairwise(bounds))
        assert Held.from_cbor(held.to_cbor()) == held


@pytest.mark.parametrize(
    "value", [[], [1], [1, [[2, 3]]], [1, [[4, 3]]], [1, [[3]]], [1, 2], [-1, []], [1, [[3, 4], [5, 6]]]]
)
def test_a_set_that_contradicts_itself_is_refused(value: object) -> None:
    with pytest.raises(cbor.FormatError):
        Held.from_cbor(cbor.encode(value))


@given(st.binary(max_size=40))
@settings(deadline=None)
def test_foreign_bytes_are_a_set_or_a_format_error(raw: bytes) -> None:
    try:
        Held.from_cbor(raw)
    except cbor.FormatError:
        return
