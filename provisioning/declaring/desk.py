"""The declarations of the page: a request in, the form, a refusal or what was taken out.

Only who may see the page comes here (`provisioning.live.page.server`). Each declaration carries the password
of its person, so no other page can have a browser declare: there is no session that it could use. After a
wrong password the person's name and the sender's address wait, twice as long each time.
"""

import logging
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from attrs import define, evolve, field, frozen

from agent.inbox import EntryError, name_letter
from agent.status.socket import read_status
from drivers.clock import NS_PER_S
from evidence.cbor import FormatError
from evidence.marks.catalogue import load_catalogue
from evidence.words import Language
from provisioning.declaring.form import (
    DONE,
    PATH,
    POLICY,
    WORDS,
    FormProblemError,
    Typed,
    View,
    draw_done,
    draw_form,
    read_fields,
)
from provisioning.declaring.letters import Declared, LetterError, keep_file, put_letters
from provisioning.declaring.passwords import Waits, find_network
from provisioning.declaring.persons import PersonsError, find_person, read_persons
from wire.http.exchange import Request, Response
from wire.http.forms import Form, FormError, parse_form

LOG: Final = logging.getLogger("dianjian.page")

INDUSTRY: Final = "general"
IDS_MAX: Final = 2
_ID_DIGITS: Final = 64


@frozen
class Plant:
    """What the form needs of the site file."""

    name: str
    state: Path
    offset_s: int
    lines: tuple[tuple[str, str], ...]


@define
class DeclarationDesk:
    """See the module; `plant` gives the site as it is now. Called by one thread at a time."""

    plant: Callable[[], Plant]
    now_ns: Callable[[], int] = time.time_ns
    waits: Waits = field(factory=Waits)

    def answer(self, request: Request, *, chinese: bool) -> Response:
        """The form, or what becomes of one that was sent."""
        language: Language = "zh" if chinese else "en"
        plant = self.plant()
        now_s = self.now_ns() // NS_PER_S
        try:
            view = self._look(plant)
        except PersonsError as error:
            LOG.warning("%s", error)
            return Response(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n".encode())
        if request.method != "POST":
            ids = [one for one in request.query.get(DONE, "").split(".") if len(one) == _ID_DIGITS][:IDS_MAX]
            typed = {"order": request.query.get("order", "")}
            page = draw_done(view, language, ids) if ids else draw_form(view, language, typed, now_s)
            return _page(HTTPStatus.OK, page)
        try:
            form = parse_form(request.headers.get("content-type", ""), request.body)
        except FormError as error:
            return Response(HTTPStatus.BAD_REQUEST, f"{error}\n".encode())
        try:
            ids = self._take(form, view, plant, request.peer)
        except FormProblemError as error:
            page = draw_form(view, language, form.fields, now_s, error.words)
            return _page(HTTPStatus.UNPROCESSABLE_ENTITY, page)
        where = f"{PATH}?lang={language}&{DONE}={'.'.join(ids)}"
        return Response(HTTPStatus.SEE_OTHER, b"", headers={"Location": where})

    def _look(self, plant: Plant) -> View:
        names = [one.name for one in read_persons(plant.state)]
        catalogue = load_catalogue(INDUSTRY)
        return View(plant.name, names, plant.lines, _read_orders(plant.state), catalogue, plant.offset_s)

    def _take(self, form: Form, view: View, plant: Plant, peer: str) -> list[str]:
        """The ids of the letters that were dropped; raises FormProblemError."""
        now_ns = self.now_ns()
        typed = read_fields(form.fields, view, now_ns // NS_PER_S)
        self._log_in(typed, plant, peer)
        said = Declared(
            by=typed.by,
            text=typed.text,
            code=typed.code,
            subject=typed.subject,
            from_s=typed.from_s,
            to_s=typed.to_s,
            order=typed.order,
            state=typed.state,
        )
        try:
            files = tuple(keep_file(plant.state, name, raw) for _, name, raw in form.files)
            letters = put_letters(plant.state, evolve(said, files=files), view.catalogue, now_ns)
        except (LetterError, FormatError, EntryError, OSError) as error:
            LOG.warning("a declaration is not taken: %s", error)
            raise FormProblemError(WORDS["refused"].fill(why=str(error))) from error
        LOG.info("%s declares: %s", typed.by, ", ".join(str(one["what"]) for one in letters))
        return [name_letter(one) for one in letters]

    def _log_in(self, typed: Typed, plant: Plant, peer: str) -> None:
        """Whether the person is who it says, after a quarter of a second; raises FormProblemError."""
        now_s = time.monotonic()
        keys = f"name {typed.by}", find_network(peer)
        if any(self.waits.left_s(one, now_s) > 0 for one in keys):
            raise FormProblemError(WORDS["wait"])
        if find_person(read_persons(plant.state), typed.by, typed.password) is not None:
            for one in keys:
                self.waits.forget(one)
            return
        LOG.warning("wrong password for a declaration, from %s", peer)
        for one in keys:
            self.waits.note_wrong(one, now_s)
        raise FormProblemError(WORDS["wrong"])


def _read_orders(state: Path) -> list[Mapping[str, Any]]:
    """The rows of the agent; none while it does not answer: a declaration does not need it."""
    try:
        rows = read_status(state).get("orders") or []
        return [row for row in rows if {"order", "kind", "issuer", "state"} <= row.keys()]
    except (OSError, ValueError, AttributeError):
        return []


def _page(status: HTTPStatus, body: bytes) -> Response:
    return Response(status, body, "text/html; charset=utf-8", {"Content-Security-Policy": POLICY})
