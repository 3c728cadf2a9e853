"""What sealing, storing and verifying cost here.

    python tests/bench/bench_evidence.py [--disk FOLDER]

Prints one line a figure. Device bytes are those that the kernel counts for the block device of
FOLDER while it is otherwise idle, so they are an upper bound; a tmpfs has none.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from agent.evidence.chain import ChainState
from agent.evidence.record import encode_reading
from agent.evidence.seal import StoredSeal
from agent.evidence.sealer import Sealer
from agent.evidence.slots import KeySlots
from agent.evidence.verify import Outcome, accept
from agent.store.gateway import GatewayStore
from drivers.reading import Block, PollGroup, Reading
from tests.evidence.chains import GATEWAY, MemorySlots, MemoryStore, stamp

REPEATS = 7
QUOTA_BYTES = 1 << 30
REGISTERS = 18  # U, I, P of three phases as float32
SECTOR_BYTES = 512


def main() -> None:
    """Run every measurement."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--disk", type=Path, default=None)
    folder = parser.parse_args().disk
    record = encode_reading(
        Reading(
            "meter-07",
            PollGroup.FAST,
            stamp(1),
            bytes(32),
            (Block(4, 0, bytes(2 * REGISTERS)),),
            latency_ns=9**9,
        )
    )
    show("record of a reading, bytes", len(record))
    for count in (10, 100, 1000):
        records = [record[:-1] + bytes([index % 24]) for index in range(count)]
        if sum(map(len, records)) > 60_000:
            records = [bytes([index % 256]) * 50 for index in range(count)]
        seals, state = sealed_in_memory(records)
        show(f"seal of {count} records, µs", best_us(lambda r=records: seal_once(r)))
        verify_us = best_us(lambda s=state, x=seals[0]: accept(s, x.cose, x.body, None))
        show(f"verify of {count} records, µs", verify_us)
        show(f"verify of {count} records, records/s", round(count / verify_us * 1e6))
        seal_bytes = len(seals[0].cose)
        show(f"seal of {count} records, bytes of seal a record", round(seal_bytes / count, 1))
        with tempfile.TemporaryDirectory(dir=folder) as name:
            stored(f"{count} records", Path(name), records)


def show(name: str, figure: float) -> None:
    """One line."""
    print(f"{name:55} {figure:>12}")


def best_us(action: Callable[[], object], calls: int = 50) -> float:
    """The fastest of several runs, a call."""
    return round(min(_run(action, calls) for _ in range(REPEATS)) / calls * 1e6, 1)


def _run(action: Callable[[], object], calls: int) -> float:
    begin = time.perf_counter()
    for _ in range(calls):
        action()
    return time.perf_counter() - begin


_sealer: Sealer | None = None


def seal_once(records: list[bytes]) -> StoredSeal:
    """Sign and chain, with the database and the key file in memory."""
    global _sealer  # noqa: PLW0603 - one gateway for the whole bench
    if _sealer is None:
        _sealer = Sealer(GATEWAY, MemorySlots(), MemoryStore())
        _sealer.recover()
    return _sealer.seal(records, stamp(1))


def sealed_in_memory(records: list[bytes]) -> tuple[list[StoredSeal], ChainState]:
    """A chain of one seal, and the state before it."""
    sealer = Sealer(GATEWAY, MemorySlots(), MemoryStore())
    state = ChainState.enrolled(GATEWAY, sealer.recover().next_key)
    seal = sealer.seal(records, stamp(1))
    assert accept(state, seal.cose, seal.body, None).outcome is Outcome.ACCEPTED
    return [seal], state


def stored(what: str, folder: Path, records: list[bytes], seals: int = 300) -> None:
    """Seal to a disk: time and device bytes of a commit in steady state with pruning."""
    store = GatewayStore(folder / "gateway.db", QUOTA_BYTES)
    sealer = Sealer(GATEWAY, KeySlots(folder / "keys"), store)
    sealer.recover()
    for _ in range(100):
        sealer.seal(records, stamp(1))
    os.sync()
    before = device_bytes(folder)
    times = []
    for number in range(seals):
        begin = time.perf_counter()
        made = sealer.seal(records, stamp(1))
        times.append(time.perf_counter() - begin)
        if number % 100 == 99:
            store.prune_below(made.number - 100)
    os.sync()
    after = device_bytes(folder)
    store.close()
    show(f"sealed and stored, {what}, median ms", round(statistics.median(times) * 1e3, 2))
    if before is not None and after is not None:
        show(f"device bytes a seal, {what}", round((after - before) / seals))
        show(f"device bytes a record, {what}", round((after - before) / seals / len(records), 1))


def device_bytes(folder: Path) -> int | None:
    """Bytes that were written to the device of `folder` since boot, or None where there is none."""
    number = folder.stat().st_dev
    stat = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat")
    return int(stat.read_text().split()[6]) * SECTOR_BYTES if stat.exists() else None


if __name__ == "__main__":
    main()
