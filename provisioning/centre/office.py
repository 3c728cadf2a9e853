"""`dianjian centre authority`, `certificate`, `token`: the office's keys, and tokens for technicians."""

import contextlib
import sys
from pathlib import Path
from typing import Any, Final

import click
from attrs import evolve

from agent.site.enrolment import meters_of
from agent.site.file import ConfigError, load_site
from centre.broker_config import ROLES, VERIFIERS_MAX, name_verifier
from centre.enrolment.ledger import OfficeError
from centre.enrolment.office import make_office
from disk.files import replace_file
from evidence.keys import KeyFileError, load_key_file, public
from evidence.moments import iso_utc, utc_ms
from evidence.statement import EnrolledMeter
from provisioning.centre.options import (
    AS_JSON,
    AUTHORITY,
    FILE,
    FOLDER,
    HOST,
    KEY,
    failing_in_one_line,
    office_at,
    show,
)
from provisioning.terminal.exits import EXIT_USAGE, FiniteRange, fail
from provisioning.terminal.qr_code import TooLongError, draw_qr_code
from provisioning.terminal.say import say, say_drawing, say_json
from wire.enrolment.certificates import parse_certificate
from wire.enrolment.offer import Offer, OfferError, parse_gateway_id, parse_offer
from wire.enrolment.token import Token

MS_PER_HOUR: Final = 3_600_000
HOURS_MAX: Final = 24 * 90
"""A season: a token unused for longer belongs to a plant that is not built."""
HOURS: Final = FiniteRange(0, HOURS_MAX, min_open=True)


@click.command("authority")
@click.option("--name", default="dianjian", show_default=True, help="Its name in every certificate.")
@click.option("--external", type=FILE, help="Certificate of an external authority, which will sign.")
@AS_JSON
@click.argument("folder", type=FOLDER)
def authority(name: str, external: Path | None, as_json: bool, folder: Path) -> None:
    """Make FOLDER an enrolment office: a small authority of its own, or under an external one."""
    with failing_in_one_line(external):
        raw = None if external is None else external.read_bytes()
        office = make_office(folder, name, utc_ms(), raw)
    fingerprint = parse_certificate(office.authority).sha256
    fields = {"authority": fingerprint.hex(), "external": office.is_external}
    show(fields, f"{folder}: authority {fingerprint[:8].hex(':')}", as_json=as_json)


@click.command("certificate")
@AUTHORITY
@click.option("--out", required=True, type=FOLDER, help="Where the .pem and .key files go.")
@click.option(
    "--role",
    type=click.Choice(list(ROLES)),
    default="subscribe",
    show_default=True,
    help="Each process of the centre needs its own: the broker lets in one connection a certificate.",
)
@click.option(
    "--verifier",
    type=click.IntRange(1, VERIFIERS_MAX),
    help="For `dianjian subscribe --slices`: which one of several.",
)
@click.argument("hosts", nargs=-1, type=HOST)
def certificate(authority: Path, out: Path, role: str, verifier: int | None, hosts: tuple[str, ...]) -> None:
    """Sign the client certificate of a process of the centre or, with HOSTS, one of a server there."""
    office = office_at(authority)
    name = ROLES[role] if verifier is None else name_verifier(verifier)
    with failing_in_one_line(out):
        pair = office.serve(list(hosts), utc_ms()) if hosts else office.introduce(utc_ms(), name)
        write_pair(out, "server" if hosts else name, *pair)
    say(out)


def write_pair(folder: Path, name: str, key: bytes, pem: bytes) -> None:
    """A key and its certificate (PEM); raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(folder / f"{name}.key", key, 0o600)
    replace_file(folder / f"{name}.pem", pem, 0o644)


@click.command("token")
@AUTHORITY
@KEY
@click.option("--broker", default="", metavar="URL", help="mqtts://host:port for the gateway's site file.")
@click.option("--est", default="", metavar="URL", help="https:// address of `centre listen`.")
@click.option("--claim", default="", metavar="URL", help="mqtts:// address of the broker's claim listener.")
@click.option("--hours", type=HOURS, default=72, show_default=True, help="How long.")
@click.option("--site", help="The site's name, which the gateway must then give.")
@click.option("--meters", type=FILE, help="Site file whose meters the gateway must then have, and no others.")
@click.option("--auto-approve", is_flag=True, help="Ask no officer: for scripts and tests.")
@AS_JSON
@click.argument("gateway")
def token(
    authority: Path,
    key: Path,
    broker: str,
    est: str,
    claim: str,
    hours: float,
    site: str | None,
    meters: Path | None,
    auto_approve: bool,
    as_json: bool,
    gateway: str,
) -> None:
    """Give out a one-time token for GATEWAY: as text to type, and as one line with everything for a QR code.

    The centre keeps only what checks a MAC under the token, in enrolments.jsonl, mode 0600.
    """
    office = office_at(authority)
    now = utc_ms()
    expires = now + int(hours * MS_PER_HOUR)
    try:
        draft = Offer(
            parse_gateway_id(gateway),
            Token("000000", "0" * 16),
            public(load_key_file(key)),
            parse_certificate(office.authority).sha256,
            broker,
            est,
            claim,
            expires // 1000,
        )
        parse_offer(draft.text)  # refuses whatever a gateway would refuse
        wanted = None if meters is None else _meters(meters)
        given = office.give_token(gateway, expires, now, site=site, meters=wanted, is_auto=auto_approve)
    except (OfficeError, OfferError, KeyFileError) as error:
        raise fail(EXIT_USAGE, str(error)) from error
    offer = evolve(draft, token=given)
    fields: dict[str, Any] = {
        "gateway": gateway,
        "token": given.text,
        "offer": offer.text,
        "authority": offer.authority.hex(),
        "centre_key": offer.centre_key.hex(),
        "expires_at": iso_utc(expires),
    }
    if as_json:
        say_json(fields)
        return
    if sys.stdout.isatty():  # a file or a pipe has no use for squares
        with contextlib.suppress(TooLongError):  # very long addresses: the line alone must do
            say_drawing(draw_qr_code(offer.text))
    say(given.text, offer.text, fields["expires_at"])


def _meters(file: Path) -> tuple[EnrolledMeter, ...]:
    try:
        return meters_of(load_site(file))
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
