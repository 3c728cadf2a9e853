"""The statements that this gateway's chain goes on with, in a file of the state folder.

    statements.jsonl    {"statement": hexadecimal, "receipt": hexadecimal or ""}

One line for each re-key or replacement, in the order in which they were made; the last one counts. The
receipt is what the chain was continued from, where that was not on this disk: it says which bodies the
centre holds. The file is written before the key file of the statement is, so a line without its key
says something that never came true; the start goes by the keys.

Lines that cannot be read are passed by: the centre has the statement, or will ask for a new one.
"""

import json
import os
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from agent.evidence.cbor import FormatError
from agent.evidence.receipt import open_receipt
from agent.evidence.statement import Rekey, Replace, parse_statement
from agent.uplink.courier import Pending

STATEMENTS_NAME: Final = "statements.jsonl"


@frozen
class Kept:
    """A statement, and the receipt that it goes on from or b""."""

    raw: bytes
    receipt: bytes = b""

    @property
    def number(self) -> int:
        """The first seal under the statement's key."""
        return self._statement.number

    @property
    def utc_ms(self) -> int:
        """When it was made."""
        return self._statement.utc_ms

    @property
    def _statement(self) -> Rekey | Replace:
        statement = parse_statement(self.raw).statement
        assert isinstance(statement, Rekey | Replace)
        return statement

    def held_up_to(self, centre_key: bytes) -> int:
        """No body up to this seal is awaited by the centre; 0 where that is not known."""
        try:
            return open_receipt(self.receipt, centre_key).bodies_up_to
        except FormatError:
            return 0

    def pending(self) -> Pending:
        """For the courier."""
        return Pending(self.number, self.raw)


def keep(folder: Path, kept: Kept) -> None:
    """Add it; it is on the disk when this returns."""
    line = json.dumps({"statement": kept.raw.hex(), "receipt": kept.receipt.hex()}) + "\n"
    file = folder / STATEMENTS_NAME
    torn = file.exists() and not file.read_bytes().endswith(b"\n")
    with file.open("a", encoding="ascii") as stream:
        stream.write(("\n" if torn else "") + line)
        stream.flush()
        os.fsync(stream.fileno())


def kept_in(folder: Path) -> list[Kept]:
    """Every statement that can be read."""
    try:
        lines = (folder / STATEMENTS_NAME).read_text("ascii", "replace").splitlines()
    except OSError:
        return []
    return [kept for line in lines for kept in _read(line)]


def _read(line: str) -> list[Kept]:
    try:
        known: Any = json.loads(line)
        kept = Kept(bytes.fromhex(known["statement"]), bytes.fromhex(known["receipt"]))
        statement = parse_statement(kept.raw).statement
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
    return [kept] if isinstance(statement, Rekey | Replace) else []
