"""The gateway's own marks, on a real database and key file: sealed once, over every kill."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.inbox import drop
from agent.marks.marking import Marking
from drivers.clock import ClockState
from evidence.marks.mark import decode_mark
from evidence.record import Kind, Record
from provisioning.cli import cli
from tests.agent import rig as plant
from tests.agent.rig import BEGIN_S, BOOT, Rig

MINUTE_S = 60
SEAL_S = 300.0
SITE = plant.SITE.replace('line = "p1"', 'line = "p1"\nfast_s = 60').replace(
    'line = "t1"', 'line = "t1"\nfast_s = 60'
)
LOST = range(10, 30)
"""Minutes in which the production's meter does not answer."""
OTHER = b"second boot....."


@pytest.fixture(autouse=True, scope="module")
def _polling() -> Iterator[None]:
    """The plant is read once a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plant, "SITE", SITE)
        yield


def begin(folder: Path, **changes: Any) -> Rig:
    rig = Rig(folder, **changes)
    rig.gateway.sealing.interval_s = SEAL_S
    return rig


DAYS_S = 3 * 86_400


def live(rig: Rig, until: int) -> Rig:
    """Let it live up to a minute."""
    while rig.passed_s < until * MINUTE_S:
        rig.passed_s += MINUTE_S
        rig.read("mp", None if rig.passed_s // MINUTE_S in LOST else 40_000)
        rig.read("mt", 15_000)
        rig.tick()
    return rig


def marks(rig: Rig) -> list[tuple[str, str, int, int]]:
    """Code, subject, from and to in minutes."""
    found = [
        decode_mark(one.body) for one in rig.records() if isinstance(one, Record) and one.kind is Kind.MARK
    ]
    assert len({one.id for one in found}) == len(found), "each once"
    return [
        (one.code, one.subject, (one.from_s - BEGIN_S) // MINUTE_S, ((one.to_s or 0) - BEGIN_S) // MINUTE_S)
        for one in found
    ]


def test_a_loss_of_contact_is_sealed_when_it_has_closed(tmp_path: Path) -> None:
    rig = live(begin(tmp_path / "g"), 44)
    assert marks(rig) == []
    live(rig, 55)
    assert marks(rig) == [("lost-contact", "mp", 9, 30)]
    live(rig, 80)
    assert len(marks(rig)) == 1
    rig.close()
    site = tmp_path / "g/site.toml"
    site.write_text(SITE, "utf-8")
    for more in ([], ["--automatic"]):
        told = CliRunner().invoke(cli, ["marks", "check", "--site", str(site), "--json", *more])
        assert told.exit_code == 0, told.output
        assert told.stdout.count('"lost-contact"') == 1, "sealed, and not derived once more"


@pytest.mark.parametrize(
    ("cut", "boot"),
    [(5, BOOT), (20, BOOT), (31, BOOT), (45, BOOT), (46, BOOT), (47, BOOT), (60, BOOT), (46, OTHER)],
)
def test_whenever_it_is_killed_each_mark_is_sealed_once(tmp_path: Path, cut: int, boot: bytes) -> None:
    """What was no loss yet when it was killed begins with the last sign of life."""
    rig = live(begin(tmp_path / "0"), cut)
    rig = rig.killed(tmp_path / "1", boot_id=boot, passed_s=rig.passed_s)
    rig.gateway.sealing.interval_s = SEAL_S
    found = marks(live(rig, 80))
    assert sorted(code for code, *_ in found) == sorted(
        ["lost-contact", "restart" if boot == BOOT else "gateway-off"]
    )
    ((_, subject, begun, ended),) = [one for one in found if one[0] == "lost-contact"]
    assert subject == "mp"
    assert 9 <= begun <= 19
    assert 30 <= ended <= 36
    rig.close()


def test_a_gateway_that_was_off_explains_the_silence_of_its_meters(tmp_path: Path) -> None:
    rig = live(begin(tmp_path / "0"), 8)
    rig.gateway.stop(rig.stamp(), rig.passed_s)
    rig = rig.killed(tmp_path / "1", boot_id=OTHER, passed_s=100.0 * MINUTE_S)
    rig.gateway.sealing.interval_s = SEAL_S
    assert marks(live(rig, 120)) == [("gateway-off", "g1", 8, 100)]
    rig.close()


def test_nothing_is_marked_before_the_clock_is_set(tmp_path: Path) -> None:
    rig = live(begin(tmp_path / "g", clock_state=ClockState.UNSYNCHRONISED), 60)
    assert marks(rig) == []
    rig.clock_state = ClockState.SYNCHRONISED
    assert marks(live(rig, 70)) == [("lost-contact", "mp", 9, 30)]
    rig.close()


def test_a_clock_that_is_set_after_a_restart_dates_the_whole_boot_anew(tmp_path: Path) -> None:
    rig = live(begin(tmp_path / "0", clock_state=ClockState.UNSYNCHRONISED), 5)
    unset = {"clock_state": ClockState.UNSYNCHRONISED}
    rig = rig.killed(tmp_path / "1", boot_id=OTHER, passed_s=8.0 * MINUTE_S, **unset)
    rig.gateway.sealing.interval_s = SEAL_S
    rig = live(rig, 37).killed(tmp_path / "2", **unset)
    rig.gateway.sealing.interval_s = SEAL_S
    live(rig, 40)
    rig.ahead_s += DAYS_S
    rig.clock_state = ClockState.SYNCHRONISED
    found = {code: (begun, ended) for code, subject, begun, ended in marks(live(rig, 80)) if subject == "g1"}
    moved = DAYS_S // MINUTE_S
    assert found["gateway-off"][1] == 8 + moved
    assert all(36 + moved <= at <= 38 + moved for at in found["restart"])
    rig.close()


def test_work_of_a_technician_is_maintenance_of_the_meter(tmp_path: Path) -> None:
    rig = live(begin(tmp_path / "g"), 1)
    for minute, body in (
        (2, {"what": "wiring", "meter": "mt"}),
        (9, {"what": "trial", "meters": ["mt", "?", 7]}),
    ):
        live(rig, minute)
        drop(tmp_path / "g/state", body, rig.stamp().utc_ns)
    live(rig, 20)
    rig = rig.killed(tmp_path / "1")
    assert [one for one in marks(live(rig, 90)) if one[1] == "mt"] == [("meter-maintenance", "mt", 3, 10)]
    rig.close()


def test_a_fault_ends_the_marking_and_not_the_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a mistake")

    rig = begin(tmp_path / "g")
    monkeypatch.setattr("agent.marks.closing.Closing.take_silences", fail)
    live(rig, 50)
    (source,) = [one for one in rig.gateway.sources if isinstance(one, Marking)]
    assert source.failed
    assert (marks(rig), len(rig.seals()) > 2) == ([], True)
    rig.close()


def test_an_unusable_checkpoint_begins_anew(tmp_path: Path) -> None:
    rig = live(begin(tmp_path / "0"), 20)
    rig.gateway.stop(rig.stamp(), rig.passed_s)
    rig.gateway.sealing.store.put_checkpoint("marks", b"\x01")
    rig.gateway.sealing.store.flush()
    rig = rig.killed(tmp_path / "1")
    assert [code for code, *_ in marks(live(rig, 60))] == ["restart"], "when the meter was last heard is lost"
    rig.close()
