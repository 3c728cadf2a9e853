"""docs/benchmarks.md: what machine, which versions, the table, and how each row was measured."""

from typing import Final

from tests.bench.peers import rows, table
from tests.bench.peers.journal import Journal
from tests.bench.peers.lines import EACH

LOAD_MAX: Final = 0.5
"""From here on somebody else uses the cores."""
HEAD: Final = """\
# Benchmarks

Ours beside modpoll, thingsboard-gateway and Node-RED with node-red-contrib-modbus: one machine, one run, one
slave. This file is written by the run itself: `make bench ARGS=--write`.

A *reading* is one float32 value of one meter; a *poll* reads the 20 values of a meter, 40 registers in one
piece. A cell is the median of the runs (least–greatest). A target that names a peer is held against it in
this run.
"""
HOW: Final = """\
## How it was measured
- **As installed.** Our modules are byte code before they are timed, as in the package and as pip leaves the
  peers.
- **Pinned.** The program under test has one core to itself; the slave (C, epoll), mosquitto, the observer
  and our centre have another. Every program publishes with QoS 1. Ours seals every 3 s (60 polls), signs,
  commits with FULL, watches two lines, and a real centre verifies and receipts every seal.
- **Readings a second.** Counted at the slave, and only as far as they arrive at the observer. For this row
  the lower limit of half a second of `fast_s` is lifted in our daemon (`tests/bench/peers/fastest.py`);
  everything else in it is as it ships. *As many at once as it can*: Node-RED keeps one request of each of
  the 20 meters under way with its queue switched off, thingsboard-gateway asks all devices side by side at
  its least period of 1 ms, ours shares its meters out over four connections; modpoll has one request under
  way. *One request at a time*: what a serial gateway behind the TCP port allows. The rate per second of CPU
  time is what a fully used core would give, and does not care for other programs on the machine. Node-RED
  with its default queue comes to about two thirds of its figure without (tried once); it neither signs nor
  stores.
- **A poll a second.** Four seals' time after a warm-up. CPU of the process and its children, from the
  kernel's nanoseconds. Memory at the end of that window. MQTT bytes are PUBLISH packets with topic and
  head.
- **Disk.** Ours: `bench_disk.py`, a full ring, 20 polls a second, by the kernel's block trace of an ext4 of
  its own (needs root); what a disk makes of single sectors inside is not seen. thingsboard-gateway: its
  sqlite storage on such a file system; it runs with `synchronous=NORMAL` and leaves its last commits to the
  kernel, so its column has no commit a second: it is what it is. modpoll and Node-RED store nothing.
- **Dead meter.** Polls of the living meters that arrive, held against those of a healthy plant, at a poll a
  second; RTU: 8 meters at 19200 baud, 8N1, 20 ms of turnaround, on a pty. Time-out 1 s for everybody who
  can be told. Node-RED is left out on RTU: only one of its eight readers got through on the pty.
- **Many meters.** 100 Modbus TCP devices at 100 addresses of loopback (`tests/drivers/many_meters.py`), a
  poll a second of each. After the first window every second one dies, in turn: silent, no answer to a SYN,
  port closed, hangs up, exception 11 from a gateway, noise, half answers. Answers are counted at the meter,
  as far as they arrive at the observer. A process of modpoll reads one address and is left out.
- **Outage.** 20 meters once a second; the broker is stopped for 60 s, with SIGKILL to the program in the
  middle of it or not; 45 s after the broker's return it is ended in order. Lost is what the slave answered
  and nobody ever got, in readings; an answer that came after the time-out is among it, which a busy machine
  shows. A program that ends by itself is started again after a second, as systemd would.
- **Masters alone.** Our bus and pymodbus (both clients, no repeats) read 40 registers of 8 units in turn on
  a pty whose other end keeps the time of a serial line. The legal limit is request, turnaround, answer and
  t3.5 with nothing between; above 1 is a master that breaks t3.5. With bad answers 40 % are late (after the
  time-out), of another unit, a register short or long, behind noise, damaged or doubled; every register
  says where it is from, so a wrong value is seen.
"""


def text(found: Journal) -> str:
    """The whole file."""
    met, missed, open_ = table.counts((*rows.MAIN, *rows.LINE), found.results)
    parts = [HEAD, _facts(found), f"## The table\nTargets: {met} met, {missed} missed, {open_} not judged.\n"]
    parts.append("\n".join(table.lines(rows.MAIN, found.results, found.absent)) + "\n")
    parts.append("Masters alone, without a gateway around them:\n")
    each = [
        table.Row(key, f"RTU rate, {key.removeprefix(EACH)}", digits=4)
        for key in found.results
        if key.startswith(EACH)
    ]
    parts.append("\n".join(table.lines((*rows.LINE, *each), found.results, {})) + "\n")
    if found.failed:
        failed = "".join(f"- {step}: {why}\n" for step, why in sorted(found.failed.items()))
        parts.append(f"## What failed\n{failed}")
    parts.append(HOW)
    if found.texts:
        parts.append("## Parts of ours\n")
    parts += [
        f"`{step.removeprefix('parts/')}.py`\n\n```\n{said.rstrip()}\n```\n"
        for step, said in found.texts.items()
    ]
    return "\n".join(parts)


def _facts(found: Journal) -> str:
    lines = [f"- {name}: {value}" for name, value in found.facts.items()]
    lines += [f"- {table.TITLES.get(name, name)}: {version}" for name, version in found.versions.items()]
    lines += [f"- {table.TITLES.get(name, name)}: absent: {why}" for name, why in found.absent.items()]
    return "## The run\n" + "\n".join(lines) + "\n" + _busy(found)


def _busy(found: Journal) -> str:
    """A word where other programs shared the machine."""
    if float(found.facts.get("load before", 0)) < LOAD_MAX:
        return ""
    return (
        "\n**The machine was busy**: what depends on the clock, as the RTU rates, is worse here than it is.\n"
    )
