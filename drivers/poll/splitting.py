"""Which registers of its model a meter really has, and how many it answers in one read.

A meter may lack a point of its model, be silent or refuse where a read runs over unused registers, or take
fewer registers in one read than the model says. What it does then differs: exception 2 or 3, or 1 or 4, or no
answer. So a read that failed for certain is split, down to single points, and what its parts say tells why:

- a part that fails alone, down to one point, is **missing**;
- all parts are answered, but the last point of one and the first of the next are not in one read: between
  them is a hole or a border, and no read covers both again (**apart**);
- those are answered too: the read was **too long**. The largest that was answered and the smallest that was
  too long are brought together by halves.

The first part is the one with power and its companions (`drivers.points.plan`), so they stay in one read.

What is a fact:

- A **refusal** by exception 1, 2 or 3 (or "no such data" of DL/T 645), seen twice in a row by who asks.
- **Silence**, or any other refusal, only while smaller reads of the meter are answered right before and
  after: SILENCES_APART times for a border or a size, SILENCES_MISSING times in a row for a point.
- Registers that were **answered before** become none of this at once: the meter has to fail on them in
  FAILURES_PROVEN polls in a row before they are looked into.

Until a silent point is known to be missing it is read alone at the end of each poll (`trials`), so that it
costs no other. What was learned is asked again after ASK_AGAIN_FIRST_S, twice that, and so on, at least
daily.

Pure. A search is a generator: it yields the reads it wants and is sent what became of each. It asks at most
once for each point, each part and each border: less than 5 reads a point.
"""

from collections import Counter
from collections.abc import Generator
from enum import Enum
from itertools import pairwise
from typing import Final

from attrs import define, evolve, field, frozen

from drivers.dlt645.codec import FUNCTION as DLT645_FUNCTION
from drivers.points.model import Model
from drivers.points.plan import TOGETHER, Span, find_together, plan, span_of, split_block
from drivers.points.point import Point
from drivers.poll.learned import SPANS_MAX, LearnedMeter, Missing
from drivers.reading import POWER_POINT, PollGroup

SILENCES_APART: Final = 2
"""A read that is silent though its parts are answered costs only more reads."""
SILENCES_MISSING: Final = 5
"""At 40 % lost answers, five silences between six answers are seen once in two thousand tries."""
FAILURES_PROVEN: Final = 3
"""Polls in a row that a read which was answered before has to fail."""
PROVEN_FACTOR: Final = 3
"""How many times more silences are needed where the registers were answered before."""
ASK_AGAIN_FIRST_S: Final = 600.0
ASK_AGAIN_MAX_S: Final = 86_400.0
_SIZE: Final = Span(0, 0, 0)
"""Stands for the size of reads among spans."""


class Failure(Enum):
    """Why a read has no answer: for certain, or for now."""

    REFUSED = "refused"
    SILENT = "silent"


@frozen
class Failed:
    """A read that failed, and in which words it is told."""

    how: Failure
    why: str


Outcome = Failed | None
"""What became of a read; None if it was answered."""


@frozen
class Ask:
    """A read that a search wants; `keep` if its words belong into the reading."""

    span: Span
    keep: bool = True


Search = Generator[Ask, Outcome, bool]
"""Yields reads, is sent what became of each, returns whether any was answered."""


@define(eq=False, repr=False)
class _Fact:
    """Something learned: why, when it is asked again, and after how long that was decided."""

    why: str
    again_s: float
    every_s: float


@define(eq=False, repr=False)
class Splitting:
    """What is known of the registers of one meter.

    Attributes:
        model: Its model.
        registers_max: Most registers in one read, by model and site file.
        gap_registers_max: Most unused registers to read over.
        witness: The smallest read that it has answered; None before its first answer.
    """

    model: Model
    registers_max: int
    gap_registers_max: int
    witness: Span | None = field(default=None, init=False)
    _missing: dict[Span, _Fact] = field(factory=dict, init=False)
    _apart: dict[Span, _Fact] = field(factory=dict, init=False)
    _answered_max: int = field(default=0, init=False)
    _too_long: int = field(default=0, init=False)
    _too_long_fact: _Fact | None = field(default=None, init=False)
    _proven: set[Span] = field(factory=set, init=False)
    _suspects: set[Span] = field(factory=set, init=False)
    _doubts: dict[Span, int] = field(factory=dict, init=False)
    _failures: dict[Span, int] = field(factory=dict, init=False)
    _patience_s: dict[Span, float] = field(factory=dict, init=False)
    _turn: int = field(default=0, init=False)
    _is_split: bool = field(default=False, init=False)
    _plans: dict[PollGroup, tuple[Span, ...]] = field(factory=dict, init=False)

    # What to read.

    def plan(self, group: PollGroup) -> tuple[Span, ...]:
        """The reads of a poll of `group`."""
        reads = self._plans.get(group)
        if reads is None:
            reads = self._plans[group] = _spread(self._make_plan(group))
        return reads

    @property
    def longest(self) -> int:
        """Most registers that are asked for in one read, but where a longer one is tried."""
        return min(self._answered_max, self.registers_max) if self._too_long else self.registers_max

    @property
    def holes(self) -> frozenset[Span]:
        """Registers that no read may cover."""
        return frozenset((*self._missing, *self._apart, *self._suspects))

    def trials(self, group: PollGroup, now_s: float) -> tuple[Span, ...]:
        """Single points that are read alone at the end of a poll of `group`."""
        if not (self._suspects or self._missing or self._apart or self._too_long):
            return ()
        self._forget_old(now_s)
        due = {*self._suspects, *(span for span, fact in self._missing.items() if fact.again_s <= now_s)}
        return tuple(sorted(due & self._atoms(group)))

    def candidates(self, group: PollGroup) -> tuple[Span, ...]:
        """Reads for a meter that answers nothing: the smallest known, the usual, power, others.

        But for the usual, values of DL/T 645 are asked for by their own data ids: a meter may have no blocks.
        """
        points = self.model.group(group)
        reads = self.plan(group)
        power = [_span_alone(one) for one in points if one.name == POWER_POINT]
        firsts = [self._first_alone(group, span) for span in reads]
        others = sorted(self._atoms(group))
        wanted = (*([self.witness] if self.witness else []), *reads[:1], *power, *firsts, *others)
        return tuple(dict.fromkeys(span for span in wanted if span not in self._missing))

    def find_witness(self, span: Span) -> Span | None:
        """The smallest read that the meter is known to answer beside `span`, of another length if possible.

        Where answers name no registers, one of the same length could not be asked for now.
        """
        known = (
            [] if self.witness is None else [self.witness, *sorted(self._proven, key=lambda one: one.count)]
        )
        others = [one for one in known if one != span]
        of_other_length = (one for one in others if (one.function, one.count) != (span.function, span.count))
        return next(of_other_length, others[0] if others else self.witness)

    def next_others(self, group: PollGroup, span: Span, number: int) -> tuple[Span, ...]:
        """So many candidates that are not `span`, other ones each time."""
        others = [one for one in self.candidates(group) if one != span]
        self._turn += number
        first = (self._turn - number) % max(len(others), 1)
        return tuple((others[first:] + others[:first])[:number])

    @property
    def missing(self) -> tuple[Missing, ...]:
        """The points that are left out."""
        return tuple(Missing(span, fact.why) for span, fact in sorted(self._missing.items()))

    @property
    def suspects(self) -> tuple[Span, ...]:
        """The points that do not answer, and may be missing."""
        return tuple(sorted(self._suspects))

    def find_reason(self, group: PollGroup) -> str:
        """Why nothing of `group` is read, where all of it is missing; else ""."""
        if self.plan(group):
            return ""
        atoms = self._atoms(group)
        return next((fact.why for span, fact in self._missing.items() if span in atoms), "")

    def limit_spare(self, span: Span, most: int, *, known: bool = False) -> int:
        """How many of `most` registers after `span` may be read too.

        A meter that does not answer every register between its points answers none of a read that runs over
        one: what was to keep two reads apart would then be taken for a point that is missing. So as soon as
        such a meter is suspected, only what it has answered in one read with `span` is spare; and where the
        answer has to be certain (`known`).
        """
        if not (known or self._is_split or self._apart or self._missing or self._suspects):
            return most
        end = max((one.end for one in self._proven if one.covers(span)), default=span.end)
        return min(most, end - span.end)

    # What became of a read.

    def note_answer(self, span: Span) -> None:
        """Note that `span` was answered."""
        self._failures.pop(span, None)
        self._doubts.pop(span, None)
        if span in self._suspects or span in self._missing:
            self._suspects.discard(span)
            self._missing.pop(span, None)
            self._patience_s.pop(span, None)
            self._plans.clear()
        if not any(one.covers(span) for one in self._proven):
            self._proven = {one for one in self._proven if not span.covers(one)} | {span}
        if self.witness is None or span.count < self.witness.count:
            self.witness = span
        if span.function != DLT645_FUNCTION and span.count > self._answered_max:
            self._answered_max = span.count
            if self._too_long:
                self._too_long = 0 if span.count >= self._too_long else self._too_long
                self._plans.clear()

    def was_answered(self, span: Span) -> bool:
        """Whether these registers were answered in one read, or the values of a data id."""
        return self._is_proven(span)

    def is_point(self, group: PollGroup, span: Span) -> bool:
        """Whether `span` cannot be split."""
        return not self.split(group, span)

    def may_search(self, span: Span) -> bool:
        """Note that a read of a poll failed; whether to look into it now."""
        failures = self._failures[span] = self._failures.get(span, 0) + 1
        return failures >= (FAILURES_PROVEN if self._is_proven(span) else 1)

    def note_trial(self, span: Span, failed: Failed, now_s: float) -> None:
        """Note that a trial failed."""
        self._doubt_point(span, failed, now_s)

    def search(self, group: PollGroup, span: Span, failed: Failed, now_s: float) -> Search:
        """Look into `span`, which has `failed`: yields the reads that tell why, and remembers it."""
        parts = self.split(group, span)
        self._is_split = True
        if not parts:
            self._doubt_point(span, failed, now_s)
            return False
        answered, whole = False, True
        for part in sorted(parts, key=lambda part: not self._has_power(group, part)):
            outcome = yield Ask(part)
            if outcome is None:
                answered = True
                continue
            whole = False
            answered |= yield from self.search(group, part, outcome, now_s)
        if span.function == DLT645_FUNCTION:
            if answered or failed.how is Failure.REFUSED:
                self._learn_apart(span, span, failed, now_s)
        elif whole:
            yield from self._find_border(group, span, parts, failed, now_s)
        return answered

    def _find_border(
        self, group: PollGroup, span: Span, parts: tuple[Span, ...], failed: Failed, now_s: float
    ) -> Generator[Ask, Outcome, None]:
        """All parts of `span` were answered: is something between them, or is it too long?"""
        for left, right in pairwise(parts):
            last, first = self._atoms_in(group, left)[-1], self._atoms_in(group, right)[0]
            joint = Span(span.function, last.address, first.end - last.address)
            outcome = failed if joint == span else (yield Ask(joint, keep=False))
            if outcome is not None:
                between = Span(span.function, last.end, first.address - last.end)
                self._learn_apart(between if between.count > 0 else joint, joint, outcome, now_s)
                return
        if self._is_certain(span, failed, SILENCES_APART):
            self._too_long = min(span.count, self._too_long or span.count)
            self._answered_max = min(self._answered_max, self._too_long - 1)
            self._too_long_fact = self._make_fact(_SIZE, failed, now_s)
            self._plans.clear()

    # What is learned.

    def _doubt_point(self, span: Span, failed: Failed, now_s: float) -> None:
        """A point did not answer alone."""
        if span in self._missing:
            self._missing[span] = self._make_fact(span, failed, now_s)
            return
        if self.witness is None:
            return  # of a meter that answers nothing, nothing is missing
        if not self._is_certain(span, failed, SILENCES_MISSING):
            self._suspects.add(span)
        elif len(self._missing) < SPANS_MAX:
            self._suspects.discard(span)
            self._missing[span] = self._make_fact(span, failed, now_s)
            self._proven = {one for one in self._proven if not one.meets(span)}
            if self.witness == span:
                self.witness = min(self._proven, key=lambda one: one.count, default=None)
        self._plans.clear()

    def _learn_apart(self, hole: Span, read: Span, failed: Failed, now_s: float) -> None:
        if len(self._apart) < SPANS_MAX and self._is_certain(read, failed, SILENCES_APART):
            self._apart[hole] = self._make_fact(hole, failed, now_s)
            self._plans.clear()

    def _is_certain(self, span: Span, failed: Failed, silences: int) -> bool:
        """Whether a failure of `span` is a fact by now."""
        doubts = self._doubts[span] = self._doubts.get(span, 0) + 1
        needed = silences * (PROVEN_FACTOR if self._is_proven(span) else 1)
        if failed.how is Failure.SILENT and doubts < needed and span not in self._patience_s:
            return False
        del self._doubts[span]
        return True

    def _make_fact(self, span: Span, failed: Failed, now_s: float) -> _Fact:
        every_s = self._patience_s.get(span, ASK_AGAIN_FIRST_S)
        self._patience_s[span] = min(2 * every_s, ASK_AGAIN_MAX_S)
        return _Fact(failed.why, now_s + every_s, every_s)

    def _forget_old(self, now_s: float) -> None:
        """Take back what is to be asked again, but for missing points, which are tried alone."""
        old = [hole for hole, fact in self._apart.items() if fact.again_s <= now_s]
        for hole in old:
            del self._apart[hole]
        if self._too_long_fact is not None and self._too_long_fact.again_s <= now_s:
            self._too_long, self._too_long_fact = 0, None
            old.append(_SIZE)
        if old:
            self._plans.clear()

    # Points and their registers.

    def _make_plan(self, group: PollGroup) -> tuple[Span, ...]:
        if not self._too_long:
            return self._plan_within(group, self.registers_max)
        for most in ((self._answered_max + self._too_long) // 2, self._too_long - 1):
            reads = self._plan_within(group, most)
            if any(self._answered_max < read.count <= most for read in reads):
                return reads
        return self._plan_within(group, self._answered_max)

    def _plan_within(self, group: PollGroup, registers_max: int) -> tuple[Span, ...]:
        points = self.model.group(group)
        largest = max((span_of(point).count for point in points), default=1)
        return plan(
            points,
            registers_max=max(min(registers_max, self.registers_max), largest),
            gap_registers_max=self.gap_registers_max,
            barriers=self.model.barriers,
            holes=self.holes,
        )

    def _is_proven(self, span: Span) -> bool:
        return any(one.covers(span) for one in self._proven)

    def _atoms(self, group: PollGroup) -> set[Span]:
        """The smallest reads of a group: its points, or data ids."""
        points = self.model.group(group)
        if not self.model.is_dlt645:
            return {span_of(point) for point in points}
        ids = set(plan(points, registers_max=1, gap_registers_max=0))
        return ids.union(*(split_block(span, points) for span in ids))

    def _atoms_in(self, group: PollGroup, span: Span) -> list[Span]:
        """The points within `span`, by address, without those inside others."""
        if span.function == DLT645_FUNCTION:
            return [span]
        inside = [one for one in self._atoms(group) if span.covers(one) and one not in self._missing]
        outer: list[Span] = []
        for one in sorted(inside, key=lambda one: (one.address, -one.count)):
            if not outer or one.end > outer[-1].end:
                outer.append(one)
        return outer or [span]

    def _first_alone(self, group: PollGroup, span: Span) -> Span:
        """The first point of a read by itself."""
        singles = self.split(group, span) if span.function == DLT645_FUNCTION else ()
        return singles[0] if singles else self._atoms_in(group, span)[0]

    def _has_power(self, group: PollGroup, span: Span) -> bool:
        return any(
            point.name == POWER_POINT and (span.covers(span_of(point)) or span.address == point.single_id)
            for point in self.model.group(group)
        )

    def split(self, group: PollGroup, span: Span) -> tuple[Span, ...]:
        """The parts of `span`, by address; none if it is a single point."""
        points = self.model.group(group)
        if span.function == DLT645_FUNCTION:
            return tuple(sorted(split_block(span, points) - self._missing.keys()))
        atoms = self._atoms_in(group, span)
        if len(atoms) == 1:
            return () if atoms == [span] else (atoms[0],)
        for quantities in TOGETHER:
            wanted = [point for point in points if span_of(point) not in self._missing]
            together = find_together(wanted, span.function, quantities)
            if together is not None and span.covers(together) and together.count < span.count:
                cuts = [at for at in (together.address, together.end) if span.address < at < span.end]
                parts = _cut(atoms, cuts)
                if len(parts) > 1:
                    return parts
        widest = max(
            range(1, len(atoms)),
            key=lambda i: (atoms[i].address - atoms[i - 1].end, -abs(2 * i - len(atoms))),
        )
        return _cut(atoms, [atoms[widest].address])

    # Over restarts.

    def load(self, learned: LearnedMeter, now_s: float) -> None:
        """Begin with what was learned before."""
        for one in learned.missing:
            self._missing[one.span] = self._make_fact(one.span, Failed(Failure.REFUSED, one.why), now_s)
        for hole in learned.apart:
            self._apart[hole] = self._make_fact(hole, Failed(Failure.REFUSED, ""), now_s)
        if learned.registers_max:
            self._answered_max, self._too_long = learned.registers_max, learned.registers_max + 1
            self._too_long_fact = self._make_fact(_SIZE, Failed(Failure.REFUSED, ""), now_s)

    def save(self, learned: LearnedMeter) -> LearnedMeter:
        """`learned` with what is known here."""
        most = self.longest if self._too_long else 0
        return evolve(learned, registers_max=most, apart=tuple(sorted(self._apart)), missing=self.missing)


def _span_alone(point: Point) -> Span:
    """The smallest read that has a point."""
    if point.single_id is None:
        return span_of(point)
    return Span(DLT645_FUNCTION, point.single_id, point.size_bytes)


def _spread(reads: tuple[Span, ...]) -> tuple[Span, ...]:
    """The reads in an order in which those of one length follow each other late.

    Where answers name no registers, a duplicate of the first could be taken for the answer to the second.
    """
    seen: Counter[tuple[int, int]] = Counter()
    rounds: dict[Span, int] = {}
    for read in reads:
        rounds[read] = seen[read.function, read.count]
        seen[read.function, read.count] += 1
    return tuple(sorted(reads, key=rounds.__getitem__))


def _cut(atoms: list[Span], cuts: list[int]) -> tuple[Span, ...]:
    """The atoms in runs; a run ends before each address of `cuts`."""
    runs: list[list[Span]] = [[] for _ in range(len(cuts) + 1)]
    for atom in atoms:
        runs[sum(atom.address >= cut for cut in cuts)].append(atom)
    return tuple(
        Span(run[0].function, run[0].address, max(atom.end for atom in run) - run[0].address)
        for run in runs
        if run
    )
