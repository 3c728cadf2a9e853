"""Meters on a serial bus that are silent between their points, on a line that loses answers; virtual time.

There no spare registers keep two reads apart, so distrust of late answers costs most: reads of one length
block each other, and what is lost cannot be asked for in another length. Schedule, meters and ledger are the
real ones.

Measured here over 480 s at polls of 2 s, good polls of those that were due (in brackets: of those that were
made), one meter alone, before lost reads were asked for again and after:

    model                 lost    before         after
    eastron-sdm630         5 %    0.67 (0.62)    0.88 (0.98)
    eastron-sdm630        10 %    0.41 (0.45)    0.77 (0.95)
    schneider-pm5xxx      10 %    0.25 (0.34)    0.58 (0.89)
    gavazzi-em24          10 %    0.47 (0.45)    0.91 (0.95)

and four gavazzi-em24 on a bus at 10 % 0.34 (0.46) before, 0.88 (0.90) after. Of those four the last was read
first after 448 s before, and after 53 to 100 s now.
"""

import random

import pytest
from attrs import Factory, define

from drivers.clock import NS_PER_S
from drivers.link.ledger import Ledger
from drivers.points.model import load
from drivers.poll.meter import BusState, Meter, MeterSetup, is_refusal
from drivers.poll.schedule import Schedule, Wait
from drivers.reading import PollGroup, Quality
from tests.drivers.poll.modelled_meter import ModelledMeter, VirtualClock
from tests.drivers.poll.test_splitting import silent_between_points
from tests.drivers.scripted_meter import Asked, words

FAST = PollGroup.FAST
EVERY_S = 2.0
SETTLED_S = 120.0
"""Until then it is looked into what the meters have."""
UNTIL_S = 360.0


@define
class Line:
    """What became of the fast polls after SETTLED_S, and when each meter was read first."""

    good: int = 0
    bad: int = 0
    first_s: dict[str, float] = Factory(dict)


def live(model: str, meters: int, lost: float, seed: int) -> tuple[Line, list[Meter]]:
    """A bus of `meters` of one model; every value is checked."""
    clock, shared, line = VirtualClock(), BusState(), Line()
    bus = ModelledMeter(clock, lost=lost, ledger=Ledger(), chance=random.Random(seed), url="rtu:/dev/ttyS1")
    bus.holes = silent_between_points(load(model))
    setups = [MeterSetup(str(unit), load(model), unit, fast_s=EVERY_S) for unit in range(1, meters + 1)]
    polled = {setup.id: Meter(setup, bus.gap_registers_max, shared=shared) for setup in setups}
    schedule, begin_s = Schedule(setups), clock.now_s
    while (at_s := clock.now_s - begin_s) < UNTIL_S:
        step = schedule.next(clock.now_s)
        if isinstance(step, Wait):
            clock.sleep(step.seconds)
            continue
        meter = polled[step.meter_id]
        reading = meter.poll(bus, step.group, clock, probe=schedule.is_silent(step.meter_id))
        is_good = reading.quality is Quality.GOOD
        schedule.note_poll(
            step.meter_id,
            step.group,
            clock.now_s,
            reading.quality,
            refused=is_refusal(reading),
            heard=meter.was_heard,
            latency_s=reading.latency_ns / NS_PER_S,
        )
        for block in reading.blocks:
            count = len(block.words) // 2
            assert block.words == words(Asked(meter.setup.station, block.function, block.address, count))
        if step.group is FAST and is_good:
            line.first_s.setdefault(step.meter_id, at_s)
        if step.group is FAST and at_s >= SETTLED_S:
            line.good += is_good
            line.bad += not is_good
    return line, list(polled.values())


@pytest.mark.parametrize(
    ("model", "lost", "made", "due"),
    [
        ("eastron-sdm630", 0.05, 0.94, 0.8),
        ("eastron-sdm630", 0.1, 0.9, 0.65),
        ("schneider-pm5xxx", 0.05, 0.9, 0.6),
        ("gavazzi-em24", 0.1, 0.88, 0.8),
    ],
)
def test_a_lost_answer_costs_no_poll_where_the_meter_answers_when_it_is_asked_again(
    model: str, lost: float, made: float, due: float
) -> None:
    line, (meter,) = live(model, 1, lost, 3)
    assert line.good / (line.good + line.bad) >= made
    assert line.good * EVERY_S / (UNTIL_S - SETTLED_S) >= due
    assert meter.left_out == {}, "a loss is not taken for a hole"


def test_every_meter_of_a_bus_is_soon_read_although_the_first_reads_of_all_meet_silence() -> None:
    line, meters = live("gavazzi-em24", 4, 0.1, 1)
    assert line.good * EVERY_S / (UNTIL_S - SETTLED_S) >= 0.75 * len(meters)
    assert len(line.first_s) == len(meters)
    assert max(line.first_s.values()) <= 180.0
    assert all(meter.left_out == {} for meter in meters)
