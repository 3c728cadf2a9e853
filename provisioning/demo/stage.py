"""Sets the demo's stage in a folder: keys, register, commissioned site file, and the parts to run.

Commissioning runs on the 72 hours before the shift, made by the same plant and learned by the same
code as on site. Nothing here listens beyond loopback.
"""

from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

import numpy as np
from attrs import frozen

from agent.detect.learning.commission import commission
from agent.detect.params import LinkageParams
from agent.sealing.opening import open_chain
from agent.site.file import Site, load_site
from centre.register import enrolment_line
from disk.files import replace_file
from drivers.clock import NS_PER_S, ScaledClock
from evidence.keys import create_key_file, public
from firmware_sim.plant import Plant, load_plant
from provisioning.demo.broker import Broker, free_port, start_embedded, start_mosquitto
from provisioning.demo.parts import Part, PartError
from provisioning.learning.learned import with_parameters, with_values

CENTRE_NAME: Final = "centre.db"
COMMISSIONING_S: Final = 72 * 3600
STEP_S: Final = 10
BROKERS: Final = {"embedded": start_embedded, "mosquitto": start_mosquitto}


@frozen
class Stage:
    """Everything that stands before the shift begins.

    Attributes:
        folder: Where all of it is.
        plant: The simulated plant.
        clock: Its time.
        site: The gateway's site file, as loaded.
        simulator: Runs already.
        subscriber, agent: Are ready to start.
        start_broker: Starts the broker, again and again on the same port.
    """

    folder: Path
    plant: Plant
    clock: ScaledClock
    site: Site
    simulator: Part
    subscriber: Part
    agent: Part
    start_broker: Callable[[], Broker]


def commissioned(plant: Plant, site: Site) -> tuple[LinkageParams, ...]:
    """What 72 hours of the plant's past teach, for each linkage.

    Raises:
        PartError: It is not enough.
    """
    rated: dict[str, float] = {line.id: float(line.rated_w) for line in site.line}
    learned = []
    for linkage in site.linkage:
        lines = (*linkage.production, *linkage.treatment)
        begin_s = plant.start_s - COMMISSIONING_S
        times = np.arange(begin_s, plant.start_s, STEP_S, dtype=np.float64)
        series = {line: (times, plant.history(line, begin_s, plant.start_s, STEP_S)) for line in lines}
        result = commission(
            linkage.id,
            {line: series[line] for line in linkage.production},
            {line: series[line] for line in linkage.treatment},
            rated,
            utc_offset=site.site.utc_offset,
        )
        if not result.ready:
            raise PartError(f"commissioning of {linkage.id}: {'; '.join(one.en for one in result.findings)}")
        learned.append(result.params)
    return tuple(learned)


def set_stage(folder: Path, plant_name: str, speed: float, broker: str) -> Stage:
    """Make everything, start the simulator, write the site file.

    Raises:
        PartError: A part did not start.
    """
    with as_file(files("firmware_sim.plants").joinpath(plant_name)) as plant_file:
        plant_text = plant_file.read_text("utf-8")
    replace_file(folder / "plant.toml", plant_text.encode())
    plant = load_plant(folder / "plant.toml")
    site_file = folder / "site.toml"
    text = files("provisioning.demo").joinpath("site.toml").read_text("utf-8")
    replace_file(site_file, text.encode())
    learned = commissioned(plant, load_site(site_file))

    clock = ScaledClock(speed, int(plant.start_s * NS_PER_S))
    simulate = ["firmware_sim.main", "serve", str(folder / "plant.toml"), "--clock", clock.spec()]
    simulator = Part("simulator", simulate, folder)
    simulator.start()
    port, secret = free_port(), create_key_file(folder / "centre.key")
    url = f"mqtt://127.0.0.1:{port}"
    text = with_values(text, "broker", {"url": url, "centre_key": public(secret).hex()})
    for bus, address in simulator.first_line()["buses"].items():
        text = with_values(text, "bus", {"url": address}, of=bus)
    replace_file(site_file, with_parameters(text, learned).encode())
    subscribe = ["provisioning.cli", "subscribe", "--broker", url, "--sim-clock", clock.spec()]
    subscribe += ["--register", str(folder / "gateways.jsonl"), "--key", str(folder / "centre.key")]
    return Stage(
        folder=folder,
        plant=plant,
        clock=clock,
        site=load_site(site_file),
        simulator=simulator,
        subscriber=Part("subscriber", [*subscribe, "--store", str(folder / CENTRE_NAME)], folder),
        agent=Part(
            "agent", ["agent.main", "run", "--config", str(site_file), "--sim-clock", clock.spec()], folder
        ),
        start_broker=lambda: BROKERS[broker](port, folder / "broker"),
    )


def enrol(stage: Stage) -> bytes:
    """Make the gateway's keys and put it into the centre's register; its first key."""
    _, store, _, recovery = open_chain(stage.site)
    store.close()
    entry = enrolment_line(stage.site.site.gateway, recovery.next_key)
    replace_file(stage.folder / "gateways.jsonl", entry.encode())
    return recovery.next_key
