"""`dianjian centre broker-config`: everything mosquitto needs, in one folder, with no password in it."""

from pathlib import Path
from typing import Final

import click

from centre.broker_config import VERIFIERS_MAX, BrokerPlace, mosquitto_files
from centre.enrolment.office import AUTHORITY_NAME, REVOKED_NAME
from disk.files import replace_file
from disk.translation import translate_message
from evidence.moments import utc_ms
from provisioning.centre.broker_user import UserError, find_user, give_folder
from provisioning.centre.office import write_pair
from provisioning.centre.options import (
    AS_JSON,
    AUTHORITY,
    FOLDER,
    HOST,
    Host,
    failing_in_one_line,
    office_at,
    show,
)
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.say import say
from wire.enrolment.certificates import parse_certificate

LOOPBACK: Final = "127.0.0.1"
PORT: Final = click.IntRange(1, 65_535)


@click.command("broker-config")
@AUTHORITY
@click.option("--out", required=True, type=FOLDER, help="The folder; made if it does not exist.")
@click.option(
    "--host", "hosts", multiple=True, type=HOST, help="Name or address that it is reached under; repeatable."
)
@click.option(
    "--listen",
    "address",
    type=Host(is_address=True),
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on.",
)
@click.option("--port", type=PORT, default=8883, show_default=True, help="For gateways with a certificate.")
@click.option("--claim-port", type=PORT, help="For gateways without one; else there is no such broker.")
@click.option(
    "--claim-centre-port", type=PORT, default=8885, show_default=True, help="There, for the centre; loopback."
)
@click.option(
    "--verifiers",
    type=click.IntRange(0, VERIFIERS_MAX),
    default=0,
    help="How many `dianjian subscribe --slices` there are; each has a certificate of its own.",
)
@click.option("--user", default="", help="Who runs mosquitto, where root starts it.  [default: mosquitto]")
@AS_JSON
def broker_config(
    authority: Path,
    out: Path,
    hosts: tuple[str, ...],
    address: str,
    port: int,
    claim_port: int | None,
    claim_centre_port: int,
    verifiers: int,
    user: str,
    as_json: bool,
) -> None:
    """Write mosquitto.conf, ACL, the list of revoked certificates and a server certificate to --out.

    With --claim-port also claims.conf, for a second mosquitto that gateways without a certificate ask: a
    process of its own, so that no stranger's client id can throw out a gateway.

    A repetition renews the list (then send mosquitto SIGHUP) and, past two thirds of its life, the
    server's certificate; an external authority signs server.pem itself. Called by root, the folder becomes
    that of --user, who runs mosquitto; else mosquitto runs as who calls this.
    """
    office = office_at(authority)
    try:
        user = find_user(user)
    except UserError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    place = BrokerPlace(out.resolve(), address, port, claim_port or 0, claim_centre_port, verifiers, user)
    names = list(dict.fromkeys([*(hosts or [address]), LOOPBACK]))  # the centre connects over loopback
    with failing_in_one_line(out):
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not office.is_external:
            replace_file(out / REVOKED_NAME, office.write_revoked(utc_ms()).read_bytes(), 0o644)
            if _is_due(out / "server.pem", utc_ms()):
                write_pair(out, "server", *office.serve(names, utc_ms()))
        replace_file(out / AUTHORITY_NAME, (authority / AUTHORITY_NAME).read_bytes(), 0o644)
        for name, text in mosquitto_files(place).items():
            replace_file(out / name, text.encode(), 0o600)
        opened = _give(out, user)
    config = str(out / "mosquitto.conf")
    fields = {"config": config, "port": port, "claim_port": claim_port, "user": user or None}
    show({**fields, "opened": [str(one) for one in opened]}, config, as_json=as_json)
    for one in opened:
        told = f"{one}: {user} may enter it from now on (setfacl -x u:{user} takes it back)"
        say(translate_message(told), err=True)


def _give(out: Path, user: str) -> list[Path]:
    """Make the folder readable for the user that mosquitto becomes."""
    if not user:
        return []
    try:
        return give_folder(out.resolve(), user)
    except UserError as error:
        raise fail(EXIT_USAGE, str(error)) from error


def _is_due(file: Path, now_utc_ms: int) -> bool:
    """Whether the server certificate is missing or past two thirds of its life."""
    if not file.exists():
        return True
    one = parse_certificate(file.read_bytes())
    return now_utc_ms >= one.begins_utc_ms + (one.ends_utc_ms - one.begins_utc_ms) * 2 // 3
