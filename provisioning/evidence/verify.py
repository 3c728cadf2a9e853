"""`dianjian verify`: check an exported chain, a pack or a ledger of clues with only the centre's key.

Exit 1 if it is not good.
"""

import re
from pathlib import Path

import click

from centre.register import RegisterError, read_register
from disk.translation import translate_message
from evidence.cbor import FormatError
from evidence.chain import Code
from evidence.moments import iso_utc
from evidence.pack.export import Keys, Report, read_chain, verify_file
from provisioning.evidence.sheet import report_sheet
from provisioning.evidence.verdict import count_seals, list_withheld, say_verdict
from provisioning.evidence.verify_clues import is_clues, verify_clues
from provisioning.evidence.verify_pack import is_pack, verify_pack
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.paths import FORCE, NEW_FILE
from provisioning.terminal.register_option import register_option
from provisioning.terminal.say import say, say_json

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("verify", short_help="check evidence or an exported chain with only the centre's key")
@click.option("--centre-key", metavar="HEX", help="The centre's public key, 64 hexadecimal digits.")
@click.option("--first-key", metavar="HEX", help="The gateway's enrolled first key, 64 hexadecimal digits.")
@register_option("Take the enrolled keys from the register.", required=False)
@FORCE
@click.option("--html", type=NEW_FILE, help="For a pack: redraw its page into this file.")
@click.option("--sheet", type=_FILE, help="Also report whether this acceptance sheet is on record in it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; one more for a sheet.")
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
def command(
    centre_key: str | None,
    first_key: str | None,
    register: Path | None,
    html: Path | None,
    sheet: Path | None,
    as_json: bool,
    file: Path,
) -> None:
    """Check FILE, written by `dianjian evidence`, `export`, `centre archive` or `centre clues export`.

    With the enrolment in the file --centre-key is enough. Without, the enrolled first key must come from
    elsewhere: --first-key or --register.
    """
    if is_clues(file):
        verify_clues(
            file, None if centre_key is None else _parse_key(centre_key, "--centre-key"), as_json=as_json
        )
        return
    if is_pack(file):
        if register is not None:
            raise fail(EXIT_USAGE, "--register is for an exported chain; a pack takes --centre-key")
        given = Keys(
            None if centre_key is None else _parse_key(centre_key, "--centre-key"),
            None if first_key is None else _parse_key(first_key, "--first-key"),
        )
        verify_pack(file, given.centre, given.first, html, as_json=as_json)
        if sheet is not None:
            report_sheet(sheet, file, given, as_json=as_json)
        return
    known = _find_keys(centre_key, first_key, register, file)
    report = verify_file(file, known.first, centre_key=known.centre, recovery_key=known.recovery)
    if as_json:
        say_json(_to_json(report))
    else:
        say(*map(translate_message, _list_lines(report)))
    if not report.ok:
        raise fail(EXIT_NO, f"{file}: {report.error or 'a body is not what was sealed'}")
    if sheet is not None:
        report_sheet(sheet, file, known, as_json=as_json)


def _find_keys(centre_key: str | None, first_key: str | None, register: Path | None, file: Path) -> Keys:
    if centre_key is None and first_key is None and register is None:
        raise fail(EXIT_USAGE, "give --centre-key, or either --first-key or --register")
    if first_key is not None and register is not None:
        raise fail(EXIT_USAGE, "give either --first-key or --register")
    centre = None if centre_key is None else _parse_key(centre_key, "--centre-key")
    if register is None:
        return Keys(centre, None if first_key is None else _parse_key(first_key, "--first-key"))
    try:
        with file.open("rb") as stream:
            gateway, _ = read_chain(stream)
        entry = read_register(register)[gateway]
    except KeyError as error:
        raise fail(EXIT_USAGE, f"{register}: gateway {error.args[0]} is not enrolled") from error
    except (RegisterError, FormatError, OSError) as error:
        raise fail(EXIT_USAGE, str(error)) from error
    return Keys(centre, entry.first_key, entry.recovery_key)


def _parse_key(text: str, option: str) -> bytes:
    if re.fullmatch("[0-9a-fA-F]{64}", text) is None:
        raise fail(EXIT_USAGE, f"{option}: 64 hexadecimal digits, not {text[:80]!r}")
    return bytes.fromhex(text)


def _to_json(report: Report) -> dict[str, object]:
    return {
        "ok": report.ok,
        "gateway": report.gateway,
        "enrolment": _describe_enrolment(report),
        "enrolment_unchecked": report.is_enrolment_unchecked,
        "begin": report.begin or None,
        "statements": report.statements,
        "seals": report.seals,
        "records": report.records,
        "bodies": report.bodies,
        "absent": report.absent,
        "verdict": _say(report),
        "withheld": [list(span) for span in report.withheld],
        "malformed": report.counts[Code.RECORD],
        "first_at": iso_utc(report.first_utc_ms) if report.seals else None,
        "last_at": iso_utc(report.last_utc_ms) if report.seals else None,
        "tip_hash": report.tip_hash.hex(),
        "error": report.error,
        "findings": [
            {"code": one.code.value, "seal": one.number, "text": one.text} for one in report.findings
        ],
    }


def _describe_enrolment(report: Report) -> dict[str, object] | None:
    one = report.enrolment
    if one is None:
        return None
    meters = [
        {"id": meter.id, "model": meter.model, "unit_id": meter.unit_id, "serial": meter.serial}
        for meter in one.meters
    ]
    return {
        "site": one.site,
        "at": iso_utc(one.centre_utc_ms),
        "first_key": one.first_key.hex(),
        "recovery_key": one.recovery_key.hex() if any(one.recovery_key) else None,
        "meters": meters,
    }


def _enrolment_line(report: Report) -> str:
    one = report.enrolment
    if report.is_enrolment_unchecked:
        return "enrolment: in the file; its signature is not checked without --centre-key"
    if one is None and report.begin:
        return "enrolment: not in the file"
    if one is None:
        return "enrolment: not in the file; the first key was given"
    meters = ", ".join(f"{meter.id} {meter.model} {meter.serial}".strip() for meter in one.meters)
    return (
        f"enrolled by the centre at {iso_utc(one.centre_utc_ms)}: {one.site or '-'}; meters: {meters or '-'}"
    )


def _say(report: Report) -> str:
    return say_verdict(report.ok, count_seals(report.withheld), report.counts[Code.RECORD])


def _list_lines(report: Report) -> list[str]:
    return [
        f"gateway {report.gateway}: {report.seals} seals, {report.records} records",
        _enrolment_line(report),
        *([f"begins with seal {report.begin}, which the centre's receipt names"] if report.begin else []),
        *([f"from {iso_utc(report.first_utc_ms)} to {iso_utc(report.last_utc_ms)}"] if report.seals else []),
        f"bodies: {report.bodies} proved, {report.absent} not in the file",
        *list_withheld(report.withheld),
        *(f"seal {one.number}: {one.code.value}: {one.text}" for one in report.findings),
        f"verdict: {_say(report)}; last seal {report.tip_hash.hex()}",
    ]
