"""`dianjian-sim platform`: a platform of HJ 212 to send to, with the habits of those in the field.

Prints {"listening": "HOST:PORT"} and then a JSON line for each packet that came or was refused, until ctrl-C
or SIGTERM; the last line counts. The password and the key stand in a credential file as those of
`dianjian hj212`: {pw, sm4_key} in TOML.
"""

import contextlib
import signal
import socket
import sys
import threading
import time
import tomllib
from pathlib import Path
from typing import Any, Final

import click

from disk.plain_text import to_json
from drivers.hj212.crc import CrcKind
from drivers.hj212.packet import Edition
from drivers.hj212.sm4 import CipherForm, read_key
from firmware_sim.platform_core import Event, Habits, Platform, PlatformAck, PlatformLink

READ_BYTES: Final = 16 * 1024
IDLE_S: Final = 600.0
"""A connection without a byte for so long is closed."""
PORT_MAX: Final = 65_535
LINE_ENDS: Final = {"crlf": b"\r\n", "lf": b"\n", "none": b""}


@click.command()
@click.option(
    "--listen", default="127.0.0.1:0", show_default=True, help="HOST:PORT; port 0 takes a free one."
)
@click.option(
    "--credentials",
    required=True,
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="TOML file with pw and, for encrypted packets, sm4_key.",
)
@click.option("--mn", "mns", multiple=True, help="A known MN; may be repeated. Else any is taken.")
@click.option("--edition", type=click.Choice(["2017", "2025"]), default="2025", help="Of the standard.")
@click.option(
    "--crc", type=click.Choice([one.value for one in CrcKind]), default="standard", help="Kind of the check."
)
@click.option(
    "--ack",
    type=click.Choice([one.value for one in PlatformAck]),
    default="9014",
    help="How data are answered.",
)
@click.option(
    "--cipher-form",
    type=click.Choice([one.value for one in CipherForm]),
    default="raw",
    help="How an encrypted region is written.",
)
@click.option("--refuse", default="", help="Refuse all data with this QnRtn.")
@click.option("--set-clock", is_flag=True, help="Send 1012 after each packet.")
@click.option("--answer-every", type=click.IntRange(1), default=1, help="Answer one of so many packets.")
@click.option("--upper-only", is_flag=True, help="Refuse a check in lower case.")
@click.option("--crc-lower", is_flag=True, help="Write the check in lower case.")
@click.option(
    "--line-end", type=click.Choice(list(LINE_ENDS)), default="crlf", help="What ends a packet of its own."
)
@click.option("--pieces", type=click.IntRange(0), default=0, help="Write answers in pieces of so many bytes.")
@click.option(
    "--command",
    "commands",
    multiple=True,
    help="A command to send at the begin, as CN,ST,REGION; may be repeated.",
)
def platform(
    listen: str,
    credentials: Path,
    mns: tuple[str, ...],
    edition: str,
    crc: str,
    ack: str,
    cipher_form: str,
    refuse: str,
    set_clock: bool,
    answer_every: int,
    upper_only: bool,
    crc_lower: bool,
    line_end: str,
    pieces: int,
    commands: tuple[str, ...],
) -> None:
    """Serve a platform that data loggers send to, and print what came."""
    pw, keys = read_secrets(credentials)
    habits = Habits(
        edition=Edition(int(edition)),
        crc=CrcKind(crc),
        ack=PlatformAck(ack),
        form=CipherForm(cipher_form),
        refuse=refuse,
        sets_clock=set_clock,
        answers_every=answer_every,
        needs_upper=upper_only,
        crc_lower=crc_lower,
        line_end=LINE_ENDS[line_end],
        commands=tuple(_read_command(one) for one in commands),
    )
    serve_platform(Platform(habits, pw, keys, frozenset(mns)), listen, pieces)


def read_secrets(path: Path) -> tuple[str, tuple[bytes, ...]]:
    """The password and the key in a credential file; raises BadParameter."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except ValueError:
        raise click.BadParameter(f"{path}: is no TOML file of credentials") from None
    pw, key = table.get("pw"), table.get("sm4_key")
    if not isinstance(pw, str) or not isinstance(key, str | None):
        raise click.BadParameter(f"{path}: needs pw, and sm4_key as a text")
    if key is None:
        return pw, ()
    raw = read_key(key)
    if raw is None:
        raise click.BadParameter(f"{path}: sm4_key has 32 hexadecimal digits or 16 characters")
    return pw, (raw,)


def _read_command(text: str) -> tuple[str, str, str]:
    cn, _, rest = text.partition(",")
    st, _, region = rest.partition(",")
    if not (len(cn) == 4 and cn.isdecimal() and len(st) == 2 and st.isdecimal()):
        raise click.BadParameter(f"{text!r} is not CN,ST,REGION")
    return cn, st, region


def read_place(text: str) -> tuple[str, int]:
    """Host and port; raises BadParameter."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > PORT_MAX:
        raise click.BadParameter(f"{text!r} is not HOST:PORT")
    return host, int(port)


def stop_at_signal() -> threading.Event:
    """Set by SIGTERM and ctrl-C."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def serve_platform(served: Platform, listen: str, pieces: int) -> None:
    """Listen until a signal."""
    place, stop = read_place(listen), stop_at_signal()
    lock = threading.Lock()
    counts: dict[str, int] = {}

    def tell(event: Event) -> None:
        with lock:
            counts[event.what] = counts.get(event.what, 0) + 1
            print_line(event.to_json())

    with socket.create_server(place) as listener:
        listener.settimeout(0.2)
        print_line({"listening": "{}:{}".format(*listener.getsockname()[:2])})
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                wire, _ = listener.accept()
                arguments = (wire, PlatformLink(served), pieces, tell, lock)
                threading.Thread(target=_serve, args=arguments, daemon=True).start()
    with lock:
        print_line({"ended": counts, "different": len(served.taken)})


def _serve(wire: socket.socket, link: PlatformLink, pieces: int, tell: Any, lock: threading.Lock) -> None:
    with wire, contextlib.suppress(OSError):
        wire.settimeout(IDLE_S)
        while data := wire.recv(READ_BYTES):
            with lock:
                made = list(link.receive(data, time.monotonic(), time.time_ns() // 1_000_000))
            for one in made:
                if isinstance(one, Event):
                    tell(one)
                    continue
                step = pieces or len(one)
                for at in range(0, len(one), step):
                    wire.sendall(one[at : at + step])


def print_line(line: dict[str, Any]) -> None:
    """A JSON line, seen at once."""
    click.echo(to_json(line, separators=(",", ":")))
    sys.stdout.flush()
