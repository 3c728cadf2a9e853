"""What reaches the flash in steady state, and how long an eMMC lasts.

    python tests/bench/bench_disk.py [--seconds N] [--mount OPTIONS]

Steady state is a full ring: as much is pruned as is sealed, receipts come in for every seal, the
detector leaves its checkpoint every five minutes. Two windows on an ext4 of its own (loop device,
default mount options), whose writes the kernel's block trace tells apart by file:
- seals back to back, from one checkpoint of the WAL to another: WAL, database and key slots, with all that
  pruning costs
- seals at their real pace: what ext4 and the kernel add, which comes by the clock: journal commits
  for time stamps every 5 s, the index of the WAL (-shm) every 30 s, inodes

The eMMC is taken as ENDURANCE: 8 GB, TLC with 3,000 cycles, write amplification 2 to 4.
"""

import argparse
import functools
import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Final

import sqlite_utils
from attrs import define, field

from agent.sealing.key_slots import KeySlots
from agent.sealing.pending import Pending
from agent.sealing.quota import Quota
from agent.sealing.sealer import Sealer
from agent.store.gateway import GatewayStore
from tests.agent.detect.plant import plant
from tests.agent.detect.test_score import learn
from tests.bench.bench_detect import tick
from tests.bench.blocks import JOURNAL, OTHER, Disk, missing, traces
from tests.bench.loads import VALUES, readings
from tests.evidence.chains import GATEWAY, stamp

assert sqlite_utils  # stores then migrate in this process

DISK_MEBIBYTES: Final = 256
ROWS: Final = 700
"""What the ring holds; its being full matters, and that it is longer than the WAL."""
BURST_SEALS: Final = 800
RECEIPT_BYTES: Final = 135
CHECKPOINT_BYTES: Final = 24_000
"""The detector's of the demo plant."""
CHECKPOINT_S: Final = 300.0
DAYS: Final = 5
"""Three to learn from, one to watch."""
YEAR_S: Final = 365.25 * 86_400
FLASH_BYTES: Final = 8e9
CYCLES: Final = 3_000
AMPLIFICATION: Final = (2, 4)
DATABASE: Final = "chain.db"
WAL_HEAD_BYTES: Final = 32
SALT: Final = slice(16, 24)
SHARES: Final = {
    "WAL": (DATABASE + "-wal",),
    "database": (DATABASE,),
    "slots": ("keys",),
    "journal": (JOURNAL,),
    "WAL index": (DATABASE + "-shm",),
    "inodes": (OTHER,),
}


@define
class Load:
    """Readings at a rate, sealed every `seal_s` seconds or when a seal is full."""

    name: str
    meters: int
    seal_s: float
    seals: list[list[bytes]] = field(init=False)
    pace_s: float = field(init=False)
    per_seal: Counter[str] = field(factory=Counter, init=False)
    error: BaseException | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        records = readings(self.meters, max(int(8 * self.seal_s), 8))
        pending = Pending()
        for record in records[: int(self.meters * self.seal_s)]:
            pending.put(record)
        size = len(pending.take())
        self.seals = [records[at : at + size] for at in range(0, len(records) - size + 1, size)]
        self.pace_s = size / self.meters

    @property
    def records(self) -> int:
        """In a seal."""
        return len(self.seals[0])

    @property
    def bytes_per_s(self) -> float:
        """Of flash."""
        return sum(self.per_seal.values()) / self.pace_s


@functools.cache
def checkpoint_of_a_day() -> bytes:
    """The states of detectors that have seen noisy loads for a day."""
    found = b""
    for seed, pair in enumerate(("constant", "duty", "modulated")):
        loads = plant(pair, DAYS, seed=seed)
        detector, _, _ = tick(learn(loads), loads)
        found += detector.checkpoint()
    return found[:CHECKPOINT_BYTES]


@define
class Gateway:
    """Seals `load` to `folder`, in a ring that is full."""

    load: Load
    folder: Path
    store: GatewayStore = field(init=False)
    slots: KeySlots = field(init=False)
    sealer: Sealer = field(init=False)
    quota: Quota = field(init=False)
    made: int = field(default=0, init=False)
    checkpoint: bytes = field(factory=checkpoint_of_a_day, init=False)

    def __attrs_post_init__(self) -> None:
        body_bytes = max(2_000, 130 * self.load.records)
        self.store = GatewayStore(self.folder / DATABASE, max(ROWS * body_bytes, 1 << 20))
        self.slots = KeySlots(self.folder / "keys")
        self.sealer = Sealer(GATEWAY, self.slots, self.store)
        self.sealer.recover()
        self.quota = Quota(self.store)
        pruned = 0
        while pruned < 3 or self.made < 3 * ROWS:
            pruned += self.seal(prune=True)

    def seal(self, *, prune: bool) -> bool:
        """One seal; whether rows were pruned for it."""
        before = self.store.first_number()
        if prune:
            self.quota.make_room(prunable_below=self.made - 20, tip=self.made)
        if self.made % max(round(CHECKPOINT_S / self.load.pace_s), 1) == 0:
            self.store.put_checkpoint("watch", self.checkpoint)
        sealed = self.sealer.seal(self.load.seals[self.made % len(self.load.seals)], stamp(self.made))
        self.made = sealed.number
        self.store.put_receipt(self.made, os.urandom(RECEIPT_BYTES))
        return self.store.first_number() != before

    def seal_to_checkpoint(self, least: int) -> int:
        """Seal at least so many, until the WAL begins anew; returns how many."""
        salt, seals = self._salt(), 0
        while seals < least or self._salt() == salt:
            if seals == least - 1:
                salt = self._salt()
            self.seal(prune=True)
            seals += 1
        return seals

    def _salt(self) -> bytes:
        """What SQLite changes in the head of a WAL that begins anew."""
        with (self.folder / (DATABASE + "-wal")).open("rb") as wal:
            return wal.read(WAL_HEAD_BYTES)[SALT]

    def close(self) -> None:
        """Let the files go."""
        self.store.close()
        self.slots.close()


def measure(load: Load, trace: Path, options: str, seconds: float) -> None:
    """Fill in what one seal of `load` writes."""
    try:
        disk = Disk(trace, DISK_MEBIBYTES, options)
        try:
            gateway = Gateway(load, disk.folder)
            try:
                load.per_seal = windows(gateway, disk, seconds)
            finally:
                gateway.close()
        finally:
            disk.close()
    except BaseException as error:  # noqa: BLE001 - told by the main thread
        load.error = error


def windows(gateway: Gateway, disk: Disk, seconds: float) -> Counter[str]:
    """Bytes a seal, by file, of the two windows of the module's specification."""
    load = gateway.load
    gateway.seal_to_checkpoint(1)
    disk.begin()
    seals = gateway.seal_to_checkpoint(BURST_SEALS)
    burst = disk.end()
    disk.begin()
    paced, begin = 0, time.monotonic()
    while paced == 0 or time.monotonic() - begin < seconds:
        gateway.seal(prune=False)
        paced += 1
        time.sleep(max(0.0, begin + paced * load.pace_s - time.monotonic()))
    slow = disk.end()
    clocked = (*SHARES["journal"], *SHARES["WAL index"], *SHARES["inodes"])
    return Counter(
        {name: slow[name] / paced if name in clocked else burst[name] / seals for name in {*burst, *slow}}
    )


def show(load: Load) -> None:
    """Print what was found."""
    if load.error is not None:
        raise load.error
    total = sum(load.per_seal.values())
    shares = ", ".join(
        f"{what} {sum(load.per_seal[name] for name in names) / total:.0%}" for what, names in SHARES.items()
    )
    print(f"{load.name}: {load.records} records a seal, a seal in {load.pace_s:.3g} s")
    print(f"    {total:8.0f} bytes a seal: {shares}")
    print(f"    {total / load.records:8.0f} bytes a record, {total / load.records / VALUES:.1f} a value")
    low, high = (FLASH_BYTES * CYCLES / factor / load.bytes_per_s / YEAR_S for factor in AMPLIFICATION[::-1])
    print(f"    {low:8.0f} to {high:.0f} years of an 8 GB eMMC (3,000 cycles, write amplification 4 to 2)")


def main() -> None:
    """Run every load, side by side, each on a disk of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=120.0, help="length of the window at real pace")
    parser.add_argument("--mount", default="defaults", help="mount options of the ext4, as commit=60")
    chosen = parser.parse_args()
    lacking = missing()
    if lacking is not None:
        print(f"not measured: needs {lacking}")
        return
    loads = [
        Load("1 reading a second, sealed every 10 s", 1, 10),
        Load("1 reading a second, sealed every second", 1, 1),
        Load("20 readings a second, sealed every 10 s", 20, 10),
        Load("20 readings a second, sealed every second", 20, 1),
        Load("100 readings a second, sealed when full", 100, 10),
    ]
    with traces() as trace:
        workers = [
            threading.Thread(target=measure, args=(load, trace, chosen.mount, chosen.seconds))
            for load in loads
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    for load in loads:
        show(load)


if __name__ == "__main__":
    main()
