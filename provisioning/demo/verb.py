"""`dianjian demo`: a plant's shift in about eighty seconds; everything but the plant is real.

One TCP gateway and two serial buses with nine meters of seven models, three production lines and two
treatment lines, read by the agent at sixty times speed, published through a broker, verified by the
subscriber. The acts are in `acts`: treatment is switched off under load, a meter dies, the broker goes away
and comes back, the agent is killed and started again. At the end everything that the agent has sealed must be
verified at the centre, exactly once; the violation becomes a pack of evidence and a page, and the pack with
one byte changed must be refused. With `--tour` the plant's time stands still between the acts until Enter.
Nothing is ever overwritten: the folder must be empty or not there yet. Exit 0, or 1 with the reason; 130 when
interrupted.
"""

import contextlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
from attrs import frozen

from agent.site.file import ConfigError
from evidence.words import Words
from provisioning.demo.acts import ACTS, SHIFT_MIN, name_act
from provisioning.demo.broker import BrokerError
from provisioning.demo.ending import CHANGED, PACK, PAGE, show_evidence
from provisioning.demo.judge import OFF_LINKAGE, Verdict, judge
from provisioning.demo.parts import PartError
from provisioning.demo.shift import Event, Shift, outages_to_json
from provisioning.demo.stage import BROKERS, SHIFT, Stage, enrol, set_stage
from provisioning.demo.words import WORDS
from provisioning.terminal.demo_views import Told, draw_demo, draw_event
from provisioning.terminal.exits import EXIT_INTERRUPTED, EXIT_NO, EXIT_OUTSIDE, EXIT_USAGE, fail
from provisioning.terminal.say import say, say_json
from provisioning.terminal.show import Screen
from provisioning.terminal.views import draw_plant
from provisioning.words.language import translate

SPEED: Final = 60.0
KEPT: Final = frozenset({PACK, PAGE, CHANGED})
"""What stays of a folder that nobody named: the evidence, for looking at."""


BROKER: Final = click.option(
    "--broker",
    type=click.Choice(["auto", *BROKERS]),
    default="auto",
    show_default=True,
    help="Which MQTT broker carries the messages.",
)
FOLDER: Final = click.option(
    "--folder", type=click.Path(path_type=Path), help="Work here and keep it; a new or empty folder."
)


@click.command(
    "demo", short_help="a plant's shift, from the meters to the verified reading, in about 80 seconds"
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the verdict as one JSON object on the last line."
)
@click.option("--tour", is_flag=True, help="Stop between the acts until Enter.")
@click.option("--keep", is_flag=True, help="Go on after the shift until ctrl-C, and keep the folder.")
@click.option("--real-time", is_flag=True, help="Normal speed: the shift takes 66 minutes.")
@BROKER
@FOLDER
def command(as_json: bool, tour: bool, keep: bool, real_time: bool, broker: str, folder: Path | None) -> None:
    """Run the demo."""
    if tour and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise fail(EXIT_USAGE, translate(WORDS["no terminal"]))
    place = make_folder(folder)
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # however it ends, no part may stay behind
        signal.signal(sign, signal.default_int_handler)
    chosen = choose_broker(broker)
    logs = translate(WORDS["logs"], folder=place)
    try:
        played = _play(place, 1.0 if real_time else SPEED, chosen, keep=keep, tour=tour)
        problems = [*played.verdict.problems, *_end(played, quiet=as_json)]
    except (PartError, BrokerError, ConfigError) as error:
        raise fail(EXIT_OUTSIDE, str(error), logs) from error
    except KeyboardInterrupt:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)
        raise fail(EXIT_INTERRUPTED, translate(WORDS["interrupted"])) from None
    if as_json:
        say_json(_to_json(played, problems))
    if problems:
        raise fail(EXIT_NO, *map(translate, problems), logs)
    if folder is None and not keep:
        _tidy(place)


def make_folder(folder: Path | None) -> Path:
    """A folder for the demo alone; ends the command if it holds anything already."""
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="dianjian-demo-"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise fail(EXIT_USAGE, translate(WORDS["not empty"], folder=folder))
        (folder / "clock").touch()
    except OSError as error:
        raise fail(EXIT_USAGE, translate(WORDS["no folder"], folder=folder, why=error.strerror)) from error
    return folder.absolute()


def _tidy(place: Path) -> None:
    for one in place.iterdir():
        if one.is_dir():
            shutil.rmtree(one)
        elif one.name not in KEPT:
            one.unlink()


@frozen
class Played:
    """A shift that is over."""

    stage: Stage
    shift: Shift
    verdict: Verdict


def _play(place: Path, speed: float, broker: str, *, keep: bool, tour: bool) -> Played:
    happened: list[Event] = []
    with Screen(whole=True, stderr=True) as screen:
        screen.say(translate(WORDS["begin"], folder=place, broker=broker))
        stage = set_stage(place, SHIFT, speed, broker)
        first_key = enrol(stage)

        def report(event: Event) -> None:
            happened.append(event)
            if screen.live is None:
                screen.say(_format(event))

        shift = Shift(stage, report)
        picture = _Picture(screen, shift, happened, speed)
        shift.on_act = lambda number: picture.begin_act(number, waits=tour)
        with shift.parts():
            shift.play(picture.draw)
            if keep:
                _keep(shift, picture.draw)
            shift.finish(picture.draw)
    if screen.live is not None:  # the screen is as it was before; what happened stays to be read
        for event in happened:
            screen.say(draw_event(_to_told(event), screen.size[0]))
    return Played(stage, shift, judge(stage, first_key, shift.seen, shift.verified))


@frozen
class _Picture:
    """Draws the shift on the whole terminal."""

    screen: Screen
    shift: Shift
    happened: list[Event]
    speed: float

    def draw(self) -> None:
        """The plant as it is now."""
        down = self.shift.down
        self._draw("" if down is None else translate(down), "bold white on red")

    def begin_act(self, number: int, *, waits: bool) -> None:
        """Name the act, and wait for Enter before it if asked; the clock stands meanwhile."""
        self.shift.report(Event(self.shift.plant_time[11:16], name_act(number)))
        if waits:
            self._draw(translate(WORDS["enter"]), "bold black on yellow")
            sys.stdin.readline()

    def _draw(self, footer: str, style: str) -> None:
        shift, size = self.shift, self.screen.size
        number = max(shift.act, 0)
        minute = min(shift.minute, SHIFT_MIN)
        heading = (
            f"电监 dianjian · {shift.plant_time} ×{self.speed:g} · {minute:.0f}/{SHIFT_MIN} min",
            translate(name_act(number)),
            translate(ACTS[number].look),
        )
        plant = (
            translate(WORDS["waits"])
            if shift.status is None
            else draw_plant(shift.status, shift.history, columns=size[0])
        )
        told = [_to_told(event) for event in self.happened]
        self.screen.draw(draw_demo(heading, plant, told, size, (footer, style)))


def _to_told(event: Event) -> Told:
    return event.at, event.text, event.severity


def _format(event: Event) -> str:
    return f"{event.at:<6}{translate(event.text)}"


def _keep(shift: Shift, draw: Callable[[], None]) -> None:
    """Follow the plant until ctrl-C."""
    shift.report(Event("", WORDS["goes on"].fill(folder=shift.stage.folder)))
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            shift.look(draw)


def _end(played: Played, *, quiet: bool) -> list[Words]:
    """Say the verdict and show the evidence; what is wrong with it."""

    def tell(text: str) -> None:
        say(text, err=quiet)

    verdict = played.verdict
    tell("")
    tell(
        translate(
            WORDS["summary"],
            readings=verdict.readings,
            seals=verdict.seals,
            verified=verdict.verified_seals,
            lost=verdict.lost,
            duplicates=verdict.duplicates,
        )
    )
    found = [one for one in verdict.episodes if (one["linkage"], one["rule"]) == (OFF_LINKAGE, "off")]
    problem = show_evidence(played.stage, found[0], tell) if found else None
    return [] if problem is None else [problem]


def _to_json(played: Played, problems: list[Words]) -> dict[str, object]:
    verdict = played.verdict
    return {
        "ok": not problems,
        "readings": verdict.readings,
        "seals": verdict.seals,
        "verified_seals": verdict.verified_seals,
        "lost": verdict.lost,
        "duplicates": verdict.duplicates,
        "episodes": list(verdict.episodes),
        "outages": outages_to_json(played.shift.outages),
        "problems": [problem.en for problem in problems],
    }


def choose_broker(broker: str) -> str:
    """The broker that is asked for; for `auto` mosquitto where it is installed."""
    path = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
    has_mosquitto = shutil.which("mosquitto", path=path) is not None
    return broker if broker != "auto" else ("mosquitto" if has_mosquitto else "embedded")
