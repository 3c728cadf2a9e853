"""How a verb reaches a bus: through the agent that reads it already, or by opening it itself.

An agent of this machine that polls the bus (`provisioning.meters.holder`) is asked (`agent.status.bus_desk`),
because many gateways have room for one client and a serial port has one user. Where that cannot be, one line
says who holds the bus and what to do.
"""

import time
from pathlib import Path
from typing import Final, Protocol

from attrs import frozen

from drivers.clock import SystemClock
from drivers.errors import BusDownError, DriverError
from drivers.link.bus_url import parse_url
from drivers.link.port import new_ledger
from drivers.link.transport import SerialPipe
from drivers.poll.bus import MeterBus, open_bus
from drivers.poll.logger_bus import refuse_loggers
from drivers.search.prober import Asker, Prober
from drivers.search.search import AnyWalk, list_units, walk_for
from drivers.search.walk import Walk
from provisioning.meters.agent_bus import AgentAsker, AgentBus
from provisioning.meters.holder import find_sites, is_port_free, is_same_bus, list_buses, try_agent
from provisioning.meters.words import WORDS
from provisioning.terminal.exits import EXIT_OUTSIDE, fail
from provisioning.terminal.say import say
from provisioning.words.language import translate

AGAIN_PAUSES_S: Final = (0.5, 1.5)
"""A gateway with room for one client needs a moment to notice that the last one has left."""
HANGS_UP: Final = "the other side hangs up"
_CLOSED: Final = (HANGS_UP, "closed by the other side", "reset by peer", "Broken pipe")
"""What a gateway without room for another client looks like."""
MAY_LEAVE_ROOM: Final = frozenset({"old", "hangs"})
"""Where an agent cannot be asked for these reasons, a gateway may still have room for another client."""
_LOCKED: Final = ("lock", "busy")
"""What a serial port in use looks like."""


class Access(Protocol):
    """The bus at a URL, however it is reached."""

    def open(self, url: str, *, hasty: bool = False) -> MeterBus:
        """The bus for reading, `hasty` while a meter is named; `url` has the setting that was found."""
        ...

    def asker(self, url: str) -> Asker:
        """The bus for a search."""
        ...

    def walk(
        self, first: int | None, last: int | None, timeout_s: float, *, quick: bool, everything: bool
    ) -> AnyWalk:
        """The order of a search; without units if the bus has none between `first` and `last`."""
        ...

    def explain(self, error: BusDownError) -> str:
        """Why the bus cannot be used, and what to do, in one line."""
        ...


@frozen
class OwnAccess:
    """The bus is opened by this process; `holder` is an agent that polls it but cannot be asked."""

    url: str
    holder: "Holder | None" = None

    def open(self, url: str, *, hasty: bool = False) -> MeterBus:
        """As `Access.open`."""
        clock = SystemClock()
        ledger = new_ledger(clock)
        ledger.is_hasty = hasty
        return open_bus(url, clock, ledger)

    def asker(self, url: str) -> Asker:
        """As `Access.asker`."""
        return Prober(url, SystemClock())

    def walk(
        self, first: int | None, last: int | None, timeout_s: float, *, quick: bool, everything: bool
    ) -> AnyWalk:
        """As `Access.walk`."""
        units = list_units(self.url, first, last)
        return walk_for(self.url, units, timeout_s, quick=quick, everything=everything)

    def explain(self, error: BusDownError) -> str:
        """As `Access.explain`."""
        if self.holder is not None:
            return self.holder.describe()
        if any(sign in str(error) for sign in _CLOSED):
            return f"{self.url}: {translate(WORDS['no room'])}"
        if any(sign in str(error).lower() for sign in _LOCKED):
            return f"{self.url}: {error}; {translate(WORDS['port held'])}"
        return f"{self.url}: {error}"


@frozen
class Holder:
    """An agent of this machine that polls a bus, and why it cannot be asked: hangs, old, rights or other."""

    bus_id: str
    url: str
    site: Path
    why: str

    def describe(self) -> str:
        """One line: who holds the bus, and what to do."""
        return translate(WORDS[f"held {self.why}"], url=self.url, bus=self.bus_id, site=self.site)


@frozen
class AgentAccess:
    """The bus is read by the agent whose state is in `folder`."""

    folder: Path
    bus_id: str
    url: str
    site: Path

    def open(self, url: str, *, hasty: bool = False) -> MeterBus:
        """As `Access.open`."""
        del url
        return AgentBus(self.folder, self.bus_id, self.url, is_hasty=hasty)

    def asker(self, url: str) -> Asker:
        """As `Access.asker`."""
        del url
        return AgentAsker(AgentBus(self.folder, self.bus_id, self.url, is_hasty=True))

    def walk(
        self, first: int | None, last: int | None, timeout_s: float, *, quick: bool, everything: bool
    ) -> AnyWalk:
        """As `Access.walk`; the setting is the agent's."""
        units = list_units(self.url, first, last)
        if is_serial(self.url):
            return Walk((None,), units, timeout_s, keep_settings=everything, quick=quick)
        return walk_for(self.url, units, timeout_s, quick=quick, everything=everything)

    def explain(self, error: BusDownError) -> str:
        """As `Access.explain`."""
        return f"{self.url}: {error}"


def access_to(url: str) -> Access:
    """How to reach the bus at `url`; ends the command if an agent has it and cannot be asked.

    Raises:
        BusUrlError: The URL cannot be understood, or nobody can be asked there.
    """
    refuse_loggers(url)
    target = parse_url(url)
    holder: Holder | None = None
    for site_file in find_sites():
        for bus_id, bus_url, folder in list_buses(site_file):
            if not is_same_bus(url, bus_url) or (is_serial(url) and is_port_free(url)):
                continue
            why = try_agent(folder, bus_id)
            if not why and parse_url(bus_url).is_dlt645 is not target.is_dlt645:
                why = "other"
            if not why:
                text = translate(WORDS["through the agent"], bus=bus_id, site=site_file)
                say(f"dianjian: {text}", err=True)
                return AgentAccess(folder, bus_id, bus_url, site_file)
            if why != "none":
                holder = Holder(bus_id, bus_url, site_file, why)
    if holder is not None and (holder.why not in MAY_LEAVE_ROOM or is_serial(url)):
        raise fail(EXIT_OUTSIDE, holder.describe())
    return OwnAccess(url, holder)


def is_serial(url: str) -> bool:
    """Whether a bus is a serial port of this machine."""
    return isinstance(parse_url(url).pipe, SerialPipe)


def settle(bus: MeterBus, unit_id: int, function: int) -> None:
    """Make the connection of a bus whose last client has just left: tried again after a moment.

    Raises:
        BusDownError: It cannot be made.
    """
    for pause_s in AGAIN_PAUSES_S:
        try:
            _touch(bus, unit_id, function)
        except BusDownError:
            time.sleep(pause_s)
        else:
            return
    _touch(bus, unit_id, function)


def _touch(bus: MeterBus, unit_id: int, function: int) -> None:
    try:
        bus.read(unit_id, function, 0, 1, timeout_s=1.0)
    except BusDownError:
        raise
    except DriverError:
        return
