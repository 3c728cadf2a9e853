"""What a process that stood still does to a failed test."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEST = """
runs = []

def test_it():
    runs.append(1)
    sum(range({work}))  # one call, in which no other thread of the process runs
    assert len(runs) == {passes}
"""
STALL = 4_000_000
"""Numbers to add: a tenth of a second of one core."""


@pytest.mark.parametrize(
    ("passes", "patience_s", "ended", "runs_again"),
    [(1, 0.03, "1 passed", 0), (2, 0.03, "1 passed", 1), (9, 0.03, "1 failed", 1), (2, 1e9, "1 failed", 0)],
)
def test_a_failed_test_is_run_again_only_where_its_process_stood_still(
    tmp_path: Path, passes: int, patience_s: float, ended: str, runs_again: int
) -> None:
    (tmp_path / "conftest.py").write_text(f"import tests.pace\n\ntests.pace.STALLED_S = {patience_s}\n")
    (tmp_path / "test_it.py").write_text(TEST.format(work=STALL, passes=passes))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.pace", "--rootdir", tmp_path, tmp_path]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout
    assert ended in said, said
    assert said.count("run again after a stall of") == runs_again
