"""A DL/T 645 meter beside a Modbus one: read, sealed, verified and decoded at the centre."""

import json
from pathlib import Path

import pytest

from provisioning.demo.parts import Part
from tests.e2e.plant import PLANT, SmallPlant, small_plant
from tests.e2e.test_once import dianjian, run_once

pytestmark = pytest.mark.e2e

ADDRESS = "202600000417"
BUS = '[[bus]]\nid = "b1"\nkind = "tcp"'
DLT645_METER = f"""
[[meter]]
id = "m2"
model = "dlt645-2007-3p"
bus = "b1"
address = "{ADDRESS}"
line = "t1"
ct_ratio = 40
"""


def with_dlt645_meter(plant: SmallPlant) -> Part:
    """Put a DL/T 645 meter on a pty of its own in the place of the second meter."""
    text = PLANT.format(meters=DLT645_METER)
    assert text.count(BUS) == 1
    pty = '[[bus]]\nid = "b1"\nkind = "pty"\nprotocol = "dlt645"\nbaudrate = 9600'
    (plant.folder / "line.toml").write_text(text.replace(BUS, pty), "utf-8")
    simulator = Part("line", ["firmware_sim.main", "serve", str(plant.folder / "line.toml")], plant.folder)
    simulator.start()
    site = plant.folder / "site.toml"
    modbus = 'id = "m2"\nbus = "b1"\nunit_id = 2\nmodel = "eastron-sdm630"'
    dlt645 = f'id = "m2"\nbus = "b2"\naddress = "{ADDRESS}"\nmodel = "dlt645-2007-3p"\nct_ratio = 40'
    site_text = site.read_text("utf-8")
    assert site_text.count(modbus) == 1
    url = simulator.first_line()["buses"]["b1"]
    site_text = site_text.replace(modbus, dlt645) + f'\n[[bus]]\nid = "b2"\nurl = "{url}"\n'
    site.write_text(site_text, "utf-8")
    return simulator


def test_a_dlt645_meter_is_sealed_and_decoded_at_the_centre_as_the_gateway_read_it(tmp_path: Path) -> None:
    with small_plant(tmp_path) as plant:
        simulator = with_dlt645_meter(plant)
        try:
            plant.subscriber.start()
            plant.subscriber.first_line()
            ended = run_once(plant)
        finally:
            simulator.stop()
        assert ended.returncode == 0, ended.stderr
        *read, last = [json.loads(line) for line in ended.stdout.splitlines()]
        mine = {line["group"]: line["values"] for line in read if line["meter"] == "m2"}
        assert last["receipted"] == last["seals"]
        assert mine["fast"]["active_power"] == pytest.approx(22_000 * 0.8, rel=0.2)
        assert mine["identity"]["meter_address"] == ADDRESS
        plant.until(lambda: len(at_the_centre(plant)) == 3, "all groups of the meter at the centre")
        assert at_the_centre(plant) == mine
        plant.subscriber.stop()
        _, forks, report = plant.centre()
        assert not forks
        assert report.ok


def at_the_centre(plant: SmallPlant) -> dict[str, dict[str, object]]:
    """The values of the meter by group, as the subscriber printed them."""
    lines = [json.loads(line) for line in plant.verified.path.read_text("utf-8").splitlines()]
    return {line["group"]: line["values"] for line in lines if line.get("meter") == "m2" and "values" in line}


def test_read_and_scan_speak_dlt645_and_say_in_one_line_what_does_not_fit(tmp_path: Path) -> None:
    text = PLANT.format(meters=DLT645_METER).replace(BUS, f'{BUS}\nprotocol = "dlt645"')
    (tmp_path / "line.toml").write_text(text, "utf-8")
    simulator = Part("line", ["firmware_sim.main", "serve", str(tmp_path / "line.toml")], tmp_path)
    simulator.start()
    try:
        url = simulator.first_line()["buses"]["b1"]
        scanned = dianjian("scan", url, "--json")
        words = ("read", url, "--model", "dlt645-2007-3p", "--ct", "40", "--json")
        read = dianjian(*words, "--address", ADDRESS)
        unit = dianjian(*words, "--unit", "3")
        modbus = dianjian("read", url, "--model", "eastron-sdm630")
        silent = dianjian(*words, "--address", "000000000001")
    finally:
        simulator.stop()
    assert [json.loads(line) for line in scanned.stdout.splitlines()] == [
        {"address": ADDRESS, "how": "answers", "model": "dlt645-2007-3p", "certain": False, "url": url}
    ]
    read_out = json.loads(read.stdout)
    assert (read_out["address"], read_out["quality"], read.returncode) == (ADDRESS, "good", 0)
    assert read_out["values"]["active_power"] == pytest.approx(22_000 * 0.8, rel=0.2)
    for wrong, code, site_text in (
        (unit, 2, "needs --address with its 12 digits"),
        (modbus, 2, "speaks Modbus"),
        (silent, 1, "meter 000000000001"),
    ):
        assert wrong.returncode == code
        assert site_text in wrong.stderr
        assert len(wrong.stderr.splitlines()) == 1
