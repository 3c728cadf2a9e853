"""Puts the agent together from a site file: which class stands where is decided here alone."""

from collections.abc import Callable
from typing import Final

from attrs import frozen

from agent.acquire import BusTask
from agent.detect.detector import Detector
from agent.gateway import Gateway, silent
from agent.host.version import version
from agent.inbox import INBOX_NAME, Inbox
from agent.judging.detector_feed import DetectorFeed
from agent.sealing.attesting import Attesting
from agent.sealing.opening import open_chain
from agent.sealing.recovery import Recovery
from agent.sealing.statements import in_force, kept_in
from agent.sealing.tpm_task import TpmTask
from agent.site.file import ConfigError, Site
from agent.site.linkages import incomer_of, linkages_of
from agent.site.setups import lines_of, setups_of
from agent.site.webhook_url import parse_webhook
from agent.status.socket import StatusSocket
from agent.store.gateway import GatewayStore
from agent.uplink.courier import Courier
from agent.uplink.outbox import Outbox
from agent.uplink.settings import mqtt_settings
from agent.webhook import Webhook
from drivers.clock import Clock
from drivers.reading import Reading
from wire import messages
from wire.messages import Topics
from wire.mqtt_events import MqttEvent
from wire.publisher import Publisher

WEBHOOK_STOP_S: Final = 4.0
"""One warning that is on its way may end: a little more than its time-out."""


@frozen
class Built:
    """A whole agent that has not started yet."""

    gateway: Gateway
    recovery: Recovery
    publisher: Publisher
    buses: tuple[BusTask, ...]
    status: StatusSocket
    webhook: Webhook | None
    tpm: TpmTask | None = None

    def close(self) -> None:
        """Let go of what `build` took."""
        if self.webhook:
            self.webhook.stop(WEBHOOK_STOP_S)
        self.status.close()
        self.gateway.store.close()


def tpm_task(site: Site) -> TpmTask | None:
    """The way to the TPM of `site`; None without one.

    Raises:
        ConfigError: The site file asks for one and the libraries for it are not installed.
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
    """The outbox of a chain that was recovered: what lies before its first row was pruned, so received.

    Seals that the disk lost and the key file gives back are rows with the next seal, and own ones by now.
    """
    first, last = store.first_number() or recovery.recovered or recovery.number, store.last()
    tip = last.number if last else first - 1
    return Outbox(topics, received=first - 1, tip=tip, proven=recovery.number - 1)


def build(
    site: Site, clock: Clock, readings: Callable[[Reading], None], events: Callable[[MqttEvent], None]
) -> Built:
    """The agent of `site`; nothing is connected or polled yet.

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
    setups, linkages = setups_of(site), linkages_of(site)
    incomer = incomer_of(site, linkages)
    settings = mqtt_settings(site, broker, topics)
    tpm = tpm_task(site)
    folder, store, sealer, recovery = open_chain(site)
    publisher = Publisher(settings, clock, events)
    outbox = outbox_of(topics, store, recovery)
    birth = messages.encode_state(online=True, details={"version": version()})
    statements = in_force(kept_in(folder), store, recovery)
    courier = Courier(outbox, store, topics, broker.centre_key, publisher.publish, birth, statements)
    feed = DetectorFeed(
        Detector(linkages, incomer) if linkages else None,
        setups,
        lines_of(site),
        linkages,
        incomer,
        site.warning.after_s,
    )
    webhook = Webhook(parse_webhook(site.warning.url)) if site.warning.url else None
    gateway = Gateway(site, version(), sealer, store, courier, feed, webhook.put if webhook else silent)
    gateway.attesting = Attesting(tpm, store) if tpm else None
    gateway.inbox = Inbox(folder / INBOX_NAME)
    buses = tuple(
        BusTask(
            bus.url,
            [setups[meter.id] for meter in site.meter if meter.bus == bus.id],
            clock,
            readings,
            bus.id,
        )
        for bus in site.bus
    )
    gateway.figures = lambda: [bus.figures for bus in buses]
    return Built(gateway, recovery, publisher, buses, StatusSocket(folder), webhook, tpm)
