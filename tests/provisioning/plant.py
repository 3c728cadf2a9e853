"""Files for the verbs: the smallest site, and the loads of a seeded plant."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.agent.detect.plant import DAY, inject, plant, times

SITE = """
[[line]]
id = "p1"
kind = "production"
rated_w = 60000
[[line]]
id = "t1"
kind = "treatment"
rated_w = 22000
[[linkage]]
id = "k1"
production = ["p1"]
treatment = ["t1"]
"""
COMMISSION_DAYS = 3


def site_file(folder: Path, text: str = SITE) -> Path:
    path = folder / "site.toml"
    path.write_text(text, "utf-8")
    return path


def csv_file(folder: Path, *rows: str) -> Path:
    path = folder / "loads.csv"
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return path


def loads_file(
    folder: Path,
    kinds: Sequence[str],
    *,
    days: int = 6,
    iso: bool = False,
    more: Mapping[str, float] | None = None,
) -> Path:
    """A plant with these deeds after commissioning; `more` are columns of one value."""
    loads = plant("modulated", days, seed=5)
    inject(loads, 3, COMMISSION_DAYS * DAY, tuple(kinds))
    extra = more or {}
    rows = [",".join(("time", "p1", "t1", *extra))]
    for at_s, u, t in zip(times(loads).tolist(), loads.u.tolist(), loads.t.tolist(), strict=True):
        told = iso_text(at_s) if iso else f"{at_s:.0f}"
        watts = ["" if value != value else f"{value:.0f}" for value in (u, t)]  # noqa: PLR0124  NaN
        rows.append(",".join((told, *watts, *(str(value) for value in extra.values()))))
    return csv_file(folder, *rows)


def iso_text(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC) + timedelta(hours=8):%Y-%m-%dT%H:%M:%S}+08:00"
