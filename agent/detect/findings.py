"""Turns the alarms of a linkage into episodes, and keeps the open ones; see line_findings for lines.

The numbers of an episode are those of the moment when it was raised; those of a violation are taken again
when its rule changes, and when it is cleared its durations and counts are made those of the whole deed.
`course` has each rule that it had, and from when.

One deed is one episode. Treatment that is switched off again and again in one run of production, or that
stays off over several runs with pauses between, reopens the previous episode with the current numbers: within
REOPEN_S of treatment, or DEED_PAUSE_S without production and without a healthy moment. Id, begin and first
raise stay, `reopened` counts up, and it is emitted like any other raise.

A violation accuses. Where the evidence is thin it is a notice that asks: for a plant that was never
commissioned, unless its meter has shown treatment running (one behind a wrong ratio never does), its other
channels prove that it was stopped (voltage, and standby current or none), and production draws a good part of
its nameplate.
The same holds where commissioning says that findings only ask (`LinkageParams.only_asks`); treatment by level
accuses where it has not run for far longer than ever seen.
Production that was seen at commissioning without treatment, and less than any that treatment ever ran for
(`LinkageParams.untreated_w`), is a question: it may be a warm-up that needs none. Once a minute of production
is above that, deficit and grace begin anew, and what still lacks then accuses.
Treatment that runs longer than production, or without it, is a question as well, unless the incomer shows
that something else runs meanwhile. So is treatment that is low without having fallen by itself (`falls`): it
is proposed to learn again from that day on. A question of a kind that comes with every batch or every night
is asked once in QUESTION_AGAIN_S; until then it stays open unsaid, and only what it turns into is told.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import astuple, define, evolve, field, frozen

from agent.detect import linkage as linkage_alarms
from agent.detect.causes import (
    IDLE_SHARE,
    INCOMER_RISE,
    collect_channels,
    estimate_speed_hz,
    find_low_rule,
    find_treatment_cause,
    is_power_factor_judged,
    refine_by_incomer,
)
from agent.detect.channels import Cause
from agent.detect.episode import MINUTE_S, OFF_RULES, SEVERITIES, Episode, Rule, Severity, State
from agent.detect.falls import STAGE_T, STAGE_U, Falls
from agent.detect.line import MISSING, LineTracker
from agent.detect.line_params import Bin
from agent.detect.linkage import QUESTION_AGAIN_S, LinkageTracker
from agent.detect.params import LinkageParams
from agent.detect.sentence import LEARN_AGAIN, Names, list_unseen, plan_learning, write_sentence
from agent.detect.slots import count_fresh_slots
from agent.detect.trace import MinuteTrace

REOPEN_S: Final = 1800
"""Treatment that is back on for less than half an hour does not end an episode for good."""
DEED_PAUSE_S: Final = 14_400
"""The longest break within a shift; treatment that is missing after a longer one is a new deed."""
QUESTIONS: Final = frozenset(
    {Rule.CHANGED, Rule.DECOUPLED, Rule.LOW_CORRELATION, Rule.CT_PROD, Rule.PHASE_LOST, Rule.UNLEARNED}
)
HEALTHY_S: Final = 120
"""A minute in which treatment was still coming back says too little of it."""
SURE_OF_RATED: Final = 0.3
"""Production that draws so much of its nameplate runs, commissioned or not."""
_PROVEN_CAUSES: Final = frozenset({Cause.STOPPED, Cause.BREAKER, Cause.BREAKER_OR_CT})
_RULES: Final = {
    linkage_alarms.OVERRUN: Rule.DECOUPLED,
    linkage_alarms.ORPHANS: Rule.DECOUPLED,
    linkage_alarms.LOW_R: Rule.LOW_CORRELATION,
    linkage_alarms.INTERRUPTED: Rule.INTERRUPTIONS,
    linkage_alarms.UNLEARNED: Rule.UNLEARNED,
}
_PRODUCTION_RULES: Final = linkage_alarms.VIOLATION | linkage_alarms.INTERRUPTED | linkage_alarms.UNLEARNED


@frozen
class Ended:
    """What a reopened episode takes over from the one that was cleared; times as in `Episode`.

    Attributes:
        reopened: How often it had been reopened.
        deficit_s: Seconds of deficit in it.
        runs: Runs of production in it.
        course: Its rules, each with the time from which it held.
    """

    id: str
    rule: str
    begin_at_s: int
    raised_at_s: int
    end_at_s: int
    reopened: int
    deficit_s: int
    runs: int
    course: list[list[Any]]

    @classmethod
    def of(cls, episode: Episode) -> "Ended":
        """Taken from an episode that was cleared."""
        assert episode.end_at_s is not None
        numbers = episode.numbers
        times = episode.begin_at_s, episode.raised_at_s, episode.end_at_s
        counts = numbers.get("reopened", 0), numbers["deficit_for_s"], numbers["deficit_runs"]
        return cls(episode.id, episode.rule.value, *times, *counts, numbers.get("course", []))


@define(eq=False, repr=False)
class LinkageWatch:
    """A linkage with the trackers of its sums and lines, and its open episodes by alarm.

    Attributes:
        flags: The alarms for which episodes were emitted.
        rule: Rule of the violation, as emitted.
        ended: The violation that was cleared last.
        names: The names of the lines, for people.
        falls: What treatment drew when it was healthy.
        asked: When a question of each rule and kind of it, for a line its id, was last asked, in slots.
        unsaid: The alarms whose open episodes are questions that were asked before.
        measure_rise_w: By how much the incomer's residual has grown since a time; None if not known.
    """

    params: LinkageParams
    tracker: LinkageTracker
    trace: MinuteTrace
    production: tuple[LineTracker, ...]
    treatment: tuple[LineTracker, ...]
    flags: int = 0
    rule: Rule = Rule.OFF
    open: dict[int, Episode] = field(factory=dict)
    ended: Ended | None = None
    names: Names = field(factory=dict)
    falls: Falls = field(factory=Falls)
    asked: dict[str, int] = field(factory=dict)
    unsaid: int = 0
    measure_rise_w: Callable[[int], float | None] = field(default=lambda _: None)

    @classmethod
    def start(cls, params: LinkageParams, lines: Mapping[str, LineTracker], slot: int) -> "LinkageWatch":
        """A linkage that starts with `slot`."""
        return cls(
            params,
            LinkageTracker(params, slot),
            MinuteTrace(dt_s=params.dt_s, lines=len(params.lines), slot=slot, pairs=params),
            tuple(lines[line.id] for line in params.production),
            tuple(lines[line.id] for line in params.treatment),
        )

    def step(self, slot: int, whole: bool = False) -> bool:
        """Add up the lines after their step, and judge; returns whether there are changes to collect.

        Args:
            slot: The slot to judge.
            whole: Whether every line has a sample in it that counts.
        """
        tracker = self.tracker
        if whole:
            u = t = 0
            for line in self.production:
                u += line.now
            for line in self.treatment:
                t += line.now
            tracker.step(slot, u, True, t, True)
            trace = self.trace
            if slot >= trace.until:
                self._close_minute(slot)
            trace.sum_u += u
            trace.sum_t += t
        else:
            self._step_partly(slot)
        return tracker.flags != self.flags or tracker.rule is not self.rule

    def _step_partly(self, slot: int) -> None:
        u, u_known = add_up(self.production)
        t, t_known = add_up(self.treatment)
        self.tracker.step(slot, u, u_known, t, t_known)
        if slot >= self.trace.until:
            self._close_minute(slot)
        missed = count_missing(self.production, slot) + count_missing(self.treatment, slot)
        self.trace.add(u if u_known else MISSING, t if t_known else MISSING, missed)

    def _close_minute(self, slot: int) -> None:
        tracker, trace = self.tracker, self.trace
        trace.close(slot)
        tracker.judge_minute(slot, trace.low)
        if tracker.on and (last := trace.last) is not None:
            self._note_health(slot, *last)

    def _note_health(self, slot: int, u: int, t: int) -> None:
        """Note what treatment draws in health; look again at what is low for no known reason."""
        tracker, params, falls, dt = self.tracker, self.params, self.falls, self.tracker.dt
        minutes = 1 if dt < MINUTE_S else dt // MINUTE_S
        if params.bridge_s > 2 * dt:
            falls.pulses.append(_find_on(self.production))
        falls.note_production(minutes, u, params.range_hi_w)
        if tracker.good * dt >= HEALTHY_S and not tracker.deficit.count:
            if t >= tracker.proof_w and u >= params.on_production.hi_w:
                running, least_w = self._find_running(), tracker.find_least_production_w()
                falls.note_health(u, t, tracker.on_slot, running, least_w)
        elif tracker.deficit.count:
            falls.note_lack(minutes, self._find_running())
            is_open = tracker.flags & linkage_alarms.VIOLATION
            if is_open and tracker.rule is Rule.CHANGED and self._is_fall():
                tracker.rule = self._find_low_rule()
            elif is_open and tracker.rule is Rule.UNLEARNED and u > self.params.untreated_w:
                tracker.count_anew(slot)

    def _find_running(self) -> tuple[int, int]:
        """The lines that run, a bit for each; a machine that pulses runs in its pauses, too."""
        if self.tracker.on and len(self.production) == 1:
            return 1, _find_on(self.treatment)
        return self.falls.hold_pulses(_find_on(self.production)), _find_on(self.treatment)

    def _is_fall(self) -> bool:
        """Whether the open deficit is a fall of treatment by itself."""
        tracker, mean_w = self.tracker, self._find_lacking_production_w()
        low_w, running = tracker.deficit.mean_low_w, self._find_running()
        return self.falls.is_fall(
            mean_w,
            low_w,
            tracker.on_slot,
            running,
            self._find_usual_w,
            tracker.proof_w,
            self._find_least_w,
        )

    def _find_lacking_production_w(self) -> float:
        """The mean of production in the open deficit."""
        trace, dt = self.trace.to_trace(), self.params.dt_s
        first = max(self.tracker.deficit.slot * dt - trace.begin_at_s, 0) // MINUTE_S
        pairs = zip(trace.production_w[first:], trace.treatment_w[first:], strict=True)
        least_w = self.params.on_production.lo_w
        known = [u for u, t in pairs if u is not None and t is not None and u >= least_w] or [self.tracker.u]
        return sum(known) / len(known)

    def _find_usual_w(self, production_w: float) -> int:
        """The usual treatment at this production."""
        return self._find_step(production_w).median_w

    def _find_least_w(self, production_w: float) -> int:
        """The learned least of treatment at this production."""
        return self._find_step(production_w).lo_w

    def _find_step(self, production_w: float) -> Bin:
        steps = self.params.envelope
        return next((one for one in reversed(steps) if one.from_w <= production_w), steps[0])

    def adopt(
        self, episodes: dict[int, Episode], unsaid: int = 0, asked: Mapping[str, int] | None = None
    ) -> None:
        """Keep episodes that were open before a restart that lost all other state, and what was asked."""
        self.open, self.unsaid, self.asked = episodes, unsaid, dict(asked or {})
        for flag, episode in episodes.items():
            self.tracker.flags |= flag
            self.tracker.since[flag] = episode.begin_at_s // self.params.dt_s
            if flag == linkage_alarms.VIOLATION:
                self.tracker.rule = episode.rule
        self.flags, self.rule = self.tracker.flags, self.tracker.rule

    def state(self) -> list[Any]:
        """Everything that `restore` needs, without the open episodes."""
        ended = None if self.ended is None else astuple(self.ended)
        return [self.tracker.state(), self.trace.state(), ended, self.falls.state()]

    def restore(self, state: list[Any]) -> None:
        """Continue from `state`."""
        tracked, traced, ended, falls = state
        self.falls.restore(falls)
        self.ended = None if ended is None else Ended(*ended)
        self.tracker.restore(tracked)
        self.trace.restore(traced)
        self.flags, self.rule = self.tracker.flags, self.tracker.rule

    def collect_changes(self, slot: int) -> list[Episode]:
        """Episodes that the last step raised, renamed or cleared."""
        flags = self.tracker.flags
        if flags & ~self.flags & linkage_alarms.VIOLATION:
            self._name_violation(slot)
        found: list[Episode] = []
        for flag in linkage_alarms.FLAGS:
            rule = self._rule(flag)
            episode = self.open.get(flag)
            if flags & flag and episode is None:
                self.open[flag] = self._reopen(self._build_raised(flag, rule, slot))
                of = "untreated" if "untreated_w" in self.open[flag].numbers else ""
                if self.is_asked_before(self.open[flag], slot, of):
                    self.unsaid |= flag
                else:
                    found.append(self.open[flag])
            elif flags & flag and episode is not None and episode.rule is not rule:
                self.open[flag] = self._escalate(episode, rule, slot)
                self.unsaid &= ~flag
                found.append(self.open[flag])
            elif episode is not None and not flags & flag and self.unsaid & flag:
                del self.open[flag]
                self.unsaid &= ~flag
            elif episode is not None and not flags & flag and flag == linkage_alarms.VIOLATION:
                found.append(self._conclude(self.open.pop(flag), rule))
                self.ended = Ended.of(found[-1])
            elif episode is not None and not flags & flag:
                found.append(self.clear(self.open.pop(flag), slot * self.params.dt_s))
        self.flags, self.rule = flags, self.tracker.rule
        return found

    def is_asked_before(self, episode: Episode, slot: int, of: str = "") -> bool:
        """Whether `episode` is a question that was asked not long ago `of` a line or kind; else it is now."""
        if episode.rule not in QUESTIONS or episode.severity is not Severity.NOTICE:
            return False
        if not self.is_question_due(episode.rule, slot, of):
            return True
        self.asked[f"{episode.rule.value} {of}"] = slot
        return False

    def is_question_due(self, rule: Rule, slot: int, of: str = "") -> bool:
        """Whether a question of this rule `of` a line or kind was not asked for long."""
        before = self.asked.get(f"{rule.value} {of}")
        return before is None or (slot - before) * self.params.dt_s >= QUESTION_AGAIN_S

    def _rule(self, flag: int) -> Rule:
        return self.tracker.rule if flag == linkage_alarms.VIOLATION else _RULES[flag]

    def _name_violation(self, slot: int) -> None:
        """Decide between underspeed, idle and what only looks like a violation, once one was raised."""
        if self._find_cause(slot, 0) is Cause.WIRING:
            self.tracker.rule = Rule.WIRING
        elif self.params.untreated_w >= self._find_lacking_production_w():
            self.tracker.rule = Rule.UNLEARNED
        elif self.tracker.rule is Rule.IDLE:
            self.tracker.rule = self._find_low_rule()

    def _find_low_rule(self) -> Rule:
        """Why treatment is low; a question unless its power factor shows a motor without load, or it fell."""
        mean_w = self.tracker.deficit.mean_low_w
        rule = find_low_rule(self.params, self.treatment, mean_w, self._find_normal_w())
        is_shown = rule is Rule.IDLE and is_power_factor_judged(self.treatment)
        # At the edge of two stages of a fan the lower one may be less than that.
        is_stage = mean_w >= STAGE_T * self._find_usual_w(STAGE_U * self._find_lacking_production_w())
        is_deep = mean_w < IDLE_SHARE * self._find_normal_w() and not (is_stage or self.falls.is_odd)
        if rule not in {Rule.IDLE, Rule.UNDERSPEED} or is_shown or is_deep or self._is_fall():
            return rule
        return Rule.CHANGED

    def _find_normal_w(self) -> int:
        expected = self.tracker.expected
        return next(step.median_w for step in reversed(self.params.envelope) if step.lo_w <= expected)

    def _escalate(self, episode: Episode, rule: Rule, slot: int) -> Episode:
        """The episode under a graver rule, with what is known now."""
        before = episode.numbers
        held_from = (slot - self.tracker.deficit.off_run + 1) * self.params.dt_s
        numbers = self.collect_evidence(slot) | self._describe_violation(slot) | self._sum_up(episode)
        numbers |= {name: before[name] for name in ("begin_at_s", "reopened", "unseen") if name in before}
        numbers["course"] = [*before.get("course", ()), [rule.value, held_from]]
        severity = self._weigh(rule, numbers)
        words = self._write(rule, episode.lines, numbers, severity)
        return evolve(episode, rule=rule, severity=severity, numbers=numbers, sentence=words)

    def _conclude(self, episode: Episode, rule: Rule) -> Episode:
        """The episode ended, with the figures of the whole deed; its rule may only be known now."""
        end_at_s = max(self.tracker.end_slot * self.params.dt_s, episode.begin_at_s)
        numbers = episode.numbers | self._sum_up(episode) | {"end_at_s": end_at_s}
        if rule is not episode.rule and numbers.get("course"):
            numbers["course"] = [*numbers["course"][:-1], [rule.value, numbers["course"][-1][1]]]
        severity = episode.severity if rule is episode.rule else self._weigh(rule, numbers)
        return self.clear(evolve(episode, rule=rule, severity=severity, numbers=numbers), end_at_s)

    def clear(self, episode: Episode, end_at_s: int) -> Episode:
        """The same episode, ended, with a sentence about all of it."""
        return clear(episode, end_at_s, self.params.utc_offset_s, self.names)

    def _write(
        self, rule: Rule, lines: Sequence[str], numbers: Mapping[str, Any], severity: Severity
    ) -> dict[str, str]:
        return write_sentence(rule, lines, numbers, self.params.utc_offset_s, self.names, severity)

    def _sum_up(self, episode: Episode) -> dict[str, Any]:
        """Deficit and runs of production of the whole episode, also before it was reopened."""
        deficit, dt = self.tracker.deficit, self.params.dt_s
        if not self.tracker.flags & linkage_alarms.VIOLATION:
            deficit = self.tracker.deed
        known = episode.numbers
        earlier_s, earlier_runs = known.get("deficit_before", (0, 0))
        # What was known when it was raised is not lost by a loss of data that resets the counts.
        return {
            "deficit_for_s": max(earlier_s + deficit.count * dt, known.get("deficit_for_s", 0)),
            "deficit_runs": max(earlier_runs + deficit.runs, known.get("deficit_runs", 1)),
            "deficit_before": [earlier_s, earlier_runs],
        }

    def _build_raised(self, flag: int, rule: Rule, slot: int) -> Episode:
        begin = self.tracker.since[flag] * self.params.dt_s
        evidence = self.collect_evidence(slot)
        severity = SEVERITIES[rule]
        if flag == linkage_alarms.VIOLATION:
            evidence |= self._describe_violation(slot)
            evidence["course"] = [[rule.value, begin]]
            if rule is Rule.UNLEARNED:
                evidence["untreated_w"] = self.params.untreated_w
            severity = self._weigh(rule, evidence)
        elif flag == linkage_alarms.INTERRUPTED:
            evidence |= self._describe_interruptions()
            severity = self._weigh(rule, evidence)
        else:
            evidence |= self._describe_decoupling(slot)
            if rule is Rule.DECOUPLED and self._is_incomer_risen(begin):
                severity = Severity.INTEGRITY
        lines = ids_of(self.treatment)
        if flag & _PRODUCTION_RULES:
            lines = tuple(evidence["lines_on"]) or ids_of(self.production)
        return self.build_episode(rule, lines, begin, slot, evidence, severity)

    def _weigh(self, rule: Rule, numbers: Mapping[str, Any]) -> Severity:
        """The severity of a violation: see the module for what makes it a notice."""
        severity = SEVERITIES[rule]
        is_beyond = self.params.only_asks == "level" and rule in OFF_RULES
        if severity is Severity.VIOLATION and self.params.only_asks and not is_beyond:
            return Severity.NOTICE
        if severity is not Severity.VIOLATION or self.params.learned_to_s or not self.params.provisional:
            return severity
        rated_w = sum(line.params.rated_w for line in self.production)
        proven = self.tracker.has_run and rule in OFF_RULES and numbers["cause"] in _PROVEN_CAUSES
        runs = numbers["production_w"] >= SURE_OF_RATED * rated_w
        return severity if proven and runs else Severity.NOTICE

    def _is_incomer_risen(self, begin_at_s: int) -> bool:
        rise_w = self.measure_rise_w(begin_at_s)
        return rise_w is not None and rise_w >= INCOMER_RISE * self.params.on_production.hi_w

    def _reopen(self, fresh: Episode) -> Episode:
        """`fresh`, or the previous episode if `fresh` continues it."""
        before, tracker = self.ended, self.tracker
        if before is None or fresh.rule not in OFF_RULES or before.rule not in OFF_RULES:
            return fresh
        pause_s = fresh.begin_at_s - before.end_at_s
        same_run = tracker.on_slot * self.params.dt_s <= before.begin_at_s
        never_healthy = tracker.healthy_slot * self.params.dt_s <= before.begin_at_s
        if not (same_run and pause_s <= REOPEN_S) and not (never_healthy and pause_s <= DEED_PAUSE_S):
            return fresh
        rule = Rule.LATE_START if before.rule == Rule.LATE_START else Rule.OFF
        tracker.rule, tracker.continues = rule, not same_run
        continued = {
            "begin_at_s": before.begin_at_s,
            "reopened": before.reopened + 1,
            "deficit_for_s": before.deficit_s + fresh.numbers["deficit_for_s"],
            "deficit_runs": before.runs + fresh.numbers["deficit_runs"],
            "deficit_before": [before.deficit_s, before.runs],
            "course": [*before.course, [rule.value, fresh.begin_at_s]],
        }
        numbers = fresh.numbers | continued
        return evolve(
            fresh,
            id=before.id,
            rule=rule,
            begin_at_s=before.begin_at_s,
            raised_at_s=before.raised_at_s,
            numbers=numbers,
            sentence=self._write(rule, fresh.lines, numbers, fresh.severity),
        )

    def build_retrospective(self, slot: int) -> Episode:
        """The violation that the tracker has just raised, as a closed notice about the past."""
        self._name_violation(slot)
        found = self._build_raised(linkage_alarms.VIOLATION, self.tracker.rule, slot)
        notice = evolve(found, id=f"{found.id}-retrospective", severity=Severity.NOTICE, retrospective=True)
        return self.clear(notice, found.raised_at_s)

    def build_episode(
        self,
        rule: Rule,
        lines: tuple[str, ...],
        begin: int,
        slot: int,
        numbers: dict[str, Any],
        severity: Severity | None = None,
        where: str = "",
    ) -> Episode:
        """An episode that is raised at the end of `slot`.

        Args:
            rule: What was found.
            lines: The ids of the lines that it is about.
            begin: When it began, UTC.
            slot: The slot that decided.
            numbers: The evidence.
            severity: If it is not that of the rule.
            where: The id of a line, for a finding about its meter alone.
        """
        numbers |= {"begin_at_s": begin, "unseen": list_unseen(self.params, lines)}
        if rule in LEARN_AGAIN:
            numbers |= plan_learning(begin, self.params.utc_offset_s)
        return Episode(
            id=f"{where or self.params.linkage}-{rule.value}-{begin}",
            linkage=self.params.linkage,
            lines=lines,
            rule=rule,
            severity=severity or SEVERITIES[rule],
            begin_at_s=begin,
            raised_at_s=(slot + 1) * self.params.dt_s,
            numbers=numbers,
            sentence=self._write(rule, lines, numbers, severity or SEVERITIES[rule]),
            trace=self.trace.to_trace(),
            params_hash=self.params.hash,
        )

    def collect_evidence(self, slot: int) -> dict[str, Any]:
        """The numbers that every episode of this linkage carries."""
        lines = self.production + self.treatment
        correlation = self.trace.correlation
        alive_slots = count_fresh_slots(self.params.dt_s)
        return {
            "production_w": self.tracker.u,
            "treatment_w": self.tracker.treatment,
            "production_on_w": self.params.on_production.hi_w,
            "lines_on": [line.params.id for line in self.production if line.value >= line.hi],
            "lines_alive": [line.params.id for line in lines if slot - line.last_slot < alive_slots],
            "completeness": self.trace.completeness,
            "lag_s": self.params.lag_s,
            "correlation": None if correlation.r is None else round(correlation.r, 3),
            "correlation_undefined": correlation.reason,
            "correlated_minutes": self.trace.correlated_minutes,
            "correlated_minutes_min": self.trace.correlated_minutes_min,
            "correlations": self.trace.correlations,
            "learned_from_s": self.params.learned_from_s,
            "learned_to_s": self.params.learned_to_s,
            "provisional": self.params.provisional,
            "channels": collect_channels(lines),
        }

    def _describe_violation(self, slot: int) -> dict[str, Any]:
        tracker, params, dt = self.tracker, self.params, self.params.dt_s
        slots = slot - tracker.deficit.slot + 1
        normal_w, low_w = self._find_normal_w(), tracker.deficit.mean_low_w
        return {
            "cause": self._find_cause(slot, normal_w).value,
            "production_on_at_s": tracker.on_slot * dt,
            "grace_end_at_s": tracker.on_slot * dt + tracker.grace_s,
            "deficit_begin_at_s": tracker.deficit.slot * dt,
            "deficit_for_s": tracker.deficit.count * dt,
            "deficit_runs": tracker.deficit.runs,
            "deficit_fraction": round(tracker.deficit.count / slots, 3),
            "deficit_off_fraction": round(tracker.deficit.off / tracker.deficit.count, 3),
            "deficit_s": round(tracker.deficit.weighted_s, 1),
            "limit_s": params.limit_s,
            "treatment_expected_w": tracker.expected,
            "treatment_normal_w": normal_w,
            "treatment_low_w": low_w,
            "speed_hz": estimate_speed_hz(low_w, normal_w),
            "pf_judged": is_power_factor_judged(self.treatment),
            "phase": next((f"L{one.lost_phase}" for one in self.treatment if one.lost_phase), ""),
            "treatment_on_w": params.on_treatment.lo_w,
            "healthy_at_s": tracker.healthy_slot * dt if tracker.seen else None,
        }

    def _find_cause(self, slot: int, normal_w: int) -> Cause:
        rise_w = self.measure_rise_w(self.tracker.deficit.slot * self.params.dt_s)
        return refine_by_incomer(
            find_treatment_cause(self.treatment, slot, self.params.dt_s), normal_w, rise_w
        )

    def _describe_interruptions(self) -> dict[str, Any]:
        kept = self.tracker.interruptions
        return {
            "interruption_count": len(kept.kept),
            "interrupted_for_s": kept.total_s,
            "interruption_limit_s": self.params.interruptions_s,
            "interruption_window_s": self.params.interruptions_window_s,
        }

    def _describe_decoupling(self, slot: int) -> dict[str, Any]:
        return {
            "orphan_starts": len(self.tracker.orphans),
            "orphan_limit": self.params.orphans_limit,
            "alone_for_s": self.tracker.overrun * self.params.dt_s,
            "overrun_limit_s": self.params.overrun_s,
            "correlation_limit": self.params.correlation_limit,
            "range_hi_w": self.params.range_hi_w,
            "raised_slot": slot,
        }


def _find_on(lines: Sequence[LineTracker]) -> int:
    """Which of these lines run now, a bit for each."""
    on, bit = 0, 1
    for line in lines:
        if line.value >= line.hi:
            on |= bit
        bit <<= 1
    return on


def ids_of(lines: Sequence[LineTracker]) -> tuple[str, ...]:
    """The ids of these lines."""
    return tuple(line.params.id for line in lines)


def add_up(lines: Sequence[LineTracker]) -> tuple[int, bool]:
    """Sum over the lines that have a value, and whether all have one."""
    known = [line.now for line in lines if line.now >= 0]
    return sum(known), len(known) == len(lines)


def count_missing(lines: Sequence[LineTracker], slot: int) -> int:
    """How many of these lines have no valid sample in `slot`."""
    return sum(line.last_slot != slot for line in lines)


def clear(episode: Episode, end_at_s: int, offset_s: int, names: Names) -> Episode:
    """The same episode, ended, with a sentence about all of it."""
    end_at_s = max(end_at_s, episode.begin_at_s)
    numbers = episode.numbers | {"end_at_s": end_at_s}
    words = write_sentence(episode.rule, episode.lines, numbers, offset_s, names, episode.severity)
    return evolve(episode, state=State.CLEARED, end_at_s=end_at_s, numbers=numbers, sentence=words)
