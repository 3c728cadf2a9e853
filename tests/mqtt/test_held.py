"""Ranges of held bodies and the pauses, against their plain meaning."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from agent.held import Held
from agent.pacing import Backoff, Budget, Patience

SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=20)


@given(spans=SPANS, number=st.integers(0, 45))
@settings(deadline=None)
def test_ranges_are_a_set_of_numbers(spans: list[tuple[int, int]], number: int) -> None:
    held, plain = Held(), set[int]()
    for first, last in spans:
        fresh = set(range(first, last + 1)) - plain
        assert held.add(first, last) is bool(fresh)
        plain |= fresh
    assert held.next_missing(number) == next(n for n in range(number, 100) if n not in plain)
    bounds = [bound for span in held.ranges for bound in span]
    assert bounds == sorted(bounds)
    assert all(b[0] - a[1] > 1 for a, b in zip(held.ranges, held.ranges[1:], strict=False))


def test_a_pause_doubles_up_to_its_limit_and_starts_again() -> None:
    backoff = Backoff(1.0, 5.0)
    assert [backoff.fail() for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    backoff.succeed()
    assert backoff.next_s == 1.0


def test_patience_runs_out_only_while_something_is_awaited() -> None:
    patience = Patience(Backoff(10.0, 80.0))
    assert not patience.expire(1000.0)
    patience.sent(1000.0)
    patience.sent(1009.0)
    assert not patience.expire(1009.9)
    assert patience.expire(1010.0)
    assert patience.out
    patience.sent(1010.0)
    assert not patience.expire(1029.0)
    assert patience.expire(1030.0)
    patience.progress(1030.0, more=True)
    assert not patience.out
    assert patience.expire(1040.0)


def test_a_budget_lets_a_large_message_through_and_then_waits() -> None:
    budget = Budget(100.0)
    assert budget.is_open(0.0)
    budget.spend(250)
    assert not budget.is_open(1.0)
    assert budget.is_open(1.6)
    budget.spend(1)
    assert budget.is_open(1000.0)
    budget.spend(100)
    assert not budget.is_open(1000.0), "what was not used is not saved up"


@pytest.mark.parametrize("now_s", [5.0, 4.0, -1e9])
def test_a_clock_that_runs_back_gives_no_budget(now_s: float) -> None:
    budget = Budget(100.0)
    assert budget.is_open(5.0)
    budget.spend(100)
    assert not budget.is_open(now_s)
