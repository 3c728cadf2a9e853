"""A SQLite file of lines for whoever queries with SQL: filled by a consumer, owned by nobody else.

    lines     key (primary key), type, gateway, seal, record or NULL, at or NULL, line (JSON)
    cursor    place, of the store with the number `store`
    readings, episodes, findings, seals: views that need no JSON

The cursor moves in the transaction that brings the lines, so each line is in the file exactly once, whatever
is killed when. A line that comes again replaces itself.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Self

from attrs import define

from disk.database import CommitError, Database, Migration, StoreError, reading
from disk.plain_text import to_json

PAGE_BYTES: Final = 4_096
"""The usual size: it is read in long runs, and not written seal by seal."""
_STATEMENTS: Final = (
    "CREATE TABLE lines (key TEXT PRIMARY KEY, type TEXT NOT NULL, gateway TEXT NOT NULL, "
    "seal INTEGER NOT NULL, record INTEGER, at TEXT, line TEXT NOT NULL)",
    "CREATE INDEX lines_at ON lines (type, gateway, at)",
    "CREATE TABLE cursor (store INTEGER NOT NULL, place INTEGER NOT NULL)",
    """CREATE VIEW readings AS
  SELECT l.gateway, l.at, json_extract(l.line, '$.line') AS line, json_extract(l.line, '$.meter') AS meter,
    v.key AS point, v.value, json_extract(l.line, '$.quality') AS quality,
    json_extract(l.line, '$.clock') AS clock, l.seal, l.record
  FROM lines l, json_each(l.line, '$.values') v WHERE l.type = 'reading'""",
    """CREATE VIEW episodes AS
  SELECT l.gateway, json_extract(l.line, '$.id') AS episode, json_extract(l.line, '$.linkage') AS linkage,
    json_extract(l.line, '$.rule') AS rule, json_extract(l.line, '$.severity') AS severity,
    json_extract(l.line, '$.state') AS state,
    strftime('%Y-%m-%dT%H:%M:%SZ', json_extract(l.line, '$.begin_at_s'), 'unixepoch') AS begin_at,
    strftime('%Y-%m-%dT%H:%M:%SZ', json_extract(l.line, '$.end_at_s'), 'unixepoch') AS end_at,
    json_extract(l.line, '$.sentence.zh') AS sentence_zh,
    json_extract(l.line, '$.sentence.en') AS sentence_en, l.seal, max(l.record) AS record
  FROM lines l WHERE l.type = 'episode' GROUP BY l.gateway, json_extract(l.line, '$.id')""",
    """CREATE VIEW findings AS
  SELECT gateway, seal, json_extract(line, '$.code') AS code, json_extract(line, '$.text') AS text
  FROM lines WHERE type = 'finding'""",
    """CREATE VIEW seals AS
  SELECT s.gateway, s.seal, json_extract(s.line, '$.received') AS received,
    json_extract(s.line, '$.count') AS records,
    json_extract(s.line, '$.body') OR EXISTS (
      SELECT 1 FROM lines b WHERE b.key = s.gateway || '/body/' || s.seal) AS has_body
  FROM lines s WHERE s.type = 'seal'""",
)
"""`episodes` shows the last that was told of each: SQLite takes the other columns from the row of max()."""


def _make(db: Any) -> None:
    for statement in _STATEMENTS:
        db.execute(statement)


MIGRATIONS: Final[tuple[Migration, ...]] = (_make,)


@define
class LinesFile:
    """See the module."""

    _database: Database

    @classmethod
    def open(cls, path: Path, store: int) -> Self:
        """The file at `path` for the lines of a store; made if it is not there.

        Raises:
            StoreError: It cannot be used, is another database, or is for another store.
        """
        if path.exists():
            with reading(path) as connection:
                names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if names and not {"lines", "cursor"} <= names:
                raise StoreError(f"{path}: another database; name a file that is not there yet")
        made = cls(Database(path, "lines", MIGRATIONS, page_bytes=PAGE_BYTES))
        try:
            made._take(path, store)
        except BaseException:
            made.close()
            raise
        return made

    def _take(self, path: Path, store: int) -> None:
        found = self._database.read("SELECT store FROM cursor")
        if not found:
            with self._database.write() as connection:
                connection.execute("INSERT INTO cursor VALUES (?, 0)", (store,))
        elif found != [(store,)]:
            raise StoreError(f"{path}: was filled from another store; name a new file")

    def place(self) -> int:
        """Where its lines end."""
        place: int = self._database.read("SELECT place FROM cursor")[0][0]
        return place

    def put(self, lines: Iterable[Mapping[str, Any]], place: int) -> None:
        """Add lines with their `key`, and move the cursor to `place`; raises StoreError."""
        rows = [
            (
                *(line[name] for name in ("key", "type", "gateway", "seal")),
                *(line.get(name) for name in ("record", "at")),
                to_json({name: value for name, value in line.items() if name not in {"key", "cursor"}}),
            )
            for line in lines
        ]
        try:
            with self._database.write() as connection:
                connection.executemany("REPLACE INTO lines VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
                connection.execute("UPDATE cursor SET place = ?", (place,))
        except CommitError as error:
            raise StoreError(str(error)) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()
