"""Step `find`: which meters are on which bus, and their models, without a register table.

Every meter is kept as soon as it is identified. A meter that was found before keeps its id and its answers;
one that no longer answers stays in the journal and is reported. For a guessed model the technician is asked,
with the other models that fit, and may correct every model and id.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import evolve

from agent.site.field_types import MODEL_FILE_SUFFIX, UnitId
from disk.translation import translate_message
from drivers.errors import BusUrlError
from drivers.points.model import Model
from drivers.points.model_text import model_text
from provisioning.journal.entries import BusFound, MeterFound
from provisioning.setup.confirm import confirm, is_called, is_logger, place_of
from provisioning.setup.look import End, Hit, Progress, check_url, find_serial_ports, look_at_buses
from provisioning.setup.session import Session
from provisioning.setup.talk import WrongAnswerError
from provisioning.setup.walk import walk
from provisioning.setup.words import text
from provisioning.terminal.exits import EXIT_NO, EXIT_OUTSIDE, EXIT_USAGE, fail, write_or_fail
from provisioning.terminal.show import progress
from provisioning.terminal.typed import split_list

PROGRESS_S: Final = 1.0
"""Search seconds between two events for a script."""


def find(session: Session) -> None:
    """Search every bus, keep the meters that answer, let the technician correct them."""
    walk(session.talk, partial(_search, session), partial(confirm, session))
    session.talk.event("meters", meters=[_as_json(meter) for meter in session.journal.meters])
    session.write_site()
    session.done("find")


def _search(session: Session) -> None:
    """Search the buses; at the keyboard until each could be used and a meter was found."""
    before = {place_of(meter) for meter in session.journal.meters}
    known = before if "find" in session.journal.steps else set()
    searched: list[str] = []
    answered: set[str] = set()
    urls = _ask_buses(session)
    while True:
        todo = [url for url in urls if url not in searched]
        found, errors = _look(session, todo)
        answered |= found
        _number_meters(session, known)
        whole = [url for url in todo if url not in errors]
        searched += whole
        _name_silent(session, before - answered, whole)
        if not errors and not all(is_logger(session, meter) for meter in session.journal.meters):
            return
        problems = [_explain(url, why) for url, why in errors.items()] or [text("no_meter")]
        if not session.talk.can_ask:
            raise fail(EXIT_OUTSIDE if errors else EXIT_NO, *problems)
        for problem in problems:
            session.talk.show(problem, style="yellow")
        if not errors:
            searched.clear()  # nobody answered: the same bus is worth another look
        urls = session.talk.ask(
            "find.buses",
            "ask_buses_again" if searched else "ask_buses_corrected",
            _check_urls,
            default=" ".join(urls),
            searched=" ".join(searched),
        )


def _name_silent(session: Session, silent: set[str], urls: list[str]) -> None:
    """Name the meters that were found before on the buses that were searched, and are not there now."""
    buses = {bus.id for bus in session.journal.buses if any(_is_same_bus(bus.url, url) for url in urls)}
    for meter in session.journal.meters:
        if meter.bus in buses and place_of(meter) in silent:
            session.talk.say("meter_silent", style="yellow", meter=meter.id, place=place_of(meter))


def _explain(url: str, why: str) -> str:
    """Why a bus cannot be searched; its name once, although the driver says it too."""
    parts = urlsplit(url)
    for name in filter(None, (url, parts.netloc, parts.path)):
        why = why.removeprefix(f"{name}: ")
    return translate_message(f"{url}: {why}")


def _ask_buses(session: Session) -> list[str]:
    """Which buses to search, from the answers or the keyboard."""
    talk, given = session.talk, session.answers.find.buses
    known = [bus.url for bus in session.journal.buses if not is_called(bus.url)]
    if talk.assume_yes:
        urls = list(given) or known or find_serial_ports()
        if not urls:
            raise fail(EXIT_USAGE, f"{talk.source}: find.buses: missing, and this machine has no serial port")
    else:
        offered = list(dict.fromkeys([*given, *known])) or find_serial_ports()
        for url in offered:
            talk.show(f"  {url}")
        default = " ".join(offered) or None
        urls = talk.ask("find.buses", "ask_buses", _check_urls, default=default)
    for index, url in enumerate(urls):
        try:
            check_url(url)
        except BusUrlError as error:
            raise fail(EXIT_USAGE, f"{talk.source}: find.buses[{index}]: {error}") from error
    return urls


def _check_urls(typed: str) -> list[str]:
    urls = split_list(typed)
    if not urls:
        raise WrongAnswerError("needs_answer")
    for url in urls:
        if is_called(url):
            raise WrongAnswerError("loggers_later")
        try:
            check_url(url)
        except BusUrlError as error:
            raise WrongAnswerError("wrong_url", text=str(error)) from error
    return list(dict.fromkeys(urls))


def _look(session: Session, urls: list[str]) -> tuple[set[str], dict[str, str]]:
    """Search all buses; the places of the meters that answered, and the unusable buses, with why."""
    talk = session.talk
    ids = _assign_bus_ids(session, urls)
    answered: set[str] = set()
    errors: dict[str, str] = {}
    reported: dict[int, float] = {}
    talk.say("searching", count=len(urls))
    with progress(says_time_left=True) as bar:
        tasks = [bar.add_task(_shorten(url), total=None) for url in urls]
        for seen in look_at_buses(urls, quick=not session.answers.find.full):
            if isinstance(seen, Progress):
                bar.update(
                    tasks[seen.bus], total=seen.total, completed=seen.done, description=_describe(urls, seen)
                )
                if abs(reported.get(seen.bus, -PROGRESS_S) - seen.done) >= _choose_step(seen):
                    reported[seen.bus] = seen.done
                    talk.event(
                        "progress",
                        step="find",
                        bus=urls[seen.bus],
                        done=seen.done,
                        total=seen.total,
                        left_s=round(seen.left_s, 1),
                    )
            elif isinstance(seen, Hit):
                meter = _keep_hit(session, ids[seen.bus], seen)
                answered.add(place_of(meter))
                bar.console.print(_to_line(meter), highlight=False, markup=False)
                talk.event("meter", **{**_as_json(meter), "id": None}, alike=list(seen.alike))
            elif isinstance(seen, End):
                bar.update(tasks[seen.bus], visible=False)
                _report_end(session, urls[seen.bus], seen, errors)
    return answered, errors


def _choose_step(seen: Progress) -> float:
    return max(seen.total / 20, 1.0)


def _report_end(session: Session, url: str, seen: End, errors: dict[str, str]) -> None:
    for finding in seen.findings:
        session.talk.show(f"{_shorten(url)}: {finding}", style="yellow")
        session.talk.event("finding", bus=url, text=finding)
    if seen.error:
        errors[url] = seen.error


def _describe(urls: list[str], seen: Progress) -> str:
    left = f"{round(seen.left_s) // 60}:{round(seen.left_s) % 60:02d}"
    return f"{_shorten(urls[seen.bus])}  {seen.about}  {seen.found} ●  {left}"


def _shorten(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc or Path(parts.path).name or url


def _assign_bus_ids(session: Session, urls: list[str]) -> list[str]:
    """The id of each bus: its existing one, else the next number, in the order given."""
    ids = [next((bus.id for bus in session.journal.buses if _is_same_bus(bus.url, url)), "") for url in urls]
    for index, one in enumerate(ids):
        ids[index] = one or _find_free_id("b", (*ids, *(bus.id for bus in session.journal.buses)))
    return ids


def _number_meters(session: Session, known: set[str]) -> None:
    """Number the new meters in the order of their places: the threads find them in any order."""
    kept = {meter.id for meter in session.journal.meters if place_of(meter) in known}
    meters: list[MeterFound] = []
    for meter in session.journal.meters:
        if meter.id not in kept and meter.id[1:].isdecimal():
            meter = evolve(meter, id=_find_free_id("m", kept | {one.id for one in meters}))  # noqa: PLW2901
        meters.append(meter)
    session.keep(meters=tuple(meters))


def _keep_hit(session: Session, bus_id: str, hit: Hit) -> MeterFound:
    """Put a meter into the journal, on the bus where it answered."""
    journal = session.journal
    bus = BusFound(bus_id, hit.url)
    buses = [*(one for one in journal.buses if one.id != bus_id), bus]
    session.keep(buses=tuple(sorted(buses, key=lambda one: (len(one.id), one.id))))
    unit_id = UnitId(hit.place) if isinstance(hit.place, int) else None
    address = hit.place if isinstance(hit.place, str) else None
    place = bus.id, unit_id, address, hit.meter
    old = next(
        (one for one in journal.meters if (one.bus, one.unit_id, one.address, one.meter) == place), None
    )
    if old is None:
        old = MeterFound(
            _find_free_id("m", (one.id for one in journal.meters)),
            bus.id,
            unit_id,
            address,
            ct_ratio=hit.ct_ratio or 1.0,
            pt_ratio=hit.pt_ratio or 1.0,
            meter=hit.meter,
        )
    was_corrected = old.confidence == 1.0
    model = hit.model if hit.table is None else _write_model(session, bus_id, hit.place, hit.table)
    meter = old if was_corrected else evolve(old, model=model, confidence=round(hit.confidence, 3))
    meter = evolve(meter, serial=hit.serial or old.serial, reasons=hit.reasons or old.reasons)
    others = tuple(one for one in journal.meters if one.id != meter.id)
    session.keep(meters=_sort_meters((*others, meter), session.journal.buses))
    return meter


def _write_model(session: Session, bus_id: str, place: int | str, table: Model) -> str:
    """Write the registers that were found at a meter as a model file of the site; its name."""
    name = f"{table.name}-{bus_id}-{place}{MODEL_FILE_SUFFIX}"
    write_or_fail(session.folder / name, model_text(table).encode())
    return name


def _sort_meters(meters: Iterable[MeterFound], buses: tuple[BusFound, ...]) -> tuple[MeterFound, ...]:
    order = [bus.id for bus in buses]
    return tuple(
        sorted(meters, key=lambda one: (order.index(one.bus), one.unit_id or 0, one.address or "", one.meter))
    )


def _is_same_bus(one: str, other: str) -> bool:
    """Whether two URLs mean the same bus, whatever their settings."""
    first, second = (
        text.partition("?")[0].removeprefix("rtu:").removeprefix("dlt645:") for text in (one, other)
    )
    return first == second


def _find_free_id(letter: str, used: Iterable[str]) -> str:
    taken = set(used)
    return next(name for number in range(1, 10_000) if (name := f"{letter}{number}") not in taken)


def _to_line(meter: MeterFound) -> str:
    named = f"{place_of(meter):<8} {meter.model or '?':<22} {meter.serial:<14}"
    return f"  {named} {meter.confidence:4.0%}"


def _as_json(meter: MeterFound) -> dict[str, Any]:
    return {
        "id": meter.id,
        "bus": meter.bus,
        "unit_id": meter.unit_id,
        "address": meter.address,
        "model": meter.model,
        "serial": meter.serial,
        "confidence": meter.confidence,
    }
