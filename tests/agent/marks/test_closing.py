"""Which losses, starts and works have closed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.marks.closing import FLAPS_S, WORK_S, Closing
from evidence import cbor
from evidence.marks.absences import CALM_S, Started

MINUTE_S = 60


def again(closing: Closing) -> Closing:
    """The same after a restart."""
    other = Closing(closing.periods_s)
    other.restore(cbor.decode(cbor.encode(closing.state()), 1 << 20))
    return other


def hear(heard: list[bool], cuts: frozenset[int] = frozenset()) -> list[Any]:
    """A minute each; what was told of the meter, and when."""
    closing, told = Closing({"m1": 60.0}), []
    for minute, is_good in enumerate(heard):
        at_s = float(minute * MINUTE_S)
        if is_good:
            closing.note_good("m1", at_s)
        told += [(minute, one) for one in closing.take_silences().get("m1", ())]
        if minute in cuts:
            closing = again(closing)
    return told


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([5, -8, 30], []),
        ([5, -12, 10], []),
        ([5, -12, 20], [(32, (240.0, 1_020.0))]),
        ([5, -12, 10, -12, 20], [(54, (240.0, 2_340.0))]),
        ([5, -12, 16, -12, 20], [(32, (240.0, 1_020.0)), (60, (1_920.0, 2_700.0))]),
        ([5, -12], []),
    ],
)
def test_a_loss_is_told_once_contact_has_held(runs: list[int], expected: list[Any]) -> None:
    """Minutes heard, and minutes silent below 0."""
    assert hear([minutes > 0 for minutes in runs for _ in range(abs(minutes))]) == expected


def test_a_meter_that_flaps_for_days_is_told_of_once_a_day() -> None:
    heard = ([True] * 5 + [False] * 12) * (3 * 1440 // 17)
    told = hear(heard)
    assert 2 <= len(told) <= 4
    assert all(end_s - begin_s >= FLAPS_S for _, (begin_s, end_s) in told)


@given(st.lists(st.integers(1, 40), max_size=12), st.frozensets(st.integers(0, 300), max_size=8))
def test_what_is_told_does_not_depend_on_restarts(runs: list[int], cuts: frozenset[int]) -> None:
    heard = [at % 2 == 0 for at, minutes in enumerate(runs) for _ in range(minutes)]
    assert hear(heard, cuts) == hear(heard)


def test_a_start_waits_for_calm_and_explains_silences_afterwards() -> None:
    closing = Closing({"m1": 60.0})
    closing.note_good("m1", 100.0)
    closing.note_start(Started(400.0, 5_000.0, was_off=True))
    closing.note_good("m1", 5_010.0)
    assert closing.take_starts(5_000.0 + CALM_S - 1) == []
    closing.note_start(Started(5_500.0, 5_510.0, was_off=False))
    assert closing.take_starts(5_000.0 + CALM_S) == [], "another start belongs to it"
    assert [one.at_s for one in closing.take_starts(5_510.0 + CALM_S)] == [5_000.0, 5_510.0]
    assert closing.take_starts(9_000.0) == []
    assert [one.at_s for one in again(closing).list_starts()] == [5_000.0, 5_510.0]
    for at_s in (5_500.0, 5_910.0):
        closing.note_good("m1", at_s)
    ((begin_s, end_s),) = closing.take_silences()["m1"]
    assert (begin_s, end_s) == (400.0, 5_010.0), "heard until the last sign of life"


def test_a_meter_that_was_lost_before_a_start_stays_lost() -> None:
    closing = Closing({"m1": 60.0, "m2": 60.0})
    for meter, at_s in (("m1", 100.0), ("m2", 3_990.0)):
        closing.note_good(meter, at_s)
    closing.note_start(Started(4_000.0, 4_010.0, was_off=False))
    for meter in ("m1", "m2"):
        closing.note_good(meter, 4_020.0)
    for at_s in (4_500.0, 4_020.0 + CALM_S):
        closing.note_good("m1", at_s)
    assert closing.take_silences() == {"m1": [(100.0, 4_020.0)]}


def test_work_closes_an_hour_after_its_last_letter() -> None:
    closing = Closing({"m1": 60.0})
    for at_s in (1_000.0, 1_000.0 + WORK_S - 1):
        closing.note_work("m1", at_s)
        closing = again(closing)
    assert closing.take_work(1_000.0 + WORK_S) == {}
    assert closing.take_work(1_000.0 + 2 * WORK_S) == {"m1": (1_000.0, 1_000.0 + WORK_S - 1)}
    assert closing.take_work(1e9) == {}


def test_a_clock_that_is_set_moves_what_came_since_the_start() -> None:
    closing = Closing({"m1": 60.0})
    closing.note_good("m1", 500.0)
    closing.note_start(Started(500.0, 1_000.0, was_off=True))
    closing.note_good("m1", 1_100.0)
    closing.note_work("m1", 1_200.0)
    closing.shift(50_000.0, 1_000.0)
    assert [(one.since_s, one.at_s) for one in closing.list_starts()] == [(500.0, 51_000.0)]
    assert closing.take_work(1e9) == {"m1": (51_200.0, 51_200.0)}
    assert closing.heard_s == 51_100.0
    (span,) = closing.take_silences().get("m1", [(500.0, 1_100.0)])
    assert span == (500.0, 1_100.0)


def test_a_meter_that_is_none_any_more_is_forgotten() -> None:
    closing = Closing({"m1": 60.0})
    for at_s in (0.0, 5_000.0):
        closing.note_good("m1", at_s)
    other = Closing({"m2": 60.0})
    other.restore(cbor.decode(cbor.encode(closing.state()), 1 << 20))
    assert other.take_silences() == {}
