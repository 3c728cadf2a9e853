"""The short way through a slot leaves the same state as the long way."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.detect.channels import Sample
from agent.detect.line import LineTracker
from agent.detect.line_params import Bin, LineParams
from agent.detect.linkage import LinkageTracker
from agent.detect.window import Expectation
from tests.agent.detect.timeline import line, linkage

FAN = line("t1", noise_floor=0.003, stuck_on_s=300, stuck_off_s=900, pf_heater=0.97, voltage_v=230.0)
MILL = line("p1", ct_floor_w=90, stuck_on_s=300, stuck_off_s=0, voltage_v=230.0)
POWERS = st.sampled_from(
    [-60, -1, 0, 0, 7, 89, 90, 240, 400, 2_000, 3_000, 9_000, 9_001, 9_017, 9_400, 500_000]
)
FACTORS = st.sampled_from(
    [None, None, 0.86, 0.86, -0.86, 0.968, 0.9689, 0.9695, 0.97, 0.99, 1.01, 1.3, math.nan]
)
CURRENTS = st.sampled_from([None, 0.0, 15.0, math.inf])
VOLTAGES = st.sampled_from([None, 230.0, 230.0, 0.3, math.nan])
SAMPLE = st.one_of(st.none(), st.tuples(st.just(0.0), POWERS, FACTORS, CURRENTS, VOLTAGES))
RUN = st.tuples(SAMPLE, st.sampled_from([1, 1, 1, 2, 3, 70]), st.sampled_from([0, 0, 3]))


@given(st.sampled_from([FAN, MILL]), st.lists(RUN, max_size=40))
@settings(deadline=None, max_examples=300)
def test_a_calm_line_keeps_what_a_judged_one_keeps(
    known: LineParams, runs: list[tuple[Sample | None, int, int]]
) -> None:
    short, long = (LineTracker(known, linkage(), 0) for _ in range(2))
    slot = 0
    for sample, slots, jitter in runs:
        for at in range(slots):
            taken = sample and (sample[0], sample[1] + at % 2 * jitter, *sample[2:])
            flags = short.flags
            judged = short.take(slot, taken)
            long._judge(slot, taken)
            assert short.state() == long.state()
            assert short.patterns() == long.patterns()
            assert short.now == long.now
            assert judged or short.flags == flags
            slot += 1


SUMS = st.tuples(
    st.sampled_from([0, 100, 5_000, 9_000, 10_000, 20_000]),
    st.booleans(),
    st.sampled_from([0, 3_000, 9_000, 12_000]),
    st.integers(0, 9),
    st.sampled_from([1, 5, 20, 80, 300]),
)


@given(st.sampled_from([(0, 0), (120, 0), (120, 100)]), st.lists(SUMS, max_size=25))
@settings(deadline=None, max_examples=100)
def test_a_calm_linkage_keeps_what_a_judged_one_keeps(
    duty: tuple[int, int], runs: list[tuple[int, bool, int, int, int]]
) -> None:
    known = linkage(duty_window_s=duty[0], duty_fill_wh=duty[1])
    short, long = (LinkageTracker(known, 0) for _ in range(2))
    slot = 0
    for u, u_known, t, unknown, slots in runs:
        for _ in range(slots):
            long._calm = False
            for one in (short, long):
                one.step(slot, u, u_known, t, unknown > 0)
                if slot % 6 == 0:
                    one.judge_minute(slot, t == 3_000)
            assert short.state() == long.state()
            slot += 1


@given(st.integers(1, 9), st.lists(st.integers(0, 60), max_size=80), st.integers(0, 80))
def test_the_lowest_step_of_the_guard_is_demanded(guard: int, loads: list[int], cut: int) -> None:
    steps = [Bin(from_w=at, lo_w=100 + at, median_w=200) for at in (0, 10, 20, 40)]
    asked = Expectation(steps, guard, 0)
    for slot, u in enumerate(loads, 1):
        if slot == cut:
            again = Expectation(steps, guard, 0)
            again.restore(asked.state())
            asked = again
        least = min(loads[max(0, slot - guard) : slot])
        lowest = steps[0] if slot < guard else [step for step in steps if step.from_w <= least][-1]
        assert asked.at(slot, u) == lowest.lo_w
