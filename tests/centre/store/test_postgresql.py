"""What is PostgreSQL's own: one owner, a server or a connection that goes, months, newer tables."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest
from attrs import evolve

from centre.core import Centre
from centre.store.contract import Change
from centre.store.place import Server as ServerPlace
from centre.store.postgresql import PostgresqlStore
from centre.store.postgresql_tables import make_partition, month_of
from centre.store.reading import read_export, read_standings
from disk.database import CommitError, SchemaNewerError, StoreError
from disk.lock import SecondInstanceError
from evidence import keys
from tests.centre.store.contract import CENTRE, ENROLLED, ENROLMENT, accepted, rekeyed
from tests.centre.store.test_sqlite import GATEWAYS, NOW_MS, whole
from tests.counterparts.postgresql import Server, serving
from tests.evidence.chains import GATEWAY, Chain, secret

WARN_AT_COMMIT = """
CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE WARNING 'canceling wait for synchronous replication'; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER warn AFTER INSERT ON journal DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION warn()
"""


@pytest.fixture
def url(postgresql: Server) -> str:
    return postgresql.make_database()


@pytest.fixture
def store(url: str) -> Iterator[PostgresqlStore]:
    with closing(PostgresqlStore(url)) as opened:
        opened.enrol(GATEWAY, keys.public(secret(1)))
        yield opened


def batch_of(store: PostgresqlStore, chain: Chain) -> list[Change]:
    return [*accepted(store.state(GATEWAY), [chain.seal(), chain.seal()])]


def do(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql)


@pytest.mark.usefixtures("store")
def test_a_second_centre_on_one_database_is_refused(url: str) -> None:
    with pytest.raises(SecondInstanceError, match="another process owns this database"):
        PostgresqlStore(url)


def test_a_connection_that_the_server_ends_is_an_unknown_result_and_the_batch_may_come_again(
    url: str, store: PostgresqlStore
) -> None:
    batch = batch_of(store, Chain())
    do(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    with pytest.raises(CommitError):
        store.commit(batch, {GATEWAY: lambda _, __: b"receipt"})
    assert (store.state(GATEWAY).number, store.held(GATEWAY).up_to) == (0, 0)
    store.reopen()
    assert store.last_receipt(GATEWAY) is None
    store.commit(batch, {GATEWAY: lambda _, __: b"receipt"})
    assert [row[0] for row in store.chain(GATEWAY)] == [1, 2]
    assert store.last_receipt(GATEWAY) == b"receipt"


def test_who_lost_the_database_to_another_process_cannot_come_back(url: str, store: PostgresqlStore) -> None:
    do(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    with closing(PostgresqlStore(url)), pytest.raises(SecondInstanceError):
        store.reopen()


def test_a_commit_that_warns_is_an_unknown_result_and_the_same_batch_settles_it(
    url: str, store: PostgresqlStore
) -> None:
    batch = batch_of(store, Chain())
    do(url, WARN_AT_COMMIT)
    with pytest.raises(CommitError, match="canceling wait"):
        store.commit(batch)
    do(url, "DROP TRIGGER warn ON journal")
    store.reopen()
    store.commit(batch)
    assert [row[0] for row in store.chain(GATEWAY)] == [1, 2], "each once, though both commits were done"


def test_what_was_committed_survives_a_crash_of_the_server() -> None:
    with serving() as server:
        server.stop()
        server.start("fsync=on")
        store = PostgresqlStore(server.make_database())
        store.enrol(GATEWAY, keys.public(secret(1)))
        chain = Chain()
        first = batch_of(store, chain)
        store.commit(first)
        server.stop("immediate")
        second = [*accepted(store.state(GATEWAY), [chain.seal()])]
        with pytest.raises(CommitError):
            store.commit(second)
        with pytest.raises(StoreError):
            store.reopen()
        server.start("fsync=on")
        store.reopen()
        store.commit(second)
        assert [row[0] for row in store.chain(GATEWAY)] == [1, 2, 3]
        store.close()


def test_readers_beside_the_owner_see_what_is_committed(url: str, store: PostgresqlStore) -> None:
    store.enrol(GATEWAY, ENROLMENT.first_key, ENROLMENT.recovery_key, ENROLLED, 7_000)
    seals = accepted(store.state(GATEWAY), [(chain := Chain()).seal(), chain.seal()])
    first = rekeyed(seals[-1].state)
    store.commit([*seals, first])
    place = ServerPlace(url)
    assert read_standings(place, GATEWAY)[GATEWAY].state == first.state
    assert list(read_export(place, GATEWAY)) == [
        ENROLLED,
        *((one.cose, one.body) for one in seals),
        first.raw,
    ]


def test_readers_of_an_empty_database_or_of_none_are_told_so(postgresql: Server, url: str) -> None:
    with pytest.raises(StoreError, match="holds no store of the centre"):
        read_standings(ServerPlace(url))
    with pytest.raises(StoreError, match='database "nobody" does not exist'):
        read_standings(ServerPlace(f"postgresql://postgres@/nobody?host={postgresql.folder}"))


def test_the_months_of_reception_lie_in_partitions_of_their_own_and_a_chain_goes_over_them(
    url: str, store: PostgresqlStore
) -> None:
    ends = [datetime(2026, 12, 31, 23, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)]
    both = [int(end.timestamp() * 1_000) for end in ends]
    batch = batch_of(store, Chain())
    store.commit([evolve(one, received_utc_ms=at) for one, at in zip(batch, both, strict=True)])  # type: ignore[type-var]
    assert [(row[0], row[3]) for row in store.chain(GATEWAY)] == [(1, both[0]), (2, both[1])]
    with psycopg.connect(url) as connection:
        found = [connection.execute(f"SELECT count(*) FROM seals_{name}").fetchone() for name in NAMES]  # noqa: S608
    assert found == [(1,), (1,)]


NAMES = ("2026_12", "2027_01")


@pytest.mark.parametrize("utc_ms", [0, NOW_MS, 1_798_761_599_999, 1_798_761_600_000])
def test_a_moment_lies_in_the_partition_of_its_month(utc_ms: int) -> None:
    begin, end = (int(part.partition(")")[0]) for part in make_partition(*month_of(utc_ms)).split("(")[1:])
    assert begin <= utc_ms < end


def test_200_messages_of_200_gateways_are_one_commit(url: str, store: PostgresqlStore) -> None:
    names = [f"g{n}" for n in range(GATEWAYS)]
    for name in names:
        store.enrol(name, keys.public(secret(1, name)))
    centre = Centre(store, CENTRE)
    chains = {name: Chain(name) for name in names}
    centre.handle([whole(chain.seal(), name) for name, chain in chains.items()], NOW_MS)
    with psycopg.connect(url) as connection:
        ids = connection.execute("SELECT DISTINCT xmin::text FROM seals").fetchall()
    assert len(ids) == 1
    assert {store.state(name).number for name in names} == {1}


def test_the_tables_of_a_newer_program_are_left_alone(url: str, store: PostgresqlStore) -> None:
    store.close()
    do(url, "INSERT INTO versions (number) VALUES (99)")
    with pytest.raises(SchemaNewerError, match="schema 99"):
        PostgresqlStore(url)
