"""One linkage, slot by slot: does treatment run as the running production requires?

In: u and T, the sums of the powers of the production and of the treatment lines. A line without a sample
counts as 0 in its sum, and the sum is a lower bound. This is safe, because more production never needs less
treatment: with a production line missing, only what the metered ones need is demanded, and where they alone
are not on, production is unknown. With a treatment line missing, the metered ones can prove health, but
never a deficit. Where nothing can be judged all timers are frozen, and after `lost_reset_s` the counts are
dropped. Unknown time is not healthy time either: after it the expectation starts from zero, and treatment
with a duty cycle gets a whole duty window before a deficit counts again.

A slot of deficit has production on and T (the highest power of the last duty window) below what the envelope
demands at the least production of the last `guard_s`; see `counts` for its weight. Slots in which a pause of
production is bridged count only once production has come back. `good_s` of health clears everything. Where
production is less than commissioning saw, or was unknown, only the off threshold is demanded; what meets no
more than that makes no deficit, and ends none.
A violation is raised at S >= limit, once treatment has had its grace: the deficit lasted that long, or
treatment has been healthy before in this run of production (where a level drives it: has run in it, since
what ran before production began only left a tank empty). While it is open it can only grow graver:
treatment that was low and is then off for as long as raises becomes `off`. Whether treatment was stopped
before production is known when production has stayed off until the violation is cleared; if production
comes back before, it was a pause.

Alarms are bits of `flags`; `since` has the slot where each began:

- VIOLATION: `rule` has the kind.
- OVERRUN: treatment runs on long after production.
- ORPHANS: treatment starts and stops without production.
- LOW_R: the correlation stays low, see `trace`.
- INTERRUPTED: many short interruptions.
- UNLEARNED: production stays far above all that commissioning saw.
"""

from operator import attrgetter
from typing import Any, Final

from agent.detect.counts import LOW_WEIGHT, OFF_WEIGHT, Deficit, Interruptions, Orphans
from agent.detect.episode import MINUTE_S, Rule
from agent.detect.filling import Filling
from agent.detect.line_params import Bin
from agent.detect.params import LinkageParams
from agent.detect.slots import DEFICIT_SLOTS_MIN, compute_skew_s, count_slots, is_fine
from agent.detect.window import Expectation, RollingMinimum

VIOLATION: Final = 1
OVERRUN: Final = 2
ORPHANS: Final = 4
LOW_R: Final = 8
INTERRUPTED: Final = 16
UNLEARNED: Final = 32
FLAGS: Final = (VIOLATION, OVERRUN, ORPHANS, LOW_R, INTERRUPTED, UNLEARNED)

LOW_RULES: Final = frozenset({Rule.IDLE, Rule.UNDERSPEED, Rule.CHANGED})
"""What treatment that is off afterwards makes worse."""

BLIND_GRACE_S: Final = 120
"""Production unknown for longer may have stopped and started: treatment gets its grace again."""
ORPHAN_SLOTS_MIN: Final = 2
ORPHAN_MIN_S: Final = 300
"""A run of treatment that is shorter is a jog of its switch or a spike of its meter, no start."""
OFF_MARGIN: Final = 0.75
"""Off is what draws at most a twentieth more than standby: thresholds lie at 20 % and 40 % between standby
and operation, so a fan at 27 Hz, which draws 16 %, is below them and still runs."""
RANGE_HOLD_S: Final = 600
"""Production that was above its learned range within ten minutes is still that of the unlearned product."""
UNLEARNED_MINUTES: Final = 30
"""Production outside its learned range for less is a start or a peak."""
QUESTION_AGAIN_S: Final = 14 * 86_400
"""Asked more often, at every batch or every night, people learn to ignore a question."""
NEVER: Final = 1 << 62

_STATE: Final = (
    "alone", "blind", "bridged", "end_slot", "expected", "flags", "good", "healthy_slot", "lost", "low",
    "off_count", "on", "on_count", "on_slot", "overrun", "seen", "treatment", "treatment_on", "u",
    "_sure_from", "above_until", "alone_slot", "asked_slot", "continues", "ends_early", "has_run",
    "unlearned",
)  # fmt: skip
_numbers: Final = attrgetter(*_STATE)


def _bound_envelope(params: LinkageParams) -> tuple[Bin, ...]:
    """The envelope, with the off threshold alone where production is greater than any that was seen."""
    if params.range_hi_w <= params.envelope[-1].from_w:
        return params.envelope
    unseen = Bin(
        from_w=params.range_hi_w, lo_w=params.on_treatment.lo_w, median_w=params.envelope[-1].median_w
    )
    return (*params.envelope, unseen)


class LinkageTracker:
    """State of one linkage; `step` is called once for every slot."""

    __slots__ = (
        *_STATE, "_expectation", "_bridge", "_calm", "_clear", "_duty", "_early", "_fills", "_good", "_least",
        "_highest", "_highest_slots", "_limit", "_lost", "_off", "_orphan", "_orphan_limit", "_overrun",
        "_range", "_range_hold", "_range_minutes", "_rests", "_t_hi", "_t_lo", "_u_hi", "_u_lo", "deed",
        "deficit", "dt", "grace_s", "interruptions", "orphans", "params", "proof_w", "rule", "since",
    )  # fmt: skip

    def __init__(self, params: LinkageParams, slot: int) -> None:
        dt = params.dt_s
        self.params = params
        self.dt = dt
        self._u_hi, self._u_lo = params.on_production.hi_w, params.on_production.lo_w
        self._t_hi, self._t_lo = params.on_treatment.hi_w, params.on_treatment.lo_w
        self._bridge = -(-params.bridge_s // dt)
        self._duty = params.duty_window_s > 0
        self._rests = params.only_asks == "level"
        self._highest_slots = count_slots(params.duty_window_s, dt)
        self._good = count_slots(params.good_s, dt)
        self._clear = count_slots(params.idle_clear_s, dt)
        self._early = params.early_stop_s // dt
        self.grace_s = params.grace_s + compute_skew_s(dt)
        self._least = 1 if is_fine(dt) else DEFICIT_SLOTS_MIN
        self._orphan = count_slots(ORPHAN_MIN_S, dt, ORPHAN_SLOTS_MIN)
        self._range_minutes = max(1, dt // MINUTE_S)
        self._lost = count_slots(params.lost_reset_s, dt)
        self._limit = params.limit_s
        self._overrun = count_slots(params.overrun_s, dt) if params.overrun_s else NEVER
        self._orphan_limit = params.orphans_limit or NEVER
        self._range = params.range_hi_w or NEVER
        self._range_hold = RANGE_HOLD_S // dt
        self._off = self._t_lo - round(OFF_MARGIN * (self._t_hi - self._t_lo))
        self._expectation = Expectation(_bound_envelope(params), count_slots(params.guard_s, dt), slot)
        self._highest = RollingMinimum(self._highest_slots)
        self._fills = Filling(params) if self._duty and params.duty_fill_wh else None
        self.orphans = Orphans(dt)
        self.interruptions = Interruptions(
            dt, params.interruptions_window_s, max(params.interruption_min_s, 2 * dt), params.grace_s
        )
        self.since: dict[int, int] = {}
        self.on = self.treatment_on = self.seen = self.alone = False
        self.rule = Rule.OFF
        self.continues = self.ends_early = self.has_run = False
        self.alone_slot = slot
        self.asked_slot = self.above_until = -NEVER
        self.unlearned = 0
        self.deficit = Deficit(dt, slot)
        self.deed = Deficit(dt, slot)
        self.u = self.treatment = self.expected = 0
        self.on_slot = self.end_slot = self.healthy_slot = slot
        self.low = self.good = self.lost = self.blind = self.bridged = self.overrun = self.flags = 0
        self.on_count = self.off_count = 0
        self._sure_from = slot + self._highest_slots - 1
        self.proof_w = params.envelope[min(1, len(params.envelope) - 1)].lo_w
        self._calm = False

    def step(self, slot: int, u: int, u_known: bool, t: int, t_known: bool) -> None:
        """Take the sums of `slot`; one that is not known is a lower bound."""
        self.u = u
        demanding_u = self._find_demanding(slot, u) if u >= self._range or slot <= self.above_until else u
        if not t_known:
            self._sure_from = slot + self._highest_slots
            self._calm = False
        if self._duty:
            highest = -self._highest.push(slot, -t)
            t = self._hold_filling(slot, t, highest, t_known) if self._fills else highest
        self.treatment = t
        if self._calm:
            if self.on:
                if u >= self._u_hi:
                    self.expected = expected = self._expectation.at(slot, demanding_u)
                    if t >= expected and t >= self._t_lo:
                        self.on_count += 1
                        self.good += 1
                        self.healthy_slot = slot
                    else:
                        self._judge(slot, t, expected)
                    return
            elif u_known and u < self._u_hi and t < self._t_hi:
                self.expected = self._expectation.at(slot, demanding_u)
                self.off_count += 1
                return
        if self._update_production(slot, u, u_known):
            self.expected = expected = self._expectation.at(slot, demanding_u)
            self._judge(slot, t, expected)
        else:
            self._freeze_production(slot)

    def _hold_filling(self, slot: int, t: int, highest: int, known: bool) -> int:
        """T where a rest ends by what is produced in it."""
        assert self._fills is not None
        held = self._fills.hold(t, highest, self.u, on=self.on, known=known)
        if not self._fills.is_sure:
            self._sure_from, self._calm = slot + 1, False
        return held

    def _find_demanding(self, slot: int, u: int) -> int:
        """The production that the envelope is asked about, for a while after it was outside its range."""
        if u >= self._range:
            self.above_until = slot + self._range_hold
        return max(u, self._range)

    def _judge(self, slot: int, t: int, expected: int) -> None:
        self.blind = 0
        if slot < self._sure_from and t < (expected if self.on else self._t_hi):
            self._freeze(slot)
            return
        self.lost = 0
        if t >= self._t_hi:
            if not self.treatment_on:
                self.treatment_on = self.has_run = True
                self.alone = not self.on
                self.alone_slot = slot
        elif t < self._t_lo and self.treatment_on:
            self._stop_treatment(slot)
        if self.on:
            self._judge_running(slot, t, expected)
        else:
            self._judge_idle(slot)
        self._settle()

    def _settle(self) -> None:
        """Set whether the next slot has nothing to judge if it is like this one."""
        if self.flags or self.deficit.count or self.low or self.alone or self.treatment_on is not self.on:
            self._calm = False
        elif self.on:
            self._calm = self.seen and self.good >= self._good
        else:
            self._calm = True

    def _update_production(self, slot: int, u: int, u_known: bool) -> bool:
        if u >= self._u_hi:
            self.low = 0
            if not self.on:
                self._start_production(slot)
            return True
        if not u_known:
            return self.on and u >= self._u_lo
        if self.on:
            self.low = self.low + 1 if u < self._u_lo else 0
            if self.low > self._bridge:
                self._stop_production(slot)
        return True

    def _start_production(self, slot: int) -> None:
        self.on = True
        self.ends_early = False
        self.on_slot = slot
        self.on_count = self.off_count = self.overrun = 0
        self.flags &= ~OVERRUN

    def _stop_production(self, slot: int) -> None:
        self.on = self.seen = False
        self.good = self.low = self.bridged = 0
        self.end_slot = slot - self._bridge
        early = slot - self.deficit.slot <= self._early
        first = self.deficit.runs == 1 and not self.continues
        self.ends_early = bool(self.flags & VIOLATION) and self.rule is Rule.OFF and early and first

    def _stop_treatment(self, slot: int) -> None:
        self.treatment_on = False
        if self.alone:
            self.alone = False
            if slot - self.alone_slot >= self._orphan:
                self.orphans.add(slot)

    def _judge_running(self, slot: int, t: int, expected: int) -> None:
        self.on_count += 1
        self.alone = False
        if t >= expected and (t >= self.proof_w or not self.deficit.count):
            self.bridged = 0
            self.good = good = self.good + 1
            if good >= self._good:
                if self.seen and not self.flags and not self.deficit.count:
                    self.healthy_slot = slot
                else:
                    self._end_deficit(slot)
            elif self.deficit.weighted_s > 0:
                self.deficit.recover(False)
            return
        if t >= expected:
            return
        self.good = 0
        self.bridged += 1
        if self.low:
            return
        slots, self.bridged = self.bridged, 0
        self.deficit.add(slot, slots, t, t < self._off, self.on_slot)
        if self.flags & VIOLATION:
            if self.rule in LOW_RULES and self.deficit.off_run * self.dt >= self._limit:
                self.rule = Rule.OFF
        elif self.deficit.weighted_s >= self._limit and self.had_grace():
            self._raise_violation()

    def find_least_production_w(self) -> int:
        """The least production of the guard time, from which treatment is expected."""
        return self._expectation.least

    def had_grace(self) -> bool:
        """Whether treatment has had the time that it may take to start."""
        if self.deficit.count < self._least:
            return False
        if self._has_run_since_start() and self.on_count * self.dt >= self.grace_s:
            return True
        return self.deficit.lasted_s >= self.grace_s + self.params.duty_window_s

    def _has_run_since_start(self) -> bool:
        """Whether treatment was healthy in this run of production; by a level, not only from before it."""
        return self.seen and not (self._rests and self.deficit.slot - self._highest_slots < self.on_slot)

    def estimate_left_s(self) -> int:
        """Seconds until a violation is raised if the deficit goes on as now."""
        weight = OFF_WEIGHT if self.treatment < self._off else LOW_WEIGHT
        more_s = (self._limit - self.deficit.weighted_s) / weight
        grace_s = self.grace_s + self.params.duty_window_s - self.deficit.lasted_s
        if self._has_run_since_start():
            grace_s = min(grace_s, self.grace_s - self.on_count * self.dt)
        return max(round(more_s), grace_s, (self._least - self.deficit.count) * self.dt, 0)

    def _raise_violation(self) -> None:
        # `findings`, which has the other channels, decides between underspeed and idle.
        idle = 2 * self.deficit.off < self.deficit.count
        self.continues = False
        self.rule = Rule.IDLE if idle else Rule.OFF if self.seen else Rule.LATE_START
        self.flags |= VIOLATION
        self.since[VIOLATION] = self.deficit.slot

    def _end_deficit(self, slot: int) -> None:
        self.healthy_slot = slot
        seen, self.seen = self.seen, True
        if self.deficit.count or self.flags & VIOLATION:
            if seen and not self.flags & VIOLATION:
                self.interruptions.add(self.deficit.slot, self.deficit.off * self.dt)
            self.end_slot = slot - self.good + 1
            self._forget()

    def count_anew(self, slot: int) -> None:
        """Drop the open deficit: what it asked about ended with `slot`; what follows has its own grace."""
        self.end_slot = slot
        self._forget()
        self._calm = False

    def _forget(self) -> None:
        if self.flags & VIOLATION:
            self.deed.restore(self.deficit.state())
        self.deficit.forget()
        self.flags &= ~VIOLATION

    def _judge_idle(self, slot: int) -> None:
        self.off_count += 1
        if self.deficit.weighted_s > 0:
            self.deficit.recover(True)
        if self.flags & VIOLATION:
            if self.off_count >= self._clear:
                if self.ends_early:
                    self.rule = Rule.EARLY_STOP
                self._forget()
        elif self.deficit.count and self.deficit.weighted_s <= 0:
            self._forget()
        self.overrun = self.overrun + 1 if self.treatment_on else 0
        if self.overrun == 0:
            if self.flags:
                self.flags &= ~OVERRUN
        elif self.overrun >= self._overrun and not self.flags & OVERRUN:
            self.flags |= OVERRUN
            self.since[OVERRUN] = slot - self.overrun + 1

    def _freeze_production(self, slot: int) -> None:
        self.blind += 1
        self._expectation.clear(slot)
        if self.blind * self.dt > BLIND_GRACE_S:
            self.on_count = 0
        self._freeze(slot)
        if self.lost >= self._lost:
            self.on = self.seen = False

    def _freeze(self, slot: int) -> None:
        self.lost += 1
        self.alone = self._calm = False
        if self.lost == self._lost:
            violated = self.flags & VIOLATION
            self._forget()
            self.flags |= violated  # an open violation stays open until data comes back
            self.good = self.overrun = 0
            self.end_slot = slot

    def judge_minute(self, slot: int, low_r: bool) -> None:
        """Judge what need not be judged in every slot."""
        if self.u >= self._range and self.on:
            self._judge_range(slot)
        else:
            self.unlearned = 0
            self.flags &= ~UNLEARNED
        if not (low_r or self.flags or self.orphans.ends or self.interruptions.kept):
            return
        first = self.orphans.find_first(slot)
        self._set(ORPHANS, len(self.orphans) >= self._orphan_limit, first)
        self._set(LOW_R, low_r and (self.on or bool(self.flags & LOW_R)), slot)
        first = self.interruptions.find_first(slot)
        limit_s = self.params.interruptions_s
        self._set(INTERRUPTED, 0 < limit_s <= self.interruptions.total_s, first)

    def _judge_range(self, slot: int) -> None:
        """Judge once a minute in which production is above what commissioning saw, whether it stays there."""
        self.unlearned += self._range_minutes
        if self.unlearned < UNLEARNED_MINUTES or (slot - self.asked_slot) * self.dt < QUESTION_AGAIN_S:
            return
        self.asked_slot = slot
        self._set(UNLEARNED, True, slot - self.unlearned * MINUTE_S // self.dt)

    def _set(self, flag: int, holds: bool, since: int) -> None:
        if not holds:
            self.flags &= ~flag
        elif not self.flags & flag:
            self.flags |= flag
            self.since[flag] = since
            self._calm = False

    def state(self) -> list[Any]:
        """Everything that `restore` needs."""
        parts: list[Any] = [self.deficit, self.orphans, self._expectation, self._highest, self.interruptions]
        parts += [self._fills] if self._fills else []
        return [list(_numbers(self)), self.rule.value, self.since.copy(), [part.state() for part in parts]]

    def restore(self, state: list[Any]) -> None:
        """Continue from `state`."""
        numbers, rule, since, parts = state
        for name, value in zip(_STATE, numbers, strict=True):
            setattr(self, name, value)
        self.rule, self.since = Rule(rule), since.copy()
        deficit, orphans, expectation, highest, interruptions, *fills = parts
        self.deficit.restore(deficit)
        self.orphans.restore(orphans)
        self._expectation.restore(expectation)
        self._highest.restore(highest)
        self.interruptions.restore(interruptions)
        if self._fills:
            self._fills.restore(fills[0])
        self._calm = False
