"""What holds of the sentence of every episode, over generated plants, deeds and failures of meters."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.detect.detector import Detector
from agent.detect.episode import Episode, Rule, Severity, State
from agent.detect.learning.backtest import keep_latest
from agent.detect.line_params import Threshold
from agent.detect.params import LinkageParams, nameplate
from agent.detect.sentence import write_sentence
from tests.agent.detect.timeline import DT_S, T0_S, Timeline, line, linkage

ZONE = timezone(timedelta(hours=8))
NAMES = {"p1": "No. 3 电镀线", "t1": "排风机"}
MEASURED = {"pf": 0.85, "current_a": 15.0, "voltage_v": 230.0}
OFF, ON = {"p1": 100, "t1": 50}, {"p1": 10_000, "t1": 9_000}
DEEDS = st.one_of(
    st.builds(lambda watts: {"p1": 10_000, "t1": watts}, st.integers(0, 9_500)),
    st.builds(lambda watts: {"p1": watts, "t1": 9_000}, st.integers(0, 30_000)),
    st.sampled_from(
        [{"p1": 10_000, "t1": None}, {"p1": None, "t1": None}, {"p1": 100, "t1": 9_000},
         {"p1": 10_000, "t1": -9_000}]
    ),
)  # fmt: skip
TIMELINES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([5.0, 20.0, 45.0]), st.sampled_from([OFF, ON])),
        st.tuples(st.sampled_from([8.0, 40.0, 150.0]), DEEDS),
    ),
    min_size=2,
    max_size=6,
)
LEARNED = linkage(
    learned_from_s=T0_S - 259_200, learned_to_s=T0_S, overrun_s=5_400, range_hi_w=20_000, interruptions_s=900
)
UNSURE = Threshold(hi_w=4_000, lo_w=2_000, provisional=True)
HALF_LEARNED = evolve(
    linkage(learned_from_s=T0_S - 259_200, learned_to_s=T0_S, provisional=True, on_production=UNSURE),
    production=(line("p1", ct_floor_w=60, stuck_on_s=1200, stuck_off_s=1200, threshold=UNSURE),),
    overrun_s=5_400,
)
UNTREATED = evolve(LEARNED, untreated_w=12_000)
PARAMS = [LEARNED, HALF_LEARNED, UNTREATED, nameplate("k1", {"p1": 20_000.0}, {"t1": 10_000.0})]


def watch(params: LinkageParams, timeline: Timeline, *, measured: bool) -> list[Episode]:
    detector, found, slot = Detector([params], names=NAMES), list[Episode](), 0
    for minutes, watts in [(30.0, ON), *timeline, (45.0, OFF)]:
        for _ in range(round(minutes * 60 / DT_S)):
            at_s = T0_S + DT_S * slot
            for name, value in watts.items():
                if value is not None:
                    detector.sample(name, at_s + 3, value + slot % 5, **(MEASURED if measured else {}))
            found += detector.advance(at_s + DT_S)
            slot += 1
    return found + detector.advance(T0_S + DT_S * (slot + 3))


def moments(sentence: str) -> Iterator[datetime]:
    """The times of a sentence, in its order; one without a date is of the day before it in the text."""
    day = ""
    for date, clock in re.findall(r"(?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d)(?!\d)", sentence):
        day = date or day
        assert day, "the first time has its date"
        yield datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=ZONE)


def check(episode: Episode) -> None:
    numbers, (zh, en) = episode.numbers, (episode.sentence["zh"], episode.sentence["en"])
    for text in (zh, en):
        assert not re.search(r"\{|\}|None|nan|\bp1\b|\bt1\b|\bk1\b", text), text
        told = list(moments(text))
        assert told, "every sentence has a date"
        assert told[0] == datetime.fromtimestamp(episode.begin_at_s - episode.begin_at_s % 60, ZONE)
        last_s = (
            episode.raised_at_s if episode.end_at_s is None else max(episode.end_at_s, episode.raised_at_s)
        )
        grace = [one for one in told[1:] if "grace" in text or "宽限期" in text]
        assert all(told[0] <= one for one in told), text
        assert max(set(told) - set(grace), default=told[0]).timestamp() <= last_s
    assert (NAMES["p1"] in en) or (NAMES["t1"] in en)
    check_numbers(en)
    check_duration(episode, en)
    check_action(episode, en, zh)
    check_provisional(episode, en)
    again = write_sentence(episode.rule, episode.lines, numbers, 8 * 3600, NAMES, episode.severity)
    assert again == episode.sentence


def check_numbers(en: str) -> None:
    if found := re.search(
        r"([\d.]+) kW of treatment on average, expected at least ([\d.]+) \(normally ([\d.]+)", en
    ):
        low, least, normal = map(float, found.groups())
        assert low < least < normal
    if found := re.search(r"ran at ([\d.]+) kW, above the ([\d.]+) kW", en):
        assert float(found[1]) >= float(found[2])
    if found := re.search(r"(\d+) % of the usual", en):
        assert 0 <= int(found[1]) <= 99


def check_duration(episode: Episode, en: str) -> None:
    """What has ended is told with its whole length, what lasts with no end."""
    if episode.state is State.RAISED:
        assert " until " not in en
        return
    assert " until " in en or episode.rule is Rule.DECOUPLED
    if found := re.search(r"until (?:\S+ )?\d\d:\d\d \((?:(\d+) h ?)?(?:(\d+) min)?\)", en):
        told_s = 3600 * int(found[1] or 0) + 60 * int(found[2] or 0)
        lasted_s = (episode.end_at_s or 0) - episode.begin_at_s
        assert abs(told_s - lasted_s) <= 60


def check_action(episode: Episode, en: str, zh: str) -> None:
    assert re.search(r"(Plant|Technician|Bureau|Electrician): ", en), en
    assert re.search(r"(企业|技术人员|监管|电工|企业电工)：", zh), zh
    if episode.severity is Severity.VIOLATION:
        assert "Plant: " in en
    assert ("Bureau: look for a declared fault" in en) is (episode.severity is Severity.VIOLATION)


def check_provisional(episode: Episode, en: str) -> None:
    rests_on_much = episode.rule not in {Rule.DATA_LOSS, Rule.REVERSED}
    learned = bool(episode.numbers["learned_to_s"])
    assert ("has not been commissioned" in en) is (rests_on_much and not learned)
    unseen: list[Any] = episode.numbers["unseen"]
    assert ("Provisional: commissioning did not see" in en) is bool(rests_on_much and learned and unseen)


@given(TIMELINES, st.sampled_from(PARAMS), st.booleans())
@settings(deadline=None, max_examples=40)
def test_every_sentence_has_its_date_names_numbers_and_somebody_to_act(
    timeline: Timeline, params: LinkageParams, measured: bool
) -> None:
    for episode in watch(params, timeline, measured=measured):
        check(episode)


@given(st.integers(15, 25), st.booleans(), st.sampled_from([20.0, 90.0]))
@settings(deadline=None, max_examples=12)
def test_a_fan_that_turns_slowly_is_never_called_off(percent: int, measured: bool, minutes: float) -> None:
    slow = {"p1": 10_000, "t1": 90 * percent}
    threshold = Threshold(hi_w=3_650, lo_w=1_850)  # 40 % and 20 % between 50 W and 9 kW
    params = linkage(on_treatment=threshold, learned_to_s=T0_S)
    params = evolve(params, treatment=(line("t1", threshold=threshold),))
    found = keep_latest(watch(params, [(minutes, slow)], measured=measured))
    assert {one.rule for one in found} <= {Rule.IDLE, Rule.UNDERSPEED}
    assert found
    for one in found:
        assert "异常关闭" not in one.sentence["zh"]
        assert "空转或降速" in one.sentence["zh"]
