"""What commissioning asks and refuses, on plants of which each has one reason for it."""

from dataclasses import replace

import numpy as np
import pytest
from attrs import evolve

from agent.detect.episode import SEVERITIES, Episode, Rule, Severity
from agent.detect.learning.backtest import Recording, run
from agent.detect.learning.commission import CommissionResult, find_treated_w
from agent.detect.line_params import Answer
from agent.detect.param_table import ParamsError
from agent.detect.params import LinkageParams
from tests.agent.detect.learning.test_commission import english, learn
from tests.agent.detect.plant import DAY, DT_S, Loads, plant, times

DAYS = 6
OFF = {Rule.OFF, Rule.LATE_START, Rule.EARLY_STOP}
VIOLATIONS = {rule for rule, severity in SEVERITIES.items() if severity is Severity.VIOLATION}


def without_treatment(days: range, begin_h: float, end_h: float) -> np.ndarray:
    hour = np.arange(DAYS * DAY) * DT_S / 3600
    return np.isin(hour // 24, days) & (hour % 24 >= begin_h) & (hour % 24 < end_h)


def test_a_plant_whose_treatment_hardly_ran_is_refused_by_name() -> None:
    loads = plant("constant", DAYS, 5)
    bare = replace(loads, t=np.where(without_treatment(range(DAYS), 0, 12), 12.0, loads.t))
    found = learn(bare, DAYS * DAY)
    assert [one.name for one in found.refusals] == ["exceptions"]
    assert (found.params.provisional, found.params.only_asks) == (True, "exceptions")
    assert any("must not be used" in text for text in english(found))
    explained = [
        one.words.en for one in found.refusals if "answer that question (level) below" in one.words.en
    ]
    assert len(explained) == ("level" in keys(found)), "the next step is named where there is one"
    assert learn(loads, DAYS * DAY).ready


def test_exceptions_at_the_same_hours_are_asked_about_once() -> None:
    loads = plant("constant", DAYS, 5)
    busy = np.flatnonzero(loads.u[:DAY] > 20_000)
    begin_h = busy[len(busy) // 2] * DT_S / 3600
    habit = without_treatment(range(DAYS), begin_h, begin_h + 0.5)
    found = learn(replace(loads, t=np.where(habit, 12.0, loads.t)), DAYS * DAY)
    assert [text for text in english(found) if "is this a standby" in text] == [found.exceptions[0].en]
    assert keys(found) == ["product"], "at the power of production no threshold could divide the two"
    once = np.where(without_treatment(range(1), begin_h, begin_h + 0.5), 12.0, loads.t)
    assert not any("is this a standby" in text for text in english(learn(replace(loads, t=once), DAYS * DAY)))


def with_standby(days: int = DAYS) -> Loads:
    """Every evening production stands by at 9 kW for two hours, without treatment."""
    loads = plant("constant", days, 5)
    hour = np.arange(days * DAY) * DT_S / 3600 % 24
    evening = (hour >= 20.5) & (hour < 22.5)
    noise = 100 * np.sin(np.arange(days * DAY))
    return replace(loads, u=np.where(evening, 18_000 + noise, loads.u), t=np.where(evening, 12.0, loads.t))


def test_a_standby_is_asked_about_with_its_power_and_the_answer_puts_the_threshold_above_it() -> None:
    asked = learn(with_standby(), DAYS * DAY)
    assert keys(asked) == ["standby", "product"]
    question = asked.questions[0]
    assert 18_000 <= question.value_w <= 18_200
    assert "kW counts" not in question.words.en
    assert "above 18.1 kW" in question.choices["yes"].en
    assert asked.exceptions
    answered = learn(with_standby(), DAYS * DAY, answers=[Answer(question="standby", answer="yes")])
    assert answered.params.on_production.hi_w > question.value_w > asked.params.on_production.hi_w
    assert not answered.exceptions
    assert keys(answered) == ["product"]
    assert answered.params.answers == (Answer(question="standby", answer="yes", value_w=question.value_w),)
    again = LinkageParams.from_dict(answered.params.to_dict())
    assert (again, again.hash) == (answered.params, answered.params.hash)


def test_the_answer_no_is_kept_and_lets_its_absence_accuse() -> None:
    loads = with_standby()
    asked = learn(loads, DAYS * DAY)
    answered = learn(loads, DAYS * DAY, answers=[Answer(question="standby", answer="no")])
    assert asked.params.untreated_w > 18_000 > answered.params.untreated_w == 0, "it accuses from now on"
    assert evolve(answered.params, answers=(), untreated_w=asked.params.untreated_w) == asked.params
    assert answered.params.hash != asked.params.hash
    assert keys(answered) == ["product"]


def with_warm_up(share: float, days: int = DAYS) -> Loads:
    """Before work the line turns unladen for an hour, at powers that wander about `share`, the fan off."""
    loads = plant("constant", days, 5)
    usual_w = float(np.median(loads.u[loads.u > 20_000]))
    hour = np.arange(days * DAY) * DT_S / 3600 % 24
    early = (hour >= 5) & (hour < 6.2) & (loads.u < 10_000)
    level = share * usual_w * (1 + 0.4 * np.sin(np.arange(days * DAY) / 150))
    return replace(loads, u=np.where(early, level, loads.u), t=np.where(early, 12.0, loads.t))


@pytest.mark.minutes
def test_a_warm_up_that_wanders_about_the_threshold_accuses_nobody_until_the_question_is_answered() -> None:
    loads = with_warm_up(0.16)
    open_one = learn(loads, 3 * DAY)
    assert "standby" in keys(open_one), "three days of 72 hours are enough to ask"
    assert any("until that is answered" in text for text in english(open_one))
    assert open_one.exceptions
    assert treatment_findings(open_one.params, loads) == []
    assert not open_one.params.answers, "nobody has answered"
    denied = learn(loads, 3 * DAY, answers=[Answer(question="standby", answer="no")])
    assert not any("until that is answered" in text for text in english(denied))
    assert {one.rule for one in treatment_findings(denied.params, loads)} == {Rule.LATE_START}
    # What was seen to need treatment is judged as ever.
    dry = replace(loads, t=np.where(loads.u > 20_000, 12.0, loads.t))
    assert treatment_findings(open_one.params, dry)


def test_two_mornings_without_treatment_are_no_habit_and_only_ask_afterwards() -> None:
    loads = plant("constant", 3, 5)
    twice = np.arange(3 * DAY) < 2 * DAY
    both = with_warm_up(0.2, 3)
    loads = replace(loads, u=np.where(twice, both.u, loads.u), t=np.where(twice, both.t, loads.t))
    found = learn(loads)
    warm_w = float(both.u[(both.u != plant("constant", 3, 5).u) & np.isfinite(both.u)].max())
    assert "standby" not in keys(found)
    assert found.params.untreated_w == pytest.approx(1.1 * warm_w, rel=0.05)
    assert found.params.untreated_w < find_treated_w(found.params)
    again = LinkageParams.from_dict(found.params.to_dict())
    assert (again, again.hash) == (found.params, found.params.hash)
    denied = learn(loads, answers=[Answer(question="standby", answer="no")])
    assert denied.params.untreated_w == 0, "treatment should have run, somebody says"
    # Where treatment runs for as little production, its absence asks nothing.
    treated = replace(
        loads, t=np.where(np.arange(3 * DAY) < DAY, np.where(both.t > 1_000, both.t, 20_000), loads.t)
    )
    assert learn(treated).params.untreated_w == 0


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(question="standby", answer="maybe"), "known are standby=yes, standby=no"),
        (Answer(question="night", answer="yes"), "known are standby=yes"),
        (Answer(question="standby", answer="yes"), "no standby was asked about"),
    ],
)
def test_an_answer_to_nothing_is_refused(answer: Answer, problem: str) -> None:
    with pytest.raises(ParamsError, match=problem):
        learn(plant("constant", 3, 5), answers=[answer])


def by_level(days: int = DAYS) -> Loads:
    """Treatment runs when a tank is full, whenever production runs."""
    loads = plant("constant", days, 5)
    rng, full = np.random.default_rng(4), np.zeros(days * DAY, bool)
    at = 0
    while at < len(full):
        at += int(rng.integers(360, 1_400))
        end = at + int(rng.integers(200, 700))
        full[at:end] = True
        at = end
    return replace(loads, t=np.where(full, 20_000 + 150 * np.sin(np.arange(days * DAY)), 8.0))


@pytest.mark.minutes
def test_treatment_by_level_is_refused_until_a_person_says_so_and_then_by_its_longest_rest() -> None:
    refused = learn(by_level(), DAYS * DAY)
    assert [one.name for one in refused.refusals] == ["exceptions"]
    assert "level" in keys(refused)
    assert refused.params.only_asks == "exceptions"
    answered = learn(by_level(), DAYS * DAY, answers=[Answer(question="level", answer="yes")])
    assert answered.ready
    for found in (refused, answered):
        assert found.params.duty_window_s > 7_200, "its longest rest belongs to it"
        assert treatment_findings(found.params, by_level()) == []
    assert (answered.params.only_asks, answered.params.provisional) == ("level", True)
    dry = replace(by_level(), t=np.where(np.arange(DAYS * DAY) < 4 * DAY, by_level().t, 8.0))
    asked = treatment_findings(answered.params, dry)
    assert asked
    assert {(one.rule in OFF, one.severity) for one in asked} == {(True, Severity.VIOLATION)}
    assert min(one.raised_at_s - times(dry)[4 * DAY] for one in asked) > 2 * answered.params.duty_window_s
    assert all("treatment that follows production" in one.sentence["en"] for one in asked)


FILL_WH = 30_000
"""What fills the sump: about forty minutes of work."""


def by_sump(days: int = DAYS) -> Loads:
    """Waste water flows in while production runs; a pump empties the sump once it is full."""
    loads = plant("modulated", days, 5)
    full, level, pumping = np.zeros(days * DAY, bool), 0.0, 0
    for at, u in enumerate(np.nan_to_num(loads.u).tolist()):
        level += u * DT_S / 3600 * (u > 5_000)
        pumping = 90 if level >= FILL_WH else max(pumping - 1, 0)
        level = 0.0 if pumping else level
        full[at] = pumping > 0
    return replace(loads, t=np.where(full, 20_000 + 150 * np.sin(np.arange(days * DAY)), 8.0))


def test_a_sump_that_a_level_drives_is_judged_by_what_is_produced_over_nights_and_sundays() -> None:
    loads = by_sump()
    params = learn(loads, answers=[Answer(question="level", answer="yes")]).params
    assert params.duty_fill_wh == pytest.approx(3 * FILL_WH, rel=0.05)
    assert (params.only_asks, params.overrun_s, params.orphans_limit) == ("level", 0, 0)
    broken = np.arange(DAYS * DAY) >= 4 * DAY
    found = treatment_findings(params, replace(loads, t=np.where(broken, 8.0, loads.t)))
    assert found[0].severity is Severity.VIOLATION
    until = int(found[0].raised_at_s - times(loads)[0]) // DT_S
    produced_wh = np.nansum(loads.u[4 * DAY : until]) * DT_S / 3600
    assert 2 * FILL_WH < produced_wh < 5 * FILL_WH, "no earlier, and before the end of the first shift"


def treatment_findings(params: LinkageParams, loads: Loads) -> list[Episode]:
    found = run([params], None, Recording(times(loads), {"p1": loads.u, "t1": loads.t}))
    return [one for one in found if one.rule in VIOLATIONS]


def keys(found: CommissionResult) -> list[str]:
    return [one.key for one in found.questions]


def test_a_line_that_never_stopped_is_asked_to_stop_once() -> None:
    loads = plant("constant", 3, 5)
    never = replace(loads, u=np.where(loads.u < 10_000, 40_000 + loads.u, loads.u))
    assert keys(learn(never)) == ["level", "stop", "product"]
    assert keys(learn(loads)) == ["product"]
    assert keys(learn(never, answers=[Answer(question="stop", answer="no")])) == ["level", "product"]


def test_what_was_learned_of_production_is_said() -> None:
    assert any(text.startswith("production from ") for text in english(learn(plant("constant", 3, 5))))
