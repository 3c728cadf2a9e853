"""`backtest` and `commission` on files as people have them: what is assumed is told and agreed to."""

import datetime as dt
import json
import random
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from provisioning.cli import cli
from tests.provisioning.plant import SITE, csv_file, site_file
from tests.provisioning.setup.keyboard import Keyboard

BEGIN: Final = dt.datetime(2026, 3, 2)  # noqa: DTZ001 - a plant's own clock
STEEL_HEAD: Final = (
    "\ufeffdate,Usage_kWh,Lagging_Current_Reactive.Power_kVarh,Leading_Current_Reactive_Power_kVarh,CO2(tCO2),"
    "Lagging_Current_Power_Factor,Leading_Current_Power_Factor,NSM,WeekStatus,Day_of_week,Load_Type"
)


def call(verb: str, site: Path, csv: Path, *more: str, language: str = "en") -> Result:
    return CliRunner().invoke(cli, ["--lang", language, verb, "--site", str(site), "--csv", str(csv), *more])


def steel_rows(days: int) -> list[str]:
    """A works by the quarter of an hour, in the shape of a public data set: each midnight ends its day."""
    rng, rows = random.Random(7), []
    for at in range(1, days * 96 + 1):
        moment = BEGIN + dt.timedelta(minutes=15 * at)
        day = moment - dt.timedelta(days=1) if (moment.hour, moment.minute) == (0, 0) else moment
        usage = 90 + rng.gauss(0, 8) if 8 <= moment.hour < 18 else 3.5 + rng.random()
        rest = f"2.95,0,0,73.21,100,{moment.hour * 3600},Weekday,{day:%A},Light_Load"
        rows.append(f"{day:%d/%m/%Y} {moment:%H:%M},{usage:.2f},{rest}")
    return rows


def pair_rows(days: int, *, off_day: int, minutes: int = 15) -> list[str]:
    """Means of production and treatment; on one day treatment stands still from ten to noon."""
    rng, rows = random.Random(3), []
    for at in range(days * 24 * 60 // minutes):
        moment = BEGIN + dt.timedelta(minutes=minutes * at)
        runs = 8 <= moment.hour < 18
        stands = at * minutes // 1440 == off_day and 10 <= moment.hour < 12
        u = 45 + rng.gauss(0, 0.6) if runs else 0.4
        t = 18 + rng.gauss(0, 0.2) if runs and not stands else 0.15
        stamp = f"{moment.year}/{moment.month}/{moment.day} {moment.hour}:{moment.minute:02d}"
        rows.append(f"{stamp};{u:.2f};{t:.2f}".replace(".", ","))
    return rows


@pytest.fixture
def steel(tmp_path: Path) -> tuple[Path, Path]:
    site = site_file(tmp_path, SITE.replace("60000", "500000"))
    return site, csv_file(tmp_path, STEEL_HEAD, *steel_rows(20))


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return site_file(tmp_path), csv_file(tmp_path, "时间;p1(kW);t1(kW)", *pair_rows(9, off_day=6))


def test_a_works_year_goes_through_as_it_is_with_a_line_for_each_assumption(steel: tuple[Path, Path]) -> None:
    result = call("backtest", *steel, "--yes", "--json", "--commission-hours", "168")
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout.splitlines()[-1])["summary"]
    assert summary["rows"] == 20 * 96
    assert [note["en"] for note in summary["notes"] if note["kind"] == "assumed"] == [
        "column 'Usage_kWh' is taken for line p1: the only column of power or energy",
        "the file has no column for line t1: nothing is known of it, and treatment is not judged by it",
        "20 midnights carry the date of the day that they end: moved to the next day's 00:00",
        "times have no zone: read as the site's +08:00 (or add --zone)",
        "column 'Usage_kWh' (line p1) is the energy of every 15 min, turned into the mean power of that time",
        "each value stands for the 15 min before its time",
    ]
    assert summary["begin_at"] == "2026-03-02T00:00:00+08:00"
    assert summary["rules"] == {}, "a line that the file does not have is no loss of data"
    assert summary["completeness"] == {"p1": 1.0, "t1": 0.0}


def test_a_script_without_yes_is_refused_with_what_to_add(steel: tuple[Path, Path]) -> None:
    result = call("backtest", *steel)
    assert result.exit_code == 2
    assert result.stdout == ""
    last = result.stderr.splitlines()[-1]
    assert last == f"dianjian: {steel[1]}: 6 of the lines above are assumed; if they are right, add --yes"


def test_treatment_that_stands_still_for_two_hours_is_found_in_means(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    page = tmp_path / "days.html"
    result = call("backtest", *pair, "--yes", "--json", "--plot", str(page))
    assert result.exit_code == 0, result.stderr
    *episodes, last = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["rule"] for one in episodes] == ["off"]
    assert episodes[0]["begin_at"].startswith("2026-03-08T10:")
    (unseen,) = (note["zh"] for note in last["summary"]["notes"] if note["kind"] == "unseen")
    assert unseen.startswith("15 分钟数据只能看出水平")
    text = page.read_text("utf-8")
    assert unseen in text
    assert "假定：时间没有时区" in text


def test_honest_means_raise_nothing(tmp_path: Path) -> None:
    for minutes in (15, 60):
        rows = pair_rows(14, off_day=-1, minutes=minutes)
        csv = csv_file(tmp_path, "时间;p1(kW);t1(kW)", *rows)
        result = call("backtest", site_file(tmp_path), csv, "--yes", "--json", "--commission-hours", "168")
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout.splitlines()[-1])["summary"]["rules"] == {}


def test_means_never_teach_a_gateway(pair: tuple[Path, Path]) -> None:
    before = pair[0].read_bytes()
    result = call("commission", *pair, "--yes", language="zh")
    assert result.exit_code == 1
    assert "10秒时隙" not in result.stdout
    assert "由此学到的参数不写入站点文件" in result.stderr
    assert pair[0].read_bytes() == before


def test_commission_wants_every_line(steel: tuple[Path, Path]) -> None:
    result = call("commission", *steel, "--yes")
    assert result.exit_code == 2
    assert "no column for line t1" in result.stderr
    assert "add --column t1=NAME" in result.stderr


@pytest.mark.parametrize("option", ["--column", "--unit"])
def test_an_option_of_a_line_that_is_not_there_is_refused(option: str, pair: tuple[Path, Path]) -> None:
    result = call("backtest", *pair, "--yes", option, "p9=kW")
    assert result.exit_code == 2
    assert f"{option}: the site has no line 'p9'; lines: p1, t1" in result.stderr


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("number", "agreed", "code"), [("1", "是", 0), ("１", "ｙ", 0), ("1", "n", 2), ("1", "", 2)]
)
def test_at_a_terminal_a_person_is_asked(number: str, agreed: str, code: int, tmp_path: Path) -> None:
    rows = [
        f"02/03/2026 {at // 60:02d}:{at % 60:02d},{45.5 if at // 100 % 2 else 0.4},18" for at in range(1400)
    ]
    csv = csv_file(tmp_path, "time,p1(kW),t1(kW)", *rows)
    site = site_file(tmp_path)
    called = ("backtest", "--site", str(site), "--csv", str(csv), "--commission-hours", "12")
    with Keyboard(*called, language="zh_CN.UTF-8") as keyboard:
        keyboard.until("先日还是先月")
        keyboard.until("选哪一个（编号）")
        keyboard.type(number)
        keyboard.until("按这些假定读？")
        keyboard.type(agreed)
        assert keyboard.ended() == code, keyboard.screen
