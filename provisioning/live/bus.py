"""`dianjian bus`: the state of a running agent's buses and meters, over its local socket.

One block a bus: how busy it is, and for the bus and each meter the latency of polls (50 %, 95 % and the
greatest of the last minutes, ms), requests, time-outs, damaged, foreign and late answers, refusals, and
probes of silent meters; then what concerns the whole bus, if anything does. Many buses with one meter each
are rows of one table. `agent.status.bus_figures` says what each figure means.
"""

import time
from pathlib import Path
from typing import Any, Final

import click

from agent.site.file import ConfigError, load_site
from agent.status.socket import read_status
from provisioning.terminal.bus_views import draw_buses
from provisioning.terminal.exits import EXIT_OUTSIDE, EXIT_USAGE, fail
from provisioning.terminal.say import say_json
from provisioning.terminal.show import Screen, console
from provisioning.words.status import explain_no_agent

REFRESH_S: Final = 2.0


@click.command("bus", short_help="load, latency and errors of an agent's buses and meters")
@click.option("--config", type=click.Path(path_type=Path), help="The site file of the agent.")
@click.option(
    "--state", type=click.Path(path_type=Path), help="The agent's state folder, instead of --config."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON array, once.")
@click.option("--watch", is_flag=True, help="Redraw every 2 s until ctrl-C.")
def command(config: Path | None, state: Path | None, as_json: bool, watch: bool) -> None:
    """Show load, latency and errors of each bus and meter."""
    folder = _folder(config, state)
    buses = _read(folder, config)
    if as_json:
        say_json(buses)
        return
    if not watch:
        console().print(draw_buses(buses))
        return
    with Screen() as screen:
        try:
            while True:
                screen.draw(draw_buses(_read(folder, config), screen.size[1] - 1))
                time.sleep(REFRESH_S)
        except KeyboardInterrupt:
            return


def _folder(config: Path | None, state: Path | None) -> Path:
    if (config is None) == (state is None):
        raise fail(EXIT_USAGE, "say where the agent is: either --config SITE or --state FOLDER")
    if state is not None:
        return state
    assert config is not None
    try:
        site = load_site(config)
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    return site.path(site.store.path)


def _read(folder: Path, config: Path | None) -> list[dict[str, Any]]:
    try:
        buses: list[dict[str, Any]] = read_status(folder)["buses"]
    except (OSError, ValueError) as error:
        raise fail(EXIT_OUTSIDE, explain_no_agent(folder, config, error)) from error
    except KeyError as error:
        raise fail(
            EXIT_OUTSIDE, f"the agent in {folder} reports no figures of its buses: it is of an older version"
        ) from error
    return buses
