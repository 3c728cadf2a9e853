"""A gateway's core on a real database and key file, with time that the test turns."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from attrs import define, field

from agent.build import core_of, detector_feed_of, outbox_of
from agent.gateway import Gateway
from agent.overview import StatusParts
from agent.sealing.key_slots import KeySlots
from agent.sealing.opening import open_chain
from agent.sealing.recovery import Start
from agent.site.enrolment import note_first_key
from agent.site.file import Site, parse_site
from agent.status.bus_figures import BusFigures
from agent.uplink.courier import Courier
from drivers.clock import NS_PER_S, ClockState, Stamp
from drivers.points.registers import WORD_BYTES
from drivers.reading import Block, PollGroup, Quality, Reading
from evidence import keys
from evidence.receipt import Receipt, sign_receipt
from evidence.record import ReadingRecord, Record, decode_record
from evidence.seal import StoredSeal, open_body, peek_header
from wire.messages import Topics
from wire.mqtt_events import Connected, Message

CENTRE = bytes(range(32))
SITE = f"""
[site]
gateway = "g1"
[broker]
url = "mqtt://127.0.0.1"
centre_key = "{keys.public(CENTRE).hex()}"
[[bus]]
id = "b1"
url = "tcp://127.0.0.1"
[[meter]]
id = "mp"
bus = "b1"
unit_id = 1
model = "eastron-sdm630"
line = "p1"
[[meter]]
id = "mt"
bus = "b1"
unit_id = 2
model = "eastron-sdm630"
line = "t1"
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
BEGIN_S = 1_772_400_000
BOOT = b"first boot......"


def _default_site(file: Path) -> Site:
    return parse_site(SITE, file)


RIGS: Final[list["Rig"]] = []
"""Those that were made since `end_rigs`."""


@define(eq=False)
class Rig:
    """The core, what it sent, and its clock."""

    folder: Path
    boot_id: bytes = BOOT
    passed_s: float = 0.0
    ahead_s: float = float(BEGIN_S)
    sent: list[tuple[int, str, bytes, bool]] = field(factory=list)
    figures: Sequence[BusFigures] = ()
    clock_state: ClockState = ClockState.SYNCHRONISED
    site_of: Callable[[Path], Site] = _default_site
    restarts: int = field(init=False, default=0)
    gateway: Gateway = field(init=False)
    parts: StatusParts = field(init=False)
    first_key: bytes = field(init=False)
    _slots: KeySlots | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        RIGS.append(self)
        site = self.site_of(self.folder / "site.toml")
        _, store, sealer, recovery = open_chain(site)
        self.first_key = recovery.next_key
        outbox = outbox_of(Topics("g1"), store, recovery)
        assert site.broker is not None
        assert site.broker.centre_key is not None
        courier = Courier(outbox, store, outbox.topics, site.broker.centre_key, self._send, b"birth")
        feed = detector_feed_of(site)
        self.gateway, self.parts = core_of(
            site, feed, sealer, store, recovery, courier, figures=lambda: self.figures, restart=self._restart
        )
        if recovery.start is Start.NEW:
            note_first_key(self.folder / "state", "g1", recovery.next_key)
        self._slots = sealer._slots
        self.gateway.start(recovery, self.stamp(), self.passed_s)

    def _restart(self) -> None:
        self.restarts += 1

    def _send(self, token: int, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.sent.append((token, topic, payload, retain))

    def stamp(self) -> Stamp:
        return Stamp(
            int((self.ahead_s + self.passed_s) * NS_PER_S),
            int(self.passed_s * NS_PER_S),
            self.boot_id,
            self.clock_state,
        )

    def read(self, meter: str, watts: float | None) -> None:
        """A reading of `meter`; None is a silent meter."""
        model = self.parts.judging.feed.setups[meter].model
        good = watts is not None
        registers = model.encode({"active_power": watts} if watts is not None else {}, 1.0, 1.0)
        words = b"".join(word for _, word in sorted(registers.items()))
        address = min((address for _, address in registers), default=0)
        assert len(words) == len(registers) * WORD_BYTES
        self.gateway.reading(
            Reading(
                meter,
                PollGroup.FAST,
                self.stamp(),
                model.hash,
                (Block(4, address, words),) if good else (),
                Quality.GOOD if good else Quality.BAD,
                "" if good else "no answer",
            )
        )

    def run(
        self, seconds: float, production: float | None, treatment: float | None, step_s: float = 5.0
    ) -> None:
        """Let time pass, with a reading of each meter every `step_s`."""
        end_s = self.passed_s + seconds
        while self.passed_s < end_s:
            self.passed_s += step_s
            self.read("mp", production)
            self.read("mt", treatment)
            self.tick()

    def tick(self) -> None:
        self.gateway.tick(self.stamp(), self.passed_s)

    def connect(self) -> None:
        self.gateway.mqtt(Connected(False, 20, 65_536), self.stamp(), self.passed_s)

    def receipt(self, seal: StoredSeal, secret: bytes = CENTRE, gateway: str = "g1") -> None:
        raw = sign_receipt(Receipt(gateway, seal.number, seal.hash, seal.number, (), 0), secret)
        self.gateway.mqtt(Message("dj/1/g1/receipt", raw, True), self.stamp(), self.passed_s)

    def killed(self, folder: Path, **changes: object) -> "Rig":
        """Another life on what the disk holds at this moment."""
        shutil.copytree(self.folder, folder)
        self.close()
        return Rig(
            folder, **{"passed_s": self.passed_s, "ahead_s": self.ahead_s, "boot_id": self.boot_id, **changes}
        )  # type: ignore[arg-type]

    def close(self) -> None:
        self.gateway.sealing.store.close()

    def end(self) -> None:
        """Close the files that the kernel closes at the end of a process."""
        if self._slots is not None:  # else its start was refused
            self.gateway.sealing.sealer.spool.close()
            self._slots.close()

    def seals(self) -> list[StoredSeal]:
        return self.gateway.sealing.store.rows(1)

    def records(self) -> Iterator[Record | ReadingRecord]:
        for seal in self.seals():
            assert seal.body is not None
            for raw in open_body(peek_header(seal.cose), seal.body):
                yield decode_record(raw)


def end_rigs() -> None:
    """End all that were made; a worker that runs a thousand of them would be out of descriptors."""
    while RIGS:
        RIGS.pop().end()
