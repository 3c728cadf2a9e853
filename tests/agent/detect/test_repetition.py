"""A recording that is played is told from every load that only looks alike."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.detect.detector import Detector
from agent.detect.repetition import ANCHOR_OF, PATTERN, Repetition
from tests.agent.detect.timeline import DT_S, T0_S, line, linkage

HOUR = 3600 // DT_S
FIRST = 179_000_000


def fan(hours: int, seed: int = 1, step_w: int = 1, noise_w: float = 60.0) -> list[int]:
    """A fan of 20 kW whose level drifts, on a meter of `step_w`."""
    rng = np.random.default_rng(seed)
    n = hours * HOUR
    drift = np.cumsum(rng.normal(0, 8, n))
    watts = 20_000 + drift - np.linspace(0, drift[-1], n) + rng.normal(0, noise_w, n)
    return [round(one / step_w) * step_w for one in watts]


def fed(readings: Sequence[int | None], first: int = FIRST) -> tuple[Repetition, list[int]]:
    """What is known after these readings, and the slots after which they were a repetition."""
    known, found = Repetition(DT_S), []
    for slot, raw in enumerate(readings, first):
        if raw is not None:
            known.note(slot, raw)
        if known.repeats:
            found.append(slot - first)
    return known, found


def lose(readings: Sequence[int], share: float) -> list[int | None]:
    rng = np.random.default_rng(5)
    return [
        None if one else raw for one, raw in zip(rng.random(len(readings)) < share, readings, strict=True)
    ]


@pytest.mark.parametrize("share", [0.0, 0.02], ids=["all readings", "one in fifty lost"])
@pytest.mark.parametrize("back_h", [13, 40, 60])
def test_a_recording_of_days_ago_is_named_with_its_time(back_h: int, share: float) -> None:
    own = fan(96)
    begin = len(own) - back_h * HOUR
    known, found = fed(lose(own + own[begin : begin + 12 * HOUR], share))
    assert found
    assert found[0] > len(own) + HOUR
    assert known.describe(DT_S)["repeated_from_at_s"] == (known.since - back_h * HOUR) * DT_S
    assert known.describe(DT_S)["repeated_readings"] >= 5 * PATTERN
    assert known.chance <= 1e-9


def test_a_recording_ends_where_the_load_is_its_own_again() -> None:
    own = fan(96)
    known, found = fed(own + own[20 * HOUR : 32 * HOUR] + fan(12, seed=2))
    assert found
    assert not known.repeats
    assert found[-1] < len(own) + 18 * HOUR


STEADY: list[tuple[str, Callable[[], list[int]]]] = [
    ("a load of its own", lambda: fan(400)),
    ("a meter of 100 W steps", lambda: fan(400, step_w=100)),
    (
        "a coarse meter of a fixed fan",
        lambda: [20_066 + 4_000 * (slot % 97 == 0) for slot in range(400 * HOUR)],
    ),
    ("a fixed fan of few values", lambda: fan(400, step_w=127, noise_w=40.0)),
    (
        "a control that repeats itself by the minute",
        lambda: [20_066 + 31 * (slot % 7) for slot in range(99_999)],
    ),
    ("a timer of an hour, always the same", lambda: fan(1) * 400),
    ("a buffer that answers for half an hour", lambda: [raw for one in _halves() for raw in one * 2]),
    ("one value", lambda: [20_066] * 99_999),
]


def _halves() -> list[list[int]]:
    own = fan(200)
    return [own[at : at + HOUR // 2] for at in range(0, len(own), HOUR // 2)]


@pytest.mark.parametrize("readings", [one[1] for one in STEADY], ids=[one[0] for one in STEADY])
def test_what_is_alike_for_an_honest_reason_is_no_repetition(readings: Callable[[], list[int]]) -> None:
    assert fed(readings())[1] == []


@given(st.integers(0, 2**32), st.integers(1, 200), st.floats(5.0, 300.0))
@settings(deadline=None, max_examples=8)
def test_no_load_of_its_own_repeats(seed: int, step_w: int, noise_w: float) -> None:
    assert fed(fan(60, seed=seed, step_w=step_w, noise_w=noise_w))[1] == []


@given(
    st.lists(st.sampled_from([0, ANCHOR_OF, 5, 20_066, 10**9]), max_size=60), st.integers(-(10**11), 10**11)
)
@settings(deadline=None, max_examples=60)
def test_a_restart_changes_nothing(readings: list[int], first: int) -> None:
    own = [*fan(2), *readings]
    whole, _ = fed(own, first)
    before, _ = fed(own[:-30], first)
    after = Repetition(DT_S)
    after.restore(before.state())
    for slot, raw in enumerate(own[-30:], first + len(own) - 30):
        after.note(slot, raw)
    assert after.state() == whole.state()


def test_the_episode_says_of_when_the_readings_are_and_who_looks() -> None:
    known = evolve(linkage(), treatment=(line("t1", noise_floor=0.0001),))
    own = [raw // 2 for raw in fan(40)]  # what is of the last day is told as an echo
    detector, found = Detector([known]), []
    for slot, raw in enumerate([*own, *own[4 * HOUR : 12 * HOUR], *fan(5, seed=2)]):
        at = T0_S + slot * DT_S
        detector.sample("p1", at, 10_000 + slot % 7)
        detector.sample("t1", at, raw)
        found += detector.advance(at)
        if slot % 5_000 == 4_999:
            again = Detector([known])
            again.restore(detector.checkpoint())
            detector = again
    raised, cleared = found
    assert (raised.rule.value, raised.lines, cleared.state.value) == ("stuck", ("t1",), "cleared")
    first_s = (raised.numbers["repeated_from_at_s"] - T0_S) / 3600
    assert 4 <= first_s <= 6
    assert raised.begin_at_s - raised.numbers["repeated_from_at_s"] == 36 * 3600
    assert "showed again what it had shown from 2026-01-01" in raised.sentence["en"]
    assert "Bureau: look on site" in raised.sentence["en"]
    assert "回放" in raised.sentence["zh"]
