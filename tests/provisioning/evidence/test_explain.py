"""`dianjian explain`: an episode out of a real chain, for the terminal and as files."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.detect.episode import Episode
from agent.sealing.key_slots import KeySlots
from agent.sealing.sealer import Sealer
from agent.site.enrolment import write_enrolment
from agent.store.gateway import GatewayStore
from agent.store.names import DATABASE_NAME, KEYS_NAME
from evidence.record import Kind, encode_record
from provisioning.cli import cli
from tests.agent.detect.timeline import linkage, run
from tests.evidence.chains import stamp
from tests.provisioning.plant import SITE

TIMELINE = [(5, {"p1": 0, "t1": 0}), (15, {"p1": 15_000, "t1": 15_000}), (10, {"p1": 15_000, "t1": 0})]
QUOTA_BYTES = 1 << 24


@pytest.fixture(scope="module")
def found() -> list[Episode]:
    episodes, _ = run(linkage(), [*TIMELINE, (10, {"p1": 15_000, "t1": 15_000})])
    return episodes


@pytest.fixture
def state(tmp_path: Path, found: list[Episode]) -> Path:
    store = GatewayStore(tmp_path / DATABASE_NAME, QUOTA_BYTES)
    sealer = Sealer("gw-7", KeySlots(tmp_path / KEYS_NAME), store)
    write_enrolment(tmp_path, "gw-7", sealer.recover().next_key)
    site = '[site]\nutc_offset = "+02:00"\n' + SITE
    sealer.seal([encode_record(Kind.MANIFEST, stamp(), {"site": site})], stamp())
    for second, episode in enumerate(found, 1):
        sealer.seal([encode_record(Kind.EPISODE, stamp(second), episode.to_body())], stamp(second))
    store.close()
    return tmp_path


def call(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["--lang", "en", "explain", *arguments])


def test_it_prints_the_latest_word_about_an_episode(state: Path, found: list[Episode]) -> None:
    result = call("--state", str(state), found[0].id[:6])
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{found[0].id}  violation  off  cleared  2025-12-31 19:")
    assert "treatment needed at this production: 12.00 kW" in result.output
    assert "began 19:20 ▲" in result.output
    assert "raised 19:23 ▲" in result.output
    assert max(map(len, result.output.splitlines())) <= 80


def test_the_site_file_says_where_the_chain_is(state: Path, found: list[Episode]) -> None:
    site = state / "site.toml"
    site.write_text(f'[site]\ngateway = "gw-7"\n[store]\npath = "."\n{SITE}', "utf-8")
    assert call("--config", str(site)).output.startswith(f"{found[0].id}  violation")
    site.write_text("", "utf-8")
    for told in (call(), call("--config", str(site)), call("--config", str(state / "no.toml"))):
        assert (told.exit_code, told.output.count("\n") < 4) == (2, True), told.output
    assert "--config SITE or --state FOLDER" in call().output


def test_it_prints_the_record_as_it_was_sealed(state: Path, found: list[Episode]) -> None:
    result = call("--state", str(state), "--json")
    assert [json.loads(line) for line in result.output.splitlines()] == [found[-1].to_body()]


def test_it_writes_a_page_and_a_drawing_in_the_zone_of_the_plant(state: Path, found: list[Episode]) -> None:
    page, drawing = state / "out.html", state / "out.svg"
    result = call("--state", str(state), found[0].id, "--html", str(page), "--svg", str(drawing))
    assert result.exit_code == 0, result.output
    assert "2025-12-31 19:" in page.read_text("utf-8")
    assert drawing.read_text("utf-8").startswith("<svg")
    assert "began" in drawing.read_text("utf-8")


def test_what_cannot_be_written_is_told(state: Path, found: list[Episode]) -> None:
    result = call("--state", str(state), found[0].id, "--html", str(state / "no" / "out.html"))
    assert result.exit_code == 2
    assert "there is no folder" in result.stderr


def test_an_unknown_episode_is_told_with_the_known_ones(state: Path, found: list[Episode]) -> None:
    result = call("--state", str(state), "k9")
    assert result.exit_code == 1
    assert found[0].id in result.stderr
    assert call("--state", str(state / "nowhere")).exit_code == 2


def test_a_body_that_was_never_sealed_is_one_line(state: Path) -> None:
    with sqlite3.connect(state / DATABASE_NAME) as connection:
        connection.execute("UPDATE seals SET body = x'8143ffffff' WHERE number = 2")
    connection.close()
    result = call("--state", str(state))
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "never sealed" in result.stderr


@pytest.mark.parametrize("word", ["renamed", "", "\x1b[2J\u202e", "x" * 256])
@pytest.mark.parametrize("key", ["state", "severity", "rule"])
def test_a_word_that_no_catalogue_has_is_shown_as_it_stands(
    tmp_path: Path, found: list[Episode], key: str, word: str
) -> None:
    """The schema leaves the words of an episode free, and the keys of the gateway are its owner's."""
    with closing(GatewayStore(tmp_path / DATABASE_NAME, QUOTA_BYTES)) as store:
        sealer = Sealer("gw-7", KeySlots(tmp_path / KEYS_NAME), store)
        write_enrolment(tmp_path, "gw-7", sealer.recover().next_key)
        body = {**found[-1].to_body(), key: word}
        sealer.seal([encode_record(Kind.EPISODE, stamp(), body)], stamp())
    listed = call("--state", str(tmp_path))
    assert listed.exit_code == 0, listed.output
    assert all(line.isprintable() for line in listed.output.splitlines())
    shown = call("--state", str(tmp_path), found[0].id, "--html", str(tmp_path / "out.html"))
    assert shown.exit_code == 0, shown.output


ENDLESS = """
ALTER TABLE seals RENAME TO other;
CREATE VIEW seals AS WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r)
SELECT x AS number, 1 AS first_record, 1 AS count, x'00' AS hash, x'00' AS cose, NULL AS body FROM r
"""
TRIGGER = "CREATE TRIGGER t AFTER INSERT ON receipts BEGIN DELETE FROM seals; END"


@pytest.mark.parametrize("sql", [ENDLESS, TRIGGER])
def test_a_database_that_is_more_than_tables_is_one_line(state: Path, sql: str) -> None:
    with closing(sqlite3.connect(state / DATABASE_NAME)) as connection:
        connection.executescript(sql)
    result = call("--state", str(state))
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "which is none of ours" in result.stderr


@pytest.mark.parametrize("begin_s", [0, 1_767_200_000, 253_402_300_799])
@pytest.mark.parametrize("raised_s", [0, 253_402_300_799])
@pytest.mark.parametrize("watts", [1.7e308, -1.7e308, 5e-324])
def test_an_episode_of_extreme_numbers_is_drawn_all_the_same(
    tmp_path: Path, found: list[Episode], begin_s: int, raised_s: int, watts: float
) -> None:
    body = found[-1].to_body()
    trace = {
        **body["trace"],
        "begin_at_s": begin_s,
        "production_w": [watts, None] * 60,
        "treatment_w": [watts],
    }
    times = {"begin_at_s": begin_s, "raised_at_s": raised_s, "end_at_s": begin_s, "trace": trace}
    with closing(GatewayStore(tmp_path / DATABASE_NAME, QUOTA_BYTES)) as store:
        sealer = Sealer("gw-7", KeySlots(tmp_path / KEYS_NAME), store)
        write_enrolment(tmp_path, "gw-7", sealer.recover().next_key)
        sealer.seal([encode_record(Kind.EPISODE, stamp(), {**body, **times})], stamp())
    page, drawing = str(tmp_path / "out.html"), str(tmp_path / "out.svg")
    result = call("--state", str(tmp_path), found[0].id, "--html", page, "--svg", drawing)
    assert result.exit_code == 0, result.output
    assert Path(page).stat().st_size < 1 << 17
    assert call("--state", str(tmp_path), found[0].id).exit_code == 0


def test_a_gateway_without_episodes_is_told_in_a_plain_line(tmp_path: Path) -> None:
    with closing(GatewayStore(tmp_path / DATABASE_NAME, QUOTA_BYTES)) as store:
        sealer = Sealer("gw-7", KeySlots(tmp_path / KEYS_NAME), store)
        write_enrolment(tmp_path, "gw-7", sealer.recover().next_key)
        sealer.seal([encode_record(Kind.HEARTBEAT, stamp(), {})], stamp())
    result = CliRunner().invoke(cli, ["--lang", "en", "explain", "--state", str(tmp_path)])
    assert result.exit_code == 1
    assert f"no episode in {tmp_path}; known: none" in result.stderr


def test_an_empty_name_is_no_episode(state: Path, found: list[Episode]) -> None:
    result = call("--state", str(state), "")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert f"no episode in {state}; known: {found[0].id}" in result.stderr
