"""A file of rows, whatever wrote it: text in one of several encodings, or a workbook.

A source can be read more than once, always as a stream. What is neither is refused with what to do: an old
.xls, a page that calls itself .xls, an archive.
"""

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from attrs import frozen

from disk.encodings import Encoding, find_encoding
from evidence.words import Words
from provisioning.loads.loads import LoadsError, QuestionError
from provisioning.loads.words import PROBLEMS
from provisioning.loads.xlsx import Workbook, WorkbookError

BLOCK_BYTES: Final = 1 << 20
HEAD_CHARACTERS: Final = 1 << 16
"""Enough for a hundred rows of fifty columns."""
HEAD_ROWS: Final = 200
TELL_ROWS: Final = 20_000

Row = list[str]
Numbered = tuple[int, Row]
Tell = Callable[[int, int], object]
"""Called with the bytes done and their total."""


@frozen
class Source:
    """An opened file.

    Attributes:
        path: The file.
        encoding: Of a text, None for a workbook.
        head: The first characters of a text.
        ends: A text ends with the end of a line.
        book: Of a workbook, with the sheet that is read.
        sheet: That sheet.
    """

    path: Path
    encoding: Encoding | None = None
    head: str = ""
    ends: bool = True
    book: Workbook | None = None
    sheet: str = ""

    def rows(self, separator: str, tell: Tell = lambda _done, _all: None) -> Iterator[Numbered]:
        """Number (from 1) and cells of each row.

        Raises:
            LoadsError: The file cannot be read to its end.
        """
        try:
            if self.book is not None:
                yield from self.book.rows(self.sheet)
                return
            with self.path.open("rb") as raw:
                yield from _read_csv(raw, self.encoding or Encoding.UTF_8, separator, tell)
        except (WorkbookError, UnicodeError) as error:
            raise LoadsError([f"{self.path}: {error}"]) from error


def _read_csv(raw: BinaryIO, encoding: Encoding, separator: str, tell: Tell) -> Iterator[Numbered]:
    total = raw.seek(0, io.SEEK_END)
    raw.seek(0)
    with io.TextIOWrapper(raw, encoding.value, newline="") as text:
        reader = csv.reader(text, delimiter=separator)
        number = 0
        try:
            for number, row in enumerate(reader, 1):
                if number % TELL_ROWS == 0:
                    tell(raw.tell(), total)
                yield number, row
        except csv.Error as error:
            raise LoadsError([f"line {number + 1}: {error}"]) from error


def open_source(path: Path, sheet: str = "") -> Source:
    """The file at `path`.

    Raises:
        LoadsError: It is nothing that is read.
        QuestionError: It is a workbook with several sheets.
        OSError: It cannot be opened.
    """
    with path.open("rb") as raw:
        begin = raw.read(8)
        if begin.startswith(b"PK\x03\x04"):
            return _open_book(path, sheet)
        if begin.startswith((b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"%PDF", b"{\\rtf", b"7z\xbc\xaf")):
            raise LoadsError([PROBLEMS["no table"].fill(path=path)])
        raw.seek(0)
        encoding = find_encoding(iter(lambda: raw.read(BLOCK_BYTES), b""))
        if encoding is None:
            raise LoadsError([_name_bad_byte(path)])
        raw.seek(0)
        with io.TextIOWrapper(raw, encoding.value, newline="", errors="replace") as text:
            head = text.read(HEAD_CHARACTERS)
            raw.seek(max(0, raw.seek(0, io.SEEK_END) - 4))
            ends = b"\n" in raw.read() or head.rstrip("\0").endswith("\r")
    if head.lstrip().casefold().startswith(("<html", "<!doctype", "<table", "<?xml")):
        raise LoadsError([PROBLEMS["no table"].fill(path=path)])
    return Source(path, encoding, head, ends)


def _open_book(path: Path, wanted: str) -> Source:
    try:
        book = Workbook(path)
        names = list(book.sheets)
        if wanted and wanted not in names:
            known = Words("、".join(names), ", ".join(names))
            raise LoadsError([PROBLEMS["no sheet"].fill(path=path, sheet=wanted, known=known)])
        filled = [wanted] if wanted else [name for name in names if any(True for _ in book.rows(name))]
    except WorkbookError as error:
        raise LoadsError([f"{path}: {error}"]) from error
    if not filled:
        raise LoadsError([PROBLEMS["empty"].fill(path=path)])
    if len(filled) > 1:
        choices = [(name, Words.same(name)) for name in filled]
        raise QuestionError(PROBLEMS["which sheet"].fill(path=path), "--sheet", choices)
    return Source(path, book=book, sheet=filled[0])


def _name_bad_byte(path: Path) -> Words:
    """Where a text is neither UTF-8 nor GBK: the line of the first byte that UTF-8 refuses."""
    decoder, line = codecs.getincrementaldecoder("utf-8")(), 1
    with path.open("rb") as raw:
        for block in iter(lambda: raw.read(BLOCK_BYTES), b""):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                line += block[: error.start].count(b"\n")
                return PROBLEMS["encoding"].fill(path=path, line=line)
            line += block.count(b"\n")
    return PROBLEMS["encoding"].fill(path=path, line=line)
