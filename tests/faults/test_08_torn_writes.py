"""A disk that says it wrote and did not, or only in part: what is served then is what was stored."""

import random
import shutil
from pathlib import Path
from typing import Final

import pytest

from agent.sealing.key_slots import SECTOR_BYTES
from agent.store.gateway import GatewayStore
from disk.database import CorruptError
from evidence.seal import open_body, peek_header
from tests.evidence.chains import heartbeat, stamp
from tests.faults.disk import DATABASE, KEYS, calls_of, judged, lived_under, made, opened, rows_of
from tests.faults.invariants import Held, Witness, check

SEED: Final = 8
SAMPLED: Final = 12
EXIT_DISK: Final = 3
STARTS_MAX: Final = 3


def lying(file: Path, count: int, wrote: int) -> list[str]:
    """The `count`-th write to `file` is not made, and `wrote` bytes are said to be written."""
    return ["-P", str(file), "-e", "trace=pwrite64", "-e", f"inject=pwrite64:retval={wrote}:when={count}"]


def started(work: Path) -> tuple[GatewayStore, list[tuple[int, int]]]:
    """The store as the agent gets it, which ends at a page that cannot be right; what was declared lost."""
    declared = []
    for _ in range(STARTS_MAX):
        try:
            store, sealer, recovery = opened(work)
        except CorruptError:
            continue
        try:
            rows_of(store)
        except CorruptError:
            store.close()
            continue
        if recovery.lost is not None:
            declared.append(recovery.lost)
        if store.salvage is not None:
            declared.append((0, 0))
        declared += store.holes()
        sealer.seal([heartbeat(9)], stamp(9))
        return store, declared
    raise AssertionError("a file that cannot be right was opened as a good one each time")


def served(work: Path, seen: Witness) -> bool:
    """Check what is served after a write that was not made; whether something was lost."""
    store, declared = started(work)
    rows = rows_of(store)
    for row in rows:
        assert row.hash in seen.seen.get(row.number, {row.hash}), f"seal {row.number} is another one"
        if row.body is not None:
            open_body(peek_header(row.cose), row.body)
    held = {row.number for row in rows}
    seen.gone |= set(range(1, max(held | set(seen.seen)) + 1)) - held
    bodiless = [row.number for row in rows if row.body is None]
    lost = bool(seen.gone or bodiless)
    assert declared or not lost, f"{sorted(seen.gone)} and bodies {bodiless} are gone without a word"
    check(seen, Held.of_rows(rows))
    store.close()
    return lost


def torn(base: Path, work: Path, picked: list[tuple[str, int, int]]) -> int:
    """One life for each (file, write, bytes said to be written); how many lost something."""
    lost = 0
    for name, count, wrote in picked:
        shutil.copytree(base, work)
        lived = lived_under(work, lying(work / name, count, wrote))
        assert lived.code in {0, EXIT_DISK}
        lost += served(work, lived.witness())
        shutil.rmtree(work)
    return lost


def cases(tmp_path: Path) -> tuple[Path, bytes, list[tuple[str, int, int]]]:
    base = tmp_path / "base"
    first_key = made(base, 3)
    found = []
    for name in (DATABASE, f"{DATABASE}-wal"):
        traced = tmp_path / f"traced {name}"
        shutil.copytree(base, traced)
        calls = calls_of(traced, tmp_path / "calls.log", only=traced / name)
        writes = sum(call == "pwrite64" for call, _ in calls)
        found += [(name, count, wrote) for count in range(1, writes + 1) for wrote in (512, 4096)]
    assert len(found) > 20
    return base, first_key, found


def test_08_after_sampled_writes_that_were_not_made_nothing_wrong_is_served(tmp_path: Path) -> None:
    base, _, found = cases(tmp_path)
    picked = random.Random(SEED).sample(found, SAMPLED)
    assert torn(base, tmp_path / "work", picked) > 0, "no write that was left out did any harm"


@pytest.mark.minutes
def test_08_after_any_write_that_was_not_made_nothing_wrong_is_served(tmp_path: Path) -> None:
    base, _, found = cases(tmp_path)
    lost = torn(base, tmp_path / "work", found)
    print(f"{len(found)} writes, {lost} lost something and said so")  # noqa: T201 - the figure of the report


@pytest.mark.parametrize("count", range(1, 7))
def test_08_a_short_write_of_a_key_ends_the_process_before_anything_is_published(
    tmp_path: Path, count: int
) -> None:
    base = tmp_path / "base"
    first_key = made(base, 3)
    lived = lived_under(base, lying(base / KEYS, count, SECTOR_BYTES // 16))
    assert lived.code == EXIT_DISK
    assert len(lived.acknowledged) == (count - 1) // 2, "a seal was acknowledged whose old key still lives"
    judged(base, lived.witness(), first_key)
