"""Step `commission`: begin the commissioning period, and once it is over learn from it, as a conversation.

    first call        the password of the status page, the length of the period; its begin goes into the chain
    while it runs     how long it will, what it still needs; what could be learned so far, without writing
    when it is over   what was learned, what could not be, what is asked; written once a person agrees

The words are those of `dianjian commission`. With --yes nothing is answered for anybody: questions that the
answers file leaves open stay open, and present parameters are replaced only by `commission.write = true`.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from agent.detect.line_params import Answer
from agent.site.file import Site
from agent.site.linkages import find_slot_s
from disk.translation import translate_message
from provisioning.declaring.passwords import PasswordError, write_password
from provisioning.journal.entries import Period
from provisioning.learning.asking import Answers, take_answers
from provisioning.learning.commission import learn_all, write_learned
from provisioning.learning.loads_chain import HOURS_MAX as CHAIN_HOURS_MAX
from provisioning.learning.loads_chain import read_chain
from provisioning.learning.report import Learned, to_json, to_text
from provisioning.loads.loads import Loads, LoadsError
from provisioning.setup.session import Session
from provisioning.setup.times import format_local, zone_of
from provisioning.setup.walk import walk
from provisioning.setup.words import text
from provisioning.terminal.exits import EXIT_NO, fail
from provisioning.terminal.typed import HOUR_UNITS, read_number
from provisioning.words.language import translate
from provisioning.words.numbers import duration

HOURS: Final = 72.0
"""Three days hold a plant's usual shifts; commissioning reports if that was too little."""
HOURS_MIN, HOURS_MAX = 1.0, 24.0 * 92
HOUR_S: Final = 3600
PAGE_FILE: Final = "page.password"
LATER: Final = "later"


def commission(session: Session) -> None:
    """Begin the period, or learn from it."""
    period = session.journal.commissioning
    if period is None:
        _begin(session)
        return
    talk, given = session.talk, session.answers.commission
    begin, until = (datetime.fromisoformat(at) for at in (period.begin_at, period.until_at))
    left_s = (until - datetime.now(UTC)).total_seconds()
    site = session.site()
    zone = site.site.utc_offset
    if left_s > 0:
        talk.say("period_runs", until=format_local(until, zone), left=duration(left_s))
        talk.say("period_needs")
    else:
        talk.say("period_over", begin=format_local(begin, zone), until=format_local(until, zone))
    if talk.ask_yes("commission.learn", "ask_learn", default=left_s <= 0, given=given.learn):
        hours = (datetime.now(UTC) - begin).total_seconds() / HOUR_S
        _learn(session, site, min(max(hours, HOURS_MIN), CHAIN_HOURS_MAX), is_over=left_s <= 0)
    elif talk.ask_yes("commission.again", "ask_period_again", default=False, given=given.again):
        _begin(session)


def _begin(session: Session) -> None:
    """Begin a period, and tell what it needs and how it ends."""
    hours = HOURS

    def ask_hours() -> None:
        nonlocal hours
        hours = session.talk.ask_number(
            "commission.hours",
            "ask_hours",
            HOURS_MIN,
            HOURS_MAX,
            default=HOURS,
            given=session.answers.commission.hours,
            read=lambda typed: read_number(typed, HOUR_UNITS),
        )

    walk(session.talk, partial(_ask_page_password, session), ask_hours)
    begin = datetime.now(UTC).replace(microsecond=0)
    until = begin + timedelta(hours=hours)
    begin_at, until_at = (at.isoformat().replace("+00:00", "Z") for at in (begin, until))
    session.keep(commissioning=Period(begin_at, until_at))
    session.chain("period", begin_at=begin_at, until_at=until_at, hours=hours)
    zone = zone_of(session)
    session.talk.say("period", begin=format_local(begin, zone), until=format_local(until, zone))
    session.talk.say("period_needs")
    session.talk.say("period_ends", folder=session.folder, site=session.site_file)
    session.talk.event("period", begin_at=begin_at, until_at=until_at)
    session.done("commission")


def _ask_page_password(session: Session) -> None:
    """Ask for the status page's password, if the page is wanted on the maintenance interface."""
    talk, file = session.talk, session.folder / PAGE_FILE
    if talk.assume_yes or not talk.ask_yes("page.password", "ask_page", default=False):
        return
    while True:
        try:
            write_password(file, talk.read_secret("ask_page_password"))
        except PasswordError as error:
            talk.show(translate_message(str(error)), style="yellow")
        else:
            talk.say("page_password_kept", file=file)
            return


def _learn(session: Session, site: Site, hours: float, *, is_over: bool) -> None:
    """Learn from the chain, ask, and write if the period is over and a person agrees."""
    try:
        loads = read_chain(site, hours, dt_s=find_slot_s(site))
    except LoadsError as error:
        raise fail(EXIT_NO, *map(translate, error.words)) from error
    answers = take_answers(session.answers.commission.answers, site)
    learned = _converse(session, site, loads, answers)
    for one in learned:
        session.talk.event("learned", **to_json(one))
    names = {one.id: ", ".join(each.name for each in one.refusals) for one in learned}
    refused = [f"{where}: {why}" for where, why in names.items() if why]
    if refused:
        session.talk.say("learn_refused", style="yellow", why="; ".join(refused))
    elif is_over:
        _write(session, site, learned)
    else:
        session.talk.say("learn_so_far")


def _converse(session: Session, site: Site, loads: Loads, answers: dict[str, list[Answer]]) -> list[Learned]:
    """What was learned, with what the technician answers."""
    learned = _show(session, site, loads, answers)
    if session.talk.assume_yes:
        return learned
    is_answered = False
    for one in learned:
        for question in one.questions:
            session.talk.show(f"{one.id}: {translate(question.words)}")
            options = [(name, translate(words)) for name, words in question.choices.items()]
            options.append((LATER, text("answer_later")))
            chosen = session.talk.ask_choice("commission.answers", "ask_answer", options, default=LATER)
            if chosen != LATER:
                given = Answer(question=question.key, answer=chosen, value_w=question.value_w)
                answers.setdefault(one.id, []).append(given)
                is_answered = True
    return _show(session, site, loads, answers) if is_answered else learned


def _show(session: Session, site: Site, loads: Loads, answers: Answers) -> list[Learned]:
    learned = learn_all(site, loads, answers)
    for one in learned:
        session.talk.show(to_text(one))
    return learned


def _write(session: Session, site: Site, learned: list[Learned]) -> None:
    """Write what was learned; changes of present parameters only by a person's word."""
    count = sum(len(one.changes) for one in learned)
    key = "ask_write_changes" if count else "ask_write"
    given = session.answers.commission.write
    if not session.talk.ask_yes("commission.write", key, default=not count, given=given, count=count):
        session.talk.say("learn_not_written", style="yellow")
        return
    write_learned(session.site_file, site, learned)
    session.keep(site_sha256=hashlib.sha256(session.site_file.read_bytes()).hexdigest())
    session.talk.say("learn_written", style="green", site=session.site_file)
