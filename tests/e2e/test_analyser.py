"""An emission analyser with a model of the site's own, from its registers to the values at the centre."""

import json
from pathlib import Path

import pytest

from provisioning.demo.parts import Part
from tests.e2e.plant import PLANT, SmallPlant, small_plant
from tests.e2e.test_once import agent, dianjian, run_once

pytestmark = pytest.mark.e2e

TEMPLATE = Path(__file__).parent.parent.parent / "drivers/models/generic-cems.toml"
UNIT = 9
SIM_METER = f"""
[[meter]]
id = "cems"
model = "models/our-cems.toml"
bus = "b1"
unit_id = {UNIT}
line = "p1"
treatment = "t1"
"""
SITE_METER = f"""
[[meter]]
id = "cems"
bus = "b2"
unit_id = {UNIT}
model = "models/our-cems.toml"
fast_s = 0.5
"""


def our_model() -> str:
    """The template as a site changes it: its own name, other registers, one quantity fewer."""
    text = TEMPLATE.read_text("utf-8").partition("[[golden]]")[0]
    text = text.replace('name = "generic-cems"', 'name = "our-cems"').replace("function = 3", "function = 4")
    kept = [line for line in text.splitlines() if not line.startswith("pm = ")]
    return "\n".join(kept).replace("address = 0x00", "address = 0x40") + "\n"


def with_analyser(plant: SmallPlant) -> tuple[Part, str]:
    """Put an analyser on a bus of its own, and its model below the site file; its simulator and its bus."""
    (plant.folder / "models").mkdir()
    (plant.folder / "models/our-cems.toml").write_text(our_model(), "utf-8")
    (plant.folder / "stack.toml").write_text(PLANT.format(meters=SIM_METER), "utf-8")
    command = ["firmware_sim.main", "serve", str(plant.folder / "stack.toml")]
    simulator = Part("stack", command, plant.folder)
    simulator.start()
    url = simulator.first_line()["buses"]["b1"]
    site = plant.folder / "site.toml"
    site.write_text(site.read_text("utf-8") + f'\n[[bus]]\nid = "b2"\nurl = "{url}"\n{SITE_METER}', "utf-8")
    return simulator, url


def at_the_centre(plant: SmallPlant) -> list[dict[str, object]]:
    """The lines of the analyser, as the subscriber printed them."""
    lines = [json.loads(line) for line in plant.verified.path.read_text("utf-8").splitlines()]
    return [line for line in lines if line.get("meter") == "cems" and line["type"] == "reading"]


def test_an_analyser_of_the_sites_own_is_sealed_and_decoded_at_the_centre_as_the_gateway_read_it(
    tmp_path: Path,
) -> None:
    with small_plant(tmp_path) as plant:
        simulator, url = with_analyser(plant)
        try:
            assert agent("check", "--config", str(tmp_path / "site.toml")).returncode == 0
            plant.subscriber.start()
            plant.subscriber.first_line()
            ended = run_once(plant)
            model = str(tmp_path / "models/our-cems.toml")
            shown = dianjian("read", url, "--unit", str(UNIT), "--model", model)
        finally:
            simulator.stop()
        assert ended.returncode == 0, ended.stderr
        *read, last = [json.loads(line) for line in ended.stdout.splitlines()]
        (mine,) = [line for line in read if line["meter"] == "cems"]
        assert last["receipted"] == last["seals"]
        assert (mine["line"], mine["group"]) == (None, "fast")
        assert set(mine["values"]) == {"so2", "nox", "o2", "flue_gas_flow", "temperature"}
        assert 1 < mine["values"]["so2"] < 60, "p1 works and t1 treats"
        assert next(line.split()[0::2] for line in shown.stdout.splitlines()) == ["so2", "mg/m3"]
        plant.until(lambda: len(at_the_centre(plant)) == 1, "the analyser's reading at the centre")
        (line,) = at_the_centre(plant)
        assert line["values"] == mine["values"]
        assert line["line"] is None


def test_a_running_agent_shows_the_analyser_with_its_units(tmp_path: Path) -> None:
    with small_plant(tmp_path) as plant:
        simulator, _ = with_analyser(plant)
        try:
            plant.subscriber.start()
            plant.subscriber.first_line()
            plant.agent.start()
            plant.until(lambda: len(at_the_centre(plant)) > 1, "readings of the analyser at the centre")
            status = dianjian("status", "--config", str(tmp_path / "site.toml"))
        finally:
            simulator.stop()
        (row,) = [row for row in status.stdout.splitlines() if row.startswith("cems ")]
        assert "so2" in row
        assert "mg/m3" in row
