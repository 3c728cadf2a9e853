"""The sentences as the plant reads them."""

import pytest

from agent.detect.channels import Cause
from agent.detect.episode import Episode, Rule
from agent.detect.sentence import write_sentence
from tests.agent.detect.timeline import linkage, run

EVIDENCE = {
    "production_w": 58_040,
    "treatment_w": 180,
    "treatment_expected_w": 18_240,
    "treatment_normal_w": 22_190,
    "treatment_on_w": 3_000,
    "completeness": 0.992,
    "production_on_at_s": 1_767_225_720,
    "grace_end_at_s": 1_767_226_020,
    "deficit_begin_at_s": 1_767_226_800,
    "begin_at_s": 1_767_226_800,
    "deficit_for_s": 240,
    "healthy_at_s": None,
    "age_s": 200,
    "rejected": 3,
    "value_w": 9_000,
    "stuck_limit_s": 600,
    "noise": 0.00012,
    "noise_floor": 0.005,
    "ct_floor_w": 90,
    "orphan_starts": 4,
    "orphan_limit": 3,
    "alone_for_s": 0,
    "overrun_limit_s": 5_400,
    "correlation": 0.12,
    "correlation_limit": 0.5,
    "speed_hz": 34.6,
    "cause": "unknown",
    "pf": 0.998,
    "pf_on": 0.86,
    "interruption_count": 6,
    "interrupted_for_s": 960,
    "interruption_limit_s": 900,
    "interruption_window_s": 28_800,
    "treatment_low_w": 8_000,
    "range_hi_w": 50_000,
    "phase": "L2",
    "residual_w": 12_000,
    "residual_lo_w": -300,
    "residual_hi_w": 4_000,
}

GOLDEN = [
    (
        Rule.OFF,
        {},
        (
            "Since 2026-01-01 08:20 lines p1 and p3 ran at 58.0 kW while treatment was off: 0.18 kW of "
            "treatment (22.2 when it runs), lacking for 4 min so far; 99 % of samples present. Plant: start "
            "treatment now; if it cannot run, stop production and declare the fault."
        ),
        (
            "2026-01-01 08:20起，生产线p1、p3运行（58.0千瓦）而治污设施停运：治污功率0.18"
            "千瓦（运行时通常22.2千瓦），治污不足已4分钟；数据完整率99%。企业：立即开启治污设施，不能开启时停"
            "产并申报故障。"
        ),
    ),
    (
        Rule.OFF,
        {"deficit_for_s": 27900, "deficit_runs": 8, "end_at_s": 1767254700},
        (
            "Since 2026-01-01 08:20 lines p1 and p3 ran at 58.0 kW while treatment was off: 0.18 kW of "
            "treatment (22.2 when it runs), lacking for 7 h 45 min until 16:05 over 8 runs of production; 99 "
            "% of samples present. Plant: say why it stopped, and declare the fault if there was one."
        ),
        (
            "2026-01-01 08:20起，生产线p1、p3运行（58.0千瓦）而治污设施停运：治污功率0.18"
            "千瓦（运行时通常22.2千瓦），至16:05治污不足共7小时45分钟（8个生产时段）；数据完整率99%。"
            "企业：说明停运原因，因故障停运的补报故障。"
        ),
    ),
    (
        Rule.IDLE,
        {"treatment_low_w": 8960, "treatment_expected_w": 9040},
        (
            "Since 2026-01-01 08:20 lines p1 and p3 ran at 58.0 kW while treatment ran idle or slowly: 8.96 "
            "kW of treatment on average, expected at least 9.04 (normally 22.2), lacking for 4 min so far; 99"
            " % of samples present. Plant: check belt, damper and drive, and bring treatment back to its "
            "usual power."
        ),
        (
            "2026-01-01 08:20起，生产线p1、p3运行（58.0千瓦）而治污设施空转或降速：治污平均功"
            "率8.96千瓦，应不低于9.04千瓦（通常22.2千瓦），治污不足已4分钟；数据完整率99%。企业：检查"
            "皮带、风门和变频器，恢复正常功率。"
        ),
    ),
    (
        Rule.DATA_LOSS,
        {},
        (
            "Since 2026-01-01 08:20 lines p1 and p3 had no valid data (3 samples rejected); treatment is not "
            "judged for this time. Technician: check meter, bus and supply."
        ),
        (
            "2026-01-01 08:20起，p1、p3无有效数据（剔除3个读数）；此时段不对治污设施作判断。技术"
            "人员：检查电表、通信总线和供电。"
        ),
    ),
    (
        Rule.DECOUPLED,
        {},
        (
            "Within 24 h since 2026-01-01 08:20 lines p1 and p3 started and stopped 4 times without "
            "production, where fewer than 3 are usual: was it used by itself, or was something produced that "
            "is not metered? Plant: nothing to do if treatment just ran on; if something was produced, "
            "declare the machine."
        ),
        (
            "自2026-01-01 08:20起24小时内，治污设施p1、p3在无生产时启停4次，通常少于3次：是单"
            "独使用，还是有未计量的生产？企业：若治污属正常延时运行，无需处理；若在生产，请申报所用设备。"
        ),
    ),
]


@pytest.mark.parametrize(("rule", "more", "english", "chinese"), GOLDEN)
def test_a_sentence_reads_like_this(rule: Rule, more: dict[str, int], english: str, chinese: str) -> None:
    assert write_sentence(rule, ("p1", "p3"), EVIDENCE | more, 8 * 3600) == {"zh": chinese, "en": english}


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize("rule", [Rule.OFF, Rule.IDLE, Rule.CT_PROD, Rule.DATA_LOSS])
def test_a_cause_is_named_where_power_is_missing_and_only_there(rule: Rule, cause: Cause) -> None:
    plain = write_sentence(rule, ("t1",), EVIDENCE, 0)
    found = write_sentence(rule, ("t1",), EVIDENCE | {"cause": cause.value}, 0)
    assert (found == plain) == (cause is Cause.UNKNOWN or rule is Rule.IDLE)
    of_circuit = rule is Rule.OFF and cause in {Cause.BREAKER_OR_CT, Cause.CT}
    assert ("Electrician: check its breaker" in found["en"]) is of_circuit


@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_has_a_sentence_in_both_languages(rule: Rule) -> None:
    found = write_sentence(rule, ("t1",), EVIDENCE, 0)
    assert set(found) == {"zh", "en"}
    assert "{" not in found["zh"] + found["en"]
    assert found["en"].endswith((".", "?"))
    assert found["zh"].endswith(("。", "？"))


def test_times_are_those_of_the_plants_zone() -> None:
    for offset, clock in (("+08:00", "08:10"), ("-05:30", "18:40")):
        timeline = [
            (370, {"p1": 100, "t1": 0}),
            (60, {"p1": 10_000, "t1": 9_000}),
            (20, {"p1": 10_000, "t1": 0}),
        ]
        episode = run(linkage(utc_offset=offset), timeline)[0][0]
        assert clock in episode.sentence["en"]


def test_an_episode_survives_its_body() -> None:
    episode = run(linkage(), [(60, {"p1": 10_000, "t1": 9_000}), (60, {"p1": 10_000, "t1": 0})])[0][0]
    assert Episode.from_body(episode.to_body()) == episode
