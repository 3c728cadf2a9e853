"""Selects the seals that an evidence pack needs from everything held of a gateway.

All seals of the window with bodies; the seal with the newest manifest before it and those with the models it
names; every record of the episode; the seals that declare a body of the window lost. Each of these becomes
a run with the seal before it, whose key begins it.

What a run rests on: the centre signs a receipt for the first and the last seal of each run. A gateway has
the receipts that it kept; a run without one is extended, by seals without bodies, to the nearest one or
to the first seal of the chain. `whole_chain` takes every seal from the first on, so that nothing rests on a
receipt.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import define, field, frozen

from evidence.anchors import Anchors
from evidence.archive import Archive
from evidence.cbor import FormatError
from evidence.moments import iso_utc
from evidence.pack.content import KEY_CHANGES, SEALS_MAX, TIME_MS_MAX, WINDOW_MS_MAX, PackedSeal, Question
from evidence.receipt import open_receipt
from evidence.record import Kind
from evidence.seal import FIRST_NUMBER, peek_header, seal_hash
from evidence.statement import Rekey, Replace, Revoke, parse_statement
from evidence.verify import read_declarations
from evidence.walk import Walk, WalkedSeal

MARGIN_MS: Final = 300_000
"""Margin around the two hours of an episode, for its past and for the seal that carries it."""
SLACK_MS: Final = 86_400_000
"""How wrong a clock may have been when an episode is searched for by the begin in its id."""
DECLARED_WITHIN: Final = 20_000
"""Seals after the window searched for records about its lost bodies: two days."""
LISTED_MAX: Final = 20
PROGRESS_SEALS: Final = 1_000
MS_PER_S: Final = 1000

Progress = Callable[[str, int], object]
"""Called with the current step and the number of seals read."""
Span = tuple[int, int]


class GatherError(Exception):
    """The requested evidence is not held; the message says what is."""


@frozen
class Request:
    """The subject of the evidence; None and "" for what is not named."""

    from_ms: int | None = None
    to_ms: int | None = None
    linkage: str = ""
    episode: str = ""


@frozen
class Gathered:
    """The content of a pack, without the centre's signatures.

    Attributes:
        runs: Seals, each run without a hole.
        receipts: The gateway's receipts within its runs.
    """

    question: Question
    runs: tuple[tuple[PackedSeal, ...], ...]
    receipts: tuple[bytes, ...]


def gather(
    archive: Archive,
    asked: Request,
    centre_key: bytes,
    *,
    anchors: Anchors,
    statements: Mapping[int, Sequence[bytes]],
    enrolled: bool,
    whole_chain: bool = False,
    progress: Progress = lambda _what, _count: None,
) -> Gathered:
    """Find in `archive` what `asked` needs; with `whole_chain` every seal from the first on.

    `statements` are those that the chain went on with, by the seal that each stands before. Where `enrolled`,
    the centre has signed the first key, and seal 1 needs no receipt.

    Raises:
        GatherError: The evidence is not held.
        StoreError: The database cannot be read.
    """
    walk = Walk(archive, anchors, archive.first, archive.last)
    gathering = _Gathering(archive, walk, centre_key, progress, statements, enrolled)
    return gathering.gather(asked, whole_chain=whole_chain)


@define
class _Gathering:
    archive: Archive
    walk: Walk
    centre_key: bytes
    progress: Progress
    statements: Mapping[int, Sequence[bytes]]
    enrolled: bool
    whole: set[int] = field(factory=set)  # seals whose bodies are wanted
    seen: int = 0

    def gather(self, asked: Request, *, whole_chain: bool) -> Gathered:
        archive = self.archive
        if not archive.last:
            raise GatherError(f"no seal of gateway {archive.gateway} is held")
        for number in self.walk.steps():
            self.progress("walk", number)
        if self.walk.problem is not None and self.walk.hole is None:
            raise GatherError(self.walk.problem.en)
        spans: list[Span] = []
        if asked.episode:
            asked, spans = self._find_episode(asked)
        question = self._find_window(asked)
        spans += [(question.first, question.last), *self._find_manifests(question.first)]
        spans += self._find_declarations(question)
        self.whole = {number for first, last in spans for number in range(first, last + 1)}
        runs = _join([(max(first - 1, archive.first), last) for first, last in spans])
        if whole_chain:
            if archive.first != FIRST_NUMBER:
                raise GatherError(
                    f"seals before {archive.first} were pruned; the whole chain is at the centre"
                )
            runs = [(FIRST_NUMBER, runs[-1][1])]
        receipts = self._read_receipts()
        if archive.held is None and not whole_chain:
            runs = _join([self._extend_to_anchor(run, sorted(receipts)) for run in runs])
        within = [raw for n, raw in sorted(receipts.items()) if any(a <= n <= b for a, b in runs)]
        size = sum(last - first + 1 for first, last in runs)
        if size > SEALS_MAX:
            raise GatherError(f"{size} seals are needed; a pack holds {SEALS_MAX}: see `dianjian export`")
        return Gathered(question, tuple(tuple(self._read_run(*run)) for run in runs), tuple(within))

    def _counted(self, what: str, seals: Iterable[WalkedSeal]) -> Iterator[WalkedSeal]:
        for seal in seals:
            self.seen += 1
            if self.seen % PROGRESS_SEALS == 0:
                self.progress(what, self.seen)
            yield seal

    def _find_window(self, asked: Request) -> Question:
        """The seals made in the time, and one more, whose records may be of that time."""
        if asked.from_ms is None or asked.to_ms is None:
            raise GatherError("no window: give --from and --to, or --episode")
        from_ms, to_ms = max(asked.from_ms, 0), min(asked.to_ms, TIME_MS_MAX)
        if from_ms >= to_ms:
            raise GatherError("the window is empty: --from is not before --to")
        if to_ms - from_ms > WINDOW_MS_MAX:
            raise GatherError(f"the window has more than {WINDOW_MS_MAX // 86_400_000} days; ask for less")
        first = last = made_ms = 0
        for seal in self._counted("window", self.walk.seals(bodies=False, made_ms=(from_ms, to_ms))):
            if from_ms <= seal.header.utc_ms <= to_ms:
                first, last = first or seal.header.number, seal.header.number
        hole = self.walk.hole
        if hole is not None:
            for one in self.walk.seals(self.walk.proved_to, bodies=False):
                made_ms = one.header.utc_ms
            if to_ms > made_ms:
                raise GatherError(hole.text.en)
        if not first:
            raise GatherError(f"no seal was made in the window; held are {self._describe_held()}")
        last = min(last + 1, self.walk.proved_to)
        return Question(from_ms, to_ms, first, last, asked.linkage, asked.episode)

    def _describe_held(self) -> str:
        ends = self.archive.first, self.archive.last
        rows = [next(self.archive.rows(number, number, bodies=False)) for number in ends]
        begin, end = (iso_utc(peek_header(row.cose).utc_ms) for row in rows)
        return f"seals {ends[0]} to {ends[1]}, {begin} to {end}"

    def _find_episode(self, asked: Request) -> tuple[Request, list[Span]]:
        """The request with the whole id of its episode and its window, and the seals that record it."""
        found: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
        known: dict[str, None] = {}
        begin_ms = _read_begin_ms(asked.episode)
        for seal in self._counted("episode", self.walk.seals(backwards=True)):
            for body in _read_bodies(seal, Kind.EPISODE):
                id_ = str(body.get("id", ""))
                known[id_] = None
                if id_.startswith(asked.episode):
                    found.setdefault(id_, []).append((seal.header.number, body))
            if begin_ms and asked.episode in found and seal.header.utc_ms < begin_ms - SLACK_MS:
                break
        if not found:
            raise GatherError(f"no episode {asked.episode} is held; known are {_list_ids(known)}")
        if asked.episode not in found and len(found) > 1:
            raise GatherError(f"{len(found)} episodes begin with {asked.episode}: {_list_ids(found)}")
        chosen = asked.episode if asked.episode in found else next(iter(found))
        last_body = found[chosen][-1][1]
        try:
            from_ms, to_ms = _read_times(last_body)
        except (KeyError, TypeError, ValueError) as error:
            raise GatherError(f"episode {chosen} has no time that can be read: {error}") from None
        asked = Request(
            from_ms if asked.from_ms is None else asked.from_ms,
            to_ms if asked.to_ms is None else asked.to_ms,
            asked.linkage or str(last_body.get("linkage", "")),
            chosen,
        )
        return asked, [(number, number) for number, _ in found[chosen]]

    def _find_manifests(self, first: int) -> list[Span]:
        """The newest manifest before seal `first`, and the models it names, which follow it."""
        known: dict[str, int] = {}
        wanted: dict[str, int] | None = None
        seals: list[int] = []
        for seal in self._counted("manifest", self.walk.seals(last=first - 1, backwards=True)):
            number = seal.header.number
            for body in reversed(list(_read_bodies(seal, Kind.MANIFEST))):
                tables = body.get("models")
                for model in tables if isinstance(tables, dict) else ():
                    known.setdefault(model, number)
                if wanted is None and isinstance(body.get("meters"), dict):
                    seals.append(number)
                    wanted = dict.fromkeys(_list_models(body["meters"]), number)
            if wanted is not None and wanted.keys() <= known.keys():
                break
        seals += [known[model] for model in wanted or {} if model in known]
        return [(number, number) for number in sorted(set(seals))]

    def _find_declarations(self, question: Question) -> list[Span]:
        """Seals after the window that declare its bodies lost."""
        window = self.walk.seals(question.first, question.last)
        lacking = {seal.header.number for seal in self._counted("bodies", window) if seal.records is None}
        found: list[Span] = []
        later = self.walk.seals(question.first, question.last + DECLARED_WITHIN)
        for seal in self._counted("lost", later) if lacking else ():
            at = seal.header.number
            _, absent = read_declarations(seal.records or (), at)
            declared = {number for number in lacking if any(a <= number <= b for a, b in absent)}
            if declared:
                found.append((at, at))
                lacking -= declared
            if not lacking:
                break
        self._refuse_archived(lacking)
        return found

    def _refuse_archived(self, lacking: set[int]) -> None:
        """See that none of these bodies lies in the archive: it would be called withheld."""
        held = self.archive.held
        away = sorted(number for number in lacking if held is not None and number in held)
        if away and self.archive.has_given_up:
            raise GatherError(
                f"the readings of seals {away[0]} to {away[-1]} were archived: put them back with "
                "`dianjian centre unarchive`, or give the file of that month"
            )

    def _read_receipts(self) -> dict[int, bytes]:
        """The kept receipts by seal; those that name another seal than ours are dropped."""
        receipts = {}
        for raw in self.archive.receipts:
            try:
                receipt = open_receipt(raw, self.centre_key)
            except FormatError:
                continue
            row = next(self.archive.rows(receipt.number, receipt.number, bodies=False), None)
            if row is not None and seal_hash(row.cose) == receipt.seal_hash:
                receipts[receipt.number] = raw
        return receipts

    def _extend_to_anchor(self, run: Span, receipts: list[int]) -> Span:
        """`run`, extended until it holds an anchor."""
        first, last = run
        if any(first <= number <= last for number in receipts) or (first == FIRST_NUMBER and self.enrolled):
            return run
        later = next((number for number in receipts if number > last), None)
        earlier = next((number for number in reversed(receipts) if number < first), None)
        if later is not None and (earlier is None or later - last <= first - earlier):
            return first, later
        if earlier is not None:
            return earlier, last
        if self.archive.first == FIRST_NUMBER:
            return FIRST_NUMBER, last  # on the first key
        raise GatherError(f"no receipt of the centre vouches for seals {first} to {last}; ask the centre")

    def _read_run(self, first: int, last: int) -> Iterator[PackedSeal]:
        number = first
        for row in self.archive.rows(first, last):
            if row.number != number:
                break
            stated = () if number == first else tuple(self.statements.get(number, ()))
            yield PackedSeal(row.cose, row.body if number in self.whole else None, stated)
            number += 1
        if number <= last:
            raise GatherError(f"seal {number} is needed and is not held; held are {self._describe_held()}")


def _read_bodies(seal: WalkedSeal, kind: Kind) -> Iterator[Mapping[str, Any]]:
    """The bodies of the records of one kind.

    Raises:
        FormatError: The seal's own body is not what was sealed.
    """
    if seal.problem:
        raise FormatError(f"seal {seal.header.number}: {seal.problem}")
    return (record.body for record in seal.events(kind))


def _list_ids(ids: Iterable[str]) -> str:
    """At most LISTED_MAX of `ids`."""
    names = sorted(ids)
    return ", ".join([*names[:LISTED_MAX], *(["…"] if len(names) > LISTED_MAX else [])]) or "none"


def _read_times(body: Mapping[str, Any]) -> Span:
    """The time from the begin of the trace to the finding, with a margin."""
    begin_s, raised_s = int(body["trace"]["begin_at_s"]), int(body["raised_at_s"])
    return begin_s * MS_PER_S - MARGIN_MS, raised_s * MS_PER_S + MARGIN_MS


def _read_begin_ms(episode: str) -> int:
    """The begin at the end of an id, 0 if there is none."""
    tail = episode.removesuffix("-retrospective").rpartition("-")[2]
    return int(tail) * MS_PER_S if tail.isdecimal() else 0


def _list_models(meters: Mapping[str, Any]) -> Iterator[str]:
    for meter in meters.values():
        if isinstance(meter, dict) and isinstance(meter.get("model"), bytes):
            yield meter["model"].hex()


def _join(spans: list[Span]) -> list[Span]:
    """`spans` in order, with those that overlap or touch merged."""
    joined: list[Span] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    return joined


def find_applied(archive: Archive, statements: Sequence[bytes], *, enrolled: bool) -> dict[int, list[bytes]]:
    """Those of `statements` that were applied, by the seal that each precedes.

    Without the enrolment a re-key cannot be checked: its placeholder only marks that the key changes.
    """
    found: dict[int, list[bytes]] = {}
    for raw in statements:
        one = parse_statement(raw).statement
        if not isinstance(one, Rekey | Replace):
            continue
        rows = {row.number: row.cose for row in archive.rows(one.number - 1, one.number, bodies=False)}
        before = rows.get(one.number - 1)
        follows = before is None or seal_hash(before) == one.previous
        if one.number in rows and follows and peek_header(rows[one.number]).previous == one.previous:
            found.setdefault(one.number, []).append(raw)
    if not enrolled:
        return {number: [KEY_CHANGES] for number in found}
    return found


def list_whole_life(statements: Sequence[bytes], runs: Iterable[Sequence[PackedSeal]]) -> tuple[bytes, ...]:
    """The statements about the whole life: revocations, and replacements outside all runs."""
    within = {raw for run in runs for seal in run for raw in seal.statements}
    found = []
    for raw in statements:
        one = parse_statement(raw).statement
        if raw not in within and isinstance(one, Replace | Revoke):
            found.append((one.number, raw))
    return tuple(raw for _, raw in sorted(found))
