"""`dianjian curtail dry-run` on recorded loads and on a chain, with its page."""

import json
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner, Result

from agent.site.file import load_site
from disk.language import choose_language
from drivers.reading import Block, PollGroup, Quality, Reading
from evidence.record import encode_reading
from provisioning.cli import cli
from provisioning.curtail.history import read_chain_history
from provisioning.evidence.state import walk_state
from tests.agent.rig import BEGIN_S
from tests.evidence.chains import heartbeat
from tests.provisioning.learning.test_commission_chain import Maker, stamp
from tests.provisioning.plant import SITE, csv_file, site_file

BEGIN = 1_767_196_800
"""2026-01-01 00:00 at +08:00."""
SITE_G1 = '[site]\ngateway = "g1"\n' + SITE
HEAD = "gateway,line,level,measure,reduction,cap_kw"
ROWS = ("g1,p1,red,stop,,", "g1,p1,orange,limit,50,", "g1,p1,yellow,cap_kw,,500", "g1,p1,blue,none,,")


def files(folder: Path, days: int) -> list[str]:
    """A line that works from 8 to 18 o'clock with 50 kW, and stands with 2 kW; rows of half an hour."""
    dice = Random(days)
    rows = ["time,p1 (kW)"]
    for half in range(days * 48):
        works = 16 <= half % 48 < 36
        kw = (50 if works else 2) * dice.uniform(0.97, 1.03)
        rows.append(f"{BEGIN + half * 1800},{kw:.3f}")
    listed = folder / "list.csv"
    listed.write_text("\n".join((HEAD, *ROWS)), "utf-8")
    site, loads = site_file(folder, SITE_G1), csv_file(folder, *rows)
    return ["--site", str(site), "--list", str(listed), "--csv", str(loads), "--yes"]


def call(*words: str) -> Result:
    result = CliRunner().invoke(cli, ["curtail", "dry-run", *words])
    assert "Traceback" not in result.output
    return result


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return files(tmp_path_factory.mktemp("long"), 80)


@pytest.mark.parametrize(
    ("level", "at", "outcome", "code"),
    [
        ("red", "2026-03-20T23:30+08:00", "pass", 0),
        ("red", "2026-03-20T12:00+08:00", "must_drop", 1),
        ("orange", "2026-03-20T12:00+08:00", "must_drop", 1),
        ("yellow", "2026-03-20T12:00+08:00", "pass", 0),
        ("blue", "2026-03-20T12:00+08:00", "pass", 0),
    ],
)
def test_it_says_who_would_pass(long: list[str], level: str, at: str, outcome: str, code: int) -> None:
    result = call(*long, "--level", level, "--at", at, "--json")
    assert result.exit_code == code, result.output
    (line,) = map(json.loads, result.stdout.splitlines())
    assert line["outcome"] == outcome
    assert line["baseline_wh"] == pytest.approx(528_000, rel=0.02)
    if level == "orange":
        assert line["drop_w"] == pytest.approx(11_000, rel=0.05)
        assert line["windows"] >= 30


def test_people_see_a_table_and_a_page_with_the_limit(long: list[str], tmp_path: Path) -> None:
    page = tmp_path / "tonight.html"
    for language, said in (("zh", "需再降"), ("en", "must drop")):
        result = CliRunner().invoke(
            cli,
            [
                "--lang",
                language,
                "curtail",
                "dry-run",
                *long,
                "--level",
                "orange",
                "--plot",
                str(page),
                "--force",
            ],
        )
        assert result.exit_code == 1
        assert said in result.stdout
    choose_language(None)
    drawn = page.read_text("utf-8")
    assert drawn.count("<svg") == 2, "for a wide screen and for a phone"
    assert "基准" in drawn
    assert "limit" in drawn


def test_a_young_line_cannot_be_judged_and_is_told_for_how_long(tmp_path: Path) -> None:
    result = call(*files(tmp_path, 10), "--level", "橙色预警", "--json")
    assert result.exit_code == 1
    line = json.loads(result.stdout)
    assert line["outcome"] == "cannot_be_judged"
    assert line["days"] > 0


@pytest.mark.parametrize(
    ("level", "said"), [("purple", "the list has no level purple; it has: blue, orange, red, yellow")]
)
def test_a_level_that_the_list_does_not_have_is_told(long: list[str], level: str, said: str) -> None:
    result = call(*long, "--level", level)
    assert result.exit_code == 2
    assert said in result.output


def test_a_list_of_others_is_told(long: list[str], tmp_path: Path) -> None:
    listed = tmp_path / "other.csv"
    listed.write_text(f"{HEAD}\ng2,p1,red,stop,,\n", "utf-8")
    result = call(*long, "--list", str(listed), "--level", "red")
    assert result.exit_code == 2
    assert "no gateway g1; it has: g2" in result.output


def test_a_chain_gives_energies_by_its_registers_over_a_silence(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    for minute in range(180):
        at_s, wh = BEGIN_S + minute * 60, 1_000_000.0 + minute * 500.0  # 30 kW
        if not 60 <= minute < 120:  # an hour of silence
            maker.reading("mp", 30_000, stamp(at_s))
            maker.pending.append(encode_reading(_slow(maker, wh, at_s)))
        if minute % 20 == 19:
            maker.pending = maker.pending or [heartbeat(minute)]
            maker.seal(stamp(at_s))
    maker.close()
    site = load_site(tmp_path / "site.toml")
    with walk_state(site.path(site.store.path), site.file) as walk:
        history = read_chain_history(site, walk)
    ledger = history.ledgers["p1"]
    assert sum(one.wh for one in ledger.days.values()) == pytest.approx(179 * 500, rel=0.001)
    assert ledger.mean_w(ledger.hour_of(BEGIN_S + 5400)) == pytest.approx(30_000, rel=0.01)


def _slow(maker: Maker, wh: float, at_s: float) -> Reading:
    """A reading of the meter's import register."""
    model = maker.models["mp"]
    registers = model.encode({"active_energy_import": wh}, 1.0, 1.0)
    words = b"".join(word for _, word in sorted(registers.items()))
    block = Block(4, min(address for _, address in registers), words)
    return Reading("mp", PollGroup.SLOW, stamp(at_s), model.hash, (block,), Quality.GOOD)
