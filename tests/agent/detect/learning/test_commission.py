"""What is learned from 72 hours of a plant, and what is not."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from agent.detect.learning.commission import CommissionResult, commission
from agent.detect.learning.linkages import LAG_MAX_S, learn_lag_s
from agent.detect.params import LinkageParams
from tests.agent.detect.plant import DAY, DT_S, PAIRS, Loads, inject, plant, times

RATED = {"p1": 60_000.0, "t1": 22_000.0}


def learn(loads: Loads, slots: int = 3 * DAY, **options: object) -> CommissionResult:
    at_s = times(loads)[:slots]
    return commission(
        "k1", {"p1": (at_s, loads.u[:slots])}, {"t1": (at_s, loads.t[:slots])}, RATED, **options
    )


def english(found: CommissionResult) -> list[str]:
    return [one.en for one in found.findings]


@cache
def learned(pair: str) -> CommissionResult:
    return learn(plant(pair, 3, 5))


@pytest.mark.parametrize("pair", PAIRS)
def test_three_days_are_enough_and_without_exceptions(pair: str) -> None:
    found = learned(pair)
    assert found.ready
    assert [text for text in english(found) if "not learned" in text] == []
    assert LinkageParams.from_dict(found.params.to_dict()) == found.params


@pytest.mark.parametrize("pair", PAIRS)
def test_thresholds_lie_between_standby_and_load(pair: str) -> None:
    params = learned(pair).params
    assert 1_500 < params.on_production.lo_w < params.on_production.hi_w < 40_000
    assert 20 < params.on_treatment.lo_w < params.on_treatment.hi_w < 14_000
    assert params.provisional == (pair == "always_on")


@pytest.mark.parametrize("pair", PAIRS)
def test_the_envelope_lies_below_what_is_normal_and_above_idling(pair: str) -> None:
    for step in learned(pair).params.envelope[1:]:
        assert 0.45 * step.median_w < step.lo_w < 0.95 * step.median_w


def test_the_envelope_rises_with_production_where_treatment_is_modulated() -> None:
    los = [step.lo_w for step in learned("modulated").params.envelope]
    assert los == sorted(los)
    assert los[-1] > 1.15 * los[1]


@pytest.mark.parametrize(
    ("pair", "duty_s"), [("duty", 240), ("constant", 0), ("two_stage", 0), ("modulated", 0)]
)
def test_a_duty_cycle_is_learned_where_there_is_one(pair: str, duty_s: int) -> None:
    window = learned(pair).params.duty_window_s
    assert window == (pytest.approx(1.25 * duty_s + 60, abs=60) if duty_s else 0)


@pytest.mark.parametrize("pair", PAIRS)
def test_pulses_are_bridged(pair: str) -> None:
    assert learned(pair).params.bridge_s == (120 if pair == "pulsed" else 20)


def test_the_lag_of_a_modulated_treatment_is_found() -> None:
    assert learned("modulated").params.lag_s == pytest.approx(60, abs=20)


@pytest.mark.parametrize(
    ("follows_s", "period_h", "found_s"), [(0, 12, 0), (200, 1, 200), (200, 12, 0), (870, 12, 0)]
)
def test_a_lag_needs_a_peak_and_a_flat_top_has_its_least(follows_s: int, period_h: int, found_s: int) -> None:
    """Loads that rise and fall over hours, with noise that hides which of many lags is the best."""
    rng = np.random.default_rng(8)
    at = np.arange(3 * DAY)
    slow = 20_000 + 8_000 * np.sin(2 * np.pi * at * DT_S / (3600 * period_h))
    u = np.rint(slow + rng.normal(0, 900, len(at)))
    t = np.rint(np.roll(slow, follows_s // DT_S) / 3 + rng.normal(0, 300, len(at)))
    lag_s, r = learn_lag_s(u, t, DT_S)
    assert r > 0.9
    assert 0.5 * found_s <= lag_s <= found_s


@pytest.mark.parametrize("slots", range(1, 2 + LAG_MAX_S // DT_S))
def test_a_recording_that_is_shorter_than_the_lags_that_are_tried_is_no_error(slots: int) -> None:
    u = np.linspace(1_000.0, 9_000.0, slots)
    lag_s, r = learn_lag_s(u, u / 3, DT_S)
    assert 0 <= lag_s <= LAG_MAX_S
    assert -1 <= r <= 1


def test_a_meter_of_coarse_steps_is_judged_neither_stuck_nor_flat() -> None:
    fine = plant("constant", 3, 5)
    coarse = replace(fine, u=4_000 * np.round(fine.u / 4_000), t=4_000 * np.round(fine.t / 4_000))
    lines = [*learn(coarse).params.production, *learn(coarse).params.treatment]
    assert [(one.stuck_on_s, one.noise_floor) for one in lines] == [(0, 0.0)] * 2
    assert learn(fine).params.treatment[0].stuck_on_s > 0


def test_standby_is_learned_from_stops_alone() -> None:
    loads = plant("constant", 3, 5)
    never = replace(loads, u=np.where(loads.u < 10_000, 40_000 + loads.u, loads.u))
    assert learn(never).params.production[0].ct_floor_w == 0


def test_the_greatest_production_that_was_seen_bounds_what_is_known() -> None:
    params = learned("constant").params
    top = float(np.nanquantile(plant("constant", 3, 5).u[: 3 * DAY], 0.999))
    assert params.range_hi_w == pytest.approx(1.1 * top, rel=0.01)


def test_noise_repetition_and_standby_are_learned() -> None:
    params = learned("constant").params
    assert 0.002 < params.treatment[0].noise_floor < 0.012
    assert params.treatment[0].stuck_on_s == 600
    assert params.production[0].ct_floor_w == pytest.approx(0.4 * 222, abs=10)


def test_the_zone_and_the_period_are_kept() -> None:
    found = learn(plant("constant", 3, 5), utc_offset="+01:00", tau_s=200)
    assert (found.params.utc_offset, found.params.tau_s) == ("+01:00", 200)
    assert found.params.learned_to_s - found.params.learned_from_s == 3 * 86_400


def test_too_little_asks_for_more_and_says_so() -> None:
    found = learn(plant("constant", 3, 5), slots=DAY // 2)
    assert not found.ready
    assert found.params.provisional
    assert any("record 12 h more" in text for text in english(found))


def test_after_a_week_what_is_there_is_used() -> None:
    loads = plant("constant", 7, 5)
    loads.u[:] = np.where(np.isnan(loads.u), np.nan, 240.0)
    found = learn(loads, slots=7 * DAY)
    assert found.ready
    assert found.params.provisional
    assert any("hardly ever seen on" in text for text in english(found))


def test_nothing_at_all_is_refused() -> None:
    loads = plant("constant", 1, 5)
    loads.u[:] = loads.t[:] = np.nan
    with pytest.raises(ValueError, match="no line has a sample"):
        learn(loads)


def test_a_silent_meter_and_a_reversed_transformer_are_named() -> None:
    loads = plant("constant", 3, 5)
    loads.t[:] = np.nan
    assert "t1: no samples at all" in english(learn(loads))
    loads = plant("constant", 3, 5)
    loads.t = -loads.t
    assert any("the wrong way round" in text for text in english(learn(loads)))


def test_slots_that_do_not_fit_the_polling_are_named() -> None:
    loads = plant("constant", 3, 5)
    at_s = times(loads)[::6]
    found = commission("k1", {"p1": (at_s, loads.u[::6])}, {"t1": (at_s, loads.t[::6])}, RATED)
    assert any("does dt_s fit" in text for text in english(found))
    found = commission("k1", {"p1": (at_s, loads.u[::6])}, {"t1": (at_s, loads.t[::6])}, RATED, dt_s=60)
    assert not any("does dt_s fit" in text for text in english(found))


@pytest.mark.parametrize("pair", ["constant", "modulated", "two_stage"])
@pytest.mark.parametrize("kind", ["off", "idle"])
def test_eight_hours_of_violation_are_an_exception_and_not_the_norm(pair: str, kind: str) -> None:
    loads = plant(pair, 3, 5)
    run = max(loads.runs, key=lambda one: one[1] - one[0])
    begin = run[0] + 60
    end = min(begin + 8 * 360, run[1])
    loads.t[begin:end] *= 0.0005 if kind == "off" else 0.35
    found = learn(loads)
    clean = learned(pair).params
    assert any("explain or mend" in text for text in english(found))
    assert found.params.duty_window_s == 0
    for step, normal in zip(found.params.envelope[1:], clean.envelope[1:], strict=False):
        assert step.lo_w > 0.8 * normal.lo_w


def test_unsorted_and_doubled_samples_change_nothing() -> None:
    loads = plant("constant", 3, 5)
    at_s = times(loads)
    order = np.random.default_rng(1).permutation(np.concatenate([np.arange(len(at_s))] * 2))
    mixed = commission(
        "k1", {"p1": (at_s[order], loads.u[order])}, {"t1": (at_s[order], loads.t[order])}, RATED
    )
    assert mixed.params == learned("constant").params


def test_several_treatments_are_learned_as_their_sum() -> None:
    loads = plant("constant", 3, 5)
    at_s = times(loads)
    day = (np.arange(len(at_s)) // DAY) % 2 == 0
    first, second = np.where(day, loads.t, 8.0), np.where(day, 8.0, loads.t)
    found = commission(
        "k1", {"p1": (at_s, loads.u)}, {"t1": (at_s, first), "t2": (at_s, second)}, {**RATED, "t2": 22_000.0}
    )
    assert found.params.envelope[-1].median_w == pytest.approx(20_000, rel=0.02)
    assert [line.id for line in found.params.treatment] == ["t1", "t2"]


def test_slots_are_ten_seconds() -> None:
    assert learned("constant").params.dt_s == DT_S


def test_events_can_be_injected_only_after_commissioning() -> None:
    loads = plant("constant", 14, 5)
    inject(loads, 5, 3 * DAY)
    assert {event.kind for event in loads.events} >= {"off", "idle", "gap"}
    assert min(event.begin for event in loads.events) > 3 * DAY


@pytest.mark.parametrize("shape", ["each run", "half hours"])
@pytest.mark.parametrize("kind", ["off", "idle"])
def test_eight_hours_in_many_pieces_are_no_norm_either(kind: str, shape: str) -> None:
    loads = plant("constant", 3, 6)
    runs = [run for run in loads.runs if run[1] - run[0] > 900]
    pieces = [(begin + 120, begin + 120 + 2880 // len(runs)) for begin, _ in runs]
    if shape == "half hours":
        pieces = [(at, at + 180) for begin, end in runs for at in range(begin + 90, end - 180, 500)][:16]
    for begin, end in pieces:
        loads.t[begin:end] *= 0.0005 if kind == "off" else 0.35
    found = learn(loads)
    assert sum("explain or mend" in text for text in english(found)) >= min(len(pieces), 5)
    assert found.params.duty_window_s == 0
    for step, normal in zip(found.params.envelope[1:], learned("constant").params.envelope[1:], strict=False):
        assert step.lo_w > 0.8 * normal.lo_w


def test_every_finding_is_in_both_languages() -> None:
    loads = plant("constant", 3, 5)
    loads.t[3_000:6_000] = np.where(np.isnan(loads.t[3_000:6_000]), np.nan, 5.0)
    for found in (learn(loads), learn(loads, slots=DAY // 2)):
        assert found.findings
        assert all(any("一" <= letter <= "鿿" for letter in one.zh) for one in found.findings)


def channels(loads: Loads, pf: np.ndarray) -> dict[str, dict[str, object]]:
    at_s = times(loads)
    rng = np.random.default_rng(3)
    volts = 231 + 0.8 * rng.standard_normal(len(at_s))
    amps = np.nan_to_num(loads.t) / (3 * 231 * pf)
    return {"t1": {"pf": (at_s, pf), "current_a": (at_s, amps), "voltage_v": (at_s, volts)}}


def test_power_factor_current_and_voltage_are_learned() -> None:
    loads = plant("constant", 3, 5)
    pf = np.where(np.nan_to_num(loads.t) > 4_000, 0.86, 0.4)
    pf = pf + 0.01 * np.random.default_rng(1).standard_normal(len(pf))
    line = learn(loads, channels=channels(loads, pf)).params.treatment[0]
    assert line.pf_on == pytest.approx(0.86, abs=0.01)
    assert line.pf_heater == pytest.approx(0.97, abs=0.01)
    assert line.current_on_a == pytest.approx(20_000 / (3 * 231 * 0.86), rel=0.05)
    assert line.voltage_v == pytest.approx(231, abs=1)


def test_a_heater_during_commissioning_is_an_exception_and_no_norm() -> None:
    loads = plant("constant", 3, 5)
    pf = 0.86 + 0.01 * np.random.default_rng(1).standard_normal(len(loads.t))
    run = max(loads.runs, key=lambda one: one[1] - one[0])
    pf[run[0] : run[1]] = 0.998
    found = learn(loads, channels=channels(loads, pf))
    assert found.params.treatment[0].pf_heater == pytest.approx(0.97, abs=0.01)
    assert any("power factor of a heater" in text for text in english(found))


def test_a_machine_that_is_like_a_heater_is_not_judged_by_its_power_factor() -> None:
    loads = plant("constant", 3, 5)
    line = learn(loads, channels=channels(loads, np.full(len(loads.t), 0.985))).params.treatment[0]
    assert (line.pf_on, line.pf_heater) == (0.985, 0.0)


def test_without_other_channels_no_values_are_learned() -> None:
    line = learned("constant").params.treatment[0]
    assert (line.pf_on, line.pf_heater, line.current_on_a, line.voltage_v) == (0.0, 0.0, 0.0, 0.0)


def test_starts_without_production_mean_nothing_where_treatment_never_stops() -> None:
    assert learned("always_on").params.orphans_limit == 0
    assert learned("constant").params.orphans_limit >= 3


@pytest.mark.parametrize(("step", "limit_s"), [(1, 600), (5, 1_800)])
def test_a_standby_of_few_values_may_repeat_them_for_longer(step: int, limit_s: int) -> None:
    loads = plant("constant", 3, 5)
    rng = np.random.default_rng(2)
    standby = step * np.rint((60 + 8 * rng.standard_normal(len(loads.t))) / step)
    loads.t = np.where(loads.t < 1_000, standby, loads.t)
    assert learn(loads).params.treatment[0].stuck_off_s == limit_s


def standby_pair(*, sister: bool, coarse: bool = False) -> CommissionResult:
    """A fan that runs, unless there is none, and one that never did in these three days."""
    loads = plant("constant", 3, 5)
    at_s = times(loads)
    idle = 8 + np.random.default_rng(2).integers(0, 3, len(at_s)).astype(float)
    watts = np.where(np.nan_to_num(loads.t) > 4_000, 20_000.0, loads.t) if coarse else loads.t
    pf = np.where(np.nan_to_num(loads.t) > 4_000, 0.86, 0.4)
    pf = pf + 0.01 * np.random.default_rng(1).standard_normal(len(pf))
    treatment = {"t1": (at_s, watts)} if sister else {}
    return commission(
        "k1",
        {"p1": (at_s, loads.u)},
        {**treatment, "t2": (at_s, idle)},
        {**RATED, "t2": 22_000.0},
        channels=channels(loads, pf),
    )


def test_a_fan_that_never_ran_is_judged_as_its_sister_and_provisionally() -> None:
    found = standby_pair(sister=True)
    first, second = found.params.treatment
    assert second.stuck_on_s == first.stuck_on_s == 600
    assert (second.noise_floor, second.pf_heater, second.pf_on) == (
        first.noise_floor,
        first.pf_heater,
        first.pf_on,
    )
    assert second.noise_floor > 0
    assert second.pf_heater == pytest.approx(0.97, abs=0.01)
    assert second.threshold.provisional
    assert not first.threshold.provisional
    assert any("t2 hardly ran" in text and "t1" in text for text in english(found))


def test_a_fan_that_never_ran_and_has_no_sister_may_still_not_repeat_one_value() -> None:
    (second,) = standby_pair(sister=False).params.treatment
    assert (second.stuck_on_s, second.noise_floor, second.pf_heater) == (600, 0.0, 0.0)


def test_a_meter_that_cannot_be_judged_by_repetition_lends_no_limit() -> None:
    assert [line.stuck_on_s for line in standby_pair(sister=True, coarse=True).params.treatment] == [0, 0]
