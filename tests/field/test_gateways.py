"""Gateways with one serial line, 1 to 3 dead devices, W from 0.7 to 5 s, and every way to say so.

One site with all of them runs for a while, then the dead come back, slower than the others.
"""

import time
from collections.abc import Iterator
from typing import Final

import pytest
from attrs import define

from tests.counterparts.bus import Overflow, Says, SerialBus
from tests.counterparts.device import Device, fixed
from tests.counterparts.ports import PtyPort, TcpPort
from tests.field.site import Place, Site, Wanted, running

pytestmark = [pytest.mark.e2e, pytest.mark.minutes]

WARM_UP_S: Final = 60.0
WINDOW_S: Final = 120.0
BACK_S: Final = 310.0
"""A device that comes back is read within five minutes, and sealed a second later."""
DEAD_SHARE_MAX: Final = 0.04
"""What all dead devices together may take of the line's time."""
THREE_AT_5_S_SHARE_MAX: Final = 1 / 19
"""Three dead devices cannot all be asked within five minutes for 4 % if each costs almost 5 s."""


def line(live: tuple[int, ...], dead: tuple[int, ...], answer_s: float = 0.02, **more: object) -> SerialBus:
    """A line with live and dead devices."""
    devices = [Device(unit, answers=fixed(answer_s), present=unit in live) for unit in (*dead, *live)]
    return SerialBus(devices, **more)  # type: ignore[arg-type]


BUSES: Final = {
    "w0.7 queue of 2": line((3, 40, 200), (7,), waits_s=0.7, queue=2),
    "w2.2 queue of 1, oldest dropped, 10": line(
        (1, 2, 3, 4, 5), (6, 9), waits_s=2.2, queue=1, overflow=Overflow.DROP_OLDEST, says=Says.EXCEPTION_10
    ),
    "w4.5 RTU, three dead": line((11, 12, 13, 14, 15), (21, 22, 23), waits_s=4.5),
    "w3 silence": line((1, 2, 3), (9,), waits_s=3.0, says=Says.NOTHING),
    "w1.4 hangs up": line((1, 2, 3), (9,), waits_s=1.4, says=Says.HANGS_UP),
    "w5 no queue, exception 6": line((1, 2), (5,), waits_s=5.0, queue=0, overflow=Overflow.EXCEPTION_6),
    "w1 busy line": line((1, 2, 3, 4), (20, 21), 0.1, waits_s=1.0),
    "bare wires": line((1, 2, 3, 4), (8, 9)),
}
BACK_ANSWERS_S: Final = dict(zip(BUSES, (0.5, 1.6, 3.5, 2.0, 1.0, 4.0, 0.8, 1.2), strict=True))
"""How long those take that come back; a gateway waits for longer."""
IDS: Final = {name: f"b{i}" for i, name in enumerate(BUSES)}


def port_of(name: str) -> TcpPort | PtyPort:
    return PtyPort(BUSES[name]) if name == "bare wires" else TcpPort(BUSES[name], rtu="RTU" in name)


def meter(name: str, unit: int) -> str:
    return f"{IDS[name]}u{unit}"


@define
class Seen:
    """What was seen with the dead away, and who came back."""

    site: Site
    shares: dict[str, float]
    good: dict[str, int]
    bad: dict[str, list[str]]
    owed: dict[str, int]
    overflowed: dict[str, int]
    back: set[str]


def dead_s(bus: SerialBus) -> float:
    return sum(bus.spent_s[device.unit] for device in bus.devices if not device.present)  # type: ignore[attr-defined]


def share(bus: SerialBus, spent_s: float) -> float:
    """The share of the line's time. A window has up to one probe more than it has times between probes."""
    return max(spent_s - (bus.waits_s or 0.0), 0.0) / WINDOW_S


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    wanted = {
        name: [Wanted(meter(name, device.unit), device.unit) for device in bus.devices]  # type: ignore[attr-defined]
        for name, bus in BUSES.items()
    }
    places = {IDS[name]: Place(port_of(name), wanted[name]) for name in BUSES}
    with running(tmp_path_factory.mktemp("gateways"), places) as site:
        time.sleep(WARM_UP_S)
        since_s, spent = time.time(), {name: dead_s(bus) for name, bus in BUSES.items()}
        time.sleep(WINDOW_S)
        shares = {name: share(bus, dead_s(bus) - spent[name]) for name, bus in BUSES.items()}
        live = [(name, d.unit) for name, bus in BUSES.items() for d in bus.devices if d.present]  # type: ignore[attr-defined]
        away = [(name, d.unit) for name, bus in BUSES.items() for d in bus.devices if not d.present]  # type: ignore[attr-defined]
        good = {meter(*one): len(site.good(meter(*one), since_s=since_s)) for one in live}
        bad = {
            meter(*one): [
                r.reason for r in site.readings(meter(*one), since_s=since_s) if r.quality != "good"
            ]
            for one in live
        }
        owed = {name: bus.owed_max for name, bus in BUSES.items()}
        overflowed = {name: bus.overflowed for name, bus in BUSES.items()}
        back_s = time.time()
        for name, unit in away:
            device = next(one for one in BUSES[name].devices if one.unit == unit)  # type: ignore[attr-defined]
            device.answers, device.present = fixed(BACK_ANSWERS_S[name]), True  # type: ignore[attr-defined]
        waiting = {meter(*one) for one in away}
        while waiting and time.time() < back_s + BACK_S:
            time.sleep(2)
            waiting -= {one for one in waiting if site.good(one, since_s=back_s)}
        yield Seen(site, shares, good, bad, owed, overflowed, {meter(*one) for one in away} - waiting)


@pytest.mark.parametrize("name", BUSES)
def test_the_queue_is_never_overrun(seen: Seen, name: str) -> None:
    owed = 2 if "silence" in name else 1  # what never comes is not waited for without end
    assert seen.owed[name] <= owed
    assert seen.overflowed[name] == 0


@pytest.mark.parametrize("name", BUSES)
def test_the_dead_take_little_of_the_line(seen: Seen, name: str) -> None:
    assert seen.shares[name] <= (THREE_AT_5_S_SHARE_MAX if "three dead" in name else DEAD_SHARE_MAX)


@pytest.mark.parametrize("name", BUSES)
def test_the_living_are_read_as_if_nobody_were_dead(seen: Seen, name: str) -> None:
    mine = {id_: count for id_, count in seen.good.items() if id_.startswith(f"{IDS[name]}u")}
    assert mine
    assert all(count >= 0.9 * WINDOW_S / 2 for count in mine.values()), mine
    assert {id_: seen.bad[id_] for id_ in mine} == {id_: [] for id_ in mine}


@pytest.mark.parametrize("name", BUSES)
def test_who_comes_back_is_read(seen: Seen, name: str) -> None:
    away = {meter(name, d.unit) for d in BUSES[name].devices} - set(seen.good)  # type: ignore[attr-defined]
    assert away
    assert away <= seen.back


def test_no_value_is_wrong(seen: Seen) -> None:
    assert seen.site.wrong() == []
