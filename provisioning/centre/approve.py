"""`dianjian centre approve` and `issue`: the officer's decision, and requests on a USB stick.

The officer and the technician read the same twelve characters to each other: the officer's come from the
request that reached the centre, the technician's from the one that the gateway made. Only then is the
gateway trusted.
"""

import sys
from pathlib import Path

import click

from centre.enrolment.ledger import KeptRequest
from centre.enrolment.office import Office
from disk.files import replace_file, write_output
from disk.plain_text import one_line
from disk.translation import translate_message
from evidence.moments import utc_ms
from provisioning.centre.options import (
    AS_JSON,
    AUTHORITY,
    FILE,
    FOLDER,
    KEY,
    REGISTER,
    failing_in_one_line,
    office_at,
    show,
)
from provisioning.enrolment.file import read, stick_file
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.paths import FORCE, NEW_FILE
from provisioning.terminal.say import say
from provisioning.words.language import translate
from wire.enrolment.answer import Answer, Issued, Pending, Refused
from wire.enrolment.certificates import CertificateError, csr_pem, parse_csr
from wire.enrolment.token import short_code

OFFICER = "officer"


@click.command("approve")
@AUTHORITY
@REGISTER
@KEY
@click.option(
    "--from", "folder", type=FOLDER, help="Folder, such as of a USB stick, with requests to take in."
)
@click.option("--code", help="The code that the gateway shows; else it is asked for.")
@click.option("--deny", is_flag=True, help="Refuse the request for ever instead.")
@FORCE
@click.option("--out", type=NEW_FILE, help="Write the signing request (PEM) here, for an external authority.")
@AS_JSON
@click.argument("gateway", required=False)
def approve(
    authority: Path,
    register: Path,
    key: Path,
    folder: Path | None,
    code: str | None,
    deny: bool,
    out: Path | None,
    as_json: bool,
    gateway: str | None,
) -> None:
    """Compare the code of GATEWAY's request with what its screen shows, and let it in.

    With --from, requests on a stick are taken in first, and the answers are written beside them.
    """
    if (folder is None) == (gateway is None):
        raise fail(EXIT_USAGE, "approve needs either a GATEWAY or --from FOLDER")
    office = office_at(authority, register, key)
    with failing_in_one_line():
        found = _find_waiting(office, gateway) if folder is None else _take_in(office, folder)
        open_ = [one for one, answer in found if one and not one.decision and isinstance(answer, Pending)]
        chosen = {one.code for one in _choose(open_, code, deny=deny)}
        refusals = 0
        for request, answer in found:
            last = answer
            if request is not None and request.code in chosen:
                decision = "denied" if deny else "approved"
                last = office.approve(request.code, OFFICER, utc_ms(), decision=decision)
            if request is not None and out is not None:
                write_output(out, csr_pem(request.csr))
            refusals += isinstance(last, Refused)
            if folder is not None and request is not None:
                write_answer(folder, request.gateway, last)
            show_answer(request.gateway if request else "-", last, as_json=as_json)
    if refusals:
        raise click.exceptions.Exit(EXIT_NO)


@click.command("issue")
@AUTHORITY
@click.option("--certificate", type=FILE, help="The external authority's certificate (PEM or DER).")
@click.option("--to", "folder", type=FOLDER, help="Folder, such as of a USB stick, to write the answer to.")
@AS_JSON
@click.argument("gateway")
def issue(
    authority: Path, certificate: Path | None, folder: Path | None, as_json: bool, gateway: str
) -> None:
    """Take the certificate of an external authority for GATEWAY, or write an answer to a stick."""
    office = office_at(authority)
    with failing_in_one_line():
        if certificate is not None:
            request = office.take_external(certificate.read_bytes(), utc_ms(), gateway)
        else:
            with office.ledger.locked() as ledger:
                done = [r for r in ledger.requests.values() if r.gateway == gateway and r.certificate]
            if not done:
                text = f"{gateway} has no certificate yet: `dianjian centre approve` comes first"
                raise fail(EXIT_USAGE, text)
            request = done[-1]
        answer = Issued(office.chain(request.certificate))
        if folder is not None:
            write_answer(folder, gateway, answer)
    show_answer(gateway, answer, as_json=as_json)


def show_answer(gateway: str, answer: Answer, *, as_json: bool) -> None:
    """Print the outcome of a request in one line."""
    if isinstance(answer, Issued):
        fields, text = {"answer": "issued"}, "issued"
    elif isinstance(answer, Pending):
        fields, text = {"answer": "pending", "code": answer.code}, f"waits, code {answer.code}"
    else:
        fields, text = {"answer": "refused", "reason": answer.reason}, translate(answer.sentence)
    show({"gateway": gateway, **fields}, f"{gateway}: {text}", as_json=as_json)


def write_answer(folder: Path, gateway: str, answer: Answer) -> None:
    """Write the answer beside the request on the stick."""
    if isinstance(answer, Issued):
        replace_file(stick_file(folder, gateway, "p7c"), answer.certificates)
    elif isinstance(answer, Refused):
        text = f"{answer.reason}\n{answer.sentence.zh}\n{answer.sentence.en}\n"
        replace_file(stick_file(folder, gateway, "refused"), text.encode())


def _find_waiting(office: Office, gateway: str | None) -> list[tuple[KeptRequest | None, Answer]]:
    with office.ledger.locked() as ledger:
        known = [one for one in ledger.requests.values() if one.gateway == gateway]
    waiting = [one for one in known if not one.certificate and one.decision != "denied"]
    if not waiting:
        raise fail(EXIT_USAGE, f"no request of {gateway} waits")
    return [(one, Pending(short_code(one.csr))) for one in waiting]


def _take_in(office: Office, folder: Path) -> list[tuple[KeptRequest | None, Answer]]:
    """Take in every request of the folder; an unreadable one is refused."""
    found: list[tuple[KeptRequest | None, Answer]] = []
    files = sorted(folder.glob("dianjian-*.csr"))
    if not files:
        raise fail(EXIT_USAGE, f"{folder}: no request (dianjian-*.csr) is there")
    for file in files:
        raw = _read_or_nothing(file)
        answer = office.receive(raw, utc_ms())
        try:
            der = parse_csr(raw).der
        except CertificateError:
            der = b""
        kept = next((r for r in office.ledger.requests.values() if r.csr == der), None)
        if isinstance(answer, Refused):
            write_answer(folder, file.stem.removeprefix("dianjian-"), answer)
        found.append((kept, answer))
    return found


def _read_or_nothing(file: Path) -> bytes:
    """What is on the stick under this name; a link, pipe, device or far too large file is no request."""
    try:
        return read(file) or b""
    except OSError as error:
        say(f"dianjian: {file}: {translate_message(str(error.strerror))}", err=True)
        return b""


def _choose(waiting: list[KeptRequest], code: str | None, *, deny: bool) -> list[KeptRequest]:
    """The requests for the officer to decide: those whose code is on the gateway's screen."""
    if not waiting or (deny and code is None):
        return waiting
    if code is None and not sys.stdin.isatty():
        raise fail(
            EXIT_USAGE, f"{waiting[0].gateway}: --code is missing: what does the gateway's screen show?"
        )
    if code is None:
        code = click.prompt(f"{one_line(waiting[0].gateway)}: the code on the gateway's screen", err=True)
    typed = "".join(filter(str.isalnum, code)).upper()
    chosen = [one for one in waiting if short_code(one.csr).replace("-", "") == typed]
    if not chosen:
        shown = ", ".join(short_code(one.csr) for one in waiting)
        raise fail(
            EXIT_NO,
            f"{waiting[0].gateway}: the code is not that of the request that came ({shown}): nothing is "
            "approved. If the gateway shows another one, somebody else used its token: --deny",
        )
    return chosen
