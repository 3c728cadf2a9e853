"""The benchmark itself is right: its pairs, its first injector, its score, and the plain methods."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve

from tests.bench_detection import inject_a, pairs, real_pairs
from tests.bench_detection.__main__ import PAGE, write
from tests.bench_detection.cases import (
    ACCEPTS,
    CLASSES,
    HOUR_S,
    MISSING,
    VIOLATIONS,
    Case,
    Event,
    Pair,
    lines,
)
from tests.bench_detection.exact import constant_treatment, exact_r, exactness
from tests.bench_detection.jobs import Job, Result, Score, case_of, extend_learning
from tests.bench_detection.loads import HOUR, on_runs, ripple
from tests.bench_detection.peers import PEERS, find_alarms, lenient, rolling_r
from tests.bench_detection.score import (
    BLOCK_SLOTS,
    Alarm,
    gaps_taken_for_violations,
    judge,
    learn,
    production_standby,
    unexplained,
    watch,
)
from tests.bench_detection.table import recorded

DAYS = 12
SEED = 7


@pytest.fixture(scope="module")
def constant() -> Pair:
    return pairs.build("constant", DAYS, SEED)


@pytest.fixture(scope="module")
def case(constant: Pair) -> Case:
    return inject_a.inject(constant, SEED)


def part(pair: Pair, event: Event) -> slice:
    first = float(pair.times_s[0])
    return slice(round((event.begin_s - first) / pair.dt_s), round((event.end_s - first) / pair.dt_s))


def known(watts: np.ndarray) -> np.ndarray:
    return watts[watts != MISSING]


def of(case: Case, klass: str) -> Event:
    return next(event for event in case.events if event.klass == klass)


@pytest.mark.parametrize("name", pairs.NAMES)
def test_a_pair_is_whole_healthy_and_the_same_for_the_same_seed(name: str) -> None:
    one, again, other = (pairs.build(name, 4, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.production_w, again.production_w)
    assert np.array_equal(one.treatment_w, again.treatment_w)
    assert not np.array_equal(one.production_w, other.production_w)
    assert one.production_w.min() >= 0
    ripe = [slice(begin + 30, end) for begin, end in on_runs(one)]
    assert len(ripe) >= 3
    longest_low = 60 if one.duty_cycled else 1
    for run in ripe:
        low = one.treatment_w[run] < 0.15 * one.treatment_w.max()
        assert np.convolve(low, np.ones(longest_low)).max(initial=0) <= longest_low


def test_a_linkage_of_two_lines_adds_up_to_its_sum() -> None:
    pair = pairs.build("two_treatments", 4, 1)
    parts = [line for line in lines(pair) if line.treatment]
    assert [line.id for line in parts] == ["t1", "t2"]
    assert np.array_equal(parts[0].watts + parts[1].watts, pair.treatment_w)


def test_a_coarse_recording_keeps_its_means() -> None:
    means = np.array([3.0, 0.0, 500_000.0, 12.5, 90_000.0])
    curve = real_pairs.drawn(means, 90, ripple(450, 0.02, 0.03, np.random.default_rng(1)))
    assert curve.reshape(5, 90).mean(axis=1) == pytest.approx(means)
    assert curve.min() >= 0
    assert curve[-90:].std() > 100


def test_an_injector_gives_the_same_case_for_the_same_seed_and_leaves_the_pair_alone(constant: Pair) -> None:
    before = constant.treatment_w.copy()
    one, again = inject_a.inject(constant, 3), inject_a.inject(constant, 3)
    assert one.events == again.events
    assert np.array_equal(one.pair.treatment_w, again.pair.treatment_w)
    assert one.events != inject_a.inject(constant, 4).events
    assert np.array_equal(constant.treatment_w, before)


def test_every_class_is_injected_after_commissioning_and_apart_from_others() -> None:
    case = inject_a.inject(pairs.build("constant", 30, SEED), SEED)
    assert {event.klass for event in case.events} == set(CLASSES)
    assert {event.variant for event in case.events} >= {"flat", "replayed", "dead"}
    assert case.events[0].begin_s > case.pair.commission_end_s
    for one, following in zip(case.events, case.events[1:], strict=False):
        assert following.begin_s - one.end_s >= HOUR_S


def test_each_deed_shows_in_the_data(constant: Pair, case: Case) -> None:
    normal = float(np.median(constant.treatment_w[constant.treatment_w > 1000]))
    for event in case.events:
        where = part(case.pair, event)
        t, u = known(case.pair.treatment_w[where]), known(case.pair.production_w[where])
        if event.klass in {"off", "late_start", "early_stop"}:
            assert t.max() < 0.01 * normal, event
            assert np.median(u) > 0.5 * case.pair.production_w.max() / 1.3, event
        elif event.klass == "idle":
            assert np.median(t) < 0.46 * normal, event
            assert case.pair.pf_treatment is not None
            assert np.nanmedian(case.pair.pf_treatment[where]) < 0.5
        elif event.variant == "flat":
            assert case.pair.pf_treatment is not None
            on = case.pair.treatment_w[where] > 0.5 * normal
            assert np.nanmedian(case.pair.pf_treatment[where][on]) > 0.99
        elif event.klass == "ct_prod":
            assert u.max() == 0
        elif event.klass.startswith("stuck"):
            assert len(set((t if event.klass == "stuck_treatment" else u)[1:-1].tolist())) == 1, event
        elif event.klass == "gap":
            assert min(len(t), len(u)) == 0


def test_a_clean_run_has_nuisances_and_no_deed(constant: Pair) -> None:
    clean = inject_a.clean(constant, SEED)
    assert clean.events == ()
    assert 0.01 < (clean.pair.treatment_w == MISSING).mean() < 0.03
    assert not np.array_equal(clean.pair.production_w == MISSING, clean.pair.treatment_w == MISSING)


def test_eight_hours_of_violation_are_put_into_the_commissioning(constant: Pair) -> None:
    spoiled = inject_a.spoil_commissioning(constant, SEED)
    changed = constant.treatment_w != spoiled.treatment_w
    until = constant.commission_hours * HOUR
    assert not changed[until:].any()
    assert 7.5 * HOUR < changed.sum() <= 8 * HOUR


@pytest.mark.parametrize("stress", inject_a.STRESSES, ids=lambda stress: stress.name)
def test_stress_begins_after_commissioning(case: Case, stress: inject_a.Stress) -> None:
    worse = inject_a.stressed(case, stress)
    until = case.pair.commission_hours * HOUR
    changed = worse.pair.treatment_w != case.pair.treatment_w
    assert not changed[:until].any()
    assert changed[until:].any() or (worse.late_slots is not None and worse.late_slots[until:].any())


def deed(klass: str, begin: float, end: float) -> Event:
    return Event(klass=klass, begin_s=begin, end_s=end, accepts=ACCEPTS[klass])


def alarm(rule: str, at: float, severity: str = "violation") -> Alarm:
    return Alarm(rule, severity, at, at)


@pytest.mark.parametrize(
    ("klass", "raised", "delay"),
    [
        ("off", alarm("off", 1200), 200),
        ("off", alarm("early_stop", 1200), 200),
        ("off", alarm("stuck", 1200, "integrity"), None),
        ("off", alarm("off", 960), None),
        ("off", alarm("off", 970), -30),
        ("off", alarm("off", 2300), 1300),
        ("off", alarm("off", 2301), None),
        ("off", alarm("off", 1200, "notice"), None),
        ("gap", alarm("data_loss", 1200, "data"), 200),
        ("ct_prod", alarm("off", 1200), None),
    ],
)
def test_a_deed_is_found_by_an_accepted_rule_in_its_time(
    case: Case, klass: str, raised: Alarm, delay: float | None
) -> None:
    one = evolve(case, events=(deed(klass, 1000, 2000),))
    assert [found.delay_s for found in judge(one, [raised])] == [delay]


def test_the_first_of_several_fitting_alarms_gives_the_delay(case: Case) -> None:
    one = evolve(case, events=(deed("off", 1000, 2000), deed("off", 9000, 9500)))
    found = judge(one, [alarm("off", 1500), alarm("early_stop", 1300), alarm("off", 5000)])
    assert [each.delay_s for each in found] == [300, None]


def test_only_violations_within_a_gap_count_as_gaps_taken_for_violations(case: Case) -> None:
    one = evolve(case, events=(deed("gap", 1000, 2000), deed("gap", 5000, 6000), deed("off", 8000, 9000)))
    alarms = [
        alarm("off", 1100),
        alarm("late_start", 2200),
        alarm("stuck", 5100, "integrity"),
        alarm("off", 8100),
    ]
    assert gaps_taken_for_violations(one, alarms) == 1


def test_an_alarm_without_a_deed_is_unexplained_unless_it_is_about_data(case: Case) -> None:
    one = evolve(case, events=(deed("off", 10_000, 11_000),))
    alarms = [alarm("off", 10_100), alarm("off", 90_000), alarm("data_loss", 90_000, "data")]
    assert unexplained(one, alarms) == [alarms[1]]


def test_standby_is_judged_by_the_rule_of_the_target(constant: Pair) -> None:
    assert production_standby(constant)
    assert not production_standby(pairs.build("always_on", 4, 1))


def test_the_plain_correlation_is_that_of_numpy(constant: Pair) -> None:
    u, t = constant.production_w[:4000], constant.treatment_w[:4000]
    r = rolling_r(u, t, 360)
    for at in (1000, 2700, 3999):
        assert r[at] == pytest.approx(np.corrcoef(u[at - 359 : at + 1], t[at - 359 : at + 1])[0, 1], abs=1e-6)


def test_fixed_thresholds_find_treatment_that_is_off(case: Case) -> None:
    easy = lenient(case)
    found = judge(easy, find_alarms(easy, PEERS["B"]))
    offs = [one for one in found if one.klass == "off"]
    assert offs
    assert all(one.delay_s == 290 for one in offs)
    assert all(event.accepts >= {"off"} for event in easy.events if event.klass in VIOLATIONS)


def test_r_is_exact_and_the_exact_r_is_right() -> None:
    assert exactness(50_000) < 1e-15
    assert constant_treatment().startswith("UNDEFINED")
    assert exact_r([(0, 1), (1, 3), (2, 5)]) == Decimal(1)
    window = [(1_000_000 + x * x % 7, 1_000_000 + x % 5) for x in range(360)]
    assert float(exact_r(window)) == pytest.approx(np.corrcoef(np.array(window).T)[0, 1], abs=1e-9)


def test_a_job_makes_the_same_case_again() -> None:
    job = Job(kind="injected", pair="pulsed", seed=2, days=6)
    one, again = case_of(job), case_of(job)
    assert one.events == again.events
    assert np.array_equal(one.pair.production_w, again.pair.production_w)


def test_what_was_measured_goes_between_the_marks_of_its_part(tmp_path: Path) -> None:
    page, marked = tmp_path / "page.md", "a\n<!-- {0} begin -->\n{1}<!-- {0} end -->\nb\n"
    page.write_text(marked.format("pairs", "old\n") + marked.format("world", ""))
    write(page, "pairs", "new\n")
    write(page, "world", "plants\n")
    assert page.read_text() == marked.format("pairs", "new\n") + marked.format("world", "plants\n")
    with pytest.raises(ValueError, match="no marks for other"):
        write(page, "other", "x")


def test_the_page_has_the_marks_of_both_parts() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"<!-- {part} {mark} -->" in text for part in ("pairs", "world") for mark in ("begin", "end"))


def test_a_case_in_blocks_is_heard_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    case = inject_a.inject(pairs.build("constant", 5, SEED), SEED)
    late = evolve(case, late_slots=np.where(np.arange(len(case.pair.times_s)) % 7 == 0, 2, 0))
    params, _ = learn(case.pair)
    whole = watch(late, params)
    monkeypatch.setattr("tests.bench_detection.score.BLOCK_SLOTS", BLOCK_SLOTS // 5 + 1)
    assert watch(late, params) == whole
    assert whole[0]


def of_recording(pair: str, *, ready: bool = True, notices: int = 0, false: tuple[Alarm, ...] = ()) -> Result:
    score = Score(found=(), false=false, data=0, notices=notices, gaps_wrong=0)
    job = Job(kind="recorded", pair=pair, seed=1, days=400)
    return Result(
        job=job, months=10.0, duty_cycled=False, real=True, ready=ready, score=score, state_bytes=1,
        begin_s=0.0, took_s=0.0,
    )  # fmt: skip


def test_who_is_accused_on_a_recording_is_counted_by_the_month_and_named() -> None:
    false = (alarm("off", 1.0), alarm("flat", 2.0, "integrity"))
    refused = of_recording("burner_fan", ready=False, notices=9)
    grave, violations, notices = recorded(
        [of_recording("a", false=false), of_recording("b", notices=5), refused]
    )
    assert (grave.measured, grave.met) == ("0.100 (2 in 20.0)", True)
    assert (violations.measured, violations.met) == ("0.050 (1 in 20.0)", True)
    assert (notices.measured, notices.met) == ("0.250 (5 in 20.0)", True)
    assert grave.spread == "a off 1, a flat 1; refused: burner_fan/1"
    assert recorded([of_recording("a", false=false * 4)])[0].met is False
    assert recorded([refused]) == []


def test_who_learned_too_little_learns_for_longer() -> None:
    case = inject_a.clean(evolve(pairs.build("constant", 4, SEED), commission_hours=2), SEED)
    assert learn(case.pair)[1] is False
    longer = extend_learning(case).pair
    assert longer.commission_hours in {26, 50, 74}
    assert learn(longer)[1] is True
