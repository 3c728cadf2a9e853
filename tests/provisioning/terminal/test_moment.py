"""A time that a person types."""

import pytest
from click import BadParameter

from provisioning.terminal.moment import Moment

DAY_MS = 1_772_409_600_000
"""2026-03-02 in UTC."""


@pytest.mark.parametrize(
    ("typed", "ms"),
    [
        ("2026-03-02T00:00Z", DAY_MS),
        ("2026-03-02T08:00+08:00", DAY_MS),
        ("2026-03-02+08:00", DAY_MS - 8 * 3_600_000),
        ("2026-03-02-05:00", DAY_MS + 5 * 3_600_000),
        ("2026-03-02Z", DAY_MS),
    ],
)
def test_a_time_has_a_zone_and_a_day_is_its_midnight(typed: str, ms: int) -> None:
    assert Moment().convert(typed, None, None) == ms


@pytest.mark.parametrize(
    "typed", ["2026-03-02", "2026-03-02T08:00", "2026-03-02+0800", "2026-03-02+99:00", "now"]
)
def test_anything_else_is_refused_with_what_to_write(typed: str) -> None:
    with pytest.raises(BadParameter) as refused:
        Moment().convert(typed, None, None)
    if refused.value.message.count(" has no zone; write "):
        for advised in (f"{typed}+08:00", f"{typed}Z"):
            assert advised in refused.value.message
            assert Moment().convert(advised, None, None)
