"""The tables of the second world: targets, months by kind, false alarms by rule, recall by deed, the unseen.

What is asked for and has no case is missed like a target that is not met: absent data proves nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np

from tests.bench_detection.table import Row
from tests.bench_detection.world.deeds import SLOWER_THEN_OFF
from tests.bench_detection.world.kinds import KINDS
from tests.bench_detection.world.score import DeedResult, Result

GRAVE_MOST, GRAVE_WISH = 0.35, 0.05
VIOLATION_MOST, VIOLATION_WISH = 0.05, 0.01
NOTICES_MOST: Final = 1.0
RECALL_LEAST: Final = 0.97
DELAY_MOST_S: Final = 600
OFF_RULES: Final = frozenset({"off", "early_stop", "late_start"})
SEVERITIES: Final = ("violation", "integrity", "notice")
UNSEEN: Final = (
    ("a bypass opened, the fan running", "the fan takes what it always takes"),
    ("exhausted carbon, a bed of wet or old media", "power says that air moves, not that it is cleaned"),
    ("two equal lines swapped at the meters", "each is as likely as the other"),
    (
        "a heater or a second motor matched to the fan, with its noise",
        "the same watts, on a meter of power alone",
    ),
    ("replay of a fan at the mains", "yesterday looks like today"),
    ("half of a fan that never stopped while learning", "nothing shows what off, or less, would be"),
    ("production on a feed without a meter, beside lines that run", "no meter shows it"),
)


def rate(count: float, months: float) -> float:
    """Per pair-month; without months there is none."""
    return count / months if months else float("nan")


def honest(results: Iterable[Result]) -> list[Result]:
    """Those without deeds that were watched."""
    return [one for one in results if not one.job.deeds and not one.refused and not one.error]


def watched(results: Iterable[Result]) -> list[Result]:
    """Those that commissioning did not refuse."""
    return [one for one in results if not one.refused and not one.error]


def severity_counts(results: Iterable[Result]) -> Counter[str]:
    """False accusations and notices."""
    found: Counter[str] = Counter()
    for one in results:
        found.update(each.severity for each in one.false)
        found["notice"] += len(one.notices)
    return found


def targets(results: Sequence[Result], months_least: float) -> list[Row]:
    """What is asked of the detector here."""
    return [*_honest_rows(honest(results), months_least), *_deed_rows(results), *_commission_rows(results)]


def _honest_rows(good: Sequence[Result], months_least: float) -> list[Row]:
    months, counts = sum(one.months for one in good), severity_counts(good)
    violations, notices = rate(counts["violation"], months), rate(counts["notice"], months)
    grave = violations + rate(counts["integrity"], months)
    accused = f"{sum(bool(one.false) for one in good)} of {len(good)} plants accused"
    gaps, wrong = sum(one.gaps for one in good), sum(one.gaps_accused for one in good)
    kinds = {one.job.kind for one in good}
    absent = ", ".join(kind for kind in KINDS if kind not in kinds)
    wish = f"<= {GRAVE_MOST} (wish {GRAVE_WISH})", f"<= {VIOLATION_MOST} (wish {VIOLATION_WISH})"
    enough = months >= months_least
    few, quiet = violations <= VIOLATION_MOST, notices <= NOTICES_MOST
    total = {severity: f"{counts[severity]} in all" for severity in SEVERITIES}
    return [
        Row("honest pair-months", f">= {months_least:.0f}", f"{months:.1f}", f"{len(good)} plants", enough),
        Row("kinds of plant without a case", "none", absent or "none", f"{len(kinds)} kinds", not absent),
        Row("violations and integrity findings", wish[0], f"{grave:.3f}", accused, grave <= GRAVE_MOST),
        Row("violations", wish[1], f"{violations:.3f}", total["violation"], few),
        Row("notices", f"<= {NOTICES_MOST:.0f}", f"{notices:.2f}", total["notice"], quiet),
        Row("gaps in which a violation was said", "0", f"{wrong} of {gaps}", "", wrong == 0 and gaps > 0),
    ]  # fmt: skip


def _deed_rows(results: Sequence[Result]) -> list[Row]:
    plain = [
        (one.duty, each) for one in watched(results) for each in one.deeds if each.plain and not each.hidden
    ]
    hits = sum(each.delay_s is not None for _, each in plain)
    recall = hits / len(plain) if plain else float("nan")
    delays = [each.delay_s for duty, each in plain if not duty and each.delay_s is not None]
    middle, late = (float(np.quantile(delays, at)) if delays else float("nan") for at in (0.5, 0.95))
    both = [each for one in watched(results) for each in one.deeds if each.deed == SLOWER_THEN_OFF]
    grown = sum(each.last_rule in OFF_RULES for each in both)
    times, found = f"{middle:.0f} / {late:.0f} s", f"{hits} of {len(plain)}"
    asked = f">= {RECALL_LEAST}", f"p95 <= {DELAY_MOST_S} s"
    return [
        Row("recall of plain deeds", asked[0], f"{recall:.3f}", found, recall >= RECALL_LEAST),
        Row("delay of plain deeds, median / p95", asked[1], times, "without tanks", late <= DELAY_MOST_S),
        Row("slower first, then off: told as off in the end", "", f"{grown} of {len(both)}", "", None),
    ]  # fmt: skip


def _commission_rows(results: Sequence[Result]) -> list[Row]:
    errors = [one.job.name for one in results if one.error]
    refused = [one for one in results if one.refused]
    names = sorted({f"{one.job.kind}/{one.job.variant}: {', '.join(one.refused)}" for one in refused})
    unjudged = sum(len(one.deeds) for one in refused)
    answered = Counter(each for one in results for each in one.answered)
    told = ", ".join(f"{each} {count}" for each, count in answered.items())
    excused = sum(one.excused for one in honest(results))
    guilty = [one for one in results if one.job.deeds]
    stray, months = sum(len(one.stray) for one in guilty), sum(one.months for one in guilty)
    return [
        Row("plants refused with an error", "0", str(len(errors)), ", ".join(errors[:4]), not errors),
        Row(
            "accusations under a declared stop",
            "",
            str(excused),
            "not counted above: the declaration answers",
            None,
        ),
        Row(
            "accusations beside deeds, in plants with deeds",
            "",
            f"{stray}",
            f"in {months:.1f} pair-months",
            None,
        ),
        Row(
            "plants refused by commissioning, not watched",
            "",
            f"{len(refused)} of {len(results)}",
            "; ".join(names),
            None,
        ),
        Row("deeds in plants that were refused", "", str(unjudged), "not counted in recall", None),
        Row("plants asked whether a level switches treatment", "", str(answered.total()), told, None),
    ]


def by_kind(results: Sequence[Result]) -> str:
    """Honest months and what was said in them, by kind of plant."""
    head = (
        "kind of plant",
        "honest pair-months",
        *(f"{name} / month" for name in SEVERITIES),
        "plants accused",
    )
    rows = [_kind_row(kind, results) for kind in KINDS]
    return markdown((*head, "gaps accused", "plants refused"), rows)


def _kind_row(kind: str, results: Sequence[Result]) -> tuple[str, ...]:
    own = [one for one in honest(results) if one.job.kind == kind]
    months, counts = sum(one.months for one in own), severity_counts(own)
    rates = [f"{rate(counts[severity], months):.2f}" if months else "no case" for severity in SEVERITIES]
    accused = f"{sum(bool(one.false) for one in own)} of {len(own)}"
    gaps = f"{sum(one.gaps_accused for one in own)} of {sum(one.gaps for one in own)}"
    refused = sum(one.job.kind == kind and not one.job.deeds and bool(one.refused) for one in results)
    return kind, f"{months:.1f}", *rates, accused, gaps, str(refused)


def by_rule(results: Sequence[Result]) -> str:
    """False alarms and notices by rule and severity, per honest pair-month."""
    good = honest(results)
    months = sum(one.months for one in good)
    found: Counter[tuple[str, str]] = Counter()
    kinds: dict[tuple[str, str], Counter[str]] = {}
    for one in good:
        for key in [
            *((each.rule, each.severity) for each in one.false),
            *((rule, "notice") for rule in one.notices),
        ]:
            found[key] += 1
            kinds.setdefault(key, Counter())[one.job.kind] += 1
    rows = [
        (
            rule,
            severity,
            str(count),
            f"{rate(count, months):.3f}",
            ", ".join(f"{kind} {n}" for kind, n in kinds[rule, severity].most_common(4)),
        )
        for (rule, severity), count in sorted(
            found.items(), key=lambda one: (SEVERITIES.index(one[0][1]), -one[1])
        )
    ]
    return markdown(
        ("rule", "severity", "episodes", "per month", "most in"), rows or [("none", "", "0", "0", "")]
    )


def by_deed(results: Sequence[Result]) -> str:
    """Recall and delay of each deed that power can show."""
    return _deed_table(results, lambda each: not each.hidden, lambda each: each.deed)


def unseen(results: Sequence[Result]) -> str:
    """What power cannot show: told, and measured where it was done."""
    told = "\n".join(f"- {what}: {why}" for what, why in UNSEEN)
    done = _deed_table(
        results,
        lambda each: bool(each.hidden),
        lambda each: f"{each.deed}: {each.hidden}" if each.hidden not in each.deed else each.hidden,
    )
    return f"{told}\n\nDone all the same (found or not, nothing is asked):\n\n{done}"


def _deed_table(
    results: Sequence[Result], keep: Callable[[DeedResult], bool], name: Callable[[DeedResult], str]
) -> str:
    groups: dict[str, list[DeedResult]] = {}
    for each in (each for one in watched(results) for each in one.deeds if keep(each)):
        groups.setdefault(name(each), []).append(each)
    rows = []
    for deed in sorted(groups):
        own = groups[deed]
        delays = [each.delay_s for each in own if each.delay_s is not None]
        times = f"{np.median(delays):.0f} / {np.quantile(delays, 0.95):.0f}" if delays else ""
        rules = ", ".join(
            f"{rule} {n}" for rule, n in Counter(each.rule for each in own if each.rule).most_common(3)
        )
        rows.append(
            (
                deed,
                "yes" if own[0].plain else "",
                f"{len(delays) / len(own):.3f} ({len(delays)} of {len(own)})",
                times,
                rules,
            )
        )
    return markdown(
        ("deed", "plain", "recall", "delay s, median / p95", "found as"),
        rows or [("none", "", "no case", "", "")],
    )


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [" | ".join(row) for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(f"| {line} |" for line in lines)
