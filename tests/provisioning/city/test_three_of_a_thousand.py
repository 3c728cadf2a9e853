"""An operator finds the three sick of a thousand gateways at the first glance, out of a whole store.

A silent meter, a full disk and a clock that is not in step: nothing of it is urgent, so no alarm leads there.
"""

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from centre.core import Centre, Incoming
from centre.fleet.watcher import Watcher
from centre.store.sqlite import SqliteStore
from drivers.clock import ClockState, Stamp
from evidence.record import Kind, encode_record
from provisioning.city.source import Source, WatchedFile, read_papers, read_sites
from provisioning.cli import cli
from tests.evidence.chains import Chain, secret, stamp
from wire import messages as wire
from wire.messages import Topics

SICK: dict[str, tuple[dict[str, Any], str]] = {
    "plant-0137": ({"silent": ["m3"]}, "1 meters do not answer: m3"),
    "plant-0512": ({"used": 0.97}, "its own store is 97 % full"),
    "plant-0871": ({}, "its clock is not in step"),
}
pytestmark = pytest.mark.minutes
NOW_MS = stamp(20).utc_ns // 1_000_000
"""After the seals, which are ten seconds after the first noon."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("city")
    names = [f"plant-{number:04d}" for number in range(1_000)]
    chains = {name: Chain(name) for name in names}
    with closing(SqliteStore(folder / "centre.db")) as store:
        for name, chain in chains.items():
            store.enrol(name, chain.enrolled().first_key)
        Centre(store, secret(0, "centre")).handle(
            [first_seal(name, one) for name, one in chains.items()], NOW_MS
        )
    (folder / "register").write_text("")
    return folder


def first_seal(name: str, chain: Chain) -> Incoming:
    body = {"silent": [], "used": 0.3, "backlog": 1, "judging": True, **SICK.get(name, ({}, ""))[0]}
    state = ClockState.UNSYNCHRONISED if name == "plant-0871" else ClockState.SYNCHRONISED
    at = stamp()
    record = encode_record(Kind.HEARTBEAT, Stamp(at.utc_ns, at.boottime_ns, at.boot_id, state), body)
    seal = chain.seal([record], clock_state=state)
    assert seal.body is not None
    return Incoming(Topics(name).seal, wire.encode_seal(seal.cose, seal.body))


def test_the_list_has_them_in_its_first_lines_with_the_reason(folder: Path) -> None:
    call = ["centre", "fleet", "--store", str(folder / "centre.db"), "--register", str(folder / "register")]
    ran = CliRunner().invoke(cli, call)
    assert ran.exit_code == 0, ran.output
    lines = ran.stdout.splitlines()
    assert len(lines) == 1_001
    for line, (name, (_, why)) in zip(lines[:3], SICK.items(), strict=True):
        assert name in line
        assert why in line
    assert all("nothing to do" in line for line in lines[3:-1])
    assert lines[-1].startswith("1000 gateways: 0 act, 3 look, 997 well")


def test_the_page_has_them_in_its_first_cards_with_the_reason(folder: Path) -> None:
    none = WatchedFile(None, read_papers)
    source = Source(
        Watcher(folder / "centre.db"),
        WatchedFile(folder / "register", read_sites),
        *[none] * 3,
        now_s=lambda: NOW_MS / 1_000,
    )
    while source.look():
        pass
    page = source.build(chinese=False).decode()
    assert "3 to be looked at" in page
    cards = re.findall(r"<article.*?</article>", page, re.DOTALL)
    assert len(cards) == 3
    for card, (name, (_, why)) in zip(cards, SICK.items(), strict=True):
        assert name in card
        assert why in card
    assert page.index(cards[-1]) < page.index("<table") / 2, "no scrolling past a map of the well"
