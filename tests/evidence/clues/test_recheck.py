"""The recheck by power: made days of an honest line, one that does it again, and those nobody can judge."""

import pytest

from evidence.clues.recheck import Again, Lack, Recheck, recheck

HOUR_S = 3_600
DAY_S = 24 * HOUR_S
STEP_S = 300
HOLD_S = 900
BEGIN_S = 1_772_400_000 - 1_772_400_000 % DAY_S
Samples = list[tuple[float, float]]


def day(first_s: int, days: int, begin_h: float = 8, end_h: float = 18, watts: float = 40_000) -> Samples:
    """So many days from `first_s` on, at work between two hours of each, with a little left beside them."""
    made = []
    for at_s in range(first_s, first_s + days * DAY_S, STEP_S):
        hour = at_s % DAY_S / HOUR_S
        made.append((float(at_s), watts if begin_h <= hour < end_h else 200.0))
    return made


BEFORE_S = BEGIN_S - 10 * DAY_S
P = day(BEFORE_S, 15)
T = day(BEFORE_S, 15, watts=7_000)
"""Ten days before the period, five of it."""


def off(samples: Samples, begin_s: float, length_s: float) -> Samples:
    return [(at_s, 0.0 if begin_s <= at_s < begin_s + length_s else watts) for at_s, watts in samples]


def judged(production: Samples, treatment: Samples, days: int = 5) -> Recheck:
    return recheck([production], [treatment], BEGIN_S, BEGIN_S + days * DAY_S, HOLD_S)


NOON_S = BEGIN_S + DAY_S + 12 * HOUR_S
CASES: list[tuple[str, Samples, Samples, Again, Lack]] = [
    ("treatment follows production", P, T, Again.HOLDS, Lack.NONE),
    ("it is off at night", P, off(T, BEGIN_S + 20 * HOUR_S, 8 * HOUR_S), Again.HOLDS, Lack.NONE),
    ("it starts ten minutes late", P, off(T, BEGIN_S + DAY_S + 8 * HOUR_S, 600), Again.HOLDS, Lack.NONE),
    ("it rests for twenty minutes", P, off(T, NOON_S, 1_200), Again.UNCLEAR, Lack.NONE),
    ("it is off for two hours", P, off(T, NOON_S, 2 * HOUR_S), Again.AGAIN, Lack.NONE),
    ("production stood", off(P, BEGIN_S, 9 * DAY_S), off(T, BEGIN_S, 9 * DAY_S), Again.CANNOT, Lack.STOOD),
    ("nothing before", [one for one in P if one[0] >= BEGIN_S], T, Again.CANNOT, Lack.NO_HABIT),
    ("no treatment ever", P, off(T, BEFORE_S, 99 * DAY_S), Again.CANNOT, Lack.NO_HABIT),
    ("half is not seen", P, [one for one in T if one[0] < BEGIN_S + 2 * DAY_S], Again.CANNOT, Lack.NOT_SEEN),
    ("a sump", P, [(at, w if at // 1_200 % 2 else 0.0) for at, w in T], Again.CANNOT, Lack.BY_ITSELF),
]


@pytest.mark.parametrize(
    ("production", "treatment", "result", "why"), [one[1:] for one in CASES], ids=[one[0] for one in CASES]
)
def test_what_power_says(production: Samples, treatment: Samples, result: Again, why: Lack) -> None:
    found = judged(production, treatment)
    assert (found.result, found.why) == (result, why), found
    assert Recheck.from_body(found.to_body()) == found


def test_the_figures_are_those_of_the_samples() -> None:
    found = judged(P, off(T, NOON_S, 2 * HOUR_S))
    assert (found.ran_s, found.lacked_s, found.longest_s) == (50 * HOUR_S, 2 * HOUR_S, 2 * HOUR_S)
    assert found.longest_at_s == NOON_S
    assert (found.runs_w, found.works_w) == (12_000, 3_500)


def test_a_lack_that_is_seen_says_again_although_much_is_not_seen() -> None:
    seen = [one for one in off(T, NOON_S, 2 * HOUR_S) if one[0] < BEGIN_S + 2 * DAY_S]
    assert judged(P, seen).result is Again.AGAIN


def test_a_silence_is_no_stop() -> None:
    silent = [one for one in T if not NOON_S <= one[0] < NOON_S + 2 * HOUR_S]
    assert judged(P, silent).result is Again.HOLDS


def test_lines_are_summed_and_a_clue_without_treatment_is_not_judged() -> None:
    both = recheck([P, P], [T, off(T, NOON_S, 2 * HOUR_S)], BEGIN_S, BEGIN_S + 5 * DAY_S, HOLD_S)
    assert both.runs_w == 24_000
    assert both.result is Again.HOLDS  # the other one went on: half of the usual power
    assert recheck([P], [], BEGIN_S, BEGIN_S + DAY_S, HOLD_S).why is Lack.NO_TREATMENT
