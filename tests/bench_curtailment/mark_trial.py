"""Marks of made plants, each checked by the product with what it has learned of the days before."""

import random
from collections import Counter
from typing import Final

from evidence.curtailment.baseline import find_base_w
from evidence.curtailment.energy import Segment
from evidence.curtailment.ledger import Ledger
from evidence.curtailment.stopping import find_threshold_w
from evidence.marks.catalogue import Says
from evidence.marks.truth import check_mark, learn_habits
from tests.bench_curtailment.marked import BEGIN_S, DAY, HOUR, MINUTE_S, Plant, make_marks, make_plant

LEARN: Final = 31 * DAY
HOLD_S: Final = 180
AROUND_S: Final = 2 * 3600


def run_marks(seed: str, marks: int) -> dict[bool, Counter[str]]:
    """What was said of the true and of the false marks of as many plants as it takes."""
    found: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    number = 0
    while min(sum(one.values()) for one in found.values()) < marks:
        dice = random.Random(f"{seed}/{number}")
        number += 1
        _try_plant(make_plant(dice), dice, found)
    return found


def _try_plant(plant: Plant, dice: random.Random, found: dict[bool, Counter[str]]) -> None:
    ledger = Ledger(0)
    for hour in range(LEARN // HOUR):
        begin_s = BEGIN_S + hour * 3600
        wh = sum(plant.watts[hour * HOUR : (hour + 1) * HOUR]) / HOUR
        ledger.add(Segment(begin_s, begin_s + 3600, wh, 3600))
    base_w = find_base_w(ledger, ledger.hour_of(BEGIN_S + LEARN * MINUTE_S))
    threshold_w = None if base_w is None else find_threshold_w(base_w, plant.rated_w)
    samples, implied = (
        [(BEGIN_S + at * MINUTE_S, watts) for at, watts in enumerate(one)]
        for one in (plant.watts, plant.implied)
    )
    habits = learn_habits(samples[:LEARN], threshold_w, HOLD_S)
    for one in make_marks(plant, dice, LEARN):
        low = max((one.begin_s - AROUND_S - BEGIN_S) // MINUTE_S, 0)
        high = (one.end_s + AROUND_S - BEGIN_S) // MINUTE_S
        said = check_mark(
            Says(one.says), one.begin_s, one.end_s, samples[low:high], HOLD_S, habits, implied[low:high]
        )
        found[one.is_true][f"{said.truth.value} {one.says}"] += 1
