"""`dianjian status`: the live view of a running agent, over its local socket."""

import json
import time
from collections import deque
from pathlib import Path
from typing import Any, Final

import click

from agent.config import ConfigError, load_site
from agent.status import read_status
from provisioning.exits import EXIT_OUTSIDE, EXIT_USAGE, fail
from provisioning.show import SPARK_COLUMNS, Screen, console, status_view

REFRESH_S: Final = 2.0


@click.command("status", short_help="live view of a running agent")
@click.option("--config", required=True, type=click.Path(path_type=Path), help="The site file of the agent.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, once.")
@click.option("--follow", is_flag=True, help="Draw it anew every 2 s until ctrl-C.")
def command(config: Path, as_json: bool, follow: bool) -> None:
    """Show lines with their states and loads, linkages, meters, seals and episodes."""
    try:
        site = load_site(config)
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    folder = site.path(site.store.path)
    status = _read(folder)
    if as_json:
        click.echo(json.dumps(status, ensure_ascii=False))
        return
    history: dict[str, deque[float | None]] = {}
    if not follow:
        console().print(status_view(_with(status, history), history))
        return
    with Screen() as screen:
        try:
            while True:
                screen.draw(status_view(_with(_read(folder), history), history))
                time.sleep(REFRESH_S)
        except KeyboardInterrupt:
            return


def _read(folder: Path) -> dict[str, Any]:
    try:
        return read_status(folder)
    except (OSError, ValueError) as error:
        raise fail(EXIT_OUTSIDE, f"no agent answers in {folder}: {error}; is it running?") from error


def _with(status: dict[str, Any], history: dict[str, deque[float | None]]) -> dict[str, Any]:
    for line in status["lines"]:
        history.setdefault(line["id"], deque(maxlen=SPARK_COLUMNS)).append(line["power_w"])
    return status
