"""From the store to the queue: what is made of readings, whatever came late and whenever it was killed."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest

from centre.consumer import Consumer, Wanted
from centre.hj212.source import Source
from disk.database import StoreError
from drivers.hj212.encoding import check_region
from tests.centre.hj212.plant import NOON_MS, fill, hosts_of, readings_of
from tests.centre.test_core import chain_of, manifest, opened, whole
from tests.centre.test_feed import NOW_MS, fresh
from tests.evidence.chains import Chain
from wire.platforms.hosts import Host
from wire.platforms.queue import Queue

Row = tuple[str, str, str, str]
ALL: Final = "SELECT host, cn, data_time, region FROM packets ORDER BY host, data_time, cn, st"
MORE: Final = "real_s = 60\nminute_min = 5"


@contextmanager
def source_of(
    folder: Path, hosts: tuple[Host, ...], since_ms: int = NOON_MS
) -> Iterator[tuple[Source, Queue]]:
    consumer = Consumer(folder / "centre.db", Wanted(types=frozenset({"reading", "seal", "body"})))
    with closing(Queue.open(folder / "queue.db", consumer.store, since_ms)) as queue:
        yield Source(consumer, queue, hosts), queue


def run(folder: Path, hosts: tuple[Host, ...], now_ms: int = NOON_MS) -> list[Row]:
    with source_of(folder, hosts) as (source, queue):
        while source.turn(now_ms):
            pass
        return list(queue._database.read(ALL))


def test_readings_become_real_time_values_minutes_and_states(tmp_path: Path) -> None:
    fill(tmp_path, 12)
    rows = run(tmp_path, hosts_of(tmp_path, more=MORE))
    real = [(data_time, region) for _, cn, data_time, region in rows if cn == "2011" and "d3" in region]
    assert [at for at, _ in real] == [f"2026010120{minute:02d}00" for minute in range(11)]
    assert real[0][1] == (
        "DataTime=20260101200000;d30102-Rtd=229.80,d30102-Flag=N;d30202-Rtd=230.10,d30202-Flag=N;"
        "d30302-Rtd=230.40,d30302-Flag=N;d30402-Rtd=1.74,d30402-Flag=N"
    )
    minutes = [region for _, cn, _, region in rows if cn == "2051"]
    assert len(minutes) == 2
    assert "d30102-Min=229.80,d30102-Avg=229.80,d30102-Max=229.80,d30102-Flag=N" in minutes[0]
    assert "DataTime=20260101200000;p99102-Rtd=N" in [region for *_, region in rows]
    assert "DataTime=20260101200000;SB1-RS=1" in [region for *_, region in rows]
    for *_, region in rows:
        check_region(region)


def test_2017_sends_energy_under_the_process_and_no_voltages(tmp_path: Path) -> None:
    hosts = hosts_of(tmp_path, edition=2017)
    names = {one.code for one in hosts[0].codes.codes}
    assert {"i33201", "i33202"} <= names
    assert not any(name.startswith("d") for name in names)


def test_2017_says_by_the_equipment_alone_whether_it_runs(tmp_path: Path) -> None:
    fill(tmp_path, 4)
    rows = run(tmp_path, hosts_of(tmp_path, edition=2017))
    assert {(cn, region.partition(";")[2]) for _, cn, _, region in rows} == {("2021", "SB1-RS=1")}


@pytest.mark.parametrize("late", [(3,), (2, 3, 4), (0,), (1, 5, 9)])
def test_bodies_that_come_late_change_no_packet(late: tuple[int, ...], tmp_path: Path) -> None:
    (tmp_path / "late").mkdir()
    (tmp_path / "whole").mkdir()
    fill(tmp_path / "late", 12, late)
    fill(tmp_path / "whole", 12)
    hosts = hosts_of(tmp_path, more=MORE)
    assert run(tmp_path / "late", hosts) == run(tmp_path / "whole", hosts)


def test_a_missing_body_holds_back_only_what_it_belongs_to(tmp_path: Path) -> None:
    fresh(tmp_path)
    store, centre = opened(tmp_path / "centre.db")
    chain = Chain()
    with closing(store):
        centre.handle([whole(chain.seal(manifest()))], NOW_MS)
        for minute in range(8):
            seal = chain.seal(readings_of(minute * 60, (minute + 1) * 60))
            centre.handle([chain_of(seal) if minute == 3 else whole(seal)], NOW_MS)
    hosts = hosts_of(tmp_path, more=MORE)
    sent = {data_time[8:12] for _, cn, data_time, _ in run(tmp_path, hosts) if cn == "2011"}
    assert sent == {"2000", "2001", "2005", "2006"}  # 2003 is missing, and both beside it could have more
    later = run(tmp_path, hosts, NOON_MS + 86_400_000 + 600_000)
    assert {data_time[8:12] for _, cn, data_time, _ in later if cn == "2011"} >= {"2002", "2004"}


def test_a_backlog_of_days_makes_the_same_packets_whatever_the_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is older than the wait for missing bodies is not made of a part either."""
    for name in ("live", "old"):
        (tmp_path / name).mkdir()
        fill(tmp_path / name, 12)
    hosts = hosts_of(tmp_path, more=MORE)
    live = run(tmp_path / "live", hosts)
    monkeypatch.setattr("centre.consumer.PIECE_ARRIVALS", 1)
    old = run(tmp_path / "old", hosts, NOON_MS + 10 * 86_400_000)
    assert [row for row in old if row in live] == live
    assert {row[1] for row in old} - {row[1] for row in live} <= {"2061", "2031", "2041"}


def test_a_reading_of_next_year_pins_nothing(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    assert run(tmp_path, hosts_of(tmp_path, more=MORE), NOON_MS - 2 * 86_400_000) == []


def test_a_kill_at_any_step_makes_the_same_packets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("centre.consumer.PIECE_ARRIVALS", 2)
    monkeypatch.setattr("centre.hj212.source.PIECES_MAX", 1)
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        fill(tmp_path / name, 8, (2,))
    hosts = hosts_of(tmp_path, 2, more=MORE)
    for turns in range(1, 13, 2):  # a new process each time: only the file is left of the one before
        with source_of(tmp_path / "killed", hosts) as (source, queue):
            for _ in range(turns):
                source.turn(NOON_MS)
            killed = list(queue._database.read(ALL))
    assert killed == run(tmp_path / "whole", hosts)
    assert len({(*row[:3], row[3][:40]) for row in killed}) == len(killed)


def test_a_queue_of_another_store_is_refused(tmp_path: Path) -> None:
    with closing(Queue.open(tmp_path / "queue.db", 1, 0)):
        pass
    with pytest.raises(StoreError, match="another store"):
        Queue.open(tmp_path / "queue.db", 2, 0)
