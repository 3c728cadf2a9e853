"""SIGKILL at instants that nobody chose, in one chain that goes on from kill to kill."""

import os
import random
import signal
import time
from pathlib import Path

from agent.sealing.key_slots import KeySlots
from agent.sealing.recovery import Start
from agent.sealing.sealer import Sealer
from agent.store.gateway import GatewayStore
from evidence.seal import peek_header
from tests.evidence.chains import GATEWAY, heartbeat, stamp
from tests.faults.disk import rows_of, verified
from tests.faults.invariants import Held, Witness, check

KILLS = 40
QUOTA_BYTES = 64 << 20
ACK_BYTES = 40


def test_01_sigkill_at_random_instants_loses_no_acknowledged_seal_and_makes_no_fork(tmp_path: Path) -> None:
    first_key = enrol(tmp_path)
    rng = random.Random(20_260_101)
    acknowledged: dict[int, bytes] = {}
    for _ in range(KILLS):
        for number, digest in seal_until_killed(tmp_path, rng):
            assert number not in acknowledged, f"seal {number} was acknowledged twice"
            acknowledged[number] = digest

    store = GatewayStore(tmp_path / "gateway.db", QUOTA_BYTES)
    recovery = Sealer(GATEWAY, KeySlots(tmp_path / "keys"), store).recover()
    assert recovery.start is Start.CLEAN
    seen = Witness()
    for number, digest in acknowledged.items():
        seen.acknowledged(number, digest)
    rows = verified(rows_of(store), first_key)
    assert peek_header(rows[-1].cose).next_key == recovery.next_key
    assert len(acknowledged) >= KILLS
    assert max(acknowledged) < recovery.number
    check(seen, Held.of_rows(rows))
    store.close()


def enrol(folder: Path) -> bytes:
    store = GatewayStore(folder / "gateway.db", QUOTA_BYTES)
    recovery = Sealer(GATEWAY, KeySlots(folder / "keys"), store).recover()
    store.close()
    return recovery.next_key


def seal_until_killed(folder: Path, rng: random.Random) -> list[tuple[int, bytes]]:
    """What a process acknowledged before it was killed at an instant that nobody chose."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        seal_for_ever(folder, writer)
    os.close(writer)
    raw = b""
    for _ in range(rng.randrange(1, 12)):
        raw += os.read(reader, ACK_BYTES)
    time.sleep(rng.random() * 0.003)  # the instant: anywhere within the next few steps
    os.kill(child, signal.SIGKILL)
    while piece := os.read(reader, 4096):
        raw += piece
    os.close(reader)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL, "the child ended by itself"
    return [
        (int.from_bytes(raw[at : at + 8], "big"), raw[at + 8 : at + ACK_BYTES])
        for at in range(0, len(raw), ACK_BYTES)
    ]


def seal_for_ever(folder: Path, writer: int) -> None:
    try:
        store = GatewayStore(folder / "gateway.db", QUOTA_BYTES)
        sealer = Sealer(GATEWAY, KeySlots(folder / "keys"), store)
        sealer.recover()
        while True:
            seal = sealer.seal([heartbeat(1)] * 20, stamp(1))
            os.write(writer, seal.number.to_bytes(8, "big") + seal.hash)
    finally:
        os._exit(1)
