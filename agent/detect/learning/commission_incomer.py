"""Learns the normal residual between a metered incomer and the lines behind it.

The band rests on the 12 % and 88 % quantiles of one-minute means, in which the incomer and all lines were
known: these hold even if a load ran unmetered for eight of seventy-two hours. Half of that width, and at
least 3 % of the incomer's nameplate, is added on both sides. Stretches outside the band for as long as the
rule takes are exceptions for a person to explain.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from attrs import evolve, frozen

from agent.detect.episode import MINUTE_S
from agent.detect.learning.commission_words import FINDINGS, Oddity, describe_exceptions
from agent.detect.learning.linkages import learn_line
from agent.detect.learning.series import Floats, Series, find_runs, to_grid
from agent.detect.line import compute_hold_slots
from agent.detect.line_params import LineParams
from agent.detect.params import OUT_OF_BAND_S, IncomerParams, LinkageParams
from evidence.words import Words

LOW_SHARE, HIGH_SHARE = 0.12, 0.88
MARGIN_OF_WIDTH: Final = 0.5
MARGIN_OF_RATED: Final = 0.03
"""Two meters of class 1 and two CTs of class 0.5 on the same load differ by less."""
MINUTES_MIN: Final = 24 * 60
"""A day of minutes: the residual differs between day and night."""


@frozen(kw_only=True)
class IncomerResult:
    """What was learned; ready if a day or more was recorded."""

    params: IncomerParams
    ready: bool
    findings: tuple[Words, ...]


def commission_incomer(
    plain: IncomerParams, incomer: Series, lines: Mapping[str, Series], linkage: LinkageParams
) -> IncomerResult:
    """Learn the band of the residual; `linkage` gives the slots and how long a value is held.

    Raises:
        ValueError: There is no data, or its times make no sense.
        KeyError: A line behind the incomer has no series.
    """
    dt, hold = linkage.dt_s, compute_hold_slots(linkage)
    data = to_grid({plain.incomer.id: incomer, **{name: lines[name] for name in plain.lines}}, dt)
    rest = data.total([plain.incomer.id], hold) - data.total(plain.lines, hold)
    minutes = _means(rest, MINUTE_S // dt) if dt <= MINUTE_S else rest
    known = minutes[np.isfinite(minutes)]

    def line(one: LineParams) -> LineParams:
        return learn_line(one.id, data.watts[one.id], one.rated_w, None, dt, hold, treatment=False)

    params = evolve(
        plain,
        incomer=evolve(line(plain.incomer), ct_floor_w=0),
        others=tuple(line(one) for one in plain.others),
        learned_from_s=data.at_s(0),
        learned_to_s=data.at_s(data.slots),
    )
    known_min = len(known) * max(1, dt // MINUTE_S)
    if known_min < MINUTES_MIN:
        text = FINDINGS["incomer too little"].fill(line=plain.incomer.id, known_h=known_min // 60)
        return IncomerResult(params=params, ready=False, findings=(text,))
    low, high = np.quantile(known, (LOW_SHARE, HIGH_SHARE))
    margin = max(MARGIN_OF_WIDTH * (high - low), MARGIN_OF_RATED * plain.incomer.rated_w)
    params = evolve(params, lo_w=round(low - margin), hi_w=round(high + margin), residual_s=OUT_OF_BAND_S)
    beyond = (minutes > params.hi_w) | (minutes < params.lo_w)
    step = max(1, MINUTE_S // dt)
    spans = [
        (begin * step, end * step, Oddity.RESIDUAL)
        for begin, end in find_runs(np.asarray(beyond))
        if (end - begin) * step * dt >= OUT_OF_BAND_S
    ]
    return IncomerResult(
        params=params, ready=True, findings=tuple(describe_exceptions(spans, data, plain.utc_offset_s))
    )


def _means(values: Floats, slots: int) -> Floats:
    """Means of `slots` values each; NaN where one is missing."""
    whole = len(values) // slots * slots
    means: Floats = values[:whole].reshape(-1, slots).mean(axis=1)
    return means
