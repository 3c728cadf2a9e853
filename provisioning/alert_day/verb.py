"""`dianjian demo-alert`: a night under an emergency reduction in about two minutes, all real but the plant.

A bureau sends a reduction list and a red alert. Of four lines one stands, one works on and is declared as
standing, one keeps its cap, and one keeps its cap with its treatment off. The bureau asks, the plant answers
on its page, and at the end every line is judged from its power. The gateway first lives through the sixteen
days before, so that there are baselines and base loads.

What was said is compared with what the simulated plant did. Exit 0, or 1 with what is not so; 130 when
interrupted. The folder must be new or empty; it is kept, for looking at.
"""

import json
import shutil
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from agent.site.file import ConfigError
from evidence.keys import load_key_file, public
from evidence.words import Words
from provisioning.alert_day import acts
from provisioning.alert_day.judge import compare, read_lines
from provisioning.alert_day.night import Night
from provisioning.alert_day.officer import call
from provisioning.alert_day.past import live_past
from provisioning.alert_day.words import LINES, WORDS
from provisioning.demo.broker import BrokerError
from provisioning.demo.parts import PartError
from provisioning.demo.stage import CENTRE_NAME, Scene, Stage, register, set_stage
from provisioning.demo.verb import BROKER, FOLDER, choose_broker, make_folder
from provisioning.demo.words import WORDS as DEMO
from provisioning.terminal.exits import EXIT_INTERRUPTED, EXIT_NO, EXIT_OUTSIDE, fail
from provisioning.terminal.say import say, say_json
from provisioning.words.language import translate

SPEED: Final = 180.0
SCENE: Final = Scene("alert-night.toml", "provisioning.alert_day", LINES, acts.BEGIN_S, orders=True)
PAGE: Final = "verdicts.html"
PACK: Final = "night.zip"


@click.command("demo-alert", short_help="a night under an emergency reduction, in about two minutes")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the verdicts as one JSON object on the last line."
)
@BROKER
@FOLDER
def command(as_json: bool, broker: str, folder: Path | None) -> None:
    """Play a night under an emergency reduction, and compare the verdicts with what the plant did."""
    place = make_folder(folder)
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # however it ends, no part may stay behind
        signal.signal(sign, signal.default_int_handler)
    logs = translate(DEMO["logs"], folder=place)

    def tell(text: str) -> None:
        say(text, err=as_json)

    try:
        chosen = choose_broker(broker)
        tell(translate(WORDS["begin"], folder=place, broker=chosen))
        stage = set_stage(place, SCENE, SPEED, chosen)
        night = _play(stage, tell)
        problems, board = _end(stage, night, tell)
    except (PartError, BrokerError, ConfigError) as error:
        raise fail(EXIT_OUTSIDE, str(error), logs) from error
    except KeyboardInterrupt:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)
        raise fail(EXIT_INTERRUPTED, translate(DEMO["interrupted"])) from None
    if as_json:
        finals = list(night.finals.values())
        shown = [problem.en for problem in problems]
        say_json({"ok": not problems, "verdicts": finals, "board": board, "problems": shown})
    if problems:
        raise fail(EXIT_NO, *map(translate, problems), logs)
    tell(translate(WORDS["true"]))


def _play(stage: Stage, tell: Any) -> Night:
    night = Night(stage, tell)
    try:
        register(stage, live_past(stage.site, stage.plant, acts.BEGIN_S))
    except BaseException:
        stage.simulator.stop()
        raise
    with night.parts():
        night.play()
        night.finish()
    return night


def _end(stage: Stage, night: Night, tell: Any) -> tuple[list[Words], list[dict[str, Any]]]:
    """Show the board, the verdicts and the marks, as anybody can; what is not so, and the board."""
    folder, clock, site = stage.folder, stage.clock.spec(), ["--site", "site.toml"]
    tell("")
    tell(translate(WORDS["board"]))
    board = night.officer.show_board()
    tell("")
    tell(translate(WORDS["judged"], line=acts.MARKED))
    call(folder, ["curtail", "verdict", *site, "--plot", PAGE], tell, clock, codes=(1,))
    tell(translate(WORDS["page"], url=(folder / PAGE).as_uri()))
    tell("")
    tell(translate(WORDS["marks"]))
    call(folder, ["marks", "check", *site], tell, clock, codes=(1,))
    marks = read_lines(call(folder, ["marks", "check", *site, "--json"], _quiet, clock, codes=(0, 1)))
    tell("")
    proved = _prove(stage, tell)
    return list(compare(stage.plant, night.finals, marks, board, proved)), board


def _prove(stage: Stage, tell: Any) -> list[dict[str, Any]]:
    """Make the night a pack, and have it checked as a stranger would; the orders that it proves."""
    folder, clock = stage.folder, stage.clock.spec()
    begin, end = acts.BEGIN - timedelta(minutes=10), acts.BEGIN + timedelta(minutes=acts.NIGHT_MIN + 30)
    made = ["--store", CENTRE_NAME, "--key", "centre.key", "--gateway", acts.GATEWAY]
    window = ["--from", begin.isoformat(), "--to", end.isoformat()]
    tell(translate(WORDS["proved"]))
    call(folder, ["evidence", *made, *window, "--out", PACK], tell, clock, rows=1)
    key = public(load_key_file(folder / "centre.key")).hex()
    verify = ["verify", "--centre-key", key, PACK]
    call(folder, verify, tell, clock)
    tell("")
    orders: list[dict[str, Any]] = json.loads(call(folder, [*verify, "--json"], _quiet, clock))["orders"]
    return orders


def _quiet(_text: str) -> None:
    """Nothing is shown."""
