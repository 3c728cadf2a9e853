"""What a reduction list asks of each line, and the alert that fires it: bodies of orders, both ways.

A `list` order arms rows ahead of time:

    {"edition", "grade", "law": [text, …], "rows": [row, …]}
    row = {"lines", "level", "measure", "value", "ramp_s", "treatment", "exempt_w",
           ? "baseline_wh", ? "hours", ? "feed_kg_day", ? "wh_per_t"}

An `alert` fires the rows of its level: {"list", "rev", "level", "start_s", "end_s"}; whether it is a test
stands in the order's envelope. All quantities are whole numbers: per mille, Wh a day, W, seconds, minutes
of the plant's day. `value` is by measure:

    limit_percent   by how much the energy of a production day has to fall, per mille
    cap_kwh_day     Wh a day           cap_kw   W, as the mean of an hour
    cap_feed        0; the cap is feed_kg_day · wh_per_t / 1000, Wh a day
    stop, hours     0; with `hours` the line stands outside of those times, `stop` always
    none            0; nothing is asked, and the row says so

The form is canonical: rows in the order of their lines and level, no two of one line and level, no float. So
the same list has the same bytes whoever wrote it. Levels are names and not numbers, because plans differ.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from attrs import field, frozen

from evidence import cbor
from evidence.fields import Fields

BODY_BYTES_MAX: Final = 15_000
"""The envelope has at most 16 kB; the rest of it is below 1 kB."""
ROWS_MAX: Final = 200
"""Forty lines at five levels; the bytes are the tighter limit for long names."""
LINES_MAX: Final = 16
HOURS_MAX: Final = 4
LAWS_MAX: Final = 8
PER_MILLE: Final = 1000
DAY_S: Final = 86_400
DAY_MINUTES: Final = 1440
TIME_S_MAX: Final = 253_402_300_799
"""The end of the year 9999."""
ENERGY_WH_MAX: Final = 10**12
"""Of a day: 1 TWh, more than any plant uses; products of it stay within 64 bits."""
POWER_W_MAX: Final = 10**11
FEED_KG_MAX: Final = 10**9
WH_PER_T_MAX: Final = 10**8
"""100 MWh a tonne; aluminium takes 14."""
RAMP_S_MAX: Final = DAY_S
ALERT_S_MAX: Final = 62 * DAY_S
"""The longest season of staggered production (错峰) is ordered month by month."""


class Measure(StrEnum):
    """What is asked of a line."""

    STOP = "stop"
    LIMIT_PERCENT = "limit_percent"
    CAP_KWH_DAY = "cap_kwh_day"
    CAP_KW = "cap_kw"
    CAP_FEED = "cap_feed"
    HOURS = "hours"
    NONE = "none"


VALUE_MAX: Final[Mapping[Measure, int]] = {
    Measure.STOP: 0,
    Measure.LIMIT_PERCENT: PER_MILLE,
    Measure.CAP_KWH_DAY: ENERGY_WH_MAX,
    Measure.CAP_KW: POWER_W_MAX,
    Measure.CAP_FEED: 0,
    Measure.HOURS: 0,
    Measure.NONE: 0,
}
STANDS: Final = frozenset({Measure.STOP, Measure.HOURS})
"""Judged hour by hour by the stop threshold."""
CAPS: Final = frozenset({Measure.CAP_KWH_DAY, Measure.CAP_KW, Measure.CAP_FEED})


@frozen(kw_only=True)
class Row:
    """One row of a list; see the module.

    Attributes:
        hours: When the line may work, as minutes of the plant's day from and to; `to` below `from` crosses
            midnight.
        exempt_w: A base load that is allowed at any time and is left out of a limit.
    """

    lines: tuple[str, ...]
    level: str
    measure: Measure
    value: int = 0
    ramp_s: int = 0
    treatment: tuple[str, ...] = ()
    exempt_w: int = 0
    baseline_wh: int | None = None
    hours: tuple[tuple[int, int], ...] = ()
    feed_kg_day: int | None = None
    wh_per_t: int | None = None

    @property
    def cap_wh_day(self) -> int | None:
        """The energy allowed a day by an absolute cap, None for any other measure."""
        if self.measure is Measure.CAP_KWH_DAY:
            return self.value
        if self.measure is Measure.CAP_FEED and self.feed_kg_day is not None and self.wh_per_t is not None:
            return self.feed_kg_day * self.wh_per_t // 1000
        return None

    def may_work(self, minute: int) -> bool:
        """Whether the line may work in this minute of the plant's day."""
        if self.measure is not Measure.HOURS:
            return self.measure is not Measure.STOP
        return any(
            low <= minute < high if low < high else not high <= minute < low for low, high in self.hours
        )

    def to_body(self) -> dict[str, Any]:
        """The map in the order."""
        body: dict[str, Any] = {
            "lines": list(self.lines),
            "level": self.level,
            "measure": self.measure.value,
            "value": self.value,
            "ramp_s": self.ramp_s,
            "treatment": list(self.treatment),
            "exempt_w": self.exempt_w,
        }
        if self.hours:
            body["hours"] = [list(one) for one in self.hours]
        for key in ("baseline_wh", "feed_kg_day", "wh_per_t"):
            if (value := getattr(self, key)) is not None:
                body[key] = value
        return body


def _arrange(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda row: (row.lines, row.level)))


@frozen(kw_only=True)
class ReductionList:
    """What is asked of a plant at each level of an alert."""

    edition: str
    grade: str = ""
    law: tuple[str, ...] = ()
    rows: tuple[Row, ...] = field(converter=_arrange)

    def at(self, level: str) -> tuple[Row, ...]:
        """The rows that an alert of this level fires."""
        return tuple(row for row in self.rows if row.level == level)

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels for which something is asked."""
        return tuple(sorted({row.level for row in self.rows}))

    def to_body(self) -> dict[str, Any]:
        """The body of the order."""
        return {
            "edition": self.edition,
            "grade": self.grade,
            "law": list(self.law),
            "rows": [row.to_body() for row in self.rows],
        }


def decode_list(body: Any) -> ReductionList:
    """The list in the body of a `list` order; raises FormatError."""
    if len(cbor.encode(cbor.plain(body, "list"))) > BODY_BYTES_MAX:
        raise cbor.FormatError(f"list has more than {BODY_BYTES_MAX} bytes")
    fields = Fields.of(body, "list")
    found = ReductionList(
        edition=fields.name("edition"),
        grade=fields.text("grade"),
        law=fields.names("law", LAWS_MAX),
        rows=tuple(_decode_row(one) for one in fields.tables("rows", ROWS_MAX, 1)),
    )
    fields.finish()
    if body != found.to_body():
        raise cbor.FormatError("list is not in its canonical form: rows in order, nothing null")
    check_double(found.rows)
    return found


def check_double(rows: Sequence[Row]) -> None:
    """Raises FormatError if a line has two rows of one level: which of them holds?"""
    seen: set[tuple[str, str]] = set()
    for row in rows:
        for line in row.lines:
            if (line, row.level) in seen:
                raise cbor.FormatError(f"line {line} has two rows for the level {row.level}")
            seen.add((line, row.level))


def _decode_row(fields: Fields) -> Row:
    measure = _decode_measure(fields)
    hours = tuple(_decode_hours(one, fields.what) for one in _maybe_items(fields, "hours"))
    row = Row(
        lines=fields.names("lines", LINES_MAX, 1),
        level=fields.name("level"),
        measure=measure,
        value=fields.whole("value", VALUE_MAX[measure]),
        ramp_s=fields.whole("ramp_s", RAMP_S_MAX),
        treatment=fields.names("treatment", LINES_MAX),
        exempt_w=fields.whole("exempt_w", POWER_W_MAX),
        baseline_wh=fields.maybe_whole("baseline_wh", ENERGY_WH_MAX, 1),
        hours=hours,
        feed_kg_day=fields.maybe_whole("feed_kg_day", FEED_KG_MAX, 1),
        wh_per_t=fields.maybe_whole("wh_per_t", WH_PER_T_MAX, 1),
    )
    fields.finish()
    check_row(row, fields.what)
    return row


def check_row(row: Row, what: str) -> None:
    """Raises FormatError if a row lacks what its measure needs, or has what another one needs."""
    if (row.measure is Measure.HOURS) != bool(row.hours):
        raise cbor.FormatError(f"{what}.hours stand exactly with the measure hours")
    has_feed = row.feed_kg_day is not None and row.wh_per_t is not None
    if (row.measure is Measure.CAP_FEED) != has_feed or (row.feed_kg_day is None) != (row.wh_per_t is None):
        raise cbor.FormatError(f"{what}.feed_kg_day and wh_per_t stand exactly with the measure cap_feed")
    if row.measure in {Measure.LIMIT_PERCENT, Measure.CAP_KWH_DAY, Measure.CAP_KW} and not row.value:
        raise cbor.FormatError(f"{what}.value is 0, which asks for nothing")
    if row.baseline_wh is not None and row.measure is not Measure.LIMIT_PERCENT:
        raise cbor.FormatError(f"{what}.baseline_wh stands only with limit_percent")


def _decode_measure(fields: Fields) -> Measure:
    name = fields.name("measure")
    if name not in set(Measure):
        raise cbor.FormatError(f"{fields.what}.measure is none of {', '.join(Measure)}")
    return Measure(name)


def _maybe_items(fields: Fields, key: str) -> list[Any]:
    return fields.items(key, HOURS_MAX, 1) if fields.has(key) else []


def _decode_hours(value: Any, what: str) -> tuple[int, int]:
    low, high = cbor.array(value, f"{what}.hours", 2)
    low = cbor.natural(low, f"{what}.hours", DAY_MINUTES - 1)
    high = cbor.natural(high, f"{what}.hours", DAY_MINUTES)
    if low == high:
        raise cbor.FormatError(f"{what}.hours begin and end in the same minute")
    return low, high


@frozen(kw_only=True)
class Alert:
    """Fires the rows of `level` in revision `rev` of a list, from `start_s` to before `end_s`, UTC."""

    list: str
    rev: int
    level: str
    start_s: int
    end_s: int

    def to_body(self) -> dict[str, Any]:
        """The body of the order."""
        return {
            "list": self.list,
            "rev": self.rev,
            "level": self.level,
            "start_s": self.start_s,
            "end_s": self.end_s,
        }


def decode_alert(body: Any) -> Alert:
    """The alert in the body of an `alert` order; raises FormatError."""
    fields = Fields.of(body, "alert")
    found = Alert(
        list=fields.name("list"),
        rev=fields.whole("rev", cbor.UINT64_MAX),
        level=fields.name("level"),
        start_s=fields.whole("start_s", TIME_S_MAX),
        end_s=fields.whole("end_s", TIME_S_MAX),
    )
    fields.finish()
    if not 0 < found.end_s - found.start_s <= ALERT_S_MAX:
        raise cbor.FormatError(f"alert ends before it begins, or lasts more than {ALERT_S_MAX} s")
    return found
