"""The line through a real mosquitto, with the reference subscriber in a thread of its own."""

import time
from collections.abc import Callable
from pathlib import Path

from centre.register import enrolment_line
from centre.store.sqlite import SqliteStore
from tests.faults.gateway_end import GatewayEnd
from tests.faults.invariants import Held, Witness
from tests.wire.ends import PATIENCE_S


def enrol(folder: Path, first_key: bytes) -> None:
    """Write the gateway into the register."""
    (folder / "register.jsonl").write_text(enrolment_line("g1", first_key), "utf-8")


def turn_until(end: GatewayEnd, done: Callable[[], bool], within_s: float = PATIENCE_S) -> float:
    """Work on the gateway's side until `done`; the real seconds that it took."""
    begin_s = time.monotonic()
    while not done():
        assert time.monotonic() < begin_s + within_s, f"{end.outbox.status()} {end.ends[-3:]}"
        end.pump()
        time.sleep(0.005)
    return time.monotonic() - begin_s


def deliver(end: GatewayEnd, witness: Witness, within_s: float = PATIENCE_S) -> None:
    """Until the centre holds everything; what was acknowledged and receipted goes to the witness."""
    turn_until(end, lambda: end.delivered, within_s)
    store = end.gateway.sealing.store
    for row in store.headers(1):
        witness.acknowledged(row.number, row.hash)
    received = end.outbox.received
    witness.receipted(received, store.hash_of(received) or b"")
    if not end.publisher.is_alive():
        witness.dead_threads.append("mqtt")


def rows(folder: Path) -> Held:
    """What the subscriber's database holds; it has ended."""
    store = SqliteStore(folder / "centre.db")
    try:
        return Held.of_coses((number, cose) for number, cose, _, _ in store.chain("g1"))
    finally:
        store.close()
