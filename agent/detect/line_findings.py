"""Turns the alarms of a line into episodes; see `findings` for those of a linkage.

A meter that shows nothing may be a CT that is off, a breaker that tripped, a main switch for the holidays or
a machine that was taken away. It accuses only with proof, else it is a notice that asks. Proof is power that
went from running to nothing at once, without the run-down and standby of a stop, while treatment runs on as
it does for running production and no other line runs, or while the incomer still shows what the line drew; or
treatment that starts afterwards and runs for PROOF_S, while the line still shows nothing. The notice then
becomes an accusation, under the same id. A line that loses its standby at rest proves nothing: whoever opens
the main switch of a machine leaves the same, with the voltage upstream of it still there.
Such a question is asked once in QUESTION_AGAIN_S. What was not asked meanwhile is counted, and told in sum
when that time is over, as the next question: production behind a meter that shows nothing leaves no other
trace.
"""

from collections.abc import Sequence
from typing import Any, Final

from attrs import define, evolve, field

from agent.detect import line as line_alarms
from agent.detect.causes import find_line_cause, find_loss_cause, has_voltage_elsewhere, refine_by_incomer
from agent.detect.channels import Cause
from agent.detect.episode import SEVERITIES, Episode, Rule, Severity
from agent.detect.findings import LinkageWatch
from agent.detect.line import LineTracker

PROOF_S: Final = 600
"""Treatment by itself for less is a test of its motor."""
SWITCH_S: Final = 20
"""Between the end of a run and a hand at the main switch lies more, so a machine that pulses and loses its
standby this soon lost it in a pause of its run."""
LOST_OF_RATED: Final = 0.1
"""A CT that went off under load hides at least this share of the nameplate."""
_HELD_BACK: Final = (line_alarms.DUMMY, line_alarms.STUCK)
LINE_RULES: Final = {
    line_alarms.DATA_LOSS: Rule.DATA_LOSS,
    line_alarms.STUCK: Rule.STUCK,
    line_alarms.FLAT: Rule.FLAT,
    line_alarms.DUMMY: Rule.DUMMY,
    line_alarms.CT: Rule.CT_PROD,
    line_alarms.SUPPLY: Rule.DATA_LOSS,
    line_alarms.REVERSED: Rule.REVERSED,
    line_alarms.WIRING: Rule.WIRING,
    line_alarms.REPEATS: Rule.STUCK,
    line_alarms.ECHOES: Rule.DUMMY,
}


@define(eq=False, repr=False)
class LineWatch:
    """A line with its open episodes; they name the first linkage that it belongs to (`home`).

    Attributes:
        reported: The alarms for which episodes were emitted.
        asks: Whether one of them is a notice that may still be proven.
        unsaid: The alarms whose open episodes are questions that were asked before.
        untold: Of CT questions that ended unsaid: how many, their seconds, when the first began; or empty.
    """

    tracker: LineTracker
    home: LinkageWatch
    reported: int = 0
    asks: bool = False
    unsaid: int = 0
    open: dict[int, Episode] = field(factory=dict)
    untold: list[int] = field(factory=list)

    def adopt(self, episodes: dict[int, Episode], unsaid: int = 0, untold: Sequence[int] = ()) -> None:
        """Keep episodes that were open before a restart that lost all other state, and what was not told."""
        self.open, self.unsaid, self.untold = episodes, unsaid, list(untold)
        for flag, episode in episodes.items():
            self.tracker.adopt(flag, episode.begin_at_s // self.home.params.dt_s)
        self.reported = sum(episodes)
        self.asks = self._is_asking()

    def collect_changes(self, slot: int) -> list[Episode]:
        """Episodes that the last step raised or cleared."""
        flags, dt = self.tracker.flags, self.home.params.dt_s
        found: list[Episode] = []
        for flag in line_alarms.FLAGS:
            if flags & flag and flag not in self.open and self._is_due(flag, slot):
                begin = self.tracker.since[flag] * dt
                numbers = self.home.collect_evidence(slot) | self._describe(flag, begin, slot)
                line = (self.tracker.params.id,)
                asks = flag == line_alarms.CT and not self._is_fall_proven(numbers["cause"])
                severity = Severity.NOTICE if asks else None
                self.open[flag] = self.home.build_episode(
                    LINE_RULES[flag], line, begin, slot, numbers, severity, line[0]
                )
                if self.home.is_asked_before(self.open[flag], slot, line[0]):
                    self.unsaid |= flag
                else:
                    found.append(self.open[flag])
            elif flag in self.open and not flags & flag and self.unsaid & flag:
                unsaid = self.open.pop(flag)
                self.unsaid &= ~flag
                if flag == line_alarms.CT:
                    count, seconds, first_s = self.untold or (0, 0, unsaid.begin_at_s)
                    self.untold = [count + 1, seconds + slot * dt - unsaid.begin_at_s, first_s]
            elif flag in self.open and not flags & flag:
                found.append(self.home.clear(self.open.pop(flag), slot * dt))
        held_back = sum(flag for flag in _HELD_BACK if flag not in self.open)
        self.reported = flags & ~held_back
        self.asks = self._is_asking()
        return found + self._prove(slot) if self.asks and not found else found

    def tell_untold(self, slot: int) -> list[Episode]:
        """The CT questions that were not asked, in sum, once the next one may be; an episode that is over."""
        line = (self.tracker.params.id,)
        if not self.untold or not self.home.is_question_due(Rule.CT_PROD, slot, line[0]):
            return []
        count, seconds, first_s = self.untold
        numbers = self.home.collect_evidence(slot) | self._describe(line_alarms.CT, first_s, slot)
        numbers |= {"untold_count": count, "untold_for_s": seconds, "cause": Cause.UNKNOWN.value}
        told = self.home.build_episode(
            Rule.CT_PROD, line, first_s, slot, numbers, Severity.NOTICE, where=line[0]
        )
        self.home.is_asked_before(told, slot, line[0])
        self.untold = []
        return [self.home.clear(told, told.raised_at_s)]

    def _is_due(self, flag: int, slot: int) -> bool:
        """A heater or a frozen meter of treatment hides something only while production wants treatment.

        At night a heater may regenerate carbon or keep a scrubber from freezing, and a main switch leaves a
        residue that stands still. What looked like a heater then is none in a run in which it does no more.
        """
        home, tracker = self.home.tracker, self.tracker
        ran_s = (slot - home.on_slot) * home.dt if home.on else 0
        if flag == line_alarms.STUCK and tracker in self.home.treatment:
            is_off = tracker.raw < tracker.params.threshold.lo_w
            limit_s = tracker.params.stuck_off_s if is_off else tracker.params.stuck_on_s
            return tracker.raw >= home.proof_w or (home.on and ran_s >= limit_s)
        if flag == line_alarms.DUMMY:
            is_still = tracker.channels.pf >= round(1000 * tracker.params.pf_heater)
            return is_still and home.on and ran_s >= self.home.params.dummy_s
        return True

    def _is_asking(self) -> bool:
        return line_alarms.CT in self.open and self.open[line_alarms.CT].severity is Severity.NOTICE

    def _is_fall_proven(self, cause: str) -> bool:
        """Whether running power fell to nothing at once, and something shows that the machine runs on."""
        home, params = self.home, self.home.params
        fell_at_once = self.tracker.fell_from >= self.tracker.params.threshold.hi_w
        if fell_at_once and cause == Cause.CT.value:
            return True
        others = (one for one in home.production if one is not self.tracker)
        is_alone = not any(one.value >= one.params.threshold.lo_w for one in others)
        runs_on = home.tracker.treatment >= params.on_treatment.lo_w
        return is_alone and runs_on and (fell_at_once or self._is_fall_within_run())

    def _is_fall_within_run(self) -> bool:
        """Whether production whose pauses belong to its runs fell in such a pause."""
        run = self.home.tracker
        paused_s = (self.tracker.since[line_alarms.CT] - run.end_slot) * run.dt
        ended = not run.on and run.on_slot < run.end_slot
        return ended and self.home.params.bridge_s > SWITCH_S and 0 <= paused_s <= SWITCH_S

    def _is_start_proven(self, slot: int) -> bool:
        """Whether treatment has started and run since, as it does for production.

        Where other lines have the same treatment, it may have been started early for one of them.
        """
        home, params = self.home.tracker, self.home.params
        since = self.tracker.since[line_alarms.CT]
        ran_s = (slot - home.alone_slot) * home.dt if home.alone and home.alone_slot > since else 0
        if len(params.production) > 1:
            return 0 < params.overrun_s < ran_s
        return ran_s >= PROOF_S

    def _prove(self, slot: int) -> list[Episode]:
        """The open notice about a CT as an accusation, once there is proof."""
        if not self._is_start_proven(slot):
            return []
        asked = self.open[line_alarms.CT]
        proven = evolve(asked, severity=SEVERITIES[asked.rule], trace=self.home.trace.to_trace())
        self.open[line_alarms.CT] = proven
        self.unsaid &= ~line_alarms.CT
        self.asks = False
        return [proven]

    def _describe(self, flag: int, begin: int, slot: int) -> dict[str, Any]:
        tracker, params, dt = self.tracker, self.tracker.params, self.home.params.dt_s
        cause = Cause.UNKNOWN
        more: dict[str, Any] = {}
        lines = self.home.production + self.home.treatment
        if flag == line_alarms.WIRING:
            more["wiring"] = dict(one.split("=", 1) for one in params.wiring.split(","))
        if flag == line_alarms.REPEATS:
            more |= tracker.repetition.describe(dt)
        if flag == line_alarms.ECHOES:
            more |= tracker.echo.describe(dt)
        if flag == line_alarms.DATA_LOSS:
            cause = find_loss_cause(tracker, lines, slot, dt)
        elif flag == line_alarms.SUPPLY:
            cause = Cause.SUPPLY
            more["voltage_elsewhere"] = has_voltage_elsewhere(tracker, lines, slot, dt)
        elif flag == line_alarms.CT:
            lost_w = max(params.ct_floor_w, LOST_OF_RATED * params.rated_w, tracker.fell_from)
            cause = refine_by_incomer(
                find_line_cause(tracker, slot, dt), lost_w, self.home.measure_rise_w(begin)
            )
        on = tracker.raw >= params.threshold.lo_w
        return {
            "value_w": max(tracker.raw, 0),
            "cause": cause.value,
            "age_s": (slot + 1) * dt - begin,
            "rejected": tracker.rejected,
            "stuck_limit_s": params.stuck_on_s if on else params.stuck_off_s,
            "noise": round(tracker.ewma, 7),
            "noise_floor": params.noise_floor,
            "ct_floor_w": params.ct_floor_w,
            "pf": tracker.channels.to_body().get("pf"),
            "pf_on": params.pf_on,
            "pf_heater": params.pf_heater,
            **more,
        }
