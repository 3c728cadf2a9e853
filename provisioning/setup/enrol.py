"""Step `enrol`: keys made here, a request bound to a one-time token, the centre's certificate in place.

The token, or the text of the QR code that holds it, is secret until it has been used: it is typed
without echo, or read from a file or stdin, never from the command line, and is stored nowhere. The recovery
key is written where the technician chooses and is taken away.

The work is done in `provisioning.enrolment.enrolling`; if it has to wait for an officer, or for a USB stick
to be carried, this call ends with one line, and the next one goes on.
"""

import os
import sys
from pathlib import Path
from typing import Any, Final

from attrs import asdict, evolve

from agent.site.enrolment import EnrolmentError, read_enrolment
from agent.site.file import Site
from evidence.words import Words
from provisioning.enrolment import enrolling
from provisioning.enrolment.talk import TOKEN_BYTES_MAX, find_way, run_or_fail
from provisioning.journal.entries import Enrolled
from provisioning.setup.session import Session
from provisioning.setup.talk import WrongAnswerError, check_text
from provisioning.setup.walk import walk
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.typed import plain
from provisioning.words.language import translate
from wire.enrolment.offer import SCHEME, Offer, OfferError, parse_fingerprint, parse_offer
from wire.enrolment.token import TokenError, parse_token

RECOVERY_NAME: Final = "recovery.key"
STDIN: Final = "-"
WAIT_S_MAX: Final = 86_400.0


def enrol(session: Session) -> None:
    """Take the token, make the keys, enrol, write the broker into the site file."""
    given = session.answers.enrol
    recovery: Path | None = None
    way: str | None = None

    def ask_offer() -> None:
        session.offer = _ask_offer(session)
        _adopt_name(session, session.offer)

    def ask_recovery() -> None:
        nonlocal recovery
        recovery = _ask_recovery(session, session.site())

    def ask_way() -> None:
        nonlocal way
        assert session.offer is not None
        way = given.transport or _ask_way(session, session.offer)

    walk(session.talk, ask_offer, ask_recovery, ask_way)
    site, offer = session.site(), session.offer
    assert offer is not None
    patience_s = min(max(given.wait_s or enrolling.PATIENCE_S, 0.0), WAIT_S_MAX)

    def report(code: str, sentence: Words) -> None:
        session.talk.show(f"  {translate(sentence)}")
        session.talk.event("enrol", code=code, text=sentence.to_body())

    def work() -> dict[str, Any]:
        enrolling.prepare(site, recovery)
        if recovery is not None:
            session.talk.say("take_away", style="bold yellow", path=recovery)
        return asdict(enrolling.enrol(site, offer, find_way(offer, way), report, patience_s=patience_s))

    done = Enrolled(**run_or_fail(work))
    session.keep(enrolment=done)
    session.write_site()
    session.talk.say("enrolled", style="green", centre_key=done.centre_key[:16])
    session.talk.event("enrolled", transport=done.transport, first_key=done.first_key, broker=done.broker_url)
    session.done("enrol")


def _ask_offer(session: Session) -> Offer:
    """The offer; a wrong one from the keyboard is asked for again."""
    talk, given = session.talk, session.answers.enrol
    if given.token_file is not None or talk.assume_yes:
        if given.token_file is None:
            raise fail(EXIT_USAGE, f"{talk.source}: enrol.token_file: missing, and it has no default")
        try:
            return _to_offer(session, _read(session, given.token_file))
        except (OfferError, TokenError) as error:
            raise fail(EXIT_USAGE, f"{talk.source}: enrol.token_file: {error}") from error
    while True:
        if session.offer is not None:
            talk.say("token_kept")
        typed = plain(talk.read_secret("ask_token"))
        if not typed and session.offer is not None:
            return session.offer
        try:
            return _to_offer(session, _read(session, typed[1:]) if typed.startswith("@") else typed)
        except (OfferError, TokenError) as error:
            talk.say("wrong_token", style="yellow", text=str(error))


def _read(session: Session, name: str) -> str:
    if name == STDIN:
        return sys.stdin.readline(TOKEN_BYTES_MAX).strip()
    path = Path(name).expanduser()
    if not path.is_absolute() and not path.exists():
        path = session.folder / path
    try:
        with path.open("rb") as stream:
            raw = stream.read(TOKEN_BYTES_MAX + 1)
        if len(raw) > TOKEN_BYTES_MAX:
            raise OfferError(f"{path}: is too long for a token")
        return raw.decode("utf-8-sig").strip()
    except OSError as error:
        raise OfferError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise OfferError(f"{path}: is not UTF-8 at byte {error.start}") from error


def _to_offer(session: Session, text: str) -> Offer:
    talk, given = session.talk, session.answers.enrol
    if text.startswith(SCHEME):
        offer = parse_offer(text)
        return evolve(offer, broker=given.broker or offer.broker)
    token = parse_token(text)
    key = talk.ask("enrol.centre_key", "ask_centre_key", _check_fingerprint, given=given.centre_key)
    authority = talk.ask("enrol.authority", "ask_authority", _check_fingerprint, given=given.authority)
    broker = talk.ask("enrol.broker", "ask_broker", check_text, given=given.broker)
    return Offer(session.journal.site.gateway, token, key, authority, broker)


def _check_fingerprint(typed: str) -> bytes:
    try:
        return parse_fingerprint(typed)
    except OfferError as error:
        raise WrongAnswerError("wrong_token", text=str(error)) from error


def _adopt_name(session: Session, offer: Offer) -> None:
    """Give the gateway the name that the centre has: nothing is sealed under another yet."""
    gateway = session.journal.site.gateway
    if gateway != offer.gateway and session.journal.enrolment is None:
        session.talk.say("gateway_is", style="yellow", gateway=offer.gateway)
        session.keep(site=evolve(session.journal.site, gateway=offer.gateway))
        session.write_site()


def _ask_recovery(session: Session, site: Site) -> Path | None:
    """The path for the recovery key; None if there is one already."""
    try:
        if read_enrolment(site.path(site.store.path))["recovery_key"]:
            return None
    except EnrolmentError:
        pass  # no keys yet
    given = session.answers.enrol.recovery
    default = str(session.folder / RECOVERY_NAME)
    return session.talk.ask(
        "enrol.recovery",
        "ask_recovery",
        lambda typed: _check_recovery(session, typed),
        default=default,
        given=given,
        free=True,
    )


def _check_recovery(session: Session, typed: str) -> Path:
    """A path at which a key file can be made, said before anything is made."""
    path = session.folder / Path(check_text(typed)).expanduser()
    folder = path.parent
    if not folder.is_dir():
        raise WrongAnswerError("no_folder", folder=folder)
    if path.is_dir():
        raise WrongAnswerError("is_folder", path=path)
    if path.exists():
        raise WrongAnswerError("is_there", path=path)
    if session.store.resolve() in path.resolve().parents:
        raise WrongAnswerError("in_state", path=path)
    if not os.access(folder, os.W_OK):
        raise WrongAnswerError("not_writable", folder=folder)
    return path


def _ask_way(session: Session, offer: Offer) -> str | None:
    """The transport in the offer; asked only if it has none."""
    if offer.est or offer.claim:
        return None
    return session.talk.ask("enrol.transport", "ask_way", check_text)
