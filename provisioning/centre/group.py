"""`dianjian centre`: the centre's own key, its register of gateways, and what it signs about their keys.

Every signed statement first goes into the register, one line each, which is append-only. A running
`dianjian subscribe` reads new lines by itself.
"""

from pathlib import Path
from typing import Any, Final

import click

from centre.register import enrol_in
from disk.tables import parse_hex, parse_json
from evidence.cbor import FormatError
from evidence.keys import create_key_file, load_key_file, public
from evidence.moments import utc_ms
from evidence.statement import NO_KEY, EnrolledMeter, Enrolment, sign_statement
from provisioning.centre.options import AS_JSON, FILE, INPUT, KEY, failing_in_one_line, show
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.lazy_group import LazyGroup
from provisioning.terminal.paths import read_input
from provisioning.terminal.register_option import register_option
from provisioning.terminal.say import say_json

PLACES: Final = {
    "authority": "centre.office:authority",
    "certificate": "centre.office:certificate",
    "token": "centre.office:token",
    "listen": "centre.listen:listen",
    "approve": "centre.approve:approve",
    "issue": "centre.approve:issue",
    "list": "centre.list:listing",
    "broker-config": "centre.broker:broker_config",
    "receipt": "centre.chain:receipt",
    "rekey": "centre.chain:rekey",
    "replace": "centre.chain:replace",
    "revoke": "centre.revoke:revoke",
    "readmit": "centre.readmit:readmit",
    "keys": "centre.keys:keys",
    "order": "centre.order:order",
    "clues": "centre.clues.group:clues",
    "config": "centre.config:config",
    "diagnose": "centre.diagnose:diagnose",
    "fleet": "centre.fleet:fleet",
    "web": "centre.web:web",
    "publish": "centre.publish:publish",
    "doctor": "centre.doctor:doctor",
    "report": "marks.report_verb:centre_report",
    "verdicts": "centre.verdicts:verdicts",
    "backup": "centre.backup:backup",
    "restore": "centre.backup:restore",
    "copy": "centre.backup:copy",
    "archive": "centre.archive:archive",
    "unarchive": "centre.archive:unarchive",
}
"""Verb: where it is, below provisioning."""


@click.group(
    "centre", cls=LazyGroup, places=PLACES, short_help="the centre's own key and its register of gateways"
)
def command() -> None:
    """The centre's keys: enrol gateways, give them new keys, revoke them."""


@command.command("init")
@click.option("--key", required=True, type=FILE, help="Key file to make; mode 0600.")
@AS_JSON
def init(key: Path, as_json: bool) -> None:
    """Make the centre's key and print the public half, which every site file needs as centre_key."""
    del as_json  # the public key is for a script in any case
    try:
        secret = create_key_file(key)
    except FileExistsError as error:
        raise fail(EXIT_USAGE, f"{key}: is there already; a key is never overwritten") from error
    except OSError as error:
        raise fail(EXIT_USAGE, f"{key}: {error.strerror}") from error
    say_json({"centre_key": public(secret).hex()})


@command.command("key")
@KEY
@AS_JSON
def print_key(key: Path, as_json: bool) -> None:
    """Print the public half of the centre's key again."""
    del as_json
    with failing_in_one_line(key):
        say_json({"centre_key": public(load_key_file(key)).hex()})


@command.command("enrol")
@register_option("The register of gateways; made if it is not there.")
@KEY
@AS_JSON
@click.argument("enrolment", type=INPUT, default="-")
def enrol(register: Path, key: Path, as_json: bool, enrolment: Path) -> None:
    """Add a gateway: ENROLMENT is what `dianjian enrol` printed on it (a file, or - for input).

    The centre signs the enrolment, and the register keeps it. A repetition changes nothing; a recovery
    key may be added where there was none.
    """
    wanted = _read_enrolment(enrolment)
    with failing_in_one_line(key):
        secret = load_key_file(key)
    with failing_in_one_line(register):
        known = enrol_in(register, wanted, secret)
    entry = known[wanted.gateway]
    fields = {"gateway": entry.gateway, "enrolment": entry.enrolment.hex(), "gateways": len(known)}
    show(fields, f"{register}: {len(known)} gateways", as_json=as_json)


def _read_enrolment(file: Path) -> Enrolment:
    try:
        entry: Any = parse_json(read_input(file))
        wanted = Enrolment(
            gateway=entry["gateway"],
            site=entry.get("site", ""),
            first_key=parse_hex(entry["first_key"]),
            recovery_key=parse_hex(entry.get("recovery_key", "")) or NO_KEY,
            meters=tuple(
                EnrolledMeter(meter["id"], meter["model"], meter["unit_id"], meter.get("serial", ""))
                for meter in entry.get("meters", ())
            ),
            centre_utc_ms=utc_ms(),
        )
        sign_statement(wanted, NO_KEY)  # refuses what cannot be signed before any key is read
    except KeyError as error:
        raise fail(EXIT_USAGE, f"not an enrolment: no {error.args[0]}") from error
    except (ValueError, TypeError, AttributeError, FormatError) as error:
        raise fail(EXIT_USAGE, f"not an enrolment: {error}") from error
    return wanted
