"""The rows of a sheet in a workbook (.xlsx, ECMA-376), as texts; strict, and with limits.

A library for workbooks builds all cells, charts and styles of a file that a stranger made; here two parts are
read, row by row, with the parser of the standard library. A document type, which entities need, ends it. A
member that unpacks to more than MEMBER_BYTES_MAX, a cell longer than Excel's own, or a row number that does
not rise is a mistake, so an archive made to fill the memory cannot. Formulas are their stored values. A date,
which a sheet has as a number with a format, becomes `2026-03-02 08:00:00`; other numbers stay as Excel wrote
them.
"""

import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from xml.parsers import expat

from attrs import define, field

MEMBER_BYTES_MAX: Final = 1 << 30
"""A sheet of a million rows with ten numbers has 400 MB."""
SMALL_BYTES_MAX: Final = 16 << 20
"""Workbook, styles and relations."""
STRINGS_BYTES_MAX: Final = 64 << 20
"""Shared texts; the recorder's column of remarks repeats a few."""
CELL_CHARACTERS_MAX: Final = 32_767
"""Excel's own limit of a cell."""
COLUMNS_MAX: Final = 16_384
ROWS_MAX: Final = 1_048_576
BLOCK_BYTES: Final = 1 << 16
DATE_FORMATS: Final = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
"""Built-in number formats that show a date or a time, the Chinese ones too (ECMA-376 part 1, 18.8.30)."""
DAYS_1904: Final = 1462
_MILLISECOND: Final = 86_400_000
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_QUOTED: Final = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')


class WorkbookError(ValueError):
    """The file is no workbook that is read; one line."""


@define
class Workbook:
    """One open workbook.

    Attributes:
        sheets: The visible sheets: name and member.
    """

    path: Path
    sheets: dict[str, str] = field(factory=dict)
    _texts: list[str] = field(factory=list, init=False)
    _dates: list[bool] = field(factory=list, init=False)
    _epoch_days: int = field(default=0, init=False)
    _targets: dict[str, str] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        with _opened(self.path) as archive:
            names = set(archive.namelist())
            if "xl/workbook.xml" not in names:
                raise WorkbookError("is a ZIP archive, but no Excel workbook (.xlsx)")
            if "xl/_rels/workbook.xml.rels" in names:
                _parse(archive, "xl/_rels/workbook.xml.rels", SMALL_BYTES_MAX, self._see_relation)
            _parse(archive, "xl/workbook.xml", SMALL_BYTES_MAX, self._see_workbook)
            if "xl/styles.xml" in names:
                styles = _Styles()
                _parse(archive, "xl/styles.xml", SMALL_BYTES_MAX, styles.begin, end=styles.end)
                self._dates = styles.dates
            if "xl/sharedStrings.xml" in names:
                strings = _Strings(self._texts)
                _parse(
                    archive,
                    "xl/sharedStrings.xml",
                    STRINGS_BYTES_MAX,
                    strings.begin,
                    strings.add,
                    strings.end,
                )

    def rows(self, sheet: str) -> Iterator[tuple[int, list[str]]]:
        """Number and cells of each row that has any."""
        reader = _Rows(self._texts, self._dates, self._epoch_days)
        with _opened(self.path) as archive:
            for _ in _feed(
                archive, self.sheets[sheet], MEMBER_BYTES_MAX, reader.begin, reader.add, reader.end
            ):
                yield from reader.take()
            yield from reader.take()

    def _see_relation(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "Relationship":
            self._targets[attributes.get("Id", "")] = attributes.get("Target", "")

    def _see_workbook(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "workbookPr" and attributes.get("date1904") in {"1", "true"}:
            self._epoch_days = DAYS_1904
        if tag == "sheet" and attributes.get("state", "visible") == "visible":
            link = next((value for key, value in attributes.items() if key.rpartition(":")[2] == "id"), "")
            target = self._targets.get(link, f"worksheets/sheet{len(self.sheets) + 1}.xml")
            member = target[1:] if target.startswith("/") else posixpath.normpath(f"xl/{target}")
            self.sheets[attributes.get("name", link)] = member


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise WorkbookError(f"is a damaged workbook: {error}") from error


Begin = Callable[[str, dict[str, str]], object]
Add = Callable[[str], object]
End = Callable[[str], object]


def _parse(
    archive: zipfile.ZipFile,
    member: str,
    bytes_max: int,
    begin: Begin,
    add: Add | None = None,
    end: End | None = None,
) -> None:
    for _ in _feed(archive, member, bytes_max, begin, add, end):
        pass


def _feed(
    archive: zipfile.ZipFile,
    member: str,
    bytes_max: int,
    begin: Begin,
    add: Add | None = None,
    end: End | None = None,
) -> Iterator[None]:
    """Parse a member; yields after every block, so that a caller can take what was found."""
    parser = _make_parser(begin, add, end)
    done = 0
    try:
        with archive.open(member) as stream:
            while block := stream.read(BLOCK_BYTES):
                done += len(block)
                if done > bytes_max:
                    raise WorkbookError(f"{member} unpacks to more than {bytes_max >> 20} MiB")
                parser.Parse(block, False)
                yield
            parser.Parse(b"", True)
    except KeyError as error:
        raise WorkbookError(f"has no {member}") from error
    except expat.ExpatError as error:
        raise WorkbookError(f"{member} is not XML: {error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise WorkbookError(f"{member} cannot be unpacked: {error}") from error


def _make_parser(begin: Begin, add: Add | None, end: End | None) -> Any:
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise WorkbookError("has a document type in its XML, which no workbook needs")

    def start(tag: str, attributes: dict[str, str]) -> None:
        begin(tag.rpartition(":")[2], attributes)

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    if add is not None:
        parser.CharacterDataHandler = add
    if end is not None:
        parser.EndElementHandler = lambda tag: end(tag.rpartition(":")[2])
    return parser


@define
class _Styles:
    """Which cell formats show a date."""

    dates: list[bool] = field(factory=list)
    _own: dict[str, bool] = field(factory=dict)
    _in_cells: bool = False

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "numFmt":
            self._own[attributes.get("numFmtId", "")] = shows_date(attributes.get("formatCode", ""))
        elif tag == "cellXfs":
            self._in_cells = True
        elif tag == "xf" and self._in_cells:
            number = attributes.get("numFmtId", "0")
            self.dates.append(self._own.get(number, number.isdecimal() and int(number[:9]) in DATE_FORMATS))

    def end(self, tag: str) -> None:
        if tag == "cellXfs":
            self._in_cells = False


def shows_date(code: str) -> bool:
    """Whether a number format shows a date or a time."""
    bare = _QUOTED.sub("", code).casefold()
    return any(letter in bare for letter in "ydhs年月日时") and "general" not in bare


@define
class _Strings:
    """The shared texts; rich text is joined, phonetic hints are left out."""

    texts: list[str]
    _parts: list[str] = field(factory=list)
    _is_text: bool = False
    _hint: int = 0

    def begin(self, tag: str, _: dict[str, str]) -> None:
        if tag == "si":
            self._parts = []
        self._hint += tag == "rPh"
        self._is_text = tag == "t" and not self._hint

    def add(self, text: str) -> None:
        if self._is_text:
            self._parts.append(text)

    def end(self, tag: str) -> None:
        self._is_text = False
        self._hint -= tag == "rPh"
        if tag == "si":
            self.texts.append("".join(self._parts)[:CELL_CHARACTERS_MAX])


@define
class _Rows:
    """The rows of a sheet, as its XML goes by."""

    texts: list[str]
    dates: list[bool]
    epoch_days: int
    _done: list[tuple[int, list[str]]] = field(factory=list)
    _row: list[str] = field(factory=list)
    _number: int = 0
    _column: int = 0
    _kind: str = "n"
    _is_date: bool = False
    _parts: list[str] = field(factory=list)
    _size: int = 0
    _is_value: bool = False

    def take(self) -> list[tuple[int, list[str]]]:
        done, self._done = self._done, []
        return done

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "row":
            number = attributes.get("r", "")
            at = int(number) if number.isdecimal() and len(number) < 9 else self._number + 1
            if not self._number < at <= ROWS_MAX:
                raise WorkbookError(f"row {at} is not behind row {self._number}")
            self._number, self._row, self._column = at, [], 0
        elif tag == "c":
            self._begin_cell(attributes)
        elif tag in {"v", "t"}:
            self._is_value = True

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        found = _REFERENCE.fullmatch(attributes.get("r", ""))
        if found:
            self._column = 0
            for letter in found[1]:
                self._column = self._column * 26 + ord(letter) - ord("A") + 1
        else:
            self._column += 1
        if not len(self._row) < self._column <= COLUMNS_MAX:
            raise WorkbookError(f"row {self._number}: its cells are not in order")
        style = attributes.get("s", "")
        at = int(style) if style.isdecimal() and len(style) < 9 else -1
        self._is_date = 0 <= at < len(self.dates) and self.dates[at]
        self._kind, self._parts, self._size = attributes.get("t", "n"), [], 0

    def add(self, text: str) -> None:
        if self._is_value:
            self._size += len(text)
            if self._size > CELL_CHARACTERS_MAX:
                raise WorkbookError(
                    f"row {self._number}: a cell with more than {CELL_CHARACTERS_MAX} characters"
                )
            self._parts.append(text)

    def end(self, tag: str) -> None:
        if tag in {"v", "t"}:
            self._is_value = False
        elif tag == "c":
            self._row += [""] * (self._column - len(self._row) - 1)
            self._row.append(self._to_text("".join(self._parts)))
        elif tag == "row" and any(self._row):
            self._done.append((self._number, self._row))

    def _to_text(self, raw: str) -> str:
        if self._kind == "s":
            at = int(raw) if raw.isdecimal() and len(raw) < 9 else -1
            if not 0 <= at < len(self.texts):
                raise WorkbookError(f"row {self._number}: no shared text {raw[:20]!r}")
            return self.texts[at]
        if self._kind == "n" and raw:
            return self._to_date(raw) if self._is_date or self.epoch_days else raw
        return raw

    def _to_date(self, raw: str) -> str:
        try:
            days = float(raw) + (self.epoch_days if self._is_date else 0)
            if not self._is_date or not 0 <= days < 2_958_466:
                return raw
        except ValueError:
            return raw
        if days < 1:
            return _to_clock(days)
        at = datetime(1899, 12, 30, tzinfo=UTC) + timedelta(milliseconds=round(days * _MILLISECOND))
        return _cut(at.strftime("%Y-%m-%d %H:%M:%S.%f"))


def _to_clock(days: float) -> str:
    at = datetime(1899, 12, 30, tzinfo=UTC) + timedelta(milliseconds=round(days * _MILLISECOND))
    return _cut(at.strftime("%H:%M:%S.%f"))


def _cut(text: str) -> str:
    return text[:-3].removesuffix(".000")
