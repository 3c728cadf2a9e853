"""Samples that come late, twice, out of order, from the future, or with a clock that is set."""

import random

from agent.detect.arrivals import PENDING_MAX
from agent.detect.detector import Detector
from agent.detect.episode import Episode, Severity
from tests.agent.detect.timeline import T0_S, linkage, outcomes

DAY_S = 86_400


def shift(minutes: int = 240, off_from: int = 120, off_to: int = 180) -> list[tuple[str, float, int]]:
    rows = []
    for slot in range(minutes * 6):
        t_s = T0_S + slot * 10.0
        bare = off_from * 6 <= slot < off_to * 6
        rows.append(("p1", t_s, 10_000 + slot % 5))
        rows.append(("t1", t_s + 1, (0 if bare else 9_000) + slot % 7))
    return rows


def feed(
    detector: Detector, rows: list[tuple[str, float, int]], until_s: float | None = None
) -> list[Episode]:
    found = []
    for line, t_s, watts in rows:
        detector.sample(line, t_s, watts)
        found += detector.advance(t_s)
    return found + detector.advance(until_s or max(t_s for _, t_s, _ in rows) + 60)


def test_the_order_within_the_reorder_buffer_makes_no_difference() -> None:
    rows = shift()
    rng = random.Random(3)
    mixed = [row for _, row in sorted((row[1] + rng.uniform(0, 18), row) for row in rows)]
    first, second = Detector([linkage()]), Detector([linkage()])
    in_order = feed(first, rows)
    found = []
    latest = 0.0
    for line, t_s, watts in mixed:
        latest = max(latest, t_s)
        second.sample(line, t_s, watts)
        found += second.advance(latest)
    found += second.advance(latest + 60)
    assert [one.to_body() for one in found] == [one.to_body() for one in in_order]


def test_doubled_samples_make_no_difference() -> None:
    rows = shift()
    doubled = [row for row in rows for _ in range(2)]
    assert [one.to_body() for one in feed(Detector([linkage()]), doubled)] == [
        one.to_body() for one in feed(Detector([linkage()]), rows)
    ]


def test_how_often_time_is_advanced_makes_no_difference() -> None:
    rows = shift()
    seldom, often = Detector([linkage()]), Detector([linkage()])
    found = []
    for index, (line, t_s, watts) in enumerate(rows):
        seldom.sample(line, t_s, watts)
        if index % 60 == 59:
            found += seldom.advance(t_s)
    found += seldom.advance(rows[-1][1] + 60)
    assert [one.to_body() for one in found] == [one.to_body() for one in feed(often, rows)]


def test_late_samples_that_show_a_violation_give_a_notice_about_the_past() -> None:
    rows = shift(off_from=120, off_to=130)
    held = [row for row in rows if row[0] == "t1" and T0_S + 7_100 < row[1] < T0_S + 7_850]
    detector = Detector([linkage()])
    found = []
    for line, t_s, watts in rows:
        if (line, t_s, watts) not in held:
            detector.sample(line, t_s, watts)
        if t_s == T0_S + 8_400 + 1:
            for late in held:
                detector.sample(*late)
        found += detector.advance(t_s)
    assert outcomes(found) == [("data_loss", "raised"), ("data_loss", "cleared"), ("off", "cleared")]
    assert (found[2].severity, found[2].retrospective) == (Severity.NOTICE, True)
    assert abs(found[2].begin_at_s - T0_S - 7_200) <= 20


def test_late_samples_that_show_health_give_no_episode() -> None:
    rows = shift(off_from=0, off_to=0)
    held = [row for row in rows if row[0] == "t1" and T0_S + 7_100 < row[1] < T0_S + 7_850]
    detector = Detector([linkage()])
    found = feed(detector, [row for row in rows if row not in held and row[1] < T0_S + 8_400])
    for late in held:
        detector.sample(*late)
    found += feed(detector, [row for row in rows if row[1] >= T0_S + 8_400])
    assert outcomes(found) == [("data_loss", "raised"), ("data_loss", "cleared")]


def test_a_sample_of_the_far_future_does_no_harm() -> None:
    rows = shift()
    detector = Detector([linkage()])
    for year in range(3 * PENDING_MAX):
        detector.sample("t1", T0_S + year * 365 * DAY_S + 400 * DAY_S, 0)
    found = feed(detector, rows)
    assert outcomes(found) == [("off", "raised"), ("off", "cleared")]


def test_a_clock_that_is_set_back_starts_the_count_again_without_an_episode() -> None:
    detector = Detector([linkage()])
    healthy = shift(off_from=0, off_to=0)
    assert feed(detector, healthy) == []
    again = [(line, t_s - 3_600, watts) for line, t_s, watts in shift(off_from=200, off_to=230)]
    assert outcomes(feed(detector, again)) == [("off", "raised"), ("off", "cleared")]


def test_a_clock_that_jumps_ahead_by_years_gives_a_loss_of_data_and_no_violation() -> None:
    detector = Detector([linkage()])
    feed(detector, shift(off_from=0, off_to=0))
    later = [(line, t_s + 2_000 * DAY_S, watts) for line, t_s, watts in shift(off_from=0, off_to=0)]
    found = feed(detector, later)
    assert {one.rule.value for one in found} == {"data_loss"}
    assert outcomes(found)[-2:] == [("data_loss", "cleared")] * 2


def test_a_sample_from_before_a_restart_of_the_count_does_not_wait_for_ever() -> None:
    detector = Detector([linkage()])
    feed(detector, shift(off_from=0, off_to=0))
    detector.restart(T0_S + DAY_S)
    detector.sample("p1", T0_S + DAY_S - 3_600, 10_000)
    assert detector._arrivals.rows == {}
