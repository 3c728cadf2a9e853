"""Power of a linkage and values of an analyser by the minute, as `evidence.marks.emissions` takes them."""

from collections.abc import Mapping, Sequence
from statistics import median

from agent.detect.params import LinkageParams
from drivers.points.registers import Value
from drivers.reading import EMISSIONS
from evidence.marks.emissions import NORMAL, Plant, Powers, Said
from evidence.marks.truth import USUAL


def find_plant(powers: Mapping[str, Powers], linkage: LinkageParams, *, is_alone: bool) -> Plant:
    """Power of a linkage by minute, when it works, and when it does so without treatment.

    `powers` is W by line and minute; `is_alone` says that the site has no other linkage.
    """
    by_line = {line.id: powers.get(line.id, {}) for line in linkage.lines}
    production = _add([by_line[line.id] for line in linkage.production])
    treatment = _add([by_line[line.id] for line in linkage.treatment])
    is_on = frozenset(
        at
        for at in production
        if any(by_line[line.id][at] >= line.threshold.hi_w for line in linkage.production)
    )
    usual_w = USUAL * median(production[at] for at in is_on) if is_on else 0.0
    works = frozenset(at for at, watts in production.items() if is_on and watts >= usual_w)
    stood = frozenset(
        at
        for at in treatment
        if all(by_line[line.id][at] < line.threshold.lo_w for line in linkage.treatment)
    )
    is_known = not any(line.threshold.provisional or line.wiring for line in linkage.lines)
    return Plant(
        production_w=production,
        treatment_w=treatment,
        works=works,
        untreated=works & stood,
        is_on=is_on,
        stood=stood,
        is_certain=is_alone and is_known,
    )


def _add(lines: Sequence[Powers]) -> dict[int, float]:
    """The sum in the minutes in which every line is known."""
    minutes = set.intersection(*(set(one) for one in lines))
    return {at: sum(one[at] for one in lines) for at in sorted(minutes)}


def take_emissions(points: dict[str, dict[int, Said]], values: Mapping[str, Value], minute: int) -> None:
    """Note values with their marks; one without a mark is normal, as analysers of registers have none."""
    for name in EMISSIONS:
        value, mark = values.get(name), values.get(f"{name}_mark", NORMAL)
        if isinstance(value, int | float) or f"{name}_mark" in values:
            number = float(value) if isinstance(value, int | float) else None
            points.setdefault(name.value, {}).setdefault(minute, Said(number, str(mark)))
