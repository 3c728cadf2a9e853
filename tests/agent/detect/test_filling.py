"""A sump that fills slowly is no stop; a pump that does not come when it is full is one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.detect.detector import Detector
from agent.detect.filling import Filling
from agent.detect.learning.linkages import find_rests, learn_fill_wh, learn_level_fill_wh
from tests.agent.detect.timeline import DT_S, T0_S, Timeline, linkage, minutes, run

SUMP = linkage(duty_window_s=600, duty_fill_wh=2_500)
"""Filled by a quarter of an hour at 10 kW, or half an hour at 5 kW."""
HALF = {"p1": 5_000, "t1": 0}
FULL = {"p1": 10_000, "t1": 0}
PUMP = {"p1": 10_000, "t1": 9_000}
BREAK = {"p1": 100, "t1": 0}
NIGHTLY = {"p1": 100, "t1": 9_000}
WORK: Timeline = [(10, BREAK), *[(8, FULL), (6, PUMP)] * 4]


@pytest.mark.parametrize(
    ("timeline", "after_min"),
    [
        ([(27, HALF), (6, PUMP)], None),
        ([(7, FULL), (120, BREAK), (6, FULL), (6, PUMP)], None),
        ([(120, BREAK), (3, NIGHTLY), (60, BREAK), (13, FULL), (6, PUMP)], None),
        ([(120, FULL)], 18),
        ([(120, HALF)], 34),
        ([(120, BREAK), (120, FULL)], 138),
    ],
    ids=[
        "slow work", "a break between", "emptied at night", "never emptied", "never emptied at slow work",
        "never emptied after a break",
    ],
)  # fmt: skip
def test_a_rest_is_as_long_as_it_takes_to_fill(timeline: Timeline, after_min: int | None) -> None:
    found = run(SUMP, [*WORK, *timeline])[0]
    begin = sum(length for length, _ in WORK)
    raised = [minutes(one.raised_at_s) - begin for one in found if one.severity.value == "violation"]
    assert raised[1:] == []
    assert raised == ([] if after_min is None else [pytest.approx(after_min, abs=1)])


def test_by_time_alone_the_same_slow_work_would_be_a_stop() -> None:
    slow: Timeline = [*WORK, (27, HALF), (6, PUMP)]
    assert [one.rule.value for one in run(linkage(duty_window_s=600), slow)[0][:1]] == ["off"]


def test_treatment_that_nobody_saw_may_have_run() -> None:
    blind: Timeline = [(12, FULL), (16, {"p1": 10_000, "t1": None}), (12, FULL), (6, PUMP)]
    assert [one for one in run(SUMP, [*WORK, *blind])[0] if one.severity.value == "violation"] == []


def test_no_rest_keeps_treatment_on_after_production() -> None:
    episodes, detector = run(SUMP, [*WORK, (8, FULL), (600, BREAK)])
    assert episodes == []
    assert detector.status()[0].treatment_w == 0


@given(st.lists(st.tuples(st.sampled_from([0, 100, 3_000, 9_000]), st.booleans(), st.booleans())), st.data())
def test_a_restart_changes_nothing(slots: list[tuple[int, bool, bool]], data: st.DataObject) -> None:
    whole = again = Filling(SUMP)
    cut = data.draw(st.integers(0, len(slots)))
    for at, (t, on, known) in enumerate(slots):
        if at == cut:
            again = Filling(SUMP)
            again.restore(whole.state())
        args = (t, max(t, 3_000), 40_000)
        held = whole.hold(*args, on=on, known=known)
        assert again is whole or again.hold(*args, on=on, known=known) == held
        assert held >= max(t, 3_000)


def test_a_checkpoint_in_a_rest_carries_what_was_filled() -> None:
    _, before = run(SUMP, [*WORK, (20, HALF)])
    after = Detector([SUMP])
    after.restore(before.checkpoint())
    slot = round((sum(length for length, _ in WORK) + 20) * 60 / DT_S)
    for one in (before, after):
        for at in range(slot, slot + 240):
            one.sample("p1", T0_S + at * DT_S, 5_000 + at % 5)
            one.sample("t1", T0_S + at * DT_S, 0)
    assert before.advance(T0_S + (slot + 243) * DT_S) == after.advance(T0_S + (slot + 243) * DT_S) != []


@pytest.mark.parametrize(("fills_wh", "timer"), [(2_000, False), (0, True)], ids=["a sump", "a timer"])
def test_a_sump_is_told_from_a_timer_by_what_is_alike_in_its_rests(fills_wh: int, timer: bool) -> None:
    rng = np.random.default_rng(1)
    loads = rng.uniform(5_000, 15_000, 40)
    lengths = rng.integers(58, 62, 40) if timer else np.ceil(2_000 * 360 / loads).astype(int)
    ends = np.cumsum(lengths + 30)
    u = np.repeat(loads, lengths + 30)
    rests = tuple((int(end - 30 - n), int(end - 30)) for end, n in zip(ends, lengths, strict=True))
    assert learn_fill_wh(u, rests, DT_S) == pytest.approx(fills_wh, rel=0.03)
    assert learn_fill_wh(u, rests[:4], DT_S) == 0, "four rests are too few"
    assert learn_fill_wh(np.full(len(u), np.nan), rests, DT_S) == 0


@pytest.mark.parametrize(
    ("lengths", "fill_wh"),
    [([60, 61, 62, 63, 64], 1_777), ([60, 61, 62, 63], 0), ([20, 60, 120, 400, 60], 0)],
    ids=["alike", "too few", "a tank that is emptied at its own hours"],
)
def test_a_level_is_judged_by_production_where_its_rests_hold_nearly_the_same(
    lengths: list[int], fill_wh: int
) -> None:
    ends = np.cumsum([length + 30 for length in lengths])
    rests = tuple((int(end - length), int(end)) for end, length in zip(ends, lengths, strict=True))
    u = np.full(int(ends[-1]), 10_000.0)
    assert learn_level_fill_wh(u, rests, DT_S) == pytest.approx(fill_wh, abs=2)
    assert learn_level_fill_wh(np.full(len(u), np.nan), rests, DT_S) == 0


def test_a_rest_whose_begin_or_end_nobody_saw_is_none() -> None:
    t = np.array([0, 9, 0, 0, 9, np.nan, 0, 9, 0, 0, np.nan, 9, 0, 9, 0], np.float64)
    assert find_rests(t, 5) == ((2, 4), (12, 13))
