"""A site of counterparts with the real agent on it: a process of its own, read through what it stored.

    with running(tmp_path, {"g1": Place(TcpPort(bus), [Wanted("a", 1)])}) as site:
        site.until(lambda: len(site.good("a")) > 3, "readings of a")
        assert site.wrong() == []

No broker is there: the agent seals and stores. A reading's registers are checked as they are in its record,
by the counterparts' own maps, so nothing of the drivers says what is right.
"""

import contextlib
import json
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from agent.sealing.opening import open_chain
from agent.site.file import load_site
from agent.store.gateway import read_seals
from evidence.keys import create_key_file, public
from evidence.record import ReadingRecord, Record, decode_record
from evidence.seal import open_body, peek_header
from provisioning.demo.broker import find_free_port
from provisioning.demo.parts import Part
from tests.counterparts.ports import PtyPort, TcpPort, serve
from tests.counterparts.registers import DTSU666, PM5XXX, SDM120, SDM630, UMG96RM, FloatMap, is_right

WAIT_S: Final = 180.0
"""A busy machine; the agent is there within two seconds on a quiet one."""
LOOK_S: Final = 0.25
WINDOWS_MAX: Final = 3
"""Windows in which rates are looked at: a busy machine spoils one, a fault of the product each of them."""
MAPS: Final[Mapping[str, FloatMap]] = {
    "eastron-sdm630": SDM630,
    "eastron-sdm120": SDM120,
    "chint-dtsu666": DTSU666,
    "janitza-umg96rm": UMG96RM,
    "schneider-pm5xxx": PM5XXX,
}
HEAD: Final = """
[site]
gateway = "field-1"
[store]
path = "state"
[seal]
interval_s = 1.0
heartbeat_s = 10
[broker]
url = "mqtt://127.0.0.1:{port}"
centre_key = "{key}"
[[line]]
id = "p1"
kind = "production"
rated_w = 60000
[[line]]
id = "t1"
kind = "treatment"
rated_w = 60000
[[linkage]]
id = "k1"
production = ["p1"]
treatment = ["t1"]
"""


@frozen
class Wanted:
    """A meter of the site file: `unit` of a Modbus bus or `address` of a DL/T 645 one."""

    id: str
    unit: int | None = None
    model: str = "eastron-sdm630"
    address: str = ""
    fast_s: float = 2.0
    slow_s: float = 10.0

    def text(self, bus: str, line: str) -> str:
        """Its section."""
        called = f'address = "{self.address}"' if self.unit is None else f"unit_id = {self.unit}"
        return (
            f'[[meter]]\nid = "{self.id}"\nbus = "{bus}"\n{called}\nmodel = "{self.model}"\nline = "{line}"\n'
            f"fast_s = {self.fast_s}\nslow_s = {self.slow_s}\n"
        )


@frozen
class Place:
    """A bus of the site file: where it is, who is wanted there, and further keys."""

    port: TcpPort | PtyPort
    meters: Sequence[Wanted]
    keys: str = ""


@define
class Site:
    """The running agent and what it stored."""

    folder: Path
    places: Mapping[str, Place]
    agent: Part
    _records: list[Record | ReadingRecord] = field(factory=list, init=False)
    _sealed: int = field(default=0, init=False)

    def records(self) -> list[Record | ReadingRecord]:
        """Everything that is sealed by now."""
        self.agent.must_live()
        rows = list(read_seals(self.folder / "state/chain.db"))
        for row in rows[self._sealed :]:
            if row.body is not None:
                self._records += [decode_record(raw) for raw in open_body(peek_header(row.cose), row.body)]
        self._sealed = len(rows)
        return self._records

    def readings(self, meter: str, *, group: str = "fast", since_s: float = 0.0) -> list[ReadingRecord]:
        """Those of one meter, of records after a moment (`time.time()`)."""
        return [
            one
            for one in self.records()
            if isinstance(one, ReadingRecord)
            and (one.meter, one.group) == (meter, group)
            and one.utc_ms >= 1000 * since_s
        ]

    def good(self, meter: str, *, group: str = "fast", since_s: float = 0.0) -> list[ReadingRecord]:
        """The good ones."""
        return [one for one in self.readings(meter, group=group, since_s=since_s) if one.quality == "good"]

    def wrong(self) -> list[tuple[str, int, float]]:
        """Every float of a good reading that its meter cannot have shown: meter, address, value."""
        wanted = {one.id: one for place in self.places.values() for one in place.meters}
        return [
            (one.meter, address, value)
            for one in self.records()
            if isinstance(one, ReadingRecord)
            and one.quality == "good"
            and (meter := wanted[one.meter]).model in MAPS
            for address, value in floats(one, MAPS[meter.model])
            if not is_right(MAPS[meter.model], address, meter.unit or 0, value)
        ]

    def until(self, holds: Callable[[], bool], what: str, wait_s: float = WAIT_S) -> None:
        """Wait for something to become true."""
        deadline_s = time.monotonic() + wait_s
        while not holds():
            assert time.monotonic() < deadline_s, f"not within {wait_s:g} s: {what}; see {self.folder}"
            time.sleep(LOOK_S)

    def command(self, *words: str, wait_s: float = WAIT_S) -> "subprocess.CompletedProcess[str]":
        """`dianjian …` in the site's folder."""
        return dianjian(*words, folder=self.folder, wait_s=wait_s)

    def doctor(self) -> list[dict[str, Any]]:
        """The doctor's lines."""
        found: list[dict[str, Any]] = json.loads(
            self.command("doctor", "--config", "site.toml", "--json").stdout
        )
        return found

    def status(self) -> dict[str, Any]:
        """What `status --json` says."""
        said: dict[str, Any] = json.loads(self.command("status", "--config", "site.toml", "--json").stdout)
        return said


def floats(reading: ReadingRecord, table: FloatMap) -> Iterator[tuple[int, float]]:
    """Address and value of each float that a reading holds, of those that the map knows."""
    for block in reading.blocks:
        words = block.words
        if block.function != table.function:
            continue
        for offset in range(len(words) // 2 - 1):
            address = block.address + offset
            if address in table.bases or address in table.counters:
                yield address, struct.unpack(">f", words[2 * offset : 2 * offset + 4])[0]


def holds(reading: ReadingRecord, address: int) -> bool:
    """Whether a reading has the two registers at an address."""
    return any(
        block.address <= address and address + 2 <= block.address + len(block.words) // 2
        for block in reading.blocks
    )


def dianjian(
    *words: str, folder: Path | None = None, wait_s: float = WAIT_S
) -> "subprocess.CompletedProcess[str]":
    """A command, as a technician calls it."""
    command = [sys.executable, "-P", "-m", "provisioning.cli", "--lang", "en", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=wait_s, check=False, cwd=folder)


@contextlib.contextmanager
def running(folder: Path, places: Mapping[str, Place]) -> Iterator[Site]:
    """Counterparts and agent up."""
    with serve(*[place.port for place in places.values()]):
        secret = create_key_file(folder / "centre.key")
        text = HEAD.format(port=find_free_port(), key=public(secret).hex())
        for bus, place in places.items():
            text += f'[[bus]]\nid = "{bus}"\nurl = "{place.port.url}"\n{place.keys}\n'
            text += "".join(one.text(bus, ("p1", "t1")[i % 2]) for i, one in enumerate(place.meters))
        (folder / "site.toml").write_text(text, "utf-8")
        _, store, _, _ = open_chain(load_site(folder / "site.toml"))
        store.close()
        agent = Part("agent", ["agent.main", "run", "--config", str(folder / "site.toml")], folder)
        agent.start()
        try:
            yield Site(folder, places, agent)
        finally:
            agent.stop()
