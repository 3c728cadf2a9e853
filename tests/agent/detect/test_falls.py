"""Low treatment accuses where it fell by itself; what changed with production, or slowly, is a question."""

from collections.abc import Callable

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from agent.detect.episode import Episode, Rule, Severity
from agent.detect.falls import Falls
from agent.detect.line_params import Bin
from agent.detect.sentence import plan_learning
from evidence.moments import local_text
from tests.agent.detect.timeline import Timeline, line, linkage, run

DAY_MIN = 24 * 60
SHOWN = evolve(
    linkage(),
    envelope=(Bin(from_w=0, lo_w=2_000, median_w=9_000), Bin(from_w=8_000, lo_w=7_000, median_w=9_000)),
    range_hi_w=12_000,
)
STANDBY = {"p1": 900, "t1": 50}
ON = {"p1": 10_000, "t1": 9_000}
LESS = {"p1": 8_100, "t1": 6_500}
SLOW = {"p1": 10_000, "t1": 6_000}


def told(episodes: list[Episode]) -> list[tuple[str, str]]:
    return [(one.rule.value, one.severity.value) for one in episodes if one.state == "raised"]


def drift(days: int, share: float) -> Timeline:
    """A shift a day, with treatment that sinks to `share`."""
    parts: list[tuple[float, dict[str, int | None]]] = []
    for day in range(days):
        watts = round(9_000 * (1 - (1 - share) * day / (days - 1)))
        parts += [(60, STANDBY), (240, {"p1": 10_000, "t1": watts})]
    return parts


PLANTS: list[tuple[str, Timeline, list[tuple[str, str]]]] = [
    ("turned down within a run", [(10, STANDBY), (60, ON), (60, SLOW)], [("underspeed", "violation")]),
    (
        "turned down before the next run",
        [(10, STANDBY), (120, ON), (60, STANDBY), (60, SLOW)],
        [("underspeed", "violation")],
    ),
    ("a filter that clogs for weeks", drift(20, 0.65), [("changed", "notice")]),
    (
        "another product, with more production and less air",
        [(10, STANDBY), (240, ON), *[(60, STANDBY), (240, {"p1": 11_900, "t1": 6_500})] * 8],
        [("changed", "notice")],
    ),
    (
        "another product, with less of both",
        [(10, STANDBY), (240, ON), *[(60, STANDBY), (240, {"p1": 8_100, "t1": 6_500})] * 8],
        [("changed", "notice")],
    ),
    (
        "another product that is turned off in the end",
        [(10, STANDBY), (240, ON), (60, STANDBY), (120, LESS), (60, {"p1": 8_100, "t1": 50})],
        [("changed", "notice"), ("off", "violation")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("timeline", "wanted"), [row[1:] for row in PLANTS], ids=[row[0] for row in PLANTS])
def test_low_treatment_accuses_only_as_a_fall(timeline: Timeline, wanted: list[tuple[str, str]]) -> None:
    assert told(run(SHOWN, timeline)[0]) == wanted


def test_the_second_of_two_pumps_is_a_question_and_half_of_two_that_ran_a_violation() -> None:
    two = evolve(SHOWN, treatment=(line("t1"), line("t2")))
    before = [(10, {"p1": 900, "t1": 50, "t2": 50}), (60, {"p1": 10_000, "t1": 9_000, "t2": 50})]
    other = run(two, [*before, (60, {"p1": 10_000, "t1": 50, "t2": 6_000})])[0]
    assert told(other) == [("changed", "notice")]
    both = [(10, {"p1": 900, "t1": 50, "t2": 50}), (60, {"p1": 10_000, "t1": 4_500, "t2": 4_500})]
    half = run(two, [*both, (60, {"p1": 10_000, "t1": 4_500, "t2": 50})])[0]
    assert told(half)[0][1] == Severity.VIOLATION


def test_a_question_is_asked_again_after_two_weeks_and_what_is_unsaid_leaves_no_trace() -> None:
    batch = [(60, STANDBY), (120, {"p1": 8_100, "t1": 6_500}), (60, ON)]
    episodes = run(SHOWN, [(10, STANDBY), (240, ON), *batch * 100])[0]
    asked = [one for one in episodes if one.state == "raised"]
    assert {one.rule for one in asked} == {Rule.CHANGED}
    assert len(asked) == 2
    assert len(episodes) == 2 * len(asked)
    for one in asked:
        assert one.numbers["learn_from_day"] > local_text(one.begin_at_s, 28_800, "%Y-%m-%d")
        days = "{learn_from_day} to {learn_until_day}".format(**one.numbers)
        assert f"learned again from the days {days}" in one.sentence["en"]


STEP: Callable[[float], int] = lambda u: 9_000 if u >= 8_000 else 6_000  # noqa: E731


def test_a_stage_that_was_seen_in_health_at_nearly_this_production_is_no_fall() -> None:
    falls = Falls()
    for minute in range(60):
        falls.note_health(9_800 if minute % 2 else 10_200, 6_100 if minute == 30 else 9_000, 1, (1, 1))
    assert not falls.is_fall(10_000, 6_000, 1, (1, 1), STEP)
    assert falls.is_fall(10_000, 5_000, 1, (1, 1), STEP)


@pytest.mark.parametrize(("u", "t", "wanted"), [
    (10_300, 3_900, ("changed", "notice")), (10_300, 3_000, ("idle", "violation")),
    (13_000, 3_900, ("idle", "violation")),
])  # fmt: skip
def test_the_lower_stage_of_a_fan_is_not_idle_at_the_edge_of_the_upper_one(
    u: int, t: int, wanted: tuple[str, str]
) -> None:
    steps = (
        Bin(from_w=0, lo_w=2_000, median_w=4_000),
        Bin(from_w=8_000, lo_w=3_300, median_w=4_000),
        Bin(from_w=10_000, lo_w=7_000, median_w=9_000),
    )
    stages = evolve(SHOWN, envelope=steps, range_hi_w=16_000)
    on_lower = {"p1": 9_000, "t1": 4_000}
    assert told(run(stages, [(10, STANDBY), (60, on_lower), (10, {"p1": u, "t1": t})])[0]) == [wanted]


def test_a_machine_that_has_just_joined_leaves_treatment_time_to_follow_before_it_is_a_fall() -> None:
    falls = Falls()
    for _ in range(60):
        falls.note_health(10_000, 9_000, 1, (3, 1))
    for on, minutes, wanted in [(3, 3, True), (2, 4, False), (3, 4, False), (3, 2, True)]:
        for _ in range(minutes):
            falls.note_lack(1, (on, 1))
        assert falls.is_fall(10_000, 5_000, 1, (on, 1), STEP) is wanted, (on, minutes)
    falls.note_lack(1, (2, 1))
    for _ in range(2):
        falls.note_health(10_000, 9_000, 1, (3, 1))
    assert falls.is_fall(10_000, 5_000, 1, (3, 1), STEP), "health settles it"


@pytest.mark.parametrize("length", [9, 10])
def test_a_state_of_the_version_before_still_loads(length: int) -> None:
    falls = Falls()
    falls.note_health(10_000, 9_000, 1, (3, 1))
    again = Falls()
    again.restore(falls.state()[:length])
    assert again == evolve(falls, least=0)


def pulse(minutes: int, treatment_w: int, machines: tuple[str, ...]) -> Timeline:
    """Presses that work for 30 s and rest for 20, all at once."""
    rest = dict.fromkeys(machines, 900) | {"t1": treatment_w}
    work = dict.fromkeys(machines, 10_000) | {"t1": treatment_w}
    return [(1 / 3, rest), (1 / 2, work)] * round(minutes * 60 / 50)


@pytest.mark.parametrize("machines", [("p1",), ("p1", "p2")])
def test_a_machine_that_pulses_runs_in_its_pauses_too(machines: tuple[str, ...]) -> None:
    steps = (Bin(from_w=0, lo_w=7_000, median_w=9_000), *SHOWN.envelope[1:])
    presses = evolve(SHOWN, production=tuple(map(line, machines)), bridge_s=120, envelope=steps, range_hi_w=0)
    begin = (10, dict.fromkeys(machines, 900) | {"t1": 50})
    found = run(presses, [begin, *pulse(120, 9_000, machines), *pulse(30, 4_800, machines)])[0]
    assert told(found) == [("underspeed", "violation")]


def test_treatment_that_follows_a_rise_of_production_late_was_not_seen_at_the_greater_load() -> None:
    falls = Falls()
    for minute in range(60):
        rises = minute % 20 == 0
        falls.note_health(10_000, 6_000 if rises else 9_000, 1, (1, 1), 7_000 if rises else 10_000)
    assert falls.is_fall(10_000, 6_100, 1, (1, 1), STEP)


@pytest.mark.parametrize(("t", "wanted"), [(4_000, True), (4_700, False), (6_300, False)])
def test_what_was_never_made_before_explains_half_of_treatment_and_no_less(t: int, wanted: bool) -> None:
    falls = Falls()
    for _ in range(60):
        falls.note_production(1, 15_000, 12_000)
        falls.note_health(15_000, 9_000, 1, (1, 1))
    assert falls.is_odd
    assert falls.is_fall(14_500, t, 1, (1, 1), STEP, 8_000) is wanted
    assert not falls.is_fall(14_500, t, 2, (1, 1), STEP, 8_000), "another run may make another product"
    assert not falls.is_fall(25_000, t, 1, (1, 1), STEP, 8_000), "so may another load"


@given(
    st.lists(
        st.tuples(st.integers(1_000, 20_000), st.integers(0, 12_000), st.integers(0, 3), st.integers(1, 3)),
        max_size=80,
    ),
    st.integers(1_000, 20_000),
    st.integers(0, 12_000),
)
def test_what_is_kept_over_a_restart_decides_alike(
    minutes: list[tuple[int, int, int, int]], u: int, t: int
) -> None:
    one = Falls()
    for at_u, at_t, run_slot, on in minutes:
        one.note_production(1, at_u, 15_000)
        one.pulses.append(on)
        if at_t > 7_000:
            one.note_health(at_u, at_t, run_slot, (1, on))
        else:
            one.note_lack(1, (at_t % 3, on))
    two = Falls()
    two.restore(one.state())
    assert two.state() == one.state()
    for on in (1, 2, 3):
        assert one.is_fall(u, t, 2, (1, on), STEP) == two.is_fall(u, t, 2, (1, on), STEP)


@pytest.mark.parametrize(("hour", "days"), [(0, "02 04"), (7, "02 04"), (15, "02 04"), (16, "03 05")])
def test_what_changed_is_learned_again_from_the_three_whole_days_after_it(hour: int, days: str) -> None:
    """Hours of UTC; the plant's day begins at 16."""
    begin_at_s = 1_767_225_600 + 3600 * hour  # 2026-01-01
    assert " ".join(one[-2:] for one in plan_learning(begin_at_s, 28_800).values()) == days


def of_minutes(*minutes: tuple[int, int]) -> Falls:
    falls = Falls()
    for u, t in minutes:
        falls.note_health(u, t, 1, (1, 1))
    return falls


@pytest.mark.parametrize(
    ("minutes", "wanted"),
    [
        ([(34_900, 10_200)] * 10, True),
        ([(55_000, 15_800)] * 5 + [(27_000, 6_700)] * 5, False),
        ([(55_000, 15_800)] * 7 + [(34_900, 10_200)] * 3, True),
    ],
    ids=["a steady load", "a mean of two loads is none", "three minutes at this load"],
)
def test_a_fall_is_held_against_minutes_at_this_load(minutes: list[tuple[int, int]], wanted: bool) -> None:
    assert of_minutes(*minutes).is_fall(34_500, 5_400, 1, (1, 1), lambda _: 10_000) is wanted


@pytest.mark.parametrize(
    ("least_w", "wanted"),
    [(8_600, True), (6_900, False), (1_470, True)],
    ids=["one stage", "two", "not learned"],
)
def test_what_was_honest_at_a_tenth_less_production_is_a_stage_of_the_fan(least_w: int, wanted: bool) -> None:
    falls = of_minutes(*[(74_000, 10_000)] * 10)
    least = {66_600: least_w}
    needed_w = 8_000 if least_w < 6_000 else 6_000  # the least of all that was learned
    told = falls.is_fall(74_000, 6_970, 1, (1, 1), lambda _: 10_600, needed_w, lambda u: least[round(u)])
    assert told is wanted
