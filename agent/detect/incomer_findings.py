"""The residual of a metered incomer, minute by minute: incomer minus the sum of all metered lines behind it.

Judged by one-minute means, because the meters are not read at the same moment, and only in minutes in which
the incomer and every line are known: a silent meter never counts as a load. A minute outside the band counts
up by one, a minute within it down by two; at `residual_s` an episode is raised, and it ends when the count is
back at 0.

Production moved to an unmetered branch, a CT off its conductor and a wrong ratio look the same here; only the
direction is known. `measure_rise_w` lets other findings distinguish an open breaker from a lost CT, whose
load the incomer still shows.
"""

from collections.abc import Mapping
from typing import Any, Final

from attrs import define, field

from agent.detect.episode import MINUTE_S, SEVERITIES, Episode, Rule
from agent.detect.findings import add_up, clear, count_missing
from agent.detect.line import MISSING, LineTracker
from agent.detect.params import IncomerParams
from agent.detect.sentence import Names, write_sentence
from agent.detect.slots import count_fresh_slots
from agent.detect.trace import MinuteTrace

RISE_MINUTES: Final = 5
"""Minutes over which the residual before and after a loss is averaged."""


@define(eq=False, repr=False)
class IncomerWatch:
    """The incomer with the trackers of itself and of the lines behind it.

    Attributes:
        trace: Minutes of the incomer (as production) and of the sum of the lines (as treatment).
        minutes: The count, see above.
        sign: 1 above the band, -1 below it.
        begin_s: Begin of the first counted minute.
        open: The open episode, under 0.
        names: The names of the lines, for people.
    """

    params: IncomerParams
    dt_s: int
    incomer: LineTracker
    lines: tuple[LineTracker, ...]
    trace: MinuteTrace
    minutes: int = 0
    sign: int = 0
    begin_s: int = 0
    open: dict[int, Episode] = field(factory=dict)
    names: Names = field(factory=dict)

    @classmethod
    def start(
        cls, params: IncomerParams, trackers: Mapping[str, LineTracker], dt_s: int, slot: int
    ) -> "IncomerWatch":
        """An incomer that starts with `slot`."""
        lines = tuple(trackers[name] for name in params.lines)
        trace = MinuteTrace(dt_s=dt_s, lines=len(lines) + 1, slot=slot)
        return cls(params, dt_s, trackers[params.incomer.id], lines, trace)

    def step(self, slot: int) -> list[Episode]:
        """Add up the lines after their step; returns the episodes that `slot` raised or cleared."""
        over = slot >= self.trace.until
        if over:
            self.trace.close(slot)
        total, is_known = add_up(self.lines)
        missed = count_missing((self.incomer, *self.lines), slot)
        self.trace.add(self.incomer.now, total if is_known else MISSING, missed)
        return self._judge(slot) if over and self.params.residual_s else []

    def measure_rise_w(self, since_s: int) -> float | None:
        """By how many watts the residual is higher now than before `since_s`; None if not known."""
        trace = self.trace.to_trace()
        at = (since_s - trace.begin_at_s) // MINUTE_S
        pairs = zip(trace.production_w, trace.treatment_w, strict=True)
        rests = [None if u is None or t is None else u - t for u, t in pairs]
        before = [rest for rest in rests[max(at - RISE_MINUTES, 0) : max(at, 0)] if rest is not None]
        after = [rest for rest in rests[max(at + 1, len(rests) - RISE_MINUTES) :] if rest is not None]
        return sum(after) / len(after) - sum(before) / len(before) if before and after else None

    def _judge(self, slot: int) -> list[Episode]:
        last = self.trace.last
        if last is None:
            return []
        rest = last[0] - last[1]
        sign = (rest > self.params.hi_w) - (rest < self.params.lo_w)
        if sign and sign == -self.sign:
            self.minutes = 0
        passed = max(1, self.dt_s // MINUTE_S)
        if sign:
            if self.minutes == 0:
                self.begin_s = slot * self.dt_s // MINUTE_S * MINUTE_S - passed * MINUTE_S
            self.minutes, self.sign = min(self.minutes + passed, 2 * self._limit), sign
        else:
            self.minutes = max(self.minutes - 2 * passed, 0)
        if self.minutes >= self._limit and not self.open:
            self.open[0] = self._build_raised(slot, rest)
            return [self.open[0]]
        if self.minutes == 0 and self.open:
            end_at_s = slot * self.dt_s
            return [clear(self.open.pop(0), end_at_s, self.params.utc_offset_s, self.names)]
        return []

    @property
    def _limit(self) -> int:
        return -(-self.params.residual_s // MINUTE_S)

    def _build_raised(self, slot: int, rest: int) -> Episode:
        params, alive_slots = self.params, count_fresh_slots(self.dt_s)
        lines = (self.incomer, *self.lines)
        numbers: dict[str, Any] = {
            "residual_w": rest,
            "residual_lo_w": params.lo_w,
            "residual_hi_w": params.hi_w,
            "feed_w": self.incomer.value,
            "lines_w": sum(max(line.value, 0) for line in self.lines),
            "lines_on": [line.params.id for line in self.lines if line.value >= line.hi],
            "lines_alive": [line.params.id for line in lines if slot - line.last_slot < alive_slots],
            "completeness": self.trace.completeness,
            "learned_from_s": params.learned_from_s,
            "learned_to_s": params.learned_to_s,
            "begin_at_s": self.begin_s,
        }
        name, rule = params.incomer.id, Rule.INCOMER_RESIDUAL
        return Episode(
            id=f"{name}-{rule.value}-{self.begin_s}",
            linkage=name,
            lines=(name,),
            rule=rule,
            severity=SEVERITIES[rule],
            begin_at_s=self.begin_s,
            raised_at_s=(slot + 1) * self.dt_s,
            numbers=numbers,
            sentence=write_sentence(rule, (name,), numbers, params.utc_offset_s, self.names),
            trace=self.trace.to_trace(),
            params_hash=params.hash,
        )

    def adopt(self, episodes: dict[int, Episode]) -> None:
        """Keep an episode that was open before a restart that lost all other state."""
        self.open = episodes
        if episodes:
            self.minutes = self._limit

    def state(self) -> list[Any]:
        """Everything that `restore` needs, without the open episode."""
        return [self.params.hash, self.minutes, self.sign, self.begin_s, self.trace.state()]

    def restore(self, state: list[Any]) -> None:
        """Continue from `state`, if the parameters are the same."""
        params_hash, minutes, sign, begin_s, traced = state
        if params_hash == self.params.hash:
            self.minutes, self.sign, self.begin_s = minutes, sign, begin_s
            self.trace.restore(traced)
