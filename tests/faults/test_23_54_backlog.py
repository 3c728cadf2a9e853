"""Rows 23 and 54: a broker that is away for 24 hours and for ten days, with 20 meters, one seal each 10 s.

Plant time is virtual; the gateway is a process of its own, so that its memory can be told. The broker is
scripted and the centre's core real, both on this side.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.sealing.opening import open_chain
from agent.site.file import parse_site
from agent.store.gateway import read_seals
from tests.faults.gateway_end import site_text
from tests.faults.invariants import Held, Witness, check
from tests.faults.line import CentreEnd
from tests.faults.scripted_broker import ScriptedBroker
from wire.messages import CHAIN_SEALS_MAX

METERS = 20
RESIDENT_BYTES_MAX = 64 << 20
WINDOW = 20
DAY_SEALS = 8_640
SMALL_MB = 8
"""The smallest quota; a day of seals and bodies takes 5.8 MB."""
PATIENCE_S = 2_400.0
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder with a name of its own is made in it


class Case:
    """`seals` without a broker, then all of them drained."""

    def __init__(self, folder: Path, seals: int, quota_mb: int) -> None:
        self.folder, self.witness = folder, Witness()
        self.words: list[dict[str, Any]] = []
        site = parse_site(site_text(METERS, quota_mb), folder / "site.toml")
        _, store, _, recovery = open_chain(site)
        store.close()
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        with ScriptedBroker() as broker:
            broker.down()
            centre = CentreEnd(folder, broker, recovery.next_key, self.witness)
            call = [sys.executable, "-m", "tests.faults.backlog", str(folder), str(broker.port)]
            call += [str(number) for number in (seals, METERS, quota_mb)]
            with subprocess.Popen(call, stdout=subprocess.PIPE, text=True, env=environment) as agent:
                assert agent.stdout is not None
                try:
                    self.words.append(json.loads(agent.stdout.readline()))
                    broker.up()
                    self.serve(agent, centre)
                    self.words.append(json.loads(agent.stdout.readline()))
                finally:
                    agent.kill()
            self.held = centre.held()
            centre.store.close()
        self.findings = centre.findings()

    def serve(self, agent: subprocess.Popen[str], centre: CentreEnd) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        self.witness.healed_at_s = None
        while agent.poll() is None:
            assert time.monotonic() < deadline_s
            centre.turn(int(time.time() * 1000))
            time.sleep(0.002)

    def judge(self, *expected: str) -> None:
        """`expected` are codes of findings beside those of every outage."""
        backlog, drained = self.words
        print(f"backlog {backlog} drained {drained}")  # noqa: T201 - the figures are the result
        assert backlog["resident_bytes"] <= RESIDENT_BYTES_MAX
        assert drained["resident_bytes"] <= RESIDENT_BYTES_MAX
        assert drained["live"], "live seals were made while it drained"
        assert drained["live_bodies"] <= WINDOW, "no live seal waits for more old bodies than are on the way"
        assert drained["live_sends"] <= WINDOW, "nor for more messages, once the chain has caught up"
        assert drained["chain_sends"] <= backlog["seals"] / CHAIN_SEALS_MAX + WINDOW, (
            "until then for the chain"
        )
        assert {finding["code"] for finding in self.findings} <= {
            "boot",
            "clock_behind",
            "clock_state",
            "drop",
            *expected,
        }
        assert self.witness.receipted_up_to == drained["seals"]
        assert [number for number, _ in self.held.seals] == list(range(1, drained["seals"] + 1))
        own = Held.of_rows(read_seals(self.folder / "state/chain.db"))
        for number, digest in own.seals:
            self.witness.acknowledged(number, digest)
        check(self.witness, own, self.held)


def test_23_a_backlog_drains_in_order_and_live_seals_do_not_wait_for_it(tmp_path: Path) -> None:
    """Forty minutes; the day and the ten days are under `minutes`."""
    case = Case(tmp_path, 240, 512)
    case.judge()
    assert case.words[1]["declared"] == 0


@pytest.fixture
def quick_disk(tmp_path: Path) -> Iterator[Path]:
    """Memory where there is some: what counts here is room, and not what a disk does to commits."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="dianjian-", dir=MEMORY))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.minutes
def test_23_a_day_and_a_half_beyond_a_small_quota_gives_up_bodies_says_so_and_drains(
    quick_disk: Path,
) -> None:
    case = Case(quick_disk, DAY_SEALS * 3 // 2, SMALL_MB)
    case.judge("waiting")  # the point tables of the first day were in a body that was given up
    assert case.words[0]["disk_bytes"] < (SMALL_MB + 8) << 20, "database, WAL, ballast and keys"
    assert case.words[1]["declared"] > 0


@pytest.mark.minutes
def test_54_ten_days_of_backlog_of_20_meters(quick_disk: Path) -> None:
    case = Case(quick_disk, 10 * DAY_SEALS, 512)
    case.judge()
    assert case.words[1]["declared"] == 0
