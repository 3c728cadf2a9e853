"""The energy of each line out of a gateway's chain, or out of a file of recorded loads.

A chain has registers, so its silences are bridged. A file has powers, or energies of intervals: what it
does not cover is unknown, and a sample of it counts for as long as samples usually lie apart.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Final, Protocol

import numpy as np
from attrs import frozen

from agent.site.books import books_of
from agent.site.file import Site
from agent.site.setups import lines_of, setups_of
from drivers.points.registers import Value
from drivers.poll.meter import MeterSetup
from drivers.reading import POWER_POINT, Quality, Quantity
from evidence.curtailment.energy import Segment
from evidence.curtailment.ledger import Ledger, LineLedger
from evidence.moments import zone_s
from evidence.record import MODEL_ID_BYTES, Kind, ReadingRecord, Record
from evidence.seal import SealHeader
from evidence.walk import WalkedSeal
from provisioning.loads.loads import Loads

HOLD_STEPS: Final = 3
"""Samples that lack now and then are bridged; a silence is not."""
TELL_SEALS: Final = 500
MS_PER_S: Final = 1000


class Seals(Protocol):
    """Seals of a chain that was gone along, `evidence.walk.Walk` or a part of one."""

    @property
    def last(self) -> int:
        """The last number."""
        ...

    def seals(self) -> Iterator[WalkedSeal]:
        """In their order, with their records."""
        ...


Values = Mapping[str, Value]
Tell = Callable[[int, int], object]


@frozen
class History:
    """What each line took, and until when that is known, UTC."""

    ledgers: Mapping[str, Ledger]
    until_s: float


def read_loads_history(site: Site, loads: Loads) -> History:
    """The energies of a recording."""
    offset_s = zone_s(site.site.utc_offset)
    ledgers = {}
    until_s = float(loads.times_s[-1]) + loads.interval_s
    for line, watts in loads.watts.items():
        ledger = ledgers[line] = Ledger(offset_s)
        known = np.isfinite(watts)
        times, values = loads.times_s[known].tolist(), watts[known].tolist()
        if len(times) < 2:
            continue
        hold_s = loads.interval_s or HOLD_STEPS * float(np.median(np.diff(times)))
        for (at_s, one), (next_s, _) in pairwise([*zip(times, values, strict=True), (until_s, 0.0)]):
            length_s = min(next_s - at_s, hold_s)
            if length_s > 0:
                ledger.add(Segment(at_s, at_s + length_s, max(one, 0.0) * length_s / 3600, length_s))
    return History(ledgers, until_s)


def read_chain_history(site: Site, walk: Seals, tell: Tell = lambda _done, _all: None) -> History:
    """The energies in the whole chain that is still there.

    Raises:
        ConfigError: The meters of the site file are wrong.
    """
    setups, lines, books = setups_of(site), lines_of(site), books_of(site)
    until_s = 0.0
    for done, seal in enumerate(walk.seals()):
        if done % TELL_SEALS == 0:
            tell(done, walk.last)
        for record in seal.decode(Kind.READING):
            assert isinstance(record, ReadingRecord)
            line, values = lines.get(record.meter), find_values(setups, record)
            if line is None or values is None:
                continue
            at_s = date_s(record, seal.header)
            count_energy(books[line], record.meter, at_s, values)
            until_s = max(until_s, at_s)
    return History({line: book.ledger for line, book in books.items()}, until_s)


def date_s(record: Record | ReadingRecord, header: SealHeader) -> float:
    """When a record was made by the clock of its seal, UTC."""
    return (record.boottime_ms + header.utc_ms - header.boottime_ms) / MS_PER_S


def find_values(setups: Mapping[str, MeterSetup], record: ReadingRecord) -> Values | None:
    """The values of a good reading; None for another one, and for a meter that is not as it was."""
    setup = setups.get(record.meter)
    if setup is None or record.quality is not Quality.GOOD:
        return None
    if record.model != setup.model.hash[:MODEL_ID_BYTES]:
        return None  # of an older site file
    return setup.model.decode(record.blocks, setup.ct_ratio, setup.pt_ratio)


def count_energy(book: LineLedger, meter: str, at_s: float, values: Values) -> None:
    """Take a reading of a meter into the book of its line."""
    wh, watts = (values.get(one) for one in (Quantity.ACTIVE_ENERGY_IMPORT, POWER_POINT))
    book.add(meter, at_s, _to_number(wh), _to_number(watts))


def _to_number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
