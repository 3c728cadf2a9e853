"""The search of all buses for a setup: the meters there and their models. Reads only.

Each bus is searched by a thread of its own, because most of a search is waiting; results come through
one queue. A path without a scheme (`/dev/ttyUSB0`) is tried as Modbus first and, if nothing answers, as
DL/T 645, so that the technician need not know a meter's protocol.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from drivers.clock import SystemClock
from drivers.dlt645.bus import Dlt645Bus
from drivers.errors import BusDownError, BusUrlError, DriverError
from drivers.link.bus_url import parse_url
from drivers.points.model import Model, load, names
from drivers.points.registers import Value
from drivers.poll.bus import MeterBus, open_bus
from drivers.poll.logger_bus import refuse_loggers
from drivers.poll.meter import Meter, MeterSetup
from drivers.reading import PollGroup
from drivers.search.diagnosis import Finding, FindingKind, diagnose
from drivers.search.dlt645 import search as search_dlt645
from drivers.search.gateway_walk import OWN_UNIT_IDS, GatewayWalk
from drivers.search.identify import Match, identify, list_first_reads
from drivers.search.patient import Control
from drivers.search.prober import url_at
from drivers.search.search import SCAN_TIMEOUT_S, AnyWalk, search
from drivers.search.signs import ProbeResult, Sign
from drivers.search.walk import Ask, Probe
from provisioning.meters.access import Access, access_to, settle
from provisioning.meters.scan_dlt645 import find_fitting_models, urls_to_try
from provisioning.words.findings import describe_finding, describe_losses, describe_reason

REASONS_KEPT: Final = 6
"""Enough to see why; the verb `identify` shows all."""
ALIKE_MAX: Final = 8
PORTS: Final = ("/dev/serial/by-id/*", "/dev/ttyS[0-9]*", "/dev/ttyAMA*", "/dev/ttyUSB*", "/dev/ttyACM*")
"""USB adapters first by their id, a name that is the same in every socket."""


@frozen
class Hit:
    """A meter that answers.

    Attributes:
        meter: Which meter of a SunSpec device it is, from 1; 0 where it is the only one.
        table: Its model, where that is not a shipped one but was made from what the device says.
    """

    bus: int
    url: str
    place: int | str
    model: str
    confidence: float
    alike: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    serial: str = ""
    ct_ratio: float | None = None
    pt_ratio: float | None = None
    meter: int = 0
    table: Model | None = None


@frozen
class Progress:
    """The progress of the search of a bus."""

    bus: int
    done: int
    total: int
    left_s: float
    found: int
    about: str


@frozen
class End:
    """The search of a bus is over: its problems, in sentences; `error` if it cannot be used."""

    bus: int
    findings: tuple[str, ...] = ()
    error: str = ""


Seen = Hit | Progress | End


def find_serial_ports() -> list[str]:
    """The serial ports of this machine, each once."""
    found: dict[Path, str] = {}
    for pattern in PORTS:
        for path in sorted(Path("/").glob(pattern[1:])):
            with contextlib.suppress(OSError):
                if path.is_char_device():
                    found.setdefault(path.resolve(), str(path))
    return list(found.values())


def check_url(text: str) -> str:
    """A bus as a technician types it: a URL, or the path of a port.

    Raises:
        BusUrlError: It is neither, or nobody can be asked there.
    """
    refuse_loggers(_to_urls(text)[0])
    return text


def look_at_buses(urls: Sequence[str], *, quick: bool) -> Iterator[Seen]:
    """Search all buses: yields findings as they arrive, until each bus has its `End`."""
    inbox: queue.Queue[Seen] = queue.Queue()
    stop = threading.Event()
    for number, url in enumerate(urls):
        search_ = _Search(number, url, quick, inbox.put, stop)
        threading.Thread(target=search_.run, name=f"search-{number}", daemon=True).start()
    left = len(urls)
    try:
        while left:
            seen = inbox.get()
            left -= isinstance(seen, End)
            yield seen
    finally:
        stop.set()


def _to_urls(text: str) -> list[str]:
    return [f"rtu:{text}", f"dlt645:{text}"] if text.startswith("/") else [text]


@frozen
class _Search:
    bus: int
    text: str
    quick: bool
    put: Callable[[Seen], None]
    stop: threading.Event

    def run(self) -> None:
        findings: list[str] = []
        try:
            for url in _to_urls(self.text):
                findings_of_url, found = self._search(url)
                findings += findings_of_url
                if found:
                    findings = findings_of_url
                    break
            self.put(End(self.bus, tuple(findings)))
        except (BusDownError, BusUrlError, OSError) as error:
            self.put(End(self.bus, error=str(error)))
        except Exception as error:  # noqa: BLE001 - a thread that dies silently would be waited for
            self.put(End(self.bus, error=f"{type(error).__name__}: {error}"))

    def _search(self, url: str) -> tuple[list[str], bool]:
        return self._search_dlt645(url) if parse_url(url).is_dlt645 else self._search_modbus(url)

    def _search_modbus(self, url: str) -> tuple[list[str], bool]:
        access = access_to(url)
        walk = access.walk(None, None, SCAN_TIMEOUT_S, quick=self.quick, everything=False)
        asker = access.asker(url)
        models = [load(name) for name in names()]
        walk.first_reads = list_first_reads(models)
        serials: dict[tuple[str, str], int] = {}
        poor: list[Finding] = []

        def before(ask: Ask, _is_quick: bool) -> bool:
            self._report(walk, ask)
            return not self.stop.is_set()

        try:
            for probe in search(walk, asker, before):
                at = url_at(url, probe.setting)
                poor += self._identify(access, at, probe, walk.found[probe], models, serials)
        finally:
            asker.close()
        ignores = isinstance(walk, GatewayWalk) and walk.ignores_unit_id and bool(walk.found)
        every = (Finding(FindingKind.EVERY_ADDRESS),) if ignores else ()
        return [describe_finding(one) for one in (*every, *diagnose(walk), *poor)], bool(walk.found)

    def _report(self, walk: AnyWalk, ask: Ask) -> None:
        setting, unit = ask.probe.setting, ask.probe.unit_id
        about = f"{'' if setting is None else setting} {unit:3d}".strip()
        self.put(Progress(self.bus, walk.done, walk.total, walk.left_s, len(walk.found), about))

    def _identify(
        self,
        access: Access,
        url: str,
        probe: Probe,
        result: ProbeResult,
        models: Sequence[Model],
        serials: dict[tuple[str, str], int],
    ) -> list[Finding]:
        """Report the meters of a unit; what is to be said where they cannot be named."""
        if result.sign in {Sign.GARBLED, Sign.FOREIGN_ID}:
            return []  # two meters with one address, or foreign ids: reported as a finding
        bus = access.open(url, hasty=True)
        try:
            settle(bus, probe.unit_id, probe.function)
            control = Control(probe.function, probe.address, probe.count)
            found = identify(bus, probe.unit_id, models, SystemClock(), control=control)
            for match in found.meters:
                first = serials.setdefault((match.model.name, match.serial), probe.unit_id)
                if match.serial and first != probe.unit_id and {first, probe.unit_id} & set(OWN_UNIT_IDS):
                    continue  # a device that answers at 0 and 255 as well as at its own address
                identity = _read_identity(bus, MeterSetup("m", match.model, probe.unit_id))
                others = [one for one in found.matches if one.meter == match.meter]
                self.put(_to_hit(self.bus, url, probe.unit_id, others, identity))
        finally:
            bus.close()
        if not found.meters:
            self.put(Hit(self.bus, url, probe.unit_id, "", 0.0))
        if not found.is_too_poor:
            return []
        return [Finding(FindingKind.POOR, f"{probe.unit_id}: {describe_losses(found.losses)}")]

    def _search_dlt645(self, text: str) -> tuple[list[str], bool]:
        urls = urls_to_try(text)
        for number, url in enumerate(urls):
            bus = open_bus(url, SystemClock())
            assert isinstance(bus, Dlt645Bus)
            found = 0
            try:
                for meter in search_dlt645(bus):
                    if self.stop.is_set():
                        return [], True
                    self.put(Progress(self.bus, number, len(urls), 0.0, found, meter.address))
                    if meter.how == "answers":
                        found += 1
                        self._identify_dlt645(bus, meter.address)
            finally:
                bus.close()
            if found:
                return [], True
        return [describe_finding(Finding(FindingKind.DEAD))], False

    def _identify_dlt645(self, bus: Dlt645Bus, address: str) -> None:
        known = list(find_fitting_models(bus, address))
        model = known[0] if known else ""
        identity = _read_identity(bus, MeterSetup("m", load(model), address=address)) if model else {}
        serial = str(identity.get("serial_number") or address)
        ratios = _find_ratios(identity)
        self.put(Hit(self.bus, bus.url, address, model, 0.9 if model else 0.0, (), (), serial, *ratios))


def _to_hit(number: int, url: str, place: int, matches: Sequence[Match], identity: dict[str, Value]) -> Hit:
    best = matches[0]
    others = tuple(match.model.name for match in matches[1 : ALIKE_MAX + 1])
    reasons = tuple(describe_reason(reason) for reason in best.reasons[:REASONS_KEPT])
    serial = best.serial or str(identity.get("serial_number", ""))
    return Hit(
        number,
        url,
        place,
        best.model.name,
        best.confidence,
        best.alike + tuple(name for name in others if name not in best.alike),
        reasons,
        serial,
        *_find_ratios(identity),
        meter=best.meter,
        table=None if best.model.name in names() else best.model,
    )


def _find_ratios(identity: dict[str, Value]) -> tuple[float | None, float | None]:
    ratios = [identity.get(name) for name in ("ct_ratio", "pt_ratio")]
    ct, pt = (float(one) if isinstance(one, int | float) and one > 0 else None for one in ratios)
    return ct, pt


def _read_identity(bus: MeterBus, setup: MeterSetup) -> dict[str, Value]:
    """The meter's identity registers, {} where they cannot be read."""
    if not setup.model.group(PollGroup.IDENTITY):
        return {}
    with contextlib.suppress(DriverError):
        reading = Meter(setup, bus.gap_registers_max).poll(bus, PollGroup.IDENTITY, SystemClock())
        return setup.model.decode(reading.blocks)
    return {}
