"""The demo, as a user starts it: everything that was acknowledged is verified, and the findings are right."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.e2e
def test_the_demo_ends_well_and_its_last_line_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "provisioning.cli", "demo", "--json", "--broker", "embedded"]
    ended = subprocess.run(
        [*command, "--folder", str(tmp_path)], capture_output=True, text=True, timeout=180, check=False
    )
    summary = json.loads(ended.stdout.splitlines()[-1])
    assert (ended.returncode, summary["problems"]) == (0, [])
    assert summary["ok"] is True
    assert (summary["lost"], summary["duplicates"]) == (0, 0)
    assert summary["verified_seals"] == summary["seals"] > 300
    assert summary["readings"] > 5000
    (off,) = [episode for episode in summary["episodes"] if episode["severity"] == "violation"]
    assert (off["linkage"], off["rule"]) == ("k1", "off")
    assert off["delay_s"] == off["raised_at"] - off["begin_at"] <= 240
    assert ("k2", "data_loss") in [(episode["linkage"], episode["rule"]) for episode in summary["episodes"]]
    assert [outage["what"] for outage in summary["outages"]] == ["broker away", "agent killed"]
    assert all(outage["recovered_s"] is not None for outage in summary["outages"])
