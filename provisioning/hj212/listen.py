"""`dianjian hj212 listen ADDRESS:PORT`: which data loggers call, in words, and the tables of the site file.

Nothing is answered, so a logger keeps what it has and sends it again to the agent: this verb is for the time
before that has the port. At the end each MN that sent real time data is told with the model that fits its
items, its interval, and the tables of the site file. Ends with 1 if none did, with 3 without the port.
"""

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

import click
from attrs import define, field

from drivers.errors import BusDownError, BusUrlError
from drivers.hj212.decoding import Taken, decode
from drivers.hj212.numbers import Command
from drivers.hj212.oddity import PacketError
from drivers.hj212.stream import Broken, Piece, Stream
from drivers.link.bus_url import parse_url
from drivers.link.listener import Listener, Peer
from drivers.points.model import load, logger_names
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
from wire.platforms.credentials import CredentialsError, read_credentials

LOOK_S: Final = 0.2
MNS_MAX: Final = 64
"""That are told; who makes up new ones is not listened to for ever."""
INTERVALS_MAX: Final = 100
USUAL_S: Final = 60
SCHEME: Final = "hj212+listen://"
_MN: Final = re.compile(r"[0-9A-Za-z]{6,24}")


@define
class _Logger:
    """What came under one MN."""

    items: set[str] = field(factory=set)
    heard_s: float | None = None
    intervals_s: list[float] = field(factory=list)

    def note(self, taken: Taken, now_s: float) -> None:
        """A packet of real time data."""
        self.items.update(name for name, _ in taken.packet.items())
        if self.heard_s is not None and len(self.intervals_s) < INTERVALS_MAX:
            self.intervals_s.append(now_s - self.heard_s)
        self.heard_s = now_s

    @property
    def every_s(self) -> int:
        """How often it sends."""
        return max(round(median(self.intervals_s)), 1) if self.intervals_s else USUAL_S

    def find_model(self) -> str:
        """The shipped model with the most of its items; "" if none has one."""
        fits = Counter({
            name: len(self.items & {point.item for point in load(name).points} - {"DataTime"})
            for name in logger_names()
        })  # fmt: skip
        ((name, count),) = fits.most_common(1)
        return name if count else ""


@click.command("listen")
@click.argument("place", metavar="ADDRESS:PORT")
@click.option(
    "--seconds", type=click.IntRange(1, 3_600), default=120, show_default=True, help="How long it listens."
)
@click.option("--count", type=click.IntRange(0), default=0, help="End after so many packets; 0 for all.")
@click.option(
    "--credentials",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the key of a logger that encrypts; mode 0600.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="An object a packet, and at the end one for each logger."
)
def listen(place: str, seconds: int, count: int, credentials: Path | None, as_json: bool) -> None:
    """Show which data loggers call at a port of this machine, and what to write into the site file."""
    try:
        listener = parse_url(f"{SCHEME}{place}").listener
        keys = () if credentials is None else read_credentials(credentials).keys
    except BusUrlError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    except CredentialsError as error:
        raise fail(EXIT_USAGE, *error.problems) from error
    assert listener is not None
    hearing = _Hearing(listener, keys, as_json)
    try:
        listener.open()
        hearing.run(seconds, count)
    except BusDownError as error:
        raise fail(EXIT_OUTSIDE, str(error)) from error
    finally:
        listener.close()
    found = {mn: one for mn, one in hearing.loggers.items() if _MN.fullmatch(mn)}
    if not found:
        raise fail(EXIT_NO, translate(WORDS["nobody"], place=place, seconds=seconds))
    for mn, one in found.items():
        row = {"mn": mn, "model": one.find_model(), "every_s": one.every_s, "items": sorted(one.items)}
        if as_json:
            say_json(row)
    if not as_json:
        say(translate(WORDS["write"]), "", *_write_tables(place, found))


def _write_tables(place: str, found: Mapping[str, _Logger]) -> Iterator[str]:
    """The tables of the site file."""
    yield from ("[[bus]]", 'id = "loggers"', f'url = "{SCHEME}{place}"')
    for number, (mn, one) in enumerate(found.items(), start=1):
        yield from ("", "[[meter]]", f'id = "cems{number}"', 'bus = "loggers"')
        yield f'model = "{one.find_model()}"' if one.find_model() else f"# {translate(WORDS['own model'])}"
        yield from (f'address = "{mn}"', f"fast_s = {one.every_s}")


@define
class _Hearing:
    """What is heard, told packet by packet."""

    _listener: Listener
    _keys: tuple[bytes, ...]
    _as_json: bool
    loggers: dict[str, _Logger] = field(factory=dict)
    _streams: dict[Peer, Stream] = field(factory=dict)
    _heard: int = 0

    def run(self, seconds: float, count: int) -> None:
        """Until the time is over, or so many packets have come; raises BusDownError."""
        now_s = time.monotonic()
        end_s = now_s + seconds
        while now_s < end_s and not 0 < count <= self._heard:
            for peer in self._listener.wait(min(LOOK_S, end_s - now_s), now_s):
                stream = self._streams.setdefault(peer, Stream())
                for piece in stream.feed(peer.read(now_s)):
                    self._take(piece, peer.host, time.monotonic())
            now_s = time.monotonic()
            self._streams = {peer: one for peer, one in self._streams.items() if peer.is_open}

    def _take(self, piece: Piece, host: str, now_s: float) -> None:
        self._heard += 1
        if isinstance(piece, Broken):
            self._refuse(piece, host)
            return
        try:
            taken = decode(piece.raw, self._keys)
        except PacketError as error:
            self._refuse(error, host)
            return
        if taken.packet.cn == Command.REAL and (
            taken.packet.mn in self.loggers or len(self.loggers) < MNS_MAX
        ):
            self.loggers.setdefault(taken.packet.mn, _Logger()).note(taken, now_s)
        if self._as_json:
            say_json({"host": host, **packet_object(taken, 0)})
        else:
            say(translate(WORDS["event"], where=host, text=name_packet(taken)), *explain_packet(taken))

    def _refuse(self, trouble: Broken | PacketError, host: str) -> None:
        if self._as_json:
            told: dict[str, Any] = {"host": host, **refusal_object(trouble, trouble.place)}
            say_json(told)
            return
        why = translate(WORDS["refused"], place=trouble.place, why=explain_refusal(trouble))
        say(translate(WORDS["event"], where=host, text=why))
