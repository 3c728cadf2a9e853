"""Whoever owns the gateway writes seals of his own into its database: every verb refuses them, in one line.

Both attacks keep all numbers, hashes and links in order; only nobody ever certified the keys. And a gateway
that is honest, whatever its disk went through, keeps working in every verb.
"""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from attrs import frozen
from click.testing import CliRunner

from agent.main import EXIT_REKEY
from agent.sealing.opening import open_chain
from agent.sealing.rekey import rekey
from agent.site.enrolment import make_recovery_key
from agent.site.file import load_site
from agent.store.gateway import GatewayStore
from agent.store.tail import read_tail
from drivers.clock import Stamp
from evidence.record import Kind, ReadingRecord, Record
from evidence.seal import NO_HASH, StoredSeal, open_body, peek_header
from provisioning.acceptance.sheet import write_sheet
from provisioning.cli import cli
from provisioning.live.page.chain import Chain
from provisioning.live.page.page import draw_status_page
from provisioning.live.page.site import SiteFile
from provisioning.live.page.snapshot import Snapshot
from tests.agent.rig import BEGIN_S
from tests.evidence.chains import NOON_NS, heartbeat, stamp
from tests.evidence.chains import Chain as Forger
from tests.provisioning.acceptance.journals import site as sheet_site
from tests.provisioning.acceptance.journals import whole
from tests.provisioning.evidence.plant import END_S, GATEWAY, Plant, plant, utc

QUOTA_BYTES = 1 << 26
GONE, FIRST = 100, 101
"""The seal that is missing, and the first that is forged."""
LATE = ["--from", utc(2_700), "--to", utc(END_S - 300)]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    """A gateway with an hour behind it, enrolled, with a recovery key."""
    made = plant(tmp_path_factory.mktemp("lived"))
    make_recovery_key(load_site(made.site), made.site.parent / "recovery.key")
    return made


@frozen
class Place:
    """A copy of the gateway's files."""

    folder: Path

    @property
    def site(self) -> Path:
        return self.folder / "site.toml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def change(self, sql: str, *rows: tuple[object, ...]) -> None:
        with closing(sqlite3.connect(self.state / "chain.db")) as connection, connection:
            connection.executemany(sql, rows or [()])


@pytest.fixture
def place(lived: Plant, tmp_path: Path) -> Place:
    shutil.copytree(lived.site.parent, tmp_path / "gateway")
    (tmp_path / "gateway/keys").unlink(missing_ok=True)
    return Place(tmp_path / "gateway")


# -- every verb: its exit, and the line that it says


def call(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["--lang", "en", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stderr


def commission(place: Place) -> tuple[int, str]:
    return call("commission", "--site", place.site, "--chain", "--dry-run")


def backtest(place: Place) -> tuple[int, str]:
    return call("backtest", "--site", place.site, "--chain", "--commission-hours", "0")


def explain(place: Place) -> tuple[int, str]:
    return call("explain", "--state", place.state)


def evidence(place: Place) -> tuple[int, str]:
    return call("evidence", "--config", place.site, *LATE, "--out", place.folder / "pack.zip")


def check_sheet(place: Place) -> tuple[int, str]:
    sheet = write_sheet(whole(), sheet_site(), place.folder, at="", version="1")
    return call("setup", "sheet", "--folder", place.folder, "--check", sheet.path)


def doctor(place: Place) -> tuple[int, str]:
    """Of its findings those that failed about the chain."""
    result = CliRunner().invoke(cli, ["--lang", "en", "doctor", "--config", str(place.site)])
    lines = [line for line in result.stdout.splitlines() if line.split()[:2] == ["failed", "chain"]]
    return (result.exit_code if lines else 0), "\n".join(lines)


def page(place: Place) -> tuple[int, str]:
    plan = SiteFile(place.site).plan()
    view = Chain(place.state / "chain.db", lambda: 0.0).read(plan, 0.0)
    text = draw_status_page(Snapshot(plan, None, "", view, 0.0), chinese=False).decode()
    return int(view.day is None), "".join(line for line in text.splitlines() if "cannot be read" in line)


def verify(place: Place) -> tuple[int, str]:
    """The way of a chain to somebody else: where the export is not refused, the check of it is."""
    code, said = call("export", "--state", place.state, place.folder / "chain.cbor")
    key = read_key(place)
    return (code, said) if code else call("verify", "--first-key", key, place.folder / "chain.cbor")


def read_key(place: Place) -> str:
    text = (place.state / "enrolment.json").read_text("utf-8")
    return text.partition('"first_key": "')[2][:64]


def agent(place: Place) -> tuple[int, str]:
    command = [sys.executable, "-P", "-m", "agent.main", "run", "--once", "--config", str(place.site)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stderr


VERBS: dict[str, tuple[Callable[[Place], tuple[int, str]], int]] = {
    "commission --chain": (commission, 2),
    "backtest --chain": (backtest, 2),
    "explain": (explain, 2),
    "setup sheet --check": (check_sheet, 2),
    "evidence": (evidence, 1),
    "doctor": (doctor, 1),
    "web": (page, 1),
}


# -- the attacks


def forge(place: Place, seals: tuple[StoredSeal, ...], previous: bytes) -> None:
    """The plant's own records again from seal FIRST on, under keys that nobody certified."""
    first = seals[FIRST - 1]
    mine = Forger(GATEWAY, FIRST, first.first_record, previous, "the owner")
    rows = []
    for seal in seals[FIRST - 1 :]:
        header = peek_header(seal.cose)
        at = Stamp(header.utc_ms * 10**6, header.boottime_ms * 10**6, header.boot_id, header.clock_state)
        made = mine.seal(open_body(header, seal.body or b""), at)
        rows.append((made.number, made.first_record, made.count, made.hash, made.cose, made.body))
    place.change("DELETE FROM seals WHERE number >= ?", (GONE,))
    place.change("DELETE FROM receipts WHERE number >= ?", (GONE,))
    place.change(
        "INSERT INTO seals (number, first_record, count, hash, cose, body) VALUES (?,?,?,?,?,?)", *rows
    )


def behind_a_missing_seal(place: Place, seals: tuple[StoredSeal, ...]) -> str:
    forge(place, seals, seals[GONE - 1].hash)
    return f"seals {FIRST} to {len(seals)} lie behind missing seals (from {GONE} on)"


def from_above_1(place: Place, seals: tuple[StoredSeal, ...]) -> str:
    forge(place, seals, NO_HASH)
    place.change("DELETE FROM seals WHERE number < ?", (GONE,))
    return f"seals {FIRST} to {len(seals)} lie behind missing seals (from 1 on)"


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("attack", [behind_a_missing_seal, from_above_1])
def test_forged_seals_are_refused_by_every_verb(
    lived: Plant, place: Place, verb: str, attack: Callable[[Place, tuple[StoredSeal, ...]], str]
) -> None:
    line = attack(place, lived.seals)
    run, expected = VERBS[verb]
    code, said = run(place)
    assert code == expected
    assert line in said
    assert len(said.splitlines()) == 1
    assert not (place.folder / "pack.zip").exists()


@pytest.mark.parametrize(
    ("attack", "code", "line"),
    [
        (behind_a_missing_seal, 1, "seals 100 to 100 have not come"),
        (from_above_1, 1, "seals before 101 were pruned on receipts or are lost; ask the centre"),
    ],
)
def test_forged_seals_do_not_pass_as_an_export(
    lived: Plant, place: Place, attack: Callable[[Place, tuple[StoredSeal, ...]], str], code: int, line: str
) -> None:
    attack(place, lived.seals)
    ended, said = verify(place)
    assert ended == code
    assert line in said


@pytest.mark.parametrize("attack", [behind_a_missing_seal, from_above_1])
def test_the_agent_does_not_go_on_from_forged_seals(
    lived: Plant, place: Place, attack: Callable[[Place, tuple[StoredSeal, ...]], str]
) -> None:
    attack(place, lived.seals)
    code, said = agent(place)
    assert code == EXIT_REKEY
    assert "a new key is needed" in said


def test_what_lies_before_a_hole_is_shown_and_packed(lived: Plant, place: Place) -> None:
    """Where the disk lost a seal and no receipt came since, the hours before are as good as ever."""
    place.change("DELETE FROM seals WHERE number = ?", (GONE,))
    place.change("DELETE FROM receipts WHERE number >= ?", (GONE,))
    line = f"seals {FIRST} to {len(lived.seals)} lie behind missing seals (from {GONE} on)"
    out = place.folder / "pack.zip"
    early = ["--from", utc(60), "--to", utc(600)]
    code, said = call("evidence", "--config", place.site, *early, "--out", out)
    assert (code, out.exists()) == (0, True), said
    out.unlink()
    code, said = call("evidence", "--config", place.site, *LATE, "--out", out)
    assert (code, out.exists()) == (1, False)
    assert line in said
    shown = CliRunner().invoke(cli, ["--lang", "en", "explain", "--state", str(place.state)])
    assert shown.exit_code == 2
    assert line in shown.stderr


# -- edits that forge nothing


def swap_first_key(place: Place) -> None:
    file = place.state / "enrolment.json"
    file.write_text(file.read_text("utf-8").replace(read_key(place), "ab" * 32), "utf-8")


def swap_gateway(place: Place) -> None:
    file = place.state / "enrolment.json"
    file.write_text(file.read_text("utf-8").replace(f'"{GATEWAY}"', '"gw-other"'), "utf-8")


def spoil_receipts(place: Place) -> None:
    place.change("CREATE TABLE other AS SELECT number, NULL AS raw FROM receipts")
    place.change("DROP TABLE receipts")
    place.change("ALTER TABLE other RENAME TO receipts")


def set_late(cell: str, value: object) -> Callable[[Place], None]:
    """Another value in a cell of one of the last seals."""
    sql = f"UPDATE seals SET {cell} = ? WHERE number = (SELECT max(number) - 5 FROM seals)"  # noqa: S608
    return lambda at: at.change(sql, (value,))


def set_number(of: str, number: int) -> Callable[[Place], None]:
    sql = f"UPDATE seals SET number = ? WHERE number = (SELECT {of}(number) FROM seals)"  # noqa: S608
    return lambda at: at.change(sql, (number,))


EDITS: Final[dict[str, Callable[[Place], None]]] = {
    "a body is altered": set_late("body", bytes.fromhex("8141ff")),
    "a body is a text": set_late("body", "text"),
    "a body is a number": set_late("body", 7),
    "a body is gone": set_late("body", None),
    "a seal is a text": set_late("cose", "text"),
    "a row far beyond": set_number("max", 2**40 - 1),
    "a row beyond all numbers": set_number("max", 2**41),
    "a row below all numbers": set_number("min", -1),
    "another first key": swap_first_key,
    "another gateway": swap_gateway,
    "an enrolment that is none": lambda at: (at.state / "enrolment.json").write_text("[1]") and None,
    "receipts without receipts": spoil_receipts,
    "a receipt that is a text": lambda at: at.change("UPDATE receipts SET raw = 'text'"),
}
SILENT: Final = {"receipts without receipts", "a receipt that is a text", "a body is gone"}
"""Of a receipt that is gone nothing is left to tell, and this body is at the centre, as a receipt says."""


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_file_ends_in_a_line_or_a_finding_and_never_in_a_traceback(
    lived: Plant, place: Place, edit: str
) -> None:
    del lived
    EDITS[edit](place)
    codes = {}
    for verb, (run, _) in VERBS.items():
        code, said = run(place)
        codes[verb] = code
        assert "Traceback" not in said, verb
        assert code in {0, 1, 2}, verb
        assert not code or said, verb
    assert codes["doctor"] or edit in SILENT, codes
    done = CliRunner().invoke(cli, ["status", "--once", "--config", str(place.site)])
    assert done.exception is None or isinstance(done.exception, SystemExit)


# -- and honest gateways


def as_it_is(_: Place) -> None:
    """With its receipts."""


def never_receipted(place: Place) -> None:
    place.change("DELETE FROM receipts")


def pruned(place: Place) -> None:
    place.change("DELETE FROM seals WHERE number < 200")


def pruned_and_long_offline(place: Place) -> None:
    place.change("DELETE FROM seals WHERE number < 200")
    place.change("DELETE FROM receipts WHERE number > 200")


def without_bodies(place: Place) -> None:
    store = GatewayStore(place.state / "chain.db", QUOTA_BYTES)
    store.drop_bodies(100, 150, at_once=True)
    store.close()


def with_a_hole(place: Place) -> None:
    """As after the salvage of a damaged file; the centre holds what is missing."""
    place.change("DELETE FROM seals WHERE number BETWEEN 151 AND 155")


def pruned_with_a_hole(place: Place) -> None:
    """What is before the hole nobody can vouch for any more: it counts as missing too."""
    place.change("DELETE FROM seals WHERE number < 120 OR number BETWEEN 151 AND 155")
    place.change("DELETE FROM receipts WHERE number < 200")


def with_a_lost_tail(place: Place) -> None:
    """The disk lost its last commits: headers come back from the key file, the chain declares the rest."""
    place.change("DELETE FROM seals WHERE number > 328")
    go_on(place)


def re_keyed(place: Place) -> None:
    (place.state / "keys").unlink()
    rekey(load_site(place.site), place.folder / "recovery.key", None, "lost", 1)
    go_on(place)


def go_on(place: Place) -> None:
    _, store, sealer, _ = open_chain(load_site(place.site))
    for second in range(3):
        sealer.seal([heartbeat(second)], stamp(BEGIN_S + END_S + second - NOON_NS / 1e9, boot=9))
    store.close()


HONEST = (
    as_it_is,
    never_receipted,
    pruned,
    pruned_and_long_offline,
    without_bodies,
    with_a_hole,
    pruned_with_a_hole,
    with_a_lost_tail,
    re_keyed,
)


@pytest.mark.parametrize("life", HONEST)
def test_an_honest_gateway_works_in_every_verb(place: Place, life: Callable[[Place], None]) -> None:
    life(place)
    codes = {verb: run(place) for verb, (run, _) in VERBS.items()}
    code, said = codes.pop("commission --chain")
    assert (code, said.startswith("dianjian: nothing is written, for the reasons above: k1: too_little")) == (
        1,
        True,
    )
    code, said = codes.pop("setup sheet --check")
    assert code == 1
    assert "No record of the chain names a sheet" in said
    assert {code for code, _ in codes.values()} == {0}, codes
    assert any(record.kind is Kind.HEARTBEAT for record in tail(place))


def tail(place: Place) -> Iterator[Record | ReadingRecord]:
    store = GatewayStore(place.state / "chain.db", QUOTA_BYTES)
    try:
        yield from (record for seal in read_tail(store, 300) for record in seal.decode())
    finally:
        store.close()
