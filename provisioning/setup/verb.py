"""`dianjian setup`: from a bare gateway to a signed acceptance sheet, step by step.

    dianjian setup [--folder DIR]             the guided session: the open steps, in order
    dianjian setup STEP [--folder DIR]        one step, again if it was done before
    … --yes [--answers FILE]                  ask nothing: defaults, and answers from a TOML file
    … --json                                  one JSON object per event on stdout

Steps: find, loggers, lines, wiring, trial, thresholds, photos, platforms, enrol, receipt, commission, sheet.
Everything is kept in `setup.json` at once; after a call that was interrupted the next one goes on from there.
"""

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from disk.help_page import ASKED, HelpGroup
from provisioning.journal.entries import STEPS
from provisioning.setup.answers import read_answers
from provisioning.setup.receipt import read_service_status
from provisioning.setup.session import Session, default_folder, explain_continuing, session, state_of
from provisioning.setup.talk import BACK, Talk
from provisioning.setup.times import format_local, zone_of
from provisioning.setup.walk import BackError
from provisioning.setup.words import text
from provisioning.terminal.exits import EXIT_INTERRUPTED, EXIT_USAGE, fail
from provisioning.terminal.say import say
from provisioning.words.language import choose_language, language

_FOLDER = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where site file and journal are; /etc/dianjian for root, else the working folder.",
)
_YES = click.option("--yes", is_flag=True, help="Ask nothing: take defaults and the --answers file.")
_ANSWERS = click.option(
    "--answers", type=click.Path(dir_okay=False, path_type=Path), help="TOML file with answers."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object per event.")
_SHEET: Final = click.Path(dir_okay=False, path_type=Path)
_CHECK_HELP: Final = "Only say whether this sheet is on record in the gateway's own chain."

NEEDS: Final = {
    "loggers": "find",
    "lines": "find",
    "wiring": "lines",
    "trial": "lines",
    "thresholds": "lines",
    "photos": "find",
    "platforms": "lines",
    "enrol": "lines",
    "receipt": "enrol",
    "commission": "lines",
    "sheet": "lines",
}
"""The steps that a step requires; all others may be done in any order, or left out."""
MEASURES: Final = {"find", "loggers", "wiring", "trial"}
"""Steps that read meters: only one process may have a serial port open, or listen at a port."""

HELP: Final = {
    "find": "look at the buses and name the meters",
    "loggers": "listen for the data loggers of analysers",
    "lines": "name site, lines and linkages; which meter measures what",
    "wiring": "check phases, transformers and ratios of each meter",
    "trial": "switch each machine and watch its reading follow",
    "thresholds": "from which power on each line counts as running",
    "photos": "hashes of photos, numbers of the meters' seals",
    "platforms": "name the platforms that get the readings",
    "enrol": "make the keys and be enrolled at the centre by a token",
    "receipt": "seal, send, and wait for the centre's signature",
    "commission": "begin the commissioning period; once it is over, learn from it",
    "sheet": "write the acceptance sheet, its hash into the chain",
}


@click.group(
    "setup",
    cls=HelpGroup,
    short_help="from a bare gateway to a signed acceptance sheet",
    invoke_without_command=True,
)
@_FOLDER
@_YES
@_ANSWERS
@_JSON
@click.pass_context
def command(
    context: click.Context, folder: Path | None, yes: bool, answers: Path | None, as_json: bool
) -> None:
    """Go through everything that is not done yet; without STEP the guided session."""
    context.obj = {"folder": folder, "yes": yes, "answers": answers, "as_json": as_json}
    if context.invoked_subcommand is None:
        with _open(context, folder, yes=yes, answers=answers, as_json=as_json) as one:
            _run_all(one)


def _step_command(name: str) -> click.Command:
    @click.command(name, short_help=HELP[name], help=f"{HELP[name].capitalize()}.")
    @_FOLDER
    @_YES
    @_ANSWERS
    @_JSON
    @click.pass_context
    def step(
        context: click.Context, folder: Path | None, yes: bool, answers: Path | None, as_json: bool
    ) -> None:
        before: dict[str, Any] = context.obj or {}
        with _open(
            context,
            folder or before.get("folder"),
            yes=yes or bool(before.get("yes")),
            answers=answers or before.get("answers"),
            as_json=as_json or bool(before.get("as_json")),
        ) as one:
            while _run_until_done(one, name) == BACK:
                one.talk.say("first_question", style="yellow")

    return step


def _add_check(step: click.Command) -> click.Command:
    """`setup sheet` with --check, which changes nothing."""
    run = step.callback
    assert run is not None

    def run_or_check(check: Path | None, **rest: Any) -> None:
        if check is None:
            run(**rest)
            return
        from provisioning.evidence.sheet import report_sheet  # noqa: PLC0415 - no other step needs all of evidence

        before: dict[str, Any] = click.get_current_context().obj or {}
        folder = (rest["folder"] or before.get("folder") or default_folder()).absolute()
        report_sheet(check, folder / state_of(folder), as_json=rest["as_json"] or bool(before.get("as_json")))

    step.params.append(click.Option(["--check"], type=_SHEET, help=_CHECK_HELP))
    step.callback = run_or_check
    return step


for _name in STEPS:
    _one = _step_command(_name)
    command.add_command(_add_check(_one) if _name == "sheet" else _one)


@contextlib.contextmanager
def _open(
    context: click.Context, folder: Path | None, *, yes: bool, answers: Path | None, as_json: bool
) -> Iterator[Session]:
    """The session; ctrl-C ends it with one line that says how to go on."""
    place = (folder or default_folder()).absolute()
    wanted = context.meta.get(ASKED)
    talk = Talk(as_json, yes, str(answers) if answers else "--answers FILE")
    known = read_answers(answers)
    try:
        with session(place, talk, known) as one:
            is_begun = one.journal.technician or one.journal.meters
            choose_language(wanted or known.language or (one.journal.language if is_begun else None))
            if language() != one.journal.language:
                one.keep(language=language())
            yield one
    except (KeyboardInterrupt, click.Abort):
        if sys.stdin.isatty():
            say("", err=True)  # end the line on which the terminal echoed ctrl-C
        raise fail(EXIT_INTERRUPTED, explain_continuing(place)) from None


def _run_all(one: Session) -> None:
    talk = one.talk
    if not talk.assume_yes:
        talk.say("hello", folder=one.folder)
    one.tell_remote()
    names = list(STEPS)
    at, again = 0, False
    while at < len(names):
        name, title = names[at], STEPS[names[at]]
        if name in one.journal.steps and not again:
            done_at = format_local(datetime.fromisoformat(one.journal.steps[name]), zone_of(one))
            talk.say("already_done", style="dim", name=title, at=done_at)
            at += 1
            continue
        talk.say("step", style="bold", number=at + 1, count=len(names), name=title)
        again = _run_until_done(one, name) == BACK and at > 0
        at += -1 if again else 1
    talk.say("all_done", style="green")
    talk.event("all_done")


def _run_until_done(one: Session, name: str) -> str:
    """Run a step until it is done, or BACK if the technician wants the step before.

    Somebody at the keyboard is never put back into the shell by what went wrong: it is told, and the next
    question is what now.
    """
    options = [("again", text("try_again")), (BACK, text("step_back")), ("stop", text("stop_here"))]
    is_first = name == next(iter(STEPS))
    while True:
        try:
            _run(one, name)
        except BackError:
            if not is_first:
                return BACK
            one.talk.say("first_question", style="yellow")
            continue
        except click.exceptions.Exit as ended:
            if not one.talk.can_ask:
                raise
            try:
                wanted = one.talk.ask_choice("failed", "ask_failed", options, default="again")
            except BackError:
                wanted = BACK
            if wanted == "stop":
                raise ended from None
            if wanted == BACK and not is_first:
                return BACK
        else:
            return "done"


def _run(one: Session, name: str) -> None:
    module = importlib.import_module(f"provisioning.setup.{name}")
    run: Callable[[Session], None] = getattr(module, name)
    missing = NEEDS.get(name)
    if missing is not None and missing not in one.journal.steps:
        raise fail(EXIT_USAGE, text("comes_first", name=name, missing=missing))
    if name in MEASURES and read_service_status(one) is not None:
        one.talk.say("agent_has_ports", style="yellow")
    one.talk.event("step", step=name)
    run(one)
