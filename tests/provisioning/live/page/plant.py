"""A gateway with half a day behind it: its real chain on virtual time, and its real word on itself."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from agent.overview import overview
from agent.status.bus_figures import BusFigures, Counts, Latency, MeterFigures
from agent.status.socket import StatusSocket
from evidence.receipt import Receipt, sign_receipt
from tests.agent.rig import BEGIN_S, CENTRE, SITE, Rig
from wire.mqtt_events import Message

SITE_NAMED = SITE.replace('gateway = "g1"', 'gateway = "g1"\nname = "东厂区喷涂车间"').replace(
    'id = "p1"\n', 'id = "p1"\nname = "1号喷涂线 Spray booth"\n', 1
)
HOUR_S = 3600


def at_once() -> float:
    """The clock of a look that takes its time: nothing here depends on how busy the machine is."""
    return 0.0


@frozen
class Plant:
    """Where it lies, what it said last, and when."""

    site: Path
    state: Path
    status: dict[str, Any]
    now_s: float


def load(second: float) -> tuple[float, float]:
    """Production and treatment: a shift with a slow swing, treatment off for 20 minutes of it."""
    if not 1.0 * HOUR_S <= second < 9.0 * HOUR_S:
        return 400.0, 150.0
    swing = math.sin(second / 900)
    treatment = 0.0 if 4.0 * HOUR_S <= second < 4.33 * HOUR_S else 12_000 + 900 * swing
    return 32_000 + 5_000 * swing + 600 * math.sin(second / 37), treatment


def plant(folder: Path, hours: float, *, step_s: float = 15.0) -> Plant:
    """Let `hours` pass from 05:20 of the plant's morning on; the agent is killed at their end."""
    rig = Rig(folder)
    rig.connect()
    while rig.passed_s < hours * HOUR_S:
        rig.passed_s += step_s
        for meter, watts in zip(("mp", "mt"), load(rig.passed_s), strict=True):
            rig.read(meter, watts)
        rig.tick()
    last = rig.gateway.sealing.store.last()
    assert last is not None
    receipted = rig.gateway.sealing.store.row(last.number - 2)
    assert receipted is not None
    made = Receipt(
        "g1", receipted.number, receipted.hash, receipted.number, (), int((rig.ahead_s + rig.passed_s) * 1000)
    )
    rig.gateway.mqtt(Message("dj/1/g1/receipt", sign_receipt(made, CENTRE), True), rig.stamp(), rig.passed_s)
    rig.gateway.sealing.store.flush()
    rig.figures = _figures()
    status = overview(rig.parts, rig.stamp())
    rig.close()
    site = folder / "site.toml"
    site.write_text(SITE_NAMED, "utf-8")
    return Plant(site, folder / "state", status, BEGIN_S + rig.passed_s)


def _figures() -> list[BusFigures]:
    """A bus with a meter that is often late."""
    good = MeterFigures(
        Counts(requests=36_000, polls=7_200, probes=3, busy_s=900.0), Latency(20.0, 40.0, 93.4)
    )
    late = MeterFigures(
        Counts(36_400, 41, 2, 0, 17, 3, polls=7_200, busy_s=1900.0), Latency(50.0, 400.0, 1803.1)
    )
    both = Counts(72_400, 41, 2, 0, 17, 3, collisions=12, polls=14_400, busy_s=2800.0)
    meters = {"mp": good, "mt": late}
    return [
        BusFigures(
            "b1", "tcp://192.168.1.20:502", 36_000.0, 0.118, both, Latency(20.0, 300.0, 1803.1), meters
        )
    ]


@contextmanager
def answering(plant_: Plant, status: dict[str, Any] | None = None) -> Iterator[None]:
    """The agent's own socket in the state folder, answered as the agent does."""
    with answering_with(plant_.state, status or plant_.status):
        yield


@contextmanager
def answering_with(state: Path, status: dict[str, Any]) -> Iterator[None]:
    """The same for any state folder."""
    listener, end = StatusSocket(state), threading.Event()

    def serve() -> None:
        while not end.wait(0.01):
            for reader in listener.waiting():
                listener.answer(reader, status)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
        listener.close()
