"""Whether treatment that is too low fell by itself, minute by minute.

Low power accuses only as a fall: production went on as before, the same machines ran, and treatment fell.
Then somebody or something took it down. Other reasons for low power change production with it, or take their
time: another product, a new machine, a filter that clogs for weeks, the second pump of two, a fan that
follows the number of lines that run. What they need was never learned, so they are a question.

Compared is with the last ten healthy minutes of the same run (where its load has sunk since, with the least
healthy treatment at this load in the last days), else with the mean of the last hour of health in the runs
before, if nothing was made of late that was not learned. Production that has run for half an hour without
health shows no fall any more. Where something may be made that was not learned, only what no product explains
is a fall: less than treatment drew in health at any load of the last days, and less than all that was learned
needs.
"""

import math
from collections import deque
from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Any, Final

from attrs import define, field

from agent.detect.params import RANGE_MARGIN

RECENT_MINUTES: Final = 10
RECENT_LEAST: Final = 5
ALIKE_LEAST: Final = 3
"""Fewer minutes at a load were on the way to another."""
USUAL_MINUTES: Final = 60
"""Time constant of what is usual over several runs: longer than the waves of a load, shorter than a drift."""
STALE_MINUTES: Final = 30
"""After half an hour of production without health nobody knows what treatment would draw."""
SETTLED_MINUTES: Final = 5
"""A machine of production that joins or leaves in a lack changes what is needed; treatment follows it."""
PULSE_MINUTES: Final = 10
"""A machine that pulses rests for half of its time or more, and is at work at a minute's end by chance."""
FELL_TO: Final = 0.88
"""A healthy fan varies by less: the learned least is 0.88 of the 2 % quantile."""
SAME_LOAD: Final = 0.15
"""Production that differs by more is another load, or another product, which may need less treatment."""
ANY_PRODUCT: Final = 0.5
"""Another product may do with a fifth less air, which by the cube law of fans is half of the power."""
STAGE_U, STAGE_T = 0.9, 0.95
"""A fan in stages lingers at the edge of two: what it draws at a tenth less production is no fall, nor what
it drew in health at nearly this production in the last day or two of production, nor what suffices for the
least that was learned there: one step of production may hold both stages."""
BIN: Final = 1.06
"""Production is noted in steps of 6 %; those beside the present one count, too."""
STEPS: Final = 1 / math.log(BIN)
DAY_MINUTES: Final = 1440
ODD_MINUTES: Final = 240
ODD_SHARE: Final = 0.03
"""The learned product exceeds its greatest power for a minute in a thousand, on busy days for a few in a
hundred; another one for more."""
ODD_AT_ALL: Final = 0.005
"""One minute beyond the learned range in the last hours: what is made may be another product."""
SETS_MAX: Final = 8
"""Sets of treatment machines that take turns."""


_UNUSUAL: Final = (0.0, 0.0, 0)
"""Means of no minutes."""


@define(repr=False)
class Falls:
    """What treatment drew when it was last healthy.

    Attributes:
        recent: Production and treatment of the last healthy minutes of this run and its machines, W.
        run: The slot in which this run began.
        usual: By the treatment lines that ran: means of production and treatment over many healthy minutes,
            W, and how many minutes they are, up to USUAL_MINUTES.
        stale: Minutes of production without health since.
        on: The lines that ran in the last healthy minute: production, treatment, a bit for each.
        odd: The share of the last hours of production beyond its learned range.
        lows: Least healthy treatment by step of production, in this day of healthy minutes and the one
            before.
        noted: Healthy minutes in this day.
        at_end: The lines that ran at the end of the minute before; none after one that was not healthy.
        unsettled: Minutes for which the machines of the last health have to run before a fall is one again.
        pulses: The lines that ran at the ends of the last minutes, where production comes in pulses.
        least: Least production of the guard time before this minute; treatment may follow it that late.
    """

    recent: deque[tuple[int, int]] = field(factory=lambda: deque(maxlen=RECENT_MINUTES))
    run: int = -1
    usual: dict[int, tuple[float, float, int]] = field(factory=dict)
    stale: int = 0
    on: tuple[int, int] = (0, 0)
    odd: float = 0.0
    lows: tuple[dict[int, int], dict[int, int]] = field(factory=lambda: ({}, {}))
    noted: int = 0
    at_end: tuple[int, int] = (0, 0)
    unsettled: int = 0
    least: int = 0
    pulses: deque[int] = field(factory=lambda: deque(maxlen=PULSE_MINUTES))

    def hold_pulses(self, production: int) -> int:
        """`production`, the lines that run, with those that ran not long ago where machines pulse."""
        return reduce(or_, self.pulses, production)

    @property
    def is_odd(self) -> bool:
        """Whether something is made that was not seen while learning."""
        return self.odd > ODD_SHARE

    def note_production(self, minutes: int, u: int, range_w: int) -> None:
        """Take minutes of production; it is asked about above `range_w`, 0 if nothing is known."""
        is_odd = 0 < range_w <= RANGE_MARGIN * u
        if is_odd or self.odd:
            self.odd += (is_odd - self.odd) * min(minutes / ODD_MINUTES, 1.0)

    def note_health(self, u: int, t: int, run: int, on: tuple[int, int], least: int | None = None) -> None:
        """Take a healthy minute.

        Args:
            u: Mean production, W.
            t: Mean treatment, W.
            run: The slot in which its run of production began.
            on: The lines that ran at its end, of production and of treatment, a bit for each.
            least: Least production of the guard time at its end; None where it was `u`.
        """
        before, self.at_end = self.at_end, on
        demanding = self.least or u
        self.least = u if least is None else least
        if on != before:  # a machine started or stopped in it
            return
        machines, usual = on[1], self.usual
        if run != self.run or machines & ~self.on[1]:
            self.recent.clear()
        self.recent.append((u, t))
        mean_u, mean_t, minutes = usual.pop(machines, _UNUSUAL)
        if minutes < USUAL_MINUTES:
            minutes += 1
        usual[machines] = mean_u + (u - mean_u) / minutes, mean_t + (t - mean_t) / minutes, minutes
        if len(usual) > SETS_MAX:
            del usual[next(iter(usual))]
        self.run, self.stale, self.on, self.unsettled = run, 0, on, 0
        self.noted = noted = self.noted + 1
        if noted > DAY_MINUTES:
            self.lows, self.noted = ({}, self.lows[0]), 1
        lows, step = self.lows[0], _find_step(min(u, self.least, demanding))
        if t < lows.get(step, math.inf):
            lows[step] = t

    def note_lack(self, minutes: int, on: tuple[int, int]) -> None:
        """Take minutes of production without health, at whose end the lines `on` ran."""
        is_same = on[0] == self.on[0]
        self.unsettled = max(self.unsettled - minutes, 0) if is_same else SETTLED_MINUTES
        self.stale += minutes
        self.at_end, self.least = (0, 0), 0

    def is_fall(
        self,
        u: float,
        t: float,
        run: int,
        on: tuple[int, int],
        find_normal_w: Callable[[float], int],
        needed_w: int = 0,
        find_least_w: Callable[[float], int] | None = None,
    ) -> bool:
        """Whether treatment has fallen to `t` by itself while production is `u`, both means of the deficit.

        Args:
            u: W.
            t: W.
            run: The slot in which this run of production began.
            on: The lines that run now.
            find_normal_w: The usual treatment at a production.
            needed_w: The least that any learned production needs.
            find_least_w: The learned least of treatment at a production.
        """
        before = self._find_before(run)
        is_same = on[0] == self.on[0] and not on[1] & ~self.on[1]
        if before is None or not is_same or self.unsettled:
            return False
        before_u = before[0]
        if self.odd >= ODD_AT_ALL and self._is_below_all(u, t, before_u, needed_w) and run == self.run:
            return True
        if self.is_odd:
            return False
        is_stage = t >= min(STAGE_T * find_normal_w(STAGE_U * u), FELL_TO * self._find_low(u))
        if find_least_w is not None:
            is_stage = is_stage or t >= max(find_least_w(STAGE_U * u), needed_w)
        is_learned, is_same_run = self.odd < ODD_AT_ALL, run == self.run
        is_less = is_learned and is_same_run and u <= before_u and t <= FELL_TO * self._find_low(u) < math.inf
        alike = self._find_alike(u, run) or before
        is_near = abs(u - alike[0]) <= SAME_LOAD * alike[0] and (is_same_run or is_learned)
        compared_u, compared_t = alike if is_near else before
        share = min(1.0, find_normal_w(u) / max(find_normal_w(compared_u), 1))
        return (is_near or is_less) and t <= FELL_TO * compared_t * share and not is_stage

    def _find_alike(self, u: float, run: int) -> tuple[float, float] | None:
        """The mean of the last minutes of this run at nearly this production; zeros where they are few.

        A mean of two loads is none that was ever seen. None where the minutes of this run are not compared.
        """
        if run != self.run or self.pulses or len(self.recent) < RECENT_LEAST:
            return None
        alike = [pair for pair in self.recent if abs(u - pair[0]) <= SAME_LOAD * pair[0]]
        if len(alike) < ALIKE_LEAST:
            return 0.0, 0.0
        mean_u, mean_t = (sum(pair[side] for pair in alike) / len(alike) for side in (0, 1))
        return mean_u, mean_t

    def _is_below_all(self, u: float, t: float, before_u: float, needed_w: int) -> bool:
        """Whether `t` is far below any health of the last days, at a load of theirs or the last one."""
        is_seen = u <= before_u and self._find_low(u) < math.inf
        is_known = is_seen or abs(u - before_u) <= SAME_LOAD * before_u
        least = min((low for day in self.lows for low in day.values()), default=0)
        return is_known and t <= ANY_PRODUCT * min(least, needed_w / FELL_TO)

    def _find_low(self, u: float) -> float:
        """The least healthy treatment at nearly this production."""
        steps = range(_find_step(u) - 1, _find_step(u) + 2)
        known = [day[step] for day in self.lows for step in steps if step in day]
        return min(known, default=math.inf)

    def _find_before(self, run: int) -> tuple[float, float] | None:
        """Production and treatment to compare with; None if unknown."""
        if self.stale > STALE_MINUTES:
            return None
        count = 0 if self.pulses else len(self.recent)  # ten minutes of pulses have a mean by chance
        if run == self.run and count >= RECENT_LEAST:
            u, t = (sum(pair[side] for pair in self.recent) / count for side in (0, 1))
            return u, t
        u, t, minutes = self.usual.get(self.on[1], (0.0, 0.0, 0))
        return (u, t) if minutes >= RECENT_LEAST else None

    def state(self) -> list[Any]:
        """Everything that `restore` needs."""
        recent = [watts for pair in self.recent for watts in pair]
        usual = [[mask, *means] for mask, means in self.usual.items()]
        lows = [[[*pair] for pair in day.items()] for day in self.lows]
        return [
            recent,
            self.run,
            usual,
            self.stale,
            list(self.on),
            self.odd,
            lows,
            self.noted,
            list(self.at_end),
            self.unsettled,
            self.least,
            list(self.pulses),
        ]

    def restore(self, state: list[Any]) -> None:
        """Continue from `state`."""
        recent, self.run, usual, self.stale, on, self.odd, (now, before), self.noted, at_end, *later = state
        later += [0, 0, []][len(later) :]  # states of earlier versions end before
        self.unsettled, self.least, pulses = later
        self.pulses = deque(pulses, maxlen=PULSE_MINUTES)
        self.at_end = (at_end[0], at_end[1])
        self.lows = dict(now), dict(before)
        self.recent = deque(zip(recent[::2], recent[1::2], strict=True), maxlen=RECENT_MINUTES)
        self.usual = {mask: (u, t, minutes) for mask, u, t, minutes in usual}
        self.on = (on[0], on[1])


def _find_step(u: float) -> int:
    return int(math.log(u) * STEPS) if u > 1 else 0
