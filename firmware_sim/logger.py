"""`dianjian-sim logger`: a data logger of HJ 212 that sends to a platform, with habits of the field.

Prints a JSON line for each packet that comes back and at the end how many were sent, until --count packets,
ctrl-C or SIGTERM. The password and the key stand in a credential file: {pw, sm4_key} in TOML.
"""

import contextlib
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

import click

from drivers.hj212.crc import CrcKind
from drivers.hj212.decoding import decode
from drivers.hj212.oddity import PacketError
from drivers.hj212.packet import Edition, Mark
from drivers.hj212.sm4 import CipherForm
from drivers.hj212.stream import Broken, Piece, Stream
from firmware_sim.logger_core import Flaw, Logger, LoggerHabits
from firmware_sim.platform import LINE_ENDS, print_line, read_place, read_secrets, stop_at_signal

EXIT_FAILED: Final = 1
FIELDS: Final = {name.lower(): name for name in ("QN", "Flag", "ST", "PW")}
MARKS: Final = {one.name.lower().replace("_", "-"): one.value for one in Mark}
READ_BYTES: Final = 16 * 1024
CONNECT_S: Final = 10.0
LINGER_S: Final = 1.0
"""For the answers to the last packets."""


@click.command()
@click.argument("address", metavar="HOST:PORT")
@click.option(
    "--credentials",
    required=True,
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="TOML file with pw and, for encrypted packets, sm4_key.",
)
@click.option(
    "--mn", "mns", multiple=True, required=True, help="MN of a site, of any length; may be repeated."
)
@click.option(
    "--every", type=click.FloatRange(0.0), default=5.0, show_default=True, help="Seconds between packets."
)
@click.option("--count", type=click.IntRange(0), default=0, help="How many packets; 0 for no end.")
@click.option("--edition", type=click.Choice(["2017", "2025"]), default="2025", help="Of the standard.")
@click.option(
    "--crc", type=click.Choice([one.value for one in CrcKind]), default="standard", help="Kind of the check."
)
@click.option("--crc-lower", is_flag=True, help="Write the check in lower case.")
@click.option(
    "--cipher-form",
    type=click.Choice([one.value for one in CipherForm]),
    default="raw",
    help="How an encrypted region is written.",
)
@click.option(
    "--line-end", type=click.Choice(list(LINE_ENDS)), default="crlf", help="What ends a packet of its own."
)
@click.option("--pieces", type=click.IntRange(0), default=0, help="Write packets in pieces of so many bytes.")
@click.option(
    "--without",
    multiple=True,
    type=click.Choice(list(FIELDS)),
    help="Leave this field out; may be repeated.",
)
@click.option("--qn-unix", is_flag=True, help="QN is Unix milliseconds.")
@click.option("--milliseconds", is_flag=True, help="DataTime has milliseconds.")
@click.option("--long", "is_long", is_flag=True, help="Packets that go in parts.")
@click.option("--reorder", is_flag=True, help="Fields stand in another order.")
@click.option(
    "--level",
    type=click.FloatRange(0.0, 1000.0),
    default=1.0,
    help="Multiply the usual values: 8 reads as if treatment stood.",
)
@click.option("--frozen", "is_frozen", is_flag=True, help="Every packet has the same values.")
@click.option(
    "--mark",
    type=click.Choice(list(MARKS)),
    default="normal",
    metavar="MARK",
    help="The mark of every value: normal, out-of-service, maintenance, fault, calibration …",
)
@click.option(
    "--flaw",
    "flaws",
    multiple=True,
    type=click.Choice([one.value for one in Flaw]),
    help="What is wrong with every fifth packet; may be repeated.",
)
@click.option("--seed", type=int, default=0, help="The same number makes the same values.")
def logger(
    address: str,
    credentials: Path,
    mns: tuple[str, ...],
    every: float,
    count: int,
    seed: int,
    mark: str,
    pieces: int,
    **habits: Any,
) -> None:
    """Send real time data of an analyser to HOST:PORT as a data logger does."""
    pw, keys = read_secrets(credentials)
    made = Logger(_read_habits(habits), mns, pw, keys[0] if keys else None, MARKS[mark], seed)
    place = read_place(address)
    try:
        wire = socket.create_connection(place, CONNECT_S)
    except OSError as error:
        click.echo(f"{address}: {error.strerror or error}", err=True)
        sys.exit(EXIT_FAILED)
    with wire:
        sent = _send(wire, made, keys, every, count, pieces, stop_at_signal())
    print_line({"sent": sent})


def _read_habits(given: dict[str, Any]) -> LoggerHabits:
    return LoggerHabits(
        edition=Edition(int(given["edition"])),
        crc=CrcKind(given["crc"]),
        crc_lower=given["crc_lower"],
        line_end=LINE_ENDS[given["line_end"]],
        form=CipherForm(given["cipher_form"]),
        without=frozenset(FIELDS[one] for one in given["without"]),
        qn_unix=given["qn_unix"],
        ms=given["milliseconds"],
        is_long=given["is_long"],
        order=given["reorder"],
        level=given["level"],
        is_frozen=given["is_frozen"],
        flaws=tuple(Flaw(one) for one in given["flaws"]),
    )


def _send(
    wire: socket.socket,
    made: Logger,
    keys: tuple[bytes, ...],
    every: float,
    count: int,
    pieces: int,
    stop: threading.Event,
) -> int:
    """Send until the count, a signal or the end of the connection; how many packets."""
    stream, number, sent = Stream(), 0, 0
    with contextlib.suppress(ConnectionError):
        while not stop.is_set() and (not count or number < count):
            for raw in made.frames(number, time.time_ns() // 1_000_000):
                step = pieces or len(raw)
                for at in range(0, len(raw), step):
                    wire.sendall(raw[at : at + step])
                sent += 1
            number += 1
            _listen(wire, stream, keys, every, stop)
        _listen(wire, stream, keys, LINGER_S, stop)
    return sent


def _listen(
    wire: socket.socket, stream: Stream, keys: tuple[bytes, ...], seconds: float, stop: threading.Event
) -> None:
    end_s = time.monotonic() + seconds
    while not stop.is_set() and (left_s := end_s - time.monotonic()) > 0:
        wire.settimeout(min(left_s, 0.2))
        with contextlib.suppress(TimeoutError):
            data = wire.recv(READ_BYTES)
            if not data:
                raise ConnectionResetError
            for piece in stream.feed(data):
                _tell(piece, keys)
    wire.settimeout(CONNECT_S)


def _tell(piece: Piece, keys: tuple[bytes, ...]) -> None:
    if isinstance(piece, Broken):
        print_line({"what": "broken", "detail": piece.why.value})
        return
    try:
        packet = decode(piece.raw, keys).packet
    except PacketError as error:
        print_line({"what": "broken", "detail": str(error)})
        return
    print_line({"what": "answer", "cn": packet.cn, "qn": packet.qn, "mn": packet.mn, "region": packet.region})
