"""The statements that this gateway's chain continues with, in a file of the state folder.

    statements.jsonl    {"statement": hexadecimal, "receipt": hexadecimal or ""}

One line for each re-key or replacement, in the order in which they were made. The receipt is the one that
the chain was continued from: it shows which bodies the centre holds. This file is written before the
statement's key file, and a later statement may set aside what an earlier one began. So a line is in force
only where its key has signed the seal that it names, or is to sign the next one (`in_force`). Several may
be in force: a gateway without a connection may lose its keys twice.

Unreadable lines are skipped: the centre has the statement, or will require a new one.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from agent.sealing.recovery import Recovery
from agent.store.gateway import GatewayStore
from disk.files import read_plain
from disk.lines import append_line
from evidence.cbor import FormatError
from evidence.receipt import open_receipt
from evidence.seal import DOMAIN, parse_seal
from evidence.statement import Pending, Rekey, Replace, parse_statement

STATEMENTS_NAME: Final = "statements.jsonl"
STATEMENTS_BYTES_MAX: Final = 1 << 20
"""Hundreds of re-keys with their receipts; a gateway has one or two."""
REASON_LOST: Final = "keys or seals of this disk are lost"


class RekeyRefusedError(Exception):
    """The files do not fit this gateway, or nothing shows where its chain stands."""


@frozen
class Kept:
    """A statement, and the receipt that it continues from or b""."""

    raw: bytes
    receipt: bytes = b""

    @property
    def statement(self) -> Rekey | Replace:
        """The statement, decoded."""
        statement = parse_statement(self.raw).statement
        assert isinstance(statement, Rekey | Replace)
        return statement

    def has_signed(self, cose: bytes) -> bool:
        """Whether the statement's key has signed this seal, which has its number."""
        return parse_seal(cose)[1].holds(self.statement.next_key, DOMAIN)

    def is_next(self, recovery: Recovery) -> bool:
        """Whether the statement's key is to sign the next seal."""
        one = self.statement
        return (one.number, one.next_key) == (recovery.number, recovery.next_key)

    def held_up_to(self, centre_key: bytes) -> int:
        """The centre awaits no body up to this seal; 0 if not known."""
        try:
            return open_receipt(self.receipt, centre_key).bodies_up_to
        except FormatError:
            return 0


def keep(folder: Path, kept: Kept) -> None:
    """Add it; it is on the disk when this returns."""
    line = json.dumps({"statement": kept.raw.hex(), "receipt": kept.receipt.hex()}) + "\n"
    append_line(folder / STATEMENTS_NAME, line)


def read_statements(folder: Path) -> list[Kept]:
    """Every statement that can be read."""
    try:
        raw = read_plain(folder / STATEMENTS_NAME, STATEMENTS_BYTES_MAX)
        lines = raw.decode("ascii", "replace").splitlines()
    except OSError:
        return []
    return [kept for line in lines for kept in _read(line)]


def in_force(kept: Iterable[Kept], store: GatewayStore, recovery: Recovery) -> tuple[Pending, ...]:
    """What the centre must know to verify the seals that are here and the next one, in their order."""
    found: dict[int, Pending] = {}
    for one in kept:
        number = one.statement.number
        rows = store.headers(number, 1)
        signed = bool(rows) and rows[0].number == number and one.has_signed(rows[0].cose)
        if signed or one.is_next(recovery):
            found[number] = Pending(number, one.raw)
    return tuple(found[number] for number in sorted(found))


def _read(line: str) -> list[Kept]:
    try:
        known: Any = json.loads(line)
        kept = Kept(bytes.fromhex(known["statement"]), bytes.fromhex(known["receipt"]))
        statement = parse_statement(kept.raw).statement
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
    return [kept] if isinstance(statement, Rekey | Replace) else []
