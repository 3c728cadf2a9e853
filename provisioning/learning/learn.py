"""What the linkages and the incomer of a site learn from recorded loads, for `commission` and `backtest`."""

from collections.abc import Sequence

from attrs import frozen

from agent.detect.learning.backtest import Recording
from agent.detect.learning.changed import Proposal, propose_days
from agent.detect.learning.channels import SCALES as CHANNELS_LEARNED
from agent.detect.learning.commission import CommissionResult, commission
from agent.detect.learning.commission_incomer import IncomerResult, commission_incomer
from agent.detect.learning.series import Series, to_grid
from agent.detect.line_params import Answer
from agent.detect.params import DT_S, IncomerParams, LinkageParams
from agent.site.file import LinkageSettings, Site


@frozen
class Limits:
    """Time without treatment that makes a violation, and time that treatment has to start."""

    tau_s: int = 240
    grace_s: int = 300


def learn_linkage(
    site: Site,
    linkage: LinkageSettings,
    recording: Recording,
    dt_s: int = DT_S,
    limits: Limits | None = None,
    answers: Sequence[Answer] = (),
) -> CommissionResult:
    """What a linkage of `site` learns from `recording` in slots of `dt_s`; `limits` if not the usual.

    Raises:
        ValueError: There is no data at all, or its times make no sense.
        ParamsError: An answer is to nothing.
    """
    times = recording.times_s
    channels: dict[str, dict[str, Series]] = {
        line: {
            name: (times, column)
            for name, column in recording.evidence.get(line, {}).items()
            if name in CHANNELS_LEARNED
        }
        for line in (*linkage.production, *linkage.treatment)
    }
    return commission(
        linkage.id,
        {line: (times, recording.watts[line]) for line in linkage.production},
        {line: (times, recording.watts[line]) for line in linkage.treatment},
        {line.id: float(line.rated_w) for line in site.line},
        dt_s=dt_s,
        channels=channels,
        utc_offset=site.site.utc_offset,
        tau_s=(limits or Limits()).tau_s,
        grace_s=(limits or Limits()).grace_s,
        answers=answers,
    )


def propose(
    site: Site, linkage: LinkageSettings, present: LinkageParams, recording: Recording
) -> Proposal | None:
    """The days to learn from again, where the plant has changed against its present parameters."""
    lines = (*linkage.production, *linkage.treatment)
    if not present.learned_to_s or not {line.id for line in present.lines} <= set(recording.watts):
        return None
    series: dict[str, Series] = {line: (recording.times_s, recording.watts[line]) for line in lines}
    rated: dict[str, float] = {line.id: float(line.rated_w) for line in site.line if line.id in lines}
    return propose_days(present, rated, to_grid(series, present.dt_s))


def learn_incomer(plain: IncomerParams, recording: Recording, linkage: LinkageParams) -> IncomerResult | None:
    """What the incomer learns in the slots of `linkage`; None unless all lines behind it are recorded, too.

    Raises:
        ValueError: There is no data at all, or its times make no sense.
    """
    names = (plain.incomer.id, *plain.lines)
    if not recording.watts.keys() >= set(names):
        return None
    series: dict[str, Series] = {name: (recording.times_s, recording.watts[name]) for name in names}
    return commission_incomer(plain, series[plain.incomer.id], series, linkage)
