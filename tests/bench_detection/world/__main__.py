"""One plant of the second world, for work on the detector.

python -m tests.bench_detection.world --one tanks/0/3                   what it does and all that is said of it
python -m tests.bench_detection.world --one tanks/0/3 --files FOLDER    for `dianjian backtest`
"""

import argparse
import sys
from pathlib import Path

from tests.bench_detection.world.files import write
from tests.bench_detection.world.kinds import draw
from tests.bench_detection.world.meters import show
from tests.bench_detection.world.trial import watch


def print_one(name: str) -> None:
    """What a plant honestly did, and all that was said of it."""
    works = draw(*_parts(name))
    trial = watch(show(works))
    rows = [(slot, f"       {text}") for slot, text in works.notes]
    rows += [(one.slot, f"{each.id}  {one.severity} {one.rule}") for each in trial.heard for one in each.said]
    sys.stdout.write(
        f"{name}: {works.days} days, read every {works.dt_s} s, "
        f"learned {trial.learned_h} h, ready {trial.ready}\n"
    )
    for slot, text in sorted(rows):
        at = min(slot, works.n - 1)
        when = f"{slot * works.dt_s / 3600:8.2f} h  day {works.day[at]:2d} {works.hour[at]:5.2f}"
        sys.stdout.write(f"{when}  {text}\n")


def _parts(name: str) -> tuple[str, int, int]:
    kind, variant, seed = name.split("/")
    return kind, int(variant), int(seed)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--one", default="")
    parser.add_argument("--files", type=Path)
    options = parser.parse_args()
    if options.files:
        write(show(draw(*_parts(options.one))), options.files)
    else:
        print_one(options.one)
    return 0


if __name__ == "__main__":
    sys.exit(main())
