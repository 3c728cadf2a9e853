from collections.abc import Callable
from typing import Any

import pytest

from agent.sealing.recovery import Recovery, Start
from agent.sealing.sealer import Sealer, SealingStoppedError, UnsettledError
from disk.database import CommitError, StoreFullError
from evidence.body import BODY_BYTES_MAX
from evidence.chain import ChainState, Outcome, Verdict
from evidence.record import Kind, Record, decode_record
from evidence.seal import StoredSeal, peek_header
from evidence.verify import accept
from tests.evidence.chains import GATEWAY, Bench, MemorySlots, MemoryStore, PowerCutError, heartbeat, stamp

MakeStore = Callable[[Bench], Any]


class Centre:
    """Sees what was published, in order, and keeps the verdicts."""

    def __init__(self, first_key: bytes) -> None:
        self.state = ChainState.enrolled(GATEWAY, first_key)
        self.seals: list[StoredSeal] = []

    def take(self, seal: StoredSeal) -> Verdict:
        verdict = accept(self.state, seal.cose, seal.body, None, stored=lambda n: self.seals[n - 1].cose)
        if verdict.outcome is Outcome.ACCEPTED:
            self.seals.append(seal)
        self.state = verdict.state
        return verdict

    def take_all(self, store: Any) -> list[Verdict]:
        """Everything that the database has, as after an outage; a duplicate is no matter, a fork is."""
        verdicts = [self.take(seal) for seal in store.rows(1)]
        assert {verdict.outcome for verdict in verdicts} <= {Outcome.ACCEPTED, Outcome.DUPLICATE}
        return verdicts


def start(slots: MemorySlots, store: Any) -> tuple[Sealer, Recovery]:
    sealer = Sealer(GATEWAY, slots, store)
    return sealer, sealer.recover()


def test_seals_follow_each_other_and_the_first_key_is_told_at_the_start(make_store: MakeStore) -> None:
    slots, store = MemorySlots(), make_store(Bench())
    sealer, recovery = start(slots, store)
    assert (recovery.start, recovery.number) == (Start.NEW, 1)
    centre = Centre(recovery.next_key)
    for number in range(1, 6):
        made = sealer.seal([heartbeat(number)] * number, stamp(number), b"r" * 32)
        assert store.last() == made
        assert made.number == number
        assert centre.take(made).outcome is Outcome.ACCEPTED
    assert slots.slots is not None
    assert [number for number, slot in slots.slots.items() if slot.secret] == [6]


def test_a_start_before_the_first_seal_gives_the_same_first_key_again(make_store: MakeStore) -> None:
    slots, store = MemorySlots(), make_store(Bench())
    assert start(slots, store)[1] == start(slots, store)[1]


CRASHES = [
    # failing step, took effect?  is seal 4 in the database?  does the power cut leave a trace?
    ("write", False, False),
    ("write", True, False),
    ("append", False, False),
    ("append", True, True),
    ("erase", False, True),
    ("erase", True, True),
]


@pytest.mark.parametrize(("step", "after", "persisted"), CRASHES)
def test_power_cut_at(make_store: MakeStore, step: str, after: bool, persisted: bool) -> None:
    slots = MemorySlots()
    store = make_store(Bench())
    sealer, recovery = start(slots, store)
    centre = Centre(recovery.next_key)
    for number in (1, 2, 3):
        centre.take(sealer.seal([heartbeat(number)], stamp(number)))
    slots.bench = Bench(step, after)
    store.bench = slots.bench
    with pytest.raises(PowerCutError):
        sealer.seal([heartbeat(4)], stamp(4))

    slots.bench = Bench()
    store = make_store(Bench())
    assert (store.last().number == 4) is persisted
    sealer, recovery = start(slots, store)
    assert (recovery.start, recovery.number) == (Start.CLEAN, 5 if persisted else 4)
    assert slots.slots is not None
    assert [number for number, slot in slots.slots.items() if slot.secret] == [recovery.number]
    sealer.seal([heartbeat(5)], stamp(5))
    centre.take_all(store)
    assert centre.state.number == store.last().number


@pytest.mark.parametrize("after", [False, True])
def test_power_cut_while_the_first_key_is_made(make_store: MakeStore, after: bool) -> None:
    slots, store = MemorySlots(Bench("create", after)), make_store(Bench())
    with pytest.raises(PowerCutError):
        start(slots, store)
    slots.bench = Bench()
    assert start(slots, store)[1].start is Start.NEW


@pytest.mark.parametrize("step", ["append", "erase"])
@pytest.mark.parametrize("after", [False, True])
def test_power_cut_at_the_first_seal_after_a_lost_tail(make_store: MakeStore, step: str, after: bool) -> None:
    slots, store, centre = lost_tail(make_store, sealed=8, lost=3)
    slots.bench = Bench(step, after)
    store.bench = slots.bench
    sealer, _ = start_with_cut_recovery(slots, store)
    if sealer is not None:
        with pytest.raises(PowerCutError):
            sealer.seal([heartbeat(9)], stamp(9))
    slots.bench = Bench()
    store = make_store(Bench())
    sealer, recovery = start(slots, store)
    assert recovery.start is (Start.LOST_TAIL if (step, after) == ("append", False) else Start.CLEAN)
    sealer.seal([heartbeat(10)], stamp(10))
    verdicts = centre.take_all(store)
    assert centre.state.number == store.last().number
    # the seal that was cut off before its commit is one more whose body is gone, and is not signed again
    last_lost = 9 if (step, after) == ("append", False) else 8
    assert [verdict.absent for verdict in verdicts if verdict.absent] == [((6, last_lost),)]


def start_with_cut_recovery(slots: MemorySlots, store: Any) -> tuple[Sealer | None, Recovery | None]:
    """A start that the bench may cut; None where it was."""
    try:
        return start(slots, store)
    except PowerCutError:
        return None, None


def lost_tail(make_store: MakeStore, sealed: int, lost: int) -> tuple[MemorySlots, Any, Centre]:
    """A disk that dropped the last `lost` commits of `sealed`; the centre has seen none of them."""
    slots, store = MemorySlots(), make_store(Bench())
    sealer, recovery = start(slots, store)
    centre = Centre(recovery.next_key)
    for number in range(1, sealed + 1):
        seal = sealer.seal([heartbeat(number)], stamp(number))
        if number <= sealed - lost:
            centre.take(seal)
    forget(store, sealed - lost)
    return slots, store, centre


def forget(store: Any, above: int) -> None:
    if isinstance(store, MemoryStore):
        store.seals = {number: seal for number, seal in store.seals.items() if number <= above}
    else:
        with store._database.write() as connection:
            connection.execute("DELETE FROM seals WHERE number > ?", (above,))


@pytest.mark.parametrize(("sealed", "lost"), [(3, 1), (3, 2), (3, 3), (70, 1), (70, 64), (70, 65)])
def test_lost_commits_within_the_ring_leave_the_chain_whole(
    make_store: MakeStore, sealed: int, lost: int
) -> None:
    slots, store, centre = lost_tail(make_store, sealed, lost)
    sealer, recovery = start(slots, store)
    kept = min(lost, 64)
    assert recovery.start is Start.LOST_TAIL
    assert (recovery.number, recovery.lost) == (sealed + 1, (sealed - lost + 1, sealed))
    assert recovery.recovered == sealed - kept + 1
    made = sealer.seal([heartbeat(sealed + 1)], stamp(sealed + 1))
    assert made.number == sealed + 1
    if lost > 64:
        return
    verdicts = centre.take_all(store)
    assert centre.state.number == sealed + 1
    assert verdicts[-1].absent == (recovery.lost,)
    assert verdicts[-1].records is not None
    tail = decode_record(verdicts[-1].records[0])
    assert isinstance(tail, Record)
    assert (tail.kind, tail.body) == (
        Kind.LOST_TAIL,
        {"first": sealed - lost + 1, "last": sealed, "recovered": recovery.recovered},
    )


def test_lost_commits_that_the_centre_has_are_no_fork(make_store: MakeStore) -> None:
    slots, store = MemorySlots(), make_store(Bench())
    sealer, recovery = start(slots, store)
    centre = Centre(recovery.next_key)
    for number in range(1, 101):
        centre.take(sealer.seal([heartbeat(number)], stamp(number)))
    forget(store, 0)
    sealer, recovery = start(slots, store)
    assert (recovery.start, recovery.lost, recovery.recovered) == (Start.LOST_TAIL, (1, 100), 37)
    assert centre.take(sealer.seal([heartbeat(101)], stamp(101))).outcome is Outcome.ACCEPTED
    assert [seal.number for seal in store.rows(1)] == list(range(37, 102))


def test_a_loss_is_declared_again_when_its_declaration_is_lost(make_store: MakeStore) -> None:
    slots, store, centre = lost_tail(make_store, sealed=8, lost=3)
    sealer, _ = start(slots, store)
    sealer.seal([heartbeat(9)], stamp(9))
    forget(store, 7)
    sealer, recovery = start(slots, store)
    assert recovery.lost == (8, 9)
    sealer.seal([heartbeat(10)], stamp(10))
    assert [verdict.absent for verdict in centre.take_all(store) if verdict.absent] == [((6, 9),)]


def rolled_back_keys(slots: MemorySlots, store: Any) -> None:
    assert slots.slots is not None
    older = dict(slots.slots)
    sealer, _ = start(slots, store)
    for number in range(3):
        sealer.seal([heartbeat(number)], stamp(100 + number))
    slots.slots = older


def no_readable_slot(slots: MemorySlots, _: Any) -> None:
    slots.slots = {}


def no_file(slots: MemorySlots, _: Any) -> None:
    slots.slots = None


def foreign_keys(slots: MemorySlots, store: Any) -> None:
    other = MemorySlots()
    sealer, _ = start(other, MemoryStore())
    for number in range(store.last().number):
        sealer.seal([heartbeat(number)], stamp(number))
    slots.slots = other.slots


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (rolled_back_keys, "older than the database"),
        (no_readable_slot, "no key is readable"),
        (no_file, "no key is readable"),
        (foreign_keys, "different chains"),
    ],
)
def test_keys_that_do_not_continue_the_database_never_seal(
    make_store: MakeStore, damage: Callable[[MemorySlots, Any], None], reason: str
) -> None:
    slots, store = MemorySlots(), make_store(Bench())
    sealer, _ = start(slots, store)
    for number in range(1, 5):
        sealer.seal([heartbeat(number)], stamp(number))
    damage(slots, store)
    tip = store.last()
    sealer, recovery = start(slots, store)
    assert recovery.start is Start.REKEY
    assert reason in recovery.reason
    with pytest.raises(SealingStoppedError):
        sealer.seal([heartbeat(5)], stamp(5))
    assert store.last() == tip


@pytest.mark.parametrize("stored", [False, True])
def test_a_failed_commit_puts_the_identical_bytes_in_once(stored: bool) -> None:
    slots, store = MemorySlots(), MemoryStore()
    sealer, recovery = start(slots, store)
    store.failing = [(stored, CommitError("disk I/O error"))]
    made = sealer.seal([heartbeat(1)], stamp(1))
    assert store.reopened == 1
    assert store.seals == {1: made}
    centre = Centre(recovery.next_key)
    assert centre.take(made).outcome is Outcome.ACCEPTED
    assert centre.take(sealer.seal([heartbeat(2)], stamp(2))).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("error", [CommitError("disk I/O error"), StoreFullError("full")])
def test_a_commit_that_keeps_failing_keeps_its_bytes_until_it_is_settled(error: CommitError) -> None:
    slots, store = MemorySlots(), MemoryStore()
    sealer, recovery = start(slots, store)
    store.failing = [(False, error)] * 5
    with pytest.raises(type(error)):
        sealer.seal([heartbeat(1)], stamp(1))
    assert sealer.is_unsettled
    with pytest.raises(UnsettledError):
        sealer.seal([heartbeat(2)], stamp(2))
    with pytest.raises(type(error)):
        sealer.settle()
    store.failing = []
    made = sealer.settle()
    assert (made.number, store.last()) == (1, made)
    with pytest.raises(UnsettledError):
        sealer.settle()
    centre = Centre(recovery.next_key)
    assert centre.take(made).outcome is Outcome.ACCEPTED
    assert centre.take(sealer.seal([heartbeat(2)], stamp(2))).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("records", [[], [b"x" * 60_000, b"y" * 5_000]])
def test_a_seal_of_nothing_or_too_much_is_refused_and_nothing_is_signed(records: list[bytes]) -> None:
    slots, store = MemorySlots(), MemoryStore()
    sealer, _ = start(slots, store)
    before = dict(slots.slots or {})
    with pytest.raises(ValueError, match=str(BODY_BYTES_MAX)):
        sealer.seal(records, stamp(1))
    assert slots.slots == before
    assert sealer.seal([heartbeat(1)], stamp(1)).number == 1


def test_a_seal_carries_the_stamp_and_the_reference_it_was_given() -> None:
    sealer, _ = start(MemorySlots(), MemoryStore())
    header = peek_header(sealer.seal([heartbeat(1)], stamp(7), b"q" * 32).cose)
    assert header.utc_ms == stamp(7).utc_ns // 10**6
    assert header.boot_id == stamp().boot_id
    assert header.reference == b"q" * 32
