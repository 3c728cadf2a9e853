"""Whatever a meter lacks: the rest of it is read, right, soon and with few requests."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.link.ledger import Ledger
from drivers.points.model import Model, Point, load
from drivers.points.plan import Span, span_of
from drivers.points.registers import RegisterType
from drivers.poll.learned import LearnedMeter
from drivers.poll.meter import SPARE_REGISTERS_MAX, Meter, MeterSetup
from drivers.reading import PollGroup, Quality, Quantity, Reading
from tests.drivers.poll.modelled_meter import ModelledMeter, VirtualClock
from tests.drivers.scripted_meter import Asked, words

FAST = PollGroup.FAST
DAY_S = 86_400.0
SDM630 = load("eastron-sdm630")
POWER_FACTOR = Span(4, 0x3E, 2)


def polls(bus: ModelledMeter, meter: Meter, number: int, every_s: float = 5.0) -> list[Reading]:
    """So many polls; every value is checked."""
    readings = []
    for _ in range(number):
        readings.append(meter.poll(bus, FAST, bus.clock))
        bus.clock.sleep(every_s)
    for block in (block for reading in readings for block in reading.blocks):
        asked = Asked(1, block.function, block.address, len(block.words) // 2)
        assert block.words == words(asked)
    return readings


def read_points(model: Model, reading: Reading) -> set[str]:
    """The points of which a reading has the registers."""
    return {
        point.name
        for point in model.group(FAST)
        if any(point.cut(block) is not None for block in reading.blocks)
    }


def there(model: Model, holes: dict[tuple[int, int], int]) -> set[str]:
    """The points that no hole touches."""
    return {
        point.name
        for point in model.group(FAST)
        if not any((point.function, at) in holes for at in range(point.address, point.address + point.count))
    }


def sdm630(**traits: object) -> tuple[ModelledMeter, Meter]:
    bus = ModelledMeter(VirtualClock(), **traits)  # type: ignore[arg-type]
    return bus, Meter(MeterSetup("m", SDM630, 1), bus.gap_registers_max)


@st.composite
def models(draw: st.DrawFn) -> Model:
    """Up to 14 points of one or two registers, somewhere among 60."""
    addresses = sorted(draw(st.sets(st.integers(0, 59), min_size=1, max_size=14)))
    points = []
    for number, address in enumerate(addresses):
        wide = draw(st.booleans()) and address + 1 not in addresses
        quantity = Quantity.ACTIVE_POWER if number == len(addresses) // 2 else Quantity.REACTIVE_POWER
        name = "active_power" if quantity is Quantity.ACTIVE_POWER else f"p{address}"
        kind = RegisterType.F32 if wide else RegisterType.U16
        points.append(Point(name, quantity, "", 3, address, kind, group=FAST))
    return Model("any", tuple(points))


@st.composite
def holes(draw: st.DrawFn) -> dict[tuple[int, int], int]:
    """Some registers that are not there: all refused, or all silent."""
    code = draw(st.sampled_from([0, 1, 2, 3, 4]))
    return {(3, at): code for at in draw(st.sets(st.integers(0, 61), max_size=12))}


@settings(deadline=None, max_examples=80)
@given(models(), holes(), st.sampled_from([4, 10, 16, 50, 125]), st.sampled_from([0, 2, 3]))
def test_exactly_what_is_there_is_read_in_the_end(
    model: Model, lacks: dict[tuple[int, int], int], most: int, too_long: int
) -> None:
    bus = ModelledMeter(VirtualClock(), holes=lacks, registers_max=most, too_long=too_long)
    meter = Meter(MeterSetup("m", model, 1), bus.gap_registers_max)
    polls(bus, meter, 80)
    asked = len(bus.asked)
    wanted = there(model, lacks)
    (last,) = polls(bus, meter, 1)
    assert read_points(model, last) == wanted
    assert (last.quality is Quality.GOOD) == bool(wanted)
    if wanted:
        missing = {one.span for one in meter.learned("x").missing}
        assert missing == {span_of(one) for one in model.points if one.name not in wanted}
        assert len(bus.asked) - asked == len(meter.spans(FAST))
        assert asked <= 81 * len(meter.spans(FAST)) + 25 * len(model.points) + 40


@settings(deadline=None, max_examples=15)
@given(
    models(), holes(), st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 0.2]), st.sampled_from([0.0, 0.2])
)
def test_with_answers_lost_at_random_no_point_that_is_there_stays_missing(
    model: Model, lacks: dict[tuple[int, int], int], seed: int, lost: float, busy: float
) -> None:
    bus = ModelledMeter(VirtualClock(), holes=lacks, lost=lost, busy=busy, chance=random.Random(seed))
    meter = Meter(MeterSetup("m", model, 1), bus.gap_registers_max)
    polls(bus, meter, 100)
    wanted = there(model, lacks)
    seen = set().union(*(read_points(model, one) for one in polls(bus, meter, 60)))
    assert seen == wanted


@pytest.mark.parametrize("lost", [0.1, 0.3, 0.5])
def test_on_a_line_that_loses_answers_a_whole_meter_stays_whole(lost: float) -> None:
    for seed in range(20):
        bus, meter = sdm630(lost=lost, chance=random.Random(seed))
        polls(bus, meter, 300)
        assert meter.learned("x").missing == ()
        assert {SDM630.point(name).name for name in there(SDM630, {})} == there(SDM630, {})


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4])
def test_a_missing_power_factor_costs_nothing_else(code: int) -> None:
    bus, meter = sdm630(holes={(4, 0x3E): code, (4, 0x3F): code})
    readings = polls(bus, meter, 10)
    assert all("active_power" in read_points(SDM630, one) for one in readings[1:])
    assert meter.spans(FAST) == (Span(4, 0, 62),)
    assert meter.left_out == {"power_factor": f"exception {code}" if code else "no answer"}


@pytest.mark.parametrize(("code", "limit"), [(0, 54), (3, 54), (2, 60)])
def test_power_and_its_companions_stay_in_one_read_where_they_fit(code: int, limit: int) -> None:
    bus, meter = sdm630(registers_max=limit, too_long=code)
    polls(bus, meter, 20)
    assert any(span.covers(Span(4, 0, 54)) for span in meter.spans(FAST))


@pytest.mark.parametrize(("code", "every_s"), [(0, 300.0), (2, 300.0)])
def test_what_is_missing_is_asked_for_again_every_day_and_read_when_it_is_there(
    code: int, every_s: float
) -> None:
    bus, meter = sdm630(holes={(4, 0x3E): code, (4, 0x3F): code})
    polls(bus, meter, 20)
    for _ in range(4):
        bus.asked.clear()
        polls(bus, meter, int(1.1 * DAY_S / every_s), every_s)
        again = [span for span in bus.asked if span == POWER_FACTOR]
        assert 1 <= len(again) <= 40
    bus.holes.clear()
    polls(bus, meter, int(1.1 * DAY_S / every_s), every_s)
    assert meter.left_out == {}
    assert meter.spans(FAST) == (Span(4, 0, 64),)


def test_a_device_that_refuses_everything_for_a_while_loses_no_point() -> None:
    bus, meter = sdm630()
    polls(bus, meter, 5)
    bus.holes = {(4, at): 2 for at in range(256)}
    assert all(one.reason == "exception 2" for one in polls(bus, meter, 30))
    bus.holes = {}
    assert all(one.quality is Quality.GOOD for one in polls(bus, meter, 5))
    assert meter.left_out == {}


def test_a_meter_that_goes_and_comes_back_loses_no_point() -> None:
    bus, meter = sdm630()
    polls(bus, meter, 5)
    bus.is_there = False
    assert all(one.reason == "no answer" for one in polls(bus, meter, 30))
    bus.is_there = True
    assert all(one.quality is Quality.GOOD for one in polls(bus, meter, 3))
    assert meter.left_out == {}


def test_what_was_learned_before_is_not_tried_again_at_a_restart_and_only_for_the_same_meter() -> None:
    bus, meter = sdm630(holes={(4, 0x3E): 0, (4, 0x3F): 0}, registers_max=60, too_long=0)
    polls(bus, meter, 20)
    plain = meter.learned("tcp://x:502").to_plain()
    learned = LearnedMeter.from_plain(plain)
    assert learned is not None
    again, other = (Meter(MeterSetup("m", SDM630, unit), bus.gap_registers_max) for unit in (1, 2))
    for one in (again, other):
        one.begin_with(learned, "tcp://x:502", bus.clock.monotonic_s())
    assert again.spans(FAST) == meter.spans(FAST)
    assert again.left_out == meter.left_out
    assert other.left_out == {}
    bus.asked.clear()
    polls(bus, again, 1)
    assert len(bus.asked) == len(again.spans(FAST))


def test_a_busy_meter_is_asked_again_in_the_same_poll_and_never_in_a_storm() -> None:
    bus, meter = sdm630(busy=0.5, chance=random.Random(5))
    readings = polls(bus, meter, 200, 2.0)
    assert sum(one.quality is Quality.GOOD for one in readings) >= 190
    bus.busy = 1.0
    bus.asked.clear()
    polls(bus, meter, 10, 2.0)
    assert len(bus.asked) <= 10 * 6


def silent_between_points(model: Model) -> dict[tuple[int, int], int]:
    """Every register that no point has, up to some after the last."""
    used = {(one.function, at) for one in model.points for at in range(one.address, one.address + one.count)}
    last = max(at for _, at in used)
    return {(function, at): 0 for function in (3, 4) for at in range(last + 16) if (function, at) not in used}


@pytest.mark.parametrize("name", ["eastron-sdm630", "gavazzi-em24", "schneider-pm5xxx"])
def test_a_meter_that_is_silent_between_its_points_loses_none_where_requests_must_differ(name: str) -> None:
    """Registers that are read to keep two reads apart must not run over what it does not answer."""
    model = load(name)
    bus = ModelledMeter(VirtualClock(), holes=silent_between_points(model), ledger=Ledger())
    bus.url = "rtu:/dev/ttyS1"
    meter = Meter(MeterSetup("m", model, 1), bus.gap_registers_max)
    readings = polls(bus, meter, 30)
    wanted = {point.name for point in model.group(FAST)}
    whole = [number for number, one in enumerate(readings) if read_points(model, one) == wanted]
    assert whole[0] < 15
    assert len(whole) >= 15
    assert meter.left_out == {}


def test_what_shows_that_a_meter_is_alive_is_read_with_registers_that_it_was_seen_to_have_alone() -> None:
    """Else one lost answer and its silence to them say that it is gone, when a longer read has met a hole."""
    power = Span(4, 52, 2)
    bus, meter = sdm630()
    assert meter.count_spare(power) == SPARE_REGISTERS_MAX
    assert meter.count_spare(power, known=True) == 0
    polls(bus, meter, 1)
    assert meter.count_spare(power, known=True) == SPARE_REGISTERS_MAX, "the whole block was answered"
    bus, meter = sdm630(holes=silent_between_points(SDM630))
    polls(bus, meter, 12)
    assert meter.count_spare(power, known=True) == 0
