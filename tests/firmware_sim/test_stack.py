"""An analyser sees what the plant emits: it follows the load, and treatment shows in it."""

import struct
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.points.model import load
from drivers.reading import EMISSIONS, Block, Quantity
from firmware_sim.device import Device
from firmware_sim.layout import Layout
from firmware_sim.plant import Plant
from firmware_sim.plant_file import PlantError, read_layout, to_layout
from firmware_sim.stack import Stack, stack_at

CEMS = """
[[meter]]
id = "a1"
model = "generic-cems"
bus = "b1"
unit_id = 9
line = "p1"
treatment = "t1"
"""
RAW = CEMS.replace('treatment = "t1"', "").replace("a1", "a2").replace("9", "10")
AT_S = 3 * 3600 + 900
"""10:45, in the middle of the works' morning and of a batch."""


def event(what: str, more: str = "") -> str:
    return f'\n[[event]]\nwhat = "{what}"\nline = "t1"\nat = {AT_S}\nduration_s = 900\n{more}'


@pytest.fixture
def seen(plant: Callable[[str], Plant], start_s: float) -> Callable[..., Stack]:
    """What an analyser of the works sees some seconds after AT_S."""

    def at(after_s: float, more: str = "", meter: str = "a1") -> Stack:
        works = plant(CEMS + RAW + more)
        return stack_at(works, works.meter(meter), start_s + AT_S + after_s)

    return at


def so2(stack: Stack) -> float:
    return stack.values[Quantity.SO2]


def test_so2_rises_within_minutes_when_treatment_is_switched_off_and_falls_when_it_is_back(
    seen: Callable[..., Stack],
) -> None:
    off = event("treatment_off")
    assert so2(seen(0, off)) < 35
    assert so2(seen(60, off)) > 100
    assert so2(seen(300, off)) > 400
    assert so2(seen(900 + 600, off)) < 35


def test_nothing_of_it_shows_in_what_treatment_does_not_change(seen: Callable[..., Stack]) -> None:
    plain, off = seen(300), seen(300, event("treatment_off"))
    for quantity in (Quantity.O2, Quantity.TEMPERATURE, Quantity.FLUE_GAS_FLOW, Quantity.FLOW):
        assert plain.values[quantity] == off.values[quantity]


@pytest.mark.parametrize("what", ["idle", "dummy"])
def test_treatment_that_takes_power_and_cleans_nothing_is_seen(what: str, seen: Callable[..., Stack]) -> None:
    assert so2(seen(300, event(what))) > 400


def test_a_fan_at_lower_speed_cleans_less(seen: Callable[..., Stack]) -> None:
    slow = so2(seen(300, event("underspeed", "frequency_hz = 30")))
    assert so2(seen(300)) * 1.2 < slow < so2(seen(300, event("treatment_off")))


def test_without_a_treatment_line_the_emission_is_seen_as_it_arises(seen: Callable[..., Stack]) -> None:
    assert so2(seen(0, meter="a2")) > 400


def test_what_is_emitted_follows_the_load_of_production(seen: Callable[..., Stack]) -> None:
    night, day = seen(-AT_S), seen(0)
    assert so2(night) < 10
    assert night.values[Quantity.O2] > 20
    assert day.values[Quantity.O2] < 14
    assert day.values[Quantity.TEMPERATURE] > night.values[Quantity.TEMPERATURE] + 30


def test_every_quantity_of_an_analyser_has_a_value_that_can_be(seen: Callable[..., Stack]) -> None:
    for at_s in range(-AT_S, 24 * 3600, 1800):
        values = seen(at_s).values
        assert values.keys() == EMISSIONS
        assert all(value >= 0 for value in values.values())
        assert values[Quantity.O2] < 21
        assert 4 < values[Quantity.PH] < 8


def test_a_moment_shows_the_same_in_every_plant_of_the_seed_and_each_analyser_its_own_noise(
    seen: Callable[..., Stack],
) -> None:
    assert seen(77) == seen(77)
    assert seen(77, meter="a1").values != seen(77, meter="a2").values


def test_an_analyser_takes_no_share_of_a_line(layout: Callable[[str], Layout]) -> None:
    assert [meter.share for meter in layout(CEMS).meters] == [1.0, 0.5, 0.5, 0.0]


@pytest.mark.parametrize("name", ["generic-cems", "generic-water"])
def test_the_registers_of_a_served_analyser_are_what_it_sees(
    name: str, plant: Callable[[str], Plant], start_s: float
) -> None:
    works = plant(CEMS.replace("generic-cems", name))
    device = Device(works.meter("a1"), works)
    model = load(name)
    answer = device.answer(3, 0, 2 * len(model.points), start_s + AT_S)
    assert isinstance(answer, bytes)
    state = stack_at(works, works.meter("a1"), start_s + AT_S)
    values = model.decode([Block(3, 0, answer)])
    assert values == pytest.approx({point.name: state.values[point.quantity] for point in model.points})


def problems_of(more: str, text: str) -> tuple[str, ...]:
    with pytest.raises(PlantError) as caught:
        to_layout(tomllib.loads(text + more))
    return caught.value.problems


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('treatment = "t1"', 'treatment = "t9"', "meter[3].treatment: unknown line 't9'; known: p1, t1"),
        ('treatment = "t1"', 'treatment = "p1"', "meter[3].treatment: 'p1' is a production line"),
        ('treatment = "t1"', "share = 0.5", "meter[3].share: unknown key"),
        ("generic-cems", "eastron-sdm630", "meter[3].treatment: unknown key"),
        ("generic-cems", "no.toml", "meter[3].model: no.toml: cannot be read: No such file or directory"),
    ],
)
def test_a_mistake_in_an_analyser_is_named(old: str, new: str, problem: str, text: str) -> None:
    assert problems_of(CEMS.replace(old, new), text)[0].startswith(problem)


def test_a_plant_serves_a_model_file_beside_it(tmp_path: Path, text: str, start_s: float) -> None:
    (tmp_path / "own.toml").write_text(
        'name = "own"\nmaker = "x"\ntitle = "x"\nverified = "document"\nprovenance = "x"\n'
        '[points]\nso2 = { function = 4, address = 100, type = "f32" }\n',
        "utf-8",
    )
    (tmp_path / "plant.toml").write_text(text + CEMS.replace("generic-cems", "own.toml"), "utf-8")
    works = Plant(read_layout(tmp_path / "plant.toml"))
    answer = Device(works.meter("a1"), works).answer(4, 100, 2, start_s + AT_S)
    assert isinstance(answer, bytes)
    assert struct.unpack(">f", answer)[0] == pytest.approx(
        stack_at(works, works.meter("a1"), start_s + AT_S).values[Quantity.SO2], rel=1e-6
    )
