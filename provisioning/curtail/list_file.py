"""A reduction list as bureaus write it, as one list for each gateway; every odd row is told by its place.

One row is one line (or several, separated by blanks or commas) at one level. What a row says is taken or
refused, never guessed: an amount that its measure does not need is a mistake as well as one that is missing.
Numbers are those of the sheet; amounts become whole Wh, W, per mille and seconds, so the list has one form.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

from evidence import cbor
from evidence.curtailment.measures import (
    BODY_BYTES_MAX,
    DAY_MINUTES,
    ENERGY_WH_MAX,
    FEED_KG_MAX,
    LINES_MAX,
    POWER_W_MAX,
    RAMP_S_MAX,
    WH_PER_T_MAX,
    Measure,
    ReductionList,
    Row,
    decode_list,
)
from evidence.fields import NAME_BYTES_MAX
from evidence.words import Words
from provisioning.curtail.catalogue import Catalogue, squeeze
from provisioning.curtail.sheet import Sheet, name_place
from provisioning.curtail.words import COLUMNS, PROBLEMS

PROBLEMS_MAX: Final = 50
"""Shown at once; a file with more is wrong as a whole."""
NEEDS: Final[dict[Measure, tuple[str, ...]]] = {
    Measure.STOP: (),
    Measure.LIMIT_PERCENT: ("percent",),
    Measure.CAP_KWH_DAY: ("kwh",),
    Measure.CAP_KW: ("kw",),
    Measure.CAP_FEED: ("feed", "per_t"),
    Measure.HOURS: ("hours",),
    Measure.NONE: (),
}
AMOUNTS: Final = ("percent", "kwh", "kw", "feed", "per_t", "hours")
_NUMBER: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
_HOURS: Final = re.compile(r"(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d)")
_BETWEEN: Final = re.compile(r"[\s,;、，；/]+")
_MILLE: Final = Decimal(1000)


@frozen
class Listed:
    """What a file holds.

    Attributes:
        lists: By gateway.
        enterprises: Name by gateway, "" where the file has none.
        problems: Every mistake with its place; with any of them no list may be sent.
        notes: What was not used.
        places: The line in the file of each line and level of a gateway.
    """

    lists: dict[str, ReductionList]
    enterprises: dict[str, str]
    problems: tuple[Words, ...]
    notes: tuple[Words, ...]
    places: dict[tuple[str, str, str], int]


def read_lists(path: Path, sheet: Sheet, catalogue: Catalogue, edition: str, gateway: str = "") -> Listed:
    """The lists in `sheet`; `gateway` is that of all rows where the file names none."""
    reader = _Reader(path, sheet, catalogue)
    if "gateway" not in sheet.columns and not gateway:
        return Listed({}, {}, (PROBLEMS["which gateway"].fill(path=path),), (), {})
    for number, row in sheet.rows:
        reader.take(number, row, gateway)
        if len(reader.problems) >= PROBLEMS_MAX:
            break
    lists = reader.make_lists(edition)
    notes = tuple(
        PROBLEMS["unknown column"].fill(path=path, line=line, text=text) for line, text in sheet.unknown
    )
    return Listed(lists, reader.enterprises, tuple(reader.problems), notes, reader.places)


@define
class _Cells:
    """One row, cell by cell; what is wrong with it is told to the reader."""

    reader: "_Reader"
    number: int
    row: list[str]

    def text(self, column: str) -> str:
        return self.reader.sheet.cell(self.row, column)

    def refuse(self, column: str, key: str, **values: object) -> None:
        place = name_place(self.reader.path, self.number, COLUMNS[column])
        self.reader.problems.append(PROBLEMS[key].fill(place=place, **values))

    def need(self, column: str) -> str:
        text = self.text(column)
        if not text:
            self.refuse(column, "empty cell")
        return text

    def amount(self, column: str, factor: int, high: int, low: int = 0) -> int:
        """A number times `factor`, as a whole one."""
        text = self.text(column).replace("％", "%").removesuffix("%").strip()
        if not _NUMBER.fullmatch(text):
            self.refuse(column, "number", text=self.text(column)[:40])
            return low
        try:
            value = int((Decimal(text) * factor).to_integral_value())
        except InvalidOperation:
            value = -1
        if not low <= value <= high:
            bounds = {"low": f"{Decimal(low) / factor:f}", "high": f"{Decimal(high) / factor:f}"}
            self.refuse(column, "percent" if column == "percent" else "range", text=text, **bounds)
            return low
        return value

    def maybe(self, column: str, factor: int, high: int) -> int:
        return self.amount(column, factor, high) if self.text(column) else 0

    def names(self, column: str) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(one for one in _BETWEEN.split(self.text(column)) if one))
        for one in found:
            if len(one.encode()) > NAME_BYTES_MAX or not one.isprintable():
                self.refuse(column, "name", text=one[:40])
        return found[:LINES_MAX]

    def hours(self) -> tuple[tuple[int, int], ...]:
        text = self.text("hours").replace("：", ":").replace("～", "-").replace("~", "-").replace("—", "-")
        found = []
        for part in (one for one in re.split(r"[;；,，、\s]+", text) if one):
            match = _HOURS.fullmatch(part)
            hour, minute, to_hour, to_minute = map(int, match.groups()) if match else (99, 0, 0, 0)
            low, high = hour * 60 + minute, to_hour * 60 + to_minute
            if (
                not match
                or low >= DAY_MINUTES
                or high > DAY_MINUTES
                or low == high
                or max(minute, to_minute) > 59
            ):
                self.refuse("hours", "hours", text=part[:40])
                return ()
            found.append((low, high))
        return tuple(found)


@define
class _Reader:
    path: Path
    sheet: Sheet
    catalogue: Catalogue
    problems: list[Words] = field(factory=list)
    rows: dict[str, list[Row]] = field(factory=dict)
    grades: dict[str, str] = field(factory=dict)
    laws: dict[str, dict[str, None]] = field(factory=dict)
    enterprises: dict[str, str] = field(factory=dict)
    places: dict[tuple[str, str, str], int] = field(factory=dict)

    def take(self, number: int, row: list[str], gateway: str) -> None:
        """Take a row."""
        cells, before = _Cells(self, number, row), len(self.problems)
        gateway = cells.need("gateway") if "gateway" in self.sheet.columns else gateway
        found = self._read_row(cells)
        self._see_plant(cells, gateway)
        if found is None or len(self.problems) > before:
            return
        for line in found.lines:
            other = self.places.setdefault((gateway, line, found.level), number)
            if other != number:
                cells.refuse("line", "double", line=line, level=found.level, other=other)
        self.rows.setdefault(gateway, []).append(found)

    def _see_plant(self, cells: _Cells, gateway: str) -> None:
        self.enterprises.setdefault(gateway, cells.text("enterprise"))
        if grade := cells.text("grade"):
            known = self._look_up(cells, "grade", self.catalogue.grades) or grade
            if self.grades.setdefault(gateway, known) != known:
                cells.refuse("grade", "grades", one=self.grades[gateway], other=known)
        for law in re.split(r"[;；]+", cells.text("law")):
            if law.strip():
                self.laws.setdefault(gateway, {})[law.strip()] = None

    def _look_up(self, cells: _Cells, column: str, known: Mapping[str, str]) -> str | None:
        """What a cell's word stands for."""
        found = known.get(squeeze(cells.text(column)))
        if found is None:
            shown = ", ".join(dict.fromkeys(known.values()))
            cells.refuse(column, column, text=cells.text(column)[:40], known=shown)
        return found

    def _read_row(self, cells: _Cells) -> Row | None:
        lines = cells.names("line")
        if not lines:
            cells.need("line")
        level = self._look_up(cells, "level", self.catalogue.levels) if cells.need("level") else None
        word = self._look_up(cells, "measure", self.catalogue.measures) if cells.need("measure") else None
        if word is None or level is None:
            return None
        measure = Measure(word)
        if not self._check_amounts(cells, measure):
            return None
        baseline = "baseline" if measure is Measure.LIMIT_PERCENT and cells.text("baseline") else ""
        feeds = measure is Measure.CAP_FEED
        return Row(
            lines=lines,
            level=level,
            measure=measure,
            value=_VALUES[measure](cells),
            ramp_s=cells.maybe("ramp", 60, RAMP_S_MAX),
            treatment=cells.names("treatment"),
            exempt_w=cells.maybe("exempt", 1000, POWER_W_MAX),
            baseline_wh=cells.amount("baseline", 1000, ENERGY_WH_MAX, 1) if baseline else None,
            hours=cells.hours() if measure is Measure.HOURS else (),
            feed_kg_day=cells.amount("feed", 1000, FEED_KG_MAX, 1) if feeds else None,
            wh_per_t=cells.amount("per_t", 1000, WH_PER_T_MAX, 1) if feeds else None,
        )

    def _check_amounts(self, cells: _Cells, measure: Measure) -> bool:
        before = len(self.problems)
        for column in AMOUNTS:
            if column in NEEDS[measure] and not cells.text(column):
                cells.refuse(column, "needs", measure=measure.value, name=COLUMNS[column])
            elif column not in NEEDS[measure] and cells.text(column) not in {"", "0", "-", "/", "—"}:
                cells.refuse(column, "needless", measure=measure.value, name=COLUMNS[column])
        return len(self.problems) == before

    def make_lists(self, edition: str) -> dict[str, ReductionList]:
        """A list for each gateway, checked as the gateway will check it."""
        found = {}
        for gateway, rows in self.rows.items():
            laws = tuple(self.laws.get(gateway, {}))
            made = ReductionList(edition=edition, grade=self.grades.get(gateway, ""), law=laws, rows=rows)
            try:
                decode_list(made.to_body())
            except cbor.FormatError as error:
                self.problems.append(PROBLEMS["unfit"].fill(gateway=gateway, why=error))
            found[gateway] = made
        return found


def _zero(_cells: _Cells) -> int:
    return 0


_VALUES: Final[dict[Measure, Callable[[_Cells], int]]] = {
    **dict.fromkeys(Measure, _zero),
    Measure.LIMIT_PERCENT: lambda cells: cells.amount("percent", 10, 1000, 10),
    Measure.CAP_KWH_DAY: lambda cells: cells.amount("kwh", 1000, ENERGY_WH_MAX, 1),
    Measure.CAP_KW: lambda cells: cells.amount("kw", 1000, POWER_W_MAX, 1),
}


def count_bytes(listed: ReductionList) -> tuple[int, int]:
    """Bytes of the body of a list, and how many it may have."""
    return len(cbor.encode(listed.to_body())), BODY_BYTES_MAX


def list_odd_lines(listed: Listed, gateway: str, lines: Sequence[str], path: Path) -> list[Words]:
    """Lines of a gateway's list that its site file does not have, each by its place."""
    found = []
    for (owner, line, _), number in sorted(listed.places.items(), key=lambda one: one[1]):
        if owner == gateway and line not in lines:
            place = name_place(path, number, COLUMNS["line"])
            found.append(PROBLEMS["no line"].fill(place=place, line=line))
    return found
