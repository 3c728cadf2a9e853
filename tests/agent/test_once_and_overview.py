"""Every meter once; and the agent at a glance, at every moment of its life."""

import json
import threading
import time
from pathlib import Path

import pytest

from agent import once
from agent.overview import iso, overview, reading_json
from agent.site.file import parse_site
from agent.site.setups import setups_of
from drivers.clock import ClockState, Stamp, SystemClock
from drivers.reading import PollGroup, Quality, Reading
from evidence.receipt import Beacon, Receipt, sign_beacon, sign_receipt
from tests.agent.rig import BEGIN_S, CENTRE, SITE, Rig
from tests.drivers.many_meters import Death, ManyMeters, many_meters
from tests.drivers.scripted_meter import Asked, ScriptedMeter, answer, on_tcp
from wire.mqtt_events import Message

WAIT_S = 10.0


def test_once_reads_each_group_of_each_meter_in_the_order_of_the_site_file(tmp_path: Path) -> None:
    with on_tcp(answer) as device:
        site = parse_site(SITE.replace("tcp://127.0.0.1", device.url), tmp_path / "site.toml")
        readings = list(once.poll_once(site, setups_of(site), SystemClock()))
    assert [reading.meter for reading in readings] == ["mp"] * 3 + ["mt"] * 3
    assert [reading.group for reading in readings[:3]] == list(PollGroup)


def test_once_says_of_each_meter_that_its_bus_is_down(tmp_path: Path) -> None:
    site = parse_site(SITE.replace("tcp://127.0.0.1", "tcp://127.0.0.1:1"), tmp_path / "site.toml")
    readings = list(once.poll_once(site, setups_of(site), SystemClock()))
    assert len(readings) == 6
    assert {reading.quality for reading in readings} == {Quality.BAD}
    assert all(reading.reason.startswith("bus down: ") for reading in readings)


def test_once_reads_many_buses_side_by_side_and_tells_them_in_the_order_of_the_site_file(
    tmp_path: Path,
) -> None:
    """The first bus answers only when every other has been asked: one after the other would never end."""
    count = once.BUSES_AT_ONCE
    with many_meters(count) as others:
        asked_last = threading.Event()

        def wait_for_the_others(asked: Asked, device: ScriptedMeter) -> None:
            asked_last.wait(WAIT_S)
            device.send(device.reply(asked))

        with on_tcp(wait_for_the_others) as first:
            urls = [first.url, *others.urls[1:]]
            parts = [SITE[: SITE.index("[[bus]]")]]
            for number, url in enumerate(urls):
                parts.append(f'[[bus]]\nid = "b{number}"\nurl = "{url}"\n')
                parts.append(f'[[meter]]\nid = "m{number}"\nbus = "b{number}"\nunit_id = 1\n')
                parts.append('model = "eastron-sdm630"\nline = "p"\n')
            parts.append('[[line]]\nid = "p"\nkind = "production"\nrated_w = 1000\n')
            site = parse_site("".join(parts), tmp_path / "site.toml")
            readings = once.poll_once(site, setups_of(site), SystemClock())
            watcher = threading.Thread(target=_set_when, args=(asked_last, others, count - 1))
            watcher.start()
            told = list(readings)
            watcher.join(WAIT_S)
    assert asked_last.is_set()
    assert [reading.meter for reading in told] == [f"m{number}" for number in range(count) for _ in range(3)]
    assert {reading.quality for reading in told[3:]} == {Quality.GOOD}


def _set_when(event: threading.Event, meters: ManyMeters, answered: int) -> None:
    """Once so many of the meters have answered."""
    end_s = time.monotonic() + WAIT_S
    while sum(count > 0 for count in meters.answers) < answered and time.monotonic() < end_s:
        time.sleep(0.01)
    if time.monotonic() < end_s:
        event.set()


def test_once_leaves_the_other_groups_of_a_meter_whose_bus_is_down_untried(tmp_path: Path) -> None:
    with many_meters(1) as meters:
        meters.die(0, Death.REFUSING)
        site = parse_site(SITE.replace("tcp://127.0.0.1", meters.url(0)), tmp_path / "site.toml")
        readings = list(once.poll_once(site, setups_of(site), SystemClock()))
    assert [reading.meter for reading in readings] == ["mp"] * 3 + ["mt"] * 3
    assert {reading.quality for reading in readings} == {Quality.BAD}
    assert all("bus down" in reading.reason or "not tried" in reading.reason for reading in readings)


def glance(rig: Rig) -> dict[str, object]:
    """The overview, as it leaves through the socket."""
    return json.loads(json.dumps(overview(rig.parts, rig.stamp()), allow_nan=False))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("production", "treatment", "power", "on"),
    [
        (None, None, [None, None], [None, None]),
        (30_000, 12_000, [30_000, 12_000], [True, True]),
        (0, 12_000, [0, 12_000], [False, True]),
        (30_000, None, [30_000, None], [True, None]),
        (-500, 0, [-500, 0], [False, False]),
    ],
)
def test_a_line_is_on_off_or_unknown(
    tmp_path: Path, production: float | None, treatment: float | None, power: list[float], on: list[bool]
) -> None:
    rig = Rig(tmp_path / "g1")
    rig.run(10, production, treatment)
    seen = glance(rig)
    rig.close()
    lines = seen["lines"]
    assert isinstance(lines, list)
    assert [line["power_w"] for line in lines] == power
    assert [line["on"] for line in lines] == on


def test_before_the_first_reading_every_meter_is_not_read_yet(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "g1")
    seen = glance(rig)
    rig.close()
    meters = seen["meters"]
    assert isinstance(meters, list)
    assert [(meter["meter"], meter["quality"], meter["reason"]) for meter in meters] == [
        ("mp", "bad", "not read yet"),
        ("mt", "bad", "not read yet"),
    ]


def test_an_episode_is_shown_without_its_trace_and_alarms_by_name(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "g1")
    rig.run(900, 30_000, 12_000)
    rig.run(600, 30_000, 0)
    seen = glance(rig)
    rig.close()
    (episode,) = [one for one in seen["episodes"] if one["rule"] == "off"]  # type: ignore[attr-defined]
    assert episode["rule"] == "off"
    assert "trace" not in episode
    assert seen["broker"] == {
        "connected": False,
        "ended": "",
        "refused": [],
        "beacon_at": None,
        "rejected": 0,
        "alarms": [],
        "packets": None,
        "url": "mqtt://127.0.0.1",
        "certificate": None,
    }


def test_a_line_tells_of_its_last_hour_and_a_restart_of_what_is_not_in_the_checkpoint(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "g1")
    rig.run(150, 30_000, 12_000)
    rig.run(60, None, 10_000)
    lines = glance(rig)["lines"]
    assert isinstance(lines, list)
    assert {line["id"]: line["recent_w"] for line in lines} == {
        "p1": [None] * 56 + [30_000, 30_000, 30_000, None],
        "t1": [None] * 56 + [12_000, 12_000, 11_167, 10_000],
    }
    again = rig.killed(tmp_path / "again")
    after = glance(again)["lines"]
    again.close()
    assert isinstance(after, list)
    assert after[1]["recent_w"][-2] == 11_167, "the same boot goes on with what is read again"
    other = again.killed(tmp_path / "other", boot_id=b"second boot.....")
    assert glance(other)["lines"][1]["recent_w"] == [None] * 60  # type: ignore[index]
    other.close()


def test_the_last_receipt_is_told_with_the_time_of_the_centre(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "g1")
    assert glance(rig)["seals"]["receipt"] is None  # type: ignore[index]
    seal = rig.seals()[-1]
    for utc_ms in (BEGIN_S * 1000, BEGIN_S * 1000 + 1):
        raw = sign_receipt(Receipt("g1", seal.number, seal.hash, seal.number, (), utc_ms), CENTRE)
        rig.gateway.mqtt(Message("dj/1/g1/receipt", raw, False), rig.stamp(), 0)
    assert glance(rig)["seals"]["receipt"] == {"number": seal.number, "at": "2026-03-01T21:20:00.001Z"}  # type: ignore[index]
    absurd = sign_receipt(Receipt("g1", seal.number, seal.hash, seal.number, (), 2**62), CENTRE)
    rig.gateway.mqtt(Message("dj/1/g1/receipt", absurd, False), rig.stamp(), 0)
    assert glance(rig)["seals"]["receipt"] is None  # type: ignore[index]
    rig.close()


def test_the_clock_is_held_against_a_beacon_that_comes_at_this_moment(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "g1")
    beacon = sign_beacon(Beacon(BEGIN_S * 1000 - 90_000, 1), CENTRE)
    rig.gateway.mqtt(Message("dj/1/beacon", beacon, True), rig.stamp(), 0)
    assert glance(rig)["clock_ahead_ms"] is None, "one that the broker kept may be old"
    rig.gateway.mqtt(Message("dj/1/beacon", beacon, False), rig.stamp(), 0)
    assert glance(rig)["clock_ahead_ms"] == 90_000
    rig.close()


def test_the_fast_group_has_the_last_word_on_quality_and_all_groups_on_values(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "g1")
    rig.read("mp", 1000)
    setup = rig.parts.judging.feed.setups["mp"]
    refused = Reading("mp", PollGroup.SLOW, rig.stamp(), setup.model.hash, (), Quality.BAD, "exception 2")
    rig.gateway.reading(refused)
    seen = glance(rig)
    rig.close()
    meter = next(one for one in seen["meters"] if one["meter"] == "mp")  # type: ignore[attr-defined]
    assert (meter["quality"], meter["reason"]) == ("good", "")
    assert meter["values"]["active_power"] == 1000
    assert reading_json(refused, setup, "p1")["values"] == {}


@pytest.mark.parametrize(
    ("utc_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_772_400_000_123_456_789, "2026-03-01T21:20:00.123Z"),
        (253_402_300_799 * 10**9, "9999-12-31T23:59:59.000Z"),
        (2**63 - 1, "2262-04-11T23:47:16.854Z"),
    ],
)
def test_the_wall_time_is_told_to_the_millisecond(utc_ns: int, text: str) -> None:
    assert iso(Stamp(utc_ns, 0, bytes(16), ClockState.UNSYNCHRONISED)) == text
