"""`dianjian identify`: the model of the meter at an address, how sure that is, and why. Reads only."""

import json
from pathlib import Path
from typing import Any, Final

import click

from drivers.clock import SystemClock
from drivers.errors import BusDownError, ModelError
from drivers.points.model import Model, load, load_file, names
from drivers.points.model_text import model_text
from drivers.poll.bus import MeterBus
from drivers.poll.meter import METER_UNIT_ID_MAX
from drivers.search.identify import Match, identify, probe
from provisioning.meters.words import WORDS
from provisioning.terminal.bus_option import RECORD, REPLAY, hasty_ledger, meter_bus
from provisioning.terminal.exits import EXIT_NO, EXIT_OUTSIDE, EXIT_USAGE, fail, write_or_fail
from provisioning.terminal.show import console, progress
from provisioning.words.findings import describe_reason
from provisioning.words.language import translate

MATCHES_SHOWN: Final = 3
"""A person compares two or three; `--json` has all."""


@click.command("identify", short_help="name the model of a meter, with reasons")
@click.argument("url", required=False)
@click.option(
    "--unit",
    "unit_id",
    type=click.IntRange(1, METER_UNIT_ID_MAX),
    default=1,
    show_default=True,
    help="The meter's address on the bus.",
)
@click.option(
    "--also",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    multiple=True,
    help="A model file to try beside the shipped ones.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object with every model that fits.")
@click.option(
    "--model-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the best model here, for the site file; for SunSpec with the registers found.",
)
@RECORD
@REPLAY
def command(
    url: str | None,
    unit_id: int,
    also: tuple[Path, ...],
    as_json: bool,
    model_file: Path | None,
    record: Path | None,
    replay: Path | None,
) -> None:
    """Name the model of the meter at URL by its identity registers, else by what its registers hold."""
    try:
        models = [*(load(name) for name in names()), *(load_file(path) for path in also)]
    except ModelError as error:
        raise fail(EXIT_USAGE, *error.problems) from error
    with meter_bus(url, record, replay, hasty_ledger()) as bus:
        matches = _identify(bus, unit_id, models)
    if as_json:
        found = {"unit_id": unit_id, "matches": [match_json(match) for match in matches]}
        click.echo(json.dumps(found, ensure_ascii=False))
    elif matches:
        console().print(_as_text(matches), soft_wrap=True)
    if not matches:
        raise fail(EXIT_NO, f"unit {unit_id} on {bus.url}: it answers, but none of the models fits")
    if model_file is not None:
        _write(model_file, matches[0].model)


def _identify(bus: MeterBus, unit_id: int, models: list[Model]) -> tuple[Match, ...]:
    try:
        if not probe(bus, unit_id):
            raise fail(EXIT_NO, f"unit {unit_id} on {bus.url}: no answer; try `dianjian scan`")
        with progress() as bar:
            task = bar.add_task("", total=len(models) + 1)

            def note(name: str) -> None:
                bar.update(task, advance=1, description=name)

            return identify(bus, unit_id, models, SystemClock(), note)
    except BusDownError as error:
        raise fail(EXIT_OUTSIDE, f"{bus.url}: {error}") from error


def match_json(match: Match) -> dict[str, Any]:
    """A match for scripts; its reasons as codes and as sentences."""
    return {
        "model": match.model.name,
        "maker": match.model.maker,
        "title": match.model.title,
        "certain": match.certain,
        "confidence": round(match.confidence, 3),
        "score": match.score,
        "alike": list(match.alike),
        "reasons": [
            {
                "code": reason.code.value,
                "about": reason.about,
                "value": reason.value,
                "expected": reason.expected,
                "weight": reason.weight,
                "text": describe_reason(reason),
            }
            for reason in match.reasons
        ],
    }


def _as_text(matches: tuple[Match, ...]) -> str:
    lines = []
    for match in matches[:MATCHES_SHOWN]:
        sure = translate(WORDS["certain" if match.certain else "guessed"])
        lines.append(f"{match.confidence:4.0%}  {match.model.name}  {match.model.title}  ({sure})")
        if match.alike:
            lines.append(f"      {translate(WORDS['alike'])} {', '.join(match.alike)}")
        if match is matches[0] or match.alike:
            lines += [
                f"    {'+' if one.weight >= 0 else '-'} {describe_reason(one)}" for one in match.reasons
            ]
    rest = [match.model.name for match in matches[MATCHES_SHOWN:]]
    lines += [f"      {translate(WORDS['also possible'])} {', '.join(rest)}"] if rest else []
    return "\n".join(lines)


def _write(path: Path, model: Model) -> None:
    write_or_fail(path, model_text(model).encode())
    click.echo(f"{path}: {model.name}, {len(model.points)} points", err=True)
