"""Workbooks as Excel writes them, made by hand, and what no Excel would write."""

import datetime as dt
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

TYPES: Final = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
)
MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STYLES: Final = (
    f'<styleSheet xmlns="{MAIN}"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy/m/d\\ h:mm;@"/>'
    '<numFmt numFmtId="165" formatCode="0.000&quot;day&quot;"/></numFmts>'
    '<cellStyleXfs count="1"><xf numFmtId="14"/></cellStyleXfs>'
    '<cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="22"/>'
    '<xf numFmtId="165"/></cellXfs>'
    "</styleSheet>"
)
Cell = str | float | dt.datetime | None


def column(at: int) -> str:
    return chr(ord("A") + at)


def days(at: dt.datetime) -> float:
    return (at - dt.datetime(1899, 12, 30)) / dt.timedelta(days=1)  # noqa: DTZ001 - Excel has no zones


def sheet_xml(rows: Sequence[Sequence[Cell]], texts: list[str]) -> str:
    lines = []
    for number, row in enumerate(rows, 1):
        cells = []
        for at, cell in enumerate(row):
            place = f'r="{column(at)}{number}"'
            if cell is None:
                continue
            if isinstance(cell, dt.datetime):
                cells.append(f'<c {place} s="1"><v>{days(cell)!r}</v></c>')
            elif isinstance(cell, str):
                texts.append(cell)
                cells.append(f'<c {place} t="s"><v>{len(texts) - 1}</v></c>')
            else:
                cells.append(f"<c {place}><f>A1*2</f><v>{cell!r}</v></c>")
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    return (
        f'<?xml version="1.0"?><worksheet xmlns="{MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'
    )


def shared_xml(text: str) -> str:
    """Rich text in two runs, with a phonetic hint as a Chinese Excel adds it."""
    runs = f"<r><t>{escape(text[:2])}</t></r><r><t>{escape(text[2:])}</t></r>"
    return f"<si>{runs}<rPh><t>x</t></rPh></si>"


def book_file(
    path: Path,
    sheets: Mapping[str, Sequence[Sequence[Cell]]],
    *,
    more: Mapping[str, bytes] | None = None,
    is_1904: bool = False,
) -> Path:
    """A workbook with these sheets; `more` are members that replace its own."""
    texts: list[str] = []
    members: dict[str, bytes] = {"[Content_Types].xml": TYPES.encode(), "xl/styles.xml": STYLES.encode()}
    named, related = [], []
    for number, (name, rows) in enumerate(sheets.items(), 1):
        members[f"xl/worksheets/sheet{number}.xml"] = sheet_xml(rows, texts).encode()
        named.append(f'<sheet name="{escape(name)}" sheetId="{number}" r:id="rId{number}"/>')
        related.append(f'<Relationship Id="rId{number}" Target="worksheets/sheet{number}.xml"/>')
    flag = ' date1904="1"' if is_1904 else ""
    members["xl/workbook.xml"] = (
        f'<workbook xmlns="{MAIN}" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        f"<workbookPr{flag}/><sheets>{''.join(named)}</sheets></workbook>"
    ).encode()
    members["xl/_rels/workbook.xml.rels"] = f"<Relationships>{''.join(related)}</Relationships>".encode()
    shared = "".join(map(shared_xml, texts))
    members["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}">{shared}</sst>'.encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**members, **(more or {})}.items():
            archive.writestr(name, data)
    return path
