"""A second agent on the same state refuses with one line, and the first one does not notice."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.agent.rig import SITE, Rig
from tests.e2e.plant import small_plant
from tests.faults.agent_process import begun, checked, sealed_on, witness
from tests.faults.core_life import checked as checked_core
from tests.faults.core_life import first_life
from tests.faults.invariants import Witness

EXIT_DISK: Final = 3
SECOND_S_MAX: Final = 60


def refused(site: Path) -> str:
    """What agents that are started beside the owner say before they end, one line each."""
    call = [sys.executable, "-m", "agent.main", "run", "--config", str(site)]
    refusals: set[str] = set()
    for arguments in (call, [*call, "--once"]):
        second = subprocess.run(arguments, capture_output=True, text=True, timeout=SECOND_S_MAX, check=False)
        assert second.returncode == EXIT_DISK
        lines = second.stderr.splitlines()
        assert len(lines) == 1, second.stderr
        refusals |= set(lines)
    (line,) = refusals
    assert line.endswith("another process owns this database")
    assert str(site.parent / "state") in line
    return line


def test_52_an_agent_on_a_state_that_is_owned_refuses_in_one_line_and_touches_nothing(tmp_path: Path) -> None:
    first_life(tmp_path / "gateway")
    rig = Rig(tmp_path / "gateway", passed_s=60.0)
    (tmp_path / "gateway/site.toml").write_text(SITE, "utf-8")
    before = (tmp_path / "gateway/state/keys").read_bytes()
    seen = Witness(rejections=2, events=[{"what": refused(tmp_path / "gateway/site.toml")}])
    assert (tmp_path / "gateway/state/keys").read_bytes() == before
    rig.run(30, 1000, 1000)
    checked_core(rig, seen)
    rig.close()


@pytest.mark.e2e
@pytest.mark.minutes
def test_52_a_second_agent_refuses_in_one_line_and_the_first_goes_on(tmp_path: Path) -> None:
    with small_plant(tmp_path) as plant:
        begun(plant)
        seen = witness(plant, Witness())
        seen.rejections, seen.events = 2, [{"what": refused(tmp_path / "site.toml")}]
        sealed_on(plant)
        checked(plant, seen)
