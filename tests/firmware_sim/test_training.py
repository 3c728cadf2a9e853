"""A training hides mistakes that a technician can find, and scores what was found."""

import json
import signal
import subprocess
import sys
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.language import Words
from firmware_sim.layout import Layout
from firmware_sim.plant import load_plant
from firmware_sim.training import Training, draw_training, score
from firmware_sim.wiring import Wiring

SEEDS = range(200)
KINDS = ["wiring", "wiring", "wrong_ratio", "wrong_baud", "dead_meter", "swapped_units"]


def ten() -> Layout:
    with as_file(files("firmware_sim.plants").joinpath("ten-meters.toml")) as path:
        return load_plant(path).layout


def set_up(training: Training, but: str = "") -> dict[str, Any]:
    """What a technician has in setup.json who found everything, except what is of the kind `but`."""
    meters = {
        one.id: {
            "id": f"w{one.unit_id}",
            "unit_id": one.unit_id,
            "line": f"x{one.line}",
            "ct_ratio": one.ct_ratio,
        }
        for one in training.layout.meters
    }
    ids = [meters[one.meters[0]]["id"] for one in training.hidden if one.kind == "wiring"]
    own = next((one.meters for one in training.hidden if one.kind == but), ())
    if but == "wrong_ratio":
        meters[own[0]]["ct_ratio"] = training.noted_a / 5
    elif but == "swapped_units":
        first, second = (meters[one] for one in own)
        first["line"], second["line"] = second["line"], first["line"]
    elif but in {"dead_meter", "wrong_baud"}:
        meters = {name: one for name, one in meters.items() if name not in own}
    found = [] if but == "wiring" else [{"meter": one, "verdict": "mistake"} for one in ids]
    return {
        "meters": list(meters.values()),
        "lines": [{"id": f"x{line.id}", "rated_w": line.rated_w} for line in training.layout.lines],
        "wiring": [*found, *({"meter": one, "verdict": "good"} for one in ids)],
    }


def put_right(training: Training) -> list[tuple[str, Wiring | None]]:
    return [(one.meters[0], None) for one in training.hidden if one.kind == "wiring"]


def test_every_seed_hides_one_mistake_at_a_meter_and_the_same_seed_the_same() -> None:
    layout, drawn = ten(), set()
    for seed in SEEDS:
        training = draw_training(layout, seed)
        assert [one.kind for one in training.hidden] == KINDS
        at = [meter for one in training.hidden if one.kind != "wrong_baud" for meter in one.meters]
        assert len(set(at)) == len(at)
        assert training == draw_training(layout, seed)
        drawn.add(tuple(one.words.en for one in training.hidden))
    assert len(drawn) > len(SEEDS) * 0.9


def test_the_worksheet_tells_what_was_noted_and_not_what_is() -> None:
    training = draw_training(ten(), 3)
    said = "\n".join(one.en for one in training.worksheet)
    assert f"{training.noted_a}/5 A" in said
    assert all("9600 baud" in one.en for one in training.worksheet[-2:])
    noted = {line.id: sorted(training.noted[line.id]) for line in training.layout.lines}
    true = {one.unit_id: one.line for one in training.layout.meters}
    assert sum(true[unit] != line for line, units in noted.items() for unit in units) == 2
    assert all(isinstance(one, Words) and one.zh != one.en for one in training.worksheet)


@pytest.mark.parametrize("kind", sorted(set(KINDS)))
def test_what_was_not_found_costs_its_points_and_nothing_else_does(kind: str) -> None:
    layout = ten()
    for seed in SEEDS[:40]:
        training = draw_training(layout, seed)
        assert score(training, set_up(training), put_right(training)) == ["done"] * len(KINDS)
        ends = score(training, set_up(training, kind), put_right(training))
        missed = {one.kind for one, end in zip(training.hidden, ends, strict=True) if end == "missed"}
        assert kind in missed
        assert missed == {kind} or kind == "wrong_baud"  # on a bus that was not found nothing else is either
        assert score(training, {}, []) == ["missed"] * len(KINDS)


def test_wiring_that_was_put_right_counts_although_a_nameplate_of_another_meter_still_asks() -> None:
    training = draw_training(ten(), 7)
    setup = set_up(training)
    last = setup["wiring"][-1]
    for verdict, end in (("undecided", "done"), ("mistake", "found")):
        setup["wiring"] = [*setup["wiring"], {**last, "verdict": verdict}]
        assert sorted(set(score(training, setup, put_right(training)))) == sorted({"done", end})


def test_wiring_that_was_found_and_not_put_right_is_half_done() -> None:
    training = draw_training(ten(), 7)
    ends = dict(zip(training.hidden, score(training, set_up(training), []), strict=True))
    assert [end for one, end in ends.items() if one.kind == "wiring"] == ["found", "found"]


def test_a_training_is_served_and_scored_at_its_end(tmp_path: Path) -> None:
    call = [sys.executable, "-P", "-m", "firmware_sim.main", "train", "--seed", "5", "--json"]
    with subprocess.Popen([*call, "--folder", str(tmp_path)], stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        begin = json.loads(served.stdout.readline())
        training = draw_training(ten(), 5)
        assert list(begin["buses"]) == ["b1", "b2", "b3"]
        assert "baudrate" not in str(begin)
        (tmp_path / "setup.json").write_text(json.dumps(set_up(training)), "utf-8")
        served.send_signal(signal.SIGINT)
        end = json.loads(served.stdout.readline())
        assert served.wait() == 0
    assert (end["points"], end["most"]) == (10, 12)  # the wiring was found, and nobody put it right
    assert [one["ended"] for one in end["hidden"]][:2] == ["found", "found"]
