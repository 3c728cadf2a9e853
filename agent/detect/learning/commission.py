"""Learns the parameters of a linkage from recorded or live data, 72 hours by default.

Ready when production was seen to start at least STARTS_MIN times and to run for ON_MIN_S; otherwise the
period is to be extended by EXTEND_S, up to EXTEND_MAX_S, and what is known by then is used as provisional.
The limits of the detector itself (its greatest harmless deficit, treatment after and without production,
noise, correlation) are learned by running the detector's own trackers over the data, so there is no second
copy of the algorithm.

The findings say what was learned, what is missing, what is provisional, what is asked, and which exceptions
were not learned as normal and have to be explained or corrected; `questions` decides when there are too many
of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from attrs import evolve, frozen

from agent.detect.learning.answers import NO, YES, Question, check_answers
from agent.detect.learning.borrow import borrow
from agent.detect.learning.channels import find_heater_spans, learn_channels, to_channel_series
from agent.detect.learning.commission_words import (
    FINDINGS,
    SIDES,
    Oddity,
    Refusal,
    Span,
    describe_exceptions,
)
from agent.detect.learning.linkages import (
    Duty,
    find_longest_rest,
    find_mature,
    find_resolution_w,
    find_rests,
    find_states,
    learn_bridge_s,
    learn_duty,
    learn_envelope,
    learn_fill_wh,
    learn_lag_s,
    learn_level_fill_wh,
    learn_line,
    learn_overrun_s,
    learn_range_w,
    roll,
)
from agent.detect.learning.questions import (
    QUESTIONS,
    REFUSED_SHARE,
    ask_about_habits,
    ask_about_level,
    ask_about_production,
    describe_range,
    find_share,
    find_untreated_w,
)
from agent.detect.learning.replay import Counts, replay
from agent.detect.learning.series import Grid, Series, find_runs, to_grid
from agent.detect.learning.thresholds import (
    OFF_OF_ON_MAX,
    LearnedThreshold,
    Mode,
    learn_above_standby,
    learn_sum_threshold,
    learn_threshold,
)
from agent.detect.line import compute_hold_slots
from agent.detect.line_params import Answer, LineParams
from agent.detect.param_table import ParamsError
from agent.detect.params import LinkageParams, nameplate
from agent.detect.slots import compute_skew_s
from evidence.words import Words

HOUR_S: Final = 3600
PERIOD_S: Final = 72 * HOUR_S
EXTEND_S: Final = 12 * HOUR_S
EXTEND_MAX_S: Final = 7 * 86_400
STARTS_MIN: Final = 3
ON_MIN_S: Final = 4 * HOUR_S
LIMIT_OF_PEAK, LIMIT_MIN, LIMIT_MAX = 1.5, 0.75, 1.5
"""h is 1.5 times the greatest harmless deficit, within 0.75 and 1.5 times tau."""
INTERRUPTIONS_MIN_S, INTERRUPTIONS_MAX_S = 900, 1800
"""Twice what was seen, within these; half an hour within a shift is never normal."""
NOISE_FLOOR: Final = 0.5
NOISE_STEPS: Final = 2.0
"""A meter whose mean change is not twice its step shows its steps, not the load's noise."""
R_MIN: Final = 0.6
R_MARGIN: Final = 0.15
R_MINUTES_MIN: Final = 120
"""A 1 % quantile of fewer minutes is chance."""
PRESENT_MIN: Final = 0.5
MORE_THAN_DUTY, MORE_THAN_REST = 1.25, 1.5
"""The window in which treatment has to run, by its longest rest, and likewise what may be produced in it. A
level is watched for longer, and raises only after as much production without it again: three rests in all,
since a slow week fills a tank slowly."""
MORE_THAN_FILL: Final = 3
"""The same three rests, where what is produced in them is alike: the longest has a weekend in it, and nothing
flows in then. Thrice, because another product may bring a third of the water."""


@frozen(kw_only=True)
class CommissionResult:
    """What was learned.

    Attributes:
        params: Usable as they are, provisional if so marked.
        seen: What they were learned from.
        missing: What could not be learned, and what is provisional.
        refusals: Why they are not to be used.
        questions: What a person has to say, without those that were answered.
        exceptions: What was not learned as normal.
    """

    params: LinkageParams
    seen: tuple[Words, ...] = ()
    missing: tuple[Words, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    questions: tuple[Question, ...] = ()
    exceptions: tuple[Words, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether they may be used."""
        return not self.refusals

    @property
    def findings(self) -> tuple[Words, ...]:
        """All of it, for the person who commissions."""
        asked = (one.words for one in self.questions)
        return (*self.missing, *(one.words for one in self.refusals), *self.seen, *asked, *self.exceptions)


def commission(
    linkage_id: str,
    production: Mapping[str, Series],
    treatment: Mapping[str, Series],
    rated_w: Mapping[str, float],
    *,
    dt_s: int = 10,
    ct_range_w: Mapping[str, float] | None = None,
    channels: Mapping[str, Mapping[str, Series]] | None = None,
    utc_offset: str = "+08:00",
    tau_s: int = 240,
    grace_s: int = 300,
    answers: Sequence[Answer] = (),
) -> CommissionResult:
    """Learn the parameters of one linkage; `channels` are `pf`, `current_a` and `voltage_v` by line.

    A standby that is answered without its power gets that of the question.

    Raises:
        ValueError: There is no data, or its times make no sense.
        ParamsError: Impossible names or options.
    """
    sides = [{line: rated_w[line] for line in side} for side in (production, treatment)]
    plain = nameplate(linkage_id, *sides, dt_s=dt_s)
    plain = evolve(plain, utc_offset=utc_offset, tau_s=tau_s, grace_s=grace_s)
    data = to_grid({**production, **treatment, **to_channel_series(channels or {})}, dt_s)
    check_answers(answers)
    given = {one.question: one for one in answers}
    powers = dict(rated_w), dict(ct_range_w or {})
    standby = given.get("standby")
    if standby is not None and standby.answer == YES and not standby.value_w:
        asked = _Commissioning(plain, data, *powers, {}).run().questions
        value_w = next((one.value_w for one in asked if one.key == "standby"), 0)
        if not value_w:
            raise ParamsError(("answer standby=yes: no standby was asked about; say its power in kW",))
        given["standby"] = evolve(standby, value_w=value_w)
    first = _Commissioning(plain, data, *powers, given)
    learned = first.run()
    assumed = _assume(learned, first.usual_w)
    if not assumed:
        return learned
    watched, known = _Commissioning(plain, data, *powers, {**given, **assumed}).run(), learned.params
    params = evolve(watched.params, answers=known.answers, only_asks=known.only_asks)
    told = [
        QUESTIONS["not judged"].fill(value_kw=one.value_w / 1000) for one in assumed.values() if one.value_w
    ]
    return evolve(learned, params=params, missing=(*learned.missing, *told))


def find_treated_w(params: LinkageParams) -> int:
    """The least production for which treatment was seen to run; 0 if no envelope was learned."""
    return params.envelope[1].from_w if len(params.envelope) > 1 else 0


def _assume(learned: CommissionResult, usual_w: float) -> dict[str, Answer]:
    """The answers as if which it is watched until somebody gives them: what is not known accuses nobody.

    A standby is assumed only where it is as low against the usual production as thresholds take for off, and
    lower than all production for which treatment was seen to run: a warm-up of a fifth, say, which wanders
    about the threshold. Nothing that was seen to need treatment is left unjudged then.
    """
    asked = {one.key: one for one in learned.questions}
    assumed: dict[str, Answer] = {}
    if "level" in asked and not learned.ready:
        assumed["level"] = Answer(question="level", answer=YES)
    value_w = asked["standby"].value_w if "standby" in asked else 0
    if 0 < value_w < min(find_treated_w(learned.params), OFF_OF_ON_MAX * usual_w):
        assumed["standby"] = Answer(question="standby", answer=YES, value_w=value_w)
    return assumed


class _Commissioning:
    """One run over the data; each step fills in more of the parameters."""

    def __init__(
        self,
        plain: LinkageParams,
        data: Grid,
        rated_w: dict[str, float],
        ct_range_w: dict[str, float],
        answers: Mapping[str, Answer],
    ) -> None:
        self._data, self._rated, self._ranges, self._answers = data, rated_w, ct_range_w, answers
        self._hold = compute_hold_slots(plain)
        self._u = data.total([line.id for line in plain.production], self._hold)
        self._t = data.total([line.id for line in plain.treatment], self._hold)
        self._on_u = self._learn_threshold(plain.production, self._u, treatment=False)
        self._on_t = self._learn_threshold(plain.treatment, self._t, treatment=True)
        self._exceptions: list[Span] = []
        self._on = np.zeros(data.slots, np.bool_)
        self._missing: list[Words] = []
        self._refusals: list[Refusal] = []
        self._params = evolve(
            plain,
            production=tuple(self._learn_line(line, treatment=False) for line in plain.production),
            treatment=tuple(self._learn_line(line, treatment=True) for line in plain.treatment),
            on_production=self._on_u.threshold,
            on_treatment=self._on_t.threshold,
            learned_from_s=data.at_s(0),
            learned_to_s=data.at_s(data.slots),
            answers=tuple(answers[name] for name in sorted(answers)),
        )

    def run(self) -> CommissionResult:
        """Learn everything, in order."""
        r = self._learn_timing()
        self._learn_shape()
        deviation = float(np.nanstd(self._u)) if np.isfinite(self._u).any() else 0.0
        seen = replay(self._params, self._data, deviation)
        self._learn_limits(seen)
        self._learn_noise(seen)
        production, treatment = map(self._borrow, (self._params.production, self._params.treatment))
        self._params = evolve(self._params, production=production, treatment=treatment)
        if r >= R_MIN and len(seen.correlations) >= R_MINUTES_MIN:
            limit = float(np.quantile(seen.correlations, 0.01)) - R_MARGIN
            self._params = evolve(
                self._params, correlation_sd_w=round(deviation, 1), correlation_limit=round(limit, 3)
            )
        return self._conclude(seen, r)

    def _learn_threshold(
        self, lines: tuple[LineParams, ...], x: np.ndarray, *, treatment: bool
    ) -> LearnedThreshold:
        rated_w = sum(self._rated[line.id] for line in lines)
        standby = self._answers.get("standby")
        if not treatment and standby is not None and standby.value_w:
            return learn_above_standby(x, rated_w, standby.value_w)
        if treatment:
            return learn_threshold(x, rated_w, treatment=True)
        each = [self._data.watts[line.id] for line in lines]
        return learn_sum_threshold(x, each, [self._rated[line.id] for line in lines])

    def _learn_line(self, plain: LineParams, *, treatment: bool) -> LineParams:
        name = plain.id
        values = self._data.watts[name]
        dt, rated_w, range_w = self._data.dt_s, self._rated[name], self._ranges.get(name)
        learned = learn_line(name, values, rated_w, range_w, dt, self._hold, treatment=treatment)
        known = values[np.isfinite(values)]
        if len(known) == 0:
            self._missing.append(FINDINGS["no samples"].fill(line=name))
        elif len(known) < PRESENT_MIN * len(values):
            share = 100 * len(known) // len(values)
            self._missing.append(FINDINGS["sparse"].fill(line=name, share=share, dt_s=dt))
        elif float(np.quantile(known, 0.01)) <= -learned.threshold.lo_w:
            self._missing.append(FINDINGS["reversed CT"].fill(line=name))
        learned, odd = learn_channels(learned, values, self._data.watts, treatment=treatment)
        self._exceptions += [(*span, Oddity.HEATER) for span in find_heater_spans(odd, dt)]
        return learned

    def _learn_timing(self) -> float:
        """Learn bridge, lag and guard; r at the lag."""
        dt = self._data.dt_s
        lag, r = learn_lag_s(self._u, self._t, dt)
        bridge_s = learn_bridge_s(self._u, self._on_u.threshold, dt)
        guard_s = max(self._params.guard_s, 2 * lag)
        self._params = evolve(self._params, bridge_s=bridge_s, lag_s=lag, guard_s=guard_s)
        return r

    def _learn_shape(self) -> None:
        """Learn duty cycle and envelope."""
        params, dt = self._params, self._data.dt_s
        on = find_states(self._u, params.on_production, -(-params.bridge_s // dt))
        grace_s = params.grace_s + compute_skew_s(dt)
        self._on = on
        ripe = find_mature(on, self._u, self._t, max(params.guard_s, grace_s) // dt)
        duty = learn_duty(self._t, ripe, params.on_treatment.lo_w, dt)
        window, filled_wh = self._learn_level(duty.pauses) if self._is_by_level() else self._learn_duty(duty)
        if self._is_by_level():
            duty = Duty(0, 0, ())
        highest = self._t
        if window:
            params = evolve(params, duty_window_s=window, duty_fill_wh=filled_wh)
            highest = roll(self._t, -(-window // dt), highest=True)
        least = roll(self._u, -(-params.guard_s // dt), highest=False)
        envelope = learn_envelope(least, highest, ripe, params.on_treatment, self._on_t.mode, dt)
        range_w = learn_range_w(self._u) if envelope.ripe else 0
        self._params = evolve(params, envelope=envelope.bins, range_hi_w=range_w)
        if not envelope.ripe:
            self._missing.append(FINDINGS["no envelope"])
        self._exceptions += [(*span, Oddity.OFF) for span in duty.exceptions]
        self._exceptions += [(*span, Oddity.LOW) for span in envelope.exceptions]

    def _learn_duty(self, duty: Duty) -> tuple[int, int]:
        """Seconds within which treatment has to run, 0 for always, and Wh that may be produced till then."""
        dt, longest = self._data.dt_s, duty.longest
        if not longest:
            return 0, 0
        # Pauses that scatter have a longer one some day; those of a timer have not.
        scattered = longest + 2 * (longest - duty.usual)
        window = round(max(MORE_THAN_DUTY * longest, scattered) * dt) + 60
        return window, round(MORE_THAN_DUTY * learn_fill_wh(self._u, duty.rests, dt))

    def _learn_level(self, pauses: tuple[tuple[int, int], ...]) -> tuple[int, int]:
        """The same where a level drives it: what was produced decides, if that is what fills the tank."""
        dt, off_below = self._data.dt_s, self._params.on_treatment.lo_w
        produced = np.where(self._on, self._u, 0.0)
        for rests in (pauses, find_rests(self._t, off_below)):  # a large tank has few within a shift
            if filled_wh := learn_level_fill_wh(produced, rests, dt):
                return self._params.guard_s, MORE_THAN_FILL * filled_wh
        longest = find_longest_rest(self._t, off_below, dt)
        return (round(MORE_THAN_REST * longest * dt) + 60, 0) if longest else (0, 0)

    def _learn_limits(self, seen: Counts) -> None:
        tau = self._params.tau_s
        spans = [(begin, end) for begin, end, _ in self._exceptions]
        harmless = [
            one.peak_s
            for one in seen.excursions
            if one.peak_s < LIMIT_MAX * tau
            and not any(begin <= one.end and one.begin <= end for begin, end in spans)
        ]
        lacking = ((one.begin, one.end) for one in seen.excursions if one.peak_s >= LIMIT_MAX * tau)
        # A deficit is forgotten slowly after production: what counts are the runs in it, without short jogs.
        ran = ((at, *run) for at, end in lacking for run in find_runs(self._on[at:end]))
        least = self._params.tau_s // self._data.dt_s
        self._exceptions += [
            (at + begin, at + end, Oddity.LACKING) for at, begin, end in ran if end - begin >= least
        ]
        limit = LIMIT_OF_PEAK * max(harmless, default=0.0)
        by_level = self._is_by_level()  # a tank is emptied whether anything is produced or not
        self._params = evolve(
            self._params,
            limit_s=float(min(max(limit, LIMIT_MIN * tau), LIMIT_MAX * tau)),
            overrun_s=0 if by_level else learn_overrun_s(seen.overrun_s, seen.night, self._on_t.mode),
            orphans_limit=0 if by_level or self._on_t.mode is not Mode.BOTH else max(3, 2 * seen.orphans + 1),
            interruptions_s=min(max(2 * seen.interrupted_s, INTERRUPTIONS_MIN_S), INTERRUPTIONS_MAX_S),
        )
        if seen.interrupted_s >= INTERRUPTIONS_MIN_S:
            window_h = self._params.interruptions_window_s // HOUR_S
            minutes = seen.interrupted_s // 60
            self._missing.append(FINDINGS["interrupted"].fill(minutes=minutes, window_h=window_h))

    def _learn_noise(self, seen: Counts) -> None:
        treatment = tuple(
            evolve(line, noise_floor=self._learn_noise_floor(line, seen.noise[line.id]))
            for line in self._params.treatment
        )
        self._params = evolve(self._params, treatment=treatment)

    def _learn_noise_floor(self, line: LineParams, noise: list[float]) -> float:
        """Half of the least noise; 0 where the steps of the meter hide what it is."""
        values = self._data.watts[line.id]
        running = values[np.nan_to_num(values, nan=0.0) >= line.threshold.hi_w]
        if not noise or not len(running):
            return 0.0
        least = float(np.quantile(noise, 0.005))
        steps = find_resolution_w(values) / float(np.median(running))
        if least >= NOISE_STEPS * steps:
            return float(f"{NOISE_FLOOR * least:.4g}")
        step_kw = find_resolution_w(values) / 1000
        self._missing.append(QUESTIONS["coarse"].fill(line=line.id, step_kw=step_kw))
        return 0.0

    def _borrow(self, lines: tuple[LineParams, ...]) -> tuple[LineParams, ...]:
        """Complete the lines that hardly ran with what their sisters showed."""
        watts, dt = self._data.watts, self._data.dt_s
        on_s = {line.id: int((watts[line.id] >= line.threshold.hi_w).sum()) * dt for line in lines}
        found, lenders = borrow(lines, on_s, dt)
        for name, sisters in lenders.items() if len(lines) > 1 else ():
            names = Words("、".join(sisters), ", ".join(sisters))
            text = FINDINGS["hardly ran" if sisters else "hardly ran alone"]
            self._missing.append(text.fill(line=name, sisters=names))
        return found

    def _conclude(self, seen: Counts, r: float) -> CommissionResult:
        span_s = self._data.slots * self._data.dt_s
        stop = self._answers.get("stop")
        starts = seen.starts >= STARTS_MIN or (stop is not None and stop.answer == NO)
        enough = starts and seen.on_s >= ON_MIN_S
        facts = {"span_h": span_s / HOUR_S, "starts": seen.starts, "on_h": seen.on_s / HOUR_S}
        self._judge_amount(span_s, facts, enough=enough)
        for side, one in (("production", self._on_u), ("treatment", self._on_t)):
            if one.mode is not Mode.BOTH:
                text = FINDINGS["provisional side"]
                self._missing.append(text.fill(side=SIDES[side], seen=one.mode.value))
        questions, told = self._ask()
        only_asks = self._judge_exceptions(asked=any(one.key == "level" for one in questions))
        both = all(one.mode is Mode.BOTH for one in (self._on_u, self._on_t))
        params = evolve(
            self._params,
            provisional=not (enough and both and not only_asks),
            only_asks=only_asks,
            untreated_w=self._find_untreated_w(),
        )
        follows = FINDINGS["follows" if r > 0 else "no lag"].fill(lag_s=params.lag_s, r=r)
        return CommissionResult(
            params=params,
            seen=(
                FINDINGS["seen"].fill(**facts),
                follows,
                *describe_range((find_treated_w(params), params.range_hi_w)),
            ),
            missing=tuple(self._missing),
            refusals=tuple(self._refusals),
            questions=tuple(one for one in questions if one.key not in self._answers),
            exceptions=(*told, *describe_exceptions(self._exceptions, self._data, params.utc_offset_s)),
        )

    def _judge_amount(self, span_s: int, facts: Mapping[str, Any], *, enough: bool) -> None:
        """Refuse a period in which too little was seen, unless it is not to be extended further."""
        if span_s < PERIOD_S - HOUR_S:
            hours = {"span_h": span_s / HOUR_S, "usual_h": PERIOD_S // HOUR_S}
            self._missing.append(FINDINGS["short period"].fill(**hours))
        if enough:
            return
        late = span_s >= EXTEND_MAX_S
        then = FINDINGS["use as provisional" if late else "record more"].fill(more_h=EXTEND_S // HOUR_S)
        least = {"starts_min": STARTS_MIN, "on_min_h": ON_MIN_S // HOUR_S}
        words = FINDINGS["too little"].fill(**facts, **least, then=then)
        if late:
            self._missing.append(words)
        else:
            self._refusals.append(Refusal("too_little", words))

    def _find_untreated_w(self) -> int:
        """Up to which production a lack of treatment asks; nowhere, once a person said that it was needed."""
        standby = self._answers.get("standby")
        if standby is not None and standby.answer == NO:
            return 0
        return find_untreated_w(self._exceptions, self._u, find_treated_w(self._params))

    def _is_by_level(self) -> bool:
        level = self._answers.get("level")
        return level is not None and level.answer == YES

    def _judge_exceptions(self, *, asked: bool) -> str:
        """Why findings may only ask: refuses a period whose exceptions hide what is normal.

        Args:
            asked: Whether the answer to the question about a level may explain them.
        """
        if self._is_by_level():
            return "level"
        share = find_share(self._exceptions, self._on)
        if share < REFUSED_SHARE:
            return ""
        text = "refused before answer" if asked and "level" not in self._answers else "refused"
        self._refusals.append(Refusal("exceptions", FINDINGS[text].fill(share=round(100 * share))))
        return "exceptions"

    @property
    def usual_w(self) -> float:
        """What production usually draws; 0 if it never ran."""
        on = self._find_running_w()
        return float(np.median(on)) if len(on) else 0.0

    def _find_running_w(self) -> np.ndarray:
        known = self._u[np.isfinite(self._u)]
        return np.asarray(known[known >= self._params.on_production.hi_w])

    def _ask(self) -> tuple[list[Question], list[Words]]:
        """All questions that the data raise, and remarks about habits that no answer would change."""
        params = self._params
        on = self._find_running_w()
        facts = params.utc_offset_s, self.usual_w, find_treated_w(params)
        habits, told = ask_about_habits(self._exceptions, self._u, self._data, *facts)
        # What comes at the same hours is no level, as long as it is not a good part of the time.
        is_asked = not (habits or told) or find_share(self._exceptions, self._on) >= REFUSED_SHARE
        level = ask_about_level(self._exceptions, self._data.dt_s) if is_asked else []
        greatest_w = round(float(np.max(on))) if len(on) and params.range_hi_w else 0
        return [*habits, *level, *ask_about_production(self._on_u.mode, greatest_w)], told
