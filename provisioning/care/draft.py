"""Another site file for a gateway, and what it would change: before anything is signed. Pure.

It comes from a whole file, in which `{{gateway}}` and other names in doubled braces stand for what a table
has in the gateway's row, so that one profile serves a fleet; from single keys; or from both.

`kind` of a change says who may order it (`agent.care.rights`): free, sealed or refused.
"""

import csv
import difflib
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from agent.care.check import list_problems
from agent.care.rights import list_changes, list_refused, list_sealed
from agent.site.field_types import MODEL_FILE_SUFFIX
from agent.site.file import Site, parse_site
from disk.tables import TableError
from evidence.orders.change import Change, hash_site
from provisioning.care.sites import SiteInForce
from provisioning.learning.learned import set_value

GATEWAY: Final = "gateway"
"""The column that names the gateway; it may be called 网关 too."""
GATEWAY_ZH: Final = "网关"
NAME: Final = re.compile(r"\{\{\s*([^{}\s]{1,64})\s*\}\}")
UNCHECKED: Final = "a model is a file of the gateway: only the gateway itself can check it"


class DraftError(ValueError):
    """What was asked makes no site file; the message is for a person."""


@frozen
class Source:
    """Where new site files come from.

    Attributes:
        text: A whole file with names to fill in, "" for the file in force.
        rows: What the names stand for, by gateway.
        keys: Single keys to set, each with its value, in order.
    """

    text: str = ""
    rows: Mapping[str, Mapping[str, str]] | None = None
    keys: Sequence[tuple[str, str]] = ()


@frozen
class Draft:
    """A new site file for one gateway.

    Attributes:
        changes: Each with "key", "was", "is", "kind".
        problems: Why the gateway would refuse it, or could not run with it; one line each.
        notes: What was not checked.
    """

    site: SiteInForce
    text: str
    changes: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_sealed(self) -> bool:
        """Whether it changes what a technician has sealed."""
        return any(one["kind"] == "sealed" for one in self.changes)

    @property
    def base(self) -> bytes:
        """Names the file in force."""
        return hash_site(self.site.text)

    def diff(self) -> list[str]:
        """The lines that differ, as `diff -u` shows them."""
        both = self.site.text.splitlines(), self.text.splitlines()
        return list(difflib.unified_diff(*both, "site.toml", "order", lineterm="", n=1))

    def to_change(self, keep_s: int, jitter_s: int, why: str) -> Change:
        """What the order asks."""
        return Change(self.text, self.base, keep_s, jitter_s, why)


def read_rows(text: str) -> dict[str, dict[str, str]]:
    """The rows of a table, by gateway; raises DraftError with the line that is wrong."""
    reader = csv.DictReader(io.StringIO(text))
    names = [*(reader.fieldnames or ())]
    column = next((one for one in names if one in {GATEWAY, GATEWAY_ZH}), None)
    if column is None:
        raise DraftError(f"line 1: no column {GATEWAY} or {GATEWAY_ZH}")
    found: dict[str, dict[str, str]] = {}
    for row in reader:
        if None in row or None in row.values():
            raise DraftError(f"line {reader.line_num}: has not as many cells as the first")
        if row[column] in found:
            raise DraftError(f"line {reader.line_num}: {row[column]!r} has a row already")
        found[row[column]] = {**row, GATEWAY: row[column]}
    return found


def draft_site(site: SiteInForce, source: Source) -> Draft:
    """The new file of one gateway; raises DraftError."""
    text = _fill(source, site.gateway) if source.text else site.text
    try:
        for key, value in source.keys:
            text = set_value(text, key, value)
    except ValueError as error:
        raise DraftError(str(error)) from error
    old = _parse(site.text, site.gateway)
    try:
        new = parse_site(text, Path(f"{site.gateway}.toml"))
    except TableError as error:
        return Draft(site, text, (), tuple(error.problems))
    notes = []
    if any(meter.model.endswith(MODEL_FILE_SUFFIX) for meter in new.meter):
        notes.append(UNCHECKED)
        problems = list(new.missing_for_agent())
    else:
        problems = list_problems(new)
    return Draft(site, text, tuple(_describe(old, new)), (*problems, *list_refused(old, new)), tuple(notes))


def _describe(old: Site, new: Site) -> list[dict[str, Any]]:
    sealed, refused = set(list_sealed(old, new)), {one.split(": ")[0] for one in list_refused(old, new)}
    return [
        {
            "key": name,
            "was": _show(was),
            "is": _show(is_),
            "kind": "refused" if name in refused else "sealed" if name in sealed else "free",
        }
        for _, name, was, is_ in list_changes(old, new)
    ]


def _show(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _parse(text: str, gateway: str) -> Site:
    try:
        return parse_site(text, Path(f"{gateway}.toml"))
    except TableError as error:
        problem = error.problems[0]
        raise DraftError(f"{gateway}: this version cannot read its site file: {problem}") from error


def _fill(source: Source, gateway: str) -> str:
    row = {GATEWAY: gateway, **((source.rows or {}).get(gateway) or {})}

    def replace(found: re.Match[str]) -> str:
        name = found[1]
        if name not in row:
            raise DraftError(f"{gateway}: nothing says what {name} is; add a column {name} to the table")
        return row[name]

    return NAME.sub(replace, source.text)
