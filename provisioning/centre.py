"""`dianjian centre`: the centre's own key and its register of gateways."""

import json
from pathlib import Path
from typing import TextIO

import click

from agent.centre.registry import RegistryError, read_registry, registry_line
from agent.evidence.keys import KeyFileError, create_key_file, load_key_file, public
from provisioning.exits import EXIT_USAGE, fail

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group("centre", short_help="the centre's own key and its register of gateways")
def command() -> None:
    """The centre's side of enrolment."""


@command.command("init")
@click.option("--key", required=True, type=_FILE, help="Key file to make; mode 0600.")
def init(key: Path) -> None:
    """Make the centre's key and print the public half, which every site file needs as centre_key."""
    try:
        secret = create_key_file(key)
    except FileExistsError as error:
        raise fail(EXIT_USAGE, f"{key}: is there already; a key is never overwritten") from error
    except OSError as error:
        raise fail(EXIT_USAGE, f"{key}: {error.strerror}") from error
    click.echo(json.dumps({"centre_key": public(secret).hex()}))


@command.command("key")
@click.option("--key", required=True, type=_FILE, help="Key file of the centre.")
def show(key: Path) -> None:
    """Print the public half of the centre's key again."""
    try:
        click.echo(json.dumps({"centre_key": public(load_key_file(key)).hex()}))
    except (KeyFileError, OSError) as error:
        raise fail(EXIT_USAGE, str(error)) from error


@command.command("enrol")
@click.option("--registry", required=True, type=_FILE, help="The register; made if it is not there.")
@click.argument("enrolment", type=click.File("r"), default="-")
def enrol(registry: Path, enrolment: TextIO) -> None:
    """Add a gateway: ENROLMENT is what `dianjian enrol` printed on it (a file, or - for input)."""
    try:
        entry = json.loads(enrolment.read())
        line = registry_line(entry["gateway"], bytes.fromhex(entry["first_key"]))
    except (ValueError, KeyError, TypeError) as error:
        raise fail(EXIT_USAGE, f"not an enrolment: {error!r}") from error
    before = registry.read_text("utf-8") if registry.exists() else ""
    draft = registry.with_name(registry.name + ".new")
    draft.write_text(before + ("" if line in before.splitlines(keepends=True) else line), "utf-8")
    try:
        known = read_registry(draft)
    except RegistryError as error:
        draft.unlink()
        raise fail(EXIT_USAGE, str(error)) from error
    draft.replace(registry)
    click.echo(f"{registry}: {len(known)} gateways")
