"""`dianjian centre clues`: what clues there are, how far each has come, how often each rule was right."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import click

from centre.clues.candidates import Candidate, find_candidates, read_arrivals
from centre.store.journal import SqlJournal
from centre.store.place import Place, open_to_read
from disk.database import StoreError
from evidence.clues.course import Clue
from evidence.clues.precision import count_rules
from evidence.clues.recheck import Recheck
from evidence.clues.step import Link, Linked, Step
from evidence.moments import iso_utc, utc_ms
from provisioning.centre.clues.chains import MS_PER_S, find_false_marks, hash_records
from provisioning.centre.clues.options import CLUES, STORE, Books, open_books, to_plain
from provisioning.centre.clues.words import OUTCOMES, RESULTS, WHYS, WORDS
from provisioning.centre.keys import DAY_MS, LEDGER
from provisioning.centre.options import AS_JSON, FILE, failing_in_one_line
from provisioning.terminal.lazy_group import LazyGroup
from provisioning.terminal.moment import Moment
from provisioning.terminal.say import say, say_json
from provisioning.terminal.show import count_up
from provisioning.words.clues import STAGES
from provisioning.words.language import translate

SINCE_DAYS: Final = 30
"""How far back the store is searched where nobody says otherwise: a month's report."""
S_PER_H: Final = 3600
S_PER_MIN: Final = 60


PLACES: Final = {
    "open": "centre.clues.steps:open_clue",
    "step": "centre.clues.steps:add",
    "work-order": "centre.clues.work_order:work_order",
    "export": "centre.clues.export:export",
    "map": "centre.clues.export:draw_map",
}
"""Verb: where it is, below provisioning; all of them stand on this file."""


@click.group(
    "clues",
    cls=LazyGroup,
    places=PLACES,
    short_help="clues, followed to their end by officers' signed steps",
)
def clues() -> None:
    """Clues: found in the store, reviewed and followed by officers who sign every step."""


@clues.command("list")
@LEDGER
@CLUES
@STORE
@click.option("--gateway", default="", help="Of this gateway alone.")
@click.option("--since", type=Moment(), help="Look for new ones from then on; 30 days back if not given.")
@click.option(
    "--marks", is_flag=True, help="Also marks that power contradicts; needs --gateway, reads its chain."
)
@click.option("--site", type=FILE, help="The site file, instead of the one in the chain.")
@AS_JSON
def listing(
    ledger: Path,
    path: Path,
    store: Place | None,
    gateway: str,
    since: int | None,
    marks: bool,
    site: Path | None,
    as_json: bool,
) -> None:
    """The clues of the ledger, and with --store what could become one."""
    books = open_books(ledger, path)
    known = [one for one in books.clues.clues.values() if gateway in {"", one.opening.gateway}]
    found: list[Candidate] = []
    if store is not None:
        found = list(find_new(books, store, gateway, since))
        if marks and gateway:
            taken = list_origins(books)
            found += [one for one in find_false_marks(store, gateway, site) if one.key not in taken]
    if as_json:
        say_json({"clues": list(map(to_plain, known)), "candidates": [one.to_plain() for one in found]})
        return
    say(*(map(tell_clue, known) if known else [translate(WORDS["none"])]))
    if found:
        say(translate(WORDS["candidates"], count=len(found)), *map(_tell_candidate, found))
    elif store is not None:
        say(translate(WORDS["no candidates"], since=iso_utc(find_since_ms(since))))


def find_since_ms(since: int | None) -> int:
    """From when on new ones are looked for, UTC."""
    return utc_ms() - SINCE_DAYS * DAY_MS if since is None else since


def find_new(books: Books, store: Place, gateway: str = "", since: int | None = None) -> Iterator[Candidate]:
    """What the store has that no clue began with."""
    since_ms, taken = find_since_ms(since), list_origins(books)
    with failing_in_one_line(store), closing(open_to_read(store)) as snapshot:
        if not snapshot.has("journal"):
            raise StoreError(f"{store}: has no journal; start `dianjian subscribe` of this version once")
        with count_up(translate(WORDS["looking"])) as tell:
            found = find_candidates(read_arrivals(SqlJournal(snapshot.read), since_ms, gateway, tell))
    for key, one in found.items():
        if key not in taken and gateway in {"", one.opening.gateway}:
            yield one


def list_origins(books: Books) -> set[tuple[str, str, str]]:
    """What clues began with."""
    links = (clue.steps[0].links[0] for clue in books.clues.clues.values())
    return {(one.what.value, one.gateway, one.id) for one in links}


@clues.command("show")
@LEDGER
@CLUES
@STORE
@AS_JSON
@click.argument("id_", metavar="CLUE")
def show_clue(ledger: Path, path: Path, store: Place | None, as_json: bool, id_: str) -> None:
    """Every step of CLUE, with --store also whether the store has what it rests on."""
    books = open_books(ledger, path)
    clue = books.find(id_, path)
    held = {} if store is None else _find_hashes(store, clue)
    rows = [_plain_step(one, held, is_looked_up=store is not None) for one in clue.steps]
    if as_json:
        say_json({**to_plain(clue), "steps": rows})
        return
    say(tell_clue(clue))
    for step, row in zip(clue.steps, rows, strict=True):
        say(*_tell_step(step, row))
    if clue.outcome is None and not clue.closed:
        say(translate(WORDS["unsigned"]))


@clues.command("rules")
@LEDGER
@CLUES
@AS_JSON
def rules(ledger: Path, path: Path, as_json: bool) -> None:
    """How often each rule was right, from the clues that are closed."""
    tallies = count_rules(open_books(ledger, path).clues.clues.values())
    rows = [
        {
            "rule": name,
            "open": one.open,
            "closed": one.closed,
            "plant": one.plant,
            "device": one.device,
            "dismissed": one.dismissed,
            "precision": one.precision,
        }
        for name, one in tallies.items()
    ]
    if as_json:
        say_json({"rules": rows})
        return
    for row in rows:
        share = row["precision"]
        shown = translate(WORDS["unknown"]) if share is None else f"{share:.0%}"
        say(translate(WORDS["rule"], **{**row, "precision": shown}))
    if not rows:
        say(translate(WORDS["none"]))


def tell_clue(clue: Clue) -> str:
    """A clue in a line."""
    ending = "dismissed" if clue.is_dismissed else "closed"
    outcome = ""
    if clue.outcome is not None:
        outcome = translate(WORDS["outcome"], outcome=translate(OUTCOMES[clue.outcome]))
    return translate(
        WORDS["row"],
        clue=clue.id,
        stage=translate(STAGES[clue.stage]),
        closed=translate(WORDS[ending]) if clue.closed else "",
        gateway=clue.opening.gateway,
        rule=clue.opening.rule,
        lines=" ".join(clue.opening.lines),
        outcome=outcome,
    )


def tell_recheck(one: Recheck) -> str:
    """A recheck in a line."""
    return translate(
        WORDS["recheck"],
        begin=iso_utc(one.begin_s * MS_PER_S),
        end=iso_utc(one.end_s * MS_PER_S),
        result=translate(RESULTS[one.result]),
        why=translate(WHYS[one.why]),
        ran=f"{one.ran_s / S_PER_H:.1f}",
        lacked=round(one.lacked_s / S_PER_MIN),
        longest=round(one.longest_s / S_PER_MIN),
    )


def _tell_candidate(one: Candidate) -> str:
    link, opening = one.link, one.opening
    shown = {"what": link.what.value, "gateway": link.gateway, "id": link.id, "rule": opening.rule}
    return translate(WORDS["candidate"], text=one.text, **shown)


def _tell_step(step: Step, row: dict[str, Any]) -> Iterator[str]:
    stage = translate(STAGES[step.stage])
    head = {"seq": step.seq, "at": row["at"], "stage": stage, "officer": step.officer}
    yield translate(WORDS["step"], text=step.text, **head)
    if row["outcome"] is not None:
        told = next(words for name, words in OUTCOMES.items() if name.value == row["outcome"])
        yield translate(WORDS["review"], outcome=translate(told))
    if row["recheck"] is not None:
        yield tell_recheck(Recheck.from_body(row["recheck"]))
    for link in row["links"]:
        place = translate(WORDS["place"], **link) if link["seal"] else ""
        shown = {"what": link["what"], "id": link["id"], "place": place}
        yield translate(WORDS["link"], found=translate(WORDS[link["found"]]), **shown)


def _plain_step(step: Step, held: dict[tuple[str, int], set[bytes]], *, is_looked_up: bool) -> dict[str, Any]:
    links = []
    for one in step.links:
        found = "unseen"
        if is_looked_up and _is_record(one):
            found = "same" if one.hash in held.get((one.gateway, one.seal), ()) else "differs"
        links.append({**one.to_plain(), "found": found})
    return {
        "seq": step.seq,
        "at": iso_utc(step.utc_ms),
        "stage": step.stage.name.lower(),
        "officer": step.officer,
        "text": step.text,
        "outcome": step.body.get("outcome"),
        "recheck": step.body.get("recheck"),
        "closed": step.body.get("closed", False),
        "links": links,
    }


def _is_record(link: Link) -> bool:
    return link.what in {Linked.EPISODE, Linked.VERDICT, Linked.MARK}


def _find_hashes(store: Place, clue: Clue) -> dict[tuple[str, int], set[bytes]]:
    """The hashes of the records in the seals that the links of a clue name."""
    wanted = {(one.gateway, one.seal) for step in clue.steps for one in step.links if _is_record(one)}
    return {place: hash_records(store, *place) for place in wanted}
