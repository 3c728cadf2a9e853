"""`dianjian centre backup`, `restore` and `copy` as they are called."""

from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from centre.register import enrolment_line
from centre.store.place import open_store
from centre.store.sqlite import MIGRATIONS, SqliteStore
from disk.database import connect, migrate
from evidence.keys import create_key_file
from provisioning.cli import cli
from tests.centre.store.test_copying import contents, go_on, live
from tests.evidence.chains import GATEWAY, secret


def call(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(cli, [*("--lang", "en"), "centre", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output + done.stderr


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_restored_back_up_goes_on_where_the_store_was(place: Path) -> None:
    chain, seals = live(place / "centre.db")
    with closing(SqliteStore(place / "centre.db")):
        code, said = call("backup", "--store", "centre.db", "back.db")
        assert (code, "the back-up is whole" in said) == (0, True)
    assert (place / "back.db").stat().st_mode & 0o077 == 0
    kept = (place / "back.db").read_bytes()
    assert call("restore", "--store", "new.db", "back.db")[0] == 0
    assert contents(place / "new.db") == contents(place / "centre.db")
    assert (place / "back.db").read_bytes() == kept
    with closing(open_store(place / "new.db")) as store:
        go_on(store, chain, seals[3])
    assert call("backup", "--store", "new.db", "back.db")[0] == 0
    assert contents(place / "back.db") == contents(place / "new.db")


def test_a_moved_store_receives_no_more_and_the_new_one_does(place: Path) -> None:
    live(place / "centre.db")
    create_key_file(place / "key")
    (place / "register").write_text(enrolment_line(GATEWAY, secret(1)))
    with closing(SqliteStore(place / "centre.db")):
        code, said = call("copy", "--store", "centre.db", "--to", "new.db")
        assert (code, "stop dianjian subscribe first" in said) == (3, True)
        assert not (place / "new.db").exists()
    assert call("copy", "--store", "centre.db", "--to", "new.db")[0] == 0
    assert contents(place / "centre.db") == contents(place / "new.db")
    code, said = call("copy", "--store", "centre.db", "--to", "third.db")
    assert (code, "was moved" in said) == (2, True)
    subscribe = ["subscribe", "--broker", "mqtt://127.0.0.1:1", "--register", "register", "--key", "key"]
    done = CliRunner().invoke(cli, ["--lang", "en", *subscribe, "--store", "centre.db"])
    assert (done.exit_code, "use that one" in done.output + done.stderr) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("backup", "--store", "centre.db", "centre.db"), "is the store itself"),
        (("backup", "--store", "centre.db", "link.db"), "is the store itself"),
        (("backup", "--store", "nowhere.db", "back.db"), "no database is there"),
        (("restore", "--store", "new.db", "text"), "file is not a database"),
        (("backup", "--store", "centre.db", "text"), "file is not a database"),
        (("backup", "--store", "centre.db", "other.db"), "is no copy of a store"),
        (("restore", "--store", "second.db", "centre.db"), "holds another store"),
    ],
)
def test_nothing_of_others_is_written_into(place: Path, arguments: tuple[str, ...], says: str) -> None:
    live(place / "centre.db")
    live(place / "second.db")
    (place / "link.db").symlink_to("centre.db")
    (place / "text").write_text("no database, and longer than the head of one\n" * 30)
    filled = CliRunner().invoke(cli, ["consume", "--store", "centre.db", "--into", "other.db"])
    assert filled.exit_code == 0
    before = {name: (place / name).read_bytes() for name in ("centre.db", "second.db", "text", "other.db")}
    code, said = call(*arguments)
    assert (code, says in said) == (2, True), said
    assert {name: (place / name).read_bytes() for name in before} == before
    assert not (place / "new.db").exists()
    assert not (place / "back.db").exists()


@pytest.mark.parametrize("steps", range(len(MIGRATIONS)))
def test_a_copy_that_was_killed_before_it_had_its_tables_is_made_by_the_same_call(
    place: Path, steps: int
) -> None:
    live(place / "centre.db")
    with closing(connect(place / "back.db")) as half:
        migrate(half, "centre", MIGRATIONS[:steps])
    assert call("backup", "--store", "centre.db", "back.db")[0] == 0
    assert contents(place / "back.db") == contents(place / "centre.db")
