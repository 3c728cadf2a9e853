"""`dianjian centre`: the centre's own key and its register of gateways."""

import json
from pathlib import Path
from typing import TextIO

import click

from agent.centre.registry import RegistryError, read_registry, registry_line
from agent.evidence.chain import ChainState
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
        new = ChainState.enrolled(entry["gateway"], bytes.fromhex(entry["first_key"]))
    except KeyError as error:
        raise fail(EXIT_USAGE, f"not an enrolment: no {error.args[0]}") from error
    except (ValueError, TypeError) as error:
        raise fail(EXIT_USAGE, f"not an enrolment: {error}") from error
    try:
        known = read_registry(registry) if registry.exists() else {}
        if known.setdefault(new.gateway, new.first_key) != new.first_key:
            raise fail(EXIT_USAGE, f"{registry}: {new.gateway} is enrolled with another first key")
        draft = registry.with_name(registry.name + ".new")
        draft.write_text("".join(registry_line(*each) for each in known.items()), "utf-8")
        draft.replace(registry)
    except RegistryError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    except OSError as error:
        raise fail(EXIT_USAGE, f"{registry}: {error.strerror}") from error
    click.echo(f"{registry}: {len(known)} gateways")
