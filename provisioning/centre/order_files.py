"""`dianjian centre order files`: the files that a gateway's answers and marks name; whether they are here.

Only hashes are in the chain. The subscriber asks the gateway for the files and keeps what fits its hash
(`centre.files`); this verb compares what lies there with what was sealed, or with `--folder` what somebody
brought on a stick. `--erase` erases one for good.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import attrs
import click

from centre.files.sealed import SealedFile, read_sealed
from centre.files.shelf import Kept, Shelf
from centre.store.journal import SqlJournal
from centre.store.place import Place, Server, find_shelf, open_to_read
from evidence.words import Words
from provisioning.centre.options import AS_JSON, FOLDER, STORE, failing_in_one_line
from provisioning.declaring.letters import check_file
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.register_option import register_option
from provisioning.terminal.say import say, say_json
from provisioning.words.language import translate

WORDS: Final = {
    "same": Words(
        "{about}：{name}（{size}字节）与封存的一致", "{about}: {name}, {size} bytes, is what was sealed"
    ),
    "edited": Words(
        "{about}：{name} 已被改动：与第{seal}号签封封存的哈希不符",
        "{about}: {name} WAS EDITED: it is not what seal {seal} names",
    ),
    "absent": Words("{about}：{name} 不在此处", "{about}: {name} is not here"),
    "part": Words("{about}：{name}（{size}字节）正在传输", "{about}: {name}, {size} bytes, is on its way"),
    "erased": Words("{about}：{name} 已删除", "{about}: {name} was erased"),
    "none": Words("没有带文件的答复或标记", "no answer and no mark has a file"),
    "which": Words(
        "PostgreSQL数据库：请用 --register 或 --folder 指明文件所在处",
        "with PostgreSQL, --register or --folder says where the files lie",
    ),
    "no hash": Words(
        "--erase {sha256}：{gateway} 没有封存这样的文件；请写出64位十六进制哈希",
        "--erase {sha256}: {gateway} has sealed no such file; write its hash of 64 hexadecimal digits",
    ),
    "erased now": Words("{sha256} 已删除，不再索取", "{sha256} is erased, and is not asked for again"),
}
_HASH: Final = re.compile(r"[0-9a-f]{64}")


@click.command("files")
@STORE
@register_option("Beside it the files lie where the store is a PostgreSQL database.", required=False)
@click.option("--folder", type=FOLDER, help="Compare these files, named by their hashes, instead.")
@click.option("--erase", metavar="SHA256", help="Erase this file at the centre; it is not asked for again.")
@AS_JSON
@click.argument("gateway")
def files(
    store: Place,
    register: Path | None,
    folder: Path | None,
    erase: str | None,
    as_json: bool,
    gateway: str,
) -> None:
    """Compare the files of GATEWAY's answers and marks with what it sealed; exit code 1 if one was edited."""
    with failing_in_one_line(store), closing(open_to_read(store)) as snapshot:
        sealed = read_sealed(SqlJournal(snapshot.read), gateway) if snapshot.has("journal") else []
    shelf = None if folder is not None else open_shelf(store, register)
    if erase is not None and shelf is not None:
        _erase(shelf, gateway, erase, sealed)
    rows = list(_compare(sealed, gateway, shelf, folder))
    if as_json:
        say_json({"files": rows})
    else:
        say(*([translate(WORDS[row["found"]], **row) for row in rows] or [translate(WORDS["none"])]))
    if any(row["found"] == "edited" for row in rows):
        raise click.exceptions.Exit(EXIT_NO)


def open_shelf(store: Place, register: Path | None) -> Shelf:
    """The files beside the chains of a store; ends the command where nothing says where they lie."""
    if isinstance(store, Server) and register is None:
        raise fail(EXIT_USAGE, translate(WORDS["which"]))
    return Shelf(find_shelf(store, register or Path()))


def _erase(shelf: Shelf, gateway: str, sha256: str, sealed: list[SealedFile]) -> None:
    if not _HASH.fullmatch(sha256) or all(one.sha256 != sha256 for one in sealed):
        raise fail(EXIT_USAGE, translate(WORDS["no hash"], sha256=sha256[:80], gateway=gateway))
    with failing_in_one_line(shelf.folder):
        shelf.erase(gateway, sha256)
    say(translate(WORDS["erased now"], sha256=sha256), err=True)


def _compare(
    sealed: list[SealedFile], gateway: str, shelf: Shelf | None, folder: Path | None
) -> Iterator[dict[str, Any]]:
    for one in sealed:
        kept = Kept.HELD if shelf is None else shelf.look(gateway, one.sha256)
        place = folder if shelf is None else shelf.folder / gateway
        assert place is not None
        found = check_file(place, one.sha256) if kept is Kept.HELD else kept.value
        yield {**attrs.asdict(one), "found": found}
