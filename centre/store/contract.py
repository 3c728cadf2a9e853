"""What the centre needs of its store, whatever database is behind it.

A store keeps for every gateway its keys, the state of its chain, which bodies are held, every accepted seal
with its body, the statements that were applied, the other halves of forks, the findings, the last receipt,
and in which order all this came (`centre.store.journal`). Only what `evidence.verify` has accepted enters,
and nothing is ever deleted.

`commit` is the way in: everything of a batch becomes durable together with the states and the receipts that
follow from it, or nothing does. Only what `commit` has returned may be published. After a CommitError the
result is unknown; `reopen`, then the same batch again, changes nothing that was stored already. The read
methods show what is committed, never a part of a batch.

`tests/centre/store/test_contract.py` holds every implementation to this.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

from attrs import evolve, frozen

from centre.store.journal import Journal, Mark
from disk.database import StoreError
from evidence.chain import ChainState
from evidence.held import Held
from evidence.seal import FIRST_NUMBER, NO_HASH, seal_hash
from evidence.statement import Enrolment, Rekey, Replace, parse_statement

FORKS_MAX: Final = 1_000
"""Forks kept for one gateway; the first is proof, and a clone must not fill the disk."""


class UnknownGatewayError(StoreError):
    """No such gateway was enrolled."""


class EnrolmentError(StoreError):
    """A gateway of this name is enrolled with another first key."""


@frozen
class Accepted:
    """A verified seal, with the state of its chain after it.

    Attributes:
        body: None where it was withheld.
        absent: First and last number of bodies that its records declare lost.
    """

    state: ChainState
    cose: bytes
    body: bytes | None
    received_utc_ms: int
    absent: tuple[tuple[int, int], ...] = ()


@frozen
class Applied:
    """A statement that was applied, with the state of its chain after it."""

    state: ChainState
    raw: bytes
    received_utc_ms: int


@frozen
class LateBody:
    """The body of a seal that was accepted without it; `absent` as in Accepted."""

    gateway: str
    number: int
    body: bytes
    absent: tuple[tuple[int, int], ...] = ()
    received_utc_ms: int = 0


@frozen
class Marked:
    """What the body of a seal in the same batch does to the lines of others; see `centre.store.journal`."""

    gateway: str
    number: int
    marks: Mark


@frozen
class Told:
    """A finding, as the JSON line that consumers get; `gateway` is "" or a stranger if it is about none."""

    gateway: str
    number: int
    line: str
    received_utc_ms: int


@frozen
class Fork:
    """A seal, or a statement, that contradicts what was accepted at its number."""

    gateway: str
    number: int
    raw: bytes
    received_utc_ms: int


@frozen
class Charged:
    """What a gateway has used so far, as `centre.gateway.budget` encodes it; the last one counts."""

    gateway: str
    account: bytes


Change = Accepted | Applied | LateBody | Fork | Charged | Marked | Told
MakeReceipt = Callable[[ChainState, Held], bytes]
"""Makes the receipt of a gateway from the state and the bodies that a batch leaves."""


class CentreStore(ABC):
    """See the module."""

    @abstractmethod
    def close(self) -> None:
        """Close the database."""

    @abstractmethod
    def reopen(self) -> None:
        """Open the database again after a failed commit; raises StoreError if that fails."""

    @abstractmethod
    def gateways(self) -> Collection[str]:
        """Every enrolled gateway, in the order of enrolment."""

    @abstractmethod
    def state(self, gateway: str) -> ChainState:
        """Where the chain of `gateway` stands.

        Raises:
            UnknownGatewayError: It is not enrolled; so do all methods that take a gateway.
        """

    @abstractmethod
    def held(self, gateway: str) -> Held:
        """Which bodies of `gateway` are held; not to be changed by the caller."""

    @abstractmethod
    def commit(
        self, batch: Sequence[Change], receipts: Mapping[str, MakeReceipt] | None = None
    ) -> dict[str, bytes]:
        """Put `batch`, in the order of acceptance, the states after it and `receipts` into one transaction.

        A statement or a fork that is there already is not put again; a body never replaces another.

        Returns:
            The receipts by gateway, all of them committed.

        Raises:
            CommitError: The result is unknown; the same batch may be committed again.
            StoreError: There is no seal for one of the bodies; nothing was changed.
        """

    @abstractmethod
    def journal(self) -> Journal:
        """What was committed, in the order in which it came."""

    @abstractmethod
    def last_finding(self, gateway: str, code: str) -> Told | None:
        """The last finding with this code that was committed about a gateway, or with "" about none."""

    @abstractmethod
    def finding_at(self, gateway: str, number: int, code: str) -> Told | None:
        """The last finding with this code about seal `number`, found without a look at the others."""

    @abstractmethod
    def delivered(self) -> int:
        """The place up to which lines were handed on, as far as the store was told."""

    @abstractmethod
    def note_delivered(self, place: int) -> None:
        """Lines up to `place` were handed on; durable with the next `commit` or `close`."""

    @abstractmethod
    def account(self, gateway: str) -> bytes | None:
        """The account that was committed last, None before the first."""

    @abstractmethod
    def last_receipt(self, gateway: str) -> bytes | None:
        """The receipt that was committed last."""

    @abstractmethod
    def seal(self, gateway: str, number: int) -> tuple[bytes, bytes | None] | None:
        """Seal `number` and its body, or None."""

    @abstractmethod
    def cose(self, gateway: str, number: int) -> bytes | None:
        """Seal `number` without its body, or None."""

    @abstractmethod
    def chain(
        self, gateway: str, first: int = FIRST_NUMBER
    ) -> Iterator[tuple[int, bytes, bytes | None, int]]:
        """(number, cose, body, received_utc_ms) of every seal from `first` on."""

    @abstractmethod
    def statements(self, gateway: str) -> list[tuple[int, bytes]]:
        """(number, raw) of everything that was applied, in that order; number 0 is the enrolment."""

    @abstractmethod
    def statements_at(self, gateway: str, number: int) -> list[bytes]:
        """Those of this number alone, found without a look at the others."""

    @abstractmethod
    def is_applied(self, gateway: str, digest: bytes) -> bool:
        """Whether the statement with this hash was applied."""

    @abstractmethod
    def forks(self, gateway: str) -> list[tuple[int, bytes, int]]:
        """(number, raw, received_utc_ms) of every fork; the first FORKS_MAX of a gateway are kept."""

    def enrol(
        self,
        gateway: str,
        first_key: bytes,
        recovery_key: bytes = NO_HASH,
        enrolment: bytes = b"",
        utc_ms: int = 0,
    ) -> None:
        """Enrol `gateway` with its keys and the statement about them; a repetition changes nothing.

        A recovery key may be added where there was none.

        Raises:
            EnrolmentError: It is enrolled with another key.
            FormatError: The id or a key is malformed.
        """
        state = ChainState.enrolled(gateway, first_key, recovery_key)
        if gateway not in self.gateways():
            self._insert(state)
        elif self.state(gateway).first_key != first_key:
            raise EnrolmentError(f"{gateway} is enrolled with another first key")
        if not enrolment or self.is_applied(gateway, seal_hash(enrolment)):
            return
        known = self.state(gateway)
        if known.recovery_key == NO_HASH:  # else it stays: a replacement may have set another
            known = evolve(known, recovery_key=recovery_key)
        self.commit([Applied(known, enrolment, utc_ms)])

    def stated_keys(self, gateway: str, number: int) -> list[bytes]:
        """The keys that statements gave to seal `number`, in the order in which they were applied."""
        stated = (parse_statement(raw).statement for raw in self.statements_at(gateway, number))
        return [one.next_key for one in stated if isinstance(one, Rekey | Replace)]

    @abstractmethod
    def _insert(self, state: ChainState) -> None:
        """Add a gateway at the beginning of its chain, in a transaction of its own."""

    def standings_after(
        self, batch: Sequence[Change], others: Collection[str]
    ) -> dict[str, tuple[ChainState, Held]]:
        """The standings of the gateways in `batch` after it, and of `others` unchanged."""
        names = dict.fromkeys([name for name in map(gateway_of, batch) if name in self.gateways()])
        names |= dict.fromkeys(others)
        states = {name: self.state(name) for name in names}
        helds = {name: Held(self.held(name).up_to, [*self.held(name).ranges]) for name in names}
        for one in batch:
            name = gateway_of(one)
            if name not in names:  # a finding about a stranger
                continue
            # In the order of acceptance: a statement changes a state and not its number.
            if isinstance(one, Accepted | Applied) and one.state.number >= states[name].number:
                states[name] = one.state
            for span in _spans_of(one):
                helds[name].add(*span)
        return {name: (states[name], helds[name]) for name in names}


def gateway_of(change: Change) -> str:
    """The gateway whose chain it is about."""
    return change.state.gateway if isinstance(change, Accepted | Applied) else change.gateway


def count_bytes(change: Change) -> int:
    """Bytes that a change puts into the store."""
    match change:
        case Accepted(cose=cose, body=body):
            return len(cose) + len(body or b"")
        case LateBody(body=body):
            return len(body)
        case Applied(raw=raw) | Fork(raw=raw):
            return len(raw)
        case Told(line=line):
            return len(line.encode())
        case Charged() | Marked():
            return 0


def number_of(raw: bytes) -> int:
    """Where a statement stands in the order of the numbers; 0 for the enrolment."""
    statement = parse_statement(raw).statement
    return FIRST_NUMBER - 1 if isinstance(statement, Enrolment) else statement.number


def _spans_of(change: Change) -> list[tuple[int, int]]:
    """Ranges of bodies that are no longer awaited."""
    if isinstance(change, LateBody):
        return [(change.number, change.number), *change.absent]
    if isinstance(change, Accepted):
        own = (change.state.number, change.state.number)
        return [*change.absent, *([own] if change.body is not None else [])]
    return []
