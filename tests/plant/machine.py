"""The gateway as a machine that can die: processes of the real agent, one after the other, on one disk.

A process ends as the real one does: the power is cut, the agent gives up (`DiskError`, `KeySlotsError`,
…: exit 3) and is started again after RESTART_S, it asks for a new enrolment (`RekeyError`: exit 4) and
is not started again, or it is told to stop. Any other exception is a mistake of the product and fails
the seed. The `Ledger` keeps what every life was given and what it acknowledged.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import define, field

from agent.build import core_of, detector_feed_of, outbox_of
from agent.gateway import Gateway, RekeyError
from agent.overview import StatusParts
from agent.sealing.chain import DiskError
from agent.sealing.key_slots import KeySlots, KeySlotsError
from agent.sealing.quota import Level
from agent.sealing.recovery import Recovery, Start
from agent.sealing.sealer import Sealer, SealingStoppedError
from agent.site.file import Site
from agent.spool.spool import Spool
from agent.store.gateway import GatewayStore
from agent.uplink.courier import Courier
from disk.database import CommitError, StoreError
from drivers.clock import Stamp
from evidence.cbor import FormatError
from evidence.receipt import open_receipt
from evidence.record import encode_reading
from evidence.seal import StoredSeal, peek_header
from tests.faults.invariants import Witness
from tests.plant.clock import VirtualClock
from tests.plant.disk import DATABASE, KEYS, Disk, PowerCutError
from tests.plant.network import TOPICS, Broker, Link
from tests.plant.story import CENTRE_KEY, GATEWAY, Story
from wire import messages
from wire.messages import Kind
from wire.mqtt_events import Message

RESTART_S: Final = 2.0
"""RestartSec of the unit."""
BOOT_S: Final = 45.0
"""A machine without power comes up again after so long, or longer."""
EXIT_3: Final = (DiskError, StoreError, CommitError, KeySlotsError, OSError)
EXIT_4: Final = (RekeyError, SealingStoppedError)


@define
class Ledger:
    """What the lives were given, and what they said that they had done.

    Attributes:
        records: The records of every seal that was signed, by seal hash.
        given: Readings that some life was given and has not acknowledged yet, by record.
        owed: Readings that waited when a life ended, and that its successor has to seal.
        excused: Readings that waited when a life ended, and that the power took, or a change of the key.
        unkept: Readings that the agent did not keep because the disk was nearly full.
        vanished: Readings that are in no seal and had no excuse.
        forged: Messages of this life that were to be rejected.
    """

    witness: Witness = field(factory=Witness)
    records: dict[bytes, tuple[bytes, ...]] = field(factory=dict)
    numbers: dict[int, bytes] = field(factory=dict)
    given: dict[bytes, None] = field(factory=dict)
    owed: dict[bytes, None] = field(factory=dict)
    taken: int = 0
    excused: int = 0
    vanished: int = 0
    unkept: int = 0
    forged: int = 0
    sealed: int = 0

    def made(self, seal: StoredSeal, records: Sequence[bytes]) -> None:
        """`Sealer.seal` has returned."""
        self.witness.acknowledged(seal.number, seal.hash)
        self.numbers[seal.number] = seal.hash
        self.records[seal.hash] = tuple(records)
        self.witness.rejections += self.forged
        self.forged = 0
        self.sealed += 1
        for record in records:
            if self.given.pop(record, 0) is None or self.owed.pop(record, 0) is None:
                self.taken += 1

    def record_receipt(self, payload: bytes) -> None:
        """A message came on the receipt's topic; whoever forges one names no receipt."""
        with suppress(FormatError):
            receipt = open_receipt(payload, CENTRE_KEY)
            if receipt.gateway == GATEWAY and receipt.number:
                self.witness.receipted(receipt.number, receipt.seal_hash)

    def died(self, waiting: Sequence[bytes], lost: int) -> None:
        """A life ended; these records waited for a seal, in memory or in a commit without result.

        `lost` more found no room in memory, and a GAP record was to tell of them.
        """
        self.forged = 0
        for record in waiting:
            if self.given.pop(record, 0) is None:
                self.owed[record] = None
        self.vanished += max(len(self.given) - lost, 0)
        self.given.clear()

    def power_lost(self) -> None:
        """What was in memory is gone."""
        self.excused += len(self.owed)
        self.owed.clear()


class WatchedSealer(Sealer):
    """The real one, with every word of it on the ledger."""

    ledger: Ledger
    making: tuple[bytes, ...] = ()

    def seal(self, records: Sequence[bytes], stamp: Stamp, reference: bytes = b"") -> StoredSeal:
        self.making = tuple(records)
        return super().seal(records, stamp, reference)

    def settle(self) -> StoredSeal:
        made = super().settle()
        self.ledger.made(made, self.making)
        self.making = ()
        return made


@define
class Process:
    """One life of the agent."""

    gateway: Gateway
    parts: StatusParts
    link: Link
    sealer: WatchedSealer
    slots: KeySlots
    store: GatewayStore
    recovery: Recovery

    def waiting(self) -> list[bytes]:
        """Records that no returned seal has."""
        return [*self.sealer.making, *self.gateway.sealing._pending._records]

    def let_go(self) -> None:
        """What the kernel closes when a process ends; nothing is written."""
        self.store._database.close()
        self.store._lock.release()
        self.slots.close()


@define
class Machine:
    """See the module.

    Attributes:
        up_at_s: It is not started before this.
        refused: Why it is not started again at all: the text of its RekeyError.
        starts, ends: How each life began and ended.
        lost_spans: Seals that the disk had lost at some start.
        begun_anew: Starts at which the detector could not go on where it was.
        enrol: Told of the first key.
        between: What strikes between the end of a life and the next start.
        fed: When the agent lived through a turn, on the story's clock.
    """

    site: Site
    story: Story
    disk: Disk
    clock: VirtualClock
    broker: Broker
    rng: random.Random
    quota_bytes: int
    template: Path
    ledger: Ledger = field(factory=Ledger)
    process: Process | None = None
    up_at_s: float = 0.0
    refused: str = ""
    ends: list[str] = field(factory=list)
    starts: list[str] = field(factory=list)
    lost_spans: list[tuple[int, int]] = field(factory=list)
    salvages: int = 0
    begun_anew: int = 0
    sent: int = 0
    connects: int = 0
    enrol: Callable[[bytes], None] = lambda _: None
    between: list[Callable[[], None]] = field(factory=list)
    fed: dict[float, None] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        (self.disk.folder / DATABASE).write_bytes(self.template.read_bytes())

    @property
    def remembers(self) -> bool:
        """Whether the agent could read again at each start what it had judged: no record was lost to it.

        Else it may tell an episode again, or see a gap where the centre has readings.
        """
        return not (self.begun_anew or self.lost_spans or self.salvages)

    @property
    def now_s(self) -> float:
        return self.clock.boottime_s

    def turn(self, before_s: float) -> None:
        """Let the agent live until now."""
        try:
            if self.process is None:
                if self.refused or self.clock.true_s < self.up_at_s:
                    return
                self._start()
            self._live(before_s)
        except PowerCutError:
            self._dead("cut", RESTART_S)
        except EXIT_4 as error:
            self.refused = f"{error}"
            self._dead("exit 4", 0.0)
        except EXIT_3 as error:
            self._dead(f"exit 3 {type(error).__name__}", RESTART_S)

    def kill(self, down_s: float = RESTART_S) -> None:
        """SIGKILL or a power cut between two write steps."""
        if self.process is not None:
            self.disk.cut()
            self._dead("killed", down_s)

    def stop(self) -> None:
        """SIGTERM: everything that waits is sealed."""
        process = self.process
        if process is None:
            return
        try:
            process.gateway.stop(self.clock.stamp(), self.now_s)
            process.store.flush()
        except PowerCutError:
            self._dead("cut", RESTART_S)
        except EXIT_3 as error:
            self._dead(f"exit 3 {type(error).__name__}", RESTART_S)
        else:
            self._dead("stopped", RESTART_S)

    def _live(self, before_s: float) -> None:
        assert self.process is not None
        process, clock = self.process, self.clock
        gateway = process.gateway
        for reading in self.story.readings(
            before_s, clock.story_s, clock.stamp(), process.parts.judging.feed.setups
        ):
            if gateway.sealing.level < Level.ESSENTIAL:
                self.ledger.given[encode_reading(reading)] = None
            else:
                self.ledger.unkept += 1
            gateway.reading(reading)
        process.link.turn(self.now_s)
        while process.link.events:
            event = process.link.events.popleft()
            if isinstance(event, Message) and event.topic == TOPICS.receipt:
                self.ledger.record_receipt(event.payload)
            gateway.mqtt(event, clock.stamp(), self.now_s)
        gateway.tick(clock.stamp(), self.now_s)
        self.fed[clock.story_s] = None
        if gateway.courier.outbox.wants_reconnect(self.now_s):
            process.link.reconnect(self.now_s)

    def _start(self) -> None:
        for act in self.between:
            act()
        self.between.clear()
        process = self._built()
        self.process = process
        self.starts.append(process.recovery.start.value)
        if process.recovery.start is Start.NEW:
            self.enrol(process.recovery.next_key)
        if process.recovery.lost:
            self.lost_spans.append(process.recovery.lost)
        self.salvages += process.store.salvage is not None
        process.gateway.start(process.recovery, self.clock.stamp(), self.now_s)
        self.begun_anew += process.parts.judging.checkpoints.anew

    def _built(self) -> Process:
        """As `agent.build` does it, on this disk and with this link."""
        folder = self.disk.folder
        slots = KeySlots(folder / KEYS)
        hint = max((slot.number for slot in slots.load()), default=None) if slots.exists() else None
        store = GatewayStore(folder / DATABASE, self.quota_bytes, newest_hint=hint)
        try:
            return self._around(slots, store)
        except BaseException:  # as the end of a process does
            store._database.close()
            store._lock.release()
            slots.close()
            raise

    def _around(self, slots: KeySlots, store: GatewayStore) -> Process:
        site = self.site
        spool = Spool(self.disk.root / "spool", self.clock.stamp().boot_id)
        sealer = WatchedSealer(GATEWAY, slots, store, spool)
        sealer.ledger = self.ledger
        recovery = sealer.recover()
        if spool.refused:
            self.ledger.power_lost()
        outbox = outbox_of(TOPICS, store, recovery)
        link = Link(self.broker, self._on_wire, self.rng)
        courier = Courier(
            outbox, store, TOPICS, CENTRE_KEY, link.publish, messages.encode_state(online=True, details={})
        )
        gateway, parts = core_of(site, detector_feed_of(site), sealer, store, recovery, courier)
        return Process(gateway, parts, link, sealer, slots, store, recovery)

    def _dead(self, how: str, down_s: float) -> None:
        self.ends.append(how)
        self.up_at_s = max(self.clock.true_s + down_s, self.up_at_s)
        self.story.forget_late()
        process, self.process = self.process, None
        if process is not None:
            self.sent += process.link.sent
            self.connects += process.link.connects
            self.ledger.died(process.waiting(), process.gateway.sealing._pending.lost)
            process.let_go()

    def _on_wire(self, topic: str, payload: bytes) -> None:
        """Whatever leaves the machine is acknowledged by that."""
        assert self.process is not None
        kind = messages.parse_topic(topic)[1]
        coses: Sequence[bytes] = ()
        if kind is Kind.SEAL:
            coses = [messages.decode_seal(payload).seal]
        elif kind is Kind.CHAIN:
            coses = messages.decode_chain(payload)
        for cose in coses:
            self.ledger.witness.published(cose, peek_header(cose).number)
