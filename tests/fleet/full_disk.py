"""The disk of a centre becomes full while a fleet plays: it ends with a line and 3, and goes on with room.

The store lies on a file system in memory of DISK_MIB; others fill it while seals come in. What was receipted
until then is there, what was not comes again when there is room.
"""

import tempfile
import time
from pathlib import Path
from typing import Final

import pytest

from tests.faults.mounts import free_bytes, mounted
from tests.fleet.audit import audit
from tests.fleet.processes import READY_S, SUBSCRIBER, Centre, begin_alone, centre
from tests.fleet.table import Row, count_seals, list_losses

DISK_MIB: Final = 16
GATEWAYS: Final = 50
INTERVAL_S: Final = 2.0
SEALS: Final = 10
FILLED_AFTER_S: Final = 6.0
EXIT_OUTSIDE: Final = 3
DRAIN_S: Final = 120.0
BLOCK: Final = 1 << 16


def measure_full_disk(_: float) -> list[Row]:
    """One process and a file; the disk is full for a while."""
    with tempfile.TemporaryDirectory() as name:
        try:
            with mounted("tmpfs", Path(name) / "disk", f"size={DISK_MIB}m") as disk:
                return play(disk)
        except pytest.skip.Exception as why:
            return [Row("full disk", f"{why}", "measured", is_good=False)]


def play(disk: Path) -> list[Row]:
    """The rows."""
    with centre(GATEWAYS, is_shared=False, disk=disk) as town:
        fleet = town.fleet(gateways=GATEWAYS, seals=SEALS, interval_s=INTERVAL_S, drain_s=DRAIN_S)
        begin_alone(town, fleet)
        fleet.begin()
        time.sleep(FILLED_AFTER_S)
        hog = fill(disk)
        code, said = await_end(town)
        hog.unlink()
        town.start_verifier(SUBSCRIBER)
        result = fleet.result()
        checked = audit(town.place, result)
    made, got = count_seals(result)
    is_said = code == EXIT_OUTSIDE and len(said) == 1 and "full" in said[0]
    return [
        Row("full disk: exit code, lines", f"{code}, {len(said)}", "3, 1", is_said),
        Row("with room again: receipted", f"{got} of {made}", "all", got == made),
        *list_losses(checked),
    ]


def fill(disk: Path) -> Path:
    """What others write until no more goes."""
    hog = disk / "hog"
    with hog.open("ab", buffering=0) as file:
        try:
            while free := free_bytes(disk):
                file.write(bytes(min(BLOCK, free)))
        except OSError:
            pass
    return hog


def await_end(town: Centre) -> tuple[int | None, list[str]]:
    """Until the subscriber has ended by itself: its code and what it said on standard error."""
    part, give_up_s = town.verifiers[SUBSCRIBER], time.monotonic() + READY_S
    while part.ended_with is None and time.monotonic() < give_up_s:
        time.sleep(0.1)
    code = part.ended_with
    return code, part.log.read_text("utf-8").splitlines()
