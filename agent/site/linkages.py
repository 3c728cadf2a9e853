"""From the site file to the parameters of the detector: linkages and the incomer."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from attrs import evolve

from agent.detect.line_params import LineParams
from agent.detect.param_table import ParamsError
from agent.detect.params import (
    DT_MAX_S,
    IncomerParams,
    LinkageParams,
    choose_slot_s,
    nameplate,
    nameplate_incomer,
)
from agent.detect.slots import HOLD_S
from agent.site.file import ConfigError, Site

HOLD_POLLS: Final = 1.5
"""A meter that missed one poll and half of the next is silent."""


def find_polling_s(site: Site) -> float:
    """The longest time between two readings of a meter that feeds a judged line, s; 0 without one."""
    judged = {line for one in site.linkage for line in (*one.production, *one.treatment)}
    judged |= {line.id for line in site.line if line.kind == "incomer"}
    return max((one.fast_s for one in site.meter if one.line in judged), default=0.0)


def find_slot_s(site: Site) -> int:
    """The slot that fits the polling of `site`, s."""
    return choose_slot_s(find_polling_s(site))


def find_judged_slot_s(site: Site) -> int:
    """The slot in which the linkages of `site` are judged, s: that of their parameters, if any."""
    learned = (one.parameters["dt_s"] for one in site.linkage if one.parameters and "dt_s" in one.parameters)
    slot_s = next(learned, None)
    return slot_s if type(slot_s) is int and 1 <= slot_s <= DT_MAX_S else find_slot_s(site)


def find_hold_s(site: Site) -> float:
    """How long a reading of one meter counts for the sum of its line, s."""
    return max(HOLD_S, HOLD_POLLS * find_polling_s(site))


def list_polling_misfits(site: Site, linkages: Sequence[LinkageParams]) -> Iterator[str]:
    """What is wrong between the polling and the slots of the detector, a line each."""
    polling_s = find_polling_s(site)
    if polling_s > DT_MAX_S:
        yield (
            f"meter: fast_s = {polling_s:g} of a judged line is too long: linkages are judged in slots of at "
            f"most {DT_MAX_S} s; set fast_s = {DT_MAX_S} or less"
        )
        return
    for index, one in enumerate(linkages):
        if max(one.dt_s, one.hold_s) < round(polling_s):
            yield (
                f"linkage[{index}].parameters.dt_s: {one.dt_s} s is shorter than fast_s = {polling_s:g}: "
                "only treatment that is off would be seen; commission again"
            )


def names_of(site: Site) -> dict[str, str]:
    """By line the name that people gave it; lines without one are left out."""
    return {line.id: line.name for line in site.line if line.name.strip()}


def find_open_wiring(site: Site) -> dict[str, str]:
    """The open findings of the wiring check by line, as `LineParams.wiring` has them."""
    found: dict[str, list[str]] = {}
    for meter in site.meter:
        if meter.wiring and meter.line:
            found.setdefault(meter.line, []).append(f"{meter.id}={meter.wiring}")
    return {line: ",".join(meters) for line, meters in found.items()}


def _note_wiring(wiring: Mapping[str, str], lines: Iterable[LineParams]) -> tuple[LineParams, ...]:
    return tuple(evolve(line, wiring=wiring.get(line.id, "")) for line in lines)


def linkages_of(site: Site) -> tuple[LinkageParams, ...]:
    """The detector's parameters of each linkage: learned, or from the nameplates alone in the same slots.

    Raises:
        ConfigError: Parameters in the file are wrong.
    """
    rated = {line.id: float(line.rated_w) for line in site.line}
    params: list[LinkageParams] = []
    problems: list[str] = []
    for index, linkage in enumerate(site.linkage):
        try:
            if linkage.parameters is not None:
                params.append(LinkageParams.from_dict(linkage.parameters))
            else:
                production: dict[str, float] = {line: rated[line] for line in linkage.production}
                treatment: dict[str, float] = {line: rated[line] for line in linkage.treatment}
                params.append(nameplate(linkage.id, production, treatment, dt_s=find_judged_slot_s(site)))
        except ParamsError as error:
            problems += [f"linkage[{index}].parameters: {problem}" for problem in error.problems]
    note = partial(_note_wiring, find_open_wiring(site))
    params = [evolve(one, production=note(one.production), treatment=note(one.treatment)) for one in params]
    slots = sorted({one.dt_s for one in params})
    if len(slots) > 1:
        named = ", ".join(f"{dt_s} s" for dt_s in slots)
        problems.append(f"linkage: parameters with different dt_s ({named}): commission all linkages again")
    if problems:
        raise ConfigError(site.file, problems)
    return tuple(params)


def incomer_of(
    site: Site, linkages: Sequence[LinkageParams], *, learned: bool = True
) -> IncomerParams | None:
    """The detector's parameters of the incomer of `site`; None without one.

    With `learned`, those learned and written in the file, if any; else those of its nameplate.

    Raises:
        ConfigError: Its parameters in the file are wrong.
    """
    at = next((index for index, line in enumerate(site.line) if line.kind == "incomer"), None)
    if at is None or not linkages:
        return None
    line = site.line[at]
    if learned and line.parameters is not None:
        try:
            params = IncomerParams.from_dict(line.parameters)
        except ParamsError as error:
            problems = [f"line[{at}].parameters: {problem}" for problem in error.problems]
            raise ConfigError(site.file, problems) from error
    else:
        judged = {one.id for linkage in linkages for one in linkage.lines}
        behind: dict[str, float] = {one.id: one.rated_w for one in site.line if one.kind != "incomer"}
        offset_s = linkages[0].utc_offset_s
        params = nameplate_incomer((line.id, line.rated_w), behind, judged, offset_s)
    incomer, *others = _note_wiring(find_open_wiring(site), (params.incomer, *params.others))
    return evolve(params, incomer=incomer, others=tuple(others))
