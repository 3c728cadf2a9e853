"""What the centre signs about an existing chain: re-key, replacement, revocation, and a receipt by hand.

Where a chain stands is read from the subscriber's database, beside the subscriber that owns it. If seals
arrive meanwhile, the subscriber refuses a statement for the earlier place, and it must be signed again.
"""

from pathlib import Path
from typing import Any

import click

from centre.answers import receipt_of
from centre.register import Entry, add_line, read_register, statement_line
from centre.store.place import Place
from centre.store.reading import read_standings
from disk.tables import parse_hex, parse_json
from evidence.cbor import FormatError
from evidence.keys import load_key_file
from evidence.moments import utc_ms
from evidence.statement import NO_KEY, Rekey, Replace, Revoke, parse_statement, sign_statement
from provisioning.centre.options import AS_JSON, INPUT, KEY, REGISTER, STORE, failing_in_one_line, show
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.paths import read_input
from provisioning.terminal.say import say_json


@click.command("receipt")
@KEY
@STORE
@AS_JSON
@click.argument("gateway")
def receipt(key: Path, store: Place, as_json: bool, gateway: str) -> None:
    """Print what the centre holds of GATEWAY as a signed receipt, for `dianjian-agent rekey --receipt`."""
    with failing_in_one_line(key):
        standing = read_standings(store, gateway)[gateway]
        raw = receipt_of(standing.state, standing.held, load_key_file(key), utc_ms())
    fields = {"gateway": gateway, "number": standing.state.number, "receipt": raw.hex()}
    show(fields, raw.hex(), as_json=as_json)


@click.command("rekey")
@REGISTER
@AS_JSON
@click.argument("file", type=INPUT, default="-")
def rekey(register: Path, as_json: bool, file: Path) -> None:
    """Take a re-key by hand: FILE is what `dianjian-agent rekey` printed (a file, or - for input)."""
    try:
        raw = parse_hex(parse_json(read_input(file))["statement"])
        parsed = parse_statement(raw)
    except (ValueError, TypeError, KeyError, FormatError) as error:
        raise fail(EXIT_USAGE, f"not a re-key: {error}") from error
    statement = parsed.statement
    if not isinstance(statement, Rekey):
        raise fail(EXIT_USAGE, "not a re-key: another statement")
    entry = _find_entry(register, statement.gateway)
    if not parsed.holds(recovery_key_of(entry)):
        raise fail(EXIT_USAGE, f"not a re-key: the recovery key of {statement.gateway} has not signed it")
    _add(register, entry, raw)
    fields = {"gateway": entry.gateway, "number": statement.number}
    show(fields, f"{register}: {entry.gateway} goes on at seal {statement.number}", as_json=as_json)


@click.command("replace")
@REGISTER
@KEY
@STORE
@click.option("--reason", default="new hardware", show_default=True, help="One sentence, part of the proof.")
@click.option(
    "--request", required=True, type=INPUT, help="What `dianjian enrol` printed on the new gateway."
)
@AS_JSON
@click.argument("gateway")
def replace(
    register: Path, key: Path, store: Place, reason: str, request: Path, as_json: bool, gateway: str
) -> None:
    """New hardware goes on as GATEWAY: print the file that `dianjian-agent install-replacement` takes."""
    del as_json  # the file is JSON in any case
    entry = _find_entry(register, gateway)
    with failing_in_one_line(key):
        standing, secret = read_standings(store, gateway)[gateway], load_key_file(key)
    try:
        wanted: Any = parse_json(read_input(request))
        if wanted["gateway"] != gateway:
            raise fail(EXIT_USAGE, f"the request is that of gateway {wanted['gateway']!s:.40}, not {gateway}")
        statement = Replace(
            gateway=gateway,
            number=standing.state.number + 1,
            previous=standing.state.hash,
            first_record=standing.state.next_record,
            next_key=parse_hex(wanted["first_key"]),
            recovery_key=parse_hex(wanted.get("recovery_key", "")) or NO_KEY,
            utc_ms=utc_ms(),
            reason=reason,
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise fail(EXIT_USAGE, f"not a request: {error}") from error
    if statement.next_key == entry.first_key:
        raise fail(EXIT_USAGE, f"{gateway}: the request has the key it was enrolled with, not a new one")
    with failing_in_one_line():
        raw = sign_statement(statement, secret)
    _add(register, entry, raw)
    held = receipt_of(standing.state, standing.held, secret, utc_ms())
    fields = {"gateway": gateway, "number": statement.number, "statement": raw.hex(), "receipt": held.hex()}
    say_json(fields)


def revoke_chain(register: Path, key: Path, store: Place, reason: str, gateway: str) -> dict[str, Any]:
    """Sign and store a revocation: no further seal of a gateway counts."""
    entry = _find_entry(register, gateway)
    with failing_in_one_line(key):
        state, secret = read_standings(store, gateway)[gateway].state, load_key_file(key)
        raw = sign_statement(Revoke(gateway, state.number, state.hash, utc_ms(), reason), secret)
    _add(register, entry, raw)
    return {"number": state.number, "statement": raw.hex()}


def recovery_key_of(entry: Entry) -> bytes:
    """The key that must sign a re-key now: the enrolled one, or that of the last replacement."""
    key = entry.recovery_key
    for raw in entry.statements:
        statement = parse_statement(raw).statement
        key = statement.recovery_key if isinstance(statement, Replace) else key
    return key


def _find_entry(register: Path, gateway: str) -> Entry:
    with failing_in_one_line():
        known = read_register(register)
    if gateway not in known:
        raise fail(EXIT_USAGE, f"{register}: gateway {gateway} is not enrolled")
    return known[gateway]


def _add(register: Path, entry: Entry, raw: bytes) -> None:
    if raw not in entry.statements:
        with failing_in_one_line(register):
            add_line(register, statement_line(entry.gateway, raw))
