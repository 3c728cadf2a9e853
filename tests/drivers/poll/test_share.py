"""What a slow meter takes from the others of its bus, in virtual time."""

import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.points.model import Model, load
from drivers.poll.meter import MeterSetup
from drivers.poll.schedule import Schedule, Wait
from drivers.poll.share import FAIR_PARTS_LEAST, REST_MAX_S, SLOW_POLL_S
from drivers.reading import PollGroup, Quality

MODEL = Model("one", load("eastron-sdm630").group(PollGroup.FAST))
WHOLE = load("eastron-sdm630")
QUICK_S = 0.1
FORGOTTEN_S = 3 * (REST_MAX_S + 60.0) + 300.0
"""Three groups, each after a rest, and the longest interval."""


def poll(
    costs_s: dict[str, Callable[[int], float]], every_s: float, until_s: float
) -> dict[str, list[float]]:
    """When each poll of each meter ended; the cost of a poll is told its number."""
    setups = [MeterSetup(name, MODEL, n, fast_s=every_s) for n, name in enumerate(costs_s, start=1)]
    schedule, now_s = Schedule(setups), 0.0
    ends: dict[str, list[float]] = {name: [] for name in costs_s}
    while now_s < until_s:
        step = schedule.next(now_s)
        if isinstance(step, Wait):
            assert step.seconds > 0
            now_s += step.seconds
            continue
        now_s += costs_s[step.meter_id](len(ends[step.meter_id]))
        schedule.note_poll(step.meter_id, step.group, now_s, Quality.GOOD)
        ends[step.meter_id].append(now_s)
    return ends


def loses(first: int) -> Callable[[int], float]:
    """A quick meter of which a gateway waits for one answer in twenty."""
    return lambda number: 3.1 if (number + first) % 20 == 0 else QUICK_S


def takes(cost_s: float) -> Callable[[int], float]:
    return lambda _: cost_s


WORLDS = tuple(
    itertools.product(((1, 1), (3, 1), (7, 1), (7, 2), (31, 1)), (1.5, 3.0, 9.0), (1.0, 5.0, 10.0))
)
FEW = WORLDS[::7]


@pytest.mark.parametrize(
    ("meters", "cost_s", "every_s"),
    [pytest.param(*one, marks=() if one in FEW else pytest.mark.minutes) for one in WORLDS],
)
def test_a_slow_meter_takes_its_part_and_no_more(
    meters: tuple[int, int], cost_s: float, every_s: float
) -> None:
    quick, slow = meters
    names = [f"q{n}" for n in range(quick)]
    alone = poll({name: takes(QUICK_S) for name in names}, every_s, 3600)
    costs_s = {f"s{n}": takes(cost_s) for n in range(slow)} | {name: takes(QUICK_S) for name in names}
    beside = poll(costs_s, every_s, 3600)
    turn_s = min(max(quick + slow, FAIR_PARTS_LEAST) * cost_s, REST_MAX_S + cost_s)
    for name in names:
        lost = 1 - len(beside[name]) / len(alone[name])
        assert lost <= slow * (cost_s + every_s) / turn_s + 0.03, "polls are missed whole"
    for n in range(slow):
        ends_s = beside[f"s{n}"]
        gaps_s = [later - sooner for sooner, later in itertools.pairwise(ends_s)]
        allowed_s = turn_s + (slow - 1) * cost_s + every_s
        assert max(gaps_s) <= allowed_s + len(costs_s) * QUICK_S


def test_a_slow_meter_that_fits_between_the_polls_of_the_others_keeps_its_rate() -> None:
    costs_s = {"slow": takes(9.0), "a": takes(QUICK_S), "b": takes(QUICK_S)}
    ends = poll(costs_s, 30.0, 3600)
    assert [len(one) for one in ends.values()] == [120, 120, 120]


@pytest.mark.parametrize("meters", [1, 2, 3, 8])
def test_where_all_are_slow_they_take_turns_and_the_bus_never_waits(meters: int) -> None:
    ends = poll({f"m{n}": takes(2.4) for n in range(meters)}, 1.0, 2400)
    counts = [len(one) for one in ends.values()]
    assert sum(counts) >= (1000 if meters > 1 else 800), "one alone keeps to whole intervals"
    assert max(counts) - min(counts) <= 1


def test_one_poll_that_took_long_costs_a_quick_meter_nothing() -> None:
    ends = poll({f"m{n}": loses(2 * n) for n in range(8)}, 5.0, 3600)
    for one in ends.values():
        assert max(later - sooner for sooner, later in itertools.pairwise(one)) < 10


def test_a_meter_whose_answers_take_long_is_known_after_two() -> None:
    """Those of its first polls, before it is known how long they all take."""
    schedule = Schedule([MeterSetup("slow", WHOLE, 1, fast_s=1.0), MeterSetup("quick", WHOLE, 2, fast_s=1.0)])
    now_s, polls = 0.0, []
    while now_s < 50:
        step = schedule.next(now_s)
        if isinstance(step, Wait):
            now_s += step.seconds
            continue
        took_s = 9.0 if step.meter_id == "slow" else QUICK_S
        now_s += took_s
        schedule.note_poll(step.meter_id, step.group, now_s, Quality.GOOD, latency_s=took_s)
        polls.append(step.meter_id)
    assert polls.count("slow") == 3, "two, and one after a rest"


@given(
    st.lists(st.floats(0.02, 12.0), min_size=1, max_size=12),
    st.sampled_from([0.5, 1.0, 5.0, 30.0]),
)
@settings(deadline=None, max_examples=30)
def test_nobody_starves(costs_s: list[float], every_s: float) -> None:
    """Whoever they are, each is polled once in the time that one turn of all takes, or in its rest."""
    meters = {f"m{n}": takes(cost_s) for n, cost_s in enumerate(costs_s)}
    ends = poll(meters, every_s, 1800)
    parts, turn_s = max(len(costs_s), FAIR_PARTS_LEAST), sum(costs_s)
    for name, cost_s in zip(meters, costs_s, strict=True):
        moments = [0.0, *ends[name], 1800.0]
        rest_s = min(parts * cost_s, REST_MAX_S + cost_s) if cost_s > SLOW_POLL_S else 0.0
        worst_s = max(later - sooner for sooner, later in itertools.pairwise(moments))
        assert worst_s <= rest_s + 2 * turn_s + 2 * every_s


@pytest.mark.parametrize(
    "seed", [pytest.param(n, marks=pytest.mark.minutes if n > 3 else ()) for n in range(40)]
)
def test_no_group_of_a_meter_is_ever_forgotten(seed: int) -> None:
    """Meters that are slow and quick again, and lose answers now and then."""
    chance = random.Random(seed)
    names = [f"m{n}" for n in range(chance.randint(2, 5))]
    every_s, slow_s = chance.choice((1.0, 5.0, 20.0)), chance.uniform(1.0, 9.0)
    schedule = Schedule(MeterSetup(name, WHOLE, n, fast_s=every_s) for n, name in enumerate(names))
    now_s, ends = 0.0, {(name, group): [0.0] for name in names for group in PollGroup}
    while now_s < 5 * FORGOTTEN_S:
        step = schedule.next(now_s)
        if isinstance(step, Wait):
            now_s += step.seconds
            continue
        is_slow = (now_s // 200 + int(step.meter_id[1:])) % 2
        now_s += slow_s if is_slow and chance.random() < 0.9 else QUICK_S
        quality = Quality.BAD if chance.random() < 0.05 else Quality.GOOD
        schedule.note_poll(step.meter_id, step.group, now_s, quality)
        ends[step.meter_id, step.group].append(now_s)
    for moments in ends.values():
        moments.append(now_s)
        assert max(later - sooner for sooner, later in itertools.pairwise(moments)) <= FORGOTTEN_S
