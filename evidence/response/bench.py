"""Every line of every alert of one gateway, judged as its records come. Gateway and centre run this.

    bench.take_order(body, at_s)                    an ORDER record: freezes the baselines of a new alert
    bench.take_episode(body)                        an EPISODE record: for the verdict about its treatment
    bench.read(meter, at_s, wh, watts, is_sample)   a good reading: its register, its power
    bench.advance(at_s)                             time has passed

All but `take_episode` give the records that follow, in order: BASELINE at once, an hour and a final verdict
as VERDICT, or as EXERCISE where the order is a test. What follows depends on the order of the calls and their
times (`evidence.response.dating`) alone, so whoever has the chain gets the same. Figures are made when the
first call of a minute comes, before it counts: nothing later is in them, and ticks of a clock change nothing.

The days of an alert that was none of a test are left out of the baselines of later ones. What was told
is remembered by order, revision and line, and never told again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import define, field

from evidence.curtailment.case import Case
from evidence.curtailment.finals import make_unfit
from evidence.curtailment.judge import FINAL_S, LineJudge
from evidence.curtailment.ledger import DAYS_KEPT, LineLedger
from evidence.record import Kind
from evidence.response.asked import Asked

MINUTE_S: Final = 60
DONE_MAX: Final = 1_000
"""Lines of alerts that are over: years of them, and a revision of one that is forgotten is a new alert."""
EPISODES_MAX: Final = 200
"""The latest findings, for the verdicts of alerts that began after them."""
LACKS: Final = frozenset({"off", "late_start", "early_stop", "idle", "underspeed", "interruptions"})
"""Rules of episodes in which treatment lacked; their lines are the production that ran meanwhile."""
ENDED_MAX: Final = 20
"""Final verdicts for people; all of them are in the chain."""

Made = tuple[Kind, dict[str, Any]]
Key = tuple[str, str]


@define(eq=False, repr=False)
class Bench:
    """See the module.

    Attributes:
        asked: What orders ask.
        books: The energies of each line that has meters.
        meters: The line of each meter.
        judges: By alert and line.
        ended: The latest final verdicts.
    """

    asked: Asked
    books: Mapping[str, LineLedger]
    meters: Mapping[str, str]
    judges: dict[Key, LineJudge] = field(factory=dict, init=False)
    ended: list[dict[str, Any]] = field(factory=list, init=False)
    _done: dict[Key, int] = field(factory=dict, init=False)
    _days: dict[str, list[tuple[int, int]]] = field(factory=dict, init=False)
    _episodes: dict[str, tuple[list[str], int, int | None, bool]] = field(factory=dict, init=False)
    _samples: dict[str, tuple[float, float]] = field(factory=dict, init=False)
    _minute: int = field(default=0, init=False)

    # -- what comes

    def take_order(self, body: Mapping[str, Any], at_s: float) -> list[Made]:
        """Take the body of an ORDER record."""
        made = self.advance(at_s)
        return [*made, *self._follow(at_s)] if self.asked.take(body) else made

    def take_episode(self, body: Mapping[str, Any]) -> None:
        """Take the body of an EPISODE record."""
        self._episodes.pop(body["id"], None)
        lacks = body["rule"] in LACKS
        self._episodes[body["id"]] = body["lines"], body["begin_at_s"], body["end_at_s"], lacks
        _shorten(self._episodes, EPISODES_MAX)

    def read(
        self, meter: str, at_s: float, wh: float | None, watts: float | None, *, is_sample: bool
    ) -> list[Made]:
        """Take a good reading: import register, Wh, and power, W; None for what it has not.

        `is_sample` for one of the fast group, whose powers make the line's.
        """
        line = self.meters.get(meter)
        if line is None:
            return []
        made = self.advance(at_s)
        self.books[line].add(meter, at_s, wh, watts)
        if is_sample and watts is not None:
            self._samples[meter] = at_s, watts
            for judge in [one for one in self.judges.values() if one.case.line == line]:
                total_w = self._sum_w(line, at_s, judge.case.hold_s)
                if total_w is not None:
                    judge.add(at_s, total_w)
        return made

    def advance(self, at_s: float) -> list[Made]:
        """What is due by now."""
        minute = int(at_s // MINUTE_S)
        if minute <= self._minute:
            return []
        self._minute = minute
        made = [one for key in list(self.judges) for one in self._advance(key, at_s)]
        made += self._tell_unfit(at_s)
        if made:
            self._forget_ended()
        return made

    # -- what follows

    def _sum_w(self, line: str, at_s: float, hold_s: float) -> float | None:
        """The power of a line; None while one of its meters is silent."""
        total_w = 0.0
        for meter in self.books[line].tracks:
            sample = self._samples.get(meter)
            if sample is None or at_s - sample[0] > hold_s:
                return None
            total_w += sample[1]
        return total_w

    def _follow(self, at_s: float) -> Iterator[Made]:
        """Judge what is asked now, and freeze the baselines of what is new."""
        cases = {(one.order, one.line): one for one in self.asked.find_cases()}
        for key in self.judges.keys() - cases.keys():
            del self.judges[key]
        for key, case in cases.items():
            judge = self.judges.get(key)
            if self._done.get(key, 0) >= case.rev or (judge is not None and judge.case == case):
                continue
            if judge is not None and judge.may_become(case):
                judge.revise(case)
                continue
            issued_s = self.asked.issued_s(case.order)
            ledger = self.books[case.line].ledger
            self.judges[key] = made = LineJudge.of(case, ledger, issued_s, self._days_before(case))
            told = {**made.baseline_body(), "issued_s": int(issued_s), "received_s": int(at_s)}
            yield Kind.BASELINE, told

    def _days_before(self, case: Case) -> set[int]:
        """The days of other alerts of the line."""
        spans = list(self._days.get(case.line, ()))
        for (order, line), judge in self.judges.items():
            if line == case.line and order != case.order and not judge.case.test:
                spans.append(_find_days(judge))
        return {day for first, last in spans for day in range(first, last + 1)}

    def _advance(self, key: Key, at_s: float) -> Iterator[Made]:
        judge = self.judges[key]
        if judge.case.alert.end_s + FINAL_S <= at_s:
            for id_, (lines, begin_s, end_s, lacks) in self._episodes.items():
                judge.link(id_, lines, begin_s, end_s, lacks=lacks)
        for body in judge.advance(at_s):
            yield _kind(judge.case.test), body
            if body["what"] == "final":
                self._note_end(body)
        if judge.is_done:
            del self.judges[key]
            self._done[key] = judge.case.rev
            _shorten(self._done, DONE_MAX)
            if not judge.case.test:
                self._days.setdefault(judge.case.line, []).append(_find_days(judge))

    def _tell_unfit(self, at_s: float) -> Iterator[Made]:
        for one in self.asked.find_unfit():
            key, order = (one.order.id, one.line), one.order
            is_due = one.due_s + FINAL_S <= at_s
            if is_due and self._done.get(key, 0) < order.rev:
                self._done[key] = order.rev
                body = make_unfit(
                    order.id, order.rev, test=order.test, line=one.line, level=one.level, why=one.why
                )
                self._note_end(body)
                yield _kind(order.test), body

    def _note_end(self, body: dict[str, Any]) -> None:
        self.ended = [*self.ended, body][-ENDED_MAX:]

    def _forget_ended(self) -> None:
        """Alerts of which every line was told are forgotten, and days that no baseline can reach."""
        open_: dict[str, bool] = {}
        for case in self.asked.find_cases():
            open_[case.order] = open_.get(case.order, False) or (case.order, case.line) in self.judges
        for unfit in self.asked.find_unfit():
            is_told = self._done.get((unfit.order.id, unfit.line), 0) >= unfit.order.rev
            open_[unfit.order.id] = open_.get(unfit.order.id, False) or not is_told
        for order in [id_ for id_, is_open in open_.items() if not is_open]:
            self.asked.forget(order)
        for line, spans in self._days.items():
            last = max((day for _, day in spans), default=0)
            self._days[line] = [one for one in spans if one[1] > last - DAYS_KEPT]

    # -- over a restart

    def state(self) -> list[Any]:
        """Everything but the books that `restore` needs, as CBOR has it."""
        return [
            self.asked.state(),
            [[*key, judge.state()] for key, judge in self.judges.items()],
            [[*key, rev] for key, rev in self._done.items()],
            [[line, *span] for line, spans in self._days.items() for span in spans],
            [[id_, *episode] for id_, episode in self._episodes.items()],
            [[meter, at_s, watts] for meter, (at_s, watts) in self._samples.items()],
            self._minute,
            self.ended,
        ]

    def restore(self, state: Sequence[Any]) -> None:
        """Continue from `state()`, with books that are restored already."""
        asked, judges, done, days, episodes, samples, minute, ended = state
        self.asked.restore(asked)
        cases = {(one.order, one.line): one for one in self.asked.find_cases()}
        for order, line, kept in judges:
            case = cases.get((order, line))
            if case is not None:  # else the site file has no such line any more
                self.judges[order, line] = LineJudge.restored(case, self.books[line].ledger, kept)
        self._done = {(order, line): int(rev) for order, line, rev in done}
        for line, first, last in days:
            self._days.setdefault(line, []).append((first, last))
        for id_, lines, begin_s, end_s, *kept in episodes:
            lacks = bool(kept[0]) if kept else _read_rule(id_) in LACKS  # an older program did not keep it
            self._episodes[id_] = lines, begin_s, end_s, lacks
        self._samples = {meter: (float(at_s), float(watts)) for meter, at_s, watts in samples}
        self._minute, self.ended = int(minute), list(ended)


def _find_days(judge: LineJudge) -> tuple[int, int]:
    """The first and the last day of an alert."""
    alert = judge.case.alert
    return judge.ledger.day_of(alert.start_s), judge.ledger.day_of(alert.end_s - 1)


def _read_rule(episode: str) -> str:
    """The rule in the id of an episode, which the detector makes as `where-rule-second[-retrospective]`."""
    parts = episode.removesuffix("-retrospective").rsplit("-", 2)
    return parts[1] if len(parts) == 3 else ""


def _kind(is_test: bool) -> Kind:
    return Kind.EXERCISE if is_test else Kind.VERDICT


def _shorten(kept: dict[Any, Any], most: int) -> None:
    while len(kept) > most:
        del kept[next(iter(kept))]
