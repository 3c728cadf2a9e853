"""Why a line draws nothing or too little, judged by its other channels.

Supply: no voltage. Breaker or CT: voltage, but hardly any current; a metered incomer separates the two,
because it still shows a load that runs behind a lost CT. Stopped: voltage and the standby current of the
control, so the CT works and the control has switched the machine off. Lost data: the whole site is silent,
the line's own supply had gone, its samples were impossible, or only its meter is silent.

Wiring: current flows as it does in operation, but the meter finds hardly any active power in it, or far less
than this machine has at that current. No machine does that, a wrong pair of voltage and current does.

Idle or underspeed: a motor without load loses power factor and falls below half of its power; a slow
one keeps its power factor (P goes with the cube of the speed). Either draws less current; a motor that lost a
phase draws none in it.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

from agent.detect.channels import ABSENT, Cause, least_voltage_of
from agent.detect.episode import Rule
from agent.detect.line import LineTracker
from agent.detect.params import LinkageParams
from agent.detect.slots import count_fresh_slots

PF_KEPT: Final = 0.75
"""Idling motors fall to a half or a third of their power factor, slow drives keep nearly all of it."""
IDLE_SHARE: Final = 0.45
"""Below this share of its usual power a motor runs without load, whatever is made and however often."""
MAINS_HZ: Final = 50.0
CURRENT_KEPT: Final = 0.85
"""Idling motors draw 30 to 50 % of their current, slow drives less still; nobody at nearly all of it has lost
load."""
POWER_LOST: Final = 0.45
"""One turned CT of three leaves a third of the power and of the power factor, at the same current."""
VOLTAGE_KEPT: Final = 0.85
"""No supply sags by more for minutes; of three voltages one that is gone leaves two thirds of their mean."""
INCOMER_RISE: Final = 0.5
"""A CT is lost if at least half of the power that its line lost appears in the incomer's residual."""


def find_treatment_cause(lines: Sequence[LineTracker], slot: int, dt_s: int) -> Cause:
    """The common cause of the treatment lines that are off; unknown where they differ."""
    off = [line for line in lines if line.value < line.params.threshold.lo_w]
    causes = {find_line_cause(line, slot, dt_s) for line in off}
    return causes.pop() if len(causes) == 1 else Cause.UNKNOWN


def find_line_cause(line: LineTracker, slot: int, dt_s: int) -> Cause:
    """The cause of one line."""
    if slot - line.channels.slot > count_fresh_slots(dt_s):
        return Cause.UNKNOWN
    return line.channels.find_cause(line.params, line.value)


def refine_by_incomer(cause: Cause, lost_w: float, rise_w: float | None) -> Cause:
    """`cause`, with breaker or CT decided by the incomer.

    Args:
        cause: As the line's own channels show it.
        lost_w: Power that the line lost.
        rise_w: By how much the incomer's residual grew at that time; None if not known.
    """
    if cause not in {Cause.BREAKER_OR_CT, Cause.UNKNOWN} or rise_w is None or lost_w <= 0:
        return cause
    if rise_w >= INCOMER_RISE * lost_w:
        return Cause.CT
    return Cause.BREAKER if cause is Cause.BREAKER_OR_CT else cause


def find_loss_cause(line: LineTracker, others: Iterable[LineTracker], slot: int, dt_s: int) -> Cause:
    """Why `line` has no data; `others` are the lines of its linkage."""
    fresh_slots = count_fresh_slots(dt_s)
    alive = any(slot - other.last_slot <= fresh_slots for other in others if other is not line)
    if line.refused_slot >= slot - fresh_slots:
        return Cause.REJECTED
    fresh = line.last_slot - line.channels.slot <= fresh_slots
    if line.channels.slot >= 0 and fresh and line.channels.find_cause(line.params, 0) is Cause.SUPPLY:
        return Cause.SUPPLY
    return Cause.METER if alive else Cause.SITE


def has_voltage_elsewhere(
    line: LineTracker, others: Iterable[LineTracker], slot: int, dt_s: int
) -> bool | None:
    """Whether any line but `line` has voltage; None if no other meter measures it."""
    found = [
        other.channels.voltage >= least_voltage_of(other.params)
        for other in others
        if other is not line
        and other.channels.voltage != ABSENT
        and slot - other.channels.slot <= count_fresh_slots(dt_s)
    ]
    return any(found) if found else None


def find_low_rule(params: LinkageParams, lines: Sequence[LineTracker], mean_w: int, normal_w: int) -> Rule:
    """The rule for treatment that draws `mean_w` instead of `normal_w`: see the module."""
    if any((one.lost_phase and one.had_phases) or _has_lost_voltage(one) for one in lines):
        return Rule.PHASE_LOST
    line = max(lines, key=lambda one: one.value)
    if _has_power_factor(line):
        if _is_turned_in_part(line, mean_w, normal_w):
            return Rule.WIRING
        kept = line.channels.pf >= 1000 * PF_KEPT * line.params.pf_on
        return Rule.UNDERSPEED if kept else Rule.IDLE
    return Rule.UNDERSPEED if mean_w >= params.underspeed_from * normal_w else Rule.IDLE


def is_power_factor_judged(lines: Sequence[LineTracker]) -> bool:
    """Whether the power factor of the strongest of these lines can tell idle from underspeed."""
    return _has_power_factor(max(lines, key=lambda one: one.value))


def _has_lost_voltage(line: LineTracker) -> bool:
    """Whether one of the voltages of its meter is gone: their mean has fallen, and power with it."""
    usual = 10 * line.params.voltage_v
    return bool(usual) and 0 <= line.channels.voltage < VOLTAGE_KEPT * usual


def _is_turned_in_part(line: LineTracker, mean_w: int, normal_w: int) -> bool:
    """Whether the usual current flows with too little power and too little power factor for any machine."""
    known, params = line.channels, line.params
    flows = params.current_on_a > 0 and known.current >= 1000 * CURRENT_KEPT * params.current_on_a
    return flows and mean_w < POWER_LOST * normal_w and known.pf < 1000 * POWER_LOST * params.pf_on


def _has_power_factor(line: LineTracker) -> bool:
    return line.channels.pf != ABSENT and line.params.pf_on > 0


def estimate_speed_hz(mean_w: int, normal_w: int) -> float:
    """The drive frequency at which a fan draws `mean_w`, if it draws `normal_w` at 50 Hz."""
    share = max(mean_w, 0) / max(normal_w, 1)
    return round(MAINS_HZ * math.cbrt(share), 1)


def collect_channels(lines: Iterable[LineTracker]) -> dict[str, dict[str, Any]]:
    """The latest channels by line, as evidence; lines without any are left out."""
    return {line.params.id: line.channels.to_body() for line in lines if line.channels.slot >= 0}
