"""Times as text."""

import pytest

from evidence.moments import local_text, zone_s


@pytest.mark.parametrize(("zone", "text"), [("+08:00", "08:00"), ("-03:30", "20:30"), ("+00:00", "00:00")])
def test_times_are_those_of_the_zone(zone: str, text: str) -> None:
    assert local_text(0, zone_s(zone), "%H:%M") == text
