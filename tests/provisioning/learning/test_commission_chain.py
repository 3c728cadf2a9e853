"""`dianjian commission --chain`: the gateway's own chain teaches what a file of the same loads would."""

import csv
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from agent.sealing.opening import open_chain
from agent.site.enrolment import note_first_key, write_enrolment
from agent.site.file import load_site
from agent.site.linkages import linkages_of
from agent.site.setups import setups_of
from disk.lock import Lock
from drivers.clock import NS_PER_S, ClockState, Stamp
from drivers.reading import Block, PollGroup, Quality, Reading
from evidence import keys
from evidence.receipt import Receipt, sign_receipt
from evidence.record import encode_reading
from provisioning.cli import cli
from provisioning.journal.entries import Journal, Period
from provisioning.journal.file import JOURNAL_NAME, save_journal
from provisioning.learning.loads_chain import read_chain
from provisioning.loads.loads import LoadsError
from tests.agent.rig import BEGIN_S, BOOT, CENTRE, SITE
from tests.evidence.chains import secret
from tests.provisioning.plant import loads_file

SEAL_S = 1200
PLAN = SITE.replace("rated_w = 50000", "rated_w = 60000").replace("rated_w = 20000", "rated_w = 22000")
STRANGER = keys.public(secret(1, "a stranger"))
OTHER_BOOT = b"second boot....."


class Maker:
    """Writes a chain of readings of meters mp and mt."""

    def __init__(self, folder: Path, text: str = PLAN) -> None:
        self.file = folder / "site.toml"
        self.file.write_text(text, "utf-8")
        self.site = load_site(self.file)
        self.models = {name: setup.model for name, setup in setups_of(self.site).items()}
        self.blocks: dict[tuple[str, int], tuple[Block, ...]] = {}
        state, self.store, self.sealer, self.recovery = open_chain(self.site)
        note_first_key(state, "g1", self.recovery.next_key)
        self.pending: list[bytes] = []

    def reading(self, meter: str, watts: float, stamp: Stamp) -> Reading:
        key = meter, round(watts)
        if key not in self.blocks:
            registers = self.models[meter].encode({"active_power": float(key[1])}, 1.0, 1.0)
            words = b"".join(word for _, word in sorted(registers.items()))
            self.blocks[key] = (Block(4, min(address for _, address in registers), words),)
        reading = Reading(
            meter, PollGroup.FAST, stamp, self.models[meter].hash, self.blocks[key], Quality.GOOD
        )
        self.pending.append(encode_reading(reading))
        return reading

    def seal(self, stamp: Stamp) -> None:
        self.sealer.seal(self.pending, stamp)
        self.pending = []

    def close(self) -> Path:
        self.store.close()
        return self.file


def stamp(at_s: float, boot_id: bytes = BOOT, ahead_s: float = 0.0, boottime_s: float | None = None) -> Stamp:
    since = at_s - BEGIN_S + 100 if boottime_s is None else boottime_s
    return Stamp(
        round((at_s + ahead_s) * NS_PER_S), round(since * NS_PER_S), boot_id, ClockState.SYNCHRONISED
    )


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["commission", "--site", *map(str, words)])


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Three days of a plant: as a chain with its site file, and as a CSV file."""
    folder = tmp_path_factory.mktemp("chain")
    loads = loads_file(folder, (), days=3)
    maker = Maker(folder)
    with loads.open(encoding="utf-8") as stream:
        rows = [(float(row["time"]), row["p1"], row["t1"]) for row in csv.DictReader(stream)]
    begin_s, due_s = rows[0][0], rows[0][0] + SEAL_S

    def now(at_s: float) -> Stamp:
        return stamp(at_s, boottime_s=at_s - begin_s + 60)

    for at_s, *watts in rows:
        for meter, one in zip(("mp", "mt"), watts, strict=True):
            if one:
                maker.reading(meter, float(one), now(at_s))
        if at_s >= due_s:
            due_s += SEAL_S
            maker.seal(now(at_s))
    maker.seal(now(rows[-1][0]))
    return maker.close(), loads


@pytest.fixture
def site(plant: tuple[Path, Path], tmp_path: Path) -> Path:
    shutil.copytree(plant[0].parent, tmp_path / "copy")
    return tmp_path / "copy/site.toml"


def test_what_is_learned_is_what_a_file_of_the_same_loads_teaches(
    site: Path, plant: tuple[Path, Path], tmp_path: Path
) -> None:
    by_chain = call(site, "--chain")
    assert by_chain.exit_code == 0, by_chain.output
    other = tmp_path / "other.toml"
    other.write_text(plant[0].read_text("utf-8"), "utf-8")
    by_file = call(other, "--csv", plant[1])
    assert by_file.exit_code == 0, by_file.output
    (one,), (two,) = linkages_of(load_site(site)), linkages_of(load_site(other))
    assert one.hash == two.hash
    assert not one.provisional


def test_it_is_done_beside_the_running_agent(site: Path) -> None:
    lock = Lock(site.parent / "state/chain.db.lock")
    database = (site.parent / "state/chain.db").read_bytes()
    try:
        assert len(read_chain(load_site(site), 6.0).watts) == 2
    finally:
        lock.release()
    assert (site.parent / "state/chain.db").read_bytes() == database


def test_only_the_end_that_is_asked_for_is_read(site: Path) -> None:
    heard: list[tuple[int, int]] = []
    loads = read_chain(load_site(site), 6.0, lambda done, total: heard.append((done, total)))
    assert loads.times_s[-1] - loads.times_s[0] == pytest.approx(6 * 3600, abs=30)
    assert heard[0][1] <= 6 * 3600 // SEAL_S + 2
    short = call(site, "--chain", "--hours", "2", "--dry-run")
    assert short.exit_code == 1
    assert "refused (too_little)" in short.output


@pytest.mark.parametrize(
    "words", [[], ["--csv", "x.csv", "--chain"], ["--chain", "--hours", "0"], ["--chain", "--hours", "999"]]
)
def test_a_wrong_call_is_exit_2(site: Path, words: list[str]) -> None:
    assert call(site, *words).exit_code == 2


def on(site: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(site.parent / "state/chain.db")) as connection, connection:
        connection.execute(sql, values)


def receipted(site: Path, number: int) -> None:
    """The centre has seal `number`."""
    with closing(sqlite3.connect(site.parent / "state/chain.db")) as connection, connection:
        (digest,) = connection.execute("SELECT hash FROM seals WHERE number = ?", (number,)).fetchone()
        raw = sign_receipt(Receipt("g1", number, digest, number, (), 0), CENTRE)
        connection.execute("INSERT INTO receipts VALUES (?, ?)", (number, raw))


def bent_body(site: Path) -> None:
    with closing(sqlite3.connect(site.parent / "state/chain.db")) as connection, connection:
        (body,) = connection.execute("SELECT body FROM seals WHERE number = 100").fetchone()
        bent = bytearray(body)
        bent[len(bent) // 2] ^= 1
        connection.execute("UPDATE seals SET body = ? WHERE number = 100", (bytes(bent),))


def swapped(site: Path) -> None:
    with closing(sqlite3.connect(site.parent / "state/chain.db")) as connection, connection:
        rows = connection.execute("SELECT cose, body, hash FROM seals WHERE number IN (100, 101)").fetchall()
        for number, row in zip((101, 100), rows, strict=True):
            connection.execute(
                "UPDATE seals SET cose = ?, body = ?, hash = ? WHERE number = ?", (*row, number)
            )


def signed_anew(site: Path) -> None:
    """A chain of another gateway's life put behind the first seals."""
    other = site.parent / "other"
    other.mkdir()
    maker = Maker(other)
    for number in range(101):
        maker.reading("mp", 1.0, stamp(BEGIN_S + number * 10))
        maker.seal(stamp(BEGIN_S + number * 10))
    row = maker.store.row(101)
    assert row is not None
    maker.close()
    on(site, "UPDATE seals SET cose = ?, body = ? WHERE number = 101", row.cose, row.body)


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        (bent_body, "seal 100: "),
        (swapped, "seal 100: does not follow"),
        (signed_anew, "seal 101: does not follow"),
        (lambda site: on(site, "UPDATE seals SET cose = x'00' WHERE number = 100"), "seal 100: "),
        (lambda site: write_enrolment(site.parent / "state", "g1", STRANGER), "seal 1: does not follow"),
        (lambda site: (site.parent / "state/chain.db").unlink(), "no database is there"),
        (lambda site: (site.parent / "state/enrolment.json").unlink(), "no first key vouches for them"),
        (lambda site: on(site, "DELETE FROM seals WHERE number = 100"), "behind missing seals (from 100 on)"),
        (lambda site: on(site, "DELETE FROM seals WHERE number < 100"), "behind missing seals (from 1 on)"),
        (lambda site: on(site, "DELETE FROM seals"), "holds no seal yet"),
        (lambda site: on(site, "UPDATE seals SET body = NULL"), "line 'p1': no reading"),
        (
            lambda site: site.write_text(
                site.read_text("utf-8").replace('gateway = "g1"', 'gateway = "g2"'), "utf-8"
            ),
            "of gateway g1",
        ),
    ],
    ids=[
        "body",
        "order",
        "key",
        "form",
        "first",
        "unknown",
        "lost",
        "hole",
        "pruned",
        "empty",
        "bare",
        "gateway",
    ],
)
def test_a_chain_that_does_not_hold_teaches_nothing(
    site: Path, deed: Callable[[Path], None], said: str
) -> None:
    deed(site)
    before = site.read_bytes()
    result = call(site, "--chain")
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert site.read_bytes() == before


def test_bodies_and_seals_that_are_gone_are_gaps(site: Path) -> None:
    whole = np.isfinite(read_chain(load_site(site), 12.0).watts["p1"]).sum()
    last = 72 * 3600 // SEAL_S
    on(site, "UPDATE seals SET body = NULL WHERE number BETWEEN ? AND ?", last - 10, last - 6)
    on(site, "DELETE FROM seals WHERE number BETWEEN ? AND ?", last - 20, last - 16)
    on(site, "DELETE FROM seals WHERE number < ?", last - 29)
    for number in (last - 25, last - 3):
        receipted(site, number)
    known = np.isfinite(read_chain(load_site(site), 12.0).watts["p1"]).sum()
    lost = 5 + 5 + 6  # 12 h are 36 seals, 30 of which are still in order
    assert whole - known == pytest.approx(lost * SEAL_S // 10, abs=1.5 * SEAL_S // 10)


def test_a_clock_that_is_set_meanwhile_bends_nothing(tmp_path: Path) -> None:
    """The boot is dated by its last seal; a first boot without a clock is left behind by hours."""
    maker = Maker(tmp_path)
    for n in range(60):
        maker.reading("mp", 1000.0 + n, stamp(5_000 + 10 * n, OTHER_BOOT, boottime_s=10.0 * n))
    maker.seal(stamp(5_600, OTHER_BOOT, boottime_s=600.0))
    for n in range(120):
        ahead = -86_400.0 if n < 60 else 0.0
        for meter in ("mp", "mt"):
            maker.reading(meter, 5000.0 + n, stamp(BEGIN_S + 10 * n, ahead_s=ahead))
        if n in {59, 119}:
            maker.seal(stamp(BEGIN_S + 10 * n, ahead_s=ahead))
    loads = read_chain(load_site(maker.close()), 1.0)
    known = np.flatnonzero(np.isfinite(loads.watts["p1"]))
    assert loads.watts["p1"][known].tolist() == [5000.0 + n for n in range(120)]
    assert loads.times_s[known].tolist() == [BEGIN_S + 10.0 * n for n in range(120)]


def test_a_meter_of_another_model_than_today_s_site_file_is_passed_by(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    for n in range(60):
        for meter in ("mp", "mt"):
            maker.reading(meter, 5000.0 + n, stamp(BEGIN_S + 10 * n))
    maker.seal(stamp(BEGIN_S + 600))
    file = maker.close()
    text = file.read_text("utf-8").replace('model = "eastron-sdm630"', 'model = "chint-dtsu666"', 1)
    file.write_text(text, "utf-8")
    with pytest.raises(LoadsError, match="line 'p1'"):
        read_chain(load_site(file), 1.0)


def test_the_chain_is_tested_as_a_file_of_the_same_loads_is(site: Path, plant: tuple[Path, Path]) -> None:
    def tested(*words: str | Path) -> dict[str, object]:
        call_ = ["backtest", "--site", str(site), "--commission-hours", "48", "--json", *map(str, words)]
        result = CliRunner().invoke(cli, call_)
        assert result.exit_code == 0, result.output
        summary: dict[str, object] = json.loads(result.stdout.splitlines()[-1])["summary"]
        return summary

    by_chain, by_file = tested("--chain"), tested("--csv", plant[1])
    for same in ("episodes", "rules", "linkages", "tested_hours"):
        assert by_chain[same] == by_file[same]
    assert CliRunner().invoke(cli, ["backtest", "--site", str(site)]).exit_code == 2


def setup(site: Path, *more: str, typed: str = "") -> Result:
    command = ["--lang", "en", "setup", "commission", "--folder", str(site.parent), *more]
    return CliRunner().invoke(cli, command, input=typed)


def begin_period(site: Path, begin: str, until: str) -> None:
    steps = {"lines": "2026-01-01T00:00:00Z"}
    save_journal(site.parent / JOURNAL_NAME, Journal(steps=steps, commissioning=Period(begin, until)))


def test_the_setup_learns_from_the_chain_once_the_period_is_over(site: Path) -> None:
    begin_period(site, "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z")
    learned = setup(site, typed="yes\n2\nyes\n")
    assert learned.exit_code == 0, learned.output
    for part in (
        "The commissioning period from 2026-01-01 08:00 (+08:00) to 2026-01-04 08:00 (+08:00) is over.",
        "production counts as running from", "is another product or machine ever run?", "3  later",
        "Answered", "systemctl restart dianjian-agent",
    ):  # fmt: skip
        assert part in learned.output, part
    (params,) = linkages_of(load_site(site))
    assert [(one.question, one.answer) for one in params.answers] == [("product", "no")]
    assert "was not written by this setup" not in setup(site, typed="no\nno\n").output


def test_a_script_is_told_why_it_is_refused_and_nothing_is_written(site: Path) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    begin, until = (f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (now - timedelta(hours=6), now))
    begin_period(site, begin, until)
    before = site.read_bytes()
    ended = setup(site, "--yes", "--json")
    assert ended.exit_code == 0, ended.output
    (learned,) = [one for one in map(json.loads, ended.stdout.splitlines()) if one["event"] == "learned"]
    assert [one["name"] for one in learned["refusals"]] == ["too_little"]
    assert site.read_bytes() == before


def test_while_the_period_runs_the_setup_says_what_it_needs(site: Path) -> None:
    begin_period(site, "2026-01-01T00:00:00Z", "2999-01-01T00:00:00Z")
    ended = setup(site, typed="\n\n")
    assert "The commissioning period lasts until 2999-01-01 08:00 (+08:00)" in ended.output
    assert "stop each line once for about an hour" in ended.output
    assert "Learned" not in ended.output
