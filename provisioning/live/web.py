"""`dianjian web`: the gateway's status page, for a browser on the gateway or on its maintenance port.

In a process of its own beside the agent (`systemd/dianjian-page.service`), which can write nothing but
letters into the agent's inbox, and files beside the chain. It listens on loopback; a technician reaches it
with `ssh -L 8460:127.0.0.1:8460 gateway`. There it is shown to who may read the status socket, and to who
has the token that it logs at its start. On any other address it requires a password, whose file `dianjian
web --set-password FILE` writes, and does not start without one. Without a certificate it is plain HTTP, and
the password and the page can be read on that network: use it over a cable, or give --certificate and --key.
"""

import datetime as dt
import logging
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import click
from attrs import define, evolve, field

from agent.site.file import ConfigError
from agent.status.socket import SOCKET_NAME, read_status
from agent.store.names import DATABASE_NAME
from drivers.clock import NS_PER_S, Clock, ClockSpecError, SystemClock, clock_from_spec
from provisioning.declaring.certificate import KEY_NAME, make_certificate
from provisioning.declaring.desk import DeclarationDesk, Plant
from provisioning.declaring.passwords import (
    PasswordError,
    is_password_file,
    read_password,
    read_typed_password,
    write_password,
)
from provisioning.live.listening import LISTEN, load_context, parse_address, run
from provisioning.live.page.chain import Chain
from provisioning.live.page.gate import Gate, Token
from provisioning.live.page.neighbour import may_read_status
from provisioning.live.page.orders import list_orders
from provisioning.live.page.page import POLICY, draw_status_page
from provisioning.live.page.server import Server
from provisioning.live.page.shown import Shown
from provisioning.live.page.site import SiteFile
from provisioning.live.page.snapshot import Snapshot
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.paths import USUAL_SITE
from provisioning.terminal.say import say
from provisioning.words.language import language

NOT_UNDERSTOOD: Final = "its answer is not understood: is it another version?"
NOT_UNDERSTOOD_ERRORS: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""Errors that a malformed status causes in a page."""
LOG: Final = logging.getLogger("dianjian.page")
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("web", short_help="the gateway's page for a browser: status, orders, declarations")
@click.option("--config", type=click.Path(path_type=Path), help="The site file of the agent.")
@click.option("--listen", default=LISTEN, show_default=True, metavar="ADDRESS:PORT", help="Where to listen.")
@click.option("--password-file", type=_FILE, help="Require the password stored in this file.")
@click.option("--certificate", type=_FILE, help="Serve HTTPS with this certificate chain (PEM).")
@click.option("--key", type=_FILE, help="The certificate's key (PEM).")
@click.option("--name", "names", multiple=True, metavar="HOST", help="A name of this gateway in browsers.")
@click.option(
    "--make-certificate",
    "certificate_folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Make a key and certificate for --name there, print the lines for the site file, exit.",
)
@click.option("--set-password", type=_FILE, help="Ask for a password, store it in this file, exit.")
@click.option("--sim-clock", hidden=True, help="Simulated time; a demo's.")
def command(
    config: Path | None,
    listen: str,
    password_file: Path | None,
    certificate: Path | None,
    key: Path | None,
    names: tuple[str, ...],
    certificate_folder: Path | None,
    set_password: Path | None,
    sim_clock: str | None,
) -> None:
    """Serve the page until ctrl-C."""
    if certificate_folder is not None:
        _make_certificate(certificate_folder, names, listen)
        return
    if set_password is not None:
        _set_password(set_password)
        return
    config = config or Path(USUAL_SITE)
    host, port = parse_address(listen)
    if not ip_address(host).is_loopback and password_file is None:
        raise fail(
            EXIT_USAGE,
            f"--listen {listen}: not loopback, so a password is needed: "
            "dianjian web --set-password FILE, then --password-file FILE",
        )
    try:
        gate = None if password_file is None else Gate(read_password(password_file))
        site = SiteFile(config)
        chain = Chain(site.plan().state / DATABASE_NAME)
        clock = clock_from_spec(sim_clock)
    except (PasswordError, ConfigError, ClockSpecError) as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    context = load_context(certificate, key)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    token = Token() if gate is None else None
    declares = context is not None or ip_address(host).is_loopback
    pages = Pages(site, chain, declares=declares, clock=clock)
    chinese = language() == "zh"
    declare = DeclarationDesk(pages.describe_plant, pages.read_utc_ns).answer if declares else None
    server = Server(
        pages.build, POLICY, gate, names, chinese, token, pages.may_see, pages.note_shown, declare
    )
    run(server, host, port, context)


@define
class Pages:
    """Builds the page from the agent, its chain and its site file as they are now."""

    site: SiteFile
    chain: Chain
    declares: bool = False
    clock: Clock = field(factory=SystemClock)
    _shown: Shown = field(factory=Shown, init=False)

    def read_utc_ns(self) -> int:
        """The time, ns since 1970."""
        return self.clock.stamp().utc_ns

    def note_shown(self) -> None:
        """Tell the agent which orders somebody was sent for the first time."""
        self._shown.tell(self.site.plan().state, self.read_utc_ns())

    def describe_plant(self) -> Plant:
        """What the form for declarations needs of the site file."""
        plan = self.site.plan()
        lines = tuple((line.id, line.name) for line in plan.line)
        return Plant(plan.name or plan.gateway, plan.state, plan.offset_s, lines)

    def may_see(self, user: int) -> bool:
        """Whether a user of this machine may read the status socket too."""
        return may_read_status(user, self.site.plan().state / SOCKET_NAME)

    def build(self, *, chinese: bool) -> bytes:
        """The page."""
        plan = self.site.plan()
        self.chain.database = plan.state / DATABASE_NAME
        status, silence = _read_status(plan.state)
        now_s = self.read_utc_ns() / NS_PER_S
        seen = Snapshot(
            plan, status, silence, self.chain.read(plan, now_s), now_s, self.site.problem, self.declares
        )
        try:
            page = draw_status_page(seen, chinese=chinese)
        except NOT_UNDERSTOOD_ERRORS:
            if status is None:
                raise
            LOG.exception("what answers on the status socket is not understood")  # another version's agent
            return draw_status_page(evolve(seen, status=None, silence=NOT_UNDERSTOOD), chinese=chinese)
        self._shown.note(list_orders(seen))
        return page


def _read_status(state: Path) -> tuple[dict[str, Any] | None, str]:
    try:
        return read_status(state), ""
    except (OSError, ValueError) as error:
        return None, getattr(error, "strerror", None) or str(error)


def _make_certificate(folder: Path, names: tuple[str, ...], listen: str) -> None:
    if not names:
        raise fail(
            EXIT_USAGE, "--make-certificate: name the address that telephones open: --name 192.168.8.1"
        )
    if (folder / KEY_NAME).exists():
        raise fail(EXIT_USAGE, f"{folder / KEY_NAME}: is there already; a key is never overwritten")
    fingerprint = make_certificate(folder, names, dt.datetime.now(dt.UTC))
    host = f"[{names[0]}]" if ":" in names[0] else names[0]
    _, port = parse_address(listen)
    say("[page]", f'url = "https://{host}:{port}/"', f'certificate_sha256 = "{fingerprint}"')


def _set_password(path: Path) -> None:
    """From the terminal or a script."""
    password = read_typed_password(confirm=True)
    if path.exists() and not is_password_file(path):
        raise fail(EXIT_USAGE, f"{path}: is there already and keeps no password; name another file")
    try:
        write_password(path, password)
    except PasswordError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    say(f"{path}: kept")
