"""Puts the agent together from a site file: which class stands where is decided here alone."""

import os
from collections.abc import Callable, Sequence
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Final

from attrs import frozen

from agent.acquire import BusTask
from agent.detect.detector import Detector
from agent.detect.feed_params import FeedParams, nameplate_feed
from agent.detect.params import LinkageParams, nameplate
from agent.detect.written import ParamsError
from agent.gateway import Gateway, silent
from agent.inbox import POSTBOX_NAME, Postbox
from agent.judging.detector_feed import Watch
from agent.sealing.attesting import Attesting
from agent.sealing.key_slots import KeySlots
from agent.sealing.recovery import Recovery
from agent.sealing.sealer import Sealer
from agent.sealing.statements import in_force, kept_in
from agent.sealing.tpm_task import TpmTask
from agent.site.file import BrokerSettings, ConfigError, Site
from agent.site.setups import lines_of, setups_of
from agent.status.socket import StatusSocket
from agent.store.ballast import BALLAST_BYTES
from agent.store.gateway import GatewayStore
from agent.uplink.courier import Courier
from agent.uplink.outbox import Outbox
from agent.webhook import Hook, parse_hook
from drivers.clock import Clock
from drivers.reading import Reading
from wire import messages
from wire.messages import Topics
from wire.mqtt_events import MqttEvent
from wire.mqtt_settings import MqttSettings, MqttSettingsError, Will, parse_broker
from wire.publisher import Publisher

DATABASE_NAME: Final = "chain.db"
KEYS_NAME: Final = "keys"
HOOK_STOP_S: Final = 4.0
"""One warning that is on its way may end: a little more than its time-out."""


@frozen
class Built:
    """A whole agent that has not started yet."""

    gateway: Gateway
    recovery: Recovery
    publisher: Publisher
    buses: tuple[BusTask, ...]
    status: StatusSocket
    hook: Hook | None
    tpm: TpmTask | None = None

    def close(self) -> None:
        """Let go of what `build` took."""
        if self.hook:
            self.hook.stop(HOOK_STOP_S)
        self.status.close()
        self.gateway.store.close()


def version() -> str:
    """The version of the installed distribution."""
    return installed_version("dianjian-edge")


def linkages_of(site: Site) -> tuple[LinkageParams, ...]:
    """What the detector is to know of each linkage: learned, or from the nameplates alone.

    Raises:
        ConfigError: Parameters in the file are wrong.
    """
    rated = {line.id: float(line.rated_w) for line in site.line}
    params: list[LinkageParams] = []
    problems: list[str] = []
    for index, linkage in enumerate(site.linkage):
        try:
            if linkage.parameters is not None:
                params.append(LinkageParams.from_dict(linkage.parameters))
            else:
                production: dict[str, float] = {line: rated[line] for line in linkage.production}
                treatment: dict[str, float] = {line: rated[line] for line in linkage.treatment}
                params.append(nameplate(linkage.id, production, treatment))
        except ParamsError as error:
            problems += [f"linkage[{index}].parameters: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(site.file, problems)
    return tuple(params)


def feed_of(site: Site, linkages: Sequence[LinkageParams]) -> FeedParams | None:
    """What the detector is to know of the feed of `site`: learned, or that there is one; None without.

    Raises:
        ConfigError: Its parameters in the file are wrong.
    """
    at = next((index for index, line in enumerate(site.line) if line.kind == "feed"), None)
    if at is None or not linkages:
        return None
    line = site.line[at]
    if line.parameters is not None:
        try:
            return FeedParams.from_dict(line.parameters)
        except ParamsError as error:
            problems = [f"line[{at}].parameters: {problem}" for problem in error.problems]
            raise ConfigError(site.file, problems) from error
    judged = {one.id for linkage in linkages for one in linkage.lines}
    behind: dict[str, float] = {one.id: one.rated_w for one in site.line if one.kind != "feed"}
    return nameplate_feed((line.id, line.rated_w), behind, judged, linkages[0].utc_offset_s)


def mqtt_settings(site: Site, broker: BrokerSettings, topics: Topics) -> MqttSettings:
    """How to reach the broker of `site`.

    Raises:
        ConfigError: The URL or the certificate settings are wrong.
    """
    ca, certificate, key = (
        site.path(name) if name else None for name in (broker.ca, broker.certificate, broker.key)
    )
    try:
        address = parse_broker(broker.url, ca, certificate, key)
        return MqttSettings(
            host=address.host,
            port=address.port,
            client_id=site.site.gateway,
            tls=address.tls,
            plain_allowed=broker.plain,
            subscriptions=(topics.receipt, topics.order, messages.BEACON),
            will=Will(topics.state, messages.encode_state(online=False, details={})),
        )
    except MqttSettingsError as error:
        raise ConfigError(site.file, [f"broker.url: {error}"]) from error


def open_chain(site: Site) -> tuple[Path, GatewayStore, Sealer, Recovery]:
    """The state folder with its database and keys, recovered."""
    folder = site.path(site.store.path)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.umask(0o077)
    slots = KeySlots(folder / KEYS_NAME)
    hint = max((slot.number for slot in slots.load()), default=None) if slots.exists() else None
    store = GatewayStore(
        folder / DATABASE_NAME,
        site.store.quota_mb * 1024 * 1024,
        newest_hint=hint,
        ballast_bytes=BALLAST_BYTES,
    )
    sealer = Sealer(site.site.gateway, slots, store)
    try:
        return folder, store, sealer, sealer.recover(_held_up_to(site, folder))
    except BaseException:
        store.close()
        raise


def _held_up_to(site: Site, folder: Path) -> int:
    """The last seal that the centre had all bodies up to when the chain was last given a new key."""
    centre_key = None if site.broker is None else site.broker.centre_key
    kept = kept_in(folder)
    return kept[-1].held_up_to(centre_key) if kept and centre_key is not None else 0


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
    feed = feed_of(site, linkages)
    settings = mqtt_settings(site, broker, topics)
    tpm = tpm_task(site)
    folder, store, sealer, recovery = open_chain(site)
    publisher = Publisher(settings, clock, events)
    outbox = outbox_of(topics, store, recovery)
    birth = messages.encode_state(online=True, details={"version": version()})
    statements = in_force(kept_in(folder), store, recovery)
    courier = Courier(outbox, store, topics, broker.centre_key, publisher.publish, birth, statements)
    watch = Watch(
        Detector(linkages, feed) if linkages else None,
        setups,
        lines_of(site),
        linkages,
        feed,
        site.warning.after_s,
    )
    hook = Hook(parse_hook(site.warning.url)) if site.warning.url else None
    gateway = Gateway(site, version(), sealer, store, courier, watch, hook.put if hook else silent)
    gateway.attesting = Attesting(tpm, store) if tpm else None
    gateway.postbox = Postbox(folder / POSTBOX_NAME)
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
    return Built(gateway, recovery, publisher, buses, StatusSocket(folder), hook, tpm)
