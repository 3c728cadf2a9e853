"""Slices are spread evenly over the verifiers that live, and nobody takes what another has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from centre.store.slices import (
    BEACON,
    MOST,
    SLICES,
    SlicesError,
    Verifier,
    parse_slices,
    plan,
    slice_of,
)


def turn(me: int, living: dict[int, Verifier], owners: dict[int, int | None]) -> None:
    """One verifier does what it plans; taking what a living one has fails the test."""
    found = plan(me, list(living.values()), owners)
    for number in found.taken:
        assert owners[number] not in living
        owners[number] = me
    for number in found.given_up:
        assert owners[number] == me
        owners[number] = None


RANGES = st.tuples(st.integers(0, MOST), st.integers(0, MOST)).map(sorted)
JOINS = st.one_of(st.just((0, MOST)), RANGES.map(tuple))
EVENTS = st.lists(
    st.one_of(st.tuples(st.just("join"), JOINS), st.tuples(st.just("leave"), st.integers(0, 20))), max_size=12
)


@given(EVENTS)
def test_two_rounds_after_the_last_change_every_slice_has_one_owner_and_even_parts_differ_by_one(
    events: list[tuple[str, object]],
) -> None:
    living: dict[int, Verifier] = {}
    owners: dict[int, int | None] = dict.fromkeys(range(SLICES + 1))
    for lease, (what, argument) in enumerate(events):
        if what == "join":
            living[lease] = Verifier(lease, *argument)  # type: ignore[misc]
        elif living:
            del living[sorted(living)[argument % len(living)]]  # type: ignore[operator]
        for me in list(living):
            turn(me, living, owners)
    for _ in range(2):
        for me in list(living):
            turn(me, living, owners)
    even = [one.lease for one in living.values() if one.is_even]
    asked = {number for one in living.values() for number in one.asked}
    assert all(owners[number] in living for number in asked)
    counts = [sum(owners[number] == lease for number in range(SLICES)) for lease in even]
    assert max(counts, default=0) - min(counts, default=0) <= 1
    assert not living or owners[BEACON] in living


def test_a_third_verifier_gets_a_third_within_two_rounds_and_only_what_it_gets_moves() -> None:
    living = {1: Verifier(1), 2: Verifier(2)}
    owners: dict[int, int | None] = dict.fromkeys(range(SLICES + 1))
    for me in (1, 2, 1, 2):
        turn(me, living, owners)
    before, living[3] = dict(owners), Verifier(3)
    for me in (1, 2, 3):
        turn(me, living, owners)
    moved = [number for number in range(SLICES) if owners[number] != before[number]]
    assert [sum(owner == me for owner in owners.values()) for me in (1, 2, 3)] == [87, 85, 85]
    assert {owners[number] for number in moved} == {3}
    assert len(moved) == 85


@pytest.mark.parametrize(
    ("text", "found"), [("auto", (0, 255)), ("0-127", (0, 127)), ("128-255", (128, 255)), ("7-7", (7, 7))]
)
def test_slices_are_auto_or_a_range(text: str, found: tuple[int, int]) -> None:
    assert parse_slices(text) == found


@pytest.mark.parametrize("text", ["", "all", "5", "9-3", "0-256", "-1-3", "1-", "０-1", "1-2-3"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(SlicesError):
        parse_slices(text)


def test_the_slice_of_a_gateway_is_the_first_byte_of_its_hash() -> None:
    assert (slice_of("gw-7"), slice_of("plant-7")) == (0xAF, 0x47)
