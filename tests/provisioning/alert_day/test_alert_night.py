"""The night under an alert: plant and acts agree, whoever judges it notices each lie, and it ends well."""

import json
import subprocess
import sys
import tomllib
from copy import deepcopy
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

import firmware_sim
from firmware_sim.plant import Plant, load_plant
from provisioning.alert_day import acts
from provisioning.alert_day.judge import compare, look_at_world
from provisioning.cli import cli

PLANT: Final = Path(firmware_sim.__file__).parent / "plants" / "alert-night.toml"
LINES: Final = ("p1", "p2", "p3", "p4")


@pytest.fixture(scope="module")
def plant() -> Plant:
    return load_plant(PLANT)


def test_what_the_plant_does_by_itself_fits_the_minutes_of_the_acts() -> None:
    table = tomllib.loads(PLANT.read_text("utf-8"))
    begin = acts.BEGIN + timedelta(minutes=acts.ALERT_MIN)
    end = begin + timedelta(hours=acts.ALERT_HOURS)
    spans = {
        one["line"]: (one["at"], one["at"] + timedelta(seconds=one["duration_s"])) for one in table["event"]
    }
    assert spans.keys() == {"p1", "p3", "t3"}
    for line in ("p1", "p3"):
        assert spans[line][0] < begin < end < spans[line][1]
    assert begin < spans["t3"][0] < spans["t3"][1] < end
    site = tomllib.loads(files("provisioning.alert_day").joinpath("site.toml").read_text("utf-8"))
    assert site["site"]["gateway"] == acts.GATEWAY
    assert [one["line"] for one in site["meter"]] == [one["line"] for one in table["meter"]]
    assert datetime.fromisoformat(str(table["plant"]["start"])) < acts.BEGIN - timedelta(days=15)


def test_one_line_stands_one_works_on_one_keeps_its_cap_and_one_lacks_its_treatment(plant: Plant) -> None:
    seen = {line: look_at_world(plant, line) for line in LINES}
    assert [one.verdict for one in seen.values()] == ["met", "not_met", "met", "met"]
    assert [one.stood for one in seen.values()] == [True, False, False, False]
    assert [one.is_untreated for one in seen.values()] == [False, False, False, True]


HELD: Final[dict[str, Any]] = {"state": "held", "answers": []}
ANSWERED: Final = [{"state": one} for one in ("received", "shown", "accepted")]


def tell_truth(plant: Plant) -> dict[str, Any]:
    """What is said of the night if everything is right."""
    finals = {
        line: {"verdict": world.verdict, "episodes": ["k3-off-1"] * world.is_untreated}
        for line in LINES
        for world in [look_at_world(plant, line)]
    }
    rows = [{**HELD, "order": id_} for id_ in (acts.LIST, acts.ALERT, acts.CHECK)]
    board = [*rows, {**HELD, "order": acts.ASK, "answers": ANSWERED}]
    proved = [{"order": one["order"], "proved": True, "answers": [{}]} for one in board]
    marks = [{"source": "manual", "truth": "contradicted"}]
    return {"finals": finals, "marks": marks, "board": board, "proved": proved}


LIES: Final[dict[str, Any]] = {
    "who works on has met it": lambda said: said["finals"]["p2"].update(verdict="met"),
    "who stands has not met it": lambda said: said["finals"]["p1"].update(verdict="not_met"),
    "the cap cannot be judged": lambda said: said["finals"]["p3"].update(verdict="cannot_be_judged"),
    "the treatment is not named": lambda said: said["finals"]["p4"].update(episodes=[]),
    "treatment is blamed where none is wanted": lambda said: said["finals"]["p1"].update(episodes=["x"]),
    "a line has no verdict": lambda said: said["finals"].pop("p2"),
    "the false declaration is believed": lambda said: said["marks"][0].update(truth="consistent"),
    "the declaration is lost": lambda said: said["marks"].clear(),
    "an order is not sealed": lambda said: said["board"][1].update(state="sent"),
    "the answer is lost": lambda said: said["board"][3].update(answers=ANSWERED[:2]),
    "the pack does not prove an order": lambda said: said["proved"][1].update(proved=False),
    "the pack lacks an order": lambda said: said["proved"].pop(),
    "the answer is told twice": lambda said: said["board"][3].update(answers=[*ANSWERED, ANSWERED[-1]]),
}


def test_what_is_true_is_no_problem(plant: Plant) -> None:
    assert list(compare(plant, **tell_truth(plant))) == []


@pytest.mark.parametrize("lie", LIES)
def test_each_lie_about_the_night_is_noticed(plant: Plant, lie: str) -> None:
    said = deepcopy(tell_truth(plant))
    LIES[lie](said)
    assert len(list(compare(plant, **said))) == 1


def test_a_folder_with_anything_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text("mine", "utf-8")
    shown = CliRunner().invoke(cli, ["demo-alert", "--folder", str(tmp_path)])
    assert (shown.exit_code, len(shown.stderr.splitlines())) == (2, 1)
    assert (tmp_path / "site.toml").read_text("utf-8") == "mine"


@pytest.mark.e2e
@pytest.mark.minutes
def test_the_night_is_judged_as_it_was(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "provisioning.cli", "demo-alert", "--json"]
    ended = subprocess.run(
        [*command, "--folder", str(tmp_path)], capture_output=True, text=True, timeout=900, check=False
    )
    said = json.loads(ended.stdout.splitlines()[-1])
    assert (ended.returncode, said["problems"]) == (0, []), ended.stderr
    assert {one["line"]: one["verdict"] for one in said["verdicts"]} == {
        "p1": "met", "p2": "not_met", "p3": "met", "p4": "met",
    }  # fmt: skip
    assert (tmp_path / "verdicts.html").stat().st_size > 0
