"""Analysers against power: dishonest ones are asked about, honest plants are not."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.marks.emissions import CURVE_POINTS_MAX, Doubt, Plant, Said, What, find_doubts, list_runs

DAY = 1440
Value = Callable[[int], Said]


def plant(off: range = range(0), rest: range = range(0), *, is_certain: bool = True) -> Plant:
    """A day; treatment stands in `off`, production in `rest`."""
    works = frozenset(at for at in range(DAY) if at not in rest)
    return Plant(
        production_w={at: 40_000.0 if at in works else 500.0 for at in range(DAY)},
        treatment_w={at: 100.0 if at in off else 9_000.0 for at in range(DAY)},
        works=works,
        untreated=works & frozenset(off),
        is_certain=is_certain,
    )


def alive(at: int, level: float = 30.0) -> Said:
    return Said(round(level + (at * 7919 % 101) / 25, 2))


def told(what: Plant, **points: Value) -> list[tuple[What, str, bool]]:
    found = find_doubts({name: {at: say(at) for at in range(DAY)} for name, say in points.items()}, what)
    return [(one.what, one.point, one.is_contradiction) for one in found]


OFF, AGAIN = range(600, 700), range(1000, 1100)


@pytest.mark.parametrize(
    ("what", "say", "doubts"),
    [
        (plant(), alive, []),
        (plant(OFF), lambda at: alive(at, 300.0 if at in OFF else 30.0), []),
        (plant(OFF), alive, [(What.CLEAN, "so2", False)]),
        (plant(range(600, 630)), alive, []),  # shorter than what washes out and is judged
        (plant(OFF, rest=OFF), alive, []),  # nothing is made, so nothing need be treated
        (
            plant(range(600, 1100)),
            lambda at: alive(at, 300.0 if at > 700 else 30.0),
            [],
        ),
        (plant(rest=range(300, 900)), lambda _: Said(0.0), []),
        (plant(rest=range(300, 900)), lambda at: Said(21.5) if 300 <= at < 900 else alive(at), []),
        (plant(), lambda at: Said(21.5) if 300 <= at < 500 else alive(at), [(What.FROZEN, "so2", False)]),
        (plant(), lambda at: Said(21.5) if 300 <= at < 400 else alive(at), []),
        (plant(), lambda at: Said(float(at // 50)), []),  # it always holds its values for so long
        (plant(), lambda _: Said(5.0), []),  # nobody has seen it move
        (plant(), lambda at: Said(5.0, "F") if at < 100 else alive(at), [(What.OUT, "so2", False)]),
        (
            plant(),
            lambda at: Said(alive(at).value, "F") if at < 100 else alive(at),
            [(What.OUT, "so2", True)],
        ),
        (plant(rest=range(100)), lambda at: Said(alive(at).value, "F") if at < 100 else alive(at), []),
        (plant(), lambda at: Said(0.0, "C") if at < 60 else alive(at), []),
        (plant(), lambda at: Said(0.0, "C") if at < 300 else alive(at), [(What.CALIBRATING, "so2", False)]),
        (
            plant(),
            lambda at: Said(0.0, "M" if at % 2 else "C") if at < 300 else alive(at),
            [(What.CALIBRATING, "so2", False)],
        ),
    ],
)
def test_what_an_analyser_says_is_asked_about_or_not(
    what: Plant, say: Value, doubts: list[tuple[What, str, bool]]
) -> None:
    assert told(what, so2=say) == doubts


def test_a_pollutant_that_rose_once_without_treatment_and_then_did_not_contradicts() -> None:
    both = frozenset(OFF) | frozenset(AGAIN)
    days = plant(OFF)
    twice = Plant(
        production_w=days.production_w,
        treatment_w={at: 100.0 if at in both else 9_000.0 for at in range(DAY)},
        works=days.works,
        untreated=both,
    )
    assert told(twice, so2=lambda at: alive(at, 300.0 if at in OFF else 30.0)) == [(What.CLEAN, "so2", True)]


def test_two_values_that_freeze_together_contradict_and_oxygen_alone_is_asked_about() -> None:
    def frozen(at: int) -> Said:
        return Said(9.25) if 300 <= at < 500 else alive(at)

    assert told(plant(), so2=frozen, o2=frozen) == [(What.FROZEN, "o2", True), (What.FROZEN, "so2", True)]
    assert told(plant(), so2=alive, o2=frozen) == [(What.FROZEN, "o2", False)]
    assert told(plant(is_certain=False), so2=frozen, o2=frozen) == [
        (What.FROZEN, "o2", False),
        (What.FROZEN, "so2", False),
    ]


def test_a_question_has_both_curves_around_its_time() -> None:
    series = {"so2": {at: alive(at) for at in range(DAY)}}
    (doubt,) = find_doubts(series, plant(OFF))
    assert isinstance(doubt, Doubt)
    body = doubt.to_body()
    assert (body["from_s"], body["to_s"]) == ((600 + 15) * 60, 700 * 60)
    curves = body["curves"]
    assert (
        len(curves["value"]) == len(curves["production_w"]) == len(curves["treatment_w"]) <= CURVE_POINTS_MAX
    )
    at = (body["from_s"] - curves["from_s"]) // curves["step_s"]
    assert (curves["treatment_w"][at], curves["production_w"][at]) == (100.0, 40_000.0)


@given(st.frozensets(st.integers(0, 60)), st.integers(1, 10))
@settings(deadline=None, max_examples=60)
def test_runs_cover_only_minutes_that_are_near_and_are_as_long_as_asked(
    minutes: frozenset[int], least: int
) -> None:
    runs = list(list_runs(minutes, least))
    for first, last in runs:
        inside = sorted(at for at in minutes if first <= at <= last)
        assert inside[0] == first
        assert inside[-1] == last
        assert all(b - a <= 3 for a, b in pairwise(inside))
        assert last - first + 1 >= least
    assert runs == sorted(runs)
