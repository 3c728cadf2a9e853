"""Meters of firmware_sim behind a bus that is a function call: no socket, no waiting."""

from collections.abc import Callable, Iterable

from attrs import define

from drivers.errors import ExceptionReplyError, ReplyTimeoutError
from drivers.link.transaction import Answer, BusStats
from drivers.points.model import Model
from firmware_sim.device import Device
from firmware_sim.layout import BusKind, BusPlan, Layout, LineKind, LinePlan, MeterPlan
from firmware_sim.plant import Plant
from firmware_sim.signals import Profile, Shape

START_S = 1_772_407_800.0
LATENCY_S = 0.01


@define
class IdleClock:
    """Time that passes only by sleeping."""

    slept_s: float = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds

    def monotonic_s(self) -> float:
        return self.slept_s


def device(model: Model, *, watts: float = 30_000.0, strict: bool = False, voltage: float = 230.0) -> Device:
    """A meter of `model` on a line that runs."""
    meter = MeterPlan("m", model, "b", 1, "line", strict_holes=strict, voltage=voltage)
    line = LinePlan("line", LineKind.PRODUCTION, watts, Profile(Shape.CONTINUOUS, level=1.0), ("m",))
    plant = Plant(Layout(START_S, 1, (BusPlan("b", BusKind.TCP),), (line,), (meter,)))
    return Device(meter, plant)


Says = Callable[[int, int, int, int], bytes | int | None]
"""(unit, function, address, count) → words, an exception code, or None for silence."""


class SaysBus:
    """A bus that answers by a function; `asked` lists what was read."""

    def __init__(self, respond: Says, gap_registers_max: int = 31) -> None:
        self.url = "tcp://simulated"
        self.gap_registers_max = gap_registers_max
        self.stats = BusStats()
        self.asked: list[tuple[int, int, int, int]] = []
        self._says = respond

    def read(
        self,
        unit_id: int,
        function: int,
        address: int,
        count: int,
        *,
        timeout_s: float,
        spare_registers: int = 0,
    ) -> Answer:
        del timeout_s, spare_registers
        self.stats.requests += 1
        self.asked.append((unit_id, function, address, count))
        outcome = self._says(unit_id, function, address, count)
        if outcome is None:
            raise ReplyTimeoutError("no answer")
        if isinstance(outcome, int):
            raise ExceptionReplyError(outcome)
        return Answer(outcome, LATENCY_S)

    def close(self) -> None:
        pass


def bus_of(models: Iterable[Model], *, strict: bool = False, watts: float = 30_000.0) -> SaysBus:
    """Units 1, 2, 3, … are meters of these models."""
    devices = {i: device(model, strict=strict, watts=watts) for i, model in enumerate(models, 1)}

    def respond(unit_id: int, function: int, address: int, count: int) -> bytes | int | None:
        if unit_id not in devices:
            return None
        return devices[unit_id].answer(function, address, count, START_S + 60)

    return SaysBus(respond)
