"""The meters of a setup, read repeatedly: one thread per bus, one queue. Reads only.

Values are decoded with the same models as in the agent. A meter that does not answer gives a sample with
a reason and no values; an unusable bus gives one for each of its meters, and is tried again.
While the agent runs as a service it holds the serial ports, and opening them fails with that reason.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Final, Self

from attrs import frozen

from drivers.clock import SystemClock
from drivers.errors import BusDownError
from drivers.points.registers import Value
from drivers.poll.bus import MeterBus, open_bus
from drivers.poll.meter import Meter, MeterSetup
from drivers.reading import PollGroup, Quality
from provisioning.journal.entries import MeterFound
from provisioning.setup.confirm import model_of
from provisioning.setup.session import Session

DOWN_S: Final = 1.0
"""Pause before an unusable bus is tried again."""
JOIN_S: Final = 3.0
"""A thread ends within one time-out; one that takes longer is abandoned."""


@frozen
class Sample:
    """One read of one meter, `seconds` after the start; `reason` if it failed."""

    meter: str
    seconds: float
    values: dict[str, Value]
    reason: str = ""

    def number(self, name: str) -> float | None:
        """A value that is a number."""
        value = self.values.get(name)
        return float(value) if isinstance(value, int | float) else None


class Readers:
    """Reads `meters` in turns until it is stopped, or `rounds` times; one turn begins every `every_s`."""

    def __init__(
        self,
        session: Session,
        meters: Sequence[MeterFound],
        groups: Iterable[PollGroup],
        *,
        rounds: int | None = None,
        every_s: float = 0.0,
    ) -> None:
        self._inbox: queue.Queue[Sample | None] = queue.Queue()
        self._stop = threading.Event()
        self._rounds, self._every_s, self._groups = rounds, every_s, tuple(groups)
        self.began_s = time.monotonic()
        urls = {bus.id: bus.url for bus in session.journal.buses}
        self._threads = []
        for bus in dict.fromkeys(meter.bus for meter in meters):
            own = [_setup(session, meter) for meter in meters if meter.bus == bus]
            work: Callable[[], None] = _Bus(self, urls[bus], own).run
            self._threads.append(threading.Thread(target=work, name=f"read-{bus}", daemon=True))

    def __enter__(self) -> Self:
        self.began_s = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._stop.set()
        deadline = time.monotonic() + JOIN_S
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0.0))

    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.began_s

    def samples(self) -> Iterator[Sample]:
        """All samples, until all rounds are over."""
        left = len(self._threads)
        while left:
            sample = self._inbox.get()
            if sample is None:
                left -= 1
            else:
                yield sample

    def next(self, wait_s: float) -> Sample | None:
        """The next sample; None if none comes in time."""
        try:
            return self._inbox.get(timeout=wait_s)
        except queue.Empty:
            return None

    # -- called by the threads

    def put(self, meter: str, values: dict[str, Value], reason: str = "") -> None:
        """A sample of this moment."""
        self._inbox.put(Sample(meter, round(self.seconds(), 3), values, reason))

    def over(self) -> None:
        """A thread has ended."""
        self._inbox.put(None)

    def turns(self) -> Iterator[int]:
        """The turns of a thread, at their times."""
        turn = 0
        while not self._stop.is_set() and (self._rounds is None or turn < self._rounds):
            yield turn
            turn += 1
            if self._rounds is None or turn < self._rounds:
                self._stop.wait(max(self.began_s + turn * self._every_s - time.monotonic(), 0.0))

    def rest(self) -> None:
        """Wait before a bus is tried again."""
        self._stop.wait(DOWN_S)

    @property
    def groups(self) -> tuple[PollGroup, ...]:
        """What is read each turn."""
        return self._groups

    @property
    def stopping(self) -> bool:
        """Whether a stop was requested."""
        return self._stop.is_set()


@frozen
class _Bus:
    readers: Readers
    url: str
    setups: Sequence[MeterSetup]

    def run(self) -> None:
        try:
            bus = open_bus(self.url, SystemClock())
            meters = [Meter(setup, bus.gap_registers_max) for setup in self.setups]
            try:
                for _ in self.readers.turns():
                    self._turn(bus, meters)
            finally:
                bus.close()
        except Exception as error:  # noqa: BLE001 - a thread that dies silently would be waited for
            for setup in self.setups:
                self.readers.put(setup.id, {}, f"{type(error).__name__}: {error}")
        finally:
            self.readers.over()

    def _turn(self, bus: MeterBus, meters: Sequence[Meter]) -> None:
        for number, meter in enumerate(meters):
            if self.readers.stopping:
                return
            try:
                self._read(bus, meter)
            except BusDownError as error:
                for each in meters[number:]:
                    self.readers.put(each.setup.id, {}, str(error))
                self.readers.rest()
                return

    def _read(self, bus: MeterBus, meter: Meter) -> None:
        values: dict[str, Value] = {}
        setup = meter.setup
        for group in self.readers.groups:
            if not setup.model.group(group):
                continue
            reading = meter.poll(bus, group, SystemClock())
            if reading.quality is not Quality.GOOD and group is PollGroup.FAST:
                self.readers.put(setup.id, {}, reading.reason)
                return
            values |= setup.model.decode(reading.blocks, setup.ct_ratio, setup.pt_ratio)
        self.readers.put(setup.id, values)


def _setup(session: Session, meter: MeterFound) -> MeterSetup:
    return MeterSetup(
        meter.id,
        model_of(session, meter),
        meter.unit_id,
        meter.ct_ratio,
        meter.pt_ratio,
        address=meter.address or "",
    )
