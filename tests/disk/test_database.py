import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.store.gateway import GatewayStore
from disk.database import Database, SchemaNewerError, StoreError

MAKE_A_STORE = """
import sys
from pathlib import Path
from agent.store.gateway import GatewayStore
path = Path(sys.argv[1])
for _ in range(2):
    store = GatewayStore(path, 1 << 24)
    assert store.salvage is None
    assert store.rows(1) == []
    store.close()
assert "sqlite_utils" not in sys.modules
"""


def first(db: Any) -> None:
    db["things"].create({"id": int, "name": str}, pk="id")


def second(db: Any) -> None:
    db["things"].add_column("weight", float)


def third(_: Any) -> None:
    raise ValueError("a migration with a mistake")


def columns(database: Database) -> list[str]:
    return [row[1] for row in database.read("PRAGMA table_info(things)")]


def test_a_daemon_that_makes_its_database_does_not_keep_the_migration_library(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", MAKE_A_STORE, tmp_path / "gateway.db"], check=True)


def test_an_older_schema_is_migrated_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "things.db"
    old = Database(path, "things", (first,))
    with old.write() as connection:
        connection.execute("INSERT INTO things VALUES (1, 'a')")
    old.close()
    new = Database(path, "things", (first, second))
    assert columns(new) == ["id", "name", "weight"]
    assert new.read("SELECT * FROM things") == [(1, "a", None)]
    new.close()
    with pytest.raises(SchemaNewerError, match=r"to schema 2; .*, which knows 1: install"):
        Database(path, "things", (first,))


@pytest.mark.parametrize("apart", [True, False])
def test_a_migration_that_fails_leaves_the_schema_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apart: bool
) -> None:
    path = tmp_path / "things.db"
    Database(path, "things", (first,)).close()
    if apart:
        monkeypatch.delitem(sys.modules, "sqlite_utils")
    with pytest.raises(ValueError, match="a migration with a mistake"):
        Database(path, "things", (first, second, third))
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.close()


def test_a_database_that_cannot_be_opened_is_a_store_error_and_is_not_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    path.mkdir()
    with pytest.raises(StoreError, match="is a folder in the place of the database"):
        GatewayStore(path, 1 << 24)
    assert path.is_dir()
    assert not (tmp_path / "gateway.db.corrupt-1").exists()
    path.rmdir()
    GatewayStore(path, 1 << 24).close()
