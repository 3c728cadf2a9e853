"""One bus looked at for a setup: which meters are there, what they are. Reads only.

Each bus is looked at by a thread of its own, because most of a search is waiting; what it sees comes through
one queue. A path without a scheme (`/dev/ttyUSB0`) is asked in Modbus first and, if nobody answers, in
DL/T 645, so that nobody has to know what a meter speaks.
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
from drivers.poll.meter import METER_UNIT_ID_MAX, Meter, MeterSetup
from drivers.reading import PollGroup
from drivers.search.diagnosis import Finding, FindingKind, diagnose
from drivers.search.dlt645 import search
from drivers.search.identify import SCAN_TIMEOUT_S, Match, identify
from drivers.search.prober import Prober, settings_to_try, url_at
from drivers.search.signs import ProbeResult, Sign
from drivers.search.walk import Probe, Walk
from provisioning.meters.scan_dlt645 import fitting_models, urls_to_try
from provisioning.terminal.bus_option import hasty_ledger
from provisioning.words.findings import describe_finding, describe_reason

REASONS_KEPT: Final = 6
"""Enough to see why; the verb `identify` tells all."""
ALIKE_MAX: Final = 8
PORTS: Final = ("/dev/serial/by-id/*", "/dev/ttyS[0-9]*", "/dev/ttyAMA*", "/dev/ttyUSB*", "/dev/ttyACM*")
"""USB adapters by their id first: that name stays the same in whichever socket they are."""


@frozen
class Hit:
    """A meter that answers."""

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


@frozen
class Going:
    """How far the look at a bus is."""

    bus: int
    done: int
    total: int
    left_s: float
    found: int
    about: str


@frozen
class Ended:
    """The look at a bus is over: what is wrong with it, in sentences; `error` where it cannot be used."""

    bus: int
    findings: tuple[str, ...] = ()
    error: str = ""


Seen = Hit | Going | Ended


def serial_ports() -> list[str]:
    """The serial ports of this machine, each once."""
    found: dict[Path, str] = {}
    for pattern in PORTS:
        for path in sorted(Path("/").glob(pattern[1:])):
            with contextlib.suppress(OSError):
                if path.is_char_device():
                    found.setdefault(path.resolve(), str(path))
    return list(found.values())


def checked_url(text: str) -> str:
    """A bus as a technician types it: a URL, or the path of a port.

    Raises:
        BusUrlError: It is neither.
    """
    parse_url(_urls(text)[0])
    return text


def looked(urls: Sequence[str], *, quick: bool) -> Iterator[Seen]:
    """Everything that is seen on all buses, as it comes, until each has its `Ended`."""
    inbox: queue.Queue[Seen] = queue.Queue()
    stop = threading.Event()
    for number, url in enumerate(urls):
        look = _Look(number, url, quick, inbox.put, stop)
        threading.Thread(target=look.run, name=f"look-{number}", daemon=True).start()
    left = len(urls)
    try:
        while left:
            seen = inbox.get()
            left -= isinstance(seen, Ended)
            yield seen
    finally:
        stop.set()


def _urls(text: str) -> list[str]:
    return [f"rtu:{text}", f"dlt645:{text}"] if text.startswith("/") else [text]


@frozen
class _Look:
    bus: int
    text: str
    quick: bool
    put: Callable[[Seen], None]
    stop: threading.Event

    def run(self) -> None:
        findings: list[str] = []
        try:
            for url in _urls(self.text):
                told_, found = self._looked(url)
                findings += told_
                if found:
                    findings = told_
                    break
            self.put(Ended(self.bus, tuple(findings)))
        except (BusDownError, BusUrlError, OSError) as error:
            self.put(Ended(self.bus, error=str(error)))
        except Exception as error:  # noqa: BLE001 - a thread that dies silently would be waited for
            self.put(Ended(self.bus, error=f"{type(error).__name__}: {error}"))

    def _looked(self, url: str) -> tuple[list[str], bool]:
        return self._dlt645(url) if parse_url(url).is_dlt645 else self._modbus(url)

    def _modbus(self, url: str) -> tuple[list[str], bool]:
        walk = Walk(
            settings_to_try(url, everything=False),
            tuple(range(1, METER_UNIT_ID_MAX + 1)),
            SCAN_TIMEOUT_S,
            quick=self.quick,
        )
        prober = Prober(url, SystemClock(), SCAN_TIMEOUT_S)
        models = [load(name) for name in names()]
        try:
            any_address = prober.ignores_unit_id()
            while not self.stop.is_set() and (probe := walk.next()) is not None:
                self._going(walk, probe)
                result, seconds = prober.send(probe)
                for new in walk.record(probe, result, seconds):
                    prober.close()  # the port is for one at a time
                    self._hit(url_at(url, new.setting), new, walk.found[new], models)
                    if any_address:
                        walk.stop()
        finally:
            prober.close()
        every = (Finding(FindingKind.EVERY_ADDRESS),) if any_address and walk.found else ()
        return [describe_finding(one) for one in (*every, *diagnose(walk))], bool(walk.found)

    def _going(self, walk: Walk, probe: Probe) -> None:
        about = f"{'' if probe.setting is None else probe.setting} {probe.unit_id:3d}".strip()
        self.put(Going(self.bus, walk.done, walk.total, walk.left_s, len(walk.found), about))

    def _hit(self, url: str, probe: Probe, result: ProbeResult, models: Sequence[Model]) -> None:
        if result.sign is Sign.GARBLED:
            return  # two meters with one address: told as a finding
        bus = open_bus(url, SystemClock(), hasty_ledger())
        try:
            matches = identify(bus, probe.unit_id, models, SystemClock())
            said = _said(bus, MeterSetup("m", matches[0].model, probe.unit_id)) if matches else {}
        finally:
            bus.close()
        self.put(_hit_of(self.bus, url, probe.unit_id, matches, said))

    def _dlt645(self, text: str) -> tuple[list[str], bool]:
        urls = urls_to_try(text)
        for number, url in enumerate(urls):
            bus = open_bus(url, SystemClock())
            assert isinstance(bus, Dlt645Bus)
            found = 0
            try:
                for meter in search(bus):
                    if self.stop.is_set():
                        return [], True
                    self.put(Going(self.bus, number, len(urls), 0.0, found, meter.address))
                    if meter.how == "answers":
                        found += 1
                        self._meter_of_line(bus, meter.address)
            finally:
                bus.close()
            if found:
                return [], True
        return [describe_finding(Finding(FindingKind.DEAD))], False

    def _meter_of_line(self, bus: Dlt645Bus, address: str) -> None:
        known = list(fitting_models(bus, address))
        model = known[0] if known else ""
        said = _said(bus, MeterSetup("m", load(model), address=address)) if model else {}
        serial = str(said.get("serial_number") or address)
        ratios = _ratios(said)
        self.put(Hit(self.bus, bus.url, address, model, 0.9 if model else 0.0, (), (), serial, *ratios))


def _hit_of(number: int, url: str, place: int, matches: Sequence[Match], said: dict[str, Value]) -> Hit:
    if not matches:
        return Hit(number, url, place, "", 0.0)
    best = matches[0]
    others = tuple(match.model.name for match in matches[1 : ALIKE_MAX + 1])
    reasons = tuple(describe_reason(reason) for reason in best.reasons[:REASONS_KEPT])
    serial = str(said.get("serial_number", ""))
    return Hit(
        number,
        url,
        place,
        best.model.name,
        best.confidence,
        best.alike + tuple(name for name in others if name not in best.alike),
        reasons,
        serial,
        *_ratios(said),
    )


def _ratios(said: dict[str, Value]) -> tuple[float | None, float | None]:
    ratios = [said.get(name) for name in ("ct_ratio", "pt_ratio")]
    ct, pt = (float(one) if isinstance(one, int | float) and one > 0 else None for one in ratios)
    return ct, pt


def _said(bus: MeterBus, setup: MeterSetup) -> dict[str, Value]:
    """What the meter says of itself."""
    if not setup.model.group(PollGroup.IDENTITY):
        return {}
    with contextlib.suppress(DriverError):
        reading = Meter(setup, bus.gap_registers_max).poll(bus, PollGroup.IDENTITY, SystemClock())
        return setup.model.decode(reading.blocks)
    return {}
