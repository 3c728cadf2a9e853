"""What must hold at the end of every seed: the seven invariants, and what they do not say.

- The centre's chain, exported, passes the check of a stranger; what has no body in it was declared.
- Every reading that the agent was given is in one seal, or waited when the power was cut, or was counted as
  lost. What waited when the process was killed is sealed by the next one.
- An honest plant is never accused. An episode stands in the chain once, whatever was killed, and the
  episodes are those that one uninterrupted detector finds in the same records.
- A treatment that was off for long enough while its meters were read is in the chain.
- The number of messages is bounded by what there was to say.
- Only a disk that lies loses a commit; the chain says which.
- A new enrolment is asked for where keys or image are gone, and nowhere else.
- An order is sealed once and answered once (`tests.plant.orders`).
"""

from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import Final

from attrs import define, field

from agent.detect.detector import Detector
from agent.detect.episode import SEVERITIES, Rule, Severity, State
from agent.judging.detector_feed import DetectorFeed
from agent.site.linkages import linkages_of
from agent.site.setups import setups_of
from agent.store.gateway import read_seals
from agent.store.salvage import seals_in
from centre.core import Centre as Core
from evidence.pack.export import ExportedSeal, verify_file, write_chain
from evidence.record import Kind, ReadingRecord, Record, decode_record
from evidence.seal import open_body, peek_header, seal_hash
from tests.faults import invariants
from tests.faults.invariants import Held
from tests.plant import orders
from tests.plant.disk import DATABASE
from tests.plant.run import World
from tests.plant.story import GATEWAY

RAISED_AFTER_S: Final = 480.0
"""Treatment that is off for so long in one piece, under the eyes of the agent, is reported: tau and grace."""
SEEN_S: Final = 20.0
"""A longer pause between two looks breaks the piece."""
EDGE_S: Final = 90.0
"""What was found this near to the end of the chain may be told or not yet."""
MESSAGES_PER_SEAL_MAX: Final = 6
MESSAGES_PER_CONNECT_MAX: Final = 60
MESSAGES_MAX: Final = 100

LIES: Final = {"commits lost", "database lost", "pages destroyed"}
"""Only such a disk may lose what was committed."""

Told = tuple[str, str, str, int, str]
"""Id, rule, state, and how often it was raised again."""


@define
class Chain:
    """What the centre holds, decoded.

    Attributes:
        whole: Every body is there.
        records: In the order of the chain.
        bare: Seals without a body.
        declared: Seals whose bodies some sealed record declares lost.
        readings: How often each reading is there, by its bytes.
    """

    seals: list[tuple[int, bytes, bytes | None]]
    records: list[Record | ReadingRecord] = field(factory=list)
    bare: set[int] = field(factory=set)
    declared: set[int] = field(factory=set)
    readings: Counter[bytes] = field(factory=Counter)

    @classmethod
    def of(cls, core: Core) -> "Chain":
        chain = cls([row[:3] for row in core.store.chain(GATEWAY)])
        for number, cose, body in chain.seals:
            if body is None:
                chain.bare.add(number)
                continue
            for raw in open_body(peek_header(cose), body):
                record = decode_record(raw)
                chain.records.append(record)
                if isinstance(record, ReadingRecord):
                    chain.readings[raw] += 1
                if isinstance(record, Record) and record.kind in {Kind.LOST_TAIL, Kind.DROP}:
                    chain.declared |= set(range(record.body["first"], record.body["last"] + 1))
        return chain

    def of_kind(self, kind: Kind) -> Iterator[Record]:
        """The records of `kind`."""
        return (record for record in self.records if isinstance(record, Record) and record.kind is kind)


def check(world: World) -> None:
    """Fail with everything that does not hold."""
    found = broken(world)
    assert not found, "\n".join(found)


def broken(world: World) -> list[str]:
    """What does not hold, a line each."""
    path = world.disk.folder / DATABASE
    seals = seals_in(path, world.tip) if world.pages_destroyed else read_seals(path)
    rows = sorted((row.number, row.hash) for row in seals)
    core = world.centre.open()
    try:
        known = core.store.gateways()
        chain = Chain.of(core) if known else Chain([])
        forks = core.store.forks(GATEWAY) if known else []
    finally:
        world.centre.close()
    centre = Held(tuple((number, seal_hash(cose)) for number, cose, _ in chain.seals))
    if world.cloned_at is not None:
        return [*_cloned(world, centre, forks), *_exported(world, chain)]
    found = [*_invariants(world, Held(tuple(rows)), centre, chain), *_exported(world, chain)]
    if forks:
        found.append(f"the centre has seen a fork at {[number for number, _, _ in forks]}")
    if bool(world.machine.refused) != bool(world.rekey_expected):
        found.append(
            f"asked for a new enrolment: {world.machine.refused!r}, expected: {world.rekey_expected!r}"
        )
    if world.machine.lost_spans and not LIES & set(world.disk.done):
        found.append(f"seals {world.machine.lost_spans} were lost on an honest disk")
    if not world.machine.refused and not world.pages_destroyed:
        found += [*_arrived(world), *_messages(world)]
    found += _orders(world, chain)
    return [*found, *_bodies(world, chain), *_readings(world, chain), *_episodes(world, chain)]


def _invariants(world: World, rows: Held, centre: Held, chain: Chain) -> Iterator[str]:
    witness = world.machine.ledger.witness
    witness.events = [record.body for record in chain.of_kind(Kind.EVENT)]
    if world.machine.refused or world.rekey_expected:
        witness.healed_at_s = None
    hole = "there is a hole"
    if world.pages_destroyed:
        witness.gone = set(witness.seen) - {number for number, _ in rows.seals}
        witness.healed_at_s = None
    for line in invariants.broken(witness, rows, centre):
        if not (world.pages_destroyed and hole in line and "the gateway" in line):
            yield line


def _cloned(world: World, centre: Held, forks: list[tuple[int, bytes, int]]) -> Iterator[str]:
    """An old image was put back: whoever holds more than it must see that."""
    assert world.original is not None
    assert world.cloned_at is not None
    image_tip = world.cloned_at[0]
    both = [world.original.seen, world.machine.ledger.witness.seen]
    for number, digest in centre.seals:
        if not any(digest in seen.get(number, set()) for seen in both):
            yield f"I3: seal {number} of the centre was never made"
    held = {n for n, digest in centre.seals if n > image_tip and digest in world.original.seen.get(n, set())}
    sealed_again = any(number > image_tip for number in world.machine.ledger.witness.seen)
    if held and sealed_again and not world.machine.refused and not forks:
        yield f"an image that ends at {image_tip} goes on, the centre holds {max(held)}, and nobody says so"


def _exported(world: World, chain: Chain) -> Iterator[str]:
    if not chain.seals:
        return
    stream = BytesIO()
    write_chain(stream, GATEWAY, (ExportedSeal(cose, body) for _, cose, body in chain.seals))
    stream.seek(0)
    assert world.centre.first_key is not None
    report = verify_file(stream, world.centre.first_key)
    if not report.ok or report.seals != len(chain.seals):
        yield f"the exported chain does not verify: {report.error} after {report.seals} seals"


def _arrived(world: World) -> Iterator[str]:
    if not world.arrived:
        process = world.machine.process
        status = process.gateway.courier.status() if process else "no process"
        yield f"I7: the backlog has not arrived after healing: {status}"


def _messages(world: World) -> Iterator[str]:
    machine = world.machine
    limit = (
        MESSAGES_PER_SEAL_MAX * machine.ledger.sealed
        + MESSAGES_PER_CONNECT_MAX * machine.connects
        + MESSAGES_MAX
    )
    if machine.sent > limit:
        yield f"{machine.sent} messages for {machine.ledger.sealed} seals and {machine.connects} connects"


def _bodies(world: World, chain: Chain) -> Iterator[str]:
    missing = chain.bare - chain.declared
    if missing and not world.machine.refused and not world.pages_destroyed:
        yield f"bodies {sorted(missing)[:20]} are missing at the centre and nobody has declared them lost"


def _readings(world: World, chain: Chain) -> Iterator[str]:
    ledger = world.machine.ledger
    if ledger.vanished:
        yield f"{ledger.vanished} readings are in no seal, and nothing excuses that"
    owed = [raw for raw in ledger.owed if raw not in chain.readings]
    if owed and not chain.bare and not world.machine.refused:
        yield f"{len(owed)} readings waited when a life ended, and no later life has sealed them"
    twice = sum(count - 1 for count in chain.readings.values())
    if twice:
        yield f"{twice} readings stand twice in the chain"


def _orders(world: World, chain: Chain) -> Iterator[str]:
    machine = world.machine
    records = [record for record in chain.records if isinstance(record, Record)]
    yield from orders.judge(
        world.centre.orders,
        records,
        remembers=not (machine.lost_spans or machine.salvages),
        is_whole=world.arrived and not chain.bare and not machine.refused and not world.pages_destroyed,
    )


def _episodes(world: World, chain: Chain) -> Iterator[str]:
    counts: Counter[Told] = Counter(_told(record.body) for record in chain.of_kind(Kind.EPISODE))
    accused = {one for one in counts if _is_violation(one)}
    for one, times in counts.items():
        if times > 1 and world.machine.remembers:
            yield f"episode {one} stands {times} times in the chain"
    story = world.story
    for one in accused:
        if story.off is None or not one[0].startswith("k1"):
            yield f"an honest linkage is accused: {one}"
    machine = world.machine
    if chain.bare or not machine.remembers or machine.ledger.unkept:
        return
    if _seen_off(world) and not any(one[0].startswith("k1") for one in accused):
        yield f"treatment was off and seen to be off for {RAISED_AFTER_S:.0f} s, and nothing was raised"
    yield from _as_uninterrupted(world, chain, counts)


def _as_uninterrupted(world: World, chain: Chain, counts: Counter[Told]) -> Iterator[str]:
    """One detector that reads the whole chain in one life finds the same."""
    site = world.machine.site
    linkages = linkages_of(site)
    lines = {meter.id: meter.line for meter in site.meter}
    feed = DetectorFeed(Detector(linkages), setups_of(site), lines, linkages)
    told_s: dict[Told, float] = {}
    found_s: dict[Told, float] = {}
    for record in chain.records:
        now_s = feed._latest_ms / 1000
        if isinstance(record, Record) and record.kind is Kind.EPISODE:
            told_s.setdefault(_told(record.body), now_s)
            continue
        known = len(feed._unrecorded)
        feed.replay(record)
        found_s |= {_told(one.to_body()): now_s for one in feed._unrecorded[known:]}
    edge_s = feed._latest_ms / 1000 - EDGE_S
    for one, at_s in found_s.items():
        if one not in counts and at_s < edge_s:
            yield f"an uninterrupted detector finds {one}, the chain has it not"
    for one, at_s in told_s.items():
        if one not in found_s and at_s < edge_s:
            yield f"the chain has {one}, an uninterrupted detector does not find it"


def _seen_off(world: World) -> bool:
    """Whether treatment was off for long enough, in one piece that the agent saw."""
    off, story = world.story.off, world.story
    if off is None:
        return False
    of = {line for _, production, treatment in story.linkages[:1] for line in (*production, *treatment)}
    names = {name for meter in story.meters if meter.line in of for name in (meter.id, meter.bus)}
    begin_s = last_s = None
    for at_s in world.machine.fed:
        if at_s not in off or any(at_s in span for name, span, _ in story.silent if name in names):
            continue
        if begin_s is None or last_s is None or at_s - last_s > SEEN_S:
            begin_s = at_s
        last_s = at_s
        if at_s - begin_s >= RAISED_AFTER_S:
            return True
    return False


def _told(body: dict[str, object]) -> Told:
    numbers = body["numbers"]
    assert isinstance(numbers, dict)
    reopened = int(numbers.get("reopened", 0))
    return str(body["id"]), str(body["rule"]), str(body["state"]), reopened, str(body["severity"])


def _is_violation(counts: Told) -> bool:
    return counts[2] == State.RAISED and SEVERITIES[Rule(counts[1])] is Severity.VIOLATION
