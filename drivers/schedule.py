"""Which meter of a bus is polled next.

Every group of every meter is due once in its interval; what is due longest goes first, and what was
missed on a crowded bus is left out, not made up for. Failures have two levels:

- **A silent meter** costs at most two time-outs. After the second its groups rest, and a single probe
  is tried after a pause that grows from 0.5 s to 10 s. Probes stand behind every poll that is due, but
  for no longer than PROBE_PATIENCE_S. One answer, and everything is due again.
- **A bus that is down** rests as a whole, with a pause that grows in the same way.

A meter that answers but refuses a group is not silent: that group alone is tried less often.

Pure: the time comes in as `now_s` and may be of any clock that never runs back.
"""

from collections.abc import Iterable
from typing import Final

from attrs import Factory, define, frozen

from drivers.meter import MeterSetup
from drivers.reading import PollGroup, Quality

SILENCES_MAX: Final = 2
"""Time-outs in a row that a meter may cost before its groups rest."""
PAUSE_FIRST_S: Final = 0.5
PAUSE_MAX_S: Final = 10.0
"""Pauses between probes of a silent meter, and between attempts to open a bus."""
PROBE_PATIENCE_S: Final = 10.0
"""How long a probe stands behind due polls: a crowded bus must not hide that a meter is back."""
REFUSED_PAUSE_MAX_S: Final = 300.0
"""Longest pause of a group that a meter refuses: as rare as the rarest poll."""


@frozen
class Due:
    """Poll this group of this meter now."""

    meter_id: str
    group: PollGroup


@frozen
class Wait:
    """Nothing to do for so many seconds."""

    seconds: float


@define
class _MeterState:
    """What is known of one meter; `intervals_s` has the group that matters most first."""

    intervals_s: dict[PollGroup, float]
    due_s: dict[PollGroup, float] = Factory(dict)
    refusals: dict[PollGroup, int] = Factory(dict)
    silences: int = 0
    probe_s: float = 0.0

    @property
    def silent(self) -> bool:
        return self.silences >= SILENCES_MAX


class Schedule:
    """The polls of one bus."""

    def __init__(self, setups: Iterable[MeterSetup]) -> None:
        self._meters = {setup.id: _MeterState(setup.intervals_s) for setup in setups}
        self._bus_failures = 0
        self._bus_rests_until_s = float("-inf")

    @property
    def silent_meters(self) -> tuple[str, ...]:
        """The meters that are only probed."""
        return tuple(meter_id for meter_id, state in self._meters.items() if state.silent)

    def is_silent(self, meter_id: str) -> bool:
        """Whether this meter is only probed."""
        return self._meters[meter_id].silent

    def next(self, now_s: float) -> Due | Wait:
        """What to do at `now_s`."""
        if now_s < self._bus_rests_until_s:
            return Wait(self._bus_rests_until_s - now_s)
        polls = [
            (state.due_s.setdefault(group, now_s), rank, meter_id, group)
            for meter_id, state in self._meters.items()
            for rank, group in enumerate(state.intervals_s)
            if not state.silent
        ]
        probes = [
            (state.probe_s, 0, meter_id, next(iter(state.intervals_s)))
            for meter_id, state in self._meters.items()
            if state.silent
        ]
        waits_s = [entry[0] - now_s for entry in polls + probes]
        ready = [entry for entry in polls if entry[0] <= now_s]
        late_probes = [entry for entry in probes if entry[0] <= now_s - PROBE_PATIENCE_S]
        for entries in (late_probes, ready, [entry for entry in probes if entry[0] <= now_s]):
            if entries:
                first = min(entries, key=lambda entry: entry[:2])
                return Due(first[2], first[3])
        return Wait(min(waits_s, default=PAUSE_MAX_S))

    def done(
        self, meter_id: str, group: PollGroup, now_s: float, quality: Quality, *, refused: bool = False
    ) -> None:
        """A poll ended; `refused` if the meter answered it with an exception."""
        self._bus_failures = 0
        state = self._meters[meter_id]
        if quality is not Quality.BAD or refused:
            self._answered(state, group, now_s, refused)
            return
        state.silences += 1
        self._put_off(state, group, now_s)
        if state.silent:
            state.probe_s = now_s + _pause_s(state.silences - SILENCES_MAX)

    def bus_down(self, now_s: float) -> None:
        """The bus could not be used: everything rests."""
        self._bus_rests_until_s = now_s + _pause_s(self._bus_failures)
        self._bus_failures += 1

    def _answered(self, state: _MeterState, group: PollGroup, now_s: float, refused: bool) -> None:
        if state.silent:
            state.due_s = {other: min(due_s, now_s) for other, due_s in state.due_s.items()}
        state.silences = 0
        self._put_off(state, group, now_s)
        if not refused:
            state.refusals[group] = 0
            return
        state.refusals[group] = min(state.refusals.get(group, 0) + 1, 16)  # 2^16 intervals are beyond any
        every_s = state.intervals_s[group]
        pause_s = min(every_s * 2.0 ** state.refusals[group], max(REFUSED_PAUSE_MAX_S, every_s))
        state.due_s[group] = now_s + pause_s

    @staticmethod
    def _put_off(state: _MeterState, group: PollGroup, now_s: float) -> None:
        """To the next whole interval that is still to come."""
        every_s = state.intervals_s[group]
        due_s = state.due_s.get(group, now_s)
        missed = max((now_s - due_s) // every_s, 0)
        state.due_s[group] = due_s + (missed + 1) * every_s


def _pause_s(failures: int) -> float:
    return min(PAUSE_FIRST_S * 2.0 ** min(failures, 16), PAUSE_MAX_S)
