"""Early warning for the plant: a deficit of treatment begins to count, or has ended.

Not for the centre: a failed fan that is mended within minutes makes no episode. A warning begins when
production runs and the weighted deficit has reached `after_s` plus the lag by which treatment follows, so
that single samples and normal starts cause none. It ends when treatment is healthy again, when production
stops, or when the violation is raised, which has its own episode. There is one warning at a time for each
linkage. `left_s` is the time until the episode if nothing changes.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import asdict, define, field, frozen

from agent.detect.params import LinkageParams
from agent.detect.status import LinkageStatus
from evidence.moments import local_text
from evidence.words import Words

AFTER_S: Final = 30.0
BEGINS, HEALTHY, STOPPED, RAISED = "begins", "healthy", "production stopped", "raised"

_SENTENCES: Final[Mapping[str, Words]] = {
    BEGINS: Words(
        "{linkage}：生产运行而治污不足，自{since}起；治污{treatment}千瓦，应不低于{expected}千瓦；"
        "若不恢复，约{left}分钟后记为违规。",
        "{linkage}: production runs with too little treatment since {since}: {treatment} kW, expected at "
        "least {expected}; if it does not recover, a violation is recorded in about {left} min.",
    ),
    HEALTHY: Words("{linkage}：治污已恢复正常。", "{linkage}: treatment is healthy again."),
    STOPPED: Words(
        "{linkage}：生产已停止，预警结束。", "{linkage}: production has stopped, the warning ends."
    ),
    RAISED: Words("{linkage}：已记为违规。", "{linkage}: a violation has been recorded."),
}


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


@define
class EarlyWarning:
    """Turns the statuses of linkages into messages when a warning begins or ends.

    Attributes:
        params: Of the linkages, by id.
        after_s: Weighted deficit from which on a warning begins.
        open: Begin of the deficit of each linkage with a warning, UTC seconds.
    """

    params: Mapping[str, LinkageParams]
    after_s: float = AFTER_S
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
        values = {
            "linkage": status.linkage,
            "since": local_text(since_s, self.params[status.linkage].utc_offset_s, "%H:%M"),
            "treatment": f"{status.treatment_w / 1000:.1f}",
            "expected": f"{status.expected_w / 1000:.1f}",
            "left": -(-status.left_s // 60),
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
