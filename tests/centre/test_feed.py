"""What a store hands on: every line, in one order, whatever came late, and whoever was killed when."""

import json
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import hypothesis.strategies as st
import pytest
from attrs import define
from hypothesis import given, settings

from centre import subscriber
from centre.consumer import Consumer, Wanted
from centre.core import Centre, Incoming
from centre.feed import CursorError, Feed, Place, make_cursor, parse_cursor
from centre.json_lines import JsonLine
from centre.memory import Memory
from centre.register import enrolment_line
from centre.store.lines_file import LinesFile
from centre.store.sqlite import SqliteStore
from disk.database import StoreError, reading
from evidence import keys
from evidence.record import Kind, encode_record
from evidence.seal import StoredSeal
from tests.centre.schema import problems
from tests.centre.test_core import body_of, chain_of, manifest, of, opened, whole
from tests.centre.test_core import reading as a_reading
from tests.centre.test_subscriber import Broker, delivery, serve
from tests.evidence.chains import GATEWAY, Chain, heartbeat, secret, stamp
from tests.evidence.records import EPISODE
from wire.mqtt_events import Connected, Message, MqttEvent

NOW_MS: Final = 1_767_268_800_000
TABLES, MODELS = manifest()
CONTENTS: Final[dict[str, list[bytes]]] = {
    "heartbeat": [heartbeat(1)],
    "reading": [a_reading(), a_reading(5.0)],
    "manifest": manifest(2.0),
    "its meters": [TABLES],
    "its tables": [MODELS],
    "reading before its manifest": [a_reading(), *manifest()],
    "episode": [encode_record(Kind.EPISODE, stamp(), EPISODE)],
    "no record": [b"\x00", a_reading()],
}


@cache
def empty() -> bytes:
    """A new database: its migrations cost more than the tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "centre.db"
        SqliteStore(path).close()
        return path.read_bytes()


def fresh(folder: Path) -> Path:
    path = folder / "centre.db"
    path.write_bytes(empty())
    return path


def fed(store: SqliteStore, after: int = 0, piece: int = 1_000) -> list[JsonLine]:
    feed, made = Feed(store.journal()), list[JsonLine]()
    while arrivals := list(feed.read(after, piece)):
        for arrival, lines in arrivals:
            assert arrival.place > after
            after = arrival.place
            made += lines
    return made


def told(line: JsonLine) -> str:
    return json.dumps({name: value for name, value in line.items() if name != "received"})


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[StoredSeal], list[list[Incoming]]]:
    """A chain, and how it came: in any order, doubled, some bodies late, in batches."""
    names = draw(st.lists(st.sampled_from(sorted(CONTENTS)), min_size=3, max_size=9))
    chain = Chain()
    seals = [chain.seal(CONTENTS[name]) for name in names]
    first = [draw(st.sampled_from([whole(seal), chain_of(seal)])) for seal in seals]
    late = draw(st.permutations([body_of(seal) for seal in seals]))
    at = draw(st.integers(0, len(first)))
    messages = [*first[:at], *draw(st.permutations(first[at:] + first[:2])), *first, *late]
    cuts = sorted(draw(st.lists(st.integers(0, len(messages)), max_size=6)))
    ends = [0, *cuts, len(messages)]
    return seals, [messages[low:high] for low, high in pairwise(ends)]


@given(life=lives(), piece=st.integers(1, 4), data=st.data())
@settings(deadline=None, max_examples=12, derandomize=True)
def test_the_store_makes_the_lines_again_that_were_handed_on_live_from_any_place_and_in_any_piece(
    life: tuple[list[StoredSeal], list[list[Incoming]]], piece: int, data: st.DataObject
) -> None:
    seals, batches = life
    with tempfile.TemporaryDirectory() as folder:
        store, centre = opened(fresh(Path(folder)))
        with closing(store):
            live = [line for batch in batches for line in centre.handle(batch, NOW_MS)[1]]
            whole_feed = fed(store)
            assert sorted(map(told, live)) == sorted(map(told, whole_feed))
            assert fed(store, piece=piece) == whole_feed, "the piece makes no difference"
            last = store.journal().last_place()
            after = data.draw(st.integers(0, last))
            passed = [line for _, lines in Feed(store.journal()).read(0, after) for line in lines]
            assert passed + fed(store, after) == whole_feed, "who goes on misses nothing"
            assert not [line for line in whole_feed if problems(line)]
    assert {line["seal"] for line in of(live, "seal")} == {seal.number for seal in seals}


@given(life=lives(), data=st.data())
@settings(deadline=None, max_examples=10, derandomize=True)
def test_no_restart_of_the_centre_loses_a_reading_that_waits_for_its_table(
    life: tuple[list[StoredSeal], list[list[Incoming]]], data: st.DataObject
) -> None:
    _, batches = life
    with tempfile.TemporaryDirectory() as folder:
        store, centre = opened(fresh(Path(folder)))
        live: list[JsonLine] = []
        for batch in batches:
            live += centre.handle(batch, NOW_MS)[1]
            if data.draw(st.booleans()):
                store.close()
                store, centre = opened(Path(folder) / "centre.db")
                learn_again(store, centre)
        found = fed(store)
        store.close()
    for kind in ("reading", "record", "episode", "body", "seal"):
        assert {told(line) for line in of(live, kind)} == {told(line) for line in of(found, kind)}


def learn_again(store: SqliteStore, centre: Centre) -> None:
    """As `Subscriber` does at its start, without a file of what was learnt."""
    nowhere = Memory(Path("/nonexistent"), store, time.monotonic, lambda _, __: None)
    one = subscriber.Subscriber.__new__(subscriber.Subscriber)
    one._store, one.centre, one._memory = store, centre, nowhere
    one._restore(GATEWAY)


def test_a_centre_that_decodes_no_readings_leaves_all_of_them_to_consumers(tmp_path: Path) -> None:
    table, seal = (chain := Chain()).seal(manifest()), chain.seal([a_reading(), heartbeat(2)])
    messages = [chain_of(table), whole(seal), body_of(table), whole(chain.seal([a_reading()]))]
    store, _ = opened(fresh(tmp_path))
    with closing(store):
        centre = Centre(store, bytes(range(32)), decodes=False)
        lines = [line for one in messages for line in centre.handle([one], NOW_MS)[1]]
        assert (len(of(lines, "record")), of(lines, "reading")) == (3, [])
        assert [line["seal"] for line in of(fed(store), "reading")] == [2, 3]


@given(life=lives())
@settings(deadline=None, max_examples=10, derandomize=True)
def test_a_centre_that_decodes_no_readings_stores_the_same(
    life: tuple[list[StoredSeal], list[list[Incoming]]],
) -> None:
    """Also where readings are only recognised: the same marks and findings come of the same messages."""
    _, batches = life
    stored: list[list[object]] = []
    for decodes in (True, False):
        with tempfile.TemporaryDirectory() as folder, closing(opened(fresh(Path(folder)))[0]) as store:
            centre = Centre(store, bytes(range(32)), decodes=decodes)
            for batch in batches:
                centre.handle(batch, NOW_MS)
            stored.append(store.read("SELECT at, what, marks, line FROM journal ORDER BY id"))
    assert stored[0] == stored[1]


def test_a_late_body_has_a_later_place_than_all_that_was_committed_before_it(tmp_path: Path) -> None:
    store, centre = opened(fresh(tmp_path))
    chain = Chain()
    early, late = chain.seal(), chain.seal()
    with closing(store):
        centre.handle([chain_of(early), whole(late)], NOW_MS)
        place = store.journal().last_place()
        centre.handle([body_of(early)], NOW_MS)
        after = fed(store, place)
    assert [(line["type"], line["seal"]) for line in after] == [("body", 1), ("record", 1)]


# ---- subscribe


def messages(*incoming: Incoming) -> list[MqttEvent]:
    return [Message(one.topic, one.payload, retained=False) for one in incoming]


def chapters() -> list[Incoming]:
    """A manifest that comes late, a fork, and a record that is none."""
    chain = Chain()
    first, second, third = (
        chain.seal(manifest()),
        chain.seal([a_reading()]),
        chain.seal([b"\x00", heartbeat(2)]),
    )
    fork = Chain().seal([heartbeat(9)])
    return [chain_of(first), whole(second), whole(third), whole(fork), body_of(first)]


@define
class Killed:
    """Prints into a file, and is killed instead of printing line `number`."""

    file: Path
    number: int

    def __call__(self, line: str) -> None:
        if self.number == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.number -= 1
        with self.file.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def live_once(folder: Path, events: list[MqttEvent], out: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker(events)
    with closing(SqliteStore(folder / "centre.db")) as store:
        serve(broker, store, folder, monkeypatch, out)


CONNECTED: Final = Connected(session_present=True, receive_maximum=10, packet_bytes_max=100_000)


@pytest.mark.parametrize("number", range(12))
def test_a_subscriber_killed_between_commit_and_print_prints_every_line_after_its_start(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "register").write_text(enrolment_line(GATEWAY, keys.public(secret(1))), "utf-8")
    fresh(tmp_path)
    child = os.fork()
    if child == 0:
        try:
            live_once(tmp_path, messages(*chapters()), Killed(tmp_path / "out", number), monkeypatch)
        finally:
            os._exit(os.EX_OK)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or number > 8
    lines = (
        [json.loads(line) for line in (tmp_path / "out").read_text("utf-8").splitlines()] if number else []
    )
    live_once(tmp_path, [CONNECTED], lambda line: lines.append(json.loads(line)), monkeypatch)
    with closing(SqliteStore(tmp_path / "centre.db")) as store:
        wanted = {told(line) for line in fed(store)}
        assert store.delivered() == store.journal().last_place()
    assert {told(line) for line in lines if line["type"] != "centre"} == wanted
    assert {line["type"] for line in lines} >= {"seal", "reading", "record", "finding", "body"}
    assert not [line for line in lines if problems(line)]


def test_what_was_printed_is_not_printed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "register").write_text(enrolment_line(GATEWAY, keys.public(secret(1))), "utf-8")
    first: list[str] = []
    live_once(tmp_path, [delivery()], first.append, monkeypatch)
    second: list[str] = []
    live_once(tmp_path, [CONNECTED], second.append, monkeypatch)
    assert {json.loads(line)["type"] for line in first} == {"seal", "record", "finding"}
    assert [json.loads(line)["type"] for line in second] == ["centre"]


# ---- consumers


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Path, Centre]]:
    store, centre = opened(fresh(tmp_path))
    with closing(store):
        yield tmp_path / "centre.db", centre


def drain(consumer: Consumer) -> list[JsonLine]:
    lines: list[JsonLine] = []
    while True:
        has_come, more = consumer.read()
        if not has_come:
            return lines
        lines += more


def test_a_consumer_reads_beside_the_owner_and_every_cursor_leads_to_the_lines_behind_it(
    place: tuple[Path, Centre],
) -> None:
    path, centre = place
    centre.handle(chapters(), NOW_MS)
    lines = drain(Consumer(path, Wanted()))
    assert len({line["key"] for line in lines}) == len(lines)
    assert not [line for line in lines if problems(line)]
    for at, line in enumerate(lines):
        again = Consumer(path, Wanted())
        again.go_to(line["cursor"])
        rest = [one["key"] for one in drain(again)]
        assert rest[len(rest) - len(lines[at + 1 :]) :] == [one["key"] for one in lines[at + 1 :]]
        assert set(rest) <= {one["key"] for one in lines}


@pytest.mark.parametrize(
    ("wanted", "types"),
    [
        (Wanted(types=frozenset({"reading"})), {"reading"}),
        (Wanted(types=frozenset({"finding", "body"})), {"finding", "body"}),
        (Wanted(gateways=frozenset({"gw-8"})), set()),
        (Wanted(gateways=frozenset({"gw-9"})), set()),
        (Wanted(until_utc_ms=NOW_MS + 1_000, types=frozenset({"reading", "record"})), {"record"}),
        (Wanted(since_utc_ms=NOW_MS + 5_000, types=frozenset({"reading", "record"})), {"reading"}),
        (Wanted(since_utc_ms=NOW_MS + 900_000_000), set()),
    ],
)
def test_filters_take_what_they_say(place: tuple[Path, Centre], wanted: Wanted, types: set[str]) -> None:
    path, centre = place
    centre.handle(chapters(), NOW_MS)
    assert {line["type"] for line in drain(Consumer(path, wanted))} == types


@pytest.mark.parametrize(
    "text", ["", "7", "0-1", "zzzzzzzz-1", "00000000-x", "00000000-1 2-0", "00000001-5-0", "00000000-5", "{}"]
)
def test_what_is_no_cursor_of_this_store_is_refused(text: str) -> None:
    assert parse_cursor(make_cursor(0, Place(77, 5)), 0) == Place(77, 5)
    with pytest.raises(CursorError):
        parse_cursor(text, 0)


@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=4, derandomize=True)
def test_a_file_for_sql_has_every_line_once_however_often_it_is_filled_and_killed(seed: int) -> None:
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store, centre = opened(fresh(folder))
        with closing(store):
            for message in chapters():
                centre.handle([message], NOW_MS)
                if rng.random() < 0.6:
                    fill(folder, pieces=rng.randint(0, 2))
            fill(folder, pieces=9)
            wanted = sorted(line["key"] for line in drain(Consumer(folder / "centre.db", Wanted())))
        with reading(folder / "lines.db") as connection:
            assert [key for (key,) in connection.execute("SELECT key FROM lines ORDER BY key")] == wanted
            rows = connection.execute("SELECT gateway, line, meter, point, value FROM readings").fetchall()
            assert rows == [(GATEWAY, "coating", "m1", "active_power", 1234.5)]
            assert ("fork",) in connection.execute("SELECT code FROM findings").fetchall()
            assert connection.execute("SELECT seal, has_body FROM seals").fetchall() == [
                (1, 1),
                (2, 1),
                (3, 1),
            ]


def fill(folder: Path, pieces: int) -> None:
    """As `consume --into` does, stopped after some pieces."""
    consumer = Consumer(folder / "centre.db", Wanted())
    with closing(LinesFile.open(folder / "lines.db", consumer.store)) as file:
        if file.cursor():
            consumer.go_to(file.cursor())
        for _ in range(pieces):
            file.put(consumer.read()[1], consumer.cursor)


def test_the_table_of_episodes_has_the_last_that_was_told_of_each(place: tuple[Path, Centre]) -> None:
    path, centre = place
    ended = {**EPISODE, "state": "cleared", "end_at_s": EPISODE["begin_at_s"] + 600}
    seal = Chain().seal(
        [encode_record(Kind.EPISODE, stamp(at), body) for at, body in ((1, EPISODE), (2, ended))]
    )
    centre.handle([whole(seal)], NOW_MS)
    fill(path.parent, pieces=1)
    with reading(path.parent / "lines.db") as connection:
        ends = "2026-01-01T12:01:00.000Z", "2026-01-01T12:11:00.000Z"
        sql = "SELECT episode, rule, state, begin_at, end_at, sentence_zh, record FROM episodes"
        assert connection.execute(sql).fetchall() == [("k1-off-1767268860", "off", "cleared", *ends, "停", 2)]


def test_a_file_that_is_another_database_or_of_another_store_is_left_alone(
    place: tuple[Path, Centre],
) -> None:
    path, _ = place
    store = Consumer(path, Wanted()).store
    with pytest.raises(StoreError, match="another database"):
        LinesFile.open(path, store)
    LinesFile.open(path.parent / "lines.db", store + 1).close()
    with pytest.raises(StoreError, match="another store"):
        LinesFile.open(path.parent / "lines.db", store)


def test_a_cursor_of_before_a_restore_is_refused_once_the_store_went_on_by_itself(
    place: tuple[Path, Centre],
) -> None:
    path, centre = place
    centre.handle(chapters(), NOW_MS)
    consumer = Consumer(path, Wanted())
    drain(consumer)
    consumer.go_to(consumer.cursor)
    number = parse_cursor(consumer.cursor, consumer.store).number
    for spoilt in (Place(number, NOW_MS + 1), Place(number + 1, NOW_MS)):
        with pytest.raises(CursorError) as caught:
            consumer.go_to(make_cursor(consumer.store, spoilt))
        assert caught.value.is_of_other
