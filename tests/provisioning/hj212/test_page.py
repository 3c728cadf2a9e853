"""The host file that docs/hj212.md shows is a good one, and its switches are those of the code."""

import re
from pathlib import Path
from typing import Final

from drivers.hj212.crc import CrcKind
from drivers.hj212.sm4 import CipherForm
from wire.hj212.terms import Ack
from wire.platforms.hosts import read_hosts

PAGE: Final = (Path(__file__).parents[3] / "docs" / "hj212.md").read_text("utf-8")


def test_the_host_file_of_the_page_is_a_good_one(tmp_path: Path) -> None:
    blocks = re.findall(r"```text hosts.toml[^\n]*\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "hosts.toml"
    path.write_text("".join(blocks))
    (host,) = read_hosts(path)
    assert [one.code for one in host.codes.codes if one.points == ("active_power",)] == [
        "d{role}05{facility}"
    ]


def test_every_switch_is_named() -> None:
    for switch in (CrcKind, CipherForm, Ack):
        for one in switch:
            assert f"`{one.value}`" in PAGE
