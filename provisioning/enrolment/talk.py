"""Shared by `dianjian enrol` and `dianjian renew`: progress, exit codes, token, transport to the centre."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click
from attrs import evolve

from agent.sealing.key_slots import KeySlotsError
from agent.site.enrolment import EnrolmentError
from agent.site.file import ConfigError, Site
from disk.database import StoreError
from evidence.words import Words
from provisioning.enrolment.enrolling import Report, Transport
from provisioning.enrolment.est import EstTransport
from provisioning.enrolment.file import FolderTransport
from provisioning.enrolment.mqtt import ClaimTransport
from provisioning.enrolment.trouble import EnrolTroubleError, trouble
from provisioning.terminal.exits import EXIT_NO, EXIT_OUTSIDE, EXIT_USAGE, fail
from provisioning.terminal.say import say, say_json
from provisioning.terminal.typed import plain
from provisioning.words.language import translate
from wire.enrolment.offer import SCHEME, Offer, OfferError, parse_fingerprint, parse_offer
from wire.enrolment.token import TokenError, parse_token

TOKEN_BYTES_MAX: Final = 4_096
"""Size of a file with an offer, and whatever an editor added."""
LATER: Final = {"pending", "carry"}
"""Temporary troubles: the same command goes on later."""
OUTSIDE: Final = {"unreachable", "no-way"}
FILE: Final = "file:"


def run_or_fail(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `work` returns; any enrolment error ends the command with one line and its exit code."""
    try:
        return work()
    except EnrolTroubleError as error:
        is_no = error.code in LATER or error.code.startswith("refused-")
        code = EXIT_OUTSIDE if error.code in OUTSIDE else EXIT_NO if is_no else EXIT_USAGE
        raise fail(code, translate(error.sentence)) from error
    except (ConfigError, EnrolmentError) as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    except (StoreError, KeySlotsError, OSError) as error:
        raise fail(EXIT_OUTSIDE, str(error)) from error


def make_reporter(as_json: bool) -> Report:
    """Prints progress: for a person on the terminal, for a script as JSON lines."""

    def report(code: str, sentence: Words) -> None:
        if as_json:
            say_json({"event": code, "text": sentence.to_body()})
        else:
            say(translate(sentence), err=True)

    return report


def read_offer(
    file: Path | None, site: Site, centre_key: str | None, authority: str | None, broker: str
) -> Offer:
    """The offer from a file or from the keyboard; with a typed token, options give the other facts."""
    try:
        typed = _ask_token() if file is None else _read(file)
        if typed.startswith(SCHEME):
            offer = parse_offer(typed)
            return evolve(offer, broker=broker or offer.broker)
        token = parse_token(typed)
        if not centre_key or not authority:
            raise fail(EXIT_USAGE, "a typed token needs --centre-key and --authority as well")
        key, root = parse_fingerprint(centre_key), parse_fingerprint(authority)
        return Offer(site.site.gateway, token, key, root, broker)
    except (OfferError, TokenError) as error:
        raise fail(EXIT_USAGE, str(error)) from error


def _ask_token() -> str:
    wanted = Words("令牌（或二维码文本）", "token (or the text of the QR code)")
    if not sys.stdin.isatty():  # a prompt would be echoed, and warned of by a library
        return plain(sys.stdin.readline(TOKEN_BYTES_MAX))
    text: str = click.prompt(translate(wanted), hide_input=True, err=True)
    return plain(text)


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            raw = stream.read(TOKEN_BYTES_MAX + 1)
        if len(raw) > TOKEN_BYTES_MAX:
            raise fail(EXIT_USAGE, f"{file}: is too long for a token")
        return plain(raw.decode("utf-8-sig"))
    except OSError as error:
        raise fail(EXIT_USAGE, f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise fail(EXIT_USAGE, f"{file}: is not UTF-8 at byte {error.start}") from error


def find_way(offer: Offer, via: str | None = None) -> Transport:
    """The transport for https://…, mqtts://… or file:DIR; without one, EST before MQTT.

    Raises:
        EnrolTroubleError: The address is missing or of another kind.
    """
    wanted = via or offer.est or offer.claim
    if wanted.startswith(FILE):
        return FolderTransport(Path(wanted.removeprefix(FILE)), offer.gateway)
    scheme = urlsplit(wanted).scheme
    if scheme == "https":
        return EstTransport(wanted)
    if scheme == "mqtts":
        return ClaimTransport(wanted)
    raise trouble("no-way")
