"""Nothing is published before its commit; what a crash kept from it is published after the start."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from centre import subscriber
from centre.core import Centre
from centre.register import enrolment_line
from centre.store.contract import Told
from centre.store.sqlite import SqliteStore
from centre.subscriber import Subscriber
from disk.database import CommitError
from drivers.clock import SystemClock
from evidence import keys
from evidence.receipt import RANGES_MAX, Receipt, open_receipt
from evidence.record import MODEL_ID_BYTES
from tests.centre.gateway.hostile import reading
from tests.centre.test_core import whole
from tests.evidence.chains import GATEWAY, Chain, secret
from wire.messages import Topics
from wire.mqtt_events import Acked, Connected, Message, MqttEvent
from wire.mqtt_settings import MqttSettings

SECRET = bytes(range(32))
RECEIPT = Topics(GATEWAY).receipt


class CrashError(Exception):
    """The process ends here."""


@define
class Broker:
    """What stands in the place of the connection: delivers these events, and notes what is published.

    Attributes:
        crashing: Whether the process ends when it publishes a receipt.
    """

    events: list[MqttEvent]
    crashing: bool = False
    journal: list[Any] = field(factory=list)
    subscriber: Subscriber | None = None

    def __call__(self, _: object, __: object, put: Any) -> "Broker":
        self._put = put
        return self

    _put: Any = None

    def start(self) -> None:
        for event in self.events:
            self._put(event)

    def stop(self) -> None:
        pass

    def publish(self, _: int, topic: str, payload: bytes, *, retain: bool) -> None:
        if topic != RECEIPT:
            return
        assert retain
        if self.crashing:
            raise CrashError
        self.journal.append(open_receipt(payload, keys.public(SECRET)))
        if self.subscriber is not None:
            self.subscriber.stop()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    (tmp_path / "register").write_text(enrolment_line(GATEWAY, keys.public(secret(1))), "utf-8")
    with closing(SqliteStore(tmp_path / "centre.db")) as opened:
        yield opened


def serve(
    broker: Broker,
    store: SqliteStore,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    out: Callable[[str], None] = lambda _: None,
) -> None:
    """A life of the subscriber, until it has published a receipt or fails."""
    monkeypatch.setattr(subscriber, "Publisher", broker)
    settings = MqttSettings("127.0.0.1", 1, "centre", None)
    broker.subscriber = Subscriber(
        settings, store, folder / "memory", folder / "register", SECRET, SystemClock(), out
    )
    broker.subscriber.run()


def delivery() -> Message:
    seal = whole(Chain().seal())
    return Message(seal.topic, seal.payload, retained=False)


def test_a_receipt_is_published_after_its_commit(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = Broker([delivery()])
    commit = store.commit

    def noting(*batch: Any) -> dict[str, bytes]:
        made = commit(*batch)
        broker.journal.append("committed")
        return made

    monkeypatch.setattr(store, "commit", noting)
    serve(broker, store, tmp_path, monkeypatch)
    committed, receipt = broker.journal
    assert (committed, receipt.number) == ("committed", 1)


def test_a_commit_that_fails_ends_the_subscriber_without_a_receipt(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, commit, reopened = Broker([delivery()]), store.commit, []

    def failing(*batch: Any) -> dict[str, bytes]:
        commit(*batch)
        raise CommitError("written, but who knows")

    monkeypatch.setattr(store, "commit", failing)
    monkeypatch.setattr(store, "reopen", lambda: reopened.append(True))
    with pytest.raises(CommitError):
        serve(broker, store, tmp_path, monkeypatch)
    assert (broker.journal, reopened) == ([], [True])


def test_a_receipt_that_a_crash_kept_from_being_published_is_published_after_the_start(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CrashError):
        serve(Broker([delivery()], crashing=True), store, tmp_path, monkeypatch)
    store.close()
    broker = Broker([Connected(session_present=True, receive_maximum=10, packet_bytes_max=100_000)])
    with closing(SqliteStore(tmp_path / "centre.db")) as again:
        serve(broker, again, tmp_path, monkeypatch)
    (receipt,) = broker.journal
    assert isinstance(receipt, Receipt)
    assert (receipt.number, receipt.bodies_up_to) == (1, 1)


@define
class FullBroker(Broker):
    """It has as many retained messages as it keeps, or takes no packet as large as the first answer."""

    code: int = 0x97
    said: list[tuple[bytes, bool]] = field(factory=list)

    def publish(self, token: int, topic: str, payload: bytes, *, retain: bool) -> None:
        if topic != RECEIPT:
            return
        self.said.append((payload, retain))
        self._put(Acked(token, self.code if retain else 0))
        if self.subscriber is not None and not retain:
            self.subscriber.stop()


@pytest.mark.parametrize(("code", "ranges_max"), [(0x97, RANGES_MAX), (0x95, RANGES_MAX // 2)])
def test_an_answer_that_is_not_retained_is_said_all_the_same_and_one_too_large_is_shortened(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, ranges_max: int
) -> None:
    broker = FullBroker([delivery()], code=code)
    serve(broker, store, tmp_path, monkeypatch)
    (first, kept), (second, kept_again) = broker.said
    assert (first, kept, kept_again) == (second, True, False)
    assert broker.subscriber is not None
    assert broker.subscriber.centre.ranges_max == ranges_max


@pytest.mark.parametrize("ended", [False, True])
def test_a_silence_that_was_told_before_a_restart_ends_once_and_is_not_told_again(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, ended: bool
) -> None:
    enrolled = keys.public(secret(1))
    store.enrol(GATEWAY, enrolled)
    line = {"type": "finding", "gateway": GATEWAY, "seal": 0, "code": "silence", "text": "", "seconds": 200}
    line |= {"ended": True} if ended else {}
    store.commit([Told(GATEWAY, 0, json.dumps(line), 1_000)])
    store.note_delivered(store.journal().last_place())
    said: list[dict[str, Any]] = []
    serve(Broker([delivery()]), store, tmp_path, monkeypatch, lambda text: said.append(json.loads(text)))
    found = [one for one in said if one.get("code") == "silence"]
    assert [one.get("ended") for one in found] == ([] if ended else [True])
    assert all(one["seconds"] > 1_000_000 for one in found)


def test_a_start_looks_through_a_bounded_number_of_waiting_readings_and_says_once_where_it_stopped(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, table = Chain(), bytes(MODEL_ID_BYTES)
    store.enrol(GATEWAY, chain.enrolled().first_key)
    bodies = [chain.seal([reading(model=table)] * 10) for _ in range(6)]
    Centre(store, SECRET).handle([whole(seal) for seal in bodies], 7_000)
    store.note_delivered(store.journal().last_place())
    monkeypatch.setattr(subscriber, "AGAIN_RECORDS_MAX", 25)
    said: list[dict[str, Any]] = []
    for _ in range(2):
        again = whole(bodies[-1])
        broker = Broker([Message(again.topic, again.payload, retained=False)])
        serve(broker, store, tmp_path, monkeypatch, lambda text: said.append(json.loads(text)))
    found = [one for one in said if one.get("code") == "waiting"]
    assert [one["seal"] for one in found] == [4], "the newest ones wait, and it is told once"
    assert "`dianjian consume` alone has their lines" in found[0]["text"]
