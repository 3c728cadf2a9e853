"""A meter that is deaf after its answers is told from a line that loses some."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.poll.pause import CALM_S, STEPS_S, TRIAL_MAX_S, Pause

QUICK_S = 0.004


def talk(
    pause: Pause, deaf_s: float, rows: int, lost: float = 0.0, seed: int = 1, every_s: float = 5.0
) -> list[bool]:
    """Rows of three requests, as a poll makes them; whether the later ones were heard at their first try."""
    chance, now_s, heard = random.Random(seed), 0.0, []
    for _ in range(rows):
        now_s += every_s
        for number in range(3):
            gap_s = max(QUICK_S, pause.pause_s) if number else every_s
            first = True
            for _ in range(20):
                is_heard = gap_s >= deaf_s and chance.random() >= lost
                if first and number:
                    heard.append(is_heard)
                if is_heard:
                    pause.note_heard(gap_s, number, now_s)
                    break
                pause.note_miss(gap_s, number)
                first, gap_s = False, max(gap_s + 0.2, CALM_S)
    return heard


@given(st.integers(10, 650).map(lambda ms: ms / 1000))
def test_every_deafness_up_to_650_ms_is_learned_and_kept(deaf_s: float) -> None:
    pause = Pause()
    talk(pause, deaf_s, 60)
    assert deaf_s <= pause.pause_s <= max(2 * deaf_s, STEPS_S[1])
    assert all(talk(pause, deaf_s, 100))


@given(st.integers(10, 650).map(lambda ms: ms / 1000))
def test_a_meter_that_never_hears_what_comes_soon_costs_twelve_requests_until_its_pause_is_known(
    deaf_s: float,
) -> None:
    heard = talk(Pause(), deaf_s, 200)
    assert heard.count(False) <= 12
    assert all(heard[-200:])


def test_a_meter_that_was_ever_heard_as_soon_gets_its_pause_by_steps() -> None:
    pause = Pause()
    pause.note_heard(QUICK_S, "other", 0.0)
    for number in range(4):
        pause.note_miss(QUICK_S, number)
        pause.note_heard(CALM_S, number, float(number))
    assert pause.pause_s == STEPS_S[1]


def test_only_a_loss_that_came_too_soon_may_be_deafness() -> None:
    pause = Pause()
    pause.note_miss(QUICK_S, "soon")
    pause.note_heard(5.0, "other", 0.0)
    assert (pause.may_be_deaf("soon"), pause.may_be_deaf("other")) == (True, False)
    pause.note_miss(CALM_S, "soon")
    assert not pause.may_be_deaf("soon")


@settings(deadline=None)
@given(st.floats(0.0, 0.5), st.integers(0, 2**32))
def test_a_line_that_loses_answers_teaches_next_to_no_pause(lost: float, seed: int) -> None:
    pause = Pause()
    talk(pause, 0.0, 100, lost, seed)
    assert pause.pause_s <= 0.1


def test_a_pause_that_is_no_longer_needed_is_given_up_within_days() -> None:
    pause = Pause()
    talk(pause, 0.2, 60)
    assert pause.pause_s >= 0.2
    talk(pause, 0.0, 24 * 60, every_s=60.0)
    assert pause.pause_s == 0


def test_a_pause_that_is_needed_costs_few_lost_requests_a_day() -> None:
    pause = Pause()
    talk(pause, 0.2, 60)
    heard = talk(pause, 0.2, 1440, every_s=60.0)
    assert heard.count(False) <= 8
    assert talk(pause, 0.2, 1440, every_s=TRIAL_MAX_S / 1440).count(False) <= 4


def test_a_pause_of_the_site_file_is_never_changed() -> None:
    pause = Pause(fixed_s=0.1)
    talk(pause, 0.3, 60)
    assert pause.pause_s == 0.1


@given(st.integers(0, 650).map(lambda ms: ms / 1000), st.sampled_from([0.1, 0.5]))
def test_a_pause_that_a_maker_asks_for_is_kept_and_more_is_learned_where_it_is_needed(
    deaf_s: float, asked_s: float
) -> None:
    pause = Pause(least_s=asked_s)
    assert pause.pause_s == asked_s
    talk(pause, deaf_s, 200)
    assert max(deaf_s, asked_s) <= pause.pause_s <= max(2 * deaf_s, asked_s)
    talk(pause, 0.0, 200, every_s=2 * TRIAL_MAX_S)
    assert pause.pause_s == asked_s, "and no less is ever tried"
