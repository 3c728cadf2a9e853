"""A closed month's partition, replaced by one without the bodies that lie elsewhere: that frees their room.

The new table is made beside everything that goes on, and committed. Then, in one short transaction that has
`seals` for itself, the old one is detached and dropped, and the new one takes its place and its name. Nothing
is exchanged where a body of the month has come meanwhile, or a seal (the clock of its verifier is behind), or
where a reader of before is still at work (he would find neither the old rows nor the new ones): the call
fails, and is repeated. What a kill leaves of the new table is dropped by the next call.
"""

from collections.abc import Sequence
from typing import Final

from centre.store.journal import SHIFT, What
from centre.store.postgresql_connection import Connection, Transaction
from centre.store.postgresql_tables import MS_PER_S, month_of, name_partition
from disk.database import CommitError

FRESH: Final = "seals_fresh"
"""The new table, until it has the name of the old one."""
LOCK_WAIT_MS: Final = 2_000
"""Receipts wait as long as this transaction waits for its turn; gateways wait minutes without harm."""


def replace_partition(
    database: Connection, begin_ms: int, end_ms: int, spans: Sequence[tuple[int, int]]
) -> int:
    """Give up the bodies in `spans` of the month that begins at `begin_ms`; how many.

    Raises:
        CommitError: The result is unknown, or the store is in use; the same call goes on where it was.
    """
    old = name_partition(*month_of(begin_ms))
    if not database.read("SELECT 1 FROM pg_class WHERE relname = ?", (old,)):
        return 0
    place = database.read("SELECT coalesce(max(id), 0) FROM journal")[0][0]
    with database.write() as connection:
        made = _make(connection, old, begin_ms, end_ms, spans)
    if made is None:
        return 0
    count, xid = made
    with database.write() as connection:
        connection.execute(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")
        connection.execute("LOCK TABLE seals IN ACCESS EXCLUSIVE MODE")
        _refuse_others(connection, old, place, xid)
        connection.execute(f"ALTER TABLE seals DETACH PARTITION {old}")
        connection.execute(f"DROP TABLE {old}")
        connection.execute(f"ALTER TABLE {FRESH} RENAME TO {old}")
        connection.execute(f"ALTER INDEX {FRESH}_at RENAME TO {old}_at_{begin_ms // MS_PER_S}_{xid}")
        connection.execute(
            f"ALTER TABLE seals ATTACH PARTITION {old} FOR VALUES FROM ({begin_ms}) TO ({end_ms})"
        )
        connection.execute(f"ALTER TABLE {old} DROP CONSTRAINT {FRESH}_month")
    return count


def _make(
    connection: Transaction, old: str, begin_ms: int, end_ms: int, spans: Sequence[tuple[int, int]]
) -> tuple[int, int] | None:
    """Make the new table: how many bodies it lacks, and the number of this transaction; None without need."""
    execute = connection.execute
    execute(f"DROP TABLE IF EXISTS {FRESH}")
    execute("CREATE TEMPORARY TABLE given_up (gateway bigint, first bigint, last bigint) ON COMMIT DROP")
    for first, last in spans:
        execute("INSERT INTO given_up VALUES (?, ?, ?)", (first // SHIFT, first, last))
    gone = (
        "EXISTS (SELECT 1 FROM given_up WHERE gateway = old.at / ? AND old.at BETWEEN first AND last) "
        "AND NOT EXISTS (SELECT 1 FROM journal WHERE journal.at = old.at AND marks IS NOT NULL)"
    )
    sql = f"SELECT count(*) FROM {old} old WHERE body IS NOT NULL AND {gone}"  # noqa: S608
    count = int(execute(sql, (SHIFT,)).fetchall()[0][0])
    if not count:
        return None
    execute(f"CREATE TABLE {FRESH} (LIKE seals INCLUDING STORAGE)")
    execute(
        f"INSERT INTO {FRESH} (at, received_utc_ms, cose, body) "  # noqa: S608 - names of ours
        f"SELECT at, received_utc_ms, cose, CASE WHEN {gone} THEN NULL ELSE body END FROM {old} old",
        (SHIFT,),
    )
    execute(f"CREATE INDEX {FRESH}_at ON {FRESH} (at)")
    # So that the server need not look at each row when the table is attached.
    span = f"received_utc_ms >= {begin_ms} AND received_utc_ms < {end_ms}"
    execute(f"ALTER TABLE {FRESH} ADD CONSTRAINT {FRESH}_month CHECK ({span})")
    return count, int(execute("SELECT txid_current()").fetchall()[0][0])


def _refuse_others(connection: Transaction, old: str, place: int, xid: int) -> None:
    """See that nothing has come to the month, and that no reader has begun before the new table was there."""
    late = connection.execute(
        f"SELECT 1 FROM journal JOIN {old} old ON old.at = journal.at "  # noqa: S608
        "WHERE journal.id > ? AND journal.what <> ? LIMIT 1",
        (place, int(What.FINDING)),
    ).fetchall()
    if late:
        raise CommitError("a seal or body of this month has just come")
    sql = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_xmin IS NOT NULL AND age(backend_xmin) >= age((?::text)::xid) LIMIT 1"
    )
    if connection.execute(sql, (str(xid % (1 << 32)),)).fetchall():
        raise CommitError("another process is reading this store")
