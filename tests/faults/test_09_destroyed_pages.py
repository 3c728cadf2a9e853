"""Pages of the database are destroyed: what proves itself is kept, the loss is told, the chain goes on."""

import random
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from agent.store.opening import STORE_PAGE_BYTES, open_database
from disk.database import CorruptError
from evidence.record import Kind
from tests.agent.rig import Rig
from tests.faults.core_life import STATE, dropped, events_of, filled, records_of
from tests.faults.disk import DATABASE, rows_of
from tests.faults.invariants import Held, Witness, check
from tests.faults.reference_centre import ReferenceCentre

SEALS: Final = 150
"""A page and more each."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    folder = tmp_path_factory.mktemp("whole") / "base"
    return folder, filled(folder, SEALS)


def destroyed(file: Path, count: int) -> None:
    """Put noise over `count` pages behind the schema."""
    pages = file.stat().st_size // STORE_PAGE_BYTES
    pick = random.Random(count)
    with file.open("r+b") as stream:
        for page in pick.sample(range(4, pages), min(count, pages - 4)):
            stream.seek(page * STORE_PAGE_BYTES)
            stream.write(pick.randbytes(STORE_PAGE_BYTES))


def started(folder: Path) -> Rig:
    """The gateway after it met a bad page and ended: this start salvages."""
    with suppress(CorruptError):
        database = open_database(folder / STATE / DATABASE)
        try:
            database.read("SELECT * FROM seals")
        finally:
            database.close()
    return Rig(folder, passed_s=SEALS + 100)


@pytest.mark.parametrize("count", [1, 20, 100])
def test_09_destroyed_pages_cost_what_was_on_them_and_are_told(
    base: tuple[Path, bytes], tmp_path: Path, count: int
) -> None:
    folder, first_key = base
    for copy in ("before", "work"):
        shutil.copytree(folder, tmp_path / copy)
    whole = Rig(tmp_path / "before")
    before = {row.number: row for row in rows_of(whole.gateway.sealing.store) if row.number <= SEALS}
    whole.close()
    destroyed(tmp_path / "work" / STATE / DATABASE, count)
    rig = started(tmp_path / "work")
    rig.run(60, 1000, 1000)
    rows = rows_of(rig.gateway.sealing.store)
    for row in rows:
        if old := before.get(row.number):
            assert row.cose == old.cose, f"seal {row.number} is another one"
            assert row.body in {None, old.body}, f"the body of seal {row.number} is another one"
    assert rows[-1].number >= SEALS + 2, "the chain did not go on"
    assert len(rows) >= SEALS - 3 * count
    seen = Witness()
    seen.gone = set(range(1, rows[-1].number)) - {row.number for row in rows}
    assert seen.gone or any(row.body is None for row in rows), "nothing was lost: the pages were empty"
    seen.rejections = 1
    salvaged = [body for body in events_of(rig) if body["what"] == "database salvaged"]
    bodiless = {row.number for row in rows if row.body is None}
    assert salvaged or bodiless <= dropped(rig), "a body is gone without a word"
    seen.events = [*salvaged, *records_of(rig, Kind.DROP)]
    for number, row in before.items():
        seen.acknowledged(number, row.hash)
    with ReferenceCentre(tmp_path / "centre.db", first_key) as centre:
        centre.deliver_rows(before.values())
        centre.deliver(rig)
        check(seen, Held.of_rows(rows), centre.held())
        assert not centre.forks()
        assert centre.held().seals[-1][0] == rows[-1].number, "the centre could not follow"
    rig.close()
