"""What is given up when the database fills."""

import pytest
from attrs import define, field

from agent.quota import DROP_BODIES_MAX, Level, level_of, make_room


@define
class Rows:
    used: float
    bodies: set[int] = field(factory=lambda: set(range(1, 101)))
    pruned: list[int] = field(factory=list)

    def used_fraction(self) -> float:
        return self.used

    def first_number(self) -> int | None:
        return 1

    def prune_below(self, number: int) -> int:
        self.pruned.append(number)
        return number - 1

    def drop_body(self, number: int) -> bool:
        if number not in self.bodies:
            return False
        self.bodies.remove(number)
        return True


@pytest.mark.parametrize(
    ("used", "level"),
    [
        (0.0, Level.FREE),
        (0.699, Level.FREE),
        (0.7, Level.PRUNE),
        (0.85, Level.ALARM),
        (0.95, Level.DROP),
        (1.0, Level.ESSENTIAL),
    ],
)
def test_levels(used: float, level: Level) -> None:
    assert level_of(used) is level


def test_nothing_is_deleted_while_there_is_room() -> None:
    rows = Rows(0.5)
    assert make_room(rows, prunable_below=50, tip=100) == (Level.FREE, None)
    assert not rows.pruned
    assert len(rows.bodies) == 100


def test_receipted_rows_go_before_any_body_is_given_up() -> None:
    rows = Rows(0.99)
    assert make_room(rows, prunable_below=50, tip=100) == (Level.ESSENTIAL, None)
    assert rows.pruned == [50]
    assert len(rows.bodies) == 100


def test_the_oldest_bodies_are_given_up_when_nothing_can_be_pruned() -> None:
    rows = Rows(0.96)
    rows.bodies.discard(2)
    assert make_room(rows, prunable_below=1, tip=100) == (Level.DROP, (1, DROP_BODIES_MAX + 1))
    assert min(rows.bodies) == DROP_BODIES_MAX + 2


def test_the_tip_keeps_its_body() -> None:
    rows = Rows(0.96, bodies={3})
    assert make_room(rows, prunable_below=1, tip=3) == (Level.DROP, None)
    assert rows.bodies == {3}
