"""The present state of a linkage, for the status object and the early warning."""

from attrs import frozen

from agent.detect.episode import Rule
from agent.detect.findings import LinkageWatch
from agent.detect.linkage import VIOLATION


@frozen(kw_only=True)
class LinkageStatus:
    """A linkage now.

    Attributes:
        linkage: Its id.
        production_on: Production runs.
        treatment_on: Treatment runs.
        production_w: Sum of the production lines that answer.
        treatment_w: Sum of the treatment lines that answer (highest of the duty window).
        expected_w: Least treatment power for this production.
        deficit_s: Weighted deficit so far; above 0 treatment is lacking although no episode is raised yet.
        deficit_since_s: When it began, UTC; None without a deficit.
        limit_s: Weighted deficit that raises an episode.
        left_s: Seconds until that if nothing changes; 0 without a deficit.
        violation: Rule of the open violation, None without one.
        frozen_s: For how long nothing could be judged.
        correlation: r over the last hours, or None.
        undefined_reason: Why it is None.
    """

    linkage: str
    production_on: bool
    treatment_on: bool
    production_w: int
    treatment_w: int
    expected_w: int
    deficit_s: float
    deficit_since_s: int | None
    limit_s: float
    left_s: int
    violation: Rule | None
    frozen_s: int
    correlation: float | None
    undefined_reason: str


def status_of(link: LinkageWatch) -> LinkageStatus:
    """The status after the last closed slot."""
    tracker, correlation = link.tracker, link.trace.correlation
    return LinkageStatus(
        linkage=link.params.linkage,
        production_on=tracker.on,
        treatment_on=tracker.treatment_on,
        production_w=tracker.u,
        treatment_w=tracker.treatment,
        expected_w=tracker.expected if tracker.on else 0,
        deficit_s=tracker.deficit.weighted_s,
        deficit_since_s=tracker.deficit.slot * tracker.dt if tracker.deficit.weighted_s > 0 else None,
        limit_s=link.params.limit_s,
        left_s=tracker.estimate_left_s() if tracker.on and tracker.deficit.weighted_s > 0 else 0,
        violation=tracker.rule if tracker.flags & VIOLATION else None,
        frozen_s=tracker.lost * tracker.dt,
        correlation=correlation.r,
        undefined_reason=correlation.reason,
    )
