"""What is given up when the database fills."""

import pytest
from attrs import define, field

from agent.sealing.quota import DROP_BODIES_MAX, Level, Quota, level_of


@define
class Rows:
    used: float
    bodies: set[int] = field(factory=lambda: set(range(1, 101)))
    pruned: list[int] = field(factory=list)
    looked_at: list[int] = field(factory=list)

    def used_fraction(self) -> float:
        return self.used

    def prune_below(self, number: int) -> int:
        self.pruned.append(number)
        return number - 1

    def with_bodies(self, first: int, limit: int) -> list[int]:
        self.looked_at.append(first)
        return sorted(number for number in self.bodies if number >= first)[:limit]


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
    assert Quota(rows).make_room(prunable_below=50, tip=100) == (Level.FREE, None)
    assert not rows.pruned


def test_receipted_rows_go_before_any_body_is_given_up() -> None:
    rows = Rows(0.99)
    assert Quota(rows).make_room(prunable_below=50, tip=100) == (Level.ESSENTIAL, None)
    assert rows.pruned == [50]


def test_the_oldest_bodies_are_given_up_when_nothing_can_be_pruned() -> None:
    rows = Rows(0.96)
    rows.bodies.discard(2)
    room = Quota(rows).make_room(prunable_below=1, tip=100)
    assert room == (Level.DROP, (1, DROP_BODIES_MAX + 1)), "whatever lies between is here or was given up"


def test_the_tip_keeps_its_body() -> None:
    rows = Rows(0.96, bodies={3})
    assert Quota(rows).make_room(prunable_below=1, tip=3) == (Level.DROP, None)


def test_headers_without_bodies_are_not_looked_at_again() -> None:
    rows, tip = Rows(0.96), 101
    quota = Quota(rows)
    for _ in range(8):
        _, span = quota.make_room(prunable_below=1, tip=tip)
        if span is not None:
            rows.bodies -= set(range(span[0], span[1] + 1))
    assert not rows.bodies
    assert rows.looked_at == [0, 1, 21, 41, 61, 81, 101, 101]
