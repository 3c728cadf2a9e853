"""Medians, quartiles and means are those of the standard library, which the daemon does not load."""

import statistics

from hypothesis import given
from hypothesis import strategies as st

from agent.tamper.medians import find_mean, find_median, find_quartiles

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=201)


@given(VALUES)
def test_they_are_those_of_the_standard_library(values: list[float]) -> None:
    assert find_median(values) == statistics.median(values)
    assert list(find_quartiles(values)) == statistics.quantiles(values, n=4)
    assert find_mean(values) == statistics.fmean(values)
    assert find_median(values[:1]) == values[0]
