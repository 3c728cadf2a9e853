"""Which meter of a bus is polled next.

Every group of every meter is due once per interval; the longest overdue goes first, and polls
missed on a crowded bus are dropped, not made up for. Failures have two levels:

- **A silent meter** costs at most two time-outs, or one of more than LONG_SILENCE_S if it never answered.
  After that its groups rest, and a single probe is tried after a pause that grows from 0.5 s to 10 s, while
  nothing else is due. On a bus that has no such time a probe goes before due polls once it has waited for
  PROBE_PATIENCE_S. Who fell silent last is probed first, then each in its turn. After one answer all groups
  are due again.
- **A bus that is down** rests as a whole, with a pause that grows in the same way.

A poll may have to wait between two of its reads (`note_wait`): meanwhile other meters are polled, no group of
its own is due, and it goes on as soon as it may. What it waited is not counted as time that it took.

A meter that answers something is not silent, though it may take some polls until it is known what it has. One
that refuses a group is not either: that group alone is tried less often, once it was
refused as often as the meter needs to look into registers that it had. A meter in whose place a gateway
answers (exceptions 10 and 11) is silent.

Pure: the time is passed in as `now_s`, of any clock that never runs back.
"""

import heapq
import math
from collections.abc import Iterable
from typing import Final

from attrs import Factory, define, frozen

from drivers.poll.meter import MeterSetup
from drivers.poll.share import FairShare, ProbeShare
from drivers.poll.splitting import FAILURES_PROVEN
from drivers.reading import PollGroup, Quality

FRESH_SILENCES: Final = 4
"""A meter that was silent no oftener may have lost two answers to noise: it is probed before dead ones."""
SILENCES_MAX: Final = 2
"""Time-outs in a row that a meter may cost before its groups rest."""
PAUSE_FIRST_S: Final = 0.5
PAUSE_MAX_S: Final = 10.0
"""Pauses between probes of a silent meter, and between attempts to open a bus."""
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
class GoOn:
    """Go on with the poll of this meter that waited."""

    meter_id: str


@frozen
class Wait:
    """Nothing to do for this many seconds."""

    seconds: float


@define(eq=False, repr=False)
class _MeterState:
    """The state of one meter; `intervals_s` has the group that matters most first."""

    number: int
    intervals_s: dict[PollGroup, float]
    due_s: dict[PollGroup, float] = Factory(dict)
    refusals: dict[PollGroup, int] = Factory(dict)
    """In a row, less those that a group which was answered has free."""
    silences: int = 0
    has_answered: bool = False
    probe_s: float = 0.0
    probe_cost_s: float = 0.0
    fair: FairShare = Factory(FairShare)
    goes_on_s: float = math.inf
    """When the poll that waits may go on."""
    took_s: float = 0.0
    """How long that poll has taken so far, without its waits."""

    @property
    def is_silent(self) -> bool:
        return self.silences >= SILENCES_MAX

    @property
    def is_fresh(self) -> bool:
        return self.has_answered and self.silences <= FRESH_SILENCES


_Entry = tuple[float, int, int, str, PollGroup]
"""When it is due, how much its group matters, the meter's number; meter and group."""


class Schedule:
    """The polls of one bus."""

    def __init__(self, setups: Iterable[MeterSetup]) -> None:
        self._meters = {
            setup.id: _MeterState(number, setup.intervals_s) for number, setup in enumerate(setups)
        }
        self._silent: dict[str, _MeterState] = {}
        self._resting: dict[str, _MeterState] = {}
        self._waiting: dict[str, _MeterState] = {}
        self._queue: list[_Entry] = []
        self._begun = False
        self._poll_begun_s = 0.0
        self._probes = ProbeShare()
        self._bus_failures = 0
        self._bus_rests_until_s = float("-inf")

    @property
    def silent_meters(self) -> tuple[str, ...]:
        """The meters that are only probed."""
        return tuple(meter_id for meter_id, state in self._meters.items() if state.is_silent)

    def is_silent(self, meter_id: str) -> bool:
        """Whether this meter is only probed."""
        return self._meters[meter_id].is_silent

    def next(self, now_s: float) -> Due | GoOn | Wait:
        """What to do at `now_s`."""
        if now_s < self._bus_rests_until_s:
            return Wait(self._bus_rests_until_s - now_s)
        if not self._begun:
            self._begun = True
            for meter_id, state in self._meters.items():
                self._put(meter_id, state, dict.fromkeys(state.intervals_s, now_s))
        self._poll_begun_s = now_s
        goes_on_s, meter_id = self._find_waiting()
        if goes_on_s <= now_s:
            return self._go_on(meter_id, now_s)
        first = self._find_first(now_s)
        first_s = math.inf if first is None else first[0]
        slow_s, slow = self._find_slow(now_s, min(first_s, goes_on_s))
        probe_s, meter_id = self._find_next_probe(now_s, min(first_s, slow_s, goes_on_s))
        if probe_s <= now_s:
            return Due(meter_id, next(iter(self._meters[meter_id].intervals_s)))
        if first is not None and first_s <= now_s:
            return Due(first[3], first[4])
        if slow is not None and slow_s <= now_s:
            return slow
        next_s = min(first_s, slow_s, probe_s, goes_on_s)
        return Wait(PAUSE_MAX_S if next_s == math.inf else next_s - now_s)

    def _find_waiting(self) -> tuple[float, str]:
        """When the first poll that waits goes on, and whose it is."""
        waiting = ((state.goes_on_s, meter_id) for meter_id, state in self._waiting.items())
        return min(waiting, default=(math.inf, ""))

    def _go_on(self, meter_id: str, now_s: float) -> GoOn:
        self._poll_begun_s = now_s - self._waiting[meter_id].took_s
        return GoOn(meter_id)

    def _find_first(self, now_s: float) -> _Entry | None:
        """The poll that is due first, but for slow meters that rest; drops entries that were replaced."""
        for meter_id, state in list(self._resting.items()):
            if state.fair.rests_until_s <= now_s:
                self._end_rest(meter_id, state)
        queue = self._queue
        while queue:
            due_s, _, _, meter_id, group = queue[0]
            state = self._meters[meter_id]
            is_away = state.is_silent or meter_id in self._resting or meter_id in self._waiting
            if not is_away and state.due_s[group] == due_s:
                return queue[0]
            heapq.heappop(queue)
        return None

    def _end_rest(self, meter_id: str, state: _MeterState) -> None:
        """Put the polls of a slow meter back among those of the others."""
        del self._resting[meter_id]
        self._put(meter_id, state, dict(state.due_s))

    def _find_slow(self, now_s: float, first_s: float) -> tuple[float, Due | None]:
        """When the first poll of the slow meters that rest may begin, and which."""
        polls = [
            (state.fair.find_moment(due_s, now_s, first_s), due_s, state.number, Due(meter_id, group))
            for meter_id, state in self._resting.items()
            if meter_id not in self._waiting
            for group, due_s in state.due_s.items()
        ]
        if not polls:
            return math.inf, None
        at_s, _, _, due = min(polls, key=lambda poll: poll[:3])
        return at_s, due

    def _find_next_probe(self, now_s: float, first_s: float) -> tuple[float, str]:
        """When the next silent meter is probed if nothing else changes, and which: each in its turn."""
        turns = [
            (state.silences > FRESH_SILENCES, state.probe_s, meter_id)
            for meter_id, state in self._silent.items()
            if meter_id not in self._waiting
        ]
        if not turns:
            return math.inf, ""
        _, probe_s, meter_id = min(turns)
        state = self._silent[meter_id]
        moment_s = self._probes.find_moment(
            probe_s, state.probe_cost_s, now_s, first_s, is_fresh=state.is_fresh
        )
        return moment_s, meter_id

    def note_poll(
        self,
        meter_id: str,
        group: PollGroup,
        now_s: float,
        quality: Quality,
        *,
        refused: bool = False,
        heard: bool = False,
        latency_s: float = 0.0,
    ) -> None:
        """Note the end of a poll.

        `refused`: the meter answered it with an exception. `heard`: it answered something, though there is no
        reading. `latency_s`: that of its slowest answer, or 0.
        """
        self._bus_failures = 0
        state = self._meters[meter_id]
        self._end_wait(meter_id)
        if quality is not Quality.BAD or refused or heard:
            live = len(self._meters) - len(self._silent.keys() - {meter_id})
            state.fair.note_poll(self._poll_begun_s, now_s, live, latency_s)
            self._note_life(meter_id, state, now_s)
            if quality is Quality.BAD and not refused:
                self._put_off(meter_id, state, group, now_s)
            else:
                self._note_answer(meter_id, state, group, now_s, refused=refused)
            return
        cost_s = max(now_s - self._poll_begun_s, 0.0)
        state.silences += 1
        if cost_s > LONG_SILENCE_S and not state.has_answered:
            state.silences = max(state.silences, SILENCES_MAX)
        if not state.is_silent:
            self._put_off(meter_id, state, group, now_s)
            return
        self._resting.pop(meter_id, None)
        if meter_id in self._silent:
            dead = len(self._silent)
            self._probes.note_probe(self._poll_begun_s, now_s, dead, alone=dead == len(self._meters))
        self._silent[meter_id] = state
        state.probe_cost_s = cost_s
        state.probe_s = now_s + _pause_s(state.silences - SILENCES_MAX)

    def note_wait(self, meter_id: str, now_s: float, wait_s: float) -> None:
        """Note that a poll that has begun may go on only in `wait_s`: others may be polled meanwhile."""
        state = self._waiting[meter_id] = self._meters[meter_id]
        state.goes_on_s, state.took_s = now_s + wait_s, now_s - self._poll_begun_s

    def _end_wait(self, meter_id: str) -> None:
        """Let the groups of a meter be due again whose poll waited, and is over."""
        state = self._waiting.pop(meter_id, None)
        if state is not None:
            self._put(meter_id, state, dict(state.due_s))

    def note_bus_down(self, now_s: float) -> None:
        """Note that the bus could not be used: everything rests, and polls that waited are over."""
        for meter_id in tuple(self._waiting):
            self._end_wait(meter_id)
        self._bus_rests_until_s = now_s + _pause_s(self._bus_failures)
        self._bus_failures += 1

    def _note_life(self, meter_id: str, state: _MeterState, now_s: float) -> None:
        """Note that a meter is there."""
        self._probes.note_answer()
        was_silent, state.silences, state.has_answered = state.is_silent, 0, True
        if was_silent:
            del self._silent[meter_id]
            self._put(meter_id, state, {other: min(due_s, now_s) for other, due_s in state.due_s.items()})
        if state.fair.rests_until_s > now_s:
            self._resting[meter_id] = state
        elif meter_id in self._resting:
            self._end_rest(meter_id, state)

    def _note_answer(
        self, meter_id: str, state: _MeterState, group: PollGroup, now_s: float, *, refused: bool
    ) -> None:
        """Note that a group was read, or refused."""
        if not refused:
            state.refusals[group] = -FAILURES_PROVEN
            self._put_off(meter_id, state, group, now_s)
            return
        refusals = state.refusals[group] = min(state.refusals.get(group, 0) + 1, 16)  # 2^16 is beyond any
        if refusals <= 0:
            self._put_off(meter_id, state, group, now_s)
            return
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
