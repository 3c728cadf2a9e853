"""Linkages of several lines, and what a missing one does to the verdict."""

import pytest
from attrs import evolve

from agent.detect.detector import Detector
from agent.detect.param_table import ParamsError
from tests.agent.detect.timeline import T0_S, Timeline, line, linkage, minutes, outcomes, run

TWO = ("p1", "p2")
PAIR = ("t1", "t2")


def test_production_and_treatment_are_added_up() -> None:
    both = {"p1": 8_000, "p2": 8_000, "t1": 6_500, "t2": 6_500}
    one_fan = {**both, "t2": 0}
    params = linkage(TWO, PAIR)
    assert run(params, [(10, dict.fromkeys(both, 20)), (60, both)])[0] == []
    episodes = run(params, [(10, dict.fromkeys(both, 20)), (60, both), (30, one_fan)])[0]
    assert outcomes(episodes) == [("idle", "raised")]
    assert episodes[0].lines == TWO
    assert episodes[0].numbers["treatment_expected_w"] == 12_000


def test_a_standby_fan_takes_over_without_an_episode() -> None:
    first = {"p1": 10_000, "t1": 9_000, "t2": 0}
    second = {"p1": 10_000, "t1": 0, "t2": 9_000}
    assert run(linkage(("p1",), PAIR), [(60, first), (60, second), (60, first)])[0] == []


MISSING: list[tuple[str, Timeline, list[tuple[str, str]]]] = [
    (
        "with one production line dead, what the other one needs alone is asked for",
        [(30, {"p1": 8_000, "p2": 8_000, "t1": 13_000}), (60, {"p1": None, "p2": 8_000, "t1": 7_500})],
        [("data_loss", "raised")],
    ),
    (
        "with one production line dead, no treatment at all is still a violation",
        [(30, {"p1": 8_000, "p2": 8_000, "t1": 13_000}), (60, {"p1": None, "p2": 8_000, "t1": 0})],
        [("data_loss", "raised"), ("off", "raised")],
    ),
    (
        "with one production line dead and the other one off, nothing is known",
        [(30, {"p1": 8_000, "p2": 8_000, "t1": 13_000}), (60, {"p1": None, "p2": 0, "t1": 0})],
        [("data_loss", "raised")],
    ),
    (
        "with treatment dead, nothing is known",
        [(30, {"p1": 8_000, "p2": 8_000, "t1": 13_000}), (60, {"p1": 8_000, "p2": 8_000, "t1": None})],
        [("data_loss", "raised")],
    ),
]


@pytest.mark.parametrize(
    ("timeline", "wanted"), [row[1:] for row in MISSING], ids=[row[0] for row in MISSING]
)
def test_a_missing_line_never_accuses(timeline: Timeline, wanted: list[tuple[str, str]]) -> None:
    assert sorted(outcomes(run(linkage(TWO, ("t1",)), timeline)[0])) == wanted


def test_with_one_of_two_fans_dead_the_other_may_prove_health_but_no_deficit() -> None:
    both = {"p1": 10_000, "t1": 5_000, "t2": 5_000}
    params = linkage(("p1",), PAIR)
    assert outcomes(run(params, [(30, both), (60, {**both, "t2": None, "t1": 0})])[0]) == [
        ("data_loss", "raised")
    ]
    timeline = [(30, both), (30, {**both, "t1": 0, "t2": 0}), (30, {**both, "t2": None, "t1": 9_000})]
    assert ("off", "cleared") in outcomes(run(params, timeline)[0])


def test_after_a_blind_time_treatment_has_its_grace_again() -> None:
    on, bare = {"p1": 10_000, "t1": 9_000}, {"p1": 10_000, "t1": 0}
    blind = {"p1": None, "t1": None}
    episodes = run(linkage(), [(30, on), (10, blind), (4.8, bare), (30, on)])[0]
    assert {one.rule.value for one in episodes} == {"data_loss"}


def test_a_violation_that_was_open_stays_open_through_a_long_loss_of_data() -> None:
    on, bare = {"p1": 10_000, "t1": 9_000}, {"p1": 10_000, "t1": 0}
    timeline = [(30, on), (30, bare), (60, {"p1": 10_000, "t1": None}), (30, on)]
    episodes = [one for one in run(linkage(), timeline)[0] if one.rule.value == "off"]
    assert outcomes(episodes) == [("off", "raised"), ("off", "cleared")]
    assert minutes(episodes[1].end_at_s) == pytest.approx(120, abs=0.5)


def test_a_line_of_two_linkages_reports_its_own_loss_once() -> None:
    detector = Detector([linkage(), linkage(("p2",), ("t1",), linkage="k2")])
    found = []
    for slot in range(60):
        detector.sample("p1", T0_S + slot * 10, 10_000 + slot % 3)
        detector.sample("p2", T0_S + slot * 10, 10_000 + slot % 3)
        found += detector.advance(T0_S + slot * 10)
    assert [(one.linkage, one.lines, one.rule.value) for one in found] == [("k1", ("t1",), "data_loss")]


def test_linkages_must_agree_on_slots_and_on_shared_lines() -> None:
    with pytest.raises(ParamsError, match="the same dt_s"):
        Detector([linkage(), linkage(("p2",), ("t2",), dt_s=5)])
    with pytest.raises(ParamsError, match="different parameters"):
        Detector([linkage(), evolve(linkage(("p2",), linkage="k2"), treatment=(line("t1", rated_w=1),))])
