"""Several verifiers on one database: each gateway has one, and who was overtaken commits nothing."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from centre.store.contract import Change
from centre.store.journal import What
from centre.store.place import Server as ServerPlace
from centre.store.place import open_shared
from centre.store.postgresql import PostgresqlStore
from centre.store.reading import read_standings
from centre.store.shared import OvertakenError, SharedStore
from centre.store.sliced import SlicedStore
from centre.store.slices import MOST, SLICES, slice_of
from disk.database import CommitError, StoreError
from disk.lock import SecondInstanceError
from evidence import keys
from tests.centre.store.contract import accepted
from tests.centre.store.test_postgresql import WARN_AT_COMMIT
from tests.counterparts.postgresql import Server
from tests.evidence.chains import GATEWAY, Chain, secret

NAMES = [f"gw-{number}" for number in range(40)]
ENDED = "UPDATE verifiers SET until = clock_timestamp() - interval '1 second'"
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


@pytest.fixture
def url(postgresql: Server) -> str:
    return postgresql.make_database()


@pytest.fixture
def first(url: str) -> Iterator[SlicedStore]:
    with closing(join(url)) as store:
        for name in NAMES:
            store.enrol(name, keys.public(secret(1, name)))
        store.prolong()
        yield store


def join(url: str) -> SlicedStore:
    store = SlicedStore(url, 0, MOST)
    store.turn_over()
    return store


def do(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql)


def take_over(url: str) -> SlicedStore:
    """What a second verifier does once the lease of the first has ended."""
    do(url, ENDED)
    return join(url)


def batch_of(store: SharedStore, chain: Chain) -> list[Change]:
    return [*accepted(store.state(GATEWAY), [chain.seal(), chain.seal()])]


def receipt(_: object, __: object) -> bytes:
    return b"receipt"


def test_the_server_and_the_program_agree_about_the_slice_of_a_gateway(url: str, first: SlicedStore) -> None:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT name, slice FROM gateways").fetchall()
    assert dict(rows) == {name: slice_of(name) for name in first.gateways()}
    assert len(rows) == len(NAMES)


def test_who_joins_gets_half_and_who_leaves_gives_it_back_at_once(url: str, first: SlicedStore) -> None:
    second = join(url)
    assert not second.gateways()
    lost = set(first.turn_over().lost)
    gained = second.turn_over().gained
    assert (len(gained), set(second.gateways())) == (SLICES // 2, lost)
    assert set(first.gateways()) | lost == set(NAMES)
    assert all(first.owns(name) is not second.owns(name) for name in NAMES)
    second.close()
    first.turn_over()
    assert set(first.gateways()) == set(NAMES)


def test_one_of_them_leads_and_the_next_one_when_it_is_gone(url: str, first: SlicedStore) -> None:
    with closing(join(url)) as second:
        assert (first.turn_over().leads, second.turn_over().leads) == (True, False)
        do(url, ENDED)
        assert second.turn_over().leads


def test_a_verifier_whose_lease_has_ended_commits_nothing_once_another_has_its_gateways(
    url: str, first: SlicedStore
) -> None:
    chain = Chain()
    first.commit(batch_of(first, chain), {GATEWAY: receipt})
    late = batch_of(first, chain)
    with closing(take_over(url)) as second:
        with pytest.raises(OvertakenError, match="the lease of this verifier has ended"):
            first.commit(late, {GATEWAY: receipt})
        with pytest.raises(OvertakenError):
            first.enrol("late", keys.public(secret(1, "late")))
        with pytest.raises(OvertakenError):
            first.turn_over()
        second.commit(late, {GATEWAY: receipt})
        assert [row[0] for row in second.chain(GATEWAY)] == [1, 2, 3, 4]
    lost = first.give_up()
    assert set(lost) == set(NAMES)
    assert not first.gateways()
    first.turn_over()
    assert first.state(GATEWAY).number == 4


def test_a_lease_that_ended_and_that_nobody_took_goes_on(url: str, first: SlicedStore) -> None:
    do(url, ENDED)
    first.commit(batch_of(first, Chain()), {GATEWAY: receipt})
    first.turn_over()
    assert first.state(GATEWAY).number == 2


def test_a_verifier_in_the_midst_of_a_commit_keeps_its_gateways_until_it_is_done(
    url: str, first: SlicedStore
) -> None:
    batch = batch_of(first, Chain())
    with psycopg.connect(url) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(%s)", (0x6469616E6A69616E + 3,))
        thread = threading.Thread(target=first.commit, args=(batch, {GATEWAY: receipt}))
        thread.start()
        while not waits_for_a_lock(url):
            time.sleep(0.01)
        do(url, ENDED)
        with closing(join(url)) as second:
            assert not second.gateways(), "the lease is locked by the commit"
            holder.commit()
            thread.join()
            second.turn_over()
            assert second.state(GATEWAY).number == 2
    with pytest.raises(OvertakenError):
        first.turn_over()


def waits_for_a_lock(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        sql = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        return bool(connection.execute(sql).fetchall())


def test_a_row_that_another_process_has_written_is_not_written_over(url: str, first: SlicedStore) -> None:
    do(url, f"UPDATE gateways SET version = version + 1 WHERE name = '{GATEWAY}'")  # noqa: S608
    with pytest.raises(OvertakenError, match=f"another process has written {GATEWAY}"):
        first.commit(batch_of(first, Chain()), {GATEWAY: receipt})
    assert list(first.chain(GATEWAY)) == []


@pytest.mark.parametrize("is_done", [False, True])
def test_after_an_unknown_result_the_same_batch_settles_it(
    url: str, first: SlicedStore, *, is_done: bool
) -> None:
    batch = batch_of(first, chain := Chain())
    do(url, WARN_AT_COMMIT if is_done else CUT)
    with pytest.raises(CommitError):
        first.commit(batch, {GATEWAY: receipt})
    if is_done:
        do(url, "DROP TRIGGER warn ON journal")
    first.reopen()
    first.commit(batch, {GATEWAY: receipt})
    first.commit(batch_of(first, chain), {GATEWAY: receipt})
    assert [row[0] for row in first.chain(GATEWAY)] == [1, 2, 3, 4]


def test_the_session_of_a_verifier_that_stops_in_the_midst_of_a_transaction_is_ended(
    first: SlicedStore,
) -> None:
    assert first._read("SHOW idle_in_transaction_session_timeout") == [("5s",)]


def test_a_single_owner_and_verifiers_that_share_are_not_beside_each_other(
    url: str, first: SlicedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("centre.store.postgresql.OWNER_WAIT_S", 0.0)
    with pytest.raises(SecondInstanceError):
        PostgresqlStore(url)
    first.close()
    with closing(PostgresqlStore(url)) as owner:
        assert set(owner.gateways()) == set(NAMES)
        with pytest.raises(SecondInstanceError):
            join(url)


def test_places_are_the_order_of_the_commits_of_all_verifiers(url: str, first: SlicedStore) -> None:
    with closing(join(url)) as second:
        first.turn_over()
        second.turn_over()
        stores = [first, second]
        chains = {name: Chain(name) for name in NAMES}

        def work(store: SlicedStore) -> None:
            for _ in range(5):
                for name in store.gateways():
                    store.commit([*accepted(store.state(name), [chains[name].seal()])])

        threads = [threading.Thread(target=work, args=(one,)) for one in stores]
        for thread in threads:
            thread.start()
        seen: list[int] = []
        while len(seen) < 5 * len(NAMES):
            is_working = any(thread.is_alive() for thread in threads)
            with psycopg.connect(url) as connection:
                rows = connection.execute(
                    "SELECT id FROM journal WHERE id > %s ORDER BY id", (max(seen, default=0),)
                )
                seen += [id_ for (id_,) in rows]
            assert is_working or len(seen) == 5 * len(NAMES), "one was missed"
        for thread in threads:
            thread.join()
        arrivals = first.journal().arrivals(0, 1_000)
        assert [one.place for one in arrivals] == seen
        assert {one.what for one in arrivals} == {What.WHOLE}
        standings = read_standings(ServerPlace(url))
        assert {name: one.state.number for name, one in standings.items()} == dict.fromkeys(NAMES, 5)


def test_a_file_has_one_owner(tmp_path: object) -> None:
    with pytest.raises(StoreError, match="a file has one owner"):
        open_shared(tmp_path / "centre.db", 0, MOST)  # type: ignore[operator]
