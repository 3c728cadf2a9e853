import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.detect.correlation import NOT_ENOUGH, X_CONSTANT, Y_CONSTANT, RollingCorrelation

WATTS = st.integers(-50_000_000, 50_000_000)
NEAR = st.integers(999_999, 1_000_001)
FAR = st.integers(-(2**62), 2**62)
PAIRS = st.lists(st.one_of(*(st.tuples(watts, watts) for watts in (WATTS, NEAR, FAR))), max_size=60)


def exact(pairs: list[tuple[int, int]]) -> float | str:
    n = len(pairs)
    if n < 2:
        return NOT_ENOUGH
    mean_x, mean_y = Fraction(sum(x for x, _ in pairs), n), Fraction(sum(y for _, y in pairs), n)
    vx = sum((x - mean_x) ** 2 for x, _ in pairs)
    vy = sum((y - mean_y) ** 2 for _, y in pairs)
    if vy == 0:
        return Y_CONSTANT
    if vx == 0:
        return X_CONSTANT
    cov = sum((x - mean_x) * (y - mean_y) for x, y in pairs)
    squared = cov * cov / (vx * vy)
    # 200 bits of the square root, so that the rounding of the reference does not matter.
    root = Fraction(math.isqrt(squared.numerator * 2**400 // squared.denominator), 2**200)
    return float(root if cov > 0 else -root)


@given(PAIRS, st.integers(2, 12), st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True))
@settings(deadline=None)
def test_every_lag_is_what_exact_fractions_say(
    pairs: list[tuple[int, int]], window: int, lags: list[int]
) -> None:
    rolling = RollingCorrelation(window, lags)
    for now, (x, y) in enumerate(pairs):
        rolling.push(x, y)
        for index, lag in enumerate(lags):
            seen = [(pairs[i - lag][0], pairs[i][1]) for i in range(max(lag, now - window + 1), now + 1)]
            wanted, found = exact(seen), rolling.at_lag(index)
            if isinstance(wanted, str):
                assert (found.r, found.reason) == (None, wanted)
            else:
                assert found.r is not None
                assert found.reason == ""
                assert abs(found.r - wanted) <= 1e-14


@given(PAIRS, st.integers(2, 12))
@settings(deadline=None)
def test_pushing_and_reading_at_once_is_the_same_as_one_after_the_other(
    pairs: list[tuple[int, int]], window: int
) -> None:
    one, other = RollingCorrelation(window), RollingCorrelation(window)
    for x, y in pairs:
        r = one.push_r(x, y)
        other.push(x, y)
        assert r == other.r == other.at_lag().r
    assert one.state() == other.state()


@given(PAIRS, st.integers(2, 6), st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True))
@settings(deadline=None)
def test_taking_a_minute_and_asking_for_r_is_the_same_as_one_after_the_other(
    pairs: list[tuple[int, int]], window: int, lags: list[int]
) -> None:
    one, other = RollingCorrelation(window, lags), RollingCorrelation(window, lags)
    for x, y in pairs:
        r = one.push_beyond(x, y, 0.6)
        other.push(x, y)
        assert r == other.r_beyond(0.6)
    assert one.state() == other.state()


@pytest.mark.parametrize("lag", [0, 30])
@pytest.mark.parametrize("jump_w", [0, 5_000_000, 50_000_000])
def test_no_drift_at_a_megawatt_with_a_variation_of_one_watt(lag: int, jump_w: int) -> None:
    rolling = RollingCorrelation(360, (lag,))
    seen: list[tuple[int, int]] = []
    state = 1
    for now in range(200_000):
        state = state * 6364136223846793005 % 2**64
        jump = jump_w if 100_000 <= now < 100_100 else 0
        seen.append((1_000_000 + (state >> 40) % 2 + jump, 1_000_000 + (state >> 50) % 2))
        rolling.push(*seen[-1])
    ys = [y for _, y in seen[-360:]]
    wanted = exact([(x, y) for (x, _), y in zip(seen[-360 - lag :], ys, strict=False)])
    assert isinstance(wanted, float)
    assert abs((rolling.at_lag().r or 9) - wanted) <= 1e-14


def test_a_constant_treatment_has_no_correlation_but_a_reason() -> None:
    rolling = RollingCorrelation(10)
    for x in range(50):
        rolling.push(x, 20_000)
    assert (rolling.at_lag().r, rolling.at_lag().reason) == (None, "treatment constant")


def test_a_constant_production_has_no_correlation_but_a_reason() -> None:
    rolling = RollingCorrelation(10)
    for y in range(50):
        rolling.push(60_000, y)
    assert (rolling.at_lag().r, rolling.at_lag().reason) == (None, "production constant")


@given(PAIRS, st.integers(0, 60))
@settings(deadline=None)
def test_going_on_from_a_state_is_as_if_nothing_had_happened(pairs: list[tuple[int, int]], at: int) -> None:
    whole, first, second = (RollingCorrelation(7, (2, 0)) for _ in range(3))
    for pair in pairs:
        whole.push(*pair)
    for pair in pairs[:at]:
        first.push(*pair)
    second.restore(first.state())
    for pair in pairs[at:]:
        second.push(*pair)
    assert second.state() == whole.state()


def test_a_state_of_another_window_is_refused() -> None:
    with pytest.raises(ValueError, match="another window"):
        RollingCorrelation(8).restore(RollingCorrelation(9).state())


@pytest.mark.parametrize(("window", "lags"), [(1, (0,)), (5, ()), (5, (-1,)), (5, (1, 1))])
def test_impossible_windows_and_lags_are_refused(window: int, lags: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="cannot be correlated"):
        RollingCorrelation(window, lags)
