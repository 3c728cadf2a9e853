"""A simulated meter answers what the driver's own model decodes to the plant's state."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.points import model as meter_models
from drivers.reading import Block, Quantity
from firmware_sim.device import REFRESH_S, Device, Image
from firmware_sim.layout import Layout, LineKind, LinePlan, MeterPlan
from firmware_sim.plant import Plant
from firmware_sim.signals import Profile, Shape

MEASURED = {
    Quantity.VOLTAGE: 0.2,
    Quantity.CURRENT: 0.02,
    Quantity.ACTIVE_POWER: 20.0,
    Quantity.REACTIVE_POWER: 20.0,
    Quantity.APPARENT_POWER: 20.0,
    Quantity.POWER_FACTOR: 0.01,
    Quantity.FREQUENCY: 0.1,
}
"""How far a value may be from the state: the coarsest step of any shipped model at its ratio."""


def device_of(name: str, start_s: float, **keys: float) -> Device:
    meter = MeterPlan("m", meter_models.load(name), "b", 1, "line", **keys)
    line = LinePlan("line", LineKind.PRODUCTION, 40_000, Profile(Shape.CONTINUOUS), ("m",))
    return Device(meter, Plant(Layout(start_s, 5, (), (line,), (meter,))))


def blocks_of(image: Image) -> list[Block]:
    return [Block(function, address, words) for (function, address), words in joined(image).items()]


def joined(image: Image) -> Image:
    runs: Image = {}
    last = start = None
    for (function, address), word in sorted(image.items()):
        if last is None or (function, address) != (last[0], last[1] + 1):
            start = (function, address)
            runs[start] = b""
        runs[start] += word
        last = (function, address)
    return runs


@pytest.mark.parametrize(
    "name", [name for name in meter_models.names() if not meter_models.load(name).is_analyser]
)
def test_every_shipped_meter_shows_the_state_of_the_plant(name: str, start_s: float) -> None:
    device = device_of(name, start_s, ct_ratio=20.0, power_factor=0.9)
    t_s = start_s + 777
    state = device.plant.electrical("m", t_s)
    decoded = device.plan.model.decode(blocks_of(device.image(t_s)), ct_ratio=20.0)
    checked = 0
    for point in device.plan.model.points:
        wanted = state.value(point.quantity, point.phase)
        if point.quantity not in MEASURED or wanted is None or point.phase == "n":
            continue
        assert decoded[point.name] == pytest.approx(wanted, abs=MEASURED[point.quantity], rel=2e-3), (
            point.name
        )
        checked += 1
    assert checked >= 1
    assert any(point.quantity is Quantity.ACTIVE_POWER for point in device.plan.model.points)


@pytest.mark.parametrize("name", meter_models.names())
def test_every_shipped_model_is_known_by_its_fingerprints(name: str, start_s: float) -> None:
    device = device_of(name, start_s)
    for mark in device.plan.model.fingerprints:
        words = device.answer(mark.function, mark.address, mark.count, start_s)
        assert isinstance(words, bytes)
        assert mark.matches(words)


@pytest.mark.parametrize("name", meter_models.names())
def test_counters_of_every_shipped_model_only_grow(name: str, start_s: float) -> None:
    device = device_of(name, start_s)
    energies = []
    for hour in range(0, 48, 6):
        values = device.plan.model.decode(blocks_of(device.image(start_s + 3600 * hour)))
        energies.append(values.get("active_energy_import"))
    if energies[0] is not None:
        assert energies == sorted(energies)
        assert energies[-1] - energies[0] == pytest.approx(0.75 * 40_000 * 42, rel=0.1)


def test_registers_change_once_a_second(start_s: float) -> None:
    device = device_of("eastron-sdm630", start_s)
    first = device.image(start_s)
    assert device.image(start_s + REFRESH_S * 0.99) is first
    assert device.image(start_s + REFRESH_S) != first


def test_two_meters_have_two_serial_numbers_that_stay(plant: Callable[..., Plant]) -> None:
    works = plant()
    serials = {Device(meter, works)._fixed.get("serial_number") for meter in works.layout.meters[:2]}
    again = {Device(meter, works)._fixed.get("serial_number") for meter in works.layout.meters[:2]}
    assert len(serials) == 2
    assert serials == again


@pytest.mark.parametrize(
    ("function", "address", "count", "answer"),
    [
        (4, 0, 6, 12),
        (4, 0, 0, 3),
        (4, 0, 126, 3),
        (4, 0, 81, 3),  # this meter answers 80 registers at most
        (4, 0x7000, 2, 2),
        (4, 0x0, 0x14, 40),
    ],
)
def test_reads_are_answered_or_refused_as_by_the_meter(
    start_s: float, function: int, address: int, count: int, answer: int
) -> None:
    got = device_of("eastron-sdm630", start_s).answer(function, address, count, start_s)
    assert (len(got) if isinstance(got, bytes) else got) == answer


def test_a_function_that_the_meter_has_not_is_refused(start_s: float) -> None:
    device = device_of("chint-dtsu666", start_s)
    assert all(function == 3 for function, _ in device.image(start_s))
    assert device.answer(4, 0x2012, 2, start_s) == 1


def test_a_strict_meter_refuses_holes_that_others_fill_with_zeros(start_s: float) -> None:
    loose, strict = (device_of("eastron-sdm630", start_s, strict_holes=strict) for strict in (False, True))
    image = loose.image(start_s)
    hole = next(
        a for a in range(0x34, 0x300) if (4, a) in image and (4, a + 2) not in image and (4, a + 1) in image
    )
    assert loose.answer(4, hole, 4, start_s) == image[4, hole] + image[4, hole + 1] + bytes(4)
    assert strict.answer(4, hole, 4, start_s) == 2
    assert strict.answer(4, hole, 2, start_s) == loose.answer(4, hole, 2, start_s)


@settings(deadline=None, max_examples=60)
@given(
    name=st.sampled_from(meter_models.names()),
    function=st.integers(3, 4),
    address=st.integers(0, 0xFFFF),
    count=st.integers(0, 130),
)
def test_any_read_has_a_whole_answer_or_a_known_refusal(
    start_s: float, name: str, function: int, address: int, count: int
) -> None:
    answer = device_of(name, start_s).answer(function, address, count, start_s)
    assert answer in {1, 2, 3} or len(answer) == 2 * count
