"""Which meter of a bus is polled next.

Every group of every meter is due once per interval; the longest overdue goes first, and polls
missed on a crowded bus are dropped, not made up for. Failures have two levels:

- **A silent meter** costs at most two time-outs, or one of more than LONG_SILENCE_S if it never answered.
  After that its groups rest, and a single probe is tried after a pause that grows from 0.5 s to 10 s, while
  nothing else is due. On a bus that has no such time a probe goes before due polls once it has waited for
  PROBE_PATIENCE_S. While another meter answers, all probes together get no more than one part in
  PROBE_PARTS of the bus's time, whatever each costs and whether the bus has room or not: a gateway may be
  busy for 5 s with each, and others may wait for it. Where every meter would then not be probed once in
  RETURN_S, they get more, but before due polls no more than one part in PROBE_PARTS_LEAST. Who fell silent
  last is probed first, then each in its turn. The first probes of a meter that had answered are not counted
  where they delay nobody. Between two probes another meter answers, or PAUSE_MAX_S pass: a gateway may still
  be busy with the first one. After one answer all groups are due again.
- **A bus that is down** rests as a whole, with a pause that grows in the same way.

A meter that answers but refuses a group is not silent: that group alone is tried less often. A meter in
whose place a gateway answers (exceptions 10 and 11) is silent.

Pure: the time is passed in as `now_s`, of any clock that never runs back.
"""

import heapq
import math
from collections.abc import Iterable
from typing import Final

from attrs import Factory, define, frozen

from drivers.poll.meter import MeterSetup
from drivers.reading import PollGroup, Quality

FRESH_SILENCES: Final = 4
"""A meter that was silent no oftener may have lost two answers to noise: it is probed before dead ones."""
SILENCES_MAX: Final = 2
"""Time-outs in a row that a meter may cost before its groups rest."""
PAUSE_FIRST_S: Final = 0.5
PAUSE_MAX_S: Final = 10.0
"""Pauses between probes of a silent meter, and between attempts to open a bus."""
PROBE_PATIENCE_S: Final = 10.0
"""How long due polls go before a probe: a crowded bus must not hide that a meter is back."""
PROBE_PARTS: Final = 27
"""All dead meters together may take 4 % of a bus's time: 3.7 %, and what delays beside them cost."""
PROBE_PARTS_LEAST: Final = 19
"""5.3 %: more than that no probe may take from due polls, however many are dead."""
RETURN_S: Final = 295.0
"""A meter that is back is to be read within five minutes, so each of n dead ones is asked once in this time;
the rest is for the poll that is under way, and for the answer. Where a gateway waits W for each, that costs
n W / 295 s: within the 4 % for n W up to 11.8 s (one dead at any W, two at 5 s, three at 3.9 s), and 5.1 %
for three at 5 s, where no way to ask is cheaper: the others then keep 94.9 % of their time."""
LONG_SILENCE_S: Final = 1.0
"""A silence that costs more than the usual first time-out: a gateway was busy with it."""
REFUSED_PAUSE_MAX_S: Final = 300.0
"""Longest pause of a group that a meter refuses: as rare as the rarest poll."""


@frozen
class Due:
    """Poll this group of this meter now."""

    meter_id: str
    group: PollGroup


@frozen
class Wait:
    """Nothing to do for this many seconds."""

    seconds: float


@define
class _MeterState:
    """The state of one meter; `intervals_s` has the group that matters most first."""

    number: int
    intervals_s: dict[PollGroup, float]
    due_s: dict[PollGroup, float] = Factory(dict)
    refusals: dict[PollGroup, int] = Factory(dict)
    silences: int = 0
    has_answered: bool = False
    probe_s: float = 0.0
    probe_cost_s: float = 0.0

    @property
    def is_silent(self) -> bool:
        return self.silences >= SILENCES_MAX


_Entry = tuple[float, int, int, str, PollGroup]
"""When it is due, how much its group matters, the meter's number; meter and group."""


class Schedule:
    """The polls of one bus."""

    def __init__(self, setups: Iterable[MeterSetup]) -> None:
        self._meters = {
            setup.id: _MeterState(number, setup.intervals_s) for number, setup in enumerate(setups)
        }
        self._silent: dict[str, _MeterState] = {}
        self._queue: list[_Entry] = []
        self._begun = False
        self._poll_begun_s = 0.0
        self._probes_rest_until_s = float("-inf")
        self._probes_give_way_until_s = float("-inf")
        self._probe_open_until_s = float("-inf")
        self._bus_failures = 0
        self._bus_rests_until_s = float("-inf")

    @property
    def silent_meters(self) -> tuple[str, ...]:
        """The meters that are only probed."""
        return tuple(meter_id for meter_id, state in self._meters.items() if state.is_silent)

    def is_silent(self, meter_id: str) -> bool:
        """Whether this meter is only probed."""
        return self._meters[meter_id].is_silent

    def next(self, now_s: float) -> Due | Wait:
        """What to do at `now_s`."""
        if now_s < self._bus_rests_until_s:
            return Wait(self._bus_rests_until_s - now_s)
        if not self._begun:
            self._begun = True
            for meter_id, state in self._meters.items():
                self._put(meter_id, state, dict.fromkeys(state.intervals_s, now_s))
        self._poll_begun_s = now_s
        first = self._find_first()
        probe_s, meter_id = self._find_next_probe(now_s, first)
        if probe_s <= now_s:
            return Due(meter_id, next(iter(self._meters[meter_id].intervals_s)))
        due_s = first[0] if first is not None else math.inf
        if first is not None and due_s <= now_s:
            return Due(first[3], first[4])
        next_s = min(due_s, probe_s)
        return Wait(PAUSE_MAX_S if next_s == math.inf else next_s - now_s)

    def _find_first(self) -> _Entry | None:
        """The poll that is due first. Entries that a newer one has replaced are dropped."""
        queue = self._queue
        while queue:
            due_s, _, _, meter_id, group = queue[0]
            state = self._meters[meter_id]
            if not state.is_silent and state.due_s[group] == due_s:
                return queue[0]
            heapq.heappop(queue)
        return None

    def _find_next_probe(self, now_s: float, first: _Entry | None) -> tuple[float, str]:
        """When the next silent meter is probed if nothing else changes, and which: each in its turn."""
        turns = [
            (state.silences > FRESH_SILENCES, state.probe_s, meter_id)
            for meter_id, state in self._silent.items()
        ]
        if not turns:
            return math.inf, ""
        _, _, meter_id = min(turns)
        return self._find_moment(self._silent[meter_id], now_s, first), meter_id

    def _find_moment(self, state: _MeterState, now_s: float, first: _Entry | None) -> float:
        """When a silent meter may be probed."""
        free_s = max(state.probe_s, now_s)
        if first is None:
            return free_s
        free_s = max(free_s, self._probe_open_until_s)
        forced_s = max(free_s, state.probe_s + PROBE_PATIENCE_S, self._probes_give_way_until_s)
        if not (state.has_answered and state.silences <= FRESH_SILENCES):
            free_s = max(free_s, self._probes_rest_until_s)
        return free_s if first[0] - free_s >= state.probe_cost_s else forced_s

    def note_poll(
        self, meter_id: str, group: PollGroup, now_s: float, quality: Quality, *, refused: bool = False
    ) -> None:
        """Note the end of a poll; `refused` if the meter answered it with an exception."""
        self._bus_failures = 0
        state = self._meters[meter_id]
        if quality is not Quality.BAD or refused:
            self._note_answer(meter_id, state, group, now_s, refused=refused)
            return
        cost_s = max(now_s - self._poll_begun_s, 0.0)
        state.silences += 1
        if cost_s > LONG_SILENCE_S and not state.has_answered:
            state.silences = max(state.silences, SILENCES_MAX)
        if not state.is_silent:
            self._put_off(meter_id, state, group, now_s)
            return
        if meter_id in self._silent:
            self._rest_probes(now_s, cost_s)
            self._probe_open_until_s = now_s + PAUSE_MAX_S
        self._silent[meter_id] = state
        state.probe_cost_s = cost_s
        state.probe_s = now_s + _pause_s(state.silences - SILENCES_MAX)

    def _rest_probes(self, now_s: float, cost_s: float) -> None:
        """Let the probes rest after one that took so much time, unless it was made while they rest."""
        if self._find_first() is None:  # nobody answers: when the first is back, the others may be too
            self._probes_rest_until_s = self._probes_give_way_until_s = float("-inf")
            return
        if self._poll_begun_s < self._probes_rest_until_s:
            return
        share_s = (PROBE_PARTS - 1) * cost_s
        in_time_s = max(RETURN_S / len(self._silent) - cost_s, 0.0)
        give_way_s = max(in_time_s, (PROBE_PARTS_LEAST - 1) * cost_s)
        self._probes_rest_until_s = now_s + min(share_s, in_time_s)
        self._probes_give_way_until_s = now_s + min(share_s + PROBE_PATIENCE_S, give_way_s)

    def note_bus_down(self, now_s: float) -> None:
        """Note that the bus could not be used: everything rests."""
        self._bus_rests_until_s = now_s + _pause_s(self._bus_failures)
        self._bus_failures += 1

    def _note_answer(
        self, meter_id: str, state: _MeterState, group: PollGroup, now_s: float, *, refused: bool
    ) -> None:
        self._probe_open_until_s = float("-inf")
        was_silent, state.silences, state.has_answered = state.is_silent, 0, True
        if was_silent:
            del self._silent[meter_id]
            self._put(meter_id, state, {other: min(due_s, now_s) for other, due_s in state.due_s.items()})
        if not refused:
            state.refusals.pop(group, None)
            self._put_off(meter_id, state, group, now_s)
            return
        refusals = state.refusals[group] = min(state.refusals.get(group, 0) + 1, 16)  # 2^16 is beyond any
        every_s = state.intervals_s[group]
        pause_s = min(every_s * 2.0**refusals, max(REFUSED_PAUSE_MAX_S, every_s))
        self._put(meter_id, state, {group: now_s + pause_s})

    def _put_off(self, meter_id: str, state: _MeterState, group: PollGroup, now_s: float) -> None:
        """Put the group off to its next whole interval."""
        every_s = state.intervals_s[group]
        due_s = state.due_s.get(group, now_s)
        missed = max((now_s - due_s) // every_s, 0)
        self._put(meter_id, state, {group: due_s + (missed + 1) * every_s})

    def _put(self, meter_id: str, state: _MeterState, due_s: dict[PollGroup, float]) -> None:
        for rank, group in enumerate(state.intervals_s):
            if group in due_s:
                state.due_s[group] = due_s[group]
                heapq.heappush(self._queue, (due_s[group], rank, state.number, meter_id, group))


def _pause_s(failures: int) -> float:
    return min(PAUSE_FIRST_S * 2.0 ** min(failures, 16), PAUSE_MAX_S)
