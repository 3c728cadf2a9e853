"""The file system of the state turns read-only under the agent: it ends and says why; mended, it goes on."""

import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.plant import small_plant
from tests.faults.agent_process import begun, checked, ended, read_log, sealed_on, witness
from tests.faults.invariants import Witness
from tests.faults.mounts import ext4_image, mounted, needs_mounts

EXIT_DISK: Final = 3
DISK_MIB: Final = 32


@pytest.mark.e2e
def test_15_on_a_disk_that_turns_read_only_the_agent_ends_with_one_line_and_goes_on_when_it_is_mended(
    tmp_path: Path,
) -> None:
    needs_mounts()
    image, state, disk = tmp_path / "image", tmp_path / "state", ExitStack()
    ext4_image(image, DISK_MIB)
    with disk:
        disk.enter_context(mounted(image, state))
        with small_plant(tmp_path) as plant:
            begun(plant)
            seen = witness(plant, Witness())
            # The kernel does this to a disk that fails it: it gives up the journal and writes no more.
            subprocess.run(["mount", "-o", "remount,abort", str(state)], check=False, capture_output=True)
            assert ended(plant) == EXIT_DISK
            lines = [line for line in read_log(plant) if line.startswith("dianjian-agent: ")]
            assert len(lines) == 1, "one line says what is wrong"
            # SQLite's word for what the kernel said: EROFS, or EIO where ext4 has an emergency_ro (6.16 on).
            assert any(word in lines[0] for word in ("Read-only", "readonly", "disk I/O error"))
            assert "lies on a disk that is read-only" in lines[0]
            assert "status.sock" not in lines[0], "not what ended it"
            assert lines[0].endswith("What was sealed is kept, and the next start goes on from there")
            disk.close()  # a person mends it
            disk.enter_context(mounted(image, state))
            witness(plant, seen)
            plant.agent.start()
            sealed_on(plant)
            seen.rejections, seen.events = 1, [{"what": lines[0]}]
            checked(plant, seen)
