"""The gateway's core: readings and time in, sealed records out. Pure but for the store it is given.

One thread calls it, with the time as an argument:

    start(recovery, stamp, now_s)   start every source; their records are sealed at once
    reading(reading, record)        one answer of one meter
    mqtt(event, stamp, now_s)       what the connection reports
    tick(stamp, now_s)              take what is due from the sources, seal, send, prune what is receipted
    stop(stamp, now_s)              seal the rest

The sources (`agent.sealing.source`) decide what becomes a record, and their order is that of the records;
`agent.build` lists them. A kill at any instant loses nothing: records that wait for a seal are in the spool
(`agent.spool`), and the next start seals them before its own. A power cut loses those, none of which has
been sent. Seals are made every `seal.interval_s`, at once for an urgent record, and when the records fill
one.

When the centre's signature proves that it holds a seal which is not on this disk, the disk was rolled back:
nothing more is sealed, and the process ends asking for a re-key; the receipt that proves it is kept.

`now_s` is real time, for the network and the disk; `stamp` is the plant's.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import define, field

from agent.sealing.chain import DiskError, Sealing
from agent.sealing.recovery import Recovery, Start
from agent.sealing.source import NewRecord, RecordSource
from agent.uplink.courier import Courier
from drivers.clock import Stamp
from drivers.reading import Reading
from evidence.record import encode_reading
from wire.mqtt_events import MqttEvent

LOG: Final = logging.getLogger("dianjian.gateway")

NEW_KEY_NEEDED: Final = "a new key is needed: dianjian-agent rekey, with the recovery key"


class RekeyError(Exception):
    """Keys and database do not belong together: a new key is needed."""


@define(eq=False, repr=False)
class Gateway:
    """See the module.

    Attributes:
        sealing: Makes seals of the records.
        courier: Sends what is sealed, and takes what the connection reports.
        sources: In the order in which they are called.
    """

    sealing: Sealing
    courier: Courier
    sources: Sequence[RecordSource]
    _reading_sources: Sequence[RecordSource] = field(init=False)
    _stopped: bool = field(default=False, init=False)

    @_reading_sources.default
    def _find_reading_sources(self) -> list[RecordSource]:
        """Those that have the hook: it is called a hundred times a second."""
        nothing = RecordSource.on_reading
        return [source for source in self.sources if type(source).on_reading is not nothing]

    def start(self, recovery: Recovery, stamp: Stamp, now_s: float) -> None:
        """Continue where the chain ends; `recovery` is what the sealer has found.

        Raises:
            RekeyError: It cannot go on.
        """
        if recovery.start is Start.REKEY:
            raise RekeyError(f"{recovery.reason}: {NEW_KEY_NEEDED}")
        LOG.info("start: %s, next seal %d", recovery.start, recovery.number)
        self.courier.resume(now_s)
        self._refuse_rollback()
        self.sealing.take_up()
        for source in self.sources:
            self._put(source.start(stamp), stamp)
        self.tick(stamp, now_s)

    def reading(self, reading: Reading, record: bytes | None = None) -> None:
        """Take one answer of one meter, or its absence; `record` is its record if the spool has that."""
        if record is None:
            record = encode_reading(reading)
            self.sealing.sealer.spool.add(record)
        for source in self._reading_sources:
            for one in source.on_reading(reading, record):
                self.sealing.put(one, reading.stamp)

    def mqtt(self, event: MqttEvent, stamp: Stamp, now_s: float) -> None:
        """Take what the connection reports.

        Raises:
            RekeyError: The centre proves that this disk was rolled back.
        """
        self._put(self.courier.handle(event, stamp, now_s), stamp)
        self._refuse_rollback()
        self.courier.tick(now_s)

    def tick(self, stamp: Stamp, now_s: float) -> None:
        """Take what is due, seal and send; after `stop`, only send.

        Raises:
            DiskError: End the process.
        """
        if not self._stopped:
            self._take_due(stamp, now_s)
        self.courier.tick(now_s)

    def stop(self, stamp: Stamp, now_s: float) -> None:
        """Seal what is pending, so that an orderly end loses nothing; from now on `tick` only sends.

        Raises:
            DiskError: It could not be sealed.
        """
        self._take_due(stamp, now_s)
        self._stopped = True
        if self.sealing.waits:
            self._seal(stamp, now_s)
        if self.sealing.waits:
            raise DiskError("the last records could not be sealed; the next start repairs the chain")
        for source in self.sources:
            source.on_stop(self.sealing.tip)
        self.sealing.store.flush()
        self.courier.tick(now_s)

    def _take_due(self, stamp: Stamp, now_s: float) -> None:
        for source in self.sources:
            self._put(source.due(stamp), stamp)
        if self.sealing.is_due(stamp):
            self._seal(stamp, now_s)

    def _put(self, records: Iterable[NewRecord], stamp: Stamp) -> None:
        for record in records:
            self.sealing.put(record, stamp)

    def _seal(self, stamp: Stamp, now_s: float) -> None:
        if self.sealing.seal(stamp, now_s):
            for source in self.sources:
                source.on_sealed(stamp, self.sealing.tip)

    def _refuse_rollback(self) -> None:
        if self.courier.outbox.is_stopped:
            problem = "the centre holds seals that this disk has not: it was rolled back"
            raise RekeyError(f"{problem}; {NEW_KEY_NEEDED}")
