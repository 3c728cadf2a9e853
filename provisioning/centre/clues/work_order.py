"""`dianjian centre clues work-order`: what a technician is to look at, where a review blames the device.

It is drawn from the signed steps alone, so it is opened by the review itself and ends with the clue.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from evidence.clues.course import Clue, Outcome
from evidence.clues.step import Step, hash_step
from evidence.moments import iso_utc
from provisioning.centre.clues.chains import MS_PER_S
from provisioning.centre.clues.options import CLUES, Books, open_books
from provisioning.centre.clues.words import WORDS
from provisioning.centre.keys import LEDGER
from provisioning.centre.options import AS_JSON
from provisioning.pages.html import Html, markup
from provisioning.pages.paper import code, facts, heading, isolated, paper, sentences, to_html
from provisioning.terminal.exits import EXIT_NO, fail, write_or_fail
from provisioning.terminal.paths import FORCE, NEW_FILE
from provisioning.terminal.say import say, say_json
from provisioning.words.language import translate

NAMES = ("clue", "gateway", "named", "lines", "since", "found", "officer", "fingerprint")


@click.command("work-order")
@LEDGER
@CLUES
@FORCE
@click.option("--html", type=NEW_FILE, help="Write it as a page to print, too.")
@AS_JSON
@click.argument("id_", metavar="CLUE")
def work_order(ledger: Path, path: Path, html: Path | None, as_json: bool, id_: str) -> None:
    """The work order for the technician: CLUE's review found that the monitoring device was abnormal."""
    books = open_books(ledger, path)
    clue = books.find(id_, path)
    if clue.outcome is not Outcome.DEVICE:
        raise fail(EXIT_NO, translate(WORDS["no work"], clue=id_))
    review = next(one for one in reversed(clue.steps) if "outcome" in one.body)
    order = make_work_order(clue, review, _find_hash(books, review))
    if html is not None:
        write_or_fail(html, draw_work_order(order).encode())
    if as_json:
        say_json(order)
        return
    say(translate(WORDS["work order"]), *_tell(order), translate(WORDS["what to do"]))


def make_work_order(clue: Clue, review: Step, digest: bytes) -> dict[str, Any]:
    """The order as plain values."""
    opening = clue.opening
    return {
        "clue": clue.id,
        "gateway": opening.gateway,
        "rule": opening.rule,
        "lines": list(opening.lines),
        "since": iso_utc(opening.begin_s * MS_PER_S),
        "found": review.text,
        "officer": review.officer,
        "at": iso_utc(review.utc_ms),
        "step": review.seq,
        "sha256": digest.hex(),
        "closed": clue.closed,
    }


def draw_work_order(order: dict[str, Any]) -> str:
    """The order as a page to print."""
    values = dict(zip(NAMES, _list_values(order), strict=True))
    rows = [
        (WORDS[name], code(value) if name == "fingerprint" else isolated(value))
        for name, value in values.items()
    ]
    empty = markup("<p>{}</p>", Html("&nbsp;"))
    body = [
        markup("<h1>{}</h1>", to_html(WORDS["work order"])),
        facts(rows),
        heading(WORDS["for technician"]),
        sentences(WORDS["what to do"]),
        heading(WORDS["done"]),
        *[empty] * 8,
        facts([(WORDS["signature"], isolated(""))]),
    ]
    return str(paper(WORDS["work order"], body))


def _list_values(order: dict[str, Any]) -> list[str]:
    names = ("clue", "gateway", "rule", "lines", "since", "found", "officer", "sha256")
    values = (order[name] for name in names)
    return [" ".join(one) if isinstance(one, list) else str(one) for one in values]


def _tell(order: dict[str, Any]) -> Iterator[str]:
    for name, value in zip(NAMES, _list_values(order), strict=True):
        yield f"{translate(WORDS[name])}: {value}"


def _find_hash(books: Books, step: Step) -> bytes:
    return hash_step(books.raws[step.seq - 1])
