from collections.abc import Iterator
from pathlib import Path

import pytest

from centre.store import sqlite
from centre.store.reading import read_export, read_standing
from centre.store.sqlite import (
    FORKS_MAX,
    Accepted,
    Applied,
    CentreStore,
    EnrolmentError,
    UnknownGatewayError,
)
from disk.database import StoreError
from disk.lock import SecondInstanceError
from evidence import cbor, keys
from evidence.chain import ChainState
from evidence.seal import StoredSeal, seal_hash
from evidence.statement import Enrolment, Rekey, sign_statement
from evidence.verify import Outcome, accept, continue_chain
from tests.evidence.chains import GATEWAY, Chain, heartbeat, secret


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "centre.db"


@pytest.fixture
def store(path: Path) -> Iterator[CentreStore]:
    opened = CentreStore(path)
    opened.enrol(GATEWAY, keys.public(secret(1)))
    yield opened
    opened.close()


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


def test_a_committed_batch_is_there_after_a_restart(store: CentreStore, path: Path) -> None:
    chain = Chain()
    seals = [chain.seal() for _ in range(5)]
    batch = accepted(store.state(GATEWAY), seals, without=frozenset({3}))
    store.commit(batch)
    store.put_receipt(GATEWAY, b"receipt")
    store.close()
    again = CentreStore(path)
    assert again.gateways() == (GATEWAY,)
    assert again.state(GATEWAY) == batch[-1].state
    assert (again.held(GATEWAY).up_to, again.held(GATEWAY).ranges) == (2, ((4, 5),))
    assert again.seal(GATEWAY, 3) == (seals[2].cose, None)
    assert again.cose(GATEWAY, 4) == seals[3].cose
    assert (again.seal(GATEWAY, 6), again.cose(GATEWAY, 6)) == (None, None)
    assert again.last_receipt(GATEWAY) == b"receipt"
    expected = [(s.number, s.cose, None if s.number == 3 else s.body, 7_000) for s in seals]
    assert list(again.chain(GATEWAY)) == expected
    assert list(again.chain(GATEWAY, 4)) == expected[3:]
    again.close()


def test_the_same_batch_again_changes_nothing_and_a_body_may_come_with_it(store: CentreStore) -> None:
    chain = Chain()
    seals = [chain.seal() for _ in range(3)]
    start = store.state(GATEWAY)
    store.commit(accepted(start, seals, without=frozenset({2})))
    after = store.state(GATEWAY)
    store.commit(accepted(start, seals[:2], without=frozenset({1})))
    assert store.state(GATEWAY) == after
    assert store.seal(GATEWAY, 1) == (seals[0].cose, seals[0].body)
    store.commit(accepted(start, seals))
    assert (store.state(GATEWAY), store.held(GATEWAY).up_to) == (after, 3)


def test_bodies_that_come_later_close_the_holes(store: CentreStore) -> None:
    chain = Chain()
    seals = [chain.seal([heartbeat(n)] * 3) for n in range(6)]
    store.commit(accepted(store.state(GATEWAY), seals, without=frozenset(range(1, 6))))
    assert (store.held(GATEWAY).up_to, store.held(GATEWAY).ranges) == (0, ((6, 6),))
    for number in (2, 4, 2):
        store.put_body(GATEWAY, number, seals[number - 1].body or b"")
    assert store.held(GATEWAY).ranges == ((2, 2), (4, 4), (6, 6))
    assert store.held(GATEWAY).missing(6, 10) == [1, 3, 5]
    store.put_body(GATEWAY, 1, seals[0].body or b"", absent=((3, 5),))
    assert (store.held(GATEWAY).up_to, store.held(GATEWAY).ranges) == (6, ())
    assert store.seal(GATEWAY, 3) == (seals[2].cose, None)
    with pytest.raises(StoreError, match="no seal 9"):
        store.put_body(GATEWAY, 9, b"body")
    assert 9 not in store.held(GATEWAY)


def test_chains_of_several_gateways_lie_apart(store: CentreStore) -> None:
    store.enrol("gw-8", keys.public(secret(1, "gw-8")))
    chains = {GATEWAY: Chain(), "gw-8": Chain("gw-8")}
    seals = {name: [chain.seal() for _ in range(4)] for name, chain in chains.items()}
    batch = [a for name, made in seals.items() for a in accepted(store.state(name), made)]
    store.commit(batch)
    for name, made in seals.items():
        assert [row[1] for row in store.chain(name)] == [seal.cose for seal in made]
        assert store.state(name).number == 4


def test_a_gateway_is_enrolled_once(store: CentreStore) -> None:
    store.enrol(GATEWAY, keys.public(secret(1)))
    with pytest.raises(EnrolmentError, match="another first key"):
        store.enrol(GATEWAY, keys.public(secret(2)))
    with pytest.raises(cbor.FormatError):
        store.enrol("a/b", keys.public(secret(2)))
    with pytest.raises(cbor.FormatError):
        store.enrol("gw-9", b"short")
    with pytest.raises(UnknownGatewayError):
        store.state("gw-9")
    assert store.gateways() == (GATEWAY,)


def test_forks_are_kept_once_as_evidence_and_bounded(
    store: CentreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert FORKS_MAX >= 3
    monkeypatch.setattr("centre.store.sqlite.FORKS_MAX", 3)
    for number, cose in [(1, b"a"), (1, b"a"), (1, b"b"), (2, b"a"), (3, b"a")]:
        store.put_fork(GATEWAY, number, cose, 5)
    assert store.forks(GATEWAY) == [(1, b"a", 5), (1, b"b", 5), (2, b"a", 5)]


@pytest.mark.usefixtures("store")
def test_a_second_centre_on_one_database_is_refused(path: Path) -> None:
    with pytest.raises(SecondInstanceError):
        CentreStore(path)


def test_nothing_of_a_batch_is_there_when_its_commit_fails(store: CentreStore) -> None:
    chain = Chain()
    batch = accepted(store.state(GATEWAY), [chain.seal(), chain.seal()])
    before = store.state(GATEWAY)
    store._database.connection.execute("PRAGMA query_only=ON")
    with pytest.raises(Exception, match="readonly"):
        store.commit(batch)
    assert (store.state(GATEWAY), store.held(GATEWAY).up_to) == (before, 0)
    store.reopen()
    assert list(store.chain(GATEWAY)) == []
    store.commit(batch)
    assert store.state(GATEWAY).number == 2


RECOVERY = secret(0, "recovery")
CENTRE = secret(0, "centre")
ENROLMENT = Enrolment(GATEWAY, "", keys.public(secret(1)), keys.public(RECOVERY), (), 0)
ENROLLED = sign_statement(ENROLMENT, CENTRE)


def rekeyed(state: ChainState, utc_ms: int = 5) -> Applied:
    head = GATEWAY, state.number + 1, state.hash, state.next_record, keys.public(secret(9))
    raw = sign_statement(Rekey(*head, utc_ms, "lost"), RECOVERY)
    return Applied(continue_chain(state, raw, None).state, raw, 8_000)


def test_statements_are_kept_in_their_order_and_once_however_often_they_are_committed(
    store: CentreStore, path: Path
) -> None:
    store.enrol(GATEWAY, ENROLMENT.first_key, ENROLMENT.recovery_key, ENROLLED, 7_000)
    assert store.state(GATEWAY).recovery_key == keys.public(RECOVERY)
    chain = Chain()
    seals = accepted(store.state(GATEWAY), [chain.seal(), chain.seal()])
    first = rekeyed(seals[-1].state)
    second = rekeyed(first.state, 6)
    for _ in range(2):
        store.commit([*seals, first, second])
    assert store.statements(GATEWAY) == [(0, ENROLLED), (3, first.raw), (3, second.raw)]
    assert store.state(GATEWAY) == second.state
    assert store.is_applied(GATEWAY, seal_hash(first.raw))
    assert store.stated_key(GATEWAY, 3) == keys.public(secret(9))
    assert store.stated_key(GATEWAY, 2) is None
    store.close()
    again = CentreStore(path)
    assert again.state(GATEWAY) == second.state
    again.enrol(GATEWAY, ENROLMENT.first_key, ENROLMENT.recovery_key, ENROLLED, 9_000)
    assert len(again.statements(GATEWAY)) == 3
    again.close()
    assert read_standing(path, GATEWAY).state == second.state
    exported = list(read_export(path, GATEWAY))
    assert exported == [ENROLLED, *((one.cose, one.body) for one in seals), first.raw, second.raw]


def test_a_database_without_statements_gets_them(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "MIGRATIONS", sqlite.MIGRATIONS[:1])
    old = CentreStore(path)
    old.enrol(GATEWAY, keys.public(secret(1)))
    seals = accepted(old.state(GATEWAY), [Chain().seal()])
    old.commit(seals)
    old.close()
    monkeypatch.undo()
    new = CentreStore(path)
    new.enrol(GATEWAY, ENROLMENT.first_key, ENROLMENT.recovery_key, ENROLLED)
    new.commit([rekeyed(new.state(GATEWAY))])
    assert [number for number, _ in new.statements(GATEWAY)] == [0, 2]
    new.close()


def test_what_nobody_knows_is_said(path: Path, store: CentreStore) -> None:
    assert store.state(GATEWAY).number == 0
    with pytest.raises(UnknownGatewayError, match="nothing has come of gateway gw-9"):
        read_standing(path, "gw-9")
    with pytest.raises(UnknownGatewayError, match="nothing has come of gateway gw-9"):
        next(read_export(path, "gw-9"))
