"""The read planner: its rules as a table, its optimality against trying everything."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.link.bus_url import GAP_REGISTERS_RTU, GAP_REGISTERS_TCP
from drivers.points.plan import Span, plan, span_of
from drivers.points.point import Point
from drivers.points.registers import RegisterType
from drivers.reading import Quantity

TYPES = {1: RegisterType.U16, 2: RegisterType.F32, 4: RegisterType.U64}


def point(
    address: int,
    count: int = 2,
    quantity: Quantity = Quantity.FREQUENCY,
    function: int = 3,
    scale_point: str = "",
) -> Point:
    return Point(
        name=f"p{function}_{address}_{count}",
        quantity=quantity,
        phase="",
        function=function,
        address=address,
        type=TYPES.get(count, RegisterType.TEXT),
        text_words=0 if count in TYPES else count,
        scale_point=scale_point,
    )


def reads(*points: Point, **limits: object) -> list[tuple[int, int]]:
    options = {"registers_max": 125, "gap_registers_max": GAP_REGISTERS_RTU} | limits
    return [(span.address, span.count) for span in plan(points, **options)]  # type: ignore[arg-type]


VOLTS, AMPS, WATTS = Quantity.VOLTAGE, Quantity.CURRENT, Quantity.ACTIVE_POWER


@pytest.mark.parametrize(
    ("points", "limits", "expected"),
    [
        pytest.param([], {}, [], id="no points need no read"),
        pytest.param([point(10)], {}, [(10, 2)], id="one point is one read"),
        pytest.param([point(10), point(10)], {}, [(10, 2)], id="a point named twice is read once"),
        pytest.param([point(12), point(10)], {}, [(10, 4)], id="neighbours are one read in any order"),
        pytest.param([point(10), point(19)], {}, [(10, 11)], id="7 unused registers are read over"),
        pytest.param([point(10), point(20)], {}, [(10, 2), (20, 2)], id="8 unused registers are not on RTU"),
        pytest.param(
            [point(10), point(43)], {"gap_registers_max": GAP_REGISTERS_TCP}, [(10, 35)], id="31 are on TCP"
        ),
        pytest.param(
            [point(10), point(44)],
            {"gap_registers_max": GAP_REGISTERS_TCP},
            [(10, 2), (44, 2)],
            id="32 are not on TCP either",
        ),
        pytest.param(
            [point(10), point(13)], {"gap_registers_max": 0}, [(10, 2), (13, 2)], id="a meter without holes"
        ),
        pytest.param(
            [point(a) for a in range(0, 16, 2)],
            {"registers_max": 6},
            [(0, 4), (4, 6), (10, 6)],
            id="no read is longer than the meter allows",
        ),
        pytest.param(
            [point(0), point(2), point(5)],
            {"registers_max": 6},
            [(0, 4), (5, 2)],
            id="of equally many reads those with the fewest registers",
        ),
        pytest.param(
            [point(10), point(12)],
            {"barriers": [(3, 12)]},
            [(10, 2), (12, 2)],
            id="no read crosses a barrier",
        ),
        pytest.param(
            [point(10), point(12)], {"barriers": [(4, 12)]}, [(10, 4)], id="barriers are of one function"
        ),
        pytest.param(
            [point(10), point(14)],
            {"holes": frozenset({Span(3, 13, 1)})},
            [(10, 2), (14, 2)],
            id="a learned hole splits for good",
        ),
        pytest.param(
            [point(10), point(14)],
            {"holes": frozenset({Span(4, 12, 2)})},
            [(10, 6)],
            id="holes are of one function",
        ),
        pytest.param(
            [point(0, quantity=VOLTS), point(40, quantity=AMPS), point(90, quantity=WATTS)],
            {},
            [(0, 92)],
            id="voltage, current and power come from one read however far apart",
        ),
        pytest.param(
            [point(0, quantity=VOLTS), point(40, quantity=AMPS), point(90, quantity=WATTS)],
            {"registers_max": 80},
            [(0, 2), (40, 52)],
            id="power keeps the currents where that read would be too long",
        ),
        pytest.param(
            [point(0, quantity=VOLTS), point(40, quantity=AMPS), point(60, quantity=WATTS)],
            {"holes": frozenset({Span(3, 40, 2)})},
            [(0, 2), (60, 2)],
            id="a point that is a hole is left out, and no read covers it",
        ),
        pytest.param(
            [point(0, quantity=VOLTS), point(40, quantity=AMPS), point(90, quantity=WATTS)],
            {"registers_max": 50},
            [(0, 2), (40, 2), (90, 2)],
            id="each comes alone where no two fit",
        ),
        pytest.param(
            [point(0, quantity=VOLTS), point(40, quantity=WATTS)],
            {"holes": frozenset({Span(3, 20, 2)})},
            [(0, 2), (40, 2)],
            id="or a hole lies between",
        ),
        pytest.param(
            [point(0, quantity=VOLTS), point(40, quantity=WATTS)],
            {"barriers": [(3, 40)]},
            [(0, 2), (40, 2)],
            id="or a barrier",
        ),
        pytest.param(
            [point(0, quantity=VOLTS), point(40, quantity=WATTS)],
            {"gap_registers_max": 0},
            [(0, 2), (40, 2)],
            id="or the meter refuses unused registers",
        ),
        pytest.param(
            [point(0, quantity=VOLTS), point(20), point(40, quantity=WATTS), point(60)],
            {},
            [(0, 42), (60, 2)],
            id="what lies between comes along, what lies beyond keeps the rule",
        ),
        pytest.param(
            [point(0, 1, VOLTS, scale_point="p3_40_1"), point(40, 1, Quantity.SCALE)],
            {},
            [(0, 41)],
            id="scale registers come with what they explain",
        ),
        pytest.param(
            [point(100, 4), point(101, 1), point(102, 1)],
            {"registers_max": 4},
            [(100, 4)],
            id="points in points",
        ),
    ],
)
def test_the_rules(points: list[Point], limits: dict[str, object], expected: list[tuple[int, int]]) -> None:
    assert reads(*points, **limits) == expected


def test_functions_are_planned_apart() -> None:
    points = [point(10, function=4), point(12, function=3), point(12, function=4)]
    assert plan(points, registers_max=125, gap_registers_max=7) == (Span(3, 12, 2), Span(4, 10, 4))


@pytest.mark.parametrize(
    "limits",
    [{"registers_max": 1}, {"registers_max": 4, "barriers": [(3, 11)]}],
    ids=["too long", "barrier inside"],
)
def test_a_point_that_no_read_can_hold_is_named(limits: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Span"):
        reads(point(10), **limits)


SPANS = st.builds(Span, st.sampled_from([3, 4]), st.integers(0, 40), st.integers(1, 4))
POINTS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from([1, 2, 3, 4])), min_size=1, max_size=6)


@st.composite
def tasks(draw: st.DrawFn) -> tuple[list[Point], int, int, list[tuple[int, int]], frozenset[Span]]:
    points = [point(address, count) for address, count in draw(POINTS)]
    registers_max = draw(st.integers(4, 24))
    gap = draw(st.integers(0, 8))
    inside = {a for p in points for a in range(p.address + 1, p.address + p.count)}
    barriers = [(3, a) for a in draw(st.lists(st.integers(0, 44), max_size=2)) if a not in inside]
    return points, registers_max, gap, barriers, frozenset(draw(st.lists(SPANS, max_size=2)))


@settings(deadline=None, max_examples=300)
@given(tasks())
def test_a_plan_keeps_every_rule_and_no_partition_of_the_points_is_better(
    task: tuple[list[Point], int, int, list[tuple[int, int]], frozenset[Span]],
) -> None:
    points, registers_max, gap, barriers, holes = task
    spans = plan(points, registers_max=registers_max, gap_registers_max=gap, barriers=barriers, holes=holes)
    points = [p for p in points if not any(span_of(p).covers(hole) for hole in holes)]
    used = {a for p in points for a in range(p.address, p.address + p.count)}

    def allowed(span: Span) -> bool:
        return (
            span.count <= registers_max
            and not any(function == 3 and span.address < a < span.end for function, a in barriers)
            and all(len(run) <= gap for run in unused_runs(span, used))
            and not any(span.covers(hole) for hole in holes)
        )

    assert all(allowed(span) for span in spans)
    assert all(any(s.address <= p.address and p.address + p.count <= s.end for s in spans) for p in points)
    costs = (
        (len(hulls), sum(hull.count for hull in hulls))
        for hulls in ([hull_of(part) for part in parts] for parts in partitions(points))
        if all(allowed(hull) for hull in hulls)
    )
    assert (len(spans), sum(span.count for span in spans)) == min(costs)


def unused_runs(span: Span, used: set[int]) -> list[set[int]]:
    runs: list[set[int]] = []
    for address in range(span.address, span.end):
        if address in used:
            continue
        if runs and address - 1 in runs[-1]:
            runs[-1].add(address)
        else:
            runs.append({address})
    return runs


def hull_of(part: list[Point]) -> Span:
    first = min(p.address for p in part)
    return Span(3, first, max(p.address + p.count for p in part) - first)


def partitions(items: list[Point]) -> Iterator[list[list[Point]]]:
    if not items:
        yield []
        return
    first, *rest = items
    for parts in partitions(rest):
        yield [[first], *parts]
        for i, part in enumerate(parts):
            yield [*parts[:i], [first, *part], *parts[i + 1 :]]


def test_a_plan_of_the_largest_model_is_found_at_once() -> None:
    points = [point(a, 2, VOLTS) for a in range(0, 4000, 20)]
    assert len(points) == 200
    assert len(plan(points, registers_max=125, gap_registers_max=31)) == 29  # seven points a read
