"""A works with hidden mistakes, to learn setting up on: drawn from a seed, scored by what was set up.

Hidden are two wiring mistakes, a transformer ratio that was noted wrongly, a bus at another baud rate than
was noted, a meter without supply, and two meters whose addresses were noted the wrong way round. None of
these meters has another mistake. A mistake gives a point when it is found and another when it is put right;
where the setup takes the true value, both.

The score is read from `setup.json` of `dianjian setup` (meters with `unit_id`, `line`, `ct_ratio`; lines with
`rated_w`; wiring verdicts in their order) and from what was done at the plant by hand.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import evolve, frozen

from firmware_sim.electrical import PHASES
from firmware_sim.language import Words
from firmware_sim.layout import BusKind, Layout, LinePlan
from firmware_sim.training_words import LINES, WORDS
from firmware_sim.training_words import MISTAKES as MISTAKE_WORDS
from firmware_sim.wiring import Mistake, Wiring

NOTED_BAUD: Final = 9600
BAUDS: Final = (4800, 19200, 38400)
SECONDARY_A: Final = 5
NOTED_A: Final = (50, 150, 200)
"""Primary currents that were noted in place of the true 100 A of the meter with transformers."""
PAIRS: Final = (("m1", "m3"), ("m2", "m3"), ("m7", "m8"), ("m7", "m9"))
"""Meters of one bus and of different lines, which can be mistaken for one another."""
MISTAKES: Final = (
    Wiring(Mistake.CT_REVERSED, (0,)),
    Wiring(Mistake.CT_REVERSED, (2,)),
    Wiring(Mistake.CTS_SWAPPED, (0, 1)),
    Wiring(Mistake.CTS_ROTATED),
    Wiring(Mistake.VOLTAGE_LOST, (1,)),
)
WIRED_WRONGLY: Final = 2
RATIO_SHARE: Final = 0.01
"""How near a ratio or a nameplate must be to count as the true one."""
POINTS: Final = {"missed": 0, "found": 1, "done": 2}


@frozen
class Hidden:
    """One mistake: its kind (a key of WORDS), the meters it is at, its words."""

    kind: str
    meters: tuple[str, ...]
    words: Words


@frozen
class Training:
    """A works with its mistakes, and what was noted of it."""

    seed: int
    layout: Layout
    hidden: tuple[Hidden, ...]
    dead: str
    noted: Mapping[str, Sequence[int]]
    noted_a: int

    @property
    def worksheet(self) -> list[Words]:
        """The rows that are noted: lines, transformers, buses."""
        rows = [WORDS["sheet"]]
        for line in self.layout.lines:
            units = ", ".join(map(str, self.noted[line.id]))
            rows.append(WORDS["row"].fill(name=LINES[line.id], kw=line.rated_w / 1000, units=units))
        with_transformers = next(one for one in self.layout.meters if one.ct_ratio != 1)
        rows.append(WORDS["ratio"].fill(unit=with_transformers.unit_id, ratio=self.noted_a))
        serial = [bus.id for bus in self.layout.buses if bus.kind is BusKind.PTY]
        return rows + [WORDS["baud"].fill(bus=bus, baudrate=NOTED_BAUD) for bus in serial]


def draw_training(plant: Layout, seed: int) -> Training:
    """Hide mistakes in the plant of ten meters."""
    draw = random.Random(seed)
    units = {meter.id: meter.unit_id for meter in plant.meters}
    with_transformers = next(one.id for one in plant.meters if one.ct_ratio != 1)
    pair = draw.choice(PAIRS)
    free = [one for one in units if one not in {*pair, with_transformers, plant.meters[-1].id}]
    dead, *wrong = draw.sample(free, 1 + WIRED_WRONGLY)
    wirings = dict(zip(wrong, draw.sample(MISTAKES, WIRED_WRONGLY), strict=True))
    bus = draw.choice([one for one in plant.buses if one.kind is BusKind.PTY])
    baudrate, noted_a = draw.choice(BAUDS), draw.choice(NOTED_A)
    ratio = next(one.ct_ratio for one in plant.meters if one.id == with_transformers)
    hidden = (
        *(Hidden("wiring", (one,), _describe(units[one], wiring)) for one, wiring in wirings.items()),
        Hidden(
            "wrong_ratio",
            (with_transformers,),
            WORDS["wrong_ratio"].fill(
                unit=units[with_transformers], ratio=ratio * SECONDARY_A, noted=noted_a
            ),
        ),
        Hidden(
            "wrong_baud",
            tuple(one.id for one in plant.meters if one.bus == bus.id and one.id != dead),
            WORDS["wrong_baud"].fill(bus=bus.id, baudrate=baudrate),
        ),
        Hidden("dead_meter", (dead,), WORDS["dead_meter"].fill(unit=units[dead])),
        Hidden("swapped_units", pair, WORDS["swapped_units"].fill(unit=units[pair[0]], other=units[pair[1]])),
    )
    exchanged = {units[pair[0]]: units[pair[1]], units[pair[1]]: units[pair[0]]}
    noted = {
        line.id: sorted(exchanged.get(units[one], units[one]) for one in line.meters) for line in plant.lines
    }
    layout = evolve(
        plant,
        seed=seed,
        meters=tuple(evolve(one, wiring=wirings.get(one.id)) for one in plant.meters),
        buses=tuple(
            evolve(one, wire=evolve(one.wire, baudrate=baudrate if one is bus else NOTED_BAUD))
            if one.wire is not None
            else one
            for one in plant.buses
        ),
    )
    return Training(seed, layout, hidden, dead, noted, noted_a)


def _describe(unit: int, wiring: Wiring) -> Words:
    phases = ", ".join(PHASES[one].upper() for one in wiring.phases)
    return WORDS["wiring"].fill(unit=unit, mistake=MISTAKE_WORDS[wiring.mistake].fill(phases=phases))


def score(
    training: Training, setup: Mapping[str, Any], rewired: Sequence[tuple[str, Wiring | None]]
) -> list[str]:
    """How each hidden mistake ended, in their order: missed, found or done.

    Args:
        training: What was hidden.
        setup: The table of `setup.json`; {} if nothing was set up.
        rewired: What was done to the wiring at the plant, in its order.
    """
    return [_judge(training.layout, one, setup, dict(rewired)) for one in training.hidden]


def _judge(
    layout: Layout, hidden: Hidden, setup: Mapping[str, Any], rewired: Mapping[str, Wiring | None]
) -> str:
    plans = [one for one in layout.meters if one.id in hidden.meters]
    known = {one.get("unit_id"): one for one in setup.get("meters", ())}
    own = [known[plan.unit_id] for plan in plans if plan.unit_id in known]
    if len(own) < len(plans):
        return "missed"
    if hidden.kind == "wiring":
        verdicts = [one["verdict"] for one in setup.get("wiring", ()) if one["meter"] == own[0]["id"]]
        if not any(one != "good" for one in verdicts):
            return "missed"
        is_right = plans[0].id in rewired and rewired[plans[0].id] is None
        return "done" if is_right and verdicts[-1] != "mistake" else "found"  # a nameplate may still ask
    if hidden.kind == "wrong_ratio":
        shown = float(own[0].get("ct_ratio", 1.0))
        return "done" if abs(shown / plans[0].ct_ratio - 1) < RATIO_SHARE else "missed"
    if hidden.kind == "swapped_units":
        rated = {one["id"]: float(one["rated_w"]) for one in setup.get("lines", ())}
        lines = {one.id: one for one in layout.lines}
        is_true = [
            _is_line(lines[plan.line], rated.get(str(one.get("line"))))
            for plan, one in zip(plans, own, strict=True)
        ]
        return "done" if all(is_true) else "missed"
    return "done"


def _is_line(line: LinePlan, rated_w: float | None) -> bool:
    return rated_w is not None and abs(rated_w / line.rated_w - 1) < RATIO_SHARE
