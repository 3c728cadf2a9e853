"""The source of BASELINE, VERDICT and EXERCISE records: alerts judged from the gateway's own readings.

Every good reading goes to the bench (`evidence.response.bench`), orders and episodes too; what follows is
sealed. The baseline of an alert is sealed with the order that brought it.

A restart brings the bench to its checkpoint, reads the chain behind that, and then the records that a kill
left; what follows from them and is not among them is sealed now. So nothing is told twice, and a power cut
in the midst of an hour costs what the cut itself has cost. The time is the detector's (`Dating`).

A fault in it ends the judging of alerts until the next start, never the chain: one EVENT says so.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import define, field

from agent.curtailment.kept import Kept
from agent.sealing.source import NewRecord, RecordSource, Urgency
from agent.store.gateway import GatewayStore
from agent.store.tail import read_tail
from drivers.clock import NS_PER_S, Stamp
from drivers.poll.setup import MeterSetup
from drivers.reading import Block, PollGroup, Quality, Reading
from evidence.curtailment.progress import describe
from evidence.record import MODEL_ID_BYTES, NS_PER_MS, Kind, ReadingRecord, Record
from evidence.response.bench import Bench, Made
from evidence.response.dating import MS_PER_S, Dating
from evidence.response.values import find_energy
from evidence.seal import FIRST_NUMBER, SealHeader

LOG: Final = logging.getLogger("dianjian.curtailment")

CHECKPOINT_S: Final = 300.0
"""Between two checkpoints; bounds the seals that a start reads again, as that of the detector."""
REPLAY_SEALS_MAX: Final = 2_000
"""Seals read again at a start; see `agent.judging.checkpoints`."""
_FIGURES: Final = (Kind.BASELINE, Kind.VERDICT, Kind.EXERCISE)
_TOLD: Final = ("what", "order", "rev", "line", "begin_s")

Key = tuple[Any, ...]


@define(eq=False, repr=False)
class Curtailing(RecordSource):
    """See the module.

    Attributes:
        offset_ms: UTC less the time since boot, as the detector has it.
        unsealed: Records that the run before left, which follow the tip.
        failed: A fault has ended the judging of alerts.
    """

    bench: Bench
    setups: Mapping[str, MeterSetup]
    store: GatewayStore
    offset_ms: Callable[[], int]
    unsealed: Sequence[Record | ReadingRecord] = ()
    failed: bool = field(default=False, init=False)
    _kept: Kept = field(init=False)
    _dating: Dating = field(factory=Dating, init=False)
    _saved_ns: int = field(default=0, init=False)
    _changed: bool = field(default=False, init=False)
    _stamp: Stamp | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._kept = Kept(self.store, self.bench, self._dating)

    # -- the hooks

    def start(self, stamp: Stamp, /) -> list[NewRecord]:
        """Restore the bench; what follows from what is there already, and is not in the chain."""
        self._saved_ns, self._changed = stamp.boottime_ns, True
        return self._guard(lambda: self._restore(stamp))

    def take_orders(self, records: Iterable[NewRecord], stamp: Stamp) -> list[NewRecord]:
        """What follows from records about orders, which stand before it in the chain."""
        bodies = [one.body for one in records if one.kind is Kind.ORDER and isinstance(one.body, Mapping)]
        at_s = self._at_s(stamp)
        return self._guard(lambda: [made for one in bodies for made in self.bench.take_order(one, at_s)])

    def take_episode(self, body: Mapping[str, Any]) -> None:
        """A finding that the detector has given."""
        self.bench.take_episode(body)

    def on_reading(self, reading: Reading, _record: bytes, /) -> list[NewRecord]:
        """What was due before it; then it counts."""
        if reading.quality is not Quality.GOOD:
            return []
        at_s = self._at_s(reading.stamp)
        return self._guard(lambda: self._read(reading.meter, reading.group, reading.blocks, at_s))

    def due(self, stamp: Stamp, /) -> list[NewRecord]:
        """Hours and verdicts that are due."""
        return self._guard(lambda: self.bench.advance(self._at_s(stamp)))

    def on_sealed(self, stamp: Stamp, tip: int, /) -> None:
        """Keep the bench from time to time, and at once when something was told."""
        self._stamp = stamp
        passed_s = (stamp.boottime_ns - self._saved_ns) / NS_PER_S
        if self._changed or passed_s >= CHECKPOINT_S:
            self._saved_ns, self._changed = stamp.boottime_ns, False
            self._save(tip)

    def on_stop(self, tip: int, /) -> None:
        """Keep the bench for the next start."""
        self._save(tip)

    def keep_from(self) -> int | None:
        """Rows from this seal on are needed for the next start; None if none are."""
        return None if self.failed else self._kept.saved_up_to

    def list_open(self, stamp: Stamp) -> list[dict[str, Any]]:
        """How each line stands in each alert, for people; see `evidence.curtailment.progress`."""
        at_s = self._at_s(stamp)
        return [] if self.failed else [describe(judge, at_s) for judge in self.bench.judges.values()]

    def list_ended(self) -> list[dict[str, Any]]:
        """The latest final verdicts, as they are sealed."""
        return self.bench.ended

    # -- inside

    def _at_s(self, stamp: Stamp) -> float:
        return (stamp.boottime_ns // NS_PER_MS + self.offset_ms()) / MS_PER_S

    def _read(self, meter: str, group: PollGroup, blocks: tuple[Block, ...], at_s: float) -> list[Made]:
        setup = self.setups.get(meter)
        if setup is None:  # a meter of an older site file
            return []
        wh, watts = find_energy(setup, blocks)
        return self.bench.read(meter, at_s, wh, watts, is_sample=group is PollGroup.FAST)

    def _save(self, tip: int) -> None:
        stamp = self._stamp
        if stamp is not None and not self.failed:
            self._dating.boot_id, self._dating.offset_ms = stamp.boot_id, self.offset_ms()
            self._guard(lambda: self._kept.save(tip, self._at_s(stamp)))

    def _guard(self, judge: Callable[[], Iterable[Made]]) -> list[NewRecord]:
        """The records of what `judge` gives; none from its first fault on."""
        if self.failed:
            return []
        try:
            made = [NewRecord(kind, body, Urgency.AT_ONCE) for kind, body in judge()]
        except Exception as error:
            self.failed = True
            LOG.exception("the judging of alerts failed; none is judged until the next start")
            text = f"{type(error).__name__}: {error}"
            return [NewRecord(Kind.EVENT, {"what": "alerts not judged", "text": text})]
        self._changed |= bool(made)
        for one in made:
            assert isinstance(one.body, Mapping)
            _log(one.body)
        return made

    # -- over a restart

    def _restore(self, stamp: Stamp) -> Iterable[Made]:
        tip, kept = self.store.last(), self._kept.restore()
        found: dict[Key, Made] = {}
        told: set[Key] = set()
        if tip is not None:
            begin = max(tip.number - REPLAY_SEALS_MAX + 1, self.store.first_number() or FIRST_NUMBER)
            first = max(kept + 1, begin)
            for seal in read_tail(self.store, first) if first <= tip.number else ():
                for record in seal.decode():
                    self._replay(record, seal.header, found, told)
        for record in self.unsealed:
            self._replay(record, None, found, told)
        return [
            *(made for key, made in found.items() if key not in told),
            *self.bench.advance(self._at_s(stamp)),
        ]

    def _replay(
        self,
        record: Record | ReadingRecord,
        header: SealHeader | None,
        found: dict[Key, Made],
        told: set[Key],
    ) -> None:
        at_s = self._dating.date_s(record, header)
        made: Iterable[Made] = ()
        if isinstance(record, ReadingRecord):
            setup = self.setups.get(record.meter)
            same = setup is not None and setup.model.hash[:MODEL_ID_BYTES] == record.model
            if same and record.quality is Quality.GOOD:
                made = self._read(record.meter, record.group, record.blocks, at_s)
        elif record.kind in {Kind.BOOT, Kind.CLOCK}:
            boot_id = record.body.get("boot_id", self._dating.boot_id) if header is None else header.boot_id
            self._dating.note(record, boot_id)
        elif record.kind is Kind.ORDER:
            made = self.bench.take_order(record.body, at_s)
        elif record.kind is Kind.EPISODE:
            self.bench.take_episode(record.body)
        elif record.kind in _FIGURES:
            told.add(_key(record.body))
        found.update({_key(body): (kind, body) for kind, body in made})


def _key(body: Mapping[str, Any]) -> Key:
    return tuple(body.get(name) for name in _TOLD)


def _log(body: Mapping[str, Any]) -> None:
    if body["what"] == "final":
        LOG.info("alert %s, line %s: %s", body["order"], body["line"] or "-", body["verdict"])
    elif body["what"] == "baseline":
        LOG.info("alert %s, line %s: the baseline is frozen", body["order"], body["line"])
