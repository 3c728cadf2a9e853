"""Signs compared and searched many at a time: the same as one by one."""

from hypothesis import given
from hypothesis import strategies as st

from agent.detect.signs import CODED, UNKNOWN, code_signs, count_alike, find_stretch


def signs(least: int, most: int) -> st.SearchStrategy[bytes]:
    """Signs of noise, and of what hardly changes, where a stretch stands at many places."""
    letters = st.sampled_from([b"1", b"0", b"?"]), st.sampled_from([b"1", b"0"]), st.just(b"1")
    return st.one_of(*(st.lists(one, min_size=least, max_size=most).map(b"".join) for one in letters))


@given(st.data(), st.integers(0, 80))
def test_two_stretches_are_compared_as_sign_by_sign(data: st.DataObject, length: int) -> None:
    one, other = (data.draw(signs(length, length)) for _ in range(2))
    known = [pair for pair in zip(one, other, strict=True) if UNKNOWN not in pair]
    assert count_alike(one, other) == (len(known), sum(first == second for first, second in known))
    assert count_alike(one, other + b"1") == (0, 0)


@given(st.data(), signs(CODED, 90))
def test_a_stretch_is_found_wherever_it_stands(data: st.DataObject, known: bytes) -> None:
    length = data.draw(st.integers(CODED, len(known)))
    begin = data.draw(st.integers(0, len(known) - length))
    end = data.draw(st.integers(0, len(known)))
    places = [
        at for at in range(end - length + 1) if known[at : at + length] == known[begin : begin + length]
    ]
    found = find_stretch(known, code_signs(known), slice(begin, begin + length), end)
    assert list(found) == places
