"""Memory runs out, for one call of a seal or for the whole agent: whatever dies, the next start goes on."""

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.plant import small_plant
from tests.evidence.chains import heartbeat, stamp
from tests.faults.agent_process import begun, checked, limited, sealed_on, status_of, witness
from tests.faults.disk import Child, Tell, calls_of, judged, lived_under, made, opened
from tests.faults.invariants import Witness

SEED: Final = 50
SAMPLED: Final = 8
MEMORY_CALLS: Final = {"mmap", "brk", "mremap"}
CGROUPS: Final = Path("/sys/fs/cgroup/memory")
GROUP_BYTES: Final = 32 << 20
SEALS_MAX: Final = 200
"""A MiB is hoarded with each."""
STARVED_S: Final = 3.0
"""Time in which whatever wants memory is refused it."""


def starved(tmp_path: Path, sample: int | None) -> int:
    """Refuse memory from each call that asks for it to the end of a life; how many died over it."""
    base, work = tmp_path / "base", tmp_path / "work"
    first_key = made(base, 3)
    shutil.copytree(base, tmp_path / "traced")
    calls = [
        call for call in calls_of(tmp_path / "traced", tmp_path / "calls.log") if call[0] in MEMORY_CALLS
    ]
    assert calls
    if sample is not None:
        calls = random.Random(SEED).sample(calls, min(sample, len(calls)))
    died = 0
    for name, count in calls:
        shutil.copytree(base, work)
        options = ["-e", f"trace={name}", "-e", f"inject={name}:error=ENOMEM:when={count}+"]
        lived = lived_under(work, options)
        died += lived.code != 0
        judged(work, lived.witness(), first_key)
        shutil.rmtree(work)
    return died


def test_50_a_seal_that_gets_no_memory_loses_nothing(tmp_path: Path) -> None:
    starved(tmp_path, SAMPLED)


@pytest.mark.minutes
def test_50_every_call_for_memory_of_a_life_may_be_refused(tmp_path: Path) -> None:
    print(f"{starved(tmp_path, None)} lives ended")  # noqa: T201 - the figure of the report


def test_50_a_sealing_process_that_the_kernel_kills_for_its_memory_loses_nothing(tmp_path: Path) -> None:
    group = CGROUPS / f"dianjian-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(GROUP_BYTES), "ascii")
    except OSError as error:
        pytest.skip(f"needs a memory cgroup of version 1 that may be written: {error}")

    def greedy(folder: Path, tell: Tell) -> None:
        (group / "cgroup.procs").write_text(str(os.getpid()), "ascii")
        store, sealer, _ = opened(folder)
        hoard = []
        for number in range(SEALS_MAX):
            seal = sealer.seal([heartbeat(number)] * 40, stamp(number))
            tell(seal.number, seal.hash)
            hoard.append(bytearray(b"x" * (1 << 20)))
        store.close()

    try:
        first_key = made(tmp_path / "base", 3)
        child = Child(tmp_path / "base", greedy)
        child.go()
        lived = child.end()
        assert lived.code == -signal.SIGKILL, "the kernel did not kill it"
        assert lived.acknowledged
        judged(tmp_path / "base", lived.witness(), first_key)
    finally:
        group.rmdir()


@pytest.mark.e2e
@pytest.mark.minutes
def test_50_an_agent_that_gets_no_more_memory_lives_or_ends_and_the_next_start_goes_on(
    tmp_path: Path,
) -> None:
    with small_plant(tmp_path) as plant:
        begun(plant)
        seen, process = witness(plant, Witness()), plant.agent._process
        assert process is not None
        before = limited(plant, resource.RLIMIT_AS, status_of(plant.agent.pid, "VmSize") << 10)
        assert plant.broker is not None
        plant.broker.kill()  # a new connection wants buffers
        plant.start_broker()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STARVED_S)
        if process.poll() is None:
            limited(plant, resource.RLIMIT_AS, before)
        else:
            assert process.returncode != 0
            plant.agent.start()
        sealed_on(plant)
        checked(plant, seen)
