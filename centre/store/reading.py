"""The centre's database read beside the subscriber that owns it: for receipts by hand, statements and export.

A reader holds no lock and changes nothing; it sees the last commit. What it reads was verified before it
came in, and statements stand in the order in which they were applied.
"""

from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from centre.store.archive import SHIFT
from centre.store.contract import UnknownGatewayError
from disk.database import reading
from evidence.chain import ChainState
from evidence.held import Held
from evidence.seal import NUMBER_MAX
from evidence.statement import Enrolment, Rekey, Replace, Revoke, parse_statement


@frozen
class Standing:
    """What the centre's database says of one gateway, read beside its owner."""

    state: ChainState
    held: Held
    receipt: bytes | None


def read_standing(path: Path, gateway: str) -> Standing:
    """Where the chain of `gateway` stands.

    Raises:
        StoreError: The database cannot be read, or does not know the gateway.
    """
    with reading(path) as connection:
        found = connection.execute(
            "SELECT state, held, receipt FROM gateways WHERE name = ?", (gateway,)
        ).fetchone()
    if found is None:
        raise UnknownGatewayError(f"{path}: nothing has come of gateway {gateway}")
    return Standing(ChainState.from_cbor(found[0]), Held.from_cbor(found[1]), found[2])


def read_export(path: Path, gateway: str) -> Iterator[bytes | tuple[bytes, bytes | None]]:
    """Everything of `gateway` in the order of an exported file: statements, and (cose, body) of each seal.

    Raises:
        StoreError: As `read_standing`.
    """
    with reading(path) as connection:
        known = connection.execute("SELECT id FROM gateways WHERE name = ?", (gateway,)).fetchone()
        if known is None:
            raise UnknownGatewayError(f"{path}: nothing has come of gateway {gateway}")
        waiting = connection.execute(
            "SELECT raw FROM statements WHERE gateway = ? ORDER BY id", known
        ).fetchall()
        parsed = [(parse_statement(raw).statement, raw) for (raw,) in waiting]
        yield from [raw for statement, raw in parsed if isinstance(statement, Enrolment)][-1:]
        later = [(_stands_after(one), raw) for one, raw in parsed if not isinstance(one, Enrolment)]
        base = known[0] * SHIFT
        rows = connection.execute(
            "SELECT at, cose, body FROM seals WHERE at BETWEEN ? AND ? ORDER BY at", (base, base + NUMBER_MAX)
        )
        for at, cose, body in rows:
            while later and later[0][0] < at - base:
                yield later.pop(0)[1]
            yield cose, body
        yield from (raw for _, raw in later)


def _stands_after(statement: Rekey | Replace | Revoke) -> int:
    return statement.number if isinstance(statement, Revoke) else statement.number - 1
