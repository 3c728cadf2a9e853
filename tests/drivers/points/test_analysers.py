"""Emission analysers: models that measure what a plant emits, from a file of the site's own."""

import struct
from pathlib import Path

import pytest

from drivers.clock import SystemClock
from drivers.points.model import Model, load, load_file
from drivers.points.point import over, times
from drivers.poll.bus import open_bus
from drivers.reading import EMISSIONS, UNITS, Block, PollGroup, Quantity
from drivers.search.identify import identify
from tests.drivers.scripted_meter import Asked, ScriptedMeter, on_tcp

OWN = """
name = "our-analyser"
maker = "Ours"
title = "The analyser of the second stack"
verified = "document"
provenance = "Manual of the maker"

[defaults]
function = 4
type = "f32"

[points]
so2 = { address = 0x10, scale = 2.86 } # ppm
nh3_n = { address = 0x12 }
ph = { address = 0x14, type = "u16", scale = 0.01 }
temperature = { address = 0x15, type = "s16", scale = 0.1 }
so2_inlet = { address = 0x16, quantity = "so2" }
"""


@pytest.fixture
def own(tmp_path: Path) -> Model:
    file = tmp_path / "our-analyser.toml"
    file.write_text(OWN, "utf-8")
    return load_file(file)


def test_a_model_of_the_sites_own_says_what_the_analyser_measures(own: Model) -> None:
    words = struct.pack(">ffHhf", 10.0, 2.5, 712, -35, 900.0)
    values = own.decode([Block(4, 0x10, words)])
    assert values == pytest.approx(
        {"so2": 28.6, "nh3_n": 2.5, "ph": 7.12, "temperature": -3.5, "so2_inlet": 900.0}
    )


def test_the_end_of_a_quantitys_own_name_is_no_phase(own: Model) -> None:
    assert (own.point("nh3_n").quantity, own.point("nh3_n").phase) == (Quantity.NH3_N, "")
    assert Model.from_table(own.table()).point("nh3_n") == own.point("nh3_n")


@pytest.mark.parametrize("quantity", sorted(EMISSIONS))
def test_what_an_analyser_measures_can_be_named_by_its_quantity_alone(
    quantity: Quantity, tmp_path: Path
) -> None:
    file = tmp_path / "one.toml"
    file.write_text(f"{OWN.partition('[points]')[0]}[points]\n{quantity} = {{ address = 1 }}\n", "utf-8")
    (point,) = load_file(file).points
    assert (point.quantity, point.phase, point.group) == (quantity, "", PollGroup.FAST)
    assert quantity in UNITS or quantity is Quantity.PH


def test_an_analyser_is_told_from_a_meter_by_what_it_measures(own: Model) -> None:
    assert own.is_analyser
    assert not load("eastron-sdm630").is_analyser
    assert not load("dlt645-2007-3p").is_analyser


def test_an_analyser_is_never_named_because_its_numbers_are_possible(own: Model) -> None:
    asked: list[tuple[int, int]] = []

    def noted(request: Asked, device: ScriptedMeter) -> None:
        asked.append((request.function, request.address))
        device.send(device.reply(request, (struct.pack(">f", 35.0) * request.count)[: 2 * request.count]))

    with on_tcp(noted) as device:
        bus = open_bus(device.url, SystemClock())
        assert identify(bus, 1, [own], SystemClock()).matches == ()
        bus.close()
    assert (4, 0x10) not in asked


@pytest.mark.parametrize("factor", [2.86, 2.5, 16.5, 0.7, 0.1, 1e9 + 0.5])
def test_any_factor_makes_a_value_and_the_way_back(factor: float) -> None:
    assert over(times(100.0, factor), factor) == pytest.approx(100.0)
