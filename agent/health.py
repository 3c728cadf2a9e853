"""What the agent says of its own body: memory, threads, file descriptors.

Read from /proc, where the numbers are the kernel's and not the interpreter's.
"""

import os
from pathlib import Path
from typing import Final

from attrs import frozen

_PROC: Final = Path("/proc/self")


@frozen
class Health:
    """Figures of this process.

    Attributes:
        resident_bytes: Memory that is really held (VmRSS).
        threads: Threads alive.
        descriptors: Open file descriptors.
    """

    resident_bytes: int
    threads: int
    descriptors: int


def read_health() -> Health:
    """The figures of the present moment."""
    fields = dict(
        line.split(":", 1)
        for line in (_PROC / "status").read_text("ascii", "replace").splitlines()
        if ":" in line
    )
    return Health(
        resident_bytes=int(fields["VmRSS"].split()[0]) * 1024,
        threads=int(fields["Threads"]),
        descriptors=len(os.listdir(_PROC / "fd")),  # noqa: PTH208 names are enough
    )
