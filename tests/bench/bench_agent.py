"""The daemon as a whole: time to the first publish, memory and CPU with twenty meters.

Real processes on loopback: simulator (TCP), embedded broker, subscriber, agent. The time to the first
publish runs from the start of the process to the arrival of seal 1 at another client of the broker.
"""

import queue
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

import psutil

from drivers.clock import SystemClock
from tests.e2e.plant import SmallPlant, small_plant
from wire.mqtt_events import Message, MqttEvent
from wire.mqtt_settings import MqttSettings
from wire.publisher import Publisher

STARTS: Final = 7
METERS: Final = 20
RUN_S: Final = 20.0
ARRIVAL_S_MAX: Final = 30.0


def first_publish_s(plant: SmallPlant) -> float:
    """Seconds from the start of the agent to its first message at an observer."""
    events: queue.Queue[MqttEvent] = queue.Queue()
    settings = MqttSettings(
        "127.0.0.1", plant.port, "observer", subscriptions=("dj/1/+/seal", "dj/1/+/chain")
    )
    observer = Publisher(settings, SystemClock(), events.put)
    observer.start()
    events.get(timeout=ARRIVAL_S_MAX)
    time.sleep(0.3)  # the subscription's own answer has no event
    begin_s = time.monotonic()
    plant.agent.start()
    while not isinstance(events.get(timeout=ARRIVAL_S_MAX), Message):
        pass
    passed_s = time.monotonic() - begin_s
    plant.agent.stop()
    observer.stop()
    return passed_s


def main() -> None:
    """Print the figures."""
    starts = []
    for _ in range(STARTS):
        with tempfile.TemporaryDirectory() as folder, small_plant(Path(folder)) as plant:
            starts.append(first_publish_s(plant))
    low, mid, high = min(starts), statistics.median(starts), max(starts)
    print(
        f"first publish after start, {STARTS} runs: {low:.2f} / {mid:.2f} / {high:.2f} s (min / median / max)"
    )
    with tempfile.TemporaryDirectory() as folder, small_plant(Path(folder), METERS, 1.0, 10.0) as plant:
        plant.subscriber.start()
        plant.subscriber.first_line()
        plant.agent.start()
        plant.until_verified(1)
        process = psutil.Process(plant.agent.pid)
        before, begin_s = process.cpu_times(), time.monotonic()
        time.sleep(RUN_S)
        after, passed_s = process.cpu_times(), time.monotonic() - begin_s
        cpu_s = after.user + after.system - before.user - before.system
        resident = process.memory_info().rss / 2**20
    print(f"{METERS} meters, one reading a second each: {resident:.1f} MiB resident")
    each_ms = 1000 * cpu_s / (METERS * passed_s)
    print(f"CPU: {cpu_s / passed_s:.1%} of one core, {each_ms:.2f} ms a reading of 12 values")


if __name__ == "__main__":
    main()
