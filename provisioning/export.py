"""`dianjian export`: a gateway's or the centre's stored chain as one file for `dianjian verify`."""

from collections.abc import Iterator
from pathlib import Path

import click

from agent.build import DATABASE_NAME
from agent.evidence.export import ExportedSeal, write_chain
from agent.evidence.seal import FIRST_NUMBER, peek_header
from agent.store.database import StoreError
from agent.store.gateway import read_seals
from provisioning.exits import EXIT_NO, EXIT_USAGE, fail


@click.command("export", short_help="write a gateway's stored chain to a file")
@click.option(
    "--state", required=True, type=click.Path(file_okay=False, path_type=Path), help="State folder."
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def command(state: Path, file: Path) -> None:
    """Write the chain in the state folder to FILE; a running agent is not disturbed."""
    database = state / DATABASE_NAME
    if not database.exists():
        raise fail(EXIT_USAGE, f"{database}: no chain is there; name the state folder of the agent")
    try:
        seals = read_seals(database)
        first = next(seals, None)
        if first is None:
            raise fail(EXIT_NO, f"{database}: holds no seal yet")
        if first.number != FIRST_NUMBER:
            raise fail(
                EXIT_NO, f"{database}: seals before {first.number} were pruned on receipts; ask the centre"
            )

        def exported() -> Iterator[ExportedSeal]:
            yield ExportedSeal(first.cose, first.body)
            for seal in seals:
                yield ExportedSeal(seal.cose, seal.body)

        with file.open("wb") as stream:
            written = write_chain(stream, peek_header(first.cose).gateway, exported())
    except StoreError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    except OSError as error:
        raise fail(EXIT_USAGE, f"{file}: {error.strerror}") from error
    click.echo(f"{file}: {written} seals, {file.stat().st_size} bytes")
