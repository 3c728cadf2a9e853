"""`dianjian identify`: the model of the meter at an address, how sure that is, and why. Reads only."""

from pathlib import Path
from typing import Any, Final

import click

from disk.plain_text import one_line
from drivers.clock import SystemClock
from drivers.dlt645.bus import Dlt645Bus
from drivers.errors import BusDownError, ModelError
from drivers.link.verdict import UNIT_ID_MAX
from drivers.points.model import Model, load, load_file, names
from drivers.points.model_text import model_text
from drivers.poll.bus import MeterBus
from drivers.search.identify import Identification, Match, identify, list_first_reads, probe
from drivers.search.sunspec import METERS_MAX
from drivers.search.sunspec import NAME as SUNSPEC
from provisioning.meters.access import HANGS_UP
from provisioning.meters.bus_option import RECORD, REPLAY, meter_bus
from provisioning.meters.words import WORDS
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail, write_or_fail
from provisioning.terminal.paths import FORCE, NEW_FILE
from provisioning.terminal.say import say, say_json
from provisioning.terminal.show import console, progress
from provisioning.words.findings import describe_losses, describe_reason
from provisioning.words.language import translate
from provisioning.words.points import describe_model

MATCHES_SHOWN: Final = 3
"""A person compares two or three; `--json` has all."""


@click.command("identify", short_help="name the model of a meter, with reasons")
@click.argument("url", required=False)
@click.option(
    "--unit",
    "unit_id",
    type=click.IntRange(0, UNIT_ID_MAX),
    default=1,
    show_default=True,
    help="The meter's address on the bus; 0 and 255 over TCP.",
)
@click.option(
    "--meter",
    "number",
    type=click.IntRange(1, METERS_MAX),
    help="Which meter of a SunSpec device --model-file is for.  [default: 1]",
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
    type=NEW_FILE,
    help="Write the best model here, for the site file; for SunSpec with the registers found.",
)
@RECORD
@FORCE
@REPLAY
def command(
    url: str | None,
    unit_id: int,
    number: int | None,
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
    with meter_bus(url, record, replay, hasty=True) as bus:
        if isinstance(bus, Dlt645Bus):
            raise fail(EXIT_USAGE, translate(WORDS["of dlt645"], url=bus.url))
        found = _identify(bus, unit_id, models)
    if as_json:
        say_json(_as_json(unit_id, found))
    elif found.matches:
        for line in _list_lines(found):
            console().print(one_line(line), soft_wrap=True, markup=False)
    if not found.matches and found.turned:
        _end_turned(found.turned, bus.url, unit_id, model_file)
        return
    if not found.matches:
        key = "too poor" if found.is_too_poor else "none fits"
        text = translate(WORDS[key], unit=unit_id, losses=describe_losses(found.losses))
        raise fail(EXIT_NO, f"{bus.url}: {text}")
    if model_file is not None:
        _write(model_file, _choose(found, number, bus.url, unit_id).model)


def _end_turned(turned: tuple[Model, ...], url: str, unit_id: int, path: Path | None) -> None:
    """Say which models fit with their words turned, and write the best; without a file that is a failure."""
    names_ = ", ".join(model.name.removesuffix("-turned") for model in turned[:MATCHES_SHOWN])
    text = f"{url}: {translate(WORDS['words turned'], unit=unit_id, models=names_)}"
    if path is None:
        raise fail(EXIT_NO, text)
    say(text, err=True)
    _write(path, turned[0])


def _choose(found: Identification, number: int | None, url: str, unit_id: int) -> Match:
    meters = found.meters
    chosen = next((match for match in meters if (match.meter or 1) == (number or 1)), None)
    if chosen is None:
        text = translate(WORDS["no such meter"], unit=unit_id, count=len(meters), number=number)
        raise fail(EXIT_NO, f"{url}: {text}")
    return chosen


def _identify(bus: MeterBus, unit_id: int, models: list[Model]) -> Identification:
    """What `identify` found; raises BusDownError."""
    life = probe(bus, unit_id, first_reads=list_first_reads(models))
    if life.how == "hung_up":
        raise BusDownError(HANGS_UP)
    if not life or life.how == "busy":
        key = "always busy" if life else "no answer"
        raise fail(EXIT_NO, f"{bus.url}: {translate(WORDS[key], unit=unit_id)}")
    with progress() as bar:
        task = bar.add_task("", total=len(models) + 1)

        def note(name: str) -> None:
            bar.update(task, advance=1, description=name)

        return identify(bus, unit_id, models, SystemClock(), note, life.control)


def _as_json(unit_id: int, found: Identification) -> dict[str, Any]:
    losses = found.losses
    return {
        "unit_id": unit_id,
        "matches": [match_json(match) for match in found.matches],
        "requests": {"asked": losses.asked, "lost": losses.lost, "busy": losses.busy},
        "too_poor": found.is_too_poor,
        "unjudged": list(found.unjudged),
        "turned": [model.name for model in found.turned],
    }


def match_json(match: Match) -> dict[str, Any]:
    """A match for scripts; its reasons as codes and as sentences."""
    return {
        "model": match.model.name,
        "maker": match.model.maker,
        "title": match.model.title,
        "certain": match.certain,
        "confidence": round(match.confidence, 3),
        "score": match.score,
        "meter": match.meter,
        "serial": match.serial,
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


def _list_lines(found: Identification) -> list[str]:
    meters = found.meters
    numbered = [match for match in meters if match.meter]
    if len(numbered) > 1:
        return [line for match in numbered for line in _describe(match, is_first=False)]
    lines = []
    for match in found.matches[:MATCHES_SHOWN]:
        lines += _describe(match, is_first=match is found.matches[0])
    rest = [match.model.name for match in found.matches[MATCHES_SHOWN:]]
    lines += [f"      {translate(WORDS['also possible'])} {', '.join(rest)}"] if rest else []
    return lines


def _describe(match: Match, *, is_first: bool) -> list[str]:
    sure = translate(WORDS["certain" if match.certain else "guessed"])
    title = translate(describe_model(match.model))
    lines = [f"{match.confidence:4.0%}  {match.model.name}  {title}  ({sure})"]
    if match.meter:
        words = translate(WORDS["meter of device"], number=match.meter)
        how = translate(WORDS["read it as"], choice=f"{SUNSPEC}:{match.meter}")
        lines.append(f"      {words}: {match.serial or '-'}; {how}")
    if match.alike:
        lines.append(f"      {translate(WORDS['alike'])} {', '.join(match.alike)}")
    if is_first or match.alike:
        lines += [f"    {'+' if one.weight >= 0 else '-'} {describe_reason(one)}" for one in match.reasons]
    return lines


def _write(path: Path, model: Model) -> None:
    write_or_fail(path, model_text(model).encode())
    say(f"{path}: {model.name}, {len(model.points)} points", err=True)
