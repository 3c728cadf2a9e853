"""`make bench`: install the peers, measure row by row, print the table; see the package's words.

Options: --quick one run instead of three and shorter windows · --only STEP … some steps (STEPS) · --resume
go on where the last run was ended · --write docs/benchmarks.md · --table print what is there, run nothing.

A peer that cannot be installed is absent, a step that fails is named, and the rest goes on. The exit code
is 0 also when a target is missed: the table says so; 1 without the slave, which needs gcc.
"""

import argparse
import compileall
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from tests.bench.peers import dead, disk, document, journal, lines, load, machine, many, outage, slave
from tests.bench.peers.install import BENCH, ROOT, AbsentError
from tests.bench.peers.subjects import SUBJECTS, Modpoll, NodeRed, Ours, Subject, Thingsboard

RUNS: Final = 3
QUICK_WINDOW_S: Final = 6.0
CONNECTIONS: Final = 4
"""Of ours where as much as possible is asked at once: more threads than that only wait for each other."""
PARTS: Final = Path(__file__).parents[1]
PART_S_MAX: Final = 900.0
NAMES: Final = {Ours: "ours", Modpoll: "modpoll", Thingsboard: "thingsboard", NodeRed: "node-red"}
OURS: Final = ("agent", "centre", "disk", "drivers", "evidence", "firmware_sim", "provisioning", "wire")
DOCUMENT: Final = ROOT / "docs" / "benchmarks.md"

Figures = dict[str, float]


@frozen
class Step:
    """One measurement: its name, and what gives figures by subject, or a text."""

    name: str
    measure: Callable[[], Mapping[str, Figures] | str]


@frozen
class Run:
    """What the measurements need.

    Attributes:
        subjects: Who is there, by name.
        quick: Whether to be short.
    """

    program: Path
    subjects: dict[str, Subject]
    quick: bool

    def steps(self) -> Iterator[Step]:
        """All, in order; runs of the same row are interleaved so that a disturbance hits everybody."""
        for run in range(1 if self.quick else RUNS):
            for name, subject in self.subjects.items():
                yield self._one(f"second/{name}/{run}", name, self._second, subject)
            for name, subject in self.subjects.items():
                yield self._one(f"fastest/{name}/{run}", name, self._fastest, name, subject)
        yield from self._many()
        yield Step("dead/all", self._dead)
        yield Step("loss/all", self._lost)
        for name in lines.ASKERS:
            yield self._one(f"wrong/{name}", name, lines.wrong, name, self._short(lines.WRONG_S))
        for name in lines.ASKERS:
            yield self._one(f"rtu/{name}", name, lines.rates, name, self._short(lines.RTU_S))
        yield self._one("disk/ours", "ours", disk.ours, self._short(disk.OURS_S))
        if "thingsboard" in self.subjects:
            seconds = self._short(disk.PEER_S)
            yield self._one("disk/thingsboard", "thingsboard", disk.thingsboard, self.program, seconds)
        if not self.quick:
            for bench in sorted(PARTS.glob("bench_*.py")):
                if bench.stem != "bench_disk":  # it is the row of the disk
                    yield Step(f"parts/{bench.stem}", partial(part, bench))

    def _many(self) -> Iterator[Step]:
        """One after the other: a hundred meters keep a core busy. A process of modpoll reads one address."""
        for name, subject in self.subjects.items():
            if name != "modpoll":
                window_s = self._short(many.WINDOW_S)
                yield self._one(f"many/{name}", name, many.measured, self.program, subject, window_s)

    @staticmethod
    def _one(step: str, name: str, measure: Callable[..., Figures], *of: Any) -> Step:
        return Step(step, lambda: {name: measure(*of)})

    def _short(self, seconds: float) -> float:
        return seconds / 3 if self.quick else seconds

    def _dead(self) -> Mapping[str, Figures]:
        """All side by side: at a poll a second nobody is busy."""
        calls = {
            (name, on.__name__): partial(on, self.program, subject, dead.WINDOW_S)
            for name, subject in self.subjects.items()
            for on in (dead.on_tcp, dead.on_rtu)
            if (name, on) != ("node-red", dead.on_rtu)
        }
        return side_by_side(calls)

    def _lost(self) -> Mapping[str, Figures]:
        """All side by side, as `_dead`."""
        calls = {
            (name, str(kill)): partial(
                outage.lost, self.program, subject, kill=kill, away_s=self._short(outage.AWAY_S)
            )
            for name, subject in self.subjects.items()
            for kill in (False, True)
        }
        return side_by_side(calls)

    def _second(self, subject: Subject) -> Figures:
        window_s = QUICK_WINDOW_S if self.quick else load.SECONDS_WINDOW_S
        return load.at_one_second(self.program, subject, window_s)

    def _fastest(self, name: str, subject: Subject) -> Figures:
        """modpoll asks one at a time in any case; thingsboard-gateway cannot be told to."""
        window_s = QUICK_WINDOW_S if self.quick else load.FAST_WINDOW_S
        many = Ours(CONNECTIONS) if name == "ours" else subject
        figures = load.fastest(self.program, many, window_s)
        single = {
            "ours": lambda: load.fastest(self.program, subject, window_s),
            "modpoll": lambda: figures,
            "node-red": lambda: load.fastest(self.program, NodeRed(one_at_a_time=True), window_s),
        }.get(name, dict)()
        return figures | {f"single_{key}": single[key] for key in ("rate", "rate_per_cpu_s") if key in single}


def part(bench: Path) -> str:
    """What a benchmark of one part of ours prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, str(bench)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PART_S_MAX,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"ended with {done.returncode}: {(done.stderr.strip().splitlines() or [''])[-1]}")
    return done.stdout


def side_by_side(calls: Mapping[tuple[str, str], Callable[[], Figures]]) -> Mapping[str, Figures]:
    """The figures of each subject, the first of the pair; a call that fails is told and left out."""
    figures: dict[str, Figures] = {}
    with ThreadPoolExecutor(len(calls)) as pool:
        running = {key: pool.submit(call) for key, call in calls.items()}
        for (name, what), future in running.items():
            try:
                figures.setdefault(name, {}).update(future.result())
            except Exception as error:  # noqa: BLE001 - one that fails must not end the others
                sys.stderr.write(f"    {name} {what}: {type(error).__name__}: {error}\n")
    return figures


def main() -> int:
    """Run and tell."""
    call = _parser().parse_args()
    BENCH.mkdir(exist_ok=True)
    path = BENCH / "run.json"
    found = journal.load(path) if call.resume or call.table else journal.Journal(path)
    if not call.table:
        try:
            _measure(found, call)
        except KeyboardInterrupt:
            sys.stderr.write("ended; `make bench ARGS=--resume` goes on from here\n")
            return 130
        except slave.BuildError as error:
            sys.stderr.write(f"the fast slave cannot be built: {error}\n")
            return 1
    text = document.text(found)
    sys.stdout.write(text)
    if call.write:
        DOCUMENT.write_text(text, "utf-8")
        sys.stderr.write(f"written: {DOCUMENT.relative_to(ROOT)}\n")
    return 0


def _measure(found: journal.Journal, call: argparse.Namespace) -> None:
    for folder in OURS:
        compileall.compile_dir(ROOT / folder, quiet=1)
    found.facts = found.facts or {**machine.facts(), "run": "quick" if call.quick else f"{RUNS} runs"}
    subjects = dict(_subjects(found))
    found.save()
    run = Run(slave.build(BENCH), subjects, call.quick)
    steps = [step for step in run.steps() if not call.only or step.name.split("/")[0] in call.only]
    walk(found, steps)


def walk(found: journal.Journal, steps: Sequence[Step]) -> None:
    """Take each step that is not done yet; one that fails is noted, and the next is taken."""
    for number, step in enumerate(steps, 1):
        if step.name in found.done:
            continue
        sys.stderr.write(f"[{number}/{len(steps)}] {step.name}\n")
        begin_s = time.monotonic()
        try:
            figures = step.measure()
        except Exception as error:  # noqa: BLE001 - one that fails must not end the others
            sys.stderr.write(f"    failed: {type(error).__name__}: {error}\n")
            found.fails(step.name, f"{type(error).__name__}: {error}")
            continue
        found.took(step.name, figures)
        sys.stderr.write(f"    {time.monotonic() - begin_s:.0f} s\n")
        if isinstance(figures, str):
            sys.stderr.write(figures)
            continue
        for name, numbers in figures.items():
            summary = ", ".join(f"{key} {number:.4g}" for key, number in numbers.items())
            sys.stderr.write(f"    {name}: {summary}\n")


def _subjects(found: journal.Journal) -> Iterator[tuple[str, Subject]]:
    for kind in SUBJECTS:
        name = NAMES[kind]
        sys.stderr.write(f"installing {name}\n")
        try:
            subject: Subject = kind()
        except AbsentError as error:
            sys.stderr.write(f"    absent: {error}\n")
            found.absent[name] = str(error)
            continue
        found.absent.pop(name, None)
        found.versions[name] = subject.version
        yield name, subject


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("tests.bench.peers", description="Ours beside its peers.")
    parser.add_argument("--quick", action="store_true", help="one run, shorter windows")
    parser.add_argument("--resume", action="store_true", help="go on where the last run was ended")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--table", action="store_true", help="print what the last run found, run nothing")
    parser.add_argument(
        "--only", nargs="+", metavar="STEP", help="second, fastest, many, dead, loss, wrong, rtu, disk, parts"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
