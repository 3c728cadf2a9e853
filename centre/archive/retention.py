"""Closed months of all gateways: into files, proved, and only then out of the store.

    1. list     what each gateway has in each closed month, and which bodies the store may give up
    2. write    the file of one gateway and month, whole or not at all
    3. prove    it is read back from the disk, and each signature, hash and body of it checked
    4. drop     the store gives up those bodies that are in proved files, month by month

Only `drop` takes anything away, and only what `prove` has just seen. Whatever is killed when, the same call
goes on: a file that has all is proved and not written again, a body that is gone is not asked for. Seals,
states, receipts, statements, findings and marked bodies stay in the store: a later seal still follows, a fork
is still proved, and receipts go on.

A consumer whose place is before the end of a month still needs its bodies: such a month is held.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from attrs import frozen

from centre.archive.month_file import (
    MonthFileError,
    Proved,
    compare,
    find_file,
    prove,
    read_bodies,
    write_month,
)
from centre.archive.months import (
    OVERDUE_DAYS,
    Month,
    Read,
    Share,
    count_bodies,
    is_awaited,
    list_bodies,
    list_shares,
)
from centre.store.journal import DELIVERED, SHIFT, SqlJournal
from centre.store.place import Place, open_to_read
from centre.store.reading import ARCHIVED, GIVEN_UP, open_centre
from centre.store.sql import SqlStore
from evidence.cbor import FormatError
from evidence.delegated import Signer
from evidence.held import Held
from evidence.statement import open_statement

PUT_BACK_SEALS: Final = 500
"""In one transaction: 1 MB of usual bodies, 32 MB at the very most."""

Tell = Callable[[int], object]


@frozen
class Due:
    """A share whose bodies the store still has; how many, and their bytes."""

    share: Share
    bodies: int
    size: int


@frozen
class Filed:
    """A share whose file was proved; `spans` are first and last `at` of bodies that the store may give up."""

    due: Due
    path: Path
    proved: Proved
    spans: tuple[tuple[int, int], ...]


def list_due(place: Place, now_ms: int, gateway: str = "", month: Month | None = None) -> list[Due]:
    """What may be archived, of one gateway or month if they are named; raises StoreError."""
    with closing(open_to_read(place)) as snapshot:
        found = [
            Due(share, *count_bodies(snapshot.read, share))
            for share in list_shares(snapshot.read, now_ms)
            if gateway in {"", share.gateway} and month in {None, share.month}
        ]
    return [due for due in found if due.bodies]


def find_holders(place: Place, months: Iterable[Month], cursors: Mapping[str, int]) -> dict[Month, str]:
    """Who still needs each month, of consumers by name with their places, and of `dianjian subscribe`."""
    with closing(open_to_read(place)) as snapshot:
        known, journal = dict(cursors), SqlJournal(snapshot.read)
        shared = snapshot.has("verifiers") and snapshot.read("SELECT 1 FROM verifiers LIMIT 1")
        if not shared:  # several verifiers hand no lines on
            known["dianjian subscribe"] = journal.place_of(DELIVERED)
        return {
            month: name
            for month in months
            for name, at in known.items()
            if is_awaited(snapshot.read, at, month.end_ms)
        }


def file_share(place: Place, due: Due, folder: Path, signer: Signer, centre_key: bytes, now_ms: int) -> Filed:
    """Have a proved file of a share; one that has all already is not written again.

    Raises:
        MonthFileError: The file, or the store, is not what was signed.
        StoreError, OSError: The store cannot be read, or the file not written.
    """
    share, path = due.share, find_file(folder, due.share)
    with closing(open_to_read(place)) as snapshot:
        wanted = list_bodies(snapshot.read, share)
    with closing(open_centre(place, share.gateway)) as archive:
        _check_key(archive.enrolment, centre_key)
        proved = prove(path, centre_key) if path.exists() else None
        if proved is None or not _has_all(proved, share, wanted):
            write_month(archive, share, path, signer, now_ms)
            proved = prove(path, centre_key)
        compare(archive, share, proved)
        spans = _list_spans(proved, share, archive.held or Held())
    return Filed(due, path, proved, tuple(spans))


def drop(store: SqlStore, filed: Sequence[Filed]) -> int:
    """Give up what proved files have, oldest month first; how many bodies. Raises CommitError."""
    count = 0
    for month in sorted({one.due.share.month for one in filed}):
        spans = [span for one in filed if one.due.share.month == month for span in one.spans]
        store.set_mark(GIVEN_UP, 1)
        count += store.drop_bodies(month.begin_ms, month.end_ms, spans)
    return count


def note_archived(store: SqlStore, month: Month) -> None:
    """Note that no gateway has bodies of `month`, or of one before it, that could be given up."""
    if month.number > store.journal().place_of(ARCHIVED):
        store.set_mark(ARCHIVED, month.number)


def find_overdue(read: Read, now_ms: int) -> Month | None:
    """The oldest month that should have been archived a while ago, None if there is none."""
    number = SqlJournal(read).place_of(ARCHIVED)
    if number:
        oldest = Month.of_number(number).next
    else:
        first = read("SELECT received_utc_ms FROM journal ORDER BY id LIMIT 1", ())
        if not first:
            return None
        oldest = Month.of(first[0][0])
    return oldest if oldest.is_closed(now_ms, OVERDUE_DAYS) else None


def put_back(store: SqlStore, path: Path, centre_key: bytes, tell: Tell = lambda _: None) -> int:
    """Put the bodies of a file into a store that has given them up; how many it lacked.

    Raises:
        MonthFileError: The file is not good, or has other seals than the store.
        StoreError, CommitError, OSError: What came before is there; the same call goes on.
    """
    report = prove(path, centre_key).report
    gateway, count, piece = report.gateway, 0, list[tuple[int, bytes]]()
    store.state(gateway)  # raises where it is not known
    begin = SHIFT * store.read("SELECT id FROM gateways WHERE name = ?", (gateway,))[0][0]
    for number, cose, body in read_bodies(path):
        if store.cose(gateway, number) != cose:
            raise MonthFileError(f"the store has no seal {number} like that of the file")
        piece.append((begin + number, body))
        if len(piece) == PUT_BACK_SEALS:
            count += store.put_back(piece)
            tell(number)
            piece.clear()
    return count + store.put_back(piece)


def _check_key(enrolment: bytes, centre_key: bytes) -> None:
    """See that the key is that of the centre whose store it is, before a file is signed with it."""
    try:
        if enrolment:
            open_statement(enrolment, centre_key)
    except FormatError as error:
        raise MonthFileError("another key has signed its enrolment: give the centre's own") from error


def _has_all(proved: Proved, share: Share, wanted: Sequence[int]) -> bool:
    """Whether a file of before has every seal and body of a share that the store has now."""
    if proved.first > share.first or proved.last != share.last:
        return False
    have = Held()
    for first, last in proved.spans:
        have.add(first, last)
    return all(number in have for number in wanted)


def _list_spans(proved: Proved, share: Share, held: Held) -> Iterator[tuple[int, int]]:
    """First and last `at` of the bodies of a share that its file has and that nobody awaits any more.

    A body that is awaited still (its number had no room in the set of those that are held) would come again.
    """
    begin = share.id * SHIFT
    for first, last in proved.spans:
        low, high = max(first, share.first), min(last, share.last)
        for gap, end in [*held.list_missing_within(low, high), (high + 1, high + 1)]:
            if low < gap:
                yield begin + low, begin + gap - 1
            low = end + 1
