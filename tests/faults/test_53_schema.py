"""A file of an earlier schema is migrated with its rows; one of a newer program is refused, never changed."""

import sqlite3
from hashlib import sha256
from pathlib import Path

import pytest

from agent.store import opening
from agent.store.gateway import GatewayStore
from centre.store import sqlite as centre_store
from centre.store.sqlite import SqliteStore
from disk import database
from disk.database import Migration, SchemaNewerError, connect, migrate
from tests.evidence.chains import Chain, secret
from tests.faults.disk import DATABASE, QUOTA_BYTES, rows_of
from tests.faults.invariants import Held, Witness, check

SEALS = 5
OWNERS: list[tuple[str, tuple[Migration, ...]]] = [
    ("gateway", opening.MIGRATIONS),
    ("centre", centre_store.MIGRATIONS),
]


def earlier(path: Path, owner: str, migrations: tuple[Migration, ...], version: int) -> None:
    """A database as the program made it that knew the first `version` migrations."""
    connection = connect(path)
    migrate(connection, owner, migrations[:version])
    connection.close()


def tables(path: Path) -> dict[str, set[str]]:
    """Columns by table."""
    connection = sqlite3.connect(path)
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    found = {name: {row[1] for row in connection.execute(f"PRAGMA table_info({name})")} for name in names}
    connection.close()
    return found


@pytest.mark.parametrize("version", range(1, len(opening.MIGRATIONS) + 1))
def test_53_a_gateway_s_file_of_every_earlier_schema_keeps_its_chain(tmp_path: Path, version: int) -> None:
    path = tmp_path / DATABASE
    earlier(path, "gateway", opening.MIGRATIONS, version)
    seen, chain = Witness(), Chain()
    connection = connect(path)
    for _ in range(SEALS):
        seal = chain.seal()
        connection.execute(opening.INSERT, opening.values(seal))
        seen.acknowledged(seal.number, seal.hash)
    connection.close()
    store = GatewayStore(path, QUOTA_BYTES)
    assert store.salvage is None
    store.append(chain.seal())
    check(seen, Held.of_rows(rows_of(store)))
    store.close()
    GatewayStore(tmp_path / "new.db", QUOTA_BYTES).close()
    assert tables(path) == tables(tmp_path / "new.db"), "a migrated file is not what a new one is"


@pytest.mark.parametrize("version", range(1, len(centre_store.MIGRATIONS) + 1))
def test_53_a_centre_s_file_of_every_earlier_schema_keeps_its_gateways(tmp_path: Path, version: int) -> None:
    path = tmp_path / "centre.db"
    earlier(path, "centre", centre_store.MIGRATIONS, version)
    new = SqliteStore(tmp_path / "new.db")
    new.enrol("gw-7", sha256(secret(1)).digest())
    state = new.state("gw-7")
    new.close()
    connection = connect(path)
    connection.execute("ATTACH ? AS new", (str(tmp_path / "new.db"),))
    connection.execute(  # the columns of the first version
        "INSERT INTO gateways (id, name, first_key, state, held, receipt) "
        "SELECT id, name, first_key, state, held, receipt FROM new.gateways"
    )
    connection.close()
    store = SqliteStore(path)
    assert store.state("gw-7") == state
    check(Witness(), None, Held(tuple((n, sha256(cose).digest()) for n, cose, _, _ in store.chain("gw-7"))))
    store.close()
    assert tables(path) == tables(tmp_path / "new.db"), "a migrated file is not what a new one is"


@pytest.mark.parametrize(("owner", "migrations"), OWNERS)
def test_53_a_file_of_a_newer_program_is_refused_in_one_line_and_never_changed(
    tmp_path: Path, owner: str, migrations: tuple[Migration, ...]
) -> None:
    path = tmp_path / DATABASE
    earlier(path, owner, migrations, len(migrations))
    connection = connect(path)
    connection.execute("CREATE TABLE tomorrow (number INTEGER)")
    connection.execute(f"PRAGMA user_version={len(migrations) + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(SchemaNewerError) as refused:
        _ = GatewayStore(path, QUOTA_BYTES) if owner == "gateway" else SqliteStore(path)
    assert "\n" not in str(refused.value)
    assert path.name in str(refused.value)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("*.corrupt-*"))
    check(Witness(rejections=1, events=[{"what": str(refused.value)}]), None)


def test_53_the_refusal_names_both_versions_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / DATABASE
    connection = connect(path)
    monkeypatch.setattr(database, "read_version", lambda: "12.34.567")
    migrate(connection, "gateway", [*opening.MIGRATIONS, lambda db: db["tomorrow"].create({"number": int})])
    connection.close()
    monkeypatch.setattr(database, "read_version", lambda: "1.2.3")
    with pytest.raises(SchemaNewerError) as refused:
        GatewayStore(path, QUOTA_BYTES)
    known = len(opening.MIGRATIONS)
    assert f"version 12.34.567 of dianjian-edge brought it to schema {known + 1}" in str(refused.value)
    assert f"this is version 1.2.3, which knows {known}: install that one" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "number"),
    [("0.1.0", 1_000), ("1.2.3", 1_002_003), ("0.2", 2_000), ("3.0.0rc1", 3_000_000), ("0.2.0+x.9", 2_000)],
)
def test_53_a_version_is_a_number_in_the_file(text: str, number: int) -> None:
    assert database._program_id(text) == number
