"""On a server a month is given up beside its owner; a reader of before, or a late body, ends the call."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from centre.archive.retention import drop
from centre.core import Centre
from centre.store import postgresql_partition
from centre.store.contract import LateBody
from centre.store.place import Server, open_beside, open_store, open_to_read
from centre.store.postgresql_connection import Transaction
from disk.database import CommitError
from tests.centre.archive.test_retention import (
    CENTRE,
    FEBRUARY,
    IN_FEBRUARY_MS,
    LATER_MS,
    bodies,
    file_all,
    live,
)
from tests.centre.test_core import reading, whole
from tests.counterparts.postgresql import Server as Counterpart
from tests.evidence.chains import GATEWAY


@pytest.fixture
def server(postgresql: Counterpart) -> Server:
    return Server(postgresql.make_database())


def test_the_owner_goes_on_receiving_and_a_reader_of_before_sees_what_he_saw(
    server: Server, tmp_path: Path
) -> None:
    chain, _ = live(server)
    filed = file_all(server, tmp_path)
    with closing(open_store(server)) as owner, closing(open_beside(server)) as beside:
        with closing(open_to_read(server)) as reader:
            reader.read("SELECT count(*) FROM gateways")
            with pytest.raises(CommitError, match="another process is reading"):
                drop(beside, filed)
            assert reader.read("SELECT count(*), count(body) FROM seals") == [(8, 7)]
        assert drop(beside, filed) == 5
        assert bodies(owner) == [1, 8]
        assert len(Centre(owner, CENTRE).handle([whole(chain.seal([reading(9.0)]))], LATER_MS)[0]) == 1
        assert bodies(owner) == [1, 8, 9]
    with closing(open_to_read(server)) as snapshot:
        tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'seals%' ORDER BY 1"
        assert [name for (name,) in snapshot.read(tables)] == [
            *("seals_2026_01", "seals_2026_02", "seals_2026_04"),
        ]


def test_a_body_that_comes_while_the_new_table_is_made_is_not_lost(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, seals = live(server)
    filed = file_all(server, tmp_path)
    with closing(open_store(server)) as owner, closing(open_beside(server)) as beside:

        def come() -> None:
            owner.commit([LateBody(GATEWAY, 4, _body(seals), (), LATER_MS)])

        with monkeypatch.context() as patched:
            _call_once_made(patched, come)
            with pytest.raises(CommitError, match="has just come"):
                drop(beside, filed)
        assert bodies(owner) == [1, 2, 3, 4, 5, 6, 7, 8]
        assert drop(beside, filed) == 5
        assert bodies(owner) == [1, 4, 8]


def test_a_seal_of_a_verifier_whose_clock_is_behind_is_not_lost(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, _ = live(server)
    filed = file_all(server, tmp_path)
    months = [one for one in filed if one.due.share.month == FEBRUARY]
    with closing(open_store(server)) as owner, closing(open_beside(server)) as beside:

        def come() -> None:
            late = whole(chain.seal([reading(9.0)]))
            assert len(Centre(owner, CENTRE).handle([late], IN_FEBRUARY_MS)[0]) == 1

        with monkeypatch.context() as patched:
            _call_once_made(patched, come)
            with pytest.raises(CommitError, match="has just come"):
                drop(beside, months)
        assert bodies(owner) == [1, 2, 3, 5, 6, 7, 8, 9]
        assert drop(beside, months) == 3
        assert bodies(owner) == [1, 2, 3, 8, 9]


def _call_once_made(patched: pytest.MonkeyPatch, come: Callable[[], None]) -> None:
    """Let something come when the new table is made, and not yet in its place."""
    make = postgresql_partition._make

    def make_late(connection: Transaction, *more: Any) -> tuple[int, int] | None:
        made = make(connection, *more)
        come()
        return made

    patched.setattr(postgresql_partition, "_make", make_late)


def _body(seals: Sequence[Any]) -> bytes:
    body: bytes = seals[3].body
    return body
