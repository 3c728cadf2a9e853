"""docs/benchmarks.md: what machine, which versions, the table, and how each row was measured."""

from typing import Final

from tests.bench.peers import rows, table
from tests.bench.peers.journal import Journal
from tests.bench.peers.lines import EACH

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
- **Pinned.** The program under test has one core to itself; the slave (C, epoll), mosquitto, the observer
  and our centre have another. Every program publishes with QoS 1. Ours seals every 3 s (60 polls), signs,
  commits with FULL, watches two lines, and a real centre verifies and receipts every seal.
- **Readings a second.** Counted at the slave, and only as far as they arrive at the observer. For this row
  the lower limit of half a second of `fast_s` is lifted in our daemon (`tests/bench/peers/fastest.py`);
  everything else in it is as it ships. *As many at once as it can*: Node-RED keeps one request of each of
  the 20 meters under way with its queue switched off, thingsboard-gateway asks all devices side by side at
  its least period of 1 ms; ours and modpoll have one request under way. *One request at a time*: what a
  serial gateway behind the TCP port allows. The rate per second of CPU time is what a fully used core would
  give, and does not care for other programs on the machine.
- **A poll a second.** Four seals' time after a warm-up. CPU of the process and its children. Memory at the
  end of that window. MQTT bytes are PUBLISH packets with topic and head.
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
    return "\n".join([*parts, HOW])


def _facts(found: Journal) -> str:
    lines = [f"- {name}: {value}" for name, value in found.facts.items()]
    lines += [f"- {table.TITLES.get(name, name)}: {version}" for name, version in found.versions.items()]
    lines += [f"- {table.TITLES.get(name, name)}: absent: {why}" for name, why in found.absent.items()]
    return "## The run\n" + "\n".join(lines) + "\n"
