"""A silent gateway is told once and ends once; a broker that is gone is one finding, not one for each."""

import hypothesis.strategies as st
from hypothesis import given, settings

from centre.silence import OUTAGE_S, SILENCE_S, Outage, Silence, Silent, find_limit

GATEWAYS = [f"gw-{number}" for number in range(50)]


def judge(silence: Silence, now_s: float, awaited: list[str] = GATEWAYS) -> list[Silent | Outage]:
    return silence.judge(now_s, awaited, lambda _: SILENCE_S, lambda _: False)


def listen(silence: Silence, begin_s: float, end_s: float, speaking: list[str]) -> list[Silent | Outage]:
    """Beacons come back each minute, and these speak; what is told."""
    told: list[Silent | Outage] = []
    for second in range(int(begin_s), int(end_s), 10):
        if second % 60 == 0:
            told += silence.note_beacon(second)
        for gateway in speaking:
            told += silence.note_heard(gateway, second)
        told += judge(silence, second)
    return told


def test_one_that_stops_speaking_is_told_once_and_its_end_too() -> None:
    silence = Silence(0.0)
    assert listen(silence, 0, 1_000, GATEWAYS) == []
    (told,) = listen(silence, 1_000, 3_000, GATEWAYS[1:])
    assert isinstance(told, Silent)
    assert (told.gateway, told.ended) == ("gw-0", False)
    assert SILENCE_S <= told.seconds <= SILENCE_S + 60
    (ended,) = silence.note_heard("gw-0", 3_000.0)
    assert (ended.gateway, ended.ended, ended.seconds) == ("gw-0", True, 2_010.0)
    assert listen(silence, 3_000, 3_120, GATEWAYS) == []


def test_a_beacon_is_wanted_to_be_sure_of_a_silence() -> None:
    silence = Silence(0.0)
    for second in (60.0, 120.0, 150.0):
        silence.note_beacon(second)
    assert judge(silence, 179.0) == []
    assert not silence.wants_beacon(179.0, 150.0)
    assert silence.wants_beacon(180.0, 150.0)
    assert not silence.wants_beacon(181.0, 180.0), "not at each look"
    silence.note_beacon(181.0)
    assert len(judge(silence, 181.0)) == len(GATEWAYS)


def test_an_outage_of_the_broker_is_one_finding_and_everything_begins_anew_behind_it() -> None:
    silence = Silence(0.0)
    assert listen(silence, 0, 600, GATEWAYS) == []
    during = [one for second in range(600, 4_200, 10) for one in judge(silence, second)]
    (outage,) = during
    assert isinstance(outage, Outage)
    assert OUTAGE_S < outage.seconds <= OUTAGE_S + 10
    (back,) = silence.note_beacon(4_200.0)
    assert back.ended
    assert [one for second in range(4_200, 4_320, 60) for one in judge(silence, second)] == []
    assert listen(silence, 4_260, 4_380, GATEWAYS) == [], "who comes back within the limit was never silent"


def test_one_whose_messages_wait_here_is_not_silent() -> None:
    silence = Silence(0.0)
    silence.note_beacon(60.0)
    silence.note_beacon(120.0)
    silence.note_beacon(200.0)
    assert silence.judge(200.0, ["a", "b"], lambda _: SILENCE_S, lambda name: name == "a") == [
        Silent("b", 200.0)
    ]
    silence.forget("b", 900.0)
    assert silence.note_heard("b", 230.0) == []


def test_the_limit_follows_the_site_file() -> None:
    assert find_limit(None, None) == SILENCE_S
    assert find_limit(60.0, 10.0) == SILENCE_S
    assert find_limit(600.0, 10.0) == 1_800.0
    assert find_limit(60.0, 900.0) == 2_700.0
    assert find_limit("x", -1) == SILENCE_S


@given(st.lists(st.tuples(st.sampled_from("bhj"), st.integers(1, 200)), max_size=60))
@settings(deadline=None, max_examples=100)
def test_nobody_is_told_silent_who_spoke_within_the_limit_while_the_beacon_came_back(
    steps: list[tuple[str, int]],
) -> None:
    silence, now_s, heard_s, beacon_s, is_silent = Silence(0.0), 0.0, 0.0, 0.0, False
    for what, pause_s in steps:
        now_s += pause_s
        if what == "b":
            silence.note_beacon(now_s)
            beacon_s = now_s
        elif what == "h":
            assert [one.ended for one in silence.note_heard("a", now_s)] == [True] * is_silent
            heard_s, is_silent = now_s, False
        else:
            for one in judge(silence, now_s, ["a"]):
                if isinstance(one, Silent):
                    assert not is_silent
                    assert beacon_s - heard_s >= SILENCE_S
                    is_silent = True
                else:
                    assert now_s - beacon_s > OUTAGE_S


@given(
    st.lists(
        st.tuples(st.sampled_from(["speak", "wait", "beacon", "restart", "set aside"]), st.integers(1, 400))
    )
)
def test_each_begin_is_told_once_and_each_end_whatever_restarts_come_between(
    steps: list[tuple[str, int]],
) -> None:
    silence, now_s, begun_s, is_awaited = Silence(0.0), 0.0, dict[str, float](), True
    for what, seconds in steps:
        now_s += seconds
        told: list[Silent | Outage] = []
        if what == "restart":
            silence = Silence(now_s)
            for name, since_s in begun_s.items():
                silence.resume(name, since_s)
        elif what == "beacon":
            told += silence.note_beacon(now_s)
        elif what == "speak":
            told, is_awaited = [*silence.note_heard("gw-0", now_s)], True
        elif what == "set aside":
            told, is_awaited = [*silence.forget("gw-0", now_s)], False
        told += judge(silence, now_s, ["gw-0"] if is_awaited else [])
        for one in told:
            name = one.gateway if isinstance(one, Silent) else ""
            assert (name in begun_s) == one.ended, "an end without a begin, or a second begin"
            if one.ended:
                del begun_s[name]
            else:
                begun_s[name] = now_s - one.seconds
        assert is_awaited or "gw-0" not in begun_s
