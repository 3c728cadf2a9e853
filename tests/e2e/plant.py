"""A small plant of real processes on loopback: simulator, broker, subscriber, agent.

The agent runs in real time with short intervals, so that much happens in a second.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from attrs import define, field

from agent.sealing.opening import open_chain
from agent.site.file import Site, load_site
from agent.store.gateway import read_seals
from centre.register import enrolment_line
from centre.store.place import Place, open_store, parse_place
from evidence.keys import create_key_file, public
from evidence.pack.export import ExportedSeal, Report, verify_file, write_chain
from evidence.seal import seal_hash
from provisioning.demo.broker import Broker, find_free_port, start_embedded, start_mosquitto
from provisioning.demo.judge import Verified
from provisioning.demo.parts import Part
from tests.wire.certificates import Authority
from tests.wire.mosquitto import start_with

WAIT_S: Final = 120.0
"""A loaded machine; what is waited for takes about a second."""
LOOK_S: Final = 0.02

PLANT = """
[plant]
start = 2026-03-02T07:30:00+08:00
seed = 7
[[bus]]
id = "b1"
kind = "tcp"
[[line]]
id = "p1"
kind = "production"
rated_w = 60000
profile = {{ shape = "continuous", level = 0.7 }}
[[line]]
id = "t1"
kind = "treatment"
rated_w = 22000
profile = {{ shape = "continuous", level = 0.8 }}
{meters}
"""
METER = """
[[meter]]
id = "m{n}"
model = "eastron-sdm630"
bus = "b1"
unit_id = {n}
line = "{line}"
share = {share}
"""
SITE = """
[site]
gateway = "e2e-1"
[store]
path = "state"
[seal]
interval_s = {interval_s}
heartbeat_s = 1
[broker]
{broker}
centre_key = "{centre_key}"
[[bus]]
id = "b1"
url = "{bus}"
[[line]]
id = "p1"
kind = "production"
rated_w = 60000
[[line]]
id = "t1"
kind = "treatment"
rated_w = 22000
[[linkage]]
id = "k1"
production = ["p1"]
treatment = ["t1"]
"""
SITE_METER = """
[[meter]]
id = "m{n}"
bus = "b1"
unit_id = {n}
model = "eastron-sdm630"
line = "{line}"
fast_s = {fast_s}
"""


@define
class SmallPlant:
    """The processes and what they leave behind."""

    folder: Path
    simulator: Part
    subscriber: Part
    agent: Part
    site: Site
    first_key: bytes
    port: int
    verified: Verified
    store: Place
    broker: Broker | None = field(default=None)
    authority: Authority | None = field(default=None)
    options: tuple[str, ...] = ()

    def start_broker(self) -> None:
        """The embedded one, or mosquitto where there are certificates or options for it."""
        if self.options:
            self.broker = start_with(self.port, self.folder / "broker", *self.options)
        elif self.authority is None:
            self.broker = start_embedded(self.port, self.folder / "broker")
        else:
            self.broker = start_mosquitto(self.port, self.folder / "broker", self.authority.server())

    def acknowledged(self) -> dict[int, bytes]:
        """What stands in the agent's database now."""
        database = self.folder / "state/chain.db"
        return {seal.number: seal.hash for seal in read_seals(database)} if database.exists() else {}

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for something to become true."""
        deadline = time.monotonic() + WAIT_S
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {WAIT_S:g} s: {what}; see {self.folder}")
            time.sleep(LOOK_S)

    def until_verified(self, number: int) -> None:
        """Wait until a seal was verified at the subscriber."""

        def holds() -> bool:
            self.subscriber.must_live()
            self.verified.read()
            return self.verified.seal >= number

        self.until(holds, f"seal {number} verified")

    def centre(self) -> tuple[dict[int, bytes], list[int], Report]:
        """The centre's chain, its forks, and the check from the first key; the subscriber has ended."""
        store = open_store(self.store)
        try:
            rows = list(store.chain("e2e-1"))
            forks = [number for number, _, _ in store.forks("e2e-1")]
        finally:
            store.close()
        export = self.folder / "chain.cbor"
        with export.open("wb") as stream:
            write_chain(stream, "e2e-1", (ExportedSeal(cose, body) for _, cose, body, _ in rows))
        hashes = {number: seal_hash(cose) for number, cose, _, _ in rows}
        return hashes, forks, verify_file(export, self.first_key)


@contextlib.contextmanager
def small_plant(
    folder: Path,
    meters: int = 2,
    fast_s: float = 0.5,
    interval_s: float = 0.5,
    authority: Authority | None = None,
    options: tuple[str, ...] = (),
    orders: Path | None = None,
    store: str = "",
) -> Iterator[SmallPlant]:
    """Everything set up; simulator and broker run. With an authority all of MQTT goes through TLS.

    `orders` is the ledger of orders, which may be begun later; `store` another store than a file.
    """
    lines = {n: "p1" if n % 2 else "t1" for n in range(1, meters + 1)}
    share = 1 / (meters // 2)
    plant = PLANT.format(
        meters="".join(METER.format(n=n, line=line, share=share) for n, line in lines.items())
    )
    (folder / "plant.toml").write_text(plant, "utf-8")
    simulator = Part("simulator", ["firmware_sim.main", "serve", str(folder / "plant.toml")], folder)
    simulator.start()
    port, secret = find_free_port(), create_key_file(folder / "centre.key")
    scheme = "mqtt" if authority is None else "mqtts"
    broker, subscribe_tls = f'url = "{scheme}://127.0.0.1:{port}"', list[str]()
    if authority is not None:
        own, centre = authority.client("e2e-1"), authority.client("centre")
        broker += f'\nca = "{own.ca}"\ncertificate = "{own.certificate}"\nkey = "{own.key}"'
        subscribe_tls = ["--ca", str(centre.ca), "--certificate", str(centre.certificate)]
        subscribe_tls += ["--certificate-key", str(centre.key)]
    text = SITE.format(
        broker=broker,
        centre_key=public(secret).hex(),
        bus=simulator.first_line()["buses"]["b1"],
        interval_s=interval_s,
    )
    text += "".join(SITE_METER.format(n=n, line=line, fast_s=fast_s) for n, line in lines.items())
    (folder / "site.toml").write_text(text, "utf-8")
    site = load_site(folder / "site.toml")
    _, own_store, _, recovery = open_chain(site)
    own_store.close()
    (folder / "gateways.jsonl").write_text(enrolment_line("e2e-1", recovery.next_key), "utf-8")
    subscribe = ["provisioning.cli", "subscribe", "--broker", f"{scheme}://127.0.0.1:{port}", *subscribe_tls]
    for option, name in (("register", "gateways.jsonl"), ("key", "centre.key")):
        subscribe += [f"--{option}", str(folder / name)]
    place = parse_place(store or str(folder / "centre.db"))
    subscribe += ["--store", str(place)]
    subscribe += ["--orders", str(orders)] if orders is not None else []
    subscriber = Part("subscriber", subscribe, folder)
    plant_ = SmallPlant(
        folder=folder,
        simulator=simulator,
        subscriber=subscriber,
        agent=Part("agent", ["agent.main", "run", "--config", str(folder / "site.toml")], folder),
        site=site,
        first_key=recovery.next_key,
        port=port,
        verified=Verified(subscriber.output),
        store=place,
        authority=authority,
        options=options,
    )
    try:
        plant_.start_broker()
        yield plant_
    finally:
        plant_.agent.stop()
        plant_.subscriber.stop()
        if plant_.broker is not None:
            plant_.broker.kill()
        simulator.stop()
