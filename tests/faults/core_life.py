"""The gateway's core on time that the test turns, and what it has promised: whatever it published."""

import random
from pathlib import Path
from typing import Any, Final

from drivers.clock import NS_PER_S, ClockState, Stamp
from evidence.record import Kind as RecordKind
from evidence.record import Record, decode_record, encode_record
from evidence.seal import open_body, peek_header, seal_hash
from tests.agent.rig import BEGIN_S, Rig
from tests.faults.disk import Tell, opened, rows_of
from tests.faults.invariants import Held, Witness, check
from wire import messages
from wire.messages import Kind

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


def filled(folder: Path, seals: int) -> bytes:
    """A gateway whose database is a page or more a seal, ended in order; its first key."""
    (folder / STATE).mkdir(parents=True)
    store, sealer, recovery = opened(folder / STATE, gateway=GATEWAY)
    pick = random.Random(seals)
    for number in range(seals):
        text = pick.randbytes(3_000).decode("latin-1")  # no compression makes it small
        at = Stamp((BEGIN_S + number) * NS_PER_S, number * NS_PER_S, bytes(16), ClockState.SYNCHRONISED)
        sealer.seal([encode_record(RecordKind.MARK, at, {"text": text})], at)
    store.close()
    return recovery.next_key


def published(rig: Rig) -> list[tuple[int, bytes]]:
    """Number and hash of every seal that went to the broker, whole or not."""
    found: list[tuple[int, bytes]] = []
    for _, topic, payload, _ in rig.sent:
        kind = messages.parse_topic(topic)[1]
        coses = (
            [messages.decode_seal(payload).seal]
            if kind is Kind.SEAL
            else messages.decode_chain(payload)
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


def records_of(rig: Rig, kind: RecordKind) -> list[dict[str, Any]]:
    """Bodies of the records of a kind, as far as the chain still has them."""
    found = []
    for seal in rows_of(rig.gateway.sealing.store):
        for raw in open_body(peek_header(seal.cose), seal.body) if seal.body else ():
            record = decode_record(raw)
            if isinstance(record, Record) and record.kind is kind:
                found.append(dict(record.body))
    return found


def events_of(rig: Rig) -> list[dict[str, Any]]:
    """Bodies of the event records."""
    return records_of(rig, RecordKind.EVENT)


def dropped(rig: Rig) -> set[int]:
    """The seals whose bodies the chain itself says are gone."""
    drops = records_of(rig, RecordKind.DROP)
    return {number for drop in drops for number in range(drop["first"], drop["last"] + 1)}


def checked(rig: Rig, seen: Witness | None = None, *, refused: bool = True) -> None:
    """The invariants for a gateway; one that `refused` or gave up something must have said so."""
    seen = Witness() if seen is None else seen
    for number, digest in published(rig):
        seen.acknowledged(number, digest)
    seen.rejections += refused
    seen.events += [*events_of(rig), *records_of(rig, RecordKind.DROP)]
    rows = Held.of_rows(rows_of(rig.gateway.sealing.store))
    check(seen, rows)
