"""One line through one alert: frozen baseline, hourly figures, final verdict. Gateway and centre run this.

    judge = LineJudge.of(case, ledger, issued_s, left_out)      freezes the baseline
    judge.baseline_body()                                       sealed at once
    judge.add(at_s, watts)                                      every sample of the line's power
    judge.advance(now_s) → bodies                               hours, and at last the final verdict
    judge.link(id, lines, begin_s, end_s, lacks=…)              an episode, if it is one of its treatment
    judge.revise(case)                                          a revision that asks the same, or a cancel
    judge.state(), judge.restore(state)                         over a restart

Every body is a map of whole numbers and names, `what` being `baseline`, `hour` or `final`; the final one
has a sentence in both languages. Records of a test order are of another kind, and the bodies say so too.

An hour is told LATE_S after its end and the final verdict FINAL_S after the alert's, because registers are
read every few minutes only. Energies come from the ledger, which goes on being filled by its owner; powers
only decide whether a line stood. An hour that was not sampled but whose register shows more than the
threshold counts as running (`bridged`), so nobody stands by being silent.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

from attrs import define, field

from evidence.curtailment.baseline import Baseline, Unknown, find_base_w, find_baseline
from evidence.curtailment.case import Case
from evidence.curtailment.energy import HOUR_S
from evidence.curtailment.finals import Facts, make_final
from evidence.curtailment.ledger import Ledger
from evidence.curtailment.measures import STANDS
from evidence.curtailment.stopping import CLUE_HOURS, Hour, HourState, StopWatch, find_threshold_w

LATE_S: Final = 900
"""A register is read at least every quarter of an hour."""
FINAL_S: Final = HOUR_S
EPISODES_MAX: Final = 50
"""Named in one verdict; more say nothing more."""
WH_PER_KWH: Final = 1000
SAME: Final = 0.001
"""A centre that lacks a body bridges its readings, and an hour divides otherwise."""


_BRIDGED: Final = "b"
_LETTERS: Final = {
    HourState.MET: "m",
    HourState.NOT_MET: "x",
    HourState.NO_DATA: "d",
    HourState.FREE: "f",
    HourState.RUNNING: "r",
}
"""An hour in a letter: an alert of 62 days at forty lines has to fit a checkpoint."""
_STATES: Final = {letter: state for state, letter in _LETTERS.items()} | {_BRIDGED: HourState.NO_DATA}


@define(eq=False, repr=False)
class LineJudge:
    """See the module."""

    case: Case
    ledger: Ledger
    left_out: frozenset[int]
    baseline: Baseline | Unknown
    base_w: float | None
    _watch: StopWatch
    _next_hour: int
    _hours: str = field(default="", init=False)
    """A letter for each hour that was told."""
    _episodes: list[str] = field(factory=list, init=False)
    _in_a_row: int = field(default=0, init=False)
    is_done: bool = field(default=False, init=False)

    @classmethod
    def of(cls, case: Case, ledger: Ledger, issued_s: float, left_out: Collection[int] = ()) -> "LineJudge":
        """Freeze the baseline: only days before that on which the alert was issued or began count."""
        before_s = min(issued_s, case.alert.start_s)
        days = frozenset(left_out)
        baseline: Baseline | Unknown = find_baseline(ledger, ledger.day_of(before_s), days)
        if case.row.baseline_wh is not None:
            p90_wh = 0 if isinstance(baseline, Unknown) else baseline.p90_wh
            baseline = Baseline(
                wh=case.row.baseline_wh, p90_wh=p90_wh or case.row.baseline_wh, from_order=True
            )
        base_w = find_base_w(ledger, ledger.hour_of(before_s), case.off_w)
        watch = _watch(case, ledger, _find_threshold_w(case, base_w))
        return cls(case, ledger, days, baseline, base_w, watch, ledger.hour_of(case.alert.start_s))

    def add(self, at_s: float, watts: float) -> None:
        """A sample of the line's power."""
        self._watch.add(at_s, watts)

    def link(
        self,
        episode: str,
        lines: Collection[str],
        begin_s: float,
        end_s: float | None,
        *,
        lacks: bool = False,
    ) -> None:
        """Name an episode in the verdict if it is about treatment that the row wants, during the alert.

        Of an episode that says that treatment `lacks`, `lines` are the production that ran without it.
        """
        alert, wanted = self.case.alert, set(self.case.row.treatment)
        if lacks and wanted:
            wanted.add(self.case.line)
        overlaps = begin_s < alert.end_s and (end_s is None or end_s > alert.start_s)
        if overlaps and set(lines) & wanted and episode not in self._episodes:
            self._episodes = [*self._episodes, episode][-EPISODES_MAX:]

    def advance(self, now_s: float) -> list[dict[str, Any]]:
        """What is to be sealed by now."""
        found = []
        while not self.is_done and self._hour_end_s() + LATE_S <= now_s and self._is_within():
            found.append(self._take_hour())
        if not self.is_done and self.case.alert.end_s + FINAL_S <= now_s and not self._is_within():
            self.is_done = True
            found.append(self._conclude())
        return found

    def _hour_end_s(self) -> int:
        return self.ledger.hour_begin_s(self._next_hour + 1)

    def _is_within(self) -> bool:
        return self.ledger.hour_begin_s(self._next_hour) < self.case.alert.end_s

    def baseline_body(self) -> dict[str, Any]:
        """What is frozen when the alert is issued, with its days."""
        base_w = None if self.base_w is None else round(self.base_w)
        found = None if isinstance(self.baseline, Unknown) else self.baseline.to_body()
        return {**self.case.head("baseline"), "base_w": base_w, "baseline": found}

    def _take_hour(self) -> dict[str, Any]:
        index = self._next_hour
        self._next_hour += 1
        hour = self._watch.take(index)
        amount = self.ledger.hours.get(index)
        state, is_bridged = self._weigh(hour, index)
        self._hours += _BRIDGED if is_bridged else _LETTERS[hour.state]
        self._in_a_row = self._in_a_row + 1 if state is HourState.NOT_MET else 0
        return {
            **self.case.head("hour"),
            "begin_s": hour.begin_s,
            "state": state.value,
            "asked_s": round(hour.asked_s),
            "covered_s": round(hour.covered_s),
            "over_s": round(hour.over_s),
            "peak_w": round(hour.peak_w),
            "wh": round(amount.wh) if amount else None,
            "bridged": is_bridged,
            "clue": self._in_a_row >= CLUE_HOURS,
        }

    def _weigh(self, hour: Hour, index: int) -> tuple[HourState, bool]:
        """The state of an hour, and whether only its register shows that the line ran."""
        if self.case.row.measure not in STANDS:
            return HourState.RUNNING, False
        if hour.state is not HourState.NO_DATA:
            return (HourState.NO_DATA, False) if self.base_w is None and hour.asked_s else (hour.state, False)
        watts = self.ledger.mean_w(index)
        if self.base_w is None or watts is None or hour.asked_s < HOUR_S:
            return HourState.NO_DATA, False
        is_over = watts > self._watch.threshold_w + self.case.metering.step_wh
        return (HourState.NOT_MET, True) if is_over else (HourState.NO_DATA, False)

    @property
    def threshold_w(self) -> float:
        """Above it the line does not stand; it means something where there is a base load."""
        return self._watch.threshold_w

    def count(self, state: HourState) -> int:
        """How many hours were told so; one that only its register shows is not met."""
        wanted = _LETTERS[state] + (_BRIDGED if state is HourState.NOT_MET else "")
        return sum(one in wanted for one in self._hours)

    def may_become(self, case: Case) -> bool:
        """Whether what was measured so far counts for a revision of the case: it asks the same."""
        mine, its = self.case, case
        same = (mine.order, mine.line, mine.row, mine.test, mine.alert.start_s)
        return not self.is_done and same == (its.order, its.line, its.row, its.test, its.alert.start_s)

    def revise(self, case: Case) -> None:
        """Go on under a revision, or to an end that a cancel or another alert has moved.

        Hours that were told and do not lie before the new end count for nothing: nobody is held to what was
        no longer asked.
        """
        self.case = case
        self._watch.end_s = case.alert.end_s
        whole = self.ledger.hour_of(case.alert.end_s) - self.ledger.hour_of(case.alert.start_s)
        if self._hour_end_s() > case.alert.end_s:
            self._hours = self._hours[: max(whole, 0)]

    def state(self) -> list[Any]:
        """Everything that `restore` needs beside the case; the baseline as it was frozen."""
        found = self.baseline
        frozen_ = (
            [found.known, found.production, found.lacking]
            if isinstance(found, Unknown)
            else [found.wh, found.p90_wh, list(found.days), found.from_order]
        )
        return [
            frozen_,
            self.base_w,
            sorted(self.left_out),
            self._watch.state(),
            self._next_hour,
            self._hours,
            self._episodes,
            self._in_a_row,
            self.is_done,
        ]

    @classmethod
    def restored(cls, case: Case, ledger: Ledger, state: Sequence[Any]) -> "LineJudge":
        """Continue from `state()`."""
        found, base_w, left_out, watch, next_hour, hours, episodes, in_a_row, is_done = state
        if len(found) == 3:
            baseline: Baseline | Unknown = Unknown(*found)
        else:
            wh, p90_wh, days, from_order = found
            baseline = Baseline(wh=wh, p90_wh=p90_wh, days=tuple(days), from_order=from_order)
        threshold_w = _find_threshold_w(case, base_w)
        watched = _watch(case, ledger, threshold_w)
        watched.restore(watch)
        judge = cls(case, ledger, frozenset(left_out), baseline, base_w, watched, next_hour)
        judge._hours, judge._episodes = str(hours), [str(one) for one in episodes]
        judge._in_a_row, judge.is_done = int(in_a_row), bool(is_done)
        return judge

    def _conclude(self) -> dict[str, Any]:
        facts = Facts(
            case=self.case,
            ledger=self.ledger,
            left_out=self.left_out,
            baseline=self.baseline,
            base_w=self.base_w,
            threshold_w=self._watch.threshold_w,
            hours=[_STATES[one] for one in self._hours],
            bridged=self._hours.count(_BRIDGED),
        )
        return make_final(facts, self._episodes)


def _find_threshold_w(case: Case, base_w: float | None) -> float:
    return find_threshold_w(base_w or 0.0, case.rated_w) + case.row.exempt_w


def _watch(case: Case, ledger: Ledger, threshold_w: float) -> StopWatch:
    return StopWatch(case.row, case.begin_s, case.alert.end_s, threshold_w, ledger.offset_s, case.hold_s)


def find_disagreements(sealed: dict[str, Any], computed: dict[str, Any]) -> Sequence[str]:
    """The keys in which a verdict that a gateway sealed differs from the one that the centre computed.

    Sentences follow from the rest. Energies may differ by 0.1 % or 1 kWh, because a centre that lacks a body
    bridges its readings.
    """
    found = []
    for key in sorted((sealed.keys() | computed.keys()) - {"sentence", "episodes"}):
        mine, theirs = computed.get(key), sealed.get(key)
        is_energy = key == "wh" or key.endswith("_wh")
        if is_energy and isinstance(mine, int) and isinstance(theirs, int):
            differs = abs(mine - theirs) > max(WH_PER_KWH, abs(mine) * SAME)
        else:
            differs = mine != theirs
        if differs:
            found.append(key)
    return found
