"""`dianjian centre revoke`: count no further seal of a gateway, and let its certificates in no more."""

from pathlib import Path
from typing import Any

import click

from centre.enrolment.ledger import OfficeError
from centre.enrolment.office import REVOKED_NAME
from evidence.moments import utc_ms
from provisioning.centre.chain import AS_JSON, FILE, revoke_chain, say
from provisioning.centre.office import FOLDER, office_at
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.register_option import register_option


@click.command("revoke")
@register_option("The register of gateways; with --key and --store.", required=False)
@click.option("--key", type=FILE, help="Key file of the centre.")
@click.option("--store", type=FILE, help="The subscriber's database.")
@click.option("--authority", type=FOLDER, help="The office's folder: revoke the gateway's certificates.")
@click.option("--reason", required=True, help="One sentence, part of the proof.")
@AS_JSON
@click.argument("gateway")
def revoke(
    register: Path | None,
    key: Path | None,
    store: Path | None,
    authority: Path | None,
    reason: str,
    as_json: bool,
    gateway: str,
) -> None:
    """Count no further seal of GATEWAY (a replacement lifts it), with --authority also no certificate.

    Then say `dianjian centre broker-config` again and send mosquitto SIGHUP: it refuses new connections from
    then on; one that stands ends with a restart.
    """
    told: dict[str, Any] = {"gateway": gateway}
    lines = []
    if authority is not None:
        try:
            gone = office_at(authority).revoke(gateway, reason, utc_ms())
        except OfficeError as error:
            raise fail(EXIT_USAGE, str(error)) from error
        told["certificates"] = [one.sha256.hex() for one in gone]
        lines.append(f"{authority / REVOKED_NAME}: {len(gone)} certificates of {gateway} are revoked")
    if register is not None and key is not None and store is not None:
        told |= revoke_chain(register, key, store, reason, gateway)
        lines.append(f"{register}: {gateway} is revoked after seal {told['number']}")
    if not lines or ((register or key or store) and "number" not in told):
        raise fail(EXIT_USAGE, "revoke needs --authority, or --register, --key and --store, or all four")
    say(told, "\n".join(lines), as_json=as_json)
