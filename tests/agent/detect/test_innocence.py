"""What an honest plant does and must never be accused of, beside the deeds that look most like it."""

from collections.abc import Mapping, Sequence

import pytest
from attrs import evolve

from agent.detect.detector import Detector
from agent.detect.episode import Episode, Rule, Severity
from agent.detect.params import LinkageParams, nameplate
from tests.agent.detect.timeline import DT_S, T0_S, Timeline, line, linkage, run

STANDBY = {"p1": 900, "t1": 50}
ON = {"p1": 10_000, "t1": 9_000}
OFF = {"p1": 10_000, "t1": 50}
SHOWN = linkage()
"""Production whose CT showed 900 W at every stop: the learned floor is 0.4 of that."""
WITH_STANDBY = evolve(SHOWN, production=(line("p1", ct_floor_w=360),))

Channels = Mapping[str, Mapping[str, float]]
MOTOR = {"current_a": 15.0, "voltage_v": 230.0}
STILL = {"current_a": 0.2, "voltage_v": 230.0}


def graves(episodes: Sequence[Episode]) -> list[tuple[str, str]]:
    """Rule and severity of what accuses, each once."""
    found = {(one.rule.value, one.severity.value): None for one in episodes}
    return [one for one in found if one[1] in {"violation", "integrity"}]


def notices(episodes: Sequence[Episode]) -> set[str]:
    return {one.rule.value for one in episodes if one.severity is Severity.NOTICE}


CT: list[tuple[str, Timeline, list[tuple[str, str]], set[str]]] = [
    (
        "the CT comes off in the middle of a run",
        [(30, STANDBY), (60, ON), (30, {"p1": 0, "t1": 9_000})],
        [("ct_prod", "integrity")],
        set(),
    ),
    (
        "the main switch is opened after the stop",
        [(60, ON), (30, STANDBY), (600, {"p1": 0, "t1": 50})],
        [],
        {"ct_prod"},
    ),
    (
        "the main switch is opened and a control stays on",
        [(60, ON), (30, STANDBY), (600, {"p1": 60, "t1": 50})],
        [],
        set(),
    ),
    (
        "the CT comes off at night, and treatment starts in the morning",
        [(60, ON), (30, STANDBY), (300, {"p1": 0, "t1": 50}), (60, {"p1": 0, "t1": 9_000})],
        [("ct_prod", "integrity")],
        {"ct_prod"},
    ),
    (
        "the main switch is opened at night, and the fan is tried for a moment",
        [(60, ON), (30, STANDBY), (300, {"p1": 0, "t1": 50}), (8, {"p1": 0, "t1": 9_000})],
        [],
        {"ct_prod"},
    ),
    ("the supply fails", [(30, STANDBY), (60, ON), (20, {"p1": 0, "t1": 0}), (60, ON)], [], {"ct_prod"}),
    (
        "the line runs down, then its switch is opened while the fan runs on",
        [(60, ON), (2, {"p1": 900, "t1": 9_000}), (30, {"p1": 0, "t1": 9_000})],
        [],
        {"ct_prod"},
    ),
]


@pytest.mark.parametrize(
    ("timeline", "accused", "asked"), [row[1:] for row in CT], ids=[row[0] for row in CT]
)
def test_a_meter_that_shows_nothing_accuses_only_with_proof(
    timeline: Timeline, accused: list[tuple[str, str]], asked: set[str]
) -> None:
    episodes = run(WITH_STANDBY, timeline)[0]
    assert graves(episodes) == accused
    assert notices(episodes) <= asked


def night(hours: int, watts: int) -> list[Mapping[str, int]]:
    """Fourteen hours of production, and ten of rest, of which the meter shows so little for `hours`."""
    dark = [{"p1": watts, "t1": 50}] * (60 * hours)
    return [ON] * 840 + [STANDBY] * 60 + dark + [STANDBY] * (540 - 60 * hours)


WEEKS = [night(hours, 0) for hours in (6, 0, 5, 0, 7)] + [night(6, 900)] * 11


@pytest.mark.parametrize("restarted", [False, True])
def test_what_was_not_asked_about_a_meter_that_shows_nothing_is_told_in_sum_after_two_weeks(
    restarted: bool,
) -> None:
    detector, found = Detector([evolve(WITH_STANDBY, dt_s=60)]), list[Episode]()
    for slot, watts in enumerate(watts for day in WEEKS for watts in day):
        if restarted and slot % 1_000 == 0:
            before, detector = detector, Detector([evolve(WITH_STANDBY, dt_s=60)])
            detector.restore(before.checkpoint())
            detector.restart(T0_S + slot * 60) if slot == 12_000 else None
        for name, value in watts.items():
            detector.sample(name, T0_S + slot * 60, value + slot * 7 % 5 if value else 0)
        found += detector.advance(T0_S + slot * 60)
    told = [one for one in found if one.rule is Rule.CT_PROD]
    assert [(one.severity.value, one.state.value) for one in told] == [
        ("notice", "raised"), ("notice", "cleared"), ("notice", "cleared"),
    ]  # fmt: skip
    assert graves(found) == []
    asked, _, summed = told
    assert summed.begin_at_s == pytest.approx(T0_S + 60 * (2 * 1_440 + 900), abs=120)
    assert summed.numbers["untold_count"] == 2
    assert summed.numbers["untold_for_s"] == pytest.approx(12 * 3_600, abs=300)
    assert summed.raised_at_s - asked.raised_at_s == pytest.approx(14 * 86_400, abs=1_800 + 60)
    assert "again (2 ×, 12 h in all)" in summed.sentence["en"]
    assert "又有2次没有读数，合计12小时" in summed.sentence["zh"]
    assert "Technician: check the CT" in summed.sentence["en"]


PULSE: Timeline = [(1, ON), (0.5, STANDBY)] * 40 + [(1, ON), (1 / 6, STANDBY)]
OFF_IN_A_PAUSE: Timeline = [*PULSE, (30, {"p1": 0, "t1": 9_000})]


@pytest.mark.parametrize(
    ("bridge_s", "timeline", "accused"),
    [
        (120, OFF_IN_A_PAUSE, [("ct_prod", "integrity")]),
        (20, OFF_IN_A_PAUSE, []),
        (120, [*PULSE, (1, STANDBY), (30, {"p1": 0, "t1": 9_000})], []),
        (120, [*PULSE, (30, {"p1": 0, "t1": 0})], []),
        (120, [(30, {"p1": 0, "t1": 9_000})], []),
    ],
    ids=[
        "in a pause of presses",
        "at the end of a run",
        "the main switch, a minute after the last stroke",
        "a power cut",
        "from the start",
    ],
)
def test_standby_that_goes_in_a_pause_of_a_run_is_proof(
    bridge_s: int, timeline: Timeline, accused: list[tuple[str, str]]
) -> None:
    assert graves(run(evolve(WITH_STANDBY, bridge_s=bridge_s), timeline)[0]) == accused


@pytest.mark.parametrize(("overrun_s", "alone_min", "accused"), [
    (5_400, 20, []), (5_400, 100, [("ct_prod", "integrity")]), (0, 100, []),
])  # fmt: skip
def test_a_fan_that_starts_early_for_one_line_proves_nothing_of_the_other_that_was_sold(
    overrun_s: int, alone_min: int, accused: list[tuple[str, str]]
) -> None:
    lines = (line("p1", ct_floor_w=360), line("p2", ct_floor_w=360))
    params = evolve(SHOWN, production=lines, overrun_s=overrun_s)
    sold = {"p1": 900, "p2": 0}
    day = [(60, {**ON, "p2": 10_000}), (30, {**STANDBY, "p2": 900}), (300, {**sold, "t1": 50})]
    episodes = run(params, [*day, (alone_min, {**sold, "t1": 9_000}), (60, {**ON, "p2": 0})])[0]
    assert graves(episodes) == accused


@pytest.mark.parametrize(("rest_min", "accused"), [(120, []), (0, [("stuck", "integrity")])])
def test_a_frost_heater_is_no_frozen_meter_unless_production_wants_treatment(
    rest_min: float, accused: list[tuple[str, str]]
) -> None:
    params = evolve(SHOWN, treatment=(line("t1", stuck_on_s=600, stuck_off_s=600),))
    detector, found = Detector([params]), []
    for slot in range(180 + round(rest_min * 6) + 120):
        at, heats, works = T0_S + slot * DT_S, slot >= 180, slot < 180 or slot >= 180 + rest_min * 6
        detector.sample("p1", at, 10_000 + slot % 5 if works else 900)
        detector.sample("t1", at, 5_000 if heats and (not works or not rest_min) else 9_000 + slot % 7)
        found += detector.advance(at)
    assert [one for one in graves(found) if one[0] == "stuck"] == accused


def test_a_floor_that_was_learned_from_running_power_judges_no_stop() -> None:
    never_stopped = evolve(SHOWN, production=(line("p1", ct_floor_w=4_000),))
    assert run(never_stopped, [(120, ON), (120, {"p1": 0, "t1": 50})])[0] == []


def test_turned_transformers_are_named_and_treatment_is_judged_on() -> None:
    turned = {"p1": -10_000, "t1": 50}
    assert graves(run(SHOWN, [(30, STANDBY), (60, ON), (60, turned)])[0]) == [
        ("reversed", "integrity"),
        ("off", "violation"),
    ]
    for side in ("p1", "t1"):
        episodes = run(SHOWN, [(30, STANDBY), (60, ON), (120, {**ON, side: -ON[side]}), (60, ON)])[0]
        assert [(one.rule.value, one.state.value) for one in episodes] == [
            ("reversed", "raised"),
            ("reversed", "cleared"),
        ]


def test_a_line_that_feeds_back_for_a_moment_is_not_turned() -> None:
    braking = [(2, ON), (1, {"p1": -6_000, "t1": 9_000})]
    assert run(SHOWN, [(30, STANDBY), *braking * 30])[0] == []


def watch(
    params: LinkageParams, parts: Sequence[tuple[float, Mapping[str, int], Channels, int]]
) -> list[Episode]:
    """Minutes, watts, channels by line, and the phase of t1 without current."""
    detector, found, slot = Detector([params]), [], 0
    for minutes, watts, channels, phase in parts:
        for _ in range(round(minutes * 60 / DT_S)):
            at = T0_S + slot * DT_S
            for name, value in watts.items():
                detector.sample(name, at, value + slot % 3, **channels.get(name, {}))
            detector.mark_phase("t1", phase)
            found += detector.advance(at)
            slot += 1
    return found


KNOWN = evolve(SHOWN, treatment=(line("t1", current_on_a=15.0, voltage_v=230.0, pf_on=0.86),))


@pytest.mark.parametrize(("power", "pf"), [(0, 0.0), (100, 0.01), (3_000, 0.28)])
def test_current_without_its_power_is_a_wrong_wiring_and_no_stop(power: int, pf: float) -> None:
    swapped = (60.0, {"p1": 10_000, "t1": power}, {"t1": {**MOTOR, "pf": pf}}, 0)
    episodes = watch(KNOWN, [(60, ON, {"t1": {**MOTOR, "pf": 0.86}}, 0), swapped])
    assert graves(episodes) == [("wiring", "integrity")]
    assert "接线" in episodes[-1].sentence["zh"]


def test_a_current_register_that_is_not_renewed_makes_no_wiring_of_a_stop() -> None:
    off = (60.0, {"p1": 10_000, "t1": 4}, {"t1": MOTOR}, 0)
    assert graves(watch(KNOWN, [(60, ON, {"t1": MOTOR}, 0), off])) == [("off", "violation")]


def test_a_lost_phase_is_said_and_accuses_nobody() -> None:
    parts = [(60, ON, {"t1": MOTOR}, 0), (60, {"p1": 10_000, "t1": 5_500}, {"t1": {"current_a": 11.0}}, 2)]
    episodes = watch(KNOWN, parts)
    assert {(one.rule, one.severity) for one in episodes} == {(Rule.PHASE_LOST, Severity.NOTICE)}
    assert "phase L2" in episodes[0].sentence["en"]


def test_a_product_that_was_never_learned_is_asked_about_and_judged_by_the_floor_alone() -> None:
    params = evolve(SHOWN, range_hi_w=16_000)
    more = {"p1": 20_000, "t1": 7_500}
    episodes = run(params, [(10, STANDBY), (60, ON), (300, more), (60, ON), (300, more)])[0]
    assert graves(episodes) == []
    raised = [one for one in episodes if one.state == "raised"]
    assert [(one.rule, one.severity) for one in raised] == [(Rule.UNLEARNED, Severity.NOTICE)]
    off = run(params, [(10, STANDBY), (60, ON), (60, {"p1": 20_000, "t1": 50})])[0]
    assert ("off", "violation") in graves(off)


def test_before_commissioning_only_what_the_meter_proves_is_a_violation() -> None:
    params = nameplate("k1", {"p1": 20_000}, {"t1": 20_000})
    bare = run(params, [(30, ON), (60, OFF)])[0]
    assert graves(bare) == []
    assert notices(bare) == {"off"}
    assert "has not been commissioned" in bare[0].sentence["en"]
    on, stopped = {"t1": MOTOR}, {"t1": STILL}
    assert graves(watch(params, [(30, ON, on, 0), (60, OFF, stopped, 0)])) == [("off", "violation")]
    wrong = {"p1": 10_000, "t1": 0}
    assert graves(watch(params, [(60, wrong, {"t1": {**MOTOR, "current_a": 31.0, "pf": 0.0}}, 0)])) == [
        ("wiring", "integrity")
    ]


def test_treatment_by_itself_is_a_question() -> None:
    alone = {"p1": 100, "t1": 9_000}
    long = run(linkage(overrun_s=5_400), [(30, ON), (150, alone), (10, STANDBY)])[0]
    assert {one.severity for one in long} == {Severity.NOTICE}
    spikes = [(0.5, alone), (30, {"p1": 100, "t1": 50})]
    assert run(SHOWN, [(30, ON), *spikes * 12])[0] == []


def test_the_status_says_whether_an_open_finding_accuses_or_asks() -> None:
    _, asking = run(nameplate("k1", {"p1": 20_000}, {"t1": 20_000}), [(30, ON), (30, OFF)])
    _, accusing = run(SHOWN, [(30, ON), (30, OFF)])
    _, calm = run(SHOWN, [(30, ON)])
    states = [(one.violation, one.severity) for found in (asking, accusing, calm) for one in found.status()]
    assert states == [(Rule.OFF, Severity.NOTICE), (Rule.OFF, Severity.VIOLATION), (None, None)]


WARM_UP = {"p1": 5_000, "t1": 50}
BARE = {"p1": 10_000, "t1": 50}
UNTREATED = evolve(SHOWN, untreated_w=6_000)
"""Production that commissioning saw without treatment, up to 6 kW, and never with it."""
NIGHT: Timeline = [(300, STANDBY)]


@pytest.mark.parametrize(
    ("params", "timeline", "accused", "asked"),
    [
        (UNTREATED, [*NIGHT, (60, WARM_UP), (60, ON)] * 3, [], 1),
        (UNTREATED, [*NIGHT, (60, WARM_UP), (4, BARE), (60, ON)], [], 1),
        (UNTREATED, [*NIGHT, (60, WARM_UP), (30, BARE)], [("late_start", "violation")], 1),
        (UNTREATED, [*NIGHT, (30, BARE)], [("late_start", "violation")], 0),
        (UNTREATED, [*NIGHT, (30, ON), (30, BARE)], [("off", "violation")], 0),
        (SHOWN, [*NIGHT, (60, WARM_UP), (60, ON)], [("late_start", "violation")], 0),
    ],
    ids=[
        "three mornings ask once",
        "treatment starts within its grace after the warm-up",
        "treatment does not start after the warm-up",
        "without a warm-up",
        "off in the midst of work",
        "where treatment was seen to run for as little",
    ],
)
def test_production_that_was_only_seen_without_treatment_is_asked_about(
    params: LinkageParams, timeline: Timeline, accused: list[tuple[str, str]], asked: int
) -> None:
    episodes = run(params, timeline)[0]
    raised = [one for one in episodes if one.rule is Rule.UNLEARNED and one.state == "raised"]
    assert (graves(episodes), len(raised)) == (accused, asked)
    assert all("up to 6.0 kW" in one.sentence["en"] for one in raised)


def test_what_lacks_after_a_warm_up_is_told_soon_and_without_the_warm_up() -> None:
    found = run(UNTREATED, [*NIGHT, (60, WARM_UP), (30, BARE)])[0]
    late = next(one for one in found if one.rule is Rule.LATE_START)
    laden_s = T0_S + 360 * 60
    assert laden_s <= late.begin_at_s <= laden_s + 120
    assert late.raised_at_s <= laden_s + 480


BY_LEVEL = evolve(SHOWN, duty_window_s=1_200, only_asks="level")
NIGHTLY: Timeline = [(20, STANDBY), (30, {"p1": 900, "t1": 9_000}), (10, STANDBY)]
"""A tank that is emptied before work begins."""


@pytest.mark.parametrize(
    ("params", "timeline", "after_min"),
    [
        (BY_LEVEL, [*NIGHTLY, (30, OFF), (30, ON)], None),
        (BY_LEVEL, [*NIGHTLY, (60, OFF)], 35),
        (BY_LEVEL, [(30, STANDBY), (30, ON), (40, OFF)], 23),
        (evolve(BY_LEVEL, only_asks=""), [*NIGHTLY, (40, OFF)], 13),
    ],
    ids=["filled within two rests", "never filled", "emptied while work went on", "a duty cycle"],
)
def test_a_tank_that_was_emptied_before_production_has_a_second_rest(
    params: LinkageParams, timeline: Timeline, after_min: int | None
) -> None:
    found = [one for one in run(params, timeline)[0] if one.severity is Severity.VIOLATION]
    raised_min = [round((one.raised_at_s - T0_S) / 60) - 60 for one in found[:1]]
    assert raised_min == ([] if after_min is None else [after_min])
