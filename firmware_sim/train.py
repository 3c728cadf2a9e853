"""The verb `dianjian-sim train`: a works with hidden mistakes, its worksheet, and the score at the end.

It serves until ctrl-C or SIGTERM, then says what was hidden and what of it was found. With --json it prints
two lines: {"seed", "buses", "control", "worksheet"} when the works is served, and at the end {"points",
"most", "hidden"}.
"""

import json
import secrets
import signal
import sys
import threading
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

import click
from attrs import evolve

from disk.language import language
from disk.translation import translate_message
from drivers.clock import NS_PER_S, ScaledClock
from firmware_sim.language import Words
from firmware_sim.layout import BusKind
from firmware_sim.plant import Plant, load_plant
from firmware_sim.server import ServeError, Server
from firmware_sim.training import POINTS, Training, draw_training, score
from firmware_sim.training_words import WORDS

EXIT_FAILED: Final = 1
SETUP_NAME: Final = "setup.json"
SETUP_BYTES_MAX: Final = 16 * 1024 * 1024
"""As the journal of a setup (provisioning.journal.file)."""
SEEDS: Final = 10_000


@click.command()
@click.option("--seed", type=click.IntRange(0), help="The same number hides the same mistakes.")
@click.option(
    "--folder",
    default="training",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the works has its ports, and where you set it up.",
)
@click.option("--json", "as_json", is_flag=True, help="The worksheet and the score as a line of JSON each.")
def train(seed: int | None, folder: Path, *, as_json: bool) -> None:
    """Serve a works with hidden mistakes to set up, and say at the end what was found."""
    seed = secrets.randbelow(SEEDS) if seed is None else seed
    folder = folder.absolute()
    with as_file(files("firmware_sim.plants").joinpath("ten-meters.toml")) as file:
        training = draw_training(load_plant(file).layout, seed)
    links = folder / "ports"
    links.mkdir(parents=True, exist_ok=True)
    buses = tuple(
        evolve(bus, link=str(links / bus.id)) if bus.kind is BusKind.PTY else bus
        for bus in training.layout.buses
    )
    plant = Plant(evolve(training.layout, buses=buses))
    plant.supply(training.dead, is_on=False)
    _serve(training, plant, folder, language(), as_json=as_json)


def _serve(training: Training, plant: Plant, folder: Path, lang: str, *, as_json: bool) -> None:
    stop, socket = threading.Event(), folder / "plant.sock"
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with Server(plant, ScaledClock(1.0, int(plant.start_s * NS_PER_S)), socket) as server:
            places = {bus: _hide_settings(url) for bus, url in server.urls.items()}
            _print_begin(training, places, folder, socket, lang, as_json=as_json)
            stop.wait()
    except (ServeError, OSError) as error:
        click.echo(translate_message(str(error)), err=True)
        sys.exit(EXIT_FAILED)
    _print_end(training, plant, folder / SETUP_NAME, lang, as_json=as_json)


def _hide_settings(url: str) -> str:
    """A bus as a technician finds it: without its baud rate."""
    return url.partition("?")[0].removeprefix("rtu:")


def _print_begin(
    training: Training, places: dict[str, str], folder: Path, socket: Path, lang: str, *, as_json: bool
) -> None:
    rows = [one.text(lang) for one in training.worksheet]
    if as_json:
        begin = {"seed": training.seed, "buses": places, "control": str(socket), "worksheet": rows}
        click.echo(json.dumps(begin, ensure_ascii=False))
        return
    count, lines = len(training.hidden), ", ".join(one.id for one in training.layout.lines)
    buses = " ".join(places.values())
    _say(WORDS["begins"], lang, seed=training.seed, count=count, folder=folder, buses=buses)
    for row in rows:
        click.echo(row)
    _say(WORDS["hands"], lang, socket=socket, lines=lines)
    _say(WORDS["ends"], lang)


def _print_end(training: Training, plant: Plant, file: Path, lang: str, *, as_json: bool) -> None:
    setup = _read_setup(file)
    ends = score(training, setup, plant.rewired)
    points, most = sum(POINTS[end] for end in ends), POINTS["done"] * len(ends)
    if as_json:
        rows = [
            {"kind": one.kind, "meters": one.meters, "ended": end, "text": one.words.text(lang)}
            for one, end in zip(training.hidden, ends, strict=True)
        ]
        click.echo(json.dumps({"points": points, "most": most, "hidden": rows}, ensure_ascii=False))
        return
    if not setup:
        _say(WORDS["no_setup"], lang, file=file)
    _say(WORDS["score"], lang, points=points, most=most)
    for one, end in zip(training.hidden, ends, strict=True):
        _say(WORDS[end], lang, what=one.words.text(lang))


def _read_setup(file: Path) -> dict[str, Any]:
    """The table of a setup file; {} if there is none that can be read."""
    try:
        with file.open("rb") as stream:
            table = json.loads(stream.read(SETUP_BYTES_MAX))
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}


def _say(words: Words, lang: str, **values: Any) -> None:
    click.echo(words.text(lang, **values))
