"""Power cuts by block image: the writer is stopped, its ext4 copied as the block device has it, and mounted.

What the kernel still held in memory is not in the copy: nothing is synced, and the mount of the copy
replays the journal as after a cut.
"""

import os
import random
import signal
import time
from pathlib import Path
from typing import Final

import pytest

from tests.evidence.chains import heartbeat, stamp
from tests.faults.disk import Child, Tell, judged, made, opened
from tests.faults.invariants import Witness
from tests.faults.mounts import ext4_image, mounted, needs_mounts

SEED: Final = 3
CUTS: Final = 5
CUTS_LONG: Final = 100
IMAGE_MIB: Final = 24
SEALS_MAX: Final = 100_000


def for_ever(folder: Path, tell: Tell) -> None:
    """Seal until killed, now and then with a new checkpoint."""
    store, sealer, _ = opened(folder)
    for number in range(SEALS_MAX):
        if number % 7 == 0:
            store.put_checkpoint("detector", bytes([number % 251]) * 5_000)
        seal = sealer.seal([heartbeat(number)] * (number % 90 + 1), stamp(number))
        tell(seal.number, seal.hash)


def copied_while_stopped(child: Child, image: Path, copy: Path) -> Witness:
    """The image as it is while the writer stands still, and what had been promised before."""
    os.kill(child.pid, signal.SIGSTOP)
    _, status = os.waitpid(child.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), "the writer has ended by itself"
    seen = Witness()
    for number, digest in child.acknowledged():
        seen.acknowledged(number, digest)
    content = image.read_bytes()
    while (again := image.read_bytes()) != content:  # the kernel wrote in between: no power cut looks so
        content = again
    copy.write_bytes(content)
    return seen


def cut(folder: Path, cuts: int) -> int:
    """Cut the power `cuts` times within one life; how many seals were acknowledged at the last cut."""
    needs_mounts()
    image = folder / "image"
    ext4_image(image, IMAGE_MIB)
    pick = random.Random(SEED)
    acknowledged = 0
    with mounted(image, folder / "disk") as disk:
        first_key = made(disk, 2)

        child = Child(disk, for_ever)
        child.go()
        try:
            for number in range(cuts):
                copy = folder / f"copy-{number}"
                child.wait_for(acknowledged + pick.randrange(1, 30))
                time.sleep(pick.random() * 0.004)  # the instant: anywhere within the next few steps
                seen = copied_while_stopped(child, image, copy)
                acknowledged = len(seen.seen)
                with mounted(copy, folder / "after") as after:
                    recovery = judged(after, seen, first_key)
                assert recovery.lost is None
                copy.unlink()
                os.kill(child.pid, signal.SIGCONT)
        finally:
            os.kill(child.pid, signal.SIGKILL)
            child.end()
    return acknowledged


def test_03_five_power_cuts_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    assert cut(tmp_path, CUTS) >= CUTS


@pytest.mark.minutes
def test_03_a_hundred_power_cuts_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    print(f"{cut(tmp_path, CUTS_LONG)} seals in {CUTS_LONG} cuts")  # noqa: T201 - the figure of the report
