"""`dianjian person`: who of the plant may declare and answer, for the technician or the bureau to say."""

import time
from pathlib import Path
from typing import Final

import click

from agent.inbox import EntryError
from agent.site.file import ConfigError, load_site
from disk.help_page import HelpGroup
from evidence.words import Words
from provisioning.declaring.passwords import PasswordError, read_typed_password
from provisioning.declaring.persons import PersonsError, add_person, read_persons, remove_person
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.say import say, say_json
from provisioning.words.language import translate

CONFIG: Final = click.option(
    "--config", required=True, type=click.Path(path_type=Path), help="The site file of the agent."
)
AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
WORDS: Final = {
    "added": Words("{name}：可以申报和答复", "{name} may declare and answer"),
    "removed": Words("{name}：不能再申报和答复", "{name} may declare and answer no more"),
    "none": Words("尚未登记申报人：dianjian person add", "nobody may declare yet: dianjian person add"),
    "row": Words("{name}  {role}", "{name}  {role}"),
}


@click.group("person", cls=HelpGroup, short_help="who of the plant may declare and answer")
def command() -> None:
    """The persons of the plant, each with a password of its own."""


@command.command("add")
@CONFIG
@click.option("--role", default="", help="The post, such as environmental officer.")
@AS_JSON
@click.argument("name")
def add(config: Path, role: str, as_json: bool, name: str) -> None:
    """Let NAME declare; asks for the password, or reads a line of standard input."""
    state = find_state(config)
    try:
        add_person(state, name, role, read_typed_password(confirm=True), time.time_ns())
    except (PersonsError, PasswordError, EntryError) as error:
        raise fail(EXIT_USAGE, str(error)) from error
    _tell("added", name, role, as_json=as_json)


@command.command("remove")
@CONFIG
@AS_JSON
@click.argument("name")
def remove(config: Path, as_json: bool, name: str) -> None:
    """Let NAME declare no more; what was declared stays."""
    try:
        remove_person(find_state(config), name, time.time_ns())
    except (PersonsError, EntryError) as error:
        raise fail(EXIT_USAGE, str(error)) from error
    _tell("removed", name, "", as_json=as_json)


@command.command("list")
@CONFIG
@AS_JSON
def listing(config: Path, as_json: bool) -> None:
    """Who may declare."""
    try:
        known = read_persons(find_state(config))
    except PersonsError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    if as_json:
        say_json({"persons": [{"name": one.name, "role": one.role} for one in known]})
        return
    rows = [translate(WORDS["row"], name=one.name, role=one.role) for one in known]
    say(*(rows or [translate(WORDS["none"])]))


def find_state(config: Path) -> Path:
    """The state folder of the agent of a site file; ends the call where the file is wrong."""
    try:
        site = load_site(config)
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    return site.path(site.store.path)


def _tell(key: str, name: str, role: str, *, as_json: bool) -> None:
    if as_json:
        say_json({"name": name, "role": role, "state": key})
    else:
        say(translate(WORDS[key], name=name))
