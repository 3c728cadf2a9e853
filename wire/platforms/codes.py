"""Code tables: which point of a meter goes under which system and code. Pure, but for reading ours.

    edition = 2025
    source = "where the codes stand"
    [roles]       production = "2"     what {role} in a code becomes
    [conditions]  running = "N"        marks of ST=45
    [[code]]
    st = "44"                          or "process": 51 where the station is 31, 52 where it is 32
    points = ["voltage_l1"]            the first that a reading has
    code = "d{role}01{facility}"       {facility} is two digits
    value = "value"                    mean_of_points, total (a counter), day (its growth since midnight)
    decimals = 2
    role = "treatment"                 only of such meters
    source = "of this row, if it is another one"

A row of a host takes the place of those with the same st and points.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Final

from attrs import frozen

from disk.tables import Table, TableError, parse_toml
from drivers.hj212.numbers import System
from drivers.hj212.packet import FORMS, Edition

PROCESS: Final = "process"
_PROCESS_OF: Final = {
    System.AIR_EMISSIONS.value: System.FLUE_GAS_TREATMENT.value,
    System.WATER_EMISSIONS.value: System.SEWAGE_TREATMENT.value,
}
_CODE: Final = re.compile(r"[A-Za-z0-9]{1,12}")


class Value(StrEnum):
    """How a value comes from readings."""

    VALUE = "value"
    MEAN_OF_POINTS = "mean_of_points"
    TOTAL = "total"
    DAY = "day"


class Role(StrEnum):
    """What a meter measures."""

    PRODUCTION = "production"
    TREATMENT = "treatment"


@frozen
class Code:
    """A row."""

    st: str
    points: tuple[str, ...]
    code: str
    value: Value
    decimals: int
    source: str
    role: Role | None = None

    def system(self, station_st: str) -> str:
        """Its ST in a station of this kind."""
        return _PROCESS_OF.get(station_st, station_st) if self.st == PROCESS else self.st

    @property
    def is_of_line(self) -> bool:
        """Whether only a meter with a role and a facility has it."""
        return self.role is not None or "{" in self.code or self.st == PROCESS


@frozen
class CodeTable:
    """A whole table."""

    codes: tuple[Code, ...]
    roles: dict[str, str]
    running: str
    stopped: str
    lost: str

    def replace(self, rows: Iterable[Code]) -> "CodeTable":
        """With a host's own rows."""
        own = tuple(rows)
        taken = {(row.st, row.points) for row in own}
        kept = tuple(row for row in self.codes if (row.st, row.points) not in taken)
        return CodeTable((*kept, *own), self.roles, self.running, self.stopped, self.lost)

    def fill(self, code: Code, role: Role | None, facility: int) -> str:
        """The code of a meter."""
        digit = "" if role is None else self.roles[role.value]
        return code.code.replace("{role}", digit).replace("{facility}", f"{facility:02d}")


@cache
def load_codes(edition: Edition) -> CodeTable:
    """Ours of an edition; raises TableError, which a test excludes."""
    text = files("wire.platforms").joinpath("codes", f"{edition.value}.toml").read_text("utf-8")
    problems: list[str] = []
    file = Table(parse_toml(text), "", problems)
    file.whole("edition", low=edition.value, high=edition.value)
    source = file.text("source")
    roles, conditions = file.table("roles", required=True), file.table("conditions", required=True)
    table = CodeTable(
        codes=tuple(read_code(row, source) for row in file.tables("code", required=True)),
        roles={role.value: roles.text(role.value) for role in Role},
        running=conditions.text("running"),
        stopped=conditions.text("stopped"),
        lost=conditions.text("lost"),
    )
    for one in (file, roles, conditions):
        one.finish()
    if problems:
        raise TableError(problems)
    return table


def read_code(row: Table, source: str = "") -> Code:
    """A row of a table or of a host; mistakes are noted in it."""
    st, code = row.text("st"), row.text("code")
    points = tuple(str(point) for point in row.values("points"))
    if st and st != PROCESS and not FORMS["ST"].fullmatch(st):
        row.note("st", f'must be two digits or "{PROCESS}"')
    if code and not _CODE.fullmatch(code.replace("{role}", "2").replace("{facility}", "01")):
        row.note("code", "must be letters and digits, with {role} and {facility}")
    made = Code(
        st=st,
        points=points,
        code=code,
        value=row.choice("value", Value, Value.VALUE),
        decimals=row.whole("decimals", 2, low=0, high=6),
        source=row.text("source", source) if source else row.text("source"),
        role=row.choice("role", Role) if row.has("role") else None,
    )
    row.finish()
    return made
