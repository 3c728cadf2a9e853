"""Meters that are deaf after each answer, where a lost request cannot be repeated at once; virtual time."""

from collections.abc import Callable

import pytest

from drivers.dlt645.codec import FUNCTION as DLT645_FUNCTION
from drivers.dlt645.codec import NO_SUCH_DATA
from drivers.link.ledger import LATE_MAX_S, Ledger
from drivers.modbus.bus import OVERTAKEN_LEAST_S
from drivers.points.model import load
from drivers.points.plan import Span
from drivers.poll.meter import Meter, MeterSetup
from drivers.poll.pause import CALM_S
from drivers.reading import PollGroup, Quality, Reading
from tests.drivers.poll.modelled_meter import WIRE_S, ModelledMeter, VirtualClock

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


DLT645_SETUP = MeterSetup("m", load("dlt645-2007-3p"), address=ADDRESS)
FAST_IDS = [span.address for span in Meter(DLT645_SETUP, 0).spans(PollGroup.FAST)]
FEW_POLLS = 3


def good_polls(bus: ModelledMeter, every_s: float, polls: int) -> tuple[Meter, list[Reading]]:
    """So many polls of the fast group, and those of them that are good."""
    meter, good = Meter(DLT645_SETUP, bus.gap_registers_max), []
    for _ in range(polls):
        begin_s = bus.clock.now_s
        reading = meter.poll(bus, PollGroup.FAST, bus.clock)
        good += [reading] if reading.quality is Quality.GOOD else []
        bus.clock.sleep(begin_s + every_s - bus.clock.now_s)
    return meter, good


@pytest.mark.parametrize("every_s", [2.0, 5.0, 10.0, 10.3, 15.0])
@pytest.mark.parametrize("silent", [FAST_IDS[:1], FAST_IDS[-1:], FAST_IDS[1:3], FAST_IDS])
def test_data_ids_that_are_not_answered_cost_themselves_and_few_polls(
    silent: list[int], every_s: float
) -> None:
    """Over TCP a data id rests after a silence, so it is silent once a poll and not twice.

    The first poll finds nobody where the first data id is silent; at 2 s, every second one finds it resting
    until it is known.
    """
    holes = {(DLT645_FUNCTION, data_id): 0 for data_id in silent}
    bus = ModelledMeter(VirtualClock(), ledger=Ledger(), holes=holes)
    meter, good = good_polls(bus, every_s, 20)
    assert len(good) >= 20 - (FEW_POLLS if every_s >= 5 else 2 * FEW_POLLS)
    assert [block.address for block in good[-1].blocks if block.address in silent] == []
    assert meter.left_out == {}, "blocks have single ids, which it answers"


@pytest.mark.parametrize("every_s", [2.0, 5.0, 10.0, 15.0])
@pytest.mark.parametrize("deaf_s", [0.05, 0.1, 0.3, 0.5])
def test_a_deaf_meter_of_dlt645_gives_readings_from_its_first_polls_on(deaf_s: float, every_s: float) -> None:
    bus = ModelledMeter(VirtualClock(), ledger=Ledger(), deaf_s=deaf_s)
    meter, good = good_polls(bus, every_s, 40)
    assert len(good) >= 40 - FEW_POLLS - TRIALS_BAD_MAX
    bus = ModelledMeter(VirtualClock(), ledger=Ledger(), deaf_s=deaf_s)
    assert good_polls(bus, every_s, FEW_POLLS)[1]
    assert meter.left_out == {}


def test_a_refusal_of_dlt645_is_waited_for_by_its_bus_alone() -> None:
    clock = VirtualClock()
    bus = ModelledMeter(clock, holes={(DLT645_FUNCTION, data_id): NO_SUCH_DATA for data_id in FAST_IDS})
    bus.url = "dlt645:/dev/ttyS1"
    begin_s = clock.now_s
    assert Meter(DLT645_SETUP, 0).poll(bus, PollGroup.FAST, clock).quality is Quality.GOOD
    assert clock.now_s - begin_s < CALM_S + 30 * (bus.latency_s + WIRE_S)


@pytest.mark.parametrize("is_alone", [True, False])
def test_while_the_answer_to_a_block_may_come_it_is_not_asked_for_and_nothing_is_learned(
    *, is_alone: bool
) -> None:
    """A meter that is alone on its bus is waited for; beside others its values are read one by one."""
    clock = VirtualClock()
    bus = ModelledMeter(clock, ledger=Ledger(), is_there=False)
    meter = Meter(MeterSetup("m", load("dlt645-2007-3p"), address=ADDRESS), 0)
    assert meter.poll(bus, PollGroup.FAST, clock).reason == "no answer"
    if not is_alone:
        meter.shared.answered_s[1] = clock.now_s
    bus.is_there = True
    assert meter.poll(bus, PollGroup.FAST, clock).quality is Quality.GOOD
    block = bus.asked[0]
    assert (block in bus.asked[1:]) == is_alone
    assert all(at_s >= bus.at_s[0] + OVERTAKEN_LEAST_S for at_s in times(bus, block)[1:])
    assert meter.left_out == {}
    clock.sleep(LATE_MAX_S)
    assert meter.poll(bus, PollGroup.FAST, clock).quality is Quality.GOOD
    assert block in bus.asked[1:]


def times(bus: ModelledMeter, span: Span) -> list[float]:
    """When a read was asked for."""
    return [at_s for asked, at_s in zip(bus.asked, bus.at_s, strict=True) if asked == span]
