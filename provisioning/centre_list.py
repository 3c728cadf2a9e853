"""`dianjian centre list`: the register for a person or a script."""

import json
from pathlib import Path
from typing import Any, Final

import click

from agent.centre.lines import iso_utc
from agent.centre.registry import Entry, RegistryError, read_register
from agent.evidence.cbor import FormatError
from agent.evidence.statement import NO_KEY, Enrolment, Rekey, Replace, Revoke, parse_statement
from agent.store.centre import UnknownGatewayError
from agent.store.centre_read import read_standing
from agent.store.database import StoreError
from provisioning.centre_chain import AS_JSON, FILE, REGISTER, recovery_key_of
from provisioning.exits import EXIT_USAGE, fail

_WORDS: Final = {Rekey: "rekey", Replace: "replace", Revoke: "revoke"}


@click.command("list")
@REGISTER
@click.option("--store", type=FILE, help="The subscriber's database, to tell where each chain stands.")
@AS_JSON
def listing(registry: Path, store: Path | None, as_json: bool) -> None:
    """Show the gateways of the register, and what was signed about each."""
    try:
        told = [_plain(entry, store) for entry in read_register(registry).values()]
    except (RegistryError, StoreError, FormatError) as error:
        raise fail(EXIT_USAGE, str(error)) from error
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else "\n".join(map(_line, told)))


def _plain(entry: Entry, store: Path | None) -> dict[str, Any]:
    enrolment = parse_statement(entry.enrolment).statement if entry.enrolment else None
    statements = [parse_statement(raw).statement for raw in entry.statements]
    told: dict[str, Any] = {
        "gateway": entry.gateway,
        "first_key": entry.first_key.hex(),
        "recovery_key": recovery_key_of(entry).hex() if recovery_key_of(entry) != NO_KEY else None,
        "site": enrolment.site if isinstance(enrolment, Enrolment) else None,
        "enrolled_at": iso_utc(enrolment.centre_utc_ms) if isinstance(enrolment, Enrolment) else None,
        "meters": len(enrolment.meters) if isinstance(enrolment, Enrolment) else None,
        "statements": [
            {"what": _WORDS[type(one)], "number": one.number, "at": iso_utc(one.utc_ms), "reason": one.reason}
            for one in statements
            if not isinstance(one, Enrolment)
        ],
    }
    changes = [one for one in statements if isinstance(one, Replace | Revoke)]
    told["revoked"] = bool(changes) and isinstance(changes[-1], Revoke)
    if store is not None:
        told["number"] = _number(entry.gateway, store)
    return told


def _number(gateway: str, store: Path) -> int | None:
    try:
        return read_standing(store, gateway).state.number
    except UnknownGatewayError:
        return None


def _line(told: dict[str, Any]) -> str:
    words = [
        f"enrolled {told['enrolled_at']}" if told["enrolled_at"] else "no signed enrolment",
        f"meters: {told['meters'] or 0}",
        "recovery key" if told["recovery_key"] else "no recovery key",
        *(f"{one['what']} at {one['number']}" for one in told["statements"]),
        *([f"seal {told['number'] or 0}"] if "number" in told else []),
        *(["REVOKED"] if told["revoked"] else []),
    ]
    return f"{told['gateway']}  {told['site'] or '-'}  " + ", ".join(words)
