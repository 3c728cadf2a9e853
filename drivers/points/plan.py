"""The fewest reads that answer a set of points.

Rules, for each function on its own:
1. Every point lies whole in one read, so no value ever combines two moments.
2. Voltage, current and active power, with their scale registers, come from one read wherever
   registers_max, barriers and holes allow it, however much unused space lies between: a finding
   needs them together. Where they do not fit, power comes with the currents, or with the voltages, or at
   least with that of every phase.
3. Otherwise a read runs over at most gap_registers_max unused registers in a row, as long as
they cost less than another request. 0 means that this meter refuses unused registers:
   then rule 2 does not run over them either.
4. No read crosses a barrier or covers a hole whole, that is registers that this meter does not answer in
   one read: they are missing, or something between them is. A point that is a hole itself is left out.
5. Among all such plans the one with the fewest reads, and of those the one with the fewest registers.

A DL/T 645 meter has no registers: each data id that a point lies in is one read, whole. Where a block of
several values is a hole, each value that has a data id of its own is one (`drivers.dlt645.blocks`).
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from attrs import frozen

from drivers.dlt645.codec import FUNCTION as DLT645_FUNCTION
from drivers.points.point import Point
from drivers.reading import Quantity

TOGETHER: Final = (
    frozenset({Quantity.VOLTAGE, Quantity.CURRENT, Quantity.ACTIVE_POWER}),
    frozenset({Quantity.CURRENT, Quantity.ACTIVE_POWER}),
    frozenset({Quantity.VOLTAGE, Quantity.ACTIVE_POWER}),
    frozenset({Quantity.ACTIVE_POWER}),
)
"""The quantities of rule 2; the first of these that fit into one read."""


@frozen(order=True)
class Span:
    """Registers in a row: function, zero-based address of the first, and how many.

    Or, with function 17, a data id and how many bytes are behind it.
    """

    function: int
    address: int
    count: int

    @property
    def end(self) -> int:
        """The address after its last register."""
        return self.address + self.count

    def meets(self, other: "Span") -> bool:
        """Whether the two have a register in common."""
        return self.function == other.function and self.address < other.end and other.address < self.end

    def covers(self, other: "Span") -> bool:
        """Whether it has all registers of the other."""
        return self.function == other.function and self.address <= other.address and other.end <= self.end

    def crosses(self, barrier: tuple[int, int]) -> bool:
        """Whether it runs across the (function, address) of a barrier."""
        return self.function == barrier[0] and self.address < barrier[1] < self.end


def plan(
    points: Iterable[Point],
    *,
    registers_max: int,
    gap_registers_max: int,
    barriers: Iterable[tuple[int, int]] = (),
    holes: frozenset[Span] = frozenset(),
) -> tuple[Span, ...]:
    """The reads, by function and address.

    Raises:
        ValueError: A point takes more than `registers_max` registers, or a barrier lies inside one.
    """
    limits = _Limits(registers_max, gap_registers_max, tuple(barriers), holes)
    wanted = tuple(points)
    if any(point.function == DLT645_FUNCTION for point in wanted):
        return _plan_data_ids(wanted, holes)
    wanted = tuple(point for point in wanted if not any(span_of(point).covers(hole) for hole in holes))
    spans = {span_of(point) for point in wanted}
    for span in spans:
        if span.count > registers_max or any(span.crosses(barrier) for barrier in limits.barriers):
            raise ValueError(f"{span} does not fit one read of {registers_max} registers between barriers")
    reads: list[Span] = []
    for function in sorted({span.function for span in spans}):
        mine = {span for span in spans if span.function == function}
        for quantities in TOGETHER:
            together = find_together(wanted, function, quantities)
            if together is not None and limits.allows_together(together, mine):
                mine.add(together)
                break
        reads += _cut(_drop_inner(mine), limits)
    return tuple(reads)


def _plan_data_ids(points: tuple[Point, ...], holes: frozenset[Span]) -> tuple[Span, ...]:
    sizes: dict[int, int] = {}
    for point in points:
        sizes[point.address] = max(sizes.get(point.address, 0), point.offset + point.size_bytes)
    spans: set[Span] = set()
    for address, size in sizes.items():
        block = Span(DLT645_FUNCTION, address, size)
        spans |= split_block(block, points) if block in holes else {block}
    return tuple(sorted(spans - holes))


def split_block(block: Span, points: Iterable[Point]) -> set[Span]:
    """The data ids that have the points of a block of DL/T 645 one by one."""
    singles = {(point.single_id, point.size_bytes) for point in points if point.address == block.address}
    return {Span(DLT645_FUNCTION, at, size) for at, size in singles if at is not None}


def span_of(point: Point) -> Span:
    """The registers of a point."""
    return Span(point.function, point.address, point.count)


@frozen
class _Limits:
    registers_max: int
    gap_registers_max: int
    barriers: tuple[tuple[int, int], ...]
    holes: frozenset[Span]

    def allows(self, span: Span) -> bool:
        """Whether its size, the barriers and the holes allow one read."""
        if span.count > self.registers_max or any(span.crosses(barrier) for barrier in self.barriers):
            return False
        return not any(span.covers(hole) for hole in self.holes)

    def bridges(self, gap: Span) -> bool:
        """Whether unused registers may be read over by rule 3."""
        return gap.count <= self.gap_registers_max

    def allows_together(self, span: Span, used: set[Span]) -> bool:
        """Whether the one read of rule 2 is possible."""
        if not self.allows(span):
            return False
        gaps = [gap for gap in _find_gaps(_drop_inner(used)) if gap.meets(span)]
        return self.gap_registers_max > 0 or not gaps


def find_together(
    points: Iterable[Point], function: int, quantities: frozenset[Quantity] = TOGETHER[0]
) -> Span | None:
    """The span from the first to the last register of rule 2; None without any."""
    mine = [point for point in points if point.function == function]
    scales = {point.scale_point for point in mine if point.quantity in quantities}
    ours = [point for point in mine if point.quantity in quantities or point.name in scales]
    if not ours:
        return None
    first = min(point.address for point in ours)
    return Span(function, first, max(point.address + point.count for point in ours) - first)


def _drop_inner(spans: set[Span]) -> list[Span]:
    """Sorted, without those that lie inside another: a read of the outer one has them."""
    outer: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.address, -span.count)):
        if not outer or span.end > outer[-1].end:
            outer.append(span)
    return outer


def _find_gaps(spans: list[Span]) -> list[Span]:
    """The unused registers between outer spans, each run once."""
    return [
        Span(low.function, low.end, high.address - low.end)
        for low, high in pairwise(spans)
        if high.address > low.end
    ]


def _cut(spans: list[Span], limits: _Limits) -> list[Span]:
    """Cut the outer spans into runs, each one read, by rule 5: best[i] covers the first i spans."""
    uncrossable = {gap.end for gap in _find_gaps(spans) if not limits.bridges(gap)}
    best: list[tuple[int, int, list[Span]]] = [(0, 0, [])]
    for i in range(len(spans)):
        choices = []
        for j in range(i, -1, -1):
            read = Span(spans[j].function, spans[j].address, spans[i].end - spans[j].address)
            if not limits.allows(read):
                break
            reads, registers, before = best[j]
            choices.append((reads + 1, registers + read.count, [*before, read]))
            if spans[j].address in uncrossable:
                break
        best.append(min(choices))
    return best[-1][2]
