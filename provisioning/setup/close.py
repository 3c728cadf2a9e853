"""Steps `commission` and `sheet`: begin the commissioning period, write the acceptance sheet.

Both go into the chain through the inbox. If no agent runs, one is started briefly after the sheet, so that
its hash is sealed and receipted before the technician leaves.

Before the period the technician may set the password that the status page requires outside this machine;
with --yes it is not asked for.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from agent.inbox import INBOX_NAME
from disk.version import read_version
from provisioning.acceptance.sheet import write_sheet
from provisioning.journal.entries import Period
from provisioning.live.page.gate import PasswordError, write_password
from provisioning.setup.receipt import read_service_status, run_once
from provisioning.setup.session import Session
from provisioning.terminal.typed import HOUR_UNITS, read_number

HOURS: Final = 72.0
"""Three days hold a plant's usual shifts; commissioning reports if that was too little."""
HOURS_MIN, HOURS_MAX = 1.0, 24.0 * 92
PAGE_FILE: Final = "page.password"


def commission(session: Session) -> None:
    """Begin the period and explain how it ends."""
    _ask_page_password(session)
    hours = session.talk.ask_number(
        "commission.hours",
        "ask_hours",
        HOURS_MIN,
        HOURS_MAX,
        default=HOURS,
        given=session.answers.commission.hours,
        read=lambda typed: read_number(typed, HOUR_UNITS),
    )
    begin = datetime.now(UTC).replace(microsecond=0)
    until = begin + timedelta(hours=hours)
    begin_at, until_at = (at.isoformat().replace("+00:00", "Z") for at in (begin, until))
    session.keep(commissioning=Period(begin_at, until_at))
    session.chain("period", begin_at=begin_at, until_at=until_at, hours=hours)
    session.talk.say("period", begin=begin_at, until=until_at)
    session.talk.say("period_ends", site=session.site_file)
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
            talk.show(str(error), style="yellow")
        else:
            talk.say("page_password_kept", file=file)
            return


def sheet(session: Session) -> None:
    """Write the sheet and have its hash sealed."""
    written = write_sheet(
        session.journal, session.site(), session.folder, at=session.now(), version=read_version()
    )
    session.keep(sheet=written)
    session.chain("sheet", name=Path(written.path).name, sha256=written.sha256)
    session.talk.say("sheet_written", path=written.path)
    session.talk.say("sheet_hash", style="dim", sha256=written.sha256)
    sealed = _seal_now(session)
    session.talk.say("sheet_sealed" if sealed else "sheet_waits", style="green" if sealed else "yellow")
    session.talk.event("sheet", path=written.path, sha256=written.sha256, sealed=sealed)
    session.done("sheet")


def _seal_now(session: Session) -> bool:
    """Whether the inbox's entries are sealed and receipted; runs an agent once if none runs."""
    if session.journal.enrolment is None:
        return False
    if read_service_status(session) is not None:
        return False  # it takes the entry in its next cycle
    seals, receipted = run_once(session)
    waits = any((session.store / INBOX_NAME).glob("*.json"))
    return receipted >= seals and not waits
