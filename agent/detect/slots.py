"""From seconds to slots: what samples can prove where meters are read seldom.

A slot has at most one sample of each meter that counts, taken anywhere in it. In slots of up to FINE_S what
lies between two samples is shorter than every time that is judged. In longer ones it is not, so that:

- one sample proves nothing: whatever accuses takes `least` slots, however few seconds they need be;
- two meters are read up to a slot apart, so that treatment may seem late by two slots (`compute_skew_s`) and
production may have stopped in the slot in which treatment did;
- a value that is held for a missing one is soon older than a start or a stop takes (`count_hold_slots`).
"""

from typing import Final

HOLD_S: Final = 30
"""How long a value counts as current where meters are polled often: three slots."""
FINE_S: Final = HOLD_S
HOLD_SLOTS: Final = 3
HOLD_MOST_S: Final = 90
"""In a minute and a half a machine stops, and its fan after it."""
DEFICIT_SLOTS_MIN: Final = 2
"""A sample may have met the one moment of a pause."""
CT_SLOTS_MIN: Final = 3
DUMMY_SLOTS_MIN: Final = 5
FLAT_SLOTS_MIN: Final = 10
GUARD_SLOTS_MIN: Final = 2
"""Production may have risen after treatment was read."""
FRESH_S: Final = 60
"""Channels older than a minute explain nothing about the present, and a line that answered within it is
alive."""
FRESH_SLOTS_MIN: Final = 2
"""Polls that shift against the slots leave one empty now and then."""


def count_slots(seconds: float, dt_s: int, least: int = 1) -> int:
    """Slots of `dt_s` that last for `seconds`, and at least `least`."""
    return max(least, int(-(-seconds // dt_s)))


def count_hold_slots(dt_s: int) -> int:
    """For how many missing slots the last value stands, by default."""
    return max(1, min(HOLD_SLOTS, HOLD_MOST_S // dt_s))


def count_fresh_slots(dt_s: int) -> int:
    """How many slots old a sample may be that tells of the present."""
    return count_slots(FRESH_S, dt_s, FRESH_SLOTS_MIN)


def is_fine(dt_s: int) -> bool:
    """Whether nothing that is judged fits between two samples."""
    return dt_s <= FINE_S


def compute_skew_s(dt_s: int) -> int:
    """By how much later treatment may seem to start than it does: two meters, each read once in a slot."""
    return 0 if is_fine(dt_s) else 2 * dt_s
