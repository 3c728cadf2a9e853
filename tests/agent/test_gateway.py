"""The core of the gateway: what becomes a record, when it is sealed, and what a kill leaves."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import cbor2
import pytest
from attrs import evolve

from agent.gateway import RekeyError
from agent.sealing.chain import SETTLE_S_MAX, DiskError
from agent.sealing.quota import Level
from disk.database import CommitError, StoreFullError
from drivers.reading import PollGroup, Quality, Reading
from evidence.receipt import Receipt, sign_receipt
from evidence.record import Kind, ReadingRecord, Record, decode_record
from evidence.seal import StoredSeal, open_body, peek_header
from tests.agent.rig import BEGIN_S, CENTRE, Rig
from wire.mqtt_events import Message


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    one = Rig(tmp_path / "g1")
    yield one
    one.close()


def bodies(rig: Rig, kind: Kind) -> list[dict[str, Any]]:
    return [record.body for record in rig.records() if isinstance(record, Record) and record.kind is kind]


def episodes(rig: Rig) -> list[dict[str, Any]]:
    return bodies(rig, Kind.EPISODE)


def test_the_first_seal_is_made_at_once_and_explains_everything_after_it(rig: Rig) -> None:
    (seal,) = rig.seals()
    kinds = [record.kind for record in rig.records()]
    assert kinds == [Kind.BOOT, Kind.MANIFEST, Kind.MANIFEST]
    site, models = bodies(rig, Kind.MANIFEST)
    assert site["meters"]["mt"]["line"] == "t1"
    assert {sha256(table).digest()[:8].hex() for table in models["models"].values()} == set(models["models"])
    assert seal.number == 1


def test_readings_are_sealed_once_an_interval(rig: Rig) -> None:
    rig.run(60, 30_000, 12_000)
    numbers = [seal.number for seal in rig.seals()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert 6 <= len(numbers) <= 8
    readings = [record for record in rig.records() if isinstance(record, ReadingRecord)]
    assert len(readings) == 24 - 2 * (len(rig.gateway.sealing._pending._records) // 2)


def test_a_quiet_gateway_says_that_it_lives(rig: Rig) -> None:
    for _ in range(13):
        rig.passed_s += 10
        rig.tick()
    assert [body["backlog"] for body in bodies(rig, Kind.HEARTBEAT)] == [1, 2]


def test_an_episode_is_sealed_in_the_turn_in_which_it_is_found(rig: Rig) -> None:
    rig.run(900, 30_000, 12_000)
    before = len(rig.seals())
    rig.run(600, 30_000, 0)
    (episode,) = [body for body in episodes(rig) if body["state"] == "raised"]
    assert (episode["rule"], episode["linkage"]) == ("off", "k1")
    assert {"zh", "en"} == episode["sentence"].keys()
    assert len(rig.seals()) > before
    sealed = next(
        seal
        for seal in rig.seals()
        if any(b"k1-off" in record for record in open_body(peek_header(seal.cose), seal.body or b""))
    )
    assert peek_header(sealed.cose).utc_ms / 1000 - episode["raised_at_s"] <= 40


def test_a_dead_meter_is_loss_of_data_and_no_violation(rig: Rig) -> None:
    rig.run(900, 30_000, 12_000)
    rig.run(900, 30_000, None)
    assert {body["rule"] for body in episodes(rig)} == {"data_loss"}
    assert [(body["meter"], body["good"]) for body in bodies(rig, Kind.EVENT)] == [("mt", False)]


@pytest.mark.parametrize(("killed_after_s", "late_s"), [(5, 10), (60, 0), (180, 0), (300, 0)])
def test_a_kill_in_the_middle_of_a_deficit_gives_the_same_episode(
    tmp_path: Path, killed_after_s: int, late_s: int
) -> None:
    """Only what was not sealed yet can be missing: at the very begin that is one slot."""
    whole = Rig(tmp_path / "whole")
    whole.run(900, 30_000, 12_000)
    whole.run(600, 30_000, 0)
    (expected,) = episodes(whole)
    whole.close()

    first = Rig(tmp_path / "first")
    first.run(900, 30_000, 12_000)
    first.run(killed_after_s, 30_000, 0)
    second = first.killed(tmp_path / "second")
    second.run(600 - killed_after_s, 30_000, 0)
    (found,) = episodes(second)
    second.close()
    assert found["rule"] == expected["rule"]
    assert found["begin_at_s"] == expected["begin_at_s"] + late_s
    assert found["raised_at_s"] == expected["raised_at_s"] + late_s


def test_an_episode_that_was_found_but_never_sealed_is_told_after_the_restart(tmp_path: Path) -> None:
    first = Rig(tmp_path / "first")
    first.run(900, 30_000, 12_000)
    seal = first.gateway.sealing.sealer.seal

    def refuse(records: Any, stamp: Any, reference: bytes = b"") -> Any:
        if any(b"k1-off" in record for record in records):
            raise CommitError("no")
        return seal(records, stamp, reference)

    first.gateway.sealing.sealer.seal = refuse  # type: ignore[method-assign]
    first.run(300, 30_000, 0)
    assert not episodes(first)
    second = first.killed(tmp_path / "second")
    second.run(60, 30_000, 0)
    assert [body["rule"] for body in episodes(second)] == ["off"]
    second.close()


@pytest.mark.parametrize("killed", [False, True])
def test_an_off_that_comes_back_is_sealed_again_under_its_id(tmp_path: Path, *, killed: bool) -> None:
    rig = Rig(tmp_path / "first")
    rig.run(900, 30_000, 12_000)
    for _ in range(2):
        rig.run(400, 30_000, 0)
        rig.run(600, 30_000, 12_000)
        if killed:
            rig = rig.killed(tmp_path / f"after {rig.folder.name}")
    found = [(body["id"], body["state"], body["numbers"].get("reopened", 0)) for body in episodes(rig)]
    rig.close()
    assert [one[1:] for one in found] == [("raised", 0), ("cleared", 0), ("raised", 1), ("cleared", 1)]
    assert len({one[0] for one in found}) == 1


def test_a_restart_goes_on_with_the_chain(tmp_path: Path) -> None:
    first = Rig(tmp_path / "first")
    first.run(100, 1000, 1000)
    tip = first.seals()[-1]
    second = first.killed(tmp_path / "second")
    following = second.seals()[tip.number]
    assert peek_header(following.cose).previous == tip.hash
    assert [body["start"] for body in bodies(second, Kind.BOOT)] == ["new", "clean"]
    second.close()


def test_a_reboot_into_1970_does_not_turn_the_detector_back(tmp_path: Path) -> None:
    first = Rig(tmp_path / "first")
    first.run(900, 30_000, 12_000)
    second = first.killed(tmp_path / "second", boot_id=b"second boot.....", passed_s=1.0, ahead_s=0.0)
    second.run(900, 30_000, 12_000)
    second.run(600, 30_000, 0)
    (episode,) = [body for body in episodes(second) if body["rule"] == "off"]
    assert episode["begin_at_s"] > BEGIN_S + 900
    second.close()


def test_a_clock_that_somebody_sets_is_on_record_and_changes_no_episode(rig: Rig) -> None:
    rig.run(900, 30_000, 12_000)
    rig.ahead_s -= 3600
    rig.run(600, 30_000, 0)
    assert [body["step_ms"] for body in bodies(rig, Kind.CLOCK)] == [-3_600_000]
    (episode,) = [body for body in episodes(rig) if body["state"] == "raised"]
    assert episode["begin_at_s"] == pytest.approx(BEGIN_S + 900, abs=20)


def test_a_meter_that_falls_silent_and_returns_is_told_twice(rig: Rig) -> None:
    rig.run(30, 1000, 1000)
    rig.run(60, 1000, None)
    rig.run(30, 1000, 1000)
    assert [(body["meter"], body["good"]) for body in bodies(rig, Kind.EVENT)] == [
        ("mt", False),
        ("mt", True),
    ]


def test_a_group_that_a_meter_refuses_is_told_once_and_not_at_every_poll(rig: Rig) -> None:
    model = rig.parts.judging.feed.setups["mp"].model
    for _ in range(10):
        rig.run(5, 1000, 1000)
        stamp = rig.stamp()
        refused = Reading("mp", PollGroup.SLOW, stamp, model.hash, (), Quality.BAD, "exception 2")
        rig.gateway.reading(refused)
    rig.run(20, 1000, 1000)
    told = [(body["meter"], body["group"], body["good"]) for body in bodies(rig, Kind.EVENT)]
    assert told == [("mp", "slow", False)]


def test_what_a_person_must_know_is_in_the_log(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.run(30, 1000, 1000)
    rig.receipt(evolve(rig.seals()[-1], hash=bytes(31) + b"x"))
    rig.run(20, 1000, 1000)
    assert [entry.levelname for entry in caplog.records if "fork" in entry.message] == ["ERROR"]
    assert "delivery fork" in [body["what"] for body in bodies(rig, Kind.EVENT)]


def test_only_the_centre_s_own_receipt_is_believed(rig: Rig) -> None:
    rig.connect()
    rig.run(60, 1000, 1000)
    seal = rig.seals()[2]
    rig.receipt(seal, secret=bytes(32))
    rig.receipt(seal, gateway="g2")
    assert rig.gateway.courier.status().received == 0
    rig.receipt(seal, secret=CENTRE)
    assert rig.gateway.courier.status().received == seal.number
    rig.run(20, 1000, 1000)
    told = [body["text"] for body in bodies(rig, Kind.EVENT) if body["what"] == "message rejected"]
    assert told == ["not signed by the centre", "a receipt for gateway g2"]
    last = rig.gateway.sealing.store.last_receipt()
    assert last is not None
    assert peek_header(rig.seals()[-1].cose).reference == sha256(last).digest()


def test_nothing_is_pruned_without_a_receipt_and_what_is_receipted_goes_when_room_is_needed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.run(400, 1000, 1000)
    monkeypatch.setattr(rig.gateway.sealing.store, "used_fraction", lambda: 0.8)
    rig.run(20, 1000, 1000)
    assert rig.gateway.sealing.store.first_number() == 1
    rig.receipt(rig.seals()[9])
    rig.run(20, 1000, 1000)
    assert rig.gateway.sealing.store.first_number() == 10


def test_a_full_database_gives_up_bodies_and_says_so(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.run(400, 1000, 1000)
    monkeypatch.setattr(rig.gateway.sealing.store, "used_fraction", lambda: 0.96)
    rig.run(30, 1000, 1000)
    monkeypatch.undo()
    tip = rig.gateway.sealing.store.last()
    assert tip is not None
    gone = {seal.number for seal in rig.seals() if seal.body is None}
    assert {1, 2, 3} <= gone
    assert rig.gateway.sealing.level is Level.DROP
    assert gone == declared(rig), "each body that is gone is told of, in the same commit"


def declared(rig: Rig) -> set[int]:
    """The bodies that the chain's own DROP records say are gone."""
    told: set[int] = set()
    for seal in rig.seals():
        for raw in open_body(peek_header(seal.cose), seal.body) if seal.body else ():
            record = decode_record(raw)
            if isinstance(record, Record) and record.kind is Kind.DROP:
                told |= set(range(record.body["first"], record.body["last"] + 1))
    return told


def test_what_is_given_up_because_a_commit_found_no_room_is_told_too(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.run(300, 1000, 1000)
    append, store = rig.gateway.sealing.store.append, rig.gateway.sealing.store
    monkeypatch.setattr(store, "used_fraction", lambda: 0.96 if store.append != append else 0.5)

    def full(*_: Any) -> None:
        raise StoreFullError("database or disk is full")

    monkeypatch.setattr(store, "append", full)
    rig.run(10, 1000, 1000)
    monkeypatch.setattr(store, "append", append)
    rig.run(30, 1000, 1000)
    gone = {seal.number for seal in rig.seals() if seal.body is None}
    assert gone
    assert gone == declared(rig)


def spoil_body(rig: Rig, number: int) -> None:
    """What a flash cell does that lost its charge, where SQLite cannot see it."""
    row = rig.gateway.sealing.store.row(number)
    assert row is not None
    body = bytearray(row.body or b"")
    body[len(body) // 2] ^= 1
    with rig.gateway.sealing.store._database.write() as connection:
        connection.execute("UPDATE seals SET body = ? WHERE number = ?", (bytes(body), number))


def receipted(rig: Rig, last: StoredSeal, bodies_up_to: int, *ranges: tuple[int, int]) -> None:
    raw = sign_receipt(Receipt("g1", last.number, last.hash, bodies_up_to, ranges, 0), CENTRE)
    rig.gateway.mqtt(Message("dj/1/g1/receipt", raw, True), rig.stamp(), rig.passed_s)


def test_a_body_that_was_damaged_on_the_disk_is_declared_lost_and_holds_up_nothing(rig: Rig) -> None:
    rig.run(100, 1000, 1000)
    tip = rig.seals()[-1]
    spoil_body(rig, 5)
    rig.connect()
    receipted(rig, tip, 2)
    rig.run(20, 1000, 1000)
    sent = {cbor2.loads(raw)[0] for _, topic, raw, _ in rig.sent if topic == "dj/1/g1/body"}
    assert sent == set(range(3, tip.number + 1)) - {5}
    assert declared(rig) == {5}
    assert [seal.number for seal in rig.seals() if seal.body is None] == [5]
    receipted(rig, tip, 4, (6, tip.number))
    assert rig.gateway.courier.prunable_below() == tip.number


def test_a_live_seal_whose_body_is_damaged_goes_without_it(rig: Rig) -> None:
    rig.run(100, 1000, 1000)
    tip = rig.seals()[-1]
    rig.receipt(rig.seals()[-2])
    spoil_body(rig, tip.number)
    rig.connect()
    rig.passed_s += 1
    rig.tick()
    sent = [(topic, cbor2.loads(raw)) for _, topic, raw, _ in rig.sent if not topic.endswith("state")]
    assert sent == [("dj/1/g1/chain", [tip.cose])]
    rig.run(10, 1000, 1000)
    assert declared(rig) == {tip.number}


def test_a_disk_too_full_to_make_room_ends_the_process_in_its_own_words(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.run(300, 1000, 1000)

    def full(*_: Any, **__: Any) -> None:
        raise StoreFullError("database or disk is full")

    monkeypatch.setattr(rig.gateway.sealing.store, "used_fraction", lambda: 0.96)
    monkeypatch.setattr(rig.gateway.sealing.store, "append", full)
    monkeypatch.setattr(rig.gateway.sealing.store, "drop_bodies", full)
    with pytest.raises(DiskError, match="disk is full"):
        rig.run(SETTLE_S_MAX + 30, 1000, 1000)


def test_a_disk_that_takes_nothing_ends_the_process(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise CommitError("input/output error")

    monkeypatch.setattr(rig.gateway.sealing.store, "append", fail)
    with pytest.raises(DiskError, match="input/output error"):
        rig.run(SETTLE_S_MAX + 30, 1000, 1000)


def test_an_end_on_a_disk_that_takes_nothing_is_no_good_end(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise StoreFullError("database or disk is full")

    rig.run(20, 1000, 1000)
    monkeypatch.setattr(rig.gateway.sealing.store, "append", full)
    rig.read("mp", 1000)
    with pytest.raises(DiskError, match="could not be sealed"):
        rig.gateway.stop(rig.stamp(), rig.passed_s)


def test_a_disk_that_recovers_gets_the_same_bytes(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    append = rig.gateway.sealing.store.append
    offered = []

    def fail(*seals: Any) -> None:
        offered.append(seals[-1].cose)
        raise CommitError("input/output error")

    rig.run(20, 1000, 1000)
    monkeypatch.setattr(rig.gateway.sealing.store, "append", fail)
    rig.run(15, 1000, 1000)
    monkeypatch.setattr(rig.gateway.sealing.store, "append", append)
    rig.run(15, 1000, 1000)
    assert len(set(offered)) == 1
    assert offered[0] in [seal.cose for seal in rig.seals()]


def test_an_orderly_end_seals_what_is_pending_and_forgets_nothing(tmp_path: Path) -> None:
    first = Rig(tmp_path / "first")
    first.run(24, 1000, 1000, step_s=3.0)
    first.gateway.stop(first.stamp(), first.passed_s)
    assert sum(isinstance(record, ReadingRecord) for record in first.records()) == 16
    assert not first.gateway.sealing.sealer.is_unsettled
    before = len(first.seals())
    first.passed_s += 600
    first.tick()
    assert len(first.seals()) == before
    first.close()


def test_keys_that_do_not_belong_to_the_chain_stop_the_gateway(tmp_path: Path) -> None:
    first = Rig(tmp_path / "first")
    first.run(30, 1000, 1000)
    (tmp_path / "first/state/keys").unlink()
    with pytest.raises(RekeyError, match="a new key is needed"):
        first.killed(tmp_path / "second")


def test_the_plant_hears_of_a_deficit_before_it_is_an_episode_and_not_again_after_a_kill(
    rig: Rig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Mapping[str, Any]] = []
    rig.parts.judging.send_warning = heard.append
    rig.run(900, 30_000, 12_000)
    rig.run(90, 30_000, 0)
    assert [one["state"] for one in heard] == ["begins"]
    assert episodes(rig) == []
    assert any("early warning" in record.getMessage() for record in caplog.records)
    again = rig.killed(tmp_path / "again")
    again.parts.judging.send_warning = heard.append
    again.run(60, 30_000, 0)
    assert len(heard) == 1
    again.run(300, 30_000, 12_000)
    assert [one["state"] for one in heard] == ["begins", "healthy"]
    again.close()


@pytest.mark.parametrize("name", ["advance", "reading"])
def test_a_fault_in_the_detector_ends_the_detector_and_never_the_chain(
    rig: Rig, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("a slip in a rule")

    rig.run(400, 1000, 1000)
    monkeypatch.setattr(type(rig.parts.judging.feed), name, fail)
    before = len(rig.seals())
    rig.run(120, 1000, 1000)
    assert len(rig.seals()) >= before + 11
    assert [body["text"] for body in bodies(rig, Kind.EVENT) if body["what"] == "detector failed"] == [
        "ZeroDivisionError: a slip in a rule"
    ]
    assert "nothing is judged until the next start" in caplog.text
    assert bodies(rig, Kind.HEARTBEAT)[-1]["judging"] is False
    rig.receipt(rig.seals()[-3])
    monkeypatch.setattr(rig.gateway.sealing.store, "used_fraction", lambda: 0.8)
    rig.run(20, 1000, 1000)
    assert (rig.gateway.sealing.store.first_number() or 0) > 1, "and the database does not fill behind it"
    rig.gateway.stop(rig.stamp(), rig.passed_s)


def test_a_fault_while_the_chain_is_judged_again_does_not_keep_the_gateway_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = Rig(tmp_path / "first")
    first.run(100, 1000, 1000)

    def fail(*_: Any) -> None:
        raise ZeroDivisionError("a slip in a rule")

    monkeypatch.setattr(type(first.parts.judging.feed), "replay", fail)
    second = first.killed(tmp_path / "second")
    second.run(30, 1000, 1000)
    assert "the detector begins anew: ZeroDivisionError" in caplog.text
    second.close()


def test_a_receipt_for_a_seal_that_this_disk_has_not_ends_the_gateway_and_seals_nothing_more(
    rig: Rig,
) -> None:
    rig.connect()
    rig.run(60, 1000, 1000)
    tip = rig.seals()[-1]
    rig.read("mp", 1000)
    with pytest.raises(RekeyError, match="rolled back"):
        rig.receipt(evolve(tip, number=tip.number + 5, hash=b"x" * 32))
    assert rig.seals()[-1] == tip


def test_a_level_of_the_quota_is_told_when_it_is_reached_and_when_the_alarm_ends(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """At a limit it goes up and down with every few seals: that is no news."""
    for used in (0.5, 0.75, 0.9, 0.96, 0.94, 0.96, 0.94, 0.96, 0.6, 0.9):
        monkeypatch.setattr(rig.gateway.sealing.store, "used_fraction", lambda used=used: used)
        rig.run(20, 1000, 1000)
    told = [entry.message.rpartition(" ")[2] for entry in caplog.records if "at level" in entry.message]
    assert told == ["ALARM", "DROP", "FREE", "ALARM"]
