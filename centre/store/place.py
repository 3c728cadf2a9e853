"""Where a store is, and the doors to it: a SQLite file by its path, a PostgreSQL database by its URL.

    postgresql://USER@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE
    postgresql:///DATABASE?host=/run/postgresql

The URL is libpq's (PostgreSQL 15, 34.1.1.2). A password in it would be seen by everybody who lists
processes, so it is refused: libpq reads one from the file that PGPASSFILE or `passfile=` names, or ~/.pgpass.
A server on another machine is spoken to by TLS that checks its name, as the broker is; so the URL names its
host, and no PGHOST of somebody's environment does.

PostgreSQL's driver is an extra of the package; nobody who has a file needs it.
"""

from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from attrs import frozen

from centre.store.contract import CentreStore
from centre.store.shared import SharedStore
from centre.store.sql import SqlStore
from centre.store.sqlite import SqliteStore
from disk.database import StoreError, add_suffix
from disk.snapshot import Snapshot, open_snapshot

SHELF: Final = ".files"
SCHEMES: Final = ("postgresql://", "postgres://")


class PlaceError(ValueError):
    """No URL of a store that may be used."""


@frozen
class Server:
    """A database of a server; `str` of it may be shown."""

    url: str

    def __str__(self) -> str:
        return self.url


Place = Path | Server


def parse_place(text: str) -> Place:
    """A URL of PostgreSQL, else a path.

    Raises:
        PlaceError: The URL has a password, no host or database, or no TLS to another machine.
    """
    if not text.startswith(SCHEMES):
        return Path(text)
    try:
        parts = urlsplit(text)
        hosts, options = _list_hosts(parts), parse_qs(parts.query, keep_blank_values=True)
        has_password = parts.password is not None or "password" in options
    except ValueError:
        raise PlaceError("is no URL of PostgreSQL; write postgresql://USER@HOST:PORT/DATABASE") from None
    if has_password:
        raise PlaceError(
            "has a password in it, which others can see: put it into a file, see libpq's passfile"
        )
    if not hosts:
        raise PlaceError("names no host; write ?host=/run/postgresql for the socket of this machine")
    if not (parts.path.strip("/") or options.get("dbname")):
        raise PlaceError("names no database; write postgresql://USER@HOST:PORT/DATABASE")
    if not all(map(_is_here, hosts)) and options.get("sslmode", [""])[-1] != "verify-full":
        raise PlaceError("is another machine: add ?sslmode=verify-full&sslrootcert=FILE")
    return Server(text)


def open_store(place: Place) -> CentreStore:
    """Open the store to write, or make it; raises StoreError."""
    if isinstance(place, Path):
        return SqliteStore(place)
    try:
        from centre.store.postgresql import PostgresqlStore  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise _lack(place, error) from error
    return PostgresqlStore(place.url)


def open_beside(place: Place) -> SqlStore:
    """The store, to give up bodies or put them back: of a server beside those who receive into it.

    Raises:
        SecondInstanceError: It is a file, which `dianjian subscribe` owns.
        StoreError: It cannot be opened.
    """
    if isinstance(place, Path):
        if not place.is_file():
            raise StoreError(f"{place}: no database is there")
        return SqliteStore(place)
    try:
        from centre.store.postgresql import BesideStore  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise _lack(place, error) from error
    return BesideStore(place.url)


def open_shared(place: Place, first: int, last: int) -> SharedStore:
    """Open the store for one of several verifiers; `first` and `last` slice are those that it asks for.

    Raises:
        StoreError: It cannot be opened, or is a file.
    """
    if isinstance(place, Path):
        raise StoreError(f"{place}: a file has one owner; several verifiers share a store of PostgreSQL")
    try:
        from centre.store.sliced import SlicedStore  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise _lack(place, error) from error
    return SlicedStore(place.url, first, last)


def open_to_read(place: Place) -> Snapshot:
    """The store as it is now, beside whoever writes it; raises StoreError."""
    if isinstance(place, Path):
        return open_snapshot(place)
    try:
        from centre.store.postgresql_connection import open_server_snapshot  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise _lack(place, error) from error
    return open_server_snapshot(place.url)


def find_shelf(place: Place, register: Path) -> Path:
    """The folder of files beside the chains: beside the store, for one of a server beside the register."""
    return add_suffix(place if isinstance(place, Path) else register, SHELF)


def _lack(place: Server, error: ImportError) -> StoreError:
    return StoreError(f"{place}: needs PostgreSQL's driver: pip install 'dianjian-edge[centre]' ({error})")


def _list_hosts(parts: SplitResult) -> list[str]:
    """All that the URL names."""
    options = parse_qs(parts.query)
    named = parts.netloc.rpartition("@")[2].split(",") + ",".join(
        options.get("host", []) + options.get("hostaddr", [])
    ).split(",")
    return [unquote(one) for one in named if one]


def _is_here(host: str) -> bool:
    """Whether it is a socket's folder or this machine, a port behind it or not."""
    name = host if host.startswith("/") else host.rpartition(":")[0] or host
    name = name.strip("[]")
    if name.startswith(("/", "@")) or name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
