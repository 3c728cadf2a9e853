"""How much of a bus's time the meters get that hold up the others: the dead and the slow. Pure.

- **Probes of dead meters.** While another meter answers, all probes together get no more than one part in
  PROBE_PARTS of the bus's time, whatever each costs and whether the bus has room or not: a gateway may be
  busy for 5 s with each, and others may wait for it. Where every meter would then not be probed once in
  RETURN_S, they get more, but before due polls no more than one part in PROBE_PARTS_LEAST. The first probes
  of a meter that had answered are not counted where they delay nobody. Between two probes another meter
  answers, or PROBE_OPEN_S pass: a gateway may still be busy with the first one.
- **A slow meter** is one whose last SLOW_POLLS polls took more than SLOW_POLL_S each, or whose last
  SLOW_ANSWERS answers did; the shortest of them is its cost. After a poll it rests, until its polls take one
  part in as many as there are live meters, and one in FAIR_PARTS_LEAST at most; no longer than REST_MAX_S. As
  long as it rests it is polled only where no quick meter comes due before it would have answered: then it
  delays nobody. Where all are slow, nobody is quick, so they take turns, longest overdue first, and the bus
  never waits.

Times are seconds of one clock; `first_s` is when the first poll of others is due.
"""

import math
from collections import deque
from typing import Final

from attrs import Factory, define

PROBE_PATIENCE_S: Final = 10.0
"""How long due polls go before a probe: a crowded bus must not hide that a meter is back."""
PROBE_OPEN_S: Final = 10.0
PROBE_PARTS: Final = 27
"""All dead meters together may take 4 % of a bus's time: 3.7 %, and what delays beside them cost."""
PROBE_PARTS_LEAST: Final = 19
"""5.3 %: more than that no probe may take from due polls, however many are dead."""
RETURN_S: Final = 295.0
"""A meter that is back is to be read within five minutes, so each of n dead ones is asked once in this time;
the rest is for the poll that is under way, and for the answer. Where a gateway waits W for each, that costs
n W / 295 s: within the 4 % for n W up to 11.8 s (one dead at any W, two at 5 s, three at 3.9 s), and 5.1 %
for three at 5 s, where no way to ask is cheaper: the others then keep 94.9 % of their time."""
SLOW_POLL_S: Final = 1.0
"""A poll of a quick meter is over sooner, even of several reads at 9600 baud."""
SLOW_POLLS: Final = 4
"""A lost answer makes none slow, nor do the first polls of the three groups, which look into what fails."""
SLOW_ANSWERS: Final = 2
"""One answer that took long may be the last of a meter that was busy."""
FAIR_PARTS_LEAST: Final = 4
"""Beside a meter that takes 9 s, one other keeps three quarters of its polls instead of half."""

REST_MAX_S: Final = 60.0
"""Two of its groups are then read in three minutes, after which a line would be taken for lost. It costs many
quick meters beside one that takes 9 s 13 % of their polls."""


@define(eq=False, repr=False)
class ProbeShare:
    """When silent meters may be probed."""

    _rest_until_s: float = -math.inf
    _give_way_until_s: float = -math.inf
    _open_until_s: float = -math.inf

    def find_moment(
        self, probe_s: float, cost_s: float, now_s: float, first_s: float, *, is_fresh: bool
    ) -> float:
        """When a meter may be probed whose pause ends at `probe_s` and whose last probe took `cost_s`.

        `is_fresh`: it has fallen silent just now. `first_s` is infinite where no meter answers.
        """
        free_s = max(probe_s, now_s)
        if first_s == math.inf:
            return free_s
        free_s = max(free_s, self._open_until_s)
        forced_s = max(free_s, probe_s + PROBE_PATIENCE_S, self._give_way_until_s)
        if not is_fresh:
            free_s = max(free_s, self._rest_until_s)
        return free_s if first_s - free_s >= cost_s else forced_s

    def note_probe(self, begun_s: float, now_s: float, dead: int, *, alone: bool) -> None:
        """Note a probe without an answer; so many meters are dead, or all of them (`alone`)."""
        self._open_until_s = now_s + PROBE_OPEN_S
        if alone:  # when the first is back, the others may be too
            self._rest_until_s = self._give_way_until_s = -math.inf
            return
        if begun_s < self._rest_until_s:  # it was made while they rest
            return
        cost_s = now_s - begun_s
        share_s = (PROBE_PARTS - 1) * cost_s
        in_time_s = max(RETURN_S / dead - cost_s, 0.0)
        give_way_s = max(in_time_s, (PROBE_PARTS_LEAST - 1) * cost_s)
        self._rest_until_s = now_s + min(share_s, in_time_s)
        self._give_way_until_s = now_s + min(share_s + PROBE_PATIENCE_S, give_way_s)

    def note_answer(self) -> None:
        """Note that a meter answered: the gateway is not busy with a dead one."""
        self._open_until_s = -math.inf


@define(eq=False, repr=False)
class FairShare:
    """The rests of one meter after polls that took long."""

    rests_until_s: float = -math.inf
    _took_s: deque[float] = Factory(lambda: deque([0.0] * SLOW_POLLS, SLOW_POLLS))
    _latency_s: deque[float] = Factory(lambda: deque([0.0] * SLOW_ANSWERS, SLOW_ANSWERS))

    @property
    def cost_s(self) -> float:
        """What one of its polls costs the others."""
        return max(min(self._took_s), min(self._latency_s))

    def note_poll(self, begun_s: float, now_s: float, live: int, latency_s: float) -> None:
        """Note a poll whose slowest answer took `latency_s`; so many meters live, with this one."""
        self._took_s.append(max(now_s - begun_s, 0.0))
        self._latency_s.append(latency_s)
        if self.cost_s <= SLOW_POLL_S or live < 2:
            self.rests_until_s = -math.inf
            return
        self.rests_until_s = now_s + min((max(live, FAIR_PARTS_LEAST) - 1) * self.cost_s, REST_MAX_S)

    def find_moment(self, due_s: float, now_s: float, first_s: float) -> float:
        """When a poll that is due at `due_s` may begin; `first_s` is of meters that do not rest."""
        free_s = max(due_s, now_s)
        return free_s if first_s - free_s >= self.cost_s else max(free_s, self.rests_until_s)
