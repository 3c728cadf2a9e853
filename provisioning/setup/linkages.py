"""The linkages of a setup: which treatment must run while which production does.

A single treatment line serves all production; for several, the production line with the same number is
offered, and the technician corrects it.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from provisioning.journal.entries import LinkageNamed
from provisioning.setup.confirm import check_identifier
from provisioning.setup.session import Session
from provisioning.setup.talk import WrongAnswerError
from provisioning.setup.walk import walk
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.typed import split_list


def check_id(source: str, path: str, typed: str, taken: Sequence[str]) -> str:
    """A unique id from the answers file. Ends the command if it is not valid."""
    try:
        check_identifier(typed)
        if typed in taken:
            raise WrongAnswerError("id_taken", typed=typed)  # noqa: TRY301
    except WrongAnswerError as error:
        raise fail(EXIT_USAGE, f"{source}: {path}: {error}") from error
    return typed


def linkages(session: Session) -> None:
    """Take them from the answers, or ask for each treatment line what it treats."""
    named = session.journal.lines
    production = [line.id for line in named if line.kind == "production"]
    treatment = [line.id for line in named if line.kind == "treatment"]
    if session.answers.linkage:
        session.keep(
            linkages=tuple(_take_linkage(session, index) for index in range(len(session.answers.linkage)))
        )
        return
    if not production or not treatment:
        session.keep(linkages=())
        session.talk.say("no_linkage")
        return
    before = {one.treatment[0]: one for one in session.journal.linkages if len(one.treatment) == 1}
    served: dict[str, tuple[str, ...]] = {}

    def ask(line: str) -> None:
        default = _guess_production(line, production, treatment)
        if line in before:
            default = [one for one in before[line].production if one in production] or default
        served[line] = session.talk.ask(
            "linkage",
            "ask_linkage",
            _check_production(production),
            default=" ".join(served.get(line) or default),
            line=session.find_line(line).label,
        )

    walk(session.talk, *(partial(ask, line) for line in treatment))
    chosen = [(line, served[line]) for line in treatment if served[line]]
    session.keep(
        linkages=tuple(LinkageNamed(f"k{at}", ones, (line,)) for at, (line, ones) in enumerate(chosen, 1))
    )


def _guess_production(line: str, production: list[str], treatment: list[str]) -> list[str]:
    """A single treatment serves all; of several, each serves the production with its number."""
    if len(treatment) == 1:
        return production
    twin = "p" + line[1:]
    return [twin] if twin in production else production


def _check_production(production: list[str]) -> Any:
    def check(typed: str) -> tuple[str, ...]:
        if typed == "-":
            return ()
        words = split_list(typed)
        for word in words:
            if word not in production:
                raise WrongAnswerError("no_such_line", typed=word, known=", ".join(production))
        return tuple(dict.fromkeys(words))

    return check


def _take_linkage(session: Session, index: int) -> LinkageNamed:
    given, source = session.answers.linkage[index], session.talk.source
    kinds = {line.id: line.kind for line in session.journal.lines}
    for role, members in (("production", given.production), ("treatment", given.treatment)):
        path = f"linkage[{index}].{role}"
        if not members:
            raise fail(EXIT_USAGE, f"{source}: {path}: missing")
        for member in members:
            if kinds.get(member) != role:
                known = ", ".join(line for line, kind in kinds.items() if kind == role)
                raise fail(EXIT_USAGE, f"{source}: {path}: no {role} line {member!r}; known: {known}")
    taken = [one.id or "" for one in session.answers.linkage[:index]]
    name = check_id(source, f"linkage[{index}].id", given.id or f"k{index + 1}", taken)
    return LinkageNamed(name, given.production, given.treatment)
