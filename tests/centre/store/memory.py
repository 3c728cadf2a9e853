"""A store in memory: the shortest one that keeps the contract, and what tests of the core may use."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from attrs import define, field

from centre.store.contract import (
    FORKS_MAX,
    Accepted,
    Applied,
    CentreStore,
    Change,
    Charged,
    Fork,
    LateBody,
    MakeReceipt,
    UnknownGatewayError,
    gateway_of,
    number_of,
)
from disk.database import StoreError
from evidence.chain import ChainState
from evidence.held import Held
from evidence.seal import FIRST_NUMBER, seal_hash

Row = tuple[bytes, bytes | None, int]


@define
class Kept:
    """All of one gateway."""

    state: ChainState
    held: Held = field(factory=Held)
    seals: dict[int, Row] = field(factory=dict)
    statements: dict[bytes, tuple[int, bytes]] = field(factory=dict)
    forks: dict[tuple[int, bytes], int] = field(factory=dict)
    receipt: bytes | None = None
    account: bytes | None = None


@define
class MemoryStore(CentreStore):
    """See the module; `kept` outlives it as a disk would."""

    kept: dict[str, Kept] = field(factory=dict)

    def close(self) -> None:
        pass

    def reopen(self) -> None:
        pass

    def gateways(self) -> Collection[str]:
        return self.kept.keys()

    def state(self, gateway: str) -> ChainState:
        return self._of(gateway).state

    def held(self, gateway: str) -> Held:
        return self._of(gateway).held

    def commit(
        self, batch: Sequence[Change], receipts: Mapping[str, MakeReceipt] | None = None
    ) -> dict[str, bytes]:
        after = self._standings_after(batch, receipts or {})
        made = {name: make(*after[name]) for name, make in (receipts or {}).items()}
        sealed = {(one.state.gateway, one.state.number) for one in batch if isinstance(one, Accepted)}
        for one in batch:  # first, so that nothing is changed when it fails
            known = {(gateway_of(one), number) for number in self._of(gateway_of(one)).seals}
            if isinstance(one, LateBody) and (one.gateway, one.number) not in known | sealed:
                raise StoreError(f"{one.gateway}: no seal {one.number} to put a body to")
        for one in batch:
            _put(self._of(gateway_of(one)), one)
        for name, (state, held) in after.items():
            kept = self._of(name)
            kept.state, kept.held, kept.receipt = state, held, made.get(name, kept.receipt)
        return made

    def account(self, gateway: str) -> bytes | None:
        return self._of(gateway).account

    def last_receipt(self, gateway: str) -> bytes | None:
        return self._of(gateway).receipt

    def seal(self, gateway: str, number: int) -> tuple[bytes, bytes | None] | None:
        row = self._of(gateway).seals.get(number)
        return None if row is None else row[:2]

    def cose(self, gateway: str, number: int) -> bytes | None:
        row = self._of(gateway).seals.get(number)
        return None if row is None else row[0]

    def chain(
        self, gateway: str, first: int = FIRST_NUMBER
    ) -> Iterator[tuple[int, bytes, bytes | None, int]]:
        seals = self._of(gateway).seals
        yield from ((number, *seals[number]) for number in sorted(seals) if number >= first)

    def statements(self, gateway: str) -> list[tuple[int, bytes]]:
        return list(self._of(gateway).statements.values())

    def statements_at(self, gateway: str, number: int) -> list[bytes]:
        return [raw for at, raw in self._of(gateway).statements.values() if at == number]

    def is_applied(self, gateway: str, digest: bytes) -> bool:
        return digest in self._of(gateway).statements

    def forks(self, gateway: str) -> list[tuple[int, bytes, int]]:
        return [(number, raw, utc_ms) for (number, raw), utc_ms in self._of(gateway).forks.items()]

    def _insert(self, state: ChainState) -> None:
        self.kept[state.gateway] = Kept(state)

    def _of(self, gateway: str) -> Kept:
        try:
            return self.kept[gateway]
        except KeyError:
            raise UnknownGatewayError(f"{gateway} is not enrolled") from None


def _put(kept: Kept, change: Change) -> None:
    match change:
        case Accepted(state, cose, body, utc_ms):
            cose, known, utc_ms = kept.seals.get(state.number, (cose, None, utc_ms))
            kept.seals[state.number] = cose, known if known is not None else body, utc_ms
        case Applied(_, raw):
            kept.statements.setdefault(seal_hash(raw), (number_of(raw), raw))
        case LateBody(_, number, body):
            cose, known, utc_ms = kept.seals[number]
            kept.seals[number] = cose, known if known is not None else body, utc_ms
        case Charged(_, account):
            kept.account = account
        case Fork(_, number, raw, utc_ms):
            if len(kept.forks) < FORKS_MAX:
                kept.forks.setdefault((number, raw), utc_ms)
