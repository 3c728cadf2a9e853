"""The life of an order with a kill at system calls, and with power cuts: obeyed, told once, never lost.

The steps are those of tests/agent/orders/test_life.py, where each is cut by hand. Here a process lives them
on a gateway's own files, is killed on the entry of a call or has its disk copied as a power cut leaves it;
the next start goes on. The broker brings its orders again, and the page the letter that it was at.
"""

import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Final

import pytest

from tests.agent.orders.test_life import MESSAGES, STEPS, TOLD, live, told
from tests.agent.rig import BOOT, Rig, end_rigs
from tests.faults.core_life import checked, first_life, published
from tests.faults.disk import Child, Lived, Tell, calls_of, lived_under
from tests.faults.invariants import Witness
from tests.faults.mounts import ext4_image, mounted, needs_mounts
from tests.faults.test_01_sigkill_at_every_syscall import kill_at
from tests.faults.test_03_power_cut import copied_while_stopped

SEED: Final = 55
KILLS: Final = 200
"""A sample: all of some 1,200 calls take twenty minutes."""
CUTS: Final = 35
"""Five in each step."""
IMAGE_MIB: Final = 24
STEP_0: Final = 1 << 32
"""A child tells step n as this and n, beside the numbers of the seals that it published."""
BEGIN_S: Final = 100.0
AGAIN_S: Final = 1_000.0
"""Of the second start on the time since boot: behind everything of the first."""


def obeying(folder: Path, tell: Tell) -> None:
    """Live through every step, telling each before it begins, and what was published after it."""
    rig = Rig(folder, passed_s=BEGIN_S)
    rig.connect()
    for number, step in enumerate(STEPS):
        tell(STEP_0 + number, bytes(32))
        step(rig)
        live(rig)
        for seal, digest in published(rig):
            tell(seal, digest)
    rig.gateway.stop(rig.stamp(), rig.passed_s)
    rig.close()


def judge_order(folder: Path, lived: Lived, boot: bytes) -> None:
    """Start again, go on where the child was, and look at what stands in the chain."""
    begun = [number - STEP_0 for number, _ in lived.acknowledged if number >= STEP_0]
    last = max(begun, default=0)
    seen = Witness()
    for number, digest in lived.acknowledged:
        if number < STEP_0:
            seen.acknowledged(number, digest)
    rig = Rig(folder, passed_s=AGAIN_S, boot_id=boot)
    rig.connect()
    for number, step in enumerate(STEPS):
        if number in MESSAGES or number >= last:
            step(rig)
            live(rig)
    assert told(rig) == TOLD, f"killed in step {last}"
    assert [one["state"] for one in rig.parts.orders.list_open(rig.stamp())] == ["closed"]
    checked(rig, seen, refused=False)
    rig.close()
    end_rigs()


def wait_for_step(child: Child, step: int) -> None:
    """Wait until the child has begun a step."""
    count = 1
    while STEP_0 + step not in dict(child.acknowledged()):
        child.wait_for(count)
        count += 1


def prepare(base: Path) -> Path:
    first_life(base)
    end_rigs()
    return base


@pytest.mark.minutes
def test_55_an_order_is_obeyed_and_told_once_whichever_call_of_its_life_is_the_last(tmp_path: Path) -> None:
    base, work = prepare(tmp_path / "base"), tmp_path / "work"
    shutil.copytree(base, work)
    calls = calls_of(work, tmp_path / "calls.log", obeying)
    shutil.rmtree(work)
    killed = 0
    for call in random.Random(SEED).sample(calls, min(KILLS, len(calls))):
        shutil.copytree(base, work)
        lived = lived_under(work, kill_at(call), obeying)
        assert lived.code in {0, -signal.SIGKILL}, f"{call}: ended with {lived.code}"
        killed += lived.code == -signal.SIGKILL
        judge_order(work, lived, BOOT)
        shutil.rmtree(work)
    print(f"{killed} of {len(calls)} calls killed")  # noqa: T201 - the figure of the report
    assert killed >= KILLS * 0.9


@pytest.mark.minutes
def test_55_an_order_is_obeyed_and_told_once_over_power_cuts_at_any_instant_of_its_life(
    tmp_path: Path,
) -> None:
    needs_mounts()
    pick, steps = random.Random(SEED), set[int]()
    for number in range(CUTS):
        image, copy = tmp_path / f"image-{number}", tmp_path / f"copy-{number}"
        ext4_image(image, IMAGE_MIB)
        with mounted(image, tmp_path / "disk") as disk:
            prepare(disk / "gateway")
            child = Child(disk / "gateway", obeying)
            child.go()
            try:
                wait_for_step(child, number % len(STEPS))
                time.sleep(pick.random() * 0.03)  # the instant: anywhere within the step
                copied_while_stopped(child, image, copy)
                lived = Lived(child.acknowledged(), 0)
            finally:
                os.kill(child.pid, signal.SIGKILL)
                child.end()
        with mounted(copy, tmp_path / "after") as after:
            judge_order(after / "gateway", lived, b"second boot.....")
        steps.add(max(one for one, _ in lived.acknowledged) - STEP_0)
        image.unlink()
        copy.unlink()
    print(f"{CUTS} cuts, in the midst of steps {sorted(steps)}")  # noqa: T201 - the figure of the report
    assert len(steps) >= len(STEPS) - 1
