"""A wiring mistake in a plant file: only the keys that the mistake has."""

from collections.abc import Iterable
from typing import Final

from firmware_sim.electrical import PHASES
from firmware_sim.plant_table import PlantTable, read_known
from firmware_sim.wiring import ALL, PHASES_OF, WHOLE, Mistake, Wiring

_RATIO_MAX: Final = 1000.0
"""Transformers are made from 5 A to 5000 A: no two of them are further apart."""
_WORDS: Final = {None: "each phase once", 1: "one phase", 2: "two different phases"}


def read_wiring(table: PlantTable, lines: Iterable[str]) -> Wiring:
    """The table `wiring` of a meter or an event."""
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
