"""The plant hears of a deficit before it is an episode, and when it is over."""

import pytest

from agent.detect.detector import Detector
from agent.detect.status import EarlyWarning, PlantWarning
from tests.agent.detect.timeline import DT_S, T0_S, Timeline, linkage, minutes

OFF = {"p1": 100, "t1": 50}
ON = {"p1": 10_000, "t1": 9_000}
BARE = {"p1": 10_000, "t1": 50}
LOW = {"p1": 10_000, "t1": 4_000}


def warned(timeline: Timeline, after_s: float = 30.0, **more: object) -> list[PlantWarning]:
    params = linkage(**more)
    detector, early = Detector([params]), EarlyWarning({"k1": params}, after_s)
    found: list[PlantWarning] = []
    slot = 0
    for lasts, watts in timeline:
        for _ in range(round(lasts * 60 / DT_S)):
            at = T0_S + slot * DT_S
            for name, value in watts.items():
                if value is not None:
                    detector.sample(name, at, value + slot % 5)
            detector.advance(at)
            found += early.update(detector.status(), at)
            slot += 1
    return found


@pytest.mark.parametrize(
    ("timeline", "wanted"),
    [
        ([(10, OFF), (120, ON), (60, OFF)], []),
        ([(30, ON), (1 / 6, BARE), (30, ON)], []),
        ([(30, ON), (2, BARE), (30, ON)], ["begins", "healthy"]),
        ([(30, ON), (2, BARE), (30, OFF)], ["begins", "production stopped"]),
        ([(30, ON), (20, BARE), (30, ON)], ["begins", "raised"]),
        ([(30, ON), (2, BARE), (10, ON), (2, LOW), (10, ON)], ["begins", "healthy"] * 2),
        ([(10, OFF), (20, BARE)], ["begins", "raised"]),
        ([(30, ON), (30, {"p1": 10_000, "t1": None})], []),
    ],
)
def test_a_warning_begins_and_ends_at_once(timeline: Timeline, wanted: list[str]) -> None:
    assert [one.state for one in warned(timeline)] == wanted


def test_a_warning_comes_minutes_before_the_episode_and_says_how_many() -> None:
    begins, raised = warned([(30, ON), (20, BARE)])
    assert minutes(begins.at_s) < 31.5
    assert begins.since_s == pytest.approx(T0_S + 1_800, abs=10)
    assert raised.at_s - begins.at_s == pytest.approx(begins.left_s, abs=30)
    assert begins.left_s > 120
    assert (begins.treatment_w, begins.expected_w) == (pytest.approx(52, abs=3), 7_000)
    assert "finding is recorded in about 3 min" in begins.sentence["en"]
    assert "约3分钟后记入事件" in begins.sentence["zh"]
    assert begins.to_body()["sentence"] == begins.sentence


def test_at_the_start_of_production_the_grace_is_what_is_left() -> None:
    begins, raised = warned([(10, OFF), (20, BARE)])
    assert raised.at_s - begins.at_s == pytest.approx(begins.left_s, abs=30)
    assert begins.left_s > 240


def test_treatment_that_follows_late_as_learned_is_no_reason() -> None:
    late = [(30, OFF), (1.5, BARE), (30, ON)]
    assert [one.state for one in warned(late)] == ["begins", "healthy"]
    assert warned(late, lag_s=90) == []


def test_how_much_must_be_lacking_first_can_be_chosen() -> None:
    timeline = [(30, ON), (1.5, BARE), (30, ON)]
    assert warned(timeline, after_s=120) == []
    assert len(warned(timeline, after_s=10)) == 2
