"""The chains of a fleet, made beforehand by the agent's own sealer: keys, seals and bodies as on site.

Each gateway has a `Sealer` of its own over key slots and a store in memory; the first seal has the manifest.
The readings of a second are the same at all gateways, since making them is not what is measured.
"""

import random
from functools import cache
from typing import Final

from attrs import frozen

from agent.sealing.sealer import Sealer
from drivers.reading import Block, PollGroup, Reading
from evidence import keys
from evidence.record import encode_reading
from evidence.seal import StoredSeal
from tests.centre.test_core import SDM, manifest
from tests.evidence.chains import MemorySlots, MemoryStore, secret, stamp

FUNCTION: Final = 4
WORDS: Final = 0x4C
"""The block of an SDM630 that has its currents, voltages, powers and counters."""

LEVELS: Final = {"voltage": 230.0, "current": 5.2, "active_power": 1_200.0}


@frozen
class Played:
    """A gateway's name, first key and seals."""

    name: str
    first_key: bytes
    seals: tuple[StoredSeal, ...]


def name_of(number: int) -> str:
    """The name of a gateway of the fleet."""
    return f"city-{number:05d}"


def first_key_of(name: str) -> bytes:
    """Its first public key, which the register has."""
    return keys.public(secret(1, name))


@cache
def records_of(number: int, readings: int) -> tuple[bytes, ...]:
    """The records of seal `number`: so many readings, before them in the first one the manifest."""
    rows = [reading(number * 10.0 + second, second) for second in range(readings)]
    return (*manifest(), *rows) if number == 1 else tuple(rows)


def make_chain(name: str, seals: int, readings: int) -> Played:
    """The chain of one gateway."""
    slots, store = MemorySlots(), MemoryStore()
    slots.create(secret(1, name))
    sealer = Sealer(name, slots, store)  # type: ignore[arg-type]
    sealer.recover()
    made = tuple(
        sealer.seal(records_of(number, readings), stamp(number * 10.0)) for number in range(1, seals + 1)
    )
    return Played(name, first_key_of(name), made)


def reading(second: float, load: int) -> bytes:
    rng = random.Random(f"{second} {load}")
    values = {
        f"{what}_l{phase}": rng.gauss(level, level / 500)
        for what, level in LEVELS.items()
        for phase in (1, 2, 3)
    }
    values |= {"active_power": rng.gauss(3_600.0, 40.0), "frequency": rng.gauss(50.0, 0.01)}
    image = SDM.encode(values)
    words = b"".join(image.get((FUNCTION, at), bytes(2)) for at in range(WORDS))
    block = Block(FUNCTION, 0, words)
    at = stamp(second + rng.uniform(0.003, 0.04))
    return encode_reading(
        Reading("m1", PollGroup.FAST, at, SDM.hash, (block,), latency_ns=rng.randrange(8_000_000, 60_000_000))
    )
