"""What is said of each row of the table at each power factor and load, on every meter of three phases.

The table is printed with `-s`; what it must keep is asserted.
"""

import itertools
import sys
from collections import Counter

import numpy as np
import pytest

from drivers.points import model as meter_models
from drivers.points.model import Model
from firmware_sim.wiring import Mistake, Wiring
from provisioning.wiring import Diagnosis, Expected, diagnose
from tests.provisioning.wiring.loads import ROWS, balanced, names, reads, seen

RATED_W = 60_000
FACTORS = tuple(round(0.5 + 0.05 * step, 2) for step in range(11))
LOADS = (0.1, 0.2, 0.5, 1.0)
TURNS = 2
"""Loads drawn for each cell, with phases up to 4 % apart and readings up to half a percent off."""


def three_phase() -> list[Model]:
    models = [meter_models.load(name) for name in meter_models.names()]
    return [
        model
        for model in models
        if {"active_power_l3", "current_l3", "voltage_l3"} <= {point.name for point in model.points}
    ]


def outcome(said: Diagnosis, wiring: Wiring | None) -> str:
    if wiring is None:
        return {"good": "named"}.get(said.verdict, said.verdict)
    if said.verdict == "mistake" and "both look the same" in said.sentence.en:
        return "one of two" if names(said, wiring) else "the twin first"
    if said.verdict == "mistake":
        return "named" if names(said, wiring) else "wrong"
    return said.verdict


@pytest.fixture(scope="module")
def said_of() -> dict[tuple[str, str, float], Counter[str]]:
    """Outcomes by whether the meter tells reactive power, row, and power factor."""
    rng = np.random.default_rng(6)
    table: dict[tuple[str, str, float], Counter[str]] = {}
    for model, wiring, factor in itertools.product(three_phase(), (None, *ROWS), FACTORS):
        tells = "tells Q" if any(point.name.startswith("reactive") for point in model.points) else "no Q"
        cells = table.setdefault((tells, row_of(wiring), factor), Counter())
        for load in LOADS * TURNS:
            true = balanced(RATED_W * load, factor, rng, imbalance=0.04)
            clamp = {f"l{k + 1}": float(abs(true.currents[k, 0])) for k in range(3)}
            is_ratio = wiring is not None and wiring.mistake is Mistake.WRONG_RATIO
            expected = Expected(clamp if is_ratio else {}, rated_w=RATED_W, is_three_phase=True)
            answers = reads(model, seen(true, wiring), rng, error=0.005)
            cells[outcome(diagnose(answers, expected), wiring)] += 1
    return table


def row_of(wiring: Wiring | None) -> str:
    if wiring is None:
        return "right"
    reversed_ = wiring.mistake is Mistake.CT_REVERSED
    return f"{wiring.mistake} {len(wiring.phases)}" if reversed_ else str(wiring.mistake)


@pytest.mark.minutes
def test_the_table_of_what_is_said_has_no_wrong_name_in_it(
    said_of: dict[tuple[str, str, float], Counter[str]],
) -> None:
    rows: dict[tuple[str, str], dict[float, Counter[str]]] = {}
    for (tells, row, factor), cells in said_of.items():
        rows.setdefault((tells, row), {})[factor] = cells
    lines = [
        f"{tells:8}{row:17}" + "".join(f"{shares(cells):>11}" for _, cells in sorted(by_factor.items()))
        for (tells, row), by_factor in sorted(rows.items())
    ]
    head = f"{'PF':25}" + "".join(f"{factor:>11}" for factor in FACTORS)
    sys.stdout.write("\n".join(["", "named/one of two/the twin first/undecided, %", head, *lines, ""]))
    for (tells, row, factor), cells in said_of.items():
        assert not cells["wrong"], (tells, row, factor, cells)
        assert not (row == "right" and cells["mistake"]), (tells, row, factor, cells)
        if tells == "tells Q":
            assert not cells["undecided"] + cells["good"], (tells, row, factor, cells)
        if tells == "tells Q" and 0.55 <= factor <= 0.97:
            assert cells["named"] == cells.total(), (tells, row, factor, cells)


def shares(cells: Counter[str]) -> str:
    kinds = ("named", "one of two", "the twin first", "undecided")
    return "/".join(f"{100 * cells[kind] / cells.total():.0f}" for kind in kinds)
