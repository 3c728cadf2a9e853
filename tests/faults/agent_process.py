"""The whole agent as a process in a small plant: how it ended, what it said, what is left of its chain."""

import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from agent.store.gateway import read_seals
from evidence.record import Kind, Record, decode_record
from evidence.seal import open_body, peek_header
from tests.e2e.plant import SmallPlant
from tests.faults.invariants import Held, Witness, check

END_S_MAX: Final = 180.0


def begun(plant: SmallPlant, seals: int = 3) -> None:
    """Subscriber and agent run, and the first seals are made."""
    plant.subscriber.start()
    plant.subscriber.first_line()
    plant.agent.start()
    sealed_on(plant, seals)


def sealed_on(plant: SmallPlant, seals: int = 2) -> None:
    """Wait for so many more seals."""
    tip = max(plant.acknowledged(), default=0)
    plant.until(lambda: max(plant.acknowledged(), default=0) >= tip + seals, f"{seals} more seals")


def ended(plant: SmallPlant) -> int:
    """Wait for the agent to end by itself; its exit code."""
    process = plant.agent._process
    assert process is not None
    try:
        code = process.wait(END_S_MAX)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"the agent did not end; see {plant.agent.log}") from None
    plant.agent._process = None
    return code


def read_log(plant: SmallPlant) -> list[str]:
    """The lines of the agent's log."""
    return plant.agent.log.read_text("utf-8", "replace").splitlines()


def limited(plant: SmallPlant, what: int, soft: int) -> int:
    """Lower a limit of the running agent; the limit before."""
    before, hard = resource.prlimit(plant.agent.pid, what)
    resource.prlimit(plant.agent.pid, what, (soft, hard))
    return before


def status_of(pid: int, field: str) -> int:
    """A number of /proc/PID/status."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise AssertionError(f"no {field}")


def witness(plant: SmallPlant, seen: Witness) -> Witness:
    """What stands in the agent's database now was promised."""
    for number, digest in plant.acknowledged().items():
        seen.acknowledged(number, digest)
    return seen


def events(plant: SmallPlant) -> Iterator[dict[str, Any]]:
    """Bodies of the event records in the agent's chain."""
    for seal in read_seals(plant.folder / "state/chain.db"):
        for raw in open_body(peek_header(seal.cose), seal.body) if seal.body else ():
            record = decode_record(raw)
            if isinstance(record, Record) and record.kind is Kind.EVENT:
                yield dict(record.body)


def checked(plant: SmallPlant, seen: Witness) -> None:
    """Let the subscriber have everything, end both, and check what each side holds."""
    plant.until_verified(max(plant.acknowledged()))
    if plant.agent.pid:
        seen.resident_bytes = max(seen.resident_bytes, status_of(plant.agent.pid, "VmRSS") * 1024)
        assert plant.agent.stop() == 0
        plant.until_verified(max(plant.acknowledged()))
    witness(plant, seen)
    plant.subscriber.stop()
    hashes, forks, report = plant.centre()
    assert forks == []
    assert report.ok, report.error
    check(seen, Held(tuple(sorted(plant.acknowledged().items()))), Held(tuple(sorted(hashes.items()))))
