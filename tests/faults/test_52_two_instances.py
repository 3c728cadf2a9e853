"""A second agent on the same state refuses with one line, and the first one does not notice."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.plant import small_plant
from tests.faults.agent_process import begun, checked, sealed_on, witness
from tests.faults.invariants import Witness

EXIT_DISK: Final = 3
SECOND_S_MAX: Final = 60


@pytest.mark.e2e
def test_52_a_second_agent_refuses_in_one_line_and_the_first_goes_on(tmp_path: Path) -> None:
    with small_plant(tmp_path) as plant:
        begun(plant)
        seen = witness(plant, Witness())
        call = [sys.executable, "-m", "agent.main", "run", "--config", str(tmp_path / "site.toml")]
        for arguments in (call, [*call, "--once"]):
            second = subprocess.run(
                arguments, capture_output=True, text=True, timeout=SECOND_S_MAX, check=False
            )
            assert second.returncode == EXIT_DISK
            lines = second.stderr.splitlines()
            assert len(lines) == 1, second.stderr
            assert lines[0].endswith("another process owns this database")
            assert str(tmp_path / "state") in lines[0]
        sealed_on(plant)
        seen.rejections, seen.events = 2, [{"what": lines[0]}]
        checked(plant, seen)
