"""A store copied into another place: a back-up, its restoration, and the way from a file to a server.

A copy is what its source was at one moment, with the same numbers: places, cursors and the store's own number
stay, so consumers go on. It is made behind whoever writes the source, in pieces of the journal: each is read
from one moment and put in one transaction, and the last one brings gateways, statements and forks of the
same moment as the end of the journal. Until then the mark `copying` stands in the copy, and who would receive
into it refuses; whatever is killed when, the same call goes on where it was. A copy that is there already
takes what is new.

    cursors   `copying`: not whole; `moved`: the source goes on elsewhere, and here nothing is received

Not copied: what `centre.subscriber` keeps only to start faster.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, Final, Protocol

from centre.store.journal import IDENTITY, Journal, SqlJournal, What
from centre.store.pieces import COPYING, MOVED, Piece, Rest, Row
from centre.store.place import Place, open_to_read
from disk.database import StoreError
from disk.snapshot import Snapshot

PIECE_ROWS: Final = 500
"""Rows of the journal in one transaction: 1 MB of usual seals, 32 MB at the very most."""

Progress = Callable[[int, int], object]
"""Told how many arrivals are copied, of how many."""


class CopyTarget(Protocol):
    """What a store does to become a copy; see `centre.store.sql`."""

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query."""

    def set_mark(self, name: str, place: int) -> None:
        """Set a row of `cursors`, in a transaction of its own."""

    def take_piece(self, piece: Piece, rest: Rest | None = None) -> None:
        """Put a piece in one transaction, and with `rest` end the copy: its marks are taken away."""


def refuse_copy(journal: Journal, where: Place) -> None:
    """See that a store may receive; raises StoreError where it is half a copy, or goes on elsewhere."""
    if journal.place_of(COPYING):
        raise StoreError(f"{where}: is a copy that was not ended: repeat the call that began it")
    if journal.place_of(MOVED):
        raise StoreError(f"{where}: was moved, and what has come since is in the other place; use that one")


def copy_store(source: Place, target: CopyTarget, where: Place, progress: Progress) -> int:
    """Bring `target`, which is opened at `where`, to what `source` is now; how many arrivals were new.

    Raises:
        StoreError: The source cannot be read, or the target is not empty and no copy of it.
        CommitError: The target cannot be written.
    """
    begin = place = _begin(source, target, where)
    while True:
        with closing(open_to_read(source)) as snapshot:
            last = SqlJournal(snapshot.read).last_place()
            piece = _read_piece(snapshot, place)
            place = piece.journal[-1][0] if piece.journal else place
            is_last = place == last
            target.take_piece(piece, _read_rest(snapshot, target) if is_last else None)
        progress(place, last)
        if is_last:
            return place - begin


def _begin(source: Place, target: CopyTarget, where: Place) -> int:
    """The place up to which the target has all."""
    ours = SqlJournal(target.read)
    place, has_begun = ours.last_place(), bool(ours.place_of(COPYING))
    with closing(open_to_read(source)) as snapshot:
        if not snapshot.has("journal"):
            raise StoreError(f"{source}: has no journal; start `dianjian subscribe` of this version once")
        theirs = SqlJournal(snapshot.read)
        refuse_copy(theirs, source)
        is_new = not has_begun and place == 0 and not target.read("SELECT 1 FROM gateways LIMIT 1")
        if not is_new and (
            ours.identify() != theirs.identify()
            or _row_at(snapshot.read, place) != _row_at(target.read, place)
        ):
            raise StoreError(f"{where}: holds another store, or went on by itself; name a new place")
        if is_new:
            target.set_mark(IDENTITY, theirs.identify())
    target.set_mark(COPYING, 1)
    return place


def _row_at(read: Callable[[str, Sequence[Any]], list[Any]], place: int) -> list[Row]:
    return [
        tuple(row) for row in read("SELECT at, what, received_utc_ms FROM journal WHERE id = ?", (place,))
    ]


def _read_piece(snapshot: Snapshot, after: int) -> Piece:
    journal = snapshot.read(
        "SELECT id, at, what, received_utc_ms, marks, line FROM journal WHERE id > ? ORDER BY id LIMIT ?",
        (after, PIECE_ROWS),
    )
    if not journal:
        return Piece((), (), ())
    ends = (journal[0][0], journal[-1][0])
    found = snapshot.read(
        "SELECT j.what, s.at, s.received_utc_ms, s.cose, s.body FROM journal j JOIN seals s ON s.at = j.at "
        "WHERE j.id BETWEEN ? AND ? AND j.what <> ? ORDER BY j.id",
        (*ends, int(What.FINDING)),
    )
    seals = [tuple(row[1:]) for row in found if row[0] != What.BODY]
    return Piece(journal, seals, [(row[1], row[4]) for row in found if row[0] == What.BODY])


def _read_rest(snapshot: Snapshot, target: CopyTarget) -> Rest:
    forks, statements = (
        target.read(f"SELECT coalesce(max(id), 0) FROM {table}")[0]  # noqa: S608 - two names of ours
        for table in ("forks", "statements")
    )
    return Rest(
        snapshot.read("SELECT id, name, first_key, state, held, receipt, account FROM gateways ORDER BY id"),
        snapshot.read(
            "SELECT id, gateway, number, received_utc_ms, cose FROM forks WHERE id > ? ORDER BY id", forks
        ),
        snapshot.read(
            "SELECT id, gateway, number, hash, raw, received_utc_ms FROM statements WHERE id > ? ORDER BY id",
            statements,
        ),
        snapshot.read("SELECT name, place FROM cursors WHERE name NOT IN (?, ?)", (COPYING, MOVED)),
    )
