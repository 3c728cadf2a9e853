"""Bins of production: none mixes two levels of it, each of which needs a treatment of its own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.detect.learning.linkages import Envelope, learn_envelope, split_levels
from agent.detect.learning.thresholds import Mode, learn_sum_threshold, learn_threshold
from agent.detect.line_params import Threshold

HIGH_W, LOW_W = 180e3, 85e3
FULL_W, EASED_W = 36e3, 16e3
ON = Threshold(hi_w=6_000, lo_w=3_000, provisional=False)


def envelope(low: np.ndarray, t: np.ndarray, dt_s: int) -> Envelope:
    """Learned from production at its low level where `low`, else at the high one."""
    sway = 1 + 0.05 * np.sin(np.arange(len(low)))
    u = np.where(low, LOW_W, HIGH_W) * sway
    return learn_envelope(u, t * sway, np.ones(len(low), np.bool_), ON, Mode.BOTH, dt_s)


def demanded_w(found: Envelope, u: float) -> int:
    return next(one.lo_w for one in reversed(found.bins) if one.from_w <= u)


@pytest.mark.parametrize("dt_s", [10, 60, 300])
@pytest.mark.parametrize("low_of_ten", [2, 3, 4, 6])
def test_a_drive_that_follows_batches_is_never_low_at_the_lower_level(dt_s: int, low_of_ten: int) -> None:
    slots = np.arange(40 * 3600 // dt_s)
    low = slots * dt_s // 900 % 10 < low_of_ten
    found = envelope(low, np.where(low, EASED_W, FULL_W), dt_s)
    assert not found.exceptions
    assert all(demanded_w(found, share * LOW_W) < 0.95 * EASED_W for share in (0.95, 1, 1.05))
    assert all(demanded_w(found, share * HIGH_W) > 0.7 * FULL_W for share in (0.96, 1, 1.05))


@pytest.mark.parametrize("dt_s", [10, 300])
@pytest.mark.parametrize("stretches", [1, 3])
def test_a_few_stretches_of_idling_at_a_power_of_their_own_are_no_level(dt_s: int, stretches: int) -> None:
    hour = np.arange(40 * 3600 // dt_s) * dt_s // 3600
    low = (hour % 10 == 5) & (hour < 10 * stretches)
    found = envelope(low, np.where(low, 0.4 * FULL_W, FULL_W), dt_s)
    assert len(found.exceptions) == stretches
    assert demanded_w(found, LOW_W) > 0.7 * FULL_W


@given(
    st.lists(st.floats(1, 1e7), min_size=1, max_size=400),
    st.lists(st.floats(1, 1e7), min_size=1, max_size=6),
    st.sampled_from([10, 300]),
)
def test_edges_are_only_added_within_what_was_seen(least: list[float], edges: list[float], dt_s: int) -> None:
    before, seen = np.unique(edges), np.array(least * 12)
    after = split_levels(before, seen, np.ones(len(seen), np.bool_), dt_s)
    assert set(before) <= set(after)
    assert list(after) == sorted(set(after))
    assert all(min(least) < edge <= max(least) for edge in set(after) - set(before))


@pytest.mark.parametrize(("rests_share", "mode"), [(0.0, Mode.ALWAYS_ON), (0.04, Mode.BOTH)])
def test_a_line_that_works_alone_is_no_stop_of_the_greater_one_beside_it(
    rests_share: float, mode: Mode
) -> None:
    slot = np.arange(3 * 8640)
    sway = 1 + 0.05 * np.sin(slot)
    small = np.where(slot % 1000 < 1000 * rests_share, 200, 40e3 * sway)
    great = np.where(slot % 4000 < 2500, 140e3 * sway, 35)
    great[small < 1000] = 35
    found = learn_sum_threshold(small + great, [small, great], [55e3, 260e3])
    assert found.mode is mode
    assert 1_000 < found.threshold.lo_w < found.threshold.hi_w < 30e3


def test_lines_that_stop_together_have_the_threshold_of_their_sum() -> None:
    slot = np.arange(3 * 8640)
    one = np.where(slot % 4000 < 2500, 40e3, 200) * (1 + 0.05 * np.sin(slot))
    found = learn_sum_threshold(3 * one, [one, 2 * one], [55e3, 110e3])
    assert found == learn_threshold(3 * one, 165e3, treatment=False)
