"""The pieces that a copied store is made of, and how a transaction takes one; see `centre.store.copying`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

COPYING: Final = "copying"
MOVED: Final = "moved"
"""Names in `cursors`."""
Row = tuple[Any, ...]


@frozen
class Piece:
    """Rows of the journal (id, at, what, received_utc_ms, marks, line) with what came by them.

    Attributes:
        seals: (at, received_utc_ms, cose, body) of seals that the copy does not have.
        bodies: (at, body) of bodies that came after their seals.
    """

    journal: Sequence[Row]
    seals: Sequence[Row]
    bodies: Sequence[Row]


@frozen
class Rest:
    """What has no row in the journal, all of the moment at which the journal ended.

    Attributes:
        gateways: (id, name, first_key, state, held, receipt, account).
        forks: (id, gateway, number, received_utc_ms, cose) behind those of the copy.
        statements: (id, gateway, number, hash, raw, received_utc_ms) behind those of the copy.
        cursors: (name, place).
    """

    gateways: Sequence[Row]
    forks: Sequence[Row]
    statements: Sequence[Row]
    cursors: Sequence[Row]


def put_piece(
    connection: Any, piece: Piece, with_id: str, columns_of: Callable[[str], Mapping[str, str]]
) -> None:
    """Put the rows of a piece; `columns_of` gives further columns of a line, `with_id` lets ids be given."""
    for row in piece.seals:
        connection.execute("INSERT INTO seals (at, received_utc_ms, cose, body) VALUES (?, ?, ?, ?)", row)
    for at, body in piece.bodies:
        connection.execute("UPDATE seals SET body = ? WHERE at = ?", (body, at))
    for row in piece.journal:
        more = columns_of(row[5]) if row[5] is not None else {}
        names = "".join(f", {name}" for name in more)
        connection.execute(
            f"INSERT INTO journal (id, at, what, received_utc_ms, marks, line{names}) "  # noqa: S608
            f"{with_id} VALUES (?, ?, ?, ?, ?, ?{', ?' * len(more)})",
            (*row, *more.values()),
        )


def put_rest(connection: Any, rest: Rest, with_id: str) -> None:
    """Put what ends a copy, and take its marks away."""
    for table, columns, rows in (
        ("gateways", "id, name, first_key, state, held, receipt, account", rest.gateways),
        ("forks", "id, gateway, number, received_utc_ms, cose", rest.forks),
        ("statements", "id, gateway, number, hash, raw, received_utc_ms", rest.statements),
    ):
        names = columns.split(", ")
        changed = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
        sql = (
            f"INSERT INTO {table} ({columns}) {with_id} VALUES (?{', ?' * (len(names) - 1)}) "  # noqa: S608
            f"ON CONFLICT (id) DO UPDATE SET {changed}"
        )
        for row in rows:
            connection.execute(sql, row)
    for name, place in rest.cursors:
        put_mark(connection, name, place)
    connection.execute("DELETE FROM cursors WHERE name IN (?, ?)", (COPYING, MOVED))


def put_mark(connection: Any, name: str, place: int) -> None:
    """Set a row of `cursors`."""
    sql = (
        "INSERT INTO cursors (name, place) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET place = excluded.place"
    )
    connection.execute(sql, (name, place))
