"""The seven invariants that hold after every fault; one checker for all cases, simulated or real.

A case tells a `Witness` what it saw while it ran, and `check` compares that with what is left:

I1  every acknowledged seal is in the gateway's database, or a receipt covers it
I2  numbers have no hole, and no number was ever seen with two different seals
I3  what the centre holds is a prefix of the gateway's chain
I4  no row is gone that no receipt for an own hash covers
I5  resident memory stays below 256 MB, and the threads live or the process is dead
I6  every rejection left an event
I7  after healing, everything worked again within 60 s

A seal is acknowledged once `Sealer.seal` has returned it, or anybody saw it on the wire.
`check` fails with one line for every invariant that does not hold.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from attrs import define, field, frozen

from evidence.seal import FIRST_NUMBER, StoredSeal, seal_hash

RESIDENT_BYTES_MAX: Final = 256_000_000
RECOVERY_S_MAX: Final = 60.0


@frozen
class Held:
    """What one side holds at the end: seals by number, in order."""

    seals: tuple[tuple[int, bytes], ...]
    """(number, hash)"""

    @classmethod
    def of_rows(cls, rows: Iterable[StoredSeal]) -> "Held":
        return cls(tuple((row.number, row.hash) for row in rows))

    @classmethod
    def of_coses(cls, rows: Iterable[tuple[int, bytes]]) -> "Held":
        """From (number, cose)."""
        return cls(tuple((number, seal_hash(cose)) for number, cose in rows))


@define
class Witness:
    """What a case saw; every method may be called as often as one likes.

    Attributes:
        seen: Hashes of each seal number that were acknowledged: more than one is a fork.
        receipts: Hash that a receipt named, by number.
        gone: Seals that the case itself destroyed on purpose together with the keys that prove
            them (an owner with a hammer): they may be missing, but they may not be forged.
        rejections: Things that were refused.
        events: Bodies of event records, from the chain or from the core.
        healed_at_s, recovered_at_s: When the fault ended, and when a seal was receipted again.
    """

    seen: dict[int, set[bytes]] = field(factory=dict)
    receipts: dict[int, bytes] = field(factory=dict)
    gone: set[int] = field(factory=set)
    rejections: int = 0
    events: list[Mapping[str, object]] = field(factory=list)
    resident_bytes: int = 0
    dead_threads: list[str] = field(factory=list)
    healed_at_s: float | None = None
    recovered_at_s: float | None = None

    def acknowledged(self, number: int, digest: bytes) -> None:
        self.seen.setdefault(number, set()).add(digest)

    def published(self, cose: bytes, number: int) -> None:
        self.acknowledged(number, seal_hash(cose))

    def receipted(self, number: int, digest: bytes) -> None:
        self.receipts[number] = digest

    @property
    def receipted_up_to(self) -> int:
        """The highest number that a receipt names with a hash that this gateway had."""
        own = (n for n, digest in self.receipts.items() if digest in self.seen.get(n, {digest}))
        return max(own, default=FIRST_NUMBER - 1)


def broken(witness: Witness, gateway: Held | None, centre: Held | None = None) -> list[str]:
    """The invariants that do not hold, a line each; `gateway` None where its disk is gone for good."""
    found = [*_i2_once(witness), *_i5(witness), *_i6(witness), *_i7(witness)]
    if gateway is not None:
        found += [
            *_i1(witness, gateway),
            *_i2_hole("the gateway", gateway, witness.gone),
            *_i4(witness, gateway),
        ]
    if centre is not None:
        found += _i2_hole("the centre", centre, set())
        if gateway is not None:
            found += _i3(gateway, centre, witness)
    return found


def check(witness: Witness, gateway: Held | None, centre: Held | None = None) -> None:
    """Fail with everything that does not hold."""
    found = broken(witness, gateway, centre)
    assert not found, "\n".join(found)


def _i1(witness: Witness, gateway: Held) -> list[str]:
    rows = dict(gateway.seals)
    return [
        f"I1: acknowledged seal {number} is neither stored nor receipted"
        for number, digests in sorted(witness.seen.items())
        if number > witness.receipted_up_to and number not in witness.gone and rows.get(number) not in digests
    ]


def _i2_once(witness: Witness) -> list[str]:
    return [
        f"I2: seal {number} was seen as {len(digests)} different seals"
        for number, digests in sorted(witness.seen.items())
        if len(digests) > 1
    ]


def _i2_hole(whose: str, held: Held, gone: set[int]) -> list[str]:
    numbers = [number for number, _ in held.seals]
    between: Sequence[int] = range(numbers[0], numbers[-1] + 1) if numbers else ()
    expected = [number for number in between if number not in gone or number in set(numbers)]
    return [] if numbers == expected else [f"I2: {whose} holds {_spans(numbers)}: there is a hole"]


def _i3(gateway: Held, centre: Held, witness: Witness) -> list[str]:
    own = {number: {digest} for number, digest in gateway.seals}
    for number, digests in witness.seen.items():
        own.setdefault(number, digests)
    found = [
        f"I3: seal {number} of the centre is not the gateway's"
        for number, digest in centre.seals
        if number in own and digest not in own[number]
    ]
    if centre.seals and gateway.seals and centre.seals[-1][0] > gateway.seals[-1][0]:
        found.append(
            f"I3: the centre holds seal {centre.seals[-1][0]}, the gateway ends at {gateway.seals[-1][0]}"
        )
    if centre.seals and centre.seals[0][0] != FIRST_NUMBER:
        found.append(f"I3: the centre begins with seal {centre.seals[0][0]}")
    return found


def _i4(witness: Witness, gateway: Held) -> list[str]:
    first = gateway.seals[0][0] if gateway.seals else FIRST_NUMBER
    covered = witness.receipted_up_to
    missing = [n for n in range(FIRST_NUMBER, first) if n > covered and n not in witness.gone]
    return [f"I4: rows {_spans(missing)} are gone without a receipt"] if missing else []


def _i5(witness: Witness) -> list[str]:
    found = [f"I5: thread {name} is dead in a living process" for name in witness.dead_threads]
    if witness.resident_bytes >= RESIDENT_BYTES_MAX:
        found.append(f"I5: {witness.resident_bytes} bytes resident, below {RESIDENT_BYTES_MAX} are allowed")
    return found


def _i6(witness: Witness) -> list[str]:
    event_count = len(witness.events)
    if witness.rejections and not event_count:
        return [f"I6: {witness.rejections} rejections and no event"]
    return []


def _i7(witness: Witness) -> list[str]:
    if witness.healed_at_s is None:
        return []
    if witness.recovered_at_s is None:
        return ["I7: it did not recover after healing"]
    took = witness.recovered_at_s - witness.healed_at_s
    return [] if took <= RECOVERY_S_MAX else [f"I7: recovered {took:.0f} s after healing"]


def _spans(numbers: Sequence[int]) -> str:
    """`numbers` as "1-5, 7"."""
    spans: list[tuple[int, int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1] = spans[-1][0], number
        else:
            spans.append((number, number))
    return ", ".join(f"{a}-{b}" if b > a else str(a) for a, b in spans) or "nothing"
