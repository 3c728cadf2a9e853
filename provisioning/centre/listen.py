"""`dianjian centre listen`: takes requests for enrolment and renewal, by EST and by MQTT, until SIGTERM.

One JSON line for each answer and for each connection that failed; no more than LINES_MAX a minute, because
anybody may connect.

On the brokers it has a certificate of its own: the broker lets in one connection a certificate, and that of
`subscribe` is taken. It makes one at each start and keeps it in the office's folder, unless --certificate
names one that is not subscribe's, as it must with an external authority.
"""

import secrets
import signal
import threading
from pathlib import Path
from typing import Final, NamedTuple

import click

from centre.broker_config import CENTRE_NAME, ROLES
from centre.enrolment.claims import Claims
from centre.enrolment.desk import Desk
from centre.enrolment.est_server import listen_est
from centre.enrolment.ledger import OfficeError
from centre.enrolment.office import Office
from evidence.moments import utc_ms
from provisioning.centre.office import write_pair
from provisioning.centre.options import AUTHORITY, FILE, HOST, KEY, REGISTER, failing_in_one_line, office_at
from provisioning.terminal.exits import EXIT_OUTSIDE, EXIT_USAGE, fail
from wire.enrolment.certificates import parse_certificate
from wire.enrolment.topics import RENEWALS, REQUESTS
from wire.http.server import HttpServer
from wire.mqtt_settings import MqttSettings, MqttSettingsError, parse_broker

CLIENT_ID: Final = "centre-claims-"
POLL_S: Final = 0.5


class TlsPaths(NamedTuple):
    """The authority to trust, the centre's certificate, and its key."""

    ca: Path
    certificate: Path | None
    key: Path | None


@click.command("listen")
@AUTHORITY
@REGISTER
@KEY
@click.option("--est", metavar="HOST:PORT", help="Serve EST (RFC 7030) there, such as 127.0.0.1:8443.")
@click.option(
    "--host", "hosts", multiple=True, type=HOST, help="Name that gateways reach EST under; else HOST."
)
@click.option("--broker", metavar="URL", help="Take renewals from this broker, mqtts://host:port.")
@click.option("--claims", "claims_url", metavar="URL", help="Take claims from this, at its centre port.")
@click.option("--ca", type=FILE, help="Certificate of the broker's authority; else the office's own.")
@click.option("--certificate", type=FILE, help="A client certificate; else it makes one by itself.")
@click.option("--certificate-key", type=FILE, help="Its key.")
def listen(
    authority: Path,
    register: Path,
    key: Path,
    est: str | None,
    hosts: tuple[str, ...],
    broker: str | None,
    claims_url: str | None,
    ca: Path | None,
    certificate: Path | None,
    certificate_key: Path | None,
) -> None:
    """Answer gateways that want to be enrolled or renewed, by EST, over a broker, or both."""
    if est is None and broker is None and claims_url is None:
        raise fail(EXIT_USAGE, "listen needs --est HOST:PORT, --broker URL or --claims URL, or all of them")
    office = office_at(authority, register, key)
    desk = Desk(office)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    brokers = {topic: url for topic, url in ((RENEWALS, broker), (REQUESTS, claims_url)) if url is not None}
    files = _find_own(office, TlsPaths(ca or authority / "authority.pem", certificate, certificate_key))
    listeners = [_make_claims(desk, office, url, topic, files) for topic, url in brokers.items()]
    server = None if est is None else _listen_est(desk, office, est, hosts)
    for claims in listeners:
        claims.start()
    if server:
        threading.Thread(target=server.serve, name="est", daemon=True).start()
    desk.log({"type": "ready", "est": est, "broker": broker, "claims": claims_url})
    while not stopping.wait(POLL_S) and not desk.broken:
        pass
    if server:
        server.close()
    for claims in listeners:
        claims.stop()
    if desk.broken:
        raise fail(EXIT_OUTSIDE, desk.broken)


def _find_own(office: Office, given: TlsPaths) -> TlsPaths:
    """The certificate to show on brokers: the given one, or an own one in the place of subscribe's."""
    if office.is_external:
        return given
    with failing_in_one_line(given.certificate):
        if given.certificate and parse_certificate(given.certificate.read_bytes()).name != CENTRE_NAME:
            return given
        name, folder = ROLES["listen"], office.folder / "listen"
        write_pair(folder, name, *office.introduce(utc_ms(), name))
    return TlsPaths(given.ca, folder / f"{name}.pem", folder / f"{name}.key")


def _make_claims(desk: Desk, office: Office, broker: str, topic: str, files: TlsPaths) -> Claims:
    try:
        address = parse_broker(broker, *files)
        client_id = CLIENT_ID + secrets.token_hex(8)  # a client that guessed it could disconnect the centre
        settings = MqttSettings(address.host, address.port, client_id, address.tls, subscriptions=(topic,))
        return Claims(settings, office.authority, desk.receive)
    except MqttSettingsError as error:
        raise fail(EXIT_USAGE, str(error)) from error


def _listen_est(desk: Desk, office: Office, est: str, hosts: tuple[str, ...]) -> HttpServer:
    """The EST server; its certificate is renewed at each start and kept in the office's folder."""
    host, _, port = est.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdecimal():
        raise fail(EXIT_USAGE, f"--est {est}: must be HOST:PORT, such as 127.0.0.1:8443")
    folder = office.folder / "est"
    try:
        if not office.is_external:
            write_pair(folder, "server", *office.serve(list(hosts or [host]), utc_ms()))
        files = folder / "server.pem", folder / "server.key"

        def report(text: str) -> None:
            desk.log({"type": "connection", "via": "est", "text": text})

        return listen_est((host, int(port)), files, office.authority, desk.receive, report)
    except OfficeError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    except (OSError, OverflowError) as error:
        raise fail(EXIT_OUTSIDE, f"{est}: {getattr(error, 'strerror', None) or error}") from error
