"""Meters on loopback, each at an address of its own (127.0.0.1, 127.0.0.2, …), all served by one thread.

Each is a Modbus TCP device of unit 1. Any of them can die in one of the ways of `Death` while it is read, and
come back.
"""

import contextlib
import math
import selectors
import socket
import struct
import threading
from collections.abc import Iterator
from enum import StrEnum

from attrs import Factory, define

PORT_TRIES = 20
LINGER = struct.pack("ii", 1, 0)
"""Closed with it, a connection ends with RST."""


class Death(StrEnum):
    """What becomes of a meter."""

    SILENT = "its connection stays open and it answers nothing"
    GONE = "nothing comes back, not even from its network: no answer to a SYN"
    REFUSING = "its port is closed: RST"
    HANGING_UP = "it takes a connection and closes it"
    ABSENT = "a gateway answers in its place: exception 11"
    NOISY = "it answers what is no frame"
    HALF = "its answers break off"


@define(eq=False)
class One:
    """One meter and its connections."""

    number: int
    listener: socket.socket | None = None
    links: dict[socket.socket, bytes] = Factory(dict)
    fillers: list[socket.socket] = Factory(list)
    death: Death | None = None
    answers: int = 0
    connections: int = 0


class ManyMeters:
    """`count` of them; call `die` and `revive` from any thread. `answers` are the good ones of each."""

    def __init__(self, count: int) -> None:
        self._meters = [One(number) for number in range(count)]
        self._selector = selectors.DefaultSelector()
        self._orders: list[tuple[int, Death | None, threading.Event]] = []
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self.port = _bind_all(self._meters)
        for meter in self._meters:
            self._watch(meter)
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="meters", daemon=True)

    def url(self, number: int) -> str:
        """Of the bus on which meter `number` is alone."""
        return f"tcp://{_host(number)}:{self.port}"

    @property
    def urls(self) -> list[str]:
        """Of all."""
        return [self.url(meter.number) for meter in self._meters]

    @property
    def thread_id(self) -> int:
        """Of the thread that serves them, as the kernel numbers it."""
        assert self._thread.native_id is not None
        return self._thread.native_id

    @property
    def answers(self) -> list[int]:
        """How many good answers each has given."""
        return [meter.answers for meter in self._meters]

    @property
    def connections(self) -> list[int]:
        """How many times each was connected to."""
        return [meter.connections for meter in self._meters]

    def die(self, number: int, death: Death) -> None:
        """Have a meter die; it has when this returns."""
        self._order(number, death)

    def revive(self, number: int) -> None:
        """Have it live again."""
        self._order(number, None)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """End and close everything."""
        self._stopped = True
        self._wake.send(b"\0")
        self._thread.join(10)
        for meter in self._meters:
            self._close(meter)
        for one in (self._wake, self._woken, self._selector):
            one.close()

    def _order(self, number: int, death: Death | None) -> None:
        done = threading.Event()
        self._orders.append((number, death, done))
        self._wake.send(b"\0")
        assert done.wait(10)

    def _run(self) -> None:
        while not self._stopped:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    self._woken.recv(64)
                    while self._orders:
                        number, death, done = self._orders.pop(0)
                        self._change(self._meters[number], death)
                        done.set()
                elif key.fileobj is key.data.listener:
                    self._accept(key.data)
                elif key.fileobj in key.data.links:
                    self._serve(key.data, key.fileobj)

    def _change(self, meter: One, death: Death | None) -> None:
        meter.death = death
        keeps_links = death not in {None, Death.REFUSING, Death.HANGING_UP}
        self._close(meter, keeps_links=keeps_links)
        if death is Death.REFUSING:
            return
        meter.listener = _listen(meter.number, self.port, 0 if death is Death.GONE else 16)
        if death is Death.GONE:
            meter.fillers = _fill(meter.number, self.port)
        else:
            self._watch(meter)

    def _watch(self, meter: One) -> None:
        assert meter.listener is not None
        self._selector.register(meter.listener, selectors.EVENT_READ, meter)

    def _accept(self, meter: One) -> None:
        assert meter.listener is not None
        with contextlib.suppress(OSError):
            link, _ = meter.listener.accept()
            meter.connections += 1
            if meter.death is Death.HANGING_UP:
                link.close()
                return
            link.setblocking(False)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            meter.links[link] = b""
            self._selector.register(link, selectors.EVENT_READ, meter)

    def _serve(self, meter: One, link: socket.socket) -> None:
        try:
            chunk = link.recv(4096)
        except OSError:
            chunk = b""
        if not chunk:
            self._drop(meter, link)
            return
        pending = meter.links[link] + chunk
        while len(pending) >= 12:
            request, pending = pending[:12], pending[12:]
            with contextlib.suppress(OSError):
                link.send(self._reply(meter, request))
        meter.links[link] = pending

    def _reply(self, meter: One, request: bytes) -> bytes:
        """`meter`'s answer to `request`, or what it says instead."""
        transaction_id, unit_id, function = request[:2], request[6], request[7]
        address, count = struct.unpack(">HH", request[8:12])
        if meter.death in {Death.SILENT, Death.GONE}:
            return b""
        if meter.death is Death.NOISY:
            return b"\xff" * 24
        if meter.death is Death.ABSENT:
            return transaction_id + b"\0\0\0\3" + bytes((unit_id, function | 0x80, 11))
        words = _registers(meter.number, meter.answers)[2 * address : 2 * (address + count)]
        body = bytes((unit_id, function, 2 * count)) + words.ljust(2 * count, b"\0")
        whole = transaction_id + b"\0\0" + len(body).to_bytes(2) + body
        if meter.death is Death.HALF:
            return whole[: len(whole) // 2]
        meter.answers += 1
        return whole

    def _drop(self, meter: One, link: socket.socket) -> None:
        self._selector.unregister(link)
        del meter.links[link]
        link.close()

    def _close(self, meter: One, *, keeps_links: bool = False) -> None:
        for filler in meter.fillers:
            filler.close()
        meter.fillers = []
        if meter.listener is not None:
            with contextlib.suppress(KeyError):
                self._selector.unregister(meter.listener)
            meter.listener.close()
            meter.listener = None
        for link in () if keeps_links else list(meter.links):
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
            self._drop(meter, link)


def _host(number: int) -> str:
    return f"127.0.{number // 250}.{number % 250 + 1}"


def _listen(number: int, port: int, backlog: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_host(number), port))
        listener.listen(backlog)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def _bind_all(meters: list[One]) -> int:
    """Give each its listener, all on one port; the port."""
    for _ in range(PORT_TRIES):
        with contextlib.ExitStack() as taken:
            first = taken.enter_context(contextlib.closing(_listen(0, 0, 16)))
            port: int = first.getsockname()[1]
            listeners = [first]
            try:
                for meter in meters[1:]:
                    listeners.append(_listen(meter.number, port, 16))
                    taken.callback(listeners[-1].close)
            except OSError:
                continue
            taken.pop_all()
            for meter, listener in zip(meters, listeners, strict=True):
                meter.listener = listener
            return port
    raise OSError("no port is free at all addresses")


def _fill(number: int, port: int) -> list[socket.socket]:
    """Connections that wait in a backlog of none, until a SYN gets no answer."""
    fillers = []
    for _ in range(3):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex((_host(number), port))
        fillers.append(filler)
    return fillers


def _registers(number: int, answers: int) -> bytes:
    """20 float32 from register 0, those of tests/bench/peers/slave.c; the load wanders with every answer."""
    watts = 4000.0 * (number + 1) * (1.0 + 0.02 * math.sin(answers / 9.0))
    volts, each = (229.8, 230.6, 231.1), watts / 3.0
    values = (
        *volts,
        *(each / 0.87 / volt for volt in volts),
        *(each,) * 3,
        *(each * 0.5667,) * 3,
        *(0.87,) * 3,
        *(watts, watts * 0.5667, watts / 0.87, 50.0 + 0.01 * math.sin(answers), 1.0 + answers * 1e-3),
    )
    return struct.pack(f">{len(values)}f", *values)


@contextlib.contextmanager
def many_meters(count: int) -> Iterator[ManyMeters]:
    """So many, served until the end."""
    meters = ManyMeters(count)
    meters.start()
    try:
        yield meters
    finally:
        meters.stop()
