"""One-minute means of a linkage: the 2-hour trace of every episode and the correlation as evidence.

A minute's mean is the floor of the mean of the slots that begin in it and in which every line of that side
counted; a minute without one is a hole. A slot longer than a minute counts for every minute in it. Holes are
left out of the correlation instead of being filled: pairs that straddle a hole are off by its length, which
affects at most `lag` pairs of the window.

The correlation only corroborates: constant treatment has none, healthy or not. It gives a notice only if
production varied as at commissioning (`gated_r`) and r stayed below the learned limit for NOTICE_MINUTES.
"""

from array import array
from typing import Any, Final

from agent.detect.checkpoint import pack_numbers, unpack_numbers
from agent.detect.correlation import NOT_ENOUGH, Correlation, RollingCorrelation
from agent.detect.episode import MINUTE_S, Trace
from agent.detect.params import LinkageParams

TRACE_MINUTES: Final = 120
NOTICE_MINUTES: Final = 30
CORRELATED_MINUTES: Final = 15
"""A quarter of an hour holds a start or a few changes of load; r of fewer minutes is shown to nobody."""
WINDOW_MIN: Final = 2
"""The least window, used where no correlation is wanted, so that it costs no memory."""
GATE: Final = 0.5
"""A low r counts only if production varies at least half as much as at commissioning."""
_HOLE: Final = -1

_STATE: Final = ("_minute", "_begin", "_holes", "sum_u", "sum_t", "_missed", "_low_minutes")


class MinuteTrace:
    """Rings of minutes; `add` is called for every slot, and `close` before it when a minute is over.

    Attributes:
        until: The slot that ends the minute.
        sum_u: Sum of production in the minute so far.
        sum_t: Sum of treatment.
    """

    __slots__ = (
        *_STATE, "_correlation", "_dt", "_fresh_ring", "_lags", "_limit", "_lines", "_sd", "_t_ring",
        "_u_ring", "until",
    )  # fmt: skip

    def __init__(self, *, dt_s: int, lines: int, slot: int, pairs: LinkageParams | None = None) -> None:
        self._dt = dt_s
        self._lines = lines
        self._sd = pairs.correlation_sd_w if pairs else 0.0
        self._limit = pairs.correlation_limit if pairs else 0.0
        window, lag_s = (pairs.correlation_minutes, pairs.lag_s) if pairs else (WINDOW_MIN, 0)
        lag = round(lag_s / MINUTE_S)
        self._lags = (lag, *sorted({0, max(lag - 1, 0), lag + 1} - {lag})) if pairs else (lag,)
        self._correlation = RollingCorrelation(window, self._lags)
        self._minute = slot * self._dt // MINUTE_S
        self.until = self._minute_end()
        self._begin = slot
        self._holes = self.sum_u = self.sum_t = self._missed = self._low_minutes = 0
        self._u_ring = array("q", [_HOLE]) * TRACE_MINUTES
        self._t_ring = array("q", [_HOLE]) * TRACE_MINUTES
        self._fresh_ring = array("B", [0]) * TRACE_MINUTES

    def add(self, u: int, t: int, missed: int) -> None:
        """Take the next slot (`u` and `t` below 0 where unknown), in which `missed` lines had no sample.

        Where both are known and no line missed, adding to `sum_u` and `sum_t` does the same without a call.
        """
        if u >= 0 <= t:
            self.sum_u += u
            self.sum_t += t
        else:
            self._holes += 1
        self._missed += missed

    def _minute_end(self) -> int:
        """The first slot of the next minute."""
        return -(-(self._minute + 1) * MINUTE_S // self._dt)

    def close(self, slot: int) -> None:
        """Close the minute before `slot` and begin that of `slot`; due once `slot` reaches `until`."""
        slots = slot - self._begin
        due = slots * self._lines
        fresh = 100 * (due - self._missed) // due if due else 0
        known = slots - self._holes
        u, t = (self.sum_u // known, self.sum_t // known) if known else (_HOLE, _HOLE)
        dt = self._dt
        minute = slot * dt // MINUTE_S
        for passed in range(self._minute, minute):
            self._write(passed % TRACE_MINUTES, u, t, fresh)
        self._minute = minute
        self.until = -(-(minute + 1) * MINUTE_S // dt)
        self._begin = slot
        self._holes = self.sum_u = self.sum_t = self._missed = 0

    def _write(self, at: int, u: int, t: int, fresh: int) -> None:
        self._u_ring[at], self._t_ring[at], self._fresh_ring[at] = u, t, fresh
        if u == _HOLE:
            return
        if self._sd > 0:
            r = self._correlation.push_beyond(u, t, GATE * self._sd)
            self._low_minutes = self._low_minutes + 1 if r is not None and r < self._limit else 0
        else:
            self._correlation.push(u, t)

    @property
    def gated_r(self) -> float | None:
        """Pearson's r, None if production varied too little."""
        return self._correlation.r_beyond(GATE * self._sd) if self._sd > 0 else None

    @property
    def varied(self) -> bool:
        """Whether production varied enough for r to say something; true where no measure is known."""
        return self._correlation.deviation > GATE * self._sd or self._sd <= 0

    @property
    def last(self) -> tuple[int, int] | None:
        """Both means of the minute that was closed last, None if it is a hole."""
        at = (self._minute - 1) % TRACE_MINUTES
        u, t = self._u_ring[at], self._t_ring[at]
        return None if u == _HOLE else (u, t)

    @property
    def minutes(self) -> int:
        """Number of minutes closed with data."""
        return self._correlation.pushed

    @property
    def low(self) -> bool:
        """Whether r has been below the learned limit for NOTICE_MINUTES."""
        return self._low_minutes >= NOTICE_MINUTES

    @property
    def correlation(self) -> Correlation:
        """Pearson's r of the minutes in the window so far, or why there is none."""
        found = self._correlation.at_lag()
        return found if self._is_enough() else Correlation(None, found.reason or NOT_ENOUGH)

    @property
    def correlated_minutes(self) -> int:
        """Minutes that r rests on: at most those of the window, fewer after a start."""
        return self._correlation.pairs

    @property
    def correlated_minutes_min(self) -> int:
        """Fewer minutes have no r."""
        return min(CORRELATED_MINUTES, self._correlation.window)

    def _is_enough(self) -> bool:
        return self.correlated_minutes >= self.correlated_minutes_min

    @property
    def correlations(self) -> list[list[float | None]]:
        """Lag in seconds and r, for lag 0, the learned lag and its neighbours; evidence, never a verdict."""
        found, enough = self._correlation, self._is_enough()
        rows = ((lag, found.at_lag(index).r if enough else None) for index, lag in enumerate(self._lags))
        found_r = {lag: None if r is None else round(r, 3) for lag, r in rows}
        return [[lag * MINUTE_S, found_r[lag]] for lag in sorted(found_r)]

    @property
    def completeness(self) -> float:
        """Share of expected samples that came, over the traced minutes since the first one."""
        minutes = zip(self._u_ring, self._fresh_ring, strict=True)
        rows = [fresh for u, fresh in minutes if u != _HOLE or fresh]
        return round(sum(rows) / len(rows) / 100, 3) if rows else 0.0

    def to_trace(self) -> Trace:
        """The last two hours of closed minutes."""
        first = self._minute - TRACE_MINUTES
        rows = (
            [ring[i % TRACE_MINUTES] for i in range(first, self._minute)]
            for ring in (self._u_ring, self._t_ring)
        )
        u, t = (tuple(None if watts == _HOLE else watts for watts in row) for row in rows)
        return Trace(first * MINUTE_S, u, t)

    def state(self) -> list[Any]:
        """Everything that `restore` needs."""
        rings = [pack_numbers(self._u_ring), pack_numbers(self._t_ring), self._fresh_ring.tobytes()]
        return [[getattr(self, name) for name in _STATE], rings, self._correlation.state()]

    def restore(self, state: list[Any]) -> None:
        """Continue from `state`."""
        numbers, (u_ring, t_ring, fresh), correlation = state
        for name, value in zip(_STATE, numbers, strict=True):
            setattr(self, name, value)
        self.until = self._minute_end()
        self._u_ring = unpack_numbers(u_ring, TRACE_MINUTES)
        self._t_ring = unpack_numbers(t_ring, TRACE_MINUTES)
        self._fresh_ring = array("B", fresh)
        if not len(self._u_ring) == len(self._t_ring) == len(self._fresh_ring) == TRACE_MINUTES:
            raise ValueError("the trace has another length")
        self._correlation.restore(correlation)
