"""A serial number that says nothing is unknown: it makes no other meter of one, however long it stays."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.tamper.changes import is_blank
from agent.tamper.settling import SETTLE_S, UNSTEADY_S, Settling
from drivers.points import model as models
from drivers.points.point import Point
from drivers.points.registers import Value

U32 = models.load("eastron-sdm630").point("serial_number")
TEXT = models.load("gavazzi-em340").point("serial_number")
BCD = models.load("dlt645-2007-3p").point("serial_number")

BLANKS: dict[str, tuple[Point, list[Value | None], tuple[Value, Value]]] = {
    "a number": (U32, [None, 0, 0xFFFFFFFF, 0x80000000], (20_230_457, 20_230_458)),
    "text": (
        TEXT,
        [None, "", "       ", "\0\0", "0000000", "?????", "\xff\xff", "-------"],
        ("KX1A", "KX2B"),
    ),
    "digits": (BCD, [None, "000000000000", "FFFFFFFFFFFF", "ffffffffffff"], ("002026000417", "002026000418")),
}


@pytest.mark.parametrize("kind", BLANKS)
def test_each_form_of_nothing_is_blank_and_no_serial_number_is(kind: str) -> None:
    point, blanks, serials = BLANKS[kind]
    assert [is_blank(point, one) for one in blanks] == [True] * len(blanks)
    assert [is_blank(point, one) for one in serials] == [False, False]


@st.composite
def lives(draw: st.DrawFn) -> tuple[Point, list[tuple[float, Value | None]], int, bool]:
    """A point, what it showed for how long, how often it was swapped, and whether each could settle."""
    point, blanks, serials = BLANKS[draw(st.sampled_from(sorted(BLANKS)))]
    shown: list[tuple[float, Value | None]] = []
    for _ in range(draw(st.integers(1, 6))):
        what = draw(st.one_of(st.sampled_from(blanks), st.sampled_from(serials)))
        shown.append((draw(st.floats(1.0, 4 * UNSTEADY_S)), what))
    known = [value for seconds, value in shown if value in serials and seconds > 4 * SETTLE_S]
    swaps = sum(one != other for one, other in pairwise(known))
    whole = all(value not in serials or seconds > 4 * SETTLE_S for seconds, value in shown)
    return point, shown, swaps, whole


@given(life=lives(), poll_s=st.floats(10.0, 60.0), restarts=st.booleans())
@settings(max_examples=60, deadline=None)
def test_only_another_number_is_another_meter(
    life: tuple[Point, list[tuple[float, Value | None]], int, bool], poll_s: float, restarts: bool
) -> None:
    point, shown, swaps, whole = life
    settling, told, at_s = Settling(), list[str](), 0.0
    for seconds, value in shown:
        end_s = at_s + seconds
        while at_s < end_s:
            found = settling.add(point, at_s, value)
            told += [found["what"]] if found else []
            at_s += poll_s
        if restarts:
            settling = Settling(*settling.state())
    others = told.count("meter swapped") + told.count("value returned")
    assert others == swaps if whole else others <= len(shown)
    if len({value for _, value in shown if not is_blank(point, value)}) < 2:
        assert set(told) <= {"unreadable", "readable"}


@pytest.mark.parametrize("blank", [0, 0xFFFFFFFF])
def test_a_blank_number_that_an_earlier_version_believed_is_forgotten(blank: int) -> None:
    settling = Settling(blank)
    told = [settling.add(U32, float(at_s), 20_230_457) for at_s in range(0, 600, 10)]
    assert told == [None] * len(told)
    assert settling.value == 20_230_457
