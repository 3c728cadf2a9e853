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
from tests.field.site import WINDOWS_MAX, Place, Site, Wanted, running

pytestmark = [pytest.mark.e2e, pytest.mark.minutes, pytest.mark.xdist_group("field gateways")]

WARM_UP_S: Final = 60.0
WINDOW_S: Final = 120.0
BACK_S: Final = 330.0
"""A device that comes back is read within five minutes, sealed a second later, on a busy machine some."""
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
class Window:
    """What was seen in WINDOW_S with the dead away: shares by bus, readings by the meters that live."""

    shares: dict[str, float]
    good: dict[str, int]
    bad: dict[str, list[str]]

    def spares(self, name: str) -> bool:
        """Whether the dead of a bus take little of it."""
        return self.shares[name] <= (THREE_AT_5_S_SHARE_MAX if "three dead" in name else DEAD_SHARE_MAX)

    def reads(self, name: str) -> bool:
        """Whether the living of a bus are read as if nobody were dead."""
        mine = [meter(name, device.unit) for device in devices(name) if meter(name, device.unit) in self.good]
        assert mine
        return all(self.good[id_] >= 0.9 * WINDOW_S / 2 and not self.bad[id_] for id_ in mine)


@define
class Seen:
    """What was seen with the dead away, and who came back."""

    site: Site
    windows: list[Window]
    owed: dict[str, int]
    overflowed: dict[str, int]
    back: set[str]


def devices(name: str) -> list[Device]:
    return BUSES[name].devices  # type: ignore[return-value]


def dead_s(name: str) -> float:
    return sum(BUSES[name].spent_s[device.unit] for device in devices(name) if not device.present)


def share(bus: SerialBus, spent_s: float) -> float:
    """The share of the line's time. A window has up to one probe more than it has times between probes."""
    return max(spent_s - (bus.waits_s or 0.0), 0.0) / WINDOW_S


def look(site: Site) -> Window:
    """At one window of the running site."""
    since_s, spent = time.time(), {name: dead_s(name) for name in BUSES}
    time.sleep(WINDOW_S)
    living = [meter(name, device.unit) for name in BUSES for device in devices(name) if device.present]
    return Window(
        {name: share(bus, dead_s(name) - spent[name]) for name, bus in BUSES.items()},
        {id_: len(site.good(id_, since_s=since_s)) for id_ in living},
        {
            id_: [one.reason for one in site.readings(id_, since_s=since_s) if one.quality != "good"]
            for id_ in living
        },
    )


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    wanted = {
        name: [Wanted(meter(name, device.unit), device.unit) for device in bus.devices]  # type: ignore[attr-defined]
        for name, bus in BUSES.items()
    }
    places = {IDS[name]: Place(port_of(name), wanted[name]) for name in BUSES}
    with running(tmp_path_factory.mktemp("gateways"), places) as site:
        time.sleep(WARM_UP_S)
        windows = [look(site)]
        while len(windows) < WINDOWS_MAX and not all(
            any(one.spares(name) for one in windows) and any(one.reads(name) for one in windows)
            for name in BUSES
        ):
            windows.append(look(site))
        away = [(name, device.unit) for name in BUSES for device in devices(name) if not device.present]
        owed = {name: bus.owed_max for name, bus in BUSES.items()}
        overflowed = {name: bus.overflowed for name, bus in BUSES.items()}
        back_s = time.time()
        for name, unit in away:
            device = next(one for one in devices(name) if one.unit == unit)
            device.answers, device.present = fixed(BACK_ANSWERS_S[name]), True
        waiting = {meter(*one) for one in away}
        while waiting and time.time() < back_s + BACK_S:
            time.sleep(2)
            waiting -= {one for one in waiting if site.good(one, since_s=back_s)}
        yield Seen(site, windows, owed, overflowed, {meter(*one) for one in away} - waiting)


@pytest.mark.parametrize("name", BUSES)
def test_the_queue_is_never_overrun(seen: Seen, name: str) -> None:
    owed = 2 if "silence" in name else 1  # what never comes is not waited for without end
    assert seen.owed[name] <= owed
    assert seen.overflowed[name] == 0


@pytest.mark.parametrize("name", BUSES)
def test_the_dead_take_little_of_the_line(seen: Seen, name: str) -> None:
    assert any(one.spares(name) for one in seen.windows), [one.shares[name] for one in seen.windows]


@pytest.mark.parametrize("name", BUSES)
def test_the_living_are_read_as_if_nobody_were_dead(seen: Seen, name: str) -> None:
    assert any(one.reads(name) for one in seen.windows), [(one.good, one.bad) for one in seen.windows]


@pytest.mark.parametrize("name", BUSES)
def test_who_comes_back_is_read(seen: Seen, name: str) -> None:
    away = {meter(name, device.unit) for device in devices(name)} - set(seen.windows[0].good)
    assert away
    assert away <= seen.back


def test_no_value_is_wrong(seen: Seen) -> None:
    assert seen.site.wrong() == []
