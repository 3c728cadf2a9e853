"""Why a line draws nothing or too little, as far as its other channels tell.

Supply: no voltage. Breaker or CT: voltage, but no current at all; a metered incomer tells the two apart,
because a load that still runs behind a lost CT is still in the incomer. Stopped: voltage and the small
current of a control, so the CT measures and the machine was switched off by its control. Data lost:
whether nothing of the site answers, the line's own supply had gone, its samples were impossible, or
its meter alone is silent.

Idle or underspeed: a motor without load loses power factor and falls below half of its power; a slow
one keeps its power factor (P goes with the cube of the speed).
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

from agent.detect.channels import ABSENT, Cause, least_voltage_of
from agent.detect.episode import Rule
from agent.detect.line import LineTracker
from agent.detect.params import LinkageParams

FRESH_S: Final = 60
"""Channels that were heard within the last minute belong to the present."""
PF_KEPT: Final = 0.75
"""Idling motors fall to a half or a third of their power factor, slow drives keep nearly all of it."""
MAINS_HZ: Final = 50.0
INCOMER_RISE: Final = 0.5
"""Half of the power that a line lost, found again in the incomer's rest, is behind a CT that is off."""


def find_treatment_cause(lines: Sequence[LineTracker], slot: int, dt_s: int) -> Cause:
    """The common cause of the treatment lines that are off; unknown where they differ."""
    off = [line for line in lines if line.value < line.params.threshold.lo_w]
    causes = {find_line_cause(line, slot, dt_s) for line in off}
    return causes.pop() if len(causes) == 1 else Cause.UNKNOWN


def find_line_cause(line: LineTracker, slot: int, dt_s: int) -> Cause:
    """The cause of one line."""
    if (slot - line.channels.slot) * dt_s > FRESH_S:
        return Cause.UNKNOWN
    return line.channels.find_cause(line.params)


def refine_by_incomer(cause: Cause, lost_w: float, rise_w: float | None) -> Cause:
    """The same cause, decided by the incomer: `rise_w` is by how much its rest grew when `lost_w` went."""
    if cause not in {Cause.BREAKER_OR_CT, Cause.UNKNOWN} or rise_w is None or lost_w <= 0:
        return cause
    if rise_w >= INCOMER_RISE * lost_w:
        return Cause.CT
    return Cause.BREAKER if cause is Cause.BREAKER_OR_CT else cause


def find_loss_cause(line: LineTracker, others: Iterable[LineTracker], slot: int, dt_s: int) -> Cause:
    """Why there is no data of `line`; `others` are the other lines that are known."""
    alive = any((slot - other.last_slot) * dt_s <= FRESH_S for other in others if other is not line)
    if line.refused_slot >= slot - FRESH_S // dt_s:
        return Cause.REJECTED
    last_said = (line.last_slot - line.channels.slot) * dt_s <= FRESH_S
    if line.channels.slot >= 0 and last_said and line.channels.find_cause(line.params) is Cause.SUPPLY:
        return Cause.SUPPLY
    return Cause.METER if alive else Cause.SITE


def has_voltage_elsewhere(
    line: LineTracker, others: Iterable[LineTracker], slot: int, dt_s: int
) -> bool | None:
    """Whether another line than `line` has its voltage; None if no other one tells it."""
    told = [
        other.channels.voltage >= least_voltage_of(other.params)
        for other in others
        if other is not line
        and other.channels.voltage != ABSENT
        and (slot - other.channels.slot) * dt_s <= FRESH_S
    ]
    return any(told) if told else None


def find_low_rule(params: LinkageParams, lines: Sequence[LineTracker], mean_w: int, normal_w: int) -> Rule:
    """Whether treatment at `mean_w` instead of `normal_w` runs idle or slowly."""
    line = max(lines, key=lambda one: one.value)
    if line.channels.pf != ABSENT and line.params.pf_on > 0:
        kept = line.channels.pf >= 1000 * PF_KEPT * line.params.pf_on
        return Rule.UNDERSPEED if kept else Rule.IDLE
    return Rule.UNDERSPEED if mean_w >= params.underspeed_from * normal_w else Rule.IDLE


def estimate_speed_hz(mean_w: int, normal_w: int) -> float:
    """The mains frequency at which a fan would take `mean_w`, if it takes `normal_w` at 50 Hz."""
    share = max(mean_w, 0) / max(normal_w, 1)
    return round(MAINS_HZ * math.cbrt(share), 1)


def collect_channels(lines: Iterable[LineTracker]) -> dict[str, dict[str, Any]]:
    """The other channels of each line that has them, as evidence."""
    return {line.params.id: line.channels.to_body() for line in lines if line.channels.slot >= 0}
