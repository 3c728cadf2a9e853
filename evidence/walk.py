"""One walk along a stored chain: the only way from stored seals to their records. Pure.

A store holds whatever its owner wrote, so its content alone proves nothing. The walk begins at an anchor
(`evidence.anchors`) and yields records only of seals that it reached from there:

    first key    of the enrolment: seal 1 is signed with it
    receipt      signed by the centre, names number and hash of a seal that is here
    statement    a replacement signed by the centre, or a re-key signed by the enrolled recovery key: the
                 key of a seal, and the hash of the one before it. Behind a hole a re-key counts only while
                 no receipt is here: the recovery key's file is the owner's to edit
    tip          number and hash of the last seal, if the reader has them from a better source than the store:
                 the daemon from its key file, the centre from its chain state

Forwards from an anchor every seal passes `evidence.verify.accept`: gateway, the key that the seal before
certified (or that a statement gave), previous hash, count of records. Backwards, the previous hash of an
anchored seal names the one before it, and so on; no signature is checked, because nobody can make another
seal with that hash. So an unbroken run costs hashes up to its last anchor, and signatures only behind it.

    the store holds                          the walk accepts               and reports
    seals 1 to n, no receipt                 all, from the first key
    seals 1 to n, neither key nor receipt    none                           UNANCHORED
    pruned, begins above 1, a receipt r      to r by hashes, behind r by
                                             signatures
    begins above 1, no anchor in it          none                           BEHIND or UNANCHORED
    re-keyed, replaced                       on under the statement's key   BROKEN, if nobody here can check
                                                                            it and no receipt came since
    lost tail, bodies dropped                all; `records` is None
    a hole, an anchor on both sides          all
    a hole, no anchor behind it              what is before the hole        BEHIND
    a hole, no anchor before it              what is behind the hole        UNANCHORED, as a gap
    a seal that does not follow              what is before it              BROKEN
    a receipt that contradicts a seal        what is before that seal       OTHER
    seal 1, under another key than the one   all that an anchor reaches     FIRST_KEY
    that the reader knows as the first
    neighbours that do not fit each other    from the later anchor back     APART, up to the misfit
    a body that is not what was sealed       the header; `problem` says why

`Walk.steps` reads only headers and notes the hash of each PIECE_SEALS-th accepted seal. `Walk.seals`
reads the rows of a piece, links them back from that hash, and yields only what is linked, so a store
that changes meanwhile does no harm. PIECE_SEALS rows are in memory, however long the chain.

What verbs do with a refusal that is no gap, with its one line: `commission --chain`, `backtest --chain`,
`explain` and the check of a sheet end with exit 2, `evidence` with exit 1; the doctor reports a failure
(exit 1); the status page shows it instead of the day; the daemon replays nothing that was refused, and
logs it. Before a hole at the end (`Walk.hole`) `evidence` is made all the same, and `explain` shows what is
there and then ends with exit 2. `verify` reads a file, in which nothing can be missing: exit 1 at the first
seal that is not accepted.

Not handled here: who keeps the anchors. On a gateway the first key comes from the state folder: the machine's
owner can put another whole chain there, and only receipts, checked with the centre's key of the site
file, tell the two apart.
"""

from bisect import insort
from collections.abc import Generator, Iterator
from itertools import islice
from typing import Final

from attrs import define, field, frozen

from evidence.anchors import Anchors, SealRow, Source
from evidence.cbor import FormatError
from evidence.chain import ChainState, Outcome
from evidence.record import Kind, ReadingRecord, Record, decode_record, kind_of
from evidence.seal import DOMAIN, FIRST_NUMBER, SealHeader, open_body, parse_seal, peek_header, seal_hash
from evidence.words import Words

PIECE_SEALS: Final = 500
"""32 MB of bodies at the very most."""

UNANCHORED: Final = Words(
    "签封{first}至{last}没有凭据：既无中心回执，也无首密钥；请联网等待中心的下一个回执",
    "seals {first} to {last}: no receipt of the centre and no first key vouches for them; "
    "connect until the centre's next receipt comes",
)
BEHIND: Final = Words(
    "签封{first}至{last}位于缺失的签封（自{lost}起）之后，且无中心回执为凭；请联网等待下一个回执，"
    "否则换密钥（dianjian-agent rekey）",
    "seals {first} to {last} lie behind missing seals (from {lost} on), and no receipt of the centre vouches "
    "for them; connect until its next receipt comes, or see dianjian-agent rekey",
)
BROKEN: Final = Words(
    "签封{first}与前一签封不相接（{why}）；请勿改动数据库，见 dianjian doctor",
    "seal {first}: does not follow the seal before it ({why}); "
    "keep the database as it is, see dianjian doctor",
)
APART: Final = Words(
    "签封{first}至{last}与已证实的签封{next}不相接；请勿改动数据库，见 dianjian doctor",
    "seals {first} to {last}: seal {next}, which is proved, does not follow them; "
    "keep the database as it is, see dianjian doctor",
)
FIRST_KEY: Final = Words(
    "签封1不是登记文件（enrolment.json）中的首密钥所签：登记文件被改动过",
    "seal 1 is not signed with the first key of enrolment.json: that file was changed",
)
OTHER: Final = Words(
    "签封{first}与中心回执不符：中心持有另一个签封{first}；需换密钥（dianjian-agent rekey）",
    "seal {first}: the centre's receipt is for another seal {first}; "
    "a new key is needed (dianjian-agent rekey)",
)


@frozen
class Refusal:
    """Seals that no anchor reaches.

    Attributes:
        is_gap: A hole follows them, after which the chain goes on.
        is_behind: They lie behind a hole, before which the chain is proved.
    """

    first: int
    last: int
    text: Words
    is_gap: bool
    is_behind: bool = False


@frozen
class WalkedSeal:
    """An accepted seal.

    Attributes:
        records: The content of its body; None if that is not held, not wanted or wrong.
        problem: Why the body is not what was sealed, "" if it is.
    """

    header: SealHeader
    records: tuple[bytes, ...] | None
    problem: str = ""

    def decode(self, *kinds: Kind) -> Iterator[Record | ReadingRecord]:
        """The records of these kinds, of all kinds if none is given; unreadable ones are skipped."""
        wanted = frozenset(map(int, kinds))  # an enum's own hash would take most of the time
        for raw in self.records or ():
            if wanted and kind_of(raw) not in wanted:
                continue
            try:
                yield decode_record(raw)
            except FormatError:  # of another version
                continue

    def events(self, *kinds: Kind) -> Iterator[Record]:
        """The same for kinds other than readings."""
        return (one for one in self.decode(*kinds) if isinstance(one, Record))


@frozen
class _Mark:
    """The last seal of a piece, and the times between which the piece was made."""

    number: int
    hash: bytes
    from_ms: int
    to_ms: int


@define(eq=False, repr=False)
class _Run:
    """Accepted seals without a hole, from `first` to `last`."""

    first: int
    last: int
    hash: bytes = b""
    marks: list[_Mark] = field(factory=list)
    _times: list[int] = field(factory=list)

    @classmethod
    def at(cls, number: int) -> "_Run":
        """A run that will begin with seal `number`."""
        return cls(number, number - 1)

    def add(self, header: SealHeader, digest: bytes) -> None:
        self.last, self.hash = header.number, digest
        times = [*self._times, header.utc_ms]
        self._times = [min(times), max(times)]

    def mark(self) -> None:
        """End a piece."""
        if self._times:
            self.marks.append(_Mark(self.last, self.hash, self._times[0], self._times[-1]))
            self._times = []

    def pieces(self) -> Iterator[tuple[int, _Mark]]:
        """The first number of each piece, and its mark."""
        first = self.first
        for mark in self.marks:
            yield first, mark
            first = mark.number + 1


@define(eq=False, repr=False)
class Walk:
    """The walk over seals `first` to `last` of `source`.

    Attributes:
        source: May be reopened between two steps.
        refused: Stored seals that were not accepted, in order.
        piece_seals: Rows in memory at once.
    """

    source: Source
    anchors: Anchors
    first: int
    last: int
    piece_seals: int = PIECE_SEALS
    refused: list[Refusal] = field(factory=list, init=False)
    _runs: list[_Run] = field(factory=list, init=False)
    _end: ChainState | None = field(default=None, init=False)

    @property
    def problem(self) -> Words | None:
        """Why the chain must not be trusted; None if only gaps were refused."""
        return next((one.text for one in self.refused if not one.is_gap), None)

    @property
    def hole(self) -> Refusal | None:
        """The one thing that is wrong, where that is a hole at the end; what is before it may be used."""
        wrong = [one for one in self.refused if not one.is_gap]
        return wrong[0] if len(wrong) == 1 and wrong[0].is_behind and self.proved_to else None

    @property
    def proved_to(self) -> int:
        """The last seal that was accepted, 0 if none was."""
        return max((run.last for run in self._runs if run.marks), default=0)

    def steps(self) -> Generator[int]:
        """Read the headers piece by piece; each step yields the seal number it has reached."""
        anchors, wrong = self.anchors.find(self.source, self.last)
        top = self.last
        if wrong is not None:
            self._refuse(wrong, top, OTHER)
            top = wrong - 1
        while top >= self.first:
            anchors = [one for one in anchors if one.number <= top]
            is_gap = any(run.marks for run in self._runs)
            if not anchors:
                for row in islice(self.source.rows(self.first, top, bodies=False), 1):
                    self._refuse(row.number, top, UNANCHORED, is_gap=is_gap)
                return
            anchor = anchors.pop()
            yield from self._go_forward(anchor, top, is_gap=is_gap)
            top = (yield from self._link_back(anchor)) - 1
        self._check_first_key()

    def _check_first_key(self) -> None:
        """Seal 1, where an anchor reaches it by hashes alone, against the first key that the reader knows."""
        begin = self._runs[0] if self._runs else None
        known = self.anchors.keys_of_first()
        if begin is None or begin.first != FIRST_NUMBER or not begin.marks or not known:
            return
        for row in islice(self.source.rows(FIRST_NUMBER, FIRST_NUMBER, bodies=False), 1):
            signed = parse_seal(row.cose)[1]
            if not any(signed.holds(key, DOMAIN) for key in known):
                self._refuse(FIRST_NUMBER, FIRST_NUMBER, FIRST_KEY)

    def extend(self, last: int) -> Generator[int]:
        """Continue to seal `last`, made after `steps` ended."""
        if self._end is not None and last > self.last:
            self.last = last
            yield from self._go_forward(self._end, last, is_gap=False)

    def seals(
        self,
        first: int = FIRST_NUMBER,
        last: int | None = None,
        *,
        bodies: bool = True,
        backwards: bool = False,
        made_ms: tuple[int, int] | None = None,
    ) -> Iterator[WalkedSeal]:
        """The accepted seals `first` to `last` (None: all), with their records unless `bodies` is false.

        With `made_ms` pieces in which no seal was made between these times, UTC, are passed over.
        """
        first, last = max(first, self.first), self.last if last is None else last
        pieces = [piece for run in self._runs for piece in run.pieces()]
        for low, mark in reversed(pieces) if backwards else pieces:
            if mark.number < first or low > last:
                continue
            if made_ms is not None and (mark.to_ms < made_ms[0] or mark.from_ms > made_ms[1]):
                continue
            linked = list(self._link(max(low, first), mark, bodies=bodies))
            for header, body in linked if backwards else reversed(linked):
                if header.number <= last:
                    yield _open(header, body)

    def _link(self, low: int, mark: _Mark, *, bodies: bool) -> Iterator[tuple[SealHeader, bytes | None]]:
        """Headers and bodies of a piece from its mark down, each the one that the seal after it names."""
        number, expected = mark.number, mark.hash
        rows = list(islice(self.source.rows(low, mark.number, bodies=bodies), self.piece_seals))
        for row in reversed(rows):
            if row.number != number or seal_hash(row.cose) != expected:
                return
            header = peek_header(row.cose)
            yield header, row.body
            number, expected = number - 1, header.previous

    def _pieces(self, first: int, last: int) -> Iterator[list[SealRow]]:
        """Headers in pieces; after a reopening the rest is read from the new source."""
        source: Source | None = None
        rows: Iterator[SealRow] = iter(())
        while True:
            if self.source is not source:
                source = self.source
                rows = iter(source.rows(first, last, bodies=False))
            piece = list(islice(rows, self.piece_seals))
            if not piece:
                return
            yield piece
            first = piece[-1].number + 1

    def _go_forward(self, state: ChainState, top: int, *, is_gap: bool) -> Generator[int]:
        """Accept what follows `state`, up to seal `top`."""
        run = _Run.at(state.number + 1)
        insort(self._runs, run, key=lambda one: one.first)
        for rows in self._pieces(run.first, top):
            for row in rows:
                if row.number != state.number + 1:
                    self._refuse(row.number, top, BEHIND, is_gap=is_gap, lost=state.number + 1)
                    break
                verdict = self.anchors.accept(state, row)
                if verdict.outcome is not Outcome.ACCEPTED or verdict.header is None:
                    why = "; ".join(one.text for one in verdict.findings) or verdict.outcome
                    self._refuse(row.number, top, BROKEN, why=why)
                    break
                state = verdict.state
                run.add(verdict.header, state.hash)
            run.mark()
            yield run.last
            if run.last != rows[-1].number:
                return
        if top == self.last:
            self._end = state

    def _link_back(self, anchor: ChainState) -> Generator[int, None, int]:
        """Accept what the previous hashes down from `anchor` name; returns the lowest number settled."""
        run, is_apart = _Run.at(self.first), False
        for rows in self._pieces(self.first, anchor.number):
            for row in rows:
                header = self.anchors.peek(row)
                if header is None:
                    run, is_apart = _Run.at(row.number + 1), True
                    continue
                if row.number != run.last + 1 or (run.hash and header.previous != run.hash):
                    run, is_apart = _Run.at(row.number), row.number == run.last + 1
                run.add(header, seal_hash(row.cose))
            run.mark()
            yield run.last
        if (run.last, run.hash) != (anchor.number, anchor.hash):
            return min(anchor.number, self.last) + 1
        insort(self._runs, run, key=lambda one: one.first)
        if is_apart:
            self._refuse(self.first, run.first - 1, APART, next=run.first)
            return self.first
        return run.first

    def _refuse(self, first: int, last: int, text: Words, *, is_gap: bool = False, **values: object) -> None:
        filled = text.fill(first=first, last=last, **values)
        refusal = Refusal(first, last, filled, is_gap, text is BEHIND and not is_gap)
        insort(self.refused, refusal, key=lambda one: one.first)


def survey(source: Source, anchors: Anchors, first: int, last: int) -> Walk:
    """The walk over seals `first` to `last`, its steps done."""
    walk = Walk(source, anchors, first, last)
    for _ in walk.steps():
        pass
    return walk


def _open(header: SealHeader, body: bytes | None) -> WalkedSeal:
    try:
        return WalkedSeal(header, None if body is None else open_body(header, body))
    except FormatError as error:
        return WalkedSeal(header, None, str(error))
