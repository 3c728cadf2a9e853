"""The marks that a chain makes by itself."""

from collections.abc import Sequence

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from evidence.marks.absences import CALM_S, LOST_S, Started, is_loss
from evidence.marks.automatic import (
    STOOD_S,
    find_news,
    mark_line,
    mark_silences,
    mark_starts,
    mark_unverified,
)
from evidence.marks.catalogue import load_catalogue
from evidence.marks.mark import Mark, Source, decode_mark
from evidence.marks.truth import Habits, Sample, Truth, check_mark

CATALOGUE = load_catalogue("general")
HABITS = Habits(threshold_w=1_000, usual_w=40_000)
HOLD_S = 180
REST, WARM, WORK = 500.0, 20_000.0, 40_000.0


def told(marks: Sequence[Mark]) -> list[tuple[str, int, int | None]]:
    return [(one.code, one.from_s, one.to_s) for one in marks]


def powers(*runs: tuple[float, int]) -> list[Sample]:
    """A sample a minute: W, and for how many minutes; 0 minutes of nothing are a gap."""
    samples: list[Sample] = []
    at = 0
    for watts, minutes in runs:
        samples += [(60.0 * (at + step), watts) for step in range(minutes) if watts >= 0]
        at += minutes
    return samples


@pytest.mark.parametrize(
    ("gap_s", "period_s", "is_one"),
    [(LOST_S - 1, 5, False), (LOST_S, 5, True), (3_599, 1_200, False), (3_600, 1_200, True)],
)
def test_a_loss_is_ten_minutes_and_three_periods(gap_s: float, period_s: float, is_one: bool) -> None:
    assert is_loss(gap_s, period_s) is is_one


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], []),
        ([(0, 700)], [(0, 700)]),
        ([(0, 700), (700 + CALM_S, 3_000)], [(0, 700), (700 + CALM_S, 3_000)]),
        ([(0, 700), (699 + CALM_S, 3_000)], [(0, 3_000)]),
        ([(n * 1_000, n * 1_000 + 700) for n in range(50)], [(0, 49_700)]),
    ],
)
def test_a_meter_that_flaps_makes_one_mark(
    spans: list[tuple[float, float]], expected: list[tuple[int, int]]
) -> None:
    found = list(mark_silences({"m1": spans}, (), CATALOGUE))
    assert told(found) == [("lost-contact", *span) for span in expected]
    assert {(one.source, one.subject, one.by) for one in found} <= {(Source.AUTO, "m1", "dianjian")}
    assert all(decode_mark(one.to_body()) == one for one in found)


def test_a_silence_that_a_start_explains_is_none_of_its_own() -> None:
    starts = (Started(1_000, 5_000, was_off=True),)
    spans = {"m1": [(990.0, 5_060.0)], "m2": [(990.0, 9_000.0)]}
    assert [one.subject for one in mark_silences(spans, starts, CATALOGUE)] == ["m2"]
    both = [*starts, Started(20_000, 20_010, was_off=False), Started(20_300, 20_310, was_off=False)]
    assert told(list(mark_starts(both, "g1", CATALOGUE))) == [
        ("restart", 20_000, 20_310),
        ("gateway-off", 1_000, 5_000),
    ]


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([(WORK, 60), (REST, 60), (WORK, 60)], [("stop", 3_600, 7_140)]),
        ([(WORK, 60), (REST, 29), (WORK, 60)], []),
        ([(REST, 60), (WARM, 30), (WORK, 60)], [("stop", 0, 3_540), ("start", 3_600, 5_400)]),
        ([(REST, 60), (WARM, 4), (WORK, 60)], [("stop", 0, 3_540)]),
        ([(REST, 60), (WARM, 30), (REST, 10), (WORK, 60)], [("stop", 0, 3_540)]),
        ([(REST, 40), (-1, 20), (REST, 40)], [("stop", 0, 2_340), ("stop", 3_600, 5_940)]),
        ([(REST, 40), (-1, 20), (WARM, 30), (WORK, 9)], [("stop", 0, 2_340)]),
        ([(REST, 60)], [("stop", 0, 3_540)]),
    ],
)
def test_a_line_that_stood_and_started(
    runs: list[tuple[float, int]], expected: list[tuple[str, int, int]]
) -> None:
    found = list(mark_line("p1", "production", powers(*runs), HABITS, HOLD_S, CATALOGUE))
    assert told(found) == expected


def test_treatment_has_codes_of_its_own_and_an_incomer_none() -> None:
    samples = powers((REST, 60))
    assert [one.code for one in mark_line("t", "treatment", samples, HABITS, HOLD_S, CATALOGUE)] == [
        "treatment-stop"
    ]
    assert list(mark_line("i", "incomer", samples, HABITS, HOLD_S, CATALOGUE)) == []
    assert list(mark_line("p", "production", samples, Habits(), HOLD_S, CATALOGUE)) == []


@given(st.lists(st.tuples(st.sampled_from([REST, WARM, WORK, -1.0]), st.integers(1, 90)), max_size=12))
def test_power_never_contradicts_a_stop_that_it_has_made_itself(runs: list[tuple[float, int]]) -> None:
    samples = powers(*runs)
    marks = list(mark_line("p1", "production", samples, HABITS, HOLD_S, CATALOGUE))
    for one in marks:
        assert one.to_s is not None
        says = CATALOGUE.codes[one.code].says
        assert check_mark(says, one.from_s, one.to_s, samples, HOLD_S, HABITS).truth is not Truth.CONTRADICTED
        assert one.code == "start" or one.to_s - one.from_s >= STOOD_S
    assert len({one.id for one in marks}) == len(marks)


def test_readings_after_the_end_of_a_verification_are_marked() -> None:
    found = list(mark_unverified({"m1": 1_000, "m2": 9_000}, 5_000.0, CATALOGUE))
    assert told(found) == [("unverified", 1_000, 5_000)]
    assert found[0].subject == "m1"


def test_what_the_gateway_has_sealed_is_not_derived_again() -> None:
    derived = list(
        mark_silences({"m1": [(1_000, 2_000), (9_000, 9_700)], "m2": [(1_000, 2_000)]}, (), CATALOGUE)
    )
    sealed = next(mark_silences({"m1": [(1_010, 1_990)]}, (), CATALOGUE))
    assert told(list(find_news(derived, [sealed]))) == [
        ("lost-contact", 9_000, 9_700),
        ("lost-contact", 1_000, 2_000),
    ]
    by_hand = evolve(sealed, source=Source.MANUAL)
    assert list(find_news(derived, [by_hand])) == derived, "a person's mark hides none"
