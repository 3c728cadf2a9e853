"""`dianjian centre list`: the register for a person or a script."""

import json
from pathlib import Path
from typing import Any, Final

import click

from centre.enrolment.ledger import Ledger, OfficeError
from centre.register import Entry, RegisterError, read_register
from centre.store.contract import UnknownGatewayError
from centre.store.reading import read_standing
from disk.database import StoreError
from evidence.cbor import FormatError
from evidence.moments import iso_utc
from evidence.statement import NO_KEY, Enrolment, Rekey, Replace, Revoke, parse_statement
from provisioning.centre.chain import AS_JSON, FILE, REGISTER, recovery_key_of
from provisioning.centre.office import FOLDER, office_at
from provisioning.terminal.exits import EXIT_USAGE, fail
from wire.enrolment.certificates import parse_certificate
from wire.enrolment.token import short_code

_WORDS: Final = {Rekey: "rekey", Replace: "replace", Revoke: "revoke"}


@click.command("list")
@REGISTER
@click.option("--store", type=FILE, help="The subscriber's database, to tell where each chain stands.")
@click.option("--authority", type=FOLDER, help="The office's folder, to tell tokens and certificates.")
@AS_JSON
def listing(register: Path, store: Path | None, authority: Path | None, as_json: bool) -> None:
    """Show the gateways of the register, and what was signed about each."""
    try:
        known = read_register(register) if register.exists() or authority is None else {}
        told = [_plain(entry, store) for entry in known.values()]
        if authority is not None:
            told = _with_certificates(told, office_at(authority).ledger)
    except (RegisterError, StoreError, FormatError, OfficeError) as error:
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


def _with_certificates(told: list[dict[str, Any]], ledger: Ledger) -> list[dict[str, Any]]:
    """What the office knows of each gateway, and gateways that only the office knows."""
    with ledger.locked() as known:
        requests, given = list(known.requests.values()), list(known.certificates.values())
        tokens = list(known.tokens.values())
    held = [one.gateway for one in tokens] + [one.gateway for one in requests]
    names = dict.fromkeys([one["gateway"] for one in told] + held)
    lines = {one["gateway"]: one for one in told}
    for name in names:
        valid = [one for one in given if one.gateway == name and one.revoked_utc_ms is None]
        ends = max((parse_certificate(one.der).ends_utc_ms for one in valid), default=None)
        waiting = [one for one in requests if one.gateway == name and not one.certificate and not one.word]
        lines[name] = {
            **lines.get(name, {"gateway": name, "site": None, "enrolled_at": None}),
            "certificate_ends_at": None if ends is None else iso_utc(ends),
            "certificates_revoked": sum(1 for one in given if one.gateway == name) - len(valid),
            "waiting": [short_code(one.csr) for one in waiting],
            "tokens_unused": sum(1 for one in tokens if one.gateway == name and one.used_by is None),
        }
    return list(lines.values())


def _number(gateway: str, store: Path) -> int | None:
    try:
        return read_standing(store, gateway).state.number
    except UnknownGatewayError:
        return None


def _line(told: dict[str, Any]) -> str:
    words = [
        f"enrolled {told['enrolled_at']}" if told["enrolled_at"] else "no signed enrolment",
        *([f"meters: {told['meters'] or 0}"] if "meters" in told else []),
        *(["recovery key" if told["recovery_key"] else "no recovery key"] if "recovery_key" in told else []),
        *(f"{one['what']} at {one['number']}" for one in told.get("statements", ())),
        *([f"seal {told['number'] or 0}"] if "number" in told else []),
        *(["REVOKED"] if told.get("revoked") else []),
        *([f"certificate until {told['certificate_ends_at']}"] if told.get("certificate_ends_at") else []),
        *(f"waits for approval, code {code}" for code in told.get("waiting", ())),
        *([f"unused tokens: {told['tokens_unused']}"] if told.get("tokens_unused") else []),
    ]
    return f"{told['gateway']}  {told['site'] or '-'}  " + ", ".join(words)
