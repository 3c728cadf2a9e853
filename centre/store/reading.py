"""The centre's SQLite file read beside the subscriber that owns it: for evidence, export and verbs by hand.

A reader holds no lock and changes nothing; it sees one moment, that of the last commit. Everything was
verified before it was stored; statements are in the order in which they were applied.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from attrs import frozen

from centre.gateway.budget import Account
from centre.store.contract import UnknownGatewayError, number_of
from centre.store.journal import SHIFT
from disk.database import StoreError
from disk.snapshot import Snapshot, open_snapshot
from evidence import cbor
from evidence.archive import Archive
from evidence.chain import ChainState
from evidence.held import Held
from evidence.seal import FIRST_NUMBER
from evidence.statement import Replace, Revoke, parse_statement


@frozen
class Standing:
    """Where the chain of one gateway stands, and which of its bodies are held; `aside` as in Account."""

    state: ChainState
    held: Held
    aside: str = ""


def read_standings(path: Path, gateway: str = "") -> dict[str, Standing]:
    """Every gateway's standing, or that of `gateway` alone.

    Raises:
        StoreError: The database is missing or cannot be read.
        UnknownGatewayError: It does not know `gateway`.
    """
    with closing(open_snapshot(path)) as snapshot:
        known = snapshot.read("SELECT 1 FROM pragma_table_info('gateways') WHERE name = 'account'")
        account = "account" if known else "NULL"  # a file of an older program has no such column
        sql = f"SELECT name, state, held, {account} FROM gateways WHERE ?1 IN ('', name)"  # noqa: S608
        found = {
            name: Standing(
                ChainState.from_cbor(state),
                Held.from_cbor(held),
                "" if account is None else Account.from_cbor(account).aside,
            )
            for name, state, held, account in snapshot.read(sql, (gateway,))
        }
        if gateway and not found:
            raise _unknown(path, gateway, snapshot)
    return found


def open_centre(path: Path, gateway: str) -> Archive:
    """What the centre holds of `gateway`.

    Raises:
        StoreError, UnknownGatewayError: As `read_standings`.
    """
    snapshot = open_snapshot(path)
    try:
        sql = "SELECT id, first_key, state, held FROM gateways WHERE name = ?"
        found = snapshot.read(sql, (gateway,))
        if not found:
            raise _unknown(path, gateway, snapshot)  # noqa: TRY301
        id_, first_key, state, held = found[0]
        stated = _read_statements(snapshot, id_)
        tip = ChainState.from_cbor(state)
        return Archive(
            gateway=gateway,
            first=min(tip.number, FIRST_NUMBER),
            last=tip.number,
            first_key=first_key,
            enrolment=([b""] + [raw for number, raw in stated if number == 0])[-1],
            statements=tuple(raw for number, raw in stated if number),
            held=Held.from_cbor(held),
            tip=(tip.number, tip.hash) if tip.number else None,
            snapshot=snapshot,
            key="at",
            offset=id_ * SHIFT,
        )
    except BaseException as error:
        snapshot.close()
        if isinstance(error, cbor.FormatError):
            raise StoreError(f"{path}: what is known of {gateway} cannot be read: {error}") from error
        raise


def read_export(path: Path, gateway: str) -> Iterator[bytes | tuple[bytes, bytes | None]]:
    """Everything of `gateway` in the order of an exported file: statements, and (cose, body) of each seal.

    Raises:
        StoreError, UnknownGatewayError: As `read_standings`.
    """
    with closing(open_centre(path, gateway)) as archive:
        if archive.enrolment:
            yield archive.enrolment
        later = list(_place(archive.statements, archive.last))
        for row in archive.rows(FIRST_NUMBER, archive.last):
            while later and later[0][0] < row.number:
                yield later.pop(0)[1]
            yield row.cose, row.body
        yield from (raw for _, raw in later)


def _place(statements: Sequence[bytes], last: int) -> Iterator[tuple[int, bytes]]:
    """Each statement with the number of the seal that it stands behind in a file.

    A revocation stands behind the last seal that came before it, which may be later than the one that it
    names: it ends a chain until a replacement, so that is the seal before the next replacement, or the last.
    """
    for at, raw in enumerate(statements):
        if isinstance(parse_statement(raw).statement, Revoke):
            lifts = (parse_statement(later).statement for later in statements[at + 1 :])
            yield next((one.number - 1 for one in lifts if isinstance(one, Replace)), last), raw
        else:
            yield number_of(raw) - 1, raw


def _unknown(path: Path, gateway: str, snapshot: Snapshot) -> UnknownGatewayError:
    names = ", ".join(sorted(name for (name,) in snapshot.read("SELECT name FROM gateways"))) or "none"
    return UnknownGatewayError(f"{path}: nothing has come of gateway {gateway}; known: {names[:200]}")


def _read_statements(snapshot: Snapshot, gateway: int) -> list[tuple[int, bytes]]:
    """Number and bytes of what was applied; a file of an older program has no such table."""
    known = snapshot.read("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'statements'")
    sql = "SELECT number, raw FROM statements WHERE gateway = ? ORDER BY id"
    return snapshot.read(sql, (gateway,)) if known else []
