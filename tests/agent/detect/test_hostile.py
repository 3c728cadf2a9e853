"""Whatever arrives, nothing breaks, and nobody who did nothing is accused."""

import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.detect.detector import Detector
from agent.detect.episode import Severity
from tests.agent.detect.timeline import T0_S, linkage

ABSURD_TIMES = [math.nan, math.inf, -math.inf, 1e300, -1e18, 0.0, -5.0]
ABSURD_WATTS = [None, 10**40, -(10**40), math.nan, math.inf, -math.inf, 2**63, -1, 0]

SAMPLE = st.tuples(
    st.sampled_from(["p1", "t1"]),
    st.one_of(st.floats(T0_S, T0_S + 4_000), st.sampled_from(ABSURD_TIMES)),
    st.one_of(st.integers(-100, 60_000), st.sampled_from(ABSURD_WATTS)),
)
ADVANCE = st.one_of(st.floats(T0_S, T0_S + 5_000), st.floats(allow_nan=True), st.sampled_from(ABSURD_TIMES))


@given(st.lists(st.one_of(SAMPLE, ADVANCE), max_size=60))
@settings(deadline=None, max_examples=60)
def test_no_input_breaks_the_detector(steps: list[Any]) -> None:
    detector = Detector([linkage()])
    for step in steps:
        if isinstance(step, tuple):
            detector.sample(*step)
        else:
            detector.advance(step)
    detector.advance(T0_S + 6_000)
    assert detector.status()[0].linkage == "k1"
    again = Detector([linkage()])
    again.restore(detector.checkpoint())
    assert again.checkpoint() == detector.checkpoint()


@pytest.mark.parametrize("t_s", ABSURD_TIMES)
def test_an_absurd_time_is_no_time(t_s: float) -> None:
    detector = Detector([linkage()])
    detector.sample("p1", t_s, 5_000)
    if abs(t_s) < 1e11:
        return
    assert detector.advance(t_s) == []
    assert detector.advance(T0_S) == []


def test_a_line_that_no_linkage_has_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        Detector([linkage()]).sample("p9", T0_S, 1)


@st.composite
def healthy_days(draw: st.DrawFn) -> list[tuple[str, float, Any]]:
    """A plant whose treatment always does what it must, and everything that can happen to its samples."""
    loads = draw(st.lists(st.sampled_from([0, 0, 6_000, 9_000, 15_000]), min_size=2, max_size=6))
    lengths = [draw(st.integers(1, 200)) for _ in loads]
    drop = draw(st.sampled_from([0.0, 0.02, 0.3, 0.9]))
    rng = random.Random(draw(st.integers(0, 2**32)))
    rows: list[tuple[str, float, Any]] = []
    slot = 0
    for load, length in zip(loads, lengths, strict=True):
        for _ in range(length):
            t_s = T0_S + slot * 10 + rng.choice([0, 0, 0, -15, 25, 3_000 if rng.random() < 0.1 else 0])
            for line, watts in (("p1", load), ("t1", 16_000 if load else 0)):
                for _ in range(rng.choice([1, 1, 1, 2])):
                    if rng.random() >= drop:
                        odd = rng.random() < 0.02
                        rows.append((line, t_s, rng.choice(ABSURD_WATTS[:6]) if odd else watts))
            slot += 1
    return rows


@given(healthy_days())
@settings(deadline=None, max_examples=60)
def test_a_healthy_plant_is_never_accused_whatever_happens_to_its_samples(
    rows: list[tuple[str, float, Any]],
) -> None:
    detector = Detector([linkage()])
    found = []
    latest = T0_S
    for line, t_s, watts in rows:
        detector.sample(line, t_s, watts)
        latest = max(latest, t_s - 20)
        found += detector.advance(latest)
    found += detector.advance(latest + 4_000)
    assert [one for one in found if one.severity is Severity.VIOLATION] == []
