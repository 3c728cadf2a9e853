"""What `centre.store.contract` promises, of every store."""

from collections.abc import Iterator

import pytest

from centre.store.contract import (
    FORKS_MAX,
    CentreStore,
    Change,
    EnrolmentError,
    Fork,
    LateBody,
    Marked,
    Told,
    UnknownGatewayError,
)
from centre.store.journal import STRANGERS_MAX, Mark, What
from centre.store.shared import SharedStore
from disk.database import StoreError
from evidence import cbor, keys
from evidence.chain import ChainState
from evidence.held import Held
from evidence.seal import seal_hash
from tests.centre.store.contract import ENROLLED, ENROLMENT, STORES, Life, accepted, rekeyed
from tests.evidence.chains import GATEWAY, Chain, heartbeat, secret

OTHER = "gw-8"


@pytest.fixture(params=STORES)
def life(request: pytest.FixtureRequest) -> Iterator[Life]:
    opening = STORES[request.param](request)
    one = Life(opening, opening())
    one.store.enrol(GATEWAY, keys.public(secret(1)))
    yield one
    one.store.close()


@pytest.fixture
def store(life: Life) -> CentreStore:
    return life.store


def number_and_held(state: ChainState, held: Held) -> bytes:
    """A receipt that says what it was made from."""
    return f"{state.gateway} {state.number} {held.up_to} {held.ranges}".encode()


def test_a_committed_batch_is_there_after_a_restart(life: Life) -> None:
    chain = Chain()
    seals = [chain.seal() for _ in range(5)]
    batch = accepted(life.store.state(GATEWAY), seals, without=frozenset({3}))
    assert life.store.commit(batch, {GATEWAY: lambda _, __: b"receipt"}) == {GATEWAY: b"receipt"}
    again = life.restart()
    assert list(again.gateways()) == [GATEWAY]
    assert again.state(GATEWAY) == batch[-1].state
    assert (again.held(GATEWAY).up_to, again.held(GATEWAY).ranges) == (2, ((4, 5),))
    assert again.seal(GATEWAY, 3) == (seals[2].cose, None)
    assert again.cose(GATEWAY, 4) == seals[3].cose
    assert (again.seal(GATEWAY, 6), again.cose(GATEWAY, 6)) == (None, None)
    assert again.last_receipt(GATEWAY) == b"receipt"
    expected = [(s.number, s.cose, None if s.number == 3 else s.body, 7_000) for s in seals]
    assert list(again.chain(GATEWAY)) == expected
    assert list(again.chain(GATEWAY, 4)) == expected[3:]


def test_a_receipt_is_made_from_what_its_batch_leaves_and_stays_until_the_next(life: Life) -> None:
    life.store.enrol(OTHER, keys.public(secret(1, OTHER)))
    chain = Chain()
    seals = [chain.seal() for _ in range(3)]
    batch: list[Change] = [*accepted(life.store.state(GATEWAY), seals, without=frozenset({1, 2}))]
    batch.append(LateBody(GATEWAY, 1, seals[0].body or b""))
    wanted = {GATEWAY: b"gw-7 3 1 ((3, 3),)", OTHER: b"gw-8 0 0 ()"}
    assert life.store.commit(batch, dict.fromkeys(wanted, number_and_held)) == wanted
    assert life.store.commit(accepted(life.store.state(GATEWAY), [chain.seal()])) == {}
    again = life.restart()
    assert {name: again.last_receipt(name) for name in wanted} == wanted


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


def test_a_batch_of_everything_may_be_repeated(life: Life) -> None:
    life.store.enrol(GATEWAY, ENROLMENT.first_key, ENROLMENT.recovery_key, ENROLLED, 7_000)
    chain = Chain()
    seals = accepted(life.store.state(GATEWAY), [chain.seal(), made := chain.seal()], without=frozenset({2}))
    batch: list[Change] = [*seals, Fork(GATEWAY, 1, b"other", 5), LateBody(GATEWAY, 2, made.body or b"")]
    batch.append(rekeyed(seals[-1].state))

    def contents(store: CentreStore) -> list[object]:
        held = store.held(GATEWAY)
        found = [store.state(GATEWAY), held.up_to, held.ranges, list(store.chain(GATEWAY))]
        return [*found, store.statements(GATEWAY), store.forks(GATEWAY), store.last_receipt(GATEWAY)]

    life.store.commit(batch, {GATEWAY: number_and_held})
    first = contents(life.store)
    life.store.reopen()
    assert life.store.commit(batch, {GATEWAY: number_and_held}) == {GATEWAY: b"gw-7 2 2 ()"}
    assert contents(life.store) == first
    assert contents(life.restart()) == first


def test_bodies_that_come_later_close_the_holes(store: CentreStore) -> None:
    chain = Chain()
    seals = [chain.seal([heartbeat(n)] * 3) for n in range(6)]
    store.commit(accepted(store.state(GATEWAY), seals, without=frozenset(range(1, 6))))
    assert (store.held(GATEWAY).up_to, store.held(GATEWAY).ranges) == (0, ((6, 6),))
    store.commit([LateBody(GATEWAY, number, seals[number - 1].body or b"") for number in (2, 4, 2)])
    assert store.held(GATEWAY).ranges == ((2, 2), (4, 4), (6, 6))
    assert [n for n in range(1, 7) if n not in store.held(GATEWAY)] == [1, 3, 5]
    store.commit([LateBody(GATEWAY, 1, seals[0].body or b"", absent=((3, 5),))])
    assert (store.held(GATEWAY).up_to, store.held(GATEWAY).ranges) == (6, ())
    assert store.seal(GATEWAY, 3) == (seals[2].cose, None)


def test_a_body_without_a_seal_fails_the_whole_batch(life: Life) -> None:
    before = life.store.state(GATEWAY)
    batch = [*accepted(before, [Chain().seal()]), LateBody(GATEWAY, 9, b"body")]
    for _ in range(2):
        store = life.restart()
        with pytest.raises(StoreError, match="no seal 9"):
            store.commit(batch, {GATEWAY: number_and_held})
        assert (store.state(GATEWAY), list(store.chain(GATEWAY))) == (before, [])
        assert (store.held(GATEWAY).up_to, store.held(GATEWAY).ranges) == (0, ())
        assert store.last_receipt(GATEWAY) is None


def test_chains_of_several_gateways_lie_apart(store: CentreStore) -> None:
    store.enrol(OTHER, keys.public(secret(1, OTHER)))
    chains = {GATEWAY: Chain(), OTHER: Chain(OTHER)}
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
    assert list(store.gateways()) == [GATEWAY]


def test_a_gateway_that_is_not_enrolled_is_an_error_everywhere(store: CentreStore) -> None:
    reads = (store.state, store.held, store.last_receipt, store.statements, store.forks)
    for read in (*reads, lambda name: list(store.chain(name))):
        with pytest.raises(UnknownGatewayError, match="gw-9 is not enrolled"):
            read("gw-9")
    with pytest.raises(UnknownGatewayError):
        store.commit([Fork("gw-9", 1, b"a", 5)])
    with pytest.raises(UnknownGatewayError):
        store.commit([], {"gw-9": number_and_held})


def test_forks_are_kept_once_as_evidence_and_bounded(store: CentreStore) -> None:
    store.commit([Fork(GATEWAY, n, c, 5) for n, c in [(1, b"a"), (1, b"a"), (1, b"b"), (2, b"a")]])
    assert store.forks(GATEWAY) == [(1, b"a", 5), (1, b"b", 5), (2, b"a", 5)]
    store.commit([Fork(GATEWAY, n, b"a", 6) for n in range(FORKS_MAX + 2)])
    assert len(store.forks(GATEWAY)) == FORKS_MAX
    assert store.forks(GATEWAY)[:3] == [(1, b"a", 5), (1, b"b", 5), (2, b"a", 5)]


def test_statements_are_kept_in_their_order_and_once_however_often_they_are_committed(life: Life) -> None:
    store = life.store
    store.enrol(GATEWAY, ENROLMENT.first_key, ENROLMENT.recovery_key, ENROLLED, 7_000)
    assert store.state(GATEWAY).recovery_key == ENROLMENT.recovery_key
    chain = Chain()
    seals = accepted(store.state(GATEWAY), [chain.seal(), chain.seal()])
    first = rekeyed(seals[-1].state)
    second = rekeyed(first.state, 6)
    for _ in range(2):
        store.commit([*seals, first, second])
    assert store.statements(GATEWAY) == [(0, ENROLLED), (3, first.raw), (3, second.raw)]
    assert store.state(GATEWAY) == second.state
    assert store.is_applied(GATEWAY, seal_hash(first.raw))
    assert store.stated_keys(GATEWAY, 3) == [keys.public(secret(9))] * 2
    assert store.stated_keys(GATEWAY, 2) == []
    again = life.restart()
    assert again.state(GATEWAY) == second.state
    again.enrol(GATEWAY, ENROLMENT.first_key, ENROLMENT.recovery_key, ENROLLED, 9_000)
    assert len(again.statements(GATEWAY)) == 3


def test_the_last_finding_of_a_kind_about_a_gateway_is_found_after_a_restart(life: Life) -> None:
    life.store.enrol(OTHER, keys.public(secret(2)))
    told = [
        Told(name, number, f'{{"gateway":"{name}","code":"{code}","n":{number}}}', 7_000 + number)
        for number, (name, code) in enumerate(
            [(GATEWAY, "silence"), (GATEWAY, "silence"), (GATEWAY, "gap"), (OTHER, "fork"), ("nobody", "gap")]
        )
    ]
    outage = Told("", 0, '{"gateway":"","code":"outage"}', 8_000)
    life.store.commit([*told, outage])
    again = life.restart()
    assert again.last_finding(GATEWAY, "silence") == told[1]
    assert again.last_finding(GATEWAY, "gap") == told[2]
    assert again.last_finding(OTHER, "silence") is None
    assert again.last_finding("", "outage") == outage
    assert again.last_finding("", "gap") is None


def test_what_was_told_of_a_seal_is_found_by_its_number(life: Life) -> None:
    life.store.enrol(OTHER, keys.public(secret(2)))
    rows = [(GATEWAY, 4, "fork"), (GATEWAY, 5, "body"), (OTHER, 4, "body"), (GATEWAY, 5, "body")]
    told = [
        Told(name, number, f'{{"gateway":"{name}","code":"{code}","n":{at}}}', 7_000 + at)
        for at, (name, number, code) in enumerate(rows)
    ]
    life.store.commit(told)
    again = life.restart()
    assert again.finding_at(GATEWAY, 4, "fork") == told[0]
    assert again.finding_at(GATEWAY, 4, "body") is None
    assert again.finding_at(GATEWAY, 5, "body") == told[3], "the last one"
    assert again.finding_at(OTHER, 4, "body") == told[2]
    assert again.finding_at(OTHER, 5, "body") is None


# What came, in its order


def test_the_journal_has_each_arrival_once_in_the_order_of_the_commits_over_restarts(life: Life) -> None:
    chain = Chain()
    seals = [chain.seal() for _ in range(3)]
    first: list[Change] = [*accepted(life.store.state(GATEWAY), seals, without=frozenset({1}))]
    first += [Marked(GATEWAY, 2, Mark.WAITS), Told(GATEWAY, 3, '{"a":1}', 7_000)]
    late: list[Change] = [
        LateBody(GATEWAY, 1, seals[0].body or b"", (), 9_000),
        Marked(GATEWAY, 1, Mark.TEACHES),
    ]
    for batch in (first, first, late, late, first):  # a result that is unknown is settled by the same batch
        life.store.commit(batch)
    journal = life.restart().journal()
    found = journal.arrivals(0, 99)
    assert [(one.number, one.what, one.received_utc_ms) for one in found] == [
        (1, What.SEAL, 7_000),
        (2, What.WHOLE, 7_000),
        (3, What.WHOLE, 7_000),
        (3, What.FINDING, 7_000),
        (1, What.BODY, 9_000),
    ]
    assert [one.body for one in found] == [None, seals[1].body, seals[2].body, None, seals[0].body]
    assert (found[3].line, found[4].cose, found[4].gateway) == ('{"a":1}', seals[0].cose, GATEWAY)
    assert journal.last_place() == found[-1].place
    assert journal.arrivals(found[2].place, 1) == found[3:4]
    assert journal.arrivals(0, 99, {OTHER}) == []
    assert [one.number for one in journal.marked(GATEWAY, Mark.WAITS, found[-1].place)] == [2]
    assert [one.number for one in journal.marked(GATEWAY, Mark.TEACHES, found[-1].place + 1)] == [1]
    assert list(journal.marked(GATEWAY, Mark.TEACHES, found[-1].place)) == [], "not known before it came"
    assert list(journal.marked(GATEWAY, Mark.WAITS, found[-1].place, first=3)) == []
    both = journal.marked(GATEWAY, Mark.WAITS | Mark.TEACHES, found[-1].place + 1, backwards=True)
    assert [one.number for one in both] == [1, 2], "the newest first"


def test_findings_about_strangers_are_kept_within_a_bound_of_each_day(life: Life) -> None:
    count = STRANGERS_MAX + 5
    life.store.commit([Told("gw-9", 0, f'{{"n":{n}}}', 7_000) for n in range(count)])
    assert len(life.store.journal().arrivals(0, 2 * count)) == STRANGERS_MAX
    assert {one.gateway for one in life.store.journal().arrivals(0, 9)} == {""}
    life.store.commit([Told(GATEWAY, 0, "{}", 7_000)])
    assert life.store.journal().last_place() == STRANGERS_MAX + 1, "a gateway's own are not in that bound"


def test_how_far_lines_were_handed_on_is_kept_with_the_next_commit_and_at_the_end(life: Life) -> None:
    if isinstance(life.store, SharedStore):
        assert life.store.delivered() == life.store.journal().last_place()
        return
    assert life.store.delivered() == 0
    life.store.note_delivered(3)
    life.store.commit([])
    assert life.restart().delivered() == 3
    life.store.note_delivered(4)
    assert life.restart().delivered() == 4
