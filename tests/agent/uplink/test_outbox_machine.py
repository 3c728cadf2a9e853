"""Any sequence of faults: the window holds, nothing is pruned early, and in the end everything arrives."""

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.uplink.delivery import Alarm
from tests.agent.uplink.world import PACKET_MAX, World

LENGTHS = st.sampled_from([1, 300, 2_000, 30_000, 64_000])
PACKETS = st.sampled_from([400, 1_000, 20_000, PACKET_MAX, 268_435_460])
REFUSALS = st.sampled_from([0x80, 0x83, 0x87, 0x8E, 0x93, 0x97, 0x99])
SUCCESSES = st.sampled_from([0x00, 0x10])


class AnyFault(RuleBasedStateMachine):
    world: World

    @initialize(packet_max=PACKETS)
    def begin(self, packet_max: int) -> None:
        self.world = World()
        self.world.connect(packet_max=packet_max)
        self.world.tick(1.0)

    @rule(count=st.sampled_from([1, 1, 2, 3, 4, 150]), length=LENGTHS)
    def seal(self, count: int, length: int) -> None:
        self.world.seal(count, length)
        self.world.tick(0.1)

    @precondition(lambda self: not self.world.window)
    @rule(window=st.sampled_from([1, 2, 20, 65_535]), packet_max=PACKETS)
    def connect(self, window: int, packet_max: int) -> None:
        self.world.connect(window, packet_max)
        self.world.tick(1.0)

    @precondition(lambda self: self.world.window)
    @rule(code=st.one_of(st.just(0), REFUSALS))
    def disconnect(self, code: int) -> None:
        self.world.disconnect(code)

    @precondition(lambda self: self.world.window)
    @rule()
    def broker_killed_with_all_it_had(self) -> None:
        self.world.queue.clear()
        self.world.disconnect()

    @rule(seconds=st.sampled_from([0.0, 0.5, 5.0, 30.0, 400.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.tick(seconds)

    @precondition(lambda self: self.world.in_flight)
    @rule(code=SUCCESSES, data=st.data())
    def acknowledged(self, code: int, data: st.DataObject) -> None:
        self.world.ack(data.draw(st.sampled_from(sorted(self.world.in_flight))), code)

    @precondition(lambda self: self.world.in_flight)
    @rule(code=REFUSALS, data=st.data())
    def refused(self, code: int, data: st.DataObject) -> None:
        self.world.ack(data.draw(st.sampled_from(sorted(self.world.in_flight))), code)

    @rule(random=st.randoms(use_true_random=False))
    def centre_gets_messages_reordered_and_doubled(self, random: st.randoms) -> None:
        self.world.ack_all()
        queue = self.world.queue
        queue += random.sample(queue, len(queue) // 2)
        random.shuffle(queue)
        self.world.deliver()
        self.world.tick(0.1)

    @rule()
    def centre_gets_messages(self) -> None:
        self.world.ack_all()
        self.world.deliver()
        self.world.tick(0.1)

    @rule()
    def broker_acknowledges_and_forgets(self) -> None:
        self.world.ack_all()
        self.world.queue.clear()

    @precondition(lambda self: self.world.stored is not None)
    @rule()
    def old_receipt_comes_again(self) -> None:
        assert self.world.stored is not None
        self.world.hear(self.world.stored)

    @precondition(lambda self: self.world.bodies)
    @rule(data=st.data())
    def body_is_given_up(self, data: st.DataObject) -> None:
        numbers = sorted(self.world.bodies)
        self.world.bodies[data.draw(st.sampled_from(numbers))] = 0

    @rule()
    def pruned(self) -> None:
        self.world.prune()

    @rule()
    def killed_and_started_again(self) -> None:
        self.world.restart()

    @invariant()
    def nothing_is_believed_without_the_centre(self) -> None:
        assert self.world.outbox.received <= self.world.centre.tip
        assert not self.world.outbox.status().alarms & {Alarm.FORK, Alarm.ROLLED_BACK}

    def teardown(self) -> None:
        """All faults end: whatever has no receipt arrives, on this connection if it can carry it."""
        world = self.world
        if world.packet_max < PACKET_MAX:
            world.disconnect()
        if not world.window:
            world.connect()
        assert world.run(4 * 3600, step_s=5.0), f"not arrived: {world.outbox.status()}"


TestAnyFault = AnyFault.TestCase
TestAnyFault.settings = settings(
    deadline=None,
    derandomize=True,
    max_examples=150,
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.too_slow],
)
