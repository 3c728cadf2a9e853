"""Lives with disasters: keys, database or both are lost, or an old image comes back, and somebody re-keys.

Each is driven by a seed, on a real database and a real key file: what the centre has accepted
is never contradicted, what it accepts has no hole, and after the disasters the chain goes on. The tip is
found by the product's own code (`agent.sealing.tip`), with and without a receipt.
"""

import random
import shutil
from pathlib import Path

import pytest
import sqlite_utils  # so that stores migrate in this process, which is faster
from attrs import define, field

from agent.sealing.key_slots import SECTOR_BYTES, SLOTS, KeySlots, Slot
from agent.sealing.recovery import Start
from agent.sealing.sealer import Sealer
from agent.sealing.statements import Kept, in_force, keep, read_statements
from agent.sealing.tip import Believed, find_tip, fit
from agent.store.gateway import GatewayStore
from evidence import keys
from evidence.chain import ChainState, Outcome
from evidence.continuation import continue_chain
from evidence.receipt import Receipt, sign_receipt
from evidence.seal import StoredSeal, seal_hash
from evidence.statement import Pending, Rekey, sign_statement
from evidence.verify import accept
from tests.evidence.chains import GATEWAY, heartbeat, secret, stamp

assert sqlite_utils

QUOTA = 16 << 20
RECOVERY = secret(0, "recovery")
CENTRE = secret(0, "centre")
DISASTERS = ("keys", "slot", "database", "both", "image", "rows", "key file is old")


@define
class Centre:
    """What the centre holds; it judges with the product's verifier."""

    state: ChainState
    coses: dict[int, bytes] = field(factory=dict)
    stated: dict[int, list[bytes]] = field(factory=dict)
    bodies: set[int] = field(factory=set)
    applied: set[bytes] = field(factory=set)
    forks: int = 0

    def state_key(self, raw: bytes) -> Outcome:
        verdict = continue_chain(self.state, raw, None, applied=self.applied.__contains__)
        if verdict.outcome is Outcome.ACCEPTED:
            self.applied.add(seal_hash(raw))
            assert isinstance(verdict.statement, Rekey)
            self.stated.setdefault(verdict.statement.number, []).append(verdict.statement.next_key)
        self.forks += verdict.outcome is Outcome.FORK
        self.state = verdict.state
        return verdict.outcome

    def seal(self, row: StoredSeal) -> Outcome:
        verdict = accept(
            self.state,
            row.cose,
            row.body,
            None,
            stored=self.coses.get,
            stated_keys=lambda number: self.stated.get(number, ()),
        )
        if verdict.outcome is Outcome.ACCEPTED:
            assert self.coses.setdefault(row.number, row.cose) == row.cose
            assert row.number == len(self.coses), "an accepted chain has no hole"
            self.bodies |= {row.number} if row.body is not None else set()
            self.bodies |= {n for first, last in verdict.absent for n in range(first, last + 1)}
        self.forks += verdict.outcome is Outcome.FORK
        self.state = verdict.state
        return verdict.outcome

    def receipt(self) -> Believed:
        up_to = 0
        while up_to + 1 in self.bodies:
            up_to += 1
        receipt = Receipt(GATEWAY, self.state.number, self.state.hash, up_to, (), 5)
        return receipt, sign_receipt(receipt, CENTRE)


@define
class Life:
    """One gateway in a folder, its centre, and the technician with the recovery key."""

    folder: Path
    rng: random.Random
    centre: Centre | None = None
    held_up_to: int = 0
    image: Path | None = None
    utc_ms: int = 0
    rekeys: int = 0

    def open(self) -> tuple[GatewayStore, KeySlots]:
        self.folder.mkdir(exist_ok=True)
        return GatewayStore(self.folder / "chain.db", QUOTA), KeySlots(self.folder / "keys")

    def live(self, count: int) -> bool:
        """A life of `count` seals of which most reach the centre; whether there was a key for it."""
        store, slots = self.open()
        try:
            sealer = Sealer(GATEWAY, slots, store)
            recovery = sealer.recover(self.held_up_to)
            if recovery.start is Start.REKEY:
                return False
            if self.centre is None:
                recovery_key = keys.public(RECOVERY)
                self.centre = Centre(ChainState.enrolled(GATEWAY, recovery.next_key, recovery_key))
            for number in range(count):
                sealer.seal([heartbeat(number)] * self.rng.randrange(1, 3), stamp(number))
            kept = in_force(read_statements(self.folder), store, recovery)
            return self.publish(store, kept, whole=count == 0 or self.rng.random() < 0.7)
        finally:
            store.close()
            slots.close()

    def publish(self, store: GatewayStore, kept: tuple[Pending, ...], *, whole: bool) -> bool:
        """Everything that is here, or all but the last seals; False if the centre proves a rollback."""
        centre = self.centre
        assert centre is not None
        rows = store.rows(1)
        receipt = centre.receipt()[0]
        own = {row.number: row.hash for row in rows}
        if (
            receipt.number > max(own, default=0)
            or own.get(receipt.number, receipt.seal_hash) != receipt.seal_hash
        ):
            return False
        for row in rows if whole else rows[: -self.rng.randrange(1, 4)]:
            for one in kept:
                centre.state_key(one.raw)  # those that come too early wait there
            if centre.seal(row) not in {Outcome.ACCEPTED, Outcome.DUPLICATE}:
                return False
        return True

    def strike(self, disaster: str) -> None:
        database, key_file = self.folder / "chain.db", self.folder / "keys"
        if disaster in {"keys", "both"}:
            key_file.unlink(missing_ok=True)
        if disaster in {"database", "both"}:
            for file in self.folder.glob("chain.db*"):
                file.unlink()
        if disaster == "slot" and key_file.exists():
            image = bytearray(key_file.read_bytes())
            for at in range(470, SLOTS * SECTOR_BYTES, SECTOR_BYTES):
                image[at] ^= 0xFF
            key_file.write_bytes(image)
        if disaster == "key file is old" and self.image is not None:
            shutil.copy(self.image / "keys", key_file)
        if disaster == "image" and self.image is not None:
            shutil.rmtree(self.folder)
            shutil.copytree(self.image, self.folder)
        if disaster == "rows" and database.exists():
            self.lose_rows(database)

    def lose_rows(self, database: Path) -> None:
        """What a salvage leaves: some rows in the middle are gone, and the key file's copies of them too."""
        store = GatewayStore(database, QUOTA)
        left = store.rows(1)
        store.close()
        for file in self.folder.glob("chain.db*"):
            file.unlink()
        gone = {row.number for row in left if self.rng.random() < 0.15}
        store = GatewayStore(database, QUOTA)
        store.append(*(row for row in left if row.number not in gone))
        store.close()
        (self.folder / "keys").unlink(missing_ok=True)

    def rekey(self, *, with_receipt: bool) -> None:
        assert self.centre is not None
        store, slots = self.open()
        try:
            ring = slots.load() if slots.exists() else ()
            best = self.centre.receipt() if with_receipt else None
            tip = find_tip(GATEWAY, store, ring, best, read_statements(self.folder))
            fresh = keys.generate()
            self.utc_ms += 1
            head = GATEWAY, tip.number + 1, tip.hash, tip.next_record, keys.public(fresh)
            raw = sign_statement(Rekey(*head, self.utc_ms, "lost"), RECOVERY)
            fit(store, self.folder / "chain.db", QUOTA, tip, best)
        finally:
            store.close()
        keep(self.folder, Kept(raw))
        self.held_up_to = 0 if best is None else best[0].bodies_up_to
        slots.restart(Slot(tip.number + 1, fresh, tip.next_record, tip.hash, b""), keep=True)
        slots.close()
        self.rekeys += 1


def lived(folder: Path, seed: int) -> Life:
    life = Life(folder / f"{seed}", random.Random(seed))
    life.live(life.rng.randrange(1, 6))
    for _ in range(3):
        if life.image is None and life.rng.random() < 0.5:
            life.image = folder / f"{seed}-image"
            shutil.copytree(life.folder, life.image)
        life.live(life.rng.randrange(1, 6))
        life.strike(life.rng.choice(DISASTERS))
        seals = life.rng.randrange(1, 4)
        if life.rng.random() < 0.3 or not life.live(seals):
            if life.folder.exists() and life.rng.random() < 0.5:
                try_without_receipt(life)
            if not life.live(seals):
                life.rekey(with_receipt=True)
    return life


def try_without_receipt(life: Life) -> None:
    """A technician in a hurry, who goes by what the disk has."""
    store, _ = life.open()
    empty = store.last() is None
    store.close()
    if not empty:
        life.rekey(with_receipt=False)


@pytest.mark.parametrize("block", range(2))
def test_no_life_contradicts_what_was_accepted_and_every_one_goes_on(tmp_path: Path, block: int) -> None:
    rekeys = 0
    for seed in range(block * 5, block * 5 + 5):
        rekeys += settled(lived(tmp_path, seed), seed)
    assert rekeys > 0, "the seeds are to strike"


@pytest.mark.minutes
def test_the_same_for_many_lives(tmp_path: Path) -> None:
    for seed in range(1_000, 1_400):
        settled(lived(tmp_path, seed), seed)
        for folder in tmp_path.glob(f"{seed}*"):
            shutil.rmtree(folder)


def settled(life: Life, seed: int) -> int:
    """The disasters end: at most one re-key from the centre's receipt, and everything is accepted."""
    centre = life.centre
    assert centre is not None
    life.rng = random.Random(0)  # everything reaches the centre
    if not life.live(2):
        before = dict(centre.coses)
        life.rekey(with_receipt=True)
        life.rng = random.Random(1)
        tip = centre.state.number
        assert life.live(2), f"seed {seed}: the chain does not go on behind {tip}"
        assert all(centre.coses[number] == cose for number, cose in before.items())
    assert life.live(0), f"seed {seed}: what was withheld is sent"
    store, _ = life.open()
    last = store.last()
    store.close()
    assert last is not None
    assert centre.state.number == last.number, f"seed {seed}"
    missing = set(range(1, centre.state.number + 1)) - centre.bodies
    assert not missing, f"seed {seed}: the bodies of {sorted(missing)} are awaited for ever"
    return life.rekeys
