"""What data loggers send to a port: each packet as it comes, and by MN what a site file needs.

Nothing is answered, so a logger keeps what it has and sends it again some seconds later. How often it
measures is thus told by the DataTime of its packets, never by when they come.
"""

import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from statistics import median
from typing import Final

from attrs import define, field, frozen

from drivers.hj212.decoding import Taken, decode
from drivers.hj212.numbers import Command
from drivers.hj212.oddity import PacketError
from drivers.hj212.packet import DATA_TIME
from drivers.hj212.stream import Broken, Piece, Stream
from drivers.hj212.times import MS_PER_S, read_time
from drivers.link.listener import Listener, Peer
from drivers.points.model import load, logger_names

LOOK_S: Final = 0.2
"""Between two looks at the clock; bytes are taken as they come."""
MNS_MAX: Final = 64
"""That are told; who makes up new ones is not listened to for ever."""
TIMES_MAX: Final = 100
"""Times of data that an interval is taken from."""
USUAL_S: Final = 60
"""How often loggers send real time data, where two packets did not tell."""


@define
class Logger:
    """What came under one MN: the first packet of real time data, its items, who sent it.

    Attributes:
        pw: The password in its packets; it is shown nowhere.
    """

    first: Taken
    host: str
    items: set[str] = field(factory=set)
    _times_ms: set[int] = field(factory=set)

    def note(self, taken: Taken) -> None:
        """A packet of real time data."""
        self.items.update(name for name, _ in taken.packet.items())
        at_ms = read_time(taken.packet.find(DATA_TIME))
        if at_ms is not None and not taken.packet.is_backfill and len(self._times_ms) < TIMES_MAX:
            self._times_ms.add(at_ms)

    @property
    def pw(self) -> str:
        """The password of its first packet."""
        return self.first.packet.pw

    @property
    def every_s(self) -> int:
        """How often it sends."""
        gaps_ms = [later - sooner for sooner, later in pairwise(sorted(self._times_ms))]
        return max(round(median(gaps_ms) / MS_PER_S), 1) if gaps_ms else USUAL_S

    def find_model(self) -> str:
        """The shipped model with the most of its items; "" if none has one."""
        fits = Counter({
            name: len(self.items & {point.item for point in load(name).points} - {DATA_TIME})
            for name in logger_names()
        })  # fmt: skip
        ((name, count),) = fits.most_common(1)
        return name if count else ""


@frozen
class Heard:
    """One piece of what came, from one address; `place` is its byte in that connection, from 0."""

    host: str
    what: Taken | PacketError | Broken
    place: int = 0


@define
class Hearing:
    """Everything that comes to a port that is open.

    Attributes:
        keys: SM4 keys that are tried.
        loggers: By MN, those that have sent real time data.
    """

    _listener: Listener
    keys: tuple[bytes, ...] = ()
    loggers: dict[str, Logger] = field(factory=dict)
    _streams: dict[Peer, Stream] = field(factory=dict)

    def listen(self, seconds: float) -> Iterator[Heard | None]:
        """What comes within this time; None each time that nothing did. Raises BusDownError."""
        now_s = time.monotonic()
        end_s = now_s + seconds
        while now_s < end_s:
            pieces = list(self._wait(min(LOOK_S, end_s - now_s), now_s))
            for host, piece in pieces:
                what = self._take(piece, host)
                within = what.place if isinstance(what, PacketError) else 0
                yield Heard(host, what, piece.place + within)
            if not pieces:
                yield None
            now_s = time.monotonic()

    def _wait(self, wait_s: float, now_s: float) -> Iterator[tuple[str, Piece]]:
        for peer in self._listener.wait(wait_s, now_s):
            stream = self._streams.setdefault(peer, Stream())
            for piece in stream.feed(peer.read(now_s)):
                yield peer.host, piece
        self._streams = {peer: one for peer, one in self._streams.items() if peer.is_open}

    def _take(self, piece: Piece, host: str) -> Taken | PacketError | Broken:
        if isinstance(piece, Broken):
            return piece
        try:
            taken = decode(piece.raw, self.keys)
        except PacketError as error:
            return error
        mn = taken.packet.mn
        if taken.packet.cn == Command.REAL and (mn in self.loggers or len(self.loggers) < MNS_MAX):
            self.loggers.setdefault(mn, Logger(taken, host)).note(taken)
        return taken
