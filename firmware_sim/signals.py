"""Load profiles: how much power a line takes at a moment, as a pure function of seed and time.

A line runs in `Run`s (a begin, an end, a level). Shapes:

    shift        one run per working window of the local day
    batch        many runs within each window, with pauses
    continuous   one run for ever
    duty_cycled  as shift (or continuous without windows), switched on and off within the run
    follows      treatment: runs whenever one of `lines` runs, `lead_s` earlier and `tail_s` longer
                 (先启后停: treatment first on, last off); its load is `base` plus `gain` times the
                 load of those lines `lag_s` ago

Within a run the load is a trapezoid with `ramp_s` flanks times level, with a slow swing and fast
noise; outside it is `standby`. All loads are shares of the line's rated power. Local days and
windows are those of Beijing time, which has no daylight saving.
"""

import math
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

import numpy as np
from attrs import field, frozen

from firmware_sim.noise import Floats, gauss_at, key_of, smooth, uniform_at

DAY_S: Final = 86_400
LOCAL_OFFSET_S: Final = 8 * 3600
"""Beijing time is UTC+8 all year."""
NOISE_PERIOD_S: Final = 12.0
"""Fast load noise changes about as often as a plant's machines are touched."""
SWING_PERIOD_S: Final = 1500.0
"""Material and temperature move the load within half an hour."""
RUN_PAUSE_MIN_S: Final = 1.0
"""Shortest batch or pause that jitter may leave over, so that runs never meet."""
SPANS_MAX: Final = 256
"""Spans of days whose runs are remembered: those of a plant's lines, now and in its history."""
_SMOOTH_TAPS: Final = 4
_EVERY_DAY: Final = frozenset(range(1, 8))
_EPOCH_WEEKDAY: Final = 3
"""1970-01-01 was a Thursday: (0 + 3) mod 7 + 1 = 4 by ISO."""


class Shape(StrEnum):
    """How the runs of a line arise."""

    SHIFT = "shift"
    BATCH = "batch"
    CONTINUOUS = "continuous"
    DUTY_CYCLED = "duty_cycled"
    FOLLOWS = "follows"


@frozen
class Profile:
    """The load of one line; powers are shares of its rated power, times are seconds.

    Attributes:
        shape: How its runs come about.
        level: Load in a run.
        level_spread: Standard deviation of the level from run to run.
        standby: Load outside runs.
        noise: Relative standard deviation of the fast noise.
        swing: Relative standard deviation of the slow swing.
        ramp_s: Length of each flank of a run.
        shifts: Working windows in seconds of the local day; an end before its begin is next day's.
        days: ISO weekdays on which windows begin.
        jitter_s: Windows begin and end up to this much earlier or later.
        on_s: Length of a batch, or of a pulse of a duty cycle.
        off_s: Length of the pause after it.
        spread: Relative range of on_s and off_s, either way.
        lines: The lines that are followed.
        lag_s: How much later the load follows.
        lead_s: How much earlier the treatment starts.
        tail_s: How much longer it runs.
        smooth_s: Window over which the followed load is averaged.
        base: Load at no load of the followed lines.
        gain: Further load at their full load.
    """

    shape: Shape
    level: float = 0.75
    level_spread: float = 0.03
    standby: float = 0.005
    noise: float = 0.02
    swing: float = 0.04
    ramp_s: float = 20.0
    shifts: tuple[tuple[float, float], ...] = ()
    days: frozenset[int] = _EVERY_DAY
    jitter_s: float = 0.0
    on_s: float = 0.0
    off_s: float = 0.0
    spread: float = 0.1
    lines: tuple[str, ...] = ()
    lag_s: float = 30.0
    lead_s: float = 180.0
    tail_s: float = 300.0
    smooth_s: float = 60.0
    base: float = 0.35
    gain: float = 0.45


@frozen
class Run:
    """A time in which a line works: begin and end in seconds since 1970 UTC, and its load."""

    begin_s: float
    end_s: float
    level: float


@frozen
class Signals:
    """The loads of all lines of a plant, before events of the timetable.

    Attributes:
        profiles, rated_w: By line id.
        seed: Another seed is another plant with the same habits.
    """

    profiles: Mapping[str, Profile]
    rated_w: Mapping[str, float]
    seed: int
    _spans: dict[tuple[str, tuple[int, int]], tuple[Run, ...]] = field(
        factory=dict, init=False, eq=False, repr=False
    )

    def watts(self, line: str, t_s: Floats) -> Floats:
        """Active power of `line` at the given moments, which must ascend."""
        profile = self.profiles[line]
        envelope, level = self._envelope(line, t_s)
        if profile.shape is Shape.FOLLOWS:
            level = profile.base + profile.gain * self._average_leaders(profile, t_s)
        return self._at(line, t_s, envelope, level)

    def running(self, line: str, t_s: Floats, share: float | None = None) -> Floats:
        """What `line` takes while it is held at `share` of its rated power, or at the load of its runs."""
        profile = self.profiles[line]
        level = np.full_like(t_s, profile.level if share is None else share)
        if share is None and profile.shape is Shape.FOLLOWS:
            level = profile.base + profile.gain * self._average_leaders(profile, t_s)
        return self._at(line, t_s, np.ones_like(t_s), level)

    def _at(self, line: str, t_s: Floats, envelope: Floats, level: Floats) -> Floats:
        profile = self.profiles[line]
        wobble = 1.0 + profile.noise * smooth(key_of(self.seed, line, "noise"), t_s, NOISE_PERIOD_S)
        wobble += profile.swing * smooth(key_of(self.seed, line, "swing"), t_s, SWING_PERIOD_S)
        load = envelope * np.maximum(level * wobble - profile.standby, 0.0) + profile.standby
        return load * self.rated_w[line]

    def runs(self, line: str, begin_s: float, end_s: float) -> tuple[Run, ...]:
        """The runs of `line` that touch the time from `begin_s` to `end_s`, in order, apart."""
        profile = self.profiles[line]
        if self._is_endless(profile):
            return (Run(-math.inf, math.inf, profile.level),)
        reach_s = max(profile.jitter_s, profile.lead_s, profile.tail_s)
        span = (day_of(begin_s - reach_s) - 1, day_of(end_s + reach_s) + 1)
        runs = self._span_runs(line, span)
        return tuple(run for run in runs if run.end_s > begin_s and run.begin_s < end_s)

    def _is_endless(self, profile: Profile) -> bool:
        if profile.shape is Shape.FOLLOWS:
            return any(self._is_endless(self.profiles[line]) for line in profile.lines)
        return not profile.shifts

    def _span_runs(self, line: str, span: tuple[int, int]) -> tuple[Run, ...]:
        """The runs that begin from the first to the last day of `span`, joined where they touch."""
        if (line, span) not in self._spans:
            if len(self._spans) >= SPANS_MAX:
                self._spans.clear()
            runs = (run for day in range(span[0], span[1] + 1) for run in self._make_runs(line, day))
            self._spans[line, span] = _join_runs(runs)
        return self._spans[line, span]

    def _average_leaders(self, profile: Profile, t_s: Floats) -> Floats:
        """Load of the followed lines, lagged and averaged, as a share of their rated power."""
        rated = sum(self.rated_w[line] for line in profile.lines)
        taps = profile.lag_s + profile.smooth_s * np.arange(_SMOOTH_TAPS) / _SMOOTH_TAPS
        moments = (t_s[:, None] - taps[None, :]).ravel()
        order = np.argsort(moments, kind="stable")
        loads = np.empty_like(moments)
        loads[order] = sum(self.watts(line, moments[order]) for line in profile.lines)
        return np.asarray(loads.reshape(-1, _SMOOTH_TAPS).mean(axis=1) / rated, dtype=np.float64)

    def _envelope(self, line: str, t_s: Floats) -> tuple[Floats, Floats]:
        """How far the line is running at each moment, 0 to 1, and the level of that run."""
        profile = self.profiles[line]
        envelope, level = np.zeros_like(t_s), np.full_like(t_s, profile.level)
        ramp_s = max(profile.ramp_s, 1e-3)
        for run in self.runs(line, float(t_s[0]), float(t_s[-1])):
            inside = slice(*np.searchsorted(t_s, (run.begin_s, run.end_s)))
            edge = np.minimum(t_s[inside] - run.begin_s, run.end_s - t_s[inside])
            envelope[inside] = np.clip(edge / ramp_s, 0.0, 1.0)
            level[inside] = run.level
        return envelope * self._pulses(line, t_s), level

    def _pulses(self, line: str, t_s: Floats) -> Floats:
        """1 while the duty cycle is on, else 0; all 1 for lines without one."""
        profile = self.profiles[line]
        if profile.shape is Shape.BATCH or not profile.on_s:
            return np.ones_like(t_s)
        period_s = profile.on_s + profile.off_s
        shift_s = period_s * uniform_at(key_of(self.seed, line, "duty"), 0)
        return ((t_s + shift_s) % period_s < profile.on_s).astype(np.float64)

    def _make_runs(self, line: str, day: int) -> Iterable[Run]:
        profile = self.profiles[line]
        if profile.shape is Shape.FOLLOWS:
            for leader in profile.lines:
                for run in self._make_runs(leader, day):
                    yield Run(run.begin_s - profile.lead_s, run.end_s + profile.tail_s, 1.0)
            return
        if (day + _EPOCH_WEEKDAY) % 7 + 1 not in profile.days:
            return
        midnight_s = midnight_of(day)
        for i, (begin, end) in enumerate(profile.shifts):
            key = key_of(self.seed, line, str(day), str(i))
            begin_s = midnight_s + begin + profile.jitter_s * (2 * uniform_at(key, 0) - 1)
            end_s = midnight_s + end + profile.jitter_s * (2 * uniform_at(key, 1) - 1)
            end_s += DAY_S if end <= begin else 0
            if profile.shape is Shape.BATCH:
                yield from _make_batches(profile, key, begin_s, end_s)
            else:
                yield Run(begin_s, end_s, _level(profile, key, 2))


def _make_batches(profile: Profile, key: int, begin_s: float, end_s: float) -> Iterable[Run]:
    """Batches and pauses that fill the window; a last batch that does not fit is not started."""
    number = 3
    while begin_s < end_s:
        on_s, off_s = (
            max(length * (1 + profile.spread * (2 * uniform_at(key, number + i) - 1)), RUN_PAUSE_MIN_S)
            for i, length in enumerate((profile.on_s, profile.off_s))
        )
        if begin_s + on_s <= end_s:
            yield Run(begin_s, begin_s + on_s, _level(profile, key, number + 2))
        begin_s += on_s + off_s
        number += 3


def _level(profile: Profile, key: int, number: int) -> float:
    return max(profile.level * (1 + profile.level_spread * gauss_at(key, number)), profile.standby)


def _join_runs(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Runs in order; those that touch become one."""
    joined: list[Run] = []
    for run in sorted(runs, key=lambda run: run.begin_s):
        if joined and run.begin_s <= joined[-1].end_s:
            last = joined[-1]
            joined[-1] = Run(last.begin_s, max(last.end_s, run.end_s), last.level)
        else:
            joined.append(run)
    return tuple(joined)


def day_of(t_s: float) -> int:
    """The number of the local day of a moment."""
    return math.floor((t_s + LOCAL_OFFSET_S) / DAY_S)


def midnight_of(day: int) -> float:
    """When a local day begins."""
    return float(day * DAY_S - LOCAL_OFFSET_S)
