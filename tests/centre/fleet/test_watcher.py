"""A watcher that starts late knows what one knows that was there all the time, on both databases."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from centre.core import Centre, Incoming
from centre.fleet import watcher as module
from centre.fleet.known import Known
from centre.fleet.watcher import Watcher
from centre.store.contract import CentreStore
from centre.store.place import Place, Server, open_store
from disk.database import StoreError
from evidence import keys
from evidence.record import Kind, encode_record
from tests.centre.fleet.test_known import beat, ended, finding, raised
from tests.centre.test_core import whole
from tests.evidence.chains import Chain, heartbeat, secret, stamp
from wire import messages as wire

NOW_MS = 1_767_268_800_000
NAMES = ("g1", "g2", "g3")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return tmp_path / "centre.db"
    return Server(request.getfixturevalue("postgresql").make_database())


@pytest.fixture
def store(place: Place) -> Iterator[CentreStore]:
    with closing(open_store(place)) as one:
        yield one


def catch_up(one: Watcher) -> Watcher:
    while one.read():
        pass
    return one


def facts(one: Watcher) -> list[object]:
    def of(known: Known) -> tuple[object, ...]:
        told = known.opened, known.findings, known.beat, known.version, known.clock, known.silent_since_ms
        return known.gateway, known.number, known.heard_utc_ms, known.revoked, known.aside, *told

    return [one.newest_utc_ms, one.deaf_since_ms, *map(of, one.gateways.values())]


def live(store: CentreStore) -> Iterator[int]:
    """A life of three gateways, step by step."""
    centre, chains = Centre(store, secret(0, "centre")), {name: Chain(name) for name in NAMES}
    now_ms = NOW_MS

    def take(*messages: Incoming) -> int:
        nonlocal now_ms
        now_ms += 1_000
        centre.handle(messages, now_ms)
        return now_ms

    topics = {name: wire.Topics(name) for name in NAMES}
    for name in NAMES[:2]:
        centre.enrol(name, keys.public(secret(1, name)), bytes(32), b"", NOW_MS)
    version = encode_record(Kind.MANIFEST, stamp(), {"version": "1.2.3"})
    yield take(
        whole(chains["g1"].seal([version, raised("e1"), beat(silent=["m1"], used=0.95)]), topics["g1"])
    )
    yield take(
        whole(chains["g2"].seal([heartbeat(1)]), topics["g2"]),
        whole(chains["g2"].seal([raised("e2", "data")]), topics["g2"]),
    )
    centre.tell([{**finding("silence", seconds=200), "gateway": "g2"}], now_ms)
    centre.tell([{**finding("gap"), "gateway": "g1"}], now_ms)
    yield now_ms
    held = chains["g1"].seal([ended("e1")])
    yield take(Incoming(topics["g1"].chain, wire.encode_chain([held.cose])))
    centre.tell([{**finding("outage", seconds=95), "gateway": ""}], now_ms)
    late = Incoming(topics["g1"].body, wire.encode_body(held.number, held.body or b""))
    yield take(late, whole(chains["g1"].seal([heartbeat(3)]), topics["g1"]))
    centre.set_aside("g2", "too many bytes", now_ms)
    centre.enrol("g3", keys.public(secret(1, "g3")), bytes(32), b"", now_ms)
    yield take(whole(chains["g3"].seal([heartbeat(1)]), topics["g3"]))


def test_who_comes_late_knows_what_who_was_always_there_knows(
    place: Place, store: CentreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATEWAYS_PIECE", 2)
    monkeypatch.setattr(module, "ARRIVALS_PIECE", 2)
    early = catch_up(Watcher(place))
    now_ms = NOW_MS
    for step in live(store):
        now_ms = step
        catch_up(early)
        assert facts(catch_up(Watcher(place))) == facts(early)
    assert early.newest_utc_ms == now_ms
    g1, g2, g3 = (early.gateways[name] for name in NAMES)
    assert (g1.opened, g1.version, g1.number) == ({}, "1.2.3", 3)
    assert g1.beat is not None
    assert g1.beat.seal == 3
    assert "gap" in [one.code for one in g1.findings]
    assert ([*g2.opened], g2.aside, g2.silent_since_ms is not None) == (["e2"], "too many bytes", True)
    assert (g3.number, g3.heard_utc_ms) == (1, now_ms)
    assert early.deaf_since_ms is not None


def test_it_sees_nothing_of_another_store_in_the_place_of_the_first(tmp_path: Path) -> None:
    place = tmp_path / "centre.db"
    one = Watcher(place)
    with pytest.raises(StoreError, match="no database is there"):
        one.read()
    makers: list[Callable[[CentreStore], object]] = [
        lambda store: store.enrol("old", keys.public(secret(1, "old"))),
        lambda store: store.enrol("new", keys.public(secret(1, "new"))),
    ]
    for make in makers:
        with closing(open_store(place)) as store:
            make(store)
        catch_up(one)
        for file in tmp_path.glob("centre.db*"):
            file.unlink()
    assert [*one.gateways] == ["new"]
