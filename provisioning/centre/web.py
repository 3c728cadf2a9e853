"""`dianjian centre web`: the city's page, for a browser on the centre's machine or behind its proxy.

Reads the store beside `dianjian subscribe` and writes nothing. It listens on loopback, where it is shown to
who has the token that it logs at its start; on any other address it requires a password. Where a proxy signs
people in, --proxy-header and --proxy-user together let its requests in: the header says that somebody is
signed in, and only a process of that user on this machine is believed to say so. At /metrics Prometheus finds
the figures, with the same password.
"""

import logging
import pwd
import sys
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import click

from centre.enrolment.ledger import LEDGER_NAME
from centre.fleet.watcher import Watcher
from centre.register import RegisterError, read_register
from centre.store.place import Place, open_to_read
from disk.database import StoreError
from evidence.moments import ZONE, zone_s
from provisioning.care.drift import read_sent
from provisioning.centre.options import FILE, FOLDER, REGISTER
from provisioning.city.page import POLICY
from provisioning.city.positions import PositionsError, read_positions
from provisioning.city.source import Source, WatchedFile, read_keys, read_open_clues, read_papers, read_sites
from provisioning.declaring.passwords import PasswordError, read_password
from provisioning.live.listening import load_context, parse_address, run
from provisioning.live.page.gate import Gate, Token
from provisioning.live.page.neighbour import find_user
from provisioning.live.page.server import Server
from provisioning.terminal.exits import EXIT_OUTSIDE, EXIT_USAGE, fail
from provisioning.terminal.store_option import store_option
from provisioning.words.language import language
from wire.http.exchange import Request

LISTEN: Final = "127.0.0.1:8461"
FIGURES: Final = "/metrics"
"""Where Prometheus asks by itself."""
STRANGERS: Final = (
    b"open the address with its token, as dianjian centre web logs it at its start, or give the page a "
    b"password\n"
)


@click.command("web", short_help="the city's page for a browser: every gateway, the sick ones first")
@store_option("The subscriber's database; it may be running.", required=True)
@REGISTER
@click.option("--authority", type=FOLDER, help="The office's folder, to show when certificates end.")
@click.option(
    "--positions", type=FILE, help="CSV with gateway,longitude,latitude; it goes before the site files."
)
@click.option("--clues", type=FILE, help="The ledger of clues, to show those that are not closed.")
@click.option("--orders", type=FILE, help="The ledger of orders: keys that end, drift, officers of clues.")
@click.option("--zone", default="+08:00", show_default=True, help="Of the times on the page.")
@click.option("--listen", default=LISTEN, show_default=True, metavar="ADDRESS:PORT", help="Where to listen.")
@click.option("--password-file", type=FILE, help="Require the password stored in this file.")
@click.option("--proxy-header", metavar="NAME", help="A proxy sets it to who is signed in there.")
@click.option("--proxy-user", metavar="USER", help="Who runs that proxy on this machine.")
@click.option("--certificate", type=FILE, help="Serve HTTPS with this certificate chain (PEM).")
@click.option("--key", type=FILE, help="The certificate's key (PEM).")
@click.option("--name", "names", multiple=True, metavar="HOST", help="A name of this page in browsers.")
def web(
    store: Place,
    register: Path,
    authority: Path | None,
    positions: Path | None,
    clues: Path | None,
    orders: Path | None,
    zone: str,
    listen: str,
    password_file: Path | None,
    proxy_header: str | None,
    proxy_user: str | None,
    certificate: Path | None,
    key: Path | None,
    names: tuple[str, ...],
) -> None:
    """Serve the page until ctrl-C."""
    host, port = parse_address(listen)
    if not ZONE.fullmatch(zone):
        raise fail(EXIT_USAGE, f"--zone: an offset like +08:00, not {zone!r}")
    if clues is not None and orders is None:
        raise fail(EXIT_USAGE, "--clues needs --orders too")
    vouches = _vouch(proxy_header, proxy_user)
    if not ip_address(host).is_loopback and password_file is None:
        raise fail(
            EXIT_USAGE,
            f"--listen {listen}: not loopback, so a password is needed: "
            "dianjian web --set-password FILE, then --password-file FILE",
        )
    try:
        gate = None if password_file is None else Gate(read_password(password_file))
        read_register(register)
        if positions is not None:
            read_positions(positions)
        open_to_read(store).close()
    except (PasswordError, RegisterError, PositionsError) as error:
        raise fail(EXIT_USAGE, str(error)) from error
    except StoreError as error:
        raise fail(EXIT_OUTSIDE, str(error)) from error
    context = load_context(certificate, key)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    ledger = None if authority is None else authority / LEDGER_NAME
    source = Source(
        Watcher(store),
        WatchedFile(register, read_sites),
        WatchedFile(ledger, read_papers),
        WatchedFile(positions, read_positions),
        WatchedFile(clues, partial(read_open_clues, orders=orders or Path())),
        WatchedFile(orders, read_keys),
        None if orders is None else partial(read_sent, orders, store),
        zone_s(zone),
    )
    token = Token() if gate is None else None
    server = Server(
        source.build,
        POLICY,
        gate,
        names,
        language() == "zh",
        token,
        vouches=vouches,
        strangers=STRANGERS,
        others={FIGURES: source.write_figures},
    )
    source.begin()
    run(server, host, port, context)
    source.end()


def _vouch(header: str | None, user: str | None) -> Callable[[Request], bool]:
    """Whether a request comes from the proxy's user and names somebody."""
    if (header is None) != (user is None):
        raise fail(
            EXIT_USAGE,
            "--proxy-header and --proxy-user go together: a header alone could come from anybody here",
        )
    if header is None or user is None:
        return lambda _request: False
    try:
        number = pwd.getpwnam(user).pw_uid
    except KeyError:
        raise fail(EXIT_USAGE, f"--proxy-user {user}: there is no such user") from None
    name = header.lower()

    def vouch(request: Request) -> bool:
        return (
            bool(request.headers.get(name, "").strip())
            and len(request.ends) == 2
            and find_user(*request.ends) == number
        )

    return vouch
