"""Step `platforms`: platforms of HJ 212 that get this gateway's readings, each under one MN.

Address, edition, MN and what is sent of which meter are asked; password and key are typed without echo and go
into a file beside the agent's database, nowhere else. Then the conversation with the platform is shown in
words, while no reading is sent. A platform that does not answer yet may be kept: perhaps its line is laid
tomorrow. Enter in place of a name leaves the step out.

More than one MN at a platform, codes and deviations are written into the site file by hand
(docs/hj212.md), and stay there.
"""

import contextlib
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import click
from attrs import define, evolve, field

from agent.site.platforms import read_platforms
from disk.translation import translate_message
from drivers.hj212.packet import FORMS, Edition
from drivers.hj212.sm4 import read_key
from provisioning.hj212.check import UnreachableError, converse
from provisioning.journal.entries import MeterFound, PlatformMeter, PlatformNamed
from provisioning.setup.answers import PlatformMeterAnswers
from provisioning.setup.confirm import is_logger
from provisioning.setup.lines import DONE, W_PER_KW, read_kw
from provisioning.setup.session import Session
from provisioning.setup.talk import WrongAnswerError
from provisioning.setup.thresholds import offer_threshold
from provisioning.setup.walk import BackError, walk
from provisioning.setup.words import text
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.show import table
from provisioning.terminal.typed import plain
from wire.platforms.credentials import Credentials, CredentialsError, read_credentials
from wire.platforms.hosts import HOSTS_MAX, Host

NONE: Final = "-"
CHECK_S: Final = 15
"""As `dianjian hj212 check` listens; an answer ends it."""
FACILITY_MAX: Final = 99
EQUIPMENT_MAX: Final = 999
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_CONDITION: Final = re.compile(r"[a-z][0-9]{5}")
_ADDRESS: Final = re.compile(r"(\[[0-9A-Fa-f:]+\]|[^\s:@/]+):([0-9]{1,5})")
_SYSTEMS: Final = ("31", "32")


def platforms(session: Session) -> None:
    """Take the platforms from the answers, or ask for one after the other."""
    if session.answers.platform or session.talk.assume_yes:
        for index in range(len(session.answers.platform)):
            _take(session, index)
    else:
        _ask_all(session)
    session.write_site()
    session.done("platforms")


def _ask_all(session: Session) -> None:
    talk = session.talk
    talk.say("platforms_intro")
    while True:
        _show(session)
        known = {one.name: one for one in session.journal.platforms}
        name = talk.ask("platform", "ask_platform", partial(_check_name, known), default="ok")
        if name in DONE:
            return
        with contextlib.suppress(BackError):  # from its first question: to the list of platforms
            if name in known and talk.ask_yes("platform", "ask_remove", default=False, line=name):
                _remove(session, name)
            else:
                _ask_one(session, known.get(name) or PlatformNamed(name, "", 2025, "", "31", ""))


def _show(session: Session) -> None:
    rows = [
        (one.name, one.address, one.mn, str(one.edition), " ".join(meter.id for meter in one.meters))
        for one in session.journal.platforms
    ]
    if rows:
        headings = ("", text("address"), "MN", text("edition"), text("meters"))
        session.talk.show(table(headings, rows, gives_way=4))


def _remove(session: Session, name: str) -> None:
    session.keep(
        platforms=tuple(one for one in session.journal.platforms if one.name != name),
        platforms_removed=tuple({*session.journal.platforms_removed, name}),
    )


# -- one platform at the keyboard


@define
class _Draft:
    """One platform as it is asked for, question by question."""

    session: Session
    new: PlatformNamed
    secret: Credentials | None = None
    meters: dict[str, PlatformMeter] = field(factory=dict)
    analyser: str = NONE

    def ask_address(self) -> None:
        known = self.new.address or None
        typed = self.session.talk.ask("platform.address", "ask_address_of", _check_address, default=known)
        self.new = evolve(self.new, address=typed)

    def ask_edition(self) -> None:
        options = [(str(one.value), f"HJ 212-{one.value}") for one in (Edition.Y2025, Edition.Y2017)]
        known = str(self.new.edition)
        typed = self.session.talk.ask_choice("platform.edition", "ask_edition", options, default=known)
        self.new = evolve(self.new, edition=int(typed))

    def ask_secret(self) -> None:
        self.secret = _ask_secret(self.session, has_one=bool(self.new.credentials))

    def ask_mn(self) -> None:
        typed = self.session.talk.ask("platform.mn", "ask_mn", _check_mn, default=self.new.mn or None)
        self.new = evolve(self.new, mn=typed)

    def ask_st(self) -> None:
        options = [(one, text(f"st_{one}")) for one in _SYSTEMS]
        typed = self.session.talk.ask_choice("platform.st", "ask_st", options, default=self.new.st)
        self.new = evolve(self.new, st="32" if typed == "32" else "31")

    def ask_meter(self, meter: MeterFound) -> None:
        before = next((one for one in self.new.meters if one.id == meter.id), None)
        self.meters.pop(meter.id, None)
        asked = _ask_meter(self.session, meter, self.new.edition, before, list(self.meters.values()))
        if asked is not None:
            self.meters[meter.id] = asked

    def ask_analyser(self) -> None:
        """The one that is sent: two under one MN would have the same codes."""
        found = [one.id for one in self.session.journal.meters if is_logger(self.session, one)]
        before = {one.id for one in self.new.meters}
        first = NONE if before else next(iter(found), NONE)
        self.analyser = next((one for one in found if one in before), first)
        if len(found) > 1:
            options = [*((one, one) for one in found), (NONE, text("no_analyser"))]
            self.analyser = self.session.talk.ask_choice(
                "platform.analyser", "ask_analyser", options, default=self.analyser
            )


def _ask_one(session: Session, old: PlatformNamed) -> None:
    """Everything about one platform; it is kept at the end, then the conversation is shown."""
    one = _Draft(session, old)
    questions = (one.ask_address, one.ask_edition, one.ask_secret, one.ask_mn, one.ask_st)
    of_meters = (partial(one.ask_meter, meter) for meter in _list_measuring(session))
    walk(session.talk, *questions, *of_meters, one.ask_analyser)
    analysers = () if one.analyser == NONE else (PlatformMeter(one.analyser),)
    meters = (*one.meters.values(), *analysers)
    if not meters:
        session.talk.say("platform_empty", style="yellow", name=old.name)
        return
    new = one.new
    if one.secret is not None:
        new = evolve(new, credentials=session.keep_secret(new.name, one.secret))
    _keep(session, evolve(new, meters=meters))
    _check_until_wanted(session, new.name)


def _ask_secret(session: Session, *, has_one: bool) -> Credentials | None:
    """Password and key as typed; None to keep those that are there."""
    talk = session.talk
    while True:
        pw = talk.read_secret("ask_pw_again" if has_one else "ask_pw").strip()
        if not pw and has_one:
            return None
        if FORMS["PW"].fullmatch(pw):
            break
        talk.say("no_pw", style="yellow")
    while True:
        typed = talk.read_secret("ask_platform_key").strip()
        key = read_key(typed) if typed else None
        if key is not None or not typed:
            return Credentials(pw, () if key is None else (key,))
        talk.say("no_key", style="yellow")


def _list_measuring(session: Session) -> list[MeterFound]:
    """Meters of production and treatment; incomers have no code."""
    kinds = {line.id: line.kind for line in session.journal.lines}
    return [one for one in session.journal.meters if kinds.get(one.line or "") in {"production", "treatment"}]


def _ask_meter(
    session: Session,
    meter: MeterFound,
    edition: int,
    before: PlatformMeter | None,
    taken: Sequence[PlatformMeter],
) -> PlatformMeter | None:
    """What is sent of one meter; None for nothing."""
    talk, line = session.talk, session.find_line(meter.line or "")
    assert line.kind != "incomer"
    used = {one.facility for one in taken if one.role == line.kind}
    free = next(number for number in range(1, FACILITY_MAX + 1) if number not in used)
    facility = talk.ask(
        "platform.meter.facility",
        "ask_facility",
        partial(_check_number, used, FACILITY_MAX),
        default=str(before.facility if before else free),
        meter=meter.id,
        line=line.label,
    )
    if facility is None:
        return None
    made = PlatformMeter(meter.id, line.kind, facility)
    if edition == Edition.Y2025:
        condition = talk.ask(
            "platform.meter.condition",
            "ask_condition",
            _check_condition,
            default=(before.condition if before else "") or NONE,
            meter=meter.id,
        )
        made = evolve(made, condition=condition)
    else:
        numbers = {one.equipment for one in taken}
        equipment = talk.ask(
            "platform.meter.equipment",
            "ask_equipment_number",
            partial(_check_number, numbers - {0}, EQUIPMENT_MAX),
            default=str((before.equipment if before else 0) or NONE),
            meter=meter.id,
        )
        made = evolve(made, equipment=equipment or 0)
    if not made.condition and not made.equipment:
        return made
    known_w = (before.running_w if before else None) or offer_threshold(session, line).hi_w
    kw = talk.ask_number(
        "platform.meter.running_kw",
        "ask_on_kw",
        0.001,
        1e6,
        default=known_w / W_PER_KW,
        read=read_kw,
        line=meter.id,
    )
    return evolve(made, running_w=kw * W_PER_KW)


def _keep(session: Session, one: PlatformNamed) -> None:
    """Keep a platform, in the site file too, so that the check reads what the agent will.

    One that the site file cannot have is not kept: no step could write that file any more.
    """
    before = session.journal
    others = tuple(each for each in before.platforms if each.name != one.name)
    removed = tuple(name for name in before.platforms_removed if name != one.name)
    session.keep(platforms=(*others, one), platforms_removed=removed)
    try:
        session.write_site()
    except click.exceptions.Exit:
        session.keep(platforms=before.platforms, platforms_removed=before.platforms_removed)
        raise


def _check_until_wanted(session: Session, name: str) -> None:
    """Show the conversation; as often as somebody wants without an answer."""
    options = [(key, text(f"platform_{key}")) for key in ("again", "keep", "remove")]
    while not check_platform(session, name):
        wanted = session.talk.ask_choice("platform.check", "ask_failed_platform", options, default="again")
        if wanted == "remove":
            _remove(session, name)
        if wanted != "again":
            return


def check_platform(session: Session, name: str) -> bool:
    """Whether the platform answers; the conversation is shown in words, and no reading is sent."""
    talk, site = session.talk, session.site()
    hosts, problems = read_platforms(site.hj212, site.site.gateway, [one.id for one in site.meter], site.path)
    assert not problems, problems
    host: Host = next(one for one in hosts if one.name == name)

    def tell(lines: Sequence[str], row: Mapping[str, object]) -> None:
        for line in lines:
            talk.show(f"  {line}", style="dim")
        talk.event("platform_packet", platform=name, packet=dict(row))

    talk.say("checking_platform", address="{}:{}".format(*host.address))
    try:
        mn, secret = host.stations[0].mn, read_credentials(host.credentials)
        is_answered = converse(host, mn, secret, CHECK_S, tell, ends_answered=True)
    except CredentialsError as error:
        for problem in error.problems:
            talk.show(translate_message(problem), style="yellow")
        is_answered = False
    except UnreachableError as error:
        talk.show(str(error), style="yellow")
        is_answered = False
    else:
        if is_answered:
            talk.say("platform_answers", style="green", name=name)
        else:
            talk.say("platform_silent", style="yellow", seconds=CHECK_S)
    talk.event("platform", platform=name, answers=is_answered)
    return is_answered


# -- answers of the keyboard


def _check_name(known: Mapping[str, object], typed: str) -> str:
    if typed.casefold() in DONE:
        return typed.casefold()
    if _NAME.fullmatch(plain(typed)) is None:
        raise WrongAnswerError("no_id", typed=typed, limit=40)
    if typed not in known and len(known) >= HOSTS_MAX:
        raise WrongAnswerError("too_many_platforms", limit=HOSTS_MAX)
    return typed


def _check_address(typed: str) -> str:
    found = _ADDRESS.fullmatch(typed)
    if found is None or not 0 < int(found[2]) < 65_536:
        raise WrongAnswerError("no_address", typed=typed)
    return typed


def _check_mn(typed: str) -> str:
    if FORMS["MN"].fullmatch(typed) is None:
        raise WrongAnswerError("no_mn", typed=typed, count=len(typed))
    return typed


def _check_number(used: set[int], most: int, typed: str) -> int | None:
    """A whole number that is free; None for none."""
    if typed == NONE:
        return None
    if not (typed.isascii() and typed.isdecimal() and 0 < int(typed[:9]) <= most):
        raise WrongAnswerError("no_number", typed=typed, most=most)
    if int(typed) in used:
        raise WrongAnswerError("id_taken", typed=typed)
    return int(typed)


def _check_condition(typed: str) -> str:
    if typed == NONE:
        return ""
    if _CONDITION.fullmatch(typed) is None:
        raise WrongAnswerError("no_condition", typed=typed)
    return typed


# -- from the answers file


def _take(session: Session, index: int) -> None:
    given, path, talk = session.answers.platform[index], f"platform[{index}]", session.talk
    try:
        _check_name({}, given.name)
        _check_address(given.address)
        _check_mn(given.mn)
    except WrongAnswerError as error:
        talk.refuse(path, error.key, **error.values)
    try:
        secret = read_credentials(Path(given.secret_file))
    except CredentialsError as error:
        lines = (f"{talk.source}: {path}.secret_file: {translate_message(one)}" for one in error.problems)
        raise fail(EXIT_USAGE, *lines) from error
    meters = tuple(_take_meter(session, f"{path}.meter[{at}]", one) for at, one in enumerate(given.meter))
    if not meters:
        talk.refuse(f"{path}.meter", "platform_empty", name=given.name)
    kept = session.keep_secret(given.name, secret)
    _keep(session, PlatformNamed(given.name, given.address, given.edition, given.mn, given.st, kept, meters))
    if given.check:
        check_platform(session, given.name)


def _take_meter(session: Session, path: str, one: PlatformMeterAnswers) -> PlatformMeter:
    meter = next((each for each in session.journal.meters if each.id == one.id), None)
    if meter is None:
        known = ", ".join(each.id for each in session.journal.meters)
        session.talk.refuse(f"{path}.id", "no_such_meter", typed=one.id, known=known)
    kinds = {line.id: line for line in session.journal.lines}
    line = kinds.get(meter.line or "")
    role = line.kind if line is not None and line.kind != "incomer" else None
    default_w = offer_threshold(session, line).hi_w if line is not None else None
    running_w = default_w if one.running_kw is None else one.running_kw * W_PER_KW
    return PlatformMeter(
        meter.id, role, one.facility or 0, running_w, one.condition or "", one.equipment or 0
    )
