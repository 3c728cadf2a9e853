import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.energy import DAYS_MAX, EnergyCounter
from firmware_sim.noise import Floats

ANCHOR_S = 1_772_407_800.0
MIDNIGHT_S = 1_772_380_800.0


def wavy(t_s: Floats) -> Floats:
    return 1000 + 900 * np.sin(t_s / 700)


def counter() -> EnergyCounter:
    return EnergyCounter(wavy, ANCHOR_S, np.float64(5e6))


def test_it_reads_its_initial_value_at_the_anchors_midnight() -> None:
    assert counter().at(MIDNIGHT_S) == 5e6


@settings(deadline=None, max_examples=30)
@given(t_s=st.floats(ANCHOR_S - 9e5, ANCHOR_S + 9e5), span_s=st.floats(0, 2e5))
def test_it_never_runs_back_and_grows_by_the_power(t_s: float, span_s: float) -> None:
    meter = counter()
    grown_wh = meter.at(t_s + span_s) - meter.at(t_s)
    exact_wh = (1000 * span_s - 900 * 700 * (np.cos((t_s + span_s) / 700) - np.cos(t_s / 700))) / 3600
    assert grown_wh >= -1e-6
    assert grown_wh == pytest.approx(exact_wh, abs=1.0, rel=1e-4)


def test_a_restart_does_not_change_what_it_reads() -> None:
    before = counter()
    for hour in range(100):
        before.at(ANCHOR_S + 3600 * hour)
    assert counter().at(ANCHOR_S + 400_000.5) == before.at(ANCHOR_S + 400_000.5)


def test_it_refuses_moments_that_would_take_minutes_to_sum() -> None:
    with pytest.raises(ValueError, match=f"at most {DAYS_MAX}"):
        counter().at(ANCHOR_S + (DAYS_MAX + 2) * 86_400)
