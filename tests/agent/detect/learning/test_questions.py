"""What commissioning asks and refuses, on plants of which each has one reason for it."""

from dataclasses import replace

import numpy as np

from tests.agent.detect.learning.test_commission import english, learn
from tests.agent.detect.plant import DAY, DT_S, plant

DAYS = 6


def without_treatment(days: range, begin_h: float, end_h: float) -> np.ndarray:
    hour = np.arange(DAYS * DAY) * DT_S / 3600
    return np.isin(hour // 24, days) & (hour % 24 >= begin_h) & (hour % 24 < end_h)


def test_a_plant_whose_treatment_hardly_ran_is_refused_by_name() -> None:
    loads = plant("constant", DAYS, 5)
    bare = replace(loads, t=np.where(without_treatment(range(DAYS), 0, 12), 12.0, loads.t))
    found = learn(bare, DAYS * DAY)
    assert not found.ready
    assert found.params.provisional
    assert any("must not be used" in text for text in english(found))
    assert learn(loads, DAYS * DAY).ready


def test_exceptions_at_the_same_hours_are_asked_about_once() -> None:
    loads = plant("constant", DAYS, 5)
    busy = np.flatnonzero(loads.u[:DAY] > 20_000)
    begin_h = busy[len(busy) // 2] * DT_S / 3600
    habit = without_treatment(range(DAYS), begin_h, begin_h + 0.5)
    asked = [
        text
        for text in english(learn(replace(loads, t=np.where(habit, 12.0, loads.t)), DAYS * DAY))
        if "?" in text
    ]
    assert len(asked) == 1
    assert "is this a standby" in asked[0]
    once = np.where(without_treatment(range(1), begin_h, begin_h + 0.5), 12.0, loads.t)
    assert not [text for text in english(learn(replace(loads, t=once), DAYS * DAY)) if "?" in text]


def test_a_line_that_never_stopped_is_asked_to_stop_once() -> None:
    loads = plant("constant", 3, 5)
    never = replace(loads, u=np.where(loads.u < 10_000, 40_000 + loads.u, loads.u))
    assert any("can it be stopped once" in text for text in english(learn(never)))
    assert not any("can it be stopped once" in text for text in english(learn(loads)))


def test_what_was_learned_of_production_is_said() -> None:
    assert any(text.startswith("production from ") for text in english(learn(plant("constant", 3, 5))))
