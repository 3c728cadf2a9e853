"""Which absences and works have closed, out of readings, starts and letters. Pure; times are UTC, seconds.

A loss of contact closes with a good reading, a start with itself; both wait for CALM_S of calm, because what
follows sooner belongs to them. A meter that goes on flapping is told of after FLAPS_S. Work at a meter closes
when no letter about it came for WORK_S.

Whoever keeps the state may lose what came since: `start` takes a meter that was not lost by then as heard
until the last sign of life, so that a loss is dated up to LOST_S too late and none is made up.
"""

from collections.abc import Mapping
from typing import Any, Final

from attrs import define, field

from evidence.marks.absences import CALM_S, Span, Started, is_loss, join_spans

FLAPS_S: Final = 86_400
WORK_S: Final = 3_600
"""Between two tests a technician walks, and waits for a machine to be switched."""
SPANS_MAX: Final = 100
"""Of one meter; with a loss a quarter of an hour at most, a day has fewer."""
STARTS_MAX: Final = 200


@define(eq=False, repr=False)
class Closing:
    """See the module.

    Attributes:
        periods_s: How often each meter is read.
        changed: Something began or ended since somebody set this to False.
    """

    periods_s: Mapping[str, float]
    changed: bool = field(default=False, init=False)
    _good_s: dict[str, float] = field(factory=dict, init=False)
    _silences: dict[str, list[Span]] = field(factory=dict, init=False)
    _starts: list[Started] = field(factory=list, init=False)
    _told: int = field(default=0, init=False)
    """How many of the starts, which go on explaining silences."""
    _work: dict[str, Span] = field(factory=dict, init=False)

    @property
    def heard_s(self) -> float:
        """When any meter was last heard; minus infinity before the first."""
        return max(self._good_s.values(), default=float("-inf"))

    def note_start(self, start: Started) -> None:
        """The agent started."""
        for meter, good_s in self._good_s.items():
            if not is_loss(start.since_s - good_s, self.periods_s.get(meter, 0.0)):
                self._good_s[meter] = max(good_s, start.since_s)
        self._starts.append(start)
        gone = max(len(self._starts) - STARTS_MAX, 0)
        self._starts, self._told, self.changed = self._starts[gone:], max(self._told - gone, 0), True

    def note_good(self, meter: str, at_s: float) -> None:
        """A good reading of a meter."""
        before_s = self._good_s.get(meter)
        if before_s is not None and is_loss(at_s - before_s, self.periods_s[meter]):
            spans = join_spans([*self._silences.get(meter, ()), (float(int(before_s)), float(int(at_s)))])
            self._silences[meter], self.changed = spans[-SPANS_MAX:], True
        self._good_s[meter] = at_s

    def note_work(self, meter: str, at_s: float) -> None:
        """A letter of setup about a meter."""
        begin_s, _ = self._work.get(meter, (float(int(at_s)), 0.0))
        self._work[meter], self.changed = (begin_s, float(int(at_s))), True

    def shift(self, by_s: float, since_s: float) -> None:
        """The clock of this boot was dated anew: what came from `since_s` on was `by_s` later."""
        moved = {meter: good_s + by_s for meter, good_s in self._good_s.items() if good_s >= since_s}
        self._good_s |= moved
        for kept in self._silences.values():
            kept[:] = [
                (_move(begin_s, by_s, since_s), _move(end_s, by_s, since_s)) for begin_s, end_s in kept
            ]
        starts = []
        for one in self._starts:
            at_s = _move(one.at_s, by_s, since_s)
            # Without power since a boot before: that time was dated by another clock, and stays.
            begun_s = one.since_s if one.was_off else _move(one.since_s, by_s, since_s)
            starts.append(Started(min(begun_s, at_s), at_s, one.was_off))
        self._starts = starts
        self._work = {
            meter: (_move(begin_s, by_s, since_s), _move(end_s, by_s, since_s))
            for meter, (begin_s, end_s) in self._work.items()
        }
        self.changed = True

    def list_starts(self) -> list[Started]:
        """All that are known, to explain silences by."""
        return self._starts

    def take_silences(self) -> dict[str, list[Span]]:
        """The losses of contact that have closed, by meter."""
        closed = {
            meter: spans
            for meter, spans in self._silences.items()
            if self._good_s[meter] - spans[-1][1] >= CALM_S or spans[-1][1] - spans[0][0] >= FLAPS_S
        }
        for meter in closed:
            del self._silences[meter]
        self.changed |= bool(closed)
        return closed

    def take_starts(self, now_s: float) -> list[Started]:
        """The starts that have closed."""
        waiting = self._starts[self._told :]
        if not waiting:
            return []
        if now_s - waiting[-1].at_s < CALM_S and now_s - waiting[0].at_s < FLAPS_S:
            return []
        self._told, self.changed = len(self._starts), True
        return waiting

    def take_work(self, now_s: float) -> dict[str, Span]:
        """The works that have closed, by meter."""
        closed = {meter: span for meter, span in self._work.items() if now_s - span[1] >= WORK_S}
        for meter in closed:
            del self._work[meter]
        self.changed |= bool(closed)
        return closed

    # -- over a restart

    def state(self) -> list[Any]:
        """Everything that `restore` needs, as CBOR has it."""
        return [
            {meter: int(good_s) for meter, good_s in self._good_s.items()},
            {
                meter: [[int(one) for one in span] for span in spans]
                for meter, spans in self._silences.items()
            },
            [[int(one.since_s), int(one.at_s), one.was_off] for one in self._starts],
            self._told,
            {meter: [int(one) for one in span] for meter, span in self._work.items()},
        ]

    def restore(self, state: list[Any]) -> None:
        """Continue from `state()`; what is about a meter that is none any more is forgotten."""
        good, silences, starts, told, work = state
        self._good_s = {str(meter): float(at_s) for meter, at_s in good.items() if meter in self.periods_s}
        self._silences = {
            str(meter): [(float(begin_s), float(end_s)) for begin_s, end_s in spans]
            for meter, spans in silences.items()
            if meter in self._good_s and spans
        }
        self._starts = [Started(float(since_s), float(at_s), bool(off)) for since_s, at_s, off in starts]
        self._told = min(int(told), len(self._starts))
        self._work = {str(meter): (float(span[0]), float(span[1])) for meter, span in work.items()}


def _move(at_s: float, by_s: float, since_s: float) -> float:
    return at_s + by_s if at_s >= since_s else at_s
