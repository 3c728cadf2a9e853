"""Baselines and verdicts on days that are made by hand."""

from typing import Any

import pytest
from attrs import evolve

from evidence.curtailment.baseline import Baseline, Unknown, find_base_w, find_baseline
from evidence.curtailment.case import Case
from evidence.curtailment.energy import Segment
from evidence.curtailment.judge import FINAL_S, LATE_S, LineJudge, find_disagreements
from evidence.curtailment.ledger import Ledger
from evidence.curtailment.limits import Verdict, judge_cap, judge_limit
from evidence.curtailment.measures import Alert, Measure, Row
from evidence.curtailment.outlook import Outcome, foresee
from evidence.curtailment.uncertainty import Metering, find_uncertainty_wh

DAY_S, HOUR_S, OFFSET_S = 86_400, 3600, 28_800
FIRST = 20_454
"""2026-01-01."""
DAYS = 120
WORK_W, REST_W = 100_000.0, 5_000.0
ALERT_DAY = FIRST + 112


def begin_s(day: int) -> int:
    return day * DAY_S - OFFSET_S


def fill(ledger: Ledger, day: int, share: float = 1.0, hours: range = range(24)) -> None:
    """A day of work from 8 to 18 o'clock, Sundays off; `share` of its power."""
    for hour in hours:
        works = 8 <= hour < 18 and day % 7 != 6
        watts = WORK_W * share * (1 + (day % 5) / 50) if works else REST_W
        at_s = begin_s(day) + hour * HOUR_S
        ledger.add(Segment(at_s, at_s + HOUR_S, watts, HOUR_S))


def make_ledger(until: int = ALERT_DAY, first: int = FIRST) -> Ledger:
    ledger = Ledger(OFFSET_S)
    for day in range(first, until):
        fill(ledger, day)
    return ledger


def test_the_baseline_is_the_median_of_fourteen_production_days() -> None:
    found = find_baseline(make_ledger(), ALERT_DAY)
    assert isinstance(found, Baseline)
    assert len(found.days) == 14
    assert all(day % 7 != 6 for day in found.days)
    assert max(found.days) < ALERT_DAY
    assert found.wh == pytest.approx(14 * REST_W + 10 * WORK_W * 1.04, rel=0.02)


def test_nothing_after_the_alert_was_issued_moves_the_baseline() -> None:
    ledger = make_ledger()
    before = find_baseline(ledger, ALERT_DAY)
    for day in range(ALERT_DAY, ALERT_DAY + 8):
        fill(ledger, day, 3.0)
    assert find_baseline(ledger, ALERT_DAY) == before


def test_days_of_earlier_alerts_are_left_out() -> None:
    ledger = make_ledger()
    left_out = range(ALERT_DAY - 6, ALERT_DAY)
    found = find_baseline(ledger, ALERT_DAY, left_out)
    assert isinstance(found, Baseline)
    assert not set(found.days) & set(left_out)


@pytest.mark.parametrize(("days", "lacking"), [(0, 14), (5, 9), (13, 7)])
def test_a_young_line_has_no_baseline_and_it_is_said_for_how_long(days: int, lacking: int) -> None:
    found = find_baseline(make_ledger(first=ALERT_DAY - days), ALERT_DAY)
    assert isinstance(found, Unknown)
    assert found.lacking == lacking


def test_the_base_load_is_the_median_of_the_off_hours() -> None:
    ledger = make_ledger()
    assert find_base_w(ledger, ledger.hour_of(begin_s(ALERT_DAY))) == REST_W
    steady = Ledger(0)
    for hour in range(24 * 40):
        steady.add(Segment(hour * HOUR_S, (hour + 1) * HOUR_S, WORK_W, HOUR_S))
    assert find_base_w(steady, 24 * 40) is None  # it never stood, so nobody knows
    assert find_base_w(steady, 24 * 40, 5_000) == find_base_w(Ledger(0), 24 * 40, 5_000) == 5_000
    assert find_base_w(ledger, ledger.hour_of(begin_s(ALERT_DAY)), 5_000) == REST_W, "what it did comes first"


@pytest.mark.parametrize(
    ("shares", "reduction", "verdict"),
    [
        ((1.0, 1.0, 1.0), 500, Verdict.NOT_MET),
        ((0.7, 0.7, 0.7), 500, Verdict.NOT_MET),
        ((0.45, 0.45, 0.45), 500, Verdict.MET),
        ((0.69, 0.69, 0.69), 300, Verdict.UNCLEAR),
        ((0.0, 1.0, 1.0), 300, Verdict.MET),
        ((0.0, 1.0, 1.0), 500, Verdict.NOT_MET),
        ((0.0, 0.0, 0.0), 500, Verdict.MET),
    ],
)
def test_a_limit_is_met_or_not_or_unclear(shares: Any, reduction: int, verdict: Verdict) -> None:
    ledger = make_ledger()
    baseline = find_baseline(ledger, ALERT_DAY)
    days = range(ALERT_DAY, ALERT_DAY + 3)
    for day, share in zip(days, shares, strict=True):
        fill(ledger, day, share)
    found = judge_limit(ledger, days, baseline, reduction, 0)
    assert found.verdict is verdict
    assert found.windows > 30


@pytest.mark.parametrize(
    ("share", "reduction", "verdict", "why"),
    [
        (0.65, 300, Verdict.MET, None),
        (0.8, 300, Verdict.CANNOT, "noise"),
        (1.4, 300, Verdict.NOT_MET, None),
        (0.45, 600, Verdict.UNCLEAR, None),
    ],
)
def test_where_the_own_past_varies_by_more_than_was_asked_only_the_extremes_are_judged(
    share: float, reduction: int, verdict: Verdict, why: str | None
) -> None:
    """It works a third more or less by the week, so half of a small reduction is its own way."""
    ledger = Ledger(OFFSET_S)
    for day in range(FIRST, ALERT_DAY):
        fill(ledger, day, (0.65, 0.95, 1.3)[day // 7 % 3])
    baseline = find_baseline(ledger, ALERT_DAY)
    assert isinstance(baseline, Baseline)
    usual = ledger.days[ALERT_DAY - 14 * 7].wh
    factor = share * baseline.wh / usual * (0.65, 0.95, 1.3)[(ALERT_DAY - 14 * 7) // 7 % 3]
    for day in range(ALERT_DAY, ALERT_DAY + 3):
        fill(ledger, day, factor)
    found = judge_limit(ledger, range(ALERT_DAY, ALERT_DAY + 3), baseline, reduction, 0)
    assert (found.verdict, found.why) == (verdict, why)


def test_a_sunday_is_no_reduction() -> None:
    ledger = make_ledger()
    sunday = next(day for day in range(ALERT_DAY, ALERT_DAY + 7) if day % 7 == 6)
    for day in range(ALERT_DAY, sunday + 2):
        fill(ledger, day)
    found = judge_limit(ledger, range(sunday - 1, sunday + 2), find_baseline(ledger, sunday - 1), 330, 0)
    assert found.off == (sunday,)
    assert found.verdict is Verdict.NOT_MET  # two of three days at full power, and the third was off anyway


def test_few_past_windows_cannot_judge() -> None:
    ledger = make_ledger(first=ALERT_DAY - 40)
    baseline = find_baseline(ledger, ALERT_DAY)
    fill(ledger, ALERT_DAY)
    found = judge_limit(ledger, [ALERT_DAY], baseline, 500, 0)
    assert (found.verdict, found.why) == (Verdict.CANNOT, "few_windows")
    assert 0 < found.windows < 30


def test_a_lower_bound_proves_not_met_and_never_met() -> None:
    for share, verdict in ((1.0, Verdict.NOT_MET), (0.1, Verdict.CANNOT)):
        ledger = make_ledger()
        baseline = find_baseline(ledger, ALERT_DAY)
        fill(ledger, ALERT_DAY, share, hours=range(19))
        assert judge_limit(ledger, [ALERT_DAY], baseline, 500, 0).verdict is verdict


@pytest.mark.parametrize(
    ("wh", "is_bound", "verdict"),
    [
        (900, False, Verdict.MET),
        (995, False, Verdict.UNCLEAR),
        (1005, False, Verdict.UNCLEAR),
        (1011, False, Verdict.NOT_MET),
        (1011, True, Verdict.NOT_MET),
        (900, True, Verdict.CANNOT),
    ],
)
def test_a_cap_counts_only_beyond_the_uncertainty(wh: float, is_bound: bool, verdict: Verdict) -> None:
    assert judge_cap(wh, 1000, 10, is_bound=is_bound) is verdict


def test_the_uncertainty_grows_as_the_load_falls() -> None:
    metering = Metering(full_w=100_000, step_wh=100)
    shares = [
        find_uncertainty_wh(1000 * load, 36.0, metering) / (1000 * load) for load in (1.0, 0.3, 0.1, 0.02)
    ]
    assert shares == sorted(shares)
    # class 1 meter, class 0.5 CT at rated current and power factor 0.8: 2 · sqrt((1 + 0.5² + 0.65²) / 3) %
    plain = find_uncertainty_wh(100_000, 3600, Metering(full_w=100_000))
    assert plain / 100_000 == pytest.approx(0.0149, abs=0.0002)
    assert find_uncertainty_wh(100_000, 3600, metering) - plain == 200


ALERT = Alert(list="l1", rev=1, level="red", start_s=begin_s(ALERT_DAY), end_s=begin_s(ALERT_DAY + 3))
STOP = Row(lines=("p1",), level="red", measure=Measure.STOP, ramp_s=2 * HOUR_S, treatment=("t1",))


def judge(
    row: Row, watts: Any, *, test: bool = False, silent: range = range(0), hold_s: float = 90
) -> LineJudge:
    """Three days of minutes; `watts` of an hour since the begin. No sample comes in `silent` hours."""
    ledger = make_ledger()
    case = Case(order="a1", rev=1, test=test, alert=ALERT, row=row, line="p1", rated_w=150_000, hold_s=hold_s)
    found = LineJudge.of(case, ledger, ALERT.start_s - 600)
    for minute in range(3 * 24 * 60):
        at_s = ALERT.start_s + minute * 60
        power = watts(minute / 60)
        ledger.add(Segment(at_s, at_s + 60, power / 60, 60))
        if minute // 60 not in silent:
            found.add(at_s, power)
    return found


def finish(found: LineJudge) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    *hours, final = found.advance(ALERT.end_s + FINAL_S)
    return hours, final


def test_a_line_that_stands_meets_its_stop() -> None:
    hours, final = finish(judge(STOP, lambda hour: WORK_W if hour < 1.5 else REST_W))
    assert [one["state"] for one in hours[:3]] == ["free", "free", "met"]  # the ramp-down takes two hours
    assert len(hours) == 72
    assert final["verdict"] == "met"
    assert final["hours"] == 70


def test_an_hour_is_not_met_after_five_minutes_and_two_in_a_row_are_a_clue() -> None:
    def watts(hour: float) -> float:
        return WORK_W if hour % 1 < 0.09 and 10 <= hour < 12 else REST_W

    hours, final = finish(judge(STOP, watts))
    assert [(one["state"], one["clue"]) for one in hours[9:13]] == [
        ("met", False),
        ("not_met", False),
        ("not_met", True),
        ("met", False),
    ]
    assert final["verdict"] == "not_met"
    assert "clue" in final["sentence"]["en"]


def test_four_minutes_are_no_run_and_one_hour_alone_is_unclear() -> None:
    short = finish(judge(STOP, lambda hour: WORK_W if 10 <= hour < 10 + 3.5 / 60 else REST_W))[1]
    assert short["verdict"] == "met"
    single = finish(judge(STOP, lambda hour: WORK_W if 10 <= hour < 10.5 else REST_W))[1]
    assert single["verdict"] == "unclear"


def test_nobody_stands_by_being_silent() -> None:
    hours, final = finish(
        judge(STOP, lambda hour: WORK_W if 10 <= hour < 14 else REST_W, silent=range(10, 14))
    )
    assert [one["state"] for one in hours[10:14]] == ["not_met"] * 4
    assert all(one["bridged"] for one in hours[10:14])
    assert final["verdict"] == "not_met"
    assert "register" in final["sentence"]["en"]


def test_a_silent_line_that_stood_has_no_data_for_these_hours() -> None:
    hours, final = finish(judge(STOP, lambda _hour: REST_W, silent=range(10, 14)))
    assert [one["state"] for one in hours[10:14]] == ["no_data"] * 4
    assert final["verdict"] == "met"
    assert final["no_data"] == 4
    assert finish(judge(STOP, lambda _hour: REST_W, silent=range(10, 40)))[1]["why"] == "no_data"


def test_permitted_hours_are_free() -> None:
    row = Row(lines=("p1",), level="red", measure=Measure.HOURS, hours=((22 * 60, 6 * 60),))
    hours, final = finish(judge(row, lambda hour: WORK_W if hour % 24 < 6 or hour % 24 >= 22 else REST_W))
    assert {one["state"] for one in hours[:6]} == {"free"}
    assert final["verdict"] == "met"
    assert finish(judge(row, lambda hour: WORK_W if hour % 24 < 8 else REST_W))[1]["verdict"] == "not_met"


def test_a_cap_in_kw_is_judged_hour_by_hour() -> None:
    row = Row(lines=("p1",), level="red", measure=Measure.CAP_KW, value=60_000)
    assert finish(judge(row, lambda _hour: 50_000))[1]["verdict"] == "met"
    assert finish(judge(row, lambda _hour: 60_100))[1]["verdict"] == "unclear"
    final = finish(judge(row, lambda hour: 80_000 if 30 <= hour < 32 else 20_000))[1]
    assert (final["verdict"], final["not_met"]) == ("not_met", 2)


def test_a_cap_by_feed_is_judged_day_by_day() -> None:
    row = Row(lines=("p1",), level="red", measure=Measure.CAP_FEED, feed_kg_day=2000, wh_per_t=600_000)
    final = finish(judge(row, lambda hour: 60_000 if hour < 24 else 40_000))[1]
    assert (final["verdict"], final["cap_wh"], final["not_met"]) == ("not_met", 1_200_000, 1)


def test_treatment_that_failed_meanwhile_is_named() -> None:
    found = judge(STOP, lambda _hour: REST_W)
    found.link("e1", ["t1"], ALERT.start_s + 60, None)
    found.link("e2", ["t9"], ALERT.start_s + 60, None)
    found.link("e3", ["t1"], ALERT.end_s + 60, None)
    found.link("e4", ["p1"], ALERT.start_s + 60, None, lacks=True)
    found.link("e5", ["p1"], ALERT.start_s + 60, None)
    found.link("e6", ["p2"], ALERT.start_s + 60, None, lacks=True)
    final = finish(found)[1]
    assert final["episodes"] == ["e1", "e4"]
    assert "e4" in final["sentence"]["zh"]


def test_a_row_that_wants_no_treatment_names_none() -> None:
    found = judge(Row(lines=("p1",), level="red", measure=Measure.STOP), lambda _hour: REST_W)
    found.link("e1", ["p1"], ALERT.start_s + 60, None, lacks=True)
    assert finish(found)[1]["episodes"] == []


def test_the_frozen_baseline_names_its_days_and_a_test_says_so_everywhere() -> None:
    row = Row(lines=("p1",), level="red", measure=Measure.LIMIT_PERCENT, value=500)
    found = judge(row, lambda hour: WORK_W if 8 <= hour % 24 < 18 else REST_W, test=True)
    body = found.baseline_body()
    hours, final = finish(found)
    assert len(body["baseline"]["days"]) == 14
    assert all(one["test"] for one in (body, final, *hours))
    assert final["verdict"] == "not_met"
    assert final["sentence"]["en"].startswith("(exercise)")


def test_hours_are_told_late_enough_for_registers_and_only_once() -> None:
    found = judge(STOP, lambda _hour: REST_W)
    assert found.advance(ALERT.start_s + HOUR_S + LATE_S - 1) == []
    assert len(found.advance(ALERT.start_s + HOUR_S + LATE_S)) == 1
    assert len(found.advance(ALERT.end_s + FINAL_S)) == 72
    assert found.advance(ALERT.end_s + 10 * FINAL_S) == []


def test_the_centre_computes_the_same_and_tells_a_difference() -> None:
    mine, theirs = (finish(judge(STOP, lambda _hour: REST_W))[1] for _ in range(2))
    assert find_disagreements(theirs, mine) == []
    assert find_disagreements({**theirs, "verdict": "not_met", "hours": 3}, mine) == ["hours", "verdict"]


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        (STOP, Outcome.PASS),
        (Row(lines=("p1",), level="red", measure=Measure.NONE), Outcome.PASS),
        (Row(lines=("p1",), level="red", measure=Measure.LIMIT_PERCENT, value=500), Outcome.DROP),
        (Row(lines=("p1",), level="red", measure=Measure.CAP_KW, value=50_000), Outcome.PASS),
        (Row(lines=("p1",), level="red", measure=Measure.CAP_KWH_DAY, value=500_000), Outcome.DROP),
    ],
)
def test_the_dry_run_says_who_would_pass_at_midnight(row: Row, outcome: Outcome) -> None:
    found = foresee(make_ledger(), row, 150_000, begin_s(ALERT_DAY))
    assert found.outcome is outcome
    assert (found.drop_w > 0) is (outcome is Outcome.DROP)


def test_the_dry_run_of_a_young_line_says_in_how_many_days() -> None:
    row = Row(lines=("p1",), level="red", measure=Measure.LIMIT_PERCENT, value=500)
    found = foresee(make_ledger(first=ALERT_DAY - 30), row, 150_000, begin_s(ALERT_DAY))
    assert found.outcome is Outcome.CANNOT
    assert 0 < (found.days or 0) <= 30
    given = foresee(make_ledger(), evolve(row, baseline_wh=10_000_000), 150_000, begin_s(ALERT_DAY))
    assert given.outcome is Outcome.PASS
