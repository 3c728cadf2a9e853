"""Step `receipt`: seal, send, and wait for the centre's signed receipt of the first seal. Green only then.

If the agent already runs as a service, its status is watched; else `dianjian-agent run --once` is started as
a child, which reads every meter once, seals and waits for the receipt.
"""

import json
import subprocess
import sys
import tempfile
import time
from typing import IO, Any, Final

from agent.status.socket import read_status
from agent.store.gateway import read_seals
from disk.database import StoreError
from disk.language import OPTION, language
from evidence.seal import FIRST_NUMBER
from provisioning.journal.entries import Receipted
from provisioning.setup.session import Session
from provisioning.setup.words import text
from provisioning.terminal.exits import EXIT_OUTSIDE, fail
from provisioning.terminal.show import progress

DATABASE: Final = "chain.db"
SERVICE_WAIT_S: Final = 60.0
"""A running agent seals every 10 s, and a centre answers within one."""
CHILD_WAIT_S: Final = 300.0
"""A hundred meters that are all silent take two time-outs each, then 15 s for the receipt."""
LOOK_S: Final = 0.5
LOG_LINES_SHOWN: Final = 4


def receipt(session: Session) -> None:
    """Wait for the signed receipt of the first seal."""
    status = read_service_status(session)
    seals, receipted = _wait_for_service(session, status) if status else run_once(session)
    if receipted < FIRST_NUMBER:
        raise fail(EXIT_OUTSIDE, text("no_receipt", seals=seals, site=session.site_file))
    session.keep(receipt=Receipted(FIRST_NUMBER, _read_first_hash(session), session.now()))
    session.talk.say("receipted", style="green", seal=FIRST_NUMBER, seals=seals, receipted=receipted)
    session.talk.event("receipt", seal=FIRST_NUMBER, seals=seals, receipted=receipted)
    session.done("receipt")


def read_service_status(session: Session) -> dict[str, Any] | None:
    """The status of the running agent; None if none runs."""
    try:
        return read_status(session.store)
    except (OSError, ValueError):
        return None


def _wait_for_service(session: Session, status: dict[str, Any]) -> tuple[int, int]:
    session.talk.say("agent_runs")
    deadline = time.monotonic() + SERVICE_WAIT_S
    while _delivered(status) < FIRST_NUMBER and time.monotonic() < deadline:
        time.sleep(LOOK_S)
        status = read_service_status(session) or status
    return int(status["seals"]["last"]), _delivered(status)


def _delivered(status: dict[str, Any]) -> int:
    """The last seal up to which all readings are receipted; an agent of before does not tell it apart."""
    seals = status["seals"]
    return int(seals.get("delivered", seals["receipted"]))


def run_once(session: Session) -> tuple[int, int]:
    """Run a child that reads, seals and sends once.

    Returns:
        The last seal, and the last up to which the centre has receipted all readings.
    """
    site = session.site()
    last: dict[str, Any] = {}
    with progress() as bar:
        task = bar.add_task(text("reading_meters"), total=len(site.meter))
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log,
            _start(session, log) as child,
        ):
            assert child.stdout is not None
            seen = set()
            for line in child.stdout:
                last = _parse_object(line) or last
                meter = last.get("meter")
                if meter is None or meter in seen:
                    continue
                seen.add(meter)
                doing = str(meter) if len(seen) < len(site.meter) else text("waiting_receipt")
                bar.update(task, completed=len(seen), description=doing)
                if last.get("quality") != "good":
                    reason = str(last.get("reason", ""))
                    session.talk.say("meter_bad", style="yellow", meter=meter, why=reason)
            code = child.wait(CHILD_WAIT_S)
            log.seek(0)
            words = log.read()
    if "seals" not in last:
        lines = [line for line in words.splitlines() if not line.startswith("INFO")][-LOG_LINES_SHOWN:]
        raise fail(EXIT_OUTSIDE, *(lines or [text("agent_failed", code=code)]))
    if not last["delivered"]:
        for line in [one for one in words.splitlines() if "broker" in one][-LOG_LINES_SHOWN:]:
            session.talk.show(f"  {line}", style="dim")
    return int(last["seals"]), int(last["delivered"])


def _start(session: Session, log: IO[str]) -> "subprocess.Popen[str]":
    agent = [sys.executable, "-P", "-m", "agent.main", OPTION, language()]
    command = [*agent, "run", "--once", "--config", str(session.site_file)]
    return subprocess.Popen(  # noqa: S603 - our own module, no shell
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
    )


def _parse_object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _read_first_hash(session: Session) -> str:
    try:
        first = next(iter(read_seals(session.store / DATABASE)), None)
    except StoreError:
        first = None
    return first.hash.hex() if first is not None and first.number == FIRST_NUMBER else ""
