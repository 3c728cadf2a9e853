"""Lives of a sealer, each driven by a seed: power cuts at any step (in recovery too), commits that fail
with an unknown result, disks that drop their last commits, and a centre that sees what was published."""

import random

import pytest
from attrs import define, field

from agent.sealing.recovery import Start
from agent.sealing.sealer import Sealer
from disk.database import CommitError, StoreFullError
from evidence.chain import ChainState, Outcome
from evidence.seal import StoredSeal, peek_header
from evidence.verify import accept
from tests.evidence.chains import GATEWAY, Bench, MemorySlots, MemoryStore, PowerCutError, heartbeat, stamp

SEEDS = 100
STEPS = 60
STEP_NAMES = ("write", "append", "erase")


@define
class Life:
    """One gateway, its disk and its centre."""

    rng: random.Random
    lying_disk: bool
    slots: MemorySlots = field(factory=MemorySlots)
    store: MemoryStore = field(factory=MemoryStore)
    sealer: Sealer | None = None
    state: ChainState | None = None
    verified: dict[int, StoredSeal] = field(factory=dict)
    acknowledged: dict[int, StoredSeal] = field(factory=dict)
    absent: set[int] = field(factory=set)

    def step(self) -> None:
        if self.sealer is None:
            self.start()
        elif self.rng.random() < 0.15:
            self.cut()
        elif self.rng.random() < 0.3:
            self.publish()
        else:
            self.seal(self.sealer)

    def start(self) -> None:
        self.plan_a_cut(0.1)
        sealer = Sealer(GATEWAY, self.slots, self.store)
        try:
            recovery = sealer.recover()
        except PowerCutError:
            return
        assert recovery.start is not Start.REKEY, recovery.reason
        assert self.lying_disk or recovery.start is not Start.LOST_TAIL
        self.state = self.state or ChainState.enrolled(GATEWAY, recovery.next_key)
        self.sealer = sealer

    def seal(self, sealer: Sealer) -> None:
        self.plan_a_cut(0.2)
        if self.rng.random() < 0.2:
            error = self.rng.choice(
                [(True, CommitError("EIO")), (False, CommitError("EIO")), (False, StoreFullError("full"))]
            )
            self.store.failing = [error] * self.rng.randrange(1, 4)
        try:
            records = [heartbeat(self.rng.randrange(1000))] * self.rng.randrange(1, 4)
            made = sealer.settle() if sealer.is_unsettled else sealer.seal(records, stamp(1))
        except CommitError:
            return
        except PowerCutError:
            self.cut()
            return
        self.acknowledged[made.number] = made

    def cut(self) -> None:
        self.sealer = None
        self.store.failing = []
        if self.lying_disk and self.rng.random() < 0.5:
            self.store.drop_commits(self.rng.randrange(12))

    def plan_a_cut(self, chance: float) -> None:
        planned = self.rng.random() < chance
        step = self.rng.choice(STEP_NAMES) if planned else ""
        self.slots.bench = self.store.bench = Bench(step, self.rng.random() < 0.5)

    def publish(self) -> None:
        """What an agent sends that is up: any of its rows, so also what came back without a body."""
        assert self.state is not None
        for seal in self.store.rows(1):
            verdict = accept(self.state, seal.cose, seal.body, None, stored=lambda n: self.verified[n].cose)
            if verdict.outcome is Outcome.ACCEPTED:
                self.verified[seal.number] = seal
                self.absent |= {n for first, last in verdict.absent for n in range(first, last + 1)}
            else:
                assert verdict.outcome is Outcome.DUPLICATE, f"{verdict.outcome} at seal {seal.number}"
            self.state = verdict.state


@pytest.mark.parametrize("lying_disk", [False, True])
def test_no_life_forks_or_loses_what_it_acknowledged(lying_disk: bool) -> None:
    for seed in range(SEEDS):
        life = Life(random.Random(seed), lying_disk)
        for _ in range(STEPS):
            life.step()
        settle_down(life)
        check(life, seed)


def settle_down(life: Life) -> None:
    """The faults end; the sealer comes up and seals once more, and everything is sent."""
    life.rng = random.Random(0)
    life.slots.bench = life.store.bench = Bench()
    life.store.failing = []
    life.sealer = Sealer(GATEWAY, life.slots, life.store)
    recovery = life.sealer.recover()
    assert recovery.start is not Start.REKEY
    life.state = life.state or ChainState.enrolled(GATEWAY, recovery.next_key)
    made = life.sealer.seal([heartbeat(1)], stamp(1))
    life.acknowledged[made.number] = made
    life.publish()


def check(life: Life, seed: int) -> None:
    tip = max(life.store.seals)
    assert life.state is not None
    assert life.state.number == tip, f"seed {seed}: the centre stopped at {life.state.number} of {tip}"
    for number, seal in life.acknowledged.items():
        if not life.lying_disk:
            assert life.store.seals[number] == seal, f"seed {seed}"
        assert life.verified[number].hash == seal.hash, f"seed {seed}"
        assert life.verified[number].body is not None or number in life.absent, f"seed {seed}"
    seals = [life.verified[number] for number in range(1, tip + 1)]
    records = sum(peek_header(seal.cose).count for seal in seals)
    assert life.state.next_record == records + 1
    assert life.slots.slots is not None
    assert [n for n, slot in life.slots.slots.items() if slot.secret is not None] == [tip + 1], f"seed {seed}"
