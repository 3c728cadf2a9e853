"""A device with two meters in it becomes two meters of the site, each read by its own registers."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.site.file import ConfigError, load_site
from agent.site.setups import setups_of
from drivers.clock import SystemClock
from drivers.poll.bus import open_bus
from drivers.poll.meter import Meter
from drivers.reading import PollGroup
from provisioning.cli import cli
from tests.counterparts.bus import SerialBus
from tests.counterparts.device import Device
from tests.counterparts.ports import TcpPort, serve
from tests.counterparts.sunspec import Common, Inverter, SunspecMap, sunspec_map
from tests.counterparts.sunspec import Meter as DeviceMeter

LINE = '\n[[line]]\nid = "p1"\nkind = "production"\nrated_w = 50000\n'


def chain(second: str = "MTR-2") -> SunspecMap:
    inverter = Common("A", "Inverter", "INV-1"), Inverter()
    return sunspec_map(
        *inverter, Common("B", "X", "MTR-1"), DeviceMeter(5_000), Common("B", "X", second), DeviceMeter(7_000)
    )


def read(url: str, site_file: Path) -> dict[str, tuple[str, float]]:
    """Serial number and power of each meter of the site, read as the agent reads it."""
    bus = open_bus(url, SystemClock())
    told = {}
    for meter_id, setup in setups_of(load_site(site_file)).items():
        meter, values = Meter(setup, bus.gap_registers_max), {}
        for group in PollGroup:
            values |= setup.model.decode(meter.poll(bus, group, SystemClock()).blocks)
        told[meter_id] = str(values["serial_number"]), values["active_power"] // 100 * 100
    bus.close()
    return told


def test_the_setup_finds_both_and_a_swap_of_the_second_shows(tmp_path: Path) -> None:
    device = Device(1, map=chain())
    answers, site_file = tmp_path / "answers.toml", tmp_path / "site.toml"
    with serve(TcpPort(SerialBus([device], 0.02))) as (port,):
        answers.write_text(f'[find]\nbuses = ["{port.url}"]\n')
        call = ("setup", "--folder", str(tmp_path), "--answers", str(answers), "--yes")
        told = CliRunner().invoke(cli, call, prog_name="dianjian")
        again = CliRunner().invoke(cli, (*call, "find"), prog_name="dianjian")
        assert "b1:1:2" in told.output
        assert again.exit_code == 0, again.output
        found = json.loads((tmp_path / "setup.json").read_text())["meters"]
        assert [(one["id"], one["meter"], one["serial"]) for one in found] == [
            ("m1", 1, "MTR-1"),
            ("m2", 2, "MTR-2"),
        ]
        site_file.write_text(site_file.read_text().replace('.toml"', '.toml"\nline = "p1"') + LINE)
        assert read(port.url, site_file) == {"m1": ("MTR-1", 5000), "m2": ("MTR-2", 7000)}
        device.map = chain(second="MTR-9")
        assert read(port.url, site_file) == {"m1": ("MTR-1", 5000), "m2": ("MTR-9", 7000)}


def test_two_meters_with_the_same_registers_are_one_and_refused(tmp_path: Path) -> None:
    meter = '[[meter]]\nid = "{}"\nbus = "b1"\nunit_id = 1\nmodel = "{}"\nline = "p1"\n'
    bus = '[[bus]]\nid = "b1"\nurl = "tcp://127.0.0.1:1"\n'
    file = tmp_path / "site.toml"
    file.write_text(
        bus + meter.format("m1", "eastron-sdm630") + meter.format("m2", "eastron-sdm72d-m2") + LINE
    )
    with pytest.raises(ConfigError, match=r"meter\[1\].model: reads the same registers as meter 'm1' at 1"):
        setups_of(load_site(file))
    file.write_text(bus + meter.format("m1", "eastron-sdm630") + meter.format("m2", "eastron-sdm630") + LINE)
    with pytest.raises(ConfigError, match=r"meter\[1\].unit_id: 1 is used more than once"):
        load_site(file)
