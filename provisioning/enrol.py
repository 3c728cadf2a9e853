"""`dianjian enrol`: make this gateway's keys, and have them enrolled at the centre.

Without a token it makes the keys and prints one JSON line, which a centre takes with `dianjian centre enrol`.
With one it enrols: asks for a certificate by EST, by MQTT or by a USB stick, and prints the lines for the
site file. What it does is `provisioning.enrolling`; here are words, options and ends.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from attrs import asdict, evolve

from agent import main as agent_main
from agent.build import KEYS_NAME
from agent.config import ConfigError, Site, load_site
from agent.enrolment import EnrolmentError, read_enrolment
from agent.enrolment_answer import Sentence
from agent.enrolment_offer import SCHEME, Offer, OfferError, fingerprint, parse_offer
from agent.enrolment_token import TokenError, parse_token
from agent.evidence.seal import FIRST_NUMBER
from agent.evidence.slots import KeySlots, KeySlotsError
from agent.store.database import StoreError
from provisioning import enrolling
from provisioning.enrol_trouble import EnrolTroubleError
from provisioning.enrol_ways import way_to
from provisioning.exits import EXIT_NO, EXIT_OUTSIDE, EXIT_USAGE, fail
from provisioning.setup_journal import Enrolled
from provisioning.words import language

TOKEN_BYTES_MAX: Final = 4_096
"""A file with an offer in it, and whatever an editor put around it."""
LATER: Final = {"pending", "carry"}
"""Troubles that end by themselves: the same command goes on."""


@click.command("enrol", short_help="make this gateway's keys and have the centre enrol it")
@click.option("--config", required=True, type=click.Path(path_type=Path), help="The site file.")
@click.option(
    "--recovery",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the recovery key goes, mode 0600: take this file away. Needed for a new gateway.",
)
@click.option("--token", "ask", is_flag=True, help="Ask for the token, or the line of the QR code, here.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the token, or with the line of the QR code.",
)
@click.option("--via", metavar="WAY", help="https://…, mqtts://… or file:DIR; else as the offer says.")
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
    """Make the keys (once); with a token, have the centre sign them and say what goes into the site file."""
    if recovery is None and _is_new(config):
        raise fail(
            EXIT_USAGE,
            "a new gateway needs --recovery FILE: the key that gives it new keys when this disk is lost. "
            "Take the file away",
        )
    if not ask and token_file is None:
        more = [] if recovery is None else ["--recovery", str(recovery)]
        raise click.exceptions.Exit(agent_main.main(["init", "--config", str(config), *more]))
    site = _site(config)
    offer = read_offer(token_file, site, centre_key, authority, broker)

    def work() -> dict[str, Any]:
        enrolling.prepare(site, recovery)
        done = enrolling.enrol(site, offer, way_to(offer, via), teller(as_json), patience_s=patience_s)
        return asdict(done)

    done = ended(work)
    lines = enrolling.broker_lines(Enrolled(**done))
    click.echo(json.dumps(done, ensure_ascii=False) if as_json else lines, nl=as_json)


def ended(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `work` returns; every trouble of an enrolment or renewal is one line and an exit code."""
    try:
        return work()
    except EnrolTroubleError as error:
        outside = error.code in {"unreachable", "no-way"}
        code = EXIT_NO if error.code in LATER or error.code.startswith("refused-") else EXIT_USAGE
        raise fail(EXIT_OUTSIDE if outside else code, error.sentence[language()]) from error
    except (ConfigError, EnrolmentError) as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    except (StoreError, KeySlotsError, OSError) as error:
        raise fail(EXIT_OUTSIDE, str(error)) from error


def teller(as_json: bool) -> enrolling.Tell:
    """Says what happens: for a person on the terminal, for a script as JSON lines."""

    def tell(code: str, sentence: Sentence) -> None:
        if as_json:
            click.echo(json.dumps({"event": code, "text": sentence}, ensure_ascii=False))
        else:
            click.echo(sentence[language()], err=True)

    return tell


def read_offer(
    file: Path | None, site: Site, centre_key: str | None, authority: str | None, broker: str
) -> Offer:
    """The offer from a file or from the keyboard; a typed token needs the other facts by options."""
    try:
        typed = _typed() if file is None else _read(file)
        if typed.startswith(SCHEME):
            offer = parse_offer(typed)
            return evolve(offer, broker=broker or offer.broker)
        token = parse_token(typed)
        if not centre_key or not authority:
            raise fail(EXIT_USAGE, "a typed token needs --centre-key and --authority as well")
        return Offer(site.site.gateway, token, fingerprint(centre_key), fingerprint(authority), broker)
    except (OfferError, TokenError) as error:
        raise fail(EXIT_USAGE, str(error)) from error


def _typed() -> str:
    words = {"zh": "令牌（或二维码文本）", "en": "token (or the text of the QR code)"}
    text: str = click.prompt(words[language()], hide_input=True, err=True)
    return text.strip()


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            raw = stream.read(TOKEN_BYTES_MAX + 1)
        if len(raw) > TOKEN_BYTES_MAX:
            raise fail(EXIT_USAGE, f"{file}: is too long for a token")
        return raw.decode("utf-8").strip()
    except OSError as error:
        raise fail(EXIT_USAGE, f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise fail(EXIT_USAGE, f"{file}: is not UTF-8 at byte {error.start}") from error


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
        return False  # what is wrong is said by the agent
