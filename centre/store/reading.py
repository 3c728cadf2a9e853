"""The centre's store read beside the subscriber that writes it: for evidence, export and verbs by hand.

A reader holds no lock and changes nothing; it sees one moment, that of the last commit. Everything was
verified before it was stored; statements are in the order in which they were applied.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Final

from attrs import frozen

from centre.gateway.budget import Account
from centre.store.contract import UnknownGatewayError, number_of
from centre.store.journal import SHIFT, SqlJournal
from centre.store.place import Place, open_to_read
from disk.database import StoreError
from disk.snapshot import Snapshot
from evidence import cbor
from evidence.archive import Archive
from evidence.chain import ChainState
from evidence.held import Held
from evidence.seal import FIRST_NUMBER
from evidence.statement import Replace, Revoke, parse_statement

GIVEN_UP: Final = "given up"
"""In `cursors`: bodies of closed months were given up, and lie in the files of the archive."""

ARCHIVED: Final = "archived"
"""In `cursors`: the last month that was archived as a whole, as year * 100 + month."""


@frozen
class Standing:
    """Where the chain of one gateway stands, and which of its bodies are held; `aside` as in Account."""

    state: ChainState
    held: Held
    aside: str = ""


def read_standings(place: Place, gateway: str = "") -> dict[str, Standing]:
    """Every gateway's standing, or that of `gateway` alone.

    Raises:
        StoreError: The database is missing or cannot be read.
        UnknownGatewayError: It does not know `gateway`.
    """
    with closing(open_to_read(place)) as snapshot:
        account = "account" if snapshot.has("gateways", "account") else "NULL"  # not in an older file
        sql = f"SELECT name, state, held, {account} FROM gateways WHERE ? IN ('', name) ORDER BY id"  # noqa: S608
        found = {
            name: Standing(
                ChainState.from_cbor(state),
                Held.from_cbor(held),
                "" if account is None else Account.from_cbor(account).aside,
            )
            for name, state, held, account in snapshot.read(sql, (gateway,))
        }
        if gateway and not found:
            raise _unknown(place, gateway, snapshot)
    return found


def open_centre(place: Place, gateway: str) -> Archive:
    """What the centre holds of `gateway`.

    Raises:
        StoreError, UnknownGatewayError: As `read_standings`.
    """
    snapshot = open_to_read(place)
    try:
        sql = "SELECT id, first_key, state, held FROM gateways WHERE name = ?"
        found = snapshot.read(sql, (gateway,))
        if not found:
            raise _unknown(place, gateway, snapshot)  # noqa: TRY301
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
            has_given_up=snapshot.has("cursors") and bool(SqlJournal(snapshot.read).place_of(GIVEN_UP)),
            snapshot=snapshot,
            key="at",
            offset=id_ * SHIFT,
        )
    except BaseException as error:
        snapshot.close()
        if isinstance(error, cbor.FormatError):
            raise StoreError(f"{place}: what is known of {gateway} cannot be read: {error}") from error
        raise


def has_given_up(place: Place) -> bool:
    """Whether bodies of closed months lie in the files of an archive; raises StoreError."""
    with closing(open_to_read(place)) as snapshot:
        return snapshot.has("cursors") and bool(SqlJournal(snapshot.read).place_of(GIVEN_UP))


def read_export(place: Place, gateway: str) -> Iterator[bytes | tuple[bytes, bytes | None]]:
    """Everything of `gateway` in the order of an exported file: statements, and (cose, body) of each seal.

    Raises:
        StoreError, UnknownGatewayError: As `read_standings`.
    """
    with closing(open_centre(place, gateway)) as archive:
        if archive.enrolment:
            yield archive.enrolment
        later = list(place_statements(archive.statements, archive.last))
        for row in archive.rows(FIRST_NUMBER, archive.last):
            while later and later[0][0] < row.number:
                yield later.pop(0)[1]
            yield row.cose, row.body
        yield from (raw for _, raw in later)


def place_statements(statements: Sequence[bytes], last: int) -> Iterator[tuple[int, bytes]]:
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


def _unknown(place: Place, gateway: str, snapshot: Snapshot) -> UnknownGatewayError:
    names = ", ".join(sorted(name for (name,) in snapshot.read("SELECT name FROM gateways"))) or "none"
    return UnknownGatewayError(f"{place}: nothing has come of gateway {gateway}; known: {names[:200]}")


def _read_statements(snapshot: Snapshot, gateway: int) -> list[tuple[int, bytes]]:
    """Number and bytes of what was applied; a file of an older program has no such table."""
    sql = "SELECT number, raw FROM statements WHERE gateway = ? ORDER BY id"
    return snapshot.read(sql, (gateway,)) if snapshot.has("statements") else []
