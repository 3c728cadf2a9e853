"""`dianjian hj212 send`: verified readings from the centre's store to platforms, until SIGTERM or ctrl-C.

It runs beside `dianjian subscribe`, needs no key of the centre, and may be killed at any time: its queue is a
file, and what was not answered is sent again under its QN. Changes of state are told, not every packet.
"""

import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

import click
from attrs import define, field

from centre.consumer import Consumer, Wanted
from centre.feed import CursorError
from centre.hj212.source import Source
from centre.store.place import Place
from disk.database import StoreError, add_suffix
from disk.lock import Lock
from disk.tables import TableError
from drivers.clock import ClockSpecError, clock_from_spec
from evidence.moments import NS_PER_MS, iso_utc, utc_ms
from provisioning.hj212.explain import explain_refusal
from provisioning.hj212.words import WORDS
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.moment import Moment
from provisioning.terminal.say import say, say_json
from provisioning.terminal.stopping import stopping
from provisioning.terminal.store_option import store_option
from provisioning.words.language import translate
from provisioning.words.platforms import EVENTS, REQUEST_RESULTS
from wire.hj212.acts import Event, Tell
from wire.platforms.connection import Connection
from wire.platforms.credentials import CredentialsError, read_credentials
from wire.platforms.hosts import Host, read_hosts
from wire.platforms.queue import Queue
from wire.platforms.service import Service

FILE: Final = click.Path(dir_okay=False, path_type=Path)
QUIET: Final = frozenset({Event.SENT, Event.GOT, Event.REPEATED})
"""Not told: packets of an ordinary conversation."""
TYPES: Final = frozenset({"reading", "seal", "body"})
TOLD_MAX: Final = 1_000
"""Different troubles that are told; who makes up new ones is not listened to for ever."""


@click.command("send")
@store_option("The subscriber's database; it may be running.", required=True)
@click.option("--hosts", required=True, type=FILE, help="The host file: platforms, stations, codes.")
@click.option("--queue", required=True, type=FILE, help="Database of what waits; made if it is not there.")
@click.option("--since", type=Moment(), help="At the first call: from this time on, instead of from now.")
@click.option("--json", "as_json", is_flag=True, help="Each event as a line of JSON.")
@click.option("--sim-clock", hidden=True, help="Simulated time; receipts carry it.")
def send(
    store: Place, hosts: Path, queue: Path, since: int | None, as_json: bool, sim_clock: str | None
) -> None:
    """Send verified readings to the platforms of a host file until SIGTERM or ctrl-C."""
    told = _Telling(as_json)
    try:
        clock, known = clock_from_spec(sim_clock), read_hosts(hosts)
    except ClockSpecError as error:
        raise fail(EXIT_USAGE, f"--sim-clock: {error}") from error
    except TableError as error:
        raise fail(EXIT_USAGE, *(f"{hosts}: {one}" for one in error.problems)) from error
    wanted = Wanted(frozenset(one.gateway for host in known for one in host.stations), TYPES)
    try:
        consumer = Consumer(store, wanted, _read_keys(known))
        since_ms = clock.stamp().utc_ns // NS_PER_MS if since is None else since
        with Lock(add_suffix(queue, ".lock")), closing(Queue.open(queue, consumer.store, since_ms)) as opened:
            service = Service(Source(consumer, opened, known), opened, clock, told.tell)
            for one in known:
                service.connect(one)
            told.begin(service)
            with stopping() as stop:
                service.run(stop)
    except CursorError as error:
        raise fail(EXIT_USAGE, translate(WORDS["other store"], queue=queue, store=store)) from error
    except CredentialsError as error:
        raise fail(EXIT_USAGE, *error.problems) from error
    except StoreError as error:
        raise fail(EXIT_USAGE, str(error)) from error


def _read_keys(hosts: Iterable[Host]) -> dict[str, dict[str, tuple[bytes, ...]]]:
    """The keys of data loggers that encrypt, by gateway and meter; raises CredentialsError."""
    keys: dict[str, dict[str, tuple[bytes, ...]]] = {}
    for station in (one for host in hosts for one in host.stations):
        for meter in station.meters:
            if meter.credentials is not None:
                keys.setdefault(station.gateway, {})[meter.id] = read_credentials(meter.credentials).keys
    return keys


@define
class _Telling:
    """Prints changes of state, and each trouble once until the connection is made again."""

    as_json: bool
    _told: dict[str, set[str]] = field(init=False, factory=dict)
    _is_up: dict[str, bool] = field(init=False, factory=dict)

    def begin(self, service: Service) -> None:
        """Say what waits."""
        for one in service.source.hosts:
            waiting, dropped = service.queue.count(one.name)
            line = {"host": one.name, "event": "waiting", "waiting": waiting, "dropped": dropped}
            self._print(line, translate(WORDS["waiting"], host=one.name, count=waiting, dropped=dropped))

    def tell(self, connection: Connection, what: Tell | tuple[bool, str]) -> None:
        """Print it if it is new."""
        where = f"{connection.account.host.name} {connection.station.name}"
        if isinstance(what, tuple):
            self._tell_state(where, *what)
            return
        if what.event in QUIET:
            return
        detail = explain_refusal(what.trouble) if what.trouble is not None else what.detail
        told = self._told.setdefault(where, set())
        if (key := f"{what.event} {detail}") in told or len(told) >= TOLD_MAX:
            return
        told.add(key)
        if what.event is Event.REFUSED and detail in REQUEST_RESULTS:
            detail = translate(REQUEST_RESULTS[detail])
        line = {"host": where, "event": what.event.value, "detail": detail}
        self._print(
            line,
            translate(WORDS["event"], where=where, text=translate(EVENTS[what.event.value], detail=detail)),
        )

    def _tell_state(self, where: str, is_up: bool, why: str) -> None:
        if self._is_up.get(where) is is_up:
            return
        self._is_up[where] = is_up
        self._told.pop(where, None)
        line = {"host": where, "event": "up" if is_up else "down", "detail": why}
        text = translate(WORDS["up"]) if is_up else translate(WORDS["down"], why=why)
        self._print(line, translate(WORDS["event"], where=where, text=text))

    def _print(self, line: Mapping[str, object], text: str) -> None:
        if self.as_json:
            say_json(line)
        else:
            say(f"{iso_utc(utc_ms())} {text}")
        sys.stdout.flush()
