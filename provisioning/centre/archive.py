"""`dianjian centre archive` and `unarchive`: closed months as files (`centre.archive`)."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import click

from centre.archive.month_file import MonthFileError, find_file
from centre.archive.months import Month
from centre.archive.retention import (
    Due,
    Filed,
    drop,
    file_share,
    find_holders,
    list_due,
    note_archived,
    put_back,
)
from centre.feed import CursorError, parse_cursor
from centre.store.journal import SqlJournal
from centre.store.place import Place, open_beside, open_to_read
from centre.store.sql import SqlStore
from disk.database import CommitError, StoreError
from disk.files import read_plain
from disk.kinds import show as shorten
from disk.lock import SecondInstanceError
from disk.snapshot import open_snapshot
from evidence.delegated import Signer
from evidence.keys import load_key_file, public
from evidence.words import Words
from provisioning.centre.consume import CURSOR_BYTES_MAX
from provisioning.centre.options import AS_JSON, FILE, FOLDER, KEY, STORE, failing_in_one_line, read_utc_ms
from provisioning.terminal import show
from provisioning.terminal.exits import EXIT_NO, EXIT_OUTSIDE, EXIT_USAGE, fail
from provisioning.terminal.say import say, say_json
from provisioning.words.language import translate

_SQLITE: Final = b"SQLite format 3\0"
WORDS: Final = {
    "month": Words("--month 须写作 2026-11，不能是 {given}", "--month is a month like 2026-11, not {given}"),
    "cursor": Words("{file}：不是此数据库的游标", "{file}: is no cursor of this store"),
    "nothing": Words("没有可归档的月份", "there is no month to archive"),
    "planned": Words(
        "{month} {gateway}：将写入 {file}：{bodies} 份正文，{size} 字节",
        "{month} {gateway}: would be written to {file}: {bodies} bodies, {size} bytes",
    ),
    "written": Words(
        "{month} {gateway}：{file} 已写好并读回核验：{seals} 个签封",
        "{month} {gateway}: {file} is written, read back and good: {seals} seals",
    ),
    "held": Words(
        "{month}：{name} 尚未读完，正文留在数据库中",
        "{month}: {name} has not read it all yet; the bodies stay in the store",
    ),
    "wrong": Words(
        "{month} {gateway}：{file}：{why}；正文留在数据库中",
        "{month} {gateway}: {file}: {why}; the bodies stay in the store",
    ),
    "dropped": Words(
        "数据库已移出 {count} 份正文；链、回执与状态仍在",
        "the store gave up {count} bodies; chain, receipts and states stay",
    ),
    "running": Words(
        "{error}：请停止 dianjian subscribe 后重复同一命令；其间网关等待，已写的文件保留",
        "{error}: stop dianjian subscribe and repeat the call; gateways wait meanwhile, files stay",
    ),
    "back": Words(
        "{file}：已放回 {count} 份正文，下次归档会再移出",
        "{file}: {count} bodies put back; the next archive takes them out again",
    ),
}


@click.command("archive", short_help="closed months as files for dianjian verify, and out of the store")
@STORE
@KEY
@click.option("--into", "folder", required=True, type=FOLDER, help="The folder of the archive.")
@click.option(
    "--cursor",
    "cursors",
    multiple=True,
    type=FILE,
    help="A consumer's cursor: what it still needs stays. A file of consume, publish or hj212 send.",
)
@click.option("--gateway", default="", metavar="NAME", help="This gateway alone.")
@click.option("--month", default="", metavar="MONTH", help="This month alone, as 2026-11.")
@click.option("--keep", is_flag=True, help="Write the files alone; the store gives nothing up.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@AS_JSON
def archive(
    store: Place,
    key: Path,
    folder: Path,
    cursors: tuple[Path, ...],
    gateway: str,
    month: str,
    keep: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write months that ended three days ago, a file for each gateway, and take them out of the store.

    Nothing is taken out that was not read back from its file and verified. Seals, receipts and what the
    centre itself looks into stay. A call that was interrupted is repeated.
    """
    os.umask(0o077)  # it shows what plants do, and when
    wanted = _parse_month(month)
    with failing_in_one_line(key):
        secret = load_key_file(key)
    try:
        now_ms = read_utc_ms()
        due = list_due(store, now_ms, gateway, wanted)
        every = list_due(store, now_ms) if gateway or wanted is not None else due
        holders = find_holders(store, {one.share.month for one in due}, _read_cursors(store, cursors))
    except StoreError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    if dry_run:
        _tell_plan(due, folder, as_json=as_json)
        return
    filed, wrong = _write(store, due, folder, secret)
    free = [one for one in filed if one.due.share.month not in holders]
    count = 0 if keep or not free else _drop(store, free, _find_whole(every, free, now_ms))
    if as_json:
        rows = [_to_json(one, holders, keep=keep) for one in filed]
        say_json(
            {"folder": str(folder), "files": rows, "wrong": [text for _, text in wrong], "dropped": count}
        )
    else:
        _tell(filed, holders, count, is_empty=not due)
    if wrong:
        raise fail(EXIT_NO, *(text for _, text in wrong))


@click.command("unarchive", short_help="put the readings of archived months back into the store")
@STORE
@KEY
@AS_JSON
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE...")
def unarchive(store: Place, key: Path, as_json: bool, files: tuple[Path, ...]) -> None:
    """Put back what each FILE of `dianjian centre archive` has, for evidence or reports of that time."""
    with failing_in_one_line(key):
        centre_key = public(load_key_file(key))
    done: dict[str, int] = {}
    with _opened(store) as target:
        for file in files:
            try:
                with show.count_up(str(file)) as progress:
                    done[str(file)] = put_back(target, file, centre_key, lambda at: progress(at, at))
            except (MonthFileError, StoreError) as error:
                raise fail(EXIT_USAGE, f"{file}: {error}") from error
            except OSError as error:
                raise fail(EXIT_USAGE, f"{file}: {error.strerror}") from error
    if as_json:
        say_json({"files": done})
    else:
        say(*(translate(WORDS["back"], file=file, count=count) for file, count in done.items()))


def _parse_month(text: str) -> Month | None:
    if not text:
        return None
    try:
        return Month.parse(text)
    except ValueError as error:
        raise fail(EXIT_USAGE, translate(WORDS["month"], given=shorten(text))) from error


def _read_cursors(store: Place, files: Sequence[Path]) -> dict[str, int]:
    """The places of consumers by the names of their files; ends the command if one is none."""
    with closing(open_to_read(store)) as snapshot:
        number = SqlJournal(snapshot.read).identify()
    found = {}
    for file in files:
        try:
            found[str(file)] = parse_cursor(_read_cursor(file), number).number
        except CursorError as error:
            raise fail(EXIT_USAGE, translate(WORDS["cursor"], file=file)) from error
        except OSError as error:
            raise fail(EXIT_USAGE, f"{file}: {error.strerror}") from error
    return found


def _read_cursor(file: Path) -> str:
    """What a consumer keeps, a line of text or a table; raises CursorError, StoreError, OSError."""
    with file.open("rb") as stream:
        is_database = stream.read(len(_SQLITE)) == _SQLITE
    if not is_database:
        return read_plain(file, CURSOR_BYTES_MAX, follow=True).decode("utf-8", "replace")
    with closing(open_snapshot(file)) as snapshot:
        for table in ("cursor", "place"):  # of consume --into, of hj212 send
            if snapshot.has(table, "cursor"):
                return str(snapshot.read(f"SELECT cursor FROM {table}")[0][0])  # noqa: S608 - two names of ours
    raise CursorError("is no cursor", is_of_other=False)


def _write(
    store: Place, due: Sequence[Due], folder: Path, secret: bytes
) -> tuple[list[Filed], list[tuple[Due, str]]]:
    """The proved files, and what is wrong with the others."""
    filed, wrong, done = list[Filed](), list[tuple[Due, str]](), 0
    total = sum(one.bodies for one in due)
    with show.count_up(str(folder)) as progress:
        for one in due:
            path = find_file(folder, one.share)
            try:
                signer = Signer.of_root(secret)
                filed.append(file_share(store, one, folder, signer, public(secret), read_utc_ms()))
            except MonthFileError as error:
                told = {"month": str(one.share.month), "gateway": one.share.gateway, "file": path}
                wrong.append((one, translate(WORDS["wrong"], **told, why=str(error))))
            except StoreError as error:
                raise fail(EXIT_USAGE, str(error)) from error
            except OSError as error:
                raise fail(EXIT_OUTSIDE, f"{path}: {error.strerror}") from error
            done += one.bodies
            progress(done, total)
    return filed, wrong


def _find_whole(due: Sequence[Due], free: Sequence[Filed], now_ms: int) -> Month:
    """The last month of which, and of all before it, nothing stays that is `due` of any gateway."""
    going = {(one.due.share.month, one.due.share.gateway) for one in free}
    left = [one.share.month for one in due if (one.share.month, one.share.gateway) not in going]
    return min(left).before if left else Month.find_closed(now_ms)


def _drop(store: Place, filed: Sequence[Filed], whole: Month) -> int:
    with _opened(store) as target:
        try:
            count = drop(target, filed)
            note_archived(target, whole)
        except CommitError as error:
            raise fail(EXIT_OUTSIDE, f"{error}; the same call goes on where it was") from error
    return count


@contextmanager
def _opened(place: Place) -> Iterator[SqlStore]:
    try:
        store = open_beside(place)
    except SecondInstanceError as error:
        raise fail(EXIT_OUTSIDE, translate(WORDS["running"], error=str(error))) from error
    except (StoreError, OSError) as error:
        raise fail(EXIT_OUTSIDE, str(error)) from error
    with closing(store):
        yield store


def _tell_plan(due: Sequence[Due], folder: Path, *, as_json: bool) -> None:
    rows: list[dict[str, Any]] = [
        {
            "month": str(one.share.month),
            "gateway": one.share.gateway,
            "file": str(find_file(folder, one.share)),
            "bodies": one.bodies,
            "size": one.size,
        }
        for one in due
    ]
    if as_json:
        say_json({"folder": str(folder), "files": [{**row, "state": "planned"} for row in rows]})
    else:
        say(*([translate(WORDS["planned"], **row) for row in rows] or [translate(WORDS["nothing"])]))


def _to_json(one: Filed, holders: dict[Month, str], *, keep: bool) -> dict[str, Any]:
    share, holder = one.due.share, holders.get(one.due.share.month)
    return {
        "month": str(share.month),
        "gateway": share.gateway,
        "file": str(one.path),
        "seals": one.proved.report.seals,
        "first": one.proved.first,
        "last": one.proved.last,
        "state": "held" if holder else "kept" if keep else "archived",
        "by": holder,
    }


def _tell(filed: Sequence[Filed], holders: dict[Month, str], count: int, *, is_empty: bool) -> None:
    lines = [
        translate(
            WORDS["written"],
            month=str(one.due.share.month),
            gateway=one.due.share.gateway,
            file=one.path,
            seals=one.proved.report.seals,
        )
        for one in filed
    ]
    lines += [translate(WORDS["held"], month=str(at), name=name) for at, name in sorted(holders.items())]
    lines += [translate(WORDS["dropped"], count=count)] if count else []
    say(*lines, *([translate(WORDS["nothing"])] if is_empty else []))
