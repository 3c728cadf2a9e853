"""The pauses, against their plain meaning."""

import pytest

from wire.pacing import Backoff, Budget, Patience


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
