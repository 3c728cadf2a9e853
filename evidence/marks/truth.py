"""Whether power bears a mark out: consistent, contradicted, or unknown.

A mark is checked over its time without EDGE_S at either end, because people note a stop by the quarter of an
hour. What a code says is checked against the power of its line, of the lines that its meter feeds, or of its
neighbours:

    stopped      contradicted if the line ran above its stop threshold for RUN_S or more
    starting     contradicted if it ran for longer than START_FACTOR times its longest learned start
    stopping     contradicted if it still ran at its usual power in the last part of the mark
    meter_fault  contradicted if the meter's values agree with those that its neighbours imply
    no_contact   contradicted if readings came all the time

A contradiction needs present samples only; "consistent" needs samples for COVERED_MIN of the time. Everything
else is unknown: a short mark, a line that nobody knows the base load of, a code that power cannot tell about.
In a real case eighteen exceedances lay behind eighteen marks, and the fan's current disproved them all.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Final

from attrs import frozen

from evidence.curtailment.quantiles import find_quantile
from evidence.marks.catalogue import Says

EDGE_S: Final = 900
RUN_S: Final = 300
COVERED_MIN: Final = 0.75
START_FACTOR: Final = 1.5
STARTS_MIN: Final = 3
"""Fewer starts have no longest one to go by."""
USUAL: Final = 0.8
"""From this share of its usual power on a line works."""
SPAN_MIN_S: Final = 600
"""What is left of a shorter mark without its edges says nothing."""
AGREE_W_SHARE: Final = 0.1
AGREE_MIN: Final = 0.9
DISAGREE_MAX: Final = 0.5
HEARD_MIN: Final = 0.9
SILENT_MAX: Final = 0.25

Sample = tuple[float, float]
"""Seconds UTC, W."""


class Truth(StrEnum):
    """What power says about a mark."""

    CONSISTENT = "consistent"
    CONTRADICTED = "contradicted"
    UNKNOWN = "unknown"


@frozen(kw_only=True)
class Habits:
    """What a line usually does.

    Attributes: threshold_w: Above it the line does not stand (`curtailment.stopping`); None where no base
        load is known. usual_w: Its median power while it works, None where that is not known. start_s: The
        longest of its learned starts, None where there were too few.
    """

    threshold_w: float | None = None
    usual_w: float | None = None
    start_s: float | None = None


@frozen
class Checked:
    """The outcome: for how long the subject ran (was heard, agreed) of how long it was seen, seconds."""

    truth: Truth
    counted_s: float = 0.0
    covered_s: float = 0.0


def hold(
    samples: Iterable[Sample], begin_s: float, end_s: float, hold_s: float
) -> Iterator[tuple[float, float]]:
    """Length and W of each sample within a span: it holds until the next one, and at most `hold_s`."""
    for (at_s, watts), (next_s, _) in pairwise([*samples, (end_s, 0.0)]):
        low_s, high_s = max(at_s, begin_s), min(next_s, at_s + hold_s, end_s)
        if high_s > low_s:
            yield high_s - low_s, watts


def check_mark(
    says: Says,
    begin_s: float,
    end_s: float,
    samples: Sequence[Sample],
    hold_s: float,
    habits: Habits,
    neighbours: Sequence[Sample] = (),
) -> Checked:
    """Check a mark from `begin_s` to `end_s`; `samples` are the power of its subject in order of time.

    For `meter_fault` the `neighbours` are what the meters around imply for this one at the same times.
    """
    low_s, high_s = begin_s + EDGE_S, end_s - EDGE_S
    if says is Says.NOTHING or high_s - low_s < SPAN_MIN_S:
        return Checked(Truth.UNKNOWN)
    held = list(hold(samples, low_s, high_s, hold_s))
    covered_s, span_s = sum(length_s for length_s, _ in held), high_s - low_s
    if says is Says.NO_CONTACT:
        return _check_contact(covered_s, span_s)
    if says is Says.METER_FAULT:
        return _check_meter(samples, neighbours, low_s, high_s, hold_s)
    if says is Says.STOPPING:
        return _check_stopping(samples, begin_s, end_s, hold_s, habits)
    if habits.threshold_w is None:
        return Checked(Truth.UNKNOWN, 0.0, covered_s)
    run_s = sum(length_s for length_s, watts in held if watts > habits.threshold_w)
    if says is Says.STARTING:
        return _check_starting(held, run_s, covered_s, span_s, habits)
    if run_s >= RUN_S:
        return Checked(Truth.CONTRADICTED, run_s, covered_s)
    is_seen = covered_s >= COVERED_MIN * span_s
    return Checked(Truth.CONSISTENT if is_seen else Truth.UNKNOWN, run_s, covered_s)


def _check_contact(covered_s: float, span_s: float) -> Checked:
    if covered_s >= HEARD_MIN * span_s:
        return Checked(Truth.CONTRADICTED, covered_s, covered_s)
    truth = Truth.CONSISTENT if covered_s <= SILENT_MAX * span_s else Truth.UNKNOWN
    return Checked(truth, covered_s, covered_s)


def _check_starting(
    held: Sequence[tuple[float, float]], run_s: float, covered_s: float, span_s: float, habits: Habits
) -> Checked:
    """A start is over when the line works; a mark that covers more work than a start takes is none."""
    if habits.start_s is None or habits.usual_w is None:
        return Checked(Truth.UNKNOWN, run_s, covered_s)
    work_s = sum(length_s for length_s, watts in held if watts >= USUAL * habits.usual_w)
    if run_s > START_FACTOR * habits.start_s + EDGE_S or work_s > habits.start_s + EDGE_S:
        return Checked(Truth.CONTRADICTED, run_s, covered_s)
    is_seen = run_s >= RUN_S and covered_s >= COVERED_MIN * span_s
    return Checked(Truth.CONSISTENT if is_seen else Truth.UNKNOWN, run_s, covered_s)


def _check_stopping(
    samples: Sequence[Sample], begin_s: float, end_s: float, hold_s: float, habits: Habits
) -> Checked:
    """By its last third a line that stops does not work any more."""
    if habits.usual_w is None:
        return Checked(Truth.UNKNOWN)
    low_s = end_s - (end_s - begin_s) / 3
    held = list(hold(samples, low_s, end_s, hold_s))
    covered_s = sum(length_s for length_s, _ in held)
    work_s = sum(length_s for length_s, watts in held if watts >= USUAL * habits.usual_w)
    if work_s >= max(RUN_S, (end_s - low_s) / 2):
        return Checked(Truth.CONTRADICTED, work_s, covered_s)
    is_seen = covered_s >= COVERED_MIN * (end_s - low_s)
    return Checked(Truth.CONSISTENT if is_seen else Truth.UNKNOWN, work_s, covered_s)


def _check_meter(
    samples: Sequence[Sample], neighbours: Sequence[Sample], low_s: float, high_s: float, hold_s: float
) -> Checked:
    """Agreement by samples: each with the neighbours' last value before it, not older than `hold_s`."""
    agreed = seen = 0.0
    near = iter(neighbours)
    last: Sample | None = None
    ahead = next(near, None)
    for at_s, watts in samples:
        while ahead is not None and ahead[0] <= at_s:
            last, ahead = ahead, next(near, None)
        if not low_s <= at_s < high_s or last is None or at_s - last[0] > hold_s:
            continue
        seen += 1
        agreed += abs(watts - last[1]) <= AGREE_W_SHARE * max(abs(last[1]), abs(watts))
    if seen * hold_s < COVERED_MIN * (high_s - low_s):
        return Checked(Truth.UNKNOWN, agreed, seen)
    if agreed >= AGREE_MIN * seen:
        return Checked(Truth.CONTRADICTED, agreed, seen)
    return Checked(Truth.CONSISTENT if agreed <= DISAGREE_MAX * seen else Truth.UNKNOWN, agreed, seen)


def learn_habits(samples: Sequence[Sample], threshold_w: float | None, hold_s: float) -> Habits:
    """What a line usually does, from its power of some weeks.

    A start begins where the line passes its stop threshold after it stood for EDGE_S, and ends where it first
    reaches USUAL times its median power while above the threshold.
    """
    if threshold_w is None:
        return Habits()
    running = [watts for _, watts in samples if watts > threshold_w]
    if not running:
        return Habits(threshold_w=threshold_w)
    usual_w = find_quantile(running, 0.5)
    starts: list[float] = []
    stood_s, begin_s, before_s = 0.0, None, None
    for at_s, watts in samples:
        gap_s = 0.0 if before_s is None else at_s - before_s
        before_s = at_s
        if gap_s > hold_s:
            stood_s, begin_s = 0.0, None  # nobody saw how it started
        elif watts <= threshold_w:
            stood_s, begin_s = stood_s + gap_s, None
        else:
            if begin_s is None and stood_s >= EDGE_S:
                begin_s = at_s
            stood_s = 0.0
            if begin_s is not None and watts >= USUAL * usual_w:
                starts.append(at_s - begin_s)
                begin_s = None
    start_s = max(starts) if len(starts) >= STARTS_MIN else None
    return Habits(threshold_w=threshold_w, usual_w=usual_w, start_s=start_s)
