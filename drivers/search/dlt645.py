"""Finds the DL/T 645 meters of a bus by wildcards, as every reader of such meters does.

First the wildcard AA…AA reads the meter's own address. One clean answer with nothing behind it is the only
meter. If several answer at once, their last pair of digits is tried from 00 to 99, and before each
pair that is still ambiguous the next. Silence ends a branch, so a bus of n meters costs about 100 × n
time-outs at most, and one meter costs one answer.

A meter whose answers are never complete is reported as garbled, with its known digits. So is a bus on which
addresses that nobody has (NOBODYS) are answered, too: a device that answers or refuses in any name, or a line
with noise for an answer. There no digit could be told, and the search would try them all.
"""

from collections.abc import Iterator
from typing import Final

from attrs import frozen

from drivers.dlt645.bus import Dlt645Bus
from drivers.dlt645.codec import ADDRESS_BYTES, ADDRESS_DIGITS, ADDRESS_ID, ReadId
from drivers.errors import ExceptionReplyError, ReplyError, ReplyTimeoutError

SEARCH_TIMEOUT_S: Final = 0.6
"""A meter answers within 0.5 s (DL/T 645-2007, section 5.3); the time on the wire comes on top."""
NOBODYS: Final = ("987654321089", "890123456798")
"""Addresses without a wildcard. Not both are somebody's."""
_WILD_PAIR: Final = "AA"
_PAIRS: Final = tuple(f"{number:02d}" for number in range(100))


@frozen
class FoundMeter:
    """A sign of life: `how` is "answers", "refuses" or "garbled"; wild digits of `address` are unknown."""

    address: str
    how: str


def search(bus: Dlt645Bus, *, timeout_s: float = SEARCH_TIMEOUT_S, known: str = "") -> Iterator[FoundMeter]:
    """Every meter whose address ends in the digits `known`, as soon as it is found."""
    address = known.rjust(ADDRESS_DIGITS, _WILD_PAIR[0])
    how, name = _probe(bus, address, timeout_s)
    if how == "crowded" and not known and all(_probe(bus, nobody, timeout_s)[0] for nobody in NOBODYS):
        yield FoundMeter(address, "garbled")
        return
    if how == "crowded" and len(known) < ADDRESS_DIGITS:
        found = False
        for pair in _PAIRS:
            for meter in search(bus, timeout_s=timeout_s, known=pair + known):
                found = True
                yield meter
        how = "" if found else "garbled"
    if how:
        yield FoundMeter(name or address, "garbled" if how == "crowded" else how)


def _probe(bus: Dlt645Bus, address: str, timeout_s: float) -> tuple[str, str]:
    """How one wildcard is answered, and the meter's address if that is certain."""
    try:
        data, _ = bus.read_data(ReadId(address, ADDRESS_ID, ADDRESS_BYTES), timeout_s)
    except ReplyTimeoutError:
        return "", ""
    except ReplyError:
        return "crowded", ""
    except ExceptionReplyError:
        return "refuses", ""
    if _WILD_PAIR in address and bus.has_more(timeout_s):
        return "crowded", ""
    return "answers", data.meter
