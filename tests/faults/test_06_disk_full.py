"""Others fill the disk: the ballast goes, the chain goes on, and when they let go it is made again."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from agent.sealing.chain import DiskError
from agent.sealing.quota import Level
from agent.store.ballast import BALLAST_BYTES, LOW_BYTES
from agent.store.gateway import GIVEN_UP, HELD_AGAIN
from tests.agent.rig import Rig
from tests.faults.core_life import STATE, checked, dropped, events_of
from tests.faults.mounts import ext4_image, free_bytes, mounted, needs_mounts

DISK_MIB: Final = 32


@pytest.fixture(params=["ext4", pytest.param("tmpfs", marks=pytest.mark.minutes)])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own for the state."""
    state = tmp_path / STATE
    needs_mounts()
    if request.param == "tmpfs":
        with mounted("tmpfs", state, f"size={DISK_MIB}m"):
            yield state
        return
    ext4_image(tmp_path / "image", DISK_MIB)
    with mounted(tmp_path / "image", state):
        yield state


def fill(disk: Path, leave_bytes: int = 0) -> Path:
    """What others write until no more goes."""
    hog = disk / "hog"
    with hog.open("ab", buffering=0) as file:
        try:
            while free_bytes(disk) > leave_bytes:
                file.write(bytes(min(1 << 20, free_bytes(disk) - leave_bytes)))
        except OSError:
            pass
    return hog


def list_quota_events(rig: Rig) -> list[object]:
    return [body["text"] for body in events_of(rig) if body["what"] == "disk"]


def test_06_on_a_disk_that_others_have_filled_the_ballast_goes_and_the_chain_goes_on(
    disk: Path,
) -> None:
    rig = Rig(disk.parent)
    ballast = disk / "chain.db.ballast"
    assert ballast.stat().st_blocks * 512 >= BALLAST_BYTES, "its blocks are not reserved"
    rig.connect()
    rig.run(60, 1000, 1000)
    hog = fill(disk)
    before = len(rig.seals())
    rig.run(900, 1000, 1000)
    assert len(rig.seals()) > before + 80, "the chain did not go on"
    assert not ballast.exists()
    assert list_quota_events(rig)[-1] == GIVEN_UP
    assert free_bytes(disk) > LOW_BYTES
    hog.unlink()
    rig.run(60, 1000, 1000)
    assert ballast.exists()
    assert list_quota_events(rig)[-1] == HELD_AGAIN
    checked(rig)
    rig.close()


def test_06_when_the_ballast_is_used_up_too_bodies_go_and_the_chain_goes_on(disk: Path) -> None:
    rig = Rig(disk.parent)
    rig.run(600, 1000, 1000)
    fill(disk)
    rig.run(120, 1000, 1000)
    assert not (disk / "chain.db.ballast").exists()
    fill(disk, LOW_BYTES + (64 << 10))
    before = len(rig.seals())
    rig.run(1200, 1000, 1000, step_s=2.0)
    assert len(rig.seals()) >= before + 60, "the chain did not go on"
    assert rig.gateway.sealing.level >= Level.ALARM
    gone = {seal.number for seal in rig.seals() if seal.body is None}
    assert gone
    assert gone == dropped(rig), "each body that is gone is told of"
    checked(rig)
    rig.close()


def test_06_a_start_on_a_full_disk_gives_up_the_ballast_and_says_so(disk: Path) -> None:
    rig = Rig(disk.parent)
    rig.run(60, 1000, 1000)
    rig.gateway.stop(rig.stamp(), rig.passed_s)
    rig.close()
    fill(disk)
    rig = Rig(disk.parent, passed_s=100)
    rig.run(60, 1000, 1000)
    assert list_quota_events(rig)[-1] == GIVEN_UP
    checked(rig)
    rig.close()


def test_06_without_any_room_at_all_the_process_ends_and_a_start_with_room_goes_on(disk: Path) -> None:
    rig = Rig(disk.parent)
    rig.run(60, 1000, 1000)
    fill(disk)
    os.truncate(disk / "chain.db.ballast", 0)  # somebody has taken its place
    fill(disk)
    with pytest.raises(DiskError, match="no seal committed for 30 s"):
        rig.run(600, 1000, 1000)
    rig.close()
    (disk / "hog").unlink()
    rig = Rig(disk.parent, passed_s=700)
    rig.run(60, 1000, 1000)
    checked(rig, refused=False)
    rig.close()
