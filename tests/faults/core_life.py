"""The gateway's core as a life under strace, on time that the test turns: what it publishes, it has promised."""

from pathlib import Path
from typing import Final

from agent.evidence.record import Kind as RecordKind
from agent.evidence.record import Record, decode_record
from agent.evidence.seal import open_body, peek_header, seal_hash
from agent.uplink import wire
from agent.uplink.wire import Kind
from tests.agent.rig import Rig
from tests.faults.disk import Tell, opened

GATEWAY: Final = "g1"
STATE: Final = "state"
LIFE_S: Final = 60.0


def first_life(folder: Path, seconds: float = 30.0) -> bytes:
    """A gateway that has lived for a while and ended in order; its first key."""
    (folder / STATE).mkdir(parents=True)
    store, _, recovery = opened(folder / STATE, gateway=GATEWAY)
    store.close()
    rig = Rig(folder)
    rig.run(seconds, 1000, 1000)
    rig.gateway.stop(rig.stamp(), rig.passed_s)
    rig.close()
    return recovery.next_key


def published(rig: Rig) -> list[tuple[int, bytes]]:
    """Number and hash of every seal that went to the broker, whole or not."""
    found: list[tuple[int, bytes]] = []
    for _, topic, payload, _ in rig.sent:
        kind = wire.parse_topic(topic)[1]
        coses = (
            [wire.decode_seal(payload).seal]
            if kind is Kind.SEAL
            else wire.decode_chain(payload)
            if kind is Kind.CHAIN
            else []
        )
        found += [(peek_header(cose).number, seal_hash(cose)) for cose in coses]
    return found


def living(folder: Path, tell: Tell) -> None:
    """Start, connect, read and seal for a minute, end in order."""
    rig = Rig(folder)
    try:
        rig.connect()
        rig.run(LIFE_S, 1000, 1000)
        rig.gateway.stop(rig.stamp(), rig.passed_s)
        rig.close()
    finally:
        for number, digest in published(rig):
            tell(number, digest)


def events_of(rig: Rig) -> list[dict[str, object]]:
    """Bodies of the event records in the chain."""
    found = []
    for seal in rig.seals():
        for raw in open_body(peek_header(seal.cose), seal.body) if seal.body else ():
            record = decode_record(raw)
            if isinstance(record, Record) and record.kind is RecordKind.EVENT:
                found.append(dict(record.body))
    return found
