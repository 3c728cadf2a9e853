"""A finding with its evidence, for the chain, the plant and the centre.

An episode is emitted when it is raised, again when its rule becomes graver (`idle` turns into `off`) and once
when it is cleared, with the figures of the whole deed and, where that is only known then, its final rule
(`off` turns into `early_stop`); `id` stays the same. `numbers["course"]` has each rule with the time from
which it held. One that comes back soon is raised again under its `id`, with `numbers["reopened"]` one higher.
Equal samples and equal parameters give equal episodes, whenever and wherever they are computed.

All times are UTC seconds of the data, not of the machine: `raised_at_s` is the end of the slot whose sample
decided. A live gateway emits it when no sample of that slot can come any more, see `detector`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from attrs import asdict, field, frozen


class Severity(StrEnum):
    """Who must act: the regulator, the people in charge of the meters or of the data, nobody."""

    VIOLATION = "violation"
    INTEGRITY = "integrity"
    DATA = "data"
    NOTICE = "notice"


class Rule(StrEnum):
    """What was found."""

    OFF = "off"
    LATE_START = "late_start"
    EARLY_STOP = "early_stop"
    IDLE = "idle"
    UNDERSPEED = "underspeed"
    INTERRUPTIONS = "interruptions"
    STUCK = "stuck"
    FLAT = "flat"
    DUMMY = "dummy"
    DECOUPLED = "decoupled"
    CT_PROD = "ct_prod"
    INCOMER_RESIDUAL = "feed_residual"
    DATA_LOSS = "data_loss"
    LOW_CORRELATION = "low_correlation"
    REVERSED = "reversed"
    WIRING = "wiring"
    PHASE_LOST = "phase_lost"
    UNLEARNED = "unlearned"
    CHANGED = "changed"


class State(StrEnum):
    """Whether the finding still holds."""

    RAISED = "raised"
    CLEARED = "cleared"


MINUTE_S: Final = 60
OFF_RULES: Final = (Rule.OFF, Rule.LATE_START, Rule.EARLY_STOP)
"""Treatment did not run at all."""
SEVERITIES: Final = {
    **dict.fromkeys(OFF_RULES, Severity.VIOLATION),
    **dict.fromkeys((Rule.IDLE, Rule.UNDERSPEED, Rule.INTERRUPTIONS), Severity.VIOLATION),
    **dict.fromkeys((Rule.STUCK, Rule.FLAT, Rule.DUMMY), Severity.INTEGRITY),
    **dict.fromkeys((Rule.CT_PROD, Rule.INCOMER_RESIDUAL), Severity.INTEGRITY),
    **dict.fromkeys((Rule.REVERSED, Rule.WIRING), Severity.INTEGRITY),
    Rule.DATA_LOSS: Severity.DATA,
    **dict.fromkeys((Rule.LOW_CORRELATION, Rule.DECOUPLED), Severity.NOTICE),
    **dict.fromkeys((Rule.PHASE_LOST, Rule.UNLEARNED, Rule.CHANGED), Severity.NOTICE),
}
"""Of a finding whose evidence is whole; where it is thin the finding is a notice, which asks."""


@frozen
class Trace:
    """One-minute means of the last two hours before the episode was raised; None where data is missing."""

    begin_at_s: int
    production_w: tuple[int | None, ...]
    treatment_w: tuple[int | None, ...]


@frozen(kw_only=True)
class Episode:
    """One finding.

    Attributes:
        id: Linkage (for a finding about one meter its line), rule as first raised, begin.
        linkage: The linkage; for a finding about one line the first one that this line belongs to.
        severity: A retrospective verdict is never more than a notice.
        begin_at_s: When it began.
        raised_at_s: When it was certain.
        end_at_s: When it ended, None while it lasts.
        numbers: The evidence, by name.
        sentence: The same as a sentence, "zh" and "en".
        trace: Two hours of loads.
        params_hash: Hash of the parameters that decided.
        retrospective: Found only after late samples came in.
    """

    id: str
    linkage: str
    lines: tuple[str, ...]
    rule: Rule
    severity: Severity
    begin_at_s: int
    raised_at_s: int
    end_at_s: int | None = None
    state: State = State.RAISED
    numbers: dict[str, Any] = field(factory=dict)
    sentence: dict[str, str] = field(factory=dict)
    trace: Trace
    params_hash: bytes
    retrospective: bool = False

    def to_body(self) -> dict[str, Any]:
        """Plain values for CBOR and JSON, in the order of the fields (the hash as hexadecimal text).

        No time of a record is before 1970: where a clock begins there, what reaches back is cut off.
        """
        plain = asdict(self, value_serializer=_to_plain)
        for name in ("begin_at_s", "raised_at_s"):
            plain[name] = max(plain[name], 0)
        plain["end_at_s"] = None if self.end_at_s is None else max(self.end_at_s, 0)
        trace, early = plain["trace"], max(-(self.trace.begin_at_s // MINUTE_S), 0)
        if early:
            trace["begin_at_s"] += early * MINUTE_S
            trace["production_w"], trace["treatment_w"] = (
                trace[name][early:] for name in ("production_w", "treatment_w")
            )
        return plain

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "Episode":
        """The episode that `to_body` wrote.

        Raises:
            KeyError, TypeError, ValueError: `to_body` did not write it.
        """
        trace = body["trace"]
        return cls(
            **{name: body[name] for name in _PLAIN},
            lines=tuple(body["lines"]),
            rule=Rule(body["rule"]),
            severity=Severity(body["severity"]),
            state=State(body["state"]),
            trace=Trace(trace["begin_at_s"], tuple(trace["production_w"]), tuple(trace["treatment_w"])),
            params_hash=bytes.fromhex(body["params_hash"]),
        )


_PLAIN: Final = (
    "id", "linkage", "begin_at_s", "raised_at_s", "end_at_s", "numbers", "sentence", "retrospective",
)  # fmt: skip


def _to_plain(_instance: object, _field: object, value: Any) -> Any:
    match value:
        case tuple():
            return list(value)
        case StrEnum():
            return value.value
        case bytes():
            return value.hex()
    return value
