"""Today's loads out of the chain: the same whatever the number of looks, from whatever lies on the disk."""

import itertools
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import evolve

from agent.store.gateway import GatewayStore
from agent.store.names import DATABASE_NAME
from provisioning.live.page.chain import BUDGET_S, Chain
from provisioning.live.page.day import COLUMN_S, COLUMNS, DAY_S, Day
from provisioning.live.page.site import SiteFile, SitePlan
from tests.agent.rig import BEGIN_S
from tests.provisioning.live.page.plant import HOUR_S, Plant, at_once, load

MIDNIGHT_S = BEGIN_S - 5 * HOUR_S - 20 * 60
"""The plant's day began 5 hours and 20 minutes before its gateway."""


@pytest.fixture
def plan(lived: Plant) -> SitePlan:
    return SiteFile(lived.site).plan()


def whole(plant: Plant, plan: SitePlan, now_s: float | None = None) -> Day:
    view = Chain(plant.state / DATABASE_NAME, at_once).read(plan, now_s or plant.now_s)
    assert view.day is not None
    assert view.complete
    return view.day


def column(day: Day, second: float) -> int:
    return int((BEGIN_S + second - day.begin_s) / COLUMN_S)


def test_the_day_begins_at_the_plants_own_midnight(lived: Plant, plan: SitePlan) -> None:
    day = whole(lived, plan)
    assert (day.begin_s, day.end_s) == (MIDNIGHT_S, MIDNIGHT_S + DAY_S)


def test_loads_are_what_the_meters_said(lived: Plant, plan: SitePlan) -> None:
    day = whole(lived, plan)
    assert set(day.loads) == {"p1", "t1"}
    for hour in (0.5, 2.0, 3.3, 4.2):
        production, treatment = load(hour * HOUR_S)
        for line, watts in (("p1", production), ("t1", treatment)):
            low, high = (
                side[column(day, hour * HOUR_S)] for side in (day.loads[line].low, day.loads[line].high)
            )
            assert low is not None
            assert high is not None
            assert low <= watts + 1
            assert high >= watts - 1
            assert high - low < 3_000
    assert day.loads["p1"].high[0] is None, "before the gateway's first seal"
    assert day.loads["p1"].high[column(day, 5.2 * HOUR_S)] is None, "after its last one"


def test_an_episode_is_known_with_its_last_word_and_its_trace(lived: Plant, plan: SitePlan) -> None:
    (body,) = whole(lived, plan).episodes.values()
    assert (body["rule"], body["state"]) == ("off", "cleared")
    assert body["trace"]["production_w"]


def test_many_short_looks_find_what_one_long_look_finds(lived: Plant, plan: SitePlan) -> None:
    ticks = itertools.count()
    chain = Chain(lived.state / DATABASE_NAME, clock=lambda: next(ticks) * BUDGET_S / 2)
    seen = []
    while not seen or not seen[-1].complete:
        view = chain.read(plan, lived.now_s)
        assert view.day is not None
        seen.append(evolve(view, day=None))
    assert len(seen) > 5
    assert [one.complete for one in seen[:-1]] == [False] * (len(seen) - 1)
    day, expected = view.day, whole(lived, plan)
    assert (day.loads, day.episodes, day.silences, day.last) == (
        expected.loads,
        expected.episodes,
        expected.silences,
        expected.last,
    )


def test_a_look_after_everything_was_seen_takes_nothing_again(lived: Plant, plan: SitePlan) -> None:
    chain = Chain(lived.state / DATABASE_NAME, at_once)
    first = chain.read(plan, lived.now_s).day
    assert first is not None
    taken = first.last
    assert chain.read(plan, lived.now_s).day is first
    assert first.last == taken == chain.read(plan, lived.now_s).last


def test_the_next_day_begins_anew_and_the_day_before_stays_until_a_seal_is_made(
    lived: Plant, plan: SitePlan
) -> None:
    day = whole(lived, plan, lived.now_s + 3 * DAY_S)
    assert day.begin_s == MIDNIGHT_S, "the last day on record"
    assert day.loads


def test_a_day_without_seals_before_the_first_one_is_found_by_halving(lived: Plant, plan: SitePlan) -> None:
    """A zone in which midnight falls into the shift: only what came after it is drawn."""
    moved = evolve(plan, offset_s=plan.offset_s - 8 * HOUR_S)
    day = whole(lived, moved)
    assert day.begin_s == MIDNIGHT_S + 8 * HOUR_S
    known = [at for at, watts in enumerate(day.loads["p1"].high) if watts is not None]
    assert known[0] == 0
    assert known[-1] == pytest.approx((5 - 2 - 40 / 60) * HOUR_S / COLUMN_S, abs=2)


def test_a_body_that_is_not_held_is_counted_and_the_rest_is_drawn(copied: Plant, plan: SitePlan) -> None:
    store = GatewayStore(copied.state / DATABASE_NAME, 1 << 26)
    store.drop_bodies(100, 139, at_once=True)
    store.close()
    day = whole(copied, plan)
    assert day.unread == 40
    assert sum(watts is not None for watts in day.loads["p1"].high) > 0.8 * 5 * HOUR_S / COLUMN_S


def test_a_body_that_was_changed_on_the_disk_is_not_drawn(copied: Plant, plan: SitePlan) -> None:
    connection = sqlite3.connect(copied.state / DATABASE_NAME)
    connection.execute("UPDATE seals SET body = zeroblob(length(body)) WHERE number BETWEEN 200 AND 219")
    connection.commit()
    connection.close()
    assert whole(copied, plan).unread == 20


def test_a_silence_of_the_gateway_is_told(copied: Plant, plan: SitePlan) -> None:
    connection = sqlite3.connect(copied.state / DATABASE_NAME)
    connection.execute("DELETE FROM seals WHERE number BETWEEN 300 AND 399")
    connection.commit()
    connection.close()
    day = whole(copied, plan)
    (silence,) = day.silences
    assert silence[1] - silence[0] == pytest.approx(101 * 15, abs=30)
    assert day.last == 1_201


@pytest.mark.parametrize("state", ["none", "empty", "noise"])
def test_where_there_is_no_chain_there_is_no_day_and_a_reason(
    tmp_path: Path, plan: SitePlan, state: str
) -> None:
    database = tmp_path / DATABASE_NAME
    if state == "empty":
        GatewayStore(database, 1 << 24).close()
    elif state == "noise":
        database.write_bytes(b"no database" * 1000)
    view = Chain(database, at_once).read(plan, 0.0)
    assert view.day is None
    assert {"none": "no chain", "empty": "no seal", "noise": "not a database"}[state] in view.problem


def test_a_folder_that_cannot_be_looked_into_is_a_reason(plan: SitePlan) -> None:
    view = Chain(Path("x" * 300) / DATABASE_NAME, at_once).read(plan, 0.0)
    assert view.day is None
    assert "File name too long" in view.problem


def test_nothing_on_the_disk_is_changed_by_looking(copied: Plant, plan: SitePlan) -> None:
    before = {
        path.name: path.read_bytes() for path in copied.state.iterdir() if not path.name.endswith("-shm")
    }
    whole(copied, plan)
    after = {
        path.name: path.read_bytes() for path in copied.state.iterdir() if not path.name.endswith("-shm")
    }
    assert {name: raw for name, raw in after.items() if raw} == {
        name: raw for name, raw in before.items() if raw
    }


READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'
LOOK = """
import sys
from pathlib import Path
from provisioning.live.page.chain import Chain
from provisioning.live.page.site import SiteFile
view = Chain(Path(sys.argv[2]), lambda: 0.0).read(SiteFile(Path(sys.argv[1])).plan(), float(sys.argv[3]))
print(sorted(view.day.loads) if view.day else view.problem)
"""


def test_a_chain_that_nobody_owns_is_read_where_nothing_may_be_written(copied: Plant) -> None:
    """As under the unit of the page: SQLite cannot make the file that it would share with writers."""
    for name in ("-wal", "-shm"):
        (copied.state / f"{DATABASE_NAME}{name}").unlink(missing_ok=True)
    shut = ["unshare", "--map-root-user", "--mount", "sh", "-c", READ_ONLY, "sh", str(copied.state)]
    look = [
        sys.executable,
        "-c",
        LOOK,
        str(copied.site),
        str(copied.state / DATABASE_NAME),
        str(copied.now_s),
    ]
    done = subprocess.run([*shut, *look], capture_output=True, text=True, check=False)
    assert done.stdout == "['p1', 't1']\n", done.stderr
    assert not (copied.state / f"{DATABASE_NAME}-shm").exists()


def test_a_chain_is_read_while_its_owner_holds_it(copied: Plant, plan: SitePlan) -> None:
    store = GatewayStore(copied.state / DATABASE_NAME, 1 << 26)
    try:
        assert whole(copied, plan).loads
    finally:
        store.close()


def test_the_receipt_is_the_newest_that_the_centre_has_signed(lived: Plant, plan: SitePlan) -> None:
    view = Chain(lived.state / DATABASE_NAME, at_once).read(plan, lived.now_s)
    assert view.receipt is not None
    assert view.receipt.number == view.last - 2
    stranger = evolve(plan, centre_key=bytes(32))
    assert Chain(lived.state / DATABASE_NAME, at_once).read(stranger, lived.now_s).receipt is None


def test_a_day_has_as_many_columns_as_a_drawing_has_pixels() -> None:
    assert COLUMNS * COLUMN_S == DAY_S
