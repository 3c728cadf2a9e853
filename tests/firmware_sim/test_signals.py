import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.signals import DAY_S, Profile, Shape, Signals

MONDAY_S = 1_772_380_800.0  # 2026-03-02 00:00 in Beijing
MORNING = (8 * 3600.0, 12 * 3600.0)

PROFILES = {
    "shift": Profile(Shape.SHIFT, shifts=(MORNING,), jitter_s=120),
    "batch": Profile(
        Shape.BATCH, shifts=(MORNING, (13 * 3600.0, 20 * 3600.0)), on_s=1500, off_s=300, spread=0.2
    ),
    "night": Profile(Shape.SHIFT, shifts=((22 * 3600.0, 6 * 3600.0),)),
    "workdays": Profile(Shape.SHIFT, shifts=(MORNING,), days=frozenset({1, 2, 3, 4, 5})),
    "always": Profile(Shape.CONTINUOUS),
    "pulsed": Profile(Shape.DUTY_CYCLED, on_s=120, off_s=60, noise=0, swing=0),
    "fan": Profile(Shape.FOLLOWS, lines=("shift", "batch")),
    "kiln_fan": Profile(Shape.FOLLOWS, lines=("always",)),
}
SIGNALS = Signals(PROFILES, dict.fromkeys(PROFILES, 50_000.0), seed=3)
MOMENTS = st.floats(MONDAY_S - 30 * DAY_S, MONDAY_S + 30 * DAY_S)


@settings(deadline=None, max_examples=60)
@given(line=st.sampled_from(sorted(PROFILES)), t_s=MOMENTS)
def test_one_moment_alone_is_the_same_as_within_a_history(line: str, t_s: float) -> None:
    around = np.array([t_s - 40_000.0, t_s - 10.0, t_s, t_s + 10.0, t_s + 40_000.0])
    assert SIGNALS.watts(line, around)[2] == pytest.approx(SIGNALS.watts(line, np.array([t_s]))[0], rel=1e-12)


@settings(deadline=None, max_examples=60)
@given(line=st.sampled_from(sorted(PROFILES)), t_s=MOMENTS)
def test_power_is_never_negative_and_never_absurd(line: str, t_s: float) -> None:
    assert 0 <= SIGNALS.watts(line, np.array([t_s]))[0] < 1.5 * 50_000


@settings(deadline=None, max_examples=60)
@given(line=st.sampled_from(sorted(PROFILES)), t_s=MOMENTS, length_s=st.floats(0, 3 * DAY_S))
def test_runs_are_in_order_and_apart(line: str, t_s: float, length_s: float) -> None:
    runs = SIGNALS.runs(line, t_s, t_s + length_s)
    assert all(run.begin_s < run.end_s for run in runs)
    assert all(a.end_s < b.begin_s for a, b in itertools.pairwise(runs))


@settings(deadline=None, max_examples=60)
@given(t_s=MOMENTS, leader=st.sampled_from(["shift", "batch"]))
def test_treatment_starts_before_production_and_stops_after_it(t_s: float, leader: str) -> None:
    fan = SIGNALS.runs("fan", t_s, t_s + 2 * DAY_S)
    for run in SIGNALS.runs(leader, t_s + 3600, t_s + 2 * DAY_S - 3600):
        around = next(f for f in fan if f.begin_s < run.begin_s and run.end_s < f.end_s)
        assert run.begin_s - around.begin_s >= PROFILES["fan"].lead_s
        assert around.end_s - run.end_s >= PROFILES["fan"].tail_s


def test_a_shift_stands_still_at_night_but_for_its_standby() -> None:
    night = np.arange(MONDAY_S, MONDAY_S + 7 * 3600, 60.0)
    assert np.all(SIGNALS.watts("shift", night) == PROFILES["shift"].standby * 50_000)


def test_a_shift_works_at_about_its_level() -> None:
    morning = np.arange(MONDAY_S + 9 * 3600, MONDAY_S + 11 * 3600, 10.0)
    assert SIGNALS.watts("shift", morning).mean() == pytest.approx(0.75 * 50_000, rel=0.1)


def test_a_window_over_midnight_ends_on_the_next_day() -> None:
    (run,) = SIGNALS.runs("night", MONDAY_S + 20 * 3600, MONDAY_S + 31 * 3600)
    assert (run.begin_s, run.end_s) == (MONDAY_S + 22 * 3600, MONDAY_S + 30 * 3600)


@pytest.mark.parametrize(
    ("day", "works"), [(-2, False), (-1, False), (0, True), (4, True), (5, False), (7, True)]
)
def test_a_line_keeps_its_weekdays(day: int, works: bool) -> None:
    noon_s = MONDAY_S + day * DAY_S + 10 * 3600
    assert bool(SIGNALS.runs("workdays", noon_s, noon_s + 1)) is works


def test_batches_have_pauses_and_none_is_cut_by_the_end_of_the_window() -> None:
    runs = SIGNALS.runs("batch", MONDAY_S, MONDAY_S + DAY_S)
    assert len(runs) > 15
    assert all(1200 <= run.end_s - run.begin_s <= 1800 for run in runs)


def test_a_duty_cycle_is_on_for_its_share_of_the_time() -> None:
    t_s = np.arange(MONDAY_S, MONDAY_S + 3600.0)
    assert (SIGNALS.watts("pulsed", t_s) > 10_000).mean() == pytest.approx(2 / 3, abs=0.01)


def test_treatment_load_follows_production_load_with_its_lag() -> None:
    profiles = {
        "p": Profile(Shape.CONTINUOUS, noise=0.0, swing=0.2),
        "t": Profile(Shape.FOLLOWS, lines=("p",), lag_s=200, smooth_s=0, noise=0, swing=0),
    }
    signals = Signals(profiles, {"p": 1000.0, "t": 1000.0}, seed=1)
    t_s = np.arange(MONDAY_S, MONDAY_S + 7200, 20.0)
    expected = 350 + 0.45 * signals.watts("p", t_s - 200)
    assert signals.watts("t", t_s) == pytest.approx(expected)


def test_a_continuous_leader_keeps_its_treatment_running() -> None:
    (run,) = SIGNALS.runs("kiln_fan", MONDAY_S, MONDAY_S + 1)
    assert run.begin_s == -math.inf


def test_another_seed_is_another_day() -> None:
    other = Signals(PROFILES, SIGNALS.rated_w, seed=4)
    assert other.runs("batch", MONDAY_S, MONDAY_S + DAY_S) != SIGNALS.runs(
        "batch", MONDAY_S, MONDAY_S + DAY_S
    )
