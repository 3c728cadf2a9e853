"""A plant as the files that a person would have: a CSV with a column of watts a line, and a site file."""

import csv
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from tests.bench_detection.cases import MISSING
from tests.bench_detection.world.meters import Plant

ZONE: Final = timezone(timedelta(hours=8))


def write(plant: Plant, folder: Path) -> None:
    """plant.csv and site.toml in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = [line.watts.tolist() for line in plant.lines]
    with (folder / "plant.csv").open("w", newline="", encoding="utf-8") as out:
        sheet = csv.writer(out)
        sheet.writerow(["time", *(line.id for line in plant.lines)])
        for at, *row in zip(plant.times_s.tolist(), *columns, strict=True):
            stamp = datetime.fromtimestamp(at, ZONE).isoformat(timespec="seconds")
            sheet.writerow([stamp, *("" if watts == MISSING else watts for watts in row)])
    (folder / "site.toml").write_text(_site(plant), encoding="utf-8")


def _site(plant: Plant) -> str:
    rows = [
        "[site]",
        'gateway = "world-1"',
        "",
        "[broker]",
        'url = "mqtt://127.0.0.1:1883"',
        f'centre_key = "{"0" * 64}"',
    ]
    rows += ["", "[[bus]]", 'id = "b1"', 'url = "tcp://127.0.0.1:1502"']
    for line in plant.lines:
        kind = "treatment" if line.treatment else "production"
        rows += ["", "[[line]]", f'id = "{line.id}"', f'kind = "{kind}"', f"rated_w = {round(line.rated_w)}"]
    names = {
        side: ", ".join(f'"{line.id}"' for line in plant.lines if line.treatment == side)
        for side in (False, True)
    }
    rows += ["", "[[linkage]]", 'id = "k1"', f"production = [{names[False]}]", f"treatment = [{names[True]}]"]
    return "\n".join([*rows, ""])
