"""The bench of alerts: what it tells, the same over every restart and beside every clock."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import cbor
from evidence.curtailment.ledger import LineLedger
from evidence.curtailment.measures import Measure, ReductionList, Row
from evidence.record import Kind
from evidence.record_body import check_body
from evidence.response.asked import Asked, Line
from evidence.response.bench import Bench, Made
from tests.evidence.response.ordered import FIRST_S, HOUR_S, alert, cancel, held, listed, order

STEP_S = 60
HOURS = 24
TOLD_BY = 13
REST_W, WORK_W = 1_000.0, 40_000.0


def make() -> Bench:
    books = {"p1": LineLedger.of(["mp"], 28_800, 90.0, {"mp": 100_000.0})}
    return Bench(Asked({"p1": Line(50_000.0, 90.0)}), books, {"mp": "p1"})


def again(bench: Bench) -> Bench:
    """The same after a restart."""
    other = make()
    for line, book in other.books.items():
        book.restore(cbor.decode(cbor.encode(bench.books[line].state()), 1 << 20))
    other.restore(cbor.decode(cbor.encode(bench.state()), 1 << 20))
    return other


ORDERS = {
    TOLD_BY: (listed(), alert(2, "red", 14, 18), alert(3, "orange", 14, 17, list="l1", test=True)),
    16: (cancel(4, "a2", 16.5),),
    19: (alert(5, "red", 20, 22),),
}
EPISODE = {"id": "k1-off-1", "rule": "off", "lines": ["p1"], "begin_at_s": FIRST_S, "end_at_s": None}


def story(cuts: frozenset[int] = frozenset(), ticks: frozenset[int] = frozenset()) -> list[Made]:
    """A day: it works for an hour, stands for 13, works for 5, stands; `cuts` restart the bench."""
    bench, made, wh = make(), list[Made](), 0.0
    for minute in range(HOURS * 60):
        at_s = FIRST_S + minute * STEP_S
        hour, rest = divmod(minute, 60)
        watts = WORK_W if hour == 0 or 14 <= hour < 19 else REST_W
        wh += watts / 60
        if rest == 7:
            for one in ORDERS.get(hour, ()):
                made += bench.take_order(held(one), at_s)
        if minute in ticks:
            made += bench.advance(at_s - 20)
        register = wh if minute % 10 == 0 else None
        made += bench.read("mp", at_s, register, watts, is_sample=True)
        if minute == 60:
            bench.take_episode(EPISODE)
        if minute in cuts:
            bench = again(bench)
    return made


WHOLE = story()


def test_production_that_ran_without_its_treatment_is_named_in_the_verdict() -> None:
    rows = (Row(lines=("p1",), level="red", measure=Measure.STOP, treatment=("t1",)),)
    wanted = order("l1", "list", 1, ReductionList(edition="e", rows=rows).to_body())
    bench = make()
    for one in (wanted, alert(2, "red", 14, 16)):
        bench.take_order(held(one), FIRST_S)
    bench.take_episode({**EPISODE, "begin_at_s": FIRST_S + 15 * HOUR_S})
    bench.take_episode({**EPISODE, "id": "k1-data_loss-1", "rule": "data_loss"})
    bench.take_episode({**EPISODE, "id": "k-2-idle-1-retrospective", "rule": "idle"})
    state = bench.state()
    (final,) = [body for _, body in bench.advance(FIRST_S + 18 * HOUR_S) if body["what"] == "final"]
    assert final["episodes"] == ["k1-off-1", "k-2-idle-1-retrospective"]
    older = make()
    state[4] = [one[:4] for one in state[4]]
    older.restore(cbor.decode(cbor.encode(state), 1 << 20))
    (again_,) = [body for _, body in older.advance(FIRST_S + 18 * HOUR_S) if body["what"] == "final"]
    assert again_ == final, "what an older program did not keep stands in the id of the episode"


def short(made: list[Made]) -> list[tuple[Any, ...]]:
    return [
        (kind, body["order"], body["what"], body.get("state") or body.get("verdict")) for kind, body in made
    ]


def test_each_line_of_each_alert_is_told_in_its_time() -> None:
    found = short(WHOLE)
    assert found[:2] == [(Kind.BASELINE, "a2", "baseline", None), (Kind.BASELINE, "a3", "baseline", None)]
    red = [one[2:] for one in found if one[:2] == (Kind.VERDICT, "a2")]
    assert red == [("hour", "not_met")] * 3 + [("final", "not_met")]
    test = [one[2:] for one in found if one[1] == "a3" and one[0] is not Kind.BASELINE]
    assert test == [("hour", "running")] * 3 + [("final", "met")]
    assert {one[0] for one in found if one[1] == "a3"} == {Kind.BASELINE, Kind.EXERCISE}
    assert [one[2:] for one in found if one[:2] == (Kind.VERDICT, "a5")] == [
        ("hour", "met"), ("hour", "met"), ("final", "met"),
    ]  # fmt: skip


def test_a_line_is_held_to_nothing_after_a_cancel() -> None:
    (final,) = [body for _, body in WHOLE if body["order"] == "a2" and body["what"] == "final"]
    assert (final["hours"], final["not_met"]) == (3, 3), "14, 15, and half of 16 o'clock"


def test_what_is_told_is_a_record_of_its_kind() -> None:
    for kind, body in WHOLE:
        check_body(kind, body)


@given(
    st.frozensets(st.integers(0, HOURS * 60 - 1), max_size=4), st.frozensets(st.integers(1, HOURS * 60 - 1))
)
@settings(max_examples=12)
def test_neither_restarts_nor_a_clock_between_readings_change_what_is_told(
    cuts: frozenset[int], ticks: frozenset[int]
) -> None:
    found = story(cuts, ticks)
    assert short(found) == short(WHOLE)
    for (_, mine), (_, theirs) in zip(found, WHOLE, strict=True):
        assert mine.keys() == theirs.keys()
        assert abs((mine.get("wh") or 0) - (theirs.get("wh") or 0)) <= 10, "kept in whole Wh"


def test_what_was_told_is_not_told_again_when_its_order_comes_again() -> None:
    bench = make()
    for one in (listed(), alert(2, "red", 1, 2)):
        bench.take_order(held(one), FIRST_S)
    assert short(bench.advance(FIRST_S + 9 * HOUR_S))[-1][2] == "final"
    assert bench.take_order(held(alert(2, "red", 1, 2)), FIRST_S + 9 * HOUR_S) == []
    assert bench.advance(FIRST_S + 20 * HOUR_S) == []
    assert len(bench.ended) == 1


@pytest.mark.parametrize(("listed_too", "why"), [(False, "no_list"), (True, "no_line")])
def test_what_nobody_can_judge_is_told_at_the_end_and_once(listed_too: bool, why: str) -> None:
    bench = make()
    orders = (listed(), alert(2, "yellow", 1, 2)) if listed_too else (alert(2, "yellow", 1, 2),)
    for one in orders:
        bench.take_order(held(one), FIRST_S)
    assert bench.advance(FIRST_S + 2 * HOUR_S) == [] or listed_too
    made = [body for _, body in bench.advance(FIRST_S + 4 * HOUR_S) if body.get("why") == why]
    assert [one["verdict"] for one in made] == ["cannot_be_judged"]
    assert again(bench).advance(FIRST_S + 8 * HOUR_S) == []


def test_the_days_of_an_alert_are_left_out_of_later_baselines_and_those_of_an_exercise_are_not() -> None:
    for test, left_out in ((False, 1), (True, 0)):
        bench = make()
        for one in (listed(), alert(2, "red", 1, 2, test=test)):
            bench.take_order(held(one), FIRST_S)
        bench.advance(FIRST_S + 9 * HOUR_S)
        bench = again(bench)
        bench.take_order(held(alert(3, "red", 60, 70)), FIRST_S + 50 * HOUR_S)
        assert len(bench.judges["a3", "p1"].left_out) == left_out
