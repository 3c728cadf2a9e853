"""Each rule as a short timeline: minutes, watts, and the episodes that must come of it."""

import pytest
from attrs import evolve

from agent.detect.detector import Detector
from agent.detect.episode import Rule, Severity, State
from agent.detect.status import LinkageStatus
from tests.agent.detect.timeline import T0_S, Timeline, line, linkage, minutes, outcomes, run

OFF = {"p1": 100, "t1": 50}
ON = {"p1": 10_000, "t1": 9_000}
BARE = {"p1": 10_000, "t1": 50}
LOW = {"p1": 10_000, "t1": 4_000}

VIOLATIONS: list[tuple[str, Timeline, list[tuple[str, str]]]] = [
    ("healthy", [(10, OFF), (120, ON), (60, OFF)], []),
    ("treatment starts within its grace", [(10, OFF), (4, BARE), (60, ON)], []),
    ("a stop of treatment shorter than it takes", [(10, OFF), (30, ON), (2.5, BARE), (30, ON)], []),
    ("a short jog of production", [(10, OFF), (2, BARE), (60, OFF)], []),
    ("treatment runs on after production", [(10, OFF), (30, ON), (60, {"p1": 100, "t1": 9_000})], []),
    ("off", [(10, OFF), (60, ON), (60, BARE), (20, ON)], [("off", "raised"), ("off", "cleared")]),
    ("late", [(10, OFF), (20, BARE), (20, ON)], [("late_start", "raised"), ("late_start", "cleared")]),
    ("idle", [(10, OFF), (30, ON), (30, LOW), (30, ON)], [("idle", "raised"), ("idle", "cleared")]),
    (
        "early stop",
        [(10, OFF), (60, ON), (20, BARE), (60, OFF)],
        [("off", "raised"), ("early_stop", "cleared")],
    ),
    (
        "off over several batches is no early stop",
        [(10, OFF), (60, ON), *[(15, BARE), (20, OFF)] * 4, (60, OFF)],
        [("off", "raised"), ("off", "cleared")],
    ),
    (
        "a pause longer than half an hour does not make two deeds of one",
        [(10, OFF), (60, ON), (30, BARE), (60, OFF), (30, BARE), (60, OFF)],
        [("off", "raised"), ("early_stop", "cleared"), ("off", "raised"), ("off", "cleared")],
    ),
    (
        "low and then off",
        [(10, OFF), (30, ON), (30, LOW), (60, BARE), (20, ON)],
        [("idle", "raised"), ("off", "raised"), ("off", "cleared")],
    ),
    (
        "a fan at half speed draws an eighth and is not off",
        [(10, OFF), (30, ON), (60, {"p1": 10_000, "t1": 1_200}), (20, ON)],
        [("idle", "raised"), ("idle", "cleared")],
    ),
    (
        "a run that goes on long after treatment went off ends without an early stop",
        [(10, OFF), (60, ON), (60, BARE), (60, OFF)],
        [("off", "raised"), ("off", "cleared")],
    ),
    ("many short batches add up", [(10, OFF), *[(2.5, BARE), (5, OFF)] * 3], [("late_start", "raised")]),
    ("data is missing", [(10, OFF), (30, ON), (40, {"p1": 10_000, "t1": None})], [("data_loss", "raised")]),
    ("all data is missing", [(30, ON), (40, {"p1": None, "t1": None})], [("data_loss", "raised")] * 2),
]


@pytest.mark.parametrize(
    ("timeline", "wanted"), [row[1:] for row in VIOLATIONS], ids=[row[0] for row in VIOLATIONS]
)
def test_a_timeline_gives_these_episodes(timeline: Timeline, wanted: list[tuple[str, str]]) -> None:
    assert outcomes(run(linkage(), timeline)[0]) == wanted


def test_an_episode_knows_when_it_began_was_raised_and_ended() -> None:
    raised, cleared = run(linkage(), [(10, OFF), (60, ON), (60, BARE), (20, ON)])[0]
    assert raised.id == cleared.id == f"k1-off-{raised.begin_at_s}"
    # The fall to nothing waits for its second sample: one slot.
    assert minutes(raised.begin_at_s) == pytest.approx(70, abs=0.3)
    assert minutes(raised.raised_at_s) == pytest.approx(73, abs=0.4)
    assert (raised.end_at_s, raised.state) == (None, State.RAISED)
    assert minutes(cleared.end_at_s) == pytest.approx(130, abs=0.2)


def test_an_off_violation_carries_its_evidence() -> None:
    raised = run(linkage(), [(10, OFF), (60, ON), (60, BARE)])[0][0]
    numbers = raised.numbers
    assert raised.severity is Severity.VIOLATION
    assert raised.lines == ("p1",)
    assert raised.params_hash == linkage().hash
    assert numbers["production_w"] == pytest.approx(10_000, abs=10)
    assert numbers["treatment_w"] == pytest.approx(50, abs=10)
    assert (numbers["treatment_expected_w"], numbers["treatment_normal_w"]) == (7_000, 9_000)
    assert numbers["deficit_s"] >= numbers["limit_s"]
    assert (numbers["deficit_fraction"], numbers["deficit_off_fraction"]) == (1.0, 1.0)
    assert minutes(numbers["production_on_at_s"]) == 10.0
    assert minutes(numbers["grace_end_at_s"]) == 15.0
    assert numbers["healthy_at_s"] < raised.begin_at_s
    assert numbers["lines_alive"] == ["p1", "t1"]
    assert numbers["lines_on"] == ["p1"]
    assert numbers["completeness"] == 1.0
    assert numbers["correlation"] > 0.8
    assert numbers["correlation_undefined"] == ""
    assert numbers["correlated_minutes"] == 73


def test_the_trace_shows_two_hours_of_minutes_with_holes_where_data_is_missing() -> None:
    timeline = [(10, OFF), (10, {"p1": None, "t1": None}), (60, ON), (60, BARE)]
    trace = next(one for one in run(linkage(), timeline)[0] if one.rule is Rule.OFF).trace
    assert len(trace.production_w) == len(trace.treatment_w) == 120
    assert trace.production_w[0] is None
    shown = [(u, t) for u, t in zip(trace.production_w, trace.treatment_w, strict=True) if u is not None]
    assert shown[0] == (pytest.approx(102, abs=3), pytest.approx(52, abs=3))
    assert shown[-2] == (pytest.approx(10_002, abs=3), pytest.approx(52, abs=3))
    assert len(shown) == pytest.approx(73, abs=2)


def test_a_single_zero_is_no_stop_and_two_are() -> None:
    def after(zeros: int) -> int:
        detector = run(linkage(), [(30, ON), (zeros / 6, {"p1": 10_000, "t1": 0})])[1]
        return detector.status()[0].treatment_w

    assert after(1) > 8_000
    assert after(2) == 0


def test_a_deficit_is_visible_before_anything_is_raised() -> None:
    status = run(linkage(), [(30, ON), (2, BARE)])[1].status()[0]
    assert 60 < status.deficit_s < status.limit_s
    assert minutes(status.deficit_since_s) == pytest.approx(30, abs=0.2)
    assert (status.production_on, status.treatment_on) == (True, False)
    assert (status.violation, status.severity) == (None, None)


def test_r_is_shown_from_a_quarter_of_an_hour_on_with_the_minutes_that_it_is_of() -> None:
    def after(minutes: float) -> LinkageStatus:
        return run(linkage(), [(10, OFF), (minutes, ON)])[1].status()[0]

    few, enough = after(4), after(8)
    assert (few.correlation, few.undefined_reason) == (None, "too few samples")
    assert (few.correlated_minutes, few.correlated_minutes_min, few.correlation_minutes) == (14, 15, 240)
    assert enough.correlation == pytest.approx(1.0, abs=0.01)
    assert (enough.undefined_reason, enough.correlated_minutes) == ("", 18)


def test_r_says_nothing_while_production_hardly_varies() -> None:
    known = linkage(correlation_sd_w=3_000.0, correlation_limit=0.5)
    rest, work = [(200, OFF)], [(30, OFF), (30, ON)]
    assert [run(known, one)[1].status()[0].correlation_varied for one in (rest, work)] == [False, True]
    assert run(linkage(), rest)[1].status()[0].correlation_varied


def test_the_status_has_the_severity_of_the_episode_and_not_that_of_its_rule() -> None:
    for learned_to_s, severity in ((0, Severity.NOTICE), (T0_S, Severity.VIOLATION)):
        params = linkage(learned_to_s=learned_to_s, provisional=True)
        status = run(params, [(10, OFF), (60, ON), (60, BARE)])[1].status()[0]
        assert (status.violation, status.severity) == (Rule.OFF, severity)
        assert status.learned is bool(learned_to_s)


def test_a_power_that_cannot_be_measured_is_missing_and_not_off() -> None:
    for absurd in (90_000, -90_000):
        episodes, _ = run(linkage(), [(30, ON), (40, {"p1": 10_000, "t1": absurd})])
        assert outcomes(episodes) == [("data_loss", "raised")]
        assert episodes[0].numbers["rejected"] > 0


def frozen(values: dict[str, int], steps: int) -> list[str]:
    params = evolve(
        linkage(),
        production=(line("p1", stuck_on_s=600, stuck_off_s=600),),
        treatment=(line("t1", stuck_on_s=600, stuck_off_s=600),),
    )
    detector = Detector([params])
    found = []
    for slot in range(steps):
        for name, watts in {"p1": 10_000 + slot % 2, "t1": 9_000 + slot % 3, **values}.items():
            detector.sample(name, T0_S + slot * 10, watts)
        found += detector.advance(T0_S + slot * 10)
    return [f"{one.lines[0]} {one.rule.value}" for one in found]


@pytest.mark.parametrize(
    ("values", "steps", "wanted"),
    [
        ({}, 200, []),
        ({"t1": 9_000}, 55, []),
        ({"t1": 9_000}, 80, ["t1 stuck"]),
        ({"p1": 10_000}, 80, ["p1 stuck"]),
        ({"p1": 0}, 200, []),
    ],
)
def test_a_meter_that_repeats_itself_is_stuck_but_zero_may_repeat(
    values: dict[str, int], steps: int, wanted: list[str]
) -> None:
    assert frozen(values, steps) == wanted


def test_a_load_without_any_noise_is_flat() -> None:
    params = evolve(linkage(), treatment=(line("t1", noise_floor=0.004),))
    detector = Detector([params])
    found = []
    for slot in range(900):
        noisy = slot < 360
        detector.sample("p1", T0_S + slot * 10, 10_000 + slot % 7)
        detector.sample("t1", T0_S + slot * 10, 9_000 + (slot * 37 % 200 if noisy else slot % 2))
        found += detector.advance(T0_S + slot * 10)
    assert [(one.rule, one.severity) for one in found] == [(Rule.FLAT, Severity.INTEGRITY)]
    assert minutes(found[0].raised_at_s) > 60 + 30


def test_standby_current_that_vanishes_is_a_fault_of_the_transformer() -> None:
    params = evolve(linkage(), production=(line("p1", ct_floor_w=90),))
    episodes, _ = run(
        params, [(30, {"p1": 240, "t1": 50}), (10, {"p1": 0, "t1": 50}), (10, {"p1": 240, "t1": 50})]
    )
    assert outcomes(episodes) == [("ct_prod", "raised"), ("ct_prod", "cleared")]


def test_treatment_that_runs_on_for_too_long_is_decoupled() -> None:
    params = linkage(overrun_s=5_400)
    timeline = [(30, ON), (100, {"p1": 100, "t1": 9_000}), (10, OFF)]
    assert outcomes(run(params, timeline)[0]) == [("decoupled", "raised"), ("decoupled", "cleared")]


def test_treatment_that_starts_again_and_again_without_production_is_decoupled() -> None:
    timeline = [(30, ON), *[(20, OFF), (20, {"p1": 100, "t1": 9_000})] * 4, (10, OFF)]
    episodes = run(linkage(), timeline)[0]
    assert outcomes(episodes) == [("decoupled", "raised")]
    assert episodes[0].numbers["orphan_starts"] == 3
    assert run(linkage(orphans_limit=0), timeline)[0] == []


def test_treatment_that_starts_before_production_is_no_orphan() -> None:
    timeline = [
        (30, OFF),
        *[(5, {"p1": 100, "t1": 9_000}), (20, ON), (5, {"p1": 100, "t1": 9_000}), (20, OFF)] * 5,
    ]
    assert run(linkage(), timeline)[0] == []


def test_a_duty_cycle_is_no_stop_and_its_absence_is() -> None:
    params = linkage(duty_window_s=600)
    cycle = [(10, ON), (6, BARE)]
    assert run(params, [(10, OFF), *cycle * 6])[0] == []
    episodes = run(params, [(10, OFF), *cycle * 3, (60, BARE)])[0]
    assert outcomes(episodes) == [("off", "raised")]


def test_low_correlation_is_a_notice_and_only_while_production_varies() -> None:
    params = linkage(correlation_minutes=30, correlation_sd_w=1_500.0, correlation_limit=0.5)
    varied = [(2, {"p1": 10_000 + 4_000 * (i % 2), "t1": 13_000 + 1_000 * (i * 7 % 3)}) for i in range(60)]
    found = run(params, varied)[0]
    assert [(one.rule, one.severity) for one in found] == [(Rule.LOW_CORRELATION, Severity.NOTICE)]
    assert run(params, [(120, ON)])[0] == []


def test_the_evidence_has_the_correlation_at_the_learned_lag_and_beside_it() -> None:
    params = linkage(correlation_minutes=30, lag_s=120, overrun_s=0)
    # Production changes every five minutes, treatment follows two minutes later.
    load = [10_000 + 2_000 * (minute // 5 % 2) for minute in range(120)]
    rows: Timeline = [(1, {"p1": load[i], "t1": 9_000 + (load[max(i - 2, 0)] - 10_000)}) for i in range(120)]
    watched = run(params, rows)[1]._links[0]
    numbers = watched.collect_evidence(0)
    by_lag = dict(numbers["correlations"])
    assert list(by_lag) == [0, 60, 120, 180]
    assert by_lag[120] == numbers["correlation"] == max(by_lag.values())


def test_treatments_in_series_are_one_linkage_each() -> None:
    """A scrubber behind a fan: both must run, and the sum of a linkage would hide either."""
    detector = Detector([linkage(), linkage(("p1",), ("t2",), linkage="k2")])
    found = []
    for slot in range(600):
        second = 9_000 if slot < 360 else 0
        for name, watts in (("p1", 10_000), ("t1", 9_000), ("t2", second)):
            detector.sample(name, T0_S + slot * 10, watts + (slot % 3 if watts else 0))
        found += detector.advance(T0_S + slot * 10)
    assert [(one.linkage, one.rule.value) for one in found] == [("k2", "off")]
