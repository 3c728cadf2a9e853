"""A store and a key file of version 0.1, made by `old-state/make.py`, are opened and gone on with."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.inbox import INBOX_NAME
from agent.sealing.recovery import Start
from evidence.chain import ChainState, Outcome
from evidence.record import Kind, Record
from evidence.verify import accept
from tests.agent import rig as rigs
from tests.agent.rig import Rig

OLD = Path(__file__).parent / "old-state"
LIVED_S = 1500.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a site as the old version left it."""
    state = tmp_path / "g1" / "state"
    shutil.copytree(OLD / INBOX_NAME, state / INBOX_NAME)
    shutil.copy(OLD / "keys", state / "keys")
    connection = sqlite3.connect(state / "chain.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript((OLD / "chain.sql").read_text())
    connection.close()
    return tmp_path / "g1"


@pytest.fixture
def rig(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(rigs, "SITE", "[seal]\ninterval_s = 60\n" + rigs.SITE)
    one = Rig(folder, passed_s=LIVED_S)
    yield one
    one.close()


def rows(folder: Path) -> int:
    connection = sqlite3.connect(folder / "state" / "chain.db")
    count: int = connection.execute("SELECT count(*) FROM seals").fetchone()[0]
    connection.close()
    return count


def test_the_chain_goes_on_and_verifies_from_the_first_key_of_the_old_version(
    folder: Path, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.run(300, 30_000, 0, step_s=10)
    first_key = bytes.fromhex((OLD / "first_key").read_text())
    state = ChainState.enrolled("g1", first_key)
    for seal in rig.seals():
        verdict = accept(state, seal.cose, seal.body, None)
        assert verdict.outcome is Outcome.ACCEPTED
        state = verdict.state
    (boot, again) = [one.body for one in rig.records() if isinstance(one, Record) and one.kind is Kind.BOOT]
    assert (boot["start"], again["start"]) == (Start.NEW, Start.CLEAN)
    assert rig.gateway.sealing.store.salvage is None
    logged = [entry.getMessage() for when in ("setup", "call") for entry in caplog.get_records(when)]
    assert not [text for text in logged if "anew" in text]
    assert rows(folder) == rig.seals()[-1].number


def test_what_the_old_version_knew_is_known(rig: Rig) -> None:
    assert [(one.rule, one.state) for one in rig.parts.judging.episodes] == [("off", "raised")]
    assert rig.gateway.courier.status().received == 10
    rig.run(900, 30_000, 12_000, step_s=10)
    episodes = [one.body for one in rig.records() if isinstance(one, Record) and one.kind is Kind.EPISODE]
    assert [body["state"] for body in episodes] == ["raised", "cleared"]
    assert len({body["id"] for body in episodes}) == 1


def test_what_lay_in_the_old_inbox_is_sealed_and_removed(folder: Path, rig: Rig) -> None:
    rig.run(10, 30_000, 12_000)
    found = [one.body for one in rig.records() if isinstance(one, Record) and one.kind is Kind.COMMISSIONING]
    assert [(body["what"], body["number"]) for body in found] == [("period", 1)]
    assert not list((folder / "state" / INBOX_NAME).iterdir())
