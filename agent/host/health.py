"""Memory, threads and file descriptors of this process, as the kernel counts them in /proc, and the machine.

Reading /proc takes a descriptor: where that fails, all of them are open, and the other numbers are the
interpreter's.
"""

import os
import resource
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import field, frozen

from agent.host.machine import read_machine

SPARE_DESCRIPTORS: Final = 4
"""With fewer, the next connection to a meter, the broker or a reader of the status may fail."""
_PROC: Final = Path("/proc/self")


@frozen
class Health:
    """Figures of this process.

    Attributes:
        resident_bytes: Resident memory (VmRSS).
        threads: Threads alive.
        descriptors: Open file descriptors.
        descriptors_max: How many it may open.
        machine: Figures of the machine (`agent.host.machine`).
    """

    resident_bytes: int
    threads: int
    descriptors: int
    descriptors_max: int
    machine: Mapping[str, int] = field(factory=dict)

    def figures(self) -> dict[str, int]:
        """For heartbeat and status."""
        return {
            "resident_bytes": self.resident_bytes,
            "threads": self.threads,
            "descriptors": self.descriptors,
            **self.machine,
        }

    @property
    def is_exhausted(self) -> bool:
        """Whether the descriptors are nearly used up."""
        return self.descriptors_max - self.descriptors < SPARE_DESCRIPTORS


def read_health() -> Health:
    """The figures now."""
    descriptors_max = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    try:
        fields = dict(
            line.split(":", 1)
            for line in (_PROC / "status").read_text("ascii", "replace").splitlines()
            if ":" in line
        )
        descriptors = len(os.listdir(_PROC / "fd"))  # noqa: PTH208 names are enough
    except OSError:
        peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return Health(peak_kib * 1024, threading.active_count(), descriptors_max, descriptors_max)
    return Health(
        resident_bytes=int(fields["VmRSS"].split()[0]) * 1024,
        threads=int(fields["Threads"]),
        descriptors=descriptors,
        descriptors_max=descriptors_max,
        machine=read_machine(),
    )
