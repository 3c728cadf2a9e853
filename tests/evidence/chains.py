"""Chains to test with: stamps, seals with keys that can be told again, and stores that fail on demand."""

from collections.abc import Iterable
from hashlib import sha256

from attrs import define, evolve, field

from agent.sealing.key_slots import Slot, first_slot
from disk.database import CommitError
from drivers.clock import ClockState, Stamp
from evidence import keys
from evidence.body import plain_body
from evidence.chain import ChainState
from evidence.record import NS_PER_MS, Kind, encode_record
from evidence.seal import (
    FIRST_NUMBER,
    FIRST_RECORD,
    NO_HASH,
    SealHeader,
    StoredSeal,
    merkle_root,
    seal_hash,
    sign_header,
)

GATEWAY = "gw-7"
NOON_NS = 1_767_268_800 * 10**9
SEAL_S = 10


def stamp(second: float = 0.0, *, boot: int = 1, offset_s: float = 0.0) -> Stamp:
    """`second` seconds after noon; `offset_s` moves the wall clock against the boottime."""
    return Stamp(
        utc_ns=NOON_NS + int((second + offset_s) * 10**9),
        boottime_ns=int((100 + second) * 10**9),
        boot_id=bytes([boot]) * 16,
        clock_state=ClockState.SYNCHRONISED,
    )


def heartbeat(number: int) -> bytes:
    return encode_record(Kind.HEARTBEAT, stamp(number), {"beat": number})


def secret(number: int, owner: str = GATEWAY) -> bytes:
    """The key of seal `number`, the same each time."""
    return sha256(f"{owner} {number}".encode()).digest()


@define
class Chain:
    """Makes seals by hand, so that each of them can be made wrong."""

    owner: str = GATEWAY
    number: int = FIRST_NUMBER
    next_record: int = FIRST_RECORD
    previous: bytes = NO_HASH
    signer_owner: str = ""
    """Whose keys sign, where the chain goes on under others."""

    def enrolled(self) -> ChainState:
        return ChainState.enrolled(self.owner, keys.public(secret(FIRST_NUMBER, self.owner)))

    def seal(
        self, records: Iterable[bytes] | None = None, at: Stamp | None = None, **wrong: object
    ) -> StoredSeal:
        """The next seal; `wrong` replaces fields of its header, `signer` its secret."""
        rows = [heartbeat(self.number)] if records is None else list(records)
        at = at or stamp(self.number * SEAL_S)
        whose = self.signer_owner or self.owner
        signer = wrong.pop("signer", secret(self.number, whose))
        header = SealHeader(
            gateway=self.owner,
            number=self.number,
            first_record=self.next_record,
            count=len(rows),
            root=merkle_root(rows),
            previous=self.previous,
            next_key=keys.public(secret(self.number + 1, whose)),
            utc_ms=at.utc_ns // NS_PER_MS,
            boottime_ms=at.boottime_ns // NS_PER_MS,
            boot_id=at.boot_id,
            clock_state=at.clock_state,
        )
        header = evolve(header, **wrong)
        cose = sign_header(header, signer)
        # The plain form: its length is that of its records, and no zlib decides over its bytes.
        body = plain_body(rows)
        made = StoredSeal(header.number, seal_hash(cose), cose, body, header.first_record, header.count)
        self.number, self.next_record, self.previous = (
            self.number + 1,
            self.next_record + len(rows),
            made.hash,
        )
        return made


class PowerCutError(BaseException):
    """The machine stops here; nothing after this line happens."""


@define
class Bench:
    """Says at which step the power is cut, before or after the step took effect."""

    step: str = ""
    after: bool = False

    def reach(self, step: str, *, done: bool) -> None:
        if self.step == step and self.after is done:
            raise PowerCutError(step)


@define
class MemorySlots:
    """A key file that cannot be torn."""

    bench: Bench = field(factory=Bench)
    slots: dict[int, Slot] | None = None

    def exists(self) -> bool:
        return self.slots is not None

    def create(self, first: bytes) -> None:
        self.bench.reach("create", done=False)
        self.slots = {FIRST_NUMBER: first_slot(first)}
        self.bench.reach("create", done=True)

    def load(self) -> tuple[Slot, ...]:
        assert self.slots is not None
        return tuple(self.slots[number] for number in sorted(self.slots))

    def write(self, slot: Slot) -> None:
        assert self.slots is not None
        self.bench.reach("write", done=False)
        self.slots[slot.number] = slot
        self.slots.pop(slot.number - 64, None)
        self.bench.reach("write", done=True)

    def erase(self, number: int) -> None:
        assert self.slots is not None
        self.bench.reach("erase", done=False)
        self.slots[number] = evolve(self.slots[number], secret=None)
        self.bench.reach("erase", done=True)


@define
class MemoryStore:
    """A database that keeps what it is given, or lies about it.

    `failing` is a list of (stored, error) for the next commits.
    """

    bench: Bench = field(factory=Bench)
    seals: dict[int, StoredSeal] = field(factory=dict)
    commits: list[list[int]] = field(factory=list)
    failing: list[tuple[bool, CommitError]] = field(factory=list)
    reopened: int = 0

    def last(self) -> StoredSeal | None:
        return self.seals[max(self.seals)] if self.seals else None

    def append(self, *seals: StoredSeal) -> None:
        self.bench.reach("append", done=False)
        stored, error = self.failing.pop(0) if self.failing else (True, None)
        if stored:
            if any(seal.number in self.seals for seal in seals):
                raise CommitError("UNIQUE constraint failed")
            self.seals |= {seal.number: seal for seal in seals}
            self.commits.append([seal.number for seal in seals])
        if error is not None:
            raise error
        self.bench.reach("append", done=True)

    def bodiless_since(self, number: int) -> int:
        first = number
        while first - 1 in self.seals and self.seals[first - 1].body is None:
            first -= 1
        return first

    def last_bodiless(self) -> int | None:
        return max((number for number, seal in self.seals.items() if seal.body is None), default=None)

    def reopen(self) -> None:
        self.reopened += 1

    def drop_commits(self, count: int) -> None:
        """A disk that lied about its last commits, each of which is there whole or not at all."""
        for _ in range(min(count, len(self.commits))):
            for number in self.commits.pop():
                del self.seals[number]

    def rows(self, first: int) -> list[StoredSeal]:
        return [self.seals[number] for number in sorted(self.seals) if number >= first]
