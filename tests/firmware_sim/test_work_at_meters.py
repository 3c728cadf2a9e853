"""What a person does at a meter while the plant runs: wiring put right, its supply, a clamp meter."""

import math
from importlib.resources import as_file, files

import pytest

from drivers.clock import NS_PER_S, ScaledClock
from firmware_sim.control import ControlPort
from firmware_sim.plant import Plant, load_plant
from firmware_sim.wiring import Mistake, Wiring, parse_wiring

LINES = ("p1", "t1")


@pytest.fixture
def ten() -> Plant:
    with as_file(files("firmware_sim.plants").joinpath("ten-meters.toml")) as path:
        return load_plant(path)


@pytest.fixture
def port(ten: Plant, tmp_path: object) -> ControlPort:
    return ControlPort(ten, ScaledClock(1.0, int(ten.start_s * NS_PER_S)), tmp_path / "sock")  # type: ignore[operator]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("right", None),
        ("ct_reversed l2", Wiring(Mistake.CT_REVERSED, (1,))),
        ("CT_REVERSED", Wiring(Mistake.CT_REVERSED)),
        ("cts_swapped l1 l3", Wiring(Mistake.CTS_SWAPPED, (0, 2))),
        ("wrong_ratio 2 L1", Wiring(Mistake.WRONG_RATIO, (0,), 2.0)),
        ("other_cable p1", Wiring(Mistake.OTHER_CABLE, line="p1")),
    ],
)
def test_a_wiring_is_typed_in_plain_words(typed: str, meant: Wiring | None) -> None:
    assert parse_wiring(typed.split(), LINES) == meant


@pytest.mark.parametrize(
    "typed",
    [
        *("wrong", "right l1", "cts_swapped l1", "cts_swapped l1 l1", "cts_rotated l1", "same_phase"),
        *("ct_open 3", "wrong_ratio", "wrong_ratio nan", "wrong_ratio 0", "other_cable", "other_cable p9"),
    ],
)
def test_another_wiring_is_refused_in_one_line(typed: str) -> None:
    with pytest.raises(ValueError, match=r"\A[^\n]+\Z"):
        parse_wiring(typed.split(), LINES)


def test_wiring_that_is_put_right_shows_the_load_and_its_counters_go_on(
    ten: Plant, port: ControlPort
) -> None:
    at_s = math.floor(ten.start_s) + 600
    before = ten.electrical("m3", at_s)
    assert before.phases[1].active < 0
    assert ten.rewire("m3", None, at_s + 0.5) == at_s + 1
    assert ten.electrical("m3", at_s) == before  # the time before does not change
    after = ten.electrical("m3", at_s + 1)
    assert after.phases[1].active > 0
    assert 0 <= after.energy_import_wh - before.energy_import_wh < 45_000 / 3600 * 2
    ten.rewire("m3", Wiring(Mistake.CT_OPEN, (0,)), at_s + 1)
    assert ten.electrical("m3", at_s + 2).phases[0].current == 0
    assert port.answer("wiring m3 right")["to"] == "right"
    assert ten.rewired[-1] == ("m3", None)


def test_a_meter_without_supply_is_silent_until_it_has_it_again(ten: Plant, port: ControlPort) -> None:
    assert port.answer("supply m4 off") == {"meter": "m4", "to": "off"}
    assert [one for one in ten._meters if ten.is_silent(one, ten.start_s)] == ["m4"]
    port.answer("supply m4 on")
    assert not ten.is_silent("m4", ten.start_s)


def test_a_clamp_meter_shows_the_cable_whatever_the_wiring_of_the_meter(
    ten: Plant, port: ControlPort
) -> None:
    right = port.answer("clamp m1")["amps"]
    for wiring in (Wiring(Mistake.CT_OPEN), Wiring(Mistake.WRONG_RATIO, ratio=2.0)):
        ten.rewire("m1", wiring, ten.start_s)
        assert port.answer("clamp m1")["amps"] == pytest.approx(right, rel=0.05)
    shown = [phase.current for phase in ten.electrical("m5", ten.start_s).phases]
    assert ten.clamp("m5", ten.start_s) == pytest.approx(shown)


@pytest.mark.parametrize(
    "typed", ["wiring", "wiring m3", "wiring m33 right", "wiring m3 left", "supply m3", "clamp", "clamp m99"]
)
def test_work_at_a_meter_that_is_said_wrongly_is_answered_in_one_line(port: ControlPort, typed: str) -> None:
    answer = port.answer(typed)
    assert list(answer) == ["error"]
    assert len(answer["error"].splitlines()) == 1
