"""What is asked of analysers beside power: honest plants accused, deeds found. Run by hand.

    python -m tests.bench_emissions [--plants 40] [--days 7]

A day of a plant is judged as the agent does it (the last day by itself), with learned thresholds on the only
linkage, which is where a contradiction is possible at all.
"""

import argparse
from collections import Counter
from random import Random

from attrs import evolve

from agent.detect.params import LinkageParams, nameplate
from agent.emissions.plant import find_plant
from evidence.marks.emissions import Doubt, Said, find_doubts
from tests.bench_emissions.plants import (
    DAY_MIN,
    DEEDS,
    KINDS,
    RATED_P_W,
    RATED_T_W,
    Day,
    make_dishonest,
    make_honest,
)

SEED = 20_260_302


def linkage() -> LinkageParams:
    """Of a plant whose thresholds are learned."""
    made = nameplate("k1", {"p1": RATED_P_W}, {"t1": RATED_T_W})
    return evolve(
        made,
        production=tuple(
            evolve(one, threshold=evolve(one.threshold, provisional=False)) for one in made.production
        ),
        treatment=tuple(
            evolve(one, threshold=evolve(one.threshold, provisional=False)) for one in made.treatment
        ),
    )


def judge(day: Day, first: int, last: int) -> list[Doubt]:
    """The questions about these minutes."""
    span = range(first, last)
    powers = {"p1": {at: day.production_w[at] for at in span}, "t1": {at: day.treatment_w[at] for at in span}}
    plant = find_plant(powers, linkage(), is_alone=True)
    points = {
        name: {at: Said(*said) for at, said in values.items() if first <= at < last}
        for name, values in day.points.items()
    }
    return find_doubts(points, plant)


def judge_honest(kind: str, plants: int, days: int) -> Counter[str]:
    """Days with a question and with a contradiction, by what."""
    count: Counter[str] = Counter()
    for number in range(plants):
        made = make_honest(kind, days, Random(f"{SEED} {kind} {number}"))
        for day in range(days):
            found = judge(made, day * DAY_MIN, (day + 1) * DAY_MIN)
            count["days"] += 1
            count.update({one.what.value for one in found})
            count.update({f"{one.what.value}!" for one in found if one.is_contradiction})
    return count


def judge_deed(kind: str, deed: str, plants: int) -> Counter[str]:
    """How many were asked about, and contradicted, by the last two days."""
    count: Counter[str] = Counter()
    for number in range(plants):
        made = make_dishonest(kind, deed, 2, Random(f"{SEED} {kind} {deed} {number}"))
        hits = [
            one
            for one in judge(made, 0, 2 * DAY_MIN)
            if one.what.value == deed and one.first < made.span.stop and one.last >= made.span.start
        ]
        count["deeds"] += 1
        count["asked"] += bool(hits)
        count["contradicted"] += any(one.is_contradiction for one in hits)
    return count


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--plants", type=int, default=40)
    parser.add_argument("--days", type=int, default=7)
    args = parser.parse_args()
    print("| honest plants | days | clean | frozen | out | calibrating | contradictions |")
    print("|---|---|---|---|---|---|---|")
    for kind in KINDS:
        count = judge_honest(kind, args.plants, args.days)
        accused = sum(count[f"{deed}!"] for deed in DEEDS)
        print(f"| {kind} | {count['days']} | {' | '.join(str(count[deed]) for deed in DEEDS)} | {accused} |")
    print("\n| deed | plants | asked about | contradicted |")
    print("|---|---|---|---|")
    for deed in DEEDS:
        total: Counter[str] = Counter()
        by_kind = {kind: judge_deed(kind, deed, args.plants) for kind in KINDS}
        for count in by_kind.values():
            total += count
        print(f"| {deed} | {total['deeds']} | {total['asked']} | {total['contradicted']} |", {
            kind: (count["asked"], count["contradicted"]) for kind, count in by_kind.items()})  # fmt: skip


if __name__ == "__main__":
    main()
