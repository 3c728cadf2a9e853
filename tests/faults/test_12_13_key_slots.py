"""One key slot torn: the other continues the chain. All of them lost: nothing is sealed, a re-key is due."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from agent.sealing.key_slots import SECTOR_BYTES, SLOTS, KeySlots
from agent.sealing.recovery import Start
from tests.agent.rig import SITE, Rig
from tests.faults.core_life import GATEWAY, STATE, first_life
from tests.faults.disk import DATABASE, KEYS, judged, lived_under, made, opened, rows_of
from tests.faults.invariants import Held, Witness, check

SEALED: Final = 3
EXIT_REKEY: Final = 4
AGENT_S_MAX: Final = 30


@pytest.fixture(scope="module")
def amid(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A disk on which a seal is signed and its slot written, but not committed: two keys live."""
    base = tmp_path_factory.mktemp("amid") / "base"
    first_key = made(base, SEALED)
    for count in range(1, 20):
        work = base.with_name(f"work-{count}")
        shutil.copytree(base, work)
        kill = ["-e", "trace=fdatasync", "-e", f"inject=fdatasync:signal=KILL:when={count}"]
        lived = lived_under(work, kill)
        if not lived.acknowledged and len(living(work)) == 2:
            return work, first_key
    raise AssertionError("no commit was met")


def living(folder: Path) -> list[int]:
    return [slot.number for slot in KeySlots(folder / KEYS).load() if slot.secret is not None]


def tear(folder: Path, number: int, at: int) -> None:
    """The second part of a sector did not reach the disk."""
    file = folder / KEYS
    image = bytearray(file.read_bytes())
    sector = number % SLOTS * SECTOR_BYTES
    image[sector + at : sector + SECTOR_BYTES] = bytes(SECTOR_BYTES - at)
    file.write_bytes(image)


@pytest.mark.parametrize("at", [0, 4, 100, 300, 460, 480, 511])
@pytest.mark.parametrize("which", [0, 1])
def test_12_with_one_slot_torn_the_other_continues_the_chain(
    amid: tuple[Path, bytes], tmp_path: Path, which: int, at: int
) -> None:
    folder, first_key = amid
    work = tmp_path / "work"
    shutil.copytree(folder, work)
    tear(work, living(work)[which], at)
    recovery = judged(work, Witness(), first_key)
    # The newer one was never seen by anybody; of the older one's seal the header comes back from the ring.
    assert recovery.start is (Start.LOST_TAIL if which == 0 else Start.CLEAN)
    assert recovery.number == SEALED + (2 if which == 0 else 1)


def zeroed(file: Path) -> None:
    file.write_bytes(bytes(SLOTS * SECTOR_BYTES))


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def deleted(file: Path) -> None:
    file.unlink()


def noise(file: Path) -> None:
    file.write_bytes(bytes(range(256)) * (SLOTS * SECTOR_BYTES // 256))


@pytest.mark.parametrize("damage", [zeroed, emptied, deleted, noise])
def test_13_with_every_slot_lost_nothing_is_sealed(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    base = tmp_path / "base"
    made(base, SEALED)
    store, _, _ = opened(base)
    rows = rows_of(store)
    store.close()
    damage(base / KEYS)
    lived = lived_under(base, [])
    assert lived.code == 3
    assert lived.acknowledged == ()
    seen = Witness()
    for row in rows:
        seen.acknowledged(row.number, row.hash)
    store, _, recovery = opened(base)
    assert recovery.start is Start.REKEY
    check(seen, Held.of_rows(rows_of(store)))
    store.close()


def test_13_the_agent_without_keys_ends_with_the_wish_for_a_re_key_and_leaves_the_chain_alone(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "gateway"
    first_life(folder)
    rig = Rig(folder, passed_s=60.0)
    rows = Held.of_rows(rows_of(rig.gateway.sealing.store))
    rig.close()
    (folder / STATE / KEYS).unlink()
    (folder / "site.toml").write_text(SITE, "utf-8")
    call = [sys.executable, "-m", "agent.main", "run", "--config", str(folder / "site.toml")]
    done = subprocess.run(call, capture_output=True, text=True, timeout=AGENT_S_MAX, check=False)
    assert done.returncode == EXIT_REKEY
    lines = [line for line in done.stderr.splitlines() if line.startswith("dianjian-agent: ")]
    assert len(lines) == 1, "one line says what is wrong"
    assert "enrolled anew" in lines[0] or "rekey" in lines[0]
    seen = Witness()
    for number, digest in rows.seals:
        seen.acknowledged(number, digest)
    store, _, _ = opened(folder / STATE, gateway=GATEWAY)
    after = Held.of_rows(rows_of(store))
    store.close()
    assert after == rows
    assert (folder / STATE / DATABASE).exists()
    check(seen, after)
