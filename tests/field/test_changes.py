"""Meters and gateways that change while they are read: no value is wrong, and nothing stays lost."""

import time
from collections.abc import Iterator
from typing import Final

import pytest
from attrs import define, field

from tests.counterparts.bus import SerialBus
from tests.counterparts.device import SILENT, Device, Mishap, drawn, growing, lacking
from tests.counterparts.ports import Manners, PtyPort, TcpPort
from tests.field.site import Place, Site, Wanted, running

pytestmark = [pytest.mark.e2e, pytest.mark.minutes, pytest.mark.xdist_group("field changes")]

POWER: Final = range(0x34, 0x36)
EVERY_S: Final = 2.0
CALM_S: Final = 30.0
REFUSED_S: Final = 20.0
STORM_S: Final = 10.0
AFTER_S: Final = 45.0


def port(*devices: Device, rtu: bool = False, manners: Manners | None = None) -> TcpPort:
    return TcpPort(SerialBus(list(devices), waits_s=1.0), rtu=rtu, manners=manners or Manners())


LATE: Final = {Mishap.LATE: 0.2, Mishap.DOUBLED: 0.1}
PORTS: Final = {
    "slower": TcpPort(SerialBus([Device(1, answers=growing(0.05, 0.05, 1.5)), Device(2)], waits_s=5.0)),
    "flaky": port(Device(1), Device(2)),
    "storm": port(Device(1), Device(2), rtu=True),
    "hangs up after 7": port(Device(1), Device(2), manners=Manners(hangs_up_after=7)),
    "RST after 7": port(Device(1), rtu=True, manners=Manners(hangs_up_after=7, by_rst=True)),
    "two alike": port(Device(1, answers=drawn(0.01, 0.9)), Device(2, answers=drawn(0.01, 0.9, 2)), rtu=True),
    "bare wires, late": PtyPort(SerialBus([Device(1, mishaps=LATE, late_s=1.2), Device(2)])),
    "begins to queue": TcpPort(SerialBus([Device(1), Device(2)])),
}
IDS: Final = {name: f"b{i}" for i, name in enumerate(PORTS)}
ALL: Final = [(name, device.unit) for name, one in PORTS.items() for device in one.bus.devices]  # type: ignore[attr-defined]


def device(name: str, unit: int = 1) -> Device:
    return next(one for one in PORTS[name].bus.devices if one.unit == unit)  # type: ignore[attr-defined]


@define
class Seen:
    """Good and bad readings of each meter, by phase."""

    site: Site
    good: dict[tuple[str, int, str], int] = field(factory=dict)
    bad: dict[tuple[str, int, str], list[str]] = field(factory=dict)

    def note(self, phase: str, since_s: float) -> None:
        """Count the readings of a phase."""
        for name, unit in ALL:
            readings = self.site.readings(f"{IDS[name]}u{unit}", since_s=since_s)
            bad = [one.reason for one in readings if one.quality != "good"]
            self.good[name, unit, phase], self.bad[name, unit, phase] = len(readings) - len(bad), bad


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    places = {
        IDS[name]: Place(one, [Wanted(f"{IDS[name]}u{unit}", unit) for bus, unit in ALL if bus == name])
        for name, one in PORTS.items()
    }
    with running(tmp_path_factory.mktemp("changes"), places) as site:
        found = Seen(site)
        time.sleep(CALM_S)
        since_s = time.time()
        device("flaky").missing = lacking(POWER, 2)
        device("storm").busy_every = 1
        PORTS["begins to queue"].bus.waits_s, device("begins to queue", 2).present = 2.0, False
        time.sleep(STORM_S)
        device("storm").busy_every = 0
        time.sleep(REFUSED_S - STORM_S)
        found.note("changed", since_s)
        device("flaky").missing = lacking(POWER, SILENT)
        time.sleep(STORM_S)
        device("flaky").missing = {}
        since_s = time.time()
        time.sleep(AFTER_S)
        found.note("after", since_s)
        yield found


def test_no_value_is_wrong(seen: Seen) -> None:
    assert seen.site.wrong() == []


@pytest.mark.parametrize(("name", "unit"), [one for one in ALL if one != ("begins to queue", 2)])
def test_what_has_changed_back_is_read_as_before(seen: Seen, name: str, unit: int) -> None:
    least = 0.2 if (name, unit) == ("slower", 1) else 0.8  # its polls take four answers of 1.5 s
    assert seen.good[name, unit, "after"] >= least * AFTER_S / EVERY_S
    assert len(seen.bad[name, unit, "after"]) <= 2


@pytest.mark.parametrize("name", ["hangs up after 7", "RST after 7", "two alike"])
def test_a_hang_up_now_and_then_costs_no_reading(seen: Seen, name: str) -> None:
    assert seen.bad[name, 1, "changed"] + seen.bad[name, 1, "after"] == []


def test_a_register_that_is_refused_all_at_once_costs_the_others_three_polls(seen: Seen) -> None:
    assert seen.bad["flaky", 1, "changed"] == ["exception 2"] * len(seen.bad["flaky", 1, "changed"])
    assert len(seen.bad["flaky", 1, "changed"]) <= 3
    assert seen.good["flaky", 1, "changed"] >= 0.5 * REFUSED_S / EVERY_S


@pytest.mark.parametrize("name", ["storm", "flaky", "begins to queue"])
def test_the_neighbour_of_one_that_changes_is_read_on(seen: Seen, name: str) -> None:
    unit = 1 if name == "begins to queue" else 2
    assert seen.good[name, unit, "changed"] >= 0.6 * REFUSED_S / EVERY_S
    assert PORTS[name].bus.overflowed == 0
