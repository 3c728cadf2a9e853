"""The plant of ten meters is what its file says of it."""

from importlib.resources import as_file, files

import pytest

from firmware_sim.layout import BusKind, LineKind
from firmware_sim.plant import Plant, load_plant
from firmware_sim.wiring import Mistake, Wiring


@pytest.fixture(scope="module")
def ten() -> Plant:
    with as_file(files("firmware_sim.plants").joinpath("ten-meters.toml")) as path:
        return load_plant(path)


def test_it_has_ten_meters_of_several_models_on_three_buses(ten: Plant) -> None:
    assert len(ten.layout.meters) == 10
    assert len({meter.model.name for meter in ten.layout.meters}) >= 4
    assert sorted(bus.kind for bus in ten.layout.buses) == [BusKind.PTY, BusKind.PTY, BusKind.TCP]
    assert {line.kind for line in ten.layout.lines} == set(LineKind)
    assert all(line.meters for line in ten.layout.lines)


def test_two_meters_are_wired_wrongly_and_no_other(ten: Plant) -> None:
    wrong = {meter.id: meter.wiring for meter in ten.layout.meters if meter.wiring is not None}
    assert wrong == {
        "m3": Wiring(Mistake.CT_REVERSED, (1,)),
        "m7": Wiring(Mistake.CTS_SWAPPED, (0, 2)),
    }
    assert not ten.events
    assert not ten.layout.faults


def test_everything_runs_from_the_start_at_a_load_that_shows_its_wiring(ten: Plant) -> None:
    for line in ten.layout.lines:
        assert 0.3 < ten.power_w(line.id, ten.start_s + 60) / line.rated_w < 1
