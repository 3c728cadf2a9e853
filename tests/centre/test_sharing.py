"""Verifiers that share a store, over a real broker: each answers its own gateways, whoever comes and goes."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from attrs import define

from centre.sharing import KINDS, Sharing, filters_of
from centre.store.place import Server as ServerPlace
from centre.store.reading import read_standings
from centre.store.sliced import SlicedStore
from centre.store.slices import MOST, slice_of
from provisioning.demo.broker import Broker, find_free_port, start_mosquitto
from tests.counterparts.postgresql import Server
from tests.wire.ends import PATIENCE_S, CentreEnd, Gateway, enrol

LOW, HIGH = "plant-7", "gw-7"
"""Gateways in the lower and in the upper half of the slices: the first of two verifiers keeps the lower."""


@define
class City:
    """A broker, a database, two gateways, and verifiers that come and go."""

    folder: Path
    url: str
    port: int
    gateways: dict[str, Gateway]
    _stack: ExitStack

    def join(self, name: str) -> CentreEnd:
        store = SlicedStore(self.url, 0, MOST)
        return self._stack.enter_context(CentreEnd(self.folder, self.port, store=store, name=name))

    def deliver(self) -> None:
        """Both gateways seal, and are answered for everything."""
        for gateway in self.gateways.values():
            gateway.seal(2)
        for gateway in self.gateways.values():
            gateway.deliver()

    def query(self, sql: str, *parameters: Any) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            done = connection.execute(sql, parameters)
            return done.fetchall() if done.description else []


@pytest.fixture
def city(tmp_path: Path, postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[City]:
    monkeypatch.setattr("centre.sharing.RENEW_S", 0.2)
    port = find_free_port()
    broker: Broker = start_mosquitto(port, tmp_path / "broker")
    try:
        with ExitStack() as stack:
            ends = {name: stack.enter_context(Gateway(tmp_path, name, port)) for name in (LOW, HIGH)}
            for one in ends.values():
                enrol(tmp_path, one)
            yield City(tmp_path, postgresql.make_database(), port, ends, stack)
    finally:
        broker.stop()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def served(verifier: CentreEnd) -> set[str]:
    return set(verifier.store.gateways())


def codes(verifier: CentreEnd) -> list[str]:
    return [line["code"] for line in verifier.of("centre")]


def test_gateways_pass_to_who_joins_and_to_who_is_left_and_no_seal_is_lost_or_doubled(city: City) -> None:
    assert slice_of(LOW) <= MOST // 2 < slice_of(HIGH)
    first = city.join("first")
    city.deliver()
    assert served(first) == {LOW, HIGH}
    second = city.join("second")
    until(lambda: (served(first), served(second)) == ({LOW}, {HIGH}))
    city.deliver()
    assert {line["gateway"] for line in second.await_lines("seal", 2)} == {HIGH}
    lease = city.query("SELECT min(lease) FROM verifiers")[0][0]
    city.query("DELETE FROM verifiers WHERE lease = %s", lease)  # as if it had slept over its lease
    until(lambda: "overtaken" in codes(first))
    until(lambda: served(first) | served(second) == {LOW, HIGH})
    city.deliver()
    first.__exit__(None, None, None)
    until(lambda: served(second) == {LOW, HIGH})
    city.deliver()
    standings = read_standings(ServerPlace(city.url))
    for name, gateway in city.gateways.items():
        assert standings[name].state.number == standings[name].held.up_to == gateway.outbox.tip
        assert standings[name].state.hash == gateway.store.last().hash  # type: ignore[union-attr]
    assert city.query("SELECT count(*) FROM forks") == [(0,)]
    assert city.query("SELECT count(*), count(DISTINCT at) FROM seals") == [(16, 16)]
    until(lambda: {line["code"] for line in first.of("finding")} == {"boot", "clock_state"})
    assert not second.of("finding")


def test_one_of_them_sends_the_beacon_and_the_others_date_seals_by_it(city: City) -> None:
    first = city.join("first")
    city.deliver()
    second = city.join("second")
    until(lambda: served(second) == {HIGH})
    sharings = [one.subscriber._sharing for one in (first, second)]
    assert [one is not None and one.leads for one in sharings] == [True, False]

    beacons: dict[bytes, None] = {}

    def is_known() -> bool:
        if first.subscriber._beacon not in beacons:  # the next one would go in a minute
            beacons[first.subscriber._beacon] = None
            first.subscriber._beacon_at_s = 0.0
            time.sleep(0.2)
        dated = second.subscriber.centre.answers.reference_utc_ms
        return any(dated(sha256(beacon).digest()) is not None for beacon in beacons)

    until(is_known)
    assert second.subscriber._beacon == b""


def test_only_the_leader_publishes_what_is_for_all_and_each_what_is_for_its_own(city: City) -> None:
    store = SlicedStore(city.url, 0, MOST)
    sharing = Sharing(store)
    sharing.turn_over(0.0)
    store.enrol(LOW, bytes(city.gateways[LOW].first_key))
    sharing.list_new()
    assert sharing.take_piece() == [LOW]
    topics = ("dj/1/keys", f"dj/1/{LOW}/order/d-3", f"dj/1/{HIGH}/orders", "dj/1/beacon")
    assert [sharing.is_ours(topic) for topic in topics] == [True, True, False, True]
    sharing.give_up()
    assert not any(map(sharing.is_ours, topics[:1]))
    store.close()


def test_the_topics_of_a_gateway_are_named_one_by_one() -> None:
    assert filters_of(["a"]) == [f"dj/1/a/{kind}" for kind in KINDS]
