"""Devices that take up to 9 s to answer, always, now and then or more and more: each is read in the end.

Beside them DL/T 645 meters with silent data ids or deaf after each answer, and buses that a slow one shares.
"""

import time
from collections.abc import Iterator
from typing import Final

import pytest

from tests.counterparts.bus import SerialBus
from tests.counterparts.device import SILENT, Delay, Device, drawn, fixed, growing
from tests.counterparts.dlt645 import Dlt645Device, Dlt645Stream
from tests.counterparts.ports import PtyPort, TcpPort
from tests.field.site import WINDOWS_MAX, Place, Site, Wanted, running

pytestmark = [pytest.mark.e2e, pytest.mark.minutes, pytest.mark.xdist_group("field slow")]
LEARNING_S: Final = 200.0
WINDOW_S: Final = 90.0
CERTAIN_S: Final = 60.0
QUICK: Final = (2, 3, 4)
ADDRESS: Final = "202611300007"


def one(answers: Delay, **more: object) -> SerialBus:
    """A bus with one device."""
    return SerialBus([Device(1, answers=answers)], **more)  # type: ignore[arg-type]


def dlt645(answer_s: float, **more: object) -> TcpPort:
    """A bus with one DL/T 645 meter."""
    device = Dlt645Device(ADDRESS, fixed(answer_s), **more)  # type: ignore[arg-type]
    return TcpPort(SerialBus([device]), stream=lambda: Dlt645Stream(1))


def shared(**more: object) -> SerialBus:
    """A bus on which one of four takes 9 s."""
    return SerialBus([Device(1, answers=fixed(9.0)), *map(Device, QUICK)], **more)  # type: ignore[arg-type]


PORTS: Final = {
    "3.4 s": (TcpPort(one(fixed(3.4), side_by_side=True)), 15.0),
    "1.7 s, RTU over TCP": (TcpPort(one(fixed(1.7)), rtu=True), 10.0),
    "1.9 s, wire": (PtyPort(one(fixed(1.9))), 10.0),
    "0.2 to 4 s": (TcpPort(one(drawn(0.2, 4.0))), 15.0),
    "longer each time": (TcpPort(one(growing(0.3, 0.2, 7.5))), 15.0),
    "8.5 s": (TcpPort(one(fixed(8.5), side_by_side=True)), 30.0),
    "2.1 s, DL/T 645": (dlt645(2.1), 30.0),
    "silent data ids, DL/T 645": (
        dlt645(0.05, missing=dict.fromkeys((0x0202FF00, 0x02060000), SILENT)),
        10.0,
    ),
    "no block, silent, DL/T 645": (dlt645(0.05, has_blocks=False, block_says=SILENT), 10.0),
    "deaf for 0.3 s, DL/T 645": (dlt645(0.05, deaf_s=0.3), 10.0),
}
SHARED: Final = {
    "side by side": TcpPort(shared(side_by_side=True)),
    "gateway": TcpPort(shared(waits_s=10.0)),
    "RTU over TCP": TcpPort(shared(), rtu=True),
    "wire": PtyPort(shared()),
}
IDS: Final = {name: f"m{i}" for i, name in enumerate(PORTS)}


def wanted(name: str, fast_s: float) -> Wanted:
    if "DL/T" in name:
        return Wanted(IDS[name], None, "dlt645-2007-3p", ADDRESS, fast_s, 4 * fast_s)
    return Wanted(IDS[name], 1, fast_s=fast_s, slow_s=4 * fast_s)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    places = {f"b{i}": Place(PORTS[n][0], [wanted(n, PORTS[n][1])]) for i, n in enumerate(PORTS)}
    for i, port in enumerate(SHARED.values()):
        places[f"s{i}"] = Place(port, [Wanted(f"s{i}u{unit}", unit) for unit in (1, *QUICK)])
    with running(tmp_path_factory.mktemp("slow"), places) as site:
        time.sleep(LEARNING_S)
        yield site


@pytest.mark.parametrize("name", PORTS)
def test_both_groups_of_points_are_read(site: Site, name: str) -> None:
    site.until(
        lambda: len(site.good(IDS[name])) > 1 and len(site.good(IDS[name], group="slow")) > 0,
        f"readings of {name}",
    )


@pytest.mark.parametrize("name", PORTS)
def test_once_its_time_is_known_hardly_a_reading_fails(site: Site, name: str) -> None:
    most = 3 if name in {"0.2 to 4 s", "longer each time"} else 1

    def hardly_fails() -> bool:
        mine = site.readings(IDS[name], since_s=time.time() - CERTAIN_S)
        return sum(one.quality != "good" for one in mine) <= most and len(mine) > most

    site.until(hardly_fails, f"a minute in which {name} is read", WINDOWS_MAX * CERTAIN_S)


@pytest.mark.parametrize("name", SHARED)
def test_a_slow_device_is_read_and_leaves_the_others_of_its_bus_most_of_their_polls(
    site: Site, name: str
) -> None:
    bus = f"s{list(SHARED).index(name)}"

    def most_polls_are_left() -> bool:
        since_s = time.time() - WINDOW_S
        return min(len(site.good(f"{bus}u{unit}", since_s=since_s)) for unit in QUICK) >= 0.6 * WINDOW_S / 2

    site.until(most_polls_are_left, "most polls of the quick ones", WINDOWS_MAX * WINDOW_S)
    site.until(lambda: bool(site.good(f"{bus}u1")), "a reading of the slow one")


def test_no_value_is_wrong(site: Site) -> None:
    assert site.wrong() == []
