"""`dianjian-sim` with 100 meters over TCP on one core, each asked once a second: what it costs, what is late.

Run it: PYTHONPATH=. .venv/bin/python tests/bench/bench_sim.py [seconds] [meters]

The simulator is a process of its own on the first core. The asking side sends each request at its time,
whether or not answers are missing, and takes an answer for late that comes more than LATE_S after it.
Registers change once a second, so every request makes its meter measure anew: the dearest case. The
first seconds are counted by themselves; a day's energy is summed for each meter before the buses open.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from drivers.link.verdict import Framing, Request, Words
from drivers.modbus.frame import encode_request, parse

BUSES: Final = 10
SECONDS: Final = 30
METERS: Final = 100
LATE_S: Final = 0.2
"""The shortest time-out that our driver gives a meter."""
REGISTERS: Final = 60
ANSWER_BYTES: Final = 9 + 2 * REGISTERS
TURNAROUND_S: Final = 0.005
LINES: Final = 10
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def plant_text(meters: int) -> str:
    """Meters evenly on buses and lines."""
    rows = ["[plant]\nstart = 2026-03-02T09:00:00+08:00\nseed = 5\n"]
    rows += [f'[[bus]]\nid = "b{i}"\nkind = "tcp"\nturnaround_s = {TURNAROUND_S}\n' for i in range(BUSES)]
    for i in range(LINES):
        leader = f'kind = "treatment"\nprofile = {{ shape = "follows", lines = ["l{i - 1}"] }}'
        shift = 'kind = "production"\nprofile = { shape = "shift", shifts = ["06:00-22:00"] }'
        rows.append(f'[[line]]\nid = "l{i}"\nrated_w = 500000\n{leader if i % 2 else shift}\n')
    for i in range(meters):
        place = f'bus = "b{i % BUSES}"\nunit_id = {i // BUSES + 1}\nline = "l{i % LINES}"'
        rows.append(f'[[meter]]\nid = "m{i}"\nmodel = "eastron-sdm630"\n{place}\n')
    return "".join(rows)


def cpu_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_mb(pid: int) -> float:
    """What it holds in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


async def ask(url: str, units: int, seconds: int, latencies: list[float]) -> None:
    """One client of one bus: every unit once a second, evenly spread."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    sent: dict[int, tuple[float, Request]] = {}

    async def take() -> None:
        for _ in range(seconds * units):
            frame = await reader.readexactly(ANSWER_BYTES)
            number = int.from_bytes(frame[:2])
            at_s, request = sent.pop(number)
            assert isinstance(parse(Framing.TCP, frame, request, number), Words)
            latencies.append(time.monotonic() - at_s)

    taking = asyncio.create_task(take())
    begin_s = time.monotonic()
    for number in range(seconds * units):
        await asyncio.sleep(begin_s + number / units - time.monotonic())
        request = Request(number % units + 1, 4, 0, REGISTERS)
        sent[number] = (time.monotonic(), request)
        writer.write(encode_request(Framing.TCP, request, number))
    await asyncio.wait_for(taking, 60)
    writer.close()


async def round_of(urls: list[str], meters: int, seconds: int) -> list[float]:
    """The latencies of all answers."""
    latencies: list[float] = []
    await asyncio.gather(*(ask(url, meters // BUSES, seconds, latencies) for url in urls))
    return latencies


def report(name: str, latencies: list[float], spent_s: float) -> None:
    late = sum(latency > LATE_S for latency in latencies)
    quantiles = statistics.quantiles(latencies, n=1000)
    print(
        f"{name}: {len(latencies)} answers, {spent_s / len(latencies) * 1000:.2f} s CPU per 1,000, "
        f"latency median {quantiles[499] * 1000:.1f} ms, p99 {quantiles[989] * 1000:.1f} ms, "
        f"most {max(latencies) * 1000:.0f} ms, later than {LATE_S:g} s: {late}"
    )


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    meters = int(sys.argv[2]) if len(sys.argv) > 2 else METERS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plant.toml"
        path.write_text(plant_text(meters))
        command = [sys.executable, "-m", "firmware_sim.main", "serve", str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sim:
            try:
                os.sched_setaffinity(sim.pid, {min(os.sched_getaffinity(0))})
                assert sim.stdout is not None
                urls = list(json.loads(sim.stdout.readline())["buses"].values())
                print(f"{meters} meters, {BUSES} TCP buses, {REGISTERS} registers a read, one read a second")
                for name, length in (("first 3 s", 3), (f"next {seconds} s", seconds)):
                    before_s = cpu_s(sim.pid)
                    latencies = asyncio.run(round_of(urls, meters, length))
                    report(name, latencies, cpu_s(sim.pid) - before_s)
                print(f"resident memory {resident_mb(sim.pid):.0f} MB")
            finally:
                sim.terminate()


if __name__ == "__main__":
    main()
