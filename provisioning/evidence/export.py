"""`dianjian export`: a gateway's or the centre's stored chain as one file for `dianjian verify`."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import click

from agent.sealing.statements import read_statements
from agent.store.gateway import read_seals
from agent.store.names import DATABASE_NAME
from centre.store.place import Place
from centre.store.reading import has_given_up, read_export
from disk.database import StoreError
from disk.files import open_output
from disk.translation import translate_message
from evidence.cbor import FormatError
from evidence.pack.export import ExportedSeal, Item, write_chain
from evidence.seal import FIRST_NUMBER, peek_header
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.paths import FORCE, NEW_FILE
from provisioning.terminal.say import say
from provisioning.terminal.store_option import store_option


@click.command("export", short_help="write a stored chain to a file")
@click.option("--state", type=click.Path(file_okay=False, path_type=Path), help="State folder of a gateway.")
@store_option("The centre's database.")
@click.option("--gateway", metavar="NAME", help="Which gateway, of the centre's database.")
@FORCE
@click.argument("file", type=NEW_FILE)
def command(state: Path | None, store: Place | None, gateway: str | None, file: Path) -> None:
    """Write a chain to FILE: a gateway's own (--state), or what the centre holds (--store, --gateway).

    The centre's has the enrolment and every statement about keys in it, so the centre's public key is enough
    to check it. Whoever owns the database is not disturbed.
    """
    if (state is None) == (store is None) or (store is None) != (gateway is None):
        raise fail(EXIT_USAGE, "give either --state, or --store and --gateway")
    try:
        if state is not None:
            name, items = _of_gateway(state)
        else:
            assert store is not None
            assert gateway is not None
            name, items = _of_centre(store, gateway)
        with open_output(file) as output:
            written = write_chain(output, name, items)
    except StoreError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    except FormatError as error:
        raise fail(EXIT_USAGE, f"{store}: {error}") from error
    except OSError as error:
        raise fail(EXIT_USAGE, f"{file}: {error.strerror}") from error
    say(translate_message(f"{file}: {written} seals, {file.stat().st_size} bytes"))
    if store is not None and has_given_up(store):
        say(
            translate_message(
                f"{file}: readings of archived months are not in it, see the files of the archive"
            )
        )


def _of_gateway(state: Path) -> tuple[str, Iterator[Item]]:
    database = state / DATABASE_NAME
    if not database.exists():
        raise fail(EXIT_USAGE, f"{database}: no chain is there; name the state folder of the agent")
    seals = read_seals(database)
    first = next(seals, None)
    if first is None:
        raise fail(EXIT_NO, f"{database}: holds no seal yet")
    if first.number != FIRST_NUMBER:
        text = f"seals before {first.number} were pruned on receipts or are lost; ask the centre"
        raise fail(EXIT_NO, f"{database}: {text}")
    # Of two statements for one seal the later one counts.
    stated = {kept.statement.number: kept for kept in read_statements(state)}

    def exported() -> Iterator[Item]:
        for seal in chain([first], seals):
            if seal.number in stated and stated[seal.number].has_signed(seal.cose):
                yield stated[seal.number].raw
            yield ExportedSeal(seal.cose, seal.body)

    return peek_header(first.cose).gateway, exported()


def _of_centre(store: Place, gateway: str) -> tuple[str, Iterator[Item]]:
    if isinstance(store, Path) and not store.exists():
        raise fail(EXIT_USAGE, f"{store}: no database is there; it is what `dianjian subscribe` keeps")
    items = read_export(store, gateway)
    first = next(items, None)
    if first is None:
        raise fail(EXIT_NO, f"{store}: nothing of gateway {gateway} is held yet")

    def exported() -> Iterator[Item]:
        for item in chain([first], items):
            yield item if isinstance(item, bytes) else ExportedSeal(*item)

    return gateway, exported()
