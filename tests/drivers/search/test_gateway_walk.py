"""The search over TCP, against gateways in virtual time: exactly who is there, at the first try."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.search.gateway_walk import BUSY_MAX, PATIENCE_S, SECOND_PASS_S, GatewayWalk
from drivers.search.patient import Control
from drivers.search.signs import ProbeResult, Sign
from drivers.search.walk import NOBODYS_UNIT_ID, Ask, Probe
from tests.drivers.search.gateway_worlds import TURN_S, Gateway, run

SAYS = (Sign.GATEWAY, Sign.HUNG_UP, None)
UNITS = tuple(range(1, 21))


def found_in(world: Gateway, units: tuple[int, ...] = UNITS, **more: bool) -> set[int]:
    return run(GatewayWalk(units, **more), world)


@settings(max_examples=150, deadline=None)
@given(
    live=st.frozensets(st.sampled_from(UNITS), max_size=6),
    waits_s=st.floats(0.0, 5.0),
    says=st.sampled_from(SAYS),
    queue=st.sampled_from((0, 1, 4, 100)),
    turn_s=st.floats(0.005, 0.4),
)
@example(live=frozenset({1}), waits_s=5.0, says=None, queue=4, turn_s=0.25)
@example(live=frozenset({1}), waits_s=0.375, says=None, queue=1, turn_s=0.078125)
def test_whoever_is_behind_a_gateway_is_found_and_nobody_else(
    live: frozenset[int], waits_s: float, says: Sign | None, queue: int, turn_s: float
) -> None:
    world = Gateway(live, waits_s, says, queue, turn_s)
    assert found_in(world) == set(live)
    assert world.overlapped <= 3, "only the test of how long a silent unit blocks the line asks beside it"


@settings(max_examples=60, deadline=None)
@given(
    live=st.frozensets(st.sampled_from(UNITS), min_size=1, max_size=6),
    waits_s=st.floats(0.3, 5.0),
    timeout_s=st.floats(0.02, 1.0),
)
def test_a_short_time_out_does_not_overrun_a_gateway_that_explains_itself(
    live: frozenset[int], waits_s: float, timeout_s: float
) -> None:
    world = Gateway(live, waits_s, Sign.GATEWAY, queue=1000)
    assert run(GatewayWalk(UNITS, timeout_s), world) == set(live)


@settings(max_examples=60, deadline=None)
@given(live=st.frozensets(st.sampled_from(UNITS), max_size=6), busy=st.floats(0.0, 0.4), seed=st.integers())
def test_a_busy_unit_is_asked_until_it_answers(live: frozenset[int], busy: float, seed: int) -> None:
    world = Gateway(live, 0.5, busy=busy, seed=seed)
    walk = GatewayWalk(UNITS)
    found = run(walk, world)
    assert found | set(walk.busy) == set(live)
    assert not found & set(walk.busy)


@pytest.mark.parametrize("waits_s", [0.5, 1.0, 3.0, 5.0])
@pytest.mark.parametrize("says", SAYS)
def test_a_whole_search_takes_what_the_line_needs_and_little_more(waits_s: float, says: Sign | None) -> None:
    world = Gateway({1, 2, 7}, waits_s, says, queue=1)
    assert found_in(world) == {1, 2, 7}
    absent = len(UNITS) - 3
    assert world.now_s <= 1.4 * absent * waits_s + SECOND_PASS_S + 3 * PATIENCE_S


def test_silence_that_holds_up_nobody_is_not_waited_for() -> None:
    world = Gateway({1}, 0.0, None, direct=True)
    assert found_in(world, tuple(range(1, 248))) == {1}
    assert world.now_s < 2 * 247 * 0.3 + 3 * PATIENCE_S


def test_a_meter_that_answers_function_4_alone_is_found() -> None:
    world = Gateway({3, 9}, 0.5, only_fourth=frozenset({9}))
    assert found_in(world) == {3, 9}


def test_where_function_4_would_take_too_long_it_is_said_how_many_were_not_asked() -> None:
    world = Gateway({1}, 5.0)
    walk = GatewayWalk(tuple(range(1, 41)))
    assert run(walk, world) == {1}
    assert walk.left_out == 39 - int(SECOND_PASS_S / walk.cost_s())
    assert 25 < walk.left_out < 30
    assert run(GatewayWalk(tuple(range(1, 41)), thorough=True), Gateway({1, 40}, 5.0, only_fourth={40})) == {
        1,
        40,
    }


def test_units_0_and_255_are_found_like_others() -> None:
    world = Gateway({0, 255}, 0.5)
    assert found_in(world, (*range(1, 5), 0, 255)) == {0, 255}


def test_of_units_that_all_refuse_as_nobody_does_only_one_is_a_device() -> None:
    everybody = frozenset(range(256))
    walk = GatewayWalk(UNITS)
    world = Gateway(everybody, 0.5, refuse=everybody)
    ask = walk.next()
    assert ask is not None
    assert ask.probe.unit_id == NOBODYS_UNIT_ID
    found = []
    while ask is not None and not walk.ignores_unit_id:
        heard, seconds = world.ask(ask)
        found += walk.take(ask, heard, seconds)
        ask = walk.next()
    assert [probe.unit_id for probe in found] == [1]


def test_a_gateway_that_refuses_for_absent_units_names_nobody() -> None:
    """Exception 4 or 2 in place of 11: what nobody's address gets proves no meter."""

    def ask(walk: GatewayWalk) -> set[int]:
        found: set[int] = set()
        while (one := walk.next()) is not None:
            there = one.probe.unit_id in {3, 8}
            result = ProbeResult(Sign.ANSWERS) if there else ProbeResult(Sign.REFUSES, code=4)
            found |= {probe.unit_id for probe in walk.take(one, ((one.probe, result),), 0.1)}
        return found

    assert ask(GatewayWalk(UNITS)) == {3, 8}


def test_the_estimate_of_what_is_left_holds_once_the_gateway_is_known() -> None:
    world, walk = Gateway(set(), 3.0), GatewayWalk(UNITS, quick=True)
    for _ in range(3):
        ask = walk.next()
        assert ask is not None
        walk.take(ask, *world.ask(ask))
    left_s, now_s = walk.quick_left_s, world.now_s
    assert run(walk, world) == set()
    assert world.now_s - now_s == pytest.approx(left_s, rel=0.05)


def test_a_search_that_is_stopped_asks_nothing_more() -> None:
    walk = GatewayWalk(UNITS)
    walk.take(Ask(Probe(None, 1), 1.0), ((Probe(None, 1), ProbeResult(Sign.ANSWERS)),), TURN_S)
    walk.stop()
    assert walk.next() is None


def test_a_unit_that_is_always_busy_is_named_and_not_counted() -> None:
    world, walk = Gateway({5}, 0.5, busy=1.0), GatewayWalk(UNITS)
    assert run(walk, world) == set()
    assert walk.busy == [5]
    assert world.asked.count(5) == BUSY_MAX


@pytest.mark.parametrize("unit", [0, 255])
def test_a_device_that_is_silent_but_at_its_own_unit_is_found_soon(unit: int) -> None:
    world, walk = Gateway({unit}, 0.0, None, direct=True), GatewayWalk((*range(1, 248), 0, 255))
    while not walk.found:
        ask = walk.next()
        assert ask is not None
        walk.take(ask, *world.ask(ask))
    assert world.now_s <= 4 * PATIENCE_S


@pytest.mark.parametrize("unit", [0, 255])
def test_over_rtu_the_device_itself_is_found_and_0_asked_only_where_nobody_else_is(unit: int) -> None:
    units = (*range(1, 41), 255, 0)
    alone, shared = Gateway({unit}, 0.5), Gateway({7, unit}, 0.5)
    assert run(GatewayWalk(units, has_ids=False), alone) == {unit}
    assert 7 in run(GatewayWalk(units, has_ids=False), shared)
    assert 0 not in (*alone.asked[:32], *shared.asked)


@pytest.mark.parametrize("says", SAYS)
def test_a_meter_that_answers_only_what_a_model_has_is_found_behind_a_gateway(says: Sign | None) -> None:
    reads = (Control(4, 52, 2), Control(3, 19000, 2))
    world = Gateway({3, 6}, 0.5, says, only_read={6: reads[1]})
    walk = GatewayWalk(UNITS[:8], first_reads=reads)
    assert run(walk, world) == {3, 6}
    found = next(one for one in walk.found if one.unit_id == 6)
    assert Control(found.function, found.address, found.count) == reads[1]
