"""The second world alone, for work on the detector.

python -m tests.bench_detection.world                        development seeds, all tables
python -m tests.bench_detection.world --quick                a share of it, in about a minute
python -m tests.bench_detection.world --kinds kiln,tanks --seeds 3,4 --findings FILE
python -m tests.bench_detection.world --report               the seeds of make bench-detection
python -m tests.bench_detection.world --one tanks/0/3        one plant, and all that is said of it
python -m tests.bench_detection.world --one tanks/0/3 --deeds
python -m tests.bench_detection.world --one tanks/0/3 --files FOLDER    for `dianjian backtest`
"""

import argparse
import sys
from pathlib import Path

from tests.bench_detection.world.commit import commit
from tests.bench_detection.world.files import write
from tests.bench_detection.world.kinds import draw
from tests.bench_detection.world.meters import Plant, show
from tests.bench_detection.world.second import (
    DEV_SEEDS,
    GUILTY_DAYS,
    REPORT_SEEDS,
    Extent,
    run_world,
    seeds_of,
)
from tests.bench_detection.world.trial import watch


def one_plant(name: str, *, deeds: bool) -> tuple[Plant, list[tuple[int, str]]]:
    """A plant by its name, and what happens in it by slot."""
    kind, variant, seed = name.split("/")
    works = draw(kind, int(variant), int(seed), days=GUILTY_DAYS if deeds else 0)
    if not deeds:
        return show(works), works.notes
    guilty = commit(works)
    done = [(one.begin, f"deed: {one.name} until slot {one.end} {one.hidden}") for one in guilty.deeds]
    return guilty.plant, [*works.notes, *done]


def print_one(name: str, *, deeds: bool) -> None:
    """What a plant does, and all that was said of it."""
    plant, notes = one_plant(name, deeds=deeds)
    works, trial = plant.works, watch(plant)
    learned = trial.learned
    rows = [(slot, f"       {text}") for slot, text in notes]
    rows += [(one.slot, f"{each.id}  {one.severity} {one.rule}") for each in trial.heard for one in each.said]
    sys.stdout.write(
        f"{name}: {works.days} days, read every {works.dt_s} s, "
        f"learned {learned.hours} h, answered {learned.answered}, refused {learned.refusals}\n"
    )
    for slot, text in sorted(rows):
        at = min(slot, works.n - 1)
        when = f"{slot * works.dt_s / 3600:8.2f} h  day {works.day[at]:2d} {works.hour[at]:5.2f}"
        sys.stdout.write(f"{when}  {text}\n")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--one", default="")
    parser.add_argument("--deeds", action="store_true")
    parser.add_argument("--files", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--kinds", default="")
    parser.add_argument("--seeds", default="")
    parser.add_argument("--findings", type=Path)
    options = parser.parse_args()
    if options.files:
        write(one_plant(options.one, deeds=options.deeds)[0], options.files)
        return 0
    if options.one:
        print_one(options.one, deeds=options.deeds)
        return 0
    own = REPORT_SEEDS if options.report else DEV_SEEDS[:1] if options.quick else DEV_SEEDS
    seeds = seeds_of(options.seeds.split(",")) if options.seeds else own
    kinds = tuple(options.kinds.split(",")) if options.kinds else ()
    words, missed = run_world(Extent(seeds, options.quick), kinds, options.findings)
    sys.stdout.write(f"{words}\n")
    sys.stdout.write(f"\nmissed: {', '.join(missed)}\n" if missed else "\nevery target is met\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
