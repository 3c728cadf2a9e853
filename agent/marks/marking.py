"""The source of MARK records of the gateway itself: contact lost, restarts, maintenance.

A mark is sealed once, when it has closed (`agent.marks.closing`), over every kill: what is open is a
checkpoint, written when it changes and every CHECKPOINT_S; a mark that the run before left unsealed is
sealed before anything of this run, and known by its id. The time is the detector's. Nothing is marked while
the clock is not set: a mark with a wrong time is worse than none, and the chain shows it still.

A fault in it ends the marking until the next start, never the chain.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import define, field

from agent.marks.closing import Closing
from agent.sealing.source import NewRecord, RecordSource
from agent.store.gateway import GatewayStore
from drivers.clock import NS_PER_S, ClockState, Stamp
from drivers.reading import PollGroup, Quality, Reading
from evidence import cbor
from evidence.marks.absences import Started
from evidence.record import NS_PER_MS, Kind, ReadingRecord, Record
from evidence.seal import peek_header

LOG: Final = logging.getLogger("dianjian.marks")

CHECKPOINT: Final = "marks"
CHECKPOINT_S: Final = 300.0
"""Bounds how much older than the last sign of life "last heard" is after a kill; see `closing`."""
STATE_BYTES_MAX: Final = 1 << 20
LOOK_S: Final = 60.0
"""Between two looks for what has closed; it waits for a quarter of an hour anyway."""
MS_PER_S: Final = 1000
WORKS: Final = ("wiring", "trial")
"""Letters of setup about work at meters; they name `meter` or `meters`."""
INDUSTRY: Final = "general"
"""Every catalogue has its codes."""
_VERSION: Final = 1


def restore_open(closing: Closing, raw: bytes) -> None:
    """Take what was open from a checkpoint.

    Raises:
        FormatError, LookupError, TypeError, ValueError, AttributeError: It is none.
    """
    version, state = cbor.array(cbor.decode(raw, STATE_BYTES_MAX), "marks", 2)
    cbor.natural(version, "version", _VERSION, _VERSION)
    closing.restore(state)


@define(eq=False, repr=False)
class Marking(RecordSource):
    """See the module.

    Attributes:
        gateway: The name of the site in its marks.
        offset_ms: UTC less the time since boot, as the detector has it.
        unsealed: Records that the run before left, which follow the tip.
        failed: A fault has ended the marking.
    """

    gateway: str
    closing: Closing
    store: GatewayStore
    offset_ms: Callable[[], int]
    unsealed: Sequence[Record | ReadingRecord] = ()
    failed: bool = field(default=False, init=False)
    _known: set[str] = field(factory=set, init=False)
    _offset: int | None = field(default=None, init=False)
    _begun_s: float = field(default=0.0, init=False)
    _looked_ns: int = field(default=0, init=False)
    _saved_ns: int = field(default=0, init=False)

    # -- the hooks

    def start(self, stamp: Stamp, /) -> tuple[()]:
        """Continue, and note the start itself."""
        self._guard(lambda: self._start(stamp))
        return ()

    def on_reading(self, reading: Reading, _record: bytes, /) -> tuple[()]:
        """A meter was heard."""
        if reading.quality is Quality.GOOD and reading.group is PollGroup.FAST and not self.failed:
            self._date()
            if reading.meter in self.closing.periods_s:
                self.closing.note_good(reading.meter, self._at_s(reading.stamp))
        return ()

    def take_letter(self, body: Mapping[str, Any], stamp: Stamp) -> None:
        """A letter of setup that is being sealed."""
        if body.get("what") not in WORKS:
            return
        several = body.get("meters")
        named = [body.get("meter"), *(several if isinstance(several, list) else ())]
        for meter in {one for one in named if isinstance(one, str) and one in self.closing.periods_s}:
            self.closing.note_work(meter, self._at_s(stamp))

    def due(self, stamp: Stamp, /) -> list[NewRecord]:
        """The marks that have closed."""
        waits = stamp.boottime_ns - self._looked_ns < LOOK_S * NS_PER_S
        if waits or self.failed or stamp.clock_state is ClockState.UNSYNCHRONISED:
            return []
        self._looked_ns = stamp.boottime_ns
        made: list[NewRecord] = []
        self._guard(lambda: made.extend(self._close(stamp)))
        return made

    def on_sealed(self, stamp: Stamp, _tip: int, /) -> None:
        """Keep what is open, from time to time and at once when something began or ended."""
        passed_s = (stamp.boottime_ns - self._saved_ns) / NS_PER_S
        if not self.failed and (self.closing.changed or passed_s >= CHECKPOINT_S):
            self._saved_ns = stamp.boottime_ns
            self._save()

    def on_stop(self, _tip: int, /) -> None:
        """Keep what is open for the next start."""
        if not self.failed:
            self._save()

    # -- inside

    def _at_s(self, stamp: Stamp) -> float:
        return (stamp.boottime_ns // NS_PER_MS + self.offset_ms()) / MS_PER_S

    def _start(self, stamp: Stamp) -> None:
        self._offset, self._begun_s = self.offset_ms(), self._at_s(stamp)
        self._looked_ns = self._saved_ns = stamp.boottime_ns
        self._known = {
            str(one.body.get("id"))
            for one in self.unsealed
            if isinstance(one, Record) and one.kind is Kind.MARK
        }
        raw, tip = self.store.checkpoint(CHECKPOINT), self.store.last()
        if raw is not None:
            self._restore(raw)
        if tip is not None:
            header = peek_header(tip.cose)
            was_off = header.boot_id != stamp.boot_id
            sealed_ms = header.utc_ms if was_off else header.boottime_ms + self.offset_ms()
            since_s = max(sealed_ms / MS_PER_S, self.closing.heard_s)  # the wall clock may have been set back
            self.closing.note_start(Started(min(since_s, self._begun_s), self._begun_s, was_off))
        # What the runs before in this boot have noted is dated with this boot.
        boots = [one.at_s for one in self.closing.list_starts() if one.was_off]
        self._begun_s = max(boots, default=self._begun_s)

    def _restore(self, raw: bytes) -> None:
        try:
            restore_open(self.closing, raw)
        except (cbor.FormatError, LookupError, TypeError, ValueError, AttributeError) as error:
            LOG.warning("which marks were open is lost: %s", error)

    def _save(self) -> None:
        self.closing.changed = False
        self.store.put_checkpoint(CHECKPOINT, cbor.encode([_VERSION, self.closing.state()]))

    def _date(self) -> None:
        """See whether this boot was dated anew."""
        offset = self.offset_ms()
        if self._offset is not None and offset != self._offset:
            by_s = (offset - self._offset) / MS_PER_S
            self.closing.shift(by_s, self._begun_s)
            self._begun_s += by_s
        self._offset = offset

    def _close(self, stamp: Stamp) -> Iterator[NewRecord]:
        self._date()
        now_s, away = self._at_s(stamp), self.closing.list_starts()
        silences, works = self.closing.take_silences(), self.closing.take_work(now_s)
        starts = self.closing.take_starts(now_s)
        if not (silences or starts or works):
            return
        from evidence.marks import automatic  # noqa: PLC0415 - with catalogues, which most days do not need
        from evidence.marks.catalogue import load_catalogue  # noqa: PLC0415 - as above

        catalogue = load_catalogue(INDUSTRY)
        marks: Iterable[Any] = (
            *automatic.mark_silences(silences, away, catalogue),
            *automatic.mark_starts(starts, self.gateway, catalogue),
            *automatic.mark_maintenance(works, catalogue),
        )
        for one in marks:
            if one.id not in self._known:
                LOG.info("marked: %s %s", one.code, one.subject)
                yield NewRecord(Kind.MARK, one.to_body())
        self._save()  # with the commit that seals them

    def _guard(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Exception:
            self.failed = True
            LOG.exception("nothing is marked until the next start")
