"""The last hour of a line: one mean a minute, whatever the order and the gaps of the samples."""

from hypothesis import given
from hypothesis import strategies as st

from agent.status.load_history import MINUTES, LoadHistory

MINUTE_MS = 60_000


def test_the_present_minute_is_the_last_of_sixty() -> None:
    load_history = LoadHistory()
    for at_ms, watts in ((0, 10.0), (59_999, 20.0), (60_000, 7.0), (180_000, 1.0)):
        load_history.add("p1", at_ms, watts)
    assert load_history.watts("p1", 180_000) == [None] * 56 + [15, 7, None, 1]
    assert load_history.watts("p1", 240_000) == [None] * 55 + [15, 7, None, 1, None]
    assert load_history.watts("other", 180_000) == [None] * MINUTES


def test_another_boot_begins_with_nothing() -> None:
    load_history = LoadHistory()
    load_history.add("p1", 5 * MINUTE_MS, 3.0)
    load_history.clear()
    assert load_history.watts("p1", 5 * MINUTE_MS) == [None] * MINUTES


SAMPLES = st.lists(st.tuples(st.integers(0, 300), st.integers(-(10**6), 10**6)), max_size=60)


@given(SAMPLES, st.integers(0, 400))
def test_it_tells_what_a_table_of_all_samples_would_tell(samples: list[tuple[int, int]], ahead: int) -> None:
    load_history = LoadHistory()
    table: dict[int, list[int]] = {}
    newest = -1
    for minute, watts in samples:
        load_history.add("p1", minute * MINUTE_MS, watts)
        if minute > newest - MINUTES:  # an older one has no place any more
            table.setdefault(minute, []).append(watts)
        newest = max(newest, minute)
        table = {one: values for one, values in table.items() if one > newest - MINUTES}
    now = max(newest, 0) + ahead
    wanted = [
        round(sum(table[minute]) / len(table[minute])) if minute in table else None
        for minute in range(now - MINUTES + 1, now + 1)
    ]
    assert load_history.watts("p1", now * MINUTE_MS) == wanted
