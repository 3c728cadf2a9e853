"""The wiring check: every row of the table on many meters, and no mistake said of a meter without one."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.points import model as meter_models
from firmware_sim.wiring import Mistake, Wiring
from provisioning.wiring import Expected, diagnose
from tests.provisioning.wiring.loads import ROWS, balanced, honest, mentions, names, reads, seen

RATED_W = 60_000
MODELS = ("eastron-sdm630", "chint-dtsu666", "schneider-pm5xxx")
"""Power of each phase, reactive power of the whole: what most meters have."""
SILENT = ("acrel-adw300", "janitza-umg96rm", "socomec-countis")
"""No reactive power at all."""
FULL = ("dlt645-2007-3p",)
"""Reactive power of each phase."""
FACTORS = (0.5, 0.6, 0.7, 0.8, 0.86, 0.9, 0.95, 1.0)
TWINS = {
    (Mistake.CT_REVERSED, 0.5): "shifted back",
    (Mistake.CT_REVERSED, 1.0): "shifted",
    (Mistake.CTS_ROTATED, 0.5): "transformer reversed on",
    (Mistake.CTS_ROTATED_BACK, 1.0): "transformer reversed on",
    (Mistake.CTS_SWAPPED, 0.5): "see the current of",
    (Mistake.CTS_SWAPPED, 1.0): "see the current of",
    (Mistake.SAME_PHASE, 0.5): "exchanged",
    (Mistake.SAME_PHASE, 1.0): "exchanged",
}
"""Where two rows of the table give the same readings, and what the sentence must say beside the row."""


def clamped(wiring: Wiring | None, true: object) -> dict[str, float]:
    if wiring is None or wiring.mistake is not Mistake.WRONG_RATIO:
        return {}
    return {f"l{k + 1}": float(abs(true.currents[k, 0])) for k in range(3)}


def row_id(wiring: Wiring) -> str:
    places = "".join(str(place + 1) for place in wiring.phases)
    return f"{wiring.mistake}-{places}" + (f"-{wiring.ratio:g}" if wiring.ratio != 1 else "")


@pytest.mark.parametrize("name", [*MODELS, *FULL])
@pytest.mark.parametrize("wiring", ROWS, ids=row_id)
def test_every_row_is_named_at_any_power_factor_from_a_tenth_of_the_load_on(
    wiring: Wiring, name: str
) -> None:
    rng, model = np.random.default_rng(sum(map(ord, name))), meter_models.load(name)
    for factor in FACTORS:
        for load in (0.1, 0.25, 1.0):
            true = balanced(RATED_W * load, factor, rng)
            answers = reads(model, seen(true, wiring), rng)
            expected = Expected(rated_w=RATED_W, is_three_phase=True, clamp_a=clamped(wiring, true))
            said = diagnose(answers, expected)
            assert said.verdict == "mistake", (factor, load, said.sentence.en)
            twin = TWINS.get((wiring.mistake, factor))
            mine = names(said, wiring)
            if twin is None or (mine and not mentions(said, ["both look the same"])):
                assert mine, (factor, load, said.sentence.en)
            else:
                assert mentions(said, ["both look the same", _own(wiring.mistake)]), said.sentence.en
                assert mine or mentions(said, [twin]) or wiring.mistake is Mistake.CT_REVERSED


def _own(mistake: Mistake) -> str:
    return {
        Mistake.CT_REVERSED: "transformer reversed on",
        Mistake.CTS_ROTATED: "are shifted by one place",
        Mistake.CTS_ROTATED_BACK: "shifted back by one place",
        Mistake.CTS_SWAPPED: "exchanged",
        Mistake.SAME_PHASE: "three channels see the current of",
    }[mistake]


@pytest.mark.parametrize("name", SILENT)
@pytest.mark.parametrize("wiring", ROWS, ids=row_id)
def test_a_meter_without_reactive_power_names_the_row_or_both_that_look_the_same(
    wiring: Wiring, name: str
) -> None:
    rng, model = np.random.default_rng(sum(map(ord, name))), meter_models.load(name)
    for factor in (0.6, 0.7, 0.8, 0.86, 0.95):
        true = balanced(RATED_W * 0.5, factor, rng)
        expected = Expected(rated_w=RATED_W, is_three_phase=True, clamp_a=clamped(wiring, true))
        said = diagnose(reads(model, seen(true, wiring), rng), expected)
        assert said.verdict == "mistake"
        if wiring.mistake is Mistake.CTS_ROTATED or (
            wiring.mistake is Mistake.CT_REVERSED and len(wiring.phases) == 3
        ):
            assert mentions(said, ["transformer reversed on", "shifted by one place", "both look the same"])
            assert "arrows" in said.remedy.en
        else:
            assert names(said, wiring), said.sentence.en


def false_alarms(names_: tuple[str, ...], count: int, seed: int) -> tuple[Counter[str], list[str]]:
    rng = np.random.default_rng(seed)
    models = [meter_models.load(name) for name in names_]
    verdicts: Counter[str] = Counter()
    wrong = []
    for number in range(count):
        true = honest(rng)
        # a technician knows more or less
        apparent = float((true.voltages * abs(true.currents)).sum())
        rated_w = rng.choice([0.0, apparent * rng.uniform(0.6, 3)])
        said = diagnose(
            reads(models[number % len(models)], true, rng, error=0.003),
            Expected(rated_w=float(rated_w) or None, nominal_v=[None, 230.0][number % 2]),
        )
        verdicts[said.verdict] += 1
        if said.verdict == "mistake":
            wrong.append(f"{number}: {said.sentence.en}")
    return verdicts, wrong


def test_no_mistake_is_said_of_a_thousand_loads_behind_right_wiring() -> None:
    verdicts, wrong = false_alarms((*MODELS, *SILENT, *FULL), 1000, 6)
    assert wrong == []
    assert verdicts["good"] > 750


@pytest.mark.minutes
def test_no_mistake_is_said_of_ten_thousand_loads_on_every_meter_of_three_phases() -> None:
    shipped = [
        name
        for name in meter_models.names()
        if {"active_power_l3", "current_l3"} <= {point.name for point in meter_models.load(name).points}
    ]
    assert len(shipped) > 12
    verdicts, wrong = false_alarms(tuple(shipped), 10_000, 60)
    assert wrong == []
    assert verdicts["good"] > 7500


def three(
    watts: tuple[float, ...] = (8000, 8000, 8000),
    amps: tuple[float, ...] = (43.5, 43.5, 43.5),
    volts: tuple[float, ...] = (230, 230, 230),
    var: float | None = 18_000,
) -> dict[str, float]:
    values = {}
    for k in range(3):
        values[f"voltage_l{k + 1}"] = volts[k]
        values[f"current_l{k + 1}"] = amps[k]
        values[f"active_power_l{k + 1}"] = watts[k]
    values["active_power"] = sum(watts)
    return values if var is None else values | {"reactive_power": var}


NO_L2 = three((8000, 0, 8000), (43.5, 0, 43.5), var=12_000)


@pytest.mark.parametrize(
    ("expected", "verdict", "mistake"),
    [
        (Expected(is_three_phase=True), "mistake", "ct_open"),
        (Expected(is_three_phase=False), "good", None),
        (Expected(), "undecided", "ct_open"),
        (Expected(clamp_a={"l2": 42.0}), "mistake", "ct_open"),
        (Expected(clamp_a={"l2": 0.0}), "good", None),
        (Expected(clamp_a={"l1": 43.0, "l2": 0.0, "l3": 44.0}, is_three_phase=True), "good", None),
    ],
)
def test_a_phase_without_current_is_what_the_technician_knows_of_it(
    expected: Expected, verdict: str, mistake: str | None
) -> None:
    said = diagnose([NO_L2] * 3, expected)
    assert (said.verdict, said.mistake) == (verdict, mistake)
    assert said.phases == (("l2",) if mistake else ())
    if verdict == "undecided":
        assert "Measure the cable of L2 with a clamp meter" in said.remedy.en


@pytest.mark.parametrize(
    ("values", "expected", "verdict", "mistake", "words"),
    [
        (three(), Expected(), "good", None, "Wired correctly"),
        (three((0, 0, 0), (0, 0, 0), var=0), Expected(rated_w=9e3), "undecided", None, "no current"),
        (three((300, 300, 300), (2, 2, 2), var=900), Expected(rated_w=60_000), "undecided", None, "only 2 %"),
        (three((0, 0, 0), volts=(0, 0, 0), var=0), Expected(), "mistake", "voltage_lost", "L1, L2 and L3"),
        (three((8000, 3000, 8000), volts=(230, 90, 230)), Expected(), "mistake", "voltage_lost", "L2 90 V"),
        (three(volts=(231, 400, 398)), Expected(), "undecided", None, "not those of the supply"),
        (three(), Expected(nominal_v=57.7), "undecided", None, "not those of the supply"),
        (three((-8000,) * 3, var=-18_000), Expected(is_feeding_back=True), "good", None, "Wired correctly"),
        (three((-8000,) * 3, var=-18_000), Expected(), "mistake", "ct_reversed", "L1, L2 and L3"),
        (three((2500,) * 3, var=28_800), Expected(), "undecided", None, "without load"),
        (three((6300,) * 3, var=-23_300), Expected(), "undecided", None, "capacitor bank"),
        (three((8000, 8000, -3000)), Expected(), "undecided", None, "No load has these powers"),
        (three(), Expected(rated_w=10_000), "undecided", "wrong_ratio", "3.0 times the rated power"),
        (three((9950, 9950, 9950), var=0), Expected(), "good", None, "Wired correctly"),
        (three((7000, 7000, 7000), var=1000), Expected(), "good", None, "Wired correctly"),  # a drive
    ],
)
def test_what_else_a_meter_may_show(
    values: dict[str, float], expected: Expected, verdict: str, mistake: str | None, words: str
) -> None:
    said = diagnose([values] * 3, expected)
    assert (said.verdict, said.mistake) == (verdict, mistake), said.sentence.en
    assert words in said.sentence.en


@pytest.mark.parametrize(
    ("factor", "now", "ratio", "right"),
    [
        (0.5, 20, 0.5, 40),
        (0.49, 20, 0.5, 40),
        (2.04, 80, 2, 40),
        (0.2, 1, 0.2, 5),
        (4.1, 40, 4, 10),
        (0.333, 20, 1 / 3, 60),
        (0.667, 40, 2 / 3, 60),
        (0.05, 1, 0.05, 20),
    ],
)
def test_a_wrong_ratio_is_a_round_one_and_the_right_one_is_named(
    factor: float, now: float, ratio: float, right: float
) -> None:
    clamp = {f"l{k}": 43.5 / factor for k in (1, 2, 3)}
    said = diagnose([three()] * 3, Expected(clamp_a=clamp, ct_ratio=now))
    assert (said.verdict, said.mistake, said.phases) == ("mistake", "wrong_ratio", ("l1", "l2", "l3"))
    assert said.ratio == pytest.approx(ratio)
    assert f"set ct_ratio to {right} in place of {now}".lower() in said.remedy.en.lower()


@pytest.mark.parametrize(("watts", "var", "both"), [(3000, -28_500, True), (-600, -29_900, False)])
def test_shifted_back_with_power_on_all_phases_could_be_a_capacitor_bank(
    watts: float, var: float, both: bool
) -> None:
    said = diagnose([three((watts,) * 3, var=var)] * 3, Expected())
    assert (said.verdict, said.mistake) == ("mistake", "cts_rotated_back")
    assert mentions(said, ["capacitor bank"]) == both
    assert ("capacitor" in said.remedy.en) == ("电容" in said.remedy.zh) == both


def test_a_ratio_that_is_set_in_the_meter_is_told_as_a_multiple() -> None:
    said = diagnose([three()] * 3, Expected(clamp_a={"l1": 87.0, "l2": 87.0, "l3": 87.0}))
    assert "set the ratio in the meter to 2 times what it is" in said.remedy.en.lower()
    assert "clamp_factor" in said.numbers


@pytest.mark.parametrize(
    ("clamp", "verdict", "mistake", "phases"),
    [
        ({"l1": 42.0, "l2": 45.0, "l3": 44.0}, "good", None, ()),
        ({"l2": 87.0}, "mistake", "wrong_ratio", ("l2",)),
        ({"l1": 43.0, "l2": 87.0, "l3": 43.5}, "mistake", "wrong_ratio", ("l2",)),
        ({"l1": 12.0, "l2": 90.0, "l3": 31.0}, "undecided", "other_cable", ("l1", "l2", "l3")),
        ({"l1": 0.1, "l2": 43.0, "l3": 43.0}, "undecided", "other_cable", ("l1",)),
        ({"l1": math.nan}, "good", None, ()),
    ],
)
def test_a_clamp_meter_is_believed_within_its_error(
    clamp: dict[str, float], verdict: str, mistake: str | None, phases: tuple[str, ...]
) -> None:
    said = diagnose([three()] * 3, Expected(clamp_a=clamp))
    assert (said.verdict, said.mistake, said.phases) == (verdict, mistake, phases)


@pytest.mark.parametrize(
    ("values", "verdict", "words"),
    [
        ({"voltage": 230, "current": 10, "active_power": 2000}, "good", "Wired correctly"),
        ({"voltage": 230, "current": 10, "active_power": -2000}, "mistake", "transformer reversed on L1"),
        ({"voltage": 230, "current": 10, "active_power": 300}, "undecided", "another phase"),
        ({"voltage": 0, "current": 10, "active_power": 0}, "mistake", "lead off on L1"),
        ({"active_power": 12_000}, "undecided", "does not give voltage and current"),
        ({"active_power": -12_000}, "undecided", "negative"),
        ({}, "undecided", "does not give"),
    ],
)
def test_meters_of_one_phase_and_of_totals_say_what_they_can(
    values: dict[str, float], verdict: str, words: str
) -> None:
    said = diagnose([values] * 3, Expected())
    assert said.verdict == verdict
    assert words in said.sentence.en


@pytest.mark.parametrize(("share", "verdict"), [(0.85, "good"), (0.28, "undecided"), (-0.85, "undecided")])
def test_a_meter_that_tells_only_the_total_power_is_judged_by_it(share: float, verdict: str) -> None:
    values = {k: v for k, v in three().items() if not k.startswith("active_power_l")}
    values["active_power"] = share * 3 * 230 * 43.5
    assert diagnose([values] * 3, Expected()).verdict == verdict


def test_two_mistakes_at_once_are_both_named_or_none() -> None:
    rng, model = np.random.default_rng(1), meter_models.load("dlt645-2007-3p")
    for factor in (0.7, 0.8, 0.86):
        true = balanced(30_000, factor, rng)
        both = seen(seen(true, Wiring(Mistake.CTS_ROTATED)), Wiring(Mistake.CT_REVERSED, (1,)))
        said = diagnose(reads(model, both, rng), Expected(is_three_phase=True))
        assert said.mistake in {None, "cts_rotated+ct_reversed"}
        assert said.verdict != "good"
        if said.verdict == "mistake":
            assert mentions(said, ["shifted by one place", "reversed on L2"])


weird = st.one_of(st.floats(), st.integers(), st.text(max_size=3), st.booleans(), st.none())
points = st.sampled_from([*three(), "voltage", "current", "reactive_power_l1", "power_factor", "serial"])


@settings(deadline=None, max_examples=150)
@given(
    samples=st.lists(st.dictionaries(points, weird, max_size=12), max_size=4),
    clamp=st.dictionaries(st.sampled_from(["l1", "l2", "l3", "n"]), st.floats(), max_size=3),
    rated=st.none() | st.floats(1, 1e9),
)
def test_whatever_is_read_is_judged_in_two_languages_and_finite_numbers(
    samples: list[dict[str, object]], clamp: dict[str, float], rated: float | None
) -> None:
    said = diagnose(samples, Expected(clamp_a=clamp, rated_w=rated))
    assert said.verdict in {"good", "mistake", "undecided"}
    for words in (said.sentence, said.remedy):
        assert words.zh
        assert words.en
    assert all(math.isfinite(number) for number in said.numbers.values())
    assert (said.verdict == "mistake") <= bool(said.mistake and said.phases)


@settings(deadline=None, max_examples=150)
@given(
    watts=st.tuples(*[st.floats(-2e4, 2e4)] * 3),
    amps=st.tuples(*[st.floats(0, 100)] * 3),
    volts=st.tuples(*[st.floats(0, 420)] * 3),
    var=st.none() | st.floats(-6e4, 6e4),
)
def test_any_reading_of_three_phases_is_judged(
    watts: tuple[float, ...], amps: tuple[float, ...], volts: tuple[float, ...], var: float | None
) -> None:
    said = diagnose([three(watts, amps, volts, var)], Expected())
    if min(watts) < -0.5 * 230 * max(amps) and min(volts) > 200 and max(volts) < 250:
        assert said.verdict != "good", "power that flows back is not right"
