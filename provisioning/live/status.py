"""`dianjian status`: the live view of a running agent, over its local socket.

On a terminal it is redrawn every REFRESH_S until ctrl-C, fitted to the terminal; elsewhere, and with
--once, it is printed once. If the agent stops meanwhile, its last status stays until it is back.
"""

import time
from pathlib import Path
from typing import Any, Final

import click

from agent.site.file import ConfigError, load_site
from agent.status.socket import read_status
from provisioning.terminal.exits import EXIT_OUTSIDE, EXIT_USAGE, fail
from provisioning.terminal.paths import USUAL_SITE
from provisioning.terminal.say import say_json
from provisioning.terminal.show import Screen, console
from provisioning.terminal.views import add_title, draw_status
from provisioning.words.labels import label
from provisioning.words.status import explain_no_agent

REFRESH_S: Final = 2.0
TITLE_ROWS: Final = 3
"""The title, a trouble, and the row that a terminal keeps for its cursor."""


@click.command("status", short_help="live view of a running agent")
@click.option(
    "--config",
    default=USUAL_SITE,
    show_default=True,
    type=click.Path(path_type=Path),
    help="The site file of the agent.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, once.")
@click.option("--once", is_flag=True, help="Print it once, even on a terminal.")
@click.option("--follow", is_flag=True, hidden=True, help="What a terminal gets anyway.")
def command(config: Path, as_json: bool, once: bool, follow: bool) -> None:
    """Show lines with the loads of the last hour, linkages, buses, meters, seals and episodes."""
    del follow
    try:
        site = load_site(config)
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    folder = site.path(site.store.path)
    try:
        status = read_status(folder)
    except (OSError, ValueError) as error:
        raise fail(EXIT_OUTSIDE, explain_no_agent(folder, config, error)) from error
    screen = console()
    if as_json:
        say_json(status)
    elif once or not screen.is_terminal:
        screen.print(add_title(status, draw_status(status, columns=screen.width)))
    else:
        _live(folder, status)


def _live(folder: Path, status: dict[str, Any]) -> None:
    """Draw until ctrl-C."""
    trouble = ""
    with Screen(whole=True) as screen:
        try:
            while True:
                columns, rows = screen.size
                body = draw_status(status, columns=columns, rows=rows - TITLE_ROWS)
                screen.draw(add_title(status, body, trouble))
                time.sleep(REFRESH_S)
                try:
                    status, trouble = read_status(folder), ""
                except (OSError, ValueError):
                    trouble = label("agent gone")
        except KeyboardInterrupt:
            return
