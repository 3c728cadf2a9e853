"""`dianjian centre readmit`: let a gateway in again that was set aside (`centre.gateway.budget`)."""

from pathlib import Path

import click

from centre.register import add_line, read_register, readmission_line
from centre.store.place import Place
from centre.store.reading import read_standings
from provisioning.centre.options import AS_JSON, failing_in_one_line, show
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.register_option import register_option
from provisioning.terminal.store_option import store_option


@click.command("readmit")
@register_option("The register of gateways; the running subscriber reads the new line by itself.")
@store_option("The subscriber's database: to refuse a gateway that is not set aside.")
@click.option("--reason", default="", help="One sentence, kept in the register.")
@AS_JSON
@click.argument("gateway")
def readmit(register: Path, store: Place | None, reason: str, as_json: bool, gateway: str) -> None:
    """Read GATEWAY again, which was set aside because it cost more than any honest one, with full quotas.

    It sends by itself what it has sealed meanwhile; nothing is lost. Look first why: `dianjian centre list
    --store` shows it, and so does the finding.
    """
    with failing_in_one_line(register):
        known = read_register(register)
        if gateway not in known:
            raise fail(EXIT_USAGE, f"{register}: no gateway is called {gateway}")
        why = read_standings(store, gateway)[gateway].aside if store is not None else None
        if why == "":
            raise fail(EXIT_USAGE, f"{gateway} is not set aside")
        add_line(register, readmission_line(gateway, reason))
    fields = {"gateway": gateway, "was": why, "readmissions": known[gateway].readmissions + 1}
    show(fields, f"{register}: {gateway} is let in again", as_json=as_json)
