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
    "residual_w": 12_000,
    "residual_lo_w": -300,
    "residual_hi_w": 4_000,
}

GOLDEN = [
    (
        Rule.OFF,
        (
            "Lines p1 and p3 at 58.0 kW since 08:02; treatment went off: 0.2 kW, expected at least 18.2 "
            "(normally 22.2); 4 min of too little treatment since 08:20, grace ended 08:07; "
            "99 % of samples present."
        ),
        (
            "生产线p1、p3自08:02起运行，功率58.0千瓦；治污设施异常关闭：功率0.2千瓦，"
            "应不低于18.2千瓦（通常22.2千瓦）；自08:20起治污不足4分钟，宽限期至08:07；数据完整率99%。"
        ),
    ),
    (
        Rule.DATA_LOSS,
        (
            "No valid data from lines p1 and p3 since 08:20 (3 min, 3 samples rejected). Check meter, bus "
            "and supply; treatment is not judged for this time."
        ),
        (
            "p1、p3自08:20起无有效数据（3分钟，剔除3个读数）。"
            "请检查电表、通信总线或供电；此时段不对治污设施作判断。"
        ),
    ),
    (
        Rule.DECOUPLED,
        (
            "Lines p1 and p3 started and stopped 4 times within 24 h without production, where fewer than "
            "3 are normal: production may run unmetered, or this load is no treatment."
        ),
        "治污设施p1、p3在24小时内无生产启停4次，正常应少于3次：可能有未计量的生产，或该负荷不是治污设施。",
    ),
]


@pytest.mark.parametrize(("rule", "english", "chinese"), GOLDEN)
def test_a_sentence_reads_like_this(rule: Rule, english: str, chinese: str) -> None:
    assert write_sentence(rule, ("p1", "p3"), EVIDENCE, 8 * 3600) == {"zh": chinese, "en": english}


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize("rule", [Rule.OFF, Rule.IDLE, Rule.CT_PROD, Rule.DATA_LOSS])
def test_a_cause_is_named_where_power_is_missing_and_only_there(rule: Rule, cause: Cause) -> None:
    plain = write_sentence(rule, ("t1",), EVIDENCE, 0)
    found = write_sentence(rule, ("t1",), EVIDENCE | {"cause": cause.value}, 0)
    assert (found == plain) == (cause is Cause.UNKNOWN or rule is Rule.IDLE)
    assert found["en"].count(".") == plain["en"].count(".")


@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_has_a_sentence_in_both_languages(rule: Rule) -> None:
    found = write_sentence(rule, ("t1",), EVIDENCE, 0)
    assert set(found) == {"zh", "en"}
    assert "{" not in found["zh"] + found["en"]
    assert found["en"].endswith(".")
    assert found["zh"].endswith("。")


def test_times_are_those_of_the_plants_zone() -> None:
    for offset, clock in (("+08:00", "07:10"), ("-05:30", "17:40")):
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
