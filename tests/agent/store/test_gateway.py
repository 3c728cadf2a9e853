import sqlite3
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.sealing.key_slots import KeySlots
from agent.sealing.recovery import Start
from agent.sealing.sealer import Sealer
from agent.store.checkpoint import CHECKPOINT_BYTES_MAX
from agent.store.gateway import RECEIPTS_KEPT, GatewayStore, read_seals
from agent.store.opening import MIGRATIONS, STORE_PAGE_BYTES, STORE_WAL_BYTES
from disk.database import CommitError, CorruptError, Database, SchemaNewerError, StoreError, StoreFullError
from disk.lock import SecondInstanceError
from evidence.seal import StoredSeal
from tests.evidence.chains import GATEWAY, Chain, heartbeat, stamp

QUOTA_BYTES = 16 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gateway.db"


@pytest.fixture
def store(path: Path) -> Iterator[GatewayStore]:
    opened = GatewayStore(path, QUOTA_BYTES)
    yield opened
    opened.close()


def filled(store: GatewayStore, count: int, body_bytes: int = 50) -> list[StoredSeal]:
    chain = Chain()
    seals = [chain.seal([bytes(body_bytes)]) for _ in range(count)]
    store.append(*seals)
    return seals


def for_ever(action: Callable[[], object]) -> None:
    while True:
        action()


def test_what_was_committed_is_read_back_in_order(store: GatewayStore) -> None:
    assert (store.last(), store.first_number(), store.rows(1), store.row(1)) == (None, None, [], None)
    seals = filled(store, 10)
    assert store.last() == seals[-1]
    assert store.first_number() == 1
    assert store.rows(1) == seals
    assert store.rows(4, 3) == seals[3:6]
    assert [(s.number, s.cose, s.body) for s in store.headers(9)] == [
        (s.number, s.cose, None) for s in seals[8:]
    ]
    assert (store.row(3), store.hash_of(3)) == (seals[2], seals[2].hash)
    assert (store.row(11), store.hash_of(11)) == (None, None)


def test_a_number_is_never_stored_twice(store: GatewayStore) -> None:
    seals = filled(store, 2)
    with pytest.raises(CommitError, match="UNIQUE"):
        store.append(seals[1])
    assert store.rows(1) == seals


def test_seals_of_one_append_come_together_or_not_at_all(store: GatewayStore) -> None:
    seals = filled(store, 2)
    chain = Chain(number=3)
    with pytest.raises(CommitError):
        store.append(chain.seal(), seals[0])
    assert store.rows(1) == seals


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=40).map(lambda raw: raw * 50)), st.booleans())
@settings(deadline=None, max_examples=60)
def test_a_checkpoint_comes_back_as_it_was_before_and_after_its_commit(raw: bytes, marked: bool) -> None:
    raw = b"djz1" * marked + raw
    with TemporaryDirectory() as folder:
        store = GatewayStore(Path(folder) / "gateway.db", QUOTA_BYTES)
        try:
            store.put_checkpoint("watch", raw)
            assert store.checkpoint("watch") == raw
            store.flush()
            assert store.checkpoint("watch") == raw
        finally:
            store.close()


@pytest.mark.parametrize(
    "stored", [b"", b"djz", b"djz1", b"djz1 damaged", b"\0" * 8 + b"as the version before wrote"]
)
def test_a_checkpoint_of_the_version_before_or_a_damaged_one_is_given_as_it_stands(
    store: GatewayStore, stored: bytes
) -> None:
    with store._database.write() as connection:
        connection.execute("INSERT INTO checkpoints VALUES ('watch', ?)", (stored,))
    assert store.checkpoint("watch") == stored


def test_a_deflated_checkpoint_that_is_longer_than_any_is_not_unpacked(store: GatewayStore) -> None:
    stored = b"djz1" + zlib.compress(bytes(CHECKPOINT_BYTES_MAX + 1))
    with store._database.write() as connection:
        connection.execute("INSERT INTO checkpoints VALUES ('watch', ?)", (stored,))
    assert store.checkpoint("watch") == stored


def test_the_database_is_wal_and_full_and_nobody_else_may_read_its_lock(
    store: GatewayStore, path: Path
) -> None:
    pragmas = {
        name: store._database.read(f"PRAGMA {name}")[0][0]
        for name in (
            "journal_mode",
            "synchronous",
            "trusted_schema",
            "cell_size_check",
            "secure_delete",
            "max_page_count",
            "page_size",
            "wal_autocheckpoint",
        )
    }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "secure_delete": 0,
        "max_page_count": QUOTA_BYTES // STORE_PAGE_BYTES,
        "page_size": STORE_PAGE_BYTES,
        "wal_autocheckpoint": STORE_WAL_BYTES // (STORE_PAGE_BYTES + 24),
    }
    assert path.with_name("gateway.db.lock").stat().st_mode & 0o777 == 0o600
    assert store._database.read(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'seals'"
    ) == [(0,)]


def test_a_file_with_larger_pages_keeps_them_and_its_seals_within_the_same_bytes(path: Path) -> None:
    Database(path, "gateway", MIGRATIONS, page_bytes=1024).close()
    store = GatewayStore(path, QUOTA_BYTES)
    try:
        chain = Chain()
        seals = [chain.seal([heartbeat(n)] * 50) for n in range(20)]
        store.append(*seals)
        assert store.rows(1) == seals
        found = [store._database.read(f"PRAGMA {name}")[0][0] for name in ("page_size", "max_page_count")]
        assert found == [1024, QUOTA_BYTES // 1024]
        assert store._database.read("PRAGMA wal_autocheckpoint")[0][0] == STORE_WAL_BYTES // (1024 + 24)
    finally:
        store.close()


def test_a_second_instance_is_refused_and_a_reader_is_not(store: GatewayStore, path: Path) -> None:
    seals = filled(store, 3)
    with pytest.raises(SecondInstanceError):
        GatewayStore(path, QUOTA_BYTES)
    assert list(read_seals(path)) == seals


def test_the_lock_is_free_again_after_close(path: Path) -> None:
    for _ in range(2):
        GatewayStore(path, QUOTA_BYTES).close()


def test_a_newer_schema_is_refused_and_left_as_it_is(path: Path) -> None:
    store = GatewayStore(path, QUOTA_BYTES)
    seals = filled(store, 2)
    store.close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    for _ in range(2):
        with pytest.raises(SchemaNewerError, match="schema 99"):
            GatewayStore(path, QUOTA_BYTES)
    assert list(read_seals(path)) == seals


def test_pruning_goes_in_steps_of_a_hundred_and_spares_the_last_seal(store: GatewayStore) -> None:
    filled(store, 350)
    assert [store.prune_below(301) for _ in range(5)] == [100, 100, 100, 0, 0]
    assert store.first_number() == 301
    assert store.prune_below(10_000) == 49
    assert (store.first_number(), store.prune_below(10_000)) == (350, 0)


def test_pruning_passes_over_holes(store: GatewayStore) -> None:
    chain = Chain()
    seals = [chain.seal() for _ in range(300)]
    store.append(*seals[:5], *seals[250:])
    while store.prune_below(280):
        pass
    assert store.first_number() == 280


def test_pruning_an_empty_database_does_nothing(store: GatewayStore) -> None:
    assert store.prune_below(100) == 0


def test_a_dropped_body_leaves_its_seal(store: GatewayStore) -> None:
    seals = filled(store, 2)
    store.drop_bodies(1, 1, at_once=True)
    row = store.row(1)
    assert row is not None
    assert (row.cose, row.body) == (seals[0].cose, None)
    assert [store.body_length(number) for number in (1, 2, 3)] == [0, len(seals[1].body or b""), 0]
    assert store.with_bodies(0, 10) == [2]


def test_bodies_are_given_up_in_the_commit_of_the_seal_that_tells_of_it(store: GatewayStore) -> None:
    chain = Chain()
    store.append(*[chain.seal([bytes(50)]) for _ in range(5)])
    store.drop_bodies(2, 3, at_once=False)
    assert store.with_bodies(0, 10) == [1, 2, 3, 4, 5]
    store.append(chain.seal([b"says so"]))
    assert store.with_bodies(0, 10) == [1, 4, 5, 6]
    assert store.with_bodies(2, 2) == [4, 5]


def test_the_run_without_bodies_is_found(store: GatewayStore) -> None:
    filled(store, 6)
    for number in (1, 2, 4, 5):
        store.drop_bodies(number, number, at_once=True)
    assert [store.bodiless_since(number) for number in (1, 2, 4, 5)] == [1, 1, 4, 4]


def test_a_full_quota_is_told_apart_and_room_can_be_made_in_it(path: Path) -> None:
    store = GatewayStore(path, 1 << 20)
    chain = Chain()
    with pytest.raises(StoreFullError):
        for_ever(lambda: store.append(chain.seal([bytes(20_000)])))
    last = store.last()
    assert last is not None
    assert store.used_fraction() > 0.9
    assert path.stat().st_size <= 1 << 20
    store.drop_bodies(1, 4, at_once=True)
    assert store.prune_below(10) == 9
    assert store.used_fraction() < 0.9
    store.append(Chain(number=last.number + 1).seal([bytes(20_000)]))
    store.close()


def test_a_seal_that_met_a_full_database_is_settled_when_there_is_room(path: Path, tmp_path: Path) -> None:
    store = GatewayStore(path, 1 << 20)
    sealer = Sealer(GATEWAY, KeySlots(tmp_path / "keys"), store)
    sealer.recover()
    with pytest.raises(StoreFullError):
        for_ever(lambda: sealer.seal([bytes(30_000)], stamp(1)))
    waiting = store.last()
    assert waiting is not None
    store.prune_below(waiting.number)
    assert sealer.settle().number == waiting.number + 1
    assert sealer.seal([heartbeat(1)], stamp(2)).number == waiting.number + 2
    store.close()


def test_receipts_and_checkpoints_ride_on_the_next_commit(path: Path) -> None:
    store = GatewayStore(path, QUOTA_BYTES)
    assert (store.last_receipt(), store.checkpoint("detector")) == (None, None)
    store.put_receipt(3, b"three")
    store.put_receipt(5, b"five")
    store.put_receipt(4, b"late")
    store.put_checkpoint("detector", b"state")
    assert (store.last_receipt(), store.checkpoint("detector")) == (b"five", b"state")
    assert store._database.read("SELECT count(*) FROM receipts") == [(0,)]
    filled(store, 1)
    assert store._database.read("SELECT number FROM receipts") == [(5,)]
    assert (store.last_receipt(), store.checkpoint("detector")) == (b"five", b"state")
    store.put_checkpoint("detector", b"later")
    store.close()
    store = GatewayStore(path, QUOTA_BYTES)
    assert (store.last_receipt(), store.checkpoint("detector")) == (b"five", b"later")
    store.close()


def test_what_rides_along_waits_for_a_commit_that_works(store: GatewayStore) -> None:
    seals = filled(store, 1)
    store.put_checkpoint("detector", b"state")
    with pytest.raises(CommitError):
        store.append(seals[0])
    assert store._database.read("SELECT count(*) FROM checkpoints") == [(0,)]
    store.flush()
    assert store._database.read("SELECT count(*) FROM checkpoints") == [(1,)]


def test_one_receipt_in_ten_commits_reaches_the_disk_and_the_one_that_allows_to_prune(path: Path) -> None:
    store = GatewayStore(path, QUOTA_BYTES)

    def stored() -> list[int]:
        return [row[0] for row in store._database.read("SELECT number FROM receipts ORDER BY number")]

    chain = Chain()
    for _ in range(25):
        seal = chain.seal()
        store.append(seal)
        store.put_receipt(seal.number, b"r%d" % seal.number)
    assert stored() == [1, 11, 21]
    assert store.last_receipt() == b"r25"
    assert store.prune_below(25) == 24
    assert stored() == [1, 11, 21, 25]
    store.put_receipt(26, b"r26")
    store.close()
    store = GatewayStore(path, QUOTA_BYTES)
    assert (stored()[-1], store.last_receipt()) == (26, b"r26")
    store.close()


def test_a_file_with_larger_pages_keeps_them_and_its_quota(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA page_size=4096")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE before (a)")
    connection.close()
    store = GatewayStore(path, QUOTA_BYTES)
    filled(store, 10)
    assert store._database.read("PRAGMA page_size") == [(4096,)]
    assert store._database.read("PRAGMA max_page_count") == [(QUOTA_BYTES // 4096,)]
    (pages,), (free,) = (
        store._database.read(f"PRAGMA {name}")[0] for name in ("page_count", "freelist_count")
    )
    assert store.used_fraction() == (pages - free) * 4096 / QUOTA_BYTES
    store.close()


def test_only_the_newest_receipts_are_kept(store: GatewayStore) -> None:
    for number in range(1, RECEIPTS_KEPT + 20):
        store.put_receipt(number * 7, b"r%d" % number)
        store.flush()
    assert store._database.read("SELECT count(*), min(number) FROM receipts") == [(RECEIPTS_KEPT, 140)]


def test_limits_are_kept(store: GatewayStore, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at most"):
        store.put_checkpoint("detector", bytes(CHECKPOINT_BYTES_MAX + 1))
    with pytest.raises(ValueError, match="quota"):
        GatewayStore(tmp_path / "small.db", 4096)


class FailingConnection:
    """A connection whose next COMMIT reports an I/O error, with or without having committed."""

    def __init__(self, connection: sqlite3.Connection, *, stored: bool) -> None:
        self._connection = connection
        self._stored = stored

    def execute(self, sql: str, *parameters: Any) -> Any:
        if sql == "COMMIT":
            self._connection.execute("COMMIT" if self._stored else "ROLLBACK")
            raise sqlite3.OperationalError("disk I/O error")
        return self._connection.execute(sql, *parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.mark.parametrize("stored", [False, True])
def test_a_failed_commit_is_looked_up_and_made_good_with_the_same_bytes(
    store: GatewayStore, tmp_path: Path, stored: bool
) -> None:
    sealer = Sealer(GATEWAY, KeySlots(tmp_path / "keys"), store)
    sealer.recover()
    sealer.seal([heartbeat(1)], stamp(1))
    store._database.connection = FailingConnection(store._database.connection, stored=stored)  # type: ignore[assignment]
    made = sealer.seal([heartbeat(2)], stamp(2))
    assert store.rows(2) == [made]
    assert sealer.seal([heartbeat(3)], stamp(3)).number == 3


def test_a_row_that_is_not_what_was_stored_is_never_served(path: Path) -> None:
    store = GatewayStore(path, QUOTA_BYTES)
    filled(store, 5)
    with store._database.write() as connection:
        connection.execute("UPDATE seals SET cose = x'00' WHERE number = 3")
    with pytest.raises(CorruptError, match="seal 3"):
        store.rows(1)
    store.close()
    store = GatewayStore(path, QUOTA_BYTES)
    assert store.salvage is not None
    assert (store.salvage.seals, store.salvage.missing) == (4, 1)
    assert [seal.number for seal in store.rows(1)] == [1, 2, 4, 5]
    store.close()


def test_an_old_image_of_the_database_is_a_lost_tail_and_of_the_keys_a_refusal(tmp_path: Path) -> None:
    def process(count: int) -> tuple[Start, int]:
        store = GatewayStore(tmp_path / "gateway.db", QUOTA_BYTES)
        sealer = Sealer(GATEWAY, KeySlots(tmp_path / "keys"), store)
        recovery = sealer.recover()
        for number in range(count):
            sealer.seal([heartbeat(number)], stamp(number))
        store.close()
        return recovery.start, recovery.number

    process(5)
    image, old_keys = (tmp_path / "gateway.db").read_bytes(), (tmp_path / "keys").read_bytes()
    process(5)
    (tmp_path / "gateway.db").write_bytes(image)
    assert process(2) == (Start.LOST_TAIL, 11)
    assert process(0) == (Start.CLEAN, 13)
    (tmp_path / "keys").write_bytes(old_keys)
    assert process(0)[0] is Start.REKEY


@pytest.mark.parametrize("damage", ["header", "page", "no database", "not there"])
def test_a_reader_beside_the_owner_says_what_is_wrong_with_the_file(path: Path, damage: str) -> None:
    store = GatewayStore(path, QUOTA_BYTES)
    filled(store, 50, body_bytes=8_000)
    store.close()
    image = bytearray(path.read_bytes())
    if damage == "header":
        image[:100] = bytes(range(100))
    elif damage == "page":
        image[-40 * 4096 :] = bytes([0xA5]) * (40 * 4096)
    path.write_bytes(image if damage != "no database" else b"time,p1\n")
    if damage == "not there":
        path.unlink()
    with pytest.raises(StoreError, match=r"gateway\.db: "):
        list(read_seals(path))
