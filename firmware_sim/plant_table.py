"""Checked values that only plant files have: moments, sections, models, wiring mistakes."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from disk.kinds import is_number
from disk.tables import Table
from drivers.errors import ModelError
from drivers.points import model as meter_models
from drivers.points.model import Model
from firmware_sim.electrical import PHASES
from firmware_sim.wiring import ALL, PHASES_OF, WHOLE, Mistake, Wiring

_AT = "a date and time with offset"
_RATIO_MAX: Final = 1000.0
"""Transformers are made from 5 A to 5000 A: no two of them are further apart."""
_WORDS: Final = {None: "each phase once", 1: "one phase", 2: "two different phases"}


class PlantTable(Table):
    """One table of a plant file, read key by key."""

    def moment(self, key: str, start_s: float, default: float | None = None) -> float:
        """A moment in seconds since 1970 UTC: written with its offset, or as seconds from `start_s`."""
        value = self._get(key, None)
        if value is None and default is not None:
            return default
        if isinstance(value, datetime | str):
            return self._read_written(key, value)
        if is_number(value) and key != "start":
            return start_s + float(value)
        wanted = _AT if key == "start" else f"seconds from the plant's start, or {_AT}"
        self.note(key, f"must be {wanted}" if self.has(key) else f"missing, {wanted}")
        return start_s

    def texts(self, key: str, allowed: Iterable[str] | None = None) -> tuple[str, ...]:
        """An array of texts, at least one; each of `allowed` if that is given."""
        values = self.values(key)
        choices = None if allowed is None else set(allowed)
        if all(isinstance(value, str) and (choices is None or value in choices) for value in values):
            return tuple(str(value) for value in values)
        wanted = "texts" if choices is None else "of " + ", ".join(sorted(choices))
        self.note(key, f"must be an array {wanted}")
        return ()

    def _read_written(self, key: str, value: datetime | str) -> float:
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            self.note(key, f"must be {_AT}, not {value!r}")
            return 0.0
        if moment.tzinfo is None:
            self.note(key, "needs its offset from UTC, like 2026-03-02T07:30:00+08:00")
            return 0.0
        return moment.timestamp()


def read_known(table: PlantTable, key: str, kind: str, names: Iterable[str]) -> str:
    """A text that must be one of `names`."""
    name = table.text(key)
    if name and name not in names:
        table.note(key, f"unknown {kind} {name!r}; known: {', '.join(names)}")
    return name


def read_model(table: PlantTable, folder: Path) -> Model:
    """The model that `table` names, shipped or a file in `folder`; any other one where there is a mistake."""
    name, shipped = table.text("model"), meter_models.names()
    if name.endswith(".toml"):
        try:
            return meter_models.load_file(folder / name)
        except ModelError as error:
            for problem in error.problems:
                table.note("model", problem)
    elif name in shipped:
        return meter_models.load(name)
    elif name:
        table.note("model", f"unknown model {name!r}; known: {', '.join(shipped)}")
    return meter_models.load(shipped[0])


def read_wiring(table: PlantTable, lines: Iterable[str]) -> Wiring:
    """The table `wiring` of a meter or an event: only the keys that the mistake has."""
    mistake = table.choice("mistake", Mistake)
    wiring = Wiring(
        mistake=mistake,
        phases=ALL if mistake in WHOLE else read_phases(table, PHASES_OF.get(mistake)),
        ratio=(
            table.number("ratio", low=1 / _RATIO_MAX, high=_RATIO_MAX)
            if mistake is Mistake.WRONG_RATIO
            else 1.0
        ),
        line=read_known(table, "line", "line", tuple(lines)) if mistake is Mistake.OTHER_CABLE else "",
    )
    table.finish()
    return wiring


def read_phases(table: PlantTable, wanted: int | None = None) -> tuple[int, ...]:
    """The phases under `phases`, each once: `wanted` of them, or all if none are named."""
    if wanted is None and not table.has("phases"):
        return ALL
    names = table.texts("phases", PHASES)
    if names and (len(set(names)) < len(names) or len(names) != (wanted or len(names))):
        table.note("phases", f"must name {_WORDS[wanted]}")
        names = ()
    return tuple(PHASES.index(name) for name in names) or ALL[:wanted]
