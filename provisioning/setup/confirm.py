"""Confirms or corrects what was found: guessed models, and the ids of the meters; what a model measures."""

import contextlib
from functools import partial
from typing import Any, Final

from attrs import evolve

from agent.site.field_types import ID_CHARACTERS_MAX
from drivers.errors import ModelError
from drivers.link.bus_url import LISTEN_SCHEME
from drivers.points.model import Model, load, load_file, names
from drivers.reading import POWER_POINT
from provisioning.journal.entries import MeterFound
from provisioning.setup.session import Session
from provisioning.setup.talk import WrongAnswerError
from provisioning.setup.walk import BackError, walk
from provisioning.setup.words import text
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.show import table

SURE: Final = 0.9
"""From this confidence on a model is not asked about; `drivers.search.identify` gives 0.99 to one named by
identity registers."""


def place_of(meter: MeterFound) -> str:
    """Bus and address: a meter's name in the answers file before it has an id.

    The second meter of a SunSpec device has its number behind the address, as in `b1:1:2`.
    """
    number = f":{meter.meter}" if meter.meter > 1 else ""
    return f"{meter.bus}:{meter.address if meter.unit_id is None else meter.unit_id}{number}"


def model_of(session: Session, meter: MeterFound) -> Model:
    """The model of a meter, shipped or of the folder. Ends the command if it is neither."""
    try:
        if meter.model.endswith(".toml"):
            return load_file(session.folder / meter.model)
        return load(meter.model)
    except ModelError as error:
        raise fail(EXIT_USAGE, *(f"meter {meter.id}: {problem}" for problem in error.problems)) from error


def has_power(session: Session, meter: MeterFound) -> bool:
    """Whether a meter measures active power, and so feeds a line."""
    return any(point.name == POWER_POINT for point in model_of(session, meter).points)


def is_logger(session: Session, meter: MeterFound) -> bool:
    """Whether it is a data logger, which calls by itself: step `loggers` asks about it."""
    return any(bus.id == meter.bus and is_called(bus.url) for bus in session.journal.buses)


def is_called(url: str) -> bool:
    """Whether data loggers call at this bus."""
    return url.startswith(f"{LISTEN_SCHEME}:")


def _list_asked(session: Session) -> list[MeterFound]:
    return [meter for meter in session.journal.meters if not is_logger(session, meter)]


def confirm(session: Session) -> None:
    """Ask about every guess, then for a final confirmation."""
    answers = session.answers
    questions = []
    for meter in _list_asked(session):
        path, given = answers.meter_at(meter.id, place_of(meter))
        if given.model is not None or (meter.confidence < SURE and not session.talk.assume_yes):
            questions.append(partial(_ask_model, session, meter, path, given.model))
    walk(session.talk, *questions)
    for meter in _list_asked(session):
        path, given = answers.meter_at(meter.id, place_of(meter))
        if given.serial is not None:
            session.keep_meter(evolve(session.find_meter(meter.id), serial=given.serial))
    unknown = [meter for meter in _list_asked(session) if not meter.model]
    if unknown:
        lines = (f"{session.talk.source}: meter {place_of(one)}: model: missing" for one in unknown)
        raise fail(EXIT_USAGE, *lines)
    while not session.talk.assume_yes:
        _show(session)
        wanted = session.talk.ask(
            "find", "ask_meters_right", lambda typed: _check_meter(session, typed), default="ok"
        )
        if wanted is None:
            return
        with contextlib.suppress(BackError):  # from the first of them: to the list of meters
            walk(
                session.talk,
                partial(_ask_model, session, wanted, "model", None),
                partial(_ask_id, session, wanted.id),
            )


def _show(session: Session) -> None:
    rows = [
        (meter.id, place_of(meter), meter.model, meter.serial, f"{meter.confidence:.0%}")
        for meter in _list_asked(session)
    ]
    headings = ("", *(text(key) for key in ("place", "model", "serial", "confidence")))
    session.talk.show(table(headings, rows, gives_way=2))


def _check_meter(session: Session, typed: str) -> MeterFound | None:
    if typed.casefold() in {"ok", "y", "yes", "是", "好"}:
        return None
    for meter in _list_asked(session):
        if typed in {meter.id, place_of(meter)}:
            return meter
    raise WrongAnswerError("no_such_meter", typed=typed, known=", ".join(_list_ids(session)))


def _ask_model(session: Session, meter: MeterFound, path: str, given: str | None) -> None:
    talk = session.talk
    if not talk.assume_yes:
        talk.say("look_at_label", meter=meter.id, place=place_of(meter), model=meter.model or "?")
        for reason in meter.reasons:
            talk.show(f"    + {reason}", style="dim")
    model = talk.ask(
        f"{path}.model", "ask_model", _check_model(session), default=meter.model or None, given=given
    )
    session.keep_meter(evolve(meter, model=model, confidence=1.0))  # somebody has read its label


def _check_model(session: Session) -> Any:
    def check(typed: str) -> str:
        if typed in names() or (typed.endswith(".toml") and (session.folder / typed).is_file()):
            return typed
        near = [name for name in names() if typed.casefold() in name] if len(typed) > 1 else []
        if len(near) == 1:
            return near[0]
        raise WrongAnswerError("no_such_model", typed=typed, known=", ".join(near or names()))

    return check


def _ask_id(session: Session, meter_id: str) -> None:
    meter = session.find_meter(meter_id)
    others = {one.id for one in session.journal.meters} - {meter.id}

    def check(typed: str) -> str:
        check_identifier(typed)
        if typed in others:
            raise WrongAnswerError("id_taken", typed=typed)
        return typed

    new = session.talk.ask("meter.id", "ask_meter_id", check, default=meter.id)
    session.keep_meter(evolve(meter, id=new), meter.id)


def check_identifier(typed: str) -> str:
    """An id that is valid in the site file."""
    inner = typed.replace("-", "a").replace("_", "a")
    if not (typed.isascii() and inner.isalnum() and typed[0].isalnum() and len(typed) <= ID_CHARACTERS_MAX):
        raise WrongAnswerError("no_id", typed=typed, limit=ID_CHARACTERS_MAX)
    return typed


def _list_ids(session: Session) -> list[str]:
    return [meter.id for meter in _list_asked(session)]
