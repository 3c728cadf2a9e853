"""The table that a measurement ends with, a figure a row, held against its target; and a fleet's figures."""

import json
import sys
from collections.abc import Iterable
from typing import Any

from attrs import frozen

from tests.fleet.audit import Audit


@frozen
class Row:
    """A line of the table; `is_good` None for a figure without a target."""

    what: str
    found: str
    wanted: str = ""
    is_good: bool | None = None


def quantile(values: Iterable[float], part: float) -> float:
    """The value below which `part` of them lie; infinite where there is none."""
    rows = sorted(values)
    return rows[min(int(len(rows) * part), len(rows) - 1)] if rows else float("inf")


def first_after(result: dict[str, Any], gateways: Iterable[str], moment_s: float) -> float:
    """Seconds from `moment_s` until the last of these gateways had its first receipt."""
    longest_s = 0.0
    for name in gateways:
        later = [one for one in result["gateways"][name]["receipted_s"] if one > moment_s]
        longest_s = max(longest_s, min(later, default=float("inf")) - moment_s)
    return longest_s


def count_seals(result: dict[str, Any]) -> tuple[int, int]:
    """Seals made and receipted."""
    gateways = result["gateways"].values()
    made, got = (sum(one[key] for one in gateways) for key in ("made", "receipted"))
    return made, got


def list_losses(checked: Audit) -> list[Row]:
    """What must be nothing."""
    return [
        Row("receipted and not stored", f"{checked.missing}", "0", not checked.missing),
        Row("forks, alarms", f"{checked.forks + checked.alarms}", "0", not checked.forks + checked.alarms),
        Row("doubles, holes", f"{checked.doubles + checked.holes}", "0", not checked.doubles + checked.holes),
        Row("bodies twice or never", f"{checked.arrivals}", "0", not checked.arrivals),
    ]


def show(rows: list[Row], *, as_json: bool) -> int:
    """Print the table; the exit code."""
    if as_json:
        table = [
            {"what": one.what, "found": one.found, "wanted": one.wanted, "good": one.is_good} for one in rows
        ]
        sys.stdout.write(json.dumps(table, indent=1) + "\n")
    else:
        for one in rows:
            verdict = "" if one.is_good is None else "good" if one.is_good else "MISSED"
            sys.stdout.write(f"{one.what:42} {one.found:>18}  {one.wanted:10} {verdict}\n")
    return 0 if all(one.is_good is not False for one in rows) else 1


def say(text: str) -> None:
    """Progress, on standard error."""
    sys.stderr.write(text + "\n")
