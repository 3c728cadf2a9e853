"""Keys, enrolment and the name of the chain: what the daemon's verbs say when they do not fit."""

import json
import os
from pathlib import Path

import pytest

from agent.main import EXIT_DISK, EXIT_REKEY, main
from agent.sealing.key_slots import KeySlots, KeySlotsError
from agent.site.enrolment import (
    ENROLMENT_BYTES_MAX,
    ENROLMENT_NAME,
    EnrolmentError,
    read_enrolment,
)
from agent.store.gateway import GatewayStore
from disk.database import CommitError
from tests.agent.rig import SITE, Rig


@pytest.fixture
def site(tmp_path: Path) -> Path:
    file = tmp_path / "site.toml"
    file.write_text(SITE, "utf-8")
    return file


def call(site: Path, *words: str) -> int:
    return main([*words, "--config", str(site)])


def test_the_enrolment_is_printed_again_while_the_agent_runs(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(site, "init") == 0
    first = capsys.readouterr().out
    rig = Rig(tmp_path)
    try:
        assert call(site, "init") == 0
    finally:
        rig.close()
    assert capsys.readouterr().out == first
    assert json.loads(first)["gateway"] == "g1"


@pytest.mark.parametrize("left", [None, "", "{", "[]", '{"gateway": "g1"}'])
def test_a_lost_enrolment_is_said_in_one_line_and_stops_no_agent(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], left: str | None
) -> None:
    call(site, "init")
    rig = Rig(tmp_path)
    rig.run(30, 1000, 1000)
    rig.close()
    file = tmp_path / "state" / ENROLMENT_NAME
    file.unlink() if left is None else file.write_text(left, "utf-8")
    capsys.readouterr()
    assert call(site, "init") == EXIT_DISK
    said = capsys.readouterr()
    assert (said.out, len(said.err.splitlines())) == ("", 1)
    assert "centre's register" in said.err
    Rig(tmp_path).close()


def test_a_site_file_that_renames_the_gateway_does_not_break_its_chain(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = Rig(tmp_path)
    rig.run(30, 1000, 1000)
    before = rig.seals()
    rig.close()
    site.write_text(SITE.replace('"g1"', '"g2"'), "utf-8")
    for words in (("init",), ("run",), ("run", "--once")):
        assert call(site, *words) == EXIT_REKEY
        assert "is that of gateway g1, not g2" in capsys.readouterr().err
    again = Rig(tmp_path)
    assert again.seals()[: len(before)] == before
    assert again.seals()[-1].number == before[-1].number + 1
    again.close()


def test_keys_that_are_gone_are_not_enrolled_again(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(site, "init")
    rig = Rig(tmp_path)
    rig.run(30, 1000, 1000)
    rig.close()
    (tmp_path / "state/keys").unlink()
    capsys.readouterr()
    assert call(site, "init") == EXIT_REKEY
    assert capsys.readouterr().out == ""


def test_a_disk_that_is_full_at_the_end_has_its_exit_code(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: GatewayStore) -> None:
        raise CommitError("chain.db: database or disk is full")

    monkeypatch.setattr(GatewayStore, "close", full)
    assert call(site, "init") == EXIT_DISK
    assert capsys.readouterr().err.splitlines() == ["dianjian-agent: chain.db: database or disk is full"]


@pytest.mark.parametrize("what", ["pipe", "device", "huge"])
def test_what_is_no_plain_file_is_lost_and_not_waited_for(tmp_path: Path, what: str) -> None:
    file = tmp_path / ENROLMENT_NAME
    if what == "pipe":
        os.mkfifo(file)
    elif what == "device":
        file.symlink_to("/dev/zero")
    else:
        file.write_bytes(b" " * (ENROLMENT_BYTES_MAX + 1))
    with pytest.raises(EnrolmentError, match="missing or damaged"):
        read_enrolment(tmp_path)


def test_a_pipe_in_the_place_of_the_keys_is_named_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "keys")
    with pytest.raises(KeySlotsError, match="no plain file"):
        KeySlots(tmp_path / "keys").load()
