"""Meters that the doctor asks himself, and those that a running agent asks for him."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.overview import overview
from agent.status.socket import StatusSocket
from drivers.poll.logger_bus import SILENT
from provisioning.demo.parts import Part
from provisioning.doctor.finding import Finding, State
from provisioning.doctor.verb import CHECKS
from tests.agent.rig import Rig
from tests.provisioning.doctor.place import METER, bad, lines, look, place, the_bad

BY_NAME = {check.name: check for check in CHECKS}
WRONG = ("acrel-adw300", "gavazzi-em340", "schneider-pm5xxx", "sunspec-203")
"""Those of the same family, with the same registers, nobody can tell apart."""
METERS, BUSES = BY_NAME["meters"], BY_NAME["buses"]
PLANT = """
[plant]
start = 2026-03-02T07:30:00+08:00
seed = 7
[[bus]]
id = "b1"
kind = "tcp"
[[line]]
id = "p1"
kind = "production"
rated_w = 60000
profile = { shape = "continuous", level = 0.7 }
[[line]]
id = "t1"
kind = "treatment"
rated_w = 22000
profile = { shape = "continuous", level = 0.8 }
[[meter]]
id = "m1"
model = "eastron-sdm630"
bus = "b1"
unit_id = 1
line = "p1"
[[meter]]
id = "m2"
model = "eastron-sdm630"
bus = "b1"
unit_id = 2
line = "t1"
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bus of a plant of simulated meters."""
    folder = tmp_path_factory.mktemp("plant")
    (folder / "plant.toml").write_text(PLANT, "utf-8")
    simulator = Part("simulator", ["firmware_sim.main", "serve", str(folder / "plant.toml")], folder)
    simulator.start()
    yield simulator.first_line()["buses"]["b1"]
    simulator.stop()


def test_meters_that_are_what_the_site_file_says_are_good(tmp_path: Path, url: str) -> None:
    file = place(tmp_path, seals=False, changes=[("tcp://127.0.0.1", url)])
    found = look(file, METERS)
    assert lines(found) == [("meters mp", State.OK), ("meters mt", State.OK)]
    assert "serial" in found[0].text.en


def test_a_meter_that_is_absent_is_named_and_the_others_are_asked(tmp_path: Path, url: str) -> None:
    more = METER.format(id="gone", unit=77, model="eastron-sdm630", line="p1")
    file = place(tmp_path, seals=False, more=more, changes=[("tcp://127.0.0.1", url)])
    found = look(file, METERS)
    assert [one.about for one in found] == ["mp", "mt", "gone"]
    one = the_bad(found)
    assert (one.state, one.about) == (State.FAILED, "gone")
    assert "dianjian scan" in str(one.remedy)


@pytest.mark.parametrize("model", WRONG)
def test_a_meter_of_another_model_is_told_with_the_command_that_names_it(
    tmp_path: Path, url: str, model: str
) -> None:
    changes = [
        ("tcp://127.0.0.1", url),
        ('unit_id = 2\nmodel = "eastron-sdm630"', f'unit_id = 2\nmodel = "{model}"'),
    ]
    one = the_bad(look(place(tmp_path, seals=False, changes=changes), METERS))
    assert (one.state, one.about) == (State.FAILED, "mt")
    assert f"it is no {model}" in one.text.en
    assert "dianjian identify" in str(one.remedy)
    assert "--unit 2" in str(one.remedy)


def test_a_bus_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    file = place(tmp_path, seals=False, changes=[("tcp://127.0.0.1", "tcp://127.0.0.1:1")])
    one = the_bad(look(file, METERS))
    assert (one.check, one.about) == ("buses", "b1")


def remember(folder: Path, values: dict[str, Any]) -> None:
    """A chain that remembers this of meter mp."""
    rig = Rig(folder / "rig")
    setup = rig.parts.judging.feed.setups["mp"]
    from agent.tamper.settings import _Known  # noqa: PLC0415
    from agent.tamper.settling import Settling  # noqa: PLC0415

    points = {name: Settling(value) for name, value in values.items()}
    rig.parts.judging.checkpoints.checks["meters"]._known["mp"] = _Known(setup.model.hash, points)
    rig.parts.judging.checkpoints.save_checks()
    rig.gateway.sealing.store.flush()
    rig.close()
    (folder / "rig/state").rename(folder / "g1")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"serial_number": 1}, "another meter: serial 1 → "),
        ({"active_energy_import": 5.0}, None),
    ],
)
def test_a_meter_is_held_against_what_the_chain_remembers(
    tmp_path: Path, url: str, values: dict[str, Any], said: str | None
) -> None:
    file = place(tmp_path, seals=False, changes=[("tcp://127.0.0.1", url)])
    remember(tmp_path, values)
    found = look(file, METERS)
    if said is None:
        assert not bad(found)
    else:
        one = the_bad(found)
        assert (one.state, one.about) == (State.WARNING, "mp")
        assert said in one.text.en


def beside(folder: Path, status: dict[str, Any]) -> list[Finding]:
    """What is found beside an agent that says this of itself."""
    file = place(folder, seals=False, changes=[("tcp://127.0.0.1", "tcp://127.0.0.1:1")])
    (folder / "g1").mkdir()
    socket = StatusSocket(folder / "g1")

    def serve() -> None:
        while not (readers := socket.waiting()):
            time.sleep(0.01)
        for reader in readers:
            socket.answer(reader, status)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        return look(file, BUSES, METERS)
    finally:
        thread.join()
        socket.close()


def bus(**changes: object) -> dict[str, Any]:
    names = ("requests", "timeouts", "crc_errors", "foreign", "late", "exceptions", "collisions", "reopened")
    return {
        "bus": "b1",
        "url": "tcp://x",
        "load_percent": 10.0,
        **dict.fromkeys(names, 0),
        "meters": [],
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"requests": 1000, "timeouts": 40}, State.OK),
        ({"requests": 1000, "timeouts": 40, "crc_errors": 11}, State.WARNING),
        ({"requests": 10, "timeouts": 10}, State.OK),
        ({"load_percent": 85.1}, State.WARNING),
        ({"collisions": 1}, State.FAILED),
    ],
)
def test_a_bus_is_judged_by_what_the_agent_counted(
    tmp_path: Path, changes: dict[str, Any], state: State
) -> None:
    found = beside(tmp_path, {"gateway": "g1", "buses": [bus(**changes)], "meters": []})
    assert lines(found) == [("buses b1", state)]


def test_of_many_buses_those_in_order_are_one_line_and_each_other_is_named(tmp_path: Path) -> None:
    buses = [bus(bus=f"b{number}", load_percent=number / 2) for number in range(100)]
    buses[40] |= {"collisions": 1}
    buses[60] |= {"requests": 1000, "timeouts": 500}
    found = beside(tmp_path, {"gateway": "g1", "buses": buses, "meters": []})
    assert lines(found) == [("buses b40", State.FAILED), ("buses b60", State.WARNING), ("buses", State.OK)]
    assert found[-1].text.en == "98 buses are in order, the highest load is 50 %"
    assert found[-1].text.zh == "98 条总线正常，占用最高 50 %"


def test_beside_a_running_agent_its_readings_are_told_and_no_meter_is_asked(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "rig")
    rig.run(10, 30_000, None)
    status = json.loads(json.dumps(overview(rig.parts, rig.stamp())))
    rig.close()
    found = beside(tmp_path, status)
    assert [(one.about, one.state) for one in found] == [("mt", State.FAILED), ("", State.OK)]
    assert "no answer" in found[0].text.en


def test_a_data_logger_that_is_silent_is_looked_for_at_the_logger_and_not_at_a_cable(tmp_path: Path) -> None:
    row = {"meter": "cems", "quality": "bad", "reason": SILENT, "values": {}}
    (one,) = beside(tmp_path, {"gateway": "g1", "buses": [], "meters": [row]})
    assert (one.about, one.state) == ("cems", State.FAILED)
    assert "data logger" in str(one.remedy)
