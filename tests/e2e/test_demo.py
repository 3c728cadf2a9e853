"""The demo, as a user starts it: everything that was acknowledged is verified, and the findings are right."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

PARTS: Final = 4
WAIT_S: Final = 60.0
"""A loaded machine; a part starts in about a second."""


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
    assert {"evidence.zip", "evidence.html", "changed.zip"} <= {path.name for path in tmp_path.iterdir()}
    assert "Act 6/6" in ended.stderr
    assert ended.stderr.splitlines()[-2] == "  verdict: NOT GOOD"
    check_evidence(tmp_path, off)


def check_evidence(folder: Path, off: dict[str, Any]) -> None:
    """A stranger believes the violation that the demo has found, from the centre and from the gateway."""
    key = json.loads(dianjian("centre", "key", "--key", str(folder / "centre.key")))["centre_key"]
    centre = ["--store", str(folder / "centre.db"), "--key", str(folder / "centre.key")]
    sources = {"centre": [*centre, "--gateway", "demo-1"], "gateway": ["--config", str(folder / "site.toml")]}
    for name, source in sources.items():
        pack = str(folder / f"{name}.zip")
        dianjian("evidence", *source, "--episode", f"k1-off-{off['begin_at']}", "--out", pack)
        report = json.loads(dianjian("verify", pack, "--centre-key", key, "--json"))
        assert report["ok"]
        assert report["issued_by_centre"] is (name == "centre")
        assert report["readings"] > 3000
        assert [one["rule"] for one in report["episodes"]] == ["off"]


def dianjian(*arguments: str) -> str:
    command = [sys.executable, "-P", "-m", "provisioning.cli", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.e2e
@pytest.mark.parametrize(
    "sign",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=pytest.mark.minutes),
        pytest.param(signal.SIGHUP, marks=pytest.mark.minutes),
    ],
)
def test_an_interrupted_demo_stops_its_parts_and_says_so_in_one_line(
    tmp_path: Path, sign: signal.Signals
) -> None:
    command = [sys.executable, "-P", "-m", "provisioning.cli", "demo", "--broker", "embedded"]
    with subprocess.Popen(
        [*command, "--folder", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        parts: list[psutil.Process] = []
        deadline = time.monotonic() + WAIT_S
        while len(parts) < PARTS and time.monotonic() < deadline and demo.poll() is None:
            parts = psutil.Process(demo.pid).children()
            time.sleep(0.05)
        assert len(parts) >= PARTS, "simulator, broker, subscriber, agent"
        demo.send_signal(sign)
        out, err = demo.communicate(timeout=WAIT_S)
    assert demo.returncode == 130
    assert err.splitlines()[-1] == "dianjian: interrupted; all parts are stopped"
    assert "Traceback" not in out + err
    assert not [part for part in parts if part.is_running()]
