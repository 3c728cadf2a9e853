"""Bytes that reach the disk for a reading, by the kernel's block trace of an ext4 of its own.

Ours: tests/bench/bench_disk.py, a full ring at its real pace, 20 polls a second. thingsboard-gateway: its
sqlite storage, 20 polls a second. The others keep nothing on disk.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from tests.bench import blocks
from tests.bench.peers.install import ROOT
from tests.bench.peers.load import METERS
from tests.bench.peers.slave import VALUES
from tests.bench.peers.subjects import Thingsboard
from tests.bench.peers.world import world

OURS_S: Final = 120.0
PEER_S: Final = 60.0
DISK_MEBIBYTES: Final = 256
LOADS: Final = {"disk_1s": "sealed every second", "disk_10s": "sealed every 10 s"}
FOUND: Final = re.compile(
    r"^20 readings a second, (?P<load>[^:]+):.*? bytes a seal: (?P<shares>[^\n]+)\n"
    r".*?(?P<each>[0-9.]+) a value$",
    re.MULTILINE | re.DOTALL,
)
SHARE: Final = re.compile(r"(?:WAL|database|slots) (\d+)%")
"""What we write ourselves; the rest is ext4's journal, inodes, and the index of the WAL."""

Figures = dict[str, float]


def parsed(output: str) -> Figures:
    """What bench_disk.py printed."""
    blocks_ = re.split(r"^(?=\S)", output, flags=re.MULTILINE)
    found = [match for block in blocks_ if (match := FOUND.search(block))]
    figures: Figures = {}
    for match in found:
        for key, load in LOADS.items():
            if match["load"] == load:
                figures[key] = float(match["each"])
                own_percent = sum(map(int, SHARE.findall(match["shares"])))
                figures[f"{key}_own"] = round(figures[key] * own_percent / 100, 1)
    if not figures:
        raise RuntimeError(f"bench_disk.py said: {output.strip()[:100]}")
    return figures


def ours(seconds: float = OURS_S) -> Figures:
    """Bytes a value at a commit a second and every ten."""
    _must_trace()
    call = [sys.executable, "tests/bench/bench_disk.py", "--seconds", str(seconds)]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True)
    return parsed(done.stdout)


def thingsboard(program: Path, seconds: float = PEER_S) -> Figures:
    """Bytes a value of its sqlite storage; it commits when it likes."""
    _must_trace()
    with blocks.traces() as trace:
        disk = blocks.Disk(trace, DISK_MEBIBYTES, "defaults")
        try:
            with world(program, Thingsboard("sqlite", disk.folder)) as here:
                here.start()
                here.until_polls(2 * METERS)
                assert here.slave is not None
                disk.begin()
                before = here.slave.counts().answers
                time.sleep(seconds)
                polls = here.slave.counts().answers - before
                os.sync()  # it leaves its last commits to the kernel
                written = sum(disk.end().values())
                here.stop()
        finally:
            disk.close()
    return {"disk_1s": written / (polls * VALUES)}


def _must_trace() -> None:
    lacking = blocks.missing()
    if lacking is not None:
        raise RuntimeError(f"needs {lacking}")
