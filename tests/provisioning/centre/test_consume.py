"""`dianjian consume` as a developer types it: beside the owner, cut short, killed, filtered, into SQL."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from centre.core import Centre
from disk.database import reading
from provisioning import cli
from tests.centre.schema import SCHEMA, problems
from tests.centre.test_core import opened, whole
from tests.centre.test_core import reading as a_reading
from tests.centre.test_feed import NOW_MS, chapters, fresh
from tests.evidence.chains import Chain, heartbeat
from wire.messages import Topics

STORE = ("consume", "--store", "centre.db")


@pytest.fixture
def centre(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Centre]:
    """A centre that goes on owning its store."""
    monkeypatch.chdir(tmp_path)
    store, centre = opened(fresh(tmp_path))
    with closing(store):
        centre.handle(chapters(), NOW_MS)
        yield centre


def call(*words: str) -> Result:
    return CliRunner().invoke(cli.cli, words, prog_name="dianjian")


def lines_of(*words: str) -> list[dict[str, Any]]:
    ended = call(*STORE, *words)
    assert ended.exit_code == 0, ended.output
    return [json.loads(line) for line in ended.stdout.splitlines()]


@pytest.mark.usefixtures("centre")
def test_every_line_fits_the_schema_that_the_verb_prints() -> None:
    lines = lines_of()
    assert {line["type"] for line in lines} == {"seal", "body", "reading", "record", "finding"}
    assert not [line for line in lines if problems(line)]
    assert json.loads(call("consume", "--schema").stdout) == SCHEMA
    assert problems({"type": "reading"})
    assert problems({**lines[0], "unheard": 1})


def test_a_cursor_file_goes_on_where_the_last_call_ended_and_with_what_came_late(centre: Centre) -> None:
    everything = lines_of()
    assert lines_of("--cursor", "place") == everything
    assert lines_of("--cursor", "place") == []
    chain = Chain()
    for _ in range(3):
        chain.seal()  # they are there already
    centre.handle([whole(chain.seal([a_reading()]))], NOW_MS)
    assert lines_of("--cursor", "place", "--replay")[: len(everything)] == everything
    assert lines_of("--cursor", "place") == []


@pytest.mark.usefixtures("centre")
def test_after_each_line_comes_the_next() -> None:
    lines = lines_of()
    for at, line in enumerate(lines):
        rest = lines_of("--after", line["cursor"])
        assert lines[at + 1 :] == rest[len(rest) - len(lines) + at + 1 :]
    assert lines_of("--after", lines[-1]["cursor"]) == []


@pytest.mark.usefixtures("centre")
def test_filters_and_the_cursor_that_passes_what_they_leave_out() -> None:
    assert {line["type"] for line in lines_of("--type", "reading", "--type", "body")} == {"reading", "body"}
    assert lines_of("--gateway", "gw-8") == []
    assert lines_of("--since", "2030-01-01T00:00Z", "--cursor", "place") == []
    assert lines_of("--cursor", "place") == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("consume",), "--store is needed"),
        (("consume", "--store", "none.db"), "none.db"),
        ((*STORE, "--after", "x"), "--after is no cursor"),
        ((*STORE, "--after", "00000000-1-0"), "cursor of another store"),
        ((*STORE, "--cursor", "noise"), "noise is no cursor"),
        ((*STORE, "--after", "x", "--cursor", "y"), "--after, --cursor cannot be used together"),
        ((*STORE, "--replay", "--into", "y.db"), "--replay, --into cannot be used together"),
        ((*STORE, "--into", "centre.db"), "another database"),
        ((*STORE, "--since", "noon"), "noon"),
        ((*STORE, "--type", "state"), "state"),
    ],
)
@pytest.mark.usefixtures("centre")
def test_a_mistake_is_said_in_one_line_and_changes_nothing(words: tuple[str, ...], said: str) -> None:
    Path("noise").write_bytes(b"\xff\x00noise")
    ended = call(*words)
    assert ended.exit_code == 2
    assert said in ended.output
    assert Path("noise").read_bytes() == b"\xff\x00noise"
    assert not Path("y").exists()
    assert not Path("y.db").exists()


def run_in_shell(script: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {script}"],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_reader_that_goes_away_ends_it_well_and_the_rest_comes_the_next_time(centre: Centre) -> None:
    chain = Chain("gw-8")
    for _ in range(20):
        seal = [heartbeat(number) for number in range(40)]
        centre.handle([whole(chain.seal(seal), Topics("gw-8"))], NOW_MS)
    wanted = {line["key"] for line in lines_of()}
    ended = run_in_shell("dianjian consume --store centre.db --cursor place --follow | head -3")
    assert (ended.returncode, ended.stderr) == (0, "")
    first = [json.loads(line)["key"] for line in ended.stdout.splitlines()]
    assert len(first) == 3
    assert {*first, *(line["key"] for line in lines_of("--cursor", "place"))} == wanted


@pytest.mark.usefixtures("centre")
def test_a_full_disk_behind_the_output_moves_no_cursor() -> None:
    ended = run_in_shell("dianjian consume --store centre.db --cursor place > /dev/full")
    assert ended.returncode == 3
    assert not Path("place").exists()


@pytest.mark.usefixtures("centre")
def test_lines_in_a_file_for_sql_are_there_once_after_every_call() -> None:
    for _ in range(2):
        ended = call(*STORE, "--into", "lines.db")
        assert ended.exit_code == 0, ended.output
    assert "0 more lines" in ended.output
    with reading(Path("lines.db")) as connection:
        rows = connection.execute("SELECT gateway, line, meter, point, value FROM readings").fetchall()
    assert rows == [("gw-7", "coating", "m1", "active_power", 1234.5)]
