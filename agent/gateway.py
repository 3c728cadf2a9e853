"""The gateway's core: readings in, sealed records out. Pure but for the store it is given.

One thread calls it, with the time as an argument:

    start(stamp, now_s)     recover the chain and the detector; BOOT and manifest are sealed at once
    reading(reading)        one answer of one meter
    mqtt(event, now_s)      what the connection reports
    tick(stamp, now_s)      detect, seal what is due, send what is due, prune what is receipted
    stop(stamp, now_s)      seal the rest

A kill at any instant loses at most the records that wait for a seal (`Sealing`), which nobody has been
told of. Seals are made every `seal.interval_s`, at once for an episode, and when the records fill one.

When the centre's own signature says that it holds a seal which this disk has not, the disk was rolled
back: nothing is sealed any more, and the process ends with the wish for a re-key; the receipt that
proves it is kept.

`now_s` is real time, for the network and the disk; `stamp` is the plant's.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from attrs import define, field

from agent.detect.episode import Episode, Severity
from agent.detect.warning import PlantWarning
from agent.host.health import read_health
from agent.inbox import CHECKPOINT as INBOX_CHECKPOINT
from agent.inbox import SEALS_LOOKED_AT, Inbox
from agent.judging.checkpoints import ROWS_AT_ONCE, Checkpoints
from agent.judging.detector_feed import NS_PER_MS, DetectorFeed
from agent.sealing.attesting import Attesting
from agent.sealing.chain import DiskError, Sealing
from agent.sealing.quota import Level
from agent.sealing.recovery import Recovery, Start
from agent.sealing.sealer import Sealer
from agent.site.file import Site
from agent.site.manifest import manifest_bodies
from agent.status.bus_figures import BusFigures, heartbeat
from agent.store.gateway import GatewayStore
from agent.tamper.behaviour import Behaviour
from agent.tamper.settings import Tamper
from agent.uplink.courier import Courier
from drivers.clock import NS_PER_S, Stamp
from drivers.reading import PollGroup, Quality, Reading
from evidence.record import Kind, encode_reading
from evidence.seal import FIRST_NUMBER, NO_HASH, StoredSeal
from wire.mqtt_events import Connected, Disconnected, MqttEvent

T = TypeVar("T")

LOG: Final = logging.getLogger("dianjian.gateway")

CHECKPOINT_INTERVAL_S: Final = 300.0
"""The detector's memory costs a few kB; a restart reads at most this much of the chain again."""
CLOCK_STEP_MS: Final = 2000
"""A wall clock that departs from the time since boot by more than this was set by somebody."""
CLOCK_SLEW: Final = 600e-6
"""What is still drift and no step: the kernel slews by 500 ppm, and crystals add to it."""
EPISODES_KEPT: Final = 100
"""For the status view; all of them are in the chain."""


REKEY_WORDS: Final = "a new key is needed: dianjian-agent rekey, with the recovery key"


class RekeyError(Exception):
    """Keys and database do not belong together: a new key is needed."""


def silent(_: Mapping[str, Any]) -> None:
    """Where the plant has no ear of its own."""


@define
class Gateway:
    """The decisions of the module's specification, over a store that keeps its word.

    Attributes:
        site: The site file.
        version: Of this software, for the manifest.
        hear: Takes early warnings to the plant; must not wait.
        attesting: Has a TPM attest the chain, where there is one.
        inbox: Brings what setup has for the chain.
        figures: How the buses do at this moment.
        episodes: The latest ones, each in its last state.
        connected: The broker is there.
        readings: The last reading of each meter and poll group.
        ahead_ms: By how much the wall clock was ahead of the centre's at its last beacon, None before one.
    """

    site: Site
    version: str
    sealer: Sealer
    store: GatewayStore
    courier: Courier
    detector_feed: DetectorFeed
    hear: Callable[[Mapping[str, Any]], None] = silent
    attesting: Attesting | None = None
    inbox: Inbox | None = None
    figures: Callable[[], Sequence[BusFigures]] = tuple
    episodes: list[Episode] = field(factory=list, init=False)
    connected: bool = field(default=False, init=False)
    readings: dict[str, dict[PollGroup, Reading]] = field(factory=dict, init=False)
    ahead_ms: int | None = field(default=None, init=False)
    _stopped: bool = field(default=False, init=False)
    _silent: set[tuple[str, PollGroup]] = field(factory=set, init=False)
    _broker_word: str = field(default="", init=False)
    _heartbeat_ns: int = field(default=0, init=False)
    _heartbeat_figures: dict[str, BusFigures] = field(factory=dict, init=False)
    _checkpoint_ns: int = field(default=0, init=False)
    _clock_ms: float | None = field(default=None, init=False)
    _clock_ns: int = field(default=0, init=False)
    _blind: bool = field(default=False, init=False)
    _exhausted: bool = field(default=False, init=False)
    _checkpoints: Checkpoints = field(init=False)
    _tamper: Tamper = field(init=False)
    _behaviour: Behaviour = field(init=False)
    _sealing: Sealing = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._tamper = Tamper(self.detector_feed.setups)
        self._behaviour = Behaviour(
            self.detector_feed.setups, {meter.id: meter.bus for meter in self.site.meter}
        )
        self._checkpoints = Checkpoints(self.store, self.detector_feed, self._tamper, self._behaviour)
        self._sealing = Sealing(self.sealer, self.store, self.courier, self.site.seal.interval_s)

    def start(self, recovery: Recovery, stamp: Stamp, now_s: float) -> None:
        """Go on where the chain ends; `recovery` is what the sealer has found.

        Raises:
            RekeyError: It cannot go on.
        """
        if recovery.start is Start.REKEY:
            raise RekeyError(f"{recovery.reason}: {REKEY_WORDS}")
        LOG.info("start: %s, next seal %d", recovery.start, recovery.number)
        self._checkpoints.recall()
        if self.inbox:
            self.inbox.recall(self.store.checkpoint(INBOX_CHECKPOINT), self._last_seals)
        self.episodes = self._checkpoints.episodes()
        self.courier.resume(now_s)
        self._refuse_rollback()
        offset_ms = self.detector_feed.boot(stamp)
        boot = {
            "boot_id": stamp.boot_id,
            "offset_ms": offset_ms,
            "start": recovery.start.value,
            "version": self.version,
        }
        self._put(Kind.BOOT, stamp, boot, urgent=True)
        feed = self.detector_feed
        for body in manifest_bodies(self.site, feed.setups, feed.linkages, feed.incomer, self.version, stamp):
            self._put(Kind.MANIFEST, stamp, body)
        if self.store.salvage is not None:
            LOG.warning("database salvaged: %s", self.store.salvage)
            self._event(stamp, {"what": "database salvaged", "text": str(self.store.salvage)})
        for first, last in self.store.holes():
            LOG.error("seals %d to %d are missing on this disk", first, last)
            self._event(stamp, {"what": "seals missing", "first": first, "last": last})
        for number in self._checkpoints.damaged:
            self._sealing.damaged(number, stamp)
        self._checkpoint_ns = self._heartbeat_ns = stamp.boottime_ns
        self.tick(stamp, now_s)

    def reading(self, reading: Reading) -> None:
        """One answer of one meter, or the word that there was none."""
        self.readings.setdefault(reading.meter, {})[reading.group] = reading
        self._quality_changed(reading)
        if self._sealing.level < Level.ESSENTIAL:
            self._sealing.put_record(encode_reading(reading))
        self._guarded(lambda: self.detector_feed.reading(reading), None, reading.stamp)
        none: list[dict[str, Any]] = []
        for body in self._guarded(lambda: self._shown(reading), none, reading.stamp):
            LOG.warning("meter %s: %s, %s", body["meter"], body["what"], body["point"])
            self._put(Kind.TAMPER, reading.stamp, body, urgent=True)

    def _shown(self, reading: Reading) -> list[dict[str, Any]]:
        return [*self._tamper.look(reading), *self._behaviour.look(reading)]

    def mqtt(self, event: MqttEvent, stamp: Stamp, now_s: float) -> None:
        """What the connection reports.

        Raises:
            RekeyError: The centre proves that this disk was rolled back.
        """
        if isinstance(event, Connected | Disconnected):
            self.connected = isinstance(event, Connected)
            word = event.reason if isinstance(event, Disconnected) else "connected"
            if word != self._broker_word:  # the same failure again and again is one line
                LOG.info("broker: %s", word)
            self._broker_word = word
        for body in self.courier.handle(event, now_s):
            LOG.warning("%s on %s: %s", body["what"], body["topic"], body.get("text", body.get("code")))
            self._event(stamp, body)
        beacon_ms = self.courier.take_beacon_ms()
        if beacon_ms is not None:
            self.ahead_ms = stamp.utc_ns // NS_PER_MS - beacon_ms
        self._refuse_rollback()
        self.courier.tick(now_s)

    def tick(self, stamp: Stamp, now_s: float) -> None:
        """Everything that time brings.

        Raises:
            DiskError: End the process.
        """
        if not self._stopped:
            self._work(stamp, now_s)
        self.courier.tick(now_s)

    def _work(self, stamp: Stamp, now_s: float) -> None:
        self._check_clock(stamp)
        self._found(self._guarded(lambda: self.detector_feed.advance(stamp), [], stamp), stamp)
        none: list[PlantWarning] = []
        for warned in self._guarded(self.detector_feed.warnings, none, stamp):
            self._warn(warned)
        for kind, body in self.attesting.look(stamp, self._tip) if self.attesting else ():
            self._put(kind, stamp, body)
        if self.inbox and not self.sealer.unsettled:
            for kind, body in self.inbox.look(stamp):
                self._put(kind, stamp, body, urgent=True)
        for body in self.courier.events():
            LOG.error("%s: %s", body["what"], body["text"])
            self._event(stamp, body)
        for number in self.courier.take_damaged():
            self._sealing.damaged(number, stamp)
        if stamp.boottime_ns - self._heartbeat_ns >= self.site.seal.heartbeat_s * NS_PER_S:
            self._heartbeat_ns = stamp.boottime_ns
            self._put(Kind.HEARTBEAT, stamp, self._heartbeat(stamp))
        if self._sealing.is_due(stamp):
            self._seal(stamp, now_s)

    def stop(self, stamp: Stamp, now_s: float) -> None:
        """Seal what is pending, so that an orderly end loses nothing; from now on `tick` only sends.

        Raises:
            DiskError: It could not be sealed.
        """
        self._work(stamp, now_s)
        self._stopped = True
        if self._sealing.waits:
            self._seal(stamp, now_s)
        if self._sealing.waits:
            raise DiskError("the last records could not be sealed; the start repairs the chain")
        if not self._blind:
            self._checkpoints.save(self._sealing.tip)
        self._checkpoints.save_meters()
        self.store.flush()
        self.courier.tick(now_s)

    def _refuse_rollback(self) -> None:
        if self.courier.status().stopped:
            words = "the centre holds seals that this disk has not: it was rolled back"
            raise RekeyError(f"{words}; {REKEY_WORDS}")

    def _check_clock(self, stamp: Stamp) -> None:
        ahead_ms = (stamp.utc_ns - stamp.boottime_ns) // NS_PER_MS
        step_ms = self._step_ms(ahead_ms, stamp)
        dated = self._guarded(lambda: self.detector_feed.redate(stamp), None, stamp)
        if not step_ms and dated is None:
            return
        self._clock_ms = ahead_ms
        body: dict[str, Any] = {"step_ms": step_ms, "state": stamp.clock_state.value}
        if dated is not None:  # what this boot has told before is to be read with the new offset
            body |= {"was_offset_ms": dated[0], "offset_ms": dated[1]}
        self._put(Kind.CLOCK, stamp, body)
        LOG.warning("the wall clock was set by %d ms", step_ms)

    def _step_ms(self, ahead_ms: int, stamp: Stamp) -> int:
        """By how much somebody set the wall clock; what a clock may drift is followed and is 0."""
        slew_ms = (stamp.boottime_ns - self._clock_ns) / NS_PER_MS * CLOCK_SLEW
        self._clock_ns = stamp.boottime_ns
        if self._clock_ms is None:
            self._clock_ms = ahead_ms
        step_ms = ahead_ms - self._clock_ms
        if abs(step_ms) > CLOCK_STEP_MS + slew_ms:
            return round(step_ms)
        self._clock_ms += min(max(step_ms, -slew_ms), slew_ms)
        return 0

    def _found(self, episodes: Sequence[Episode], stamp: Stamp) -> None:
        for episode in episodes:
            self.episodes = [*(old for old in self.episodes if old.id != episode.id), episode][
                -EPISODES_KEPT:
            ]
            self._put(Kind.EPISODE, stamp, episode.to_body(), urgent=True)
            level = logging.WARNING if episode.severity is Severity.VIOLATION else logging.INFO
            LOG.log(
                level, "%s %s %s: %s", episode.linkage, episode.rule, episode.state, episode.sentence["en"]
            )
        if episodes:
            self._checkpoints.save_episodes(self.episodes)

    def _warn(self, warned: PlantWarning) -> None:
        if self.site.warning.log:
            LOG.warning("early warning: %s", warned.sentence["en"])
        self.hear(warned.to_body())

    def _guarded(self, look: Callable[[], T], nothing: T, stamp: Stamp) -> T:
        """What `look` at the detector gives; a fault in there ends the judging, never the chain."""
        if self._blind:
            return nothing
        try:
            return look()
        except Exception as error:
            self._blind = True
            LOG.exception("the detector failed; nothing is judged until the next start")
            self._event(stamp, {"what": "detector failed", "text": f"{type(error).__name__}: {error}"})
            return nothing

    def _quality_changed(self, reading: Reading) -> None:
        """Note when a group of a meter fails and when it is back; each bad reading has its own reason.

        By group, because a meter that refuses one of them would else fall silent and return for ever.
        """
        group = reading.meter, reading.group
        good, was_good = reading.quality is Quality.GOOD, group not in self._silent
        if good == was_good:
            return
        if good:
            self._silent.discard(group)
        else:
            self._silent.add(group)
        LOG.info("meter %s, %s: %s", *group, reading.reason or "answers again")
        body = {"what": "meter", "meter": reading.meter, "good": good, "text": reading.reason}
        body["group"] = reading.group.value
        self._event(reading.stamp, body)

    def _tip(self) -> tuple[int, bytes] | None:
        """The last seal and its hash."""
        number = self._sealing.tip
        if number < FIRST_NUMBER:
            return number, NO_HASH
        digest = self.store.hash_of(number)
        return None if digest is None else (number, digest)

    def _last_seals(self) -> Iterator[StoredSeal]:
        first = max(self._sealing.tip - SEALS_LOOKED_AT + 1, FIRST_NUMBER)
        while rows := self.store.rows(first, ROWS_AT_ONCE):
            yield from rows
            first = rows[-1].number + 1

    def _heartbeat(self, stamp: Stamp) -> dict[str, Any]:
        health, delivery = read_health(), self.courier.status()
        if health.exhausted != self._exhausted:
            self._exhausted = health.exhausted
            text = f"{health.descriptors} of {health.descriptors_max} are open"
            LOG.log(logging.ERROR if health.exhausted else logging.INFO, "descriptors: %s", text)
            self._event(stamp, {"what": "descriptors", "good": not health.exhausted, "text": text})
        figures = self.figures()
        buses = heartbeat(figures, self._heartbeat_figures)
        self._heartbeat_figures = {one.id: one for one in figures}
        return {
            "receipted": delivery.received,
            "backlog": delivery.backlog,
            "connected": self.connected,
            "used": round(self.store.used_fraction(), 4),
            "resident_bytes": health.resident_bytes,
            "threads": health.threads,
            "descriptors": health.descriptors,
            "judging": not self._blind,
            "silent": sorted({meter for meter, _ in self._silent}),
            "buses": buses,
        }

    def _event(self, stamp: Stamp, body: Mapping[str, Any]) -> None:
        self._put(Kind.EVENT, stamp, body)

    def _put(self, kind: Kind, stamp: Stamp, body: Mapping[str, Any], *, urgent: bool = False) -> None:
        self._sealing.put(kind, stamp, body, urgent=urgent)

    def _seal(self, stamp: Stamp, now_s: float) -> None:
        self._sealing.keep_from = None if self._blind else self._checkpoints.saved_up_to
        if self._tamper.news or self._behaviour.news:  # with the seal that tells of it
            self._checkpoints.save_meters()
        if not self._sealing.seal(stamp, now_s):
            return
        if self.inbox and (entries := self.inbox.sealed()) is not None:
            self.store.put_checkpoint(INBOX_CHECKPOINT, entries)
        if self._blind:
            return
        if (
            self._checkpoints.anew
            or stamp.boottime_ns - self._checkpoint_ns >= CHECKPOINT_INTERVAL_S * NS_PER_S
        ):
            self._checkpoint_ns, self._checkpoints.anew = stamp.boottime_ns, False
            self._checkpoints.save(self._sealing.tip)
            self._checkpoints.save_meters()
