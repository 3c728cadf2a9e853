"""`dianjian renew`: a new key and certificate for the broker at two thirds of the old one's life.

A timer runs it daily: it does nothing before renewal is due, and retries an unreachable centre the next
day. The request is signed with the key of the certificate that is renewed; it goes over EST when the
enrolment named an address, else over MQTT, with that certificate. The running agent uses the new one from
its next connect. A certificate that has expired is renewed with a token of the centre (`--token-file`),
over the transports of an enrolment; meanwhile the chain goes on, and everything is delivered afterwards.
"""

import time
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import click

from agent.site.file import ConfigError, Site, load_site
from evidence.moments import iso_utc
from evidence.words import Words
from provisioning.enrolment import enrolling
from provisioning.enrolment.est import EstTransport
from provisioning.enrolment.identity import AUTHORITY_NAME, CERTIFICATE_NAME, KEY_NAME, Identity
from provisioning.enrolment.mqtt import RenewTransport
from provisioning.enrolment.talk import find_way, make_reporter, read_offer, run_or_fail
from provisioning.enrolment.trouble import trouble
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.say import say, say_json
from provisioning.words.language import translate
from wire.enrolment.offer import Offer
from wire.enrolment.request import RenewRequest, ask_renewal, parse_attribute
from wire.enrolment.token import Token
from wire.mqtt_settings import TlsFiles

LIFE_NUMERATOR: Final = 2
LIFE_DENOMINATOR: Final = 3
"""At two thirds there is a month left of three, in which a centre may be unreachable."""


@click.command("renew", short_help="renew this gateway's certificate when two thirds of its life are over")
@click.option("--config", required=True, type=click.Path(path_type=Path), help="The site file.")
@click.option("--via", metavar="WAY", help="https://… or mqtts://…; else as at the enrolment.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="For a certificate that has expired: file with the line of a new QR code.",
)
@click.option("--now", "is_forced", is_flag=True, help="Renew even before it is due.")
@click.option(
    "--wait", "patience_s", type=float, default=enrolling.PATIENCE_S, show_default=True, help="Seconds."
)
@click.option("--json", "as_json", is_flag=True, help="JSON lines.")
def command(
    config: Path, via: str | None, token_file: Path | None, is_forced: bool, patience_s: float, as_json: bool
) -> None:
    """Renew the certificate if it is due; without a certificate there is nothing to renew."""
    try:
        site = load_site(config)
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    offer = None if token_file is None else read_offer(token_file, site, None, None, "")

    def work() -> dict[str, Any]:
        return renew(site, via, offer, as_json=as_json, is_forced=is_forced, patience_s=patience_s)

    life = run_or_fail(work)
    if as_json:
        say_json(life)
        return
    words = Words(
        "证书有效期至 {ends_at}，{due_at} 起可续期",
        "the certificate is good until {ends_at}, to be renewed from {due_at}",
    )
    say(translate(words, **life))


def renew(
    site: Site, via: str | None, offer: Offer | None, *, as_json: bool, is_forced: bool, patience_s: float
) -> dict[str, Any]:
    """Renew what is due; the certificate in use afterwards: renewed, certificate_sha256, ends_at, due_at.

    Raises:
        EnrolTroubleError: The renewal failed.
    """
    identity = Identity.of(site)
    if not identity.has_current():
        raise trouble("no-certificate")
    identity.tidy()
    life = _read_life(identity)
    now = enrolling.utc_ms()
    if offer is not None or is_forced or now >= life["due"]:
        if now >= life["ends"] and offer is None:
            raise trouble("own-expired", end=life["ends_at"])
        _renew(site, identity, via, offer, as_json=as_json, patience_s=patience_s)
        life = {**_read_life(identity), "renewed": True}
    return {key: life[key] for key in ("renewed", "certificate_sha256", "ends_at", "due_at")}


def _renew(
    site: Site, identity: Identity, via: str | None, offer: Offer | None, *, as_json: bool, patience_s: float
) -> None:
    from wire.enrolment import certificates  # noqa: PLC0415

    authority = certificates.parse_certificate((identity.current / AUTHORITY_NAME).read_bytes()).sha256
    report = make_reporter(as_json)
    csr = _make_request(site.site.gateway, identity, None if offer is None else offer.token)
    if offer is None:
        way = _choose_own_transport(site, identity, via)
    else:
        authority, way = offer.authority, find_way(offer, via)
    found = enrolling.await_answer(csr, authority, site.site.gateway, way, report, patience_s, time.sleep)
    enrolling.put_in_place(identity, found)


def _choose_own_transport(site: Site, identity: Identity, via: str | None) -> enrolling.Transport:
    """Over the certificate that is renewed: by EST where there is an address, else over the broker."""
    files = TlsFiles(*(identity.current / name for name in (AUTHORITY_NAME, CERTIFICATE_NAME, KEY_NAME)))
    wanted = via or identity.read_est() or ("" if site.broker is None else site.broker.url)
    if wanted.startswith("https:"):
        return EstTransport(wanted, files)
    if wanted.startswith("mqtts:"):
        return RenewTransport(wanted, site.site.gateway, files, site.path(site.store.path))
    raise trouble("no-way")


def _make_request(gateway: str, identity: Identity, token: Token | None) -> bytes:
    """The signing request for the certificate in use: the existing one, else a new one."""
    from wire.enrolment import certificates  # noqa: PLC0415

    old_key = (identity.current / KEY_NAME).read_bytes()
    old = certificates.parse_certificate((identity.current / CERTIFICATE_NAME).read_bytes())
    known = identity.read_request()
    token_id = "" if token is None else token.id
    if known is not None and _is_for(known, old.sha256, token_id):
        return known
    key = identity.make_key(certificates.new_key)
    spki = sha256(certificates.spki_of(key)).digest()
    request = RenewRequest(gateway, old.sha256, spki, token_id, enrolling.utc_ms())
    attribute = ask_renewal(request, lambda message: certificates.sign_es256(old_key, message), token)
    csr = certificates.make_csr(key, gateway, attribute)
    identity.keep_request(csr)
    return csr


def _is_for(csr: bytes, certificate_sha256: bytes, token: str) -> bool:
    from wire.enrolment import certificates  # noqa: PLC0415

    try:
        asked = parse_attribute(certificates.parse_csr(csr).attribute).request
    except ValueError:
        return False
    wanted = (certificate_sha256, token)
    return isinstance(asked, RenewRequest) and (asked.certificate_sha256, asked.token) == wanted


def _read_life(identity: Identity) -> dict[str, Any]:
    from wire.enrolment import certificates  # noqa: PLC0415

    one = certificates.parse_certificate((identity.current / CERTIFICATE_NAME).read_bytes())
    due = one.begins_utc_ms + (one.ends_utc_ms - one.begins_utc_ms) * LIFE_NUMERATOR // LIFE_DENOMINATOR
    return {
        "renewed": False,
        "certificate_sha256": one.sha256.hex(),
        "ends": one.ends_utc_ms,
        "due": due,
        "ends_at": iso_utc(one.ends_utc_ms),
        "due_at": iso_utc(due),
    }
