"""`[[hj212]]` of the site file: platforms that get this gateway's readings. Loaded only where there are some.

[[hj212]]                             as [[host]] of `wire.platforms.hosts`; at most 16
name = "city"
address = "10.1.2.3:9001"
credentials = "state/city.secret"     password and key; the agent must be able to replace it
[[hj212.station]]                     names no gateway: it is this one
mn = "D7A1EC0000000000000000F1"
[[hj212.station.meter]]
id = "m1"                             a meter of this file
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from disk.tables import Table
from wire.platforms.hosts import Host, read_tables


def read_platforms(
    tables: Sequence[Mapping[str, Any]], gateway: str, meters: Collection[str], find: Callable[[str], Path]
) -> tuple[tuple[Host, ...], list[str]]:
    """The hosts, and every mistake in their tables.

    `gateway` is that of this site, `meters` the ids of its meters; `find` says where a named file lies.
    """
    problems: list[str] = []
    read = [Table(one, f"hj212[{at}]", problems) for at, one in enumerate(tables)]
    hosts = read_tables(read, "hj212", find, gateway)
    for at, host in enumerate(hosts):
        for number, station in enumerate(host.stations):
            place = f"hj212[{at}].station[{number}]"
            if station.gateway != gateway:
                problems.append(f"{place}.gateway: a station here is of this gateway; leave it out")
            problems += [
                f"{place}.meter: no meter {meter.id!r}; known: {', '.join(sorted(meters)) or 'none'}"
                for meter in station.meters
                if meter.id and meter.id not in meters
            ]
    return hosts, problems
