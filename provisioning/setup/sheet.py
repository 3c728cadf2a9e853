"""Step `sheet`: write the acceptance sheet.

Its hash goes into the chain through the inbox. If no agent runs, one is started briefly, so that it is sealed
and receipted before the technician leaves.
"""

from pathlib import Path

from agent.inbox import INBOX_NAME
from disk.version import read_version
from provisioning.acceptance.sheet import write_sheet
from provisioning.setup.receipt import read_service_status, run_once
from provisioning.setup.session import Session


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
