"""The target table of the detector: what was asked, what was measured, how far the seeds spread."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Final

import numpy as np
from attrs import frozen

from agent.detect.episode import Severity
from tests.bench_detection.cases import AT_REST, CLASSES, VIOLATIONS
from tests.bench_detection.jobs import Result, Score
from tests.bench_detection.peers import PEERS
from tests.bench_detection.score import GRAVE, Found


@frozen
class Row:
    """One line of the table; `met` is None where nothing is asked."""

    what: str
    target: str
    measured: str
    spread: str
    met: bool | None


def _hits(results: Iterable[Result], keep: Callable[[Found], bool]) -> list[Found]:
    return [one for result in results for one in result.score.found if keep(one)]


def _share(found: Sequence[Found]) -> float:
    return sum(one.hit for one in found) / len(found) if found else float("nan")


def _recall(
    what: str, at_least: float | None, results: Sequence[Result], keep: Callable[[Found], bool]
) -> Row:
    found = _hits(results, keep)
    if not found:
        asked = "" if at_least is None else f">= {at_least:.2f}"
        return Row(what, asked, "no case", "", None if at_least is None else False)
    share = _share(found)
    by_seed = _by(results, lambda one: str(one.job.seed), keep)
    by_pair = _by(results, lambda one: one.job.pair, keep)
    worst = min(by_pair, key=lambda name: by_pair[name])
    low, high = min(by_seed.values()), max(by_seed.values())
    spread = f"seeds {low:.3f}..{high:.3f}, worst pair {worst} {by_pair[worst]:.3f}"
    return Row(
        what,
        "" if at_least is None else f">= {at_least:.2f}",
        f"{share:.3f} ({sum(one.hit for one in found)} of {len(found)})",
        spread,
        None if at_least is None else share >= at_least,
    )


def _by(
    results: Sequence[Result], key: Callable[[Result], str], keep: Callable[[Found], bool]
) -> dict[str, float]:
    groups: dict[str, list[Found]] = {}
    for result in results:
        groups.setdefault(key(result), []).extend(one for one in result.score.found if keep(one))
    return {name: _share(found) for name, found in groups.items() if found}


def false_alarms(results: Sequence[Result], score: Callable[[Result], Score]) -> tuple[int, float]:
    """How many in how many pair-months."""
    count = sum(one.severity in GRAVE for result in results for one in score(result).false)
    return count, sum(result.months for result in results)


def rows(results: Sequence[Result]) -> list[Row]:
    """The lines that come from cases."""
    clean = [one for one in results if one.job.kind == "clean"]
    injected = [one for one in results if one.job.kind == "injected"]
    spoiled = [one for one in results if one.job.kind == "spoiled"]
    count, months = false_alarms(clean, lambda one: one.score)
    per_pair = {
        name: false_alarms([one for one in clean if one.job.pair == name], lambda one: one.score)[0]
        for name in dict.fromkeys(one.job.pair for one in clean)
    }
    worst = max(per_pair, key=lambda name: per_pair[name])
    wrong = sum(one.score.gaps_wrong for one in results)
    gaps = len(_hits(results, lambda one: one.klass == "gap"))
    return [
        _recall("violation recall, all pairs", 0.97, injected, lambda one: one.klass in VIOLATIONS),
        Row(
            "false alarms per pair-month",
            "<= 0.35",
            f"{count / months:.2f} ({count} in {months:.1f})",
            f"most in one pair: {worst} {per_pair[worst]}",
            count / months <= 0.35,
        ),
        _delays([one for one in injected if not one.duty_cycled]),
        Row(
            "gap or dead meter taken for a violation",
            "0",
            f"{wrong} of {gaps}",
            "stress included",
            wrong == 0,
        ),
        _recall("idle at <= 45 % of normal power", 0.95, injected, lambda one: one.klass == "idle"),
        _recall("dummy load, flat", 0.98, injected, lambda one: one.variant == "flat"),
        _recall("dummy load, replayed, within 13 h", 0.90, injected, lambda one: one.variant == "replayed"),
        _recall("stuck meter", 0.98, injected, lambda one: one.klass.startswith("stuck")),
        _recall(
            "CT unclipped where standby > 0",
            0.98,
            injected,
            lambda one: one.klass == "ct_prod" and one.standby,
        ),
        _recall(
            "    of these, production ran meanwhile",
            None,
            injected,
            lambda one: one.klass == "ct_prod" and one.standby and one.variant != AT_REST,
        ),
        _recall("8 h of violation while commissioning", 0.95, spoiled, lambda one: one.klass in VIOLATIONS),
        _recall(
            "    of these, not refused by commissioning",
            None,
            [one for one in spoiled if one.ready],
            lambda one: one.klass in VIOLATIONS,
        ),
    ]


def recorded(results: Sequence[Result]) -> list[Row]:
    """Who is accused on recorded production, over all that was recorded; nothing without recordings."""
    own = [one for one in results if one.job.kind == "recorded"]
    watched = [one for one in own if one.ready]
    months = sum(one.months for one in watched)
    if not months:
        return []
    false = [(one.job.pair, each) for one in watched for each in one.score.false]
    violations = sum(each.severity == Severity.VIOLATION.value for _, each in false)
    notices = sum(one.score.notices for one in watched)
    of = Counter(f"{pair} {each.rule}" for pair, each in false)
    refused = [f"{one.job.pair}/{one.job.seed}" for one in own if not one.ready]
    where = ", ".join(f"{what} {count}" for what, count in of.most_common()) or "nobody"
    where += f"; refused: {', '.join(refused)}" if refused else ""
    rows = (
        ("recorded production: violations and integrity findings", len(false), 0.35, 0.05, where),
        ("recorded production: violations", violations, 0.05, 0.01, ""),
        ("recorded production: notices", notices, 1.0, None, ""),
    )
    return [
        Row(
            what,
            f"<= {most}" + (f" (wish {wish})" if wish else ""),
            f"{count / months:.3f} ({count} in {months:.1f})",
            spread,
            count / months <= most,
        )
        for what, count, most, wish, spread in rows
    ]


def _delays(results: Sequence[Result]) -> Row:
    def of(part: Sequence[Result]) -> list[float]:
        found = _hits(part, lambda one: one.klass in VIOLATIONS)
        return [max(0.0, one.delay_s) for one in found if one.delay_s is not None]

    delays = of(results)
    seeds = sorted({one.job.seed for one in results})
    per_seed = [of([one for one in results if one.job.seed == seed]) for seed in seeds]
    middle, late = median(delays), float(np.quantile(delays, 0.95))
    return Row(
        "delay median / p95, duty-cycled pairs left out",
        "<= 240 / 360 s",
        f"{middle:.0f} / {late:.0f} s",
        "seeds " + ", ".join(f"{median(one):.0f} / {np.quantile(one, 0.95):.0f}" for one in per_seed if one),
        middle <= 240 and late <= 360,
    )


def classes(results: Sequence[Result]) -> list[Row]:
    """Recall of each class and injector: nothing is asked, but it shows where misses are."""
    injected = [one for one in results if one.job.kind == "injected"]
    return [
        _recall(
            f"{klass}, injector {injector}",
            None,
            [one for one in injected if one.job.injector == injector],
            lambda one, klass=klass: one.klass == klass,  # type: ignore[misc]
        )
        for klass in CLASSES
        for injector in ("A", "B")
    ]


def stresses(results: Sequence[Result]) -> list[Row]:
    """Violation recall and unexplained alarms under each stress: nothing is asked."""
    found = []
    for name in dict.fromkeys(one.job.stress for one in results if one.job.kind == "stress"):
        part = [one for one in results if one.job.stress == name]
        row = _recall(f"stress, {name}", None, part, lambda one: one.klass in VIOLATIONS)
        count, months = false_alarms(part, lambda one: one.score)
        found.append(
            Row(row.what, "", row.measured, f"{count} unexplained in {months:.1f} pair-months", None)
        )
    return found


def peers(results: Sequence[Result]) -> list[Row]:
    """The plain methods on the same cases."""
    clean = [one for one in results if one.job.kind == "clean"]
    injected = [one for one in results if one.job.kind == "injected"]
    found = []
    for name in PEERS:
        scores = [one.peers[name] for one in injected]
        events = [one for score in scores for one in score.found if one.klass in VIOLATIONS]
        delays = [max(0.0, one.delay_s) for one in events if one.delay_s is not None] or [float("nan")]
        middle, late = median(delays), np.quantile(delays, 0.95)
        count, months = false_alarms(clean, lambda one, name=name: one.peers[name])  # type: ignore[misc]
        gaps = sum(one.klass == "gap" for score in scores for one in score.found)
        found.append(
            Row(
                f"peer {name}",
                "",
                f"recall {_share(events):.3f}, delay {middle:.0f} / {late:.0f} s",
                f"{count / months:.1f} false a pair-month, "
                f"{sum(score.gaps_wrong for score in scores)} of {gaps} gaps taken for off",
                None,
            )
        )
    return found


def text(rows: Sequence[Row]) -> str:
    """The table as Markdown."""
    head = ("metric", "target", "measured", "spread", "")
    marks: Final = {True: "met", False: "MISSED", None: ""}
    body = [(row.what, row.target, row.measured, row.spread, marks[row.met]) for row in rows]
    widths = [max(len(line[column]) for line in (head, *body)) for column in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in (head, *body)
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])
