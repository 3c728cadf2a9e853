"""Means of a quarter of an hour or an hour through the detector, for what they can show: levels.

Each mean is held for its interval, in slots of a minute. The first and the last interval of a run are mixed
of on and off, so a deficit must fill more than one interval to count: the time without treatment that makes a
violation is two of them, and treatment has one to start. Whatever rests on single samples is not judged:
lags, short interruptions, starts without production, stuck readings, false loads.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from attrs import evolve

from agent.detect.learning.backtest import Recording
from agent.detect.learning.commission import CommissionResult
from agent.detect.line_params import Answer, LineParams
from agent.detect.params import LinkageParams
from agent.site.file import LinkageSettings, Site
from provisioning.learning.learn import Limits, learn_linkage

SLOT_S: Final = 60
"""The detector's evidence is by the minute."""
TAU_INTERVALS: Final = 2
GRACE_INTERVALS: Final = 1
LOSS_INTERVALS: Final = 3
"""A missing row or two is no loss of data in a table of means."""


def hold_means(recording: Recording, interval_s: float) -> Recording:
    """The recording with each row repeated for every minute of its interval, until the next row at most."""
    times = recording.times_s
    ends = np.minimum(times + interval_s, np.append(times[1:], np.inf))
    counts = np.maximum(np.ceil((ends - times) / SLOT_S - 1e-9).astype(np.int64), 1)
    rows = np.repeat(np.arange(len(times)), counts)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    evidence = {
        line: {name: column[rows] for name, column in channels.items()}
        for line, channels in recording.evidence.items()
    }
    watts = {line: column[rows] for line, column in recording.watts.items()}
    return Recording(times[rows] + within * float(SLOT_S), watts, evidence)


def limits_of(interval_s: float) -> Limits:
    """What is learned with for such means."""
    return Limits(round(TAU_INTERVALS * interval_s), round(GRACE_INTERVALS * interval_s))


def learn_levels(
    site: Site,
    linkage: LinkageSettings,
    held: Recording,
    interval_s: float,
    answers: Sequence[Answer] = (),
) -> CommissionResult:
    """What a linkage learns from held means: levels alone.

    Raises:
        ValueError: There is no data at all.
    """
    learned = learn_linkage(site, linkage, held, SLOT_S, limits_of(interval_s), answers)
    return judge_levels(learned, interval_s)


def judge_levels(learned: CommissionResult, interval_s: float) -> CommissionResult:
    """What was learned, without what such means cannot show."""
    return evolve(learned, params=_keep_levels(learned.params, interval_s))


def _keep_levels(params: LinkageParams, interval_s: float) -> LinkageParams:
    loss_s = round(LOSS_INTERVALS * interval_s)
    return evolve(
        params,
        production=tuple(map(_keep_level, params.production)),
        treatment=tuple(map(_keep_level, params.treatment)),
        interruptions_s=0,
        orphans_limit=0,
        correlation_sd_w=0.0,
        loss_s=max(params.loss_s, loss_s),
        lost_reset_s=max(params.lost_reset_s, 2 * loss_s),
        provisional=True,
    )


def _keep_level(line: LineParams) -> LineParams:
    return evolve(line, stuck_on_s=0, stuck_off_s=0, noise_floor=0.0, ct_floor_w=0, pf_heater=0.0)
