"""Reads a meter as if it were of a given model, in as few requests as a poll would take.

Unlike a poll (`drivers.poll.meter`), it must not make the best of what a meter lacks: a refusal is evidence
against the model. Only registers that no point lies in are given up, because the plan reads over them on a
guess.
"""

from collections.abc import Iterable
from typing import Final

from drivers.errors import ExceptionReplyError, ReplyTimeoutError
from drivers.modbus.bus import ILLEGAL_REGISTERS
from drivers.points.model import Model
from drivers.points.plan import Span, plan
from drivers.points.point import Point
from drivers.poll.bus import MeterBus
from drivers.reading import Block, PollGroup

READ_TIMEOUT_S: Final = 1.0
ABSENT_MAX: Final = 4
"""So many points that are not there, and none that is: the meter is of another model."""


def read_group(bus: MeterBus, unit_id: int, model: Model, group: PollGroup) -> list[Block]:
    """The answers for a group of points, all of them.

    Raises:
        ExceptionReplyError, ReplyTimeoutError: The meter lacks registers of a point.
        DriverError: As `bus.read` raises it.
    """
    holes: frozenset[Span] = frozenset()
    while True:
        spans = _plan(bus, model, group, holes)
        try:
            return [_read(bus, unit_id, span) for span in spans]
        except _LackingError as lacking:
            gaps = frozenset(find_gaps(lacking.span, model.group(group))) - holes
            if not gaps or not lacking.may_be_gaps:
                raise lacking.error from lacking
            holes |= gaps


def read_points(bus: MeterBus, unit_id: int, points: Iterable[Point]) -> list[Block]:
    """The answers of the points that the meter has, each read alone; [] if the first few are not there."""
    blocks: dict[Span, Block] = {}
    absent = 0
    for span in dict.fromkeys(Span(point.function, point.address, point.count) for point in points):
        if absent >= ABSENT_MAX and not blocks:
            return []
        try:
            blocks[span] = _read(bus, unit_id, span)
        except _LackingError:
            absent += 1
    return list(blocks.values())


def find_gaps(span: Span, points: Iterable[Point]) -> list[Span]:
    """The runs of registers within `span` that no point lies in."""
    inside = {
        Span(point.function, point.address, point.count)
        for point in points
        if span.meets(Span(point.function, point.address, point.count))
    }
    end, gaps = span.address, []
    for one in sorted(inside):
        if one.address > end:
            gaps.append(Span(span.function, end, one.address - end))
        end = max(end, one.end)
    return gaps


class _LackingError(Exception):
    """The meter certainly refuses a span, or keeps silent about it."""

    def __init__(self, span: Span, error: ExceptionReplyError | ReplyTimeoutError) -> None:
        super().__init__(span, error)
        self.span, self.error = span, error
        code = error.code if isinstance(error, ExceptionReplyError) else None
        self.may_be_gaps = code is None or code in ILLEGAL_REGISTERS


def _plan(bus: MeterBus, model: Model, group: PollGroup, holes: frozenset[Span]) -> tuple[Span, ...]:
    widest = bus.gap_registers_max if model.gap_registers_max is None else model.gap_registers_max
    return plan(
        model.group(group),
        registers_max=model.request_registers_max,
        gap_registers_max=widest,
        barriers=model.barriers,
        holes=holes,
    )


def _read(bus: MeterBus, unit_id: int, span: Span) -> Block:
    try:
        answer = bus.read(unit_id, span.function, span.address, span.count, timeout_s=READ_TIMEOUT_S)
    except (ExceptionReplyError, ReplyTimeoutError) as error:
        raise _LackingError(span, error) from error
    return Block(span.function, span.address, answer.words)
