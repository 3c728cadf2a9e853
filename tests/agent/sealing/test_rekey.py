"""From which seal a chain goes on, and what becomes of a database that holds more or something else."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlite_utils  # so that stores migrate in this process, which is faster
from attrs import evolve

from agent.sealing import statements
from agent.sealing.key_slots import SECTOR_BYTES, SLOTS
from agent.sealing.opening import open_chain
from agent.sealing.recovery import Start
from agent.sealing.rekey import rekey
from agent.sealing.statements import STATEMENTS_NAME, Kept, RekeyRefusedError, read_statements
from agent.sealing.tip import COPY_ROWS_MAX
from agent.site.enrolment import make_recovery_key, note_first_key
from agent.site.file import Site, parse_site
from agent.store.gateway import GatewayStore
from evidence import keys
from evidence.chain import ChainState, Outcome
from evidence.continuation import continue_chain
from evidence.receipt import Receipt, sign_receipt
from evidence.seal import NO_HASH, StoredSeal, peek_header
from evidence.statement import Rekey, open_statement
from evidence.verify import accept
from tests.agent.rig import CENTRE, SITE, Rig
from tests.evidence.chains import heartbeat, stamp

assert sqlite_utils

NOW_MS = 1_767_268_800_000
SEALED = 9


def site_of(folder: Path) -> Site:
    return parse_site(SITE, folder / "site.toml")


def enrolled(folder: Path) -> ChainState:
    """A gateway with a recovery key that has sealed SEALED times; the state before its first seal."""
    site = site_of(folder)
    state_folder, store, sealer, recovery = open_chain(site)
    note_first_key(state_folder, "g1", recovery.next_key)
    make_recovery_key(site, folder / "recovery")
    for number in range(SEALED):
        sealer.seal([heartbeat(number)] * 2, stamp(number))
    store.close()
    return ChainState.enrolled("g1", recovery.next_key, keys.public(recovery_secret(folder)))


def recovery_secret(folder: Path) -> bytes:
    return keys.load_key_file(folder / "recovery")


def rows(folder: Path) -> list[StoredSeal]:
    store = GatewayStore(folder / "state/chain.db", 16 << 20)
    try:
        return store.rows(1)
    finally:
        store.close()


def without(folder: Path, *numbers: int) -> None:
    """The database as a salvage leaves it: these seals are gone."""
    site = site_of(folder)
    left = [row for row in rows(folder) if row.number not in numbers]
    (folder / "state/chain.db").unlink()
    store = GatewayStore(folder / "state/chain.db", site.store.quota_mb << 20)
    store.append(*left)
    store.close()


def receipt(folder: Path, seal: StoredSeal | None, number: int = 0, **fields: object) -> Path:
    of = Receipt("g1", number or (seal.number if seal else 0), seal.hash if seal else NO_HASH, 0, (), 5)
    raw = sign_receipt(evolve(of, **fields), CENTRE)
    (folder / "receipt").write_bytes(raw)
    return folder / "receipt"


def torn(folder: Path, number: int) -> None:
    path = folder / "state/keys"
    image = bytearray(path.read_bytes())
    image[number % SLOTS * SECTOR_BYTES + 480] ^= 0xFF
    path.write_bytes(image)


def nothing_left(folder: Path) -> None:
    """No seal in the key file that could fill a hole."""
    (folder / "state/keys").write_bytes(bytes(SLOTS * SECTOR_BYTES))


def rekeyed(folder: Path, receipt_file: Path | None = None) -> Rekey:
    told = rekey(site_of(folder), folder / "recovery", receipt_file, "lost", NOW_MS)
    statement = open_statement(bytes.fromhex(told["statement"]), keys.public(recovery_secret(folder)))
    assert isinstance(statement, Rekey)
    assert statement.number == told["number"]
    return statement


def key_file_gone(folder: Path) -> None:
    (folder / "state/keys").unlink()


def current_slot_torn(folder: Path) -> None:
    torn(folder, SEALED + 1)


def last_rows_gone(folder: Path) -> None:
    torn(folder, SEALED + 1)
    without(folder, SEALED - 1, SEALED)


def database_gone(folder: Path) -> None:
    torn(folder, SEALED + 1)
    (folder / "state/chain.db").unlink()


def hole_within_reach(folder: Path) -> None:
    without(folder, 6, 7)


def columns_edited(folder: Path) -> None:
    """What stands beside the signed headers in the database is another number, and a text."""
    key_file_gone(folder)
    with closing(sqlite3.connect(folder / "state/chain.db")) as connection, connection:
        connection.execute("UPDATE seals SET count = 'many', first_record = 7")


def nothing(_: Path) -> None:
    """The owner suspects that the key was read, and wants another one."""


@pytest.mark.parametrize(
    "strike",
    [
        key_file_gone,
        current_slot_torn,
        last_rows_gone,
        database_gone,
        hole_within_reach,
        columns_edited,
        nothing,
    ],
)
def test_whatever_of_key_file_and_database_is_left_the_chain_goes_on_behind_its_last_seal(
    tmp_path: Path, strike: Callable[[Path], None]
) -> None:
    state = enrolled(tmp_path)
    centre = rows(tmp_path)
    strike(tmp_path)
    statement = rekeyed(tmp_path)
    assert (statement.number, statement.previous) == (SEALED + 1, centre[-1].hash)
    assert statement.first_record == 2 * SEALED + 1, "counted, not bounded"
    _, store, sealer, recovery = open_chain(site_of(tmp_path))
    assert recovery.start is Start.CLEAN
    sealer.seal([heartbeat(1)], stamp(100))
    store.close()
    for seal in centre:
        state = accept(state, seal.cose, seal.body, None).state
    state = continue_chain(state, read_statements(tmp_path / "state")[-1].raw, None).state
    made = rows(tmp_path)[-1]
    verdict = accept(state, made.cose, made.body, None)
    assert verdict.outcome is Outcome.ACCEPTED
    lost = [row.number for row in rows(tmp_path) if row.body is None]
    assert verdict.absent == (((lost[0], lost[-1]),) if lost else ()), "what has no body is declared"


def test_a_hole_in_the_chain_is_closed_from_the_seal_that_the_centre_holds(tmp_path: Path) -> None:
    enrolled(tmp_path)
    before = rows(tmp_path)
    without(tmp_path, 6, 7)
    nothing_left(tmp_path)
    statement = rekeyed(tmp_path, receipt(tmp_path, before[3]))
    assert (statement.number, statement.previous) == (6, before[4].hash)
    assert [row.number for row in rows(tmp_path)] == [1, 2, 3, 4, 5]
    (aside,) = (tmp_path / "state").glob("chain.db.corrupt-?")
    store = GatewayStore(aside, 16 << 20)
    assert [row.number for row in store.rows(1)] == [1, 2, 3, 4, 5, 8, 9], "set aside, not deleted"
    store.close()
    (keys_aside,) = (tmp_path / "state").glob("keys.old-*")
    assert keys_aside.stat().st_mode & 0o777 == 0o600


def test_a_hole_that_the_centre_has_is_none(tmp_path: Path) -> None:
    enrolled(tmp_path)
    before = rows(tmp_path)
    without(tmp_path, 6, 7)
    nothing_left(tmp_path)
    statement = rekeyed(tmp_path, receipt(tmp_path, before[7]))
    assert statement.number == SEALED + 1
    assert [row.number for row in rows(tmp_path)] == [8, 9]


def test_without_a_receipt_a_chain_with_a_hole_goes_on_before_it(tmp_path: Path) -> None:
    enrolled(tmp_path)
    without(tmp_path, 6)
    nothing_left(tmp_path)
    assert rekeyed(tmp_path).number == 6


def test_a_receipt_beyond_the_disk_wins_and_the_rows_that_nobody_can_accept_are_set_aside(
    tmp_path: Path,
) -> None:
    enrolled(tmp_path)
    statement = rekeyed(tmp_path, receipt(tmp_path, None, 50, seal_hash=b"x" * 32, bodies_up_to=47))
    assert (statement.number, statement.previous) == (51, b"x" * 32)
    assert statement.first_record == 50 * 16_000 + 1
    _, store, _, recovery = open_chain(site_of(tmp_path))
    assert (recovery.start, recovery.number, recovery.lost) == (Start.LOST_TAIL, 51, (48, 50))
    assert store.last() is None
    assert store.last_receipt() == (tmp_path / "receipt").read_bytes()
    store.close()


def test_a_receipt_that_contradicts_a_row_wins_too(tmp_path: Path) -> None:
    enrolled(tmp_path)
    forked = receipt(tmp_path, None, 5, seal_hash=b"x" * 32, bodies_up_to=5)
    statement = rekeyed(tmp_path, forked)
    assert (statement.number, statement.previous) == (6, b"x" * 32)
    assert rows(tmp_path) == []
    _, store, sealer, recovery = open_chain(site_of(tmp_path))
    assert (recovery.start, recovery.lost) == (Start.CLEAN, None)
    sealer.seal([heartbeat(1)], stamp(1))
    store.close()
    assert [row.number for row in rows(tmp_path)] == [6]


def test_a_rekey_may_be_made_again_before_its_first_seal_and_is_younger_each_time(tmp_path: Path) -> None:
    state = enrolled(tmp_path)
    for seal in rows(tmp_path):
        state = accept(state, seal.cose, seal.body, None).state
    for again in range(3):
        statement = rekeyed(tmp_path)
        assert (statement.number, statement.utc_ms) == (SEALED + 1, NOW_MS + again)
        state = continue_chain(state, read_statements(tmp_path / "state")[-1].raw, None).state
        assert state.next_key == statement.next_key
    assert len(read_statements(tmp_path / "state")) == 3
    assert len(list((tmp_path / "state").glob("keys.old-*"))) == 3


def test_a_chain_before_its_first_seal_goes_on_from_a_receipt_for_nothing(tmp_path: Path) -> None:
    enrolled(tmp_path)
    for file in ("chain.db", "keys"):
        (tmp_path / "state" / file).unlink()
    with pytest.raises(RekeyRefusedError, match="bring the centre's receipt"):
        rekeyed(tmp_path)
    statement = rekeyed(tmp_path, receipt(tmp_path, None))
    assert (statement.number, statement.previous, statement.first_record) == (1, NO_HASH, 1)
    _, store, _, recovery = open_chain(site_of(tmp_path))
    assert (recovery.start, recovery.next_key) == (Start.NEW, statement.next_key)
    store.close()


def test_more_rows_than_one_copy_takes_are_all_there(tmp_path: Path) -> None:
    enrolled(tmp_path)
    _, store, sealer, _ = open_chain(site_of(tmp_path))
    for number in range(2 * COPY_ROWS_MAX):
        last = sealer.seal([heartbeat(number)], stamp(number))
    store.close()
    without(tmp_path, last.number - 1)
    nothing_left(tmp_path)
    assert rekeyed(tmp_path).number == last.number - 1
    assert [row.number for row in rows(tmp_path)] == list(range(1, last.number - 1))
    assert all(row.body is not None for row in rows(tmp_path))


def test_a_running_agent_is_not_rekeyed(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    keys.create_key_file(tmp_path / "recovery")
    before = (tmp_path / "state/keys").read_bytes()
    with pytest.raises(Exception, match="another process owns"):
        rekeyed(tmp_path)
    rig.close()
    assert (tmp_path / "state/keys").read_bytes() == before


@pytest.mark.parametrize("line", ["", "{", "[]", '{"statement": "00", "receipt": ""}', '{"statement": 5}'])
def test_a_damaged_line_among_the_statements_is_passed_by(tmp_path: Path, line: str) -> None:
    enrolled(tmp_path)
    first = rekeyed(tmp_path)
    file = tmp_path / "state" / STATEMENTS_NAME
    file.write_text(file.read_text("ascii") + line, "ascii")
    assert [kept.statement.number for kept in read_statements(file.parent)] == [first.number]
    statements.keep(file.parent, read_statements(file.parent)[0])
    assert [kept.statement.number for kept in read_statements(file.parent)] == [first.number] * 2
    assert Kept(b"", b"noise").held_up_to(keys.public(CENTRE)) == 0


def test_a_rollback_that_the_centre_proves_is_kept_for_the_rekey(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    keys.create_key_file(tmp_path / "recovery")
    rig.connect()
    rig.run(60, 1000, 1000)
    tip = rig.seals()[-1]
    beyond = evolve(tip, number=tip.number + 5, hash=b"x" * 32)
    with pytest.raises(Exception, match="dianjian-agent rekey"):
        rig.receipt(beyond)
    rig.close()
    assert rekeyed(tmp_path).number == beyond.number + 1
    again = Rig(tmp_path)
    again.connect()
    seal = again.seals()[0]
    assert (seal.number, peek_header(seal.cose).previous) == (beyond.number + 1, b"x" * 32)
    assert again.gateway.courier.status().backlog == len(again.seals())
    again.close()
