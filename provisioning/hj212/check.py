"""`dianjian hj212 check HOST`: a conversation with a platform, in words, while nothing is delivered.

Connects as `send` would, sends a heartbeat, answers what the platform asks, and shows every packet. No
reading is sent, no history given, and an MN or key that the platform would assign is not taken: that is for
`send`, whose queue and credential file keep it. Ends with 1 without an answer, with 3 without a connection.
"""

import contextlib
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import click
from attrs import define

from agent.site.file import ConfigError, load_site
from agent.site.platforms import read_platforms
from disk.tables import TableError
from drivers.hj212.numbers import ANSWERS, Command
from drivers.hj212.times import RequestNumbers
from evidence.moments import utc_ms
from provisioning.hj212.explain import (
    explain_packet,
    explain_refusal,
    name_packet,
    packet_object,
    refusal_object,
)
from provisioning.hj212.words import WORDS
from provisioning.terminal.exits import EXIT_NO, EXIT_OUTSIDE, EXIT_USAGE, fail
from provisioning.terminal.say import say, say_json
from provisioning.words.language import translate
from provisioning.words.platforms import EVENTS
from wire.hj212.acts import Act, AskHistory, AssignMn, Event, HangUp, RenewKey, Send, Tell
from wire.hj212.link import Link
from wire.platforms.connection import CONNECT_S, READ_BYTES, SETTLE_S
from wire.platforms.credentials import Credentials, CredentialsError, read_credentials
from wire.platforms.hosts import Host, read_hosts

FILE: Final = click.Path(dir_okay=False, path_type=Path)
LOOK_S: Final = 0.2
Tells = Callable[[Sequence[str], Mapping[str, object]], None]
"""Lines for people, and the same as an object for scripts."""


class UnreachableError(Exception):
    """There is no connection; says why in the language of the call."""


@click.command("check")
@click.argument("host")
@click.option("--hosts", type=FILE, help="The host file: platforms, stations, codes.")
@click.option(
    "--site", type=FILE, help="The site file of a gateway that sends on its own, in place of --hosts."
)
@click.option("--mn", default="", help="The station, if it is not the first.")
@click.option(
    "--seconds", type=click.IntRange(1, 3_600), default=15, show_default=True, help="How long it listens."
)
@click.option("--json", "as_json", is_flag=True, help="An object a packet.")
def check(host: str, hosts: Path | None, site: Path | None, mn: str, seconds: int, as_json: bool) -> None:
    """Show a conversation with the platform HOST of a host file in words; no reading is sent."""
    known = {one.name: one for one in _read_known(hosts, site)}
    if host not in known:
        raise fail(EXIT_USAGE, translate(WORDS["no host"], host=host, known=", ".join(known)))
    found = known[host]
    stations = [one for one in found.stations if mn in {"", one.mn}]
    if not stations:
        raise fail(EXIT_USAGE, translate(WORDS["no station"], mn=mn, host=host))
    try:
        credentials = read_credentials(found.credentials)
    except CredentialsError as error:
        raise fail(EXIT_USAGE, *error.problems) from error

    def tell(lines: Sequence[str], row: Mapping[str, object]) -> None:
        if as_json:
            say_json(row)
        else:
            say(*lines)

    try:
        is_answered = converse(found, stations[0].mn, credentials, seconds, tell)
    except UnreachableError as error:
        raise fail(EXIT_OUTSIDE, str(error)) from error
    if not is_answered:
        raise fail(EXIT_NO, translate(WORDS["silent"], seconds=seconds))
    if not as_json:
        say(translate(WORDS["answered"], host=host))


def _read_known(hosts: Path | None, site: Path | None) -> tuple[Host, ...]:
    if (hosts is None) == (site is None):
        raise fail(EXIT_USAGE, translate(WORDS["one file"]))
    try:
        if hosts is not None:
            return read_hosts(hosts)
        assert site is not None
        plan = load_site(site)
        return read_platforms(plan.hj212, plan.site.gateway, [one.id for one in plan.meter], plan.path)[0]
    except TableError as error:
        raise fail(EXIT_USAGE, *(f"{hosts}: {one}" for one in error.problems)) from error
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error


def converse(
    host: Host, mn: str, credentials: Credentials, seconds: int, tell: Tells, *, ends_answered: bool = False
) -> bool:
    """Whether the platform answers within this time; raises UnreachableError.

    `tell` gets what is to be shown of each packet and event; `ends_answered` ends it with the first answer.
    """
    numbers = RequestNumbers(host.terms.offset_h)
    with _connect(host) as wire:
        link = Link(host.terms, mn, credentials.pw, credentials.keys, numbers, time.monotonic())
        talk = _Talk(wire, link, tell, ends_answered)
        talk.run(seconds)
    return talk.is_answered


def _connect(host: Host) -> socket.socket:
    name = "{}:{}".format(*host.address)
    try:
        wire = socket.create_connection(host.address, CONNECT_S)
    except (OSError, UnicodeError) as error:  # a name that is none is a UnicodeError
        why = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise UnreachableError(translate(WORDS["no connection"], address=name, why=why)) from error
    wire.settimeout(LOOK_S)
    return wire


@define
class _Talk:
    """The conversation and what was shown of it."""

    _wire: socket.socket
    _link: Link
    _tell: Tells
    _ends_answered: bool
    is_answered: bool = False
    _is_over: bool = False
    _heard_s: float = 0.0

    def run(self, seconds: int) -> None:
        """Until the time is over, the platform hangs up or wants what a check may not do."""
        end_s = time.monotonic() + seconds
        self._heard_s = time.monotonic()
        self._do(self._link.beat(self._heard_s, utc_ms()))
        while not self._is_over and (now_s := time.monotonic()) < end_s:
            if self.is_answered and self._ends_answered:
                return
            self._do(self._link.tick(now_s, utc_ms()))
            if now_s - self._heard_s > SETTLE_S:
                self._do(self._link.settle(now_s, utc_ms()))
            with contextlib.suppress(TimeoutError):
                self._take(self._wire.recv(READ_BYTES))

    def _take(self, data: bytes) -> None:
        self._heard_s = time.monotonic()
        if not data:
            self._tell_line(translate(WORDS["hung up"]), {"event": "closed"})
            self._is_over = True
        self._do(self._link.receive(data, self._heard_s, utc_ms()))

    def _do(self, acts: list[Act]) -> None:
        for act in acts:
            if isinstance(act, Send):
                try:
                    self._wire.sendall(act.raw)
                except OSError as error:
                    self._tell_line(translate(WORDS["down"], why=error.strerror), {"event": "closed"})
                    self._is_over = True
                    return
            elif isinstance(act, AssignMn | RenewKey):
                self._tell_line(translate(WORDS["not taken"]), {"event": "not_taken"})
                self._is_over = True
                return
            elif isinstance(act, AskHistory):
                self._do(self._link.add_history([], is_last=True, found=False))
            elif isinstance(act, Tell):
                self._show(act)
            elif isinstance(act, HangUp):
                self._is_over = True

    def _show(self, told: Tell) -> None:
        if told.taken is not None:
            is_got = told.event is Event.GOT
            if is_got:
                self.is_answered |= told.taken.packet.cn in ANSWERS - {Command.EXECUTION_ANSWER}
            head = translate(WORDS["got" if is_got else "gave"], text=name_packet(told.taken))
            row = {"event": told.event.value, **packet_object(told.taken, 0)}
            self._tell([head, *explain_packet(told.taken)], row)
        elif told.trouble is not None:
            shown = {"event": told.event.value, **refusal_object(told.trouble, told.trouble.place)}
            text = explain_refusal(told.trouble)
            self._tell_line(translate(WORDS["refused"], place=told.trouble.place, why=text), shown)
        else:
            line = {"event": told.event.value, "detail": told.detail}
            self._tell_line(translate(EVENTS[told.event.value], detail=told.detail), line)

    def _tell_line(self, text: str, line: Mapping[str, object]) -> None:
        self._tell([text], line)
