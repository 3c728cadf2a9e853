"""Crash replay: the writes of a life are recorded, and every disk that a power cut could leave is opened."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.faults.disk import judged, made
from tests.faults.invariants import Witness
from tests.faults.writes import (
    Disk,
    Op,
    after,
    certain,
    prefixes,
    put_disk,
    read_disk,
    recorded,
    scrambled,
)

SEED: Final = 2
EACH: Final = 17
"""For every change one in that many; a prime, so that all sectors of a page come up."""
SCRAMBLES: Final = 12
"""Per instant; none, half or all of the sectors of each write are kept."""

States = Callable[[Sequence[Op]], Iterator[tuple[int, list[Op]]]]


def in_order(ops: Sequence[Op]) -> Iterator[tuple[int, list[Op]]]:
    """The disk wrote in the order of the calls and stopped in one of them."""
    for made_ops in prefixes(ops):
        yield len(made_ops), made_ops


def barriers_only(ops: Sequence[Op]) -> Iterator[tuple[int, list[Op]]]:
    """Everything behind the last sync of each file is lost."""
    for end in range(len(ops) + 1):
        yield end, certain(ops[:end])[0]


def out_of_order(ops: Sequence[Op]) -> Iterator[tuple[int, list[Op]]]:
    """Of what was not synced the disk kept what it liked, in sectors."""
    pick = random.Random(SEED)
    for end in range(len(ops) + 1):
        sure, open_ = certain(ops[:end])
        for _ in range(SCRAMBLES if open_ else 0):
            yield end, sure + scrambled(open_, pick)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> tuple[Disk, list[Op], bytes]:
    """The disk before, what was done to it, and the first key of its chain."""
    folder = tmp_path_factory.mktemp("life")
    first_key = made(folder / "gateway", 3)
    before = read_disk(folder / "gateway")
    ops = recorded(folder / "gateway", folder / "calls.log")
    assert after(before, ops) == read_disk(folder / "gateway"), "the record of the writes is not complete"
    assert {"write", "sync", "create", "delete", "acknowledge"} <= {op.what for op in ops}
    return before, ops, first_key


def replayed(life: tuple[Disk, list[Op], bytes], states: States, folder: Path, each: int) -> int:
    """Open every `each`-th disk of `states`; how many there were."""
    before, ops, first_key = life
    tried = 0
    for index, (end, left) in enumerate(states(ops)):
        if index % each:
            continue
        put_disk(folder, after(before, left))
        seen = Witness()
        for op in ops[:end]:
            if op.what == "acknowledge":
                seen.acknowledged(op.at, op.data)
        recovery = judged(folder, seen, first_key)
        assert recovery.lost is None, f"state {index}: lost {recovery.lost}"
        assert not list(folder.glob("*.corrupt-*")), f"state {index}: corrupt"
        tried += 1
    return tried


@pytest.mark.parametrize("states", [in_order, barriers_only, out_of_order])
def test_02_sampled_disks_that_a_power_cut_leaves_have_lost_nothing_and_are_not_corrupt(
    life: tuple[Disk, list[Op], bytes], tmp_path: Path, states: States
) -> None:
    assert replayed(life, states, tmp_path / "disk", EACH) > 0


@pytest.mark.minutes
@pytest.mark.parametrize("states", [in_order, barriers_only, out_of_order])
def test_02_every_disk_that_a_power_cut_leaves_has_lost_nothing_and_is_not_corrupt(
    life: tuple[Disk, list[Op], bytes], tmp_path: Path, states: States
) -> None:
    tried = replayed(life, states, tmp_path / "disk", 1)
    print(f"{states.__name__}: {tried} disks")  # noqa: T201 - the figure of the report
