"""From a gateway's own chain to the queue of its platforms, over kills, changed ratios and lost bodies."""

import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from attrs import evolve

from agent.platforms.feed import SEALS_MAX, ChainFeed, make_cursor, parse_cursor
from agent.site.platforms import read_platforms
from agent.store.gateway import read_seals_from
from drivers.hj212.encoding import check_region
from drivers.hj212.times import write_time
from evidence.record import Kind
from evidence.seal import StoredSeal
from tests.agent.rig import BEGIN_S, Rig
from tests.centre.hj212.plant import MN
from wire.platforms.hosts import Host
from wire.platforms.queue import Queue

BEGIN_MS: Final = BEGIN_S * 1000
DAY_MS: Final = 86_400_000
ALL: Final = "SELECT host, st, cn, data_time, region FROM packets ORDER BY host, data_time, cn, st"
SITE: Final = f"""
[[hj212]]
name = "city"
address = "127.0.0.1:1"
credentials = "city.secret"
minute_min = 5
[[hj212.code]]
st = "44"
points = ["active_power"]
code = "d{{role}}05{{facility}}"
source = "a letter"
[[hj212.station]]
mn = "{MN}"
[[hj212.station.meter]]
id = "mt"
role = "treatment"
facility = 2
running_w = 500.0
condition = "p99102"
equipment = 1
"""

Row = tuple[str, str, str, str, str]


def hosts_of(text: str = SITE) -> tuple[Host, ...]:
    hosts, problems = read_platforms(tomllib.loads(text)["hj212"], "g1", ["mp", "mt"], Path)
    assert problems == []
    return hosts


@contextmanager
def feeding(rig: Rig, folder: Path, hosts: tuple[Host, ...]) -> Iterator[tuple[ChainFeed, Queue]]:
    with closing(Queue.open(folder / "hj212.db", 0, BEGIN_MS)) as queue:
        read = partial(read_seals_from, rig.folder / "state/chain.db")
        yield ChainFeed(read, rig.parts.judging.feed.setups, queue, hosts), queue


def rows(queue: Queue) -> list[Row]:
    return list(queue._database.read(ALL))


def run(rig: Rig, folder: Path, hosts: tuple[Host, ...]) -> list[Row]:
    """All that a feed makes which sees the chain from its first seal on."""
    folder.mkdir(exist_ok=True)
    with closing(Queue.open(folder / "hj212.db", 0, BEGIN_MS)) as queue:
        queue.put({}, make_cursor(1, {}), {})
    with feeding(rig, folder, hosts) as (feed, queue):
        while feed.turn(BEGIN_MS + DAY_MS):
            pass
        return rows(queue)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """Twelve minutes of a chain."""
    made = Rig(tmp_path / "g1")
    made.run(720, 30_000.0, 12_000.0, step_s=20.0)
    return made


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> None:
    (tmp_path / "g1").mkdir()


def test_what_is_sealed_becomes_real_time_values_minutes_and_states(rig: Rig, tmp_path: Path) -> None:
    made = run(rig, tmp_path / "q", hosts_of())
    real = [(at, region) for _, st, cn, at, region in made if (st, cn) == ("44", "2011")]
    assert [at for at, _ in real] == [write_time(BEGIN_MS + minute * 60_000) for minute in range(11)]
    assert {region.partition(";")[2] for _, region in real} == {"d30502-Rtd=12000.00,d30502-Flag=N"}
    (first, second) = [(at, region) for _, _, cn, at, region in made if cn == "2051"]
    assert (first[0], second[0]) == (write_time(BEGIN_MS), write_time(BEGIN_MS + 300_000))
    assert "d30502-Min=12000.00,d30502-Avg=12000.00,d30502-Max=12000.00,d30502-Flag=N" in first[1]
    assert {region.partition(";")[2] for _, st, _, _, region in made if st == "45"} == {"p99102-Rtd=N"}
    assert "SB1-RS=1" in {region.partition(";")[2] for _, _, cn, _, region in made if cn == "2021"}
    for *_, region in made:
        check_region(region)


def test_a_new_platform_gets_what_is_sealed_from_then_on(rig: Rig, tmp_path: Path) -> None:
    with feeding(rig, tmp_path, hosts_of()) as (feed, queue):
        assert feed.turn(BEGIN_MS + DAY_MS) is False
        assert rows(queue) == []
        rig.run(180, 30_000.0, 12_000.0, step_s=20.0)
        while feed.turn(BEGIN_MS + DAY_MS):
            pass
        times = [at for _, st, cn, at, _ in rows(queue) if (st, cn) == ("44", "2011")]
    assert times == [write_time(BEGIN_MS + minute * 60_000) for minute in (12, 13)]


@pytest.mark.parametrize("turns", [1, 2, 5])
def test_a_kill_after_any_turn_makes_the_same_packets(turns: int, rig: Rig, tmp_path: Path) -> None:
    hosts = hosts_of(SITE + SITE.replace('"city"', '"province"'))
    whole = run(rig, tmp_path / "whole", hosts)
    folder = tmp_path / "killed"
    folder.mkdir()
    with closing(Queue.open(folder / "hj212.db", 0, BEGIN_MS)) as queue:
        queue.put({}, make_cursor(1, {}), {})
    has_more = True
    while has_more:  # each life has nothing but the file of the one before, and gets a little further
        turns += 1
        with feeding(rig, folder, hosts) as (feed, queue):
            for _ in range(turns):
                has_more = feed.turn(BEGIN_MS + DAY_MS)
            killed = rows(queue)
    assert killed == whole
    assert len({row[:4] for row in killed}) == len(killed)


def test_a_ratio_that_changes_changes_no_reading_before_it(rig: Rig, tmp_path: Path) -> None:
    """The cursor lies behind the first manifest, so it must carry what that said."""
    with feeding(rig, tmp_path, hosts_of()) as (feed, queue):
        queue.put({}, make_cursor(1, {}), {})
        feed._next = 1
        while feed.turn(BEGIN_MS + DAY_MS):
            pass
        assert parse_cursor(queue.cursor)[0] > 1
        assert parse_cursor(queue.cursor)[1] == {"mt": (1.0, 1.0)}
    setups = rig.parts.judging.feed.setups
    doubled = {name: evolve(setup, ct_ratio=2.0) for name, setup in setups.items()}
    rig.run(180, 30_000.0, 12_000.0, step_s=20.0)
    with closing(Queue.open(tmp_path / "hj212.db", 0, BEGIN_MS)) as queue:
        read = partial(read_seals_from, rig.folder / "state/chain.db")
        feed = ChainFeed(read, doubled, queue, hosts_of())
        while feed.turn(BEGIN_MS + DAY_MS):
            pass
        regions = {region for _, st, cn, _, region in rows(queue) if (st, cn) == ("44", "2011")}
    assert {region.partition(";")[2] for region in regions} == {"d30502-Rtd=12000.00,d30502-Flag=N"}


def test_bodies_that_were_given_up_are_left_out_and_hold_nothing_back(rig: Rig, tmp_path: Path) -> None:
    whole = run(rig, tmp_path / "whole", hosts_of())
    chain = rig.folder / "state/chain.db"

    def read(first: int, limit: int) -> tuple[int, list[StoredSeal]]:
        newest, seals = read_seals_from(chain, first, limit)
        return newest, [evolve(one, body=None) if 10 <= one.number < 20 else one for one in seals]

    with closing(Queue.open(tmp_path / "hj212.db", 0, BEGIN_MS)) as queue:
        queue.put({}, make_cursor(1, {}), {})
        feed = ChainFeed(read, rig.parts.judging.feed.setups, queue, hosts_of())
        while feed.turn(BEGIN_MS + DAY_MS):
            pass
        left = [row for row in rows(queue) if row[1:3] == ("44", "2011")]
    assert set(left) < {row for row in whole if row[1:3] == ("44", "2011")}
    assert left[-1] == [row for row in whole if row[1:3] == ("44", "2011")][-1]


def test_a_disk_that_is_an_older_one_goes_on_at_its_newest_seal(rig: Rig, tmp_path: Path) -> None:
    with feeding(rig, tmp_path, hosts_of()) as (feed, queue):
        queue.put({}, make_cursor(10**6, {}), {})
        feed._next = 10**6
        assert feed.turn(BEGIN_MS + DAY_MS) is False
        assert rows(queue) == []
        rig.run(180, 30_000.0, 12_000.0, step_s=20.0)
        while feed.turn(BEGIN_MS + DAY_MS):
            pass
        assert rows(queue)


def test_a_reading_of_tomorrow_holds_nothing_open(rig: Rig, tmp_path: Path) -> None:
    with feeding(rig, tmp_path, hosts_of()) as (feed, queue):
        feed._next = 1
        while feed.turn(BEGIN_MS - 2 * DAY_MS):
            pass
        assert rows(queue) == []
        assert parse_cursor(queue.cursor)[0] > SEALS_MAX


def test_a_turn_reads_a_bounded_piece(rig: Rig, tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []

    def read(first: int, limit: int) -> tuple[int, list[StoredSeal]]:
        asked.append((first, limit))
        return read_seals_from(rig.folder / "state/chain.db", first, limit)

    with closing(Queue.open(tmp_path / "hj212.db", 0, BEGIN_MS)) as queue:
        feed = ChainFeed(read, rig.parts.judging.feed.setups, queue, hosts_of())
        feed.turn(BEGIN_MS + DAY_MS)
    assert asked == [(1, 0)]
    assert Kind.READING in {record.kind for record in rig.records()}
