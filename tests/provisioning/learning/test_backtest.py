"""`dianjian backtest`: what it prints, what it refuses, and that it is the live detector."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomlkit
from click.testing import CliRunner, Result

from agent.detect.detector import Detector
from agent.detect.learning.backtest import Recording, keep_latest, run
from agent.detect.learning.commission import commission
from agent.detect.line_params import nameplate_line
from agent.detect.params import IncomerParams
from agent.site.file import parse_site
from provisioning.cli import cli
from provisioning.learning.backtest_run import backtest
from provisioning.loads.reader import read_loads
from provisioning.loads.settings import wanted_lines
from tests.agent.detect.plant import ACCEPTED
from tests.provisioning.plant import SITE, csv_file, loads_file, site_file

KEYS = ["linkage", "rule", "severity", "begin_at", "raised_at", "end_at", "sentence", "numbers"]
HOUR_S = 3600


def call(site: Path, csv: Path, *more: str) -> Result:
    return CliRunner().invoke(cli, ["backtest", "--site", str(site), "--csv", str(csv), *more])


def told(result: Result) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return lines[:-1], lines[-1]["summary"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backtest")


@pytest.fixture(scope="module")
def recorded(folder: Path) -> Path:
    return loads_file(folder, ("off", "idle", "gap"))


def test_each_deed_after_commissioning_is_an_episode_with_its_evidence(folder: Path, recorded: Path) -> None:
    site = site_file(folder)
    episodes, summary = told(call(site, recorded, "--commission-hours", "72", "--json"))
    rules = [episode["rule"] for episode in episodes]
    assert all(list(episode) == KEYS for episode in episodes)
    for kind in ("off", "idle", "gap"):
        assert ACCEPTED[kind] & set(rules), (kind, rules)
    assert rules.count("data_loss") == 1, "the end of the file is no loss of data"
    off = next(episode for episode in episodes if episode["rule"] in ACCEPTED["off"])
    assert off["begin_at"] < off["raised_at"] <= off["end_at"]
    assert set(off["sentence"]) == {"zh", "en"}
    assert off["numbers"]["lines"] == ["p1"]
    assert off["numbers"]["treatment_w"] < off["numbers"]["treatment_expected_w"]
    assert summary["episodes"] == len(episodes) == sum(summary["rules"].values())
    assert summary["tested_from"] - summary["begin_at"] == 72 * HOUR_S
    assert summary["linkages"][0]["dt_s"] == 10


def test_it_finds_what_the_live_detector_finds(folder: Path, recorded: Path) -> None:
    site = parse_site(SITE, folder / "site.toml")
    loads = read_loads(recorded, wanted_lines(site))
    from_s = loads.times_s[0] + 72 * HOUR_S
    learning, testing = loads.times_s < from_s, loads.times_s >= from_s
    learned = commission(
        "k1",
        {"p1": (loads.times_s[learning], loads.watts["p1"][learning])},
        {"t1": (loads.times_s[learning], loads.watts["t1"][learning])},
        {"p1": 60_000.0, "t1": 22_000.0},
    )
    detector, found = Detector([learned.params]), []
    for at_s, u, t in zip(
        loads.times_s[testing], loads.watts["p1"][testing], loads.watts["t1"][testing], strict=True
    ):
        detector.sample("p1", float(at_s), None if np.isnan(u) else round(u))
        detector.sample("t1", float(at_s), None if np.isnan(t) else round(t))
        found += detector.advance(float(at_s))
    tested = backtest(site, loads, 72 * HOUR_S)
    assert keep_latest(found) == list(tested.episodes)


def test_times_are_told_as_the_file_tells_them(tmp_path: Path) -> None:
    csv = loads_file(tmp_path, ("off",), days=5, iso=True)
    episodes, summary = told(call(site_file(tmp_path), csv, "--json"))
    assert episodes[0]["raised_at"].endswith("+08:00")
    assert summary["begin_at"] == "2026-01-01T01:00:03+08:00"


def test_the_parameters_of_the_site_file_are_tested_where_nothing_is_to_be_learned(
    folder: Path, recorded: Path
) -> None:
    _, summary = told(call(site_file(folder), recorded, "--commission-hours", "0", "--json"))
    assert summary["tested_from"] == summary["begin_at"]
    assert summary["linkages"][0]["provisional"] is True


def test_a_person_gets_a_table_and_the_sentences(folder: Path, recorded: Path) -> None:
    result = CliRunner().invoke(
        cli, ["--lang", "zh", "backtest", "--site", str(site_file(folder)), "--csv", str(recorded)]
    )
    assert result.exit_code == 0, result.output
    assert "停运" in result.output
    assert "应不低于" in result.output


def test_the_other_channels_reach_the_detector(tmp_path: Path) -> None:
    csv = loads_file(tmp_path, ("off",), days=5, more={"t1.pf": 0.85, "t1.u": 0, "t1.i": 0})
    episodes, _ = told(call(site_file(tmp_path), csv, "--json"))
    assert episodes[0]["numbers"]["channels"]["t1"] == {"pf": 0.85, "current_a": 0.0, "voltage_v": 0.0}
    assert episodes[0]["numbers"]["cause"] == "supply"


def test_slow_recordings_get_longer_slots(tmp_path: Path) -> None:
    rows = [f"{30 * at},{50_000 * (at // 240 % 2)},{20_000 * (at // 240 % 2)}" for at in range(12_000)]
    _, summary = told(call(site_file(tmp_path), csv_file(tmp_path, "time,p1,t1", *rows), "--json"))
    assert summary["linkages"][0]["dt_s"] == 30


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        (["time,p1,t1", "0,1,1", "10,1x,1"], "line 3, column 2 (p1): '1x' is no number"),
        (
            ["time,p1,t1", "0,1,1", "10,1x,1", "20,1y,1"],
            "line 3, column 2 (p1): '1x' is no number (and 1 more mistakes)",
        ),
        (
            ["time,p1,t1", *(f"{at},1,1" for at in (0, 30, 5, 35, 10, 40))],
            "from line 4 on times go back too often; sort the table by its time in Excel and export it again",
        ),
        (["time,a,b", "0,1,1"], "no column for line p1; columns: a, b; add --column p1=NAME"),
        (
            ["time,p1,t1", "0,45000,9000", "10,45000,9000"],
            "row 3: ends 0.0 h after the first, too short for 72 h",
        ),
        (
            ["time,p1,t1", *(f"{10 * at},," for at in range(27_000)), "270000,45000,9000"],
            "row 2: linkage k1: no sample of its lines while commissioning",
        ),
    ],
)
def test_bad_input_is_refused_in_one_line(rows: list[str], place: str, tmp_path: Path) -> None:
    csv = csv_file(tmp_path, *rows)
    result = call(site_file(tmp_path), csv, "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"dianjian: {csv}: {place}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("site", "place"),
    [
        ("", "linkage: missing; add at least one [[linkage]]"),
        (SITE.replace("60000", '"much"'), "line[0].rated_w: must be a whole number"),
        (SITE.replace('treatment = ["t1"]', 'treatment = ["t2"]'), "linkage[0].treatment: no line 't2'"),
    ],
)
def test_a_wrong_site_file_is_refused(site: str, place: str, tmp_path: Path) -> None:
    path = site_file(tmp_path, site)
    result = call(path, csv_file(tmp_path, "time,p1,t1", "0,1,1"))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"dianjian: {path}: {place}")


def test_files_that_are_not_there_are_told(tmp_path: Path) -> None:
    site = site_file(tmp_path)
    missing = call(site, tmp_path / "no.csv")
    assert missing.exit_code == 2
    assert "no.csv" in missing.stderr
    nowhere = call(site, csv_file(tmp_path, "time,p1,t1"), "--plot", str(tmp_path / "no" / "out.html"))
    assert nowhere.exit_code == 2
    assert "there is no folder" in nowhere.stderr.splitlines()[-1]


def test_an_empty_recording_says_nothing() -> None:
    site = parse_site(SITE, Path("site.toml"))
    lines = {line.id: float(line.rated_w) for line in site.line}
    series = (np.arange(0.0, 3600.0, 10.0), np.full(360, 5.0))
    learned = commission("k1", {"p1": series}, {"t1": series}, lines)
    empty = Recording(np.array([]), {"p1": np.array([]), "t1": np.array([])})
    assert run([learned.params], None, empty) == []


def test_a_metered_incomer_is_judged_where_everything_behind_it_was_recorded(tmp_path: Path) -> None:
    incomer = IncomerParams(
        incomer=nameplate_line("f1", 200_000), lines=("p1", "t1"), lo_w=1000, hi_w=4000, residual_s=900
    )
    table = {"line": [{"id": "f1", "kind": "incomer", "rated_w": 200_000, "parameters": incomer.to_dict()}]}
    site = site_file(tmp_path, tomlkit.dumps(table) + SITE)
    loads = loads_file(tmp_path, (), days=4)
    head, *rows = loads.read_text("utf-8").splitlines()
    fed = []
    for at, row in enumerate(rows):
        watts = sum(float(cell or 0) for cell in row.split(",")[1:])
        fed.append(f"{row},{watts + 2000 + 30_000 * (28_000 < at < 28_360):.0f}")
    # A sum with a missing part is no incomer.
    fed = [row if ",," not in row else row.rpartition(",")[0] + "," for row in fed]
    episodes, _ = told(call(site, csv_file(tmp_path, head + ",f1", *fed), "--json"))
    assert [(one["rule"], one["linkage"]) for one in episodes] == [("feed_residual", "f1")]
    without, _ = told(call(site, csv_file(tmp_path, head, *rows), "--json"))
    assert without == []
