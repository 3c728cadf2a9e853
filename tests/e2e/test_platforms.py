"""HJ 212 from end to end: a data logger, the gateway's bus, seals, broker, centre, and platforms of both.

The gateway sends on its own to one platform, the centre what it has verified to another. Every process on the
way is killed once; at the end both platforms have each value that the chain has, once. Every other logger
encrypts.
"""

import json
import socket
import time
from pathlib import Path
from typing import Any, Final

import pytest

from agent.store.gateway import read_seals
from drivers.hj212.decoding import decode
from drivers.hj212.packet import FUNCTION
from evidence.record import ReadingRecord, decode_record
from evidence.seal import open_body, peek_header
from provisioning.demo.parts import Part
from tests.centre.hj212.plant import MN, PW
from tests.drivers.hj212.packets import KEY
from tests.e2e.plant import SmallPlant, small_plant
from wire.platforms.credentials import Credentials, write_credentials

pytestmark = [pytest.mark.e2e, pytest.mark.minutes]

STATION: Final = f"""
name = "{{name}}"
address = "{{address}}"
credentials = "city.secret"
real_s = 1
send = ["real"]
[[{{table}}.station]]
{{gateway}}
mn = "{MN}"
[[{{table}}.station.meter]]
id = "cems"
{{key}}
"""
LOGGER: Final = f"""
[[bus]]
id = "loggers"
url = "hj212+listen://127.0.0.1:{{port}}"
[[meter]]
id = "cems"
bus = "loggers"
model = "hj212-air"
address = "{MN}"
credentials = "cems.secret"
"""
EVERY_S: Final = 1.2
"""Apart, so that each packet has a real time interval of its own, whichever logger sends it."""
ROUND: Final = 6
"""Packets between two kills."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def lines_of(part: Part) -> list[dict[str, Any]]:
    whole, _, _ = part.output.read_text("utf-8").rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def values_at(platform: Part) -> list[tuple[str, str]]:
    """DataTime and SO2 of what a platform took; what it forgot when it was killed comes again with its QN."""
    found = set()
    for line in lines_of(platform):
        if line.get("what") == "data" and "a21026-Rtd=" in line["region"]:
            items = dict(item.split("=") for item in line["region"].replace(";", ",").split(","))
            found.add((items["DataTime"], items["a21026-Rtd"], line["qn"]))
    return [(at, so2) for at, so2, _ in sorted(found)]


def sealed_values(plant: SmallPlant) -> dict[str, str]:
    """SO2 of every packet in the chain, by its QN, in the order of the chain."""
    found: dict[str, str] = {}
    for seal in read_seals(plant.folder / "state/chain.db"):
        assert seal.body is not None
        for raw in open_body(peek_header(seal.cose), seal.body):
            record = decode_record(raw)
            for block in record.blocks if isinstance(record, ReadingRecord) else ():
                if block.function == FUNCTION:
                    packet = decode(block.words, (KEY,)).packet
                    assert packet.qn not in found
                    found[packet.qn] = packet.find("a21026-Rtd")
    return found


def test_what_a_logger_was_told_has_come_is_at_both_platforms_once_whatever_is_killed(tmp_path: Path) -> None:
    write_credentials(tmp_path / "city.secret", Credentials(PW))
    write_credentials(tmp_path / "cems.secret", Credentials(PW, (KEY,)))
    secret = str(tmp_path / "city.secret")
    platform = ["firmware_sim.main", "platform", "--credentials", secret]
    served = [
        Part(name, [*platform, "--listen", f"127.0.0.1:{port}"], tmp_path)
        for name, port in (("own", free_port()), ("city", free_port()))
    ]
    for one in served:
        one.start()
    addresses = [one.first_line()["listening"] for one in served]
    port = free_port()
    with small_plant(tmp_path) as plant:
        site, hosts = tmp_path / "site.toml", tmp_path / "hosts.toml"
        own = STATION.format(name="own", address=addresses[0], table="hj212", gateway="", key="")
        site.write_text(site.read_text("utf-8") + LOGGER.format(port=port) + f"[[hj212]]\n{own}", "utf-8")
        theirs = STATION.format(
            name="city",
            address=addresses[1],
            table="host",
            gateway='gateway = "e2e-1"',
            key='credentials = "cems.secret"',
        )
        hosts.write_text(f"[[host]]\n{theirs}", "utf-8")
        send = ["provisioning.cli", "hj212", "send", "--store", str(plant.store), "--hosts", str(hosts)]
        sender = Part("sender", [*send, "--queue", str(tmp_path / "queue.db"), "--json"], tmp_path)
        logger = ["firmware_sim.main", "logger", f"127.0.0.1:{port}", "--mn", MN]
        loggers: list[Part] = []
        plant.subscriber.start()
        plant.subscriber.first_line()
        plant.agent.start()
        sender.start()
        try:
            sender.first_line()
            time.sleep(EVERY_S)  # both send the intervals that begin after their own start
            for number, victim in enumerate((None, plant.agent, sender, plant.subscriber, *served, None)):
                plant.until(lambda: is_open(port), "the gateway listens")
                own_secret = tmp_path / ("cems.secret" if number % 2 else "city.secret")
                more = ["--every", str(EVERY_S), "--seed", str(number), "--credentials", str(own_secret)]
                one = Part(f"logger{number}", [*logger, *more], tmp_path)
                loggers.append(one)
                one.start()
                plant.until(lambda: len(answered(one)) >= ROUND, "answers of the gateway")  # noqa: B023
                if victim is not None:
                    victim.kill()
                    victim.start()
                    if victim is plant.subscriber:
                        plant.until(lambda: plant.subscriber.output.stat().st_size > 0, "the subscriber")
                one.stop()
                time.sleep(EVERY_S)  # a second value for the same second would contradict the first
            told = {qn for one in loggers for qn in answered(one)}
            plant.until(lambda: told <= sealed_values(plant).keys(), "what was answered is sealed")
            wanted = list(sealed_values(plant).values())
            for one in served:
                plant.until(lambda: [so2 for _, so2 in values_at(one)] == wanted, f"all at {one.name}")  # noqa: B023
        finally:
            sender.stop()
            for one in (*loggers, *served):
                one.stop()
    for one in served:
        times = [at for at, _ in values_at(one)]
        assert len(set(times)) == len(times)


def answered(logger: Part) -> list[str]:
    """The QN of what it was told has come."""
    if not logger.output.exists():
        return []
    return [line["qn"] for line in lines_of(logger) if line.get("cn") == "9014"]


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True
