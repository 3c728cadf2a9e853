"""Injector B: what it plants breaks the rule it names, and nothing else."""

from collections.abc import Callable

import numpy as np
import pytest
from attrs import evolve

from tests.bench_detection.cases import AT_REST, CLASSES, DT_S, GRACE_S, MISSING, T0_S, Case, Floats, Pair
from tests.bench_detection.honest import PLANTS, cases
from tests.bench_detection.inject_b import inject
from tests.bench_detection.scene_b import bridged, spans

DAYS = 16


def _plant(*, channels: bool, split: bool = False) -> Pair:
    """Two shifts with a lunch break, a fan that starts before and stops after, standby on the machines."""
    rng = np.random.default_rng(7)
    slots = DAYS * 8640
    hour = np.arange(slots) * DT_S / 3600 % 24
    on = ((hour >= 6) & (hour < 12)) | ((hour >= 13) & (hour < 22))
    fan = ((hour >= 5.97) & (hour < 12.2)) | ((hour >= 12.98) & (hour < 22.2))
    production = np.rint(np.where(on, 50_000 + rng.normal(0, 2000, slots), 900 + rng.normal(0, 15, slots)))
    treatment = np.rint(np.where(fan, 18_000 + rng.normal(0, 250, slots), rng.uniform(0, 30, slots)))
    times: Floats = (T0_S + np.arange(slots) * float(DT_S)).astype(np.float64)
    pair = Pair(
        name="two shifts", times_s=times,
        production_w=production.astype(np.int64),
        treatment_w=treatment.astype(np.int64), rated_production_w=60_000, rated_treatment_w=22_000,
    )  # fmt: skip
    if split:
        pair = evolve(pair, production_split=np.full(slots, 0.6), treatment_split=np.full(slots, 0.5))
    if not channels:
        return pair
    pf, volts = np.where(fan, 0.84, 0.5), np.full(slots, 230.0)
    return evolve(
        pair, pf_treatment=pf, voltage_treatment_v=volts, current_treatment_a=treatment / (3 * volts * pf),
        pf_production=np.where(on, 0.8, 0.4), voltage_production_v=volts,
        current_production_a=production / (3 * volts * np.where(on, 0.8, 0.4)),
    )  # fmt: skip


PLAIN, RICH, SPLIT = _plant(channels=False), _plant(channels=True), _plant(channels=False, split=True)


@pytest.fixture(scope="module", params=["plain", "rich", "split"])
def made(request: pytest.FixtureRequest) -> tuple[Pair, list[Case]]:
    pair = {"plain": PLAIN, "rich": RICH, "split": SPLIT}[request.param]
    return pair, [inject(pair, seed) for seed in range(3)]


def test_the_same_seed_makes_the_same_case_and_another_one_another() -> None:
    first, again, other = inject(RICH, 5), inject(RICH, 5), inject(RICH, 6)
    assert first.events == again.events
    assert np.array_equal(first.pair.treatment_w, again.pair.treatment_w)
    assert first.events != other.events


def test_a_clean_case_has_nuisances_and_no_deed() -> None:
    case = inject(PLAIN, 1, clean=True)
    assert case.events == ()
    assert 0.015 < (case.pair.treatment_w == MISSING).mean() < 0.025
    assert 0.015 < (case.pair.production_w == MISSING).mean() < 0.025


def test_the_healthy_pair_is_left_as_it_was() -> None:
    before = RICH.treatment_w.copy(), RICH.production_w.copy()
    inject(RICH, 3)
    assert np.array_equal(before[0], RICH.treatment_w)
    assert np.array_equal(before[1], RICH.production_w)


def test_every_class_has_its_turn(made: tuple[Pair, list[Case]]) -> None:
    _, cases = made
    assert {event.klass for case in cases for event in case.events} == set(CLASSES)


def test_deeds_keep_apart_and_come_after_commissioning(made: tuple[Pair, list[Case]]) -> None:
    pair, cases = made
    for case in cases:
        ends = [pair.commission_end_s, *(event.end_s for event in case.events)]
        begins = [*(event.begin_s for event in case.events), float(pair.times_s[-1])]
        assert all(begin - end >= 3600 for begin, end in zip(begins[:-1], ends[:-1], strict=True))


def test_a_violation_breaks_its_rule_from_begin_to_end(made: tuple[Pair, list[Case]]) -> None:
    pair, cases = made
    for case in cases:
        for event in case.events:
            if (
                event.klass not in {"off", "idle", "late_start", "early_stop"}
                or event.variant == "interruptions"
            ):
                continue
            down = 600 if event.variant in {"damper", "drive"} else 0
            at = (
                (pair.times_s >= event.begin_s + down)
                & (pair.times_s < event.end_s)
                & (pair.production_w > 30_000)
            )
            left = case.pair.treatment_w[at & (case.pair.treatment_w != MISSING)]
            assert left.max(initial=0) <= 0.46 * 18_000, event
            assert at.sum() * DT_S + down >= 470


def test_a_late_start_counts_from_the_end_of_the_grace(made: tuple[Pair, list[Case]]) -> None:
    pair, cases = made
    for event in (event for case in cases for event in case.events if event.klass == "late_start"):
        start = np.searchsorted(pair.times_s, event.begin_s - GRACE_S)
        assert pair.production_w[start] < 5000 < pair.production_w[start + 1]


def test_lines_of_a_shared_side_never_go_below_zero(made: tuple[Pair, list[Case]]) -> None:
    _, cases = made
    for case in cases:
        for watts in (case.pair.production_w, case.pair.treatment_w):
            assert watts[watts != MISSING].min() >= 0


def test_honest_plants_commit_nothing_and_are_the_same_again() -> None:
    made, again = next(cases(4)), next(cases(4))
    assert np.array_equal(made.pair.treatment_w, again.pair.treatment_w)
    assert made.events == ()
    assert all(plant.__doc__ for plant in PLANTS)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_no_honest_plant_runs_without_treatment_beyond_the_grace(plant: Callable[[int], Pair]) -> None:
    pair = plant(2)
    bare = bridged(
        (pair.production_w > 12_000) & (pair.treatment_w < 5000) & (pair.treatment_w != MISSING), 1
    )
    assert max((b - a for a, b in spans(bare)), default=0) * DT_S < GRACE_S


def test_a_heater_shows_its_power_factor_and_a_lifted_ct_its_voltage() -> None:
    events = [(case, event) for case in (inject(RICH, seed) for seed in range(3)) for event in case.events]
    for case, event in events:
        at = (RICH.times_s >= event.begin_s) & (RICH.times_s < event.end_s)
        pf, amps = case.pair.pf_treatment, case.pair.current_production_a
        volts = case.pair.voltage_production_v
        assert pf is not None
        assert amps is not None
        assert volts is not None
        if event.klass == "dummy":
            assert np.nanmin(pf[at]) > 0.99
        if event.klass == "ct_prod":
            assert np.nanmax(amps[at]) == 0
            assert np.nanmin(volts[at]) == 230
            assert (event.variant == AT_REST) is not (RICH.production_w[at] > 12_000).any()
