"""What machine this is, and what a process costs on it."""

import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil
from attrs import frozen

MEBIBYTE: Final = 2**20
SUBJECT_CORE: Final = min(os.sched_getaffinity(0))
REST_CORE: Final = max(os.sched_getaffinity(0))
"""The same as the other on a machine of one core; the document then says so."""
CPU_CLOCK: Final = 2
"""Of a process, all its threads, in nanoseconds: what clock_getcpuclockid(3) makes of a pid. /proc counts in
ticks of 10 ms, which is a fifth of what a window costs us."""


@frozen
class Usage:
    """CPU seconds since the start, and bytes in memory, of a process and its children."""

    cpu_s: float
    rss_bytes: int


def usage(pid: int) -> Usage:
    """Of the process and all below it."""
    top = psutil.Process(pid)
    cpu_s, rss = 0.0, 0
    for process in (top, *top.children(recursive=True)):
        cpu_s += time.clock_gettime(~process.pid << 3 | CPU_CLOCK)
        rss += process.memory_info().rss
    return Usage(cpu_s, rss)


def pinned(core: int, command: list[str]) -> list[str]:
    """The command, on one core with all its threads and children."""
    return ["taskset", "-c", str(core), *command]


def facts() -> dict[str, str]:
    """For the head of the document."""
    memory = psutil.virtual_memory().total / 2**30
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{_cpu()}, {os.cpu_count()} cores, {memory:.1f} GiB, {platform.machine()}",
        "kernel": f"{platform.system()} {platform.release()}",
        "system": _system(),
        "Python": platform.python_version(),
        "load before": f"{os.getloadavg()[0]:.2f}",
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or "unknown processor"


def _system() -> str:
    for line in Path("/etc/os-release").read_text("utf-8").splitlines():
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            return value.strip('"')
    return "unknown"
