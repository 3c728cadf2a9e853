"""A gateway and its alerts, on a real database and key file: frozen, sealed, told once, over every kill."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.curtailment.kept import STATE
from agent.overview import overview
from agent.site.file import parse_site
from evidence.orders.order import Order, sign_order
from evidence.record import Kind, Record
from provisioning.curtail.chain_cases import FIGURES, Judged, compare, judge_chain
from provisioning.evidence.state import walk_state
from tests.agent import rig as plant
from tests.agent.rig import BOOT, Rig
from tests.evidence.orders import made
from tests.evidence.response.ordered import FIRST_S, HOUR_S, alert, cancel, listed
from wire import orders as wire
from wire.mqtt_events import Message

MINUTE_S = 60
SEAL_S = 900.0
"""A commit a minute would take most of the time."""
ORDERED = 13 * 60 + 10
REST_W, WORK_W = 1_000.0, 40_000.0
SITE = plant.SITE.replace('line = "p1"', 'line = "p1"\nfast_s = 60')


def give(rig: Rig, one: Order) -> None:
    payload = wire.encode_attested(wire.Attested(sign_order(one, made.CITY), made.STATEMENTS))
    rig.gateway.mqtt(Message(wire.order_topic("g1", one.id), payload, True), rig.stamp(), rig.passed_s)


def figures(rig: Rig) -> list[Record]:
    return [one for one in rig.records() if isinstance(one, Record) and one.kind in FIGURES]


def said(rig: Rig) -> list[tuple[Any, ...]]:
    return [
        (
            one.kind,
            one.body["what"],
            one.body.get("begin_s"),
            one.body.get("state") or one.body.get("verdict"),
        )
        for one in figures(rig)
    ]


@pytest.fixture(autouse=True, scope="module")
def _polling() -> Iterator[None]:
    """The plant is read once a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plant, "SITE", SITE)
        yield


@pytest.fixture(scope="module")
def night(_polling: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plant has worked for two hours and stood for twelve; at ORDERED the gateway was stopped."""
    folder = tmp_path_factory.mktemp("night") / "g"
    rig = Rig(folder, ahead_s=float(FIRST_S - HOUR_S))
    rig.gateway.sealing.interval_s = SEAL_S
    live(rig, ORDERED)
    rig.gateway.stop(rig.stamp(), rig.passed_s)
    rig.close()
    return folder


def begin(night: Path, folder: Path) -> Rig:
    shutil.copytree(night, folder)
    rig = Rig(folder, ahead_s=float(FIRST_S - HOUR_S), passed_s=float(ORDERED * MINUTE_S + HOUR_S))
    rig.gateway.sealing.interval_s = SEAL_S
    return rig


def live(rig: Rig, until: int, watts: Callable[[int], float | None] | None = None) -> None:
    """Let it live up to a minute after FIRST_S, with a reading of p1's meter in each."""
    while rig.passed_s < until * MINUTE_S + HOUR_S:
        rig.passed_s += MINUTE_S
        power_w = (watts or works)(int(rig.passed_s - HOUR_S) // MINUTE_S)
        if power_w is not None:
            rig.read("mp", power_w)
        rig.tick()


def works(minute: int) -> float:
    return WORK_W if minute < 60 or 14 * 60 <= minute < 16 * 60 else REST_W


def judge(folder: Path) -> Judged:
    (folder / "site.toml").write_text(SITE, "utf-8")
    site = parse_site(SITE, folder / "site.toml")
    with walk_state(site.path(site.store.path), folder / "site.toml") as walk:
        return judge_chain(site, walk)


HOURS = [(Kind.VERDICT, "hour", FIRST_S + 3600 * hour, "not_met") for hour in (14, 15)]
WHOLE = [(Kind.BASELINE, "baseline", None, None), *HOURS, (Kind.VERDICT, "final", None, "not_met")]


def test_an_alert_is_frozen_with_its_order_judged_and_sealed_and_anybody_finds_the_same(
    tmp_path: Path,
    night: Path,
) -> None:
    rig = begin(night, tmp_path / "g")
    give(rig, listed())
    give(rig, alert(2, "red", 14, 16))
    rig.tick()
    last = [record.kind for record in rig.records()][-5:]
    assert last == [Kind.ORDER, Kind.ANSWER, Kind.ORDER, Kind.ANSWER, Kind.BASELINE]
    live(rig, 17 * 60 + 1)
    assert said(rig) == WHOLE
    assert figures(rig)[0].body["base_w"] == REST_W
    judged = judge(tmp_path / "g")
    assert compare(judged) == []
    assert [body for bodies in judged.computed.values() for body in bodies] == [
        one.body for one in figures(rig)
    ]
    rig.close()


CUTS: list[tuple[str, int]] = [
    ("before the alert is sealed", ORDERED),
    ("before it begins", 13 * 60 + 30),
    ("in the midst of an hour", 14 * 60 + 30),
    ("before an hour is told", 15 * 60 + 14),
    ("when an hour was told", 15 * 60 + 15),
    ("before the verdict", 16 * 60 + 59),
    ("after the verdict", 17 * 60),
]


@pytest.mark.parametrize("boot", [BOOT, b"second boot....."], ids=["kill", "power cut"])
def test_whenever_it_is_killed_each_figure_is_told_once(tmp_path: Path, night: Path, boot: bytes) -> None:
    rig = begin(night, tmp_path / "0")
    give(rig, listed())
    rig.tick()
    give(rig, alert(2, "red", 14, 16))
    for number, (say, minute) in enumerate(CUTS, 1):
        if minute > ORDERED:
            rig.tick()
            live(rig, minute)
        before = said(rig)
        assert before == WHOLE[: len(before)], say
        other = boot if boot == BOOT else boot[:-1] + b"%d" % number
        rig = rig.killed(tmp_path / str(number), boot_id=other)
        rig.gateway.sealing.interval_s = SEAL_S
        if minute == ORDERED:
            give(rig, alert(2, "red", 14, 16))  # the broker retains it
    live(rig, 17 * 60 + 10)
    assert said(rig) == WHOLE
    assert compare(judge(rig.folder)) == []
    rig.close()


def test_a_test_order_is_told_as_an_exercise_and_a_cancel_ends_an_alert(tmp_path: Path, night: Path) -> None:
    rig = begin(night, tmp_path / "g")
    for one in (listed(), alert(2, "red", 14, 16, test=True), alert(3, "red", 14, 23)):
        give(rig, one)
    live(rig, 15 * 60 + 5)
    give(rig, cancel(4, "a3", 15))
    live(rig, 17 * 60 + 1)
    hours = [(kind, begin_s, state) for kind, what, begin_s, state in said(rig) if what == "hour"]
    assert hours == [
        (kind, FIRST_S + 3600 * hour, "not_met")
        for hour, kinds in ((14, (Kind.EXERCISE, Kind.VERDICT)), (15, (Kind.EXERCISE,)))
        for kind in kinds
    ]
    rig.close()


def test_the_status_shows_how_the_line_stands_and_how_long_it_lasts(tmp_path: Path, night: Path) -> None:
    rig = begin(night, tmp_path / "g")
    give(rig, listed())
    give(rig, alert(2, "red", 14, 16))
    rig.tick()
    (waiting,) = overview(rig.parts, rig.stamp())["alerts"]
    assert (waiting["state"], waiting["left_s"], waiting["limit_w"]) == ("waiting", 50 * MINUTE_S, 2_000)
    live(rig, 15 * 60 + 30)
    (running,) = overview(rig.parts, rig.stamp())["alerts"]
    assert (running["state"], running["left_s"], running["not_met"]) == ("running", 30 * MINUTE_S, 1)
    assert running["hours_w"] == [pytest.approx(WORK_W, rel=0.05), None], "powers alone make whole hours"
    assert running["actual_w"] is None
    live(rig, 16 * 60 + 30)
    (ended,) = overview(rig.parts, rig.stamp())["alerts"]
    assert (ended["state"], ended["left_s"]) == ("ended", 30 * MINUTE_S)
    live(rig, 17 * 60 + 1)
    shown = overview(rig.parts, rig.stamp())
    assert shown["alerts"] == []
    assert shown["verdicts"] == [figures(rig)[-1].body]
    rig.close()


def test_who_sets_the_clock_moves_no_hour(tmp_path: Path, night: Path) -> None:
    rig = begin(night, tmp_path / "g")
    give(rig, listed())
    give(rig, alert(2, "red", 14, 16))
    rig.tick()
    rig.ahead_s -= 5 * 3600  # the owner sets it back
    live(rig, 17 * 60 + 1)
    assert said(rig) == WHOLE
    assert compare(judge(tmp_path / "g")) == []
    rig.close()


def test_silence_is_no_verdict_without_a_register(tmp_path: Path, night: Path) -> None:
    rig = begin(night, tmp_path / "g")
    give(rig, listed())
    give(rig, alert(2, "red", 14, 16))
    live(rig, 17 * 60 + 1, lambda minute: None if minute > 14 * 60 else works(minute))
    assert [row[3] for row in said(rig)[1:]] == ["no_data", "no_data", "cannot_be_judged"]
    rig.close()


def test_a_forged_verdict_is_found_by_whoever_has_the_chain(tmp_path: Path, night: Path) -> None:
    rig = begin(night, tmp_path / "g")
    give(rig, listed())
    give(rig, alert(2, "red", 14, 16))
    live(rig, 17 * 60 + 1)
    judged = judge(tmp_path / "g")
    ((key, bodies),) = judged.sealed.items()
    for changed, keys in (
        ([{**one, "verdict": "met"} if one["what"] == "final" else one for one in bodies], ["verdict"]),
        ([one for one in bodies if one.get("state") != "not_met"], ["not sealed"]),
        ([{**bodies[0], "base_w": 30_000}, *bodies[1:]], ["base_w"]),
        ([*bodies, {**bodies[1], "begin_s": 5}], ["only sealed"]),
    ):
        found = compare(Judged(judged.computed, {key: changed}))
        assert {name for _, _, names in found for name in names} == set(keys)
    rig.close()


def test_a_fault_ends_the_judging_of_alerts_and_not_the_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, night: Path
) -> None:
    rig = begin(night, tmp_path / "g")

    def fail(*_: object, **__: object) -> list[Any]:
        raise ZeroDivisionError("planted")

    source = next(one for one in rig.gateway.sources if type(one).__name__ == "Curtailing")
    monkeypatch.setattr(type(source.bench), "read", fail)  # type: ignore[attr-defined]
    live(rig, ORDERED + 30)
    events = [one.body for one in rig.records() if isinstance(one, Record) and one.kind is Kind.EVENT]
    assert [one["text"] for one in events if one["what"] == "alerts not judged"] == [
        "ZeroDivisionError: planted"
    ]
    assert figures(rig) == []
    caplog.clear()
    rig.close()


def test_a_checkpoint_that_is_none_begins_anew_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, night: Path
) -> None:
    rig = begin(night, tmp_path / "g")
    live(rig, ORDERED + 30)
    rig.gateway.sealing.store.put_checkpoint(STATE, b"\xff")
    rig.gateway.sealing.store.flush()
    other = rig.killed(tmp_path / "h")
    assert "what was known of days and alerts is lost" in caplog.text
    caplog.clear()
    live(other, ORDERED + 40)
    other.close()
