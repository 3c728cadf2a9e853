"""Packets of a data logger that encrypts: the centre has their values where it has the key alone."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from centre.consumer import Consumer, Wanted
from centre.hj212.source import Source
from drivers.clock import NS_PER_S
from drivers.hj212.encoding import encode
from drivers.hj212.times import write_time
from drivers.points.model import load
from drivers.reading import Block, PollGroup, Quality, Reading
from evidence.record import MODEL_ID_BYTES, Kind, encode_reading, encode_record
from provisioning.cli import cli
from provisioning.hj212.send import _read_keys
from tests.centre.hj212.plant import MN, PW
from tests.centre.test_core import opened, whole
from tests.centre.test_feed import NOW_MS, fresh
from tests.drivers.hj212.packets import KEY
from tests.drivers.hj212.test_receiver import of_region
from tests.evidence.chains import Chain, stamp
from wire.platforms.credentials import Credentials, write_credentials
from wire.platforms.hosts import read_hosts
from wire.platforms.queue import Queue

AIR: Final = load("hj212-air")


def fill(folder: Path, count: int) -> None:
    """A store with so many encrypted packets, one a minute in a seal each."""
    fresh(folder)
    store, centre = opened(folder / "centre.db")
    meter = {"model": AIR.hash[:MODEL_ID_BYTES], "line": None, "ct_ratio": 1.0, "pt_ratio": 1.0}
    manifest = [
        encode_record(Kind.MANIFEST, stamp(), {"site": "…", "meters": {"cems": meter}}),
        encode_record(Kind.MANIFEST, stamp(), {"models": {AIR.hash[:8].hex(): AIR.table()}}),
    ]
    chain = Chain()
    with closing(store):
        centre.handle([whole(chain.seal(manifest))], NOW_MS)
        for minute in range(count):
            at = stamp(60.0 * minute)
            time = write_time(at.utc_ns // (NS_PER_S // 1000))
            region = f"DataTime={time};a21026-Rtd={30 + minute}.5,a21026-Flag=N"
            raw = encode(of_region(region, f"{time}000"), key=KEY)
            block = (Block(212, 2011, raw),)
            reading = Reading("cems", PollGroup.FAST, at, AIR.hash, block, Quality.GOOD, "")
            centre.handle([whole(chain.seal([encode_reading(reading)]))], NOW_MS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fill(tmp_path, 4)
    write_credentials(tmp_path / "cems.secret", Credentials(PW, (KEY,)))
    return tmp_path


def consume(folder: Path, *more: str) -> Any:
    return CliRunner().invoke(
        cli, ["consume", "--store", str(folder / "centre.db"), "--type", "reading", *more, "--lang", "en"]
    )


def test_lines_have_the_values_only_with_the_key(folder: Path) -> None:
    assert [json.loads(line)["values"] for line in consume(folder).stdout.splitlines()] == [{}] * 4
    key = f"gw-7/cems={folder / 'cems.secret'}"
    opened_ = consume(folder, "--logger-key", key)
    assert [json.loads(line)["values"]["so2"] for line in opened_.stdout.splitlines()] == [
        30.5,
        31.5,
        32.5,
        33.5,
    ]
    assert KEY.hex() not in opened_.output


@pytest.mark.parametrize(
    ("given", "said"), [("gw-7=x", "is GATEWAY/METER=FILE, not gw-7=x"), ("gw-7/cems=none", "cannot be read")]
)
def test_a_key_that_cannot_be_used_is_one_line(given: str, said: str, folder: Path) -> None:
    ended = consume(folder, "--logger-key", given)
    assert ended.exit_code == 2
    assert said in ended.output
    assert len(ended.output.splitlines()) == 1


def test_they_go_on_to_a_platform_that_is_served_with_the_key(folder: Path) -> None:
    (folder / "hosts.toml").write_text(
        f"""[[host]]\nname = "h0"\naddress = "127.0.0.1:1"\ncredentials = "h0.secret"\nsend = ["real"]
[[host.station]]\ngateway = "gw-7"\nmn = "{MN}"
[[host.station.meter]]\nid = "cems"\ncredentials = "cems.secret"\n"""
    )
    hosts = read_hosts(folder / "hosts.toml")
    consumer = Consumer(
        folder / "centre.db", Wanted(types=frozenset({"reading", "seal", "body"})), _read_keys(hosts)
    )
    with closing(Queue.open(folder / "queue.db", consumer.store, 0)) as queue:
        source = Source(consumer, queue, hosts)
        while source.turn(stamp(600.0).utc_ns // 1_000_000):
            pass
        regions = [row[0] for row in queue._database.read("SELECT region FROM packets ORDER BY data_time")]
    assert [one.partition(";")[2] for one in regions] == [
        f"a21026-Rtd={30 + minute}.50,a21026-Flag=N" for minute in range(2)
    ]
