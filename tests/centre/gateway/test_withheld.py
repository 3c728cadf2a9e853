"""A body that is withheld is told; a backlog that comes, and one that cannot come, are not."""

from hypothesis import given
from hypothesis import strategies as st

from centre.gateway.withheld import LOOK_MS, SHOWN_MAX, WITHHELD_MS, Withheld
from evidence.chain import Code
from evidence.held import Held

LOOKS = WITHHELD_MS // LOOK_MS


def held_of(*numbers: int) -> Held:
    held = Held()
    for number in numbers:
        held.add(number)
    return held


def test_bodies_that_do_not_come_for_an_hour_are_told_once_with_their_seals() -> None:
    watch, held, found = Withheld(), held_of(1, 2, 5), []
    for minute in range(3 * LOOKS):
        held.add(6 + minute)
        found += watch.look(held, 6 + minute, minute * LOOK_MS)
    (one,) = found
    assert (one.code, one.number) == (Code.WITHHELD, 3)
    assert one.text.startswith("2 bodies have not come")
    assert one.text.endswith("seals 3 to 4")


def test_a_backlog_of_which_some_bodies_come_is_never_told() -> None:
    watch, held = Withheld(), Held()
    for minute in range(20 * LOOKS):
        if minute % 50 == 0:
            held.add(minute // 50 + 1)
        assert watch.look(held, 10_000, minute * LOOK_MS) == []


def test_the_time_in_which_a_gateway_is_not_heard_does_not_count() -> None:
    watch, held = Withheld(), held_of(2)
    for day in range(LOOKS // 2):
        assert watch.look(held, 2, day * 86_400_000) == []


def test_of_very_many_runs_the_first_are_named() -> None:
    watch, found, held = Withheld(), [], held_of(*range(2, 100, 2))
    for minute in range(2 * LOOKS):
        found += watch.look(held, 99, minute * LOOK_MS)
    assert found[0].text.endswith(f"and {50 - SHOWN_MAX} more runs")


@given(st.lists(st.tuples(st.integers(0, 5 * LOOK_MS), st.integers(1, 30)), max_size=200))
def test_whatever_comes_when_nothing_is_told_while_nothing_is_missing(steps: list[tuple[int, int]]) -> None:
    watch, held, tip, now_ms = Withheld(), Held(), 0, 0
    for passed_ms, more in steps:
        tip, now_ms = tip + more, now_ms + passed_ms
        held.add(1, tip)
        assert watch.look(held, tip, now_ms) == []
