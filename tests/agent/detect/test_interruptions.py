"""Treatment that is switched off again and again, each time for less than an alarm takes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.detect.counts import INTERRUPTIONS_MAX, Interruptions
from agent.detect.detector import Detector
from agent.detect.episode import Severity
from tests.agent.detect.timeline import T0_S, Timeline, linkage, minutes, outcomes, run

ON = {"p1": 10_000, "t1": 9_000}
BARE = {"p1": 10_000, "t1": 50}
OFF = {"p1": 100, "t1": 50}


def switched(times: int, off_min: float, on_min: float) -> Timeline:
    return [(30, ON), *[(off_min, BARE), (on_min, ON)] * times]


@pytest.mark.parametrize(
    ("timeline", "wanted"),
    [
        (switched(4, 2.5, 10), []),
        (switched(8, 2.5, 10), [("interruptions", "raised")]),
        (switched(40, 1 / 6, 5), []),  # single slots are switching, not interruptions
        (switched(8, 2.5, 120), []),  # spread over more than a shift
        ([(10, OFF), *[(4, BARE), (20, ON), (30, OFF)] * 8], []),  # late within the grace, at each start
    ],
)
def test_short_interruptions_add_up(timeline: Timeline, wanted: list[tuple[str, str]]) -> None:
    assert outcomes(run(linkage(), timeline)[0]) == wanted


def test_the_episode_says_how_many_and_how_long_and_ends_when_they_are_old() -> None:
    raised, cleared = run(linkage(), [*switched(8, 2.5, 10), (600, ON)])[0]
    assert raised.severity is Severity.VIOLATION
    assert raised.lines == ("p1",)
    assert minutes(raised.begin_at_s) == pytest.approx(30, abs=0.3)
    assert raised.numbers["interruption_count"] == 7
    assert raised.numbers["interrupted_for_s"] >= 900
    assert "7 times" in raised.sentence["en"]
    assert "短时中断7次" in raised.sentence["zh"]
    assert minutes(cleared.end_at_s) > 480


def test_they_can_be_left_unjudged() -> None:
    assert run(linkage(interruptions_s=0), switched(12, 2.5, 10))[0] == []


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 600)), max_size=300))
@settings(deadline=None)
def test_the_sum_is_that_of_what_is_kept(steps: list[tuple[int, int]]) -> None:
    counted = Interruptions(10, 28_800, 30, 300)
    slot = 0
    model: list[tuple[int, int]] = []
    for later, lasted_s in steps:
        slot += later
        counted.add(slot, lasted_s)
        if 30 <= lasted_s < 300:
            model = [*model, (slot, lasted_s)][-INTERRUPTIONS_MAX:]
        first = counted.find_first(slot)
        model = [one for one in model if slot - one[0] < 2_880]
        assert list(counted.kept) == model
        assert counted.total_s == sum(lasted for _, lasted in model)
        assert first == (model[0][0] if model else slot)
    again = Interruptions(10, 28_800, 30, 300)
    again.restore(counted.state())
    assert (again.kept, again.total_s) == (counted.kept, counted.total_s)


def told_by_id(timeline: Timeline) -> list[tuple[str, str]]:
    """Rule and last state of each episode of treatment that went off."""
    last = {one.id: one for one in run(linkage(interruptions_s=0), timeline)[0]}
    return [(one.rule.value, one.state.value) for one in last.values()]


@pytest.mark.parametrize(
    ("timeline", "wanted"),
    [
        ([*switched(5, 6, 10), (5, ON)], [("off", "cleared")]),
        ([*switched(5, 6, 10), (6, BARE)], [("off", "raised")]),
        (switched(3, 6, 45), [("off", "cleared")] * 3),  # each a story of its own
        ([(30, ON), (6, BARE), (10, ON), (6, BARE), (90, OFF)], [("early_stop", "cleared")]),
        ([(30, ON), (6, BARE), (5, ON), (10, OFF), (10, ON), (6, BARE), (5, ON)], [("off", "cleared")] * 2),
    ],
    ids=["again and again", "and not back", "rarely", "at last before the end", "in two runs"],
)
def test_an_off_that_comes_back_soon_is_the_same_episode(
    timeline: Timeline, wanted: list[tuple[str, str]]
) -> None:
    assert told_by_id(timeline) == wanted


def test_every_raise_has_its_own_numbers() -> None:
    found = run(linkage(interruptions_s=0), [*switched(3, 6, 10), (5, ON)])[0]
    assert outcomes(found) == [("off", "raised"), ("off", "cleared")] * 3
    assert len({(one.id, one.begin_at_s, one.raised_at_s) for one in found}) == 1
    assert [one.numbers.get("reopened", 0) for one in found] == [0, 0, 1, 1, 2, 2]
    assert [round(minutes(one.numbers["deficit_begin_at_s"])) for one in found[::2]] == [30, 46, 62]
    assert [round(minutes(one.end_at_s)) for one in found[1::2]] == [36, 52, 68]


def test_a_kill_between_two_of_them_changes_nothing() -> None:
    params = linkage(interruptions_s=0)
    found, detector = run(params, switched(1, 6, 10))
    again = Detector([params])
    again.restore(detector.checkpoint())
    at = T0_S + 46 * 60
    for slot in range(36):
        again.sample("p1", at + slot * 10, 10_000 + slot % 5)
        again.sample("t1", at + slot * 10, 50 + slot % 5)
        found += again.advance(at + slot * 10)
    assert outcomes(found) == [("off", "raised"), ("off", "cleared"), ("off", "raised")]
    assert found[2].id == found[0].id
