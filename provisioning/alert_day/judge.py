"""Whether what was said of the night is what the world did: verdicts beside the true powers of the plant.

The rules here are simpler than the product's and share nothing with it: a line stood if it took next to
nothing, kept its cap if no hour was above it, ran without treatment if that took next to nothing meanwhile.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from attrs import frozen

from evidence.words import Words
from firmware_sim.plant import Plant
from provisioning.alert_day import acts
from provisioning.alert_day.words import PROBLEMS

STEP_S: Final = 10.0
HOUR_S: Final = 3600.0
NOTHING: Final = 0.05
"""Of the rated power: standby of a simulated machine is a tenth of it."""
UNTREATED_S: Final = 1800.0
"""So long without treatment no rule overlooks."""


@frozen
class World:
    """What truly happened at one line in the alert: the verdict that is due, and if treatment lacked."""

    verdict: str
    is_untreated: bool
    stood: bool


def look_at_world(plant: Plant, line: str) -> World:
    """The truth about a line, from the plant's own loads."""
    begin_s = acts.BEGIN_S + acts.ALERT_MIN * 60
    end_s = begin_s + acts.ALERT_HOURS * HOUR_S
    watts = plant.history(line, begin_s, end_s, STEP_S)
    stood = bool(watts.max() < NOTHING * plant.line(line).rated_w)
    cap_w = acts.CAPS_W.get(line)
    hours = watts.reshape(acts.ALERT_HOURS, -1).mean(axis=1)
    is_kept = stood if cap_w is None else bool((hours <= cap_w).all())
    treatment = acts.TREATMENT.get(line)
    is_untreated = False
    if treatment is not None:
        treated = plant.history(treatment, begin_s, end_s, STEP_S)
        lacks = (treated < NOTHING * plant.line(treatment).rated_w) & (
            watts > NOTHING * plant.line(line).rated_w
        )
        is_untreated = bool(np.count_nonzero(lacks) * STEP_S >= UNTREATED_S)
    return World("met" if is_kept else "not_met", is_untreated, stood)


def compare(
    plant: Plant,
    finals: Mapping[str, Mapping[str, Any]],
    marks: Sequence[Mapping[str, Any]],
    board: Sequence[Mapping[str, Any]],
    proved: Sequence[Mapping[str, Any]],
) -> Iterator[Words]:
    """What was said and is not so.

    Args:
        plant: The world.
        finals: The final verdicts by line.
        marks: The marks of the chain with their truth, as `dianjian marks check --json` gives them.
        board: The rows of the centre's board.
        proved: The orders in the pack of the night, as `dianjian verify --json` gives them.
    """
    for line in (*acts.STANDS, *acts.CAPS_W):
        world, said = look_at_world(plant, line), finals.get(line)
        if said is None:
            yield PROBLEMS["no verdict"].fill(line=line)
            continue
        if said["verdict"] != world.verdict:
            yield PROBLEMS["verdict"].fill(line=line, said=said["verdict"], true=world.verdict)
        if bool(said["episodes"]) != world.is_untreated:
            yield PROBLEMS["treatment"].fill(line=line, said=len(said["episodes"]))
    yield from _compare_marks(plant, marks)
    yield from _compare_board(board)
    good = {one["order"] for one in proved if one["proved"] and one["answers"]}
    for order in (acts.LIST, acts.ALERT, acts.ASK, acts.CHECK):
        if order not in good:
            yield PROBLEMS["proof"].fill(order=order)


def _compare_marks(plant: Plant, marks: Sequence[Mapping[str, Any]]) -> Iterator[Words]:
    mine = [one for one in marks if one["source"] == "manual"]
    due = "consistent" if look_at_world(plant, acts.MARKED).stood else "contradicted"
    if [one["truth"] for one in mine] != [due]:
        yield PROBLEMS["mark"].fill(said=[one["truth"] for one in mine], true=due)


def _compare_board(board: Sequence[Mapping[str, Any]]) -> Iterator[Words]:
    rows = {row["order"]: row for row in board}
    for order in (acts.LIST, acts.ALERT, acts.ASK, acts.CHECK):
        if rows.get(order, {}).get("state") != "held":
            yield PROBLEMS["order"].fill(order=order)
    answers = [one["state"] for one in rows.get(acts.ASK, {}).get("answers", ())]
    if sorted(answers) != ["accepted", "received", "shown"]:  # two letters of one second come in any order
        yield PROBLEMS["answers"].fill(order=acts.ASK, said=", ".join(answers))


def read_lines(text: str) -> list[dict[str, Any]]:
    """The JSON objects of a verb's output."""
    return [json.loads(line) for line in text.splitlines() if line.strip()]
