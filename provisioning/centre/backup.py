"""`dianjian centre backup`, `restore` and `copy`: the store in another place; see `centre.store.copying`."""

import os
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import click

from centre.store.copying import copy_store
from centre.store.pieces import MOVED
from centre.store.place import Place, open_store, open_to_read
from centre.store.sql import SqlStore
from disk.database import CommitError, StoreError
from disk.lock import SecondInstanceError
from evidence.words import Words
from provisioning.centre.options import FILE, STORE
from provisioning.terminal import show
from provisioning.terminal.exits import EXIT_OUTSIDE, EXIT_USAGE, fail
from provisioning.terminal.say import say
from provisioning.terminal.store_option import StorePlace, store_option
from provisioning.words.language import translate

_TABLES: Final = frozenset(
    {
        "gateways",
        "seals",
        "forks",
        "statements",
        "journal",
        "cursors",
        "_sqlite_migrations",
        "sqlite_sequence",
    }
)
WORDS: Final = {
    "backup": Words(
        "{place}：新增 {count} 项，备份完整", "{place}: {count} more arrivals, the back-up is whole"
    ),
    "restore": Words(
        "{place}：已恢复 {count} 项；可用 dianjian subscribe --store {place} 继续接收",
        "{place}: {count} arrivals restored; dianjian subscribe --store {place} goes on with it",
    ),
    "copy": Words(
        "{place}：已迁入 {count} 项；请改用 dianjian subscribe --store {place}，旧库不再接收",
        "{place}: {count} arrivals moved; go on with dianjian subscribe --store {place}, the old store "
        "receives no more",
    ),
}


@click.command("backup", short_help="copy the store to a file, or bring that copy up to date")
@STORE
@click.argument("file", type=FILE)
def backup(store: Place, file: Path) -> None:
    """Copy the store to FILE, beside a running `subscribe`; a FILE of before takes what is new since.

    The other files of the centre (key, register, orders, office) are copied as they are.
    """
    say(translate(WORDS["backup"], place=file, count=_copy(store, file)))


@click.command("restore", short_help="make a store out of a back-up")
@store_option("The new store, which must be empty or not there.", required=True)
@click.argument("file", type=FILE)
def restore(store: Place, file: Path) -> None:
    """Make a store out of FILE, which `dianjian centre backup` wrote; FILE stays as it is.

    What came after the back-up the gateways send again, as far as their disks still have it.
    """
    say(translate(WORDS["restore"], place=store, count=_copy(file, store)))


@click.command("copy", short_help="move the store to another place, such as a server")
@STORE
@click.option("--to", required=True, type=StorePlace(), metavar="FILE|URL", help="The new place; empty.")
def copy(store: Place, to: Place) -> None:
    """Move the store, while no `subscribe` runs and the gateways wait; nothing that was receipted is lost.

    From then on `subscribe` refuses the old place. A call that was interrupted is repeated.
    """
    with ExitStack() as stack:
        old = _open(store, stack)
        count = _copy(store, to)
        try:
            old.set_mark(MOVED, 1)
        except CommitError as error:
            raise fail(EXIT_OUTSIDE, str(error)) from error
    say(translate(WORDS["copy"], place=to, count=count))


def _copy(source: Place, where: Place) -> int:
    """Copy, with progress; how many arrivals were new."""
    os.umask(0o077)  # it shows what plants do, and when
    if source == where or (isinstance(source, Path) and isinstance(where, Path) and _is_same(source, where)):
        raise fail(EXIT_USAGE, f"{where}: is the store itself; name another place")
    with ExitStack() as stack:
        try:
            open_to_read(source).close()
            if isinstance(where, Path) and where.exists():
                _refuse_other(where)
            target = _open(where, stack)
            progress = stack.enter_context(show.count_up(str(where)))
            return copy_store(source, target, where, progress)
        except StoreError as error:
            raise fail(EXIT_USAGE, str(error)) from error
        except CommitError as error:
            raise fail(EXIT_OUTSIDE, f"{error}; the same call goes on where it was") from error


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def _refuse_other(path: Path) -> None:
    """See that a file that is there is a store, or was killed while it became one; raises StoreError."""
    with closing(open_to_read(path)) as snapshot:
        names = {name for (name,) in snapshot.read("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not names <= _TABLES:
            raise StoreError(f"{path}: is no copy of a store; name a file that is not there yet")


def _open(place: Place, stack: ExitStack) -> SqlStore:
    """The store at `place`, owned."""
    try:
        store = open_store(place)
    except SecondInstanceError as error:
        raise fail(EXIT_OUTSIDE, f"{error}: stop dianjian subscribe first") from error
    except (StoreError, OSError) as error:
        raise fail(EXIT_OUTSIDE, str(error)) from error
    stack.enter_context(closing(store))
    assert isinstance(store, SqlStore)
    return store
