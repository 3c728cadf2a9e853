"""docs/consumers.md does what it says, block by block, on a store with readings, an episode and a fork."""

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
