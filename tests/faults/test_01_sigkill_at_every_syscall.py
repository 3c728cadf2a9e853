"""SIGKILL on the entry of every system call of a life that starts, seals and ends: the call is not made."""

import random
import shutil
import signal
from pathlib import Path
from typing import Final

import pytest

from tests.faults.disk import FIRST_KEY, calls_of, judged, lived_under, made
from tests.faults.invariants import Witness

SEED: Final = 1
SAMPLED: Final = 40
"""Kills for every change; all of them are in the long run."""
PAIRS: Final = 150
FIRST_STARTS: Final = 60


def kill_at(call: tuple[str, int]) -> list[str]:
    name, count = call
    return ["-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={count}"]


def killed_at(calls: list[tuple[str, int]], base: Path, work: Path, first_key: bytes) -> int:
    """Kill a life on a copy of `base` at each of `calls`, recover there and seal on; how many were killed."""
    killed = 0
    for call in calls:
        shutil.copytree(base, work)
        lived = lived_under(work, kill_at(call))
        assert lived.code in {0, -signal.SIGKILL}, f"{call}: ended with {lived.code}"
        killed += lived.code == -signal.SIGKILL
        judged(work, lived.witness(), first_key)
        shutil.rmtree(work)
    return killed


def prepared(tmp_path: Path) -> tuple[Path, bytes, list[tuple[str, int]]]:
    base = tmp_path / "base"
    first_key = made(base, 3)
    shutil.copytree(base, tmp_path / "traced")
    calls = calls_of(tmp_path / "traced", tmp_path / "calls.log")
    assert {"fdatasync", "pwrite64", "openat", "close", "write"} <= {name for name, _ in calls}
    return base, first_key, calls


def test_01_a_kill_at_sampled_calls_of_a_life_loses_nothing_and_forks_nothing(tmp_path: Path) -> None:
    base, first_key, calls = prepared(tmp_path)
    sample = random.Random(SEED).sample(calls, SAMPLED)
    assert killed_at(sample, base, tmp_path / "work", first_key) >= SAMPLED - 2


@pytest.mark.minutes
def test_01_a_kill_at_every_call_of_a_life_loses_nothing_and_forks_nothing(tmp_path: Path) -> None:
    base, first_key, calls = prepared(tmp_path)
    killed = killed_at(calls, base, tmp_path / "work", first_key)
    print(f"{killed} of {len(calls)} calls killed")  # noqa: T201 - the figure of the report
    assert killed >= len(calls) * 0.98


@pytest.mark.minutes
def test_01_a_kill_while_a_kill_is_being_repaired_loses_nothing_and_forks_nothing(tmp_path: Path) -> None:
    base, first_key, calls = prepared(tmp_path)
    work, pick = tmp_path / "work", random.Random(SEED)
    for _ in range(PAIRS):
        shutil.copytree(base, work)
        seen = Witness()
        for call in pick.sample(calls, 2):
            lived_under(work, kill_at(call)).witness(seen)
        judged(work, seen, first_key)
        shutil.rmtree(work)


@pytest.mark.minutes
def test_01_a_kill_at_the_calls_of_a_very_first_start_keeps_the_key_that_was_told(tmp_path: Path) -> None:
    (tmp_path / "traced").mkdir()
    calls = calls_of(tmp_path / "traced", tmp_path / "calls.log")
    work = tmp_path / "work"
    for call in random.Random(SEED).sample(calls, min(FIRST_STARTS, len(calls))):
        work.mkdir()
        first_keys, seen = [], Witness()
        for options in (kill_at(call), []):
            lived = lived_under(work, options)
            lived.witness(seen)
            first_keys += [digest for number, digest in lived.acknowledged if number == FIRST_KEY]
        assert len(first_keys) >= 1, f"{call}: no first key was told although the second start was whole"
        assert len(set(first_keys)) == 1, f"{call}: another first key after the kill"
        judged(work, seen, first_keys[0])
        shutil.rmtree(work)
