"""Evidence of a site with an analyser, which feeds no line: it is in it, and the finding is as without."""

import json
import struct
from pathlib import Path

import pytest

from drivers.reading import Block, PollGroup, Reading
from evidence.pack import container
from evidence.pack.content import PAGE_NAME
from provisioning.evidence.check import NAMES
from tests.agent import rig
from tests.agent.rig import SITE, Rig
from tests.agent.site.test_setups import CEMS, OWN
from tests.provisioning.evidence import plant
from tests.provisioning.evidence.test_evidence import evidence, told

READ = Rig.read


def read_all(life: Rig, meter: str, watts: float | None) -> None:
    """The meter, and behind the last one the analyser."""
    READ(life, meter, watts)
    if meter == "mt":
        model = life.parts.judging.feed.setups["cems"].model
        words = struct.pack(">ff", 300.0 if watts == 0 else 10.0, 7.25)
        life.gateway.reading(
            Reading("cems", PollGroup.FAST, life.stamp(), model.hash, (Block(4, 0x10, words),))
        )


def test_an_analyser_is_in_the_evidence_and_changes_nothing_of_the_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "first/models").mkdir(parents=True)
    (tmp_path / "first/models/our-cems.toml").write_text(OWN, "utf-8")
    monkeypatch.setattr(rig, "SITE", SITE + CEMS)
    monkeypatch.setattr(plant, "SITE", SITE + CEMS)
    monkeypatch.setattr(Rig, "read", read_all)
    place = plant.plant(tmp_path)
    out = tmp_path / "pack.zip"
    result = evidence(*place.centre, "--episode", "k1-off", "--json", "--out", str(out))
    assert result.exit_code == 0, result.stderr
    found = told(result)
    assert found["ok"], json.dumps(found)
    assert [(episode["rule"], episode["state"]) for episode in found["episodes"]] == [("off", "cleared")]
    page = container.read(out.read_bytes(), NAMES).entries[PAGE_NAME].decode()
    assert "computed anew from the readings of this pack alone: the same finding" in page
    assert "models/our-cems.toml" in page
    row = page[page.index("</span>cems") :].partition("</tr>")[0]
    assert "</span>–</td>" in row.partition("models/our-cems.toml")[0]
