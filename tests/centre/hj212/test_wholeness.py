"""Whenever an interval is called whole, every reading of it has come, in whatever order bodies arrive."""

from hypothesis import given
from hypothesis import strategies as st

from centre.hj212.wholeness import SKEW_MS, Seals

SEAL_MS = 60_000
COUNT = 12


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[int, bool]]:
    """(seal, whether it is its body), each line before its body, bodies in any order, some never."""
    held = draw(st.sets(st.integers(1, COUNT)))
    order = [
        step for n in range(1, COUNT + 1) for step in ([(n, False)] if n in held else [(n, False), (n, True)])
    ]
    return order + [(n, True) for n in draw(st.permutations(sorted(held)))]


@given(
    steps=arrivals(),
    begin=st.integers(0, COUNT * SEAL_MS),
    length=st.sampled_from([10_000, 60_000, 300_000]),
    forgets=st.booleans(),
)
def test_whole_means_whole(steps: list[tuple[int, bool]], begin: int, length: int, *, forgets: bool) -> None:
    seals, come = Seals(), set[int]()
    for number, is_body in steps:
        if is_body:
            seals.add_body(number)
            for at in range((number - 1) * SEAL_MS, number * SEAL_MS, 20_000):
                seals.add_reading(number, at)
            come.add(number)
        else:
            seals.add_seal(number)
        if forgets:
            seals.forget(begin)
        if seals.is_whole(begin, begin + length):
            first, last = begin // SEAL_MS + 1, (begin + length - 1) // SEAL_MS + 1
            assert set(range(first, last + 1)) <= come
    end = (COUNT - 1) * SEAL_MS + 40_000
    assert seals.is_whole(begin, begin + length) == (begin + length + SKEW_MS <= end)
