import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.sealing.key_slots import KeySlots
from agent.sealing.recovery import Start
from agent.sealing.sealer import Sealer
from agent.store.gateway import GatewayStore
from disk.database import CommitError
from tests.evidence.chains import GATEWAY, heartbeat, stamp

QUOTA_BYTES = 64 << 20


@contextmanager
def files_cannot_grow_beyond(limit_bytes: int) -> Iterator[None]:
    """The kernel refuses every write beyond it, as a full disk does (Python ignores SIGXFSZ)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def seal_for_ever(sealer: Sealer) -> None:
    while True:
        sealer.seal([bytes(30_000)], stamp(1))


@pytest.mark.parametrize("restart", [False, True])
def test_a_write_that_the_kernel_refuses_leaves_one_chain(tmp_path: Path, restart: bool) -> None:
    path = tmp_path / "gateway.db"
    store = GatewayStore(path, QUOTA_BYTES)
    slots = KeySlots(tmp_path / "keys")
    sealer = Sealer(GATEWAY, slots, store)
    sealer.recover()
    sealer.seal([heartbeat(1)], stamp(1))
    wal_bytes = path.with_name("gateway.db-wal").stat().st_size
    with files_cannot_grow_beyond(max(wal_bytes, 64 << 10) + 4096), pytest.raises(CommitError):
        seal_for_ever(sealer)
    assert sealer.is_unsettled
    before = store.last()
    assert before is not None
    if restart:
        store.close()
        store = GatewayStore(path, QUOTA_BYTES)
        sealer = Sealer(GATEWAY, slots, store)
        assert sealer.recover().start is Start.CLEAN
        after = sealer.seal([heartbeat(2)], stamp(2))
    else:
        after = sealer.settle()
    assert after.number == before.number + 1
    assert store.rows(1)[-2:] == [before, after]
    store.close()
