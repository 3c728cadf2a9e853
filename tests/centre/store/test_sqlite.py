"""What is SQLite's own: the owner of the file, a commit that fails, one commit a batch, files of before."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from centre.core import Centre, Incoming
from centre.store import sqlite
from centre.store.contract import Change, UnknownGatewayError
from centre.store.journal import SHIFT, What
from centre.store.reading import read_export, read_standings
from centre.store.sqlite import SqliteStore
from disk.database import Database
from disk.lock import SecondInstanceError
from evidence import keys
from evidence.chain import ChainState
from evidence.held import Held
from evidence.receipt import open_receipt
from evidence.seal import StoredSeal
from tests.centre.store.contract import CENTRE, ENROLLED, ENROLMENT, accepted, rekeyed
from tests.evidence.chains import GATEWAY, Chain, secret
from wire import messages
from wire.messages import Topics

NOW_MS = 1_767_268_800_000
GATEWAYS = 200
OLD = Path(__file__).with_name("centre-0.1.sql")
"""A store of version 0.1, as `dianjian subscribe` of that version left it; see `test_a_store_of_0_1…`."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "centre.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(path)
    opened.enrol(GATEWAY, keys.public(secret(1)))
    yield opened
    opened.close()


@pytest.mark.usefixtures("store")
def test_a_second_centre_on_one_database_is_refused(path: Path) -> None:
    with pytest.raises(SecondInstanceError):
        SqliteStore(path)


def test_nothing_of_a_batch_is_there_when_its_commit_fails(store: SqliteStore) -> None:
    chain = Chain()
    batch: list[Change] = [*accepted(store.state(GATEWAY), [chain.seal(), chain.seal()])]
    before = store.state(GATEWAY)
    store._database.connection.execute("PRAGMA query_only=ON")
    with pytest.raises(Exception, match="readonly"):
        store.commit(batch, {GATEWAY: lambda _, __: b"receipt"})
    assert (store.state(GATEWAY), store.held(GATEWAY).up_to) == (before, 0)
    store.reopen()
    assert (list(store.chain(GATEWAY)), store.last_receipt(GATEWAY)) == ([], None)
    store.commit(batch)
    assert store.state(GATEWAY).number == 2


def test_readers_beside_the_owner_see_what_is_committed(path: Path, store: SqliteStore) -> None:
    store.enrol(GATEWAY, ENROLMENT.first_key, ENROLMENT.recovery_key, ENROLLED, 7_000)
    chain = Chain()
    seals = accepted(store.state(GATEWAY), [chain.seal(), chain.seal()])
    first = rekeyed(seals[-1].state)
    second = rekeyed(first.state, 6)
    store.commit([*seals, first, second])
    assert read_standings(path, GATEWAY)[GATEWAY].state == second.state
    assert list(read_standings(path)) == [GATEWAY]
    exported = list(read_export(path, GATEWAY))
    assert exported == [ENROLLED, *((one.cose, one.body) for one in seals), first.raw, second.raw]


def test_readers_name_a_gateway_that_is_not_there(path: Path, store: SqliteStore) -> None:
    assert store.state(GATEWAY).number == 0
    with pytest.raises(UnknownGatewayError, match="nothing has come of gateway gw-9"):
        read_standings(path, "gw-9")
    with pytest.raises(UnknownGatewayError, match="nothing has come of gateway gw-9"):
        next(read_export(path, "gw-9"))


# One commit a batch


def whole(seal: StoredSeal, name: str) -> Incoming:
    return Incoming(Topics(name).seal, messages.encode_seal(seal.cose, seal.body or b""))


def statements_of(store: SqliteStore) -> list[str]:
    """Grows with every statement that SQLite runs from now on."""
    ran: list[str] = []
    store._database.connection.set_trace_callback(ran.append)
    return ran


def check_one_commit(ran: list[str]) -> None:
    """Everything that writes lies between one BEGIN and one COMMIT; outside, SQLite would commit each."""
    verbs = [sql.split(maxsplit=1)[0] for sql in ran]
    assert (verbs.count("BEGIN"), verbs.count("COMMIT"), verbs.count("ROLLBACK")) == (1, 1, 0)
    begin, end = verbs.index("BEGIN"), verbs.index("COMMIT")
    assert {*verbs[:begin], *verbs[end + 1 :]} <= {"SELECT"}
    assert {"INSERT", "UPDATE"} & {*verbs[begin:end]}


def test_200_messages_of_200_gateways_are_one_commit(store: SqliteStore) -> None:
    names = [f"g{n}" for n in range(GATEWAYS)]
    for name in names:
        store.enrol(name, keys.public(secret(1, name)))
    centre = Centre(store, CENTRE)
    chains = {name: Chain(name) for name in names}
    for _ in range(2):
        batch = [whole(chain.seal(), name) for name, chain in chains.items()]
        ran = statements_of(store)
        answers, _ = centre.handle(batch, NOW_MS)
        check_one_commit(ran)
        receipts = [open_receipt(answer.payload, keys.public(CENTRE)) for answer in answers]
        assert [receipt.gateway for receipt in receipts] == names
    assert {receipt.number for receipt in receipts} == {2}
    assert [store.last_receipt(name) for name in names] == [answer.payload for answer in answers]
    ran = statements_of(store)
    assert len(centre.make_receipts(NOW_MS)) == GATEWAYS + 1
    check_one_commit(ran)


def test_seals_late_bodies_a_fork_a_rekey_and_receipts_are_one_commit(store: SqliteStore) -> None:
    store.enrol(GATEWAY, ENROLMENT.first_key, ENROLMENT.recovery_key, ENROLLED, NOW_MS)
    centre, chain, topics = Centre(store, CENTRE), Chain(), Topics(GATEWAY)
    first, second, third = chain.seal(), chain.seal(), chain.seal()
    fork = Chain().seal([b"\x00"])
    after = accepted(store.state(GATEWAY), [first, second, third])[-1].state
    centre.handle([Incoming(topics.chain, messages.encode_chain([first.cose]))], NOW_MS)
    ran = statements_of(store)
    answers, _ = centre.handle(
        [
            Incoming(topics.body, messages.encode_body(1, first.body or b"")),
            Incoming(topics.chain, messages.encode_chain([second.cose])),
            Incoming(topics.body, messages.encode_body(2, second.body or b"")),
            whole(fork, GATEWAY),
            whole(third, GATEWAY),
            Incoming(topics.rekey, messages.encode_statement(rekeyed(after).raw)),
        ],
        NOW_MS,
    )
    check_one_commit(ran)
    receipt = open_receipt(answers[0].payload, keys.public(CENTRE))
    assert (receipt.number, receipt.bodies_up_to) == (3, 3)
    assert store.forks(GATEWAY) == [(1, fork.cose, NOW_MS)]
    assert store.stated_keys(GATEWAY, 4) == [keys.public(secret(9))]
    assert store.last_receipt(GATEWAY) == answers[0].payload


def test_what_changes_nothing_is_answered_with_one_commit_and_a_state_with_none(store: SqliteStore) -> None:
    centre, seal = Centre(store, CENTRE), Chain().seal()
    centre.handle([whole(seal, GATEWAY)], NOW_MS)
    ran = statements_of(store)
    assert len(centre.handle([whole(seal, GATEWAY)] * 3, NOW_MS)[0]) == 1
    check_one_commit(ran)
    ran = statements_of(store)
    state = Incoming(Topics(GATEWAY).state, messages.encode_state(online=True, details={}))
    assert centre.handle([state], NOW_MS)[0] == []
    assert ran == []


# Files of before


def test_a_database_without_statements_and_journal_gets_them(path: Path) -> None:
    old = Database(path, "centre", sqlite.MIGRATIONS[:1])
    start = ChainState.enrolled(GATEWAY, keys.public(secret(1)))
    (seal,) = accepted(start, [Chain().seal()])
    with old.write() as connection:
        connection.execute(
            "INSERT INTO gateways (id, name, first_key, state, held) VALUES (1, ?, ?, ?, ?)",
            (GATEWAY, start.first_key, seal.state.to_cbor(), Held(1).to_cbor()),
        )
        connection.execute(
            "INSERT INTO seals (at, received_utc_ms, cose, body) VALUES (?, 7000, ?, ?)",
            (SHIFT + 1, seal.cose, seal.body),
        )
    old.close()
    new = SqliteStore(path)
    assert [(one.number, one.what, one.body) for one in new.journal().arrivals(0, 9)] == [
        (1, What.WHOLE, seal.body)
    ]
    assert new.delivered() == 1, "its lines were handed on by the program of before"
    new.enrol(GATEWAY, ENROLMENT.first_key, ENROLMENT.recovery_key, ENROLLED)
    new.commit([rekeyed(new.state(GATEWAY))])
    assert [number for number, _ in new.statements(GATEWAY)] == [0, 2]
    new.close()


def test_a_store_of_0_1_opens_and_goes_on(path: Path) -> None:
    """OLD is the dump of a store that version 0.1 made of this chain, its clone and its re-key."""
    connection = sqlite3.connect(path)
    connection.executescript(OLD.read_text("utf-8"))
    connection.close()
    chain, topics, fresh = Chain(), Topics(GATEWAY), secret(9)
    seals = [chain.seal(), chain.seal(), chain.seal(), chain.seal(signer=fresh)]
    with closing(SqliteStore(path)) as store:
        assert list(store.gateways()) == [GATEWAY, "gw-8"]
        assert [cose for _, cose, _, _ in store.chain(GATEWAY)] == [seal.cose for seal in seals]
        assert [number for number, _ in store.statements(GATEWAY)] == [0, 4]
        assert [number for number, _, _ in store.forks(GATEWAY)] == [2]
        assert (store.state(GATEWAY).number, store.held(GATEWAY).ranges) == (4, ((3, 4),))
        last = open_receipt(store.last_receipt(GATEWAY) or b"", keys.public(CENTRE))
        assert (last.number, last.bodies_up_to, last.ranges) == (4, 1, ((3, 4),))
        body = Incoming(topics.body, messages.encode_body(2, seals[1].body or b""))
        batch, later_ms = [body, whole(chain.seal(), GATEWAY)], NOW_MS + 3_600_000
        answers, lines = Centre(store, CENTRE).handle(batch, later_ms)
        receipt = open_receipt(answers[0].payload, keys.public(CENTRE))
        assert (receipt.number, receipt.bodies_up_to, receipt.conflict) == (5, 5, None)
        assert [line["code"] for line in lines if line["type"] == "finding"] == []
