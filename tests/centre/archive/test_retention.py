"""A closed month leaves the store only when its file is proved; a kill at any step loses nothing."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from centre.archive.month_file import MonthFileError, prove
from centre.archive.months import Month
from centre.archive.retention import (
    Filed,
    drop,
    file_share,
    find_holders,
    find_overdue,
    list_due,
    note_archived,
    put_back,
)
from centre.core import Centre
from centre.feed import Feed
from centre.fleet.watcher import Watcher
from centre.store.contract import CentreStore, LateBody
from centre.store.place import Place, Server, open_beside, open_store, open_to_read
from centre.store.sql import SqlStore
from evidence import keys
from evidence.delegated import Signer
from evidence.pack.export import verify_file
from evidence.seal import StoredSeal
from tests.centre.store.contract import ENROLLED, ENROLMENT, rekeyed
from tests.centre.store.test_copying import NOW_MS, KilledError, contents
from tests.centre.test_core import body_of, chain_of, manifest, reading, whole
from tests.evidence.chains import GATEWAY, Chain, heartbeat, secret

CENTRE = secret(0, "centre")
PUBLIC = keys.public(CENTRE)
JANUARY = Month(2026, 1)
FEBRUARY = Month(2026, 2)
IN_FEBRUARY_MS = FEBRUARY.begin_ms + 1
LATER_MS = Month(2026, 4).begin_ms
"""January and February are closed, and January is overdue."""


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return tmp_path / "centre.db"
    return Server(request.getfixturevalue("postgresql").make_database())


def live(place: Place) -> tuple[Chain, list[StoredSeal]]:
    """January: a manifest and readings, one body lacking. February: readings. April: more."""
    chain = Chain()
    seals = [chain.seal(manifest()), *(chain.seal([reading(float(at))]) for at in range(7))]
    with closing(open_store(place)) as store:
        store.enrol(GATEWAY, keys.public(secret(1)), keys.public(secret(0, "recovery")), ENROLLED, NOW_MS)
        centre = Centre(store, CENTRE)
        centre.handle([*map(whole, seals[:3]), chain_of(seals[3])], NOW_MS)
        centre.handle([*map(whole, seals[4:7])], IN_FEBRUARY_MS)
        centre.handle([whole(seals[7])], LATER_MS)
        store.note_delivered(store.journal().last_place())
    return chain, seals


def file_all(place: Place, folder: Path, now_ms: int = LATER_MS) -> list[Filed]:
    signer = Signer.of_root(CENTRE)
    return [
        file_share(place, due, folder / "archive", signer, PUBLIC, now_ms) for due in list_due(place, now_ms)
    ]


def archive_all(place: Place, folder: Path) -> int:
    filed = file_all(place, folder)
    with closing(open_beside(place)) as store:
        count = drop(store, filed)
        note_archived(store, FEBRUARY)
    return count


def bodies(store: CentreStore) -> list[int]:
    return [number for number, _, body, _ in store.chain(GATEWAY) if body is not None]


def file_of(folder: Path, month: Month) -> Path:
    return folder / "archive" / GATEWAY / f"{month}.cbor"


def test_closed_months_lie_in_files_that_verify_and_the_store_goes_on(place: Place, tmp_path: Path) -> None:
    chain, seals = live(place)
    before = contents(place)
    assert archive_all(place, tmp_path) == 5
    january = verify_file(file_of(tmp_path, JANUARY), centre_key=PUBLIC)
    february = verify_file(file_of(tmp_path, FEBRUARY), centre_key=PUBLIC)
    assert (january.ok, january.begin, january.seals, january.bodies) == (True, 0, 4, 3)
    assert (february.ok, february.begin, february.seals, february.bodies) == (True, 5, 3, 3)
    assert january.withheld == [(4, 4)]
    assert february.enrolment == ENROLMENT
    with closing(open_store(place)) as store:
        assert bodies(store) == [1, 8]  # the manifest is looked into, April is not closed
        receipt = store.last_receipt(GATEWAY)
        assert store.state(GATEWAY).number == 8
        assert (store.held(GATEWAY).up_to, store.held(GATEWAY).ranges) == (3, ((5, 8),))
        centre = Centre(store, CENTRE)
        answers, lines = centre.handle([whole(seals[1]), body_of(seals[1])], LATER_MS)
        assert (len(answers), [line["type"] for line in lines]) == (1, [])
        assert bodies(store) == [1, 8]
        assert len(centre.handle([whole(chain.seal([reading(9.0)]))], LATER_MS)[0]) == 1
        assert store.last_receipt(GATEWAY) not in {None, receipt}
        ((_, lines),) = Feed(store.journal()).read(store.journal().last_place() - 1, 1)
        assert {"seal", "reading"} == {line["type"] for line in lines}
    assert archive_all(place, tmp_path) == 0
    with closing(open_beside(place)) as target:
        assert put_back(target, file_of(tmp_path, JANUARY), PUBLIC) == 2
        assert put_back(target, file_of(tmp_path, FEBRUARY), PUBLIC) == 3
        assert put_back(target, file_of(tmp_path, FEBRUARY), PUBLIC) == 0
        assert [*target.chain(GATEWAY)][:8] == before[4]


def test_a_body_that_comes_after_its_month_was_archived_is_added_to_the_file(
    place: Place, tmp_path: Path
) -> None:
    _, seals = live(place)
    archive_all(place, tmp_path)
    with closing(open_store(place)) as store:
        store.commit([LateBody(GATEWAY, 4, seals[3].body, (), LATER_MS)])
        store.note_delivered(store.journal().last_place())
        assert bodies(store) == [1, 4, 8]
    assert archive_all(place, tmp_path) == 1
    report = verify_file(file_of(tmp_path, JANUARY), centre_key=PUBLIC)
    assert (report.ok, report.bodies, report.withheld) == (True, 4, [])


@contextmanager
def cut(store: SqlStore, step: int, *, is_after: bool) -> Iterator[None]:
    """The process ends before or after its transaction number `step`."""
    database: Any = store._database  # type: ignore[attr-defined]
    write: Callable[[], Any] = database.write
    done = 0

    @contextmanager
    def counted() -> Iterator[Any]:
        nonlocal done
        done += 1
        if done == step and not is_after:
            raise KilledError
        with write() as connection:
            yield connection
        if done == step:
            raise KilledError

    database.write = counted
    try:
        yield
    finally:
        database.write = write


def test_whatever_is_killed_when_nothing_is_lost_and_the_same_call_goes_on(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(place)
    before = contents(place)
    monkeypatch.setattr("centre.store.sqlite.DROP_SEALS", 2)
    kills, step = 0, 0
    while True:
        step += 1
        for is_after in (False, True):
            filed = file_all(place, tmp_path)
            with closing(open_beside(place)) as store:
                try:
                    with cut(store, step, is_after=is_after):
                        drop(store, filed)
                except KilledError:
                    kills += 1
                else:
                    break
            with closing(open_store(place)) as store:  # what is not in the store is in a file
                have = set(bodies(store))
            for month in (JANUARY, FEBRUARY):
                for first, last in prove(file_of(tmp_path, month), PUBLIC).spans:
                    have |= set(range(first, last + 1))
            assert have == {1, 2, 3, 5, 6, 7, 8}
        else:
            continue
        break
    assert kills >= 4
    with closing(open_beside(place)) as store:
        assert bodies(store) == [1, 8]
        for month in (JANUARY, FEBRUARY):
            put_back(store, file_of(tmp_path, month), PUBLIC)
    after = contents(place)
    assert after[:5] == before[:5]


def test_a_month_is_held_while_a_consumer_has_not_read_it(place: Place) -> None:
    live(place)
    with closing(open_store(place)) as store:
        places = [one.place for one in store.journal().arrivals(0, 100)]
    months = (JANUARY, FEBRUARY)
    assert find_holders(place, months, {"all": places[-1]}) == {}
    assert find_holders(place, months, {"some": places[4]}) == {FEBRUARY: "some"}
    assert set(find_holders(place, months, {"none": 0})) == {JANUARY, FEBRUARY}
    with closing(open_store(place)) as store:
        store.note_delivered(places[0])
        store.commit([])
    assert find_holders(place, months, {}) == dict.fromkeys(months, "dianjian subscribe")


def test_what_is_overdue_is_the_month_behind_the_last_one_that_was_archived(place: Place) -> None:
    live(place)
    with closing(open_to_read(place)) as snapshot:
        assert find_overdue(snapshot.read, NOW_MS) is None
        assert find_overdue(snapshot.read, LATER_MS) == JANUARY
    with closing(open_beside(place)) as store:
        note_archived(store, JANUARY)
        note_archived(store, JANUARY)
    watcher = Watcher(place)
    watcher.read()
    assert Month.of_number(watcher.archived) == JANUARY
    with closing(open_to_read(place)) as snapshot:
        assert find_overdue(snapshot.read, LATER_MS - 1) is None
        assert find_overdue(snapshot.read, LATER_MS) == FEBRUARY


def test_a_key_that_changed_within_a_month_is_followed_in_its_file(place: Place, tmp_path: Path) -> None:
    chain, _ = live(place)
    with closing(open_store(place)) as store:
        store.commit([rekeyed(store.state(GATEWAY))])
        more = [chain.seal([heartbeat(at)]) for at in (9, 10)]
        Centre(store, CENTRE).handle([*map(whole, more)], LATER_MS)
    filed = file_all(place, tmp_path, Month(2026, 6).begin_ms)
    last = filed[-1].proved.report
    assert (str(filed[-1].due.share.month), last.ok, last.begin, last.seals) == ("2026-04", True, 8, 3)
    assert last.statements == 1


@pytest.mark.parametrize("month", [JANUARY, FEBRUARY])
def test_a_file_that_was_damaged_gives_nothing_up_and_is_not_written_over(
    place: Place, tmp_path: Path, month: Month
) -> None:
    live(place)
    file_all(place, tmp_path)
    file = file_of(tmp_path, month)
    raw = file.read_bytes()
    file.write_bytes(raw[:-30] + bytes([raw[-30] ^ 1]) + raw[-29:])
    with pytest.raises(MonthFileError):
        file_all(place, tmp_path)
    with closing(open_beside(place)) as store:
        assert bodies(store) == [1, 2, 3, 5, 6, 7, 8]
        with pytest.raises(MonthFileError):
            put_back(store, file, PUBLIC)
