"""What version 0.1.0 exported goes on being evidence: a chain, and the packs of a centre and of a gateway.

The files were made by that version, from the hour of `tests.provisioning.evidence.plant`.
"""

import json
import lzma
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from evidence import keys
from provisioning.cli import cli
from tests.agent.rig import CENTRE

FILES: Final = Path(__file__).with_name("version-0.1")
CENTRE_KEY: Final = keys.public(CENTRE).hex()
FIRST_KEY: Final = "7aa1b6c6f409a1b1136496debdfeab38754757c07df3983379e7895f9d27ac44"
SEALS: Final = 333


def verified(path: Path, *trusted: str) -> dict[str, object]:
    shown = CliRunner().invoke(cli, ["verify", *trusted, "--json", str(path)])
    assert shown.exit_code == 0, shown.output
    report: dict[str, object] = json.loads(shown.stdout)
    return report


def test_its_exported_chain_verifies(tmp_path: Path) -> None:
    chain = tmp_path / "chain.cbor"
    chain.write_bytes(lzma.decompress((FILES / "chain.cbor.xz").read_bytes()))
    assert verified(chain, "--first-key", FIRST_KEY)["seals"] == SEALS


@pytest.mark.parametrize(("name", "seals"), [("centre-pack.zip", 55), ("gateway-pack.zip", 56)])
def test_its_packs_verify(name: str, seals: int) -> None:
    assert verified(FILES / name, "--centre-key", CENTRE_KEY)["seals"] == seals


@pytest.mark.parametrize("name", ["centre-pack.zip", "gateway-pack.zip"])
def test_a_changed_bit_in_its_packs_is_still_noticed(name: str, tmp_path: Path) -> None:
    raw = bytearray((FILES / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / name).write_bytes(raw)
    shown = CliRunner().invoke(cli, ["verify", "--centre-key", CENTRE_KEY, str(tmp_path / name)])
    assert shown.exit_code == 1, shown.output
