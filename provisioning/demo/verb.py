"""`dianjian demo`: a plant's shift in about eighty seconds; everything but the plant is real.

One TCP gateway and two serial buses with nine meters of seven models, three production lines and two
treatment lines, read by the agent at sixty times speed, published through a broker, verified by the
subscriber. Treatment is switched off under load, a meter dies, the broker goes away and comes back, the agent
is killed and started again. At the end everything that the agent has sealed must be verified at the centre,
exactly once. Exit 0, or 1 with the reason; 130 when interrupted.
"""

import contextlib
import json
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from agent.site.file import ConfigError
from provisioning.demo.broker import BrokerError
from provisioning.demo.judge import Verdict, judge
from provisioning.demo.parts import PartError
from provisioning.demo.shift import SHIFT_MIN, Shift, outages_to_json
from provisioning.demo.stage import BROKERS, enrol, set_stage
from provisioning.terminal.exits import EXIT_INTERRUPTED, EXIT_NO, EXIT_OUTSIDE, fail
from provisioning.terminal.show import Screen
from provisioning.terminal.views import draw_demo
from provisioning.words.language import language

SPEED: Final = 60.0
PLANT: Final = "demo.toml"
EVENTS_SHOWN: Final = 6


@click.command(
    "demo", short_help="a plant's shift, from the meters to the verified reading, in about 80 seconds"
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the verdict as one JSON object on the last line."
)
@click.option("--keep", is_flag=True, help="Go on after the shift until ctrl-C, and keep the folder.")
@click.option("--real-time", is_flag=True, help="Normal speed: the shift takes 66 minutes.")
@click.option("--broker", type=click.Choice(["auto", *BROKERS]), default="auto", show_default=True)
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Work here and keep it.")
def command(as_json: bool, keep: bool, real_time: bool, broker: str, folder: Path | None) -> None:
    """Run the demo."""
    place = Path(tempfile.mkdtemp(prefix="dianjian-demo-")) if folder is None else folder
    place.mkdir(parents=True, exist_ok=True)
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # however it ends, no part may stay behind
        signal.signal(sign, signal.default_int_handler)
    chosen = broker if broker != "auto" else ("mosquitto" if _has_mosquitto() else "embedded")
    try:
        verdict, shift = _play(place, 1.0 if real_time else SPEED, chosen, keep=keep)
    except (PartError, BrokerError, ConfigError) as error:
        raise fail(EXIT_OUTSIDE, str(error), f"the logs of the parts are in {place}") from error
    except KeyboardInterrupt:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)
        raise fail(EXIT_INTERRUPTED, "interrupted; all parts are stopped") from None
    _print(verdict, shift, as_json=as_json)
    if not verdict.ok:
        raise fail(EXIT_NO, *verdict.problems, f"the logs of the parts are in {place}")
    if folder is None and not keep:
        shutil.rmtree(place)


def _play(place: Path, speed: float, broker: str, *, keep: bool) -> tuple[Verdict, Shift]:
    with Screen() as screen:
        screen.say(f"dianjian demo in {place}, broker: {broker}; learning from 72 hours of the plant ...")
        stage = set_stage(place, PLANT, speed, broker)
        first_key = enrol(stage)
        happened: list[str] = []

        def report(text: str) -> None:
            happened.append(text)
            if screen.live is None:
                screen.say(text)

        shift = Shift(stage, report)

        def draw() -> None:
            if shift.status is not None:
                heading = f"{shift.plant_time}  x{speed:g}  {shift.minute:.0f}/{SHIFT_MIN} min"
                screen.draw(draw_demo(shift.status, shift.history, heading, happened[-EVENTS_SHOWN:]))

        with shift.parts():
            shift.play(draw)
            if keep:
                _keep(shift, draw)
            shift.finish(draw)
    return judge(stage, first_key, shift.seen, shift.verified), shift


def _keep(shift: Shift, draw: Callable[[], None]) -> None:
    """Follow the plant until ctrl-C."""
    shift.report(f"the demo goes on until ctrl-C; its files are in {shift.stage.folder}")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            shift.look(draw)


def _print(verdict: Verdict, shift: Shift, *, as_json: bool) -> None:
    if as_json:
        summary = {
            "ok": verdict.ok,
            "readings": verdict.readings,
            "seals": verdict.seals,
            "verified_seals": verdict.verified_seals,
            "lost": verdict.lost,
            "duplicates": verdict.duplicates,
            "episodes": list(verdict.episodes),
            "outages": outages_to_json(shift.outages),
            "problems": list(verdict.problems),
        }
        click.echo(json.dumps(summary, ensure_ascii=False))
        return
    for episode in verdict.episodes:
        click.echo(f"{episode['linkage']} {episode['rule']}: {episode['sentence'][language()]}")
    click.echo(
        f"{verdict.readings} readings in {verdict.seals} seals, {verdict.verified_seals} seals verified; "
        f"lost {verdict.lost}, doubled {verdict.duplicates}"
    )


def _has_mosquitto() -> bool:
    return shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin") is not None
