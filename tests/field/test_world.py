"""One site with a device of each odd kind: power comes from each of them, and never a wrong value."""

from pathlib import Path
from typing import Final

import pytest

from tests.counterparts.bus import SerialBus
from tests.counterparts.device import SILENT, Device, Mishap, fixed, lacking
from tests.counterparts.ports import Manners, PtyPort, TcpPort, Transaction
from tests.counterparts.registers import DTSU666
from tests.field.site import Place, Wanted, holds, running

pytestmark = pytest.mark.e2e
POWER: Final = {"eastron-sdm630": 0x34, "chint-dtsu666": 0x2012}
IGNORED: Final = 'transaction_id = "ignored"'
POWER_FACTOR: Final = [0x3E, 0x3F]
PATIENCE_S: Final = 180.0


def tcp(device: Device, *, rtu: bool = False, **manners: object) -> TcpPort:
    """One device at a port with manners."""
    return TcpPort(SerialBus([device]), rtu=rtu, manners=Manners(**manners))  # type: ignore[arg-type]


def dtsu(**more: object) -> Device:
    return Device(1, DTSU666, **more)  # type: ignore[arg-type]


QUICK: Final = {
    "hangs up after each answer": tcp(Device(1), hangs_up_after=1),
    "resets after two": tcp(Device(1), hangs_up_after=2, by_rst=True),
    "hangs up after each answer, RTU": tcp(dtsu(), rtu=True, hangs_up_after=1),
    "hangs up when idle": tcp(Device(1), idle_s=1.2),
    "id zero": tcp(Device(1), transaction=Transaction.ZERO),
    "id plus one": tcp(Device(1), transaction=Transaction.PLUS_ONE),
    "id swapped": tcp(Device(1), transaction=Transaction.SWAPPED),
    "id constant": tcp(Device(1), transaction=Transaction.CONSTANT),
    "id of the one before": tcp(Device(1), transaction=Transaction.PREVIOUS),
    "cuts each fourth answer": tcp(Device(1), cuts_every=4),
    "unit 0": TcpPort(SerialBus([Device(0)], side_by_side=True)),
    "unit 255": TcpPort(SerialBus([Device(255)], side_by_side=True)),
    "no power factor, refused": tcp(Device(1, missing=lacking(POWER_FACTOR, 2))),
    "8 registers at most": tcp(Device(1, block_max=8)),
    "busy each fourth time": tcp(Device(1, busy_every=4)),
    "fails each third time": tcp(Device(1, busy_every=3, busy_code=5), rtu=True),
    "answers doubled": tcp(Device(1, mishaps={Mishap.DOUBLED: 0.4}), rtu=True),
}
PATIENT: Final = {
    "no power factor, refused otherwise": tcp(Device(1, missing=lacking(POWER_FACTOR, 3)), rtu=True),
    "no power factor, silent": tcp(Device(1, missing=lacking(POWER_FACTOR, SILENT))),
    "deaf for 150 ms": tcp(Device(1, deaf_s=0.15)),
    "deaf for 200 ms on a wire": PtyPort(SerialBus([Device(1, deaf_s=0.2)])),
    "answers after 1.3 s": tcp(Device(1, answers=fixed(1.3))),
}


@pytest.mark.parametrize(
    "ports",
    [pytest.param(QUICK, id="at once"), pytest.param(PATIENT, id="in the end", marks=pytest.mark.minutes)],
)
def test_each_of_them_gives_its_power_and_no_wrong_value(tmp_path: Path, ports: dict[str, TcpPort]) -> None:
    places = {}
    for i, (name, port) in enumerate(ports.items()):
        device = port.bus.devices[0]
        assert isinstance(device, Device)
        model = "chint-dtsu666" if device.map is DTSU666 else "eastron-sdm630"
        places[f"b{i}"] = Place(port, [Wanted(f"m{i}", device.unit, model)], IGNORED if "id " in name else "")
    with running(tmp_path, places) as site:

        def without_power() -> list[str]:
            return [
                name
                for name, place in zip(ports, places.values(), strict=True)
                for wanted in place.meters
                if not any(holds(one, POWER[wanted.model]) for one in site.good(wanted.id)[1:])
            ]

        site.until(lambda: not without_power(), "power of each of them", PATIENCE_S)
        assert site.wrong() == []
        ends = [
            (name, one.reason)
            for i, name in enumerate(ports)
            if "hangs up" in name or "resets" in name
            for one in site.readings(f"m{i}")
            if one.quality != "good"
        ]
        assert ends == []
