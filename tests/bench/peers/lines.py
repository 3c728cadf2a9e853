"""The rows of serial lines and of bad answers: `wire` on one side, `asker` on the other."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from typing import Final

from attrs import define, field

from tests.bench.peers.machine import REST_CORE, SUBJECT_CORE, pinned

BAUDRATES: Final = (9600, 19200, 115200)
FAST_BAUDRATE: Final = 115200
BITS: Final = {"N": 10, "E": 11}
TURNAROUNDS_S: Final = (0.005, 0.02)
EACH: Final = "rtu: "
RTU_S: Final = 4.0
"""Some forty reads at 9600 baud."""
ASKERS: Final = {"ours": "ours", "pymodbus": "sync", "pymodbus-async": "async"}
WRONG_S: Final = 25.0
WRONG_TIMEOUT_S: Final = 0.12
"""Late answers come after it (wire.LATE_S), among the answers to the next requests."""
FAULTY_PERCENT: Final = 40

Figures = dict[str, float]


@define
class Wire:
    """A line that runs; what it saw is there after the block."""

    port: str
    polls: int = field(default=0)
    short: int = field(default=0)
    disturbed: int = field(default=0)
    legal_s: float = field(default=0.0)
    passed_s: float = field(default=0.0)
    middle: float = field(default=0.0)


@contextlib.contextmanager
def wire(
    baudrate: int, parity: str, turnaround_s: float, dead: int = 0, faulty: float = 0.0
) -> Iterator[Wire]:
    """Meters on a pty."""
    words = [str(one) for one in (baudrate, BITS[parity], turnaround_s, dead, faulty)]
    command = pinned(REST_CORE, [sys.executable, "-m", "tests.bench.peers.wire", *words])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = Wire(process.stdout.readline().strip())
        try:
            yield line
        finally:
            process.send_signal(signal.SIGTERM)
            report = json.loads(process.stdout.readline() or "{}")
            for name, number in report.items():
                setattr(line, name, number)


def ask(who: str, url: str, seconds: float, timeout_s: float, *, many: bool) -> Figures:
    """Reads of one master: right, wrong and errors."""
    words = [who, url, str(seconds), str(timeout_s), str(int(many))]
    command = pinned(SUBJECT_CORE, [sys.executable, "-m", "tests.bench.peers.asker", *words])
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 60)
    if done.returncode:
        raise RuntimeError(f"{who}: {done.stderr.strip().splitlines()[-1:]}")
    report: Figures = json.loads(done.stdout.strip().splitlines()[-1])
    return report


def rates(name: str, seconds: float = RTU_S) -> Figures:
    """The worst rates of one master, its short silences, and the rate of each line by its name."""
    each: Figures = {}
    shorts, disturbed, middle = 0, 0, list[float]()
    for baudrate, parity, turnaround_s in product(BAUDRATES, BITS, TURNAROUNDS_S):
        with wire(baudrate, parity, turnaround_s) as line:
            url = f"rtu:{line.port}?baudrate={baudrate}&parity={parity}"
            ask(ASKERS[name], url, seconds, 1.0, many=False)
        shorts += line.short
        disturbed += line.disturbed
        if line.passed_s:
            each[f"{EACH}{baudrate} 8{parity}1, {turnaround_s * 1000:g} ms"] = line.legal_s / line.passed_s
            middle.append(line.middle)
    figures = {"rtu_disturbed": float(disturbed), "rtu_short_gaps": float(shorts)}
    fast = f"{EACH}{FAST_BAUDRATE}"
    for key, numbers in (
        ("rtu_slow", [rate for key_, rate in each.items() if not key_.startswith(fast)]),
        ("rtu_fast", [rate for key_, rate in each.items() if key_.startswith(fast)]),
        ("rtu_middle", middle),
    ):
        if numbers:
            figures[key] = min(numbers)
    return figures | each


@contextlib.contextmanager
def spoiler() -> Iterator[int]:
    """The port of meters on TCP that answer badly."""
    words = ["-m", "tests.bench.peers.spoiler", str(FAULTY_PERCENT)]
    command = pinned(REST_CORE, [sys.executable, *words])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def wrong(name: str, seconds: float = WRONG_S) -> Figures:
    """Reads that returned what other registers hold, or another meter's."""
    with wire(115_200, "N", 0.005, faulty=FAULTY_PERCENT) as line:
        report = ask(
            ASKERS[name], f"rtu:{line.port}?baudrate=115200&parity=N", seconds, WRONG_TIMEOUT_S, many=True
        )
    figures = {f"wrong_rtu{_SUFFIX[kind]}": number for kind, number in report.items()}
    with spoiler() as port:
        report = ask(ASKERS[name], f"tcp://127.0.0.1:{port}", seconds, WRONG_TIMEOUT_S, many=True)
    return figures | {f"wrong_tcp{_SUFFIX[kind]}": number for kind, number in report.items()}


_SUFFIX: Final = {"wrong": "", "right": "_right", "errors": "_errors"}
