"""Text in rows of a terminal's columns, where a Chinese character takes two and has no blanks beside it."""

import unicodedata
from collections.abc import Iterator
from typing import Final

_OPENING: Final = "（《「“[("
_CLOSING: Final = "，。；：、）》」”！？…])"


def count_columns(text: str) -> int:
    """Columns of a terminal that a text takes."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def wrap(text: str, columns: int) -> list[str]:
    """Rows of at most `columns`, broken at blanks and between Chinese characters.

    No row begins with a closing mark or ends with an opening one; a word that is wider stays whole.
    """
    rows, row = [], ""
    for unit in _split(text):
        if count_columns((row + unit).rstrip()) > columns and row.strip():
            rows.append(row.rstrip())
            row = ""
        row += unit if row or not unit.isspace() else ""
    return [*rows, row.rstrip()] if row.strip() else rows


def wrap_rows(text: str, columns: int) -> str:
    """A text of several rows; those that are wider than `columns` are wrapped, under their own indent."""
    rows: list[str] = []
    for row in text.split("\n"):
        indent = row[: len(row) - len(row.lstrip(" "))]
        is_wide = count_columns(row) > columns
        rows += [indent + one for one in wrap(row, columns - len(indent))] if is_wide else [row]
    return "\n".join(rows)


def _split(text: str) -> Iterator[str]:
    """What stays together: a word, or one Chinese character, each with the marks that belong to it."""
    unit = ""
    for sign in " ".join(text.split()):
        if unit and not _belongs(sign, unit):
            yield unit
            unit = ""
        unit += sign
    if unit:
        yield unit


def _belongs(sign: str, unit: str) -> bool:
    if sign == " " or unit == " ":
        return False
    is_between_words = count_columns(sign) == count_columns(unit[-1]) == 1
    return sign in _CLOSING or unit[-1] in _OPENING or is_between_words
