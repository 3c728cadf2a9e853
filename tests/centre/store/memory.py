"""A store in memory: the shortest one that keeps the contract, and what tests of the core may use."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence

from attrs import define, evolve, field

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
    Marked,
    Told,
    UnknownGatewayError,
    gateway_of,
    number_of,
)
from centre.store.journal import STRANGERS_MAX, Arrival, Journal, Mark, What
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
class MemoryJournal(Journal):
    """A list; what is put again is not noted again."""

    rows: list[Arrival] = field(factory=list)
    delivered: int = 0

    def last_place(self) -> int:
        return len(self.rows)

    def arrivals(self, after: int, limit: int, gateways: Collection[str] = ()) -> list[Arrival]:
        return [row for row in self.rows[after:] if not gateways or row.gateway in gateways][:limit]

    def marked(
        self, gateway: str, mark: Mark, before: int, first: int = FIRST_NUMBER, *, backwards: bool = False
    ) -> Iterator[Arrival]:
        known = self.rows[: before - 1]
        for row in reversed(known) if backwards else known:
            if row.gateway == gateway and row.number >= first and row.marks & mark:
                yield row

    def gateways(self) -> Collection[str]:
        return list(dict.fromkeys(row.gateway for row in self.rows if row.gateway))

    def told(self, gateway: str, since_utc_ms: int) -> list[Arrival]:
        lines = (row for row in self.rows if row.gateway == gateway and row.line)
        return [row for row in lines if row.received_utc_ms >= since_utc_ms]

    def newest(self, gateway: str, mark: Mark) -> Iterator[Arrival]:
        found = [row for row in self.rows if row.gateway == gateway and row.marks & mark]
        yield from sorted(found, key=lambda row: (row.number, row.place), reverse=True)

    def note(self, change: Change, kept: "Kept | None") -> None:
        place = len(self.rows) + 1
        match change:
            case Accepted(state, cose, body, utc_ms):
                row = kept.seals.get(state.number) if kept else None
                what = What.WHOLE if body is not None else What.SEAL
                if row is not None and (body is None or row[1] is not None):
                    return
                what = What.BODY if row is not None else what
                self.rows.append(
                    Arrival(place, state.gateway, state.number, what, utc_ms, Mark(0), "", cose, body)
                )
            case LateBody(gateway, number, body, _, utc_ms) if kept and kept.seals[number][1] is None:
                cose = kept.seals[number][0]
                self.rows.append(Arrival(place, gateway, number, What.BODY, utc_ms, Mark(0), "", cose, body))
            case Marked(gateway, number, marks):
                for at, one in enumerate(self.rows):
                    if (one.gateway, one.number) == (gateway, number) and one.body is not None:
                        self.rows[at] = evolve(one, marks=marks)
            case Told(gateway, number, line, utc_ms):
                name = gateway if kept else ""
                row = Arrival(place, name, number, What.FINDING, utc_ms, Mark(0), line)
                same = [one for one in self.rows if evolve(one, place=place) == row]
                strangers = sum(one.what is What.FINDING and not one.gateway for one in self.rows)
                if not same and (kept or strangers < STRANGERS_MAX):
                    self.rows.append(row)


@define
class MemoryStore(CentreStore):
    """See the module; `kept` outlives it as a disk would."""

    kept: dict[str, Kept] = field(factory=dict)
    noted: MemoryJournal = field(factory=MemoryJournal)

    def journal(self) -> Journal:
        return self.noted

    def last_finding(self, gateway: str, code: str) -> Told | None:
        for row in reversed(self.noted.rows):
            line = json.loads(row.line) if row.line else {}
            if (line.get("gateway"), line.get("code")) == (gateway, code):
                return Told(gateway, row.number, row.line, row.received_utc_ms)
        return None

    def finding_at(self, gateway: str, number: int, code: str) -> Told | None:
        found = [
            row for row in self.noted.rows if row.line and (row.gateway, row.number) == (gateway, number)
        ]
        for row in reversed(found):
            if json.loads(row.line).get("code") == code:
                return Told(gateway, number, row.line, row.received_utc_ms)
        return None

    def delivered(self) -> int:
        return self.noted.delivered

    def note_delivered(self, place: int) -> None:
        self.noted.delivered = place

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
        after = self.standings_after(batch, receipts or {})
        made = {name: make(*after[name]) for name, make in (receipts or {}).items()}
        sealed = {(one.state.gateway, one.state.number) for one in batch if isinstance(one, Accepted)}
        for one in batch:  # first, so that nothing is changed when it fails
            if not isinstance(one, LateBody):
                continue
            known = {(one.gateway, number) for number in self._of(one.gateway).seals}
            if (one.gateway, one.number) not in known | sealed:
                raise StoreError(f"{one.gateway}: no seal {one.number} to put a body to")
        for one in batch:
            self.noted.note(one, self.kept.get(gateway_of(one)))
            if not isinstance(one, Told | Marked):
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
