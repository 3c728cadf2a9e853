"""The benchmark of curtailment: prints the acceptance table and exits 1 where a row is missed.

    make bench-curtailment                       the report: seeds that nothing else runs
    python -m tests.bench_curtailment --quick    one seed of each made line, fewer alerts
    python -m tests.bench_curtailment --dev      other seeds, to work on the judging code

Real data are the steel plant's year, where DIANJIAN_DATA points; that they are absent is a missed row.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Final

from attrs import frozen

from tests.bench_curtailment.lines import Line, make_lines
from tests.bench_curtailment.mark_trial import run_marks
from tests.bench_curtailment.steel import AbsentError, read_steel
from tests.bench_curtailment.trial import Tally, run_line

DEV_SEEDS: Final = (1, 2, 3)
REPORT_SEEDS: Final = (70_111, 70_122, 70_133)
DAYS: Final = 200
STRIDE: Final = 3
QUICK_STRIDE: Final = 11
TARGETS: Final[tuple[tuple[str, str, float | None, bool], ...]] = (
    ("does nothing under a 50 % limit: not met", "does nothing", 0.90, True),
    ("the same in all windows, off by itself or not", "does nothing, all windows", None, True),
    ("the same where it was off by itself", "was off by itself", None, True),
    ("obeys exactly 30 %: not met", "obeys exactly", 0.15, False),
    ("obeys with 10 points in hand: not met", "has 10 points in hand", 0.02, False),
    ("stands one day of three under a 30 % limit: not met", "stands one day of three", None, False),
)
UNEVEN: Final = frozenset({"jobbing"})
"""Kinds without targets: what is said about them shows what such a limit cannot decide."""
WORKING_MIN: Final = 0.90
MARKS: Final = 200
FALSE_MIN: Final = 0.95


@frozen
class Row:
    """One row of the table; `is_met` is None for what is only reported."""

    what: str
    line: str
    target: str
    seen: str
    is_met: bool | None


def find_rows(name: str, tally: Tally) -> Iterator[Row]:
    """The rows about one line."""
    for what, deed, bound, is_least in TARGETS:
        verdicts = tally.verdicts.get(deed, Counter())
        judged = sum(verdicts.values()) - verdicts["cannot_be_judged"]
        share = verdicts["not_met"] / judged if judged else 0.0
        told = ", ".join(f"{one} {count}" for one, count in sorted(verdicts.items()))
        seen = f"{share:6.1%} of {judged} ({told})"
        if bound is None or name in UNEVEN:
            yield Row(what, name, "reported", seen, None)
            continue
        is_met = judged > 0 and (share >= bound if is_least else share <= bound)
        yield Row(what, name, f"{'>=' if is_least else '<='} {bound:.0%}", seen, is_met)
    hours = sum(tally.working.values())
    share = tally.working["not_met"] / hours if hours else 0.0
    target = f">= {WORKING_MIN:.0%}"
    yield Row(
        "stop: working hours flagged", name, target, f"{share:6.1%} of {hours} hours", share >= WORKING_MIN
    )
    for what, states in (
        ("stop: hours of off days above the threshold", tally.resting),
        ("stop obeyed: hours above the threshold", tally.stopped),
    ):
        hours = sum(states.values())
        share = states["not_met"] / hours if hours else 0.0
        yield Row(what, name, "reported", f"{share:6.1%} of {hours} hours", None)
    told = ", ".join(f"{why} {count}" for why, count in sorted(tally.reasons.items())) or "nothing"
    yield Row("cannot be judged", name, "reported", told, None)
    if tally.windows:
        seen = f"{min(tally.windows)} to {max(tally.windows)}"
        yield Row("past windows (n) behind a verdict", name, ">= 30 or it says so", seen, None)


def join(tallies: list[Tally]) -> Tally:
    """The same of several lines of one kind."""
    found = Tally()
    for one in tallies:
        for deed, verdicts in one.verdicts.items():
            found.verdicts.setdefault(deed, Counter()).update(verdicts)
        for mine, theirs in (
            (found.reasons, one.reasons),
            (found.working, one.working),
            (found.resting, one.resting),
            (found.stopped, one.stopped),
        ):
            mine.update(theirs)
        found.windows.extend(one.windows)
    return found


def run_all(lines: list[Line], stride: int) -> Iterator[Row]:
    """The rows of lines, one group for each kind."""
    kinds: dict[str, list[Tally]] = {}
    for seed, line in enumerate(lines):

        def tell(day: int, days: int, name: str = line.name) -> None:
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{name}: day {day} of {days}   ")

        kinds.setdefault(line.name, []).append(run_line(line, seed, stride, tell))
    for name, tallies in kinds.items():
        yield from find_rows(name, join(tallies))


def find_mark_rows(said: dict[bool, Counter[str]]) -> Iterator[Row]:
    """The rows about marks that are true, and marks that are false."""
    for is_true, counts in said.items():
        count = sum(counts.values())
        contradicted = sum(one for what, one in counts.items() if what.startswith("contradicted"))
        told = ", ".join(f"{what} {one}" for what, one in sorted(counts.items()))
        share = contradicted / count if count else 0.0
        is_met = count >= MARKS and (contradicted == 0 if is_true else share >= FALSE_MIN)
        what = "true marks contradicted" if is_true else "false marks contradicted"
        target = f"0 of {MARKS}" if is_true else f">= {FALSE_MIN:.0%}"
        yield Row(what, "marks", target, f"{contradicted} of {count} ({told})", is_met)


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 if a row is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed of each made line, fewer alerts")
    parser.add_argument("--dev", action="store_true", help="seeds to work with")
    options = parser.parse_args(arguments)
    seeds = DEV_SEEDS if options.dev else REPORT_SEEDS
    stride = QUICK_STRIDE if options.quick else STRIDE
    rows: list[Row] = []
    lines: list[Line] = []
    try:
        lines.append(read_steel())
    except AbsentError as error:
        rows.append(Row("the real data", "steel", "there", str(error), False))
    lines += make_lines(DAYS, seeds[:1] if options.quick else seeds)
    rows += run_all(lines, stride)
    rows += find_mark_rows(run_marks(f"marks/{seeds[0]}", MARKS))
    for row in rows:
        mark = {True: "met   ", False: "MISSED", None: "      "}[row.is_met]
        sys.stdout.write(f"{mark} {row.line:8} {row.what:52} {row.target:20} {row.seen}\n")
    missed = sum(row.is_met is False for row in rows)
    sys.stdout.write(f"{missed} missed of {sum(row.is_met is not None for row in rows)}\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
