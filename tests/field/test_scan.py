"""`scan` in the worlds of the field: exactly who is there, and a queue that is never overrun."""

import json
from pathlib import Path
from typing import Final

import pytest

from tests.counterparts.bus import Overflow, Says, SerialBus
from tests.counterparts.device import Device, fixed
from tests.counterparts.ports import Manners, TcpPort, serve
from tests.field.site import dianjian

pytestmark = [pytest.mark.e2e, pytest.mark.minutes]
SCAN_S: Final = 600.0


def line(live: tuple[int, ...], answer_s: float = 0.02, **more: object) -> SerialBus:
    return SerialBus([Device(unit, answers=fixed(answer_s)) for unit in live], **more)  # type: ignore[arg-type]


SCANS: Final = {
    "w1": (TcpPort(line((2, 17, 30), waits_s=1.0)), 1, 32),
    "w3 exception 10": (TcpPort(line((9, 11), waits_s=3.0, says=Says.EXCEPTION_10)), 5, 14),
    "w2 silence": (TcpPort(line((4,), waits_s=2.0, says=Says.NOTHING)), 1, 8),
    "w0.5 no queue": (TcpPort(line((1, 100), waits_s=0.5, queue=0)), 95, 110),
    "w0.5 queue of 1, exception 6": (
        TcpPort(line((3, 4), waits_s=0.5, queue=1, overflow=Overflow.EXCEPTION_6)),
        1,
        8,
    ),
    "w1.5 RTU over TCP": (TcpPort(line((6, 7), waits_s=1.5), rtu=True), 1, 12),
    "w0.8 hangs up": (TcpPort(line((3, 5), waits_s=0.8, says=Says.HANGS_UP)), 1, 8),
    "hangs up after each": (TcpPort(line((3, 5), waits_s=0.4), manners=Manners(hangs_up_after=1)), 1, 8),
    "one answers after 1.2 s": (
        TcpPort(SerialBus([Device(3, answers=fixed(1.2)), Device(5)], waits_s=2.0)),
        1,
        8,
    ),
}


@pytest.mark.parametrize("name", SCANS)
def test_scan_finds_exactly_who_is_there(tmp_path: Path, name: str) -> None:
    port, first, last = SCANS[name]
    there = {device.unit for device in port.bus.devices} & set(range(first, last + 1))  # type: ignore[attr-defined]
    with serve(port):
        options = ("--first", str(first), "--last", str(last), "--json")
        done = dianjian("scan", port.url, *options, folder=tmp_path, wait_s=SCAN_S)
    found = [json.loads(one) for one in done.stdout.splitlines()]
    assert {one["unit_id"] for one in found} == there, done.stderr
    assert port.bus.owed_max <= (2 if "silence" in name else 1)
    assert port.bus.overflowed == 0
