"""The current state of a linkage, for the status object, and the early warning derived from it for the plant.

A warning reports that a deficit begins to count, or has ended. It is not for the centre: a failed fan
repaired within minutes makes no episode. It begins when production runs and the weighted deficit
has reached `after_s` plus the lag by which treatment follows, so that single samples and normal starts cause
none. It ends when treatment is healthy again, when production stops, or when the violation is raised, which
has its own episode. There is one warning at a time for each linkage.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import asdict, define, field, frozen

from agent.detect.episode import Rule, Severity
from agent.detect.findings import LinkageWatch
from agent.detect.linkage import VIOLATION
from agent.detect.params import LinkageParams
from agent.detect.sentence import Names, name_lines, tell_apart
from evidence.moments import local_text
from evidence.words import Words

AFTER_S: Final = 30.0
BEGINS, HEALTHY, STOPPED, RAISED = "begins", "healthy", "production stopped", "raised"

_SENTENCES: Final[Mapping[str, Words]] = {
    BEGINS: Words(
        "治污设施{lines}：生产运行而治污不足，自{since}起；治污{treatment_kw}千瓦，应不低于{expected_kw}千瓦；"
        "若不恢复，约{left}分钟后记入事件。请立即检查；不能恢复时停产并申报故障。",
        "Treatment {lines}: production runs with too little of it since {since}: {treatment_kw} kW, expected "
        "at least {expected_kw}; if it does not recover, a finding is recorded in about {left} min. Look at "
        "it now; if it cannot run, stop production and declare the fault.",
    ),
    HEALTHY: Words("治污设施{lines}已恢复正常。", "Treatment {lines} is healthy again."),
    STOPPED: Words(
        "治污设施{lines}：生产已停止，预警结束。",
        "Treatment {lines}: production has stopped, the warning ends.",
    ),
    RAISED: Words("治污设施{lines}：已记入事件。", "Treatment {lines}: a finding has been recorded."),
}


@frozen(kw_only=True)
class LinkageStatus:
    """The current state of a linkage.

    Attributes:
        production_w: Sum of the production lines that answer.
        treatment_w: Sum of the treatment lines that answer (highest of the duty window).
        expected_w: Least treatment power for this production.
        deficit_s: Weighted deficit so far; above 0 treatment is lacking although no episode is raised yet.
        deficit_since_s: When it began, UTC; None without a deficit.
        limit_s: Weighted deficit that raises an episode.
        left_s: Seconds until that if nothing changes; 0 without a deficit.
        violation: Rule of the open finding about treatment, None without one.
        severity: Of that finding: where the evidence is thin it asks, and accuses nobody.
        frozen_s: For how long nothing could be judged.
        correlation: r at `lag_s` over the last `correlated_minutes`, or None.
        undefined_reason: Why it is None.
        correlated_minutes: Minutes that r is of.
        correlated_minutes_min: Fewer have no r.
        correlation_minutes: Minutes of the whole window.
        correlation_varied: Whether production varied enough for r to say something.
        correlation_limit: The least r that commissioning saw; None where r is not judged.
        lag_s: By how much treatment follows production.
        learned: Whether the linkage was commissioned.
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
    severity: Severity | None
    frozen_s: int
    correlation: float | None
    undefined_reason: str
    correlated_minutes: int
    correlated_minutes_min: int
    correlation_minutes: int
    correlation_varied: bool
    correlation_limit: float | None
    lag_s: int
    learned: bool


def status_of(link: LinkageWatch) -> LinkageStatus:
    """The status after the last closed slot."""
    tracker, params, correlation = link.tracker, link.params, link.trace.correlation
    finding = link.open.get(VIOLATION)
    return LinkageStatus(
        linkage=params.linkage,
        production_on=tracker.on,
        treatment_on=tracker.treatment_on,
        production_w=tracker.u,
        treatment_w=tracker.treatment,
        expected_w=tracker.expected if tracker.on else 0,
        deficit_s=tracker.deficit.weighted_s,
        deficit_since_s=tracker.deficit.slot * tracker.dt if tracker.deficit.weighted_s > 0 else None,
        limit_s=params.limit_s,
        left_s=tracker.estimate_left_s() if tracker.on and tracker.deficit.weighted_s > 0 else 0,
        violation=tracker.rule if tracker.flags & VIOLATION else None,
        severity=finding.severity if finding else None,
        frozen_s=tracker.lost * tracker.dt,
        correlation=correlation.r,
        undefined_reason=correlation.reason,
        correlated_minutes=link.trace.correlated_minutes,
        correlated_minutes_min=link.trace.correlated_minutes_min,
        correlation_minutes=params.correlation_minutes,
        correlation_varied=link.trace.varied,
        correlation_limit=params.correlation_limit if params.correlation_sd_w > 0 else None,
        lag_s=params.lag_s,
        learned=params.learned_to_s > 0,
    )


@frozen(kw_only=True)
class PlantWarning:
    """One message; `state` is begins, healthy, production stopped or raised; times in UTC seconds."""

    linkage: str
    state: str
    at_s: int
    since_s: int
    left_s: int
    deficit_s: float
    limit_s: float
    production_w: int
    treatment_w: int
    expected_w: int
    sentence: dict[str, str]

    def to_body(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@define(eq=False, repr=False)
class EarlyWarning:
    """Turns the statuses of linkages into messages when a warning begins or ends.

    Attributes:
        params: Of the linkages, by id.
        after_s: Weighted deficit from which on a warning begins.
        names: The names of the lines, for people.
        open: Begin of the deficit of each linkage with a warning, UTC seconds.
    """

    params: Mapping[str, LinkageParams]
    after_s: float = AFTER_S
    names: Names = field(factory=dict)
    open: dict[str, int] = field(factory=dict)

    def update(self, statuses: Iterable[LinkageStatus], at_s: float) -> list[PlantWarning]:
        """The messages after the last closed slot."""
        found = []
        for status in statuses:
            state = self._find_state(status)
            if state == BEGINS:
                self.open[status.linkage] = status.deficit_since_s or int(at_s)
                found.append(self._build(status, state, int(at_s)))
            elif state:
                found.append(self._build(status, state, int(at_s)))
                del self.open[status.linkage]
        return found

    def _find_state(self, status: LinkageStatus) -> str:
        if status.linkage not in self.open:
            after_s = self.after_s + self.params[status.linkage].lag_s
            counts = status.production_on and status.violation is None and status.deficit_s >= after_s
            return BEGINS if counts and not status.frozen_s else ""
        if status.violation is not None:
            return RAISED
        if status.deficit_s <= 0:
            return HEALTHY
        return "" if status.production_on else STOPPED

    def _build(self, status: LinkageStatus, state: str, at_s: int) -> PlantWarning:
        since_s = self.open[status.linkage]
        params = self.params[status.linkage]
        values = {
            "lines": name_lines([line.id for line in params.treatment], self.names),
            "since": local_text(since_s, params.utc_offset_s, "%H:%M"),
            "left": -(-status.left_s // 60),
            **tell_apart({"treatment_w": status.treatment_w, "expected_w": status.expected_w}),
        }
        return PlantWarning(
            linkage=status.linkage,
            state=state,
            at_s=at_s,
            since_s=since_s,
            left_s=status.left_s if state == BEGINS else 0,
            deficit_s=status.deficit_s,
            limit_s=status.limit_s,
            production_w=status.production_w,
            treatment_w=status.treatment_w,
            expected_w=status.expected_w,
            sentence=_SENTENCES[state].fill(**values).to_body(),
        )
