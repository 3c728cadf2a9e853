"""`dianjian centre list`: the register for a person or a script."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from centre.enrolment.ledger import Ledger
from centre.register import Entry, read_register
from centre.store.place import Place
from centre.store.reading import Standing, read_standings
from disk.translation import translate_message
from evidence.moments import iso_utc
from evidence.statement import NO_KEY, Enrolment, Rekey, Replace, Revoke, parse_statement
from provisioning.centre.chain import recovery_key_of
from provisioning.centre.options import AS_JSON, FOLDER, REGISTER, failing_in_one_line, office_at
from provisioning.terminal.say import say, say_json
from provisioning.terminal.store_option import store_option
from wire.enrolment.certificates import parse_certificate
from wire.enrolment.token import short_code

_NAMES: Final = {Rekey: "rekey", Replace: "replace", Revoke: "revoke"}


@click.command("list")
@REGISTER
@store_option("The subscriber's database, to show where each chain stands.")
@click.option("--authority", type=FOLDER, help="The office's folder, to show tokens and certificates.")
@AS_JSON
def listing(register: Path, store: Place | None, authority: Path | None, as_json: bool) -> None:
    """Show the gateways of the register, and what was signed about each."""
    with failing_in_one_line(store):
        known = read_register(register) if register.exists() or authority is None else {}
        standings = None if store is None else read_standings(store)
        rows = [_to_row(entry, standings) for entry in known.values()]
        if authority is not None:
            rows = _add_certificates(rows, office_at(authority).ledger)
    if as_json:
        say_json(rows)
    else:
        say(*map(_to_line, rows))


def _to_row(entry: Entry, standings: Mapping[str, Standing] | None) -> dict[str, Any]:
    enrolment = parse_statement(entry.enrolment).statement if entry.enrolment else None
    statements = [parse_statement(raw).statement for raw in entry.statements]
    row: dict[str, Any] = {
        "gateway": entry.gateway,
        "first_key": entry.first_key.hex(),
        "recovery_key": recovery_key_of(entry).hex() if recovery_key_of(entry) != NO_KEY else None,
        "site": enrolment.site if isinstance(enrolment, Enrolment) else None,
        "enrolled_at": iso_utc(enrolment.centre_utc_ms) if isinstance(enrolment, Enrolment) else None,
        "meters": len(enrolment.meters) if isinstance(enrolment, Enrolment) else None,
        "statements": [
            {"what": _NAMES[type(one)], "number": one.number, "at": iso_utc(one.utc_ms), "reason": one.reason}
            for one in statements
            if not isinstance(one, Enrolment)
        ],
    }
    changes = [one for one in statements if isinstance(one, Replace | Revoke)]
    row["revoked"] = bool(changes) and isinstance(changes[-1], Revoke)
    if standings is not None:
        standing = standings.get(entry.gateway)
        row["number"] = None if standing is None else standing.state.number
        row["set_aside"] = (standing.aside or None) if standing is not None else None
    return row


def _add_certificates(rows: list[dict[str, Any]], ledger: Ledger) -> list[dict[str, Any]]:
    """Add the office's data to each gateway, and gateways that only the office knows."""
    with ledger.locked() as known:
        requests, given = list(known.requests.values()), list(known.certificates.values())
        tokens = list(known.tokens.values())
    held = [one.gateway for one in tokens] + [one.gateway for one in requests]
    names = dict.fromkeys([one["gateway"] for one in rows] + held)
    lines = {one["gateway"]: one for one in rows}
    for name in names:
        valid = [one for one in given if one.gateway == name and one.revoked_utc_ms is None]
        ends = max((parse_certificate(one.der).ends_utc_ms for one in valid), default=None)
        waiting = [r for r in requests if r.gateway == name and not r.certificate and not r.decision]
        lines[name] = {
            **lines.get(name, {"gateway": name, "site": None, "enrolled_at": None}),
            "certificate_ends_at": None if ends is None else iso_utc(ends),
            "certificates_revoked": sum(1 for one in given if one.gateway == name) - len(valid),
            "waiting": [short_code(one.csr) for one in waiting],
            "tokens_unused": sum(1 for one in tokens if one.gateway == name and one.used_by is None),
        }
    return list(lines.values())


def _to_line(row: dict[str, Any]) -> str:
    parts = [
        f"enrolled {row['enrolled_at']}" if row["enrolled_at"] else "no signed enrolment",
        *([f"meters: {row['meters'] or 0}"] if "meters" in row else []),
        *(["recovery key" if row["recovery_key"] else "no recovery key"] if "recovery_key" in row else []),
        *(f"{one['what']} at {one['number']}" for one in row.get("statements", ())),
        *([f"seal {row['number'] or 0}"] if "number" in row else []),
        *(["REVOKED"] if row.get("revoked") else []),
        *([f"SET ASIDE: {row['set_aside']}"] if row.get("set_aside") else []),
        *([f"certificate until {row['certificate_ends_at']}"] if row.get("certificate_ends_at") else []),
        *(f"waits for approval, code {code}" for code in row.get("waiting", ())),
        *([f"unused tokens: {row['tokens_unused']}"] if row.get("tokens_unused") else []),
    ]
    return f"{row['gateway']}  {row['site'] or '-'}  " + ", ".join(map(translate_message, parts))
