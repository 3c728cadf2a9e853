"""Marks: their catalogues, their form, and what power says about them."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from evidence import cbor
from evidence.marks.catalogue import INDUSTRIES, Family, Says, load_catalogue, parse_catalogue
from evidence.marks.mark import Mark, MarkFile, Source, SubjectKind, decode_mark, is_late
from evidence.marks.rate import Tally, find_left_out, sum_rates
from evidence.marks.truth import Habits, Sample, Truth, check_mark, learn_habits

NOON_S, HOUR_S, MINUTE_S = 1_767_240_000, 3600, 60
MARK = Mark(
    id="m1",
    subject_kind=SubjectKind.LINE,
    subject="p1",
    family=Family.PRODUCTION,
    code="stop",
    from_s=NOON_S,
    to_s=NOON_S + 4 * HOUR_S,
    source=Source.MANUAL,
    by="王工",
    reason="更换轴承\n明天恢复",
    edition="2026-11",
    files=(MarkFile("照片.jpg", 120_000, "ab" * 32),),
)


def test_a_mark_comes_back_as_it_went() -> None:
    assert decode_mark(cbor.decode(cbor.encode(MARK.to_body()), 16_000)) == MARK
    lasting = evolve(MARK, to_s=None, supersedes="m0", files=())
    assert decode_mark(lasting.to_body()) == lasting


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"subject": ["line"]}, "array of 2"),
        ({"subject": ["valve", "v1"]}, "none of line, meter, point, site"),
        ({"subject": ["line", ""]}, "no name"),
        ({"family": "other"}, "none of communication"),
        ({"source": "person"}, "none of auto, manual"),
        ({"by": ""}, "names the person"),
        ({"to_s": NOON_S - 1}, "before from_s"),
        ({"from_s": -1}, "not a number"),
        ({"reason": "长" * 700}, "at most 2000 bytes"),
        ({"files": [{"name": "a", "size": 1, "sha256": "AB" * 32}]}, "64 small hexadecimal"),
        ({"files": [{"name": "a", "size": 3_000_000, "sha256": "ab" * 32}]}, "from 0 to 2000000"),
        ({"files": [{"name": "a", "size": 1, "sha256": "ab" * 32, "data": b""}]}, "not known: data"),
        ({"files": [{"name": "a", "size": 1, "sha256": "ab" * 32}] * 17}, "array of 0 to 16"),
        ({"silences": True}, "not known: silences"),
    ],
)
def test_what_is_no_mark_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(cbor.FormatError, match=said):
        decode_mark({**MARK.to_body(), **changes})


@given(st.sampled_from(sorted(MARK.to_body())), st.none() | st.integers() | st.text() | st.lists(st.text()))
def test_any_value_in_any_place_is_a_mark_or_refused(key: str, value: Any) -> None:
    try:
        found = decode_mark({**MARK.to_body(), key: value})
    except cbor.FormatError:
        return
    assert decode_mark(found.to_body()) == found


@pytest.mark.parametrize("industry", INDUSTRIES)
def test_every_catalogue_is_whole_and_has_the_general_codes(industry: str) -> None:
    found = load_catalogue(industry)
    assert found.industry == industry
    assert {"stop", "meter-fault", "lost-contact"} <= set(found.codes)
    assert all(code.words.zh and code.words.en for code in found.codes.values())


def test_the_marks_of_the_trades_are_there() -> None:
    named = {code.words.zh for one in INDUSTRIES for code in load_catalogue(one).codes.values()}
    assert {"停运", "并网", "解列", "故障", "事故", "烘炉", "启炉", "停炉", "停炉降温"} <= named


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('industry = "x"\nedition = "e"', "at least one"),
        ('industry = "x"\nedition = "e"\n[[code]]\nid = "a"', "missing"),
        (
            (
                'industry = "x"\nedition = "e"\n[[code]]\nid = "a"\nzh = "甲"\nen = "a"\n'
                'family = "production"\nsays = "dancing"'
            ),
            "must be one of stopped",
        ),
    ],
)
def test_a_catalogue_with_mistakes_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_catalogue(text.encode())


def test_a_mark_that_comes_too_late_is_flagged() -> None:
    catalogue = load_catalogue("general")
    assert not is_late(MARK, NOON_S + 48 * HOUR_S, catalogue)
    assert is_late(MARK, NOON_S + 48 * HOUR_S + 1, catalogue)
    assert not is_late(evolve(MARK, code="fault"), NOON_S + 100 * HOUR_S, catalogue)


HABITS = Habits(threshold_w=6_000, usual_w=100_000, start_s=2 * HOUR_S)


def minutes(power: Callable[[float], float], hours: float = 6) -> list[Sample]:
    """Power of each minute by hours since noon, from an hour before it on."""
    return [(NOON_S + at * MINUTE_S, power(at / 60)) for at in range(-60, round(hours * 60))]


def check(says: Says, samples: Sequence[Sample], hours: float = 4, **more: Any) -> Truth:
    return check_mark(says, NOON_S, NOON_S + hours * HOUR_S, samples, 180, HABITS, **more).truth


WORKS = minutes(lambda _hour: 100_000)


@pytest.mark.parametrize(
    ("says", "power", "truth"),
    [
        (Says.STOPPED, lambda _: 5_000, Truth.CONSISTENT),
        (Says.STOPPED, lambda _: 100_000, Truth.CONTRADICTED),
        (Says.STOPPED, lambda hour: 100_000 if 2 <= hour < 2.09 else 5_000, Truth.CONTRADICTED),
        (Says.STOPPED, lambda hour: 100_000 if 2 <= hour < 2.06 else 5_000, Truth.CONSISTENT),
        (Says.STOPPED, lambda hour: 100_000 if hour < 0.2 or hour > 3.8 else 5_000, Truth.CONSISTENT),
        (Says.STARTING, lambda hour: 5_000 + 20_000 * max(hour - 1, 0), Truth.CONSISTENT),
        (Says.STARTING, lambda _: 100_000, Truth.CONTRADICTED),
        (Says.STARTING, lambda _: 30_000, Truth.CONTRADICTED),
        (Says.STARTING, lambda _: 5_000, Truth.UNKNOWN),
        (Says.STOPPING, lambda hour: 100_000 - 24_000 * hour, Truth.CONSISTENT),
        (Says.STOPPING, lambda _: 100_000, Truth.CONTRADICTED),
        (Says.NOTHING, lambda _: 100_000, Truth.UNKNOWN),
        (Says.NO_CONTACT, lambda _: 100_000, Truth.CONTRADICTED),
    ],
    ids=range(13),
)
def test_power_bears_a_mark_out_or_not(says: Says, power: Callable[[float], float], truth: Truth) -> None:
    assert check(says, minutes(power)) is truth


def test_without_samples_nothing_is_known_but_the_silence() -> None:
    for says in Says:
        expected = Truth.CONSISTENT if says is Says.NO_CONTACT else Truth.UNKNOWN
        assert check(says, []) is expected


def test_a_present_run_contradicts_however_much_is_missing() -> None:
    run = [one for one in WORKS if NOON_S + 2 * HOUR_S <= one[0] < NOON_S + 2 * HOUR_S + 360]
    assert check(Says.STOPPED, run) is Truth.CONTRADICTED


def test_a_short_mark_and_a_line_without_a_base_load_are_unknown() -> None:
    assert check(Says.STOPPED, WORKS, hours=0.6) is Truth.UNKNOWN
    found = check_mark(Says.STOPPED, NOON_S, NOON_S + 4 * HOUR_S, WORKS, 180, Habits())
    assert found.truth is Truth.UNKNOWN


@pytest.mark.parametrize(("factor", "truth"), [(1.02, Truth.CONTRADICTED), (0.67, Truth.CONSISTENT)])
def test_a_fault_of_the_meter_is_contradicted_where_its_neighbours_agree(factor: float, truth: Truth) -> None:
    around = [(at_s, watts * factor) for at_s, watts in WORKS]
    assert check(Says.METER_FAULT, WORKS, neighbours=around) is truth
    assert check(Says.METER_FAULT, WORKS) is Truth.UNKNOWN


def test_starts_are_learned_from_the_days_before() -> None:
    def power(hour: float) -> float:
        at = hour % 24
        return 5_000 if at < 6 else 5_000 + 95_000 * min((at - 6) / 1.5, 1.0)

    found = learn_habits(minutes(power, 24 * 6), 6_000, 180)
    assert found.usual_w == pytest.approx(100_000)
    assert found.start_s == pytest.approx(1.2 * HOUR_S, abs=180)  # to 80 % of the usual power
    assert learn_habits(minutes(power, 24 * 2), 6_000, 180).start_s is None
    assert learn_habits(WORKS, None, 180) == Habits()


def hours(count: int, come: int = 360, good: int = 360) -> dict[int, Tally]:
    return {
        NOON_S // HOUR_S + at: Tally(due=360, come=come, in_time=come, good=good, good_in_time=good)
        for at in range(count)
    }


def test_the_rate_is_validity_times_transmission() -> None:
    rates = sum_rates(hours(10, come=324, good=243), (), range(NOON_S // HOUR_S, NOON_S // HOUR_S + 10))
    assert rates.all.rate() == pytest.approx(0.9 * 0.75)
    assert Tally().rate() is None
    assert Tally(due=10).rate() == 0.0


def test_a_stop_leaves_hours_out_and_a_false_one_does_not() -> None:
    catalogue, now_s = load_catalogue("general"), NOON_S + 10 * HOUR_S
    subjects = {(SubjectKind.LINE, "p1")}
    left_out = find_left_out([MARK], catalogue, subjects, now_s)
    assert left_out == {NOON_S // HOUR_S + at for at in range(4)}
    assert find_left_out([MARK], catalogue, subjects, now_s, {"m1"}) == set()
    assert find_left_out([MARK], catalogue, {(SubjectKind.LINE, "p2")}, now_s) == set()
    assert find_left_out([evolve(MARK, code="fault")], catalogue, subjects, now_s) == set()
    silent = {**hours(10), **hours(4, come=0, good=0)}
    rates = sum_rates(silent, left_out, sorted(silent))
    assert rates.all.rate() == pytest.approx(0.6)
    assert rates.part.rate() == 1.0
    assert rates.left_out == 4
    assert rates.to_body()["completed_with_marked"] == 0.6
