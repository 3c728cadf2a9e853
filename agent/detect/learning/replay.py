"""Runs the detector's own trackers over recorded data, to count what they would have counted.

The parameters are those just learned, with every limit out of reach, so that no verdict changes the counts.
"""

from typing import Final

from attrs import evolve, field, frozen, mutable

from agent.detect.counts import ORPHANS_MAX
from agent.detect.findings import LinkageWatch
from agent.detect.learning.series import Grid
from agent.detect.line import compute_noise_alpha, start_trackers
from agent.detect.params import LinkageParams

OUT_OF_REACH_S: Final = 1e12
NIGHT_S: Final = 14_400
"""Treatment that ran through a whole pause of four hours does not follow production."""
NOISE_WARM_UP_MEANS: Final = 5
"""After five time constants the noise mean no longer depends on its start."""
_ANY_NOISE: Final = 1e-12
"""A noise floor below every load, which turns the measurement of noise on."""


@frozen
class Excursion:
    """A stretch of deficit: first and last slot of the data, and the greatest S that could have raised."""

    begin: int
    end: int
    peak_s: float


@mutable
class Counts:
    """What the trackers counted.

    Attributes:
        excursions: Every stretch of deficit.
        starts: How often production started.
        on_s: How long it ran.
        overrun_s: Longest run of treatment after production.
        night: Whether treatment ran through a whole long pause of production.
        orphans: Most treatment runs without production within 24 hours.
        interrupted_s: Greatest sum of short interruptions within their window.
        noise: For each treatment line its noise means while on.
        correlations: r of each minute in which production varied enough.
    """

    excursions: list[Excursion] = field(factory=list)
    starts: int = 0
    on_s: int = 0
    overrun_s: int = 0
    night: bool = False
    orphans: int = 0
    interrupted_s: int = 0
    noise: dict[str, list[float]] = field(factory=dict)
    correlations: list[float] = field(factory=list)


def replay(params: LinkageParams, data: Grid, deviation_w: float) -> Counts:
    """Run over all slots of `data`; `deviation_w` is the standard deviation of production."""
    link = _start_watch(params, data.first, deviation_w)
    lines = link.production + link.treatment
    columns = [
        [int(value) if value == value else None for value in data.watts[line.params.id].tolist()]  # noqa: PLR0124  NaN
        for line in lines
    ]
    counters = _Counters(link, data.dt_s)
    for index, row in enumerate(zip(*columns, strict=True)):
        slot = data.first + index
        for line, watts in zip(lines, row, strict=True):
            line.step(slot, watts)
        link.step(slot)
        counters.count(index)
    counters.end_deficit(data.slots)
    return counters.seen


def _start_watch(params: LinkageParams, slot: int, deviation_w: float) -> LinkageWatch:
    free = evolve(
        params,
        limit_s=OUT_OF_REACH_S,
        overrun_s=0,
        orphans_limit=ORPHANS_MAX + 1,
        correlation_sd_w=deviation_w,
        correlation_limit=-2.0,
        treatment=tuple(evolve(line, noise_floor=_ANY_NOISE) for line in params.treatment),
    )
    return LinkageWatch.start(free, start_trackers([free], slot), slot)


class _Counters:
    """Reads the trackers after every slot."""

    def __init__(self, link: LinkageWatch, dt_s: int) -> None:
        self.seen = Counts(noise={line.params.id: [] for line in link.treatment})
        self._link, self._dt = link, dt_s
        self._minutes = self._off = self._overrun = self._begin = 0
        self._on = False
        self._peak: float | None = None
        self._on_samples = dict.fromkeys(self.seen.noise, 0)
        self._warm_up = NOISE_WARM_UP_MEANS / compute_noise_alpha(dt_s)

    def count(self, index: int) -> None:
        """Take the slot with this index."""
        self._count_runs()
        self._count_deficit(index)
        for line in self._link.treatment:
            if line.raw >= line.hi:
                self._on_samples[line.params.id] += 1
                if self._on_samples[line.params.id] > self._warm_up:
                    self.seen.noise[line.params.id].append(line.ewma)
        trace = self._link.trace
        if trace.minutes != self._minutes:
            self._minutes = trace.minutes
            self.seen.orphans = max(self.seen.orphans, len(self._link.tracker.orphans))
            interrupted_s = self._link.tracker.interruptions.total_s
            self.seen.interrupted_s = max(self.seen.interrupted_s, interrupted_s)
            r = trace.gated_r
            if r is not None:
                self.seen.correlations.append(r)

    def _count_runs(self) -> None:
        tracker, seen = self._link.tracker, self.seen
        if tracker.on:
            seen.on_s += self._dt
            if not self._on and self._off:
                seen.starts += 1
                # Six slots of tolerance, because a stop of production is detected late.
                through = self._overrun >= self._off - 6
                seen.night = seen.night or (through and self._overrun * self._dt >= NIGHT_S)
        seen.overrun_s = max(seen.overrun_s, tracker.overrun * self._dt)
        self._on, self._off, self._overrun = tracker.on, tracker.off_count, tracker.overrun

    def _count_deficit(self, index: int) -> None:
        tracker = self._link.tracker
        if tracker.deficit.weighted_s <= 0:
            self.end_deficit(index)
            return
        if self._peak is None:
            self._begin, self._peak = index, 0.0
        if tracker.had_grace():
            self._peak = max(self._peak, tracker.deficit.weighted_s)

    def end_deficit(self, index: int) -> None:
        """Close the stretch of deficit, if there is one."""
        if self._peak is not None:
            self.seen.excursions.append(Excursion(self._begin, index, self._peak))
        self._peak = None
