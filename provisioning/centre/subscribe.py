"""`dianjian subscribe`: the reference subscriber.

Verifies everything from the enrolled first keys, commits, answers receipts and the beacon, and
prints what is verified as JSON lines: readings, episodes, findings.
"""

import json
import os
import signal
import sys
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from shutil import disk_usage
from typing import Final

import click

from centre.orders.ledger import Ledger, LedgerError
from centre.rechecks import Rechecks
from centre.register import RegisterError, read_register
from centre.store.contract import CentreStore
from centre.store.copying import refuse_copy
from centre.store.place import Place, find_shelf, open_shared, open_store
from centre.store.slices import SlicesError, parse_slices
from centre.subscriber import SUBSCRIPTIONS, Subscriber
from disk.database import CommitError, StoreError, add_suffix
from drivers.clock import ClockSpecError, clock_from_spec
from evidence.delegated import Signer
from evidence.keys import KeyFileError, load_key_file, public
from evidence.moments import NS_PER_MS
from evidence.words import Words
from provisioning.centre.options import FILE, REGISTER
from provisioning.centre.rechecking import recheck_in
from provisioning.terminal.exits import EXIT_OUTSIDE, EXIT_USAGE, fail
from provisioning.terminal.store_option import store_option
from provisioning.words.language import translate
from wire.mqtt_settings import MqttSettings, MqttSettingsError, parse_broker

WORDS: Final = {
    "no signer": Words(
        "{file}：既不是 {orders} 的根密钥，也不是有效的回执密钥；见 `centre keys certify --role receipt`",
        "{file}: is neither the root of {orders} nor a receipt key in force; "
        "`dianjian centre keys certify --role receipt` certifies one",
    ),
}
ROOM_BYTES: Final = 1 << 20
"""Less than a transaction needs: the disk counts as full."""
SWITCH_S: Final = 0.0005
"""How long the core may keep the connection's thread waiting, which gives way at each system call: with the
usual 5 ms a message takes 30 ms to be read while the core works, and others queue up behind it."""


@click.command("subscribe", short_help="verify what gateways publish, and answer receipts")
@click.option("--broker", required=True, metavar="URL", help="mqtts://host:port, or mqtt:// on this machine.")
@REGISTER
@click.option(
    "--key", required=True, type=FILE, help="Key file of the root, or of a receipt key that it has certified."
)
@store_option("Database of what is verified.", required=True)
@click.option(
    "--slices",
    metavar="auto|0-127",
    help="One of several verifiers on one PostgreSQL database: an even part of the gateways, or these of 256 "
    "slices.",
)
@click.option("--orders", type=FILE, help="The ledger of orders; it is read again when something was added.")
@click.option("--ca", type=FILE, help="Certificate of the authority that signed the broker's.")
@click.option("--certificate", type=FILE, help="Own client certificate.")
@click.option("--certificate-key", type=FILE, help="Its key.")
@click.option(
    "--client-id", default="centre", show_default=True, help="Fixed: the broker keeps the session under it."
)
@click.option("--plain", is_flag=True, help="Allow mqtt:// to another machine.")
@click.option("--sim-clock", hidden=True, help="Simulated time; receipts carry it.")
def command(
    broker: str,
    register: Path,
    key: Path,
    store: Place,
    slices: str | None,
    orders: Path | None,
    ca: Path | None,
    certificate: Path | None,
    certificate_key: Path | None,
    client_id: str,
    plain: bool,
    sim_clock: str | None,
) -> None:
    """Verify, answer, and print JSON lines until SIGTERM or ctrl-C."""
    os.umask(0o077)  # its files show what plants do, and when
    with ExitStack() as stack:
        try:
            address = parse_broker(broker, ca, certificate, certificate_key)
            settings = MqttSettings(address.host, address.port, client_id, address.tls, plain, SUBSCRIPTIONS)
            read_register(register)
            clock = clock_from_spec(sim_clock)
            signer = _find_signer(key, orders, clock.stamp().utc_ns // NS_PER_MS)
            opened = stack.enter_context(closing(_open(store, slices)))
            refuse_copy(opened.journal(), store)
            memory = add_suffix(store if isinstance(store, Path) else register, ".memory")
            files = find_shelf(store, register)
            others = orders, files, Rechecks(recheck_in(store))
            subscriber = Subscriber(settings, opened, memory, register, signer, clock, _print, *others)
        except (MqttSettingsError, RegisterError, KeyFileError, ClockSpecError, OSError) as error:
            raise fail(EXIT_USAGE, str(error)) from error
        except (StoreError, CommitError) as error:
            raise fail(EXIT_OUTSIDE, _explain(error, store)) from error
        sys.setswitchinterval(SWITCH_S)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: subscriber.stop())
        _print(json.dumps({"type": "ready", "broker": broker}))
        try:
            subscriber.run()
        except (StoreError, CommitError) as error:
            raise fail(EXIT_OUTSIDE, _explain(error, store)) from error


def _explain(error: Exception, store: Place) -> str:
    """What went wrong; SQLite has several words for a disk without room, of which few say so."""
    if isinstance(store, Path) and disk_usage(store.absolute().parent).free < ROOM_BYTES:
        return f"{error}: the disk is full: make room and start again; gateways keep what has no receipt"
    return str(error)


def _find_signer(key: Path, orders: Path | None, utc_ms: int) -> Signer:
    """The root, or a receipt key with its certificate; ends the command where none is in force."""
    secret = load_key_file(key)
    if orders is None or not orders.exists():
        return Signer.of_root(secret)
    ledger, mine = Ledger(orders), public(secret)
    with suppress(LedgerError):  # the lines above a wrong one hold, and the running subscriber tells it
        ledger.read_more()
    if ledger.root in {b"", mine}:
        return Signer.of_root(secret)
    certificate = ledger.receipt_certificate(mine, utc_ms)
    if certificate is None:
        raise fail(EXIT_USAGE, translate(WORDS["no signer"], file=key, orders=orders))
    return Signer(secret, ledger.root, certificate)


def _open(store: Place, slices: str | None) -> CentreStore:
    if slices is None:
        return open_store(store)
    try:
        return open_shared(store, *parse_slices(slices))
    except SlicesError as error:
        raise fail(EXIT_USAGE, f"--slices {slices}: {error}") from error


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
