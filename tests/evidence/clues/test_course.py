"""Which step may follow which: a table, and a property: no step goes where the table has none."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.cbor import FormatError
from evidence.clues.course import Clue, CourseError, Outcome, follow
from evidence.clues.precision import count_rules
from evidence.clues.step import Stage, Step, parse_step
from tests.evidence.clues.attacks import AGAIN, GOOD
from tests.evidence.clues.ledgers import COURSE, OPENING, RECHECK, Writer

S, V, D, R, I = Stage  # noqa: E741
WHOLE = [parse_step(raw).step for raw in Writer().course()]


def led(steps: list[Step]) -> Clue | None:
    clue = None
    for step in steps:
        clue = follow(clue, step)
    return clue


def put(count: int, stage: Stage, body: dict[str, Any]) -> Clue:
    """What comes behind the first `count` steps of a whole course."""
    return follow(led(WHOLE[:count]), evolve(WHOLE[0], stage=stage, body=body, links=()))


SAID: list[tuple[int, Stage, dict[str, Any], str]] = [
    (0, V, OPENING, "begins with its screening"),
    (0, S, OPENING, "needs a link"),
    (1, D, {}, "is no stage after"),
    (1, R, {"recheck": RECHECK}, "is no stage after"),
    (2, S, {}, "is no stage after"),
    (2, D, {}, "needs a signed review"),
    (2, V, {"closed": True}, "not closed while"),
    (2, V, {"outcome": "nobody"}, "neither plant nor device"),
    (3, D, {"outcome": "plant"}, "review stands in verifying"),
    (4, R, {}, "needs a recheck"),
    (4, D, {"recheck": RECHECK}, "recheck stands in rectifying"),
    (4, R, {"recheck": {**RECHECK, "result": "cannot_be_judged"}}, "none that this version knows"),
    (4, R, {"recheck": {**RECHECK, "ran_s": 300_001}}, "not a number"),
    (5, R, {"closed": True}, "not closed while"),
    (5, V, {}, "is no stage after"),
    (5, I, {"closed": 1}, "neither true nor false"),
    (5, I, {"verdict": "guilty"}, "not known"),
    (6, I, {}, "is closed"),
]


@pytest.mark.parametrize(("count", "stage", "body"), GOOD)
def test_what_may_follow(count: int, stage: Stage, body: dict[str, Any]) -> None:
    assert put(count, stage, body).stage is stage


@pytest.mark.parametrize(("count", "stage", "body", "says"), SAID)
def test_what_may_not_follow(count: int, stage: Stage, body: dict[str, Any], says: str) -> None:
    with pytest.raises((CourseError, FormatError), match=says):
        put(count, stage, body)


def test_a_recheck_that_says_again_leads_back_and_never_on() -> None:
    clue = put(4, R, {"recheck": AGAIN})
    note = evolve(WHOLE[0], body={}, links=())
    with pytest.raises(CourseError, match="goes on"):
        follow(clue, evolve(note, stage=I))
    again = follow(follow(clue, evolve(note, stage=D)), evolve(note, stage=R, body={"recheck": RECHECK}))
    assert follow(again, evolve(note, stage=I)).stage is I


def test_the_last_review_counts() -> None:
    clue = put(3, V, {"outcome": "device"})
    assert clue.outcome is Outcome.DEVICE


MOVES = {(one, two) for one in Stage for two in Stage if two in {one, one + 1}} | {(R, D)}


@given(
    st.lists(st.tuples(st.sampled_from(Stage), st.sampled_from([body for _, body in COURSE])), max_size=12)
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_signed_a_clue_moves_by_the_table_alone(
    wanted: list[tuple[Stage, dict[str, Any]]],
) -> None:
    clue = led(WHOLE[:1])
    assert clue is not None
    for stage, body in wanted:
        before = clue
        try:
            clue = follow(clue, evolve(WHOLE[0], stage=stage, body=body, links=()))
        except (CourseError, FormatError):
            continue
        assert not before.closed
        assert (before.stage, clue.stage) in MOVES
        assert clue.stage < D or clue.outcome is not None
        assert clue.stage < R or clue.recheck is not None


def test_the_precision_of_a_rule_counts_closed_clues_alone() -> None:
    plant, open_ = led(WHOLE), led(WHOLE[:3])
    assert plant is not None
    assert open_ is not None
    device = evolve(plant, outcome=Outcome.DEVICE)
    dismissed = put(1, S, {"closed": True})
    other = evolve(open_, opening=evolve(open_.opening, rule="idle"))
    found = count_rules([plant, plant, device, dismissed, open_, other])
    assert (found["off"].closed, found["off"].open, found["off"].precision) == (4, 1, 0.5)
    assert found["idle"].precision is None
