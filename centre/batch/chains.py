"""The chains of the enrolled gateways, as one process of the centre knows them, and the results of a batch.

A chain is read from the store when its gateway is first heard of. What belongs to the batch that is under way
is forgotten when the batch is in the store.
"""

from collections.abc import Iterable, Sequence
from functools import partial

from attrs import define, field

from centre.gateway.budget import Account
from centre.gateway.parking import Parking
from centre.gateway.parts import Parts
from centre.gateway.pauses import Pauses
from centre.gateway.withheld import Withheld
from centre.json_lines import JsonLine, JsonLines, as_text
from centre.store.contract import CentreStore, Change, Told
from evidence.chain import ChainState
from evidence.seal import seal_hash


@define
class Chain:
    """One gateway; the fields from `coses` on are about the current batch.

    Attributes:
        paced: The centre itself dropped messages of it, so a hole is no finding.
        used, said: Bytes of the disk and of lines.
    """

    state: ChainState
    lines: JsonLines
    account: Account
    pauses: Pauses
    parking: Parking = field(factory=Parking)
    parts: Parts = field(factory=Parts)
    withheld: Withheld = field(factory=Withheld)
    paced: bool = False
    coses: dict[int, bytes] = field(factory=dict)  # accepted
    bodies: set[int] = field(factory=set)  # accepted, with their seals or alone
    stated: dict[int, list[bytes]] = field(factory=dict)  # keys that statements gave, by number
    restated: int = 0
    conflict: bool = False
    used: int = 0
    said: int = 0
    has_gap: bool = False

    def end_batch(self) -> None:
        """Forget the batch, which is in the store now."""
        self.coses.clear()
        self.bodies.clear()
        self.stated.clear()
        self.restated = self.used = self.said = 0
        self.paced &= self.has_gap
        self.conflict = self.has_gap = False

    def make_line(self, code: str, text: str) -> JsonLine:
        """The line of a finding about the gateway as it stands."""
        return self.lines.make_finding(self.state.number, code, text)


@define
class Batch:
    """The results of a batch so far; none of them is durable yet.

    Attributes:
        touched: The chains that received something; each is answered.
        heard: The gateways of which something new was accepted, with the last seal.
    """

    utc_ms: int
    changes: list[Change] = field(factory=list)
    lines: list[JsonLine] = field(factory=list)
    touched: dict[str, Chain] = field(factory=dict)
    heard: dict[str, int] = field(factory=dict)


@define
class Chains:
    """See the module; `decodes` as in JsonLines."""

    store: CentreStore
    decodes: bool = True
    _loaded: dict[str, Chain] = field(init=False, factory=dict)

    def find(self, gateway: str) -> Chain | None:
        """The chain of an enrolled gateway."""
        if gateway not in self._loaded:
            if gateway not in self.store.gateways():
                return None
            lines = JsonLines(gateway, partial(self._hash_of, gateway), self.decodes)
            raw = self.store.account(gateway)
            account = Account() if raw is None else Account.from_cbor(raw)
            judged_to = self.store.held(gateway).up_to if account.judged_to is None else account.judged_to
            pauses = Pauses(max(judged_to - 1, 0))  # once more, so that the next one has a seal before it
            self._loaded[gateway] = Chain(self.store.state(gateway), lines, account, pauses)
        return self._loaded[gateway]

    def get(self, gateway: str) -> Chain | None:
        """The chain of a gateway that was heard of in this life; no other is read for it."""
        return self._loaded.get(gateway)

    def forget(self, gateway: str) -> None:
        """Read it from the store again when it is heard of."""
        self._loaded.pop(gateway, None)

    def loaded(self) -> Iterable[Chain]:
        """Those that were heard of in this life."""
        return self._loaded.values()

    def cose_of(self, gateway: str, number: int) -> bytes | None:
        """A seal that was accepted, in this batch or before."""
        return self._loaded[gateway].coses.get(number) or self.store.cose(gateway, number)

    def _hash_of(self, gateway: str, number: int) -> bytes | None:
        cose = self.cose_of(gateway, number)
        return None if cose is None else seal_hash(cose)


def findings_of(lines: Sequence[JsonLine], utc_ms: int) -> list[Told]:
    """The findings among `lines`, to be committed."""
    return [
        Told(line["gateway"], line["seal"], as_text(line), utc_ms)
        for line in lines
        if line["type"] == "finding"
    ]
