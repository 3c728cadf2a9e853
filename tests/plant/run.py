"""One seed: a plant, its gateway, its broker and its centre, through their faults, until all is quiet.

    world = World(seed, root, template)     the story and the faults are drawn
    world.run()                             faults strike, then everything heals
    checks.check(world)                     what must hold holds

Nothing in here looks at a real clock or at real randomness, so a seed is the same run every time.
"""

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final
from unittest import mock

import sqlite_utils  # noqa: F401 - loaded here, a salvage does not start a process to migrate
from attrs import define, field

from agent.host.health import Health
from agent.site.file import parse_site
from agent.store.gateway import GatewayStore
from centre.store.sqlite import SqliteStore
from drivers.points.model import Model
from evidence import keys
from tests.faults.invariants import RECOVERY_S_MAX, Witness
from tests.plant.clock import BEGIN_S, VirtualClock
from tests.plant.disk import Disk
from tests.plant.faults import FAULTS, Fault, draw_faults
from tests.plant.machine import Machine
from tests.plant.network import TOPICS, Broker, Centre
from tests.plant.orders import draw_orders
from tests.plant.story import GATEWAY, Span, Story, draw_story
from wire.mqtt_events import Message

TURN_S: Final = 2.5
"""A network round trip of five seconds, and four turns between two seals."""
ARRIVAL_S_MAX: Final = 900.0
"""After healing: until the last body of the backlog is at the centre."""
YEARS_S: Final = (BEGIN_S, 2_147_483_647.0 - 600)
"""Now, and across the end of 32-bit time."""


@define
class World:
    """See the module.

    Attributes:
        also: Kinds of faults that are to be there whatever is drawn.
        fault: The one that begins.
        rekey_expected: Why this gateway must ask for a new enrolment; "" while it must not.
        cloned_at: The tip of the image that was put back, and of the chain at that moment.
        original: What was seen of the gateway before that.
        healed_tip: The last seal at the moment of healing.
    """

    seed: int
    root: Path
    templates: Path
    also: tuple[str, ...] = ()
    story: Story = field(init=False)
    faults: list[Fault] = field(init=False)
    fault: Fault = field(init=False)
    clock: VirtualClock = field(init=False)
    disk: Disk = field(init=False)
    broker: Broker = field(init=False)
    centre: Centre = field(init=False)
    machine: Machine = field(init=False)
    rekey_expected: str = ""
    pages_destroyed: bool = False
    flapping: bool = False
    cloned_at: tuple[int, int] | None = None
    original: Witness | None = None
    arrived: bool = False
    turns: int = 0
    _image: tuple[Path, int] | None = None
    _keys: random.Random = field(init=False)

    def __attrs_post_init__(self) -> None:
        rng = random.Random(self.seed)
        self.story = draw_story(rng)
        self.faults = draw_faults(rng, self.story.length_s, self.also)
        self.clock = VirtualClock(rng.choice(YEARS_S))
        self.disk = Disk(self.root / "gateway", random.Random(rng.random()))
        self.broker = Broker(random.Random(rng.random()))
        centre_disk = Disk(self.root / "centre", random.Random(rng.random()))
        self.centre = Centre(
            centre_disk, self.broker, random.Random(rng.random()), self.templates / "centre.db"
        )
        self._keys = random.Random(rng.random())
        self.centre.orders = draw_orders(random.Random(self.seed), GATEWAY, self.story.length_s)
        site = parse_site(self.story.site, Path("site.toml"))
        quota_bytes = rng.choice([300_000, 600_000, 1 << 30, 1 << 30])
        self.machine = Machine(
            site, self.story, self.disk, self.clock, self.broker, random.Random(rng.random()), quota_bytes,
            self.templates / "gateway.db", enrol=self._enrol,
        )  # fmt: skip

    @property
    def tip(self) -> int:
        """The last own seal that anybody knows of."""
        return max(self.machine.ledger.numbers, default=0)

    def describe(self) -> str:
        """For whoever has to find the mistake."""
        story = self.story
        text = f"seed {self.seed}: {len(story.meters)} meters, {story.length_s:.0f} s, off {story.off}, "
        text += f"quota {self.machine.quota_bytes}"
        faults = [f"  {fault}" for fault in self.faults]
        lives = f"lives: {self.machine.starts}, ends: {self.machine.ends} {self.machine.refused}"
        return "\n".join([text, *faults, lives])

    def run(self) -> None:
        """The whole story, and the quiet after it."""
        with self._patched():
            waiting = list(self.faults)
            ending: list[tuple[float, Fault]] = []
            while self.clock_s < self.story.length_s:
                for fault in [fault for fault in waiting if fault.at_s <= self.clock_s]:
                    waiting.remove(fault)
                    ending.append((fault.at_s + fault.for_s, fault))
                    self.fault = fault
                    FAULTS[fault.kind].begin(self, random.Random(fault.dice))
                for due in [due for due in ending if due[0] <= self.clock_s]:
                    ending.remove(due)
                    FAULTS[due[1].kind].end(self, random.Random(due[1].dice))
                self.turn()
            self.heal()
            for _, fault in ending:
                FAULTS[fault.kind].end(self, random.Random(fault.dice))
            self._settle()
            self.machine.stop()
            self.centre.close()

    @property
    def clock_s(self) -> float:
        return self.turns * TURN_S

    def turn(self) -> None:
        before_s = self.clock_s
        self.turns += 1
        self.clock.advance(TURN_S)
        if self.flapping:
            self.broker.up = self.turns % 2 == 0
        self.machine.turn(before_s)
        self.centre.clock_s = self.clock_s
        self.centre.turn(self.clock.true_s)

    def heal(self) -> None:
        """Everything that is broken is mended, and nothing is dropped any more."""
        disk, broker, centre = self.disk, self.broker, self.centre
        for one in (disk, centre.disk):
            one.cut_at = None
            one.eio = one.eio_reads = one.eio_slots = 0.0
            one.full = False
        broker.up, broker.refusal, broker.expulsion, broker.mute, broker.black_hole = True, 0, 0, False, False
        broker.forgets, broker.doubles, broker.shuffles = 0.0, False, False
        centre.up, centre.late_s, centre.lost = True, 0.0, 0.0
        centre.reconnect()
        self.flapping, self.story.quiet = False, True
        self.speak()
        self.clock.set_wall(0.0)
        self.clock.rate = 1.0
        self.machine.between.clear()
        self.machine.up_at_s = self.clock.true_s

    def _settle(self) -> None:
        witness, tip = self.machine.ledger.witness, self.tip
        witness.healed_at_s = self.clock.true_s
        begin_s = self.clock_s
        while self.clock_s - begin_s < ARRIVAL_S_MAX and not self.machine.refused:
            self.turn()
            process = self.machine.process
            if process is None:
                continue
            status = process.gateway.courier.status()
            if witness.recovered_at_s is None and status.received > tip:
                witness.recovered_at_s = self.clock.true_s
            self.arrived = status.bodies_up_to == status.tip and self.clock_s - begin_s > RECOVERY_S_MAX
            if self.arrived:
                break

    # -- what faults do

    def power_off(self, down_s: float, *, in_1970: bool = False) -> None:
        """The machine loses its power, and comes up as another boot."""
        self.machine.kill(down_s)
        (self.disk.root / "spool").unlink(missing_ok=True)
        self.machine.ledger.power_lost()
        self.machine.up_at_s = max(self.machine.up_at_s, self.clock.true_s + down_s)
        self.clock.reboot(in_1970=in_1970)

    def restart_broker(self) -> None:
        """With its memory whole: a change of its settings. Whoever is connected must come again."""
        if self.machine.process is not None and self.machine.process.link.connected:
            self.broker.expulsion = 0x8B

    def inject(self, message: Message, *, forged: bool = False) -> None:
        """Somebody else's message on our topic."""
        process = self.machine.process
        if process is not None and process.link.connected:
            process.link.events.append(message)
            self.machine.ledger.forged += forged

    def inject_old(self, rng: random.Random) -> None:
        """A true receipt of earlier times."""
        if self.centre.receipts:
            self.inject(
                Message(TOPICS.receipt, rng.choice(self.centre.receipts), retained=rng.random() < 0.5)
            )

    def silence(self, name: str, reason: str) -> None:
        self.story.silent.append((name, Span(self.clock_s, float("inf")), reason))

    def speak(self) -> None:
        self.story.silent = [
            (n, Span(s.begin_s, min(s.end_s, self.clock_s)), r) for n, s, r in self.story.silent
        ]

    def take_image(self) -> None:
        if self._image is None and self.tip:
            self._image = self.disk.image(), self.tip

    def restore_image(self) -> None:
        if self._image is None or self.cloned_at is not None:
            return
        self.power_off(45.0)
        self.disk.restore(self._image[0])
        self.cloned_at = self._image[1], self.tip
        ledger = self.machine.ledger
        self.original, ledger.witness = ledger.witness, Witness()

    # -- inside

    def _enrol(self, first_key: bytes) -> None:
        self.centre.first_key = self.centre.first_key or first_key

    @contextmanager
    def _patched(self) -> Iterator[None]:
        health = Health(resident_bytes=50_000_000, threads=5, descriptors=20, descriptors_max=1_024)
        with (
            Disk.mounted(),
            mock.patch.object(keys, "generate", self._key),
            mock.patch("agent.host.heartbeat.read_health", return_value=health),
            mock.patch.object(Model, "decode", lru_cache(5_000)(Model.decode)),
        ):
            try:
                yield
            finally:
                if self.machine.process is not None:
                    self.machine.process.let_go()
                self.centre.close()

    def _key(self) -> bytes:
        return self._keys.randbytes(keys.SECRET_BYTES)

    def forget(self) -> None:
        """Free what the seed took."""
        self.disk.forget()
        self.centre.disk.forget()
        shutil.rmtree(self.root, ignore_errors=True)


def make_templates(folder: Path) -> Path:
    """Empty databases, made once: their migrations cost more than a life."""
    folder.mkdir(parents=True, exist_ok=True)
    GatewayStore(folder / "gateway.db", 1 << 30).close()
    SqliteStore(folder / "centre.db").close()
    return folder
