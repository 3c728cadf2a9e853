"""The stores that the contract is tested on, and batches for them; a further store is one more line here."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from attrs import define

from centre.store.contract import Accepted, Applied, CentreStore
from centre.store.postgresql import PostgresqlStore
from centre.store.sliced import SlicedStore
from centre.store.slices import MOST
from centre.store.sqlite import SqliteStore
from evidence import keys
from evidence.chain import ChainState, Outcome
from evidence.continuation import continue_chain
from evidence.seal import StoredSeal
from evidence.statement import Enrolment, Rekey, sign_statement
from evidence.verify import accept
from tests.centre.store.memory import Kept, MemoryJournal, MemoryStore
from tests.counterparts.postgresql import Server
from tests.evidence.chains import GATEWAY, secret

RECOVERY: Final = secret(0, "recovery")
CENTRE: Final = secret(0, "centre")
ENROLMENT: Final = Enrolment(GATEWAY, "", keys.public(secret(1)), keys.public(RECOVERY), (), 0)
ENROLLED: Final = sign_statement(ENROLMENT, CENTRE)


def _memory(_: pytest.FixtureRequest) -> Callable[[], CentreStore]:
    kept: dict[str, Kept] = {}
    noted = MemoryJournal()
    return lambda: MemoryStore(kept, noted)


def _sqlite(request: pytest.FixtureRequest) -> Callable[[], CentreStore]:
    folder: Path = request.getfixturevalue("tmp_path")
    return lambda: SqliteStore(folder / "centre.db")


def _postgresql(request: pytest.FixtureRequest) -> Callable[[], CentreStore]:
    server: Server = request.getfixturevalue("postgresql")
    url = server.make_database()
    return lambda: PostgresqlStore(url)


def _shared(request: pytest.FixtureRequest) -> Callable[[], CentreStore]:
    server: Server = request.getfixturevalue("postgresql")
    url = server.make_database()

    def opening() -> CentreStore:
        store = SlicedStore(url, 0, MOST)
        store.turn_over()
        return store

    return opening


STORES: Final[dict[str, Callable[[pytest.FixtureRequest], Callable[[], CentreStore]]]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "shared": _shared,
    "memory": _memory,
}
"""By name: given a test, what opens an empty store of its own, and the same one again and again."""


@define
class Life:
    """A store, and the same one after a restart."""

    open: Callable[[], CentreStore]
    store: CentreStore

    def restart(self) -> CentreStore:
        self.store.close()
        self.store = self.open()
        return self.store


def accepted(
    state: ChainState, seals: list[StoredSeal], without: frozenset[int] = frozenset()
) -> list[Accepted]:
    batch = []
    for seal in seals:
        body = None if seal.number in without else seal.body
        verdict = accept(state, seal.cose, body, None)
        assert verdict.outcome is Outcome.ACCEPTED
        state = verdict.state
        batch.append(Accepted(state, seal.cose, body, 7_000, verdict.absent))
    return batch


def rekeyed(state: ChainState, utc_ms: int = 5) -> Applied:
    head = GATEWAY, state.number + 1, state.hash, state.next_record, keys.public(secret(9))
    raw = sign_statement(Rekey(*head, utc_ms, "lost"), RECOVERY)
    return Applied(continue_chain(state, raw, None).state, raw, 8_000)
