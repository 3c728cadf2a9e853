"""`dianjian enrol`: make this gateway's keys, and have them enrolled at the centre.

Without a token it makes the keys and prints one JSON line, which a centre takes with `dianjian centre enrol`.
With one it enrols: asks for a certificate by EST, by MQTT or by a USB stick, and prints the lines for the
site file. The work is done in `provisioning.enrolment.enrolling`; options, output and exit codes are here.
"""

from pathlib import Path
from typing import Any

import click
from attrs import asdict

from agent import main as agent_main
from agent.sealing.key_slots import KeySlots, KeySlotsError
from agent.site.enrolment import EnrolmentError, read_enrolment
from agent.site.file import ConfigError, Site, load_site
from agent.store.names import KEYS_NAME
from disk.language import OPTION, language
from evidence.seal import FIRST_NUMBER
from provisioning.enrolment import enrolling
from provisioning.enrolment.talk import find_way, make_reporter, read_offer, run_or_fail
from provisioning.journal.entries import Enrolled
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.say import say, say_json


@click.command("enrol", short_help="make this gateway's keys and have the centre enrol it")
@click.option("--config", required=True, type=click.Path(path_type=Path), help="The site file.")
@click.option(
    "--recovery",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the recovery key goes, mode 0600: take this file away. Needed for a new gateway.",
)
@click.option("--token", "ask", is_flag=True, help="Ask here for the token or the line of the QR code.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the token, or with the line of the QR code.",
)
@click.option("--via", metavar="WAY", help="https://…, mqtts://… or file:DIR; else the address of the offer.")
@click.option("--centre-key", metavar="KEY", help="With a typed token: the centre's public key.")
@click.option("--authority", metavar="SHA256", help="With a typed token: fingerprint of the authority.")
@click.option("--broker", default="", metavar="URL", help="With a typed token: mqtts:// for the site file.")
@click.option(
    "--wait", "patience_s", type=float, default=enrolling.PATIENCE_S, show_default=True, help="Seconds."
)
@click.option("--json", "as_json", is_flag=True, help="JSON lines.")
def command(
    config: Path,
    recovery: Path | None,
    ask: bool,
    token_file: Path | None,
    via: str | None,
    centre_key: str | None,
    authority: str | None,
    broker: str,
    patience_s: float,
    as_json: bool,
) -> None:
    """Make the keys (once); with a token, have the centre sign them and print the lines for the site file."""
    if recovery is None and _is_new(config):
        raise fail(
            EXIT_USAGE,
            "a new gateway needs --recovery FILE: the key that gives it new keys when this disk is lost. "
            "Take the file away",
        )
    if not ask and token_file is None:
        more = [] if recovery is None else ["--recovery", str(recovery)]
        call = [OPTION, language(), "init", "--config", str(config), *more]
        raise click.exceptions.Exit(agent_main.main(call))
    site = _site(config)
    offer = read_offer(token_file, site, centre_key, authority, broker)

    def work() -> dict[str, Any]:
        enrolling.prepare(site, recovery)
        way, report = find_way(offer, via), make_reporter(as_json)
        return asdict(enrolling.enrol(site, offer, way, report, patience_s=patience_s))

    done = run_or_fail(work)
    lines = enrolling.broker_lines(Enrolled(**done))
    if as_json:
        say_json(done)
    else:
        say(*lines.splitlines())


def _site(config: Path) -> Site:
    try:
        return load_site(config)
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error


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
        return False  # the agent reports what is wrong
