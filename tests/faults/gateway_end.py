"""The gateway's end of the line: core, database, keys and MQTT connection are real, time and meters are not.

Plant time passes when the test says so (`seal`, `pass_time`); the network has real time. This file imports
nothing of the centre and nothing of pytest, so that it can live in a process whose memory is measured.
"""

import queue
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

from attrs import define, field

from agent.build import core_of, detector_feed_of
from agent.gateway import Gateway
from agent.overview import StatusParts
from agent.sealing.opening import open_chain
from agent.site.file import parse_site
from agent.uplink.courier import Courier
from agent.uplink.delivery import Limits
from agent.uplink.outbox import Outbox
from drivers.clock import NS_PER_S, ClockState, Stamp, SystemClock
from drivers.points.registers import Value
from drivers.reading import Block, PollGroup, Quality, Reading
from evidence import keys
from evidence.record import Kind, ReadingRecord, Record, decode_record
from evidence.seal import open_body, peek_header
from wire.messages import BEACON, Topics, encode_state
from wire.mqtt_events import Disconnected, MqttEvent
from wire.mqtt_settings import MqttSettings, TlsFiles, Will
from wire.publisher import Publisher

CENTRE: Final = bytes(range(32))
"""The centre's secret."""
BEGIN_S: Final = 1_772_400_000
INTERVAL_S: Final = 10.0
LOADS: Final = 61
BOOT: Final = b"first boot......"
QUICK: Final = Limits(
    settle_s=0.02,
    stall_s=0.5,
    stall_longest_s=1.0,
    resend_s=0.1,
    denied_s=0.2,
    denied_longest_s=0.2,
    busy_s=0.05,
)
HASTY: Final = {"reconnect_first_s": 0.02, "reconnect_longest_s": 0.1, "drain_s": 0.2}
SITE: Final = """
[site]
gateway = "g1"
[store]
quota_mb = {quota_mb}
[seal]
interval_s = {interval_s}
[broker]
url = "mqtt://127.0.0.1"
centre_key = "{centre_key}"
[[bus]]
id = "b1"
url = "tcp://127.0.0.1"
[[line]]
id = "p1"
kind = "production"
rated_w = 50000
[[line]]
id = "t1"
kind = "treatment"
rated_w = 20000
[[linkage]]
id = "k1"
production = ["p1"]
treatment = ["t1"]
"""
METER: Final = """
[[meter]]
id = "{id}"
bus = "b1"
unit_id = {unit_id}
model = "eastron-sdm630"
line = "{line}"
"""


def site_text(meters: int = 2, quota_mb: int = 512, interval_s: float = INTERVAL_S) -> str:
    """The site file; odd meters are of production, even ones of treatment."""
    return SITE.format(
        quota_mb=quota_mb, interval_s=interval_s, centre_key=keys.public(CENTRE).hex()
    ) + "".join(
        METER.format(id=f"m{n}", unit_id=n, line="p1" if n % 2 else "t1") for n in range(1, meters + 1)
    )


@define
class GatewayEnd:
    """One life of the agent, with time in the test's hands.

    Attributes:
        folder: Site file and state.
        port: Of the broker.
        meters, quota_mb, interval_s: As in the site file.
        limits: Of the outbox.
        tls: Certificates, None for a plain connection.
        network: More settings of the connection.
        ahead_s: Wall clock less time since boot; change it to set the clock.
        passed_s: Time since boot.
        ends: Why connections ended.
    """

    folder: Path
    port: int
    meters: int = 2
    quota_mb: int = 512
    limits: Limits = QUICK
    tls: TlsFiles | None = None
    network: Mapping[str, Any] = HASTY
    boot_id: bytes = BOOT
    clock_state: ClockState = ClockState.SYNCHRONISED
    ahead_s: float = float(BEGIN_S)
    passed_s: float = 0.0
    interval_s: float = INTERVAL_S
    ends: list[Disconnected] = field(factory=list)
    inbox: queue.SimpleQueue[MqttEvent] = field(factory=queue.SimpleQueue)
    gateway: Gateway = field(init=False)
    parts: StatusParts = field(init=False)
    publisher: Publisher = field(init=False)
    first_key: bytes = field(init=False)
    _made: dict[tuple[Any, ...], tuple[Block, ...]] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        site = parse_site(site_text(self.meters, self.quota_mb, self.interval_s), self.folder / "site.toml")
        _, store, sealer, recovery = open_chain(site)
        self.first_key = recovery.next_key
        topics = Topics("g1")
        settings = MqttSettings(
            "127.0.0.1",
            self.port,
            "g1",
            self.tls,
            subscriptions=(topics.receipt, topics.order, BEACON),
            will=Will(topics.state, encode_state(online=False, details={})),
            **self.network,
        )
        self.publisher = Publisher(settings, SystemClock(), self.inbox.put)
        first, last = store.first_number(), store.last()
        tip = last.number if last else recovery.number - 1
        outbox = Outbox(topics, (first or recovery.number) - 1, tip, self.limits)
        assert site.broker is not None
        assert site.broker.centre_key is not None
        birth = encode_state(online=True, details={"version": "1"})
        courier = Courier(outbox, store, topics, site.broker.centre_key, self.publisher.publish, birth)
        feed = detector_feed_of(site)
        self.gateway, self.parts = core_of(site, feed, sealer, store, recovery, courier)
        self.gateway.start(recovery, self.stamp(), time.monotonic())

    def __enter__(self) -> Self:
        self.publisher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.publisher.stop()
        self.gateway.sealing.store.close()

    def stamp(self) -> Stamp:
        """The present moment of the plant."""
        utc_ns = int((self.ahead_s + self.passed_s) * NS_PER_S)
        return Stamp(utc_ns, int(self.passed_s * NS_PER_S), self.boot_id, self.clock_state)

    def read(
        self, meter: str, values: Mapping[str, Value] | None, group: PollGroup = PollGroup.FAST
    ) -> Reading:
        """What `meter` says now; None for a silent meter."""
        model = self.parts.judging.feed.setups[meter].model
        key = (meter, group, tuple((values or {}).items()))
        if key not in self._made:
            self._made[key] = blocks(model.encode(values)) if values else ()
        good = values is not None
        reading = Reading(
            meter,
            group,
            self.stamp(),
            model.hash,
            self._made[key],
            Quality.GOOD if good else Quality.BAD,
            "" if good else "no answer",
            latency_ns=20_000_000,
        )
        self.gateway.reading(reading)
        return reading

    def read_all(self) -> None:
        """Every meter answers, with loads that differ, so that bodies are as long as in life."""
        for number in range(1, self.meters + 1):
            step = (int(self.passed_s) * 7 + number * 13) % LOADS
            self.read(f"m{number}", {"active_power": 12_000.0 + 37.3 * step, "voltage_l1": 230.0})

    def seal(self, count: int = 1) -> None:
        """So many intervals pass, each with readings and its seal."""
        for _ in range(count):
            self.passed_s += self.interval_s
            self.read_all()
            self.pump()

    def pass_time(self, seconds: float, watts: Mapping[str, float | None], step_s: float = 5.0) -> None:
        """Let time pass with what each meter says."""
        end_s = self.passed_s + seconds
        while self.passed_s < end_s:
            self.passed_s += step_s
            for meter, power in watts.items():
                self.read(meter, None if power is None else {"active_power": power})
            self.pump()

    def pump(self) -> None:
        """Take what the connection reported, and let the core look at the time."""
        while not self.inbox.empty():
            event = self.inbox.get()
            if isinstance(event, Disconnected):
                self.ends.append(event)
            self.gateway.mqtt(event, self.stamp(), time.monotonic())
        self.gateway.tick(self.stamp(), time.monotonic())
        if self.gateway.courier.outbox.wants_reconnect(time.monotonic()):
            self.publisher.reconnect()

    @property
    def outbox(self) -> Outbox:
        """What decides about sending."""
        return self.gateway.courier.outbox

    @property
    def delivered(self) -> bool:
        """Whether the centre holds everything, bodies too."""
        status = self.outbox.status()
        return status.bodies_up_to == status.tip

    def records(self, *kinds: Kind) -> Iterator[Record | ReadingRecord]:
        """The records of the chain that are still here, of these kinds or all."""
        first = 1
        while rows := self.gateway.sealing.store.rows(first, 100):
            for row in rows:
                for raw in open_body(peek_header(row.cose), row.body) if row.body else ():
                    record = decode_record(raw)
                    if not kinds or record.kind in kinds:
                        yield record
            first = rows[-1].number + 1

    def bodies(self, kind: Kind) -> list[dict[str, Any]]:
        """The bodies of the records of one kind."""
        return [record.body for record in self.records(kind) if isinstance(record, Record)]

    def find_events(self, what: str) -> list[dict[str, Any]]:
        """The event records whose `what` begins so."""
        return [body for body in self.bodies(Kind.EVENT) if str(body["what"]).startswith(what)]


def blocks(image: Mapping[tuple[int, int], bytes]) -> tuple[Block, ...]:
    """Registers as reads that run without a hole."""
    found: list[Block] = []
    for (function, address), word in sorted(image.items()):
        last = found[-1] if found else None
        if last and last.function == function and last.address + len(last.words) // 2 == address:
            found[-1] = Block(function, last.address, last.words + word)
        else:
            found.append(Block(function, address, word))
    return tuple(found)
