"""A copy is what its source was, whatever was killed when, and goes on receiving where the source was."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from centre.consumer import Consumer, Wanted
from centre.core import Centre, Incoming
from centre.store import copying
from centre.store.contract import CentreStore, Told
from centre.store.copying import copy_store, refuse_copy
from centre.store.pieces import MOVED, Piece, Rest
from centre.store.place import Place, Server, open_store
from centre.store.sql import SqlStore
from disk.database import CommitError, StoreError
from evidence import keys
from evidence.seal import StoredSeal
from tests.centre.store.contract import rekeyed
from tests.centre.test_core import body_of, chain_of, manifest, reading, whole
from tests.evidence.chains import GATEWAY, Chain, heartbeat, secret

CENTRE = secret(0, "centre")
MONTH_MS = 31 * 86_400_000
NOW_MS = 1_767_268_800_000
ROUTES = [("sqlite", "sqlite"), ("sqlite", "postgresql"), ("postgresql", "sqlite")]


@pytest.fixture(params=ROUTES, ids=" to ".join)
def places(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Place, Place]:
    def make(kind: str, name: str) -> Place:
        if kind == "sqlite":
            return tmp_path / name
        return Server(request.getfixturevalue("postgresql").make_database())

    return make(request.param[0], "old.db"), make(request.param[1], "new.db")


def sql_store(place: Place) -> SqlStore:
    store = open_store(place)
    assert isinstance(store, SqlStore)
    return store


def live(place: Place) -> tuple[Chain, list[StoredSeal]]:
    """A chain over four months, with a body that came late, one that is missing, a fork and findings."""
    chain = Chain()
    contents = [manifest(), [reading()], [heartbeat(3)], [reading(5.0)], [heartbeat(5)]]
    seals = [chain.seal(records) for records in contents]
    with closing(open_store(place)) as store:
        store.enrol(GATEWAY, keys.public(secret(1)), keys.public(secret(0, "recovery")))
        centre = Centre(store, CENTRE)
        fork = Chain(number=2, next_record=seals[1].first_record, previous=seals[0].hash).seal([heartbeat(9)])
        steps: list[list[Incoming]] = [
            [whole(seals[0]), whole(seals[1])],
            [chain_of(*seals[2:4]), whole(fork)],
        ]
        for month, messages in enumerate([*steps, [body_of(seals[2])], [whole(seals[4])]]):
            centre.handle(messages, NOW_MS + month * MONTH_MS)
        store.commit([Told("", 0, '{"type":"finding","gateway":"","seal":0,"code":"x","text":"a"}', NOW_MS)])
        store.note_delivered(3)
    return chain, seals


def contents(place: Place) -> list[object]:
    with closing(open_store(place)) as store:
        found: list[object] = []
        for name in store.gateways():
            held = store.held(name)
            found += [
                name,
                store.state(name),
                held.up_to,
                held.ranges,
                [*store.chain(name)],
                store.forks(name),
            ]
            found += [store.statements(name), store.last_receipt(name), store.account(name)]
        journal = store.journal()
        return [*found, store.delivered(), journal.last_place(), journal.arrivals(0, 100)]


def lines(place: Place) -> list[Any]:
    consumer = Consumer(place, Wanted())
    return consumer.read()[1]


def copied(source: Place, where: Place) -> int:
    with closing(sql_store(where)) as target:
        return copy_store(source, target, where, lambda _done, _all: None)


def go_on(store: CentreStore, chain: Chain, late: StoredSeal) -> None:
    """Receive what a gateway sends next, and a body of before."""
    answers, made = Centre(store, CENTRE).handle([whole(chain.seal([reading(7.0)])), body_of(late)], NOW_MS)
    assert {"seal", "body"} <= {line["type"] for line in made}
    assert len(answers) == 1
    assert (store.state(GATEWAY).number, store.held(GATEWAY).up_to) == (6, 6)


def test_a_copy_has_everything_with_its_cursors_and_goes_on_receiving(places: tuple[Place, Place]) -> None:
    old, new = places
    chain, seals = live(old)
    assert copied(old, new) == len(lines_places(old))
    assert contents(new) == contents(old)
    told = lines(old)
    assert lines(new) == told
    middle = Consumer(new, Wanted())
    middle.go_to(told[4]["cursor"])
    assert middle.read()[1] == told[5:]
    with closing(open_store(new)) as store:
        refuse_copy(store.journal(), new)
        go_on(store, chain, seals[3])


def lines_places(place: Place) -> list[int]:
    with closing(open_store(place)) as store:
        return [one.place for one in store.journal().arrivals(0, 100)]


def test_a_copy_of_before_takes_what_is_new_and_nothing_twice(places: tuple[Place, Place]) -> None:
    old, new = places
    chain, seals = live(old)
    copied(old, new)
    with closing(open_store(old)) as store:
        last = store.journal().last_place()
        go_on(store, chain, seals[3])
        store.commit([rekeyed(store.state(GATEWAY))])
        came = store.journal().arrivals(last, 100)
    assert copied(old, new) == len(came) > 1
    assert contents(new) == contents(old)
    assert copied(old, new) == 0
    assert contents(new) == contents(old)


class KilledError(BaseException):
    """The process ends here."""


@define
class Cut:
    """A target whose process ends before or after its transaction number `step`."""

    store: SqlStore
    step: int
    is_after: bool
    done: int = 0

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return self.store.read(sql, parameters)

    def set_mark(self, name: str, place: int) -> None:
        self._run(lambda: self.store.set_mark(name, place))

    def take_piece(self, piece: Piece, rest: Rest | None = None) -> None:
        self._run(lambda: self.store.take_piece(piece, rest))

    def _run(self, write: Callable[[], None]) -> None:
        self.done += 1
        if self.done == self.step and not self.is_after:
            raise KilledError
        write()
        if self.done == self.step:
            raise KilledError


def test_whatever_is_killed_when_the_same_call_ends_it_and_nobody_receives_into_half_a_copy(
    places: tuple[Place, Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = places
    live(old)
    monkeypatch.setattr(copying, "PIECE_ROWS", 3)
    kills = 0
    for step, is_after in [(1, False), (1, True), (2, True), (2, False), (2, True), (3, False), (3, True)]:
        with closing(sql_store(new)) as target:
            try:
                copy_store(old, Cut(target, step, is_after), new, lambda _done, _all: None)
            except KilledError:
                kills += 1
            if not target.gateways() and target.journal().last_place():
                with pytest.raises(StoreError, match="was not ended"):
                    refuse_copy(target.journal(), new)
    assert kills >= 5
    copied(old, new)
    assert contents(new) == contents(old)


def test_a_commit_that_fails_leaves_what_the_next_call_goes_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    live(old)
    monkeypatch.setattr(copying, "PIECE_ROWS", 2)
    with closing(sql_store(new)) as target:
        take = target.take_piece
        pieces: Iterator[int] = iter(range(100))

        def fail_third(piece: Piece, rest: Rest | None = None) -> None:
            if next(pieces) == 2:
                raise CommitError("no room")
            take(piece, rest)

        monkeypatch.setattr(target, "take_piece", fail_third)
        with pytest.raises(CommitError):
            copy_store(old, target, new, lambda _done, _all: None)
    assert copied(old, new) == len(lines_places(old)) - 4
    assert contents(new) == contents(old)


def test_no_other_store_is_written_into(tmp_path: Path) -> None:
    old, other, back = tmp_path / "old.db", tmp_path / "other.db", tmp_path / "back.db"
    live(old)
    live(other)
    before = contents(other)
    with pytest.raises(StoreError, match="holds another store"):
        copied(old, other)
    assert contents(other) == before
    copied(old, back)
    with closing(open_store(back)) as store:
        Centre(store, CENTRE).tell(
            [{"type": "finding", "gateway": GATEWAY, "seal": 1, "code": "x", "text": "y"}], NOW_MS
        )
    with pytest.raises(StoreError, match="went on by itself"):
        copied(old, back)
    with closing(sql_store(old)) as store:
        store.set_mark(MOVED, 1)
        with pytest.raises(StoreError, match="was moved"):
            refuse_copy(store.journal(), old)
    with pytest.raises(StoreError, match="was moved"):
        copied(old, tmp_path / "third.db")
