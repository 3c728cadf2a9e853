"""The table in a reduction list, text or workbook: which row has the headings, and which column is what."""

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from attrs import frozen

from evidence.words import Words
from provisioning.curtail.catalogue import load_catalogue, squeeze
from provisioning.curtail.words import PROBLEMS
from provisioning.loads.loads import LoadsError
from provisioning.loads.source import HEAD_ROWS, Numbered, Source, open_source
from provisioning.loads.table import SEPARATORS

NEEDED: Final = ("line", "level", "measure")
ROWS_MAX: Final = 20_000
"""The list of a city: some thousand enterprises with several lines and three levels each."""


@frozen
class Sheet:
    """The rows of a list.

    Attributes:
        columns: The place of each known column.
        rows: Number of the line, and its cells, below the headings.
        unknown: Headings that are not known, each with the number of its line.
    """

    columns: dict[str, int]
    rows: tuple[Numbered, ...]
    unknown: tuple[tuple[int, str], ...] = ()

    def cell(self, row: list[str], column: str) -> str:
        """A cell without blanks around it, "" where there is none."""
        at = self.columns.get(column)
        return row[at].strip() if at is not None and at < len(row) else ""


def read_sheet(path: Path, sheet: str = "") -> Sheet:
    """The table in the file at `path`.

    Raises:
        LoadsError: It has none, or too many rows.
        QuestionError: It is a workbook with several sheets.
        OSError: It cannot be opened.
    """
    source = open_source(path, sheet)
    separator = _find_separator(source)
    head = next((row for row in islice(source.rows(separator), HEAD_ROWS) if _is_head(row[1])), None)
    if head is None:
        raise LoadsError([PROBLEMS["no head"].fill(path=path)])
    number, cells = head
    columns: dict[str, int] = {}
    unknown = []
    for at, cell in enumerate(cells):
        name = _name(cell)
        if name is not None:
            columns.setdefault(name, at)
        elif cell.strip():
            unknown.append((number, cell.strip()[:40]))
    rows = tuple(islice(_filled(source, separator, number), ROWS_MAX + 1))
    if not rows:
        raise LoadsError([PROBLEMS["no rows"].fill(path=path)])
    if len(rows) > ROWS_MAX:
        raise LoadsError([PROBLEMS["too many"].fill(path=path, most=ROWS_MAX)])
    return Sheet(columns, rows, tuple(unknown))


def _filled(source: Source, separator: str, head: int) -> Iterator[Numbered]:
    """The rows below the headings in which anything stands."""
    for number, row in source.rows(separator):
        if number > head and any(cell.strip() for cell in row):
            yield number, row


def _find_separator(source: Source) -> str:
    if source.book is not None:
        return ","
    for separator in SEPARATORS:
        try:
            rows = list(islice(csv.reader(source.head.splitlines(), delimiter=separator), HEAD_ROWS))
        except csv.Error:
            continue
        if any(map(_is_head, rows)):
            return separator
    return ","


def _is_head(row: list[str]) -> bool:
    names = set(map(_name, row))
    return all(one in names for one in NEEDED)


def _name(cell: str) -> str | None:
    """The column that a heading names."""
    return load_catalogue().columns.get(squeeze(cell))


def name_place(path: Path, line: int, column: Words) -> Words:
    """Where a cell is."""
    return Words(f"{path}：第 {line} 行，{column.zh}", f"{path}: line {line}, {column.en}")
