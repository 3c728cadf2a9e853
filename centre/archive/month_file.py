"""The file of a gateway's month: written from the store, read back, and proved before anything is given up.

An exported chain (docs/format.md, section 9): of version 3, which begins with the centre's receipt for its
first seal, or of version 2 where that is the gateway's first and the centre signed the enrolment. It has
every seal from the first to the last one of the month, with the bodies that the store or the file of before
has. So a month whose body came late is written again as a whole; the old file stays until the new one is.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from attrs import define, field

from centre.archive.months import Share
from centre.store.reading import place_statements
from disk.files import open_output, sync_folder
from evidence.archive import Archive
from evidence.cbor import FormatError
from evidence.chain import Verdict
from evidence.delegated import Signer
from evidence.pack.export import STORED_MAX, ExportedSeal, Item, Report, read_chain, verify_file, write_chain
from evidence.receipt import RANGES_MAX, Receipt, sign_receipt
from evidence.seal import FIRST_NUMBER, open_body, peek_header, seal_hash
from evidence.statement import Replace, Revoke, parse_statement

SUFFIX: Final = ".cbor"


class MonthFileError(Exception):
    """What is in the file is not what the store holds; the message says what, in one line."""


@define
class Proved:
    """What a file proves.

    Attributes:
        spans: First and last number of each run of seals whose bodies are in it, and proved.
        tip: Hash of its last seal.
    """

    report: Report = field(factory=Report)
    spans: list[tuple[int, int]] = field(factory=list)
    first: int = 0
    last: int = 0

    def note(self, verdict: Verdict) -> None:
        """Take an accepted seal."""
        number = verdict.state.number
        self.first, self.last = self.first or number, number
        if verdict.records is not None:
            begin = self.spans.pop()[0] if self.spans and self.spans[-1][1] == number - 1 else number
            self.spans.append((begin, number))


def find_file(folder: Path, share: Share) -> Path:
    """Where the file of a share is."""
    return folder / share.gateway / f"{share.month}{SUFFIX}"


def write_month(archive: Archive, share: Share, path: Path, signer: Signer, utc_ms: int) -> None:
    """Write the file; one that is there is replaced, and what it alone has is taken over.

    Raises:
        MonthFileError: The store has not every seal.
        StoreError, OSError: It cannot be read or written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    sync_folder(path.parent.parent)  # bodies go from the store: the folder's name must outlive a power cut
    first = next(archive.rows(share.first, share.first, bodies=False), None)
    if first is None:
        raise MonthFileError(f"seal {share.first} is missing in the store")
    is_whole = share.first == FIRST_NUMBER and bool(archive.enrolment)
    receipt = b"" if is_whole else _sign(archive, share.first, first.cose, signer, utc_ms)
    with closing(_Old(_read_old(path))) as old, open_output(path) as output:
        write_chain(output, share.gateway, _list_items(archive, share, old, is_whole=is_whole), receipt)


def prove(path: Path, centre_key: bytes) -> Proved:
    """Read a file back; raises MonthFileError unless all that is in it is what was signed, OSError."""
    proved = Proved()
    proved.report = verify_file(path, centre_key=centre_key, each=proved.note)
    if not proved.report.ok:
        raise MonthFileError(proved.report.error or "a body is not what was sealed")
    return proved


def compare(archive: Archive, share: Share, proved: Proved) -> None:
    """See that a proved file ends with the seals that the store has; raises MonthFileError, StoreError.

    The hashes between are then the same: each seal names the one before it.
    """
    row = next(archive.rows(share.last, share.last, bodies=False), None)
    covers = proved.first <= share.first and proved.last == share.last
    if row is None or not covers or seal_hash(row.cose) != proved.report.tip_hash:
        raise MonthFileError(f"it does not have seals {share.first} to {share.last} of the store")


@define
class _Old:
    """The bodies in the file of before; numbers are asked for in ascending order."""

    _items: Generator[tuple[int, ExportedSeal]]
    _next: tuple[int, ExportedSeal] | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._next = next(self._items, None)

    def find_body(self, number: int, cose: bytes) -> bytes | None:
        """The body of a seal, if it is there; raises MonthFileError if it is not what was sealed."""
        while self._next is not None and self._next[0] < number:
            self._next = next(self._items, None)
        if self._next is None or self._next[0] != number or self._next[1].body is None:
            return None
        return _check(number, cose, self._next[1].body)

    def close(self) -> None:
        """Close the file."""
        self._items.close()


def read_bodies(path: Path) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, seal and body of each seal that has one; raises MonthFileError if one is wrong."""
    for number, item in _read_old(path):
        if item.body is not None:
            yield number, item.cose, _check(number, item.cose, item.body)


def _check(number: int, cose: bytes, body: bytes) -> bytes:
    """The body, if it is what was sealed."""
    try:
        open_body(peek_header(cose), body)
    except FormatError as error:
        raise MonthFileError(f"seal {number}: {error}; put the file back from a copy of it") from error
    return body


def _read_old(path: Path) -> Generator[tuple[int, ExportedSeal]]:
    """The seals of a file, none if there is no file; raises MonthFileError."""
    try:
        with path.open("rb") as stream:
            for item in read_chain(stream)[1]:
                if isinstance(item, ExportedSeal):
                    yield peek_header(item.cose).number, item
    except FileNotFoundError:
        return
    except FormatError as error:
        raise MonthFileError(f"{error}; put the file back from a copy of it") from error


def _list_items(archive: Archive, share: Share, old: _Old, *, is_whole: bool) -> Iterator[Item]:
    """Statements and seals in the order of the file."""
    later = list(_list_statements(archive, share))
    if is_whole:
        yield archive.enrolment
    else:
        yield from _list_roots(archive, share)
    for row in archive.rows(share.first, share.last):
        while later and later[0][0] < row.number:
            yield later.pop(0)[1]
        body = old.find_body(row.number, row.cose) if row.body is None else row.body
        yield ExportedSeal(row.cose, body)
    yield from (raw for _, raw in later)


def _list_roots(archive: Archive, share: Share) -> Iterator[bytes]:
    """What the centre has signed of the recovery key in force at the first seal."""
    if archive.enrolment:
        yield archive.enrolment
        replaced = [
            raw
            for raw in archive.statements
            if isinstance(one := parse_statement(raw).statement, Replace) and one.number <= share.first
        ]
        yield from replaced[-1:]


def _list_statements(archive: Archive, share: Share) -> Iterator[tuple[int, bytes]]:
    """The statements between the seals of the file, each with the seal that it stands behind.

    A revocation stands behind the last seal where it came later, and is left out where it names a seal that a
    reader of the file cannot compare it with. Without an enrolment nobody could check a re-key: then the
    statement is left out, and the chain of the file ends before it.
    """
    for at, raw in place_statements(archive.statements, archive.last):
        one = parse_statement(raw).statement
        if isinstance(one, Revoke):
            behind = min(at, share.last)
            if share.first <= one.number and behind - one.number < STORED_MAX and one.number <= behind:
                yield behind, raw
        elif share.first <= at < share.last:
            yield at, raw


def _sign(archive: Archive, number: int, cose: bytes, signer: Signer, utc_ms: int) -> bytes:
    """The centre's receipt for a seal that it holds."""
    assert archive.held is not None
    up_to = min(archive.held.up_to, number)
    ranges = tuple((a, min(b, number)) for a, b in archive.held.ranges if a <= number)[:RANGES_MAX]
    return sign_receipt(Receipt(archive.gateway, number, seal_hash(cose), up_to, ranges, utc_ms), signer)
