"""The short way through a slot says what the long way says."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.detect.line import LineTracker
from agent.detect.line_params import LineParams
from agent.detect.sample import Sample
from tests.detect.timeline import line, linkage

FAN = line("t1", noise_floor=0.003, stuck_on_s=300, stuck_off_s=900, pf_heater=0.97, voltage_v=230.0)
MILL = line("p1", ct_floor_w=90, stuck_on_s=300, stuck_off_s=0, voltage_v=230.0)
POWERS = st.sampled_from([-60, -1, 0, 0, 7, 89, 90, 240, 400, 2_000, 3_000, 9_000, 9_001, 9_400, 500_000])
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
            assert short.now == long.now
            assert judged or short.flags == flags
            slot += 1
