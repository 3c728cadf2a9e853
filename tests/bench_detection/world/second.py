"""The run of the second world: which plants, how many at a time, what is printed on the way and at the end.

Every variant of every kind is drawn with each seed, and the plants of GUILTY again with deeds. Seeds of the
report are run by `make bench-detection` alone; work on the detector takes others.
"""

import sys
import time
from collections.abc import Iterable, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from attrs import frozen

from tests.bench_detection.table import text
from tests.bench_detection.world import report
from tests.bench_detection.world.kinds import KINDS
from tests.bench_detection.world.score import Job, Result, run

DEV_SEEDS: Final = (1, 2)
REPORT_SEEDS: Final = (70_518, 70_529, 70_540)
WORKERS: Final = 2
GUILTY_DAYS: Final = 24
QUICK_DAYS: Final = 17
MONTHS_LEAST: Final = 300.0
QUICK_MONTHS_LEAST: Final = 15.0
SAID_EVERY_S: Final = 20
GUILTY: Final = (
    ("plain", (0, 1, 2, 3, 4)), ("kiln", (0, 3, 4)), ("foundry", (0, 2, 3)), ("coating", (0, 1, 3)),
    ("pelletizer", (0, 1, 3)), ("cycling", (0, 2, 3)), ("shared", (0, 1)), ("series", (0, 1, 2)),
    ("pumps", (3, 4)), ("tanks", (0, 2, 4)), ("coarse", (0, 3, 4)), ("polling", (0, 1, 2, 3)),
    ("clogging", (2, 3)),
)  # fmt: skip
"""Kinds whose days after learning are like those before, so that a deed is the only thing that changes."""


@frozen
class Extent:
    """How much is run."""

    seeds: tuple[int, ...]
    quick: bool = False

    @property
    def months_least(self) -> float:
        """Honest pair-months that the report has to rest on."""
        return QUICK_MONTHS_LEAST if self.quick else MONTHS_LEAST


def jobs(extent: Extent, kinds: Sequence[str] = ()) -> list[Job]:
    """All plants, honest ones first; a quick run takes two variants of each kind and one with deeds."""
    found: list[Job] = []
    for seed in extent.seeds:
        for kind, one in KINDS.items():
            days = min(QUICK_DAYS, one.days) if extent.quick else 0
            some = _some(range(one.variants), extent.quick, 2, seed)
            found += [Job(kind=kind, variant=variant, seed=seed, days=days) for variant in some]
        days = QUICK_DAYS if extent.quick else GUILTY_DAYS
        for kind, variants in GUILTY:
            some = _some(variants, extent.quick, 1, seed)
            found += [Job(kind=kind, variant=each, seed=seed, days=days, deeds=True) for each in some]
    return [job for job in found if not kinds or job.kind in kinds]


def _some(variants: Sequence[int], quick: bool, count: int, seed: int) -> list[int]:
    return [variants[(seed + n) % len(variants)] for n in range(count)] if quick else list(variants)


def measure(extent: Extent, kinds: Sequence[str] = (), findings: Path | None = None) -> list[Result]:
    """All results; findings are written as they come."""
    wanted = jobs(extent, kinds)
    begin = said = time.monotonic()
    results = []
    with get_context("spawn").Pool(WORKERS) as pool:
        for result in pool.imap_unordered(run, wanted, chunksize=1):
            results.append(result)
            if findings and (lines := findings_of(result)):
                with findings.open("a", encoding="utf-8") as out:
                    out.writelines(f"{line}\n" for line in lines)
            if time.monotonic() - said >= SAID_EVERY_S:
                said = time.monotonic()
                sys.stderr.write(f"world: {len(results)} of {len(wanted)} plants, {said - begin:.0f} s\n")
    return sorted(results, key=lambda one: str(one.job))


def findings_of(result: Result) -> list[str]:
    """What went wrong with one plant, with all that is needed to run it again."""
    name = result.job.name
    if result.refused or result.error:
        return [f"REFUSED {name}: {', '.join(result.refused) or result.error}"]
    lines = []
    for rule, severity in dict.fromkeys((one.rule, one.severity) for one in result.false):
        own = [one for one in result.false if (one.rule, one.severity) == (rule, severity)]
        first = f"first at {own[0].hours:.1f} h: {own[0].why}"
        lines.append(f"FALSE {name}: {severity} {rule} {len(own)} times, {first}")
    if result.stray:
        first = result.stray[0]
        lines.append(f"STRAY {name} --deeds: {len(result.stray)}, first {first.rule} at {first.hours:.1f} h")
    if result.gaps_accused:
        lines.append(f"GAP {name}: {result.gaps_accused} of {result.gaps} accused")
    for deed in result.deeds:
        if deed.delay_s is None and not deed.hidden:
            what = "MISSED" if deed.plain else "missed"
            lines.append(f"{what} {name} --deeds: {deed.deed} {deed.begin_h:.2f}..{deed.end_h:.2f} h")
    return lines


def told(results: Sequence[Result], extent: Extent, took_s: float) -> tuple[str, list[str]]:
    """All tables, and what was missed."""
    rows = report.targets(results, extent.months_least)
    guilty = sum(one.job.deeds for one in results)
    words = (
        f"> {len(results)} plants, {guilty} of them with deeds, seeds {extent.seeds}, {took_s:.0f} s\n\n"
        f"{text(rows)}\n\n{report.by_kind(results)}\n\n{report.by_rule(results)}\n\n{report.by_deed(results)}\n\n"
        f"### What cannot be seen from power\n\n{report.unseen(results)}\n"
    )
    return words, [row.what for row in rows if row.met is False]


def run_world(
    extent: Extent, kinds: Sequence[str] = (), findings: Path | None = None
) -> tuple[str, list[str]]:
    """Run it: all tables, and what was missed."""
    begin = time.monotonic()
    results = measure(extent, kinds, findings)
    return told(results, extent, time.monotonic() - begin)


def seeds_of(words: Iterable[str]) -> tuple[int, ...]:
    """Seeds from the command line."""
    return tuple(int(word) for word in words)
