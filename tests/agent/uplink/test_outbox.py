"""The rules of delivery one by one, on a table of what the broker and the centre do."""

from itertools import pairwise

import pytest

from agent.uplink.backfill import Backfill, BodyPacket
from agent.uplink.delivery import Alarm, Limits, Meaning
from agent.uplink.packet_limit import PacketLimit
from evidence.held import Held
from evidence.receipt import Conflict
from tests.agent.uplink.world import World, hash_of, receipt
from wire.messages import CHAIN_SEALS_MAX, Kind
from wire.mqtt_settings import MqttSettings


def connected(seals: int = 0, **how: int) -> World:
    world = World()
    world.seal(seals)
    world.connect(**how)
    world.tick(1.0)
    return world


def test_a_live_seal_goes_whole() -> None:
    world = connected()
    world.seal()
    assert [(p.kind, p.numbers) for p in world.tick()] == [(Kind.SEAL, range(1, 2))]


def test_after_an_outage_the_chain_goes_first_then_live_seals_whole_and_bodies_beside() -> None:
    world = World()
    world.seal(150)
    world.connect()
    first = world.tick(1.0)
    assert [p.kind for p in first] == [Kind.CHAIN] * 3
    assert [p.numbers for p in first] == [range(1, 65), range(65, 129), range(129, 151)]
    world.seal()
    live = world.tick()
    assert [(p.kind, p.numbers.start) for p in live] == [(Kind.SEAL, 151)], (
        "no body before its seal's receipt"
    )
    world.ack_all()
    world.deliver()
    world.seal()
    beside = world.tick(1.0)
    assert beside[0].kind is Kind.SEAL, "live comes before backfill"
    assert {p.kind for p in beside[1:]} == {Kind.BODY}
    assert [p.numbers.start for p in beside[1:]] == list(range(1, len(beside))), "oldest first"
    assert len(beside) - 1 <= 10, "bodies take half of the window at most"


def test_bodies_keep_to_their_rate() -> None:
    world = World(Limits(backfill_bytes_per_s=10_000.0))
    world.seal(100, length=5_000)
    world.connect()
    for _ in range(200):
        world.tick(0.1)
        world.ack_all()
        world.deliver()
    sent = sum(p.kind is Kind.BODY for p in world.log)
    assert 30 <= sent <= 45, "20 s at 10 kB/s"


def test_nothing_goes_before_the_retained_receipt_had_time_to_come() -> None:
    world = World()
    world.seal(10)
    world.connect()
    assert world.tick(0.1) == []
    world.hear(receipt(9))
    assert [p.numbers for p in world.tick(1.0)] == [range(10, 11)]


@pytest.mark.parametrize(("receive_maximum", "window"), [(1, 1), (7, 7), (20, 20), (65_535, 20)])
def test_the_window_is_the_smaller_of_ours_and_the_brokers(receive_maximum: int, window: int) -> None:
    world = World()
    world.seal(CHAIN_SEALS_MAX * 40)
    world.connect(receive_maximum)
    assert len(world.tick(1.0)) == window


def test_an_acknowledged_seal_is_not_a_received_one() -> None:
    world = connected(2)
    world.ack_all()
    assert world.outbox.received == 0
    assert world.outbox.prunable_below(world.body_bytes) == 0
    world.disconnect()  # the broker is killed, and with it what it had acknowledged
    world.queue.clear()
    world.connect()
    assert [p.numbers.start for p in world.tick(1.0)] == [1, 2]


def test_without_receipts_one_probe_goes_and_live_seals_wait() -> None:
    world = connected(2)
    world.ack_all()
    world.queue.clear()
    world.seal(100)
    world.tick()
    world.ack_all()
    world.queue.clear()
    assert world.tick(10.0) == []
    probe = world.tick(15.0)
    assert [(p.kind, p.numbers) for p in probe] == [(Kind.CHAIN, range(1, 2))]
    assert Alarm.STALLED in world.outbox.status().alarms
    world.ack_all()
    world.seal(5)
    assert world.tick(10.0) == [], "the broker's queue is not filled for an absent centre"
    world.deliver()
    assert Alarm.STALLED not in world.outbox.status().alarms
    assert world.tick()[0].numbers == range(2, 66)
    assert world.run(60)


def test_probes_get_rarer_while_nobody_answers() -> None:
    world = connected(1)
    probes = []
    for _ in range(1000):
        if world.tick(1.0):
            probes.append(world.now_s)
        world.ack_all()
        world.queue.clear()
    pauses = [b - a for a, b in pairwise(probes)]
    assert pauses == sorted(pauses)
    assert 290 <= pauses[-1] <= 310


@pytest.mark.parametrize(
    ("code", "alarm", "pause_s"),
    [
        (0x87, Alarm.NOT_AUTHORIZED, 30.0),
        (0x8E, Alarm.CLONE, 30.0),
        (0x93, Alarm.REFUSED, 1.0),
        (0x97, Alarm.REFUSED, 1.0),
        (0x80, Alarm.REFUSED, 1.0),
    ],
    ids=["0x87", "0x8e", "0x93", "0x97", "0x80"],
)
@pytest.mark.parametrize("way", ["puback", "disconnect"])
def test_a_refusal_raises_its_alarm_pauses_and_prunes_nothing(
    code: int, alarm: Alarm, pause_s: float, way: str
) -> None:
    world = connected(2)
    if way == "puback":
        world.ack_all(code)
    else:
        world.disconnect(code)
        world.connect()
    assert world.outbox.status().alarms == {alarm}
    assert [event.alarm for event in world.outbox.take_events()] == [alarm]
    assert world.outbox.prunable_below(world.body_bytes) == 0
    assert world.tick(pause_s - 0.5) == []
    again = world.tick(1.0)
    assert [p.numbers.start for p in again][:1] == [1], "it is sent again"


def test_a_busy_broker_gets_a_smaller_window_that_grows_again() -> None:
    world = connected(CHAIN_SEALS_MAX * 40)
    world.ack(min(world.in_flight), 0x97)
    assert world.outbox.status().window == 10
    for token in list(world.in_flight)[:5]:
        world.ack(token)
    assert world.outbox.status().window == 15
    assert world.outbox.status().alarms == set()


def test_a_busy_broker_is_asked_again_after_pauses_that_grow() -> None:
    world = connected(CHAIN_SEALS_MAX * 40)
    pauses = []
    for _ in range(9):
        world.ack_all(0x97)
        waited_s = 0.0
        while not world.in_flight:
            world.tick(0.5)
            waited_s += 0.5
        pauses.append(waited_s)
    assert world.outbox.status().window == 1
    assert pauses == sorted(pauses)
    assert pauses[-1] >= 8 * pauses[0] > 0


def test_an_alarm_that_stands_makes_one_event() -> None:
    world = connected(3)
    world.ack_all(0x87)
    assert len(world.outbox.take_events()) == 1
    world.tick(700.0)
    world.ack_all(0x87)
    assert world.outbox.take_events() == ()


def test_a_body_larger_than_a_packet_goes_in_parts_behind_its_seal() -> None:
    world = World()
    world.connect(packet_max=10_000)
    world.seal()
    world.seal(length=50_000)
    world.seal()
    assert world.run(120)
    assert [(p.kind, p.numbers.start) for p in world.log if p.piece is None] == [
        (Kind.SEAL, 1),
        (Kind.CHAIN, 2),
        (Kind.SEAL, 3),
    ]
    pieces = [p.piece for p in world.log if p.piece is not None]
    assert [pieces[0][0], pieces[-1][1], len(pieces)] == [0, 50_000, 6]
    assert all(before[1] == after[0] for before, after in pairwise(pieces))
    assert world.outbox.take_events() == ()
    assert world.outbox.status().backlog == 0


def test_a_seal_without_its_readings_is_not_delivered() -> None:
    world = connected(3)
    world.hear(receipt(3, 1))
    status = world.outbox.status()
    assert (status.received, status.bodies_up_to, status.missing, status.backlog) == (3, 1, ((2, 3),), 2)


def test_a_broker_too_small_for_one_seal_gets_nothing_and_a_person_is_told() -> None:
    world = connected(5, packet_max=300)
    assert world.log == []
    assert world.outbox.status().alarms == {Alarm.OVERSIZE}


def test_a_maximum_that_the_broker_never_named_is_learnt_from_its_refusal() -> None:
    world = World()
    world.seal(length=50_000)
    world.connect(packet_max=268_435_460)
    assert [p.kind for p in world.tick(1.0)] == [Kind.SEAL]
    world.disconnect(0x95)
    world.connect(packet_max=268_435_460)
    assert [p.kind for p in world.tick(60.0)] == [Kind.CHAIN]
    status = world.outbox.status()
    assert (status.packet_bytes_max, status.packet_refused) == (25_179, 50_359)
    assert [event.alarm for event in world.outbox.take_events()] == ["packet_size"]
    assert world.run(60)
    assert world.outbox.status().alarms == set()


def test_a_broker_that_owes_answers_is_left() -> None:
    world = connected(1)
    assert world.outbox.wants_reconnect(world.now_s) is False
    assert world.outbox.wants_reconnect(world.now_s + 59) is False
    assert world.outbox.wants_reconnect(world.now_s + 61) is True
    world.ack_all()
    assert world.outbox.wants_reconnect(world.now_s + 600) is False


def test_a_receipt_above_the_own_tip_stops_everything() -> None:
    world = connected(3)
    world.ack_all()
    assert world.hear(receipt(4)) is Meaning.ROLLED_BACK
    world.seal(5)
    world.disconnect()
    world.connect()
    assert world.tick(100.0) == []
    assert world.outbox.status().stopped
    assert [event.alarm for event in world.outbox.take_events()] == [Alarm.ROLLED_BACK]


@pytest.mark.parametrize(
    ("heard", "answer"),
    [
        (Meaning.NOT_OURS, receipt(3, gateway="gw-8")),
        (Meaning.FORK, receipt(3, seal_hash=hash_of(99))),
        (Meaning.NOTHING_NEW, receipt(0)),
        (Meaning.NOTHING_NEW, receipt(1)),
        (Meaning.NOTHING_NEW, receipt(2)),
        (Meaning.PROGRESS, receipt(3)),
        (Meaning.FORK, receipt(2, conflict=Conflict(3, hash_of(99)))),
        (Meaning.ASKED, receipt(2, conflict=Conflict(3, hash_of(2)))),
        (Meaning.ROLLED_BACK, receipt(6)),
    ],
    ids=["foreign", "other hash", "empty", "old", "again", "next", "other chain", "gap", "above"],
)
def test_what_a_receipt_means(heard: Meaning, answer: object) -> None:
    world = connected(5)
    world.hear(receipt(2))
    assert world.hear(answer) is heard  # type: ignore[arg-type]
    assert world.outbox.received == (3 if heard is Meaning.PROGRESS else 2)


def test_the_centre_is_sent_what_it_asks_for_but_not_at_once_for_every_message() -> None:
    world = connected(10)
    world.ack_all()
    world.deliver()
    world.seal(3)
    world.tick()
    for token in sorted(world.in_flight):
        world.ack(token)
    lost = world.queue.pop(0)
    world.deliver()
    assert lost.numbers == range(11, 12)
    again = [p for p in world.tick() if p.kind is not Kind.BODY]
    assert [p.numbers.start for p in again] == [11, 12, 13]
    world.hear(receipt(10, conflict=Conflict(11, hash_of(10))))
    assert [p for p in world.tick() if p.kind is not Kind.BODY] == []


def test_a_centre_that_was_restored_from_an_older_copy_gets_seals_and_bodies_again() -> None:
    world = connected(20)
    world.hear(receipt(20, at_ms=1_000))
    assert world.outbox.prunable_below(world.body_bytes) == 20
    asks = Conflict(13, hash_of(12))
    world.hear(receipt(12, 10, ((12, 12),), conflict=asks, at_ms=999))
    assert world.outbox.received == world.outbox.prunable_below(world.body_bytes) == 20, "an old one"
    assert world.hear(receipt(12, 10, ((12, 12),), conflict=asks, at_ms=2_000)) is Meaning.ASKED
    assert world.outbox.received == 12
    assert world.outbox.prunable_below(world.body_bytes) == 11, "nothing goes that it has lost"
    world.centre.tip, world.centre.held = 12, Held(10, [(12, 12)])
    for _ in range(40):
        world.tick(1.0)
        world.ack_all()
        world.deliver()
    assert (world.centre.tip, world.centre.held.up_to) == (20, 20)
    assert world.outbox.received == 20


def test_pruning_keeps_bodies_that_the_centre_misses_and_the_last_receipted_row() -> None:
    world = connected(6)
    world.hear(receipt(6, 2, ((4, 6),)))
    assert world.outbox.prunable_below(world.body_bytes) == 3
    world.bodies[3] = 0  # given up for room
    assert world.outbox.prunable_below(world.body_bytes) == 6


def test_a_lost_tail_that_came_back_is_announced_once() -> None:
    world = World()
    for number in (5, 6, 7):  # rows that returned with the next seal
        world.bodies[number] = 0
    world.bodies[8] = 300
    world.outbox.on_sealed(8)
    assert world.outbox.tip == 8


def test_a_rotten_body_does_not_starve_the_others() -> None:
    world = connected(20)
    world.ack_all()
    world.deliver()
    for _ in range(200):
        world.tick(1.0)
        world.ack_all()
        world.queue = [p for p in world.queue if p.kind is not Kind.BODY or p.numbers.start != 1]
        world.deliver()
    assert world.centre.held.ranges == ((2, 20),)
    assert world.run(400), "and it goes again, should the centre take it one day"


def test_a_body_that_was_given_up_has_its_turn_again_although_others_were_due_then() -> None:
    """It was sent and lost while a newer one was still awaited; found by the simulation, seed 115."""
    backfill = Backfill(Limits(), PacketLimit(350), "dj/1/g1/body", pruned=0)
    lengths = {1: 500, 2: 500, 3: 500}
    for _ in range(2):
        assert backfill.next(2, lambda number: lengths[number], 0.0)
    backfill.on_receipt(receipt(2, 0, ((2, 2),)), 1.0)
    backfill.watch(60.0, received=3)  # body 3 has not had its turn
    backfill.on_receipt(receipt(3, 0, ((2, 3),)), 61.0)  # and came with its seal
    backfill.watch(62.0, received=3)
    assert backfill.next(3, lambda number: lengths[number], 62.0) == BodyPacket(1, 530)


def test_an_answer_that_was_passed_over_is_missed_although_others_come() -> None:
    """A place in the window would be gone for ever; found by the simulation, seed 128."""
    world = connected(seals=2)
    passed_over, answered = list(world.in_flight)
    world.ack(answered)
    for _ in range(7):
        world.seal()
        world.tick(10.0)
        for token in [token for token in world.in_flight if token != passed_over]:
            world.ack(token)
    assert world.outbox.wants_reconnect(world.now_s)


def test_what_a_broker_refused_is_tried_again_within_a_minute() -> None:
    """Nobody says when the cause is gone: invariant 7 allows 60 s."""
    limits = Limits()
    assert max(limits.busy_longest_s, limits.denied_longest_s) + limits.settle_s < 60
    assert MqttSettings("127.0.0.1", 1883, "gw-7").reconnect_longest_s < 60


def test_a_receipt_for_what_the_key_file_gives_back_is_no_rollback() -> None:
    """The disk lost a tail, and no commit has succeeded since; found by the simulation."""
    world = connected(3)
    world.outbox.tip, world.outbox.proven = 1, 3
    del world.bodies[2], world.bodies[3]
    assert world.hear(receipt(3)) is Meaning.NOTHING_NEW
    assert not world.outbox.status().stopped
    assert world.hear(receipt(4)) is Meaning.ROLLED_BACK
