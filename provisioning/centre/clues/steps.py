"""`dianjian centre clues open` and `step`: an officer's signed steps.

A step is signed with the officer's key over the hash of the step before it, and goes into the ledger as one
line. What a verifier would not take is refused here.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import click

from centre.clues.candidates import Candidate
from centre.clues.ledger import add_step
from centre.store.place import Place
from disk.database import add_suffix
from disk.lock import Lock
from evidence.clues.check import Ledger
from evidence.clues.course import Outcome
from evidence.clues.step import Link, Linked, Stage, Step, hash_step, sign_step
from evidence.moments import iso_utc
from evidence.orders.order import hash_order
from provisioning.centre.clues.chains import find_false_marks, recheck_clue
from provisioning.centre.clues.group import find_new, find_since_ms, tell_recheck
from provisioning.centre.clues.options import (
    CLUES,
    KEY,
    OFFICER,
    STORE,
    Books,
    Signer,
    ending_by_clues,
    load_signer,
    now_after,
    open_books,
)
from provisioning.centre.clues.words import WORDS
from provisioning.centre.keys import LEDGER
from provisioning.centre.options import AS_JSON, FILE, show
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.moment import Moment
from provisioning.terminal.store_option import store_option
from provisioning.words.clues import STAGES
from provisioning.words.language import translate

CHUNK_BYTES: Final = 1 << 20
TEXT: Final = click.option("--text", required=True, help="What was found or done, a page at most.")
EXISTING: Final = click.Path(dir_okay=False, exists=True, path_type=Path)


@click.command("open")
@LEDGER
@CLUES
@KEY
@OFFICER
@store_option("The subscriber's database: where clues come from.", required=True)
@click.option("--gateway", required=True, help="The gateway that it is about.")
@click.option("--episode", default="", help="Begin with this episode, by its id.")
@click.option("--verdict", default="", help="Begin with a verdict about an alert: ORDER/REV/LINE.")
@click.option("--finding", default="", help="Begin with a finding of the centre, as list shows it.")
@click.option("--mark", default="", help="Begin with a mark that power contradicts, by its id.")
@click.option("--site", type=FILE, help="The site file, instead of the one in the chain.")
@click.option("--since", type=Moment(), help="Look for it from then on; 30 days back if not given.")
@click.option("--id", "id_", default="", help="Names the clue; c and a number if it is not given.")
@TEXT
@AS_JSON
def open_clue(
    ledger: Path,
    path: Path,
    key: Path,
    officer: str,
    store: Place,
    gateway: str,
    episode: str,
    verdict: str,
    finding: str,
    mark: str,
    site: Path | None,
    since: int | None,
    id_: str,
    text: str,
    as_json: bool,
) -> None:
    """Open a clue with what the store has, and sign its screening."""
    given = {Linked.EPISODE: episode, Linked.VERDICT: verdict, Linked.FINDING: finding, Linked.MARK: mark}
    asked = [(what, name) for what, name in given.items() if name]
    if len(asked) != 1:
        raise fail(EXIT_USAGE, translate(WORDS["one origin"]))
    what, name = asked[0]
    books = open_books(ledger, path)
    signer = load_signer(books, key, officer)
    if what is Linked.MARK:
        found: Iterator[Candidate] = find_false_marks(store, gateway, site)
    else:
        found = find_new(books, store, gateway, since)
    one = next((one for one in found if one.key == (what.value, gateway, name)), None)
    if one is None:
        from_ = iso_utc(find_since_ms(since))
        shown = translate(WORDS["no origin"], gateway=gateway, what=what.value, id=name, since=from_)
        raise fail(EXIT_NO, shown)
    wanted = {"stage": Stage.SCREENING, "text": text, "links": (one.link,), "body": one.opening.to_body()}
    _sign(ledger, path, signer, id_, wanted, as_json=as_json)


@click.command("step")
@LEDGER
@CLUES
@KEY
@OFFICER
@STORE
@click.option(
    "--stage", type=click.Choice([one.name.lower() for one in Stage]), help="Where it stands after this step."
)
@click.option(
    "--outcome",
    type=click.Choice([one.value for one in Outcome]),
    help="The review: the plant was abnormal, or the monitoring device.",
)
@click.option(
    "--close", is_flag=True, help="End it: improved, or while screened because nothing was behind it."
)
@click.option("--recheck-from", "begin", type=Moment(), help="Recheck by power from then on; needs --store.")
@click.option("--recheck-until", "end", type=Moment(), help="Recheck by power until then.")
@click.option("--site", type=FILE, help="The site file, instead of the one in the chain.")
@click.option("--order", "order_ids", multiple=True, help="Rests on this order to its gateway; repeatable.")
@click.option(
    "--pack", "packs", multiple=True, type=EXISTING, help="Rests on this evidence pack; repeatable."
)
@click.option("--file", "files", multiple=True, type=EXISTING, help="Rests on this file; repeatable.")
@TEXT
@AS_JSON
@click.argument("id_", metavar="CLUE")
def add(
    ledger: Path,
    path: Path,
    key: Path,
    officer: str,
    store: Place | None,
    stage: str | None,
    outcome: str | None,
    close: bool,
    begin: int | None,
    end: int | None,
    site: Path | None,
    order_ids: Sequence[str],
    packs: Sequence[Path],
    files: Sequence[Path],
    text: str,
    as_json: bool,
    id_: str,
) -> None:
    """Sign the next step of CLUE; without --stage a note where it stands."""
    books = open_books(ledger, path)
    clue, signer = books.find(id_, path), load_signer(books, key, officer)
    body: dict[str, Any] = {}
    if outcome is not None:
        body["outcome"] = outcome
    if close:
        body["closed"] = True
    links = [_link_order(books, clue.opening.gateway, one) for one in order_ids]
    links += [_link_file(Linked.PACK, one) for one in packs]
    links += [_link_file(Linked.FILE, one) for one in files]
    told: list[str] = []
    if begin is not None or end is not None:
        if begin is None or end is None or end <= begin:
            raise fail(EXIT_USAGE, translate(WORDS["both times"]))
        if store is None:
            raise fail(EXIT_USAGE, translate(WORDS["needs store"]))
        checked = recheck_clue(store, clue.opening, begin, end, site)
        body["recheck"] = checked.to_body()
        told.append(tell_recheck(checked))
    at = clue.stage if stage is None else Stage[stage.upper()]
    wanted = {"stage": at, "text": text, "links": tuple(links), "body": body}
    _sign(ledger, path, signer, id_, wanted, *told, as_json=as_json)


def _sign(
    ledger: Path, path: Path, signer: Signer, id_: str, wanted: dict[str, Any], *told: str, as_json: bool
) -> None:
    """Sign a step behind the last one and keep it; one officer at a time, so that each has its number."""
    with ending_by_clues(path), Lock(add_suffix(path, ".lock")):
        books = open_books(ledger, path)
        step = Step(
            seq=books.clues.seq + 1,
            previous=books.clues.hash,
            clue=id_ or _name_clue(books.clues),
            officer=signer.name,
            key=signer.key,
            utc_ms=now_after(books),
            **wanted,
        )
        raw = sign_step(step, signer.secret)
        add_step(path, books.clues, raw)
    fields = {"clue": step.clue, "seq": step.seq, "sha256": hash_step(raw).hex(), **_plain(wanted)}
    shown = translate(WORDS["added"], clue=step.clue, seq=step.seq, stage=translate(STAGES[step.stage]))
    show(fields, shown, *told, as_json=as_json)


def _plain(wanted: dict[str, Any]) -> dict[str, Any]:
    links = [one.to_plain() for one in wanted["links"]]
    return {"stage": wanted["stage"].name.lower(), "links": links, "body": wanted["body"]}


def _name_clue(known: Ledger) -> str:
    """A name that no clue has: c and the number of its first step, unless somebody gave one that name."""
    number = known.seq + 1
    while f"c{number}" in known.clues:
        number += 1
    return f"c{number}"


def _link_order(books: Books, gateway: str, id_: str) -> Link:
    sent = books.orders.latest(gateway).get(id_)
    if sent is None:
        raise fail(EXIT_NO, translate(WORDS["no order"], gateway=gateway, id=id_))
    return Link(Linked.ORDER, id_, hash_order(sent.raw), gateway)


def _link_file(what: Linked, path: Path) -> Link:
    digest = sha256()
    with path.open("rb") as stream:
        while piece := stream.read(CHUNK_BYTES):
            digest.update(piece)
    return Link(what, path.name, digest.digest())
