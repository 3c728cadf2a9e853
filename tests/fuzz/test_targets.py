"""Each target over real messages, over seeded changes of them, and over bytes that hypothesis draws.

The coverage-guided run is `make fuzz`; this is what every change pays.
"""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.mutate import mutate
from tests.fuzz.targets import TARGETS

CHANGES = 60
"""Of each target; `make fuzz` goes on for as long as it is asked to."""
BY_NAME = pytest.mark.parametrize("name", TARGETS)


@cache
def seeds(name: str) -> tuple[bytes, ...]:
    return tuple(TARGETS[name].seeds())


@BY_NAME
def test_the_seeds_are_real_and_pass(name: str) -> None:
    target = TARGETS[name]
    assert seeds(name)
    for seed in seeds(name):
        assert len(seed) <= target.bytes_max
        target.run(seed)


@BY_NAME
@given(data=st.data())
@settings(max_examples=CHANGES, deadline=None)
def test_changed_messages_are_read_or_refused(name: str, data: st.DataObject) -> None:
    target = TARGETS[name]
    raw = data.draw(st.sampled_from(seeds(name)))
    for change in data.draw(st.lists(st.integers(0, 2**32), min_size=1, max_size=3)):
        raw = mutate(raw, target.bytes_max, change, form=target.form)
    target.run(raw)


@BY_NAME
@given(raw=st.binary(max_size=64))
@settings(max_examples=30, deadline=None)
def test_any_bytes_are_read_or_refused(name: str, raw: bytes) -> None:
    TARGETS[name].run(raw)


def test_a_change_is_the_same_each_time() -> None:
    for name, target in TARGETS.items():
        seed = seeds(name)[0]
        made = [mutate(seed, target.bytes_max, change, form=target.form) for change in range(20)]
        assert made == [mutate(seed, target.bytes_max, change, form=target.form) for change in range(20)]
        assert set(made) != {seed}
