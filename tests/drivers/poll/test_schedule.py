import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.points.model import load
from drivers.poll.meter import MeterSetup
from drivers.poll.schedule import PAUSE_MAX_S, Due, GoOn, Schedule, Wait
from drivers.poll.splitting import FAILURES_PROVEN
from drivers.reading import PollGroup, Quality

MODEL = load("eastron-sdm630")
FAST, SLOW, IDENTITY = PollGroup.FAST, PollGroup.SLOW, PollGroup.IDENTITY
POLL_S = 0.1
TIMEOUT_S = 1.0


def setup(meter_id: str, fast_s: float = 5.0) -> MeterSetup:
    return MeterSetup(meter_id, MODEL, 1, fast_s=fast_s)


def run(
    schedule: Schedule, until_s: float, dead: frozenset[str] = frozenset(), now_s: float = 0.0
) -> list[tuple[float, str, PollGroup]]:
    """The polls of a bus on which an answer takes POLL_S and silence TIMEOUT_S."""
    polls = []
    while now_s < until_s:
        step = schedule.next(now_s)
        if isinstance(step, Wait):
            assert step.seconds > 0
            now_s += step.seconds
            continue
        polls.append((now_s, step.meter_id, step.group))
        silent = step.meter_id in dead
        now_s += TIMEOUT_S if silent else POLL_S
        schedule.note_poll(step.meter_id, step.group, now_s, Quality.BAD if silent else Quality.GOOD)
    return polls


def test_everything_is_polled_at_once_and_then_in_its_interval() -> None:
    polls = run(Schedule([setup("a"), setup("b")]), 299)
    assert [(meter, group) for _, meter, group in polls[:6]] == [
        ("a", FAST), ("b", FAST), ("a", SLOW), ("b", SLOW), ("a", IDENTITY), ("b", IDENTITY),
    ]  # fmt: skip
    assert [sum(1 for _, meter, got in polls if (meter, got) == ("b", group)) for group in PollGroup] == [
        60,
        5,
        1,
    ]


def test_a_silent_meter_costs_two_time_outs_and_then_one_probe_per_growing_pause() -> None:
    polls = run(Schedule([setup("dead")]), 60, dead=frozenset({"dead"}))
    begins = [at_s for at_s, _, _ in polls]
    pauses = [later - sooner - TIMEOUT_S for sooner, later in itertools.pairwise(begins)]
    assert pauses[1:8] == pytest.approx([0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0])
    assert {group for _, _, group in polls[2:]} == {FAST}


def test_the_others_keep_their_rate_beside_a_silent_meter() -> None:
    meters = [setup(name) for name in ("a", "b", "c", "dead")]
    polls = run(Schedule(meters), 300, dead=frozenset({"dead"}))
    for name in ("a", "b", "c"):
        at_s = [at for at, meter, group in polls if (meter, group) == (name, FAST)]
        assert len(at_s) == 60
        assert max(later - sooner for sooner, later in itertools.pairwise(at_s)) < 5.0 + 1.5 * TIMEOUT_S


def test_a_silent_meter_that_answers_is_polled_in_full_at_once() -> None:
    schedule = Schedule([setup("a")])
    run(schedule, 200, dead=frozenset({"a"}))
    assert schedule.silent_meters == ("a",)
    polls = run(schedule, 260, now_s=200)
    assert [group for _, _, group in polls[:4]].count(SLOW) == 1
    assert polls[-1][0] > 250
    assert schedule.silent_meters == ()


def test_one_time_out_alone_silences_nobody() -> None:
    schedule = Schedule([setup("a")])
    for i in range(20):
        now_s = 1000.0 * i
        schedule.next(now_s)
        schedule.note_poll("a", FAST, now_s, Quality.BAD if i % 2 else Quality.GOOD)
        assert schedule.silent_meters == ()


def test_a_group_that_was_answered_keeps_its_polls_until_its_refusals_are_looked_into() -> None:
    schedule, now_s, asked_s = Schedule([setup("a")]), 0.0, []
    while now_s < 200.0:
        step = schedule.next(now_s)
        if isinstance(step, Wait):
            now_s += step.seconds
            continue
        refused = step.group is FAST and now_s >= 10.0
        asked_s += [now_s] if refused else []
        schedule.note_poll("a", step.group, now_s, Quality.BAD if refused else Quality.GOOD, refused=refused)
    gaps_s = [round(after - before) for before, after in itertools.pairwise(asked_s)]
    every_s = setup("a").intervals_s[FAST]
    assert gaps_s[:FAILURES_PROVEN] == [every_s] * FAILURES_PROVEN
    assert gaps_s[FAILURES_PROVEN : FAILURES_PROVEN + 3] == [2 * every_s, 4 * every_s, 8 * every_s]


def test_a_refused_group_is_asked_less_often_and_leaves_the_others_alone() -> None:
    schedule = Schedule([setup("a")])
    counts = dict.fromkeys(PollGroup, 0)
    now_s = 0.0
    while now_s < 1200:
        step = schedule.next(now_s)
        if isinstance(step, Wait):
            now_s += step.seconds
            continue
        counts[step.group] += 1
        refused = step.group is SLOW
        schedule.note_poll("a", step.group, now_s, Quality.BAD if refused else Quality.GOOD, refused=refused)
    assert counts[FAST] == 240
    assert 4 <= counts[SLOW] <= 7  # at 0, 120, 360, 660, 960 s
    assert schedule.silent_meters == ()


def test_a_bus_that_is_down_rests_with_a_growing_pause_and_forgets_it_after_an_answer() -> None:
    schedule = Schedule([setup("a")])
    pauses = []
    now_s = 0.0
    for _ in range(7):
        assert isinstance(schedule.next(now_s), Due)
        schedule.note_bus_down(now_s)
        wait = schedule.next(now_s)
        assert isinstance(wait, Wait)
        pauses.append(wait.seconds)
        now_s += wait.seconds
    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, PAUSE_MAX_S, PAUSE_MAX_S])
    schedule.note_poll("a", FAST, now_s, Quality.GOOD)
    schedule.note_bus_down(now_s)
    assert schedule.next(now_s) == Wait(0.5)


def test_a_crowded_bus_leaves_polls_out_and_still_serves_every_group_and_probe() -> None:
    meters = [setup(f"m{i}", fast_s=1.0) for i in range(15)] + [setup("dead")]
    polls = run(Schedule(meters), 400, dead=frozenset({"dead"}))
    for i in range(15):
        mine = [group for _, meter, group in polls if meter == f"m{i}"]
        assert mine.count(FAST) > 180
        assert mine.count(SLOW) >= 5
        assert mine.count(IDENTITY) >= 1
    assert sum(1 for _, meter, _ in polls if meter == "dead") > 10


def test_probes_of_a_crowded_bus_cost_no_more_than_their_share_however_many_meters_are_dead() -> None:
    dead = frozenset({"d1", "d2", "d3"})
    meters = [setup(f"m{i}", fast_s=1.0) for i in range(15)] + [setup(name) for name in sorted(dead)]
    polls = [one for one in run(Schedule(meters), 1100, dead=dead) if one[0] >= 100]
    spent_s = TIMEOUT_S * sum(1 for _, meter, _ in polls if meter in dead)
    assert spent_s / 1000 <= 0.04
    assert {meter for _, meter, _ in polls} >= dead


@pytest.mark.parametrize("every_s", [2.0, 30.0])
@pytest.mark.parametrize("dead", [("d1",), ("d1", "d2"), ("d1", "d2", "d3")])
@pytest.mark.parametrize("cost_s", [0.3, 0.5, 0.7, 1.0, 1.2, 2.0, 3.0, 5.0])
def test_probes_have_their_share_also_of_a_bus_with_room_and_nobody_is_left_out(
    cost_s: float, dead: tuple[str, ...], every_s: float
) -> None:
    schedule = Schedule([setup(name, fast_s=every_s) for name in ("a", "b", "c", *dead)])
    probes, now_s = [], 0.0
    while now_s < 3700:
        step = schedule.next(now_s)
        if isinstance(step, Wait):
            now_s += step.seconds
            continue
        silent = step.meter_id in dead
        if silent and now_s >= 100:
            probes.append((now_s, step.meter_id))
        now_s += cost_s if silent else POLL_S
        schedule.note_poll(step.meter_id, step.group, now_s, Quality.BAD if silent else Quality.GOOD)
    allowed = 1 / 19 if len(dead) * cost_s >= 15 else 0.04
    assert cost_s * (len(probes) - 1) / 3600 <= allowed, "one more than times between them"
    for name in dead:
        moments = [100.0, *(at_s for at_s, one in probes if one == name), 3700.0]
        assert max(later - sooner for sooner, later in itertools.pairwise(moments)) <= 300


@pytest.mark.parametrize("back_s", range(400, 430, 3))
def test_when_nobody_answered_all_are_back_soon_after_the_first(back_s: int) -> None:
    names = ("a", "b", "c")
    schedule = Schedule([setup(name) for name in names])
    run(schedule, 100)
    run(schedule, back_s, dead=frozenset(names), now_s=101.0)
    polls = run(schedule, 500, now_s=back_s + TIMEOUT_S)
    first_s = {name: min(at_s for at_s, meter, _ in polls if meter == name) for name in names}
    assert max(first_s.values()) <= back_s + TIMEOUT_S + PAUSE_MAX_S


def test_dead_meters_take_turns_although_one_costs_more_than_there_is_time_for() -> None:
    """A probe of 0.3 s fits between the polls of every 2 s, one of 3 s never does."""
    schedule = Schedule([setup(name, fast_s=2.0) for name in ("a", "b", "cheap", "dear")])
    costs_s, now_s, probes = {"cheap": 0.3, "dear": 3.0}, 0.0, []
    while now_s < 2000:
        step = schedule.next(now_s)
        if isinstance(step, Wait):
            now_s += step.seconds
            continue
        silent = step.meter_id in costs_s
        if silent and now_s >= 100:
            probes.append(step.meter_id)
        now_s += costs_s.get(step.meter_id, POLL_S)
        schedule.note_poll(step.meter_id, step.group, now_s, Quality.BAD if silent else Quality.GOOD)
    assert all(sooner != later for sooner, later in itertools.pairwise(probes))


def test_a_meter_that_had_answered_is_probed_at_once_beside_a_dead_one() -> None:
    """Two answers lost to noise do not cost it the rest of the dead one's probes."""
    schedule, now_s, good = Schedule([setup(name) for name in ("a", "b", "dead")]), 0.0, []
    while now_s < 2000:
        step = schedule.next(now_s)
        if isinstance(step, Wait):
            now_s += step.seconds
            continue
        silent = step.meter_id == "dead" or (step.meter_id == "b" and 0 <= now_s % 97 - 50 < 8)
        now_s += TIMEOUT_S if silent else POLL_S
        schedule.note_poll(step.meter_id, step.group, now_s, Quality.BAD if silent else Quality.GOOD)
        if step.meter_id == "b" and not silent:
            good.append(now_s)
    assert max(later - sooner for sooner, later in itertools.pairwise(good)) < 16


def test_probes_go_in_the_time_in_which_nothing_is_due() -> None:
    """Four meters take 0.4 s of each second; a probe of 0.5 s fits behind them and delays nobody."""
    schedule = Schedule([setup(name, fast_s=1.0) for name in ("a", "b", "c", "dead")])
    now_s, late_s, probes = 0.0, 0.0, 0
    while now_s < 600:
        step = schedule.next(now_s)
        if isinstance(step, Wait):
            now_s += step.seconds
            continue
        silent = step.meter_id == "dead"
        probes += silent
        if not silent and step.group is FAST and now_s > 20:
            late_s = max(late_s, now_s % 1.0)
        now_s += 0.5 if silent else POLL_S
        schedule.note_poll(step.meter_id, step.group, now_s, Quality.BAD if silent else Quality.GOOD)
    assert probes > 40
    assert late_s < 7 * POLL_S, "polls begin with the second, behind each other alone"


def test_an_empty_bus_has_nothing_to_do() -> None:
    assert isinstance(Schedule([]).next(0.0), Wait)


@given(
    st.lists(
        st.tuples(st.sampled_from(["good", "bad", "refused", "heard", "down"]), st.floats(0, 20)), max_size=60
    )
)
@settings(deadline=None)
def test_whatever_happens_there_is_always_something_to_do_in_time(events: list[tuple[str, float]]) -> None:
    schedule = Schedule([setup("a"), setup("b")])
    now_s = 0.0
    for event, cost_s in events:
        step = schedule.next(now_s)
        if isinstance(step, Wait):
            assert 0 < step.seconds <= 300
            now_s += step.seconds
            step = schedule.next(now_s)
        assert isinstance(step, Due)
        now_s += cost_s
        if event == "down":
            schedule.note_bus_down(now_s)
        else:
            schedule.note_poll(
                step.meter_id,
                step.group,
                now_s,
                Quality.GOOD if event == "good" else Quality.BAD,
                refused=event == "refused",
                heard=event == "heard",
            )


def test_a_meter_that_answers_something_keeps_its_polls_although_they_fail() -> None:
    """It is looked into over some polls; meanwhile nothing shows that it is dead."""
    schedule, now_s, polls = Schedule([setup("new"), setup("old")]), 0.0, 0
    while now_s < 60:
        step = schedule.next(now_s)
        if isinstance(step, Wait):
            now_s += step.seconds
            continue
        is_new = step.meter_id == "new"
        polls += is_new and step.group is FAST
        now_s += POLL_S
        quality = Quality.BAD if is_new else Quality.GOOD
        schedule.note_poll(step.meter_id, step.group, now_s, quality, heard=is_new)
        assert not schedule.silent_meters
    assert polls == 12


def due(schedule: Schedule, now_s: float) -> tuple[str, PollGroup]:
    step = schedule.next(now_s)
    assert isinstance(step, Due)
    return step.meter_id, step.group


def test_while_a_poll_waits_the_others_are_polled_and_none_of_its_own_groups() -> None:
    schedule, now_s, waited = Schedule([setup("a", 2.0), setup("b", 2.0)]), 0.0, []
    assert due(schedule, now_s) == ("a", FAST)
    schedule.note_wait("a", now_s + POLL_S, 3.0)
    while not isinstance(step := schedule.next(now_s), GoOn):
        if isinstance(step, Wait):
            now_s += step.seconds
            continue
        waited.append((step.meter_id, step.group))
        now_s += POLL_S
        schedule.note_poll(step.meter_id, step.group, now_s, Quality.GOOD)
    assert step.meter_id == "a"
    assert now_s == pytest.approx(3.0 + POLL_S)
    assert waited == [("b", FAST), ("b", SLOW), ("b", IDENTITY), ("b", FAST)]
    schedule.note_poll("a", FAST, now_s + POLL_S, Quality.GOOD)
    assert due(schedule, now_s + POLL_S) == ("a", SLOW)


def test_what_a_poll_waited_for_does_not_make_its_meter_a_slow_one() -> None:
    schedule, now_s, polls = Schedule([setup("a", 5.0), setup("b", 5.0)]), 0.0, 0
    while now_s < 100.0:
        step = schedule.next(now_s)
        if isinstance(step, Wait):
            now_s += step.seconds
            continue
        now_s += POLL_S
        if isinstance(step, Due) and step.meter_id == "a":
            group = step.group
            schedule.note_wait("a", now_s, 2.0)
            continue
        group = step.group if isinstance(step, Due) else group
        polls += (step.meter_id, group) == ("a", FAST)
        schedule.note_poll(step.meter_id, group, now_s, Quality.GOOD)
    assert polls == 20
    assert schedule._meters["a"].fair.cost_s == pytest.approx(2 * POLL_S)


def test_a_bus_that_goes_down_ends_the_polls_that_wait() -> None:
    schedule = Schedule([setup("a"), setup("b")])
    assert due(schedule, 0.0) == ("a", FAST)
    schedule.note_wait("a", POLL_S, 0.5)
    assert due(schedule, POLL_S) == ("b", FAST)
    schedule.note_bus_down(POLL_S)
    step = schedule.next(POLL_S)
    assert isinstance(step, Wait)
    assert due(schedule, POLL_S + step.seconds) == ("a", FAST)


def test_a_meter_that_is_back_is_not_probed_while_its_poll_waits() -> None:
    schedule = Schedule([setup("a")])
    run(schedule, 100, dead=frozenset({"a"}))
    step = schedule.next(200.0)
    assert isinstance(step, Due)
    schedule.note_wait("a", 200.1, 0.5)
    assert schedule.next(200.1) == Wait(pytest.approx(0.5))
    assert schedule.next(200.7) == GoOn("a")


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 4.0), st.booleans()), max_size=60))
def test_a_meter_has_one_poll_at_a_time_and_each_that_waited_goes_on(
    steps: list[tuple[bool, float, bool]],
) -> None:
    schedule, now_s = Schedule([setup(name, 1.0) for name in "abc"]), 0.0
    open_polls: dict[str, PollGroup] = {}
    for waits, seconds, good in steps:
        step = schedule.next(now_s)
        if isinstance(step, Wait):
            now_s += step.seconds
            continue
        assert (step.meter_id in open_polls) == isinstance(step, GoOn)
        if isinstance(step, Due):
            open_polls[step.meter_id] = step.group
        now_s += POLL_S
        if waits:
            schedule.note_wait(step.meter_id, now_s, seconds)
        else:
            quality = Quality.GOOD if good else Quality.BAD
            schedule.note_poll(step.meter_id, open_polls.pop(step.meter_id), now_s, quality)
    for _ in range(200):
        step = schedule.next(now_s)
        if isinstance(step, Wait):
            now_s += step.seconds
            continue
        now_s += POLL_S
        if isinstance(step, Due):
            open_polls[step.meter_id] = step.group
        schedule.note_poll(step.meter_id, open_polls.pop(step.meter_id), now_s, Quality.GOOD)
        if not open_polls:
            break
    assert not open_polls
