"""The fast slave of slave.c: built, started, and its counters read without asking it."""

import contextlib
import mmap
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import frozen

from tests.bench.peers.machine import REST_CORE, pinned

VALUES: Final = 20
REGISTERS: Final = 2 * VALUES
POINTS: Final = (
    *(f"voltage_l{n}" for n in (1, 2, 3)),
    *(f"current_l{n}" for n in (1, 2, 3)),
    *(f"active_power_l{n}" for n in (1, 2, 3)),
    *(f"reactive_power_l{n}" for n in (1, 2, 3)),
    *(f"power_factor_l{n}" for n in (1, 2, 3)),
    *("active_power", "reactive_power", "apparent_power", "frequency", "active_energy_import"),
)
_COUNTERS: Final = struct.Struct("<4Q512Q")


class BuildError(Exception):
    """There is no slave."""


@frozen
class Counts:
    """What the slave has seen."""

    requests: int
    bytes_in: int
    bytes_out: int
    connections: int
    unit_requests: tuple[int, ...]
    unit_answers: tuple[int, ...]

    @property
    def answers(self) -> int:
        """Of all units."""
        return sum(self.unit_answers)


class Slave:
    """A running slave."""

    def __init__(self, process: subprocess.Popen[str], counters: mmap.mmap, port: int) -> None:
        self.port = port
        self.pid = process.pid
        self._counters = counters

    def counts(self) -> Counts:
        """At this moment."""
        items = _COUNTERS.unpack_from(self._counters)
        requests, bytes_in, bytes_out, connections = items[:4]
        return Counts(requests, bytes_in, bytes_out, connections, items[4:260], items[260:])


def build(folder: Path) -> Path:
    """The program.

    Raises:
        BuildError: There is no gcc, or it does not like it.
    """
    program = folder / "slave"
    source = Path(__file__).with_name("slave.c")
    call = ["gcc", "-O2", "-Wall", "-o", str(program), str(source), "-lm"]
    try:
        subprocess.run(call, check=True, capture_output=True, text=True)
    except OSError as error:
        raise BuildError(f"gcc: {error.strerror}") from error
    except subprocess.CalledProcessError as error:
        raise BuildError(str(error.stderr).strip()[:300]) from error
    return program


@contextlib.contextmanager
def slave(program: Path, units: int, dead: int = 0) -> Iterator[Slave]:
    """Serve `units` meters on a free port of loopback; `dead` never answers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "counters"
        path.write_bytes(bytes(_COUNTERS.size))
        command = pinned(REST_CORE, [str(program), str(path), str(units), str(dead)])
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as counters:
                yield Slave(process, counters, port)
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
