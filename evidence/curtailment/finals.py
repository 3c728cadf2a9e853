"""The final verdict of each measure, with its numbers and its sentence."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from attrs import frozen

from evidence.curtailment.baseline import Baseline, Unknown
from evidence.curtailment.case import Case
from evidence.curtailment.energy import HOUR_S
from evidence.curtailment.ledger import DAY_S, Ledger
from evidence.curtailment.limits import WINDOWS_MIN, Verdict, Why, join_verdicts, judge_cap, judge_limit
from evidence.curtailment.measures import CAPS, PER_MILLE, STANDS, Measure
from evidence.curtailment.stopping import CLUE_HOURS, HourState
from evidence.curtailment.uncertainty import find_uncertainty_wh
from evidence.curtailment.words import REASONS, SENTENCES, VERDICTS
from evidence.words import Words

KW: Final = 1000


@frozen(kw_only=True)
class Facts:
    """All that a verdict rests on.

    Attributes:
        base_w: The base load, None where there is none.
        threshold_w: Above it a line does not stand.
        hours: Every hour of the alert, as its samples have it.
        bridged: Hours in which only the register shows that the line ran.
    """

    case: Case
    ledger: Ledger
    left_out: frozenset[int]
    baseline: Baseline | Unknown
    base_w: float | None
    threshold_w: float
    hours: Sequence[HourState]
    bridged: int = 0


def make_final(facts: Facts, episodes: Sequence[str]) -> dict[str, Any]:
    """The body of the final verdict; `episodes` are findings about treatment meanwhile."""
    measure = facts.case.row.measure
    if measure in STANDS:
        body = _judge_stop(facts)
    elif measure is Measure.LIMIT_PERCENT:
        body = _judge_limit(facts)
    elif measure in CAPS:
        body = _judge_cap(facts)
    else:
        body = {"verdict": Verdict.MET.value, "sentence": _say(facts.case, "none")}
    sentence: Words = body.pop("sentence")
    more = [sentence]
    if episodes:
        ids = ", ".join(episodes)
        more.append(SENTENCES["treatment"].fill(count=len(episodes), ids=ids))
    if body["verdict"] == Verdict.NOT_MET.value or episodes:
        more.append(SENTENCES["clue"])
    start = SENTENCES["test"] if facts.case.test else Words("", "")
    told = Words(start.zh + "".join(one.zh for one in more), start.en + " ".join(one.en for one in more))
    return {
        **facts.case.head("final"),
        "why": None,
        **body,
        "episodes": list(episodes),
        "sentence": told.to_body(),
    }


def make_unfit(order: str, rev: int, *, test: bool, line: str, level: str, why: Why) -> dict[str, Any]:
    """The body of a verdict where there is no case; `line` is empty for a whole alert."""
    subject = Words(line, line) if line else SENTENCES["whole alert"]
    told = SENTENCES["cannot"].fill(line=subject, why=REASONS[why])
    start = SENTENCES["test"] if test else Words("", "")
    return {
        "what": "final",
        "order": order,
        "rev": rev,
        "test": test,
        "line": line,
        "level": level,
        "measure": "",
        "verdict": Verdict.CANNOT.value,
        "why": why.value,
        "episodes": [],
        "sentence": Words(start.zh + told.zh, start.en + told.en).to_body(),
    }


def _say(case: Case, key: str, **values: object) -> Words:
    return SENTENCES[key].fill(line=case.line, **values)


def _cannot(case: Case, why: Why, **numbers: int) -> dict[str, Any]:
    told = REASONS[why].fill(windows=numbers.get("windows", 0), needed=WINDOWS_MIN)
    sentence = _say(case, "cannot", why=told)
    return {"verdict": Verdict.CANNOT.value, "why": why.value, **numbers, "sentence": sentence}


def _judge_stop(facts: Facts) -> dict[str, Any]:
    if facts.base_w is None:
        return _cannot(facts.case, Why.NO_BASE)
    states = [one for one in facts.hours if one is not HourState.FREE]
    bad, missing = states.count(HourState.NOT_MET), states.count(HourState.NO_DATA)
    in_a_row = any(set(states[at : at + CLUE_HOURS]) == {HourState.NOT_MET} for at in range(len(states) - 1))
    if in_a_row or facts.bridged >= CLUE_HOURS:
        verdict = Verdict.NOT_MET
    elif not states or missing > len(states) // 4:
        return _cannot(facts.case, Why.NO_DATA)
    else:
        verdict = Verdict.UNCLEAR if bad or facts.bridged else Verdict.MET
    sentence = _say(
        facts.case,
        "stop",
        asked=len(states),
        bad=bad,
        missing=missing - facts.bridged,
        threshold=f"{facts.threshold_w / KW:.1f}",
        verdict=VERDICTS[verdict],
    )
    if facts.bridged:
        told = SENTENCES["bridged"].fill(hours=facts.bridged)
        sentence = Words(sentence.zh + told.zh, f"{sentence.en} {told.en}")
    return {
        "verdict": verdict.value,
        "hours": len(states),
        "not_met": bad,
        "no_data": missing,
        "bridged": facts.bridged,
        "threshold_w": round(facts.threshold_w),
        "sentence": sentence,
    }


def find_whole_days(facts: Facts) -> list[int]:
    """The days of the plant that lie wholly between the end of the ramp-down and that of the alert."""
    first = -(-(facts.case.begin_s + facts.ledger.offset_s) // DAY_S)
    last = (facts.case.alert.end_s + facts.ledger.offset_s) // DAY_S
    return list(range(first, last))


def _judge_limit(facts: Facts) -> dict[str, Any]:
    row = facts.case.row
    found = judge_limit(
        facts.ledger, find_whole_days(facts), facts.baseline, row.value, row.exempt_w, facts.left_out
    )
    if found.why is not None:
        return _cannot(facts.case, found.why, windows=found.windows)
    numbers = {"wh": found.wh, "limit_wh": found.limit_wh, "clear_wh": found.clear_wh}
    sentence = _say(
        facts.case,
        "limit",
        percent=f"{row.value * 100 / PER_MILLE:g}",
        days=len(found.days),
        used=f"{found.wh / KW:.1f}",
        allowed=f"{found.limit_wh / KW:.1f}",
        clear=f"{found.clear_wh / KW:.1f}",
        windows=found.windows,
        verdict=VERDICTS[found.verdict],
    )
    return {
        "verdict": found.verdict.value,
        **numbers,
        "windows": found.windows,
        "days": list(found.days),
        "off": list(found.off),
        "sentence": sentence,
    }


def _judge_cap(facts: Facts) -> dict[str, Any]:
    row = facts.case.row
    cap = row.cap_wh_day
    is_daily = cap is not None
    amounts = list(_list_days(facts) if is_daily else _list_hours(facts))
    if not amounts:
        return _cannot(facts.case, Why.NO_WHOLE_DAY if is_daily else Why.NO_DATA)
    cap_wh = row.value if cap is None else cap
    length_s = DAY_S if is_daily else HOUR_S
    metering = facts.case.metering
    uncertain = [find_uncertainty_wh(wh, length_s, metering) for wh, _ in amounts]
    verdicts = [
        judge_cap(wh, cap_wh, by, is_bound=is_bound)
        for (wh, is_bound), by in zip(amounts, uncertain, strict=True)
    ]
    verdict = join_verdicts(verdicts)
    if verdict is Verdict.CANNOT:
        return _cannot(facts.case, Why.NO_DATA)
    most_wh, by_wh = max(zip((wh for wh, _ in amounts), uncertain, strict=True))
    sentence = _say(
        facts.case,
        "cap",
        cap=f"{cap_wh / KW:g}",
        used=f"{most_wh / KW:.1f}",
        uncertainty=f"{by_wh / KW:.1f}",
        unit="kWh/d" if is_daily else "kW",
        bad=verdicts.count(Verdict.NOT_MET),
        open=verdicts.count(Verdict.UNCLEAR),
        verdict=VERDICTS[verdict],
    )
    return {
        "verdict": verdict.value,
        "cap_wh": cap_wh,
        "most_wh": round(most_wh),
        "uncertainty_wh": round(by_wh),
        "not_met": verdicts.count(Verdict.NOT_MET),
        "unclear": verdicts.count(Verdict.UNCLEAR),
        "sentence": sentence,
    }


def _list_days(facts: Facts) -> Iterator[tuple[float, bool]]:
    """Wh of each whole day, and whether that is only a lower bound."""
    for day in find_whole_days(facts):
        amount = facts.ledger.days.get(day)
        yield (amount.wh if amount else 0.0), not facts.ledger.is_whole(day)


def _list_hours(facts: Facts) -> Iterator[tuple[float, bool]]:
    """The same of each whole hour after the ramp-down: Wh of an hour are W of its mean."""
    first = facts.ledger.hour_of(facts.case.begin_s - 1) + 1
    for hour in range(first, facts.ledger.hour_of(facts.case.alert.end_s)):
        amount = facts.ledger.hours.get(hour)
        yield (amount.wh if amount else 0.0), not facts.ledger.is_whole_hour(hour)
