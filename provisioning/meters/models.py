"""`dianjian models`: the meter models that are known, and the check of a new one."""

from pathlib import Path
from typing import Any

import click

from disk.help_page import HelpGroup
from disk.translation import translate_message
from drivers.errors import ModelError
from drivers.points.model import Model, load, load_file, names
from provisioning.meters.models_page import replace_models
from provisioning.meters.words import WORDS
from provisioning.terminal.exits import EXIT_USAGE, fail, write_or_fail
from provisioning.terminal.say import say, say_json
from provisioning.terminal.show import console, table
from provisioning.words.language import translate
from provisioning.words.points import describe_model

_TITLE = 2
"""The column that is cut where the terminal is narrow: names are typed, titles only read."""


@click.group(
    "models", cls=HelpGroup, invoke_without_command=True, short_help="the meter models that are known"
)
@click.option("--json", "as_json", is_flag=True, help="A JSON list with every point.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the models."""
    if ctx.invoked_subcommand is not None:
        return
    known = [load(name) for name in names()]
    if as_json:
        say_json([_as_json(model) for model in known])
        return
    rows = [
        (
            model.name,
            model.maker,
            translate(describe_model(model)),
            str(len(model.points)),
            translate(WORDS[model.verified.value]),
        )
        for model in known
    ]
    headings = [translate(WORDS[key]) for key in ("model", "maker", "meter", "points", "verified")]
    console().print(table(headings, rows, gives_way=_TITLE))


@command.command("check")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def check(file: Path) -> None:
    """Validate a model FILE, one line a mistake."""
    try:
        model = load_file(file)
    except ModelError as error:
        raise fail(EXIT_USAGE, *error.problems) from error
    good = f"{file}: good: {model.name}, {len(model.points)} points, {len(model.goldens)} golden frames"
    say(translate_message(good))


@command.command("page")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def page(file: Path) -> None:
    """Write the tables of the shipped models into a document FILE, between its marks."""
    try:
        text = replace_models(file.read_text("utf-8"), [load(name) for name in names()])
    except ValueError as error:
        raise fail(EXIT_USAGE, f"{file}: {error}") from error
    write_or_fail(file, text.encode())


def _as_json(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "maker": model.maker,
        "title": model.title,
        "title_zh": model.title_zh,
        "verified": model.verified.value,
        "points": [
            {
                "name": point.name,
                "quantity": point.quantity.value,
                "function": point.function,
                "address": point.address,
                "count": point.count,
                "type": point.type.value,
            }
            for point in model.points
        ],
    }
