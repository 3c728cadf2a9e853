"""Reads a meter for a person: as often as it takes to know it, within limits.

An agent learns from one poll to the next. Who reads a meter once wants the same from one call: the time-out
grows while the meter is silent, and a read that it does not answer whole is looked into.
"""

from typing import Final

from drivers.clock import Clock
from drivers.poll.bus import MeterBus
from drivers.poll.meter import Meter, is_refusal
from drivers.reading import PollGroup, Quality, Reading

SEARCH_POLLS_MAX: Final = 12
"""Until it is settled what a meter has; a search over twenty points takes eight."""
POLLS_MAX: Final = 5
"""Time-outs of 1, 2, 4, 8 and 10 s: then nobody is there."""
POLLS_BRIEF: Final = 3
"""For many meters in a row: 7 s for each that is not there."""


def poll_patiently(
    meter: Meter, bus: MeterBus, group: PollGroup, clock: Clock, polls_max: int = POLLS_MAX
) -> Reading:
    """The first good reading of a group, or the last bad one.

    Where it is not settled what the meter has, polls go on until it is, and one more reads all of it; a
    single poll (`polls_max` 1) does not wait for that.

    Raises:
        BusDownError: The bus cannot be used.
    """
    reading = meter.poll(bus, group, clock)
    for _ in range(polls_max - 1):
        if reading.quality is Quality.GOOD or is_refusal(reading) or meter.has_more_to_search():
            break
        reading = meter.poll(bus, group, clock)
    if polls_max == 1 or not meter.has_more_to_search():
        return reading
    for _ in range(SEARCH_POLLS_MAX):
        was_searching = meter.has_more_to_search()
        reading = meter.poll(bus, group, clock)
        if not was_searching:  # this poll read all that was found
            break
    return reading
