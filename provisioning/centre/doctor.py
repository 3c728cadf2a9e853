"""`dianjian centre doctor`: what the centre's receipts rest on, and whether every gateway has a verifier.

Gateways delete what was receipted, so a receipt is worth the disks that hold the seal. Changes nothing.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Final

import click

from centre.archive.months import Month
from centre.archive.retention import find_overdue
from centre.store.place import Place, open_to_read
from centre.store.shape import Shape, read_shape
from disk.database import StoreError
from evidence.words import Words
from provisioning.centre.options import AS_JSON, STORE, read_utc_ms
from provisioning.doctor.finding import Finding, State, failed, ok, warning
from provisioning.terminal.exits import EXIT_NO, EXIT_OUTSIDE, fail
from provisioning.terminal.say import say, say_json
from provisioning.words.labels import label
from provisioning.words.language import translate

WORDS: Final = {
    "one file": Words("回执只靠这个文件所在的磁盘", "receipts rest on the one disk that this file is on"),
    "mirror": Words(
        "请用镜像磁盘并经常运行 `dianjian centre backup`，或改用带同步备机的PostgreSQL",
        "mirror that disk, run `dianjian centre backup` often, or use PostgreSQL with a synchronous standby",
    ),
    "one disk": Words(
        "回执只靠一块磁盘：服务器提交时不等待任何备机",
        "receipts rest on one disk: the server waits for no standby when it commits",
    ),
    "standby": Words(
        "请建立备机，并在服务器上设置 synchronous_standby_names",
        "set up a standby, and synchronous_standby_names on the server",
    ),
    "two disks": Words("每份回执至少在两块磁盘上", "every receipt is on two disks at least"),
    "away": Words(
        "服务器在等待备机 {awaited}，但它不在：没有任何数据得到回执",
        "the server waits for the standby {awaited}, which is away: nothing is receipted",
    ),
    "bring back": Words("请恢复备机；网关会等待", "bring the standby back; gateways wait meanwhile"),
    "hidden": Words(
        "服务器应等待备机 {awaited}，但此用户看不到它是否在",
        "the server is to wait for the standby {awaited}; this user may not see whether it follows",
    ),
    "grant": Words("请授予该用户 pg_monitor", "grant pg_monitor to this user"),
    "single": Words("没有多个核验进程共用此数据库", "no verifiers share this store"),
    "shared": Words("{count} 个核验进程：{names}", "{count} verifiers: {names}"),
    "unowned": Words("256片中有 {count} 片没有核验进程", "{count} of 256 slices have no verifier"),
    "overdue": Words(
        "{month} 月早该归档，仍占着数据库", "the month {month} should have been archived by now"
    ),
    "archive": Words(
        "请运行 `dianjian centre archive`，否则磁盘终将写满",
        "run `dianjian centre archive`, or the disk will be full one day",
    ),
    "start": Words(
        "请启动 `dianjian subscribe --slices auto`；死去的进程的片10秒后由其他进程接管",
        "start `dianjian subscribe --slices auto`; of a dead one, others take the slices after 10 s",
    ),
}


def judge_archive(overdue: Month | None) -> Iterator[Finding]:
    """What there is to say about closed months. Pure."""
    if overdue is not None:
        yield warning("archive", WORDS["overdue"].fill(month=str(overdue)), WORDS["archive"])


def judge(shape: Shape) -> Iterator[Finding]:
    """What there is to say about a store. Pure."""
    awaited = shape.awaited
    if shape.is_file:
        yield warning("disks", WORDS["one file"], WORDS["mirror"])
        return
    if not awaited:
        yield warning("disks", WORDS["one disk"], WORDS["standby"])
    elif {"sync", "quorum"} & set(shape.followers):
        yield ok("disks", WORDS["two disks"])
    elif "hidden" in shape.followers:
        yield warning("disks", WORDS["hidden"].fill(awaited=awaited), WORDS["grant"])
    else:
        yield failed("disks", WORDS["away"].fill(awaited=awaited), WORDS["bring back"])
    if not shape.verifiers:
        yield ok("verifiers", WORDS["single"])
        return
    names = ", ".join(f"{name} ({count})" for name, count in shape.verifiers)
    yield ok("verifiers", WORDS["shared"].fill(count=len(shape.verifiers), names=names))
    if shape.unowned:
        yield warning("verifiers", WORDS["unowned"].fill(count=shape.unowned), WORDS["start"])


@click.command("doctor", short_help="what the centre's receipts rest on, and who has which gateways")
@STORE
@AS_JSON
def doctor(store: Place, as_json: bool) -> None:
    """Say on how many disks receipts rest, whether every gateway has a verifier, and what is overdue.

    Exit 1 where nothing can be receipted.
    """
    try:
        findings = list(judge(read_shape(store)))
        with closing(open_to_read(store)) as snapshot:
            overdue = find_overdue(snapshot.read, read_utc_ms()) if snapshot.has("journal") else None
        findings += judge_archive(overdue)
    except StoreError as error:
        raise fail(EXIT_OUTSIDE, str(error)) from error
    if as_json:
        say_json([one.to_json() for one in findings], indent=1)
    else:
        for one in findings:
            remedy = [] if one.remedy is None else [f"    {translate(one.remedy)}"]
            say(f"{label(one.state.value)}  {one.check}: {translate(one.text)}", *remedy)
    if any(one.state is State.FAILED for one in findings):
        raise click.exceptions.Exit(EXIT_NO)
