"""The migration that gives a store its journal; what it holds already has come in the order of its times.

Bodies that came late before it stand at the time of their seals: the file did not note theirs. Findings of
that time were not kept.
"""

import secrets
from typing import Any

from centre.store.journal import DELIVERED, IDENTITY, SHIFT, Mark, What
from evidence.cbor import FormatError
from evidence.record import Kind, kind_of
from evidence.seal import open_body, peek_header


def make_journal(db: Any) -> None:
    """The tables of `centre.store.journal`; lines of what is there count as handed on."""
    db["journal"].create(
        {"id": int, "at": int, "what": int, "received_utc_ms": int, "marks": int, "line": str},
        pk="id",
        not_null={"at", "what", "received_utc_ms"},
    )
    db["cursors"].create({"name": str, "place": int}, pk="name", not_null={"place"})
    db.execute("CREATE INDEX journal_marks ON journal (at) WHERE marks IS NOT NULL")
    db.execute("CREATE INDEX journal_lines ON journal (at, received_utc_ms) WHERE line IS NOT NULL")
    db.execute(
        "INSERT INTO journal (at, what, received_utc_ms) "
        "SELECT at, CASE WHEN body IS NULL THEN ? ELSE ? END, received_utc_ms "
        "FROM seals ORDER BY received_utc_ms, at",
        (int(What.SEAL), int(What.WHOLE)),
    )
    _mark(db)
    last = db.execute("SELECT coalesce(max(id), 0) FROM journal").fetchone()[0]
    for name, place in ((IDENTITY, secrets.randbits(32)), (DELIVERED, last)):
        db.execute("INSERT INTO cursors (name, place) VALUES (?, ?)", (name, place))


def _mark(db: Any) -> None:
    """Mark bodies with manifests, and those before the first one of their gateway."""
    db.execute("CREATE INDEX journal_at ON journal (at)")
    first: dict[int, int] = {}
    for at, cose, body in db.execute("SELECT at, cose, body FROM seals WHERE body IS NOT NULL ORDER BY at"):
        if _teaches(cose, body):
            db.execute("UPDATE journal SET marks = ? WHERE at = ?", (int(Mark.TEACHES), at))
            first.setdefault(at // SHIFT, at)
    for (id_,) in db.execute("SELECT id FROM gateways").fetchall():
        begin = id_ * SHIFT
        db.execute(
            "UPDATE journal SET marks = ? WHERE what = ? AND at >= ? AND at < ?",
            (int(Mark.WAITS), int(What.WHOLE), begin, first.get(id_, begin + SHIFT)),
        )
    db.execute("DROP INDEX journal_at")


def _teaches(cose: bytes, body: bytes) -> bool:
    try:
        return any(kind_of(record) == Kind.MANIFEST for record in open_body(peek_header(cose), body))
    except FormatError:
        return False  # the disk changed it; the doctor of the store says so, and not a migration
