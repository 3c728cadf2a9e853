"""Catalogues of marks by industry, TOML files read strictly: what each code is, and what power must show.

    industry, edition, and [[code]]: id, zh, en, family, says, ? late_s

`says` is what the truth check asks: `stopped`, `starting`, `stopping`, `meter_fault`, `no_contact`, or
`nothing` where power can neither prove nor disprove it. `exempt` hours leave the denominator of the effective
rate.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Final

from attrs import frozen

from disk.tables import Table, TableError, decode_text, parse_toml
from evidence.words import Words

INDUSTRIES: Final = ("power", "incineration", "cement", "paper", "general")
BYTES_MAX: Final = 64 * 1024
LATE_S: Final = 48 * 3600
"""A start may lie at most two days back, unless the code says otherwise."""
LATE_S_MAX: Final = 400 * 86_400


class Family(StrEnum):
    """What a mark is about."""

    COMMUNICATION = "communication"
    DEVICE_MAINTENANCE = "device_maintenance"
    MANUAL_VALUES = "manual_values"
    NOT_AT_FAULT = "not_at_fault"
    TREATMENT = "treatment"
    PRODUCTION = "production"


class Says(StrEnum):
    """What power must show while a mark holds."""

    STOPPED = "stopped"
    STARTING = "starting"
    STOPPING = "stopping"
    METER_FAULT = "meter_fault"
    NO_CONTACT = "no_contact"
    NOTHING = "nothing"


@frozen
class Code:
    """One kind of mark.

    Attributes:
        late_s: How long after its start it may be made without being late.
        exempt: Its hours do not take part in the effective rate.
    """

    id: str
    words: Words
    family: Family
    says: Says
    late_s: int = LATE_S
    exempt: bool = False


@frozen
class Catalogue:
    """The marks of an industry, by code."""

    industry: str
    edition: str
    codes: Mapping[str, Code]


@cache
def load_catalogue(industry: str) -> Catalogue:
    """A catalogue that is shipped, with the general codes in it; raises TableError."""
    if industry not in INDUSTRIES:
        raise TableError([f"no catalogue {industry}; known: {', '.join(INDUSTRIES)}"])
    own = parse_catalogue(files("evidence.marks").joinpath("catalogues", f"{industry}.toml").read_bytes())
    if industry == "general":
        return own
    general = load_catalogue("general")
    return Catalogue(own.industry, own.edition, {**general.codes, **own.codes})


def parse_catalogue(raw: bytes) -> Catalogue:
    """The catalogue in a TOML file.

    Raises:
        TableError: With every mistake.
    """
    problems: list[str] = []
    top = Table(parse_toml(decode_text(raw, BYTES_MAX)), "", problems)
    industry, edition = top.text("industry"), top.text("edition")
    codes: dict[str, Code] = {}
    for one in top.tables("code", required=True):
        code = _read_code(one)
        if codes.setdefault(code.id, code) is not code:
            one.note("id", f"{code.id} stands twice")
    top.finish()
    if problems:
        raise TableError(problems)
    return Catalogue(industry, edition, codes)


def _read_code(table: Table) -> Code:
    code = Code(
        id=table.text("id"),
        words=Words(table.text("zh"), table.text("en")),
        family=table.choice("family", Family),
        says=table.choice("says", Says),
        late_s=table.whole("late_s", LATE_S, low=0, high=LATE_S_MAX),
        exempt=table.flag("exempt", default=False),
    )
    table.finish()
    return code
