"""The faults of one seed: what can strike, with the row of the fault matrix, and when it does.

Faults come in pairs that overlap, and now and then the second one waits for the recovery from the
first. A fault is begun and ended by the two functions of its row in FAULTS; `World.heal` ends all.
"""

import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from attrs import frozen

from tests.plant.network import forgeries

if TYPE_CHECKING:
    from tests.plant.run import World

HOWS: Final = ("before", "after", "torn")
RING: Final = 60
"""The key file brings back the headers of so many lost seals."""
PAIRS_MAX: Final = 3
DOWN_S: Final = (45.0, 200.0)
"""How long a machine without power is away; the next fault may wait for it."""
RECOVERY_S: Final = (-8.0, 12.0)
"""When a fault strikes that waits for the recovery from another one, counted from its end."""


@frozen
class Fault:
    """One fault of a seed.

    Attributes:
        kind: A key of FAULTS.
        at_s, for_s: When it begins on the story's clock, and how long it lasts.
        dice: Decides what the kind leaves open.
    """

    kind: str
    at_s: float
    for_s: float
    dice: int

    def __str__(self) -> str:
        rows = ",".join(map(str, FAULTS[self.kind].rows))
        return f"{self.kind} (row {rows}) at {self.at_s:.0f} s for {self.for_s:.0f} s, dice {self.dice}"


Act = Callable[["World", random.Random], None]


def _nothing(_: "World", __: random.Random) -> None:
    """It was over at once."""


@frozen
class Row:
    """How a kind of fault begins and ends, and how often it is drawn."""

    rows: tuple[int, ...]
    begin: Act
    end: Act = _nothing
    weight: float = 1.0
    long_s: tuple[float, float] = (10.0, 300.0)


# -- clock


def _set_wall(world: "World", rng: random.Random) -> None:
    world.clock.set_wall(rng.choice([-3600.0, 3600.0, -90.0, 7200.0, 1.0, -1.0]))


def _synced(world: "World", _: random.Random) -> None:
    world.clock.set_wall(0.0)


def _drift(world: "World", rng: random.Random) -> None:
    world.clock.rate = 1 + rng.choice([-500e-6, 500e-6])


def _drift_ends(world: "World", _: random.Random) -> None:
    world.clock.rate = 1.0


def _boot_1970(world: "World", _: random.Random) -> None:
    world.power_off(world.fault.for_s / 2, in_1970=True)


# -- process and power


def _cut(world: "World", rng: random.Random) -> None:
    world.disk.plan_cut(rng.randrange(1, 40), rng.choice(HOWS))


def _cut_in_recovery(world: "World", rng: random.Random) -> None:
    steps, how = rng.randrange(1, 14), rng.choice(HOWS)
    world.machine.between.append(lambda: world.disk.plan_cut(steps, how))
    world.machine.kill()


def _power_off(world: "World", _: random.Random) -> None:
    world.power_off(world.fault.for_s)


def _sigterm(world: "World", _: random.Random) -> None:
    world.machine.stop()


# -- disk


def _eio(chance: float) -> Act:
    def begin(world: "World", rng: random.Random) -> None:
        world.disk.eio, world.disk.eio_kept = chance, rng.choice([0.0, 0.5, 1.0])

    return begin


def _eio_reads(world: "World", rng: random.Random) -> None:
    world.disk.eio_reads = rng.choice([0.002, 0.05])


def _eio_slots(world: "World", rng: random.Random) -> None:
    world.disk.eio_slots = rng.choice([0.05, 0.5])


def _full(world: "World", _: random.Random) -> None:
    world.disk.full = True


def _disk_heals(world: "World", _: random.Random) -> None:
    disk = world.disk
    disk.eio = disk.eio_reads = disk.eio_slots = 0.0
    disk.full = False


def _lies(world: "World", rng: random.Random) -> None:
    world.power_off(world.fault.for_s)
    world.disk.lose_commits(rng.choice([1, 2, 5, rng.randrange(1, RING)]))


def _database_lost(world: "World", _: random.Random) -> None:
    if 0 < world.tip < RING:
        world.power_off(world.fault.for_s)
        world.disk.lose_database()


def _keys_lost(world: "World", _: random.Random) -> None:
    world.power_off(world.fault.for_s)
    if world.disk.lose_keys():
        world.rekey_expected = "the keys were destroyed"


def _pages_destroyed(world: "World", rng: random.Random) -> None:
    world.power_off(world.fault.for_s)
    world.disk.destroy_pages(rng.choice([1, 1, 5]))
    world.pages_destroyed = True


def _image_taken(world: "World", _: random.Random) -> None:
    world.take_image()


def _image_restored(world: "World", _: random.Random) -> None:
    world.restore_image()


# -- broker and network


def _link_down(world: "World", _: random.Random) -> None:
    world.broker.up = False


def _link_up(world: "World", _: random.Random) -> None:
    world.broker.up = True


def _broker_crash(world: "World", _: random.Random) -> None:
    world.broker.crash()
    world.broker.up = False


def _black_hole(world: "World", _: random.Random) -> None:
    world.broker.black_hole = True


def _black_hole_ends(world: "World", _: random.Random) -> None:
    world.broker.black_hole = False


def _flaps(world: "World", _: random.Random) -> None:
    world.flapping = True


def _flaps_end(world: "World", _: random.Random) -> None:
    world.flapping = False
    world.broker.up = True


def _forgets(world: "World", rng: random.Random) -> None:
    world.broker.forgets = rng.choice([0.1, 0.5, 1.0])


def _remembers(world: "World", _: random.Random) -> None:
    if world.broker.forgets == 1.0:
        world.restart_broker()  # nothing less explains that
    world.broker.forgets = 0.0


def _refuses(*codes: int) -> Act:
    def begin(world: "World", rng: random.Random) -> None:
        world.broker.refusal = rng.choice(codes)

    return begin


def _takes(world: "World", _: random.Random) -> None:
    world.broker.refusal = 0


def _expels(world: "World", rng: random.Random) -> None:
    world.broker.expulsion = rng.choice([0x8E, 0x93, 0x8B, 0x97])


def _one_at_a_time(world: "World", _: random.Random) -> None:
    world.broker.receive_maximum = 1
    world.restart_broker()


def _twenty_at_a_time(world: "World", _: random.Random) -> None:
    world.broker.receive_maximum = 20
    world.restart_broker()


def _small_packets(world: "World", rng: random.Random) -> None:
    broker = world.broker
    broker.packet_max = rng.choice([300, 600, 2_000, 5_000])
    broker.says_so, broker.polite, broker.drops = rng.choice(
        [(True, False, False), (False, False, False), (False, True, False), (False, False, True)]
    )
    world.restart_broker()


def _large_packets(world: "World", _: random.Random) -> None:
    world.broker.packet_max = 65_536
    world.broker.says_so, world.broker.polite, world.broker.drops = True, False, False
    world.restart_broker()


def _mute(world: "World", _: random.Random) -> None:
    world.broker.mute = True


def _speaks(world: "World", _: random.Random) -> None:
    world.broker.mute = False


def _disorder(world: "World", rng: random.Random) -> None:
    world.broker.doubles, world.broker.shuffles = rng.choice([(True, False), (False, True), (True, True)])


def _order(world: "World", _: random.Random) -> None:
    world.broker.doubles = world.broker.shuffles = False


# -- centre


def _centre_down(world: "World", _: random.Random) -> None:
    world.centre.up = False


def _centre_up(world: "World", _: random.Random) -> None:
    world.centre.up = True


def _centre_cut(world: "World", rng: random.Random) -> None:
    world.centre.disk.plan_cut(rng.randrange(1, 30), rng.choice(HOWS))


def _retained_lost(world: "World", _: random.Random) -> None:
    world.broker.retained.clear()


def _receipts_late(world: "World", rng: random.Random) -> None:
    world.centre.late_s = rng.choice([15.0, 60.0, 120.0])


def _receipts_lost(world: "World", rng: random.Random) -> None:
    world.centre.lost = rng.choice([0.3, 1.0])


def _receipts_come(world: "World", _: random.Random) -> None:
    world.centre.late_s = world.centre.lost = 0.0
    world.centre.reconnect()


def _forged(world: "World", rng: random.Random) -> None:
    for _ in range(rng.randrange(1, 6)):
        world.inject(forgeries(rng, world.centre.receipts, world.tip), forged=True)


def _old_receipts(world: "World", rng: random.Random) -> None:
    for _ in range(rng.randrange(1, 6)):
        world.inject_old(rng)


# -- bus


def _bus_dead(world: "World", rng: random.Random) -> None:
    bus = rng.choice(sorted({meter.bus for meter in world.story.meters}))
    world.silence(bus, "the port is gone")


def _meter_silent(world: "World", rng: random.Random) -> None:
    reason = rng.choice(["no answer", "exception 4", "exception 11", "wrong count"])
    world.silence(rng.choice(world.story.meters).id, reason)


def _buses_speak(world: "World", _: random.Random) -> None:
    world.speak()


FAULTS: Final = {
    "clock set": Row((18, 19, 21), _set_wall, _synced),
    "drift": Row((20,), _drift, _drift_ends),
    "boot in 1970": Row((16,), _boot_1970, _synced),
    "cut at a step": Row((1, 2), _cut, weight=5),
    "cut in recovery": Row((1, 2), _cut_in_recovery, weight=3),
    "power cut": Row((3,), _power_off, _nothing, 2, DOWN_S),
    "SIGTERM": Row((49,), _sigterm),
    "EIO once": Row((4,), _eio(0.3), _disk_heals, 2, (5, 15)),
    "EIO": Row((5, 15), _eio(1.0), _disk_heals, 2),
    "EIO of reads": Row((5,), _eio_reads, _disk_heals),
    "EIO of slots": Row((5,), _eio_slots, _disk_heals),
    "disk full": Row((6,), _full, _disk_heals),
    "commits lost": Row((17, 10), _lies, _nothing, 3, DOWN_S),
    "database lost": Row((11,), _database_lost, _nothing, 1, DOWN_S),
    "pages destroyed": Row((9,), _pages_destroyed, _nothing, 0.3, DOWN_S),
    "keys lost": Row((13,), _keys_lost, _nothing, 0.1, DOWN_S),
    "image restored": Row((14,), _image_taken, _image_restored, 0.15, (30, 300)),
    "link down": Row((23, 54), _link_down, _link_up, 2, (10, 900)),
    "broker crash": Row((25,), _broker_crash, _link_up, 2),
    "black hole": Row((24,), _black_hole, _black_hole_ends),
    "link flaps": Row((35,), _flaps, _flaps_end),
    "broker forgets": Row((25,), _forgets, _remembers, 2),
    "ACL refusal": Row((27,), _refuses(0x87), _takes),
    "broker busy": Row((30,), _refuses(0x97, 0x80, 0x83), _takes),
    "expelled": Row((30,), _expels),
    "Receive Maximum 1": Row((29,), _one_at_a_time, _twenty_at_a_time),
    "small packets": Row((28,), _small_packets, _large_packets),
    "no PUBACK": Row((38,), _mute, _speaks),
    "disorder": Row((36,), _disorder, _order),
    "centre down": Row((26,), _centre_down, _centre_up, 1, (10, 900)),
    "centre cut": Row((26,), _centre_cut, weight=2),
    "retained lost": Row((25,), _retained_lost),
    "receipts late": Row((33,), _receipts_late, _receipts_come),
    "receipts lost": Row((33,), _receipts_lost, _receipts_come),
    "forged receipts": Row((33,), _forged),
    "old receipts": Row((33,), _old_receipts),
    "bus dead": Row((47,), _bus_dead, _buses_speak, 1, (10, 600)),
    "meter silent": Row((42, 43), _meter_silent, _buses_speak, 1, (10, 600)),
}


def draw_faults(rng: random.Random, length_s: float, also: Sequence[str] = ()) -> list[Fault]:
    """One to PAIRS_MAX pairs, and one of each kind of `also`, in the order of their begins."""
    kinds, weights = list(FAULTS), [row.weight for row in FAULTS.values()]
    found: list[Fault] = []
    for _ in range(rng.randrange(1, PAIRS_MAX + 1)):
        first, second = rng.choices(kinds, weights, k=2)
        one = _drawn(rng, first, rng.uniform(20, length_s - 320))
        in_recovery = rng.random() < 0.4
        begin_s = (
            one.at_s + one.for_s + rng.uniform(*RECOVERY_S)
            if in_recovery
            else one.at_s + rng.uniform(0, one.for_s)
        )
        found += [one, _drawn(rng, second, begin_s)]
    found += [_drawn(rng, kind, rng.uniform(20, length_s - 320)) for kind in also]
    return sorted(found, key=lambda fault: fault.at_s)


def _drawn(rng: random.Random, kind: str, at_s: float) -> Fault:
    return Fault(kind, at_s, rng.uniform(*FAULTS[kind].long_s), rng.randrange(1 << 30))
