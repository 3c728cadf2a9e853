"""Brokers that take small packets only, each in its own manner of saying so: every body arrives."""

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from agent.uplink.delivery import Alarm
from agent.uplink.packet_limit import TRY_AGAIN_LONGEST_S, PacketLimit
from centre.gateway.parts import Parts
from tests.agent.uplink.world import PACKET_MAX, Manner, World
from wire.messages import Kind
from wire.mqtt_events import PACKET_BYTES_MAX

HEADER = 355
"""The packet of one seal of this gateway."""
LEARNED = [manner for manner in Manner if manner is not Manner.NAMED]


def run(world: World, hours: float, every: int = 10, length: int = 11_000) -> None:
    """Let time pass with a seal every ten seconds, as in life; then what is left may arrive."""
    for second in range(int(hours * 3600)):
        if second % every == 0:
            world.seal(length=length)
        world.work()
    for _ in range(1800):
        if world.arrived():
            return
        world.work()
    raise AssertionError(world.outbox.status())


@pytest.mark.parametrize("manner", Manner)
@pytest.mark.parametrize("takes_max", [400, 1_024, 4_096, 16_384, 65_536])
def test_all_readings_arrive_live_and_the_limit_is_known(manner: Manner, takes_max: int) -> None:
    world = World(takes_max=takes_max, manner=manner)
    run(world, 0.5)
    status = world.outbox.status()
    assert status.backlog == 0
    assert not status.alarms - {Alarm.REFUSED}
    if takes_max >= 16_384:
        assert all(p.piece is None for p in world.log), "nothing is cut that fits"
    elif manner is Manner.NAMED:
        assert (status.packet_bytes_max, status.packet_refused) == (takes_max, 0)
    else:
        assert takes_max // 4 <= (status.packet_bytes_max or 0) <= 2 * takes_max
        assert status.packet_refused > takes_max


@pytest.mark.parametrize("manner", Manner)
@pytest.mark.parametrize("window", [1, 20])
def test_an_old_backlog_of_large_bodies_gets_through(manner: Manner, window: int) -> None:
    world = World(takes_max=4_096, manner=manner, window_max=window)
    world.seal(50, length=64_000)
    run(world, 0.2)


@pytest.mark.parametrize("manner", LEARNED)
def test_learning_costs_minutes_at_most(manner: Manner) -> None:
    world = World(takes_max=4_096, manner=manner)
    for second in range(600):
        if second % 10 == 0:
            world.seal(length=11_000)
        world.work()
    assert world.outbox.status().backlog <= 2


@pytest.mark.parametrize("manner", LEARNED)
def test_a_broker_that_takes_more_again_gets_more(manner: Manner) -> None:
    world = World(takes_max=1_024, manner=manner)
    run(world, 0.2)
    world.takes_max = PACKET_MAX
    run(world, TRY_AGAIN_LONGEST_S / 3600 + 1.5, every=60)
    assert world.outbox.status().packet_bytes_max is None
    assert world.log[-1].kind is Kind.SEAL


@pytest.mark.parametrize("manner", LEARNED)
def test_trials_of_larger_packets_become_rare(manner: Manner) -> None:
    world = World(takes_max=4_096, manner=manner)
    run(world, 1.0, every=20)
    before = len(world.log)
    run(world, 3.0, every=60)
    sizes = [world.wire_bytes(publish) for publish in world.log[before:]]
    assert 0 < sum(size > 4_096 for size in sizes) <= 40


@pytest.mark.parametrize("manner", Manner)
@pytest.mark.parametrize("takes_max", [40, 200, HEADER - 1])
def test_a_broker_that_takes_not_even_a_seal_is_named_and_works_soon_after_it_is_changed(
    manner: Manner, takes_max: int
) -> None:
    world = World(takes_max=takes_max, manner=manner)
    for second in range(1200):
        if second % 10 == 0:
            world.seal(length=11_000)
        world.work()
    alarms = world.outbox.status().alarms
    assert world.centre.tip == 0
    if manner in {Manner.NAMED, Manner.REFUSES, Manner.HANGS_UP}:
        assert Alarm.OVERSIZE in alarms
        (text,) = {one.text for one in world.outbox.take_events() if one.alarm is Alarm.OVERSIZE}
        assert f"one seal alone needs {HEADER}" in text
    else:
        assert alarms & {Alarm.REFUSED, Alarm.HANGS_UP, Alarm.STALLED}, "it does not say why"
    world.takes_max = PACKET_MAX
    world.disconnect()
    for _ in range(360):
        world.work()
    assert world.outbox.status().backlog == 0
    assert not world.outbox.status().alarms


def test_a_centre_that_knows_no_parts_is_named_and_gets_all_else() -> None:
    world = World(takes_max=4_096, knows_parts=False)
    sent = []
    for second in range(1200):
        if second % 10 == 0:
            world.seal(length=11_000 if second % 100 == 0 else 2_000)
        world.work()
        sent.append(sum(p.piece is not None for p in world.log))
    status = world.outbox.status()
    assert (status.received, status.alarms) == (120, {Alarm.PARTS})
    assert world.centre.held.ranges[0] == (2, 10)
    assert sent[-1] - sent[600] < 60, "it is not flooded"
    world.knows_parts = True
    run(world, 0.0)
    assert not world.outbox.status().alarms


def test_new_bodies_in_parts_go_before_a_long_backlog() -> None:
    world = World(takes_max=4_096)
    world.seal(2_000, length=30_000)
    world.work()
    world.work()
    for second in range(300):
        if second % 10 == 0:
            world.seal(length=11_000)
        world.work()
    assert world.outbox.status().bodies_up_to < 2_000, "or the backlog was too short"
    assert all(number in world.centre.held for number in range(2_003, world.tip))


def test_a_body_in_parts_gets_through_a_link_that_never_lasts() -> None:
    """Each connection carries a few of a hundred parts and loses the last of them."""
    world = World(takes_max=1_024, window_max=2)
    world.seal(length=64_000)
    for _ in range(400):
        for _ in range(6):
            world.work(0.4)
        world.in_flight.clear()
        world.disconnect()
        if world.arrived():
            return
    raise AssertionError(world.outbox.status())


@given(
    events=st.lists(
        st.one_of(
            st.tuples(st.just("refuse"), st.integers(1, 70_000)),
            st.tuples(st.just("suspect"), st.integers(1, 70_000)),
            st.tuples(st.just("arrived"), st.integers(1, 70_000)),
            st.tuples(st.just("pass"), st.integers(1, 5_000)),
        )
    )
)
@settings(deadline=None)
def test_whatever_is_learned_is_forgotten_in_time(events: list[tuple[str, int]]) -> None:
    limit, now_s = PacketLimit(HEADER), 0.0
    for what, value in events:
        before = limit.learned
        match what:
            case "refuse":
                limit.refuse(value, now_s)
                assert limit.learned < max(value, HEADER) or limit.learned == before
            case "suspect":
                limit.suspect(value, now_s)
                assert limit.learned == before or HEADER <= limit.learned < value
            case "arrived":
                limit.arrived(value)
            case "pass":
                now_s += value
                limit.watch(now_s)
                assert limit.learned >= before
    for _ in range(40):
        now_s += TRY_AGAIN_LONGEST_S
        limit.watch(now_s)
    assert (limit.learned, limit.refused) == (PACKET_BYTES_MAX, 0)


class AnyBroker(RuleBasedStateMachine):
    """Limits and manners change during the life of a connection, everything is killed at any moment."""

    world: World

    @initialize(
        manner=st.sampled_from(Manner), takes_max=st.sampled_from([300, 500, 1_024, 4_096, PACKET_MAX])
    )
    def begin(self, manner: Manner, takes_max: int) -> None:
        self.world = World(manner=manner, takes_max=takes_max)

    @rule(count=st.sampled_from([1, 1, 3, 30]), length=st.sampled_from([200, 3_000, 11_000, 64_000]))
    def seal(self, count: int, length: int) -> None:
        self.world.seal(count, length)

    @rule(seconds=st.sampled_from([1, 5, 30, 120]))
    def time_passes(self, seconds: int) -> None:
        for _ in range(seconds):
            self.world.work()

    @rule(manner=st.sampled_from(Manner), takes_max=st.integers(40, PACKET_MAX))
    def broker_is_changed(self, manner: Manner, takes_max: int) -> None:
        """A limit that a broker names holds for the connections to come."""
        named = Manner.NAMED in {manner, self.world.manner}
        self.world.manner, self.world.takes_max = manner, takes_max
        if named and self.world.window:
            self.world.disconnect()

    @rule(window=st.sampled_from([1, 2, 20]))
    def connection_is_lost(self, window: int) -> None:
        self.world.window_max = window
        if self.world.window:
            self.world.disconnect()

    @rule()
    def broker_forgets(self) -> None:
        self.world.queue.clear()

    @rule()
    def centre_is_killed(self) -> None:
        self.world.centre.parts = Parts()

    @rule()
    def gateway_is_killed(self) -> None:
        self.world.restart()

    @precondition(lambda self: self.world.bodies)
    @rule(data=st.data())
    def body_is_given_up(self, data: st.DataObject) -> None:
        self.world.bodies[data.draw(st.sampled_from(sorted(self.world.bodies)))] = 0

    @rule()
    def pruned(self) -> None:
        self.world.prune()

    def teardown(self) -> None:
        """The broker stays as it is, if a seal fits: everything arrives; if not, it is named."""
        world = self.world
        for _ in range(3 * 3600):
            if world.arrived():
                return
            world.work()
        assert world.takes_max < HEADER, f"not arrived: {world.outbox.status()}"
        assert world.outbox.status().alarms


TestAnyBroker = AnyBroker.TestCase
TestAnyBroker.settings = settings(
    deadline=None,
    derandomize=True,
    max_examples=60,
    stateful_step_count=15,
    suppress_health_check=[HealthCheck.too_slow],
)
