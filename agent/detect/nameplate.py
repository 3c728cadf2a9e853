"""Provisional parameters from rated powers alone, for what has not been seen yet."""

from collections.abc import Mapping
from typing import Final

from agent.detect.params import Bin, LineParams, LinkageParams, Threshold

NAMEPLATE_HI: Final = 0.10
NAMEPLATE_LO: Final = 0.07
"""On above 10 %, off below 7 % of the nameplate, as long as nothing has been learned."""
CT_RANGE_OF_RATED: Final = 2.0
"""Current transformers are chosen with a margin; twice the nameplate stands in for an unknown range."""


def nameplate(
    linkage: str, production: Mapping[str, float], treatment: Mapping[str, float], *, dt_s: int = 10
) -> LinkageParams:
    """Provisional parameters from rated powers alone, for a plant that is not commissioned yet."""
    on_treatment = nameplate_threshold(sum(treatment.values()))
    return LinkageParams(
        linkage=linkage,
        production=tuple(nameplate_line(name, rated) for name, rated in production.items()),
        treatment=tuple(nameplate_line(name, rated) for name, rated in treatment.items()),
        on_production=nameplate_threshold(sum(production.values())),
        on_treatment=on_treatment,
        envelope=(Bin(from_w=0, lo_w=on_treatment.lo_w, median_w=round(sum(treatment.values()))),),
        dt_s=dt_s,
    )


def nameplate_line(line_id: str, rated_w: float) -> LineParams:
    """What the nameplate alone says of a line."""
    threshold = nameplate_threshold(rated_w)
    return LineParams(
        id=line_id,
        rated_w=round(rated_w),
        ct_range_w=round(CT_RANGE_OF_RATED * rated_w),
        threshold=threshold,
        fall_from_w=threshold.hi_w,
    )


def nameplate_threshold(rated_w: float) -> Threshold:
    """10 % and 7 % of the rated power."""
    return Threshold(
        hi_w=max(2, round(NAMEPLATE_HI * rated_w)),
        lo_w=max(1, round(NAMEPLATE_LO * rated_w)),
        provisional=True,
    )
