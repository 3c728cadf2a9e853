"""The benchmark's own parts: plants that do not know how they are judged, and a table that can be missed."""

import ast
from pathlib import Path
from random import Random

import pytest

from tests.bench_emissions.__main__ import judge_deed, judge_honest
from tests.bench_emissions.plants import make_honest

HERE = Path(__file__).parent


def test_what_makes_the_plants_knows_nothing_of_the_product() -> None:
    tree = ast.parse((HERE / "plants.py").read_text("utf-8"))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {one for one in imported if one.startswith(("evidence", "agent", "provisioning"))}


def test_a_made_plant_is_the_same_each_time_and_rests_at_night() -> None:
    one, other = (make_honest("shifts", 1, Random("7")) for _ in range(2))
    assert one == other
    assert min(one.production_w.values()) < 1_000 < max(one.production_w.values())


@pytest.mark.minutes
@pytest.mark.parametrize("kind", ["coarse", "weak treatment"])
def test_no_honest_plant_is_contradicted(kind: str) -> None:
    count = judge_honest(kind, 2, 2)
    assert count["days"] == 4
    assert [key for key in count if key.endswith("!")] == []


@pytest.mark.minutes
@pytest.mark.parametrize("deed", ["clean", "frozen", "out", "calibrating"])
def test_deeds_of_a_steady_plant_are_asked_about(deed: str) -> None:
    count = judge_deed("steady", deed, 4)
    assert count["asked"] >= 3
    assert (count["contradicted"] > 0) is (deed != "calibrating")
