"""`dianjian enrol`: make this gateway's keys and print what the centre needs to believe it."""

from pathlib import Path

import click

from agent import main as agent_main


@click.command("enrol", short_help="make this gateway's keys and print what the centre needs")
@click.option("--config", required=True, type=click.Path(path_type=Path), help="The site file.")
def command(config: Path) -> None:
    """Make the keys (once; afterwards the same line is printed again) and print one JSON line."""
    raise click.exceptions.Exit(agent_main.main(["init", "--config", str(config)]))
