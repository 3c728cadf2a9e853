"""EIO once: the same bytes go in. EIO for ever: the process ends and has promised nothing."""

import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.faults.core_life import GATEWAY, STATE, first_life, living
from tests.faults.disk import FIRST_KEY, KEYS, calls_of, judged, lived_under, made
from tests.faults.invariants import Witness

SEED: Final = 4
SAMPLED: Final = 12
DISK_CALLS: Final = {"fdatasync", "fsync", "pwrite64", "pread64", "ftruncate", "openat", "fallocate", "fstat"}
EXIT_DISK: Final = 3
IN_LIFE: Final = range(2, 5)
"""Syncs of the commits in the middle of a minute; the first is that of the start."""


def failing(name: str, when: str, error: str = "EIO") -> list[str]:
    return ["-e", f"trace={name}", "-e", f"inject={name}:error={error}:when={when}"]


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    folder = tmp_path_factory.mktemp("core") / "base"
    return folder, first_life(folder)


@pytest.mark.parametrize("when", IN_LIFE)
def test_04_after_one_failed_sync_the_same_bytes_go_in_and_everything_is_published(
    core: tuple[Path, bytes], tmp_path: Path, when: int
) -> None:
    base, first_key = core
    work = tmp_path / "work"
    shutil.copytree(base, work)
    lived = lived_under(work, failing("fdatasync", str(when)), living)
    assert lived.code == 0
    seen = lived.witness()
    assert sorted(seen.seen) == list(range(1, max(seen.seen) + 1)), "something was not published"
    assert judged(work / STATE, seen, first_key, GATEWAY).lost is None


@pytest.mark.parametrize("when", [1, 2, 4])
def test_05_a_disk_whose_syncs_all_fail_ends_the_process_and_nothing_more_is_published(
    core: tuple[Path, bytes], tmp_path: Path, when: int
) -> None:
    base, first_key = core
    work = tmp_path / "work"
    shutil.copytree(base, work)
    before = highest(work, first_key)
    lived = lived_under(work, failing("fdatasync", f"{when}+"), living)
    assert lived.code == EXIT_DISK
    seen = lived.witness()
    new = [number for number in seen.seen if number > before]
    assert len(new) < when, f"{new} were published, at most {when - 1} could be synced"
    judged(work / STATE, seen, first_key, GATEWAY)


def test_05_a_key_file_that_cannot_be_written_ends_the_process_and_nothing_is_published(
    core: tuple[Path, bytes], tmp_path: Path
) -> None:
    base, first_key = core
    work = tmp_path / "work"
    shutil.copytree(base, work)
    before = highest(work, first_key)
    options = [*failing("pwrite64", "1+"), "-P", str(work / STATE / KEYS)]
    lived = lived_under(work, options, living)
    assert lived.code == EXIT_DISK
    assert max(lived.witness().seen, default=0) <= before
    judged(work / STATE, lived.witness(), first_key, GATEWAY)


def highest(work: Path, first_key: bytes) -> int:
    """The last seal of `work`, looked up in a copy."""
    aside = work.with_name("aside")
    shutil.copytree(work, aside)
    return judged(aside / STATE, Witness(), first_key, GATEWAY).number - 1


def refused_once(calls: Sequence[tuple[str, int]], base: Path, work: Path, first_key: bytes) -> int:
    """Let each of `calls` fail with EIO in a life of its own; how many of the lives ended over it."""
    ended = 0
    for name, count in calls:
        shutil.copytree(base, work)
        lived = lived_under(work, failing(name, str(count)))
        assert lived.code in {0, EXIT_DISK}, f"{name} {count}: ended with {lived.code}"
        ended += lived.code == EXIT_DISK
        again = lived_under(work, [])
        assert again.code == 0, f"{name} {count}: the next start did not work"
        assert FIRST_KEY not in dict(again.acknowledged)
        judged(work, again.witness(lived.witness()), first_key)
        shutil.rmtree(work)
    return ended


def disk_calls(tmp_path: Path) -> tuple[Path, bytes, list[tuple[str, int]]]:
    base = tmp_path / "base"
    first_key = made(base, 3)
    shutil.copytree(base, tmp_path / "traced")
    calls = calls_of(tmp_path / "traced", tmp_path / "calls.log")
    return base, first_key, [call for call in calls if call[0] in DISK_CALLS]


def test_04_sampled_calls_to_the_disk_may_fail_once(tmp_path: Path) -> None:
    base, first_key, calls = disk_calls(tmp_path)
    refused_once(random.Random(SEED).sample(calls, SAMPLED), base, tmp_path / "work", first_key)


@pytest.mark.minutes
def test_04_every_call_to_the_disk_may_fail_once(tmp_path: Path) -> None:
    base, first_key, calls = disk_calls(tmp_path)
    ended = refused_once(calls, base, tmp_path / "work", first_key)
    print(f"{len(calls)} calls failed, {ended} lives ended over it")  # noqa: T201 - the figure of the report
