"""`dianjian enrol`: make this gateway's keys and print what the centre needs to believe it."""

from pathlib import Path

import click

from agent import main as agent_main
from agent.build import KEYS_NAME
from agent.config import ConfigError, load_site
from agent.enrolment import EnrolmentError, read_enrolment
from agent.evidence.seal import FIRST_NUMBER
from agent.evidence.slots import KeySlots, KeySlotsError
from provisioning.exits import EXIT_USAGE, fail


@click.command("enrol", short_help="make this gateway's keys and print what the centre needs")
@click.option("--config", required=True, type=click.Path(path_type=Path), help="The site file.")
@click.option(
    "--recovery",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the recovery key goes, mode 0600: take this file away. Needed for a new gateway.",
)
def command(config: Path, recovery: Path | None) -> None:
    """Make the keys (once; afterwards the same line is printed again) and print one JSON line."""
    if recovery is None and _is_new(config):
        raise fail(
            EXIT_USAGE,
            "a new gateway needs --recovery FILE: the key that gives it new keys when this disk is lost. "
            "Take the file away",
        )
    more = [] if recovery is None else ["--recovery", str(recovery)]
    raise click.exceptions.Exit(agent_main.main(["init", "--config", str(config), *more]))


def _is_new(config: Path) -> bool:
    """Whether nothing was sealed yet and there is no recovery key."""
    try:
        site = load_site(config)
        folder = site.path(site.store.path)
        slots = KeySlots(folder / KEYS_NAME)
        if slots.exists() and any(slot.number > FIRST_NUMBER for slot in slots.load()):
            return False
        return not read_enrolment(folder)["recovery_key"]
    except EnrolmentError:
        return True
    except (ConfigError, KeySlotsError):
        return False  # what is wrong is said by the agent
