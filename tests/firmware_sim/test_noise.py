import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.noise import gauss, gauss_at, key_of, smooth, uniform, uniform_at

KEYS = st.integers(0, 2**64 - 1)
INDICES = st.integers(-(2**62), 2**62)


@settings(deadline=None)
@given(key=KEYS, index=INDICES)
def test_every_number_keeps_its_bounds(key: int, index: int) -> None:
    assert 0 <= uniform_at(key, index) < 1
    assert abs(gauss_at(key, index)) <= 3.47


@settings(deadline=None)
@given(key=KEYS, index=INDICES)
def test_a_number_does_not_depend_on_its_neighbours(key: int, index: int) -> None:
    indices = np.array([index - 1, index, index + 1], dtype=np.int64)
    assert gauss(key, indices)[1] == gauss_at(key, index)


def test_many_numbers_have_the_promised_mean_and_deviation() -> None:
    indices = np.arange(100_000, dtype=np.int64)
    assert uniform(1, indices).mean() == pytest.approx(0.5, abs=0.005)
    assert gauss(1, indices).mean() == pytest.approx(0, abs=0.02)
    assert gauss(1, indices).std() == pytest.approx(1, abs=0.01)
    assert smooth(1, indices / 7, 1.0).std() == pytest.approx(1, abs=0.02)


def test_smooth_noise_is_continuous() -> None:
    t_s = 1.7e9 + np.arange(0, 100, 0.01)
    assert np.abs(np.diff(smooth(1, t_s, 10.0))).max() < 0.02


@pytest.mark.parametrize(
    ("one", "other"), [((1, "a"), (2, "a")), ((1, "a"), (1, "b")), ((1, "ab"), (1, "a", "b"))]
)
def test_seed_and_names_make_other_noise(one: tuple[int, str], other: tuple[int, str]) -> None:
    assert key_of(*one) != key_of(*other)


def test_a_key_is_the_same_in_every_version() -> None:
    assert key_of(7, "p1", "noise") == 2_268_607_908_976_726_777
