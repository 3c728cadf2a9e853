"""`dianjian centre revoke`: no further seal of a gateway counts, and brokers refuse its certificates."""

from pathlib import Path
from typing import Any

import click

from centre.enrolment.office import REVOKED_NAME
from centre.store.place import Place
from evidence.moments import utc_ms
from provisioning.centre.chain import revoke_chain
from provisioning.centre.options import AS_JSON, FILE, FOLDER, failing_in_one_line, office_at, show
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.register_option import register_option
from provisioning.terminal.store_option import store_option


@click.command("revoke")
@register_option("The register of gateways; with --key and --store.", required=False)
@click.option("--key", type=FILE, help="Key file of the centre.")
@store_option("The subscriber's database.")
@click.option("--authority", type=FOLDER, help="The office's folder: revoke the gateway's certificates.")
@click.option("--reason", required=True, help="One sentence, part of the proof.")
@AS_JSON
@click.argument("gateway")
def revoke(
    register: Path | None,
    key: Path | None,
    store: Place | None,
    authority: Path | None,
    reason: str,
    as_json: bool,
    gateway: str,
) -> None:
    """Count no further seal of GATEWAY (a replacement lifts it), with --authority also no certificate.

    Then run `dianjian centre broker-config` again and send mosquitto SIGHUP: it refuses new connections from
    then on; a connection that stands ends with a restart of mosquitto.
    """
    fields: dict[str, Any] = {"gateway": gateway}
    lines = []
    if authority is not None:
        with failing_in_one_line():
            revoked = office_at(authority).revoke(gateway, reason, utc_ms())
        fields["certificates"] = [one.sha256.hex() for one in revoked]
        lines.append(f"{authority / REVOKED_NAME}: {len(revoked)} certificates of {gateway} are revoked")
    if register is not None and key is not None and store is not None:
        fields |= revoke_chain(register, key, store, reason, gateway)
        lines.append(f"{register}: {gateway} is revoked after seal {fields['number']}")
    if not lines or ((register or key or store) and "number" not in fields):
        raise fail(EXIT_USAGE, "revoke needs --authority, or --register, --key and --store, or all four")
    show(fields, *lines, as_json=as_json)
