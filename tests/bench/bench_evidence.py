"""What sealing, storing and verifying cost here.

    python tests/bench/bench_evidence.py [--disk FOLDER]

Prints one line a figure. The readings have 20 float32 values with 0.1 % of noise, one a second and
meter. "Sealed and stored" is a seal in a ring that is pruned, with its three flushes of the disk of
FOLDER; what reaches the flash is the matter of bench_disk.py.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agent.sealing.key_slots import KeySlots
from agent.sealing.sealer import Sealer
from agent.store.gateway import GatewayStore
from evidence.body import encode_body, plain_body
from evidence.chain import ChainState, Outcome
from evidence.seal import StoredSeal, open_body, peek_header
from evidence.verify import accept
from tests.bench.loads import VALUES, readings
from tests.evidence.chains import GATEWAY, MemorySlots, MemoryStore, stamp
from wire import messages
from wire.messages import Kind, Topics

REPEATS: Final = 15
QUOTA_BYTES: Final = 1 << 30
SEALS: Final = 300
LOADS: Final = (
    ("10 readings of one meter", 1, 10),
    ("60 readings of one meter", 1, 60),
    ("100 readings (10 s of 10 meters)", 10, 10),
    ("200 readings (10 s of 20 meters)", 20, 10),
)


def main() -> None:
    """Run every measurement."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--disk", type=Path, default=None)
    folder = parser.parse_args().disk
    for name, meters, seconds in LOADS:
        print(name)
        records = readings(meters, seconds)
        sealed_and_verified(records)
        with tempfile.TemporaryDirectory(dir=folder) as inside:
            stored(Path(inside), records)


def sealed_and_verified(records: list[bytes]) -> None:
    """Without a disk: sizes and times."""
    seal, state = sealed_in_memory(records)
    header, body = peek_header(seal.cose), seal.body
    assert body is not None
    packet = messages.packet_bytes(Topics(GATEWAY).of(Kind.SEAL), len(messages.encode_seal(seal.cose, body)))
    show("records, plain body and body, bytes", f"{len(plain_body(records))} {len(body)}")
    show("MQTT packet a value, with signature, bytes", round(packet / len(records) / VALUES, 2))
    show("compressing, µs", best_us(lambda: encode_body(records)))
    show("sealing, compressed, without the disk, µs", best_us(lambda: seal_once(records)))
    show("opening the body, µs", best_us(lambda: open_body(header, body)))
    verify_us = best_us(lambda: accept(state, seal.cose, body, None))
    show("verifying, µs", verify_us)
    show("verifying, readings a second", round(len(records) / verify_us * 1e6))


def show(name: str, figure: object) -> None:
    """One line."""
    print(f"    {name:50} {figure:>14}")


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


def sealed_in_memory(records: list[bytes]) -> tuple[StoredSeal, ChainState]:
    """A chain of one seal, and the state before it."""
    sealer = Sealer(GATEWAY, MemorySlots(), MemoryStore())
    state = ChainState.enrolled(GATEWAY, sealer.recover().next_key)
    seal = sealer.seal(records, stamp(1))
    assert accept(state, seal.cose, seal.body, None).outcome is Outcome.ACCEPTED
    return seal, state


def stored(folder: Path, records: list[bytes]) -> None:
    """Seal to a disk: time of a seal in steady state with pruning."""
    store = GatewayStore(folder / "gateway.db", QUOTA_BYTES)
    slots = KeySlots(folder / "keys")
    sealer = Sealer(GATEWAY, slots, store)
    sealer.recover()
    times = []
    for number in range(2 * SEALS):
        begin = time.perf_counter()
        made = sealer.seal(records, stamp(1))
        times.append(time.perf_counter() - begin)
        if number % 100 == 99:
            store.prune_below(made.number - 100)
    store.close()
    slots.close()
    steady = sorted(times[SEALS:])
    show("sealed and stored, ms: median", round(statistics.median(steady) * 1e3, 2))
    show("sealed and stored, ms: 10 % and 90 % of the seals below",
         f"{steady[SEALS // 10] * 1e3:.2f} {steady[SEALS * 9 // 10] * 1e3:.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
