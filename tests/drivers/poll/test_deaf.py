"""Meters that are deaf after each answer, where a lost request cannot be repeated at once; virtual time."""

from collections.abc import Callable

import pytest

from drivers.link.ledger import Ledger
from drivers.points.model import load
from drivers.poll.meter import Meter, MeterSetup
from drivers.reading import PollGroup, Quality, Reading
from tests.drivers.poll.modelled_meter import ModelledMeter, VirtualClock

FAST_S, SLOW_S = 10.0, 30.0
ADDRESS = "202611300007"
UNTIL_S = 100.0
"""By then it has to be known."""
AFTER_S = 600.0
TRIALS_BAD_MAX = 6
"""Readings that the search for the shortest pause may cost: two trials that fail, three polls each."""

BUSES: dict[str, Callable[[VirtualClock, float], ModelledMeter]] = {
    "on a wire without ids": lambda clock, deaf_s: ModelledMeter(clock, deaf_s=deaf_s, ledger=Ledger()),
    "behind a gateway": lambda clock, deaf_s: ModelledMeter(clock, deaf_s=deaf_s, gateway_s=1.0),
    "behind a slow gateway": lambda clock, deaf_s: ModelledMeter(clock, deaf_s=deaf_s, gateway_s=3.0),
}
CASES = [
    *((model, where) for model in ("eastron-sdm630", "chint-dtsu666", "abb-b23") for where in BUSES),
    ("dlt645-2007-3p", "on a wire without ids"),
]


def poll_for(meter: Meter, bus: ModelledMeter, seconds: float) -> list[tuple[float, Reading]]:
    """Polls as a schedule makes them, each with the time of its end."""
    clock, readings = bus.clock, []
    begin_s = fast_s = slow_s = clock.now_s
    while clock.now_s < begin_s + seconds:
        if slow_s <= clock.now_s:
            group, slow_s = PollGroup.SLOW, slow_s + SLOW_S
        else:
            group, fast_s = PollGroup.FAST, max(fast_s + FAST_S, clock.now_s)
        reading = meter.poll(bus, group, clock)
        readings.append((clock.now_s - begin_s, reading))
        clock.sleep(min(fast_s, slow_s) - clock.now_s)
    return readings


@pytest.mark.parametrize("deaf_s", [0.05, 0.15, 0.3, 0.5, 0.6])
@pytest.mark.parametrize(("model", "where"), CASES)
def test_a_deaf_meter_is_read_within_100_s_and_nothing_of_it_is_left_out(
    model: str, where: str, deaf_s: float
) -> None:
    bus = BUSES[where](VirtualClock(), deaf_s)
    is_dlt645 = load(model).is_dlt645
    setup = MeterSetup("m", load(model), None if is_dlt645 else 1, address=ADDRESS if is_dlt645 else "")
    meter = Meter(setup, bus.gap_registers_max)
    readings = poll_for(meter, bus, AFTER_S)
    bad = [at_s for at_s, reading in readings if reading.quality is not Quality.GOOD]
    assert len([at_s for at_s in bad if at_s > UNTIL_S]) <= TRIALS_BAD_MAX
    assert not [at_s for at_s in bad if at_s > AFTER_S / 2]
    assert meter.left_out == {}


def test_while_an_answer_may_still_come_nothing_is_learned_and_another_read_finds_the_meter() -> None:
    clock = VirtualClock()
    bus = ModelledMeter(clock, ledger=Ledger(), is_there=False)
    meter = Meter(MeterSetup("m", load("dlt645-2007-3p"), address=ADDRESS), 0)
    assert meter.poll(bus, PollGroup.FAST, clock).reason == "no answer"
    bus.is_there = True
    reading = meter.poll(bus, PollGroup.FAST, clock)
    assert reading.reason.startswith("not asked")
    assert len(bus.asked) > 1
    assert meter.left_out == {}
    clock.sleep(10.0)
    assert meter.poll(bus, PollGroup.FAST, clock).quality is Quality.GOOD
