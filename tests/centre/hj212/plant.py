"""A chain of readings as a gateway seals it, in a centre's store, and host files that send it on."""

from collections.abc import Iterable
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Final

from drivers.reading import Block, PollGroup, Quality, Reading
from evidence.record import encode_reading
from tests.centre.test_core import SDM, body_of, chain_of, manifest, opened, whole
from tests.centre.test_feed import NOW_MS, fresh
from tests.evidence.chains import Chain, stamp
from wire.platforms.credentials import Credentials, write_credentials
from wire.platforms.hosts import Host, read_hosts

MN: Final = "D7A1EC0000000000000000F1"
PW: Final = "246810"
SEAL_S: Final = 60
READ_S: Final = 20
NOON_MS: Final = 1_767_268_800_000
"""Noon UTC, 20:00 in Beijing, of 2026-01-01."""

HOST: Final = """
[[host]]
name = "{name}"
address = "{address}"
credentials = "{name}.secret"
edition = {edition}
{more}

[[host.station]]
gateway = "gw-7"
mn = "{mn}"

[[host.station.meter]]
id = "m1"
role = "treatment"
facility = 2
running_w = 500.0
condition = "p99102"
equipment = 1
"""


def reading_at(second: float, watts: float = 1200.0, quality: Quality = Quality.GOOD) -> bytes:
    """The record of a reading of three phases."""
    values = {"voltage_l1": 229.8, "voltage_l2": 230.1, "voltage_l3": 230.4, "active_power": watts}
    values |= {f"current_l{phase}": watts / 690 for phase in (1, 2, 3)}
    image = SDM.encode(values)
    addresses = sorted(address for _, address in image)
    runs = groupby(enumerate(addresses), lambda one: one[1] - one[0])
    blocks = []
    for _, run in runs:
        block = [address for _, address in run]
        blocks.append(Block(4, block[0], b"".join(image[4, address] for address in block)))
    good = quality is Quality.GOOD
    return encode_reading(
        Reading(
            meter="m1",
            group=PollGroup.FAST,
            stamp=stamp(second),
            model_hash=SDM.hash,
            blocks=tuple(blocks) if good else (),
            quality=quality,
            reason="" if good else "no answer",
        )
    )


def readings_of(begin_s: int, end_s: int) -> list[bytes]:
    return [reading_at(second) for second in range(begin_s, end_s, READ_S)]


def fill(path: Path, minutes: int, late: Iterable[int] = ()) -> None:
    """A store with so many seals of a minute each; the bodies of `late` ones come at the end."""
    fresh(path)
    store, centre = opened(path / "centre.db")
    chain, late = Chain(), set(late)
    with closing(store):
        centre.handle([whole(chain.seal(manifest()))], NOW_MS)
        after = []
        for minute in range(minutes):
            seal = chain.seal(readings_of(minute * SEAL_S, (minute + 1) * SEAL_S))
            if minute in late:
                after.append(body_of(seal))
                centre.handle([chain_of(seal)], NOW_MS)
            else:
                centre.handle([whole(seal)], NOW_MS)
        for one in after:
            centre.handle([one], NOW_MS)


def write_hosts(folder: Path, *addresses: str, edition: int = 2025, more: str = "") -> Path:
    """A host file with its credentials."""
    path = folder / "hosts.toml"
    names = [f"h{at}" for at in range(len(addresses))]
    texts = [
        HOST.format(name=name, address=address, edition=edition, more=more, mn=MN)
        for name, address in zip(names, addresses, strict=True)
    ]
    path.write_text("".join(texts))
    for name in names:
        write_credentials(folder / f"{name}.secret", Credentials(PW))
    return path


def hosts_of(folder: Path, count: int = 1, *, edition: int = 2025, more: str = "") -> tuple[Host, ...]:
    return read_hosts(write_hosts(folder, *["127.0.0.1:1"] * count, edition=edition, more=more))
