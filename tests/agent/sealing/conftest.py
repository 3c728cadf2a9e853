"""Every test of the sealer runs on a database in memory and on a real one, with the same fakes before it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.store.gateway import GatewayStore
from evidence.seal import StoredSeal
from tests.evidence.chains import Bench, MemoryStore


class BenchedGatewayStore(GatewayStore):
    """The real database, with the bench's power cuts before and after its commit."""

    bench: Bench

    def append(self, *seals: StoredSeal) -> None:
        self.bench.reach("append", done=False)
        super().append(*seals)
        self.bench.reach("append", done=True)


@pytest.fixture(params=["memory", "sqlite"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Bench], Any]]:
    """A function that opens the one database of the test again, as a new process would."""
    memory: MemoryStore | None = None
    opened: list[GatewayStore] = []

    def make(bench: Bench) -> Any:
        nonlocal memory
        if request.param == "memory":
            memory = MemoryStore(bench, memory.seals if memory else {})
            return memory
        if opened:
            opened.pop().close()
        store = BenchedGatewayStore(tmp_path / "gateway.db", 16 << 20)
        store.bench = bench
        opened.append(store)
        return store

    yield make
    for store in opened:
        store.close()
