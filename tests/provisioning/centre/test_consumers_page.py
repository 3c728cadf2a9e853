"""docs/consumers.md does what it says, block by block, on a store with readings, an episode and a fork."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from evidence.record import Kind, encode_record
from tests.centre.test_core import opened, whole
from tests.centre.test_feed import NOW_MS, chapters, fresh
from tests.counterparts.postgresql import Server
from tests.evidence.chains import Chain, stamp
from tests.evidence.records import EPISODE
from wire.messages import Topics

PAGE: Final = Path(__file__).parents[3] / "docs" / "consumers.md"
BOARD: Final = PAGE.with_name("grafana-city.json")
MACROS: Final = (
    (r"\$__timeFilter\((\w+)\)", r"\1 BETWEEN '2025-12-31T00:00Z' AND '2026-01-03T00:00Z'"),
    (r"\$__timeGroup\((\w+), '1h'\)", r"floor(extract(epoch from \1) / 3600) * 3600"),
    (r"\$gateway", "gw-7"),
)
"""As Grafana's documentation of its PostgreSQL source has them."""
BLOCKS: Final = re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """The folder of a store whose owner still has it."""
    store, centre = opened(fresh(tmp_path))
    with closing(store):
        centre.handle(chapters(), NOW_MS)
        odd = {**EPISODE, "sentence": {"zh": "停\u0000\\n", "en": 'off "now"\t'}}
        seal = Chain("gw-8").seal([encode_record(Kind.EPISODE, stamp(), odd)])
        centre.handle([whole(seal, Topics("gw-8"))], NOW_MS)
        for _, name, text in BLOCKS:
            if name.endswith((".py", ".sql")):
                (tmp_path / name).write_text(text, "utf-8")
        yield tmp_path


def shell(script: str, folder: Path, **more: str) -> str:
    ended = subprocess.run(
        ["bash", "-c", f"set -euo pipefail\n{script}"],
        cwd=folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def test_the_commands_of_the_page_run_in_its_order_and_find_what_the_store_has(place: Path) -> None:
    for kind, name, text in BLOCKS:
        if kind == "shell":
            shell(text, place)
        elif kind == "sql" and name == "lines.db":
            with closing(sqlite3.connect(place / "lines.db")) as database:
                found = [database.execute(one).fetchall() for one in text.split(";") if one.strip()]
            assert found[0] == [("2026-01-01T12:00:05.250Z", "m1", "coating", 1234.5)]
            assert [row[:5] for row in found[1]] == [
                ("gw-8", "k1-off-1767268860", "off", "violation", "raised")
            ]
            assert "fork" in {row[2] for row in found[2]}
            assert found[3] == [("gw-7", 3, 3), ("gw-8", 1, 1)]
    with closing(sqlite3.connect(place / "power.db")) as database:
        assert database.execute("SELECT line, watts FROM power").fetchall() == [("coating", 1234.5)]


def test_postgresql_holds_every_line_once_however_often_it_is_loaded(place: Path, postgresql: Server) -> None:
    access = {"PGHOST": str(postgresql.folder), "PGUSER": "postgres", "PGDATABASE": "postgres"}
    (script,) = (text for kind, _, text in BLOCKS if kind == "psql")
    once, often = script.split("\n", 1)
    shell(once, place, **access)
    for _ in range(2):
        assert "1234.5" in shell(often, place, **access)
    counted = shell(
        "dianjian consume --store centre.db | wc -l; psql -Atc 'SELECT count(*) FROM lines'", place, **access
    )
    assert len(set(counted.split())) == 1, counted
    episodes = shell(
        "psql -Atc 'SELECT gateway, episode, begin_at IS NULL, sentence_zh FROM episodes'", place, **access
    )
    assert episodes == "gw-8|k1-off-1767268860|f|停\ufffd\\n\n"


def ask(queries: list[str], place: Path, access: dict[str, str]) -> list[list[dict[str, object]]]:
    """The rows of each query, with Grafana's macros as they are there."""
    asked = []
    for query in queries:
        text = query
        for macro, sql in MACROS:
            text = re.sub(macro, sql, text)
        assert "$" not in text
        asked.append("SELECT coalesce(json_agg(one), '[]') FROM (" + text + ") AS one;")  # noqa: S608 - ours
    (place / "queries.sql").write_text("\n".join(asked), "utf-8")
    told = shell("psql -At -v ON_ERROR_STOP=1 -f queries.sql | tr '\\n' ' '", place, **access)
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(told.rstrip()):
        rows, at = decoder.raw_decode(told, at)
        found.append(rows)
        at += 1
    return found


def test_every_query_of_the_dashboard_finds_in_the_views_what_its_panel_draws(
    place: Path, postgresql: Server
) -> None:
    database = postgresql.make_database().partition("@/")[2].partition("?")[0]
    access = {"PGHOST": str(postgresql.folder), "PGUSER": "postgres", "PGDATABASE": database}
    (script,) = (text for kind, _, text in BLOCKS if kind == "psql")
    shell(script.rsplit("\n", 2)[0], place, **access)
    board = json.loads(BOARD.read_text("utf-8"))
    (variable,) = board["templating"]["list"]
    panels, source = board["panels"], f"${{{board['__inputs'][0]['name']}}}"
    assert {one["datasource"]["uid"] for panel in panels for one in [variable, *panel["targets"]]} == {source}
    queries = [variable["query"], *(panel["targets"][0]["rawSql"] for panel in panels)]
    names, *found = ask(queries, place, access)
    assert names == [{"gateway": "gw-7"}, {"gateway": "gw-8"}]
    for panel, rows in zip(panels, found, strict=True):
        if panel["targets"][0]["format"] == "time_series":
            assert {"time", "metric", "value"} == rows[0].keys(), panel["title"]
    violations, silent, power, episodes, findings, seals, _ = found
    assert (violations, silent) == ([{"violations": 1}], [{"silent": 0}])
    assert [row["value"] for row in power] == [1234.5]
    assert [(row["gateway"], row["rule"]) for row in episodes] == [("gw-8", "off")]
    assert "fork" in {row["code"] for row in findings}
    assert sum(int(str(row["value"])) for row in seals) == 4
