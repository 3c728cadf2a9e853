"""Builds the agent from a site file; only this module decides which class is used where."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, frozen

from agent.acquire import APART_S, BusTask
from agent.care.caring import Care
from agent.care.diagnosing import Diagnosing
from agent.care.gathering import DIAGNOSES_NAME, Gathering, Log
from agent.curtailment.curtailing import Curtailing
from agent.detect.detector import Detector
from agent.gateway import Gateway
from agent.host.boot import Boot
from agent.host.clock import WallClock
from agent.host.heartbeat import Heartbeat
from agent.host.standstill import Standstill
from agent.inbox import FILES_NAME, INBOX_NAME, Inbox
from agent.judging.checkpoints import BEHAVIOUR, METERS, Check, Checkpoints
from agent.judging.detector_feed import DetectorFeed
from agent.judging.judging import Judging
from agent.judging.taken_up import decode_taken_up
from agent.learned import Learning, read_learned
from agent.logger_keys import give_keys
from agent.marks.closing import Closing
from agent.marks.marking import Marking
from agent.orders.notices import Notices
from agent.orders.orders import Orders
from agent.overview import StatusParts, overview
from agent.readings import Delivered, Readings
from agent.sealing.attesting import Attesting
from agent.sealing.chain import Sealing
from agent.sealing.opening import open_chain
from agent.sealing.recovery import Recovery
from agent.sealing.sealer import Sealer
from agent.sealing.source import NewRecord
from agent.sealing.statements import in_force, read_statements
from agent.sealing.tpm_task import TpmTask
from agent.site.books import bench_of
from agent.site.file import ConfigError, Site
from agent.site.linkages import find_hold_s, incomer_of, linkages_of, names_of
from agent.site.manifest import check_manifest, manifest_bodies
from agent.site.setups import lines_of, setups_of
from agent.site.webhook_url import parse_webhook
from agent.spool.spool import Spool
from agent.status.bus_desk import BusSocket, Desk
from agent.status.bus_figures import BusFigures
from agent.status.socket import StatusSocket
from agent.store.archiving import Archiver, ArchiveTask
from agent.store.gateway import GatewayStore, read_seals_from
from agent.store.names import DATABASE_NAME
from agent.tamper.behaviour import Behaviour
from agent.tamper.settings import Tamper
from agent.uplink.courier import Courier
from agent.uplink.files import FilesOut
from agent.uplink.outbox import Outbox
from agent.uplink.renewing import Renewing
from agent.uplink.settings import mqtt_settings
from disk.version import read_version
from drivers.clock import Clock, Stamp
from drivers.link.bus_url import parse_url
from drivers.poll.learned import LearnedBus
from drivers.poll.setup import MeterSetup
from drivers.reading import Reading
from evidence.record import encode_reading
from wire import messages
from wire.messages import Topics
from wire.mqtt_events import Message, MqttEvent
from wire.publisher import Publisher

if TYPE_CHECKING:
    from agent.emissions.watching import Watching
    from agent.platforms.sending import Sending
    from agent.webhook import Webhook

WEBHOOK_STOP_S: Final = 4.0
"""At the end, for a warning that is being posted: a little more than its time-out."""

PLATFORMS_STOP_S: Final = 4.0
"""At the end, for the thread of HJ 212 to see it; what is not answered waits in its queue."""


@frozen
class Built:
    """A whole agent that has not started yet."""

    gateway: Gateway
    parts: StatusParts
    recovery: Recovery
    publisher: Publisher
    buses: tuple[BusTask, ...]
    status: StatusSocket
    guests: BusSocket
    renewing: Renewing
    webhook: "Webhook | None"
    tpm: TpmTask | None = None
    platforms: "Sending | None" = None
    archive: ArchiveTask | None = None
    watching: "Watching | None" = None

    def admit(self) -> None:
        """Serve guests of the buses, and who renews the certificate."""
        self.guests.admit()
        self.renewing.admit()

    def close(self) -> None:
        """Release what `build` acquired."""
        if self.webhook:
            self.webhook.stop(WEBHOOK_STOP_S)
        if self.platforms:
            self.platforms.stop(PLATFORMS_STOP_S)
        if self.watching:
            self.watching.end(PLATFORMS_STOP_S)
        if self.archive:
            self.archive.stop()
        self.status.close()
        self.gateway.sealing.sealer.spool.close()
        self.guests.close()
        self.renewing.close()
        self.gateway.sealing.store.close()


def tpm_task(site: Site) -> TpmTask | None:
    """The thread that calls the TPM of `site`; None without one.

    Raises:
        ConfigError: The site file has one, but its libraries are not installed.
    """
    if site.tpm is None:
        return None
    try:
        from agent.sealing.tpm import Tpm, TpmError  # noqa: PLC0415 -- an extra of the distribution
    except ImportError as error:
        problem = f"tpm: needs the extra: pip install dianjian-edge[tpm] ({error})"
        raise ConfigError(site.file, [problem]) from error
    return TpmTask(Tpm(site.tpm.tcti).attest, (TpmError,))


def outbox_of(topics: Topics, store: GatewayStore, recovery: Recovery) -> Outbox:
    """The outbox of a chain that was recovered: the rows before its first were pruned, so they are received.

    Seals that the disk lost but the key file has become rows with the next seal and already count as own.
    """
    first, last = store.first_number() or recovery.recovered or recovery.number, store.last()
    tip = last.number if last else first - 1
    return Outbox(topics, received=first - 1, tip=tip, proven=recovery.number - 1)


def detector_feed_of(site: Site) -> DetectorFeed:
    """The detector of `site` with its feed.

    Raises:
        ConfigError: Meters or linkages of the site file are wrong.
    """
    linkages = linkages_of(site)
    incomer = incomer_of(site, linkages)
    detector = Detector(linkages, incomer, names_of(site)) if linkages else None
    return DetectorFeed(
        detector,
        give_keys(site, setups_of(site)),
        lines_of(site),
        linkages,
        incomer,
        site.warning.after_s,
        find_hold_s(site),
    )


def _checks_of(site: Site, feed: DetectorFeed) -> dict[str, Check]:
    buses: dict[str, str] = {meter.id: meter.bus for meter in site.meter}
    return {METERS: Tamper(feed.setups), BEHAVIOUR: Behaviour(feed.setups, buses)}


def _least(*numbers: int | None) -> int | None:
    return min((number for number in numbers if number is not None), default=None)


def _take_order(orders: Orders, curtailing: Curtailing, message: Message, stamp: Stamp) -> list[NewRecord]:
    """The records that follow from a message about orders, with the baselines of an alert that came."""
    records = orders.take(message, stamp)
    return [*records, *curtailing.take_orders(records, stamp)]


def _store_figures(store: GatewayStore) -> dict[str, Any]:
    return {"used": round(store.used_fraction(), 4)}


def core_of(
    site: Site,
    feed: DetectorFeed,
    sealer: Sealer,
    store: GatewayStore,
    recovery: Recovery,
    courier: Courier,
    *,
    figures: Callable[[], Sequence[BusFigures]] = tuple,
    learned: Callable[[], Mapping[str, LearnedBus]] = dict,
    platforms: Callable[[], Sequence[Mapping[str, Any]]] = tuple,
    watching: "Watching | None" = None,
    send_notice: Callable[[Mapping[str, Any]], None] | None = None,
    tpm: TpmTask | None = None,
    restart: Callable[[], None] = lambda: None,
    gathering: Gathering | None = None,
) -> tuple[Gateway, StatusParts]:
    """The gateway's core with its sources, and the parts that the status shows."""
    taken_up = decode_taken_up(sealer.spool.kept.records)
    checkpoints = Checkpoints(store, feed, _checks_of(site, feed), taken_up.records)
    judging = Judging(feed, checkpoints, site.warning.log, send_notice, taken_up)
    readings = Readings()
    outbox = courier.outbox
    orders = Orders(courier.topics.gateway, courier.centre_key, store, taken_up.records, Notices(send_notice))
    curtailing = Curtailing(
        bench_of(site, orders.may_end),
        feed.setups,
        store,
        lambda: feed.offset_ms,
        taken_up.records,
    )
    periods_s = {meter: one.fast_s for meter, one in feed.setups.items()}
    marking = Marking(site.site.gateway, Closing(periods_s), store, lambda: feed.offset_ms, taken_up.records)
    judging.on_episode = curtailing.take_episode
    courier.on_order = partial(_take_order, orders, curtailing)
    courier.withdrawn = lambda: orders.book.trust.withdrawn
    sealing = Sealing(
        sealer,
        store,
        site.seal.interval_s,
        outbox.tip,
        lambda: courier.reference,
        courier.prunable_below,
        outbox.on_sealed,
        lambda: _least(judging.keep_from(), orders.keep_from(), curtailing.keep_from()),
    )
    care = Care(site, site.path(site.store.path), orders, lambda: outbox.received, readings.latest, restart)
    manifest = partial(manifest_bodies, site, feed.setups, feed.linkages, feed.incomer, read_version())
    heartbeat_parts = (readings.figures, judging.figures, courier.figures, partial(_store_figures, store))
    sources = (
        WallClock(judging.redate),
        Standstill(),
        readings,
        judging,
        *((watching,) if watching else ()),
        Boot(recovery.start.value, read_version(), feed.boot, manifest, store, sealer.spool),
        Learning(site.path(site.store.path), feed.setups, learned),
        *((Attesting(tpm, store, sealing.last),) if tpm else ()),
        Inbox(
            site.path(site.store.path) / INBOX_NAME,
            store,
            lambda: sealer.is_unsettled,
            orders.take_letter,
            marking.take_letter,
        ),
        courier,
        orders,
        curtailing,
        marking,
        care,
        Diagnosing(
            orders, gathering or Gathering(site), read_version(), lambda stamp: overview(parts, stamp)
        ),
        Heartbeat(site.seal.heartbeat_s, figures, heartbeat_parts),
    )
    shown = (site, read_version(), courier, readings, judging, figures, learned, platforms)
    asked = watching.list_open if watching else tuple
    parts = StatusParts(*shown, asked, orders=orders, alerts=curtailing, remote=care.show)
    return Gateway(sealing, courier, sources), parts


def _delivering(spool: Spool, readings: Callable[[Delivered], None]) -> Callable[[Reading], None]:
    """The sink of the bus threads: from here on no kill loses the reading."""

    def deliver(reading: Reading) -> None:
        record = encode_reading(reading)
        spool.add(record)
        readings(Delivered(reading, record))

    return deliver


def _archive_of(site: Site, folder: Path) -> ArchiveTask | None:
    if site.archive is None:
        return None
    return ArchiveTask(Archiver(site.path(site.archive.path), folder, site.site.gateway))


def _webhook_of(url: str | None) -> "Webhook | None":
    if not url:
        return None
    from agent.webhook import Webhook  # noqa: PLC0415 - an HTTP client that few sites need

    return Webhook(parse_webhook(url))


def _platforms_of(
    site: Site, setups: Mapping[str, MeterSetup], chain: Path, clock: Clock
) -> "Sending | None":
    if not site.hj212:
        return None
    from agent.platforms.sending import Sending  # noqa: PLC0415 - HJ 212, which few sites need
    from agent.site.platforms import read_platforms  # noqa: PLC0415 - as above

    hosts, _ = read_platforms(site.hj212, site.site.gateway, setups, site.path)
    return Sending(hosts, chain, setups, clock)


def _watching_of(site: Site, feed: DetectorFeed, chain: Path, clock: Clock) -> "Watching | None":
    if not feed.linkages or not any(setup.model.is_analyser for setup in feed.setups.values()):
        return None
    from agent.emissions.watching import Watching  # noqa: PLC0415 - few sites have an analyser
    from agent.emissions.window import Window  # noqa: PLC0415 - as above

    window = Window(feed.setups, feed.lines, feed.linkages, find_hold_s(site))
    return Watching(window, partial(read_seals_from, chain), clock)


def build(
    site: Site,
    clock: Clock,
    readings: Callable[[Delivered], None],
    events: Callable[[MqttEvent], None],
    restart: Callable[[], None],
    log: Log = lambda _: (),
) -> Built:
    """The agent of `site`; nothing is connected or polled yet. `restart` ends it, to be started again.

    `log` gives what this process has logged.

    Raises:
        ConfigError, StoreError: It cannot be built.
    """
    missing = site.missing_for_agent()
    if missing:
        raise ConfigError(site.file, missing)
    broker = site.broker
    assert broker is not None
    assert broker.centre_key is not None
    topics = Topics(site.site.gateway)
    feed, settings, tpm = detector_feed_of(site), mqtt_settings(site, broker, topics), tpm_task(site)
    check_manifest(site, feed.setups, feed.linkages, feed.incomer)
    webhook = _webhook_of(site.warning.url)
    meters = {bus.id: [feed.setups[one.id] for one in site.meter if one.bus == bus.id] for bus in site.bus}
    folder, store, sealer, recovery = open_chain(site)
    deliver = _delivering(sealer.spool, readings)
    known_before = read_learned(folder)
    buses = tuple(
        BusTask(bus.url, meters[bus.id], clock, deliver, bus.id, APART_S * number, known_before.get(bus.id))
        for number, bus in enumerate(site.bus)
    )
    platforms = _platforms_of(site, feed.setups, folder / DATABASE_NAME, clock)
    watching = _watching_of(site, feed, folder / DATABASE_NAME, clock)
    publisher = Publisher(settings, clock, events)
    outbox = outbox_of(topics, store, recovery)
    birth = messages.encode_state(online=True, details={"version": read_version()})
    statements = in_force(read_statements(folder), store, recovery)
    files = FilesOut(folder / FILES_NAME, topics.gateway, broker.centre_key, folder / DIAGNOSES_NAME)
    courier = Courier(outbox, store, topics, broker.centre_key, publisher.publish, birth, statements, files)
    desks: dict[str, tuple[str, int, Desk]] = {
        bus.id: (bus.url, parse_url(bus.url).gap_registers_max, task.desk)
        for bus, task in zip(site.bus, buses, strict=True)
    }
    polled: dict[str, tuple[str, int, Desk]] = {bus.id: desks[bus.id] for bus in site.bus if not bus.is_hj212}
    gateway, parts = core_of(
        site,
        feed,
        sealer,
        store,
        recovery,
        courier,
        figures=lambda: [bus.figures for bus in buses],
        learned=lambda: {one.id: bus.learned for one, bus in zip(site.bus, buses, strict=True)},
        platforms=platforms.list_shown if platforms else tuple,
        watching=watching,
        send_notice=webhook.put if webhook else None,
        tpm=tpm,
        restart=restart,
        gathering=Gathering(site, clock, log, polled),
    )
    guests, status = BusSocket(folder, desks), StatusSocket(folder)
    renewing = Renewing(folder, topics.gateway, publisher.publish, lambda: courier.packet_bytes_max)
    courier.on_certificate, courier.on_renewal_ack = renewing.note_answer, renewing.note_ack
    archive = _archive_of(site, folder)
    if archive is not None:
        parts = evolve(parts, archive=archive.archiver.show)
    others = renewing, webhook, tpm, platforms, archive, watching
    return Built(gateway, parts, recovery, publisher, buses, status, guests, *others)
