"""A SQLite file of lines for whoever queries with SQL: filled by a consumer, owned by nobody else.

    lines     key (primary key), type, gateway, seal, record or NULL, at or NULL, line (JSON): every line
    readings  a row for each value of a reading
    episodes  what was told last of each
    findings, seals
    cursor    where the store of this number goes on, as `centre.feed` writes it

The cursor moves in the transaction that brings the lines, so each line is in the file exactly once, whatever
is killed when. A line that comes again replaces itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final, Self

from attrs import define

from disk.database import CommitError, Database, Migration, StoreError, reading
from disk.plain_text import to_json
from evidence.moments import iso_utc

MS_PER_S: Final = 1_000
PAGE_BYTES: Final = 4_096
"""The usual size: it is read in long runs, and not written seal by seal."""
_STATEMENTS: Final = (
    """CREATE TABLE lines (
  key TEXT PRIMARY KEY, type TEXT NOT NULL, gateway TEXT NOT NULL, seal INTEGER NOT NULL, record INTEGER,
  at TEXT, line TEXT NOT NULL)""",
    "CREATE TABLE cursor (store INTEGER NOT NULL, cursor TEXT NOT NULL)",
    """CREATE TABLE readings (
  gateway TEXT NOT NULL, record INTEGER NOT NULL, point TEXT NOT NULL, value, at TEXT NOT NULL, line TEXT,
  meter TEXT NOT NULL, quality TEXT NOT NULL, clock TEXT NOT NULL, seal INTEGER NOT NULL,
  PRIMARY KEY (gateway, record, point)) WITHOUT ROWID""",
    "CREATE INDEX readings_at ON readings (gateway, meter, point, at)",
    """CREATE TABLE episodes (
  gateway TEXT NOT NULL, episode TEXT NOT NULL, linkage TEXT NOT NULL, rule TEXT NOT NULL,
  severity TEXT NOT NULL, state TEXT NOT NULL, begin_at TEXT NOT NULL, end_at TEXT,
  sentence_zh TEXT NOT NULL, sentence_en TEXT NOT NULL, seal INTEGER NOT NULL, record INTEGER NOT NULL,
  PRIMARY KEY (gateway, episode))""",
    """CREATE TABLE findings (
  key TEXT PRIMARY KEY, gateway TEXT NOT NULL, seal INTEGER NOT NULL, code TEXT NOT NULL,
  text TEXT NOT NULL)""",
    """CREATE TABLE seals (
  gateway TEXT NOT NULL, seal INTEGER NOT NULL, received TEXT NOT NULL, records INTEGER NOT NULL,
  has_body INTEGER NOT NULL, PRIMARY KEY (gateway, seal))""",
)
_PUTS: Final[Mapping[str, str]] = {
    "episode": "INSERT INTO episodes VALUES (:gateway, :id, :linkage, :rule, :severity, :state, :begin_at, "
    ":end_at, :zh, :en, :seal, :record) ON CONFLICT DO UPDATE SET state = excluded.state, "
    "severity = excluded.severity, rule = excluded.rule, begin_at = excluded.begin_at, "
    "end_at = excluded.end_at, sentence_zh = excluded.sentence_zh, sentence_en = excluded.sentence_en, "
    "seal = excluded.seal, record = excluded.record WHERE excluded.record >= record",
    "finding": "REPLACE INTO findings VALUES (:key, :gateway, :seal, :code, :text)",
    "seal": "INSERT OR IGNORE INTO seals VALUES (:gateway, :seal, :received, :count, :body)",
    "body": "UPDATE seals SET has_body = 1 WHERE gateway = :gateway AND seal = :seal",
}
"""By the type of the line; a seal whose body came with it is never told without it."""
_PUT_READING: Final = (
    "REPLACE INTO readings VALUES "
    "(:gateway, :record, :point, :value, :at, :line, :meter, :quality, :clock, :seal)"
)
_SHARED: Final = frozenset({"key", "cursor"})


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
                connection.execute("INSERT INTO cursor VALUES (?, '')", (store,))
        elif found != [(store,)]:
            raise StoreError(f"{path}: was filled from another store; name a new file")

    def cursor(self) -> str:
        """Where its lines end; "" for nowhere."""
        cursor: str = self._database.read("SELECT cursor FROM cursor")[0][0]
        return cursor

    def put(self, lines: Sequence[Mapping[str, Any]], cursor: str) -> None:
        """Add lines with their `key`, and move its cursor; raises StoreError."""
        try:
            with self._database.write() as connection:
                connection.executemany("REPLACE INTO lines VALUES (?, ?, ?, ?, ?, ?, ?)", map(_row, lines))
                connection.executemany(_PUT_READING, chain.from_iterable(map(_values, lines)))
                for line in lines:
                    if line["type"] in _PUTS:
                        connection.execute(_PUTS[line["type"]], _plain(line))
                connection.execute("UPDATE cursor SET cursor = ?", (cursor,))
        except CommitError as error:
            raise StoreError(str(error)) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _row(line: Mapping[str, Any]) -> tuple[Any, ...]:
    text = to_json({name: value for name, value in line.items() if name not in _SHARED})
    heads = (line[name] for name in ("key", "type", "gateway", "seal"))
    return (*heads, line.get("record"), line.get("at"), text)


def _values(line: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of a reading."""
    for point, value in line.get("values", {}).items() if line["type"] == "reading" else ():
        yield {**_plain(line), "point": point, "value": value}


def _plain(line: Mapping[str, Any]) -> dict[str, Any]:
    """The members that SQL has a form for, and what only an episode has."""
    plain = {name: value for name, value in line.items() if not isinstance(value, dict | list)}
    if line["type"] == "episode":
        plain |= {"zh": line["sentence"]["zh"], "en": line["sentence"]["en"]}
        plain["begin_at"] = iso_utc(round(line["begin_at_s"] * MS_PER_S))
        plain["end_at"] = None if line["end_at_s"] is None else iso_utc(round(line["end_at_s"] * MS_PER_S))
    return plain
