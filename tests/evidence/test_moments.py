"""Times as text."""

import pytest

from evidence.moments import local_text, zone_s


@pytest.mark.parametrize(("zone", "text"), [("+08:00", "08:00"), ("-03:30", "20:30"), ("+00:00", "00:00")])
def test_times_are_those_of_the_zone(zone: str, text: str) -> None:
    assert local_text(0, zone_s(zone), "%H:%M") == text


@pytest.mark.parametrize("at_s", [253_402_300_799, 2.0**64, 1e300, -1e300, 5e-324])
@pytest.mark.parametrize("offset_s", [-50_400, 0, 50_400])
def test_a_local_time_beyond_the_calendar_stays_a_number(at_s: float, offset_s: int) -> None:
    text = local_text(at_s, offset_s)
    assert text == str(at_s) or len(text) == len("2026-01-01 00:00:00")
