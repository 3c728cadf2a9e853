"""`dianjian centre order files`: whether the files of a gateway's answers are those that it sealed.

Only hashes are in the chain. The files themselves lie on the gateway, in `files/` of its state folder, each
under its SHA-256; brought here on a stick or over the network, they are compared with what was sealed.
"""

from pathlib import Path
from typing import Any, Final

import click

from centre.orders.ledger import open_ledger
from centre.store.place import Place
from evidence.words import Words
from provisioning.centre.keys import LEDGER
from provisioning.centre.options import AS_JSON, FOLDER, failing_in_one_line
from provisioning.centre.order import STORE
from provisioning.centre.order_board import find_boards
from provisioning.declaring.letters import check_file
from provisioning.terminal.exits import EXIT_NO
from provisioning.terminal.say import say, say_json
from provisioning.words.language import translate

WORDS: Final = {
    "same": Words(
        "{order}：{name}（{size}字节）与封存的一致", "{order}: {name}, {size} bytes, is what was sealed"
    ),
    "edited": Words(
        "{order}：{name} 已被改动：与第{seal}号封条封存的哈希不符",
        "{order}: {name} WAS EDITED: it is not what seal {seal} names",
    ),
    "absent": Words("{order}：{name} 不在此处", "{order}: {name} is not here"),
    "none": Words("没有带文件的答复", "no answer has a file"),
}


@click.command("files")
@LEDGER
@STORE
@click.option("--folder", required=True, type=FOLDER, help="The files of the gateway, by their hashes.")
@AS_JSON
@click.argument("gateway")
def files(ledger: Path, store: Place | None, folder: Path, as_json: bool, gateway: str) -> None:
    """Compare the files of GATEWAY's answers with what it sealed; exit code 1 if one was edited."""
    with failing_in_one_line(ledger):
        boards = find_boards(open_ledger(ledger), store, gateway)
    rows: list[dict[str, Any]] = [
        {"order": one["order"], "seal": one["seal"], **file, "found": check_file(folder, file["sha256"])}
        for board in boards.values()
        for one in board.list_answers()
        for file in one["files"] or ()
    ]
    if as_json:
        say_json({"files": rows})
    else:
        say(*([translate(WORDS[row["found"]], **row) for row in rows] or [translate(WORDS["none"])]))
    if any(row["found"] == "edited" for row in rows):
        raise click.exceptions.Exit(EXIT_NO)
