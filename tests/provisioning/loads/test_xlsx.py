"""Workbooks: read as exported, within limits; what could fill the memory or the disk is one line."""

import datetime as dt
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from provisioning.loads import xlsx
from provisioning.loads.loads import Loads, LoadsError, NoteKind, QuestionError
from provisioning.loads.reader import read_loads
from provisioning.loads.settings import ReadSettings, WantedLine
from provisioning.loads.xlsx import Workbook, WorkbookError, shows_date
from tests.provisioning.loads.books import MAIN, Cell, book_file

LINES: Final = (WantedLine("p1", "production", 60_000), WantedLine("t1", "treatment", 22_000))
BEGIN: Final = dt.datetime(2026, 3, 2, 8)  # noqa: DTZ001 - Excel has no zones
HEAD: Final[list[Cell]] = ["时间", "p1(kW)", "t1(kW)", "备注"]


def rows(count: int = 200, step_s: int = 60) -> list[list[Cell]]:
    return [
        [BEGIN + dt.timedelta(seconds=step_s * at), 45.125 + at, 18.0, "正常" if at % 2 else None]
        for at in range(count)
    ]


def read(path: Path, **given: Any) -> Loads:
    return read_loads(path, LINES, ReadSettings(zone="+08:00", **given))


def test_a_sheet_is_read_as_excel_stored_it(tmp_path: Path) -> None:
    path = book_file(tmp_path / "loads.xlsx", {"日报": [["电镀厂日报"], HEAD, *rows()]})
    loads = read(path)
    begin_s = BEGIN.replace(tzinfo=dt.UTC).timestamp() - 8 * 3600
    assert loads.times_s.tolist() == [begin_s + 60 * at for at in range(200)]
    assert loads.watts["p1"].tolist() == [45_125 + 1000 * at for at in range(200)]
    assert [note.words.en for note in loads.notes] == [
        "the columns are named in line 2; 1 lines before it are skipped",
        "columns not used: 备注",
    ]


def test_days_without_a_format_are_excels_days(tmp_path: Path) -> None:
    table = [[(row[0] - dt.datetime(1899, 12, 30)) / dt.timedelta(days=1), *row[1:]] for row in rows()]  # type: ignore[operator]  # noqa: DTZ001
    loads = read(book_file(tmp_path / "loads.xlsx", {"1": [HEAD, *table]}))
    assert (
        loads.times_s.tolist()
        == read(book_file(tmp_path / "other.xlsx", {"1": [HEAD, *rows()]})).times_s.tolist()
    )


def test_the_other_calendar_of_excel_is_told_by_the_workbook(tmp_path: Path) -> None:
    table = [[row[0] - dt.timedelta(days=1462), *row[1:]] for row in rows()]  # type: ignore[operator]
    loads = read(book_file(tmp_path / "loads.xlsx", {"1": [HEAD, *table]}, is_1904=True))
    assert loads.times_s[0] == BEGIN.replace(tzinfo=dt.UTC).timestamp() - 8 * 3600


def test_of_several_sheets_with_data_a_person_chooses(tmp_path: Path) -> None:
    path = book_file(
        tmp_path / "loads.xlsx", {"一月": [HEAD, *rows()], "empty": [], "二月": [HEAD, *rows(50)]}
    )
    with pytest.raises(QuestionError) as caught:
        read(path)
    assert caught.value.option == "--sheet"
    assert [value for value, _ in caught.value.choices] == ["一月", "二月"]
    assert len(read(path, sheet="二月").times_s) == 50
    with pytest.raises(LoadsError, match="has no sheet '三月'; it has: 一月, empty, 二月"):
        read(path, sheet="三月")


def test_errors_totals_and_empty_cells_are_no_samples(tmp_path: Path) -> None:
    table = rows()
    table[3][1], table[4][1] = "#N/A", None
    loads = read(book_file(tmp_path / "loads.xlsx", {"1": [HEAD, *table, ["合计", 1.0, 2.0]]}))
    assert np.flatnonzero(np.isnan(loads.watts["p1"])).tolist() == [3, 4]
    assert [note.words.en for note in loads.notes if note.kind is NoteKind.LEFT_OUT] == [
        "columns not used: 备注",
        "1 rows of totals or means (first: line 202)",
        "marks for missing values: '#n/a' (1)",
    ]


@pytest.mark.parametrize(
    ("code", "is_date"),
    [("yyyy/m/d h:mm", True), ("[$-804]aaaa;@", False), ("0.00", False), ('0.0"day"', False),
     ("General", False), ("[h]:mm:ss", True), ("yyyy年m月d日", True), ("#,##0.00 [$€]", False), ("@", False)],
)  # fmt: skip
def test_a_number_format_says_whether_it_is_a_date(code: str, is_date: bool) -> None:
    assert shows_date(code) is is_date


BOMB: Final = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y"><!ENTITY z "&x;&x;&x;">]><a>&z;</a>'
SHEET: Final = "xl/worksheets/sheet1.xml"


def sheet(text: str) -> bytes:
    return f'<worksheet xmlns="{MAIN}"><sheetData>{text}</sheetData></worksheet>'.encode()


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({SHEET: BOMB}, "has a document type in its XML"),
        ({"xl/sharedStrings.xml": BOMB}, "has a document type in its XML"),
        ({"xl/workbook.xml": BOMB}, "has a document type in its XML"),
        ({SHEET: b"<worksheet><row"}, "sheet1.xml is not XML"),
        ({SHEET: sheet('<row r="2"/><row r="1"/>')}, "row 1 is not behind row 2"),
        ({SHEET: sheet('<row r="9999999999"/><row r="1048577"/>')}, "row 1048577 is not behind"),
        ({SHEET: sheet('<row r="1"><c r="B1"/><c r="A1"/></row>')}, "row 1: its cells are not in order"),
        ({SHEET: sheet('<row r="1"><c r="ZZZ1"/></row>')}, "row 1: its cells are not in order"),
        ({SHEET: sheet('<row r="1"><c r="A1" t="s"><v>99999</v></c></row>')}, "row 1: no shared text"),
        ({SHEET: sheet(f'<row r="1"><c r="A1"><v>{"1" * 40_000}</v></c></row>')}, "a cell with more than"),
    ],
)  # fmt: skip
def test_what_no_excel_writes_is_one_line(more: dict[str, bytes], wanted: str, tmp_path: Path) -> None:
    path = book_file(tmp_path / "loads.xlsx", {"1": [HEAD, *rows(3)]}, more=more)
    with pytest.raises(LoadsError) as caught:
        read(path)
    (told,) = caught.value.problems
    assert wanted in told
    assert told.startswith(f"{path}: ")


def test_an_archive_made_to_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx, "MEMBER_BYTES_MAX", 1 << 20)
    monkeypatch.setattr(xlsx, "STRINGS_BYTES_MAX", 1 << 20)
    blanks = sheet(" " * (4 << 20))
    with pytest.raises(LoadsError, match="unpacks to more than 1 MiB"):
        read(book_file(tmp_path / "a.xlsx", {"1": [HEAD]}, more={SHEET: blanks}))
    with pytest.raises(LoadsError, match="unpacks to more than 1 MiB"):
        read(book_file(tmp_path / "b.xlsx", {"1": [HEAD]}, more={"xl/sharedStrings.xml": blanks}))


def test_an_archive_that_is_no_workbook_or_is_cut_is_one_line(tmp_path: Path) -> None:
    other = tmp_path / "other.xlsx"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("content.xml", "x")
    with pytest.raises(WorkbookError, match="no Excel workbook"):
        Workbook(other)
    whole = book_file(tmp_path / "loads.xlsx", {"1": [HEAD, *rows()]}).read_bytes()
    for size in range(4, len(whole), 97):
        (tmp_path / "cut.xlsx").write_bytes(whole[:size])
        with pytest.raises(LoadsError):
            read(tmp_path / "cut.xlsx")
