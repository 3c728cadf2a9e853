"""Every shipped model is served over a socket, polled once by our driver, and says what the plant is like."""

from collections.abc import Iterator

import pytest

from drivers.clock import Clock, SystemClock
from drivers.points import model as meter_models
from drivers.poll.bus import open_bus
from drivers.poll.meter import Meter, MeterSetup
from drivers.reading import EMISSIONS, Block, Quality, Quantity
from firmware_sim.device import Device
from firmware_sim.layout import BusKind, BusPlan, BusProtocol, Layout, LineKind, LinePlan, MeterPlan
from firmware_sim.plant import Plant
from firmware_sim.server import Server
from firmware_sim.signals import Profile, Shape
from tests.firmware_sim.conftest import StillClock
from tests.firmware_sim.test_device import MEASURED

NAMES = tuple(meter_models.names())
BUSES = {
    BusProtocol.MODBUS: BusPlan("modbus", BusKind.TCP, turnaround_s=0.0),
    BusProtocol.DLT645: BusPlan("dlt645", BusKind.RTU_TCP, turnaround_s=0.0, protocol=BusProtocol.DLT645),
}


def all_models(start_s: float) -> Plant:
    """A plant with one meter of each model."""
    meters = []
    for number, name in enumerate(NAMES, 1):
        model = meter_models.load(name)
        called = {"unit_id": 0, "address": f"{number:012d}"} if model.is_dlt645 else {"unit_id": number}
        bus = BusProtocol.DLT645 if model.is_dlt645 else BusProtocol.MODBUS
        meters.append(MeterPlan(name, model, bus.value, line="line", share=0.02, **called))
    line = LinePlan("line", LineKind.PRODUCTION, 1e6, Profile(Shape.CONTINUOUS, level=0.8), NAMES)
    return Plant(Layout(start_s, 3, tuple(BUSES.values()), (line,), tuple(meters)))


@pytest.fixture(scope="module")
def served(start_s: float) -> Iterator[tuple[Plant, dict[str, str]]]:
    works = all_models(start_s)
    with Server(works, StillClock(start_s + 60)) as server:
        yield works, dict(server.urls)


def polled(works: Plant, urls: dict[str, str], name: str, clock: Clock) -> list[Block]:
    """The answers to one poll of each group that the model has."""
    plan = works.meter(name)
    bus = open_bus(urls[plan.bus], clock)
    unit_id = None if plan.address else plan.unit_id
    meter = Meter(MeterSetup(name, plan.model, unit_id, address=plan.address), bus.gap_registers_max)
    try:
        readings = [meter.poll(bus, group, clock) for group in meter.setup.intervals_s]
    finally:
        bus.close()
    assert [reading.reason for reading in readings if reading.quality is not Quality.GOOD] == []
    return [block for reading in readings for block in reading.blocks]


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_served_and_read_by_our_driver(
    served: tuple[Plant, dict[str, str]], name: str, start_s: float
) -> None:
    works, urls = served
    values = works.meter(name).model.decode(polled(works, urls, name, SystemClock()))
    state = Device(works.meter(name), works)._state(start_s + 60)
    checked = 0
    for point in works.meter(name).model.points:
        wanted = state.value(point.quantity, point.phase)
        if point.name not in values or wanted is None or point.phase == "n":
            continue
        if point.quantity in MEASURED or point.quantity in EMISSIONS:
            slack = MEASURED.get(point.quantity, 0.1)
            assert values[point.name] == pytest.approx(wanted, abs=slack, rel=2e-3), point.name
            checked += 1
        elif point.quantity is Quantity.ACTIVE_ENERGY_IMPORT:
            assert values[point.name] == pytest.approx(wanted, rel=1e-3, abs=1000), point.name
            checked += 1
    assert checked >= 2
