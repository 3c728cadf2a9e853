"""The time-out of a meter finds every latency up to ten seconds, and never waits for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.poll.timeout import (
    PROBE_FIRST_S,
    PROBE_FULL_EVERY,
    TIMEOUT_FIRST_S,
    TIMEOUT_MAX_S,
    TIMEOUT_MIN_S,
    TIMEOUT_SHARED_MAX_S,
    AnswerTimeout,
)

latencies = st.integers(1, 980).map(lambda hundredths: hundredths / 100)


@given(latencies)
def test_every_meter_that_answers_within_ten_seconds_is_found_within_five_time_outs(latency_s: float) -> None:
    timeout, waits = AnswerTimeout(), []
    while timeout.poll_s < latency_s:
        waits.append(timeout.poll_s)
        timeout.note_silence(timeout.poll_s, shared=False)
    assert waits == [1.0, 2.0, 4.0, 8.0][: len(waits)]
    assert timeout.poll_s <= TIMEOUT_MAX_S
    timeout.note_answer(latency_s)
    assert latency_s <= timeout.poll_s <= max(4 * latency_s, 1.5 * latency_s + 0.5, TIMEOUT_MIN_S)


@given(latencies)
def test_a_late_answer_is_enough_to_be_waited_for(latency_s: float) -> None:
    timeout = AnswerTimeout()
    timeout.note_silence(timeout.poll_s, shared=True)
    timeout.note_late(latency_s)
    assert timeout.poll_s >= latency_s
    assert timeout.late_s == latency_s
    timeout.note_answer(latency_s)
    assert timeout.late_s == 0


@given(st.lists(st.tuples(st.booleans(), latencies, st.booleans()), max_size=60))
def test_no_time_out_is_ever_out_of_bounds(story: list[tuple[bool, float, bool]]) -> None:
    timeout = AnswerTimeout()
    for answered, latency_s, shared in story:
        waited_s = timeout.next_probe_s(shared=shared)
        assert TIMEOUT_MIN_S <= waited_s <= timeout.poll_s <= TIMEOUT_MAX_S
        if answered:
            timeout.note_answer(latency_s)
        else:
            timeout.note_silence(waited_s, shared=shared)


def test_beside_others_a_meter_that_may_not_be_there_costs_no_more_than_a_second() -> None:
    timeout = AnswerTimeout()
    waits = []
    for _ in range(3 * PROBE_FULL_EVERY):
        waits.append(timeout.next_probe_s(shared=True))
        timeout.note_silence(waits[-1], shared=True)
    assert waits == 3 * ([PROBE_FIRST_S] * (PROBE_FULL_EVERY - 1) + [TIMEOUT_FIRST_S])


def test_alone_on_its_bus_every_second_probe_is_longer_until_it_is_ten_seconds() -> None:
    timeout = AnswerTimeout()
    waits = []
    for _ in range(2 * PROBE_FULL_EVERY):
        waits.append(timeout.next_probe_s(shared=False))
        timeout.note_silence(waits[-1], shared=False)
    assert [one for one in waits if one != PROBE_FIRST_S] == [1.0, 2.0, 4.0, 8.0, 10.0]


@pytest.mark.parametrize(
    ("latency_s", "short_s", "full_s"),
    [(0.02, 0.2, 0.2), (0.2, 0.4, 0.8), (0.9, 1.8, 2.0), (2.5, 4.25, 4.25), (9.0, 10.0, 10.0)],
)
def test_a_probe_of_a_meter_that_has_answered_waits_for_twice_its_slowest_answer(
    latency_s: float, short_s: float, full_s: float
) -> None:
    timeout = AnswerTimeout()
    timeout.note_answer(latency_s)
    waits = [timeout.next_probe_s(shared=True) for _ in range(PROBE_FULL_EVERY)]
    assert waits == pytest.approx([short_s] * (PROBE_FULL_EVERY - 1) + [full_s])


def test_the_time_out_follows_the_latency_and_doubles_in_silence() -> None:
    timeout = AnswerTimeout()
    for _ in range(3):
        timeout.note_answer(0.1)
    assert timeout.poll_s == pytest.approx(0.4)
    timeout.note_answer(0.001)
    assert 0.3 < timeout.poll_s < 0.4  # one quick answer is no reason for haste
    for _ in range(60):
        timeout.note_answer(0.001)
    assert timeout.poll_s == TIMEOUT_MIN_S
    for _ in range(9):
        timeout.note_silence(timeout.poll_s, shared=True)
    assert timeout.poll_s == TIMEOUT_SHARED_MAX_S


def test_a_time_out_of_the_site_file_is_never_changed() -> None:
    timeout = AnswerTimeout(fixed_s=3.0)
    timeout.note_silence(3.0, shared=False)
    timeout.note_late(9.0)
    assert timeout.poll_s == 3.0
    timeout.note_answer(0.1)
    assert timeout.poll_s == 3.0
