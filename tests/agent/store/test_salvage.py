import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.sealing.key_slots import KeySlots
from agent.sealing.recovery import Start
from agent.sealing.sealer import Sealer
from agent.store import opening, salvage
from agent.store.gateway import GatewayStore
from agent.store.opening import STORE_PAGE_BYTES
from disk import files
from evidence.seal import StoredSeal
from tests.evidence.chains import GATEWAY, Chain, heartbeat, stamp

QUOTA_BYTES = 64 << 20
PAGE = STORE_PAGE_BYTES
SEALS = 600


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[StoredSeal]]:
    """A database of some 2,700 pages, closed, and what is in it."""
    path = tmp_path_factory.mktemp("image") / "gateway.db"
    store = GatewayStore(path, QUOTA_BYTES)
    chain = Chain()
    seals = [chain.seal([heartbeat(n)] * 90) for n in range(SEALS)]
    store.append(*seals)
    store.close()
    return path, seals


def spoiled(image: Path, folder: Path, pages: list[int]) -> Path:
    path = folder / "gateway.db"
    shutil.copy(image, path)
    rng = random.Random(7)
    with path.open("r+b") as file:
        for page in pages:
            file.seek(page * PAGE)
            file.write(rng.randbytes(PAGE))
    return path


def read_everything(path: Path, newest_hint: int | None = None) -> GatewayStore:
    """The store as the agent gets it: a bad page that is met while running is salvaged at the next start."""
    for _ in range(2):
        store = GatewayStore(path, QUOTA_BYTES, newest_hint=newest_hint)
        if store.salvage is not None:
            return store
        try:
            for number in range(1, SEALS + 1):
                store.row(number)
        except Exception:  # noqa: BLE001 - the agent would end here
            store.close()
            continue
        return store
    raise AssertionError("a bad file was opened as a good one twice")


@pytest.mark.parametrize("count", [1, 20, 100])
def test_destroyed_pages_cost_the_seals_on_them_and_no_other(
    image: tuple[Path, list[StoredSeal]], tmp_path: Path, count: int
) -> None:
    path, seals = image
    pages = path.stat().st_size // PAGE
    damage = random.Random(count).sample(range(pages // 4, pages), count)
    store = read_everything(spoiled(path, tmp_path, damage))
    assert store.salvage is not None
    original = {seal.number: seal for seal in seals}
    rows = [
        row
        for first in range(1, SEALS + 1, 100)
        for row in store.rows(first, 100)
        if row.number < first + 100
    ]
    assert len(rows) == store.salvage.seals >= SEALS - 3 * count
    for row in rows:
        assert row.cose == original[row.number].cose
        assert row.body in {None, original[row.number].body}
    assert store.salvage.aside.exists()
    store.close()
    again = GatewayStore(path.parent.parent / tmp_path.name / "gateway.db", QUOTA_BYTES)
    assert again.salvage is None
    again.close()


def test_a_file_whose_first_page_is_gone_is_set_aside_and_the_chain_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    store = GatewayStore(path, QUOTA_BYTES)
    sealer = Sealer(GATEWAY, KeySlots(tmp_path / "keys"), store)
    sealer.recover()
    for number in range(10):
        sealer.seal([heartbeat(number)], stamp(number))
    store.close()
    spoiled_path = tmp_path / "gateway.db"
    with spoiled_path.open("r+b") as file:
        file.write(random.Random(1).randbytes(PAGE))
    store = GatewayStore(path, QUOTA_BYTES)
    assert store.salvage is not None
    assert (store.salvage.seals, store.salvage.aside.name) == (0, "gateway.db.corrupt-1")
    recovery = Sealer(GATEWAY, KeySlots(tmp_path / "keys"), store).recover()
    assert (recovery.start, recovery.number, recovery.recovered) == (Start.LOST_TAIL, 11, 1)
    store.close()


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 5_000, b"SQLite format 3\0" + b"\xff" * 5_000])
def test_whatever_lies_where_the_database_should_be_the_start_goes_on(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "gateway.db"
    path.write_bytes(content)
    store = GatewayStore(path, QUOTA_BYTES)
    assert (store.salvage is None) == (len(content) < 512)  # SQLite takes less than a page for a new file
    store.append(Chain().seal())
    store.close()


@pytest.mark.parametrize("cell", ["hash", "cose"])
def test_a_tip_in_which_other_hands_have_put_a_text_is_salvaged_too(tmp_path: Path, cell: str) -> None:
    path, chain = tmp_path / "gateway.db", Chain()
    store = GatewayStore(path, QUOTA_BYTES)
    store.append(chain.seal(), chain.seal())
    store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE seals SET {cell} = 'x' WHERE number = 2")  # noqa: S608 - of the table above
    store = GatewayStore(path, QUOTA_BYTES)
    assert store.salvage is not None
    assert store.salvage.seals == 1
    store.close()


def test_a_deleted_wal_costs_commits_that_the_keys_bring_back(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    store = GatewayStore(path, QUOTA_BYTES)
    sealer = Sealer(GATEWAY, KeySlots(tmp_path / "keys"), store)
    sealer.recover()
    store._database.read("PRAGMA wal_checkpoint(TRUNCATE)")
    for number in range(10):
        sealer.seal([heartbeat(number)], stamp(number))
    power_cut = tmp_path / "after"
    power_cut.mkdir()
    shutil.copy(path, power_cut)
    shutil.copy(tmp_path / "keys", power_cut)
    store.close()
    store = GatewayStore(power_cut / "gateway.db", QUOTA_BYTES)
    recovery = Sealer(GATEWAY, KeySlots(power_cut / "keys"), store).recover()
    assert (recovery.start, recovery.lost, recovery.recovered) == (Start.LOST_TAIL, (1, 10), 1)
    store.close()


def test_commits_that_are_only_in_the_wal_are_salvaged_too(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    store = GatewayStore(path, QUOTA_BYTES)
    store._database.read("PRAGMA wal_checkpoint(TRUNCATE)")
    chain = Chain()
    seals = [chain.seal() for _ in range(5)]
    store.append(*seals)
    killed = tmp_path / "killed"
    killed.mkdir()
    for name in ("gateway.db", "gateway.db-wal"):
        shutil.copy(tmp_path / name, killed)
    (killed / "gateway.db.suspect").touch()
    store.close()
    store = GatewayStore(killed / "gateway.db", QUOTA_BYTES)
    assert store.salvage is not None
    assert store.rows(1) == seals
    assert not (killed / "gateway.db.suspect").exists()
    store.close()


class PowerCutError(BaseException):
    """The machine stops here."""


@pytest.mark.parametrize("cut", range(1, 8))
@pytest.mark.parametrize("marked", [True, False])
def test_a_power_cut_while_salvaging_loses_nothing_that_could_be_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int, marked: bool
) -> None:
    path = tmp_path / "gateway.db"
    store = GatewayStore(path, QUOTA_BYTES)
    chain = Chain()
    seals = [chain.seal() for _ in range(50)]
    store.append(*seals)
    with store._database.write() as connection:
        connection.execute("UPDATE seals SET cose = x'00' WHERE number = ?", (3 if marked else 50,))
    if marked:
        store._database.mark_suspect()
    store.close()

    steps = 0

    def count_and_cut(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **kwargs: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == cut:
                raise PowerCutError
            return real(*args, **kwargs)

        return step

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", count_and_cut(Path.unlink))
        for module in (opening, salvage):
            patched.setattr(module, "move", count_and_cut(files.move))
        try:
            GatewayStore(path, QUOTA_BYTES).close()
        except PowerCutError:
            assert steps == cut
    store = GatewayStore(path, QUOTA_BYTES)
    kept = [seal.number for seal in store.rows(1)]
    assert kept == [n for n in range(1, 51) if n != (3 if marked else 50)]
    assert list(tmp_path.glob("*.corrupt-1"))
    assert not path.with_name("gateway.db.suspect").exists()
    assert not path.with_name("gateway.db.salvaged").exists()
    store.append(Chain(number=51).seal())
    store.close()
