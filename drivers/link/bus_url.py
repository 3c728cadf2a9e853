"""The URL of a bus, as written in the site file, and the pipe and protocol that it names.

Every mistake gives one `BusUrlError` that quotes the URL and names what is expected.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from attrs import frozen

from drivers.errors import BusUrlError
from drivers.link.listener import Listener
from drivers.link.transport import Pipe, SerialPipe, SerialSettings, TcpPipe
from drivers.link.verdict import Framing

MODBUS_TCP_PORT: Final = 502
BAUDRATES: Final = (1200, 2400, 4800, 9600, 14400, 19200, 38400, 57600, 115200, 230400)
IGNORED_IDS: Final = "transaction_id=ignored"
"""The only setting of a TCP bus: the converter answers with ids of its own, which are not looked at."""
PARITIES: Final = ("N", "E", "O")
_NO_HOST: Final = re.compile(r"[^\w.:%-]")
"""What stands in no name and in no address of a host, such as a blank."""
STOPBITS: Final = (1, 2)
EXAMPLES: Final = (
    "tcp://host:502, rtu:/dev/ttyS1?baudrate=9600&parity=N&stopbits=1, rtu+tcp://host:port, "
    "dlt645:/dev/ttyS1?baudrate=2400&parity=E, dlt645+tcp://host:port, hj212+listen://host:port"
)
LISTEN_SCHEME: Final = "hj212+listen"
ONLY: Final = "from"
"""The one setting of a bus that is called: whose calls it takes."""
_MODBUS_SERIAL: Final = SerialSettings("", baudrate=9600, parity="N")
_DLT645_SERIAL: Final = SerialSettings("", baudrate=2400, parity="E")
"""Defaults of a URL without settings (DL/T 645-2007, section 4: 2400 baud, even parity)."""
GAP_REGISTERS_RTU: Final = 7
"""Another request costs 8 + 5 bytes of frames (and silent time on top): as much as 7 registers."""
GAP_REGISTERS_TCP: Final = 31
"""Another request costs 12 + 9 bytes of frames and 40 of TCP/IP headers: as much as 31 registers."""


@frozen
class BusTarget:
    """Where a bus is and which protocol it uses: Modbus in a framing, DL/T 645, or HJ 212.

    `ignores_ids`: its converter does not copy the transaction id of Modbus TCP. `listener` is there where
    data loggers call and send by themselves; then nothing opens the pipe.
    """

    framing: Framing
    pipe: Pipe
    gap_registers_max: int
    is_dlt645: bool = False
    ignores_ids: bool = False
    listener: Listener | None = None

    @property
    def is_hj212(self) -> bool:
        """Whether data loggers call here."""
        return self.listener is not None

    @property
    def is_connection(self) -> bool:
        """Whether it is reached over TCP."""
        return isinstance(self.pipe, TcpPipe)


def parse_url(url: str) -> BusTarget:
    """What `url` names; nothing is opened.

    Raises:
        BusUrlError: The URL cannot be understood.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BusUrlError(f"bus URL {url!r}: {error}; expected one of {EXAMPLES}") from error
    if parts.scheme == "rtu":
        return BusTarget(
            Framing.RTU, SerialPipe(_parse_serial(url, parts, _MODBUS_SERIAL)), GAP_REGISTERS_RTU
        )
    if parts.scheme == "tcp":
        ignores_ids = parts.query == IGNORED_IDS
        pipe = _parse_tcp(url, parts._replace(query="") if ignores_ids else parts, MODBUS_TCP_PORT)
        return BusTarget(Framing.TCP, pipe, GAP_REGISTERS_TCP, ignores_ids=ignores_ids)
    if parts.scheme == "rtu+tcp":
        return BusTarget(Framing.RTU, _parse_tcp(url, parts, None), GAP_REGISTERS_RTU)
    if parts.scheme == "dlt645":
        return BusTarget(
            Framing.RTU, SerialPipe(_parse_serial(url, parts, _DLT645_SERIAL)), 0, is_dlt645=True
        )
    if parts.scheme == "dlt645+tcp":
        return BusTarget(Framing.RTU, _parse_tcp(url, parts, None), 0, is_dlt645=True)
    if parts.scheme == LISTEN_SCHEME:
        pipe, only = _parse_listen(url, parts)
        return BusTarget(Framing.TCP, pipe, 0, listener=Listener(*pipe.address, only))
    raise BusUrlError(f"bus URL {url!r}: expected one of {EXAMPLES}")


def _parse_listen(url: str, parts: SplitResult) -> tuple[TcpPipe, str]:
    """Addresses alone: a name that is looked up could become another machine's."""
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    place = _parse_tcp(url, parts._replace(query="" if options.keys() <= {ONLY} else parts.query), None)
    host, only = place.address[0], options.get(ONLY, "")
    for text in (host, only or host):
        try:
            ip_address(text)
        except ValueError as error:
            raise BusUrlError(f"bus URL {url!r}: {text!r} is no IP address") from error
    return place, only


def _parse_tcp(url: str, parts: SplitResult, default_port: int | None) -> TcpPipe:
    try:
        port = parts.port or default_port
    except ValueError as error:
        raise BusUrlError(f"bus URL {url!r}: the port is not a number from 1 to 65535") from error
    if not parts.hostname:
        raise BusUrlError(f"bus URL {url!r}: the host is missing")
    if _NO_HOST.search(parts.hostname):
        raise BusUrlError(f"bus URL {url!r}: the host is no name and no address")
    if port is None:
        raise BusUrlError(f"bus URL {url!r}: the port is missing")
    if parts.username is not None:
        where = url.replace(f"{parts.netloc.rpartition('@')[0]}@", "")
        raise BusUrlError(f"bus URL {where!r}: a bus knows no user and no password; leave them out")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        if parts.scheme == "tcp":
            raise BusUrlError(f"bus URL {url!r}: only ?{IGNORED_IDS} may follow host and port")
        raise BusUrlError(f"bus URL {url!r}: nothing may follow host and port")
    return TcpPipe(parts.hostname, port)


def _parse_serial(url: str, parts: SplitResult, usual: SerialSettings) -> SerialSettings:
    if parts.netloc or not parts.path.startswith("/"):
        raise BusUrlError(f"bus URL {url!r}: the port is a path, as in {parts.scheme}:/dev/ttyS1")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(options.keys() - {"baudrate", "parity", "stopbits"})
    if unknown:
        named = ", ".join(name if name.isprintable() else ascii(name) for name in unknown)
        raise BusUrlError(f"bus URL {url!r}: unknown {named}; known baudrate, parity, stopbits")
    return SerialSettings(
        port=parts.path,
        baudrate=int(_choose(url, options, "baudrate", BAUDRATES, usual.baudrate)),
        parity=_choose(url, options, "parity", PARITIES, usual.parity),
        stopbits=int(_choose(url, options, "stopbits", STOPBITS, usual.stopbits)),
    )


def _choose(
    url: str, options: Mapping[str, str], key: str, allowed: tuple[int | str, ...], default: int | str
) -> str:
    value = options.get(key, str(default))
    if value not in map(str, allowed):
        raise BusUrlError(f"bus URL {url!r}: {key} is {value!r}, not one of {', '.join(map(str, allowed))}")
    return value
