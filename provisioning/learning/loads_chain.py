"""The loads of lines from a gateway's own chain, as `dianjian commission --chain` learns from them.

The state folder is read beside the agent that owns it, and nothing is written. Readings come from a walk
along the chain (`evidence.walk`); a chain that the walk refuses, or a body that is not what was sealed,
is an error that names the seal. Discarded bodies are gaps, and so are a meter's missing answers.

Time is the time since boot, dated by the last seal of that boot: a clock that was set meanwhile bends
nothing. On the detector's slots, which the site file or the polling says, the latest sample counts, as in the
running detector. Memory is one number per slot, line and channel, whatever the chain holds: 21 MB for 72 h of
20 lines with all five.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final

import numpy as np
from attrs import frozen

from agent.judging.line_power import LinePower, LinePowers, meter_power
from agent.sealing.anchors import read_anchors
from agent.site.file import Site
from agent.site.linkages import find_hold_s, find_judged_slot_s
from agent.site.setups import lines_of, setups_of
from agent.store.archive import open_gateway
from agent.store.names import DATABASE_NAME
from disk.database import StoreError
from drivers.poll.meter import MeterSetup
from drivers.reading import PollGroup, Quality
from evidence.archive import Archive
from evidence.cbor import FormatError
from evidence.record import MODEL_ID_BYTES, Kind, ReadingRecord
from evidence.seal import peek_header
from evidence.walk import WalkedSeal, survey
from provisioning.loads.loads import Floats, Loads, LoadsError

HOURS_MAX: Final = 14 * 24.0
"""A commissioning period is extended up to a week; twice that bounds the memory."""
MS_PER_S: Final = 1000
HOUR_MS: Final = 3_600_000
TELL_SEALS: Final = 200
_CHANNELS: Final = ("pf", "i", "u", "phase")

EachSeal = Callable[[int, int], object]
"""Called with the seals done and their total."""


@frozen
class _Period:
    """The seals that count, and for each boot the offset to add to its time since boot, ms."""

    first: int
    last: int
    begin_ms: int
    end_ms: int
    offsets_ms: dict[bytes, int]


def read_chain(
    site: Site, hours: float, each: EachSeal = lambda _done, _all: None, dt_s: int | None = None
) -> Loads:
    """The loads of the last `hours` of the chain of `site` in slots of `dt_s`, else those of its parameters.

    Raises:
        ConfigError: The meters of the site file are wrong.
        LoadsError: There is no chain, it is not valid, or it has no data of a line that is judged.
    """
    setups = setups_of(site)
    try:
        with closing(open_gateway(site.path(site.store.path) / DATABASE_NAME, site.site.gateway)) as archive:
            slots_s = dt_s or find_judged_slot_s(site)
            return _sum_loads(site, archive, setups, hours, each, slots_s)
    except (StoreError, OSError) as error:
        raise LoadsError([str(error)]) from error


def _sum_loads(
    site: Site, archive: Archive, setups: dict[str, MeterSetup], hours: float, each: EachSeal, dt_s: int
) -> Loads:
    folder, centre_key = site.path(site.store.path), site.broker.centre_key if site.broker else None
    period = _find_period(archive, round(hours * HOUR_MS))
    if period is None:
        raise LoadsError([f"{folder / DATABASE_NAME}: holds no seal yet"])
    walk = survey(archive, read_anchors(folder, archive, centre_key), period.first, period.last)
    if walk.problem is not None:
        raise LoadsError([walk.problem.en])
    slots, powers = _Slots(period, dt_s), LinePowers(lines_of(site), find_hold_s(site))
    for done, seal in enumerate(walk.seals()):
        if done % TELL_SEALS == 0:
            each(done, period.last - period.first + 1)
        for record in _list_readings(seal):
            setup = setups.get(record.meter)
            if setup is None or record.model != setup.model.hash[:MODEL_ID_BYTES]:
                continue  # of an older site file
            at_s = (record.boottime_ms + period.offsets_ms[seal.header.boot_id]) / MS_PER_S
            power_now = meter_power(setup.model.decode(record.blocks, setup.ct_ratio, setup.pt_ratio))
            power = powers.power(record.meter, at_s, power_now)
            if power is not None:
                slots.put(power)
    found = slots.loads()
    judged = {str(line) for link in site.linkage for line in (*link.production, *link.treatment)}
    silent = sorted(judged - set(found.watts))
    if silent:
        problem = f"no reading in the last {hours:g} h of the chain; has a meter fed it for that long?"
        raise LoadsError([f"line {line!r}: {problem}" for line in silent])
    return found


def _find_period(archive: Archive, length_ms: int) -> _Period | None:
    """The seals of the last `length_ms`, by their headers from the end back; the walk checks them later."""
    offsets_ms: dict[bytes, int] = {}
    end_ms: int | None = None
    first = archive.first
    for row in archive.rows(archive.first, archive.last, bodies=False, backwards=True):
        try:
            header = peek_header(row.cose)
        except FormatError as error:
            raise LoadsError([f"seal {row.number}: {error}; see dianjian doctor"]) from error
        offset_ms = offsets_ms.setdefault(header.boot_id, header.utc_ms - header.boottime_ms)
        at_ms = header.boottime_ms + offset_ms
        end_ms = at_ms if end_ms is None else end_ms
        first = row.number
        if at_ms < end_ms - length_ms:
            break
    if end_ms is None:
        return None
    return _Period(first, archive.last, end_ms - length_ms, end_ms, offsets_ms)


def _list_readings(seal: WalkedSeal) -> Iterator[ReadingRecord]:
    """The good readings of the fast group."""
    if seal.problem:
        raise LoadsError([f"seal {seal.header.number}: {seal.problem}; see dianjian doctor"])
    for record in seal.decode(Kind.READING):
        assert isinstance(record, ReadingRecord)
        if record.group is PollGroup.FAST and record.quality is Quality.GOOD:
            yield record


class _Slots:
    """One number per slot, line and channel: the latest in that slot."""

    def __init__(self, period: _Period, dt_s: int) -> None:
        self._dt = dt_s
        self._first = period.begin_ms // (dt_s * MS_PER_S)
        self._count = period.end_ms // (dt_s * MS_PER_S) - self._first + 1
        self._watts: defaultdict[str, Floats] = defaultdict(self._make_column)
        self._channels: defaultdict[str, defaultdict[str, Floats]] = defaultdict(
            lambda: defaultdict(self._make_column)
        )

    def _make_column(self) -> Floats:
        return np.full(self._count, np.nan)

    def put(self, power: LinePower) -> None:
        slot = int(power.at_s // self._dt) - self._first
        if not 0 <= slot < self._count:
            return
        self._watts[power.line][slot] = power.watts
        values = (power.pf, power.current_a, power.voltage_v, power.lost_phase)
        for name, value in zip(_CHANNELS, values, strict=True):
            if value is not None:
                self._channels[power.line][name][slot] = value

    def loads(self) -> Loads:
        """From the first sample on."""
        begins = [int(np.argmax(np.isfinite(column))) for column in self._watts.values()]
        begin = min(begins, default=0)
        times_s = np.arange(self._first + begin, self._first + self._count, dtype=np.float64) * self._dt
        return Loads(
            times_s,
            {line: column[begin:] for line, column in self._watts.items()},
            {
                line: {name: column[begin:] for name, column in channels.items()}
                for line, channels in self._channels.items()
            },
            epoch=False,
        )
