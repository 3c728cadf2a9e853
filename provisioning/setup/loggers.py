"""Step `loggers`: data loggers of analysers that call at this gateway and send by HJ 212.

The technician enters this gateway as one more platform into the logger; here the port is opened, and the
first packet of real time data is shown in words, value by value. Nothing is answered, so nothing is lost: the
logger sends it again to the agent. Model, id and interval are offered from what came. The key of one that
encrypts is asked for; it goes into a file beside the agent's database and nowhere else. `-` leaves the
step out.

Every logger is kept as soon as its questions are answered. One that was found before and does not call now
stays, as in step `find`.
"""

import contextlib
import socket
from collections.abc import Sequence
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from attrs import evolve

from agent.site.field_types import ADDRESS, INTERVAL_S_MAX, INTERVAL_S_MIN
from disk.files import read_plain
from disk.translation import translate_message
from drivers.errors import BusDownError, BusUrlError
from drivers.hj212.decoding import Taken
from drivers.hj212.oddity import PacketError, Wrong
from drivers.hj212.packet import FORMS
from drivers.hj212.sm4 import read_key
from drivers.link.bus_url import LISTEN_SCHEME, ONLY, parse_url
from drivers.points.model import load, logger_names
from provisioning.hj212.explain import (
    explain_oddity,
    explain_packet,
    explain_refusal,
    explain_values,
    name_packet,
)
from provisioning.hj212.hearing import Heard, Hearing, Logger
from provisioning.journal.entries import BusFound, MeterFound
from provisioning.setup.confirm import check_identifier, is_called
from provisioning.setup.session import Session
from provisioning.setup.talk import WrongAnswerError
from provisioning.setup.walk import BackError, walk
from provisioning.setup.words import text
from provisioning.terminal.exits import EXIT_NO, EXIT_OUTSIDE, fail
from provisioning.terminal.show import progress
from wire.platforms.credentials import Credentials

NONE: Final = "-"
BUS: Final = "loggers"
"""Id of the bus, as in docs/hj212.md."""
WAIT_S: Final = 180.0
"""Loggers send every minute as a rule; three of them."""
WAIT_S_MAX: Final = 3600.0
LINES_SHOWN: Final = 12
"""Of one packet on a screen of 24 rows, with its head and the question below."""
KEY_BYTES_MAX: Final = 256
_ANY_PW: Final = "000000"
"""Where a packet's own password cannot stand in a file of credentials: nothing asks for a logger's."""
_PROBE: Final = ("192.0.2.1", 9)
"""An address for documentation (RFC 5737); a UDP socket that is connected to it sends nothing."""


def loggers(session: Session) -> None:
    """Ask for the port, listen, keep the loggers that call."""
    places: list[str] = []
    while True:
        walk(session.talk, partial(_ask_place, session, places))
        if places[-1] == NONE:
            _forget(session)
            break
        try:
            _hear(session, places[-1])
        except BackError:  # from the first question about a logger: to the port
            continue
        except BusDownError as error:
            why = translate_message(str(error))
            if not session.talk.can_ask:
                raise fail(EXIT_OUTSIDE, why) from error
            session.talk.show(why, style="yellow")
            continue
        break
    session.write_site()
    session.done("loggers")


def _ask_place(session: Session, places: list[str]) -> None:
    """The address and port at which loggers call, or NONE."""
    talk, given = session.talk, session.answers.logger.listen
    if given is None and not talk.assume_yes:
        talk.say("loggers_intro", address=find_own_address() or "192.168.1.10")
    default = next((_to_place(bus.url) for bus in session.journal.buses if is_called(bus.url)), NONE)
    places.append(talk.ask("logger.listen", "ask_listen", check_place, default=default, given=given))


def check_place(typed: str) -> str:
    """ADDRESS:PORT of this machine, or NONE."""
    if typed == NONE:
        return typed
    try:
        parse_url(f"{LISTEN_SCHEME}://{typed}")
    except BusUrlError as error:
        raise WrongAnswerError("no_listen", typed=typed) from error
    return typed


def find_own_address() -> str:
    """The address of this machine in its network; "" without one. Nothing is sent."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(_PROBE)
        return str(probe.getsockname()[0])
    return ""


def _to_place(url: str) -> str:
    return url.removeprefix(f"{LISTEN_SCHEME}://").partition("?")[0]


def _forget(session: Session) -> None:
    """No logger calls here: those of an earlier call go."""
    gone = {bus.id for bus in session.journal.buses if is_called(bus.url)}
    if gone:
        session.keep(
            buses=tuple(bus for bus in session.journal.buses if bus.id not in gone),
            meters=tuple(meter for meter in session.journal.meters if meter.bus not in gone),
        )


# -- listening


def _hear(session: Session, place: str) -> None:
    """Listen until the loggers are known; raises BusDownError without the port."""
    listener = parse_url(f"{LISTEN_SCHEME}://{place}").listener
    assert listener is not None
    hearing, known = Hearing(listener, _read_given_key(session)), dict[str, Logger]()
    listener.open()
    try:
        while True:
            _listen(session, hearing, place, known)
            for mn, logger in hearing.loggers.items():
                if mn not in known and _is_wanted(session, mn):
                    _tell_logger(session, mn, logger)
                    _keep_logger(session, place, mn, logger, hearing.keys)
                    known[mn] = logger
            if not _go_on(session, place, known):
                break
    finally:
        listener.close()
    _ask_only(session, place, known)


def _is_wanted(session: Session, mn: str) -> bool:
    wanted = session.answers.logger.mn
    return ADDRESS.fullmatch(mn) is not None and (not wanted or mn in wanted)


def _listen(session: Session, hearing: Hearing, place: str, known: dict[str, Logger]) -> None:
    """Until a logger that is not known has sent real time data, or the time is over."""
    wait_s = min(max(session.answers.logger.wait_s or WAIT_S, 1.0), WAIT_S_MAX)
    session.talk.say("listening", place=place)
    told: set[tuple[str, str]] = set()
    asks = session.talk.can_ask
    with progress() as bar:
        bar.add_task(text("waiting_logger"), total=None)
        for heard in hearing.listen(wait_s):
            if heard is not None:
                _tell_other(session, heard, told)
            elif any(mn not in known and _is_wanted(session, mn) for mn in hearing.loggers):
                return  # and everything that came with it is taken
            if asks and heard is not None and _is_encrypted(heard):  # without a key, or with a wrong one
                bar.stop()
                hearing.keys = _ask_key(session, heard.host)
                asks = bool(hearing.keys)


def _is_encrypted(heard: Heard) -> bool:
    return isinstance(heard.what, PacketError) and heard.what.what is Wrong.ENCRYPTED


def _tell_other(session: Session, heard: Heard, told: set[tuple[str, str]]) -> None:
    """A packet without values, or one that is refused: a line, once of each kind."""
    what = heard.what
    if isinstance(what, Taken):
        kind, line = what.packet.cn + what.packet.mn, name_packet(what)
        if what.packet.mn and ADDRESS.fullmatch(what.packet.mn) is None:
            line = text("mn_no_address", typed=what.packet.mn)
    else:
        reason = what.what if isinstance(what, PacketError) else what.why
        kind, line = reason.value, text("packet_refused", place=heard.place, why=explain_refusal(what))
    if (heard.host, kind) not in told:
        told.add((heard.host, kind))
        session.talk.show(f"{heard.host}: {line}", style="dim")
        session.talk.event("packet", host=heard.host, kind=kind, text=line)


def _tell_logger(session: Session, mn: str, logger: Logger) -> None:
    """The first packet with values, in words."""
    packet, name = logger.first.packet, logger.find_model()
    lines = explain_values(packet, load(name)) if name else explain_packet(logger.first)
    session.talk.say("logger_calls", style="green", mn=mn, host=logger.host)
    for line in lines[:LINES_SHOWN]:
        session.talk.show(line)
    if len(lines) > LINES_SHOWN:
        session.talk.say("more_lines", count=len(lines) - LINES_SHOWN)
    for one in logger.first.oddities[:3] if name else ():
        session.talk.say("packet_odd", style="yellow", what=explain_oddity(one))
    session.talk.event("logger", mn=mn, host=logger.host, model=name, every_s=logger.every_s, items=lines)


def _go_on(session: Session, place: str, known: dict[str, Logger]) -> bool:
    """Whether to listen again: at the keyboard as often as somebody wants."""
    talk, wanted = session.talk, session.answers.logger.mn
    missing = [mn for mn in wanted if mn not in known] or ([] if known else [text("any_logger")])
    if not talk.can_ask:
        if missing:
            raise fail(EXIT_NO, text("no_logger", place=place, missing=", ".join(missing)))
        return False
    if missing:
        talk.say("no_logger", style="yellow", place=place, missing=", ".join(missing))
    return talk.ask_yes("logger", "ask_more_loggers", default=bool(missing))


# -- what is kept


def _keep_logger(session: Session, place: str, mn: str, logger: Logger, keys: Sequence[bytes]) -> None:
    """Ask about one logger, then keep it and its bus."""
    journal = session.journal
    old = next((one for one in journal.meters if one.bus == BUS and one.address == mn), None)
    path, given = session.answers.meter_at(old.id if old else "", f"{BUS}:{mn}")
    taken = {one.id for one in journal.meters} - {old.id if old else ""}
    free = next(name for number in range(1, 10_000) if (name := f"cems{number}") not in taken)
    model, meter_id, every_s = logger.find_model(), old.id if old else free, float(logger.every_s)

    def ask_model() -> None:
        nonlocal model
        offered = (old.model if old else "") or model or None
        model = session.talk.ask(
            f"{path}.model",
            "ask_logger_model",
            partial(_check_model, session),
            default=offered,
            given=given.model,
        )

    def ask_id() -> None:
        nonlocal meter_id
        check = partial(_check_id, taken)
        meter_id = session.talk.ask(
            f"{path}.id", "ask_logger_id", check, default=meter_id, given=given.id if given.at else None
        )

    def ask_every() -> None:
        nonlocal every_s
        every_s = session.talk.ask_number(
            "meter.fast_s", "ask_every", INTERVAL_S_MIN, INTERVAL_S_MAX, default=every_s, meter=meter_id
        )

    walk(session.talk, ask_model, ask_id, ask_every)
    meter = MeterFound(
        meter_id, BUS, address=mn, model=model, serial=mn, confidence=1.0, fast_s=every_s, credentials=""
    )
    if logger.first.form is not None and keys:
        pw = logger.pw if FORMS["PW"].fullmatch(logger.pw) else _ANY_PW
        meter = evolve(meter, credentials=session.keep_secret(meter_id, Credentials(pw, tuple(keys[:1]))))
    others = tuple(one for one in journal.meters if one is not old)
    buses = tuple(bus for bus in journal.buses if not is_called(bus.url))
    url = next((bus.url for bus in journal.buses if is_called(bus.url)), "")
    url = url if _to_place(url) == place else f"{LISTEN_SCHEME}://{place}"
    session.keep(buses=(*buses, BusFound(BUS, url)), meters=(*others, meter))


def _check_model(session: Session, typed: str) -> str:
    if typed in logger_names() or (typed.endswith(".toml") and (session.folder / typed).is_file()):
        return typed
    raise WrongAnswerError("no_such_model", typed=typed, known=", ".join(logger_names()))


def _check_id(taken: set[str], typed: str) -> str:
    if check_identifier(typed) in taken:
        raise WrongAnswerError("id_taken", typed=typed)
    return typed


def _ask_only(session: Session, place: str, known: dict[str, Logger]) -> None:
    """Offer to take calls of one address alone, where all came from one."""
    hosts = {one.host for one in known.values()}
    if len(hosts) != 1:
        return
    (host,) = hosts
    only = session.talk.ask_yes(
        "logger.only", "ask_only", default=True, given=session.answers.logger.only, host=host
    )
    url = f"{LISTEN_SCHEME}://{place}" + (f"?{ONLY}={ip_address(host)}" if only else "")
    session.keep(buses=tuple(evolve(bus, url=url) if bus.id == BUS else bus for bus in session.journal.buses))


# -- keys


def _read_given_key(session: Session) -> tuple[bytes, ...]:
    """The key in the file that the answers name."""
    name = session.answers.logger.key_file
    if name is None:
        return ()
    try:
        key = read_key(read_plain(Path(name), KEY_BYTES_MAX, follow=True).decode("ascii", "replace").strip())
    except OSError as error:
        session.talk.refuse("logger.key_file", "unreadable", path=name, why=error.strerror or "")
    if key is None:
        session.talk.refuse("logger.key_file", "no_key")
    return (key,)


def _ask_key(session: Session, host: str) -> tuple[bytes, ...]:
    """A key as it is typed; none if the logger's packets shall be passed over."""
    session.talk.say("logger_encrypts", style="yellow", host=host)
    while True:
        typed = session.talk.read_secret("ask_key").strip()
        if not typed:
            return ()
        key = read_key(typed)
        if key is not None:
            return (key,)
        session.talk.say("no_key", style="yellow")
