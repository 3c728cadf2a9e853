"""Step `lines`: the site, its lines with the power on their nameplates, and which lines belong together.

The technician gives names and nameplates; ids, the next meter and the usual linkage are offered. The ratio of
transformers is asked only for a meter whose registers hold secondary values, and a ratio that the meter
itself holds is offered. Every meter that measures power must feed a line, because the agent requires it.
"""

import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Literal, cast

from attrs import evolve

from agent.site.field_types import RATED_W_MAX
from provisioning.journal.entries import LineNamed, MeterFound
from provisioning.setup.answers import LineAnswers
from provisioning.setup.confirm import check_identifier, has_power, place_of
from provisioning.setup.credit_code import find_mistake
from provisioning.setup.linkages import check_id, linkages
from provisioning.setup.ratios import ask_ratios
from provisioning.setup.session import Session, default_gateway
from provisioning.setup.talk import WrongAnswerError, check_text
from provisioning.setup.walk import BackError, walk
from provisioning.setup.words import text
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.show import table
from provisioning.terminal.typed import POWER_UNITS, plain, read_number, split_list
from provisioning.words.labels import label

Kind = Literal["production", "treatment", "incomer"]
KINDS: Final[tuple[Kind, ...]] = ("production", "treatment", "incomer")
LETTERS: Final = {"production": "p", "treatment": "t", "incomer": "incomer"}
W_PER_KW: Final = 1000
KW_MIN: Final = 0.001
DONE: Final = frozenset((*("ok", "done", "end"), *("好", "好的", "完成", "结束")))
"""Typed in place of another line's name; no line is called so."""


def lines(session: Session) -> None:
    """Ask for the site, its lines, the line of each meter, the linkages."""
    for index, one in enumerate(session.answers.meter):
        key = "id" if one.at is None else "at"
        _find_meter(session, f"meter[{index}].{key}", one.at or one.id or "")
    is_given = bool(session.answers.line) or session.talk.assume_yes
    questions = (_ask_site, _take_lines if is_given else _ask_lines, _ask_feeds, ask_ratios, linkages)
    walk(session.talk, *(partial(one, session) for one in questions))
    session.write_site()
    session.done("lines")


def read_kw(typed: str) -> float:
    """A power in kW, with or without its unit."""
    return read_number(typed, POWER_UNITS)


def _ask_site(session: Session) -> None:
    talk, given = session.talk, session.answers.site

    def ask_fact(key: str, check: Callable[[str], str], *, free: bool = True, default: str = "") -> None:
        default = getattr(session.journal.site, key) or default
        fact = talk.ask(
            f"site.{key}", f"ask_{key}", check, default=default, given=getattr(given, key), free=free
        )
        session.keep(site=evolve(session.journal.site, **{key: fact}))

    def ask_technician() -> None:
        known, name = session.journal.technician, session.answers.technician
        session.keep(technician=talk.ask_text("technician", "ask_technician", default=known, given=name))

    walk(
        talk,
        partial(ask_fact, "gateway", check_identifier, free=False, default=default_gateway()),
        partial(ask_fact, "name", check_text),
        partial(ask_fact, "enterprise", check_text),
        partial(ask_fact, "uscc", _check_credit_code, free=False),
        partial(ask_fact, "address", check_text),
        ask_technician,
    )


def _check_credit_code(typed: str) -> str:
    """A unified social credit code in capitals; "" for none."""
    code = "".join(typed.split()).upper()
    mistake = find_mistake(code) if code not in {"", "-"} else ""
    if mistake:
        raise WrongAnswerError(mistake, typed=code, count=len(code))
    return code.removeprefix("-")


# -- lines from the answers file


def _take_lines(session: Session) -> None:
    source = session.talk.source
    if not session.answers.line:
        if session.journal.lines:
            return
        raise fail(EXIT_USAGE, f"{source}: line: missing; say id, kind, rated_kw and meters of each line")
    named: list[LineNamed] = []
    for index, one in enumerate(session.answers.line):
        named.append(_take_line(session, f"line[{index}]", one, named))
    session.keep(lines=tuple(named))
    for index, one in enumerate(session.answers.line):
        for at, meter in enumerate(one.meters):
            path = f"line[{index}].meters[{at}]"
            _attach(session, _find_meter(session, path, meter), named[index].id)


def _take_line(session: Session, path: str, one: LineAnswers, before: Sequence[LineNamed]) -> LineNamed:
    talk = session.talk
    if one.kind is None:
        raise fail(EXIT_USAGE, f"{talk.source}: {path}.kind: missing; production, treatment or incomer")
    taken = [line.id for line in before]
    line_id = check_id(talk.source, f"{path}.id", one.id or _find_next_id(one.kind, taken), taken)
    kw = talk.ask_number(
        f"{path}.rated_kw",
        "ask_rated",
        KW_MIN,
        RATED_W_MAX / W_PER_KW,
        given=one.rated_kw,
        read=read_kw,
        line=line_id,
    )
    return LineNamed(line_id, one.kind, one.name or "", round(kw * W_PER_KW), one.equipment or "")


def _find_meter(session: Session, path: str, typed: str) -> MeterFound:
    for meter in session.journal.meters:
        if typed in {meter.id, place_of(meter)}:
            return meter
    known = ", ".join(f"{meter.id} ({place_of(meter)})" for meter in session.journal.meters)
    raise fail(EXIT_USAGE, f"{session.talk.source}: {path}: no meter {typed!r}; known: {known}")


def _attach(session: Session, meter: MeterFound, line: str | None) -> None:
    session.keep_meter(evolve(meter, line=line))


def _find_next_id(kind: str, taken: Sequence[str]) -> str:
    letter = LETTERS[kind]
    if kind == "incomer" and letter not in taken:
        return letter
    return next(name for number in range(1, 10_000) if (name := f"{letter}{number}") not in taken)


# -- lines from the keyboard


def _ask_lines(session: Session) -> None:
    talk = session.talk
    talk.say("lines_intro")
    while True:
        _show(session)
        known = {line.id: line for line in session.journal.lines}
        incomers = [line.id for line in known.values() if line.kind == "incomer"]
        if len(incomers) > 1:
            talk.say("one_incomer", style="yellow", lines=", ".join(incomers))
        enough = bool(known) and not _find_unfed(session) and len(incomers) <= 1
        typed = talk.ask_text("line", "ask_line", default="ok" if enough else None)
        word = plain(typed)
        if word.casefold() in DONE:
            if enough:
                return
            talk.say("not_yet", style="yellow")
            continue
        with contextlib.suppress(BackError):  # back from the first question of a line: to the list of lines
            if word in {"-", *known} and known:
                _change(session, known.get(word) or list(known.values())[-1])
            elif typed:
                _ask_line(session, LineNamed("", "production", typed))


def _change(session: Session, line: LineNamed) -> None:
    """Change a line, or remove it."""
    if session.talk.ask_yes("line", "ask_remove", default=False, line=line.id):
        session.keep(
            lines=tuple(one for one in session.journal.lines if one.id != line.id),
            meters=tuple(
                evolve(one, line=None) if one.line == line.id else one for one in session.journal.meters
            ),
        )
    else:
        _ask_line(session, line)


def _ask_line(session: Session, line: LineNamed) -> None:
    """Ask for everything about a line; it is kept when its meters are known."""
    new = line

    def ask_name() -> None:
        nonlocal new
        new = evolve(new, name=session.talk.ask_text("line.name", "ask_line_name", default=new.name))

    def ask_kind() -> None:
        nonlocal new
        options = [(kind, label(kind)) for kind in KINDS]
        guessed = new.kind if line.id else _guess_kind(new.name)
        kind = session.talk.ask_choice("line.kind", "ask_kind", options, default=guessed, name=new.name)
        new = evolve(new, kind=cast("Kind", kind))

    def ask_rated() -> None:
        nonlocal new
        new = evolve(new, rated_w=round(_ask_rated(session, new) * W_PER_KW))

    def ask_equipment() -> None:
        nonlocal new
        typed = session.talk.ask_text("line.equipment", "ask_equipment", default=new.equipment)
        new = evolve(new, equipment=typed)

    def ask_meters() -> None:
        _keep_line(session, new, _ask_meters(session, new))

    questions = (ask_name, ask_kind, ask_rated, ask_equipment, ask_meters)
    walk(session.talk, *questions[0 if line.id else 1 :])  # the name of a new line has just been typed


def _ask_rated(session: Session, line: LineNamed) -> float:
    """The power on the nameplate, in kW."""
    return session.talk.ask_number(
        "line.rated_kw",
        "ask_rated",
        KW_MIN,
        RATED_W_MAX / W_PER_KW,
        default=line.rated_w / W_PER_KW if line.rated_w else None,
        read=read_kw,
        line=line.name or line.id,
    )


def ask_rated_again(session: Session, line_id: str) -> None:
    """Correct the power on the nameplate of a line."""
    line = session.find_line(line_id)
    session.keep_line(evolve(line, rated_w=round(_ask_rated(session, line) * W_PER_KW)))


def _ask_meters(session: Session, line: LineNamed) -> set[str]:
    own = [meter.id for meter in session.journal.meters if line.id and meter.line == line.id]
    offered = own or [meter.id for meter in _find_unfed(session)][:1]
    return session.talk.ask(
        "line.meters",
        "ask_meters",
        lambda typed: _check_meters(session, typed),
        default=" ".join(offered),
        name=line.name,
    )


def _keep_line(session: Session, line: LineNamed, meters: set[str]) -> None:
    """Keep a line, new or changed, and which meters measure it."""
    if line.id:
        session.keep_line(line)
    else:
        taken = [one.id for one in session.journal.lines]
        line = evolve(line, id=_find_next_id(line.kind, taken))
        session.keep(lines=(*session.journal.lines, line))
    for meter in session.journal.meters:
        if meter.id in meters:
            _attach(session, meter, line.id)
        elif meter.line == line.id:
            _attach(session, meter, None)


_TREATMENT_WORDS: Final = (
    *("治理", "除尘", "喷淋", "排风", "风机", "废气", "污水", "脱硫", "脱硝", "活性炭", "吸附", "燃烧"),
    *("fan", "scrub", "filter", "treat", "exhaust", "dust", "sewage", "rto", "rco"),
)
_INCOMER_WORDS: Final = (
    *("总进线", "进线", "总表", "变压器"),
    *("incom", "feed", "mains", "transformer", "main supply"),
)


def _guess_kind(name: str) -> Kind:
    """The kind that a name suggests; Enter takes it."""
    text = name.casefold()
    if any(word in text for word in _INCOMER_WORDS):
        return "incomer"
    return "treatment" if any(word in text for word in _TREATMENT_WORDS) else "production"


def _check_meters(session: Session, typed: str) -> set[str]:
    chosen = set()
    for word in split_list(typed):
        found = [meter.id for meter in session.journal.meters if word in {meter.id, place_of(meter)}]
        if not found:
            known = ", ".join(meter.id for meter in session.journal.meters)
            raise WrongAnswerError("no_such_meter", typed=word, known=known)
        chosen |= set(found)
    return chosen


def _show(session: Session) -> None:
    journal = session.journal
    if journal.lines:
        rows = [
            (
                line.id,
                line.name,
                label(line.kind),
                f"{line.rated_w / W_PER_KW:g} kW",
                " ".join(meter.id for meter in journal.meters if meter.line == line.id),
            )
            for line in journal.lines
        ]
        headings = ("", *(text(key) for key in ("name", "kind", "rated", "meters")))
        session.talk.show(table(headings, rows, gives_way=1))
    free = [f"{meter.id} ({meter.model} {place_of(meter)})" for meter in _find_unfed(session)]
    if free:
        session.talk.say("meters_without_line", meters=", ".join(free))


# -- the common end


def _find_unfed(session: Session) -> list[MeterFound]:
    lines_ = {line.id for line in session.journal.lines}
    return [
        meter for meter in session.journal.meters if meter.line not in lines_ and has_power(session, meter)
    ]


def _ask_feeds(session: Session) -> None:
    """Every meter with power needs a line; a meter without power can feed none."""
    for meter in session.journal.meters:
        if meter.line is not None and not has_power(session, meter):
            session.talk.say("meter_without_power", style="yellow", meter=meter.id)
            _attach(session, meter, None)
    talk = session.talk
    if talk.assume_yes and (unfed := _find_unfed(session)):
        places = (f"{meter.id} ({place_of(meter)}, {meter.model})" for meter in unfed)
        raise fail(EXIT_USAGE, *(f"{talk.source}: line.meters: {one} feeds no line" for one in places))
    for meter in _find_unfed(session):
        options = [(line.id, f"{line.id} {line.name}") for line in session.journal.lines]
        line = talk.ask_choice("line.meters", "ask_feeds", options, meter=meter.id, model=meter.model)
        _attach(session, meter, line)
    incomers = [line.id for line in session.journal.lines if line.kind == "incomer"]
    if len(incomers) > 1:
        raise fail(EXIT_USAGE, f"{talk.source}: line: {', '.join(incomers)} are all incomers; a site has one")
