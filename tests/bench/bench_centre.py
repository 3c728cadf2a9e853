"""What the centre's core and its SQLite store take here: messages a second and CPU a message.

    python tests/bench/bench_centre.py [--disk FOLDER] [--gateways N]

Prints one line a figure. A batch holds one message of each gateway, so a batch is one commit; a seal has 20
readings of 20 values. "One by one" is a batch of one message: a commit each.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

from centre.core import Centre, Incoming
from centre.store.sqlite import SqliteStore
from evidence import keys
from tests.bench.loads import readings
from tests.evidence.chains import NOON_NS, Chain, secret
from wire import messages
from wire.messages import Topics

BATCHES: Final = 5
NOW_MS: Final = NOON_NS // 10**6 + 3_600_000


def main() -> None:
    """Run every measurement."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--disk", type=Path, default=None)
    parser.add_argument("--gateways", type=int, default=200)
    call = parser.parse_args()
    names = [f"g{number}" for number in range(call.gateways)]
    with (
        tempfile.TemporaryDirectory(dir=call.disk) as folder,
        closing(SqliteStore(Path(folder) / "centre.db")) as store,
    ):
        for name in names:
            store.enrol(name, keys.public(secret(1, name)))
        measure(Centre(store, bytes(range(32))), names)


def measure(centre: Centre, names: list[str]) -> None:
    """Seals with bodies, bodies that come later, and seals one by one."""
    chains = {name: Chain(name) for name in names}
    records = readings(20, 1)

    def batch(make: Callable[[Topics, Chain], Incoming]) -> list[Incoming]:
        return [make(Topics(name), chain) for name, chain in chains.items()]

    def whole(topics: Topics, chain: Chain) -> Incoming:
        seal = chain.seal(records)
        return Incoming(topics.seal, messages.encode_seal(seal.cose, seal.body or b""))

    show("seals with their bodies", centre, [batch(whole) for _ in range(BATCHES)])
    bodies = []
    for _ in range(BATCHES):
        sealed = [(Topics(name), chain.seal(records)) for name, chain in chains.items()]
        centre.handle([Incoming(to.chain, messages.encode_chain([seal.cose])) for to, seal in sealed], NOW_MS)
        bodies.append(
            [Incoming(to.body, messages.encode_body(one.number, one.body or b"")) for to, one in sealed]
        )
    show("bodies that come later", centre, bodies)
    show("seals one by one", centre, [[message] for message in batch(whole)])


def show(name: str, centre: Centre, batches: Iterable[list[Incoming]]) -> None:
    """One line."""
    count, begin_s, cpu_s = 0, time.perf_counter(), time.process_time()
    for batch in batches:
        centre.handle(batch, NOW_MS)
        count += len(batch)
    took_s, cpu_s = time.perf_counter() - begin_s, time.process_time() - cpu_s
    print(f"    {name:30} {count / took_s:8.0f} messages/s  {cpu_s / count * 1e3:6.2f} ms of CPU each")


if __name__ == "__main__":
    main()
