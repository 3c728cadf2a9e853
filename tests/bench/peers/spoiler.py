"""Meters on TCP whose answers are wrong now and then, in ways that a transaction id does not show.

    python -m tests.bench.peers.spoiler FAULTY

It prints its port. FAULTY per cent of the answers come late, in another unit's name, a register too short
or too long with a head that fits, under the id of an earlier request, or twice. Every register says where
it is from, as in tests.bench.peers.wire.
"""

import asyncio
import random
import sys
from functools import partial
from typing import Final

from tests.bench.peers.wire import LATE_S, register

FAULTS: Final = ("late", "foreign", "short", "long", "old id", "twice")
HEAD_BYTES: Final = 7
REST_BYTES: Final = 5


def reply(number: int, unit: int, function: int, address: int, count: int) -> bytes:
    """A whole answer."""
    words = b"".join(register(unit, address + index) for index in range(count))
    adu = bytes((unit, function, 2 * count)) + words
    return number.to_bytes(2) + b"\0\0" + len(adu).to_bytes(2) + adu


def spoiled(fault: str, number: int, asked: tuple[int, int, int, int]) -> bytes:
    """What comes instead of the answer."""
    unit, function, address, count = asked
    match fault:
        case "foreign":
            return reply(number, unit % 8 + 1, function, address, count)
        case "short":
            return reply(number, unit, function, address, max(count - 1, 1))
        case "long":
            return reply(number, unit, function, address, count + 1)
        case "old id":
            return reply((number - 1) & 0xFFFF, unit, function, address + 8, count)
        case "twice":
            return 2 * reply(number, *asked)
        case _:
            return reply(number, *asked)


async def serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, faulty: float, rng: random.Random
) -> None:
    """One connection, until it ends."""
    tasks = set[asyncio.TimerHandle]()
    loop = asyncio.get_running_loop()
    try:
        while True:
            head = await reader.readexactly(HEAD_BYTES)
            rest = await reader.readexactly(REST_BYTES)
            number, asked = int.from_bytes(head[:2]), _asked(head[6], rest)
            fault = rng.choice(FAULTS) if rng.random() * 100 < faulty else ""
            answer = spoiled(fault, number, asked)
            if fault == "late":
                tasks.add(loop.call_later(rng.uniform(*LATE_S), writer.write, answer))
            else:
                writer.write(answer)
    except (asyncio.IncompleteReadError, ConnectionError):
        for task in tasks:
            task.cancel()
        writer.close()


def _asked(unit: int, rest: bytes) -> tuple[int, int, int, int]:
    return unit, rest[0], int.from_bytes(rest[1:3]), int.from_bytes(rest[3:5])


async def main(faulty: float) -> None:
    """See the module's specification."""
    server = await asyncio.start_server(partial(serve, faulty=faulty, rng=random.Random(7)), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
