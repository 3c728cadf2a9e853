"""What the detector remembers, and that nothing on the disk keeps the gateway from starting."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.judging import checkpoints
from agent.store.tail import read_tail
from evidence.record import Kind, Record, decode_record, kind_of
from evidence.seal import open_body, peek_header
from tests.agent.rig import BEGIN_S, Rig

DATABASE = "state/chain.db"


def lived(tmp_path: Path, seconds: float = 700) -> Rig:
    rig = Rig(tmp_path / "first")
    rig.run(seconds, 30_000, 12_000)
    return rig


def change(rig: Rig, sql: str, *values: object) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        connection = sqlite3.connect(folder / DATABASE)
        connection.execute(sql, values)
        connection.commit()
        connection.close()

    del rig
    return apply


def again(first: Rig, folder: Path, damage: Callable[[Path], None]) -> Rig:
    """Another life after `damage` was done to what the disk holds."""
    passed_s, ahead_s = first.passed_s, first.ahead_s
    first.gateway.sealing.store.flush()
    first.close()
    damage(first.folder)
    first.folder.rename(folder)
    return Rig(folder, passed_s=passed_s, ahead_s=ahead_s)


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b"\x00" * 7,
        b"\x00" * 8,
        b"\x00" * 8 + b"\xff" * 40,
        b"\x00" * 8 + b"\xa1\x67version\x01",
        b"\x00" * 8 + b"\x80",
    ],
    ids=["empty", "short", "no state", "noise", "fields missing", "no map"],
)
def test_a_checkpoint_that_cannot_be_used_does_not_keep_the_gateway_from_starting(
    tmp_path: Path, state: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    first = lived(tmp_path)
    second = again(
        first,
        tmp_path / "second",
        change(first, "UPDATE checkpoints SET raw = ? WHERE name = 'watch'", state),
    )
    assert "the detector begins anew" in caplog.text
    second.run(900, 30_000, 12_000)
    second.run(600, 30_000, 0)
    raised = [r.body for r in second.records() if isinstance(r, Record) and r.kind is Kind.EPISODE]
    assert [body["rule"] for body in raised if body["rule"] != "data_loss"] == ["off"]
    assert raised[-1]["begin_at_s"] == pytest.approx(BEGIN_S + 1600, abs=20)
    second.close()


def test_a_new_checkpoint_is_written_at_once_where_the_old_one_could_not_be_used(tmp_path: Path) -> None:
    first = lived(tmp_path)
    second = again(first, tmp_path / "second", change(first, "UPDATE checkpoints SET raw = x'00'"))
    second.gateway.sealing.store.flush()
    raw = second.gateway.sealing.store.checkpoint(checkpoints.CHECKPOINT)
    assert raw is not None
    assert len(raw) > 8
    second.close()


def test_a_damaged_body_is_passed_by_and_told(tmp_path: Path) -> None:
    first = lived(tmp_path, 100)
    damage = change(first, "UPDATE seals SET body = zeroblob(length(body)) WHERE number = 3")
    second = again(first, tmp_path / "second", damage)
    second.run(30, 30_000, 12_000)
    rows = second.seals()
    assert [row.number for row in rows if row.body is None] == [3]
    records = [raw for row in rows if row.body for raw in open_body(peek_header(row.cose), row.body)]
    (drop,) = [decode_record(raw) for raw in records if kind_of(raw) == Kind.DROP]
    assert isinstance(drop, Record)
    assert drop.body == {"first": 3, "last": 3, "why": "damaged"}
    second.close()


def test_a_salvaged_database_without_a_checkpoint_is_not_read_from_the_first_seal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = lived(tmp_path)
    monkeypatch.setattr(checkpoints, "REPLAY_SEALS_MAX", 20)
    second = again(first, tmp_path / "second", change(first, "DELETE FROM checkpoints"))
    assert "the detector begins anew" in caplog.text
    second.run(60, 30_000, 12_000)
    second.close()


def test_the_checkpoint_names_the_last_seal_that_is_in_it(tmp_path: Path) -> None:
    rig = lived(tmp_path, 400)
    raw = rig.gateway.sealing.store.checkpoint(checkpoints.CHECKPOINT)
    assert raw is not None
    assert 0 < int.from_bytes(raw[:8], "big") <= rig.seals()[-1].number
    rig.close()


def test_what_was_told_before_a_restart_is_still_shown(tmp_path: Path) -> None:
    first = lived(tmp_path, 900)
    first.run(600, 30_000, 0)
    told = [(one.id, one.state) for one in first.parts.judging.episodes]
    assert told
    second = first.killed(tmp_path / "second")
    assert [(one.id, one.state) for one in second.parts.judging.episodes] == told
    second.run(900, 30_000, 12_000)
    states = [one.state for one in second.parts.judging.episodes if one.id == told[0][0]]
    assert states == ["cleared"], "one entry an episode, in its last state"
    second.close()


def test_remembered_episodes_that_cannot_be_read_are_not_shown(tmp_path: Path) -> None:
    first = lived(tmp_path, 900)
    first.run(600, 30_000, 0)
    damage = change(first, "UPDATE checkpoints SET raw = x'ff00' WHERE name = 'episodes'")
    second = again(first, tmp_path / "second", damage)
    assert second.parts.judging.episodes == []
    second.close()


def test_seals_that_the_tip_does_not_link_to_are_not_replayed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever owns the disk puts a seal of another life into the middle of the tail."""
    other = lived(tmp_path / "other", 100)
    (row,) = (seal for seal in other.seals() if seal.number == 5)
    other.close()
    first = lived(tmp_path)
    sql = "UPDATE seals SET cose = ?, hash = ?, body = ? WHERE number = 5"
    damage = change(first, sql, row.cose, row.hash, row.body)

    def forget(folder: Path) -> None:
        damage(folder)
        change(first, "DELETE FROM checkpoints")(folder)

    second = again(first, tmp_path / "second", forget)
    assert "seals 1 to 5: seal 6, which is proved, does not follow them" in caplog.text
    assert next(read_tail(second.gateway.sealing.store, 1)).header.number == 6
    second.close()
