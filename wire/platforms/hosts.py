"""The platforms that get readings, as a person writes them: the host file of a centre. It holds no secret.

In the site file of a gateway the same stands under [[hj212]] in place of [[host]], and a station names no
gateway.

[[host]]
name = "city"
address = "10.1.2.3:9001"
credentials = "city.secret"         a file of its own, mode 0600, beside this one
edition = 2025                      2017
crc = "standard"                    modbus, modbus-swapped
ack = "either"                      9014, 9011
cipher_form = "raw"                 printed; only where the credentials have a key
heartbeat_s = 60                    0 for none, as is usual in 2017
real_s = 60, minute_min = 10        intervals; send = ["real", "minute", "hour", "day"]
utc_offset_h = 8.0
packets_max = 100000                that wait at once; beyond them the oldest are given up

[[host.station]]
gateway = "plant-7"
mn = "D7A1EC0000000000000000F1"
st = "31"                           32 for water

[[host.station.meter]]
id = "m1"
role = "treatment"                  production; an analyser has none of the following
facility = 1
running_w = 500.0                   from this power on it runs; needed for the next two
condition = "p99101"                ST=45, of 2025 alone
equipment = 1                       SB1-RS and SB1-RT (CN 2021, 2041)
credentials = "cems.secret"         the key of a data logger that encrypts; not at a gateway

[[host.code]]                       `wire.platforms.codes`; here a row needs its source
"""

import re
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from attrs import frozen

from disk.tables import Table, TableError, parse_toml, read_text
from drivers.hj212.crc import CrcKind
from drivers.hj212.numbers import System
from drivers.hj212.packet import FORMS, PARTS_MAX, Edition
from drivers.hj212.sm4 import CipherForm
from drivers.hj212.times import BEIJING_H
from wire.hj212.terms import HEARTBEAT_S, Ack, Terms
from wire.platforms.codes import Code, CodeTable, Role, load_codes, read_code

FILE_BYTES_MAX: Final = 1 << 20
"""A thousand stations with ten meters each."""
HOSTS_MAX: Final = 16
"""Makers of loggers offer 8."""
PACKETS_MAX: Final = 100_000
"""That wait for a host: a month of minutes of two systems; some 40 MB."""
GROUP_CHARACTERS: Final = 80
"""Of one code in interval data at the most: four items of a code of 12, and their values."""
ROOM_CHARACTERS: Final = PARTS_MAX * 850
"""Of the regions of all parts, with what is lost at their ends."""
_CONDITION: Final = re.compile(r"[a-z][0-9]{5}")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Span(StrEnum):
    """Kinds of intervals."""

    REAL = "real"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


@frozen
class Meter:
    """A meter or analyser of a station."""

    id: str
    role: Role | None
    facility: int
    running_w: float | None
    condition: str
    equipment: int
    credentials: Path | None = None


@frozen
class Station:
    """What has an MN: some meters of a gateway. `name` is the same over a change of the MN."""

    gateway: str
    mn: str
    st: str
    meters: tuple[Meter, ...]

    @property
    def name(self) -> str:
        """In the queue."""
        return f"{self.gateway}/{self.mn}"


@frozen
class Host:
    """A platform."""

    name: str
    address: tuple[str, int]
    credentials: Path
    terms: Terms
    spans: tuple[Span, ...]
    packets_max: int
    stations: tuple[Station, ...]
    codes: CodeTable


def read_hosts(path: Path) -> tuple[Host, ...]:
    """The hosts of a file; raises TableError with every mistake."""
    problems: list[str] = []
    file = Table(parse_toml(read_text(path, FILE_BYTES_MAX)), "", problems)
    tables = file.tables("host", required=True)
    hosts = read_tables(tables, "host", lambda one: path.parent / one)
    file.finish()
    if problems:
        raise TableError(problems)
    return hosts


def read_tables(
    tables: Sequence[Table], called: str, find: Callable[[str], Path], gateway: str = ""
) -> tuple[Host, ...]:
    """The hosts of tables that stand under the key `called`; mistakes are noted in them.

    `find` says where a file that is named lies; `gateway` whose stations they are, "" if each names its own.
    """
    hosts = tuple(_read_host(table, find, gateway) for table in tables[:HOSTS_MAX])
    if not tables:
        return ()
    problems = tables[0].problems
    if len(tables) > HOSTS_MAX:
        problems.append(f"{called}: at most {HOSTS_MAX}, not {len(tables)}")
    names = [host.name for host in hosts]
    problems += [f"{called}: two are called {name}" for name in sorted(set(names)) if names.count(name) > 1]
    return hosts


def _read_host(table: Table, find: Callable[[str], Path], gateway: str) -> Host:
    name = table.text("name")
    if name and not _NAME.fullmatch(name):
        table.note("name", "must be letters, digits, - and _")
    edition = _read_edition(table)
    real_s = table.whole("real_s", 60, low=1, high=3_600)
    minute_min = table.whole("minute_min", 10, low=1, high=60)
    if 86_400 % real_s:
        table.note("real_s", "must be a part of a day without a rest")
    if 60 % minute_min:
        table.note("minute_min", "must be a part of an hour without a rest")
    terms = Terms(
        edition=edition,
        crc=table.choice("crc", CrcKind, CrcKind.STANDARD),
        ack=table.choice("ack", Ack, Ack.EITHER),
        form=table.choice("cipher_form", CipherForm, CipherForm.RAW),
        heartbeat_s=table.number(
            "heartbeat_s", HEARTBEAT_S if edition >= Edition.Y2025 else 0.0, low=0, high=3_600
        ),
        offset_h=table.number("utc_offset_h", BEIJING_H, low=-12, high=14),
        real_s=real_s,
        minute_min=minute_min,
    )
    codes = load_codes(edition).replace([read_code(row) for row in table.tables("code")])
    host = Host(
        name=name,
        address=_read_address(table),
        credentials=find(table.text("credentials")),
        terms=terms,
        spans=_read_spans(table),
        packets_max=table.whole("packets_max", PACKETS_MAX, low=100, high=10_000_000),
        stations=tuple(_read_station(one, find, gateway) for one in table.tables("station", required=True)),
        codes=codes,
    )
    table.finish()
    _check_codes(host, table)
    return host


def _read_edition(table: Table) -> Edition:
    number = table.whole("edition", Edition.Y2025.value, low=Edition.Y2017.value, high=Edition.Y2025.value)
    if number not in set(Edition):
        table.note("edition", "must be 2017 or 2025")
        return Edition.Y2025
    return Edition(number)


def _read_address(table: Table) -> tuple[str, int]:
    address = table.text("address")
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65_536:
        if address:
            table.note("address", "must be host:port, and holds no password")
        return "", 0
    return host.strip("[]"), int(port)


def _read_spans(table: Table) -> tuple[Span, ...]:
    if not table.has("send"):
        return tuple(Span)
    wanted = table.values("send")
    known = {span.value for span in Span}
    if strange := [one for one in wanted if one not in known]:
        table.note("send", f"knows {', '.join(known)}, not {strange[0]!r}")
    return tuple(span for span in Span if span.value in wanted)


def _read_station(table: Table, find: Callable[[str], Path], gateway: str) -> Station:
    mn, st = table.text("mn"), table.text("st", System.AIR_EMISSIONS.value)
    if mn and not FORMS["MN"].fullmatch(mn):
        table.note("mn", "must be 24 letters and digits")
    if st not in {System.AIR_EMISSIONS, System.WATER_EMISSIONS}:
        table.note("st", "must be 31 (air) or 32 (water)")
    meters = tuple(_read_meter(one, find, gateway) for one in table.tables("meter", required=True))
    station = Station(table.text("gateway", gateway or None), mn, st, meters)
    table.finish()
    ids = [meter.id for meter in meters]
    for one in sorted({one for one in ids if ids.count(one) > 1}):
        table.note("meter", f"two have the id {one}")
    return station


def _read_meter(table: Table, find: Callable[[str], Path], gateway: str) -> Meter:
    role = table.choice("role", Role) if table.has("role") else None
    meter = Meter(
        id=table.text("id"),
        role=role,
        facility=table.whole("facility", 0 if role is None else None, low=0, high=99),
        running_w=table.number("running_w", low=0.0, high=1e9) if table.has("running_w") else None,
        condition=table.text("condition", ""),
        equipment=table.whole("equipment", 0, low=0, high=999),
        credentials=find(table.text("credentials")) if table.has("credentials") else None,
    )
    if gateway and meter.credentials is not None:
        table.note("credentials", "stands at the [[meter]] of this file; leave it out here")
    if meter.condition and not _CONDITION.fullmatch(meter.condition):
        table.note("condition", "must be a letter and five digits, such as p99101")
    if (meter.condition or meter.equipment) and meter.running_w is None:
        table.note("running_w", "missing: from which power on does it run?")
    table.finish()
    return meter


@frozen
class Series:
    """One code of one meter: where its value comes from and goes to."""

    st: str
    name: str
    code: Code


def list_series(host: Host, station: Station, meter: Meter) -> Iterator[Series]:
    """The codes of a meter."""
    for code in host.codes.codes:
        system = code.system(station.st)
        if code.is_of_line != (meter.role is not None) or code.role not in {None, meter.role}:
            continue
        if system in {System.AIR_EMISSIONS, System.WATER_EMISSIONS} and system != station.st:
            continue
        yield Series(system, host.codes.fill(code, meter.role, meter.facility), code)


def _check_codes(host: Host, table: Table) -> None:
    """See that no code stands twice in a packet, and that a packet holds all."""
    for station in host.stations:
        names: dict[str, list[str]] = {}
        for meter in station.meters:
            for series in list_series(host, station, meter):
                names.setdefault(series.st, []).append(series.name)
        for st, all_of_it in names.items():
            if twice := sorted({name for name in all_of_it if all_of_it.count(name) > 1}):
                table.note("station", f"{station.mn}: two meters have the code {twice[0]} of ST={st}")
            if len(all_of_it) * GROUP_CHARACTERS > ROOM_CHARACTERS:
                table.note("station", f"{station.mn}: {len(all_of_it)} codes of ST={st} fit into no packet")
