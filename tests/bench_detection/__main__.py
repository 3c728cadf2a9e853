"""The benchmark of the detector: prints the target table and exits 1 where a target is missed.

    make bench-detection                       the report: its seeds are run by nothing else
    python -m tests.bench_detection --dev      development seeds, to work on the detector
    python -m tests.bench_detection --quick    one seed, fewer days and plants, shorter exactness

The real pairs are run where DIANJIAN_DATA points at the recordings; that they are absent is a missed row
unless `--synthetic` says that it is meant. After the pairs comes the second world (`world/second.py`);
`--only` runs one of the two. `--peers PYTHON` names the interpreter that has the libraries to compare with;
without it they are named absent. `--pairs` picks pairs and leaves the world out, `--troubles FILE` appends
every miss and false alarm, with what is needed to run it again. `--write` puts what was measured into
docs/detection-benchmark.md, between its marks.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
from attrs import frozen

from tests.bench_detection import pairs, real_pairs
from tests.bench_detection.exact import (
    LIVE,
    PUSH,
    Speed,
    constant_treatment,
    correlation_speed,
    detector_speed,
    exactness,
    kind_of,
)
from tests.bench_detection.inject_a import STRESSES
from tests.bench_detection.jobs import WHOLE_DAYS, Job, Result, case_of, run, troubles
from tests.bench_detection.table import Row, classes, peers, recorded, rows, stresses, text
from tests.bench_detection.world import second
from tests.bench_detection.world.second import Extent, run_world

DEV_SEEDS: Final = (1, 2, 3)
REPORT_SEEDS: Final = (90_211, 90_222, 90_233)
WORKERS: Final = 2
PEER_SPEED: Final = Path(__file__).with_name("peer_speed.py")
PEER_TIMEOUT_S: Final = 120
STATE_BYTES_MAX: Final = 15_000
PROGRESS_RUNS: Final = 20
PAGE: Final = Path(__file__).parents[2] / "docs" / "detection-benchmark.md"


@frozen
class Size:
    """How much is run."""

    seeds: tuple[int, ...]
    days: int
    stress_days: int
    samples: int
    recorded: bool = True


def sizes(options: argparse.Namespace) -> Size:
    """As the options set it."""
    seeds = DEV_SEEDS if options.dev else REPORT_SEEDS
    if options.quick:
        return Size(DEV_SEEDS[:1], 14, 10, 1_000_000, recorded=False)
    return Size(seeds, 16, 10, 2_000_000 if options.dev else 100_000_000)


def jobs(size: Size, names: Sequence[str]) -> list[Job]:
    """Everything that is run over cases."""
    found = []
    for seed in size.seeds:
        for name in names:
            for injector in ("A", "B"):
                found.append(Job(kind="clean", pair=name, seed=seed, days=size.days, injector=injector))
                found.append(Job(kind="injected", pair=name, seed=seed, days=size.days, injector=injector))
            found.append(Job(kind="spoiled", pair=name, seed=seed, days=size.days))
    found += [
        Job(kind="stress", pair=name, seed=size.seeds[0], days=size.stress_days, stress=stress.name)
        for name in names
        for stress in STRESSES
    ]
    if size.recorded:
        found += [
            Job(kind="recorded", pair=name, seed=seed, days=WHOLE_DAYS)
            for seed in size.seeds
            for name in names
            if name in real_pairs.NAMES
        ]
    return found


def speed_rows(names: Sequence[str]) -> list[Row]:
    """Timings, with nothing else running beside them."""
    cost = correlation_speed()
    live, note = cost[LIVE], f"without reading {cost[PUSH].best:.2f}; the detector does it once a minute"
    first = Row(
        f"correlation per tick and pair, {LIVE}",
        "<= 1 us",
        f"{live.best:.2f} us",
        f"median {live.median:.2f}; {note}",
        live.best <= 1.0,
    )
    return [first, *tick_rows(names)]


def tick_rows(names: Sequence[str]) -> list[Row]:
    """What the whole detector costs: the slowest pair decides, and the slowest of each kind is shown."""
    ticks: dict[str, Speed] = {}
    kinds: dict[str, list[str]] = {}
    for name in names:
        case = case_of(Job(kind="clean", pair=name, seed=1, days=9 if name.startswith("pellet") else 5))
        ticks[name], _ = detector_speed(case)
        kinds.setdefault(kind_of(case.pair), []).append(name)
    slowest = max(ticks, key=lambda name: ticks[name].best)
    what = "whole detector per tick and linkage, samples included"
    found = [
        Row(
            what,
            "<= 5 us",
            f"{ticks[slowest].best:.2f} us",
            f"slowest of {len(ticks)} pairs: {slowest}, median {ticks[slowest].median:.2f}",
            ticks[slowest].best <= 5,
        )
    ]
    for kind, alike in sorted(kinds.items()):
        last = max(alike, key=lambda name: ticks[name].best)
        others = ", ".join(f"{name} {ticks[name].best:.2f}" for name in alike)
        found.append(Row(f"    {kind}", "", f"{ticks[last].best:.2f} us", others, None))
    return found


def other_rows(options: argparse.Namespace) -> list[Row]:
    """The libraries that others would take."""
    found: dict[str, Any] = dict.fromkeys(("river", "bottleneck", "numpy", "pandas"))
    if options.peers:
        done = subprocess.run(
            [options.peers, str(PEER_SPEED)],
            capture_output=True,
            text=True,
            check=False,
            timeout=PEER_TIMEOUT_S,
        )
        if done.returncode == 0:
            found |= json.loads(done.stdout)
        else:
            sys.stderr.write(done.stderr)
    return [
        Row(f"peer {name}, a tick of correlation", "", "absent", "", None)
        if one is None
        else Row(f"peer {name}, a tick of correlation", "", f"{one['us']:.2f} us", one["version"], None)
        for name, one in found.items()
    ]


def state_row(results: Sequence[Result]) -> Row:
    """The greatest checkpoint of all runs."""
    most = max(results, key=lambda one: one.state_bytes)
    usual = sorted(one.state_bytes for one in results)[len(results) // 2]
    return Row(
        "state of a linkage, with its ring",
        "<= 15 kB",
        f"{most.state_bytes / 1000:.1f} kB",
        f"{most.job.pair}; median {usual / 1000:.1f} kB",
        most.state_bytes <= STATE_BYTES_MAX,
    )


def watched(results: Iterable[Result], troubles_file: Path | None) -> list[Result]:
    """All results in a fixed order; what went wrong is printed as it is found."""
    found = []
    for result in results:
        found.append(result)
        if troubles_file and (lines := troubles(result)):
            with troubles_file.open("a", encoding="utf-8") as out:
                out.writelines(f"{line}\n" for line in lines)
        if len(found) % PROGRESS_RUNS == 0:
            sys.stderr.write(f"{len(found)} runs done\n")
    return sorted(found, key=lambda one: str(one.job))


def measured(size: Size, names: Sequence[str], options: argparse.Namespace) -> tuple[list[Row], list[Result]]:
    """The whole table."""
    speed, others = speed_rows(names), other_rows(options)
    with get_context("spawn").Pool(WORKERS) as pool:
        exact = pool.apply_async(exactness, (size.samples,))
        results = watched(pool.imap_unordered(run, jobs(size, names)), options.troubles)
        error = exact.get()
    defined = constant_treatment()
    own = [
        Row(
            "max error of r",
            "<= 1e-14",
            f"{error:.1e}",
            f"{size.samples:.0e} samples, all pushed",
            error <= 1e-14,
        ),
        Row("constant treatment", "UNDEFINED", defined, "", defined.startswith("UNDEFINED")),
        *speed,
        state_row(results),
    ]
    table = (
        rows(results)
        + recorded(results)
        + own
        + classes(results)
        + stresses(results)
        + peers(results)
        + others
    )
    return table, results


def run_second(options: argparse.Namespace) -> tuple[str, list[str]]:
    """Run the second world: its tables, and what was missed."""
    seeds = second.DEV_SEEDS if options.dev else second.REPORT_SEEDS
    extent = Extent(second.DEV_SEEDS[:1] if options.quick else seeds, options.quick)
    return run_world(extent, findings=options.troubles)


def run_pairs(options: argparse.Namespace) -> tuple[str, list[str]]:
    """Run the pairs: their table, and what was missed."""
    real = real_pairs.NAMES if real_pairs.folder() else ()
    if not real:
        sys.stdout.write(f"real pairs absent: {real_pairs.VARIABLE} does not point at the recordings\n")
    names = tuple(options.pairs.split(",")) if options.pairs else (*pairs.NAMES, *real)
    size = sizes(options)
    begin = time.monotonic()
    table, results = measured(size, names, options)
    if not options.synthetic and not options.pairs:
        table.append(Row("real recordings", "present", "present" if real else "absent", "", bool(real)))
    both = f"{len(names)} pairs ({len(set(names) & set(real))} real)"
    words = (
        f"> {both}, seeds {size.seeds}, {len(results)} runs, "
        f"{sum(one.months for one in results):.0f} pair-months, {time.monotonic() - begin:.0f} s on "
        f"{os.cpu_count()} processors {platform.machine()}, Python {platform.python_version()}, "
        f"numpy {np.__version__}\n\n{text(table)}\n"
    )
    return words, [row.what for row in table if row.met is False]


def head() -> str:
    """The commit that is run, taken before the run."""
    asked = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def write(page: Path, part: str, words: str) -> None:
    """Put what was measured between the marks of its part."""
    old = page.read_text(encoding="utf-8")
    before, begin, rest = old.partition(f"<!-- {part} begin -->\n")
    _, end, after = rest.partition(f"<!-- {part} end -->")
    if not begin or not end:
        raise ValueError(f"{page} has no marks for {part}")
    page.write_text(f"{before}{begin}{words}{end}{after}", encoding="utf-8")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--dev", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--peers", default="")
    parser.add_argument("--pairs", default="")
    parser.add_argument("--troubles", type=Path)
    parser.add_argument("--synthetic", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--only", choices=("pairs", "world"))
    options = parser.parse_args()
    commit = head() if options.write else ""
    missed = []
    for part, do in (("pairs", run_pairs), ("world", run_second)):
        if options.only in (None, part) and not (part == "world" and options.pairs):
            words, wrong = do(options)
            missed += wrong
            sys.stdout.write(f"{words}\n")
            if options.write:
                write(PAGE, part, f"Commit {commit}.\n\n{words}")
    sys.stdout.write(f"\nmissed: {', '.join(missed)}\n" if missed else "\nevery target is met\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
