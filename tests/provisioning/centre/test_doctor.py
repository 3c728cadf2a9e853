"""The centre's doctor: on how many disks receipts rest, and whether every gateway has a verifier."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from centre.store.shape import Shape
from centre.store.sliced import SlicedStore
from centre.store.sqlite import SqliteStore
from provisioning.centre.doctor import judge
from provisioning.cli import cli
from provisioning.terminal.exits import EXIT_NO, EXIT_OUTSIDE
from tests.counterparts.postgresql import Server

TWO = (("a:1", 128), ("b:2", 128))
CASES = [
    (Shape(is_file=True), ["warning disks"]),
    (Shape(is_file=False), ["warning disks", "ok verifiers"]),
    (Shape(is_file=False, followers=("async",)), ["warning disks", "ok verifiers"]),
    (Shape(is_file=False, awaited="s", followers=("sync",)), ["ok disks", "ok verifiers"]),
    (
        Shape(is_file=False, awaited="ANY 1 (s, t)", followers=("quorum", "quorum")),
        ["ok disks", "ok verifiers"],
    ),
    (Shape(is_file=False, awaited="s", followers=("hidden",)), ["warning disks", "ok verifiers"]),
    (Shape(is_file=False, awaited="s"), ["failed disks", "ok verifiers"]),
    (Shape(is_file=False, awaited="s", followers=("async",)), ["failed disks", "ok verifiers"]),
    (Shape(False, "s", ("sync",), TWO), ["ok disks", "ok verifiers"]),
    (Shape(False, "s", ("sync",), TWO[:1], 128), ["ok disks", "ok verifiers", "warning verifiers"]),
]


def call(store: str, *options: str) -> Result:
    return CliRunner().invoke(cli, ["--lang", "en", "centre", "doctor", "--store", store, *options])


@pytest.mark.parametrize(("shape", "said"), CASES)
def test_what_it_says_of_each_shape(shape: Shape, said: list[str]) -> None:
    found = list(judge(shape))
    assert [f"{one.state.value} {one.check}" for one in found] == said
    assert all((one.remedy is None) is (one.state.value == "ok") for one in found)


def test_a_server_without_a_standby_is_a_warning_and_its_verifiers_are_named(postgresql: Server) -> None:
    url = postgresql.make_database()
    with closing(SlicedStore(url, 0, 127)) as store:
        store.turn_over()
        said = call(url, "--json")
    assert said.exit_code == 0
    disks, verifiers, unowned = json.loads(said.stdout)
    assert disks["text"] == "receipts rest on one disk: the server waits for no standby when it commits"
    assert "1 verifiers: " in verifiers["text"]
    assert "(128)" in verifiers["text"]
    assert unowned["text"] == "128 of 256 slices have no verifier"


def test_a_standby_that_is_away_is_a_failure(postgresql: Server, tmp_path: Path) -> None:
    url = postgresql.make_database()
    with closing(SlicedStore(url, 0, 255)):
        pass
    postgresql.set("synchronous_standby_names", "nobody")
    try:
        said = call(url)
    finally:
        postgresql.set("synchronous_standby_names", "")
    assert said.exit_code == EXIT_NO
    assert "nobody" in said.stdout
    with closing(SqliteStore(tmp_path / "centre.db")):
        said = call(str(tmp_path / "centre.db"))
    assert (said.exit_code, "receipts rest on the one disk" in said.stdout) == (0, True)
    assert call(str(tmp_path / "none.db")).exit_code == EXIT_OUTSIDE
