"""`dianjian declare`: a declaration of the plant, by a named person, as a mark in the chain.

Without CODE it lists what can be declared. The agent seals the letter within seconds, or at its next start.
With --order the same letter answers an order of the bureau.
"""

import time
from pathlib import Path
from typing import Final

import click

from agent.inbox import EntryError, name_letter
from agent.site.file import load_site
from drivers.clock import NS_PER_S
from evidence.cbor import FormatError
from evidence.marks.catalogue import INDUSTRIES, Catalogue, load_catalogue
from evidence.marks.mark import SubjectKind
from evidence.words import Words
from provisioning.declaring.answer import FILES, keep_files, log_in, read_orders
from provisioning.declaring.letters import Declared, LetterError, put_letters
from provisioning.declaring.person import AS_JSON, CONFIG, find_state
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.moment import MS_PER_S, Moment
from provisioning.terminal.say import say, say_json
from provisioning.words.language import translate

WORDS: Final = {
    "code": Words.same("{id}  {name}"),
    "declared": Words("{what}：数秒内签封入链，编号 {id}", "{what} is sealed within seconds; its id is {id}"),
    "mark": Words("申报", "the declaration"),
    "answer": Words("对指令的答复", "the answer to the order"),
}


@click.command("declare", short_help="a declaration of the plant: stop, fault, maintenance, holiday …")
@CONFIG
@click.option(
    "--by", default="", help="Who declares; asks for the password, or reads it from standard input."
)
@click.option("--line", default="", help="About this line.")
@click.option("--meter", default="", help="About this meter.")
@click.option("--reason", default="", help="Why, in a sentence.")
@click.option("--from", "since", type=Moment(), help="Since when; now if it is not given.")
@click.option("--to", "until", type=Moment(), help="Until when; it lasts if it is not given.")
@FILES
@click.option("--order", default="", help="Answers this order, too.")
@click.option(
    "--industry",
    type=click.Choice(INDUSTRIES),
    default="general",
    show_default=True,
    help="Whose catalogue of marks.",
)
@AS_JSON
@click.argument("code", default="")
def command(
    config: Path,
    by: str,
    line: str,
    meter: str,
    reason: str,
    since: int | None,
    until: int | None,
    files: tuple[Path, ...],
    order: str,
    industry: str,
    as_json: bool,
    code: str,
) -> None:
    """Declare CODE; without it, list the codes."""
    state, catalogue, now_ns = find_state(config), load_catalogue(industry), time.time_ns()
    if not code:
        _list(catalogue, as_json=as_json)
        return
    if line and meter:
        raise fail(EXIT_USAGE, "--line and --meter: a declaration is about one of them")
    if order and order not in {one["order"] for one in read_orders(state, config)}:
        raise fail(EXIT_NO, f"--order {order}: the gateway holds no such order in force")
    _check_subject(config, line, meter)
    log_in(state, by)
    kind = SubjectKind.LINE if line else SubjectKind.METER if meter else SubjectKind.SITE
    said = Declared(
        by=by,
        text=reason,
        code=code,
        subject=(kind, line or meter or SubjectKind.SITE.value),
        from_s=now_ns // NS_PER_S if since is None else since // MS_PER_S,
        to_s=None if until is None else until // MS_PER_S,
        order=order,
        files=keep_files(state, files),
    )
    try:
        letters = put_letters(state, said, catalogue, now_ns)
    except (LetterError, FormatError, EntryError) as error:
        raise fail(EXIT_USAGE, str(error)) from error
    if as_json:
        say_json({"letters": [{**one, "id": name_letter(one)} for one in letters]})
        return
    for one in letters:
        what = translate(WORDS["answer" if one["what"] == "answer" else "mark"])
        say(translate(WORDS["declared"], what=what, id=name_letter(one)))


def _check_subject(config: Path, line: str, meter: str) -> None:
    site = load_site(config)
    for option, id_, known in (("--line", line, site.line), ("--meter", meter, site.meter)):
        names = [one.id for one in known]
        if id_ and id_ not in names:
            raise fail(
                EXIT_USAGE, f"{option} {id_}: the site file has no such id; it has: {', '.join(names)}"
            )


def _list(catalogue: Catalogue, *, as_json: bool) -> None:
    codes = list(catalogue.codes.values())
    if as_json:
        rows = [{"id": one.id, "zh": one.words.zh, "en": one.words.en} for one in codes]
        say_json({"edition": catalogue.edition, "codes": rows})
    else:
        say(*(translate(WORDS["code"], id=one.id, name=translate(one.words)) for one in codes))
