"""What a line that hardly ran at commissioning takes over from its sisters until it has been seen itself.

Fans that alternate by the week are one linkage, and three days show only one of them. A sister on the same
side is the best estimate for the other: how a motor's power changes, its power factor, how often its meter
repeats a value. The most lenient value of all sisters is taken, and the line's threshold stays provisional.
Where no sister ran either, only the repetition of a value is judged, which needs no knowledge of the machine.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import evolve

from agent.detect.line_params import LineParams

HARDLY_S: Final = 1200
"""Less than twenty minutes of running show too little of a machine."""
STUCK_UNLEARNED_S: Final = 600
STUCK_UNLEARNED_SLOTS: Final = 10
"""For a meter never seen under load: ten minutes, and ten slots."""


def borrow(
    lines: Sequence[LineParams], on_s: Mapping[str, int], dt_s: int
) -> tuple[tuple[LineParams, ...], dict[str, tuple[str, ...]]]:
    """The completed lines of one side, and for each that hardly ran the ids of the lines it borrows from.

    Args:
        lines: As far as they were learned.
        on_s: For how long each was on.
        dt_s: Length of a slot.
    """
    sisters = [line for line in lines if on_s[line.id] >= HARDLY_S]
    idle = {line.id for line in lines if line.threshold.provisional and on_s[line.id] < HARDLY_S}
    completed = tuple(_complete(line, sisters, dt_s) if line.id in idle else line for line in lines)
    return completed, {name: tuple(line.id for line in sisters) for name in sorted(idle)}


def _complete(line: LineParams, sisters: Sequence[LineParams], dt_s: int) -> LineParams:
    default_s = max(STUCK_UNLEARNED_S, STUCK_UNLEARNED_SLOTS * dt_s)
    limits = [one.stuck_on_s for one in sisters]
    heaters = [one.pf_heater for one in sisters]
    floors = [one.noise_floor for one in sisters]
    usual = [one.pf_on for one in sisters if one.pf_on]
    return evolve(
        line,
        # 0: a sister's meter repeats values for too long to be judged, and so may this one.
        stuck_on_s=max([default_s, *limits]) if all(limits) else 0,
        noise_floor=min(floors, default=0.0),
        pf_heater=max(heaters) if heaters and all(heaters) else 0.0,
        pf_on=line.pf_on or min(usual, default=0.0),
    )
