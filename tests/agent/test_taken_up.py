"""A start after a kill: what waited for a seal is sealed first, judged once, and told."""

import os
import struct
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from agent.inbox import INBOX_NAME, drop
from agent.sealing.sealer import Sealer
from agent.sealing.source import NewRecord
from agent.spool.place import spool_path
from drivers.reading import Block, PollGroup, Reading
from evidence.record import Kind, ReadingRecord, Record, decode_record, kind_of
from evidence.seal import StoredSeal, open_body, peek_header
from tests.agent.rig import Rig

SEAL = Sealer.seal


class KilledError(BaseException):
    """The process is gone."""


def killed(rig: Rig, down_s: float = 2) -> Rig:
    """Another life on the same machine; nothing is written by the end of this one."""
    rig.gateway.sealing.store._database.close()
    rig.gateway.sealing.store._lock.release()
    return Rig(rig.folder, passed_s=rig.passed_s + down_s, ahead_s=rig.ahead_s)


def killed_in_a_seal(rig: Rig) -> Rig:
    """Everything was put into the queue, and the seal was not begun."""
    with mock.patch.object(Sealer, "seal", side_effect=KilledError), pytest.raises(KilledError):
        rig.tick()
    return killed(rig)


def bodies(rig: Rig, kind: Kind) -> list[dict[str, Any]]:
    return [one.body for one in rig.records() if isinstance(one, Record) and one.kind is kind]


def read_serial(rig: Rig, number: int) -> None:
    setup = rig.parts.judging.feed.setups["mp"]
    block = Block(3, 0xFC00, struct.pack(">I", number))
    rig.gateway.reading(Reading("mp", PollGroup.IDENTITY, rig.stamp(), setup.model.hash, (block,)))


def test_readings_that_waited_are_sealed_before_the_boot_of_the_next_run_and_it_is_told(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path)
    rig.run(20, 1000, 1000)
    sealed = len(rig.seals())
    rig.passed_s += 1
    rig.read("mp", 1234.0)
    rig.read("mt", None)
    again = killed(rig)
    assert len(again.seals()) == sealed + 1
    records = list(again.records())
    kinds = [one.kind for one in records]
    begin = len(kinds) - 1 - kinds[::-1].index(Kind.BOOT)
    before = records[begin - 3 : begin]
    assert [one.kind for one in before] == [Kind.READING, Kind.READING, Kind.EVENT]
    assert [one.meter for one in before if isinstance(one, ReadingRecord)] == ["mp", "mt"]
    (told,) = [body for body in bodies(again, Kind.EVENT) if body["what"] == "taken up"]
    assert told["count"] == 3
    again.gateway.stop(again.stamp(), again.passed_s)
    assert not spool_path(tmp_path / "state").exists()
    again.close()


def test_an_orderly_end_leaves_nothing_to_take_up(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.read("mp", 1000.0)
    rig.gateway.stop(rig.stamp(), rig.passed_s)
    again = killed(rig)
    assert not [body for body in bodies(again, Kind.EVENT) if body["what"] == "taken up"]
    assert sum(isinstance(one, ReadingRecord) for one in again.records()) == 1
    again.close()


def test_a_kill_in_the_first_second_loses_neither_boot_nor_manifest(tmp_path: Path) -> None:
    with mock.patch.object(Sealer, "seal", side_effect=KilledError), pytest.raises(KilledError):
        Rig(tmp_path)
    first = spool_path(tmp_path / "state").stat().st_size
    with (
        mock.patch.object(Sealer, "seal", side_effect=KilledError),
        mock.patch("disk.lock.Lock.__init__") as lock,
    ):
        lock.return_value = None
        with mock.patch("disk.lock.Lock.release"), pytest.raises(KilledError):
            Rig(tmp_path)
    assert spool_path(tmp_path / "state").stat().st_size > first
    with mock.patch("disk.lock.Lock.__init__", return_value=None), mock.patch("disk.lock.Lock.release"):
        rig = Rig(tmp_path)
        assert [one.kind for one in rig.records()].count(Kind.BOOT) == 3
        rig.close()


def settled_serial(rig: Rig, number: int) -> None:
    """The meter has said so for long enough, but for one read."""
    for _ in range(3):
        read_serial(rig, number)
        rig.tick()
        rig.passed_s += 80


def test_a_sign_of_tampering_is_told_once_whether_its_record_was_kept_or_not(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    settled_serial(rig, 7)
    read_serial(rig, 7)
    settled_serial(rig, 8)
    read_serial(rig, 8)
    rig = killed_in_a_seal(rig)
    assert [body["now"] for body in bodies(rig, Kind.TAMPER)] == [8]
    # the readings came from their bus, and the main loop has not taken them yet
    with mock.patch.object(type(rig.gateway), "tick"), mock.patch.object(type(rig.gateway.sealing), "put"):
        settled_serial(rig, 9)
        read_serial(rig, 9)
    rig = killed(rig)
    read_serial(rig, 9)
    rig.tick()
    assert [body["now"] for body in bodies(rig, Kind.TAMPER)] == [8, 9]
    rig.close()


def seal_no_episode(sealer: Sealer, records: list[bytes], *others: Any) -> Any:
    if any(kind_of(record) == Kind.EPISODE for record in records):
        raise KilledError
    return SEAL(sealer, records, *others)


def told_of_a_deficit(folder: Path, *, kill: bool) -> tuple[list[tuple[str, str]], int]:
    """The episodes of a plant whose treatment is off; with `kill` it dies whenever one is to be sealed."""
    folder.mkdir()
    rig, kills = Rig(folder), 0
    rig.run(900, 40_000, 15_000, 10)
    while rig.passed_s < 2_400:
        try:
            with mock.patch.object(Sealer, "seal", seal_no_episode if kill else SEAL):
                rig.run(10, 40_000, 20, 10)
        except KilledError:
            rig, kills = killed(rig, down_s=0), kills + 1
    found = bodies(rig, Kind.EPISODE)
    assert {one.id for one in rig.parts.judging.episodes} == {body["id"] for body in found}
    rig.close()
    return [(body["rule"], body["state"]) for body in found], kills


def test_an_episode_that_waited_is_in_the_chain_once_and_in_the_view(tmp_path: Path) -> None:
    undisturbed, _ = told_of_a_deficit(tmp_path / "a", kill=False)
    assert undisturbed
    told, kills = told_of_a_deficit(tmp_path / "b", kill=True)
    assert told == undisturbed
    assert kills == len(told)


def test_a_letter_of_the_inbox_is_sealed_once(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.passed_s += 5
    drop(tmp_path / "state", {"what": "wiring", "text": "as drawn"}, 1)
    rig = killed_in_a_seal(rig)
    rig.passed_s += 5
    rig.tick()
    assert len(bodies(rig, Kind.COMMISSIONING)) == 1
    assert not list((tmp_path / "state" / INBOX_NAME).iterdir())
    rig.close()


@pytest.mark.parametrize("where", ["another boot", "an old copy", "cut"])
def test_what_is_not_to_be_believed_is_left_out_and_told(where: str, tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.read("mp", 1000.0)
    path = spool_path(tmp_path / "state")
    raw = path.read_bytes()
    if where == "another boot":
        raw = raw[:4] + os.urandom(16) + raw[20:]
    elif where == "an old copy":
        rig.run(20, 1000, 1000)
        rig = killed(rig)
    else:
        raw = raw[:-3]
    path.write_bytes(raw)
    before = sum(isinstance(one, ReadingRecord) for one in rig.records())
    rig = killed(rig)
    assert sum(isinstance(one, ReadingRecord) for one in rig.records()) == before
    if where == "cut":
        assert bodies(rig, Kind.GAP) == [{"what": "records", "count": 1, "why": "cut off by a kill"}]
    else:
        assert [body["text"] for body in bodies(rig, Kind.EVENT) if body["what"] == "spool refused"]
    rig.close()


def test_a_body_that_was_given_up_for_room_at_once_is_declared_after_a_kill(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.run(60, 1000, 1000)
    quota = "agent.sealing.chain.Quota.make_room"
    with mock.patch(quota, return_value=(rig.gateway.sealing.level, (1, 2))):
        rig.gateway.sealing._make_room(rig.stamp(), at_once=True)
    assert rig.gateway.sealing.store.body_length(1) == 0
    rig = killed(rig)
    drops = [
        one.body
        for seal in rig.seals()[2:]
        if seal.body is not None
        for one in records_in(seal)
        if isinstance(one, Record) and one.kind is Kind.DROP
    ]
    assert drops == [{"first": 1, "last": 2, "why": "no room"}]
    rig.close()


def records_in(seal: StoredSeal) -> list[Record | ReadingRecord]:
    return [decode_record(raw) for raw in open_body(peek_header(seal.cose), seal.body or b"")]


def test_the_queue_of_the_process_and_the_file_hold_the_same(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.gateway.sealing.put(NewRecord(Kind.EVENT, {"what": "disk", "text": "x"}), rig.stamp())
    rig.read("mp", 1.0)
    sealing = rig.gateway.sealing
    assert sealing._pending._records == sealing.sealer.spool._waiting
    rig.tick()
    rig.passed_s += 20
    rig.tick()
    assert sealing.sealer.spool._waiting == []
    rig.close()
