"""What a store rests on: one disk or two, one process or several. Read only, for the centre's doctor."""

from contextlib import closing
from pathlib import Path

from attrs import frozen

from centre.store.place import Place, open_to_read
from centre.store.slices import BEACON


@frozen
class Shape:
    """See the module.

    Attributes:
        is_file: A SQLite file; then nothing else is known.
        awaited: The standbys that a commit of the server waits for, as its settings name them; "" for none.
        followers: The state of each standby that follows now (PostgreSQL 15, 28.2.4): sync, quorum,
            potential, async, or hidden where this user may not see it.
        verifiers: Name and number of slices of each that shares the store.
        unowned: Slices that no living verifier has.
    """

    is_file: bool
    awaited: str = ""
    followers: tuple[str, ...] = ()
    verifiers: tuple[tuple[str, int], ...] = ()
    unowned: int = 0


def read_shape(place: Place) -> Shape:
    """The shape of a store as it is now; raises StoreError."""
    with closing(open_to_read(place)) as snapshot:
        if isinstance(place, Path):
            return Shape(is_file=True)
        awaited = snapshot.read("SELECT current_setting('synchronous_standby_names')")[0][0]
        followers = snapshot.read("SELECT coalesce(sync_state, 'hidden') FROM pg_stat_replication")
        if not snapshot.has("verifiers"):  # a program of before them made it
            return Shape(is_file=False, awaited=awaited, followers=tuple(one for (one,) in followers))
        living = "SELECT lease FROM verifiers WHERE until >= clock_timestamp()"
        verifiers = snapshot.read(
            "SELECT v.name, count(s.number) FROM verifiers v LEFT JOIN slices s "  # noqa: S608
            f"ON s.lease = v.lease AND s.number < ? WHERE v.lease IN ({living}) "
            "GROUP BY v.lease ORDER BY v.lease",
            (BEACON,),
        )
        sql = f"SELECT count(*) FROM slices WHERE number < ? AND (lease IS NULL OR lease NOT IN ({living}))"  # noqa: S608
        unowned = snapshot.read(sql, (BEACON,))[0][0]
    return Shape(
        is_file=False,
        awaited=awaited,
        followers=tuple(one for (one,) in followers),
        verifiers=tuple((name, count) for name, count in verifiers),
        unowned=unowned,
    )
